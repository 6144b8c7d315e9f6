"""A figure a trial: observed points and numbers at risk over the simulated band, and all other outcomes as rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from rallsim.common.figures import DENSE, FIRST, INK, MISSED, finish, new_figure, theme, titled
from rallsim.validation.quantities import RATIOS, TIMES
from rallsim.validation.targets import AT_RISK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OBSERVED, BAND = INK, FIRST
ROW_HEIGHT, CURVE_HEIGHT, WIDTH = 0.2, 3.0, 10.5


def plot_trial(rows: pd.DataFrame, bands: pd.DataFrame, title: str) -> Figure:
    """Draw one trial: curves of its arms above, one row an outcome below, its published number over the simulated.

    `rows` and `bands` are those of a validation, for this trial; `title` is written above.

    >>> from rallsim.validation.run import validate_model
    >>> found = validate_model(only=["blast"], draws=20)
    >>> plot_trial(found.rows, found.bands, "BLAST").get_suptitle()[:5]
    'BLAST'
    """
    arms = list(dict.fromkeys(bands["arm"]))
    listed = rows[rows["inside"].notna() & ~rows["quantity"].isin((AT_RISK,))]
    relative = listed["quantity"].isin((*TIMES, *RATIOS, "cycles_median")) | listed["quantity"].str.endswith("_rate_py")
    shares, others = listed[~relative], listed[relative]
    heights = [CURVE_HEIGHT, *(0.7 + ROW_HEIGHT * len(part) for part in (shares, others) if len(part))]
    figure = new_figure(WIDTH, sum(heights))
    with theme():
        grid = figure.add_gridspec(len(heights), len(arms), height_ratios=heights)
        for place, arm in enumerate(arms):
            ax = figure.add_subplot(grid[0, place])
            plot_curve(rows[rows["arm"] == arm], bands[bands["arm"] == arm], ax)
        for place, (part, words) in enumerate(
            [(part, words) for part, words in ((shares, "Share"), (others, "Observed over simulated")) if len(part)], 1
        ):
            plot_rows(part, figure.add_subplot(grid[place, :]), relative=words != "Share")
    return titled(figure, title, "Published (black) over simulated (blue: 95 % of trials of this size)")


def plot_curve(rows: pd.DataFrame, band: pd.DataFrame, ax: Axes) -> Axes:
    """Draw simulated overall survival with its band; landmarks, medians and numbers at risk with the same beginning."""
    from matplotlib.ticker import PercentFormatter

    since = str(band["since"].iloc[0])
    ax.fill_between(band["t"], band["sim_lo"], band["sim_hi"], color=BAND, alpha=0.25, linewidth=0)
    ax.plot(band["t"], band["survival"], color=BAND)
    whole = rows[rows["use"].isin(("fit", "kept", "direct"))]
    whole = whole[whole["on_curve"] & (whole["since"] == since)]
    landmarks, medians = whole[whole["quantity"] == "os_at"], whole[whole["quantity"] == "median_os"]
    for _, row in landmarks.iterrows():
        _cross(ax, row["at_months"], row["observed"], (row["lo"], row["hi"]), None)
    for _, row in medians.iterrows():
        _cross(ax, row["observed"], 0.5, None, (row["lo"], row["hi"]))
    at_risk = whole[whole["quantity"] == AT_RISK]
    for _, row in at_risk.iterrows():
        inside = row["sim_lo"] <= row["observed"] <= row["sim_hi"]
        counts = f"{row['observed'] * row['total']:.0f}\n{row['simulated'] * row['total']:.0f}"
        _below(ax, row["at_months"], counts, "center", OBSERVED if inside else MISSED)
    if len(at_risk):
        _below(ax, 0.0, "at risk\nsimulated  ", "right", OBSERVED)
    ax.set(ylim=(0, 1.02), xlim=(0, band["t"].max()), title=str(band["arm"].iloc[0]).replace("_", " "))
    ax.set_xlabel(f"months from {since}", labelpad=26 if len(at_risk) else 4)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_ylabel("Overall survival")
    return ax


def plot_rows(rows: pd.DataFrame, ax: Axes, relative: bool) -> Axes:
    """Draw one row an outcome: simulated interval as a bar, published number with its interval above it."""
    known = rows["simulated"].where(np.isfinite(rows["simulated"]) & (rows["simulated"] > 0), np.nan)
    scale = known if relative else 1.0
    shown = rows.assign(**{key: rows[key] / scale for key in ("observed", "lo", "hi", "simulated", "sim_lo", "sim_hi")})
    limit = 4.0 if relative else 1.0
    for place, (_, row) in enumerate(shown.iterrows()):
        inside = bool(row["inside"])
        high = min(row["sim_hi"], limit * 2) if not math.isnan(row["sim_hi"]) else limit
        ax.plot([row["sim_lo"], high], [place, place], color=BAND, alpha=0.35, linewidth=6, solid_capstyle="butt")
        ax.plot(row["simulated"], place, "|", color=BAND, markersize=8)
        colour = OBSERVED if inside else MISSED
        ax.plot([row["lo"], row["hi"]], [place, place], color=colour, linewidth=1)
        ax.plot(row["observed"], place, "o", color=colour, markersize=3.5)
    words = [
        f"{row['id']}{'' if row['use'] in ('kept', 'twin') else ' *'}  {row['arm'].replace('_', ' ')}"
        for _, row in rows.iterrows()
    ]
    ax.set_yticks(range(len(rows)), words, fontsize=DENSE)
    ax.set(ylim=(len(rows) - 0.5, -0.5))
    if relative:
        ax.set_xscale("log")
        ax.set_xlim(1 / limit, limit)
        ax.set_xticks([0.25, 0.5, 1, 2, 4], ["¼", "½", "1", "2", "4"])
        ax.minorticks_off()
        ax.set_xlabel("over the simulated value (times, rates and ratios); * had a part in a fit")
    else:
        ax.set_xlim(0, 1)
        ax.set_xlabel("share; * had a part in a fit")
    return finish(ax, legend=False, grid="x")


def _below(ax: Axes, month: float, words: str, side: Literal["center", "right"], colour: str) -> None:
    """Write under the tick labels of the x axis."""
    place, points = (month, 0.0), (0.0, -34.0)
    ax.annotate(
        words, place, points, textcoords="offset points", ha=side, fontsize=DENSE, color=colour, annotation_clip=False
    )


def _cross(
    ax: Axes, x: float, y: float, y_limits: tuple[float, float] | None, x_limits: tuple[float, float] | None
) -> None:
    if y_limits:
        ax.plot([x, x], list(y_limits), color=OBSERVED, linewidth=1)
    if x_limits:
        ax.plot(list(x_limits), [y, y], color=OBSERVED, linewidth=1)
    ax.plot(x, y, "o", color=OBSERVED, markersize=4)
