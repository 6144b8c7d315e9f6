"""`rallsim validate`: the model beside the trials, or beside rows that a user brings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rallsim.commands.options import JsonOption
from rallsim.errors import InputError, Problem

if TYPE_CHECKING:
    from rallsim.inputs.parameters import ParameterSet
    from rallsim.validation.run import Validation

PLACE = 65  # among the commands that `--help` lists
KEYS = (
    *("id", "origin", "trial", "arm", "quantity", "at_months", "observed", "lo", "hi", "simulated", "sim_lo", "sim_hi"),
    *("inside", "standardised_difference", "used_in_fit", "use"),
)


def validate(
    trial: Annotated[
        list[str] | None, typer.Option("--trial", metavar="ID", help="Only this trial of params/trials. Repeatable.")
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Rows of your own, in the columns of params/evidence/estimates_*.csv."),
    ] = None,
    population: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Their patients: a population (.yaml) or a table of patients (.csv)."),
    ] = None,
    draws: Annotated[int, typer.Option(min=20, metavar="N", help="Simulated trials, each with its own draw.")] = 300,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Which draws of the joint posterior.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Threads that share the draws; results are the same.")] = 2,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Results go here instead of results/validate/.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Put the model into each trial's shoes and say how close it comes.

    Every outcome is counted as its paper counted it, in the trial's patients, under its treatment and what followed.
    Simulated intervals hold 95 % of trials of the same size (parameters and chance together). Saved are validation.csv,
    scores.csv, bands.csv, skipped.csv, a figure a trial, calibration.png (all outcomes, and how often intervals hold),
    posterior.png (prior and posterior), report.md and manifest.json.

    Example: rallsim validate --trial tower --draws 100
    """
    from rallsim.commands.shared import announce_compiling, interruptible
    from rallsim.common.progress import bar_of
    from rallsim.inputs.parameter_cache import shipped_parameters
    from rallsim.output.folder import check_folder, save_folder
    from rallsim.validation.report import report_text
    from rallsim.validation.run import validate_model, validate_rows

    if population is not None and evidence is None:
        raise InputError(Problem("must come with --evidence", key="--population"))
    if evidence is not None and trial:
        raise InputError(Problem("cannot come with --evidence: it names shipped trials", key="--trial"))
    folder = out or Path("results") / ("validate" if evidence is None else f"validate_{evidence.stem}")
    check_folder(folder)
    parameters = shipped_parameters()
    announce_compiling("simulation.batch")
    with interruptible(), bar_of("Simulating trials", draws, quiet=as_json) as progress:
        if evidence is None:
            found = validate_model(parameters, draws, seed=seed, only=trial or (), workers=workers, progress=progress)
        else:
            found = validate_rows(
                parameters, evidence, population, draws, seed=seed, workers=workers, progress=progress
            )
    content = _manifest(parameters, evidence, population, {"draws": draws, "seed": seed, "trials": trial or "all"})
    saved = save_folder(folder, content, lambda temporary: _write(found, report_text(found, draws), temporary))
    if as_json:
        _print_json(found, saved.folder)
        return
    _print(found)
    if saved.moved:
        print(f"Earlier results with other inputs were moved to {saved.moved}/")
    print(f"Saved in {saved.folder}/: " + ", ".join(sorted(path.name for path in saved.folder.iterdir())))


def _write(found: Validation, report: str, folder: Path) -> None:
    from rallsim.common.files import shipped
    from rallsim.common.yaml_file import read_yaml
    from rallsim.inputs.calibrated_values import calibrated_file
    from rallsim.validation.figures import plot_trial
    from rallsim.validation.overview import plot_calibration, plot_posterior

    for name, table in (("validation", found.rows), ("scores", found.scores), ("bands", found.bands)):
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
    found.skipped.to_csv(folder / "skipped.csv", index=False, lineterminator="\n")
    (folder / "report.md").write_text(report, encoding="utf-8")
    plot_calibration(found.rows).savefig(folder / "calibration.png")
    plot_posterior(read_yaml(calibrated_file(shipped("params"))).data["parameters"]).savefig(folder / "posterior.png")
    for trial, title in found.titles.items():
        figure = plot_trial(found.rows[found.rows["trial"] == trial], found.bands[found.bands["trial"] == trial], title)
        figure.savefig(folder / f"{trial}.png")


def _print(found: Validation) -> None:
    from rallsim.report.validation import print_validation

    print_validation(found.rows, found.scores, found.skipped)


def _print_json(found: Validation, folder: Path) -> None:
    from rallsim.report.terminal import records

    document = {
        "folder": str(folder),
        "scores": records(found.scores),
        "rows": records(found.rows[list(KEYS)]),
        "skipped": records(found.skipped),
    }
    print(json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False))


def _manifest(
    parameters: ParameterSet, evidence: Path | None, population: Path | None, settings: dict[str, Any]
) -> dict[str, Any]:
    from rallsim import __version__
    from rallsim.common.files import shipped
    from rallsim.output.manifest import code_sha256, file_sha256

    trials = sorted((shipped("params") / "trials").iterdir())
    own = [path for path in (evidence, population) if path is not None]
    shipped_files = {path.relative_to(shipped("params")).as_posix(): path for path in (*parameters.files, *trials)}
    return {
        "rallsim": __version__,
        "code": code_sha256(),
        "analysis": "validate",
        "settings": settings,
        "inputs": {name: file_sha256(path) for name, path in shipped_files.items()},
        "own": {path.name: file_sha256(path) for path in own},
    }
