"""Black-box checks of a whole scenario, model and valuation together, each with the figures it compared.

After TECH-VER (Büyükkaramikli et al., PharmacoEconomics 2019;37:1391). `economics.identities` holds those that need no
further simulation; here are those that change the model and run it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from rallsim.common.records import joined
from rallsim.economics.settings.settings import EconomicSettings
from rallsim.economics.tables.economic_results import value_histories
from rallsim.economics.valuation.valuation import Valuation
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.scenario import Scenario
from rallsim.outcomes.baseline import baseline_of
from rallsim.outcomes.history import History
from rallsim.simulation.engine_inputs import Prepared, prepare
from rallsim.simulation.engines import ENGINES, engine_called
from rallsim.simulation.entrants import blocks_of, entrants_of_block
from rallsim.simulation.simulate import simulate
from rallsim.validation import identities
from rallsim.validation.identities import TOLERANCE, Check

CERTAIN_DEATH = 1e7  # a month, so that nobody lives a second
HARSHER = 10.0  # times the deaths of the population
NO_TIME = 1e-5  # years

Told = Callable[[str], None]


def check_scenario_as_a_whole(
    scenario: Scenario, parameters: ParameterSet, economics: EconomicSettings, *, told: Told = lambda _: None
) -> list[Check]:
    """Simulate a scenario, value it and run every check; `told` hears what is being done.

    >>> from rallsim.economics.settings.settings import economic_settings
    >>> from rallsim.inputs.parameters import load_parameters
    >>> from rallsim.inputs.scenario import load_scenario
    >>> scenario, known = load_scenario("chemotherapy_only", patients=50), load_parameters()
    >>> found = check_scenario_as_a_whole(scenario, known, economic_settings(scenario, known))
    >>> len(found) > 15, all(one.passed for one in found)
    (True, True)
    """
    told("simulating")
    scenario = scenario.followed_for(economics.horizon_months)
    simulation = simulate(scenario, parameters)
    results = value_histories(scenario, parameters, simulation.histories, economics)
    told("valuing again with other prices, utilities and rates")
    found = identities.check_all(results.valuations)
    told("simulating again with other mortality")
    for name, valuation in results.valuations.items():
        found += _checks_of_model(_Again(scenario, parameters, economics, name), valuation)
    return found


class _Again:
    """Simulates and values one strategy again, with something changed."""

    def __init__(
        self, scenario: Scenario, parameters: ParameterSet, economics: EconomicSettings, strategy: str
    ) -> None:
        self.scenario, self.parameters, self.economics, self.strategy = scenario, parameters, economics, strategy
        base = parameters.values(scenario.population_id)
        self.prepared = prepare(scenario, scenario.strategies[strategy], parameters, base)
        self.first = prepare(scenario, next(iter(scenario.strategies.values())), parameters, base)

    def valued(self, prepared: Prepared) -> Valuation:
        """Value the histories that these tables give."""
        blocks = [
            entrants_of_block(self.scenario.seed, self.first, block) for block in blocks_of(self.scenario.patients)
        ]
        simulate_block = engine_called(ENGINES[0])
        history = History(
            events=joined([simulate_block(entrants, luck, prepared) for entrants, luck in blocks]),
            strategy=self.strategy,
            therapies=tuple(self.parameters.therapies),
            baseline=joined([baseline_of(entrants) for entrants, _ in blocks]),
            horizon=self.scenario.horizon_months,
            seed=self.scenario.seed,
        )
        history.check()
        found = value_histories(self.scenario, self.parameters, {self.strategy: history}, self.economics)
        return found.valuations[self.strategy]

    def with_life_tables(self, tables: np.ndarray) -> Prepared:
        """Put other cumulative hazards in the place of the life tables, which then hold in every stage."""
        models = self.prepared.models.copy()
        for name in models.dtype.names or ():
            if name.startswith("mortality_ratio"):
                models[name] = np.maximum(models[name], 1.0)
        return replace(self.prepared, life_tables=tables, models=models)


def _checks_of_model(again: _Again, valuation: Valuation) -> Iterator[Check]:
    yield _twins(again, valuation)
    yield _certain_death(again, valuation)
    yield _harsher(again, valuation)


def _twins(again: _Again, valuation: Valuation) -> Check:
    """The same strategy simulated once more differs in nothing: increments of exactly 0."""
    twin, mine = again.valued(again.prepared).totals(), valuation.totals()
    gap = max(float(np.abs(twin[name] - mine[name]).max()) for name in mine)
    says = "largest increment of a strategy simulated twice"
    return Check("equal_arms_simulated", valuation.strategy, gap == 0.0, gap, 0.0, says)


def _certain_death(again: _Again, valuation: Valuation) -> Check:
    """With a life table of certain death no time accrues."""
    shape = again.prepared.life_tables.shape
    tables = np.broadcast_to(12.0 * CERTAIN_DEATH * np.arange(shape[1]), shape).copy()
    lived = float(again.valued(again.with_life_tables(tables)).totals()["lys_undisc"].max())
    says = "longest life (years) when death is certain at once"
    return Check("mortality_one_simulated", valuation.strategy, lived <= NO_TIME, lived, 0.0, says)


def _harsher(again: _Again, valuation: Valuation) -> Check:
    """With ten times the deaths of the population nobody lives longer."""
    tables = HARSHER * again.prepared.life_tables
    harsh = again.valued(replace(again.prepared, life_tables=tables)).totals()["lys_undisc"]
    mine = valuation.totals()["lys_undisc"]
    fine = bool(np.all(harsh <= mine + TOLERANCE))
    says = "life years at ten times the population's mortality against those as given"
    return Check("mortality_up", valuation.strategy, fine, float(harsh.mean()), float(mine.mean()), says)
