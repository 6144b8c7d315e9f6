"""How much work a sweep would be, before it is done: time from a small trial, disk from the shape of what is kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rallsim.evaluation.evaluate import measures_of
from rallsim.model.random_numbers import BLOCK
from rallsim.sweep.jobs import BATCHES, Cell, Model, compute

BYTES_PER_NUMBER = 6.0  # of a kept number, compressed
TRIAL_ROWS, TRIAL_PATIENTS = 5, 200


@dataclass(frozen=True)
class Estimate:
    """Cells to compute, and what they would take: seconds of all workers together, bytes on disk."""

    cells: int
    histories: int
    seconds: float
    bytes: float


def estimate(model: Model, cells: Sequence[Cell]) -> Estimate:
    """Time a small piece of the first cell of each strategy, and scale it to all of them."""
    packed = model.packed()
    speed: dict[str, float] = {}
    for cell in cells:
        if cell.strategy in speed:
            continue
        draws = {path: values[:TRIAL_ROWS] for path, values in cell.draws.items()}
        trial = Cell("", cell.strategy, draws, 0, min(TRIAL_PATIENTS, BLOCK, cell.patients), cell.replicate)
        compute(packed, trial)  # compiles and reads what later cells find ready
        start = time.perf_counter()
        compute(packed, trial)
        speed[cell.strategy] = (time.perf_counter() - start) / trial.histories
    kept = sum(cell.rows for cell in cells) * BATCHES * len(measures_of(model.economics))
    return Estimate(
        cells=len(cells),
        histories=sum(cell.histories for cell in cells),
        seconds=sum(speed[cell.strategy] * cell.histories for cell in cells),
        bytes=kept * BYTES_PER_NUMBER,
    )
