"""The rows of a history as time: which stage lasts from when to when, on which course, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rallsim import stages as w
from rallsim.history import History

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Mask = NDArray[np.bool_]

NEVER = -1e9  # months: long before every entry
CLOCKS: dict[str, tuple[int, ...]] = {  # what each begins with; `stage` begins with every visit to a stage
    "entry": (w.ENTRY,),
    "line": (w.TREATMENT_START,),
    "remission": (w.RESPONSE, w.ENTRY),
    "infusion": (w.INFUSION,),
    "hsct": (w.HSCT,),
    "stage": (),
}
_COURSES = (w.ENTRY, w.TREATMENT_START, w.MRD_THERAPY_START)
_BEGINNINGS = (*_COURSES, *sorted({event for events in CLOCKS.values() for event in events}))
_COURSES_OF_CYCLES = (*_COURSES, w.BRIDGING_START, w.DEBULKED)


@dataclass(frozen=True, eq=False)
class Timeline:
    """A history by columns, one entry a row, with what its costs and utilities depend on.

    `stays` are the rows with which stage, course, line or clock begin anew. The interval of a stay runs from its time
    up to that of the patient's next stay, or the end: closed on the left, open on the right. The intervals of a patient
    thus fill the time from entry to death or censoring, each moment once.
    """

    history: History
    time: Floats
    patient: Ints
    event: Ints
    stage: Ints
    line: Ints
    therapy: Ints  # that the row itself names, -1 for none
    detail: Ints

    @classmethod
    def of(cls, history: History) -> Timeline:
        """Take the columns of a history."""
        events = history.events
        names = ("patient", "event", "stage", "line", "therapy", "detail")
        return cls(history, events["time"].astype(np.float64), *(events[name].astype(np.intp) for name in names))

    @cached_property
    def is_first(self) -> Mask:
        """Rows that are their patient's first."""
        first = np.ones(len(self.time), dtype=bool)
        first[1:] = self.patient[1:] != self.patient[:-1]
        return first

    @cached_property
    def end(self) -> Ints:
        """Row that is the last of the row's patient."""
        last = np.append(self.is_first[1:], True)
        found: Ints = np.flatnonzero(last)[np.cumsum(self.is_first) - 1]
        return found

    @cached_property
    def stays(self) -> Ints:
        """Rows with which an interval begins."""
        anew = self.new_stage | self.happened(_BEGINNINGS)
        anew[1:] |= self.line[1:] != self.line[:-1]
        return np.flatnonzero(anew)

    @cached_property
    def stops(self) -> Floats:
        """Time at which the interval of each of `stays` ends."""
        following = np.append(self.stays[1:], len(self.time))
        found: Floats = self.time[np.minimum(following, self.end[self.stays])]
        return found

    @cached_property
    def new_stage(self) -> Mask:
        """Rows with which a visit to a stage begins."""
        new = self.is_first.copy()
        new[1:] |= self.stage[1:] != self.stage[:-1]
        return new

    @cached_property
    def course_therapy(self) -> Ints:
        """Therapy of the course that a row belongs to, whatever is given beside it; -1 before the first."""
        return self.therapy[self._last_row(self.happened(_COURSES))]

    @cached_property
    def cycle_number(self) -> Ints:
        """Which cycle of its course a cycle is, from 1; 0 for rows that are no cycles.

        A course begins with a line, with bridging or debulking, with what follows debulking, and with treatment of MRD;
        cycles in remission go on counting.
        """
        is_cycle = self.event == w.CYCLE
        so_far = np.cumsum(is_cycle)
        return np.where(is_cycle, so_far - so_far[self._last_row(self.happened(_COURSES_OF_CYCLES))], 0)

    def happened(self, events: tuple[int, ...]) -> Mask:
        """Rows with one of these events."""
        wanted = np.zeros(len(w.EVENTS), dtype=bool)
        wanted[list(events)] = True
        found: Mask = wanted[self.event]
        return found

    def since(self, clock: str) -> Floats:
        """Time at which a clock of CLOCKS began for each row, NEVER where it has not."""
        mask = self.new_stage if clock == "stage" else self.happened(CLOCKS[clock])
        last = self._last_row(mask)
        begun = mask[last]
        return np.where(begun, self.time[last], NEVER)

    def next_row(self, mask: Mask, rows: Ints) -> Ints:
        """Return for each of `rows` the patient's next row with `mask`, strictly after it; -1 where there is none."""
        size = len(self.time)
        places = np.append(np.where(mask, np.arange(size), size), size)
        following = np.minimum.accumulate(places[::-1])[::-1][rows + 1]
        return np.where(following <= self.end[rows], following, -1)

    def next_time(self, mask: Mask, rows: Ints) -> Floats:
        """Return when `mask` comes next in the patient after each of `rows`, or when the history ends."""
        following = self.next_row(mask, rows)
        return self.time[np.where(following < 0, self.end[rows], following)]

    def _last_row(self, mask: Mask) -> Ints:
        """The patient's last row with `mask`, at or before each row; the patient's first row where there is none."""
        places = np.where(mask | self.is_first, np.arange(len(mask)), 0)
        return np.maximum.accumulate(places)
