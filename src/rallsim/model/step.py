"""From stage to stage: what an event changes in the patient, and one step through the pathway."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.model.car_t import awaiting_cells, debulking, infusion
from rallsim.model.competing_risks import count_course, lose_antigen, record, spend_background_hazard, uniform
from rallsim.model.event_rows import EventRow
from rallsim.model.parameter_fields import ModelParameters, TherapyParameters
from rallsim.model.pathway import long_term_remission, mrd_therapy, palliative, relapsed, remission, salvage
from rallsim.model.patient import GIVEN, Patient
from rallsim.model.random_numbers import InCourse
from rallsim.model.rules import NOTHING, ConditionRow, RuleRow, mrd_rule
from rallsim.model.states import Antigen, Detail, Event, Kind, Stage
from rallsim.model.transplant import after_hsct, awaiting_hsct, planned_conditioning, transplant_in_relapse
from rallsim.model.world import BlockArrays, Floats, World

FINISHED = -1.0  # what `advance` returns when a history has ended


@compiled
def apply_event(p: Patient, w: World) -> None:
    """Change in the patient what the event changes that has just ended a stage."""
    event = p.next_event
    if event == Event.ENTRY:
        if p.lines_given > 0:
            restore_prior_therapies(p, w)
        if p.stage == Stage.REMISSION and p.therapy == NOTHING:
            p.therapy = w.model.front_line
            begin_remission(p, w)
    elif event == Event.TREATMENT_START:
        p.therapy = p.next_therapy
        p.lines_given += 1
        p.waiting_since = p.time
        p.attempt = 0
        p.bridged = 0
        count_course(p, w, p.therapy)
        if w.therapies[p.therapy].kind == Kind.TRANSPLANT:
            p.alkylators = 1
            count_transplant(p, in_relapse=1)
    elif event == Event.MANUFACTURE_FAILURE and p.stage == Stage.AWAITING_CELLS:
        p.attempt = 1
    elif event in (Event.RESPONSE, Event.MRD_RESPONSE):
        if event == Event.RESPONSE:
            p.remission_since = p.time
        p.relapse_clock = p.time
        p.mrd_positive = 1.0 if p.next_detail == Detail.MRD_POSITIVE else 0.0
        if p.stage == Stage.REMISSION:
            begin_remission(p, w)
    elif event == Event.B_CELL_RECOVERY:
        lose_b_cell_aplasia(p, w)
    elif event == Event.HSCT:
        count_transplant(p, in_relapse=0)
    elif event == Event.RELAPSE:
        p.remission_months = p.time - p.remission_since
        p.mrd_positive = 0.0
        p.b_cell_recovery = 0.0
        p.reinfused = 0
        reset_for_active_disease(p, w)
    elif event in (Event.NO_RESPONSE, Event.LEUKAPHERESIS_FAILURE, Event.MANUFACTURE_FAILURE, Event.DROP_OUT):
        if event == Event.NO_RESPONSE:
            p.remission_months = 0.0
        reset_for_active_disease(p, w)


@compiled
def begin_remission(p: Patient, w: World) -> None:
    """Choose the stage that a remission begins with: treatment of MRD, the wait for a transplant, or neither."""
    p.stage = Stage.REMISSION
    if p.mrd_positive > 0.0:
        therapy = mrd_rule(w, after=p.therapy)
        if therapy != NOTHING:
            p.next_therapy = therapy
            p.stage = Stage.MRD_THERAPY
            return
    p.alkylators = planned_conditioning(p, w)
    if p.alkylators > 0:
        p.stage = Stage.AWAITING_HSCT


@compiled
def restore_prior_therapies(p: Patient, w: World) -> None:
    """Let therapies that a patient was given before entry count for SOS at a transplant."""
    for therapy in range(len(w.therapies)):
        if w.attributes[GIVEN + therapy] > 0.0:
            p.sos_after_hsct = max(p.sos_after_hsct, w.therapies[therapy].sos_after_hsct)


@compiled
def count_transplant(p: Patient, in_relapse: int) -> None:
    """Count a transplant, and remember whether the disease was active."""
    p.hsct_since = p.time
    p.prior_hsct += 1.0
    p.hsct_in_relapse = in_relapse


@compiled
def reset_for_active_disease(p: Patient, w: World) -> None:
    """Begin a new course of events: the burden of the entry, and antigens as the last event left them."""
    p.course += 1
    p.blasts = p.entry_blasts
    if p.next_detail == Detail.ANTIGEN_LOST:
        lose_antigen(p, w.therapies[p.therapy].target)
    elif p.next_detail == Detail.LINEAGE_SWITCH:
        lose_antigen(p, Antigen.CD19)
        lose_antigen(p, Antigen.CD22)


@compiled
def lose_b_cell_aplasia(p: Patient, w: World) -> None:
    """B cells are back: a second infusion may restore aplasia, else the strategy may want a transplant now."""
    if w.model.reinfusion > 0:
        p.reinfused = 1
        if uniform(p, w, InCourse.REINFUSION) < w.therapies[p.therapy].reinfusion_success:
            return
    p.b_cell_recovery = 1.0
    p.b_cells_since = p.time
    begin_remission(p, w)


@compiled
def begin_stage(p: Patient, w: World) -> None:
    """Let the risks of the patient's stage compete, the end of the simulation among them."""
    p.ends = w.model.horizon
    p.next_stage = p.stage
    p.next_event = Event.CENSORED
    p.next_detail = Detail.NONE
    if p.reinfused == 1:
        record(p, w, at=p.time, event=Event.REINFUSION, therapy=p.therapy)
        p.reinfused = 2
    if p.stage in (Stage.RELAPSED, Stage.REFRACTORY):
        relapsed(p, w)
    elif p.stage == Stage.DEBULKING:
        debulking(p, w)
    elif p.stage == Stage.SALVAGE:
        if w.therapies[p.therapy].kind == Kind.TRANSPLANT:
            transplant_in_relapse(p, w)
        else:
            salvage(p, w)
    elif p.stage == Stage.INFUSED:
        infusion(p, w)
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
def end_stage(p: Patient, w: World) -> bool:
    """Record how the stage ended and move the patient on; False when the history has ended."""
    p.time = p.ends
    p.age = p.entry_age + p.time / 12.0
    spend_background_hazard(p, w)
    p.stage = p.next_stage
    apply_event(p, w)
    record(p, w, at=p.time, event=p.next_event, therapy=p.therapy, detail=p.next_detail)
    return bool(p.next_event not in (Event.DEATH, Event.CENSORED))


