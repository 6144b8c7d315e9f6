"""Running sums over patients, for sweeps in which nobody looks at a single history.

For each draw a tally holds how many patients' survival ends in each interval of a grid, sums and sums of squares of
outcomes, counts of events, and months spent by stage and therapy, plain and discounted. Filled inside the compiled loop
or from histories it is the same function that adds each patient, so both come to the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import add
from typing import Any, NamedTuple

import numpy as np

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.common.records import readable
from rallsim.model.states import DETAILS, EVENTS, STAGES
from rallsim.outcomes.outcome import MEASURES, OUTCOME, outcome_matrix, outcome_of


class Sums(NamedTuple):
    """Sums over patients. The last axis of the last three is the therapy of the present or last course: none first."""

    patients: np.ndarray  # of each draw
    os_ends: np.ndarray  # draws × intervals: patients whose survival ends in (t - step, t]; beyond the grid last
    efs_ends: np.ndarray  # the same for event-free survival
    sums: np.ndarray  # draws × outcome.MEASURES
    squares: np.ndarray  # draws × outcome.MEASURES
    causes: np.ndarray  # draws × stages.DETAILS: deaths by cause
    events: np.ndarray  # draws × stages.EVENTS × (none, therapies)
    months: np.ndarray  # draws × stages.STAGES × (none, therapies)
    discounted: np.ndarray  # the same months, discounted to entry


@dataclass(frozen=True)
class Tally:
    """Sums over the patients of each draw. Tallies of different patients add up."""

    sums_of_draws: Sums
    step: float  # months between the points of the grid, which begins at 0
    force: float  # of discount per month: ln(1 + annual rate) / 12

    def __add__(self, other: Tally) -> Tally:
        """Add the patients of another tally of the same draws."""
        return replace(self, sums_of_draws=Sums(*map(add, self.sums_of_draws, other.sums_of_draws)))

    @classmethod
    def joined(cls, tallies: Sequence[Tally]) -> Tally:
        """Put the draws of several tallies one after the other."""
        parts = zip(*(one.sums_of_draws for one in tallies), strict=True)
        return replace(tallies[0], sums_of_draws=Sums(*map(np.concatenate, parts)))

    def __getattr__(self, name: str) -> np.ndarray:
        """Look up an array of Sums by its name."""
        if name not in Sums._fields:
            raise AttributeError(name)
        return np.asarray(getattr(self.sums_of_draws, name))

    def survival(self, endpoint: str = "os") -> np.ndarray:
        """Share whose survival goes beyond each point of the grid: draws × points.

        S(t) = 1 - (number of ends up to t) / n; `endpoint` is os or efs.
        """
        ends = self.os_ends if endpoint == "os" else self.efs_ends
        return np.asarray(1.0 - np.cumsum(ends, axis=1)[:, :-1] / self.patients[:, None])

    def mean(self, measure: str) -> np.ndarray:
        """Mean of an outcome over the patients of each draw: months, lines, or the share with a flag."""
        return np.asarray(self.sums[:, MEASURES.index(measure)] / self.patients)

    def std_error(self, measure: str) -> np.ndarray:
        """Monte Carlo standard error of `mean`: s / sqrt(n)."""
        column = MEASURES.index(measure)
        variance = self.squares[:, column] / self.patients - self.mean(measure) ** 2
        return np.asarray(np.sqrt(np.maximum(variance, 0.0) / np.maximum(self.patients - 1, 1)))


def empty_tally(draws: int, therapies: int, horizon: float, step: float = 1.0, discount_rate: float = 0.0) -> Tally:
    """Return a tally of nobody. The grid runs from 0 to `horizon` (months); `discount_rate` is annual effective."""
    intervals = math.floor(horizon / step + 1e-9) + 2
    shape = {"events": (len(EVENTS), therapies + 1), "stages": (len(STAGES), therapies + 1)}
    return Tally(
        Sums(
            patients=np.zeros(draws, np.int64),
            os_ends=np.zeros((draws, intervals), np.int64),
            efs_ends=np.zeros((draws, intervals), np.int64),
            sums=np.zeros((draws, len(MEASURES))),
            squares=np.zeros((draws, len(MEASURES))),
            causes=np.zeros((draws, len(DETAILS)), np.int64),
            events=np.zeros((draws, *shape["events"]), np.int64),
            months=np.zeros((draws, *shape["stages"])),
            discounted=np.zeros((draws, *shape["stages"])),
        ),
        step=step,
        force=math.log1p(discount_rate) / 12.0,
    )


def tally_history(
    events: np.ndarray, therapies: int, horizon: float, step: float = 1.0, discount_rate: float = 0.0
) -> Tally:
    """Tally the rows (events.EVENT_ROW) of a cohort, patient after patient: one draw."""
    tally = empty_tally(1, therapies, horizon, step, discount_rate)
    outcomes = np.zeros(1, OUTCOME)
    add_patients(*readable(events, outcomes), outcome_matrix(outcomes), tally.step, tally.force, tally.sums_of_draws)
    return tally


@compiled
def interval_of(time: float, step: float, last: int) -> int:
    """Number of the grid points k * step, from k = 0, that lie before `time`; `last` when that is beyond the grid.

    >>> interval_of(0.0, 1.0, 10), interval_of(0.5, 1.0, 10), interval_of(1.0, 1.0, 10), interval_of(99.0, 1.0, 10)
    (0, 1, 1, 10)
    """
    return min(last, math.ceil(time / step))


@compiled
def add_patient(
    events: Any,
    first: int,
    after_last: int,
    outcomes: Any,
    matrix: Any,
    draw: int,
    step: float,
    force: float,
    sums: Any,
) -> None:
    """Add one patient, whose rows stand from `first` to `after_last - 1`, to a draw's sums.

    Months in a stage from a to b come to b - a, and discounted to (exp(-force a) - exp(-force b)) / force. `outcomes`
    and `matrix` are room for one outcome, and its view.
    """
    outcome = outcomes[0]
    matrix[0, :] = 0.0
    outcome_of(events, first, after_last, outcome)
    sums.patients[draw] += 1
    last = sums.os_ends.shape[1] - 1
    sums.os_ends[draw, interval_of(outcome.os_months, step, last) if outcome.dead > 0.0 else last] += 1
    sums.efs_ends[draw, interval_of(outcome.efs_months, step, last) if outcome.efs_event > 0.0 else last] += 1
    for measure in range(sums.sums.shape[1]):
        value = matrix[0, measure]
        sums.sums[draw, measure] += value
        sums.squares[draw, measure] += value * value
    if outcome.dead > 0.0:
        sums.causes[draw, int(outcome.cause)] += 1

    stage = events[first].stage
    therapy = events[first].therapy + 1
    since = 0.0
    worth = 1.0  # of a month at `since`
    for index in range(first, after_last):
        row = events[index]
        sums.events[draw, row.event, row.therapy + 1] += 1
        if row.stage != stage or index == after_last - 1:
            months = row.time - since
            sums.months[draw, stage, therapy] += months
            if force > 0.0:
                worth_now = math.exp(-force * row.time)
                months = (worth - worth_now) / force
                worth = worth_now
            sums.discounted[draw, stage, therapy] += months
            stage = row.stage
            therapy = row.therapy + 1
            since = row.time


@compiled_entry
def add_patients(events: Any, outcomes: Any, matrix: Any, step: float, force: float, sums: Any) -> None:
    """Add the patients of a cohort, whose rows stand patient after patient, to the only draw."""
    first = 0
    for index in range(1, len(events) + 1):
        if index == len(events) or events[index].patient != events[first].patient:
            add_patient(events, first, index, outcomes, matrix, 0, step, force, sums)
            first = index
