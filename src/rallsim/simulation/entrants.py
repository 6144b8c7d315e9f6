"""The patients of a scenario as they enter: sampled, or those of a file; the same under every strategy."""

from __future__ import annotations

import numpy as np

from rallsim.model.population import sample_patients
from rallsim.model.random_numbers import BLOCK, uniforms_of_block
from rallsim.simulation.engine_inputs import Prepared
from rallsim.simulation.imputation import entrants

EVERYBODY = slice(None)


def blocks_of(patients: int) -> list[tuple[int, int]]:
    """Number and size of the blocks that a cohort of `patients` is made of.

    >>> blocks_of(2500)
    [(0, 1000), (1, 1000), (2, 500)]
    """
    return [(number, min(BLOCK, patients - start)) for number, start in enumerate(range(0, patients, BLOCK))]


def entrants_of_block(
    seed: int, prepared: Prepared, block: tuple[int, int], replicate: int = 0, draw: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the patients of a block (its number and size) at entry, and their uniforms; any strategy has the same."""
    number, size = block
    uniforms = uniforms_of_block(seed, replicate, number)[:size]
    return entrants_with(uniforms, prepared, number, draw), uniforms


def entrants_with(
    uniforms: np.ndarray, prepared: Prepared, number: int, draw: int = 0, part: slice = EVERYBODY
) -> np.ndarray:
    """Return the patients of a block at entry, or part of them, from their uniforms and a draw of the population."""
    population = prepared.populations[draw : draw + 1]
    if prepared.cohort is None:
        return sample_patients(uniforms[part], population, number * BLOCK + (part.start or 0))
    return entrants(prepared.cohort, uniforms, population, prepared.forms, number)[part]
