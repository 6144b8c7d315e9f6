"""Evidence tables as lines of cells that know their place: whatever is wrong with a cell is said with file and line."""

from __future__ import annotations

import csv
import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rallsim.errors import Problem, nearest

SEXES = ("female", "male")
COLUMNS = {
    "sources": "source_id kind citation doi url note",
    "estimates": "id topic therapy population quantity value lo hi ci_level events total unit at_months source_id "
    "where origin note",
    "assumed": "id topic quantity value lo hi unit reason",
    "risk_tables": "curve_id therapy population endpoint at_months at_risk source_id where origin note",
    "km_points": "curve_id therapy population endpoint time_months survival source_id note",
    "life_tables": "country year sex age qx source_id note",
}
# Words after the first may hold a published code in its own letters, such as the French stay group 17M051.
_SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[A-Za-z0-9]+)*")


@dataclass(frozen=True)
class TableLine:
    """One line of a table, and the list that takes its faults; every method names a column."""

    file: Path
    number: int
    cells: dict[str, str]
    faults: list[Problem]

    def fault(self, column: str, message: str, **extras: str | None) -> None:
        """Note what is wrong with a cell."""
        name = next(iter(self.cells.values()))
        self.faults.append(Problem(message, str(self.file), self.number, f"{name}.{column}", **extras))

    def optional(
        self, column: str, low: float = -math.inf, high: float = math.inf, whole: bool = False
    ) -> float | None:
        """Return the number in a cell; None for an empty one and for a faulty one, which is noted."""
        text = self.cells[column]
        if not text:
            return None
        try:
            number = math.nan if "_" in text else float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.fault(column, "must be a finite number", found=text)
        elif not low <= number <= high or (whole and number != int(number)):
            bounds = f"from {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
            allowed = f"a whole number {bounds}" if whole else bounds
            self.fault(column, "must be", found=text, allowed=allowed)
        else:
            return number
        return None

    def required(self, column: str, low: float = -math.inf, high: float = math.inf, whole: bool = False) -> float:
        """Return the number that must stand in a cell; not a number where none does, which is noted."""
        if not self.cells[column]:
            self.fault(column, "is missing: a number must stand here")
        number = self.optional(column, low, high, whole)
        return math.nan if number is None else number

    def snake_case(self, column: str) -> str:
        """Return a cell that must be snake_case."""
        text = self.cells[column]
        if not _SNAKE_CASE.fullmatch(text):
            self.fault(column, "must be snake_case", found=repr(text), allowed="words_joined_like_this")
        return text

    def word(self, column: str, allowed: Sequence[str]) -> str:
        """Return a cell that must be one of the words `allowed`."""
        text = self.cells[column]
        if text not in allowed:
            hint = nearest(text, allowed)
            self.fault(column, "must be one of", found=repr(text), allowed=", ".join(allowed), hint=hint)
        return text

    def level(self, column: str) -> str:
        """Return a cell that must say what an interval is: its level, range or iqr, or nothing."""
        text = self.cells[column]
        try:
            is_level = text in ("", "range", "iqr") or 0 < float(text) < 1
        except ValueError:
            is_level = False
        if not is_level:
            self.fault(column, "must be", found=text, allowed="empty, range, iqr, a number between 0 and 1")
        return text

    def source(self, known: Collection[str] | None) -> str:
        """Return the line's source id, which must be `known`; anything goes where that is None."""
        source_id = self.cells["source_id"]
        if known is not None and source_id not in known:
            hint = nearest(source_id, tuple(known))
            self.fault("source_id", "must be a source in sources.csv", found=repr(source_id), hint=hint)
        return source_id


def read_table(path: Path, kind: str, faults: list[Problem]) -> list[TableLine]:
    """Return the lines of a table that have the right number of cells; none when the header is wrong."""
    columns = COLUMNS[kind].split()
    lines: list[TableLine] = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if header != columns:
                found = ", ".join(header)
                faults.append(Problem("must have these columns", str(path), 1, found=found, allowed=", ".join(columns)))
                return []
            start = reader.line_num + 1  # a quoted cell may hold line breaks: a row starts where the last one ended
            for cells in reader:
                if len(cells) == len(columns):
                    lines.append(TableLine(path, start, dict(zip(columns, cells, strict=True)), faults))
                elif cells:
                    message = f"must have {len(columns)} cells, got {len(cells)}"
                    faults.append(Problem(message, str(path), start, cells[0]))
                start = reader.line_num + 1
    except FileNotFoundError:
        faults.append(Problem("must be a file that exists", str(path)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        faults.append(Problem(f"cannot be read: {error}", str(path)))
    return lines


def check_ids(lines: Iterable[TableLine], column: str, shipped: Collection[str] = ()) -> None:
    """Note every id that is not snake_case, stands twice, in whichever files, or is one of those `shipped`."""
    first: dict[str, TableLine] = {}
    for line in lines:
        name = line.snake_case(column)
        if name in first:
            line.fault(column, "must stand once", found=f"it in {first[name].file.name}:{first[name].number} too")
        if name in shipped:
            line.fault(column, "cannot be the id of a shipped row", found=name)
        first.setdefault(name, line)


def life_tables(
    lines: Iterable[TableLine], sources: Collection[str] | None
) -> dict[tuple[str, str], tuple[float, ...]]:
    """Group by country, year and sex, see that ages run from 0 without holes, and keep the latest year."""
    tables: dict[tuple[float, str, str], list[tuple[float, float, TableLine]]] = defaultdict(list)
    for line in lines:
        line.source(sources)
        group = (line.required("year", whole=True), line.cells["country"], line.word("sex", SEXES))
        tables[group].append((line.required("age", low=0, whole=True), line.required("qx", 0, 1), line))
    latest: dict[tuple[str, str], tuple[float, ...]] = {}
    for (_, country, sex), table in sorted(tables.items(), key=lambda item: item[0]):
        table.sort(key=lambda each: each[0])
        for expected, (age, _, line) in enumerate(table):
            if age != expected and not math.isnan(age):
                line.fault("age", "must run from 0 without holes", found=f"{age:g}", allowed=f"{expected}")
                break
        latest[country, sex] = tuple(qx for _, qx, _ in table)
    return latest
