"""From stage to stage: what an event changes in the patient, and one step of a life."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.model.car_t import awaiting_cells, debulking
from rallsim.model.competing_risks import World, is_given, loses_antigen, luck, note, spend_background_hazard
from rallsim.model.pathway import (
    long_term_remission,
    mrd_therapy,
    palliative,
    relapsed,
    remission,
    salvage,
    stage_in_remission,
)
from rallsim.model.patient import GIVEN
from rallsim.model.random_numbers import InCourse
from rallsim.model.rules import NOTHING
from rallsim.model.states import Antigen, Detail, Event, Kind, Stage
from rallsim.model.transplant import after_hsct, awaiting_hsct

NOBODY_WAKES = -1.0  # what `advance` returns when a history has ended

# A block of patients under one draw of the parameters and one strategy; `models` has one record.
BlockArrays = namedtuple(
    "BlockArrays", "patients attributes luck models therapies rules conditions life_tables events cursor"
)


@compiled
def changes(p: Any, w: Any) -> None:
    """What an event changes in the patient, before the next stage begins."""
    event = p.next_event
    if event == Event.ENTRY:
        if p.lines_given > 0:
            remembers_therapies(p, w)
        if p.stage == Stage.REMISSION and p.therapy == NOTHING:
            p.therapy = w.model.front_line
            p.stage = stage_in_remission(p, w)
    elif event == Event.TREATMENT_START:
        p.therapy = p.next_therapy
        p.lines_given += 1
        p.waiting_since = p.time
        p.attempt = 0
        p.bridged = 0
        is_given(p, w, p.therapy)
        if w.therapies[p.therapy].kind == Kind.TRANSPLANT:
            p.alkylators = 1
            transplanted(p, 1)
    elif event == Event.MANUFACTURE_FAILURE and p.stage == Stage.AWAITING_CELLS:
        p.attempt = 1
    elif event == Event.RESPONSE:
        p.remission_since = p.time
        p.relapse_clock = p.time
    elif event == Event.MRD_RESPONSE:
        p.relapse_clock = p.time
        p.mrd_positive = 1.0 if p.next_detail == Detail.MRD_POSITIVE else 0.0
        p.stage = stage_in_remission(p, w)
    elif event == Event.B_CELL_RECOVERY:
        loses_aplasia(p, w)
    elif event == Event.HSCT:
        transplanted(p, 0)
    elif event == Event.RELAPSE:
        p.remission_months = p.time - p.remission_since
        p.mrd_positive = 0.0
        p.b_cell_recovery = 0.0
        p.reinfused = 0
        leukaemia_is_back(p, w)
    elif event in (Event.NO_RESPONSE, Event.LEUKAPHERESIS_FAILURE, Event.MANUFACTURE_FAILURE, Event.DROP_OUT):
        if event == Event.NO_RESPONSE:
            p.remission_months = 0.0
        leukaemia_is_back(p, w)


@compiled
def remembers_therapies(p: Any, w: Any) -> None:
    """Let therapies that a patient was given before entry count for SOS at a transplant."""
    for therapy in range(len(w.therapies)):
        if w.attributes[GIVEN + therapy] > 0.0:
            p.sos_after_hsct = max(p.sos_after_hsct, w.therapies[therapy].sos_after_hsct)


@compiled
def transplanted(p: Any, in_relapse: int) -> None:
    """Count a transplant, and remember whether the disease was active."""
    p.hsct_since = p.time
    p.prior_hsct += 1.0
    p.hsct_in_relapse = in_relapse


@compiled
def leukaemia_is_back(p: Any, w: Any) -> None:
    """Begin a new course of events: the burden of the entry, and antigens as the last event left them."""
    p.course += 1
    p.blasts = p.entry_blasts
    if p.next_detail == Detail.ANTIGEN_LOST:
        loses_antigen(p, w.therapies[p.therapy].target)
    elif p.next_detail == Detail.LINEAGE_SWITCH:
        loses_antigen(p, Antigen.CD19)
        loses_antigen(p, Antigen.CD22)


@compiled
def loses_aplasia(p: Any, w: Any) -> None:
    """B cells are back: a second infusion may restore aplasia, else the strategy may want a transplant now."""
    if w.model.reinfusion > 0:
        p.reinfused = 1
        if luck(p, w, InCourse.REINFUSION) < w.therapies[p.therapy].reinfusion_success:
            return
    p.b_cell_recovery = 1.0
    p.b_cells_since = p.time
    p.stage = stage_in_remission(p, w)


@compiled
def begin_stage(p: Any, w: Any) -> None:
    """Let the risks of the patient's stage compete, the end of the simulation among them."""
    p.ends = w.model.horizon
    p.next_stage = p.stage
    p.next_event = Event.CENSORED
    p.next_detail = Detail.NONE
    if p.reinfused == 1:
        note(p, w, p.time, Event.REINFUSION, p.therapy, Detail.NONE)
        p.reinfused = 2
    if p.stage in (Stage.RELAPSED, Stage.REFRACTORY):
        relapsed(p, w)
    elif p.stage == Stage.DEBULKING:
        debulking(p, w)
    elif p.stage in (Stage.SALVAGE, Stage.INFUSED):
        salvage(p, w)
    elif p.stage == Stage.MRD_THERAPY:
        mrd_therapy(p, w)
    elif p.stage == Stage.REMISSION:
        remission(p, w)
    elif p.stage == Stage.AWAITING_HSCT:
        awaiting_hsct(p, w)
    elif p.stage == Stage.AFTER_HSCT:
        after_hsct(p, w)
    elif p.stage == Stage.AWAITING_CELLS:
        awaiting_cells(p, w)
    elif p.stage == Stage.PALLIATIVE:
        palliative(p, w)
    else:
        long_term_remission(p, w)


@compiled
def end_stage(p: Any, w: Any) -> bool:
    """Note how the stage ended and move the patient on; False when the history has ended."""
    p.time = p.ends
    p.age = p.entry_age + p.time / 12.0
    spend_background_hazard(p, w)
    p.stage = p.next_stage
    changes(p, w)
    note(p, w, p.time, p.next_event, p.therapy, p.next_detail)
    return bool(p.next_event not in (Event.DEATH, Event.CENSORED))


@compiled
def advance(place: int, block: Any) -> float:
    """Move the patient at a place of a block to the end of the present stage, at first to the entry, and into the next.

    Returns the time at which the new stage ends, or NOBODY_WAKES when the history has ended.
    """
    p = block.patients[place]
    w = World(
        attributes=block.attributes[place],
        uniforms=block.luck[place],
        model=block.models[0],
        therapies=block.therapies,
        rules=block.rules,
        conditions=block.conditions,
        life_table=block.life_tables[int(p.male)],
        events=block.events,
        cursor=block.cursor,
    )
    if not end_stage(p, w):
        return NOBODY_WAKES
    begin_stage(p, w)
    return float(p.ends)


@compiled_entry
def step(
    place: int,
    patients: Any,
    attributes: Any,
    luck: Any,
    models: Any,
    therapies: Any,
    rules: Any,
    conditions: Any,
    life_tables: Any,
    events: Any,
    cursor: Any,
) -> float:
    """Advance a patient, called from Python: single arrays cross the border to compiled code faster than a tuple."""
    return advance(
        place,
        BlockArrays(patients, attributes, luck, models, therapies, rules, conditions, life_tables, events, cursor),
    )
