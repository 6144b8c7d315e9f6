"""Two-way sensitivity: a grid over two parameters, all others uncertain at every point of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rallsim.common.figures import SMALL, figure_of, legend_above, new_axes, titled
from rallsim.decision.acceptability import best_shares
from rallsim.errors import InputError, Problem
from rallsim.sweep.analyses import oneway
from rallsim.sweep.labels import Labels
from rallsim.sweep.measures import means
from rallsim.sweep.one_parameter import along, ranges_of
from rallsim.sweep.settings import Range
from rallsim.sweep.study import Figures, Study
from rallsim.sweep.tables import Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ABOUT = "two-way grid: the preferred strategy, its probability of being best, and its expected loss"
GRID = 7
DRAWS = 100  # of all other parameters, at each point
PATIENTS = 1000
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue
LIGHT = 0.6  # opacity up to which black letters are read on any colour


def analyse(study: Study) -> Tables:
    """Evaluate a grid over two parameters, each point under the same draws of all others.

    Without two parameters asked for, the two that move net benefit most one at a time. The draws of the others are
    those of the psa, whatever the two are set to: correlations with the two are cut. Preferred is the strategy with the
    highest expected net benefit at a point; `Probability` is the share of draws in which a strategy is the best there,
    `Expected_Loss` what is lost on average by choosing it.

    Table `twoway`: parameter_1, value_1, parameter_2, value_2, WTP, Strategy, NMB, Std_Error (of draws),
    Probability, Expected_Loss, Preferred.
    """
    ranges = _two(study)
    grid, number = study.settings.grid or GRID, study.settings.design or DRAWS
    draws = study.draws(number).table
    (one, first), (other, second) = ranges.items()
    points = [(x, y) for x in along(first, grid) for y in along(second, grid)]
    table = pd.concat([draws.assign(**{one: x, other: y}) for x, y in points], ignore_index=True)
    words = f"{grid} × {grid} points × {number} draws"
    evaluation = study.evaluate(table, patients=study.settings.patients or PATIENTS, words=words)
    rows = []
    for wtp in study.wtp:
        benefit = means(evaluation, "nmb", wtp).reshape(len(points), number, -1)
        for (x, y), here in zip(points, benefit, strict=True):
            expected, shares = here.mean(axis=0), best_shares(here).mean(axis=0)
            losses = (here.max(axis=1, keepdims=True) - here).mean(axis=0)
            error = here.std(axis=0, ddof=1) / np.sqrt(number) if number > 1 else np.full(len(expected), np.nan)
            best = expected.argmax()
            for place, name in enumerate(study.strategies):
                found = (expected[place], error[place], shares[place], losses[place], place == best)
                rows.append((one, x, other, y, wtp, name, *found))
    names = ["parameter_1", "value_1", "parameter_2", "value_2", "WTP", "Strategy"]
    return {
        "twoway": pd.DataFrame(rows, columns=[*names, "NMB", "Std_Error", "Probability", "Expected_Loss", "Preferred"])
    }


def _two(study: Study) -> dict[str, Range]:
    """Return the two parameters and their ranges."""
    if study.settings.ranges:
        found = ranges_of(study)
        if len(found) != 2:
            message = "must be given twice, for a grid"
            raise InputError(Problem(message, key="--parameter", found=str(len(found)), allowed="two, or none"))
        return found
    bars = oneway.analyse(study)["tornado"]
    first = bars[bars["outcome"] == "nmb"].head(2)
    return {str(row["parameter"]): (row["lo"], row["hi"]) for row in first.to_dict("records")}


def draw(tables: Tables, labels: Labels) -> Figures:
    """Draw the map of preferred strategies."""
    return {"twoway.png": lambda: _figure(tables["twoway"], labels)}


def summarise(tables: Tables, labels: Labels) -> list[str]:
    """Say which strategies are preferred on how much of the grid."""
    lines = []
    for wtp, rows in tables["twoway"].groupby("WTP", sort=False):
        chosen = rows[rows["Preferred"].astype(bool)]
        shares = chosen["Strategy"].value_counts(normalize=True)
        named = ", ".join(f"{labels.strategy(str(name))} on {share:.0%}" for name, share in shares.items())
        first = rows.iloc[0]
        axes = f"{labels.parameter(first['parameter_1'])} × {labels.parameter(first['parameter_2'])}"
        low, high = (labels.money(chosen["Expected_Loss"].agg(end)) for end in ("min", "max"))
        lines.append(
            f"{axes} {labels.at_wtp(float(str(wtp)))}: preferred {named} of the grid; probability of being best "
            f"{chosen['Probability'].min():.0%} to {chosen['Probability'].max():.0%}, expected loss {low} to {high}."
        )
    return lines


def _figure(table: pd.DataFrame, labels: Labels) -> Figure:
    from matplotlib.patches import Patch, Rectangle

    wtp = labels.wtp[0]
    chosen = table[(table["WTP"] == wtp) & table["Preferred"].astype(bool)]
    style = labels.style()
    xs, ys = (np.unique(chosen[name]) for name in ("value_1", "value_2"))
    one, other = str(chosen["parameter_1"].iat[0]), str(chosen["parameter_2"].iat[0])
    ax = new_axes(width=2.6 + 0.95 * len(xs), height=2.8 + 0.72 * len(ys))
    for row in chosen.to_dict("records"):
        x, y = int(np.searchsorted(xs, row["value_1"])), int(np.searchsorted(ys, row["value_2"]))
        colour = style.colour(row["Strategy"])
        weight = 0.15 + 0.75 * float(row["Probability"])
        ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=(*colour, weight), edgecolor="white", linewidth=1.5))
        text = f"{row['Probability']:.0%}\n{labels.money(row['Expected_Loss'])}"
        dark = weight > LIGHT and float(np.dot(colour, LUMINANCE)) < 0.5
        ink = "white" if dark else "black"
        ax.annotate(text, (x, y), ha="center", va="center", fontsize=SMALL - 1, color=ink)
    ax.set_xlim(-0.5, len(xs) - 0.5)
    ax.set_ylim(-0.5, len(ys) - 0.5)
    ax.set_xticks(range(len(xs)), [labels.value(one, value) for value in xs], fontsize=SMALL, rotation=30, ha="right")
    ax.set_yticks(range(len(ys)), [labels.value(other, value) for value in ys], fontsize=SMALL)
    ax.set_xlabel(labels.axis(one))
    ax.set_ylabel(labels.axis(other, 40))
    for side in ("top", "right", "left", "bottom"):
        ax.spines[side].set_visible(False)
    handles = [Patch(color=style.colour(name), label=style.label(name)) for name in dict.fromkeys(chosen["Strategy"])]
    legend_above(ax, handles=handles)
    question = f"Which strategy is preferred {labels.at_wtp(wtp)}?"
    question += " In each cell: probability that it is the best, expected loss"
    return titled(figure_of(ax), labels.title, question)
