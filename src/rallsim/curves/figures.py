"""One page a curve: what is printed, every family, the one taken and why, and the hazards behind."""

from __future__ import annotations

import math
import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from rallsim.curves.analysis import Judged
from rallsim.curves.choice import RULES, WORDS, Verdict, survival
from rallsim.curves.families import FAMILIES
from rallsim.curves.martingale import points_of
from rallsim.curves.published import ENDPOINTS, AtRisk
from rallsim.plots import month_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALL = 8.0  # points
INK, GREY, FAINT = "0.1", "0.45", "0.75"
SHORTEST, LONGEST = 36.0, 240.0  # months on the axis
DIGITISED_COLOUR = "0.55"
APART = (0, 1, 2, 4, 5, 3)  # of the palette, for the six families
MOST_COUNTS = 18  # numbers at risk side by side under the axis; of more, every second, third ... is written
TEXT_WIDTH, MOST_LINES = 112, 17  # characters and lines of the text under the survival panel


def draw_page(one: Judged) -> Figure:
    """Return the page of a curve: survival, hazards, a table of the families, the reason."""
    import seaborn as sns
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with sns.axes_style("ticks"):  # type: ignore[no-untyped-call]
        figure = Figure(figsize=(11.7, 8.3), dpi=130)
        FigureCanvasAgg(figure)
        left = figure.add_axes((0.07, 0.40, 0.53, 0.475))
        right = figure.add_axes((0.69, 0.55, 0.29, 0.325))
        table = figure.add_axes((0.64, 0.055, 0.35, 0.425))
    figure.text(0.07, 0.957, one.curve.label, fontsize=14, fontweight="bold", va="center", color=INK)
    about = f"{ENDPOINTS[one.curve.endpoint]}, {one.curve.patients:.0f} patients, from {one.curve.starts}. Event: "
    about += f"{one.curve.counts}. Censored: {one.curve.censored}."
    figure.text(0.07, 0.925, textwrap.shorten(about, 190), fontsize=SMALL + 0.5, va="center", color=GREY)
    plot_survival_page(one, left)
    plot_hazards(one, right)
    _write_families(one, table)
    _write_reason(figure, one)
    return figure


def plot_survival_page(one: Judged, ax: Axes) -> Axes:
    """Draw survival of all causes: printed figures with their intervals, all families, the one taken with its band."""
    import seaborn as sns
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
        ax.plot(t, np.exp(-one.background.cumulative_hazard(t)), color=FAINT, linewidth=1.0, linestyle=(0, (1, 2)))
        alive = float(np.exp(-one.background.cumulative_hazard(np.array([end])))[0])
        if alive > 0.5:
            ax.annotate(
                "general population",
                (end, alive),
                xytext=(-2, -4),
                textcoords="offset points",
                ha="right",
                va="top",
                fontsize=SMALL,
                color=GREY,
            )
    ax.axvline(one.curve.last_seen, color=FAINT, linewidth=0.8)
    ax.annotate(
        "last figure",
        (one.curve.last_seen, 1.0),
        xytext=(3, -2),
        textcoords="offset points",
        fontsize=SMALL,
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
    ax.grid(axis="y", color="0.93", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, 0.93), frameon=False, fontsize=SMALL)
    sns.despine(ax=ax)  # type: ignore[no-untyped-call]
    for at_risk, words in ((one.curve.at_risk, "At risk"), (one.curve.shown_at_risk, "At risk (not fitted)")):
        if at_risk is not None:
            _write_at_risk(ax, at_risk, words, end)
    return ax


