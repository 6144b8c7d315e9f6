"""Threshold analysis: at which price, wait or cure fraction does the preferred strategy change?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rallsim.common.figures import SMALL, finish, legend_above, panels, titled
from rallsim.common.precision import Z_95
from rallsim.errors import InputError, Problem
from rallsim.sweep.labels import Labels
from rallsim.sweep.measures import pooled
from rallsim.sweep.one_parameter import GRID, Curve, along, curves_of, ranges_of, switches
from rallsim.sweep.runner import points_with
from rallsim.sweep.settings import Range
from rallsim.sweep.study import Figures, Study
from rallsim.sweep.tables import Tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ABOUT = "at which price, wait or cure fraction the preferred strategy changes, with its Monte Carlo error"
TO_TIMES = 2.0  # list prices are varied from nothing to this many times the list
MOST_CURVES = 6  # in the figure


def analyse(study: Study) -> Tables:
    """Solve for changes of the preferred strategy along each parameter, at every willingness to pay.

    Without parameters asked for, list prices are varied from 0 to twice the list. Tables: `threshold` (see
    `one_parameter.switches`, with the base value and range) and `threshold_curves` (net benefit of every strategy along
    the way, against the reference too).
    """
    ranges = ranges_of(study) if study.settings.ranges else _list_prices(study)
    grid = study.settings.grid or GRID
    rows = [{path: value} for path, limits in ranges.items() for value in along(limits, grid)]
    evaluation = study.evaluate(points_with(study.base, rows), words=f"{len(ranges)} parameters × {grid} points")
    found, lines = [], []
    for wtp in study.wtp:
        coarse = curves_of(evaluation, ranges, wtp, grid)
        found.append(switches(study, coarse, wtp, GRID))
        lines += [_lines(study, curve, wtp) for curve in coarse]
    table = pd.concat([one for one in found if len(one)] or found[:1], ignore_index=True)
    columns = {"base": [study.base[path] for path in table["parameter"]]}
    columns |= {name: [ranges[path][end] for path in table["parameter"]] for end, name in enumerate(("lo", "hi"))}
    tried = pd.DataFrame(
        [(path, study.label(path), study.unit(path), study.base[path], *limits) for path, limits in ranges.items()],
        columns=["parameter", "label", "unit", "base", "lo", "hi"],
    )
    return {
        "threshold": table.assign(**columns),
        "threshold_curves": pd.concat(lines, ignore_index=True),
        "parameters": tried,
    }


def _list_prices(study: Study) -> dict[str, Range]:
    """List prices that matter to some strategy, from 0 to twice the list."""
    paths = [f"costs.{name}" for name in study.economics.costs.list_prices()]
    if not paths:
        raise InputError(Problem("must have list prices to vary", key="threshold", allowed="--parameter PATH=LO:HI"))
    return {path: (0.0, TO_TIMES * study.base[path]) for path in paths}


def _lines(study: Study, curve: Curve, wtp: float) -> pd.DataFrame:
    benefit = pooled(curve.benefit, curve.patients)
    base = study.reference
    more = pooled(curve.benefit - curve.benefit[:, base : base + 1], curve.patients)
    best = curve.preferred()
    rows = []
    for at, value in enumerate(curve.values):
        for place, name in enumerate(study.strategies):
            found = (one[at, place] for one in (*benefit, *more))
            rows.append((wtp, curve.path, value, name, *found, best[at] == place))
    names = ["WTP", "parameter", "param_val", "strategy", "NMB", "NMB_Std_Error", "INMB", "INMB_Std_Error", "preferred"]
    return pd.DataFrame(rows, columns=names)


def draw(tables: Tables, labels: Labels) -> Figures:
    """Draw net benefit along each parameter, with the values at which the preferred strategy changes."""
    return {"threshold.png": lambda: _figure(tables, labels)}


def summarise(tables: Tables, labels: Labels) -> list[str]:
    """Say at which values the preferred strategy changes, and along which parameters it never does."""
    lines = []
    for row in tables["threshold"].to_dict("records"):
        path = row["parameter"]
        value, error, base = (labels.value(path, row[name]) for name in ("value", "std_error", "base"))
        lines.append(
            f"{labels.parameter(path)} {labels.at_wtp(row['WTP'])}: below {value} (standard error {error}; "
            f"base {base}) {labels.strategy(row['from'])} is preferred, above it {labels.strategy(row['to'])}."
            + ("" if row["clear"] else " Its limits go beyond the range: it may be chance.")
        )
    curves = tables["threshold_curves"]
    one = ["WTP", "parameter", "strategy"]
    moved = curves.groupby(one, sort=False)["NMB"].agg(np.ptp).groupby("parameter", sort=False).max()
    idle = [str(path) for path in moved.index[moved == 0]]
    for wtp in labels.wtp:
        changing = {*tables["threshold"].loc[tables["threshold"]["WTP"] == wtp, "parameter"], *idle}
        names = [labels.parameter(str(path)) for path in curves["parameter"].unique() if path not in changing]
        if names:
            lines.append(f"No change {labels.at_wtp(wtp)} along: {'; '.join(names)}.")
    if idle:
        lines.append(f"Nothing depends here on: {'; '.join(labels.parameter(path) for path in idle)}.")
    return lines


def _figure(tables: Tables, labels: Labels) -> Figure:
    curves, found = tables["threshold_curves"], tables["threshold"]
    wtp = labels.wtp[0]
    changing = dict.fromkeys(found.loc[found["WTP"] == wtp, "parameter"])
    shown = list(changing or dict.fromkeys(curves["parameter"]))[:MOST_CURVES]
    figure, axes = panels(len(shown), width=7.6, height=3.0)
    for ax, path in zip(axes, shown, strict=True):
        mine = curves[(curves["parameter"] == path) & (curves["WTP"] == wtp)]
        _curve(ax, mine, found[(found["parameter"] == path) & (found["WTP"] == wtp)], labels, str(path))
    legend_above(axes[0])
    return titled(figure, labels.title, f"Where does the preferred strategy change? {labels.at_wtp(wtp, 'At')}")


def _curve(ax: Axes, curve: pd.DataFrame, found: pd.DataFrame, labels: Labels, path: str) -> None:
    from matplotlib.ticker import FuncFormatter

    from rallsim.decision.style import money_axis

    style = labels.style()
    for strategy, line in curve.groupby("strategy", sort=False):
        name = str(strategy)
        ax.plot(line["param_val"], line["INMB"], color=style.colour(name), linewidth=1.7, label=style.label(name))
        half = Z_95 * line["INMB_Std_Error"]
        lower, upper = line["INMB"] - half, line["INMB"] + half
        ax.fill_between(line["param_val"], lower, upper, color=style.colour(name), alpha=0.09, linewidth=0)
    for row in found.to_dict("records"):
        if row["clear"]:
            ax.axvspan(row["lower"], row["upper"], color="0.88", linewidth=0, zorder=0)
        ax.axvline(row["value"], color="0.3", linewidth=1.0, linestyle="-" if row["clear"] else ":")
        ax.annotate(
            labels.value(path, row["value"]),
            (row["value"], 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, -3),
            textcoords="offset points",
            va="top",
            fontsize=SMALL,
        )
    ax.set_xlim(curve["param_val"].min(), curve["param_val"].max())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    ax.set_xlabel(labels.axis(path))
    money_axis(ax.yaxis, style, f"Net benefit against\n{labels.strategy(labels.reference)}", ax.get_ylim())
    finish(ax, legend=False)
