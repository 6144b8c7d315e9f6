"""A CSV file of real patients, one row a patient: read and checked, all faults at once.

Columns are attributes that rules can ask about, and `given.<therapy>` for courses given before; an empty cell is not
known (of `given`: none). A column `id` names the patients. Commas or semicolons divide cells; with semicolons, numbers
may have decimal commas, as spreadsheets write them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rallsim.errors import InputError, Problem, nearest
from rallsim.model.conditions import ATTRIBUTES, GIVEN
from rallsim.model.patient import NO_TRANSPLANT

COLUMNS = tuple(name for name in ATTRIBUTES if name != "b_cell_recovery")  # which only a history gives
GIVEN_PREFIX = "given."
REMISSION_BLASTS = 0.05  # complete remission: fewer blasts than this, by its definition
WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


@dataclass(frozen=True)
class Cohort:
    """Patients as a file gives them: a number a row, NaN where it is not known."""

    path: Path
    columns: Mapping[str, np.ndarray]  # by attribute, of the file only
    given: Mapping[str, np.ndarray]  # courses given before, by therapy
    ids: tuple[str, ...]  # what the file calls its patients, else the numbers of its lines
    rows: int

    def row_of(self, patients: np.ndarray) -> np.ndarray:
        """Return the row, from 0, that each simulated patient comes from: rows are taken in turn."""
        return patients % self.rows


def read_cohort(path: Path, therapies: Sequence[str]) -> Cohort:
    """Read and check a file of patients; raises InputError with all its faults, each with its line.

    Numbers are as in conditions (`blasts` 0.62 for 62 %), yes-or-no attributes 1 and 0, true and false, or yes and no.
    `therapies` may stand after `given.`.
    """
    try:
        return _read(path, path.stat().st_mtime_ns, tuple(therapies))
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", file=str(path))) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(Problem(f"must be CSV text in UTF-8: {error}", file=str(path))) from error


@lru_cache(maxsize=8)
def _read(path: Path, _changed: int, therapies: tuple[str, ...]) -> Cohort:
    lines, semicolons = _lines(path)
    if len(lines) < 2:
        raise InputError(
            Problem("must hold patients", file=str(path), allowed="a line of names, then a line a patient")
        )
    (first, names), *rest = lines
    names = [name.strip() for name in names]
    known = {**{name: ATTRIBUTES[name] for name in COLUMNS}, **{GIVEN_PREFIX + name: GIVEN for name in therapies}}
    problems = list(_faults_of_names(names, list(known), path, first))
    wanted = [place for place, name in enumerate(names) if name in known]
    columns = {names[place]: np.full(len(rest), np.nan) for place in wanted}
    ids: list[str] = []
    for row, (number, cells) in enumerate(rest):
        where: dict[str, Any] = {"file": str(path), "line": number}
        ids.append(str(number))
        if len(cells) != len(names):
            message = "must have as many cells as the first line"
            problems.append(Problem(message, found=str(len(cells)), allowed=str(len(names)), **where))
            continue
        if "id" in names and cells[names.index("id")].strip():
            ids[row] = cells[names.index("id")].strip()
        for place in wanted:
            cell = cells[place].strip().replace(",", ".") if semicolons else cells[place].strip()
            value = _number(names[place], cell, where)
            if isinstance(value, Problem):
                problems.append(value)
            else:
                columns[names[place]][row] = value
        problems += _contradictions({name: float(column[row]) for name, column in columns.items()}, where)
    if problems:
        raise InputError(problems)
    return Cohort(
        path=path,
        columns={name: column for name, column in columns.items() if not name.startswith(GIVEN_PREFIX)},
        given={
            name.removeprefix(GIVEN_PREFIX): np.nan_to_num(column)
            for name, column in columns.items()
            if name.startswith(GIVEN_PREFIX)
        },
        ids=tuple(ids),
        rows=len(rest),
    )


def _lines(path: Path) -> tuple[list[tuple[int, list[str]]], bool]:
    """Return the lines that are not empty with their numbers, and whether semicolons divide their cells."""
    with path.open(newline="", encoding="utf-8-sig") as text:
        head = text.readline()
        text.seek(0)
        semicolons = ";" in head and "," not in head
        reader = csv.reader(text, delimiter=";" if semicolons else ",")
        return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)], semicolons


def _faults_of_names(names: Sequence[str], known: Sequence[str], path: Path, line: int) -> Iterator[Problem]:
    for name in names:
        if name not in (*known, "id"):
            allowed = ", ".join(["id", *COLUMNS, f"{GIVEN_PREFIX}<therapy>"])
            yield Problem(
                "must be a known column",
                str(path),
                line,
                name or "''",
                allowed=allowed,
                hint=nearest(name, ["id", *known]),
            )
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem("must be one column", str(path), line, name)


def _number(name: str, cell: str, where: Mapping[str, Any]) -> float | Problem:
    if not cell:
        return float("nan")
    attribute = GIVEN if name.startswith(GIVEN_PREFIX) else ATTRIBUTES[name]
    low = 1.0 if name == "line" else attribute.low
    whole = attribute.kind != "number"
    allowed = f"{'whole, ' if whole else ''}{low:g} to {attribute.high:g}"
    if attribute.kind == "yes_no":
        allowed = "yes, no, true, false, 1, 0"
    if attribute.kind in ("yes_no", "count") and cell.lower() in WORDS:
        return WORDS[cell.lower()]
    try:
        value = float(cell)
    except ValueError:
        message = "must be yes or no" if attribute.kind == "yes_no" else "must be a number"
        return Problem(message, key=name, found=cell, allowed=allowed, **where)
    if not low <= value <= attribute.high or (whole and value != int(value)):
        return Problem("must lie within", key=name, found=cell, allowed=allowed, **where)
    return value


def _contradictions(row: Mapping[str, float], where: Mapping[str, Any]) -> Iterator[Problem]:
    def value(name: str) -> float:
        return row.get(name, float("nan"))

    if value("primary_refractory") == 1 and (value("cr1_months") > 0 or value("prior_hsct") > 0):
        yield Problem("cannot be primary_refractory with a first remission, or a transplant in it", **where)
    if value("primary_refractory") == 0 and value("cr1_months") == 0:
        yield Problem("must have cr1_months above 0 unless primary_refractory", **where)
    if value("cr1_months") == 0 and value("prior_hsct") > 0:
        yield Problem("cannot have prior_hsct without a first remission", **where)
    if value("prior_hsct") == 0 and value("months_since_hsct") < NO_TRANSPLANT:
        yield Problem("must be empty without a transplant", key="months_since_hsct", **where)
    if value("sibling_donor") == 1 and value("donor") == 0:
        yield Problem("cannot have sibling_donor without donor", **where)
    if value("mrd_positive") == 1 and value("blasts") >= REMISSION_BLASTS:
        found, allowed = f"{value('blasts'):g}", f"under {REMISSION_BLASTS:g} in remission"
        yield Problem(
            "must be in remission where mrd_positive is yes", key="blasts", found=found, allowed=allowed, **where
        )
    first_relapse = value("line") == 1 and value("mrd_positive") != 1
    if first_relapse and value("cr1_months") < value("months_since_hsct") < NO_TRANSPLANT:
        found = f"{value('months_since_hsct'):g} and {value('cr1_months'):g}"
        message = "must be at most cr1_months in line 1, for the transplant was in the first remission"
        yield Problem(message, key="months_since_hsct", found=found, **where)
    if first_relapse and abs(value("remission_months") - value("cr1_months")) > 0:
        found = f"{value('remission_months'):g} and {value('cr1_months'):g}"
        yield Problem("must have remission_months equal to cr1_months in line 1", found=found, **where)
