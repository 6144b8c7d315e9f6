"""The compiled engine: the same pathway in a loop over patients, for when nobody competes for anything."""

from __future__ import annotations

from typing import Any

import numpy as np

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.common.records import copied
from rallsim.model.event_rows import put_in_order
from rallsim.model.step import FINISHED, advance
from rallsim.model.world import BlockArrays
from rallsim.simulation.blocks import Block
from rallsim.simulation.engine_inputs import Prepared

COMPILED = "run_block"


def simulate_block(entrants: np.ndarray, uniforms: np.ndarray, prepared: Prepared, draw: int = 0) -> np.ndarray:
    """Run the patients of a block to death or horizon; return their history rows (events.EVENT_ROW)."""
    block = Block.of(entrants, uniforms)
    run_block(block.arrays(prepared, draw))
    return copied(block.written)


@compiled
def run_to_end(place: int, block: BlockArrays) -> None:
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
def run_block(block: BlockArrays) -> None:
    """Simulate all patients of a block, one after the other."""
    for place in range(len(block.patients)):
        run_to_end(place, block)
