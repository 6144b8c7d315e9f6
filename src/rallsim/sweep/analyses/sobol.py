"""Sobol indices: how much of the variance of an outcome each factor makes, alone and with all it interacts with."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rallsim.common.figures import FIRST, SECOND, SMALL, figure_of, finish, new_axes, titled
from rallsim.errors import InputError, Problem
from rallsim.sweep.analyses import morris
from rallsim.sweep.labels import Labels
from rallsim.sweep.measures import name_of
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

ABOUT = "Sobol indices, first and total, of groups of parameters (SALib)"
BASE_SAMPLE = 512
MOST_FACTORS = 10
REST = "all others"


def analyse(study: Study) -> Tables:
    """Evaluate Saltelli's design and split the variance of every outcome by factor.

    S1 = Var(E[Y | factor]) / Var(Y);  ST = 1 - Var(E[Y | all others]) / Var(Y)

    Factors are the groups asked for (what is in none keeps its base value), or the parameters of `--parameter`; without
    either, the ten that a Morris screening finds to matter most, and all others as one. Correlated parameters are in
    one factor, so that factors are independent and their indices well defined. `--design` is the size of the base
    sample, rounded up to a power of two: there are (factors + 2) times as many points. S1_conf and ST_conf are half
    widths of 95 % intervals, by bootstrap.

    Source: Saltelli et al., Comput Phys Commun 2010;181:259.
    """
    from SALib.analyze import sobol as analyser
    from SALib.sample import sobol as sampler

    joint = joint_of(study)
    factors = joint.factors(study.settings.groups)
    if not (study.settings.groups or study.settings.ranges):
        factors = _screened(study, factors)
    if len(factors) < 2:
        raise InputError(Problem("must have more than one factor that varies", key="sobol", found=next(iter(factors))))
    problem = problem_of(factors)
    size = 2 ** int(np.ceil(np.log2(study.settings.design or BASE_SAMPLE)))
    seed = study.settings.draw_seed
    cube = sampler.sample(problem, size, calc_second_order=False, seed=seed)
    evaluation = study.evaluate(
        points_of(joint, problem, cube),
        patients=study.settings.patients or PATIENTS,
        words=f"{len(cube):,} points of Saltelli's design",
    )
    names = list(dict.fromkeys(problem["groups"]))
    parts = []
    for outcome, strategy, values in outputs(study, evaluation, study.settings.outcomes):
        if np.ptp(values) == 0:
            raise InputError(Problem(f"must have a {outcome} of {strategy} that varies", key="sobol"))
        found = analyser.analyze(problem, values, calc_second_order=False, seed=seed)
        columns = {name: np.asarray(found[name], float) for name in ("S1", "S1_conf", "ST", "ST_conf")}
        table = pd.DataFrame({"outcome": outcome, "WTP": study.wtp[0], "strategy": strategy, "factor": names} | columns)
        table["comparator"] = study.scenario.reference
        table["parameters"] = [len(factors[name]) for name in names]
        parts.append(table.sort_values("ST", ascending=False, kind="stable"))
    return {"sobol": pd.concat(parts, ignore_index=True), "factors": members_table(factors)}


def _screened(study: Study, factors: dict[str, list[str]]) -> dict[str, list[str]]:
    """Keep the factors that matter most to any output, by a screening of their own; all others become one."""
    table = morris.screening(study)
    matters = table.groupby("factor", sort=False)["mu_star"].max().sort_values(ascending=False, kind="stable")
    first = [str(name) for name in matters.index[:MOST_FACTORS]]
    rest = [path for name, members in factors.items() if name not in first for path in members]
    return {name: factors[name] for name in first} | ({REST: rest} if rest else {})


def draw(tables: Tables, labels: Labels) -> Figures:
    """Draw first and total indices, a figure for each outcome and strategy."""
    members = members_of(tables["factors"])
    groups = tables["sobol"].groupby(["outcome", "strategy"], sort=False)
    return {f"sobol_{one}_{strategy}.png": partial(_figure, rows, members, labels) for (one, strategy), rows in groups}


def summarise(tables: Tables, labels: Labels) -> list[str]:
    """Say which factors make the variance."""
    members = members_of(tables["factors"])
    lines = []
    for (outcome, strategy), rows in tables["sobol"].groupby(["outcome", "strategy"], sort=False):
        named = [
            f"{factor_label(row['factor'], members[row['factor']], labels)} {row['ST']:.0%} ± {row['ST_conf']:.0%}"
            for row in rows.head(3).to_dict("records")
        ]
        lines.append(
            f"{name_of(str(outcome))} of {labels.pair(str(strategy))}, total share of the variance: "
            f"{'; '.join(named)}. First indices add up to {rows['S1'].sum():.0%}."
        )
    return lines


def _figure(rows: pd.DataFrame, members: dict[str, list[str]], labels: Labels) -> Figure:
    import textwrap

    from matplotlib.ticker import PercentFormatter

    shown = rows.iloc[::-1]
    ax = new_axes(width=8.4, height=1.9 + 0.5 * len(shown))
    first = rows.iloc[0]
    places = np.arange(len(shown))
    for shift, name, colour, words in (
        (0.19, "S1", FIRST, "alone (first index)"),
        (-0.19, "ST", SECOND, "with all interactions (total index)"),
    ):
        ax.barh(places + shift, shown[name].clip(lower=0), height=0.36, color=colour, linewidth=0, label=words)
        ax.errorbar(
            shown[name],
            places + shift,
            xerr=shown[f"{name}_conf"],
            fmt="none",
            ecolor="0.2",
            elinewidth=1.0,
            capsize=2.0,
        )
    names = [textwrap.fill(factor_label(name, members[name], labels), 38) for name in shown["factor"]]
    ax.set_yticks(places, names, fontsize=SMALL)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.xaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    ax.set_xlabel(f"Share of the variance of {name_of(str(first['outcome']))} (bars: 95 % interval)")
    finish(ax, legend=False, grid="x")
    ax.legend(loc="lower right", frameon=False, fontsize=SMALL)
    question = f"Whose uncertainty is it? {labels.pair(str(first['strategy']))}"
    return titled(figure_of(ax), labels.title, question)
