"""Who enters: the patients of a block, sampled from a population or read from a file, with their luck."""

from __future__ import annotations

import numpy as np

from rallsim.cohort import entrants, read_cohort
from rallsim.luck import BLOCK, luck_of_block
from rallsim.population import sample_patients
from rallsim.prepared import Prepared
from rallsim.scenario import Scenario


def entrants_of_block(
    scenario: Scenario, prepared: Prepared, block: tuple[int, int], replicate: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the patients of a block (its number and size) at entry, and their luck; any strategy has the same."""
    number, size = block
    luck = luck_of_block(scenario.seed, replicate, number)[:size]
    own = scenario.own_patients
    if own and own.suffix == ".csv":
        return entrants(read_cohort(own), luck, prepared.populations, number, size), luck
    return sample_patients(luck, prepared.populations, number * BLOCK), luck
