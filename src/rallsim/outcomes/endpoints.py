"""The single definition of OS, EFS, remission, response and the rest, from a patient's event times.

The patient tables of `summary`, the sums of `evaluation` and the comparisons of `validation` all rest on it.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.common.records import readable
from rallsim.outcomes.event_times import EVENT_TIMES, NEVER, clear, fill_times, number_matrix

# An endpoint is reached with the first of these event times. A line fails without a response, or without cells and
# without a second attempt at them; the failure of a later line is no event, since that of the first or a relapse was.
ENDPOINTS = {
    "os": ("death",),
    "efs": ("failure", "relapse", "palliative_without_response", "death"),
    "pfs": ("relapse", "next_line", "palliative", "death"),  # a failure counts from the next treatment on
    "rfs": ("relapse", "death"),
    "next_line": ("next_line",),
}
FLAGS = (  # 0 or 1; events at least once
    "dead",
    "efs_event",
    "response",  # to the first line given
    "responded",  # to any line
    "mrd_negative",  # of the first response, in whatever line
    "ever_mrd_negative",
    "remission_ended",
    "hsct",
    "infusion",
    "crs",
    "crs_grade3plus",
    "icans",
    "icans_grade3plus",
    "sos",
    "icu",
)
# All fields are floats, so a cohort's outcomes are also a matrix whose columns can be summed.
MEASURES = ("os_months", "efs_months", "remission_months", "lines", *FLAGS)  # months of the first remission, or 0
OUTCOME = np.dtype([(name, "f8") for name in (*MEASURES, "cause")])  # cause of death: position in stages.DETAILS
# Room for the event times and the outcomes of one patient, each as a record and as numbers.
OutcomeRoom = namedtuple("OutcomeRoom", "times numbers outcomes measures")


def _columns(endpoint: str) -> tuple[int, ...]:
    return tuple((EVENT_TIMES.names or ()).index(name) for name in ENDPOINTS[endpoint])


EFS, RFS = _columns("efs"), _columns("rfs")


@compiled
def first_of(numbers: Any, columns: Any) -> float:
    """Return the first of some event times of a patient; infinite when none of them came."""
    found = NEVER
    for column in columns:
        found = min(found, numbers[column])
    return found


@compiled
def happened(time: float) -> float:
    """Return 1 when an event has a time, and 0 when it never came."""
    return 1.0 if time < NEVER else 0.0


@compiled
def derive(m: Any, numbers: Any, outcome: Any) -> None:
    """Fill `outcome` from a patient's event times `m`, whose fields are `numbers`.

    - OS: from entry to death, or to the horizon for whoever is alive.
    - EFS: from entry to the first of: failure of the first line given, relapse, palliative care in a patient who never
      responded, death. Without any of these, to the horizon.
    - Remission: from the first response, or from the entry in remission, to relapse or death, or to the horizon.
    """
    event_free, in_remission = first_of(numbers, EFS), first_of(numbers, RFS)
    outcome.os_months = m.end
    outcome.dead = happened(m.death)
    outcome.cause = m.cause
    outcome.efs_months = min(event_free, m.end)
    outcome.efs_event = happened(event_free)
    outcome.lines = m.lines
    outcome.response = happened(m.response)
    outcome.responded = happened(m.first_remission)
    outcome.mrd_negative = m.mrd_negative
    outcome.ever_mrd_negative = m.ever_mrd_negative
    outcome.remission_months = 0.0
    outcome.remission_ended = 0.0
    if m.first_remission < NEVER:
        outcome.remission_months = min(in_remission, m.end) - m.first_remission
        outcome.remission_ended = happened(in_remission)
    outcome.hsct = happened(m.hsct)
    outcome.infusion = happened(m.infusion)
    outcome.crs = m.crs_ever
    outcome.crs_grade3plus = m.crs_ever_grade3plus
    outcome.icans = m.icans_ever
    outcome.icans_grade3plus = m.icans_ever_grade3plus
    outcome.sos = happened(min(m.sos_on_treatment, m.sos_after_hsct))
    outcome.icu = m.icu


@compiled
def find_outcome(events: Any, first: int, after_last: int, room: Any) -> None:
    """Fill the record and the outcome in `room` from one patient's rows, `first` to `after_last - 1`."""
    clear(room.numbers[0])
    fill_times(events, first, after_last, room.times[0])
    derive(room.times[0], room.numbers[0], room.outcomes[0])


@compiled_entry
def fill_outcomes(events: Any, room: Any, columns: Any) -> None:
    """Fill a column a patient, whose rows stand patient after patient."""
    first = 0
    for index in range(1, len(events) + 1):
        if index == len(events) or events[index].patient != events[first].patient:
            find_outcome(events, first, index, room)
            for field in range(len(columns)):
                columns[field, events[first].patient] = room.measures[0, field]
            first = index


def new_outcome_room() -> OutcomeRoom:
    """Return room for one patient."""
    times, outcomes = np.zeros(1, EVENT_TIMES), np.zeros(1, OUTCOME)
    readable_times, readable_outcomes = readable(times, outcomes)
    return OutcomeRoom(readable_times, number_matrix(times), readable_outcomes, number_matrix(outcomes))


def outcomes_of(events: np.ndarray, patients: int) -> dict[str, np.ndarray]:
    """Return each field of OUTCOME as an array over patients, from the rows of a cohort, patient after patient."""
    fields = OUTCOME.names or ()
    columns = np.zeros((len(fields), patients))
    fill_outcomes(*readable(events), new_outcome_room(), columns)
    return dict(zip(fields, columns, strict=True))
