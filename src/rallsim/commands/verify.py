"""`rallsim verify`: both engines write the same histories."""

from __future__ import annotations

from typing import Annotated

import typer

from rallsim.commands.options import FAILED, ScenarioArgument, SeedOption, SetOption, VariantOption
from rallsim.simulation.engines import ENGINES

PLACE = 60  # among the commands that `--help` lists


def verify(
    scenario: ScenarioArgument,
    patients: Annotated[int, typer.Option("--patients", metavar="N", help="Patients to compare.")] = 2000,
    seed: SeedOption = None,
    settings: SetOption = None,
    variant: VariantOption = None,
) -> None:
    """Check that both engines write the same histories of a scenario, row for row and to the last bit.

    Exit code 1, and the first row that differs, when they part.
    """
    from rallsim.commands.shared import announce_compiling, load_checked
    from rallsim.simulation.simulate import first_difference, simulate

    loaded, parameters = load_checked(scenario, patients, seed, settings, variant)
    for engine in ENGINES:
        announce_compiling(f"simulation.{engine}")
    reference, *others = [simulate(loaded, parameters, engine=engine) for engine in ENGINES]
    rows = sum(len(history.events) for history in reference.histories.values())
    for engine, other in zip(ENGINES[1:], others, strict=True):
        difference = first_difference(reference, other)
        if difference:
            print(f"{ENGINES[0]} and {engine} part: {difference}")
            raise typer.Exit(FAILED)
    print(
        f"{loaded.id}: {' and '.join(ENGINES)} wrote the same {rows:,} rows, {patients:,} patients, seed {loaded.seed}."
    )
