"""A history that ends earlier: what happened before a month, and who is alive then."""

from __future__ import annotations

from typing import Any

import numpy as np

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.common.records import readable
from rallsim.model.event_rows import EVENT_ROW
from rallsim.model.states import Detail, Event

COURSES = (Event.ENTRY, Event.TREATMENT_START, Event.MRD_THERAPY_START)  # each begins a course of the row's therapy


@compiled
def copy_until(events: Any, first: int, after_last: int, months: float, kept: Any, at: int) -> int:
    """Copy a patient's rows before `months` to `kept` from `at` on, and censor whoever is alive then.

    The rows stand from `first` to `after_last - 1`. Returns the place after the last row written. What happens at
    `months` itself is left out, as in a simulation that ends there.
    """
    therapy = -1  # of the present course
    for index in range(first, after_last):
        row = events[index]
        kept[at] = row
        if row.time >= months:
            last = kept[at]
            last.time = months
            last.event = Event.CENSORED
            last.stage = kept[at - 1].stage
            last.line = kept[at - 1].line
            last.therapy = therapy
            last.detail = Detail.NONE
            return at + 1
        if row.event in COURSES:
            therapy = row.therapy
        at += 1
    return at


@compiled_entry
def fill_until(events: Any, months: float, kept: Any) -> int:
    """Copy the rows of all patients until `months` to `kept`; return how many rows there are."""
    first = at = 0
    for index in range(1, len(events) + 1):
        if index == len(events) or events[index].patient != events[first].patient:
            at = copy_until(events, first, index, months, kept, at)
            first = index
    return at


def events_until(events: np.ndarray, months: float) -> np.ndarray:
    """Return the rows of all patients (EVENT_ROW) as if the simulation had ended at `months`."""
    kept = np.empty(len(events), EVENT_ROW)
    size = fill_until(*readable(events), months, *readable(kept))
    return kept[:size].copy()
