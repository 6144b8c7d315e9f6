"""What Morris' and Sobol's methods share: factors, outputs, and the problem as SALib takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from rallsim.evaluation.evaluate import Evaluation
from rallsim.sweep.draws import SAMPLE, Joint
from rallsim.sweep.labels import Labels, in_words
from rallsim.sweep.measures import Floats, means
from rallsim.sweep.study import Study

PATIENTS = 1000  # a point, when not said otherwise


def joint_of(study: Study) -> Joint:
    """Return the joint distribution of what is uncertain: of the parameters asked for, or of all that matter."""
    draws = study.draws(SAMPLE).varying()
    if study.settings.ranges:
        draws = draws[[path for path in draws.columns if path in study.settings.ranges]]
    return Joint.of(draws)


def problem_of(factors: dict[str, list[str]]) -> dict[str, Any]:
    """Return the problem as SALib takes it: a unit cube with a dimension a parameter, dimensions grouped by factor."""
    members = [(name, path) for name, paths in factors.items() for path in paths]
    return {
        "num_vars": len(members),
        "names": [path for _, path in members],
        "bounds": [[0.0, 1.0]] * len(members),
        "groups": [name for name, _ in members],
    }


def points_of(joint: Joint, problem: dict[str, Any], cube: Floats) -> pd.DataFrame:
    """Return the parameters at the points of a design; what is in no factor has no column, and its base value."""
    uniforms = np.full((len(cube), len(joint.paths)), 0.5)
    uniforms[:, [joint.paths.index(path) for path in problem["names"]]] = cube
    names: list[str] = problem["names"]
    return joint.values(uniforms)[names]


def outputs(study: Study, evaluation: Evaluation, outcomes: Sequence[str]) -> list[tuple[str, str, Floats]]:
    """Return each outcome of every strategy less that of the reference: outcome, strategy, value at each point."""
    found = []
    for outcome in outcomes:
        values = means(evaluation, outcome, study.wtp[0])
        for place, name in enumerate(study.strategies):
            if place != study.reference:
                found.append((outcome, name, values[:, place] - values[:, study.reference]))
    return found


def factor_label(name: str, members: Sequence[str], labels: Labels) -> str:
    """Name a factor for people: a parameter by its label, a group by its own name."""
    if len(members) == 1:
        return labels.parameter(members[0])
    if members[0] == name.partition(" + ")[0] and "." in name:
        return f"{labels.parameter(members[0])} and {len(members) - 1} correlated with it"
    return " + ".join(labels.owners.get(one, in_words(one)) for one in name.split(" + "))


def members_of(table: pd.DataFrame) -> dict[str, list[str]]:
    """Return the parameters of each factor from what `members_table` wrote."""
    found: dict[str, list[str]] = {}
    for name, path in table[["factor", "parameter"]].itertuples(index=False):
        found.setdefault(str(name), []).append(str(path))
    return found


def members_table(factors: dict[str, list[str]]) -> pd.DataFrame:
    """Table of the parameters of each factor."""
    rows = [(name, path) for name, members in factors.items() for path in members]
    return pd.DataFrame(rows, columns=["factor", "parameter"])
