"""The rows that engines write: one an event."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rallsim.common.columns import Int8, Int32, UInt8, columns_of
from rallsim.common.compiled import compiled, compiled_entry


class EventRow:
    """A row of a history."""

    time: float  # months since the patient's entry
    patient: Int32  # number in the cohort, from 0
    event: UInt8  # a code of states.Event
    stage: UInt8  # the stage the patient is in from this event on: a code of states.Stage
    line: UInt8  # salvage line being given or last given; 0 before the first
    therapy: Int8  # position in the list of therapies, -1 before the first
    detail: UInt8  # a code of states.Detail


EVENT_ROW = np.dtype(columns_of(EventRow), align=True)


@compiled
def put_in_order(events: Sequence[EventRow], first: int, after_last: int) -> None:
    """Sort one patient's rows by time, in place; what was written first stays first (they are almost in order)."""
    for index in range(first + 1, after_last):
        place = index
        while place > first and events[place].time < events[place - 1].time:
            _swap(events[place], events[place - 1])
            place -= 1


@compiled
def _swap(one: EventRow, other: EventRow) -> None:
    one.time, other.time = other.time, one.time
    one.patient, other.patient = other.patient, one.patient
    one.event, other.event = other.event, one.event
    one.stage, other.stage = other.stage, one.stage
    one.line, other.line = other.line, one.line
    one.therapy, other.therapy = other.therapy, one.therapy
    one.detail, other.detail = other.detail, one.detail


@compiled_entry
def put_patients_in_order(events: Sequence[EventRow]) -> None:
    """Sort the rows of each patient by time, in place; a patient's rows stand together already."""
    first = 0
    for index in range(1, len(events) + 1):
        if index == len(events) or events[index].patient != events[first].patient:
            put_in_order(events, first, index)
            first = index
