"""Costs and QALYs of the shipped scenarios: every identity holds, and nothing in the files is idle."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from rallsim.common.files import shipped
from rallsim.economics.discounting import Rates
from rallsim.economics.settings.cost_files import cost_files, load_costs
from rallsim.economics.settings.settings import economic_settings
from rallsim.economics.settings.utility_files import load_utilities
from rallsim.economics.valuation.accrual_periods import periods_of
from rallsim.economics.valuation.valuation import value_history
from rallsim.inputs.parameters import load_parameters
from rallsim.inputs.scenario import load_scenario
from rallsim.simulation.simulate import Simulation, simulate
from rallsim.validation import identities
from rallsim.validation.blackbox import check_scenario_as_a_whole

PATIENTS = 1500
SCENARIOS = sorted(path.stem for path in shipped("scenarios").glob("*.yaml"))
NEVER_YET = {"intensive_care"}  # of a drug: none of the shipped ones has intensive care, CAR-T's is in its own price

loaded = cache(load_parameters)


@cache
def simulated(name: str) -> Simulation:
    return simulate(load_scenario(name, patients=PATIENTS), loaded())


@pytest.mark.slow
@pytest.mark.parametrize("country", cost_files())
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_identity_holds(name: str, country: str) -> None:
    """Black-box checks pass for every strategy of every scenario, in every country."""
    parameters = loaded()
    simulation = simulated(name)
    costs, utilities = load_costs(country, parameters), load_utilities(parameters)
    valuations = {
        strategy: value_history(history, costs, utilities, Rates.of(0.035))
        for strategy, history in simulation.histories.items()
    }
    checks = identities.check_all(valuations)

    assert len(checks) == len(valuations) * (len(identities.CHECKS) + 2) - 1
    assert [str(one) for one in checks if not one.passed] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_shipped_scenario_passes_its_checks(name: str) -> None:
    """What `rallsim check` runs holds for every scenario, simulations with other mortality included."""
    parameters = loaded()
    scenario = load_scenario(name, patients=60)
    economics = economic_settings(scenario, parameters)
    assert economics is not None
    found = check_scenario_as_a_whole(scenario, parameters, economics)

    assert len(found) == len(scenario.strategies) * (len(identities.CHECKS) + 5) - 1
    assert [str(one) for one in found if not one.passed] == []


def test_a_model_that_lets_the_dead_live_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """When certain death is not certain, and a twin is no twin, the checks that simulate again say so."""
    from rallsim.validation import blackbox

    scenario, parameters = load_scenario("first_salvage", patients=60), loaded()
    economics = economic_settings(scenario, parameters)
    assert economics is not None
    honest = blackbox.engine_called
    life = blackbox._Again(scenario, parameters, economics, scenario.reference).prepared.life_tables

    def with_other_luck(name: str) -> Any:
        engine = honest(name)
        return lambda patients, luck, prepared: engine(patients, luck[::-1].copy(), replace(prepared, life_tables=life))

    monkeypatch.setattr(blackbox, "engine_called", with_other_luck)
    failed = {one.name for one in check_scenario_as_a_whole(scenario, parameters, economics) if not one.passed}

    assert {"equal_arms_simulated", "mortality_one_simulated"} <= failed


@pytest.mark.slow
@pytest.mark.parametrize("country", cost_files())
def test_every_item_is_used_by_somebody(country: str) -> None:
    """Each cost item, stage utility and decrement counts for at least one patient of one shipped scenario."""
    parameters = loaded()
    costs, utilities = load_costs(country, parameters), load_utilities(parameters)
    given: set[str] = set()
    triggers = {item.name: item.trigger for item in costs.items}
    triggers |= {f"decrements.{one.name}": one.trigger for one in utilities.decrements}
    triggers |= {f"stages.{place}.{one.utility}": one.trigger for place, one in enumerate(utilities.stages)}
    idle = set(triggers)
    for name in SCENARIOS:
        for history in simulated(name).histories.values():
            given |= {history.therapies[code] for code in set(history.events["therapy"].tolist()) if code >= 0}
            found = periods_of(history.events, list(triggers.values()), history.therapies)
            idle -= {list(triggers)[place] for place in set(found["trigger"].tolist())}
    not_given = set(parameters.therapies) - given
    waiting = {one for one in idle if one.split(".")[0] in not_given}

    assert idle - waiting - NEVER_YET == set()