def plot_hazards(one: Judged, ax: Axes) -> Axes:
    """Draw the hazard per month of the family taken: excess, background, and their sum; other families faintly."""
    import seaborn as sns

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
                linestyle=_dashes(verdict.fit.form.with_cure),
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
    ax.grid(axis="y", color="0.93", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.legend(loc="upper right", frameon=False, fontsize=SMALL, ncols=3, handlelength=1.6, columnspacing=1.0)
    sns.despine(ax=ax)  # type: ignore[no-untyped-call]
    return ax


def horizon(one: Judged) -> float:
    """Months on the axis: twice what is seen, in whole years."""
    return float(12 * round(min(max(2.0 * one.curve.last_seen, SHORTEST), LONGEST) / 12))


def colour_of(family: str) -> tuple[float, float, float]:
    """Colour of a family, the same on every page."""
    import seaborn as sns

    place = APART[list(FAMILIES).index(family) % len(APART)]
    red, green, blue = sns.color_palette("colorblind", 10)[place]  # type: ignore[no-untyped-call]
    return float(red), float(green), float(blue)


def _dashes(with_cure: bool) -> str | tuple[int, tuple[int, int]]:
    return (0, (5, 2)) if with_cure else "-"


def _style(verdict: Verdict, is_chosen: bool) -> dict[str, Any]:
    colour, dashes = colour_of(verdict.fit.form.family.name), _dashes(verdict.fit.form.with_cure)
    if is_chosen:
        return {"color": colour, "linewidth": 2.6, "label": f"{verdict.fit.form.label} (taken)"}
    return {"color": colour, "linewidth": 1.0, "linestyle": dashes, "alpha": 0.8 if verdict.passes else 0.25}


def _draw_points(one: Judged, ax: Axes) -> None:
    """Draw printed points with intervals (a median's lies across), and shares at risk as lower bounds."""
    shown = {"median": ("D", "median"), "landmark": ("o", "landmark"), "digitised": (".", "re-digitised")}
    for kind, (marker, words) in shown.items():
        points = [point for point in points_of(one.curve) if point.kind == kind]
        colour = DIGITISED_COLOUR if kind == "digitised" else INK
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
        fontsize=SMALL,
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
            fontsize=SMALL,
            color=INK,
            ha="center",
            va="center",
        )


def _write_families(one: Judged, ax: Axes) -> None:
    """Write the families as a table: line, AIC, chance of the misfit, survival at 60 months, verdict."""
    ax.set_axis_off()
    ax.set_xlim(0, 1)
    lines = len(one.choice.verdicts) + 1
    ax.set_ylim(-lines, 0.4)
    columns = (
        (0.06, "Family", "left"),
        (0.50, "AIC", "right"),
        (0.60, "p", "right"),
        (0.73, "60 mo", "right"),
        (0.76, "", "left"),
    )
    for x, words, align in columns:
        ax.text(x, -0.2, words, fontsize=SMALL, ha=align, va="center", color=GREY)
    for line, verdict in enumerate(one.choice.verdicts, 1):
        fit = verdict.fit
        taken = fit is one.choice.chosen
        ink = INK if verdict.passes or taken else "0.55"
        if taken:
            ax.axhspan(-line - 0.5, -line + 0.5, color=colour_of(fit.form.family.name), alpha=0.14, linewidth=0)
        ax.plot(
            [0.0, 0.045],
            [-line, -line],
            color=colour_of(fit.form.family.name),
            linestyle=_dashes(fit.form.with_cure),
            linewidth=2.0 if taken else 1.2,
            alpha=1.0 if verdict.passes or taken else 0.4,
        )
        tail = float(survival(fit, one.background, np.array([60.0]))[0])
        undetermined = bool(fit.failing) and not taken
        cells = (
            fit.form.label,
            "" if undetermined else f"{fit.aic:.1f}",
            "" if undetermined or not np.isfinite(fit.p_value) else f"{fit.p_value:.2f}",
            "" if undetermined else f"{100 * tail:.0f} %",
            _verdict(verdict, taken),
        )
        for (x, _, align), cell in zip(columns, cells, strict=True):
            ax.text(
                x,
                -line,
                cell,
                fontsize=SMALL,
                ha=align,
                va="center",
                color=ink,
                fontweight="bold" if taken else "normal",
            )


def _verdict(verdict: Verdict, taken: bool) -> str:
    broken = [rule for rule in RULES if verdict.against[rule]]
    if taken:
        return "taken" if not broken else "taken, with faults"
    return "passes" if not broken else WORDS[broken[0]]


def _write_reason(figure: Figure, one: Judged) -> None:
    """Write parameters with limits, the reason and the note under the survival panel."""
    fit = one.choice.chosen
    values = ", ".join(
        f"{spec.name} {value:.3g} ({limits[0]:.3g} to {limits[1]:.3g})"
        for spec, value, limits in zip(fit.form.parameters, fit.distribution.values, fit.limits(), strict=True)
    )
    texts = [f"{fit.form.label}: {values}; 95 % limits.", one.choice.reason]
    ratio = one.curve.hazard_ratio
    if ratio is not None:
        use = "part of the fit" if ratio.in_fit else "not in the fit"
        texts.append(
            f"Hazard ratio printed {np.exp(ratio.log_value):.2f} ({use}), from the fits {one.fitted_ratio:.2f}."
        )
    texts.append(f"In the model: {one.curve.corresponds}")
    if one.curve.note:
        texts.append(one.curve.note)
    lines = [line for text in texts for line in textwrap.wrap(text, TEXT_WIDTH)]
    figure.text(0.03, 0.285, "\n".join(lines[:MOST_LINES]), fontsize=SMALL, va="top", color=INK, linespacing=1.35)
