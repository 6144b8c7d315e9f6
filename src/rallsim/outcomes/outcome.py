"""What one patient's history comes to: the single definition of OS, EFS, response and the rest.

`outcome_of` reads a patient's rows once, in order. The tables of `outcomes` and the running sums of `tally` both
rest on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.common.records import readable
from rallsim.model.states import Detail, Event, Stage

NEVER = -1
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


def outcome_matrix(outcomes: np.ndarray) -> np.ndarray:
    """View outcomes as a matrix, a row a patient, a column a field; writing to one writes to both."""
    return outcomes.view(np.float64).reshape(len(outcomes), len(OUTCOME.names or ()))


@compiled
def outcome_of(events: Any, first: int, after_last: int, outcome: Any) -> None:
    """Fill `outcome`, all zeros so far, from one patient's rows, `first` to `after_last - 1` in order of time.

    - OS: from entry to death, or to the horizon for whoever is alive.
    - EFS: from entry to the first of: failure of the first line given (no response, failed leukapheresis or
      manufacture, drop-out), relapse, palliative care in a patient who never responded, death. Without any of these,
      to the horizon. A failure of a later line is no event: the first line's failure, or relapse, was.
    - Remission: from the first response to relapse or death, or to the horizon.
    """
    end = events[after_last - 1].time
    outcome.os_months = end
    outcome.efs_months = end
    first_line = NEVER
    remission_since = 0.0
    for index in range(first, after_last):
        row = events[index]
        event = row.event
        if event == Event.ENTRY and row.stage != Stage.RELAPSED:  # in remission already
            outcome.responded = 1
            outcome.remission_months = end
        elif event == Event.TREATMENT_START:
            outcome.lines += 1
            if first_line == NEVER:
                first_line = row.line
        elif event == Event.RESPONSE:
            negative = 1 if row.detail == Detail.MRD_NEGATIVE else 0
            if outcome.responded == 0:
                outcome.responded = 1
                outcome.mrd_negative = negative
                remission_since = row.time
                outcome.remission_months = end - remission_since
            if row.line == first_line:
                outcome.response = 1
            outcome.ever_mrd_negative = max(outcome.ever_mrd_negative, negative)
        elif event == Event.MRD_RESPONSE:
            outcome.ever_mrd_negative = max(outcome.ever_mrd_negative, 1 if row.detail == Detail.MRD_NEGATIVE else 0)
        elif event == Event.HSCT:
            outcome.hsct = 1
        elif event == Event.INFUSION:
            outcome.infusion = 1
        elif event == Event.DEATH:
            outcome.dead = 1
            outcome.cause = row.detail
        add_toxicity(event, row.detail, outcome)
        failures = (Event.NO_RESPONSE, Event.LEUKAPHERESIS_FAILURE, Event.MANUFACTURE_FAILURE, Event.DROP_OUT)
        failed = event in failures and row.line == first_line
        given_up = event == Event.PALLIATIVE_CARE and outcome.responded == 0
        if outcome.efs_event == 0 and (failed or given_up or event in (Event.RELAPSE, Event.DEATH)):
            outcome.efs_event = 1
            outcome.efs_months = row.time
        if outcome.responded == 1 and outcome.remission_ended == 0 and event in (Event.RELAPSE, Event.DEATH):
            outcome.remission_ended = 1
            outcome.remission_months = row.time - remission_since


@compiled
def add_toxicity(event: int, detail: int, outcome: Any) -> None:
    """Set the flags of an event of toxicity; other events set none."""
    severe = 1 if detail == Detail.GRADE_3_PLUS else 0
    if event == Event.CRS:
        outcome.crs = 1
        outcome.crs_grade3plus = max(outcome.crs_grade3plus, severe)
    elif event == Event.ICANS:
        outcome.icans = 1
        outcome.icans_grade3plus = max(outcome.icans_grade3plus, severe)
    elif event == Event.SOS:
        outcome.sos = 1
    elif event == Event.ICU_ADMISSION:
        outcome.icu = 1


def outcomes_of(events: np.ndarray, patients: int) -> dict[str, np.ndarray]:
    """Return each field of OUTCOME as an array over patients, from the rows of a cohort, patient after patient."""
    room = np.zeros(1, OUTCOME)
    fields = OUTCOME.names or ()
    columns = np.zeros((len(fields), patients))
    fill_outcomes(*readable(events, room), outcome_matrix(room), columns)
    return dict(zip(fields, columns, strict=True))


@compiled_entry
def fill_outcomes(events: Any, room: Any, matrix: Any, columns: Any) -> None:
    """Fill a column a patient; `room` and its view `matrix` hold one outcome at a time."""
    first = 0
    for index in range(1, len(events) + 1):
        if index == len(events) or events[index].patient != events[first].patient:
            matrix[0, :] = 0.0
            outcome_of(events, first, index, room[0])
            for field in range(len(columns)):
                columns[field, events[first].patient] = matrix[0, field]
            first = index
