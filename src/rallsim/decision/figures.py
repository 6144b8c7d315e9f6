"""Figures of a decision, drawn from its tables. Each takes an `ax` or makes one, and returns it; none needs a display.

A strategy keeps its colour through all figures when they are given the same `style`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rallsim.common.figures import SMALL, finish, new_axes
from rallsim.common.precision import Z_95
from rallsim.decision.rounding import Floats
from rallsim.decision.style import Style, money_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ELLIPSE_95 = math.sqrt(5.991464547107979)  # root of the 95 % quantile of chi-square, 2 degrees of freedom
MOST_POINTS = 1000  # drawn of each strategy; the ellipse and the mean rest on all
MOST_BARS, LEAST_BARS = 12, 2  # of a panel; the least is the room kept
GREY = "0.35"
WTP_STYLES = ((0, (6, 2)), (0, (2, 2)), (0, (6, 2, 1, 2)), (0, (1, 3)))


def plot_plane(points: pd.DataFrame, style: Style, wtp: Sequence[float] = (), ax: Axes | None = None) -> Axes:
    """Draw the cost-effectiveness plane: increments against the reference, draw by draw, their means and 95 % ellipses.

    `points` is what `incremental.plane` returns; `wtp` adds lines below which a strategy is worth its money.

    >>> points = pd.DataFrame({"Sample": [1, 2, 3], "Strategy": "drug", "Reference": "usual",
    ...                        "Inc_Cost": [5.0, 7.0, 6.0], "Inc_Effect": [0.1, 0.2, 0.1]})
    >>> plot_plane(points, Style(["usual", "drug"])).get_xlabel()
    'Incremental QALYs, against usual'
    """
    ax = ax if ax is not None else new_axes(height=5.6)
    reference = str(points["Reference"].iat[0])
    for strategy, cloud in points.groupby("Strategy", sort=False):
        name, colour = str(strategy), style.colour(str(strategy))
        gain, more = cloud["Inc_Effect"].to_numpy(), cloud["Inc_Cost"].to_numpy()
        step = math.ceil(len(cloud) / MOST_POINTS)
        ax.scatter(gain[::step], more[::step], s=7, color=colour, alpha=0.28, linewidths=0, rasterized=True)
        ax.plot(*_ellipse(gain, more), color=colour, linewidth=1.3)
        ax.plot(
            gain.mean(), more.mean(), "o", color=colour, markeredgecolor="black", markersize=7, label=style.label(name)
        )
    ax.axhline(0, color="black", linewidth=0.8)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.plot(0, 0, "s", color="black", markersize=6, label=f"{style.label(reference)} (reference)")
    ax.margins(0.08)
    _add_wtp_lines(ax, wtp, style)
    ax.set_xlabel(f"Incremental {style.effect}s, against {style.label(reference)}")
    money_axis(ax.yaxis, style, "Incremental cost", ax.get_ylim())
    return finish(ax)


def plot_frontier(table: pd.DataFrame, style: Style, ax: Axes | None = None) -> Axes:
    """Draw mean costs and effects of all strategies, and the efficiency frontier with the ICER of each step.

    `table` is what `incremental.incremental_analysis` returns.

    >>> from rallsim.decision.incremental import incremental_analysis
    >>> table = incremental_analysis(["usual", "drug"], [1000.0, 31000.0], [1.0, 2.0])
    >>> plot_frontier(table, Style(["usual", "drug"])).get_xlabel()
    'QALYs per patient'
    """
    ax = ax if ax is not None else new_axes(height=5.2)
    on = table[table["Status"] == "ND"]
    ax.plot(on["Effect"], on["Cost"], color="black", linewidth=1.2, zorder=1)
    for row in table.to_dict("records"):
        words = {"ND": "", "ED": " (extended dominance)", "D": " (dominated)"}[row["Status"]]
        marker = {"ND": "o", "ED": "D", "D": "X"}[row["Status"]]
        ax.plot(
            row["Effect"],
            row["Cost"],
            marker,
            color=style.colour(row["Strategy"]),
            markeredgecolor="black",
            markersize=8,
            label=style.label(row["Strategy"]) + words,
        )
    steps = on.to_dict("records")
    for before, row in pairwise(steps):
        ax.annotate(
            f"{style.money(row['ICER'])} per {style.effect}",
            ((before["Effect"] + row["Effect"]) / 2, (before["Cost"] + row["Cost"]) / 2),
            xytext=(8, -4),
            textcoords="offset points",
            ha="left",
            va="top",
            fontsize=SMALL,
        )
    ax.margins(0.1)
    ax.set_xlabel(f"{style.effect}s per patient")
    money_axis(ax.yaxis, style, "Cost per patient", ax.get_ylim())
    return finish(ax)


def plot_ceac(curves: pd.DataFrame, style: Style, wtp: Sequence[float] = (), ax: Axes | None = None) -> Axes:
    """Draw acceptability curves, and under them, broad and grey, the frontier: the highest expected net benefit.

    `curves` is what `acceptability.ceac` returns; thin lines mark the thresholds `wtp`.

    >>> curves = pd.DataFrame({"WTP": [0.0, 1e5], "Strategy": "drug", "Proportion": [0.1, 0.9], "On_Frontier": True})
    >>> plot_ceac(curves, Style(["drug"])).get_ylabel()
    'Probability of being cost-effective'
    """
    from matplotlib.ticker import PercentFormatter

    ax = ax if ax is not None else new_axes(height=5.0)
    _draw_frontier(ax, curves, "Proportion", "Frontier: highest expected net benefit")
    for strategy in _in_order(curves, style):
        curve = curves[curves["Strategy"] == strategy]
        ax.plot(curve["WTP"], curve["Proportion"], **_line(style, strategy))
    ax.set_ylim(-0.015, 1.015)
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    ax.set_ylabel("Probability of being cost-effective")
    return _over_wtp(ax, curves, style, wtp)


def plot_expected_loss(curves: pd.DataFrame, style: Style, wtp: Sequence[float] = (), ax: Axes | None = None) -> Axes:
    """Draw the net benefit expected to be lost with each strategy; the lower envelope is the EVPI.

    `curves` is what `value_of_information.expected_loss` returns. The scale is logarithmic; losses of 0 are left out.

    >>> curves = pd.DataFrame({"WTP": [0.0, 1e5], "Strategy": "drug", "Expected_Loss": [9.0, 5.0], "On_Frontier": True})
    >>> plot_expected_loss(curves, Style(["drug"], currency="£")).get_ylabel()
    'Expected loss per patient (£)'
    """
    from matplotlib.ticker import FuncFormatter

    ax = ax if ax is not None else new_axes(height=5.0)
    seen = curves.assign(Expected_Loss=curves["Expected_Loss"].where(curves["Expected_Loss"] > 0))
    _draw_frontier(ax, seen, "Expected_Loss", "Frontier: smallest expected loss = EVPI")
    for strategy in _in_order(seen, style):
        curve = seen[seen["Strategy"] == strategy]
        ax.plot(curve["WTP"], curve["Expected_Loss"], **_line(style, strategy))
    ax.set_yscale("log")
    for formatter in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
        formatter(FuncFormatter(lambda value, _: _round_amount(value)))
    ax.set_ylabel("Expected loss per patient" + (f" ({style.currency})" if style.currency else ""))
    return _over_wtp(ax, curves, style, wtp)


def _round_amount(value: float) -> str:
    """Write an amount on a logarithmic axis; only those that begin with 1, 2 or 5, so that letters keep apart."""
    text = f"{value:,.0f}" if value >= 1 else f"{value:g}"
    return text if text.lstrip("0.")[:1] in ("1", "2", "5") else ""


def plot_evpi(curve: pd.DataFrame, style: Style, wtp: Sequence[float] = (), ax: Axes | None = None) -> Axes:
    """Draw the EVPI per patient with a 95 % band of the number of draws, and for all patients on the right, if there.

    `curve` is what `value_of_information.evpi` returns.

    >>> curve = pd.DataFrame({"WTP": [0.0, 1e5], "EVPI": [0.0, 5.0], "Std_Error": 0.1})
    >>> plot_evpi(curve, Style([])).get_ylabel()
    'EVPI per patient'
    """
    ax = ax if ax is not None else new_axes()
    half = Z_95 * curve["Std_Error"]
    ax.fill_between(curve["WTP"], (curve["EVPI"] - half).clip(lower=0), curve["EVPI"] + half, color="0.85", linewidth=0)
    ax.plot(curve["WTP"], curve["EVPI"], color="black", linewidth=1.6)
    ax.set_ylim(0, max(1e-9, 1.05 * float((curve["EVPI"] + half).max())))
    money_axis(ax.yaxis, style, "EVPI per patient", ax.get_ylim())
    ax = _over_wtp(ax, curve, style, wtp)
    if "Population_EVPI" in curve and curve["EVPI"].max() > 0:
        patients = float(curve["Population_EVPI"].max() / curve["EVPI"].max())
        right = ax.secondary_yaxis("right", functions=(_times(patients), _times(1 / patients)))
        limits = (0.0, ax.get_ylim()[1] * patients)
        money_axis(right.yaxis, style, f"EVPI for {patients:,.0f} patients", limits)
    return ax


def plot_evppi(table: pd.DataFrame, style: Style, wtp: float, ax: Axes | None = None) -> Axes:
    """Draw what it is worth to know parameters, at one threshold, as bars with 95 % intervals, beside the EVPI.

    `table` is what `partial_information.evppi` returns. Drawn are the twelve with the highest values among those that
    are worth knowing; the title counts the others. Where none is, words say so.

    >>> table = pd.DataFrame({"Parameters": ["cure", "cost", "age"], "WTP": 5e4, "EVPPI": [9.0, 1.0, 0.1],
    ...                       "Std_Error": 0.5, "Worth_Knowing": [True, True, False], "EVPI": 12.0})
    >>> [text.get_text() for text in plot_evppi(table, Style([]), 5e4).get_yticklabels()]
    ['cost', 'cure']
    """
    asked = table[np.isclose(table["WTP"], wtp)].sort_values(["EVPPI", "Parameters"], ascending=[True, False])
    worth, unknown = asked[asked["Worth_Knowing"].astype(bool)], int(asked["EVPPI"].isna().sum())
    drawn = worth.tail(MOST_BARS)
    counts = {
        "more": len(worth) - len(drawn),
        "not above chance": len(asked) - len(worth) - unknown,
        "with too few draws": unknown,
    }
    title = "; ".join([f"{style.money(wtp)} per {style.effect}", *(f"{n} {words}" for words, n in counts.items() if n)])
    ax = ax if ax is not None else new_axes(height=1.6 + 0.34 * len(drawn))
    ax.set_title(title, fontsize=10, loc="left")
    if not len(drawn):
        nothing = "Nothing is uncertain about this decision: the EVPI is 0."
        if (asked["EVPI"] > 0).any():
            nothing = "No value is above what chance makes of parameters without influence."
        ax.text(0.5, 0.5, nothing, transform=ax.transAxes, ha="center", va="center", fontsize=SMALL)
        ax.set_axis_off()
        return ax
    half = Z_95 * drawn["Std_Error"]
    reach = np.vstack([np.minimum(half, drawn["EVPPI"]), half])
    ax.barh(
        [style.label(str(name)) for name in drawn["Parameters"]],
        drawn["EVPPI"],
        xerr=reach,
        color="#0173b2",
        height=0.62,
        error_kw={"elinewidth": 1.0, "capsize": 2.5, "ecolor": GREY},
    )
    ax.set_ylim(-0.6, max(len(drawn), LEAST_BARS) - 0.4)
    limit = float(asked["EVPI"].max())
    ax.axvline(limit, color="black", linestyle="--", linewidth=1.0)
    ax.annotate("EVPI", (limit, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
                ha="center", fontsize=SMALL)  # fmt: skip
    ax.set_xlim(0, max(1e-9, 1.08 * max(limit, float((drawn["EVPPI"] + half).max()))))
    money_axis(ax.xaxis, style, "EVPPI per patient", ax.get_xlim())
    ax.tick_params(axis="y", length=0)
    return finish(ax, legend=False, grid="x")


def _ellipse(gain: Floats, more: Floats) -> tuple[Floats, Floats]:
    """Outline that holds 95 % of a bivariate normal distribution with the moments of the draws."""
    turn = np.linspace(0, 2 * np.pi, 121)
    width, height = float(gain.std()), float(more.std())
    lean = float(np.mean((gain - gain.mean()) * (more - more.mean())) / (width * height)) if width * height else 0.0
    across, along = np.cos(turn), lean * np.cos(turn) + math.sqrt(max(0.0, 1 - lean**2)) * np.sin(turn)
    return gain.mean() + ELLIPSE_95 * width * across, more.mean() + ELLIPSE_95 * height * along


def _draw_frontier(ax: Axes, curves: pd.DataFrame, column: str, label: str) -> None:
    """Draw the values of whoever is on the frontier, broken where another strategy takes over."""
    on = curves[curves["On_Frontier"]].sort_values("WTP")
    runs = (on["Strategy"] != on["Strategy"].shift()).cumsum()
    for number, (_, run) in enumerate(on.groupby(runs)):
        marker = "s" if len(run) == 1 else ""
        ax.plot(
            run["WTP"],
            run[column],
            color="0.72",
            linewidth=7,
            marker=marker,
            solid_capstyle="butt",
            zorder=1,
            label="" if number else label,
        )


def _over_wtp(ax: Axes, curves: pd.DataFrame, style: Style, wtp: Sequence[float]) -> Axes:
    """Finish a figure over willingness to pay."""
    limits = float(curves["WTP"].min()), float(curves["WTP"].max())
    for k in wtp:
        if limits[0] < k < limits[1]:
            ax.axvline(k, color="0.45", linewidth=0.9, linestyle=":", zorder=1)
    if limits[0] < limits[1]:
        ax.set_xlim(*limits)
    money_axis(ax.xaxis, style, "Willingness to pay", limits, f"per {style.effect}")
    return finish(ax, legend=bool(ax.get_legend_handles_labels()[0]))


def _add_wtp_lines(ax: Axes, wtp: Sequence[float], style: Style) -> None:
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for k, dashes in zip(wtp, WTP_STYLES, strict=False):
        label = f"{style.money(k)} per {style.effect}"
        ax.plot([left, right], [k * left, k * right], color=GREY, linewidth=1.0, linestyle=dashes, label=label)
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)


def _in_order(curves: pd.DataFrame, style: Style) -> list[str]:
    held = set(curves["Strategy"])
    return [name for name in style.strategies if name in held]


def _line(style: Style, strategy: str) -> dict[str, Any]:
    return {
        "color": style.colour(strategy),
        "linestyle": style.line(strategy),
        "linewidth": 1.7,
        "label": style.label(strategy),
    }


def _times(factor: float) -> Callable[[Any], Any]:
    return lambda values: values * factor
