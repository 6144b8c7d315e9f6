"""One page a curve: what is printed, every family, the one taken and why, and the hazards behind."""

from __future__ import annotations

import math
import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from rallsim.common.figures import FAINT, GREY, INK, TINY, finish, month_ticks, theme
from rallsim.curves.analysis import Judged
from rallsim.curves.choice import Verdict, survival
from rallsim.curves.martingale import points_of
from rallsim.curves.page_texts import colour_of, dashes_of, write_families, write_reason
from rallsim.curves.published import ENDPOINTS, AtRisk

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHORTEST, LONGEST = 36.0, 240.0  # months on the axis
MOST_COUNTS = 18  # numbers at risk side by side under the axis; of more, every second, third ... is written


def draw_page(one: Judged) -> Figure:
    """Return the page of a curve: survival, hazards, a table of the families, the reason."""
    import seaborn as sns
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with sns.axes_style("ticks"), theme():  # type: ignore[no-untyped-call]
        figure = Figure(figsize=(11.7, 8.3), dpi=130)
        FigureCanvasAgg(figure)
        left = figure.add_axes((0.07, 0.40, 0.53, 0.475))
        right = figure.add_axes((0.69, 0.55, 0.29, 0.325))
        table = figure.add_axes((0.64, 0.055, 0.35, 0.425))
    figure.text(0.07, 0.957, one.curve.label, fontsize=14, fontweight="bold", va="center", color=INK)
    about = f"{ENDPOINTS[one.curve.endpoint]}, {one.curve.patients:.0f} patients, from {one.curve.starts}. Event: "
    about += f"{one.curve.counts}. Censored: {one.curve.censored}."
    figure.text(0.07, 0.925, textwrap.shorten(about, 190), fontsize=TINY + 0.5, va="center", color=GREY)
    plot_survival_page(one, left)
    plot_hazards(one, right)
    write_families(one, table)
    write_reason(figure, one)
    return figure


def plot_survival_page(one: Judged, ax: Axes) -> Axes:
    """Draw survival of all causes: printed figures with their intervals, all families, the one taken with its band."""
    from matplotlib.ticker import PercentFormatter

    end = horizon(one)
    t = np.linspace(0.0, end, 361)
    chosen = one.choice.chosen
    low, high = chosen.band(np.maximum(t, 1e-3), one.background)
    ax.fill_between(t, low, high, color=colour_of(chosen.form.family.name), alpha=0.16, linewidth=0)
    for verdict in one.choice.verdicts:
        if not verdict.fit.failing and verdict.fit is not chosen:
            ax.plot(t, survival(verdict.fit, one.background, t), **_style(verdict, False))
    own = next(verdict for verdict in one.choice.verdicts if verdict.fit is chosen)
    ax.plot(t, survival(chosen, one.background, t), **_style(own, True))
    if one.curve.background:
        alive = np.exp(-one.background.cumulative_hazard(t))
        ax.plot(t, alive, color=GREY, linewidth=1.0, linestyle=(0, (1, 2)), label="general population")
    ax.axvline(one.curve.last_seen, color=FAINT, linewidth=0.8)
    ax.annotate(
        "last figure",
        (one.curve.last_seen, 1.0),
        xytext=(3, -2),
        textcoords="offset points",
        fontsize=TINY,
        color=GREY,
        va="top",
    )
    _draw_points(one, ax)
    ax.set_xlim(0, end)
    ax.set_ylim(0, 1.02)
    ax.set_xticks(month_ticks(end))
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    ax.set_ylabel(ENDPOINTS[one.curve.endpoint])
    ax.set_xlabel(f"Months from {one.curve.starts}")
    ax.legend(
        loc="upper right",
        bbox_to_anchor=(1.0, 0.93),
        facecolor="white",
        edgecolor="none",
        framealpha=0.9,
        fontsize=TINY,
    )
    finish(ax, legend=False, grid="y")
    for at_risk, words in ((one.curve.at_risk, "At risk"), (one.curve.shown_at_risk, "At risk (not fitted)")):
        if at_risk is not None:
            _write_at_risk(ax, at_risk, words, end)
    return ax


