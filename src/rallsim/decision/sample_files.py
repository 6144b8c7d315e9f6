"""Read a folder with a probabilistic sample, and say at once everything that is wrong with it, with file and line."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rallsim.decision.rounding import Floats
from rallsim.decision.sample import LEAST_DRAWS, LEAST_STRATEGIES, PsaSample, name_problems, numbering_problems
from rallsim.decision.sheets import SHOWN_FAULTS, Sheet, read_sheet
from rallsim.errors import InputError, Problem, nearest

COSTS, EFFECTS, LIFE_YEARS = "psa_costs.csv", "psa_effects.csv", "psa_life_years.csv"
PARAMETERS, LONG, MANIFEST = "psa_parameters.csv", "psa_long.csv", "manifest.json"
FILES = (COSTS, EFFECTS, LIFE_YEARS, PARAMETERS, LONG)
LONG_COLUMNS = {"costs": COSTS, "qalys": EFFECTS, "lys": LIFE_YEARS}
LONG_NEEDED, LONG_ALLOWED = ("sample", "strategy", "costs", "qalys"), ("strategy_id", "grp_id", "lys")
AGREEMENT = 1e-6  # between the wide files and psa_long.csv, relative: room for rounding when they were written


@dataclass(frozen=True)
class FolderSample:
    """A sample read from a folder, the files it came from, and how people read it.

    `notes` say where a file was read otherwise than as plain CSV. Labels of strategies and parameters, the currency,
    the strategy that others are compared with and willingness to pay are those of a sweep's manifest, if there is one.
    """

    sample: PsaSample
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
    reference: str | None = None
    wtp: tuple[float, ...] = ()


def read_sample(folder: Path) -> FolderSample:
    """Read psa_costs.csv and psa_effects.csv (psa_life_years.csv, psa_parameters.csv when there), or psa_long.csv.

    Columns are strategies in the same order everywhere, rows are draws: row i of each file is the same draw. Where
    psa_long.csv stands beside the wide files, it must agree with them; alone it is enough.

    The manifest.json that a sweep writes beside its sample says how people read it.

    Refuses, all at once: files or columns that are missing, names that are given twice or that R would change, columns
    that number the draws, other strategies or another order in another file, other numbers of rows, cells that are no
    finite numbers up to 1e50 in size, draws of psa_long.csv without one row for each strategy, more than one group.
    """
    problems: list[Problem] = []
    paths = _files_of(folder)
    sheets = {name: read_sheet(path, problems) for name, path in paths.items()}
    if problems:
        raise InputError(problems)
    parts, strategies = _wide_parts(sheets, problems)
    if LONG in sheets:
        _add_long(sheets[LONG], parts, strategies, problems)
    parameters = _parameters(sheets[PARAMETERS], problems) if PARAMETERS in sheets else None
    _check_rows(parts, sheets, problems)
    if problems:
        raise InputError(problems)
    sample = PsaSample(tuple(strategies), parts[COSTS], parts[EFFECTS], parts.get(LIFE_YEARS), parameters)
    notes = tuple(sheet.note for sheet in sheets.values() if sheet.note)
    return _as_people_read_it(folder / MANIFEST, FolderSample(sample, tuple(paths.values()), notes))


def _as_people_read_it(path: Path, read: FolderSample) -> FolderSample:
    """Add labels, currency, reference and thresholds of the manifest that a sweep wrote beside the same strategies."""
    try:
        labels = json.loads(path.read_text(encoding="utf-8"))["labels"]
        if tuple(labels["strategies"]) != read.sample.strategies or labels["reference"] not in read.sample.strategies:
            return read
        return replace(
            read,
            files=(*read.files, path),
            labels={**labels["parameters"], **labels["strategies"]},
            currency=str(labels["currency"]),
            reference=str(labels["reference"]),
            wtp=tuple(map(float, labels["wtp"])),
        )
    except (OSError, ValueError, KeyError, TypeError):  # there is none, or another program's
        return read


def _files_of(folder: Path) -> dict[str, Path]:
    """Files of a sample in a folder by name; refuses a folder without costs and effects."""
    if not folder.is_dir():
        siblings = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
        message = "must be a folder with a sample, not a file" if folder.exists() else "must be a folder that exists"
        raise InputError(Problem(message, str(folder), hint=nearest(folder.name, siblings)))
    paths = {name: folder / name for name in FILES if (folder / name).is_file()}
    if LONG in paths and not {COSTS, EFFECTS} & set(paths):
        return paths
    there = sorted(path.name for path in folder.glob("*.csv") if path.name not in FILES)
    missing = [
        Problem(
            "must be a file that exists",
            str(folder / name),
            allowed=f"{COSTS} and {EFFECTS}, or {LONG}",
            hint=nearest(name, there),
        )
        for name in (COSTS, EFFECTS)
        if name not in paths
    ]
    if missing:
        raise InputError(missing)
    return paths


def _wide_parts(sheets: dict[str, Sheet], problems: list[Problem]) -> tuple[dict[str, Floats], list[str]]:
    """Numbers of the wide files by file, and the strategies of the first."""
    parts: dict[str, Floats] = {}
    strategies: list[str] = []
    for name in (COSTS, EFFECTS, LIFE_YEARS):
        if name not in sheets:
            continue
        sheet = sheets[name]
        if not strategies:
            strategies = sheet.header
            if len(strategies) < LEAST_STRATEGIES:
                problems.append(
                    Problem(
                        "must have enough strategies to compare",
                        sheet.file,
                        1,
                        found=", ".join(strategies),
                        allowed="2 or more",
                    )
                )
        else:
            _check_same_strategies(sheet, strategies, problems)
        problems += name_problems(sheet.header, "strategy", sheet.file)
        low = 0.0 if name == LIFE_YEARS else -math.inf
        if len(set(sheet.header)) == len(sheet.header):
            parts[name] = np.column_stack([sheet.numbers(column, problems, low) for column in sheet.header])
            problems += numbering_problems(sheet.header, parts[name], sheet.file)
    return parts, strategies


def _check_same_strategies(sheet: Sheet, strategies: list[str], problems: list[Problem]) -> None:
    """Note strategies that the first file does not have, or has in another order."""
    missing = [name for name in strategies if name not in sheet.header]
    for name in sheet.header:
        if name not in strategies:
            hint = nearest(name, missing)
            allowed = ", ".join(strategies)
            problems.append(
                Problem(f"must be a strategy of {COSTS}", sheet.file, 1, repr(name), allowed=allowed, hint=hint)
            )
            missing = [name for name in missing if name != hint]
    problems += [Problem(f"must be a column, as in {COSTS}", sheet.file, 1, repr(name)) for name in missing]
    if sorted(sheet.header) == sorted(strategies) and sheet.header != strategies:
        found, allowed = ", ".join(sheet.header), ", ".join(strategies)
        problems.append(Problem(f"must have the order of {COSTS}", sheet.file, 1, found=found, allowed=allowed))


def _parameters(sheet: Sheet, problems: list[Problem]) -> pd.DataFrame | None:
    faults = name_problems(sheet.header, "parameter", sheet.file)
    problems += faults
    if len(set(sheet.header)) < len(sheet.header):
        return None
    table = pd.DataFrame({name: sheet.numbers(name, problems) for name in sheet.header})
    problems += numbering_problems(sheet.header, table.to_numpy(), sheet.file)
    return table


def _add_long(sheet: Sheet, parts: dict[str, Floats], strategies: list[str], problems: list[Problem]) -> None:
    """Check psa_long.csv, and take the parts from it that no wide file gave; compare it with those that did."""
    missing = [name for name in LONG_NEEDED if name not in sheet.header]
    for name in missing:
        hint = nearest(name, [other for other in sheet.header if other not in (*LONG_NEEDED, *LONG_ALLOWED)])
        problems.append(
            Problem("must be a column", sheet.file, 1, name, allowed=", ".join(LONG_NEEDED + LONG_ALLOWED), hint=hint)
        )
    twice = [name for name in dict.fromkeys(sheet.header) if sheet.header.count(name) > 1]
    problems += [Problem("must be one column", sheet.file, 1, name) for name in twice]
    if missing or twice:
        return
    alone = not strategies
    if "grp_id" in sheet.header and len(groups := dict.fromkeys(sheet.column("grp_id"))) > 1:
        problems.append(
            Problem("must have one group", sheet.file, key="grp_id", found=", ".join(groups), allowed="one")
        )
        return
    names = sheet.column("strategy")
    if alone:
        strategies += dict.fromkeys(names)
        problems += name_problems(strategies, "strategy", sheet.file)
        if len(strategies) < LEAST_STRATEGIES:
            problems.append(
                Problem("must have enough strategies to compare", sheet.file, key="strategy", allowed="2 or more")
            )
    samples = list(dict.fromkeys(sheet.column("sample")))
    rows = _rows_by_cell(sheet, samples, strategies, problems)
    for column, file in LONG_COLUMNS.items():
        if column not in sheet.header:
            continue
        faults: list[Problem] = []
        values = sheet.numbers(column, faults, 0.0 if column == "lys" else -math.inf)
        problems += faults
        if rows is None or faults:
            continue
        if alone:
            parts[file] = values[rows]
        elif file in parts and parts[file].shape == rows.shape:
            apart = ~np.isclose(values[rows], parts[file], rtol=AGREEMENT, atol=0.0) & np.isfinite(parts[file])
            if apart.any():
                first = rows[apart][0]
                message = f"must agree with {file}, and does not in {int(apart.sum())} rows, first here"
                problems.append(Problem(message, sheet.file, sheet.lines[first], column, found=f"{values[first]:g}"))


def _rows_by_cell(
    sheet: Sheet, samples: list[str], strategies: list[str], problems: list[Problem]
) -> NDArray[np.int_] | None:
    """Row of each draw and strategy in psa_long.csv; None, and faults noted, when a pair is missing or given twice."""
    draw = {name: place for place, name in enumerate(samples)}
    option = {name: place for place, name in enumerate(strategies)}
    rows = np.full((len(samples), len(strategies)), -1)
    faults: dict[str, list[Problem]] = defaultdict(list)
    for place, (number, name) in enumerate(zip(sheet.column("sample"), sheet.column("strategy"), strict=True)):
        line = sheet.lines[place]
        if name not in option:
            hint = nearest(name, strategies)
            faults["name"].append(Problem(f"must be a strategy of {COSTS}", sheet.file, line, repr(name), hint=hint))
        elif rows[draw[number], option[name]] >= 0:
            first = sheet.lines[rows[draw[number], option[name]]]
            found = f"sample {number}, {name} in line {first} too"
            faults["twice"].append(Problem("must have each draw and strategy once", sheet.file, line, found=found))
        else:
            rows[draw[number], option[name]] = place
    for number, name in np.argwhere(rows < 0) if "name" not in faults else []:
        found = f"none for sample {samples[number]}, {strategies[name]}"
        faults["hole"].append(
            Problem(
                "must have a row for each draw and strategy", sheet.file, found=found, allowed="one a draw and strategy"
            )
        )
    for kind in faults.values():
        problems += kind[:SHOWN_FAULTS]
        if len(kind) > SHOWN_FAULTS:
            problems.append(Problem(f"has {len(kind) - SHOWN_FAULTS} more of this kind", sheet.file))
    return None if faults else rows


def _check_rows(parts: dict[str, Floats], sheets: dict[str, Sheet], problems: list[Problem]) -> None:
    """Note files with another number of draws than the costs, and samples with too few."""
    first = COSTS if COSTS in sheets else LONG
    if COSTS not in parts:
        return
    draws = len(parts[COSTS])
    if draws < LEAST_DRAWS:
        problems.append(Problem("must have enough draws", sheets[first].file, found=str(draws), allowed="2 or more"))
    for name in (EFFECTS, LIFE_YEARS, PARAMETERS):
        if name in sheets and len(sheets[name].rows) != draws:
            found = f"{len(sheets[name].rows)} rows"
            allowed = f"{draws}, as in {first}: row i of each file is draw i"
            problems.append(
                Problem(
                    "must have the same number of draws in all files", sheets[name].file, found=found, allowed=allowed
                )
            )
    if LONG in sheets and COSTS in sheets and "sample" in sheets[LONG].header:
        long_draws = len(set(sheets[LONG].column("sample")))
        if long_draws != draws:
            found, allowed = str(long_draws), f"{draws}, as in {COSTS}"
            problems.append(
                Problem(
                    "must have the same number of draws in all files", sheets[LONG].file, found=found, allowed=allowed
                )
            )
