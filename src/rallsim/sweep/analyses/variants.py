"""Structural variants: every switch of the model in turn, and combined on request."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rallsim.common.figures import SMALL, figure_of, finish, new_axes, titled
from rallsim.common.precision import Z_95
from rallsim.errors import InputError, Problem, nearest
from rallsim.evaluation.evaluate import Evaluation
from rallsim.sweep.labels import Labels
from rallsim.sweep.measures import in_batches, pooled
from rallsim.sweep.runner import points_with
from rallsim.sweep.study import Figures, Study, best_of
from rallsim.sweep.tables import Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ABOUT = "structural variants: every switch of params/variants, crossed on request"
BASE = "base"
JOINED = "+"
MOST_CROSSED = 8


def analyse(study: Study) -> Tables:
    """Evaluate every variant, and every combination of those to be crossed, with the same patients.

    Tables: `variants` (a row for each variant, outcome and strategy: the outcome, its increment against the reference,
    and how much that increment changed from the base case, each with its error) and `preferred` (the preferred strategy
    of each variant). A variant whose values the scenario sets itself, or that no strategy meets, changes nothing.
    """
    sets = _sets(study)
    values = [_values(study, names) for names in sets]
    evaluation = study.evaluate(points_with(study.base, values), words=f"{len(sets)} structural variants")
    outcomes = list(dict.fromkeys(["nmb", "qalys", "costs", "lys", *study.settings.outcomes]))
    benefit = pooled(in_batches(evaluation, "nmb", study.wtp[0]), evaluation.patients).value
    preferred = best_of(benefit)
    ids = [JOINED.join(names) or BASE for names in sets]
    labels = [_label(study, names) for names in sets]
    ordered = np.sort(benefit, axis=1)
    table = pd.DataFrame(
        {
            "variant": ids,
            "label": labels,
            "WTP": study.wtp[0],
            "preferred": [study.strategies[place] for place in preferred],
            "gain_on_next": ordered[:, -1] - ordered[:, -2] if benefit.shape[1] > 1 else np.nan,
            "other_than_base": preferred != preferred[0],
            "changes_something": [
                bool(n == 0 or (evaluation.sums[n] != evaluation.sums[0]).any()) for n in range(len(ids))
            ],
        }
    )
    rows = [row for outcome in outcomes for row in _rows(study, evaluation, outcome, ids)]
    names = ["variant", "outcome", "WTP", "strategy", "reference", "value", "std_error"]
    names += ["increment", "increment_std_error", "change", "change_std_error"]
    return {"variants": pd.DataFrame(rows, columns=names), "preferred": table}


def _rows(study: Study, evaluation: Evaluation, outcome: str, ids: Sequence[str]) -> list[tuple[object, ...]]:
    values = in_batches(evaluation, outcome, study.wtp[0])
    more = values - values[:, study.reference : study.reference + 1]
    found = [pooled(one, evaluation.patients) for one in (values, more, more - more[:1])]
    rows: list[tuple[object, ...]] = []
    for number, one in enumerate(ids):
        for place, name in enumerate(study.strategies):
            numbers = (float(part[number, place]) for estimate in found for part in estimate)
            rows.append((one, outcome, study.wtp[0], name, study.scenario.reference, *numbers))
    return rows


def _sets(study: Study) -> list[tuple[str, ...]]:
    """The base case, each variant that the scenario has not switched on, and combinations of those to be crossed."""
    known = study.parameters.variants
    wrong = [
        Problem(
            "must be a known variant",
            key="--cross",
            found=f"'{name}'",
            allowed=", ".join(known),
            hint=nearest(name, list(known)),
        )
        for name in study.settings.cross
        if name not in known
    ]
    if len(study.settings.cross) > MOST_CROSSED:
        wrong.append(
            Problem(
                "must be few enough to cross",
                key="--cross",
                found=str(len(study.settings.cross)),
                allowed=str(MOST_CROSSED),
            )
        )
    if wrong:
        raise InputError(wrong)
    alone = [(name,) for name in known if name not in study.scenario.variants]
    crossed = [
        names
        for size in range(2, len(study.settings.cross) + 1)
        for names in combinations(dict.fromkeys(study.settings.cross), size)
    ]
    return [(), *alone, *crossed]


def _values(study: Study, names: Sequence[str]) -> dict[str, float]:
    """Values of variants together; of two that set the same parameter the later counts."""
    return {path: value for name in names for path, value in study.parameters.variants[name].values.items()}


def _label(study: Study, names: Sequence[str]) -> str:
    return " and ".join(study.parameters.variants[name].label for name in names) or "Base case"


def draw(tables: Tables, labels: Labels) -> Figures:
    """Draw net benefit of every strategy against the reference under each variant."""
    return {"variants.png": lambda: _figure(tables, labels)}


def summarise(tables: Tables, labels: Labels) -> list[str]:
    """Say under which variants another strategy is preferred."""
    table = tables["preferred"]
    base = table.iloc[0]
    other = table[table["other_than_base"].astype(bool)]
    lines = [
        f"Base case {labels.at_wtp(base['WTP'])}: {labels.strategy(base['preferred'])}, "
        f"by {labels.money(base['gain_on_next'])}. "
        f"The same under {len(table) - 1 - len(other)} of {len(table) - 1} variants."
    ]
    lines += [
        f"{row['label']}: {labels.strategy(row['preferred'])}, by {labels.money(row['gain_on_next'])}."
        for row in other.to_dict("records")
    ]
    idle = table.loc[~table["changes_something"].astype(bool), "label"].tolist()
    if idle:
        lines.append(f"Changes nothing here: {'; '.join(idle)}.")
    return lines


def _figure(tables: Tables, labels: Labels) -> Figure:
    import textwrap

    from rallsim.decision.style import money_axis

    preferred = tables["preferred"]
    shown = preferred[preferred["changes_something"].astype(bool)].iloc[::-1].reset_index(drop=True)
    rows = tables["variants"]
    rows = rows[rows["outcome"] == "nmb"]
    style = labels.style()
    ax = new_axes(width=9.0, height=2.2 + 0.42 * len(shown))
    others = [name for name in labels.strategies if name != labels.reference]
    for number, name in enumerate(others):
        mine = rows[rows["strategy"] == name].set_index("variant").loc[shown["variant"]]
        places = np.arange(len(shown)) + 0.5 * (0.5 - (number + 0.5) / len(others))
        ax.errorbar(
            mine["increment"],
            places,
            xerr=Z_95 * mine["increment_std_error"],
            fmt="o",
            markersize=4.5,
            color=style.colour(name),
            elinewidth=1.2,
            label=style.label(name),
        )
    ax.axvline(0, color="black", linewidth=0.9)
    names = [
        textwrap.fill(row["label"] + (" ★" if row["other_than_base"] else ""), 44) for row in shown.to_dict("records")
    ]
    ax.set_yticks(range(len(shown)), names, fontsize=SMALL)
    money_axis(ax.xaxis, style, f"Net benefit against {labels.strategy(labels.reference)}", ax.get_xlim())
    finish(ax, grid="x")
    star = " ★ another strategy is preferred than in the base case." if shown["other_than_base"].any() else ""
    wtp = float(preferred["WTP"].to_numpy()[0])
    question = f"Does the answer depend on how the model is built? {labels.at_wtp(wtp, 'At')} (bars: 95 %).{star}"
    return titled(figure_of(ax), labels.title, question)