@compiled
def advance(place: int, block: BlockArrays) -> float:
    """Move the patient at a place of a block to the end of the present stage, at first to the entry, and into the next.

    Returns the time at which the new stage ends, or FINISHED when the history has ended.
    """
    p = block.patients[place]
    w = World(
        attributes=block.attributes[place],
        uniforms=block.uniforms[place],
        model=block.models[0],
        therapies=block.therapies,
        rules=block.rules,
        conditions=block.conditions,
        life_table=block.life_tables[int(p.male)],
        events=block.events,
        cursor=block.cursor,
    )
    if not end_stage(p, w):
        return FINISHED
    begin_stage(p, w)
    return float(p.ends)


@compiled_entry
def step(
    place: int,
    patients: Sequence[Patient],
    attributes: Floats,
    uniforms: Floats,
    models: Sequence[ModelParameters],
    therapies: Sequence[TherapyParameters],
    rules: Sequence[RuleRow],
    conditions: Sequence[ConditionRow],
    life_tables: Floats,
    events: Sequence[EventRow],
    cursor: NDArray[np.int64],
) -> float:
    """Advance a patient, called from Python: single arrays cross the border to compiled code faster than a tuple."""
    return advance(
        place,
        BlockArrays(patients, attributes, uniforms, models, therapies, rules, conditions, life_tables, events, cursor),
    )
