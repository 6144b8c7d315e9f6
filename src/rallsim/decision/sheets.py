"""One CSV file with every cell as text: numbers of its columns, and what is wrong with them by line."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from rallsim.decision.rounding import LARGEST, Floats
from rallsim.errors import Problem

SHOWN_FAULTS = 5  # of one kind in one column; more are counted
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
POINT = re.compile(r"\s*[-+]?\d*\.\d")
COMMA = re.compile(r"\s*[-+]?\d*,\d+([eE][-+]?\d+)?\s*")
THOUSANDS = re.compile(r"\s*[-+]?[1-9]\d{0,2},\d{3}\s*")


@dataclass(frozen=True)
class Sheet:
    """Cells of one CSV file as text, with the line each row stands in."""

    file: str
    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    separator: str = ","

    @cached_property
    def decimal_comma(self) -> bool:
        """Whether commas stand before decimals: cells are not separated by commas, and no number has a point."""
        cells = [cell for row in self.rows for cell in row] if self.separator != "," else []
        return any(map(COMMA.fullmatch, cells)) and not any(map(POINT.match, cells))

    @property
    def note(self) -> str:
        """How the file was read, where that is not as plain CSV."""
        if self.separator == ",":
            return ""
        commas = ", and with commas before decimals" if self.decimal_comma else ""
        return f"{Path(self.file).name} was read as separated by {SEPARATORS[self.separator]}{commas}."

    def column(self, name: str) -> list[str]:
        """Cells of a column."""
        place = self.header.index(name)
        return [row[place] for row in self.rows]

    def numbers(self, name: str, problems: list[Problem], low: float = -math.inf) -> Floats:
        """Finite numbers of a column, not below `low`; what is none is noted and becomes not-a-number."""
        cells = self.column(name)
        values = np.array([_number(cell.replace(",", ".") if self.decimal_comma else cell) for cell in cells])
        faulty = np.flatnonzero(~((np.abs(values) <= LARGEST) & (values >= low)))
        for place in faulty[:SHOWN_FAULTS]:
            message = "must be a number" if not cells[place].strip() else "must be a finite number"
            if math.isfinite(values[place]):
                message = f"must be at least {low:g}" if values[place] < low else f"must be at most {LARGEST:g} in size"
            self._note(problems, self.lines[place], name, message, cells[place] or None)
        if len(faulty) > SHOWN_FAULTS:
            self._note(problems, None, name, f"has {len(faulty) - SHOWN_FAULTS} more faulty cells")
        values[faulty] = math.nan
        return values

    def _note(
        self, problems: list[Problem], line: int | None, key: str, message: str, found: str | None = None
    ) -> None:
        comma = found is not None and "," in found and math.isfinite(_number(found.replace(",", ".")))
        allowed = "a point before decimals and no separator of thousands" if comma else None
        problems.append(Problem(message, self.file, line, key, None if found is None else repr(found), allowed))


def read_sheet(path: Path, problems: list[Problem]) -> Sheet:
    """Read a CSV file whose rows all have as many cells as its header; blank lines are passed over.

    Cells are separated by commas, semicolons or tabs, whichever the header has most of.
    """
    sheet = Sheet(str(path), [], [], [])
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # spreadsheets write a byte-order mark
            separator = max(SEPARATORS, key=file.readline().count)
            file.seek(0)
            sheet = Sheet(str(path), [], [], [], separator)
            reader = csv.reader(file, strict=True, delimiter=separator)
            sheet.header.extend(next(reader, []))
            wrong = []
            start = reader.line_num + 1
            for cells in reader:
                if len(cells) == len(sheet.header) and (len(cells) > 1 or cells[0].strip()):
                    sheet.rows.append(cells)
                    sheet.lines.append(start)
                elif cells and any(cell.strip() for cell in cells):
                    wrong.append((start, len(cells)))
                start = reader.line_num + 1
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problems.append(Problem(f"cannot be read: {error}", str(path)))
        return sheet
    for line, count in wrong[:SHOWN_FAULTS]:
        problems.append(Problem(f"must have {len(sheet.header)} cells, got {count}", str(path), line))
    if len(wrong) > SHOWN_FAULTS:
        problems.append(Problem(f"has {len(wrong) - SHOWN_FAULTS} more lines of another length", str(path)))
    commas = [cell for row in sheet.rows for cell in row if COMMA.fullmatch(cell)] if sheet.decimal_comma else []
    if commas and all(map(THOUSANDS.fullmatch, commas)):
        message = "must have a point before decimals, or no separator of thousands: it may mean either"
        problems.append(Problem(message, str(path), key="numbers", found=repr(commas[0])))
    if not sheet.header:
        problems.append(Problem("must begin with a line of names, got nothing", str(path)))
    return sheet


def _number(text: str) -> float:
    """Return the number a cell holds, not-a-number where it holds none."""
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan
