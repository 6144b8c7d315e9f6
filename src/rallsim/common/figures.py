"""The theme of all figures (colours, sizes, axes), and the figure of survival by strategy.

Each figure is drawn from a tidy table, takes an `ax` or makes one, and returns it; none needs a display. Drawn with
matplotlib alone, but for the pages of `curves`: importing seaborn, which brings scipy.stats, would take a third of a
short run.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rallsim.common.precision import Z_95
from rallsim.errors import InputError, Problem, nearest

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

COLOURS = (  # told apart with any colour vision (Petroff 2021, arXiv:2107.02270); greys last: reference lines are grey
    *("#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#a96b59", "#92dadd", "#e76300", "#b9ac70", "#94a4a2", "#717581"),
)
FIRST, SECOND, MISSED = COLOURS[:3]  # of two kinds of mark in a figure without strategies; what lies outside its limits
LINE_STYLES = ("-", "--", "-.", ":")  # another one each time the colours are used up
INK, GREY, FAINT, GRID = "0.15", "0.45", "0.75", "0.92"  # of axes and words, of notes, of marks, of grids
TITLE, SMALL, TINY, DENSE = 11.0, 9.0, 8.0, 6.5  # points: titles; legends and notes; a page's notes; long lists
TITLE_LETTERS = 10.8  # of a title that an inch of its figure holds

ENDPOINT_LABELS = {"os": "Overall survival", "efs": "Event-free survival"}
TICK_STEPS = (1, 3, 6, 12, 24, 60, 120)  # months
MOST_INTERVALS = 10
VISIBLE_HALF_WIDTH = 0.005  # of the y axis: a narrower band hides under its own line
LABEL_WIDTH = 80  # characters before a strategy's name goes on in the legend's next line
SWATCH_LEFT, SWATCH_RIGHT = 46.0, 26.0  # points from the y axis to where a bit of line heads a row of that table


def colour(place: int) -> tuple[float, float, float]:
    """Return the colour of the strategy (or other series) at a place of its list, the same in every figure."""
    from matplotlib.colors import to_rgb

    return to_rgb(COLOURS[place % len(COLOURS)])


def line_style(place: int) -> str:
    """Return the line style of the strategy at a place: another one where colours come a second time."""
    return LINE_STYLES[place // len(COLOURS) % len(LINE_STYLES)]


def theme() -> AbstractContextManager[None]:
    """Return a context in which axes are made in the colours of the theme."""
    from matplotlib import rc_context

    axes: dict[Any, str] = {f"axes.{name}": INK for name in ("edgecolor", "labelcolor")}
    return rc_context(axes | {f"{name}.color": INK for name in ("text", "xtick", "ytick")})


def new_figure(width: float = 7.2, height: float = 4.2) -> Figure:
    """Make a figure of no window, which lays out what it holds; sizes in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(width, height), dpi=150, layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))  # inches
    FigureCanvasAgg(figure)
    return figure


def new_axes(width: float = 7.2, height: float = 4.2) -> Axes:
    """Make axes on a figure of their own; sizes in inches."""
    with theme():
        return new_figure(width, height).add_subplot()


