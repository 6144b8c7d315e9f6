"""`rallsim budget`: what a health service pays and does in each of the next years."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rallsim.commands.options import (
    DEFAULT_ENGINE,
    CostsOption,
    EngineOption,
    HorizonOption,
    JsonOption,
    PatientsOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    VariantOption,
)
from rallsim.errors import InputError, Problem

if TYPE_CHECKING:
    from rallsim.economics.tables.budget_plan import BudgetPlan
    from rallsim.inputs.scenario import Scenario

PLACE = 15  # among the commands that `--help` lists


def budget(
    scenario: ScenarioArgument,
    incidence: Annotated[
        float | None,
        typer.Option(metavar="N", help="Patients who enter a year; else the scenario's economics.incidence."),
    ] = None,
    years: Annotated[int | None, typer.Option(metavar="N", help="Years, 1 to 5; 5 when not given.")] = None,
    uptake: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID=SHARE,SHARE",
            help="Share of entrants under a strategy in year 1, 2 ...; the reference has the rest. Repeatable.",
        ),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML file with incidence, years and uptake by world.")
    ] = None,
    patients: PatientsOption = None,
    seed: SeedOption = None,
    settings: SetOption = None,
    variant: VariantOption = None,
    costs: CostsOption = None,
    horizon: HorizonOption = None,
    engine: EngineOption = DEFAULT_ENGINE,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Results go here instead of results/budget/<scenario>/.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Budget impact: costs by category, life years and activity of each year, with a new strategy and without.

    Undiscounted. Patients enter evenly over the year and are followed from then on. Two worlds are compared: all on the
    scenario's reference, and --uptake of other strategies; or the worlds of a --plan. Saved are budget.csv,
    costs.csv (with Monte Carlo errors), budget.png and manifest.json.

    Example: rallsim budget first_salvage --incidence 150 --years 3 --uptake inotuzumab=0.2,0.4,0.6
    """
    from rallsim.commands.shared import (
        economic_options,
        economics_wanted,
        load_checked,
        simulated,
    )
    from rallsim.economics.tables.budget import budget_errors, budget_impact, monthly_profile
    from rallsim.economics.tables.economic_results import value_histories
    from rallsim.output.folder import check_folder, save_folder, write_tables
    from rallsim.output.manifest import manifest
    from rallsim.report.budget import plot_budget, print_budget
    from rallsim.report.terminal import records

    options = economic_options(costs, horizon=horizon)
    loaded, parameters = load_checked(scenario, patients, seed, settings, variant, options)
    economics = economics_wanted(loaded, parameters)
    wanted = _plan(loaded, incidence, years, uptake or [], plan)
    folder = out or Path("results") / "budget" / loaded.id
    check_folder(folder)
    simulation = simulated(loaded, parameters, engine, quiet=as_json, for_life=True)
    results = value_histories(loaded, parameters, simulation.histories, economics)
    profiles = {name: monthly_profile(one) for name, one in results.valuations.items()}
    impact = budget_impact(profiles, wanted.patients, wanted.uptake)
    errors = budget_errors(results.valuations, wanted.patients, wanted.uptake)
    content: dict[str, Any] = {
        **manifest(simulation, settings or [], economics),
        "analysis": "budget",
        "budget": {"patients": list(wanted.patients), "uptake": wanted.uptake},
    }

    def write(temporary: Path) -> None:
        write_tables({"budget": impact, "costs": errors}, temporary)
        figure = plot_budget(impact, economics).figure.get_figure(root=True)
        assert figure is not None
        figure.savefig(temporary / "budget.png")

    saved = save_folder(folder, content, write)
    if as_json:
        document = {
            "scenario": loaded.id,
            "folder": str(saved.folder),
            "economics": economics.as_data(),
            "plan": content["budget"],
            "budget": records(impact),
            "costs": records(errors),
        }
        print(json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False))
        return
    print_budget(loaded, economics, wanted, impact, errors)
    if saved.moved:
        print(f"Earlier results with other inputs were moved to {saved.moved}/")
    print(f"Saved in {saved.folder}/: " + ", ".join(sorted(path.name for path in saved.folder.iterdir())))


def _plan(
    scenario: Scenario, incidence: float | None, years: int | None, uptake: list[str], plan: Path | None
) -> BudgetPlan:
    """Read the plan from its file or from options, one or the other; its years must lie within the horizon."""
    from rallsim.economics.tables.budget_plan import plan_of_file, plan_of_options

    options = {"--incidence": incidence, "--years": years, "--uptake": uptake or None}
    if plan is not None:
        given = [name for name, value in options.items() if value is not None]
        if given:
            raise InputError(Problem("cannot be given with a plan, which has it", key=", ".join(given), file=str(plan)))
        found = plan_of_file(plan, scenario)
    else:
        incidence = incidence if incidence is not None else scenario.economics.incidence
        if incidence is None:
            allowed = "patients a year, here or as economics.incidence of the scenario, or a file by --plan"
            raise InputError(Problem("is missing", key="--incidence", allowed=allowed))
        found = plan_of_options(scenario, incidence, years, _uptake(uptake))
    if 12 * found.years > scenario.economic_horizon_months:
        file, line = scenario.place("economics", "horizon_months")
        raise InputError(
            Problem(
                "must be as long as the budget's years",
                file=file,
                line=line,
                key="horizon_months",
                found=f"{scenario.economic_horizon_months:g}",
                allowed=f"{12 * found.years} and more",
            )
        )
    return found


def _uptake(texts: list[str]) -> dict[str, list[float]]:
    """Read ID=SHARE,SHARE options."""
    found: dict[str, list[float]] = {}
    problems = []
    for text in texts:
        name, _, shares = (part.strip() for part in text.partition("="))
        try:
            numbers = [float(share) for share in shares.split(",")]
        except ValueError:
            problems.append(
                Problem(
                    "must be STRATEGY=SHARE,SHARE,",
                    key="--uptake",
                    found=f"'{text}'",
                    allowed="as in inotuzumab=0.2,0.5",
                )
            )
            continue
        if name in found:
            problems.append(Problem("must be given once", key="--uptake", found=f"'{text}'"))
        found[name] = numbers
    if problems:
        raise InputError(problems)
    return found
