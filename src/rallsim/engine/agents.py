"""The engine of record: every patient is a SimPy process.

A process asks the pathway how the present stage will end, sleeps until then, and asks again. Risks are sampled first
and only the earliest is waited for. Patients who compete for nothing live in environments of one block each.
"""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import simpy

from rallsim.engine.blocks import Block
from rallsim.pathway import NOBODY_WAKES, advance
from rallsim.prepared import Prepared


def simulate_block(block: Block, prepared: Prepared) -> np.ndarray:
    """Run the patients of a block to death or horizon; return their history rows (history.EVENT_ROW)."""
    environment = simpy.Environment()
    arguments = block.arguments(prepared)
    for place in range(block.size):
        environment.process(_patient(environment, place, arguments))
    with _no_garbage_collection():
        environment.run()
    return block.history()


def _patient(
    environment: simpy.Environment, place: int, arguments: tuple[Any, ...]
) -> Generator[simpy.Timeout, None, None]:
    """Live one patient's life: from stage to stage, asleep in between."""
    timeout = environment.timeout
    ends = advance(place, *arguments)
    while ends != NOBODY_WAKES:
        # The patient's own absolute times go into the history; the clock of the environment may differ in the last bit.
        yield timeout(max(0.0, ends - environment.now))
        ends = advance(place, *arguments)


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
