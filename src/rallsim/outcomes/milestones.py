"""When the things that papers report happened to each patient: one record a patient, from which every endpoint follows.

`milestones_of` reads a patient's rows once, in order. Times are months since entry; what never happened is infinite.
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
    "remission",  # response to the first line given; 0 for whoever enters in remission
    "failure",  # of the first line given: no response, no cells
    "given_up",  # palliative care
    "relapse",  # first
    "hsct",  # first in this history
    "relapse_after_hsct",
    "mrd_treated",  # start of treatment of MRD
    "mrd_gone",  # complete response of MRD to it
    "sos_on_treatment",  # before any transplant of this history
    "sos_after_hsct",
)
FLAGS = (
    "mrd_negative",  # of the response to the first line given
    "mrd_negative_at_hsct",  # in the remission transplanted in
    "hsct_before_next_line",  # transplanted in the remission of the first line given, or at once
    "crs",
    "crs_grade3plus",
    "icans",
    "icans_grade3plus",
    "manufacture_failure",
    "antigen_lost_at_relapse",  # a switch of lineage not counted
    "antigen_kept_at_relapse",
    "lineage_switch_at_relapse",
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
OTHERS = ("cause", "lines")  # position in stages.DETAILS; number of lines given
MILESTONES = np.dtype([(name, "f8") for name in (*TIMES, *FLAGS, *COUNTS, *OTHERS)])


@compiled
def add_toxicity(event: int, detail: int, m: Any) -> None:
    """Count an event of the first line given: cycles, what comes by time on treatment, CRS and neurotoxicity."""
    severe = 1.0 if detail == Detail.GRADE_3_PLUS else 0.0
    if event == Event.CYCLE:
        m.cycles += 1.0
    elif event == Event.INFECTION:
        m.infection += 1.0
    elif event == Event.CYTOPENIA:
        m.cytopenia += 1.0
    elif event == Event.GASTROINTESTINAL:
        m.gastrointestinal += 1.0
    elif event == Event.TUMOUR_LYSIS:
        m.tumour_lysis += 1.0
    elif event == Event.LIVER:
        m.liver += 1.0
        m.liver_grade3plus += severe
    elif event == Event.CRS:
        m.crs = 1.0
        m.crs_grade3plus = max(m.crs_grade3plus, severe)
    elif event == Event.ICANS:
        m.icans = 1.0
        m.icans_grade3plus = max(m.icans_grade3plus, severe)


@compiled
def add_course(event: int, time: float, m: Any) -> None:
    """Note what happens on the way to cells, and sinusoidal obstruction before and after a transplant."""
    if event == Event.BRIDGING_START:
        m.bridging = min(m.bridging, time)
    elif event == Event.BRIDGING_RESPONSE:
        m.bridging_response = min(m.bridging_response, time)
    elif event == Event.LEUKAPHERESIS:
        m.leukapheresis = min(m.leukapheresis, time)
    elif event == Event.MANUFACTURE_FAILURE:
        m.manufacture_failure = 1.0
    elif event == Event.INFUSION:
        m.infusion = min(m.infusion, time)
    elif event == Event.SOS and m.hsct == NEVER:
        m.sos_on_treatment = min(m.sos_on_treatment, time)
    elif event == Event.SOS:
        m.sos_after_hsct = min(m.sos_after_hsct, time)


@compiled
def has_failed(event: int, stage: int) -> bool:
    """Tell whether a line has failed: no response, or no cells and no second attempt at them."""
    no_cells = (
        event in (Event.MANUFACTURE_FAILURE, Event.LEUKAPHERESIS_FAILURE, Event.DROP_OUT) and stage == Stage.REFRACTORY
    )
    return bool(event == Event.NO_RESPONSE or no_cells)


@compiled
def relapsed_with(detail: int, m: Any) -> None:
    """Note what became of the antigen at the first relapse."""
    m.antigen_lost_at_relapse = 1.0 if detail == Detail.ANTIGEN_LOST else 0.0
    m.antigen_kept_at_relapse = 1.0 if detail == Detail.ANTIGEN_KEPT else 0.0
    m.lineage_switch_at_relapse = 1.0 if detail == Detail.LINEAGE_SWITCH else 0.0


@compiled
def fill_one(events: Any, first: int, after_last: int, m: Any) -> None:
    """Fill `m`, all times NEVER and all flags 0 so far, from one patient's rows, `first` to `after_last - 1`."""
    line = -1  # of the first course given
    in_mrd_remission = 0.0
    m.end = events[after_last - 1].time
    for index in range(first, after_last):
        row = events[index]
        event, time = row.event, row.time
        if event == Event.ENTRY and row.stage != Stage.RELAPSED:
            m.remission = 0.0
        elif event == Event.TREATMENT_START:
            m.lines += 1.0
            if line < 0:
                line = row.line
            if m.treatment == NEVER:
                m.treatment = time
            else:
                m.next_line = min(m.next_line, time)
        elif event == Event.MRD_THERAPY_START:
            m.treatment = min(m.treatment, time)
            m.mrd_treated = min(m.mrd_treated, time)
        elif event == Event.MRD_RESPONSE:
            in_mrd_remission = 1.0 if row.detail == Detail.MRD_NEGATIVE else 0.0
            if row.detail == Detail.MRD_NEGATIVE:
                m.mrd_gone = min(m.mrd_gone, time)
        elif event == Event.RESPONSE:
            in_mrd_remission = 1.0 if row.detail == Detail.MRD_NEGATIVE else 0.0
            if row.line == line and m.remission == NEVER:
                m.remission = time
                m.mrd_negative = in_mrd_remission
        elif event == Event.RELAPSE:
            if m.relapse == NEVER:
                relapsed_with(row.detail, m)
            m.relapse = min(m.relapse, time)
            if m.hsct < NEVER:
                m.relapse_after_hsct = min(m.relapse_after_hsct, time)
        elif event == Event.HSCT:
            if m.hsct == NEVER:
                m.hsct_before_next_line = 1.0 if m.next_line == NEVER else 0.0
                m.mrd_negative_at_hsct = in_mrd_remission
            m.hsct = min(m.hsct, time)
        elif event == Event.DEATH:
            m.death = time
            m.cause = row.detail
        elif event == Event.PALLIATIVE_CARE:
            m.given_up = time
        else:
            add_course(event, time, m)
        if row.line == line or line < 0:
            add_toxicity(event, row.detail, m)
        if row.line == line and has_failed(event, row.stage):
            m.failure = min(m.failure, time)


@compiled_entry
def fill_all(events: Any, records: Any) -> None:
    """Fill the record of each patient of a block, whose rows stand patient after patient."""
    first, place = 0, 0
    for index in range(1, len(events) + 1):
        if index == len(events) or events[index].patient != events[first].patient:
            fill_one(events, first, index, records[place])
            place += 1
            first = index


def milestones_of(events: np.ndarray, patients: int) -> np.ndarray:
    """Return the milestones (MILESTONES) of the patients of a block or cohort, in the order of their rows.

    >>> from rallsim.inputs.scenario import load_scenario
    >>> from rallsim.simulation.simulate import simulate
    >>> history = simulate(load_scenario("first_salvage", patients=50)).histories["inotuzumab"]
    >>> found = milestones_of(history.events, history.patients)
    >>> bool((found["treatment"] <= found["remission"]).all())
    True
    """
    records = np.zeros(patients, MILESTONES)
    for name in TIMES:
        records[name] = NEVER
    fill_all(*readable(events, records))
    return records
