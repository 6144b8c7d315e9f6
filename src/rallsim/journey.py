"""From stage to stage: what an event changes in the patient, and one step of a life."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from rallsim.compiled import compiled, compiled_entry
from rallsim.model import CD19, CD22
from rallsim.pathway import (
    after_hsct,
    awaiting_cells,
    awaiting_hsct,
    long_term_remission,
    palliative,
    relapsed,
    remission,
    salvage,
)
from rallsim.patient import GIVEN
from rallsim.risks import World, note, spend_background_hazard
from rallsim.stages import (
    AFTER_HSCT,
    ANTIGEN_LOST,
    AWAITING_CELLS,
    AWAITING_HSCT,
    CENSORED,
    DEATH,
    HSCT,
    INFUSED,
    LEUKAPHERESIS_FAILURE,
    MANUFACTURE_FAILURE,
    NO_DETAIL,
    NO_RESPONSE,
    PALLIATIVE,
    REFRACTORY,
    RELAPSE,
    RELAPSED,
    REMISSION,
    RESPONSE,
    SALVAGE,
    TREATMENT_START,
)

NOBODY_WAKES = -1.0  # what `advance` returns when a history has ended

# A block of patients under one draw of the parameters and one strategy; `models` has one record.
BlockArrays = namedtuple(
    "BlockArrays", "patients attributes luck models therapies rules conditions life_tables events cursor"
)


@compiled
def changes(p: Any, w: Any) -> None:
    """What an event changes in the patient, before the next stage begins."""
    event = p.next_event
    if event == TREATMENT_START:
        p.therapy = p.next_therapy
        p.lines_given += 1
        w.attributes[GIVEN + p.therapy] += 1.0
        p.sos_after_hsct = max(p.sos_after_hsct, w.therapies[p.therapy].sos_after_hsct)
    elif event == RESPONSE:
        p.remission_since = p.time
    elif event == HSCT:
        p.hsct_since = p.time
        p.prior_hsct += 1.0
    elif event == RELAPSE:
        p.course += 1
        p.remission_months = p.time - p.remission_since
        p.mrd_positive = 0.0
        p.b_cell_recovery = 0.0
        if p.next_detail == ANTIGEN_LOST:
            if w.therapies[p.therapy].target == CD19:
                p.cd19_positive = 0.0
            elif w.therapies[p.therapy].target == CD22:
                p.cd22_positive = 0.0
        p.blasts = p.entry_blasts
    elif event in (NO_RESPONSE, LEUKAPHERESIS_FAILURE, MANUFACTURE_FAILURE):
        p.course += 1
        p.blasts = p.entry_blasts
        if event == NO_RESPONSE:
            p.remission_months = 0.0


@compiled
def begin_stage(p: Any, w: Any) -> None:
    """Let the risks of the patient's stage compete, the end of the simulation among them."""
    p.ends = w.model.horizon
    p.next_stage = p.stage
    p.next_event = CENSORED
    p.next_detail = NO_DETAIL
    if p.stage in (RELAPSED, REFRACTORY):
        relapsed(p, w)
    elif p.stage in (SALVAGE, INFUSED):
        salvage(p, w)
    elif p.stage == REMISSION:
        remission(p, w)
    elif p.stage == AWAITING_HSCT:
        awaiting_hsct(p, w)
    elif p.stage == AFTER_HSCT:
        after_hsct(p, w)
    elif p.stage == AWAITING_CELLS:
        awaiting_cells(p, w)
    elif p.stage == PALLIATIVE:
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
    return bool(p.next_event not in (DEATH, CENSORED))


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
