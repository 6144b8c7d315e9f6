"""The results folder of a run: written complete or not at all, never over something else."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rallsim.errors import InputError, Problem
from rallsim.outcomes.summary import differences, patient_table, summary, survival_curves
from rallsim.output.history_files import write_histories
from rallsim.output.imputation_table import imputation, patients_at_entry
from rallsim.output.manifest import MANIFEST, fingerprint, manifest

if TYPE_CHECKING:
    from rallsim.economics.tables.economic_results import EconomicResults
    from rallsim.simulation.simulate import Simulation

ECONOMICS = "economics"  # folder of the tables of costs and QALYs
CURVE_STEP = 0.5  # months between the points of survival.csv


@dataclass(frozen=True)
class Results:
    """The tables of a run."""

    summary: pd.DataFrame
    differences: pd.DataFrame
    survival: pd.DataFrame
    imputation: pd.DataFrame | None = None  # of a file's patients: what was not known, and was drawn


@dataclass(frozen=True)
class Saved:
    """Where results were written, and where earlier ones with other inputs were moved."""

    folder: Path
    moved: Path | None


def summarise(simulation: Simulation) -> Results:
    """Summarise a `simulation` in the tables of `rallsim run`: shares, times and differences with Monte Carlo errors.

    - `summary`: a row a strategy and outcome, with its estimate, standard error and 95 % limits.
    - `differences`: the same minus the reference strategy's, in the same patients.
    - `survival`: overall and event-free survival every half month up to the horizon.
    - `imputation`: of patients from a file, what was not known and drawn; None otherwise.

    Shares lie between 0 and 1, times are months from entry. Histories longer than the scenario's horizon are cut
    there. The uncertainty of the parameters is not included.

    >>> from rallsim.inputs.scenario import load_scenario
    >>> from rallsim.simulation.simulate import simulate
    >>> tables = summarise(simulate(load_scenario("first_salvage", patients=20)))
    >>> sorted(tables.summary["strategy"].unique())
    ['blinatumomab', 'chemotherapy', 'inotuzumab']
    """
    reference, horizon = simulation.scenario.reference, simulation.scenario.horizon_months
    horizon = min(horizon, *(history.horizon for history in simulation.histories.values()))
    tables = {name: patient_table(history) for name, history in simulation.until(horizon).histories.items()}
    return Results(
        summary=summary(tables, horizon),
        differences=differences(tables, reference, horizon),
        survival=survival_curves(tables, horizon, step=CURVE_STEP),
        imputation=imputation(simulation.cohort, simulation.baseline) if simulation.cohort else None,
    )


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written or holds something other than earlier results, before anything runs."""
    if folder.resolve() == Path.cwd():
        raise InputError(
            Problem("cannot be the current folder", file=str(folder), allowed="a folder inside it or elsewhere")
        )
    if folder.exists() and not folder.is_dir():
        raise InputError(Problem("must be a folder for results, not a file", file=str(folder)))
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise InputError(
            Problem(
                "cannot hold results: other files are in it",
                file=str(folder),
                allowed="a new or empty folder, or one with a manifest.json",
            )
        )
    parent = _nearest_folder(folder)
    try:
        with tempfile.TemporaryDirectory(prefix=".rallsim-", dir=parent):
            pass
    except OSError as error:
        raise InputError(Problem(f"cannot be written: {error.strerror}", file=str(folder))) from error


def save(
    simulation: Simulation,
    results: Results,
    folder: Path,
    *,
    settings: list[str],
    with_events: bool = False,
    economic_results: EconomicResults | None = None,
) -> Saved:
    """Write summary.csv, differences.csv, survival.csv, os.png, manifest.json and, if wanted, events and patients.

    `economic_results` add their tables in `economics/`. When the patients come from a file, patients.csv says who was
    simulated and what of them was drawn. See `save_folder` for what happens to earlier results.
    """
    content = manifest(simulation, settings, economic_results.economics if economic_results else None)

    def write(temporary: Path) -> None:
        _write(simulation, results, temporary, with_events)
        if economic_results:
            write_tables(economic_results.tables, temporary / ECONOMICS)

    return save_folder(folder, content, write)


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write tables as CSV files of their names into a folder, which is made when it is not there."""
    folder.mkdir(exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.10g", lineterminator="\n")


def save_folder(folder: Path, content: Mapping[str, Any], write: Callable[[Path], None]) -> Saved:
    """Let `write` fill a folder, put `content` beside as manifest.json, and give it the name `folder` when all is done.

    All files are made in a hidden folder beside `folder`, which then takes its name. Earlier results of the same inputs
    are replaced by the same bytes, and what stands beside them is kept; those of other inputs are moved to
    `<folder>.1`, `<folder>.2` and so on.
    """
    check_folder(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        temporary.chmod(0o755)
        write(temporary)
        (temporary / MANIFEST).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        moved = _make_room(folder, temporary, content)
        temporary.rename(folder)
    except OSError as error:
        raise InputError(Problem(f"cannot be written: {error.strerror or error}", file=str(folder))) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Saved(folder, moved)


def _write(simulation: Simulation, results: Results, folder: Path, with_events: bool) -> None:
    from rallsim.common.figures import plot_survival

    write_tables({name: getattr(results, name) for name in ("summary", "differences", "survival")}, folder)
    labels = {name: strategy.label for name, strategy in simulation.scenario.strategies.items()}
    figure = plot_survival(results.survival, labels).figure.get_figure(root=True)
    figure.suptitle(simulation.scenario.title, fontweight="bold")
    figure.savefig(folder / "os.png")
    if simulation.cohort:
        who = patients_at_entry(simulation.cohort, simulation.baseline)
        who.to_csv(folder / "patients.csv", index=False, float_format="%.10g", lineterminator="\n")
    if with_events:
        write_histories(simulation.histories, folder)


def _make_room(folder: Path, coming: Path, content: Mapping[str, Any]) -> Path | None:
    """Remove earlier results of the same inputs, move those of other inputs aside; return where to.

    Files beside results of the same inputs (events of a run that asked for them, notes) move over to the coming folder.
    """
    if not folder.exists():
        return None
    if not any(folder.iterdir()):
        folder.rmdir()
        return None
    if _fingerprint_of(folder) == fingerprint(dict(content)):
        for path in folder.iterdir():
            if not (coming / path.name).exists():
                path.rename(coming / path.name)
        shutil.rmtree(folder)
        return None
    number = 1
    while (aside := folder.with_name(f"{folder.name}.{number}")).exists():
        number += 1
    folder.rename(aside)
    return aside


def _fingerprint_of(folder: Path) -> str | None:
    try:
        return fingerprint(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def _nearest_folder(path: Path) -> Path:
    """Return the closest parent that exists: where new folders would have to be made."""
    parent = path.absolute().parent
    while not parent.exists():
        parent = parent.parent
    return parent
