"""When the things that papers report happened to each patient: one record a patient, from which every endpoint follows.

`fill_times` reads a patient's rows once, in order. Times are months since entry; what never happened is infinite.
What an endpoint is made of stands in `endpoints`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.common.records import readable
from rallsim.model.states import Detail, Event, Stage

NEVER = math.inf
TIMES = (
    "end",  # of the history: death or horizon
    "death",
    "treatment",  # start of the first line given, or of treatment of MRD in whoever enters in remission
    "next_line",  # start of the line after it
    "bridging",
    "bridging_response",
    "leukapheresis",
    "infusion",
    "response",  # to the first line given
    "remission",  # the same, or 0 for whoever enters in remission
    "first_remission",  # the same, or the first response to a later line
    "failure",  # of the first line given: no response, or no cells and no second attempt at them
    "palliative",  # palliative care
    "palliative_without_response",  # palliative care in a patient without a response so far
    "relapse",  # first
    "hsct",  # first in this history
    "relapse_after_hsct",
    "mrd_treated",  # start of treatment of MRD
    "mrd_gone",  # complete response of MRD to it
    "sos_on_treatment",  # before any transplant of this history
    "sos_after_hsct",
)
FLAGS = (
    "mrd_negative",  # of the first response, in whatever line
    "ever_mrd_negative",
    "mrd_negative_at_hsct",  # in the remission transplanted in
    "hsct_before_next_line",  # transplanted in the remission of the first line given, or at once
    "manufacture_failure",
    "icu",
    "antigen_lost_at_relapse",  # a switch of lineage not counted
    "antigen_kept_at_relapse",
    "lineage_switch_at_relapse",
    *("crs", "crs_grade3plus", "icans", "icans_grade3plus"),  # of the first line given
    *("crs_ever", "crs_ever_grade3plus", "icans_ever", "icans_ever_grade3plus"),
)
COUNTS = (  # in the first line given; `liver_grade3plus` are among `liver`
    "cycles",
    "infection",
    "cytopenia",
    "gastrointestinal",
    "tumour_lysis",
    "liver",
    "liver_grade3plus",
)
# Of a line, unless a second attempt at cells follows: the stage says so.
FAILURES = (Event.NO_RESPONSE, Event.LEUKAPHERESIS_FAILURE, Event.MANUFACTURE_FAILURE, Event.DROP_OUT)
OTHERS = ("cause", "lines")  # of death, a position in stages.DETAILS; number of lines given
EVENT_TIMES = np.dtype([(name, "f8") for name in (*TIMES, *FLAGS, *COUNTS, *OTHERS)])
TIME_NUMBERS = len(TIMES)


@compiled
def clear(numbers: Any) -> None:
    """Make a record one of nothing that ever happened; `numbers` are its fields in order."""
    numbers[:TIME_NUMBERS] = NEVER
    numbers[TIME_NUMBERS:] = 0.0


@compiled
def add_course(event: int, time: float, severe: float, in_first_line: float, m: Any) -> None:
    """Note what happens on a course: on the way to cells, toxicity, and SOS before and after a transplant."""
    if event == Event.BRIDGING_START:
        m.bridging = min(m.bridging, time)
    elif event == Event.BRIDGING_RESPONSE:
        m.bridging_response = min(m.bridging_response, time)
    elif event == Event.LEUKAPHERESIS:
        m.leukapheresis = min(m.leukapheresis, time)
    elif event == Event.INFUSION:
        m.infusion = min(m.infusion, time)
    elif event == Event.CRS:
        m.crs_ever = 1.0
        m.crs_ever_grade3plus = max(m.crs_ever_grade3plus, severe)
        m.crs = max(m.crs, in_first_line)
        m.crs_grade3plus = max(m.crs_grade3plus, in_first_line * severe)
    elif event == Event.ICANS:
        m.icans_ever = 1.0
        m.icans_ever_grade3plus = max(m.icans_ever_grade3plus, severe)
        m.icans = max(m.icans, in_first_line)
        m.icans_grade3plus = max(m.icans_grade3plus, in_first_line * severe)
    elif event == Event.LIVER:
        m.liver += in_first_line
        m.liver_grade3plus += in_first_line * severe
    elif event == Event.GASTROINTESTINAL:
        m.gastrointestinal += in_first_line
    elif event == Event.TUMOUR_LYSIS:
        m.tumour_lysis += in_first_line
    elif event == Event.ICU_ADMISSION:
        m.icu = 1.0
    elif event == Event.SOS and m.hsct == NEVER:
        m.sos_on_treatment = min(m.sos_on_treatment, time)
    elif event == Event.SOS:
        m.sos_after_hsct = min(m.sos_after_hsct, time)


@compiled
def add_response(time: float, negative: float, in_first_line: bool, m: Any) -> None:
    """Note a response, and whether it is the first, to the first line given, and MRD-negative."""
    m.ever_mrd_negative = max(m.ever_mrd_negative, negative)
    if m.first_remission == NEVER:
        m.first_remission = time
        m.mrd_negative = negative
    if in_first_line:
        m.response = min(m.response, time)
        m.remission = min(m.remission, time)


@compiled
def add_relapse(time: float, detail: int, m: Any) -> None:
    """Note the first relapse, what became of the antigen at it, and the first relapse after a transplant."""
    if m.relapse == NEVER:
        m.relapse = time
        m.antigen_lost_at_relapse = 1.0 if detail == Detail.ANTIGEN_LOST else 0.0
        m.antigen_kept_at_relapse = 1.0 if detail == Detail.ANTIGEN_KEPT else 0.0
        m.lineage_switch_at_relapse = 1.0 if detail == Detail.LINEAGE_SWITCH else 0.0
    if m.hsct < NEVER:
        m.relapse_after_hsct = min(m.relapse_after_hsct, time)


@compiled
def add_transplant(time: float, in_mrd_remission: float, m: Any) -> None:
    """Note the first transplant, and in what remission it was done."""
    if m.hsct == NEVER:
        m.hsct = time
        m.hsct_before_next_line = 1.0 if m.next_line == NEVER else 0.0
        m.mrd_negative_at_hsct = in_mrd_remission


@compiled
def add_failure(event: int, time: float, of_line: bool, m: Any) -> None:
    """Note a failure, which is one of the first line given or of making cells alone."""
    if event == Event.MANUFACTURE_FAILURE:
        m.manufacture_failure = 1.0
    if of_line:
        m.failure = min(m.failure, time)


@compiled
def fill_times(events: Any, first: int, after_last: int, m: Any) -> None:
    """Fill `m`, a record that was cleared, from one patient's rows, `first` to `after_last - 1`."""
    line = -1  # of the first course given
    in_mrd_remission = 0.0
    m.end = events[after_last - 1].time
    for index in range(first, after_last):
        row = events[index]
        event, time = row.event, row.time
        negative = 1.0 if row.detail == Detail.MRD_NEGATIVE else 0.0
        in_first_line = 1.0 if row.line == line or line < 0 else 0.0
        severe = 1.0 if row.detail == Detail.GRADE_3_PLUS else 0.0
        if event == Event.ENTRY and row.stage != Stage.RELAPSED:
            m.remission = 0.0
            m.first_remission = 0.0
        elif event == Event.TREATMENT_START:
            line = row.line if line < 0 else line
            m.lines += 1.0
            if m.treatment < NEVER:
                m.next_line = min(m.next_line, time)
            m.treatment = min(m.treatment, time)
        elif event == Event.MRD_THERAPY_START:
            m.treatment = min(m.treatment, time)
            m.mrd_treated = min(m.mrd_treated, time)
        elif event == Event.MRD_RESPONSE:
            in_mrd_remission = negative
            m.ever_mrd_negative = max(m.ever_mrd_negative, negative)
            if negative > 0.0:
                m.mrd_gone = min(m.mrd_gone, time)
        elif event == Event.RESPONSE:
            in_mrd_remission = negative
            add_response(time, negative, row.line == line, m)
        elif event == Event.RELAPSE:
            add_relapse(time, row.detail, m)
        elif event == Event.HSCT:
            add_transplant(time, in_mrd_remission, m)
        elif event == Event.DEATH:
            m.death = time
            m.cause = row.detail
        elif event == Event.PALLIATIVE_CARE:
            m.palliative = time
            m.palliative_without_response = time if m.first_remission == NEVER else NEVER
        elif event in FAILURES:
            add_failure(event, time, row.line == line and row.stage == Stage.REFRACTORY, m)
        elif event == Event.CYCLE:
            m.cycles += in_first_line
        elif event == Event.CYTOPENIA:
            m.cytopenia += in_first_line
        elif event == Event.INFECTION:
            m.infection += in_first_line
        else:
            add_course(event, time, severe, in_first_line, m)


@compiled_entry
def fill_all(events: Any, records: Any, numbers: Any) -> None:
    """Fill the record of each patient of a block, whose rows stand patient after patient."""
    first, place = 0, 0
    for index in range(1, len(events) + 1):
        if index == len(events) or events[index].patient != events[first].patient:
            clear(numbers[place])
            fill_times(events, first, index, records[place])
            place += 1
            first = index


def number_matrix(records: np.ndarray) -> np.ndarray:
    """View records of floats as a matrix, a row a patient, a column a field; writing to one writes to both."""
    return records.view(np.float64).reshape(len(records), len(records.dtype.names or ()))


def event_times_of(events: np.ndarray, patients: int) -> np.ndarray:
    """Return the event times (EVENT_TIMES) of the patients of a block or cohort, in the order of their rows.

    >>> from rallsim.inputs.scenario import load_scenario
    >>> from rallsim.simulation.simulate import simulate
    >>> history = simulate(load_scenario("first_salvage", patients=50)).histories["inotuzumab"]
    >>> found = event_times_of(history.events, history.patients)
    >>> bool((found["treatment"] <= found["remission"]).all())
    True
    """
    records = np.zeros(patients, EVENT_TIMES)
    fill_all(*readable(events, records), number_matrix(records))
    return records
