"""A thin layer over xlsxwriter: sheets that are filled row by row, read on a screen and printed on A4."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

LINE_HEIGHT = 15.0  # points
A4 = 9
MARGINS = {"left": 0.4, "right": 0.4, "top": 0.5, "bottom": 0.7}  # inches
TITLE = {"bold": True, "font_size": 14}
NOTE = {"italic": True, "font_color": "#595959", "valign": "top"}
HEADER = {"bold": True, "bottom": 1, "text_wrap": True, "valign": "bottom"}
GROUP = {"bold": True, "align": "center", "bg_color": "#D9E2EF"}
SECTION = {"bold": True, "bg_color": "#EDEDED"}
TOP = {"valign": "top"}
WRAP = {"text_wrap": True, "valign": "top", "align": "left", "indent": 1}
LINK = {"font_color": "#0563C1", "underline": 1, "valign": "top"}


def formats(sign: str) -> dict[str, dict[str, Any]]:
    """Formats of cells by name; `sign` is that of the currency.

    >>> formats("£")["money"]["num_format"]
    '"£"#,##0;-"£"#,##0'
    """
    whole, exact = (f'"{sign}"{digits};-"{sign}"{digits}' for digits in ("#,##0", "#,##0.00"))
    numbers = {
        "money": whole,
        "price": exact,
        "number": "0.000",
        "amount": "#,##0.00",
        "share": "0.0 %",
        "whole": "#,##0",
        "small": "0.0E+00",
    }
    return {
        "title": TITLE,
        "note": NOTE,
        "header": {**HEADER, "align": "left", "indent": 1},
        "header_right": {**HEADER, "align": "right"},
        "group": GROUP,
        "section": SECTION,
        "bold": {"bold": True, "valign": "top"},
        "top": TOP,
        "wrap": WRAP,
        "link": LINK,
        **{name: {"num_format": shown, **TOP} for name, shown in numbers.items()},
        **{
            f"{name}_bold": {"num_format": numbers[name], "bold": True, "align": "right", **TOP}
            for name in ("money", "number")
        },
        **{f"{name}_error": {"num_format": f"± {numbers[name].split(';')[0]}", **NOTE} for name in ("money", "number")},
        "year": {"num_format": "0", **TOP},
        "text_right": {"align": "right", "text_wrap": True, "valign": "top"},
        "input": {"num_format": whole, "bg_color": "#FFF2CC", "border": 1, **TOP},
    }


def cell(row: int, column: int, *, fixed: bool = False) -> str:
    """Name of a cell, counted from 0; `fixed` keeps it when a formula is copied.

    >>> cell(0, 1), cell(4, 27, fixed=True)
    ('B1', '$AB$5')
    """
    from xlsxwriter.utility import xl_rowcol_to_cell

    return str(xl_rowcol_to_cell(row, column, row_abs=fixed, col_abs=fixed))


class Book:
    """A workbook; used as a context, it is written when the context ends."""

    def __init__(self, path: Path, created: datetime, title: str, sign: str) -> None:
        import xlsxwriter

        self._book = xlsxwriter.Workbook(str(path), {"nan_inf_to_errors": False, "strings_to_formulas": False})
        self._book.set_properties({"created": created.replace(tzinfo=None), "title": title})
        self._footer = f"&L{title.replace('&', '&&')}&R&A, page &P of &N"
        self._formats = {name: self._book.add_format(given) for name, given in formats(sign).items()}

    def __enter__(self) -> Book:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._book.close()

    def sheet(self, name: str, widths: Sequence[float], *, one_page: bool = False) -> Worksheet:
        """Add a sheet that prints on A4 across, as wide as the paper; `widths` of its columns are in characters."""
        sheet = self._book.add_worksheet(name)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.set_landscape()
        sheet.set_paper(A4)
        sheet.set_margins(**MARGINS)
        sheet.set_footer(self._footer)
        sheet.fit_to_pages(1, 1 if one_page else 0)
        sheet.hide_gridlines(2)
        return Worksheet(sheet, self._formats, name, widths)

    def chart(self, kind: str, subtype: str) -> Any:
        """Return a chart without series."""
        return self._book.add_chart({"type": kind, "subtype": subtype} if subtype else {"type": kind})


class Worksheet:
    """A sheet filled from the top; `next` is the row that comes next, from 0."""

    def __init__(self, sheet: Any, formats: dict[str, Any], name: str, widths: Sequence[float]) -> None:
        self.on_paper = sheet
        self.name, self.next = name, 0
        self._formats, self._widths = formats, widths

    def title(self, text: str, under: str) -> None:
        """Write a title, and under it in small letters what the figures are."""
        for words, shown in ((text, "title"), (under, "note")):
            self.on_paper.write_string(self.next, 0, words, self._formats[shown])
            self.next += 1

    def header(self, words: Sequence[str], *, numbers: Collection[int] | None = None) -> int:
        """Write the names of columns, to the right over `numbers`, all but the first if not given; return their row."""
        right = range(1, len(words)) if numbers is None else numbers
        for column, word in enumerate(words):
            self.write(column, word, "header_right" if column in right else "header")
        self._grow(words)
        self.next += 1
        return self.next - 1

    def hold(self, first: int) -> None:
        """Keep the rows written so far and the first column in sight; print rows from `first` on every page."""
        self.on_paper.freeze_panes(self.next, 1)
        self.on_paper.repeat_rows(first, self.next - 1)

    def section(self, text: str, columns: int) -> None:
        """Write a heading over the rows that follow."""
        for column in range(columns):
            self.on_paper.write(self.next, column, text if column == 0 else None, self._formats["section"])
        self.next += 1

    def row(self, values: Sequence[Any], formats: Sequence[str]) -> None:
        """Write a row with a format for each value, as high as its texts need; None leaves a cell empty."""
        for column, (value, shown) in enumerate(zip(values, formats, strict=True)):
            self.write(column, value, shown)
        wrapped = [
            value if shown in ("wrap", "text_right") else "" for value, shown in zip(values, formats, strict=True)
        ]
        self._grow(wrapped)
        self.next += 1

    def note(self, text: str) -> None:
        """Write a remark."""
        self.write(0, text, "note")
        self.next += 1

    def write(self, column: int, value: Any, shown: str = "top") -> None:
        """Write one cell of the next row."""
        given = self._formats[shown or "top"]
        if value is None:
            return
        if isinstance(value, int | float):
            self.on_paper.write_number(self.next, column, value, given)
        else:
            self.on_paper.write_string(self.next, column, str(value), given)

    def formula(self, column: int, formula: str, value: float | str, shown: str) -> None:
        """Write one formula of the next row with the value it has."""
        self.on_paper.write_formula(self.next, column, formula, self._formats[shown], value)

    def group(self, first: int, last: int, text: str) -> None:
        """Write a heading over the columns from `first` to `last`, in the next row."""
        if first == last:
            self.write(first, text, "group")
        else:
            self.on_paper.merge_range(self.next, first, self.next, last, text, self._formats["group"])

    def link(self, sheet: str) -> None:
        """Write the name of another sheet, which leads there, into the first cell of the next row."""
        self.on_paper.write_url(self.next, 0, f"internal:'{sheet}'!A1", self._formats["link"], sheet)

    def _grow(self, values: Sequence[Any]) -> None:
        """Make the next row as high as its longest text needs: a program that opens the file may not."""
        lines = [
            lines_of(value, width) for value, width in zip(values, self._widths, strict=False) if isinstance(value, str)
        ]
        if max(lines, default=1) > 1:
            self.on_paper.set_row(self.next, LINE_HEIGHT * max(lines))


def capital(words: str) -> str:
    """The words with a capital at their beginning.

    >>> capital("end of life"), capital("CAR-T")
    ('End of life', 'CAR-T')
    """
    return words[:1].upper() + words[1:]


def lines_of(text: str, width: float) -> int:
    """How many lines a text takes in a column, broken between words.

    >>> lines_of("Bridge with inotuzumab", 16), lines_of("", 16)
    (2, 1)
    """
    import textwrap

    return max(1, len(textwrap.wrap(text, max(1, int(1.1 * width) - 1))))
