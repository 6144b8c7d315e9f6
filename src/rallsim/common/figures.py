"""Figures drawn from tidy tables. Each takes an `ax` or makes one, and returns it; none needs a display.

Drawn with matplotlib alone: importing seaborn, which brings scipy.stats, would take a third of a short run.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rallsim.common.precision import Z_95
from rallsim.errors import InputError, Problem, nearest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

ENDPOINT_LABELS = {"os": "Overall survival", "efs": "Event-free survival"}
TICK_STEPS = (1, 3, 6, 12, 24, 60, 120)  # months
MOST_INTERVALS = 10
VISIBLE_HALF_WIDTH = 0.005  # of the y axis: a narrower band hides under its own line
LABEL_WIDTH = 80  # characters before a strategy's name goes on in the legend's next line
SMALL_LETTERS = 9.0  # points, in the legend and the table of numbers at risk
SWATCH_LEFT, SWATCH_RIGHT = 46.0, 26.0  # points from the y axis to where a bit of line heads a row of that table
LINE_STYLES = ("-", "--", "-.", ":")
PALETTE = "petroff10"  # ten colours, told apart with any colour vision (Petroff 2021, arXiv:2107.02270)
INK = "0.15"  # of axes and words: nearly black


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
    from matplotlib import color_sequences
    from matplotlib.ticker import PercentFormatter

    held = [str(name) for name in curves["endpoint"].unique()]
    if endpoint not in held:
        raise InputError(
            Problem("no such endpoint", found=endpoint, allowed=", ".join(held), hint=nearest(endpoint, held))
        )
    drawn = curves[curves["endpoint"] == endpoint]
    strategies = [str(name) for name in drawn["strategy"].unique()]
    palette = color_sequences[PALETTE]
    ax = ax if ax is not None else new_axes(height=4.2 + 0.4 * len(strategies))
    horizon = float(drawn["t"].max())
    ticks = month_ticks(horizon)
    lines = {}

    for place, strategy in enumerate(strategies):
        curve = drawn[drawn["strategy"] == strategy]
        colour = palette[place % len(palette)]
        style = LINE_STYLES[place // len(palette) % len(LINE_STYLES)]
        t, survival = curve["t"].to_numpy(), curve["survival"].to_numpy()
        half = Z_95 * curve["std_error"].to_numpy()
        name = textwrap.fill((labels or {}).get(strategy, strategy), LABEL_WIDTH)
        (lines[strategy],) = ax.step(
            t, survival, where="post", color=colour, linestyle=style, linewidth=1.6, label=name
        )
        if half.max() >= VISIBLE_HALF_WIDTH:
            lower, upper = np.clip(survival - half, 0, 1), np.clip(survival + half, 0, 1)
            ax.fill_between(t, lower, upper, step="post", color=colour, alpha=0.18, linewidth=0)

    ax.set_xlim(0, horizon)
    ax.set_xticks(ticks)
    ax.set_ylim(0, 1.02)  # a line at 100 % is seen in its full width
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    ax.set_xlabel("Months since entry")
    ax.set_ylabel(ENDPOINT_LABELS.get(endpoint, endpoint))
    ax.grid(axis="y", color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False, borderaxespad=0.4, fontsize=SMALL_LETTERS)
    if at_risk:
        _write_numbers_at_risk(ax, drawn, lines, ticks)
    return ax


def month_ticks(horizon: float) -> list[int]:
    """Return round months from 0 up to `horizon`: the finest of 1, 3, 6, 12 … that gives at most ten intervals.

    >>> month_ticks(60.0)
    [0, 6, 12, 18, 24, 30, 36, 42, 48, 54, 60]
    >>> month_ticks(600.0)[:3]
    [0, 60, 120]
    """
    step = next((step for step in TICK_STEPS if horizon <= MOST_INTERVALS * step), TICK_STEPS[-1])
    return list(range(0, int(horizon) + 1, step))


def new_axes(width: float = 7.2, height: float = 4.2) -> Axes:
    """Make axes on a figure of their own, of no window; sizes in inches."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with rc_context(
        dict.fromkeys(("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color"), INK)
    ):
        layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)  # inches
        figure = Figure(figsize=(width, height), dpi=150, layout=layout)
        FigureCanvasAgg(figure)
        return figure.add_subplot()


def _write_numbers_at_risk(ax: Axes, drawn: pd.DataFrame, lines: Mapping[str, Line2D], ticks: list[int]) -> None:
    """Write, under each tick, how many are at risk: a row a strategy, in the legend's order, headed by its line.

    Offsets are in points, so that rows keep their distance whatever the size of the axes.
    """
    from matplotlib.lines import Line2D
    from matplotlib.transforms import ScaledTranslation

    row = 1.5 * SMALL_LETTERS
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
            fontsize=SMALL_LETTERS,
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
