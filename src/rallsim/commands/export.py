"""`rallsim export`: a scenario's results as files that other tools read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

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

PLACE = 55  # among the commands that `--help` lists


def export(
    scenario: ScenarioArgument,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder instead of results/export/<scenario>/.")
    ] = None,
    excel: Annotated[bool, typer.Option("--excel", help="Add a workbook with live formulas and charts.")] = False,
    step: Annotated[float, typer.Option(metavar="MONTHS", help="Between points of curves and traces.")] = 1.0,
    follow_up: Annotated[
        float | None,
        typer.Option(metavar="MONTHS", help="Cut curves here and extrapolate them, to compare; 24 when not given."),
    ] = None,
    patients: PatientsOption = None,
    seed: SeedOption = None,
    settings: SetOption = None,
    variant: VariantOption = None,
    costs: CostsOption = None,
    perspective: PerspectiveOption = None,
    discount: DiscountOption = None,
    wtp: WtpOption = None,
    horizon: HorizonOption = None,
    engine: EngineOption = DEFAULT_ENGINE,
    as_json: JsonOption = False,
) -> None:
    """Write a scenario's results as files that R's hesim and spreadsheets read as they are.

    disprog.csv (stage visits), stateprobs.csv (occupancy), survival.csv (EFS and OS) with hesim's columns;
    partitioned_survival.csv (both curves by month, a column a strategy), trace.csv (costs, QALYs and life years by
    stage and cycle), ce_costs.csv, ce_qalys.csv, patients.csv, events.csv, baseline.csv (who entered), vidigi.csv;
    structure.csv and extrapolation.csv (what a partitioned-survival model of the same curves would say); economics/;
    manifest.json with the meaning of every id.

    Example: rallsim export first_salvage --patients 2000 --out handover --excel
    """
    from rallsim.commands.shared import (
        economic_options,
        economics_wanted,
        load_checked,
        simulated,
    )
    from rallsim.economics.tables import partitioned_survival
    from rallsim.economics.tables.economic_results import value_histories
    from rallsim.export import extrapolation
    from rallsim.export.folder import export_tables, metadata
    from rallsim.export.structure import plot_extrapolation, print_structure
    from rallsim.export.tables import grid
    from rallsim.export.workbook import write_workbook
    from rallsim.output.folder import ECONOMICS, check_folder, save_folder, write_tables
    from rallsim.output.manifest import manifest
    from rallsim.report.terminal import records

    options = economic_options(costs, perspective, discount, wtp, horizon)
    loaded, parameters = load_checked(scenario, patients, seed, settings, variant, options)
    economics = economics_wanted(loaded, parameters)
    folder = out or Path("results") / "export" / loaded.id
    check_folder(folder)
    grid(economics.horizon_months, step)
    known = extrapolation.checked_follow_up(follow_up, economics.horizon_months, step)
    whole = simulated(loaded, parameters, engine, quiet=as_json, for_life=True)
    results = value_histories(loaded, parameters, whole.histories, economics)
    simulation = whole.until(results.months)
    tables = export_tables(simulation, results, step)
    structure = partitioned_survival.partitioned_survival(results, simulation.histories, step=step)
    background = extrapolation.background_of_results(results)
    curves = extrapolation.continued_curves(simulation.histories, known, background, step)
    tails = extrapolation.years_of(curves)
    content: dict[str, Any] = {
        **manifest(simulation, settings or [], economics),
        "analysis": "export",
        "export": {**metadata(simulation, results, step), "excel": excel, "follow_up_months": known},
    }

    def write(temporary: Path) -> None:
        write_tables({**tables, "structure": structure, "extrapolation": tails}, temporary)
        labels = {name: strategy.label for name, strategy in loaded.strategies.items()}
        figure = plot_extrapolation(curves, labels).figure.get_figure(root=True)
        assert figure is not None
        figure.savefig(temporary / "extrapolation.png")
        write_tables(results.tables, temporary / ECONOMICS)
        if excel:
            write_workbook(results, tables, temporary / f"{loaded.id}.xlsx")

    saved = save_folder(folder, content, write)
    if as_json:
        document = {
            "scenario": loaded.id,
            "folder": str(saved.folder),
            "moved_earlier_results_to": str(saved.moved) if saved.moved else None,
            "files": sorted(path.name for path in saved.folder.iterdir()),
            **content["export"],
            "structure": records(structure),
            "extrapolation": records(tails),
        }
        print(json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False))
        return
    print_structure(results, structure, tails)
    if saved.moved:
        print(f"Earlier results with other inputs were moved to {saved.moved}/")
    print(f"Saved in {saved.folder}/: " + ", ".join(sorted(path.name for path in saved.folder.iterdir())))
