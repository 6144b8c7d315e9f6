"""Who the patients of a scenario are: age and sex at entry, for population norms, as the simulation draws them."""

from __future__ import annotations

import numpy as np

from rallsim.economics.valuation.accrual_periods import Floats
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.scenario import Scenario
from rallsim.model.population import Values
from rallsim.simulation.engine_inputs import prepare
from rallsim.simulation.entrants import iterate_entrants


def people_of(
    scenario: Scenario, parameters: ParameterSet, *, replicate: int = 0, values: Values | None = None
) -> tuple[Floats, Floats]:
    """Return the age at entry (years) and 1 for men, 0 for women, of each patient by number, in every strategy.

    `values` are those of a draw by path, by default the base case of `parameters`.
    """
    base = parameters.values(scenario.population_id) if values is None else values
    prepared = prepare(scenario, next(iter(scenario.strategies.values())), parameters, base)
    ages, male = [], []
    for entrants in iterate_entrants(scenario.patients, scenario.seed, prepared, replicate):
        ages.append(entrants["entry_age"].copy())
        male.append(entrants["male"].astype(np.float64))
    return np.concatenate(ages), np.concatenate(male)
