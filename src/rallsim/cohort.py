"""Real patients instead of sampled ones: a CSV file with one row a patient, gaps drawn given what is known.

Columns are attributes that rules can ask about; an empty cell is not known. What is missing is drawn from a population
by the sampler of `population`, with the patient's own luck: known causes (age, whether there was a first remission, a
sibling) are put into the population of that one patient, and candidates are drawn until one agrees with the known
consequences (fitness, a transplant before, a donor), which is an exact draw given all that is known.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rallsim.compiled import compiled_entry
from rallsim.conditions import ATTRIBUTES
from rallsim.errors import InputError, Problem, nearest
from rallsim.luck import BLOCK, fill_again
from rallsim.patient import new_patients
from rallsim.population import enters, sample_patients
from rallsim.records import readable
from rallsim.stages import REMISSION

CANDIDATES = 64
OF_COURSES = ("b_cell_recovery", "months_since_hsct")  # attributes that only a history gives
COLUMNS = tuple(name for name in ATTRIBUTES if name not in OF_COURSES)
SHARES = {  # attributes that are drawn by a share of the population, which is 0 or 1 for whom they are known
    **{name: name for name in ("male", "primary_refractory", "cd19_positive", "cd22_positive", "liver_disease")},
    **{name: name for name in ("neuro_history", "ph_positive", "kmt2a", "extramedullary", "sibling_donor")},
    "mrd_positive": "in_mrd_remission",
}
CONSEQUENCES = ("hsct_fit", "prior_hsct", "donor")
WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


@dataclass(frozen=True)
class Cohort:
    """Patients as a file gives them: a column an attribute, a number a patient, NaN where it is not known."""

    path: Path
    columns: Mapping[str, np.ndarray]
    rows: int

    def drawn(self) -> dict[str, int]:
        """Return for each attribute of how many patients of the file it is not known, so drawn."""
        unknown = {name: np.isnan(self.columns[name]).sum() if name in self.columns else self.rows for name in COLUMNS}
        return {name: int(number) for name, number in unknown.items() if number}


def read_cohort(path: Path) -> Cohort:
    """Read and check a file of patients; raises InputError with all its faults, each with its line.

    Numbers are as in conditions (`blasts` 0.62 for 62 %), yes-or-no attributes 1 and 0, true and false, or yes and no;
    a column `id` may name the patients and is not read.
    """
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", file=str(path))) from error


@lru_cache(maxsize=8)
def _read(path: Path, _changed: int) -> Cohort:
    with path.open(newline="", encoding="utf-8-sig") as text:
        lines = list(csv.reader(text))
    if not lines or len(lines) < 2:
        raise InputError(Problem("holds no patients", file=str(path), allowed="a line of names, then a line a patient"))
    names = [name.strip() for name in lines[0]]
    problems = list(_faults_of_names(names, path))
    wanted = [place for place, name in enumerate(names) if name in COLUMNS]
    columns = {names[place]: np.full(len(lines) - 1, np.nan) for place in wanted}
    for row, line in enumerate(lines[1:]):
        where: dict[str, Any] = {"file": str(path), "line": row + 2}
        if len(line) != len(names):
            problems.append(
                Problem("has another number of cells", found=str(len(line)), allowed=str(len(names)), **where)
            )
            continue
        for place in wanted:
            value = _number(names[place], line[place].strip(), where)
            if isinstance(value, Problem):
                problems.append(value)
            else:
                columns[names[place]][row] = value
        problems += _contradictions({name: column[row] for name, column in columns.items()}, where)
    if problems:
        raise InputError(problems)
    return Cohort(path, columns, len(lines) - 1)


def patients_at_entry(
    own: Path | None, populations: np.ndarray, luck: np.ndarray, block: tuple[int, int]
) -> np.ndarray:
    """Return the patients of a block (its number and size) at entry, sampled or from a scenario's own file of patients.

    `own` is what the scenario brings (`Scenario.own_patients`); the first record of `populations` is the population.
    """
    number, size = block
    if own and own.suffix == ".csv":
        return entrants(read_cohort(own), luck, populations, number, size)
    return sample_patients(luck, populations, number * BLOCK)


def entrants(cohort: Cohort, luck: np.ndarray, population: np.ndarray, block: int, size: int) -> np.ndarray:
    """Return the patients of a block at entry: rows of the file in turn, gaps drawn with each patient's own luck."""
    rows = (block * BLOCK + np.arange(size)) % cohort.rows
    known = {name: column[rows] for name, column in cohort.columns.items()}
    _conclude(known, size)
    populations = np.repeat(population[:1], size)
    for name, field in SHARES.items():
        if name in known:
            populations[field] = np.where(np.isnan(known[name]), populations[field], known[name])
    if "age" in known:
        populations["ages"] = np.where(np.isnan(known["age"])[:, None], populations["ages"], known["age"][:, None])
    patients, waiting = new_patients(size), np.arange(size)
    for candidate in range(CANDIDATES):
        again, found = np.empty((len(waiting), luck.shape[1])), new_patients(len(waiting))
        fill_again(luck[waiting], candidate, again)
        fill_rows(*readable(found), again, *readable(populations[waiting]))
        patients[waiting] = found
        agree = np.ones(len(waiting), dtype=bool)
        for name in CONSEQUENCES:
            if name in known:
                agree &= np.isnan(known[name][waiting]) | ((found[name] > 0) == (known[name][waiting] > 0))
        waiting = waiting[~agree]
        if not len(waiting):
            break
    patients["number"] = block * BLOCK + np.arange(size)
    _overlay(patients, known)
    return patients


