"""`rallsim run`: a scenario in, strategies compared, tables and a figure out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rallsim.commands.options import (
    DEFAULT_ENGINE,
    CostsOption,
    DiscountOption,
    EngineOption,
    HorizonOption,
    JsonOption,
    PatientsOption,
    PerspectiveOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    VariantOption,
    WtpOption,
)

PLACE = 10  # among the commands that `--help` lists
ECONOMICS_SHOWN = (  # in JSON
    *("summary", "increments", "incremental", "pairwise", "severity", "activity", "assumptions", "not_valued"),
)


def run(
    scenario: ScenarioArgument,
    patients: PatientsOption = None,
    seed: SeedOption = None,
    settings: SetOption = None,
    variant: VariantOption = None,
    costs: CostsOption = None,
    perspective: PerspectiveOption = None,
    discount: DiscountOption = None,
    wtp: WtpOption = None,
    horizon: HorizonOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Results go here instead of results/<scenario>/.")
    ] = None,
    engine: EngineOption = DEFAULT_ENGINE,
    workers: Annotated[int, typer.Option(min=1, help="Threads that share the patients; results are the same.")] = 1,
    events: Annotated[bool, typer.Option("--events", help="Write events.parquet and baseline.parquet too.")] = False,
    as_json: JsonOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, say what would run, stop.")] = False,
) -> None:
    """Run a scenario: compare its strategies and save tables and a figure.

    Every strategy treats the same simulated patients with the same luck. Saved are summary.csv, differences.csv,
    survival.csv, os.png and manifest.json, and in economics/ costs, QALYs, increments, the full incremental analysis,
    activity, inputs and assumptions (--costs none leaves them out). Earlier results with other inputs are moved aside,
    never overwritten.

    Example: rallsim run bridging_before_car_t --patients 2000 --set horizon_months=60
    """
    from rallsim.commands.shared import (
        economic_options,
        economics_checked,
        load_checked,
        print_plan,
        simulated,
    )
    from rallsim.output.folder import check_folder

    options = economic_options(costs, perspective, discount, wtp, horizon)
    loaded, parameters = load_checked(scenario, patients, seed, settings, variant, options)
    economics = economics_checked(loaded, parameters)
    folder = out or Path("results") / loaded.id
    check_folder(folder)
    if dry_run:
        print_plan(loaded, folder, as_json, economics)
        return

    from rallsim.economics.tables.economic_results import value_histories
    from rallsim.outcomes.history import same_treatment
    from rallsim.output.folder import save, summarise
    from rallsim.report.economics import print_economics
    from rallsim.report.tables import print_results
    from rallsim.report.terminal import records

    whole = simulated(loaded, parameters, engine, quiet=as_json, workers=workers, for_life=economics is not None)
    economic_results = value_histories(loaded, parameters, whole.histories, economics) if economics else None
    simulation = whole.until(loaded.horizon_months)
    results = summarise(simulation)
    saved = save(
        simulation, results, folder, settings=settings or [], with_events=events, economic_results=economic_results
    )
    tables = economic_results.tables if economic_results else {}
    alike = [
        f"The strategies {' and '.join(group)} treat every patient the same: no rule that parts them applied."
        for group in same_treatment(whole.histories)
    ]
    if as_json:
        document = {
            "scenario": loaded.id,
            "patients": loaded.patients,
            "seed": loaded.seed,
            "folder": str(saved.folder),
            "moved_earlier_results_to": str(saved.moved) if saved.moved else None,
            "warnings": alike,
            "summary": records(results.summary),
            "differences": records(results.differences),
            "economics": {**economics.as_data(), **{name: records(tables[name]) for name in ECONOMICS_SHOWN}}
            if economics
            else None,
        }
        if results.imputation is not None:
            document["imputation"] = records(results.imputation)
        print(json.dumps(document, indent=2, allow_nan=False))
        return
    print_results(simulation.scenario, results)
    if economic_results:
        print_economics(economic_results)
    if saved.moved:
        print(f"Earlier results with other inputs were moved to {saved.moved}/")
    print(f"Saved in {saved.folder}/: " + ", ".join(sorted(path.name for path in saved.folder.iterdir())))
    for line in alike:
        print(f"Warning: {line}")
