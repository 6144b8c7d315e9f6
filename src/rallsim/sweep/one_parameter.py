"""One parameter at a time: over what range it is varied, and where along it the preferred strategy changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from rallsim.common.precision import Z_95
from rallsim.decision.spread import HIGH, LOW
from rallsim.economics.settings.economic_draws import spread_of_entry
from rallsim.economics.settings.settings import is_economic
from rallsim.errors import InputError, Problem
from rallsim.evaluation.evaluate import Evaluation
from rallsim.inputs.uncertainty import interval, population_draws
from rallsim.sweep.measures import Floats, in_batches, pooled
from rallsim.sweep.runner import points_with
from rallsim.sweep.settings import Range
from rallsim.sweep.study import Study, best_of

GRID = 9  # points along a parameter, and again inside each interval in which the preferred strategy changes
SAMPLE = 500  # draws of the population from which intervals are read
COLUMNS = ("WTP", "parameter", "from", "to", "value", "std_error", "lower", "upper", "clear")


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

    Each interval of a curve at whose ends different strategies are preferred is evaluated at `grid` points again, and
    the net benefit of each strategy there is taken as a straight line, fitted by least squares, so that chance in
    single patients makes no changes of its own. Where the highest line changes from b to a,

    x = (alpha_b - alpha_a) / (beta_a - beta_b);   SE(x) = SE(d at x) / |beta_a - beta_b|

    with lines alpha + beta x, and d the difference of the two lines fitted in each batch of patients. All points meet
    the same patients. Changes there and back between two points of the first grid are not seen.

    Columns: WTP, parameter, from (preferred below), to (above), value, std_error, lower, upper (95 %), clear: whether
    these limits lie inside the range that was looked at; where not, the change may be chance.
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
        values = along((curve.values[at], curve.values[at + 1]), grid)
        inside = Curve(curve.path, values, benefit[part], fine.patients[part])
        for before, after, value, error in changes(inside):
            half = Z_95 * error
            clear = curve.values[0] <= value - half and value + half <= curve.values[-1]
            names = study.strategies[before], study.strategies[after]
            found.append((wtp, curve.path, *names, value, error, value - half, value + half, clear))
    return pd.DataFrame(found, columns=list(COLUMNS))


def changes(curve: Curve) -> list[tuple[int, int, float, float]]:
    """Where the highest of the strategies' fitted lines changes: before, after, value, standard error.

    The first is the strategy preferred at the first point and the last that at the last point, also where the lines
    cross a little outside.
    """
    x = np.array(curve.values)
    basis = np.stack([np.ones_like(x), x], axis=1)
    lines = np.einsum("kp,psb->ksb", np.linalg.pinv(basis), curve.benefit)  # (level, slope) × strategies × batches
    patients = curve.patients[0]
    levels, slopes = (pooled(one, patients).value for one in lines)

    def change(before: int, after: int) -> tuple[int, int, float, float]:
        steeper = float(slopes[after] - slopes[before])
        value = float(levels[before] - levels[after]) / steeper if steeper > 0 else float(x.mean())
        gain = lines[:, after] - lines[:, before]
        error = float(pooled(gain[0] + gain[1] * value, patients[after]).std_error)
        return before, after, value, error / steeper if steeper > 0 else float("inf")

    ends = curve.preferred()
    order = [ends[0], *_envelope(levels, slopes, float(x[0]), float(x[-1])), ends[-1]]
    return [change(before, after) for before, after in pairwise(order) if before != after]


def _envelope(levels: Floats, slopes: Floats, start: float, stop: float) -> list[int]:
    """Lines that are the highest between two values, from left to right.

    >>> _envelope(np.array([0.0, 1.0, -5.0]), np.array([1.0, 0.0, 2.0]), 0.0, 10.0)
    [1, 0, 2]
    """
    here, best = start, int((levels + slopes * start).argmax())
    found = [best]
    while True:
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = (levels[best] - levels) / (slopes - slopes[best])
        crossing[(slopes <= slopes[best]) | (crossing < here)] = np.inf
        best = int(crossing.argmin())
        if not crossing[best] <= stop:
            return found
        here = float(crossing[best])
        found.append(best)


def ranges_of(study: Study) -> dict[str, Range]:
    """Return the parameters to vary and their ranges: those asked for, or all relevant ones that have an interval.

    Refuses a parameter that was asked for without a range and has no interval of its own.
    """
    people = population_draws(study.parameters, study.scenario.population_id, SAMPLE)
    if not study.settings.ranges:
        found = {path: interval_of(study, path, people) for path in study.base if study.is_relevant(path)}
        return {path: limits for path, limits in found.items() if limits[0] < limits[1]}
    ranges = {path: limits or interval_of(study, path, people) for path, limits in study.settings.ranges.items()}
    without = [path for path, limits in ranges.items() if not limits[0] < limits[1]]
    if without:
        allowed = "a range as in --parameter PATH=LO:HI"
        raise InputError(
            [Problem("must have an interval", key=f"--parameter {path}", allowed=allowed) for path in without]
        )
    return ranges


def interval_of(study: Study, path: str, people: pd.DataFrame) -> Range:
    """Return the 95 % interval of a parameter, its stated range where it is held, its value twice where it has none.

    `people` are draws of the population's parameters.
    """
    value = study.base[path]
    if is_economic(path):
        entry = study.economics.parameters()[path]
        spread = spread_of_entry(entry)
        if spread is not None:
            low, high = spread.quantile(np.array([LOW, HIGH]))
            return float(low), float(high)
        return (entry.lo, entry.hi) if entry.held and entry.lo is not None and entry.hi is not None else (value, value)
    if path in people:
        low, high = np.quantile(people[path], [LOW, HIGH])
        return float(low), float(high)
    own = path.replace("population.", f"population.{study.scenario.population_id}.", 1)
    return interval(study.parameters.parameters[own if own in study.parameters.parameters else path])


def along(limits: Range, points: int) -> list[float]:
    """Return evenly spaced values from the lower to the upper limit.

    >>> along((0.0, 1.0), 3)
    [0.0, 0.5, 1.0]
    """
    low, high = limits
    return [low + (high - low) * place / (points - 1) for place in range(points)]
