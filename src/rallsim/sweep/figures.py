"""What figures of sweeps share: panels one above the other, and a title that says what is asked."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rallsim.common.figures import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE_WIDTH = 78  # characters of a line


def titled(figure: Figure, title: str, question: str) -> Figure:
    """Write the scenario's title and the question or finding above a figure."""
    lines = [textwrap.fill(one, TITLE_WIDTH) for one in (title, question) if one]
    figure.suptitle("\n".join(lines), fontsize=11, fontweight="bold", x=0.02, ha="left")
    return figure


def panels(number: int, *, width: float = 7.2, height: float = 3.0, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Make a figure with panels, row by row; `height` is that of one row, in inches."""
    rows = -(-number // columns)
    first = new_axes(width=width, height=0.9 + rows * height)
    figure = first.figure.get_figure(root=True)
    assert figure is not None
    first.remove()
    grid = figure.subplots(rows, columns, squeeze=False)
    axes = [ax for row in grid for ax in row]
    for ax in axes[number:]:
        ax.remove()
    return figure, axes[:number]


def figure_of(ax: Axes) -> Figure:
    """Return the figure that axes belong to."""
    figure = ax.figure.get_figure(root=True)
    assert figure is not None
    return figure