def panels(number: int, *, width: float = 7.2, height: float = 3.0, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Make a figure with panels, row by row; `height` is that of one row, in inches."""
    rows = -(-number // columns)
    figure = new_figure(width, 0.9 + rows * height)
    with theme():
        axes = [ax for row in figure.subplots(rows, columns, squeeze=False) for ax in row]
    for ax in axes[number:]:
        ax.remove()
    return figure, axes[:number]


def figure_of(ax: Axes) -> Figure:
    """Return the figure that axes belong to."""
    figure = ax.figure.get_figure(root=True)
    assert figure is not None
    return figure


def titled(figure: Figure, title: str, question: str = "") -> Figure:
    """Write a title, and the question or finding under it, above a figure."""
    width = int(TITLE_LETTERS * figure.get_figwidth())
    lines = [textwrap.fill(one, width) for one in (title, question) if one]
    figure.suptitle("\n".join(lines), fontsize=TITLE, fontweight="bold", x=0.02, ha="left")
    return figure


def legend_above(ax: Axes, columns: int = 2, handles: Sequence[Artist] | None = None) -> None:
    """Write the legend above the axes, where it covers nothing."""
    shown = handles if handles is not None else ax.get_legend_handles_labels()[0]
    place: dict[str, Any] = {"bbox_to_anchor": (0, 1), "borderaxespad": 0.4, "ncols": columns}
    ax.legend(handles=shown, loc="lower left", frameon=False, fontsize=SMALL, **place)


def finish(ax: Axes, *, legend: bool = True, grid: str = "both") -> Axes:
    """Give axes their grid, two open sides and, above them, their legend."""
    ax.grid(axis=grid, color=GRID, linewidth=0.8)  # type: ignore[arg-type]
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    if legend:
        legend_above(ax)
    return ax


def plot_survival(
    curves: pd.DataFrame,
    labels: Mapping[str, str] | None = None,
    endpoint: str = "os",
    ax: Axes | None = None,
    at_risk: bool = True,
) -> Axes:
    """Draw survival by strategy as steps over months, with the numbers `at_risk` under the ticks if wanted.

    `curves` is the `survival` of a summary; `labels` names strategies for people; a 95 % band is drawn
    where it would be seen. Legend and table stand outside the axes: give an `ax` of a figure with constrained layout,
    as those made here have, and nothing is cut off. A tick at a time that `curves` does not hold has no number.

    Refuses an `endpoint` that `curves` does not hold.

    >>> curves = pd.DataFrame({"strategy": "chemotherapy", "endpoint": "os", "t": [0.0, 1.0], "survival": [1.0, 0.8],
    ...                        "std_error": [0.0, 0.04], "at_risk": [100, 100]})
    >>> plot_survival(curves, {"chemotherapy": "Chemotherapy"}).get_ylabel()
    'Overall survival'
    """
    from matplotlib.ticker import PercentFormatter

    held = [str(name) for name in curves["endpoint"].unique()]
    if endpoint not in held:
        raise InputError(
            Problem("must be a known endpoint", found=endpoint, allowed=", ".join(held), hint=nearest(endpoint, held))
        )
    drawn = curves[curves["endpoint"] == endpoint]
    strategies = [str(name) for name in drawn["strategy"].unique()]
    ax = ax if ax is not None else new_axes(height=4.2 + 0.4 * len(strategies))
    horizon = float(drawn["t"].max())
    ticks = month_ticks(horizon)
    lines = {}

    for place, strategy in enumerate(strategies):
        curve = drawn[drawn["strategy"] == strategy]
        t, survival = curve["t"].to_numpy(), curve["survival"].to_numpy()
        half = Z_95 * curve["std_error"].to_numpy()
        name = textwrap.fill((labels or {}).get(strategy, strategy), LABEL_WIDTH)
        (lines[strategy],) = ax.step(
            t, survival, where="post", color=colour(place), linestyle=line_style(place), linewidth=1.6, label=name
        )
        if half.max() >= VISIBLE_HALF_WIDTH:
            lower, upper = np.clip(survival - half, 0, 1), np.clip(survival + half, 0, 1)
            ax.fill_between(t, lower, upper, step="post", color=colour(place), alpha=0.18, linewidth=0)

    ax.set_xlim(0, horizon)
    ax.set_xticks(ticks)
    ax.set_ylim(0, 1.02)  # a line at 100 % is seen in its full width
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    ax.set_xlabel("Months since entry")
    ax.set_ylabel(ENDPOINT_LABELS.get(endpoint, endpoint))
    legend_above(ax, columns=1)
    if at_risk:
        _write_numbers_at_risk(ax, drawn, lines, ticks)
    return finish(ax, legend=False, grid="y")


def month_ticks(horizon: float) -> list[int]:
    """Return round months from 0 up to `horizon`: the finest of 1, 3, 6, 12 … that gives at most ten intervals.

    >>> month_ticks(60.0)
    [0, 6, 12, 18, 24, 30, 36, 42, 48, 54, 60]
    >>> month_ticks(600.0)[:3]
    [0, 60, 120]
    """
    step = next((step for step in TICK_STEPS if horizon <= MOST_INTERVALS * step), TICK_STEPS[-1])
    return list(range(0, int(horizon) + 1, step))


def _write_numbers_at_risk(ax: Axes, drawn: pd.DataFrame, lines: Mapping[str, Line2D], ticks: list[int]) -> None:
    """Write, under each tick, how many are at risk: a row a strategy, in the legend's order, headed by its line.

    Offsets are in points, so that rows keep their distance whatever the size of the axes.
    """
    from matplotlib.lines import Line2D
    from matplotlib.transforms import ScaledTranslation

    row = 1.5 * SMALL
    corner = ScaledTranslation(0, 0, ax.transAxes)  # type: ignore[arg-type]  # transAxes is affine; the stubs forget it
    inches_from_corner = ax.figure.dpi_scale_trans + corner

    def write(text: str, at: float, right: float, down: float, align: str) -> None:
        ax.annotate(
            text,
            xy=(at, 0.0),
            xycoords=("data", "axes fraction"),
            xytext=(right, down),
            textcoords="offset points",
            ha=align,
            va="center",
            fontsize=SMALL,
            annotation_clip=False,
        )

    down = -3.7 * row  # under the tick labels and the name of the axis
    write("Number at risk", 0.0, -SWATCH_LEFT, down, "left")
    for strategy, line in lines.items():
        down -= row
        swatch = Line2D(
            [-SWATCH_LEFT / 72, -SWATCH_RIGHT / 72],
            [down / 72, down / 72],
            color=line.get_color(),
            linestyle=line.get_linestyle(),
            linewidth=line.get_linewidth(),
            transform=inches_from_corner,
            clip_on=False,
        )
        ax.add_artist(swatch)
        curve = drawn[drawn["strategy"] == strategy]
        for tick in ticks:
            number = curve.loc[np.isclose(curve["t"], tick), "at_risk"]
            if len(number):
                write(f"{int(number.iloc[0])}", float(tick), 0.0, down, "center")
