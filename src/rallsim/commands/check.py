"""`rallsim check`: what must be true of any model of costs and QALYs, tried on a scenario."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from rallsim.commands.options import (
    FAILED,
    INTERRUPTED,
    CostsOption,
    DiscountOption,
    HorizonOption,
    JsonOption,
    PerspectiveOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    VariantOption,
)

PLACE = 65  # among the commands that `--help` lists


def check(
    scenario: ScenarioArgument,
    patients: Annotated[int, typer.Option("--patients", metavar="N", help="Patients to check with.")] = 1000,
    seed: SeedOption = None,
    settings: SetOption = None,
    variant: VariantOption = None,
    costs: CostsOption = None,
    perspective: PerspectiveOption = None,
    discount: DiscountOption = None,
    horizon: HorizonOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the black-box checks of TECH-VER on a scenario: pass or fail, with the figures compared.

    Utilities of 1 make QALYs life years, a rate of 0 makes discounted undiscounted, prices of 0 make no costs, a
    strategy against itself gains exactly nothing, certain death leaves no time, dearer prices make dearer costs and
    ICERs follow, categories and lines sum to totals, patients in are patients out. Exit code 1 when one fails.

    Example: rallsim check bridging_before_car_t --patients 500
    """
    from rallsim.commands.shared import announce_compiling, economic_options, economics_wanted, load_checked, status_of
    from rallsim.report.checks import print_checks
    from rallsim.validation.blackbox import check_scenario_as_a_whole

    options = economic_options(costs, perspective, discount, horizon=horizon)
    loaded, parameters = load_checked(scenario, patients, seed, settings, variant, options)
    economics = economics_wanted(loaded, parameters)
    announce_compiling("simulation.batch")
    try:
        with status_of(quiet=as_json) as told:
            found = check_scenario_as_a_whole(loaded, parameters, economics, told=told)
    except KeyboardInterrupt:
        print("rallsim: interrupted", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    failed = [one for one in found if not one.passed]
    if as_json:
        document = {
            "scenario": loaded.id,
            "patients": loaded.patients,
            "seed": loaded.seed,
            "passed": not failed,
            "checks": [one.as_data() for one in found],
        }
        print(json.dumps(document, indent=2, allow_nan=False))
    else:
        print_checks(loaded, found)
    if failed:
        raise typer.Exit(FAILED)
