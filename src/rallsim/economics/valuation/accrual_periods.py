"""All times for which something counts: one walk over each patient's rows, for all triggers at once.

The interval of a stay runs from a row with which stage, course, line or clock begins anew up to the patient's next
such row, or the end: closed on the left, open on the right. The intervals of a patient thus fill the time from entry to
death or censoring, each moment once.
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.common.records import readable
from rallsim.economics.settings.triggers import AT, CLOCKS, NO_THERAPY, WHILE, Trigger
from rallsim.model.states import DETAILS, EVENTS, STAGES, Event
from rallsim.outcomes.censoring import COURSES
from rallsim.outcomes.history import History

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
NEVER = -1e9  # months: long before every entry
PERIOD = np.dtype([("start", "f8"), ("stop", "f8"), ("trigger", "i8"), ("row", "i8")])  # months, and two positions
TRIGGER = np.dtype(
    [
        ("is_moment", "i8"),  # 1: at an event, 0: for some time after it
        *((name, "i8") for name in ("stages", "details", "unless_followed_by", "until")),  # sets: one bit a code
        ("until_stage_end", "i8"),
        ("first_cycle", "f8"),
        ("last_cycle", "f8"),
        ("clock", "i8"),  # position in CLOCKS
        ("since_from", "f8"),
        ("since_to", "f8"),
    ]
)
# Triggers of an event on a therapy, and of a stage on a course: lists one after the other, and where each begins.
# `begins` holds for each event a set: the clocks that it starts, then COURSE and CYCLES.
TriggerTables = namedtuple("TriggerTables", "records of_event event_begins of_stage stage_begins begins")

_COURSES_OF_CYCLES = (*COURSES, Event.BRIDGING_START, Event.DEBULKED)
CLOCK_NUMBERS, EVENT_NUMBERS, STAGE_NUMBERS = len(CLOCKS), len(EVENTS), len(STAGES)
COURSE, CYCLES = 1 << CLOCK_NUMBERS, 1 << (CLOCK_NUMBERS + 1)
STAGE_CLOCK = tuple(CLOCKS).index("stage")


@dataclass(frozen=True, eq=False)
class Timeline:
    """A history by columns, one entry a row."""

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


@compiled
def is_in(code: int, codes: int) -> bool:
    """Tell whether a code is in a set of codes, one bit each.

    >>> is_in(2, 0b101), is_in(1, 0b101)
    (True, False)
    """
    return bool((codes >> code) & 1)


@compiled
def find_periods(
    events: Any, first: int, after_last: int, triggers: Any, months: Any, clocks: Any, periods: Any, cursor: Any
) -> None:
    """Write the periods of one patient, whose rows stand from `first` to `after_last - 1`, from `cursor[0]` on.

    `months` are how long each trigger lasts; `clocks` is room for when each of CLOCKS began. Where there is no more
    room periods are counted and not written.
    """
    stay = -1  # row with which the present interval began
    stay_therapy = -1  # of the course it is in
    cycle = 0
    therapies = len(triggers.event_begins) // EVENT_NUMBERS  # none among them
    clocks[:] = NEVER
    for index in range(first, after_last):
        row = events[index]
        begins = triggers.begins[row.event]
        new_stage = index == first or row.stage != events[index - 1].stage
        if new_stage or begins & ~CYCLES or row.line != events[index - 1].line:
            if stay >= 0:
                add_stay(events, stay, row.time, stay_therapy, triggers, clocks, periods, cursor)
            stay = index
            if new_stage:
                clocks[STAGE_CLOCK] = row.time
            for clock in range(CLOCK_NUMBERS):
                if is_in(clock, begins):
                    clocks[clock] = row.time
            if index == first or begins & COURSE:
                stay_therapy = int(row.therapy)
        if index == first or begins & CYCLES:
            cycle = 0
        if row.event == Event.CYCLE:
            cycle += 1
        key = int(row.event) * therapies + int(row.therapy) + 1
        for place in range(triggers.event_begins[key], triggers.event_begins[key + 1]):
            number = triggers.of_event[place]
            trigger = triggers.records[number]
            if not (is_in(row.stage, trigger.stages) and is_in(row.detail, trigger.details)):
                continue
            if trigger.is_moment == 0:
                stop = period_end(events, index, after_last, trigger, months[number])
                add_period(number, index, row.time, stop, periods, cursor)
                continue
            numbered = row.event != Event.CYCLE or trigger.first_cycle <= cycle <= trigger.last_cycle
            if numbered and not followed_by(events, index, after_last, trigger.unless_followed_by):
                add_period(number, index, row.time, row.time, periods, cursor)
    add_stay(events, stay, events[after_last - 1].time, stay_therapy, triggers, clocks, periods, cursor)


@compiled
def add_stay(
    events: Any, stay: int, ends: float, therapy: int, triggers: Any, clocks: Any, periods: Any, cursor: Any
) -> None:
    """Add what counts while in a stage, on the interval from the row `stay` to `ends`."""
    row = events[stay]
    key = int(row.stage) * (len(triggers.stage_begins) // STAGE_NUMBERS) + therapy + 1
    for place in range(triggers.stage_begins[key], triggers.stage_begins[key + 1]):
        number = triggers.of_stage[place]
        trigger = triggers.records[number]
        start = max(row.time, clocks[trigger.clock] + trigger.since_from)
        stop = min(ends, clocks[trigger.clock] + trigger.since_to)
        if stop > start:
            add_period(number, stay, start, stop, periods, cursor)


@compiled
def period_end(events: Any, index: int, after_last: int, trigger: Any, months: float) -> float:
    """When what began with the row `index` ends: after `months`, at an event, with the stage or with the history."""
    stop = min(events[index].time + months, events[after_last - 1].time)
    if trigger.until != 0 or trigger.until_stage_end != 0:
        for later in range(index + 1, after_last):
            if events[later].time >= stop:
                break
            stage_ends = trigger.until_stage_end != 0 and events[later].stage != events[later - 1].stage
            if stage_ends or is_in(events[later].event, trigger.until):
                return float(events[later].time)
    return float(stop)


@compiled
def followed_by(events: Any, index: int, after_last: int, by: int) -> bool:
    """Tell whether the next of some events after the row `index` is of the same line."""
    if by != 0:
        for later in range(index + 1, after_last):
            if is_in(events[later].event, by):
                return bool(events[later].line == events[index].line)
    return False


@compiled
def add_period(trigger: int, row: int, start: float, stop: float, periods: Any, cursor: Any) -> None:
    """Write a period where there is room, and count it."""
    if cursor[0] < len(periods):
        period = periods[cursor[0]]
        period.trigger = trigger
        period.row = row
        period.start = start
        period.stop = stop
    cursor[0] += 1


@compiled_entry
def fill_periods(events: Any, triggers: Any, months: Any, clocks: Any, periods: Any, cursor: Any) -> None:
    """Write the periods of a cohort, patient after patient."""
    first = 0
    for index in range(1, len(events) + 1):
        if index == len(events) or events[index].patient != events[first].patient:
            find_periods(events, first, index, triggers, months, clocks, periods, cursor)
            first = index


def periods_of(
    events: np.ndarray, triggers: Sequence[Trigger], therapies: Sequence[str], months: Sequence[float] | None = None
) -> np.ndarray:
    """Return all SPANs of the rows of a cohort (events.EVENT_ROW), patient after patient.

    `therapies` are what the rows' codes point at; `months` what the `lasting` of each trigger comes to.
    """
    lasting = np.full(len(triggers), math.inf) if months is None else np.array(months, np.float64)
    cursor, clocks = np.zeros(1, np.int64), np.empty(CLOCK_NUMBERS)
    tables = trigger_tables(triggers, therapies)
    periods = np.empty(0, PERIOD)
    for _ in range(2):  # once to count, once to write
        periods, cursor[0] = np.empty(int(cursor[0]), PERIOD), 0
        if len(events):
            fill_periods(*readable(events), tables, lasting, clocks, *readable(periods), cursor)
    return periods


def trigger_tables(triggers: Sequence[Trigger], therapies: Sequence[str]) -> TriggerTables:
    """Turn triggers into the tables that the walk reads; `therapies` are what the codes of rows point at."""
    records = np.zeros(len(triggers), TRIGGER)
    names = (NO_THERAPY, *therapies)
    of_event: list[list[int]] = [[] for _ in range(len(EVENTS) * len(names))]
    of_stage: list[list[int]] = [[] for _ in range(len(STAGES) * len(names))]
    for number, one in enumerate(triggers):
        record = records[number]
        record["is_moment"] = one.kind == AT
        record["stages"] = _set_of(one.stages or range(len(STAGES)))
        record["details"] = _set_of(one.details or range(len(DETAILS)))
        record["unless_followed_by"], record["until"] = _set_of(one.unless_followed_by), _set_of(one.until)
        record["until_stage_end"] = one.until_stage_end
        record["first_cycle"], record["last_cycle"] = one.cycles
        record["clock"] = tuple(CLOCKS).index(one.clock)
        record["since_from"], record["since_to"] = one.since_from, one.since_to
        if one.since_from == 0.0 and one.since_to == math.inf:  # the whole stay, whether its clock has begun or not
            record["since_from"] = -math.inf
        lists, codes = (of_stage, one.stages) if one.kind == WHILE else (of_event, one.events)
        for code in codes:
            for place, name in enumerate(names):
                if one.therapies is None or name in one.therapies:
                    lists[code * len(names) + place].append(number)
    (records,) = readable(records)
    lists_of_event, event_begins = _laid_out(of_event)
    lists_of_stage, stage_begins = _laid_out(of_stage)
    return TriggerTables(records, lists_of_event, event_begins, lists_of_stage, stage_begins, _begins())


def _set_of(codes: Iterable[int]) -> int:
    return sum(1 << code for code in set(codes))


def _laid_out(lists: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Lay lists out one after the other; the second array says where each begins, and where the last ends."""
    begins = np.cumsum([0, *map(len, lists)])
    return np.array([one for each in lists for one in each], np.int64), begins.astype(np.int64)


def _begins() -> np.ndarray:
    """For each event, what begins with it: clocks, a course, the count of cycles, an interval."""
    found = np.zeros(len(EVENTS), np.int64)
    for clock, events in enumerate(CLOCKS.values()):
        found[list(events)] |= 1 << clock
    found[list(COURSES)] |= COURSE
    found[list(_COURSES_OF_CYCLES)] |= CYCLES
    return found
