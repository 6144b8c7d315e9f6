"""The compiled engine: the same pathway in a loop over patients, for when nobody competes for anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.common.records import copied, readable, words
from rallsim.model.event_rows import EVENT_ROW, put_in_order
from rallsim.model.patient import attribute_matrix, new_patients
from rallsim.model.population import enter
from rallsim.model.random_numbers import BLOCK
from rallsim.model.step import FINISHED, advance
from rallsim.model.world import BlockArrays
from rallsim.outcomes.outcome import OUTCOME, outcome_matrix
from rallsim.outcomes.tally import Tally, add_patient, empty_tally
from rallsim.simulation.blocks import MAX_EVENTS, Block
from rallsim.simulation.engine_inputs import Prepared

COMPILED = "run_block"


def simulate_block(entrants: np.ndarray, uniforms: np.ndarray, prepared: Prepared, draw: int = 0) -> np.ndarray:
    """Run the patients of a block to death or horizon; return their history rows (events.EVENT_ROW)."""
    block = Block.of(entrants, uniforms)
    run_block(block.arrays(prepared, draw))
    return copied(block.written)


def tally_block(
    first_number: int,
    luck: np.ndarray,
    prepared: Prepared,
    draws: slice,
    step: float,
    discount_rate: float,
    entrants: Sequence[np.ndarray] = (),
) -> Tally:
    """Run patients, one a row of `luck`, under each of a range of draws; keep sums and no histories.

    Patients are sampled, or those of `entrants`: one array for all draws, or one for each.
    """
    models, therapies, populations = prepared.models[draws], prepared.therapies[draws], prepared.populations[draws]
    tally = empty_tally(len(models), therapies.shape[1], float(models["horizon"][0]), step, discount_rate)
    patients, outcomes = new_patients(1), np.zeros(1, OUTCOME)
    tables = (models, therapies, prepared.rules, prepared.conditions, prepared.life_tables)
    rows = (np.empty(MAX_EVENTS * BLOCK, EVENT_ROW), np.zeros(1, np.int64))
    known = np.stack([words(one) for one in entrants]) if entrants else np.empty((0, 0, 0), np.uint64)
    run_draws(
        first_number,
        BlockArrays(*readable(patients, attribute_matrix(patients), luck, *tables, *rows)),
        *readable(populations, outcomes),
        words(patients),
        known,
        outcome_matrix(outcomes),
        tally.step,
        tally.force,
        tally.sums_of_draws,
    )
    return tally


@compiled
def run_to_end(place: int, block: Any) -> None:
    """Simulate one patient of a block from entry to death or horizon, and put the rows written in order of time."""
    first = block.cursor[0]
    while advance(place, block) != FINISHED:
        pass
    put_in_order(block.events, first, min(block.cursor[0], len(block.events)))


@compiled
def simulate_patient(place: int, draw: int, block: Any) -> None:
    """Simulate the only patient of a block with the uniforms at a place under a draw; rows lie from 0 to the cursor.

    The block holds the uniforms of many patients, and models and therapies of one draw for all or of every draw.
    """
    drawn = draw if len(block.models) > 1 else 0
    one = BlockArrays(
        block.patients,
        block.attributes,
        block.uniforms[place : place + 1],
        block.models[drawn : drawn + 1],
        block.therapies[drawn],
        block.rules,
        block.conditions,
        block.life_tables,
        block.events,
        block.cursor,
    )
    block.cursor[0] = 0
    run_to_end(0, one)


@compiled
def copy_words(entrant: Any, record: Any) -> None:
    """Let a patient who is known in words enter, in the only record of a block."""
    for word in range(len(entrant)):
        record[0, word] = entrant[word]


@compiled_entry
def run_block(block: Any) -> None:
    """Simulate all patients of a block, one after the other."""
    for place in range(len(block.patients)):
        run_to_end(place, block)


@compiled_entry
def run_draws(
    first_number: int,
    block: Any,
    populations: Any,
    outcomes: Any,
    record: Any,
    known: Any,
    matrix: Any,
    step: float,
    force: float,
    sums: Any,
) -> None:
    """Let patients live once under every draw, one after the other in the same record and rows, and add them up.

    `block` holds the luck of all patients and the models and therapies of all draws. `record` is the one
    patient's record as words, `known` those of patients who are not sampled: draws (or one for all) × patients × words.
    """
    for draw in range(len(block.models)):
        for place in range(len(block.uniforms)):
            if len(known) > 0:
                copy_words(known[min(draw, len(known) - 1), place], record)
            else:
                block.attributes[0, :] = 0.0
                block.patients[0].number = first_number + place
                enter(block.patients[0], block.uniforms[place], populations[draw])
            simulate_patient(place, draw, block)
            add_patient(block.events, 0, block.cursor[0], outcomes, matrix, draw, step, force, sums)
