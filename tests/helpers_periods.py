"""When a trigger counts, read a second way: a column of the whole history at a time, trigger by trigger."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rallsim.economics.settings.triggers import AT, CLOCKS, NO_THERAPY, WHILE, Trigger
from rallsim.model.states import Event
from rallsim.outcomes.history import History

Array = np.ndarray
NEVER = -1e9
COURSES = (Event.ENTRY, Event.TREATMENT_START, Event.MRD_THERAPY_START)
BEGINNINGS = {*COURSES, *(event for events in CLOCKS.values() for event in events)}
COURSES_OF_CYCLES = (*COURSES, Event.BRIDGING_START, Event.DEBULKED)


@dataclass(frozen=True, eq=False)
class Columns:
    """A history by columns, with what its triggers depend on."""

    history: History

    def __getattr__(self, name: str) -> Array:
        return self.history.events[name].astype(np.float64 if name == "time" else np.intp)

    @cached_property
    def first(self) -> Array:
        return np.append(True, self.patient[1:] != self.patient[:-1])

    @cached_property
    def end(self) -> Array:
        """Row that is the last of each row's patient."""
        return np.flatnonzero(np.append(self.first[1:], True))[np.cumsum(self.first) - 1]

    @cached_property
    def new_stage(self) -> Array:
        return self.first | np.append(True, self.stage[1:] != self.stage[:-1])

    def happened(self, events: object) -> Array:
        return np.isin(self.event, list(events))  # type: ignore[call-overload]

    @cached_property
    def stays(self) -> Array:
        """Rows with which an interval begins."""
        new_line = np.append(True, self.line[1:] != self.line[:-1])
        return np.flatnonzero(self.new_stage | self.happened(BEGINNINGS) | new_line)

    def last_row(self, mask: Array) -> Array:
        """The patient's last row with `mask`, at or before each row; the first row where there is none."""
        return np.maximum.accumulate(np.where(mask | self.first, np.arange(len(mask)), 0))

    def next_row(self, mask: Array, rows: Array) -> Array:
        """The patient's next row with `mask` after each of `rows`; -1 where there is none."""
        size = len(mask)
        places = np.append(np.where(mask, np.arange(size), size), size)
        following = np.minimum.accumulate(places[::-1])[::-1][rows + 1]
        return np.where(following <= self.end[rows], following, -1)

    def next_time(self, mask: Array, rows: Array) -> Array:
        following = self.next_row(mask, rows)
        return self.time[np.where(following < 0, self.end[rows], following)]

    def since(self, clock: str) -> Array:
        mask = self.new_stage if clock == "stage" else self.happened(CLOCKS[clock])
        last = self.last_row(mask)
        return np.where(mask[last], self.time[last], NEVER)


def periods_by_columns(trigger: Trigger, history: History, months: float = math.inf) -> tuple[Array, Array, Array]:
    """Return rows, starts and stops of all that a trigger means in a history."""
    t = Columns(history)
    codes = {NO_THERAPY: -1, **{name: place for place, name in enumerate(history.therapies)}}
    on = None if trigger.therapies is None else [codes[one] for one in trigger.therapies if one in codes]

    def among(found: Array, wanted: object) -> Array:
        return np.ones(len(found), bool) if wanted in (None, ()) else np.isin(found, wanted)  # type: ignore[arg-type]

    if trigger.kind == WHILE:
        course = t.therapy[t.last_row(t.happened(COURSES))]
        here = np.isin(t.stage[t.stays], trigger.stages) & among(course[t.stays], on)
        rows = t.stays[here]
        following = np.minimum(np.append(t.stays[1:], len(t.time))[here], t.end[rows])
        start, stop = t.time[rows], t.time[following]
        if trigger.since_from > 0.0 or trigger.since_to < math.inf:
            origin = t.since(trigger.clock)[rows]
            start, stop = np.maximum(start, origin + trigger.since_from), np.minimum(stop, origin + trigger.since_to)
        lasts = stop > start
        return rows[lasts], start[lasts], stop[lasts]
    rows = np.flatnonzero(
        t.happened(trigger.events)
        & among(t.detail, trigger.details)
        & among(t.stage, trigger.stages)
        & among(t.therapy, on)
    )
    if trigger.kind == AT:
        if trigger.events == (Event.CYCLE,):
            so_far = np.cumsum(t.happened([Event.CYCLE]))
            number = (so_far - so_far[t.last_row(t.happened(COURSES_OF_CYCLES))])[rows]
            rows = rows[(number >= trigger.cycles[0]) & (number <= trigger.cycles[1])]
        if trigger.unless_followed_by:
            following = t.next_row(t.happened(trigger.unless_followed_by), rows)
            rows = rows[(following < 0) | (t.line[following] != t.line[rows])]
        return rows, t.time[rows], t.time[rows]
    stop = np.minimum(t.time[rows] + months, t.time[t.end[rows]])
    if trigger.until:
        stop = np.minimum(stop, t.next_time(t.happened(trigger.until), rows))
    if trigger.until_stage_end:
        stop = np.minimum(stop, t.next_time(t.new_stage, rows))
    return rows, t.time[rows], stop
