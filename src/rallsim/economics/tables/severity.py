"""How many QALYs the disease takes, and what a QALY therefore weighs where a body gives severe diseases a weight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from rallsim.common.precision import mean
from rallsim.economics.settings.perspectives import Perspective
from rallsim.economics.settings.settings import EconomicSettings
from rallsim.economics.valuation.accrual_periods import Floats
from rallsim.economics.valuation.valuation import value_history
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.scenario import Scenario
from rallsim.model.event_rows import EVENT_ROW
from rallsim.model.states import Detail, Event, Stage
from rallsim.outcomes.baseline import baseline_with
from rallsim.outcomes.history import History

AGE_STEP = 2.0  # years between ages at which the rest of life is valued; linear between them
LIVES = 400  # at each of these ages
COLUMNS = [
    *("strategy", "qalys_without_disease", "qalys_with_disease", "absolute_shortfall", "absolute_shortfall_lo"),
    *("absolute_shortfall_hi", "proportional_shortfall", "proportional_shortfall_lo", "proportional_shortfall_hi"),
    *("weight", "weight_lo", "weight_hi", "icer", "icer_weighted"),
]
OF_DRAWS = [
    *("Weight", "Share_Of_Draws", "Absolute_Shortfall", "Absolute_Shortfall_Lower", "Absolute_Shortfall_Upper"),
    *("Proportional_Shortfall", "Proportional_Shortfall_Lower", "Proportional_Shortfall_Upper"),
]


def severity(
    gains: pd.DataFrame,
    qalys: Floats | None,
    baseline: np.ndarray,
    economics: EconomicSettings,
    scenario: Scenario,
    parameters: ParameterSet,
) -> pd.DataFrame:
    """Return the shortfall of the patients under the reference, the weight it gives, and ICERs with and without it.

    absolute = without - with;  proportional = absolute / without;  weighted ICER = ICER / weight

    `gains` are the strategies against the reference (`decisions.pairwise`). `qalys` are those of each patient under the
    reference for life, discounted; None where life was not simulated, and shortfalls and weights are then empty.
    Without the disease patients live as the general population of their ages and sexes, by the life table and at its
    norm; `baseline` says who they are (`outcomes.baseline`). `_lo` and `_hi` are 95 % limits of the Monte Carlo error.
    A row a strategy, without ICERs that of the reference; none where the perspective states no weights.
    """
    perspective = economics.perspective
    if perspective is None or not perspective.weighs_severity():
        return pd.DataFrame(columns=COLUMNS)
    without = general_population_qalys(baseline, economics, scenario, parameters)
    size = float(without.mean())
    shortfall, weights = [np.nan] * 7, [np.nan] * 3
    if qalys is not None:
        lost = mean(without - qalys)
        absolute = [lost.value, lost.lo, lost.hi]
        weights = [perspective.severity_weight(size, size - one) for one in absolute]
        shortfall = [float(qalys.mean()), *absolute, *(one / size for one in absolute)]
    icers = {row["strategy"]: row["icer"] for row in gains.to_dict("records") if row["discounted"]}
    icers = {scenario.reference: np.nan, **icers}
    rows = [(name, size, *shortfall, *weights, icer, icer / weights[0]) for name, icer in icers.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def severity_of_draws(without: float, qalys: Floats, perspective: Perspective) -> pd.DataFrame:
    """Return how probable each weight of a QALY is, a row a weight: OF_DRAWS, shortfalls with the 95 % of their draws.

    `qalys` are the mean discounted QALYs for life of the patients under the reference in each draw; `without` those of
    the general population.
    """
    lost = without - qalys
    found = np.array([perspective.severity_weight(without, float(one)) for one in qalys])
    spread = [float(lost.mean()), *(float(one) for one in np.quantile(lost, (0.025, 0.975)))]
    rows = [
        (weight, float((found == weight).mean()), *spread, *(one / without for one in spread))
        for weight in np.unique(found)
    ]
    return pd.DataFrame(rows, columns=OF_DRAWS)


def general_population_qalys(
    baseline: np.ndarray, economics: EconomicSettings, scenario: Scenario, parameters: ParameterSet
) -> Floats:
    """Discounted QALYs that each patient would have left without the disease.

    integral of S(t) norm(age + t) D(t) dt over the rest of life, S from the life table of the population's country
    """
    country = parameters.countries[scenario.population_id]
    ages, male = baseline["age"], baseline["male"]
    points = np.arange(np.floor(ages.min()), np.ceil(ages.max()) + AGE_STEP, AGE_STEP)
    found = np.zeros(len(ages))
    for code, sex in enumerate(("female", "male")):
        mine = male == code
        if mine.any():
            hazard = parameters.evidence.cumulative_hazard(country, sex)
            found[mine] = np.interp(ages[mine], points, rest_of_life(points, code, hazard, economics))
    return found


def rest_of_life(ages: Floats, sex: int, hazard: Floats, economics: EconomicSettings) -> Floats:
    """Discounted QALYs that people of these ages (years) have left; `sex` is 1 for men.

    At each age LIVES people die at evenly spread quantiles of the life table, whose cumulative `hazard` is by year of
    age, at its end at the latest. They are valued as patients are, in a stage whose utility is 1: at the norm.
    """
    spent = -np.log1p(-(np.arange(LIVES) + 0.5) / LIVES)
    years = np.arange(len(hazard), dtype=np.float64)
    age = np.repeat(ages, LIVES)
    until = np.interp(np.interp(age, years, hazard) + np.tile(spent, len(ages)), hazard, years)
    events = np.zeros(2 * len(age), EVENT_ROW)
    events["patient"] = np.repeat(np.arange(len(age)), 2)
    events["time"][1::2] = np.maximum(until - age, 0.0) * 12.0
    events["event"] = np.tile([Event.ENTRY, Event.DEATH], len(age))
    events["stage"] = np.tile([Stage.RELAPSED, Stage.DEAD], len(age))
    events["therapy"] = -1
    events["detail"] = np.tile([Detail.NONE, Detail.BACKGROUND], len(age))
    history = History(events, "none", (), baseline_with(age=age, male=float(sex)), horizon=12.0 * len(hazard), seed=0)
    well = {one.utility: 1.0 for one in economics.utilities.stages}
    stages = tuple(replace(one, may_exceed_norm=False) for one in economics.utilities.stages)
    utilities = replace(economics.utilities.with_values(well), stages=stages, decrements=())
    valued = value_history(history, economics.costs, utilities, economics.rates)
    found: Floats = valued.totals()["qalys"].reshape(len(ages), LIVES).mean(axis=1)
    return found
