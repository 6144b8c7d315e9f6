"""Over what range a parameter is varied alone: as asked for, or its 95 % interval."""

from __future__ import annotations

import numpy as np

from rallsim.decision.spread import HIGH, LOW
from rallsim.economics.settings.economic_draws import spread_of_entry
from rallsim.economics.settings.settings import is_economic
from rallsim.errors import InputError, Problem
from rallsim.inputs.uncertainty import interval
from rallsim.sweep.settings import Range
from rallsim.sweep.study import Study


def ranges_of(study: Study) -> dict[str, Range]:
    """Return the parameters to vary and their ranges: those asked for, or all that matter and have an interval.

    Refuses a parameter that was asked for without a range and has no interval of its own.
    """
    if not study.asked.ranges:
        found = {path: interval_of(study, path) for path in study.base if study.matters(path)}
        return {path: limits for path, limits in found.items() if limits[0] < limits[1]}
    ranges = {path: limits or interval_of(study, path) for path, limits in study.asked.ranges.items()}
    without = [path for path, limits in ranges.items() if not limits[0] < limits[1]]
    if without:
        allowed = "a range as in --parameter PATH=LO:HI"
        raise InputError(
            [Problem("has no interval of its own", key=f"--parameter {path}", allowed=allowed) for path in without]
        )
    return ranges


def interval_of(study: Study, path: str) -> Range:
    """Return the 95 % interval of a parameter, its value twice where it is certain."""
    value = study.base[path]
    if is_economic(path):
        spread = spread_of_entry(study.economics.parameters()[path])
        if spread is None:
            return value, value
        low, high = spread.quantile(np.array([LOW, HIGH]))
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
