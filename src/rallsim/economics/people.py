"""Who the patients of a scenario are: age and sex at entry, for population norms, as the simulation draws them."""

from __future__ import annotations

import numpy as np

from rallsim.cohort import patients_at_entry
from rallsim.economics.timeline import Floats
from rallsim.luck import BLOCK, luck_of_block
from rallsim.parameters import ParameterSet
from rallsim.population import Values
from rallsim.prepared import prepare
from rallsim.scenario import Scenario


def people_of(
    scenario: Scenario, parameters: ParameterSet, *, replicate: int = 0, values: Values | None = None
) -> tuple[Floats, Floats]:
    """Return the age at entry (years) and 1 for men, 0 for women, of each patient by number, in every strategy.

    `values` are those of a draw by path, by default the base case of `parameters`.
    """
    base = parameters.values(scenario.population_id) if values is None else values
    populations = prepare(scenario, next(iter(scenario.strategies.values())), parameters, base).populations
    ages, male = [], []
    for number, first in enumerate(range(0, scenario.patients, BLOCK)):
        size = min(BLOCK, scenario.patients - first)
        luck = luck_of_block(scenario.seed, replicate, number)[:size]
        entrants = patients_at_entry(scenario.own_patients, populations, luck, (number, size))
        ages.append(entrants["entry_age"].copy())
        male.append(entrants["male"].astype(np.float64))
    return np.concatenate(ages), np.concatenate(male)
