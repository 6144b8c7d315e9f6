"""Costs and QALYs of the shipped scenarios: every identity holds, and nothing in the files is idle."""

from __future__ import annotations

from functools import cache

import pytest

from rallsim.economics import identities
from rallsim.economics.cost_files import cost_files, load_costs
from rallsim.economics.discounting import Rates
from rallsim.economics.people import people_of
from rallsim.economics.spans import spans_of
from rallsim.economics.utility_files import load_utilities
from rallsim.economics.valuation import value_history
from rallsim.files import shipped
from rallsim.parameters import load_parameters
from rallsim.scenario import load_scenario
from rallsim.simulation import Simulation, simulate

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
    ages, male = people_of(simulation.scenario, parameters)
    valuations = {
        strategy: value_history(history, costs, utilities, Rates.of(0.035), ages=ages, male=male)
        for strategy, history in simulation.histories.items()
    }
    checks = identities.check_all(valuations, (ages, male))

    assert len(checks) == len(valuations) * (len(identities.CHECKS) + 2) - 1
    assert [str(one) for one in checks if not one.passed] == []


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
            found = spans_of(history.events, list(triggers.values()), history.therapies)
            idle -= {list(triggers)[place] for place in set(found["trigger"].tolist())}
    not_given = set(parameters.therapies) - given
    waiting = {one for one in idle if one.split(".")[0] in not_given}

    assert idle - waiting - NEVER_YET == set()
