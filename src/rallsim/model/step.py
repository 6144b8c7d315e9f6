"""From stage to stage: what an event changes in the patient, and one step of a life."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.model import states as words
from rallsim.model.car_t import awaiting_cells, debulking
from rallsim.model.competing_risks import World, is_given, loses_antigen, luck, note, spend_background_hazard
from rallsim.model.parameter_fields import CD19, CD22, TRANSPLANT
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
from rallsim.model.random_numbers import REINFUSION_DRAW
from rallsim.model.rules import NOTHING
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
    if event == words.ENTRY:
        if p.lines_given > 0:
            remembers_therapies(p, w)
        if p.stage == words.REMISSION and p.therapy == NOTHING:
            p.therapy = w.model.front_line
            p.stage = stage_in_remission(p, w)
    elif event == words.TREATMENT_START:
        p.therapy = p.next_therapy
        p.lines_given += 1
        p.waiting_since = p.time
        p.attempt = 0
        p.bridged = 0
        is_given(p, w, p.therapy)
        if w.therapies[p.therapy].kind == TRANSPLANT:
            p.alkylators = 1
            transplanted(p, 1)
    elif event == words.MANUFACTURE_FAILURE and p.stage == words.AWAITING_CELLS:
        p.attempt = 1
    elif event == words.RESPONSE:
        p.remission_since = p.time
        p.relapse_clock = p.time
    elif event == words.MRD_RESPONSE:
        p.relapse_clock = p.time
        p.mrd_positive = 1.0 if p.next_detail == words.MRD_POSITIVE else 0.0
        p.stage = stage_in_remission(p, w)
    elif event == words.B_CELL_RECOVERY:
        loses_aplasia(p, w)
    elif event == words.HSCT:
        transplanted(p, 0)
    elif event == words.RELAPSE:
        p.remission_months = p.time - p.remission_since
        p.mrd_positive = 0.0
        p.b_cell_recovery = 0.0
        p.reinfused = 0
        leukaemia_is_back(p, w)
    elif event in (words.NO_RESPONSE, words.LEUKAPHERESIS_FAILURE, words.MANUFACTURE_FAILURE, words.DROP_OUT):
        if event == words.NO_RESPONSE:
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
    if p.next_detail == words.ANTIGEN_LOST:
        loses_antigen(p, w.therapies[p.therapy].target)
    elif p.next_detail == words.LINEAGE_SWITCH:
        loses_antigen(p, CD19)
        loses_antigen(p, CD22)


@compiled
def loses_aplasia(p: Any, w: Any) -> None:
    """B cells are back: a second infusion may restore aplasia, else the strategy may want a transplant now."""
    if w.model.reinfusion > 0:
        p.reinfused = 1
        if luck(p, w, REINFUSION_DRAW) < w.therapies[p.therapy].reinfusion_success:
            return
    p.b_cell_recovery = 1.0
    p.b_cells_since = p.time
    p.stage = stage_in_remission(p, w)


@compiled
def begin_stage(p: Any, w: Any) -> None:
    """Let the risks of the patient's stage compete, the end of the simulation among them."""
    p.ends = w.model.horizon
    p.next_stage = p.stage
    p.next_event = words.CENSORED
    p.next_detail = words.NO_DETAIL
    if p.reinfused == 1:
        note(p, w, p.time, words.REINFUSION, p.therapy, words.NO_DETAIL)
        p.reinfused = 2
    if p.stage in (words.RELAPSED, words.REFRACTORY):
        relapsed(p, w)
    elif p.stage == words.DEBULKING:
        debulking(p, w)
    elif p.stage in (words.SALVAGE, words.INFUSED):
        salvage(p, w)
    elif p.stage == words.MRD_THERAPY:
        mrd_therapy(p, w)
    elif p.stage == words.REMISSION:
        remission(p, w)
    elif p.stage == words.AWAITING_HSCT:
        awaiting_hsct(p, w)
    elif p.stage == words.AFTER_HSCT:
        after_hsct(p, w)
    elif p.stage == words.AWAITING_CELLS:
        awaiting_cells(p, w)
    elif p.stage == words.PALLIATIVE:
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
    return bool(p.next_event not in (words.DEATH, words.CENSORED))


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
