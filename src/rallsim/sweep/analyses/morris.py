"""Morris screening: which parameters matter at all, and which of them interact or bend, at little cost."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rallsim.common.figures import FIRST, SECOND, SMALL, figure_of, finish, new_axes, titled
from rallsim.sweep.labels import Labels
from rallsim.sweep.measures import name_of, unit_of
from rallsim.sweep.sensitivity import (
    PATIENTS,
    factor_label,
    joint_of,
    members_of,
    members_table,
    outputs,
    points_of,
    problem_of,
)
from rallsim.sweep.study import Figures, Study
from rallsim.sweep.tables import Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ABOUT = "Morris screening of all parameters: who matters, by elementary effects (SALib)"
LEVELS = 4
TRAJECTORIES = 12
MOST_BARS = 15


def analyse(study: Study) -> Tables:
    """Move one factor after the other along trajectories through the unit cube of probabilities.

    An elementary effect is the change of an outcome when a factor's probability moves by 2/3. `mu_star` is the mean
    size of a factor's effects, `mu` their mean, `sigma` their standard deviation: it is large where the factor bends or
    interacts. Correlated parameters are one factor and move together; `mu` and `sigma` are then left empty. `--design`
    is the number of trajectories.

    Source: Morris, Technometrics 1991;33:161; Campolongo, Cariboni and Saltelli, Environ Model Softw 2007;22:1509.
    """
    joint = joint_of(study)
    return {
        "morris": screening(study, study.settings.design or TRAJECTORIES),
        "factors": members_table(joint.factors(study.settings.groups)),
    }


def screening(study: Study, trajectories: int = TRAJECTORIES) -> pd.DataFrame:
    """Return the table `morris`: elementary effects on every outcome of every strategy against the reference."""
    from SALib.analyze import morris as analyser
    from SALib.sample import morris as sampler

    joint = joint_of(study)
    factors = joint.factors(study.settings.groups)
    problem = problem_of(factors)
    seed = study.settings.draw_seed
    cube = sampler.sample(problem, trajectories, num_levels=LEVELS, seed=seed)
    evaluation = study.evaluate(
        points_of(joint, problem, cube),
        patients=study.settings.patients or PATIENTS,
        words=f"{len(cube):,} points of Morris' design",
    )
    parts = []
    for outcome, strategy, values in outputs(study, evaluation, study.settings.outcomes):
        found = analyser.analyze(problem, cube, values, num_levels=LEVELS, seed=seed)
        names = [str(name) for name in found["names"]]
        single = np.array([len(factors[name]) == 1 for name in names])
        statistics = ("mu_star", "mu_star_conf", "mu", "sigma")
        columns = {name: np.ma.filled(found[name], np.nan).astype(float) for name in statistics}
        table = pd.DataFrame({"outcome": outcome, "WTP": study.wtp[0], "strategy": strategy, "factor": names} | columns)
        table["comparator"] = study.scenario.reference
        table["parameters"] = [len(factors[name]) for name in names]
        table.loc[~single, ["mu", "sigma"]] = np.nan
        parts.append(table.sort_values("mu_star", ascending=False, kind="stable"))
    return pd.concat(parts, ignore_index=True)


def draw(tables: Tables, labels: Labels) -> Figures:
    """Draw the factors that matter most, a figure for each outcome and strategy."""
    members = members_of(tables["factors"])
    groups = tables["morris"].groupby(["outcome", "strategy"], sort=False)
    return {f"morris_{one}_{strategy}.png": partial(_figure, rows, members, labels) for (one, strategy), rows in groups}


def summarise(tables: Tables, labels: Labels) -> list[str]:
    """Name the factors that matter most."""
    members = members_of(tables["factors"])
    lines = []
    for (outcome, strategy), rows in tables["morris"].groupby(["outcome", "strategy"], sort=False):
        names = [factor_label(name, members[name], labels) for name in rows["factor"].head(3)]
        pair = labels.pair(str(strategy))
        lines.append(f"{name_of(str(outcome))} of {pair} is moved most by {'; '.join(names)}.")
    return lines


def _figure(rows: pd.DataFrame, members: dict[str, list[str]], labels: Labels) -> Figure:
    import textwrap

    from rallsim.decision.style import money_axis

    shown = rows.head(MOST_BARS).iloc[::-1]
    ax = new_axes(width=9.0, height=1.9 + 0.46 * len(shown))
    first = rows.iloc[0]
    places = np.arange(len(shown))
    ax.barh(places, shown["mu_star"], height=0.62, color=FIRST, linewidth=0, label="mean size of the effect")
    ax.errorbar(
        shown["mu_star"],
        places,
        xerr=shown["mu_star_conf"],
        fmt="none",
        ecolor="0.2",
        elinewidth=1.0,
        capsize=2.5,
        label="95 % interval",
    )
    ax.plot(shown["sigma"], places, "D", color=SECOND, markersize=5, label="standard deviation: bends or interacts")
    names = [textwrap.fill(factor_label(name, members[name], labels), 44) for name in shown["factor"]]
    ax.set_yticks(places, names, fontsize=SMALL)
    outcome = str(first["outcome"])
    words = f"Elementary effect on {name_of(outcome).lower() if outcome != 'qalys' else 'QALYs'}"
    if unit_of(outcome, labels.currency) == labels.currency:
        money_axis(ax.xaxis, labels.style(), words, ax.get_xlim())
    else:
        ax.set_xlabel(f"{words} ({unit_of(outcome, labels.currency)})")
    finish(ax, legend=False, grid="x")
    ax.legend(loc="lower right", frameon=False, fontsize=SMALL)
    question = (
        f"What matters at all to {labels.strategy(str(first['strategy']))} against {labels.strategy(labels.reference)}?"
    )
    return titled(figure_of(ax), labels.title, question)
