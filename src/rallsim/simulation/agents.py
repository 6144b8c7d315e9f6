"""The engine of record: every patient is a SimPy process.

A process asks the pathway how the present stage will end, sleeps until then, and asks again. Risks are sampled first
and only the earliest is waited for. Patients who compete for nothing have an environment for each block.
"""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import numpy as np
import simpy

from rallsim.common.records import readable, taken
from rallsim.model.event_rows import put_patients_in_order
from rallsim.model.step import FINISHED, step
from rallsim.model.world import BlockArrays
from rallsim.simulation.blocks import Block
from rallsim.simulation.engine_inputs import Prepared

COMPILED = "step"


def simulate_block(entrants: np.ndarray, uniforms: np.ndarray, prepared: Prepared, draw: int = 0) -> np.ndarray:
    """Run the patients of a block to death or horizon; return their history rows (history.EVENT_ROW)."""
    environment = simpy.Environment()
    block = Block.of(entrants, uniforms)
    arrays = block.arrays(prepared, draw)
    for place in range(len(block.patients)):
        environment.process(_patient(environment, place, arrays))
    with _no_garbage_collection():
        environment.run()
    written = block.written
    rows = taken(written, np.argsort(written["patient"], kind="stable"))
    put_patients_in_order(*readable(rows))
    return rows


def _patient(environment: simpy.Environment, place: int, arrays: BlockArrays) -> Generator[simpy.Timeout, None, None]:
    """Lead one patient from stage to stage, waiting in between."""
    timeout = environment.timeout
    ends = step(place, *arrays)
    while ends != FINISHED:
        # The patient's own absolute times go into the history; the clock of the environment may differ in the last bit.
        yield timeout(max(0.0, ends - environment.now))
        ends = step(place, *arrays)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Switch the cyclic collector off: a block makes many objects and no cycles that matter."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
