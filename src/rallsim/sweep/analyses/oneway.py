"""One-way sensitivity: every parameter from one end of its range to the other, alone, with the same patients."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rallsim.common.figures import FIRST, SECOND, SMALL, figure_of, finish, legend_above, new_axes, titled
from rallsim.evaluation.evaluate import Evaluation
from rallsim.sweep.labels import Labels
from rallsim.sweep.measures import in_batches, name_of, pooled, unit_of
from rallsim.sweep.one_parameter import GRID, curves, ranges_of, switches
from rallsim.sweep.runner import points_with
from rallsim.sweep.settings import Range
from rallsim.sweep.study import Figures, Study, best_of
from rallsim.sweep.tables import Tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ABOUT = "one-way: a tornado for every outcome, and where along each parameter the preferred strategy changes"
BOUNDS = ("base", "lo", "hi")
MOST_BARS = 15


def analyse(study: Study) -> Tables:
    """Vary each parameter alone over its range.

    Tables: `oneway` (a row for each parameter, bound, strategy and outcome, after dampack's owsa: parameter, strategy,
    param_val, outcome_val; the change from the base case is paired patient batch by batch), `tornado` (a bar for each
    parameter and outcome: the preferred strategy against its rival) and `switches` (where the preferred strategy
    changes; see `one_parameter.switches`).
    """
    ranges = ranges_of(study)
    rows: list[dict[str, float]] = [{}]
    for path, limits in ranges.items():
        rows += [{path: limits[0]}, {path: limits[1]}]
    evaluation = study.evaluate(points_with(study.base, rows), words=f"{len(ranges)} parameters, one at a time")
    outcomes = list(dict.fromkeys(["nmb", "qalys", "costs", "lys", *study.settings.outcomes]))
    wtp = study.wtp[0]
    preferred = [int(one) for one in best_of(pooled(in_batches(evaluation, "nmb", wtp), evaluation.patients).value)]
    tornado = pd.concat([_bars(study, evaluation, ranges, one, preferred) for one in outcomes], ignore_index=True)
    changing = {
        path: limits
        for place, (path, limits) in enumerate(ranges.items())
        if {preferred[1 + 2 * place], preferred[2 + 2 * place]} != {preferred[0]}
    }
    return {
        "oneway": pd.concat([_long(study, evaluation, ranges, one) for one in outcomes], ignore_index=True),
        "tornado": tornado,
        "switches": switches(study, curves(study, changing, wtp, GRID, "Where preference changes"), wtp)
        if changing
        else switches(study, [], wtp),
    }


def rivals(benefit: np.ndarray, reference: int) -> tuple[int, int]:
    """Return the preferred strategy and whom it is held against: the reference, or the next best if it is that itself.

    >>> rivals(np.array([3.0, 5.0, 4.0]), 0), rivals(np.array([6.0, 5.0, 4.0]), 0)
    ((1, 0), (0, 1))
    """
    best = int(benefit.argmax())
    if best != reference:
        return best, reference
    return best, int(np.where(np.arange(len(benefit)) == best, -np.inf, benefit).argmax())


def _long(study: Study, evaluation: Evaluation, ranges: dict[str, Range], outcome: str) -> pd.DataFrame:
    """Every strategy at every bound, and its change from the base case."""
    values = in_batches(evaluation, outcome, study.wtp[0])
    here, change = pooled(values, evaluation.patients), pooled(values - values[:1], evaluation.patients)
    rows = []
    for number, (path, limits) in enumerate(ranges.items()):
        for bound, place in zip(BOUNDS, (0, 1 + 2 * number, 2 + 2 * number), strict=True):
            value = {"base": study.base[path], "lo": limits[0], "hi": limits[1]}[bound]
            at = study.unit(path), bound, value
            for column, name in enumerate(study.strategies):
                found = (one[place, column] for one in (*here, *change))
                rows.append((path, *at, name, outcome, study.wtp[0], *found))
    names = ["parameter", "unit", "bound", "param_val", "strategy", "outcome", "WTP", "outcome_val", "std_error"]
    return pd.DataFrame(rows, columns=[*names, "change", "change_std_error"])


def _bars(
    study: Study, evaluation: Evaluation, ranges: dict[str, Range], outcome: str, preferred: list[int]
) -> pd.DataFrame:
    """The difference between the two rivals at both ends of each range, longest bar first."""
    wtp = study.wtp[0]
    benefit = pooled(in_batches(evaluation, "nmb", wtp), evaluation.patients).value
    best, rival = rivals(benefit[0], study.reference)
    values = in_batches(evaluation, outcome, wtp)
    more = values[:, best] - values[:, rival]
    patients = evaluation.patients[:, best]
    here = pooled(more, patients)
    rows: list[dict[str, Any]] = []
    for number, (path, limits) in enumerate(ranges.items()):
        low, high = 1 + 2 * number, 2 + 2 * number
        swing = pooled(more[high] - more[low], patients[high])
        rows.append(
            {
                "outcome": outcome,
                "WTP": wtp,
                "strategy": study.strategies[best],
                "comparator": study.strategies[rival],
                "parameter": path,
                "unit": study.unit(path),
                "base": study.base[path],
                "lo": limits[0],
                "hi": limits[1],
                "at_base": here.value[0],
                "at_lo": here.value[low],
                "at_hi": here.value[high],
                "swing": float(swing.value),
                "swing_std_error": float(swing.std_error),
                "preferred_at_base": study.strategies[preferred[0]],
                "preferred_at_lo": study.strategies[preferred[low]],
                "preferred_at_hi": study.strategies[preferred[high]],
            }
        )
    table = pd.DataFrame(rows)
    return table.loc[table["swing"].abs().sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def draw(tables: Tables, labels: Labels) -> Figures:
    """Draw a tornado for each outcome."""
    bars = tables["tornado"]
    changing = set(tables["switches"].loc[tables["switches"]["clear"].astype(bool), "parameter"])
    return {
        f"tornado_{name}.png": partial(tornado, rows, labels, changing)
        for name, rows in bars.groupby("outcome", sort=False)
    }


def summarise(tables: Tables, labels: Labels) -> list[str]:
    """Say what moves net benefit most, and what changes the preferred strategy."""
    bars = tables["tornado"]
    main = bars[bars["outcome"] == "nmb"]
    first = main.iloc[0]
    lines = [
        f"{labels.pair(first['strategy'], first['comparator'])} {labels.at_wtp(first['WTP'])}: "
        f"net benefit {labels.money(first['at_base'])} in the base case. It is moved most by:"
    ]
    for row in main.head(3).to_dict("records"):
        lines.append(
            f"  {labels.parameter(row['parameter'])} from {labels.value(row['parameter'], row['lo'])} to "
            f"{labels.value(row['parameter'], row['hi'])}: {labels.money(row['at_lo'])} to {labels.money(row['at_hi'])}"
        )
    found = tables["switches"]
    for row in found[found["clear"].astype(bool)].to_dict("records"):
        path = row["parameter"]
        lines.append(
            f"{labels.strategy(row['from'])} gives way to {labels.strategy(row['to'])} at {labels.parameter(path)} = "
            f"{labels.value(path, row['value'])} (standard error {labels.value(path, row['std_error'])})."
        )
    unclear = found.loc[~found["clear"].astype(bool), "parameter"].nunique()
    if unclear:
        lines.append(f"{unclear} more parameters may change it, within the Monte Carlo error: try more patients.")
    if not len(found):
        lines.append("No single parameter changes the preferred strategy within its range.")
    return lines


def tornado(bars: pd.DataFrame, labels: Labels, changing: Collection[str] = ()) -> Figure:
    """Draw the bars of one outcome, with the values at their ends and a mark where another strategy is preferred."""
    from rallsim.decision.style import money_axis

    shown = bars.head(MOST_BARS).iloc[::-1]
    ax = new_axes(width=9.0, height=1.9 + 0.46 * len(shown))
    first = bars.iloc[0]
    style = labels.style()
    low_colour, high_colour = FIRST, SECOND
    marked = False
    for place, row in enumerate(shown.to_dict("records")):
        for end, colour in (("lo", low_colour), ("hi", high_colour)):
            ax.barh(
                place, row[f"at_{end}"] - row["at_base"], left=row["at_base"], height=0.66, color=colour, linewidth=0
            )
        marked |= _write_ends(ax, place, row, labels, row["parameter"] in changing)
    ax.axvline(first["at_base"], color="black", linewidth=0.9)
    if bars["at_lo"].min() < 0 < bars["at_hi"].max() or bars["at_hi"].min() < 0 < bars["at_lo"].max():
        ax.axvline(0, color="0.4", linewidth=0.9, linestyle=":")
    ax.set_yticks(range(len(shown)), [labels.parameter(str(path), 44) for path in shown["parameter"]], fontsize=SMALL)
    ax.margins(x=0.16)
    outcome = str(first["outcome"])
    words = f"{name_of(outcome)}: {labels.strategy(first['strategy'])} minus {labels.strategy(first['comparator'])}"
    if unit_of(outcome, labels.currency) == labels.currency:
        money_axis(ax.xaxis, style, words, ax.get_xlim())
    else:
        ax.set_xlabel(f"{words} ({unit_of(outcome, labels.currency)})")
    from matplotlib.patches import Patch

    handles = [Patch(color=low_colour, label="lower end of the range"), Patch(color=high_colour, label="upper end")]
    finish(ax, legend=False, grid="x")
    legend_above(ax, handles=handles)
    note = " ★ another strategy is preferred there." if marked else ""
    question = f"What moves the difference most? One parameter at a time{_at(outcome, labels, first['WTP'])}.{note}"
    return titled(figure_of(ax), labels.title, question)


def _write_ends(ax: Axes, place: int, row: Mapping[Any, Any], labels: Labels, changes: bool) -> bool:
    """Write the values at both ends of a bar, together where both lie on one side; tell whether one has a mark."""
    texts: dict[str, str] = {}
    marked = False
    for end in ("lo", "hi"):
        other = changes and row[f"preferred_at_{end}"] != row["preferred_at_base"]
        texts[end] = labels.value(row["parameter"], row[end]) + (" ★" if other else "")
        marked |= other
    sides = {end: row[f"at_{end}"] >= row["at_base"] for end in texts}
    if sides["lo"] == sides["hi"]:
        far = max(("lo", "hi"), key=lambda end: abs(row[f"at_{end}"] - row["at_base"]))
        texts = {far: f"{texts['lo']} / {texts['hi']}"}
    for end, text in texts.items():
        ax.annotate(
            text,
            (row[f"at_{end}"], place),
            xytext=(4 if sides[end] else -4, 0),
            textcoords="offset points",
            ha="left" if sides[end] else "right",
            va="center",
            fontsize=SMALL - 1,
        )
    return marked


def _at(outcome: str, labels: Labels, wtp: float) -> str:
    return f", {labels.at_wtp(wtp)}" if outcome in ("nmb", "nhb") else ""
