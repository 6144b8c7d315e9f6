"""Figures over all trials: published against simulated, how often intervals hold, and prior beside posterior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rallsim.common.figures import COLOURS, FIRST, MISSED, SMALL, TINY, figure_of, finish, new_axes, panels, titled
from rallsim.validation.quantities import RATIOS, TIMES
from rallsim.validation.targets import SCORED, USES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

USE_COLOURS = {"fit": FIRST, "direct": COLOURS[5], "kept": MISSED}
BINS = 10
LEVELS = (0.5, 0.8, 0.9, 0.95)


def plot_calibration(rows: pd.DataFrame) -> Figure:
    """Draw published against simulated shares, and the ranks of published numbers among simulated trials.

    `rows` are those of a validation.

    >>> from rallsim.validation.run import validate_model
    >>> len(plot_calibration(validate_model(only=["blast"], draws=20).rows).axes)
    2
    """
    scored = rows[rows["use"].isin(SCORED) & rows["inside"].notna()]
    figure, (left, right) = panels(2, width=11.0, height=4.3, columns=2)
    plot_shares(scored, left)
    plot_ranks(scored[scored["use"] == "kept"], right)
    return titled(figure, "Validation: published numbers and simulated trials of the same size")


def plot_shares(rows: pd.DataFrame, ax: Axes) -> Axes:
    """Draw published shares over simulated ones with their prediction intervals; the diagonal is agreement."""
    relative = rows["quantity"].isin((*TIMES, *RATIOS)) | rows["quantity"].str.endswith("_rate_py")
    shares = rows[~relative & (rows["observed"] <= 1.0)]
    ax.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    for use, words in USES.items():
        mine = shares[shares["use"] == use]
        if len(mine):
            ax.vlines(mine["observed"], mine["sim_lo"], mine["sim_hi"], color=USE_COLOURS[use], alpha=0.25, linewidth=1)
            ax.plot(mine["observed"], mine["simulated"], "o", markersize=3, color=USE_COLOURS[use], label=words)
    ax.set(
        xlim=(0, 1), ylim=(0, 1), xlabel="published share", ylabel="simulated (bars: 95 % of trials)", aspect="equal"
    )
    ax.legend(frameon=False, fontsize=TINY, loc="upper left")
    return ax


def plot_ranks(rows: pd.DataFrame, ax: Axes) -> Axes:
    """Draw where published numbers kept out of every fit lie among simulated trials; even bars mean right intervals."""
    ranks = rows["rank"].dropna()
    expected = len(ranks) / BINS
    spread = 2.0 * np.sqrt(expected * (1.0 - 1.0 / BINS))
    ax.axhspan(expected - spread, expected + spread, color="0.9")
    ax.hist(ranks, bins=np.linspace(0.0, 1.0, BINS + 1).tolist(), color=USE_COLOURS["kept"], alpha=0.8)
    ax.axhline(expected, color="0.6", linewidth=1)
    ax.set(xlim=(0, 1), xlabel="share of simulated trials below the published number", ylabel="outcomes")
    held = ", ".join(f"{level:.0%}: {share:.0%}" for level, share in coverage(ranks).items())
    ax.set_title(f"held by intervals of {held}", fontsize=SMALL)
    return ax


def coverage(ranks: pd.Series) -> dict[float, float]:
    """Share of published numbers in the middle of simulated trials, for several levels of interval.

    >>> coverage(pd.Series([0.5, 0.1, 0.99, 0.6]))[0.5]
    0.5
    """
    return {level: float(((ranks - 0.5).abs() <= level / 2.0 + 1e-9).mean()) for level in LEVELS}


def plot_posterior(calibrated: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw the calibrated parameters: prior (grey) beside posterior (blue), each over the posterior's value."""
    paths: Sequence[str] = list(calibrated)
    ax = new_axes(width=9.0, height=1.2 + 0.3 * len(paths))
    for place, path in enumerate(paths):
        one = calibrated[path]
        for key, shift, colour in (("prior", -0.14, "0.6"), ("posterior", 0.14, USE_COLOURS["fit"])):
            source = one["prior"] if key == "prior" else one
            lo, value, hi = (float(source[name]) / float(one["value"]) for name in ("lo", "value", "hi"))
            ax.plot([lo, hi], [place + shift] * 2, color=colour, linewidth=3, solid_capstyle="butt")
            ax.plot(value, place + shift, "o", color=colour, markersize=4)
    words = [f"{path}  {float(calibrated[path]['value']):.3g}" for path in paths]
    ax.set_yticks(range(len(paths)), words, fontsize=TINY)
    ax.set_xscale("log")
    ax.set_ylim(len(paths) - 0.5, -0.5)
    ax.set_xticks([0.25, 0.5, 1, 2, 4], ["¼", "½", "1", "2", "4"])
    ax.minorticks_off()
    ax.set_xlabel("over the posterior's mode: prior (grey) and posterior (blue), 95 % limits")
    return titled(figure_of(finish(ax, legend=False, grid="x")), "Calibrated parameters")
