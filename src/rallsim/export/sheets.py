"""A thin layer over xlsxwriter: sheets that are filled row by row, with the formats of this package."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

FORMATS: dict[str, dict[str, Any]] = {
    "title": {"bold": True, "font_size": 14},
    "header": {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"},
    "bold": {"bold": True, "valign": "top"},
    "wrap": {"text_wrap": True, "valign": "top", "align": "left"},
    "note": {"italic": True, "font_color": "#595959"},
    "money": {"num_format": "#,##0"},
    "money_bold": {"num_format": "#,##0", "bold": True},
    "number": {"num_format": "0.0000"},
    "number_bold": {"num_format": "0.0000", "bold": True},
    "share": {"num_format": "0.0000"},
    "input": {"num_format": "#,##0", "bg_color": "#FFF2CC", "border": 1},
}
CHART_SIZE = {"width": 760, "height": 380}


def cell(row: int, column: int, *, fixed: bool = False) -> str:
    """Name of a cell, counted from 0; `fixed` keeps it when a formula is copied.

    >>> cell(0, 1), cell(4, 27, fixed=True)
    ('B1', '$AB$5')
    """
    from xlsxwriter.utility import xl_rowcol_to_cell

    return str(xl_rowcol_to_cell(row, column, row_abs=fixed, col_abs=fixed))


class Book:
    """A workbook; used as a context, it is written when the context ends."""

    def __init__(self, path: Path, created: datetime) -> None:
        import xlsxwriter

        self._book = xlsxwriter.Workbook(str(path), {"nan_inf_to_errors": False, "strings_to_formulas": False})
        self._book.set_properties({"created": created.replace(tzinfo=None), "title": "rallsim"})
        self.formats = {name: self._book.add_format(given) for name, given in FORMATS.items()}

    def __enter__(self) -> Book:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._book.close()

    def sheet(self, name: str, widths: Sequence[float]) -> Sheet:
        """Add a sheet; `widths` are those of its columns, in characters."""
        sheet = self._book.add_worksheet(name)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        return Sheet(sheet, self.formats)

    def chart(self, kind: str, subtype: str, title: str, x: str, y: str) -> Any:
        """Return a chart without series."""
        chart = self._book.add_chart({"type": kind, "subtype": subtype} if subtype else {"type": kind})
        chart.set_title({"name": title, "name_font": {"size": 12}})
        chart.set_x_axis({"name": x} if x else {})
        chart.set_y_axis({"name": y, "num_format": "#,##0.##", "major_gridlines": {"visible": True}})
        chart.set_legend({"position": "bottom"})
        chart.set_size(CHART_SIZE)
        return chart


class Sheet:
    """A sheet filled from the top; `next` is the row that comes next, from 0."""

    def __init__(self, sheet: Any, formats: dict[str, Any]) -> None:
        self._sheet, self._formats, self.next = sheet, formats, 0

    def title(self, text: str) -> None:
        """Write a title and leave a row free."""
        self._sheet.write_string(self.next, 0, text, self._formats["title"])
        self.next += 2

    def header(self, words: Sequence[str]) -> None:
        """Write the names of columns."""
        for column, word in enumerate(words):
            self._sheet.write_string(self.next, column, word, self._formats["header"])
        self.next += 1

    def row(self, values: Sequence[Any], formats: str | Sequence[str] = (), *, advance: bool = True) -> None:
        """Write a row: one format for all but the first cell, or one for each; None leaves a cell empty."""
        for column, value in enumerate(values):
            shown = formats if isinstance(formats, str) else formats[column] if column < len(formats) else ""
            if isinstance(formats, str) and column == 0 and formats != "note":
                shown = ""
            self.write(column, value, shown)
        if advance:
            self.next += 1

    def formulas(self, label: str, cells: Sequence[tuple[str, float | str]], shown: str) -> None:
        """Write a row of formulas with the values they have, after its label."""
        self.write(0, label, "bold" if shown.endswith("bold") else "")
        for column, (formula, value) in enumerate(cells, 1):
            self.write_formula(column, formula, value, shown)
        self.next += 1

    def write(self, column: int, value: Any, shown: str = "") -> None:
        """Write one cell of the next row."""
        given = self._formats.get(shown)
        if value is None:
            return
        if isinstance(value, bool):
            self._sheet.write_boolean(self.next, column, value, given)
        elif isinstance(value, int | float):
            self._sheet.write_number(self.next, column, value, given)
        else:
            self._sheet.write_string(self.next, column, str(value), given)

    def write_formula(self, column: int, formula: str, value: float | str, shown: str = "") -> None:
        """Write one formula of the next row with the value it has."""
        self._sheet.write_formula(self.next, column, formula, self._formats.get(shown), value)

    def place(self, chart: Any, row: int, column: int) -> None:
        """Put a chart where its upper left corner stands."""
        self._sheet.insert_chart(row, column, chart)

    def freeze(self) -> None:
        """Keep the first row and column in sight."""
        self._sheet.freeze_panes(1, 1)