@compiled_entry
def fill_rows(patients: Any, luck: Any, populations: Any) -> None:
    """Let patients enter, each from a population of its own."""
    for place in range(len(patients)):
        enters(patients[place], luck[place], populations[place])


def _conclude(known: dict[str, np.ndarray], size: int) -> None:
    """Add what follows for certain: a remission or a transplant of old means not refractory, no donor no sibling."""
    refractory = known.setdefault("primary_refractory", np.full(size, np.nan))
    for name, value in (("cr1_months", 0.0), ("prior_hsct", 0.0)):
        if name in known:
            refractory[np.isnan(refractory) & (known[name] > value)] = 0.0
    if "cr1_months" in known:
        refractory[np.isnan(refractory) & (known["cr1_months"] == 0.0)] = 1.0
    if "donor" in known:
        sibling = known.setdefault("sibling_donor", np.full(size, np.nan))
        sibling[np.isnan(sibling) & (known["donor"] == 0.0)] = 0.0


def _overlay(patients: np.ndarray, known: Mapping[str, np.ndarray]) -> None:
    """Put what is known into the records, and what follows from it."""
    for name, values in known.items():
        patients[name] = np.where(np.isnan(values), patients[name], values)
    remission = known.get("remission_months", np.full(len(patients), np.nan))
    patients["remission_months"] = np.where(np.isnan(remission), patients["cr1_months"], remission)
    patients["entry_age"] = patients["age"]
    in_remission = patients["next_stage"] == REMISSION
    blasts = known.get("blasts", np.full(len(patients), np.nan))
    patients["entry_blasts"] = np.where(np.isnan(blasts), patients["entry_blasts"], blasts)
    patients["blasts"] = np.where(in_remission, 0.0, patients["entry_blasts"])
    line = known.get("line", np.full(len(patients), np.nan))
    patients["lines_given"] = np.where(np.isnan(line), patients["lines_given"], np.nan_to_num(line) - 1.0)
    patients["line"] = 0.0


def _faults_of_names(names: Sequence[str], path: Path) -> Iterator[Problem]:
    for name in names:
        if name not in (*COLUMNS, "id"):
            allowed = ", ".join(["id", *COLUMNS])
            yield Problem("unknown column", str(path), 1, name or "''", allowed=allowed, hint=nearest(name, COLUMNS))
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem("column stands more than once", str(path), 1, name)


def _number(name: str, cell: str, where: Mapping[str, Any]) -> float | Problem:
    if not cell:
        return float("nan")
    attribute = ATTRIBUTES[name]
    low = 1.0 if name == "line" else attribute.low
    allowed = f"{low:g} to {attribute.high:g}"
    try:
        value = WORDS[cell.lower()] if attribute.kind in ("yes_no", "count") and cell.lower() in WORDS else float(cell)
    except ValueError:
        return Problem("must be a number", key=name, found=cell, allowed=allowed, **where)
    whole = attribute.kind != "number"
    if not low <= value <= attribute.high or (whole and value != int(value)):
        return Problem("is impossible", key=name, found=cell, allowed=f"{'whole, ' if whole else ''}{allowed}", **where)
    return value


def _contradictions(row: Mapping[str, float], where: Mapping[str, Any]) -> Iterator[Problem]:
    def value(name: str) -> float:
        return row.get(name, float("nan"))

    if value("primary_refractory") == 1 and (value("cr1_months") > 0 or value("prior_hsct") > 0):
        yield Problem("primary_refractory, but with a first remission or a transplant in it", **where)
    if value("primary_refractory") == 0 and value("cr1_months") == 0:
        yield Problem("not primary_refractory, but cr1_months is 0", **where)
    if value("cr1_months") == 0 and value("prior_hsct") > 0:
        yield Problem("prior_hsct, but no first remission", **where)
    if value("sibling_donor") == 1 and value("donor") == 0:
        yield Problem("sibling_donor, but no donor", **where)