def plot_hazards(one: Judged, ax: Axes) -> Axes:
    """Draw the hazard per month of the family taken: excess, background, and their sum; other families faintly."""

    end = horizon(one)
    t = np.linspace(end / 400.0, end, 400)
    chosen = one.choice.chosen
    colour = colour_of(chosen.form.family.name)
    for verdict in one.choice.verdicts:
        if verdict.passes and verdict.fit is not chosen:
            ax.plot(
                t,
                verdict.fit.distribution.hazard(t),
                color=colour_of(verdict.fit.form.family.name),
                alpha=0.45,
                linewidth=0.8,
                linestyle=dashes_of(verdict.fit.form.with_cure),
            )
    excess, other = chosen.distribution.hazard(t), one.background.hazard(t)
    ax.plot(t, excess + other, color=colour, linewidth=2.2, label="all causes")
    if one.curve.background:
        ax.plot(t, excess, color=colour, linewidth=1.2, linestyle=(0, (4, 2)), label="excess")
        ax.plot(t, other, color=GREY, linewidth=1.2, linestyle=(0, (1, 1.5)), label="general population")
    ax.set_yscale("log")
    top = float(np.nanmax(excess + other))
    ax.set_ylim(1e-4 if one.curve.background else max(top * 1e-3, 1e-4), max(1.0, 1.5 * min(top, 5.0)))
    ax.set_xlim(0, end)
    ax.set_xticks(month_ticks(end)[:: 2 if len(month_ticks(end)) > 7 else 1])
    ax.set_ylabel("Hazard per month")
    ax.set_xlabel("Months")
    ax.legend(loc="upper right", frameon=False, fontsize=TINY, ncols=3, handlelength=1.6, columnspacing=1.0)
    return finish(ax, legend=False, grid="y")


def horizon(one: Judged) -> float:
    """Months on the axis: twice what is seen, in whole years."""
    return float(12 * round(min(max(2.0 * one.curve.last_seen, SHORTEST), LONGEST) / 12))


def _style(verdict: Verdict, is_chosen: bool) -> dict[str, Any]:
    colour, dashes = colour_of(verdict.fit.form.family.name), dashes_of(verdict.fit.form.with_cure)
    if is_chosen:
        return {"color": colour, "linewidth": 2.6, "label": f"{verdict.fit.form.label} (taken)"}
    return {"color": colour, "linewidth": 1.0, "linestyle": dashes, "alpha": 0.8 if verdict.passes else 0.25}


def _draw_points(one: Judged, ax: Axes) -> None:
    """Draw printed points with intervals (a median's lies across), and shares at risk as lower bounds."""
    shown = {"median": ("D", "median"), "landmark": ("o", "landmark"), "digitised": (".", "re-digitised")}
    for kind, (marker, words) in shown.items():
        points = [point for point in points_of(one.curve) if point.kind == kind]
        colour = GREY if kind == "digitised" else INK
        for place, point in enumerate(points):
            label = words if place == 0 else None
            ax.plot(
                point.months,
                point.survival,
                marker,
                color=colour,
                markersize=5.5,
                label=label,
                zorder=5,
                linestyle="none",
                markerfacecolor="white" if kind != "digitised" else colour,
            )
            end = ax.get_xlim()[1] if point.hi is None else point.hi
            if kind == "median" and point.lo is not None:
                ax.plot([point.lo, min(end, horizon(one))], [0.5, 0.5], color=colour, linewidth=1.1, zorder=4)
            elif point.lo is not None and point.hi is not None:
                ax.plot([point.months] * 2, [point.lo, point.hi], color=colour, linewidth=1.1, zorder=4)
    at_risk = one.curve.at_risk
    if at_risk is not None:
        shares = np.array(at_risk.counts) / at_risk.counts[0]
        ax.plot(
            at_risk.months[1:],
            shares[1:],
            "^",
            color=FAINT,
            markersize=4.5,
            label="at risk / all (a lower bound)",
            zorder=3,
        )


def _write_at_risk(ax: Axes, at_risk: AtRisk, words: str, end: float) -> None:
    ax.annotate(
        words,
        (0.0, 0.0),
        xycoords=("data", "axes fraction"),
        xytext=(-44, -42),
        textcoords="offset points",
        fontsize=TINY,
        color=GREY,
        va="center",
        ha="left",
    )
    inside = [one for one in zip(at_risk.months, at_risk.counts, strict=True) if one[0] <= end]
    closest = min(b[0] - a[0] for a, b in pairwise(inside)) if len(inside) > 1 else end
    every = math.ceil(end / MOST_COUNTS / closest)
    for months, count in inside[::every]:
        ax.annotate(
            f"{count}",
            (months, 0.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, -54),
            textcoords="offset points",
            fontsize=TINY,
            color=INK,
            ha="center",
            va="center",
        )
