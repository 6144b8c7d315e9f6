"""Where along a parameter the preferred strategy changes, and how exactly that is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from rallsim.evaluation import Evaluation
from rallsim.precision import Z_95
from rallsim.sweep.asked import Range
from rallsim.sweep.measures import Floats, in_batches, pooled
from rallsim.sweep.ranges import along
from rallsim.sweep.runner import points_with
from rallsim.sweep.study import Study, best_of

GRID = 9  # points along a parameter, and again inside each interval in which the preferred strategy changes
COLUMNS = ("WTP", "parameter", "from", "to", "value", "std_error", "lower", "upper")


@dataclass(frozen=True, eq=False)
class Curve:
    """Net benefits of all strategies along one parameter: points × strategies × batches."""

    path: str
    values: list[float]
    benefit: Floats
    patients: np.ndarray

    def preferred(self) -> list[int]:
        """Strategy with the highest net benefit at each point."""
        return [int(one) for one in best_of(pooled(self.benefit, self.patients).value)]


def curves(study: Study, ranges: Mapping[str, Range], wtp: float, grid: int, words: str) -> list[Curve]:
    """Evaluate all strategies along each parameter, the others at their base values."""
    rows = [{path: value} for path, limits in ranges.items() for value in along(limits, grid)]
    evaluation = study.evaluate(points_with(study.base, rows), words=words)
    return curves_of(evaluation, ranges, wtp, grid)


def curves_of(evaluation: Evaluation, ranges: Mapping[str, Range], wtp: float, grid: int) -> list[Curve]:
    """Read the curves from an evaluation whose draws are the points of one parameter after the other."""
    benefit = in_batches(evaluation, "nmb", wtp)
    found = []
    for place, (path, limits) in enumerate(ranges.items()):
        part = slice(place * grid, (place + 1) * grid)
        found.append(Curve(path, along(limits, grid), benefit[part], evaluation.patients[part]))
    return found


def switches(study: Study, coarse: list[Curve], wtp: float, grid: int = GRID) -> pd.DataFrame:
    """Solve for the values at which the preferred strategy changes.

    Each interval of a curve at whose ends different strategies are preferred is evaluated at `grid` points again. Where
    a follows b there, the difference d of their net benefits is taken as a straight line between two neighbours:

    x = x_1 - d(x_1) (x_2 - x_1) / (d(x_2) - d(x_1));   SE(x) = SE(d at x) / |slope of d|

    The slope is that over the interval of the first grid, in which the luck of single patients weighs less. All points
    meet the same patients. Changes there and back between two points of the first grid are not seen.

    Columns: WTP, parameter, from (preferred below), to (above), value, std_error, lower, upper (95 %).
    """
    brackets = [
        (curve, place)
        for curve in coarse
        for place, (before, after) in enumerate(pairwise(curve.preferred()))
        if before != after
    ]
    if not brackets:
        return pd.DataFrame(columns=list(COLUMNS))
    rows = [
        {curve.path: value} for curve, at in brackets for value in along((curve.values[at], curve.values[at + 1]), grid)
    ]
    fine = study.evaluate(points_with(study.base, rows), words="Solving for changes of preference")
    benefit = in_batches(fine, "nmb", wtp)
    found = []
    for number, (curve, at) in enumerate(brackets):
        part = slice(number * grid, (number + 1) * grid)
        ends = (curve.values[at], curve.values[at + 1])
        inside = Curve(curve.path, along(ends, grid), benefit[part], fine.patients[part])
        for place, (before, after) in enumerate(pairwise(inside.preferred())):
            if before == after:
                continue
            value, error = _root(inside, place, before, after, curve, at)
            names = study.strategies[before], study.strategies[after]
            half = Z_95 * error
            found.append((wtp, curve.path, *names, value, error, value - half, value + half))
    return pd.DataFrame(found, columns=list(COLUMNS))


def _root(inside: Curve, place: int, before: int, after: int, coarse: Curve, at: int) -> tuple[float, float]:
    """Value at which `after` overtakes `before` between two points, and its standard error."""
    gain = inside.benefit[:, after] - inside.benefit[:, before]
    patients = inside.patients[:, after]
    left, right = (float(pooled(gain[one], patients[one]).value) for one in (place, place + 1))
    share = -left / (right - left)
    value = inside.values[place] + share * (inside.values[place + 1] - inside.values[place])
    at_root = pooled((1 - share) * gain[place] + share * gain[place + 1], patients[place])
    wide = coarse.benefit[:, after] - coarse.benefit[:, before]
    low, high = (float(pooled(wide[one], coarse.patients[one, after]).value) for one in (at, at + 1))
    slope = (high - low) / (coarse.values[at + 1] - coarse.values[at])
    return value, float(at_root.std_error) / abs(slope)
