"""The sheet of charts: native ones, drawn from the cells of the other sheets, four to a printed page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rallsim.common.figures import COLOURS
from rallsim.export.sheets import Book

Range = tuple[str, int, int, int, int]  # sheet, first row, first column, last row, last column

MONEY_AXIS, YEARS_AXIS, SHARE_AXIS = "#,##0", "0.0", "0 %"
SIZE = {"width": 690, "height": 450}  # pixels
ROWS, COLUMNS = 23, 11  # of a chart with the space around it, in cells of 20 by 64 pixels
ACROSS = 2
SCALE = 70  # per cent, at which two by two charts fill a page across
PALETTE = (*COLOURS, "#1b7837", "#f4a6c0", "#30363d")  # three more for the rarest stages


@dataclass(frozen=True)
class Series:
    """One line, area or layer of columns; `name` is a text or the cell that holds it."""

    name: str | tuple[str, int, int]
    categories: Range
    values: Range
    colour: str | None = None


@dataclass(frozen=True)
class Drawing:
    """What a chart shows; `months` is the length of an axis of time, None for an axis of words."""

    kind: str
    subtype: str
    title: str
    x: str
    y: str
    series: Sequence[Series]
    number: str
    months: float | None = None


class Charts:
    """The sheet of charts; added early for its place in the book, filled when the cells it shows are written."""

    def __init__(self, book: Book, title: str) -> None:
        self._book = book
        self._sheet = book.sheet("Charts", widths=[8.43] * (ACROSS * COLUMNS))
        self._sheet.title(title, "Drawn from the cells of the sheets Results, By year, Survival and Trace.")
        self._top = self._sheet.next

    def draw(self, drawings: Sequence[Drawing]) -> None:
        """Place the charts in rows of two, two rows a page."""
        paper = self._sheet.on_paper
        paper.set_print_scale(SCALE)
        for place, drawing in enumerate(drawings):
            row, column = divmod(place, ACROSS)
            paper.insert_chart(self._top + row * ROWS, column * COLUMNS, self._chart(drawing))
        rows = -(-len(drawings) // ACROSS)
        paper.set_h_pagebreaks([self._top + row * ROWS for row in range(2, rows, 2)])
        paper.print_area(0, 0, self._top + rows * ROWS - 1, ACROSS * COLUMNS - 1)

    def _chart(self, drawing: Drawing) -> Any:
        chart = self._book.chart(drawing.kind, drawing.subtype)
        for place, one in enumerate(drawing.series):
            colour = one.colour or PALETTE[place % len(PALETTE)]
            look = {"line": {"color": colour, "width": 2}} if drawing.kind == "scatter" else {"fill": {"color": colour}}
            name = one.name if isinstance(one.name, str) else list(one.name)
            chart.add_series(
                {"name": name, "categories": [*one.categories], "values": [*one.values], "gap": 60, **look}
            )
        chart.set_title({"name": drawing.title, "name_font": {"size": 12}, "overlay": False})
        y = {"name": drawing.y, "num_format": drawing.number, "min": 0, "major_gridlines": _THIN}
        chart.set_y_axis(y | ({"max": 1} if drawing.number == SHARE_AXIS else {}))
        chart.set_x_axis({"name": drawing.x, **_time(drawing)})
        chart.set_legend({"position": "bottom"})
        chart.set_size(SIZE)
        return chart


_THIN = {"visible": True, "line": {"color": "#D9D9D9", "width": 0.5}}


def _time(drawing: Drawing) -> dict[str, Any]:
    """Settings of the axis across: a tick a year where it is time, at most about ten of them."""
    if drawing.months is None:
        return {}
    tick = 12 * max(1, round(drawing.months / 120))
    if drawing.kind == "scatter":
        return {"min": 0, "max": drawing.months, "major_unit": tick, "num_format": "0"}
    return {"interval_unit": tick, "interval_tick": tick, "num_format": "0", "position_axis": "on_tick"}
