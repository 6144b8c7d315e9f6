"""One patient led through the pathway stage by stage, and any stage simulated again with another uniform."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rallsim.common.records import copied, taken, words
from rallsim.model.event_rows import EVENT_ROW
from rallsim.model.random_numbers import COURSE_COLUMNS, ENTRY_COLUMNS
from rallsim.model.step import FINISHED, step
from rallsim.simulation.blocks import Block, refuse_overflow
from rallsim.simulation.engine_inputs import Prepared

ROOM = 4000  # rows of one patient
ALMOST_ONE = math.nextafter(1.0, 0.0)
CLOSE = 1e-9  # how exactly the chance of something is found


@dataclass(frozen=True)
class StageVisit:
    """One stage of a patient's history.

    `before` is the record at the end of the stage before, `within` the record once it is known how this one ends.
    """

    before: np.ndarray
    within: np.ndarray
    entered_by: int  # place in `Replay.events` of the event that led here
    ended_by: int  # and of the event that ended the stage
    rows: tuple[int, ...]  # and of the events inside it

    @property
    def stage(self) -> int:
        """The code of the stage."""
        return int(self.within["stage"][0])

    @property
    def course(self) -> int:
        """The course whose draws count in this stage."""
        return int(self.within["course"][0])


@dataclass(frozen=True)
class StageOutcome:
    """How a stage ends: event and detail, and the events recorded inside it."""

    event: int
    detail: int
    inside: frozenset[int]


class Replay:
    """The history of one patient under one strategy: its rows, and the stages behind them.

    `entrant` is the patient's record at entry and `uniforms` the patient's random numbers, each an array of one row.
    """

    def __init__(self, entrant: np.ndarray, uniforms: np.ndarray, prepared: Prepared) -> None:
        self.prepared = prepared
        self.entrant = entrant
        self.uniforms = uniforms
        self._scratch = Block(copied(entrant), uniforms.copy(), np.empty(ROOM, EVENT_ROW), np.zeros(1, np.int64))
        self._arrays = self._scratch.arrays(prepared, 0)
        self.conditions = self._arrays.conditions  # as `rules.condition_holds` reads them
        self.events, self.visits = self._run()

    def _run(self) -> tuple[np.ndarray, list[StageVisit]]:
        block = self._scratch
        records, first_rows = [copied(block.patients)], [0]
        while step(0, *self._arrays) != FINISHED:
            records.append(copied(block.patients))
            first_rows.append(int(block.cursor[0]))
        refuse_overflow(int(block.cursor[0]), ROOM)
        written = block.written
        order = np.argsort(written["time"], kind="stable")
        place = np.argsort(order)  # of each row written, in the history
        # Each step writes the event that ended the stage before, then what is known to happen inside the new one.
        visits = [
            StageVisit(
                before=records[number],
                within=records[number + 1],
                entered_by=int(place[first_rows[number]]),
                ended_by=int(place[first_rows[number + 1]]),
                rows=tuple(int(row) for row in place[first_rows[number] + 1 : first_rows[number + 1]]),
            )
            for number in range(len(records) - 1)
        ]
        return taken(written, order), visits

    def draw(self, visit: StageVisit, decision: int) -> float:
        """Return the patient's own uniform for a decision in a stage."""
        return float(self.uniforms[0, _column(visit, decision)])

    def outcome(self, visit: StageVisit, decision: int, uniform: float) -> StageOutcome:
        """Say how a stage would end if one decision had another uniform, all else as it was."""
        block = self._scratch
        block.uniforms[:] = self.uniforms
        block.uniforms[0, _column(visit, decision)] = uniform
        words(block.patients)[:] = words(visit.before)
        block.cursor[0] = 0
        step(0, *self._arrays)
        record = block.patients[0]
        inside = frozenset(int(event) for event in block.written["event"][1:])
        return StageOutcome(int(record["next_event"]), int(record["next_detail"]), inside)

    def chance(
        self, visit: StageVisit, decision: int, occurred: Callable[[StageOutcome], bool]
    ) -> tuple[float, float] | None:
        """Return draw and chance of what a decision may bring in a stage; None when the decision changes nothing.

        The chance is found by running the pathway with other uniforms: it is the share of them for which it occurs, all
        else as it was. What occurs for high uniforms is counted from the top, so it occurs when draw < chance.
        """
        at_zero = occurred(self.outcome(visit, decision, 0.0))
        if at_zero == occurred(self.outcome(visit, decision, ALMOST_ONE)):
            return None
        draw = self.draw(visit, decision)
        # The patient's own uniform is one of the ends, so that the chance is exactly on its right side.
        low, high = 0.0, ALMOST_ONE
        if occurred(self.outcome(visit, decision, draw)) == at_zero:
            low = draw
        else:
            high = draw
        while high - low > CLOSE:
            middle = (low + high) / 2.0
            if occurred(self.outcome(visit, decision, middle)) == at_zero:
                low = middle
            else:
                high = middle
        return (draw, high) if at_zero else (1.0 - draw, 1.0 - low)


def _column(visit: StageVisit, decision: int) -> int:
    return ENTRY_COLUMNS + visit.course * COURSE_COLUMNS + decision
