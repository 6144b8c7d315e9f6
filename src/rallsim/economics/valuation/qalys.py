"""From a history to what it was worth: life years and QALYs, row by row.

norm(age, sex) = intercept + male * (1 for men) + age * years + age_squared * years^2

is the mean utility of the general population. The utility of a stage at some age is its value times norm(age) /
norm(reference_age), at most norm(age) unless its file says that it may be more.
"""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.common.records import readable
from rallsim.economics.discounting import UNDISCOUNTED, Rates, moments
from rallsim.economics.settings.triggers import Trigger
from rallsim.economics.settings.utility_files import NORM, Utilities
from rallsim.economics.valuation.accrual_periods import Floats, Ints, Timeline, periods_of

# Stages first, then decrements. Draws × these: the utility, or what is taken off, negative. Of each: 1 for the time in
# a stage, 0 for a decrement; 1 where it may exceed the norm. Draws × utility_files.NORM; 1 when adjusted for age.
Weights = namedtuple("Weights", "utility is_stage may_exceed_norm norm age_adjusted")
NOT_DISCOUNTED = UNDISCOUNTED.forces


@compiled
def norm_at(age_years: float, male: float, norm: Any) -> float:
    """Mean utility of the general population at an age; `male` is 1 for men, 0 for women.

    >>> norm_at(50.0, 1.0, (0.75, 0.25, -0.01, 0.0))
    0.5
    """
    return float(norm[0] + norm[1] * male + (norm[2] + norm[3] * age_years) * age_years)


@compiled
def accrue_qalys(
    place: int, start: float, stop: float, age: float, male: float, weights: Any, draw: int, forces: Any
) -> tuple[float, float, float, float]:
    """Return life years and QALYs of a period, each plain and discounted, for a patient of this age (years) at entry.

    QALY of a stage from a to b = multiplier * integral of norm(age at t) D(t) dt / 12; of a decrement
    - disutility * integral of D(t) dt / 12, and no years: its time is counted with the stage.
    """
    utility = weights.utility[draw, place]
    p0, p1, p2 = moments(start, stop, NOT_DISCOUNTED)
    d0, d1, d2 = moments(start, stop, forces)
    if weights.is_stage[place] == 0:
        return 0.0, 0.0, utility * p0 / 12.0, utility * d0 / 12.0
    if weights.age_adjusted == 0:
        return p0 / 12.0, d0 / 12.0, utility * p0 / 12.0, utility * d0 / 12.0
    norm = weights.norm[draw]
    ratio = utility / norm_at(norm[4], male, norm)
    if weights.may_exceed_norm[place] == 0:
        ratio = min(ratio, 1.0)
    then = age + start / 12.0
    c0 = norm_at(then, male, norm)
    c1 = (norm[2] + 2.0 * norm[3] * then) / 12.0
    c2 = norm[3] / 144.0
    plain = ratio * (c0 * p0 + c1 * p1 + c2 * p2)
    return p0 / 12.0, d0 / 12.0, plain / 12.0, ratio * (c0 * d0 + c1 * d1 + c2 * d2) / 12.0


@compiled_entry
def fill_qalys(periods: Any, patient: Any, ages: Any, male: Any, weights: Any, forces: Any, columns: Any) -> None:
    """Value each period; `patient` is that of each row of the history, `columns` take what `accrue_qalys` returns."""
    for place in range(len(periods)):
        period = periods[place]
        who = patient[period.row]
        found = accrue_qalys(period.trigger, period.start, period.stop, ages[who], male[who], weights, 0, forces)
        columns[0, place], columns[1, place], columns[2, place], columns[3, place] = found


@dataclass(frozen=True, eq=False)
class QalyAccrual:
    """Life years and QALYs by columns: of rows of the history and the time from `start` to `stop`."""

    row: Ints
    start: Floats
    stop: Floats
    years: Floats  # 0 for decrements, whose time is counted with the stage
    years_discounted: Floats
    qalys: Floats
    qalys_discounted: Floats


def qalys_of(timeline: Timeline, utilities: Utilities, rates: Rates) -> QalyAccrual:
    """Find life years and QALYs of the patients of a history."""
    triggers = triggers_of(utilities)
    months = [utilities.months(one.lasting) for one in triggers]
    periods = periods_of(timeline.history.events, triggers, timeline.history.therapies, months)
    columns: Floats = np.empty((4, len(periods)))
    people = (np.ascontiguousarray(timeline.history.baseline[name]) for name in ("age", "male"))
    weights = weights_of(utilities)
    fill_qalys(*readable(periods), timeline.patient, *people, weights, rates.qalys.forces, columns)
    return QalyAccrual(periods["row"].astype(np.intp), periods["start"].copy(), periods["stop"].copy(), *columns)


def triggers_of(utilities: Utilities) -> list[Trigger]:
    """Return the triggers of all stages, then those of all decrements."""
    return [one.trigger for one in utilities.stages] + [one.trigger for one in utilities.decrements]


def weights_of(utilities: Utilities, draws: int = 1) -> Weights:
    """Return what time counts; parameters may hold an array with one number a draw."""
    stages, decrements = utilities.stages, utilities.decrements
    utility, norm = np.zeros((draws, len(stages) + len(decrements))), np.zeros((draws, len(NORM)))
    for place, stage in enumerate(stages):
        utility[:, place] = utilities.value(stage.utility)
    for place, decrement in enumerate(decrements, len(stages)):
        utility[:, place] = -1.0 * utilities.value(decrement.disutility)
    for place, name in enumerate(NORM):
        norm[:, place] = utilities.value(utilities.norm[name])
    is_stage = np.repeat([1, 0], [len(stages), len(decrements)]).astype(np.int64)
    may_exceed = np.array([one.may_exceed_norm for one in stages] + [False] * len(decrements), np.int64)
    return Weights(utility, is_stage, may_exceed, norm, int(utilities.age_adjusted))
