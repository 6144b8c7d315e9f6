"""How many QALYs the disease takes, and what a QALY therefore weighs where a body gives severe diseases a weight."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rallsim.economics.basis import Basis
from rallsim.economics.decisions import pairwise
from rallsim.economics.discounting import Discount
from rallsim.economics.timeline import Floats
from rallsim.economics.utility_files import Utilities
from rallsim.parameters import ParameterSet
from rallsim.prepared import prepare
from rallsim.scenario import Scenario

STEP = 1.0 / 12.0  # years, of the integral over the rest of life
AGE_STEP = 0.5  # years between ages at which the integral is taken; linear between them
COLUMNS = [
    *("strategy", "qalys_without_disease", "qalys_with_disease", "absolute_shortfall", "proportional_shortfall"),
    *("weight", "icer", "icer_weighted"),
]


def severity(
    totals: Mapping[str, Mapping[str, Floats]],
    people: tuple[Floats, Floats],
    economics: Basis,
    scenario: Scenario,
    parameters: ParameterSet,
) -> pd.DataFrame:
    """Return the shortfall of the patients under the reference, the weight it gives, and the ICERs with that weight.

    absolute = without - with;  proportional = absolute / without;  weighted ICER = ICER / weight

    `qalys_without_disease`: the general population of the same ages and sexes, alive by the life table and at its norm;
    `qalys_with_disease`: the reference strategy up to the horizon, so a short horizon overstates the shortfall. Both
    discounted. `people` are ages at entry (years) and 1 for men. A row a strategy but the reference; none where the
    perspective states no weights.
    """
    perspective = economics.perspective
    gains = pairwise(totals, scenario.reference)
    if perspective is None or not perspective.weighs_severity():
        return pd.DataFrame(columns=COLUMNS)
    without = float(general_population_qalys(people, economics, scenario, parameters).mean())
    having = float(totals[scenario.reference]["qalys"].mean())
    weight = perspective.severity_weight(without, having)
    shortfall = (without, having, without - having, (without - having) / without, weight)
    rows = [
        (row["strategy"], *shortfall, row["icer"], row["icer"] / weight)
        for row in gains.to_dict("records")
        if row["discounted"]
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def general_population_qalys(
    people: tuple[Floats, Floats], economics: Basis, scenario: Scenario, parameters: ParameterSet
) -> Floats:
    """Discounted QALYs that each patient would have left without the disease.

    integral of S(t) norm(age + t) D(t) dt over the rest of life, S from the life table of the population's country
    """
    base = parameters.values(scenario.population_id)
    tables = prepare(scenario, next(iter(scenario.strategies.values())), parameters, base).life_tables
    ages, male = people
    points = np.arange(np.floor(ages.min()), np.ceil(ages.max()) + AGE_STEP, AGE_STEP)
    found = np.zeros(len(ages))
    for sex in (0, 1):
        left = np.array(
            [_rest_of_life(age, sex, tables[sex], economics.utilities, economics.rates.qalys) for age in points]
        )
        mine = male == sex
        found[mine] = np.interp(ages[mine], points, left)
    return found


def _rest_of_life(age: float, sex: int, hazard: Floats, utilities: Utilities, discount: Discount) -> float:
    """Discounted QALYs left at an age; `hazard` is cumulative, by year of age."""
    years = np.arange(0.0, len(hazard) - 1.0 - age, STEP) + STEP / 2.0
    spent = np.interp(age + years, np.arange(len(hazard)), hazard) - np.interp(age, np.arange(len(hazard)), hazard)
    norm = utilities.norm_at(age + years, np.full(len(years), float(sex)))
    return float((np.exp(-spent) * norm * discount.worth(12.0 * years)).sum() * STEP)
