"""A history that is cut is the history of a shorter simulation, and money has a horizon of its own."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from helpers_model import parameters
from rallsim.economics.settings.settings import economic_settings
from rallsim.economics.tables.economic_results import value_histories
from rallsim.errors import InputError
from rallsim.inputs.scenario import load_scenario, shipped_scenarios
from rallsim.inputs.scenario_schema import LIFETIME_MONTHS
from rallsim.model.states import Event
from rallsim.simulation.simulate import Simulation, simulate

SHIPPED = [identity for identity, _ in shipped_scenarios()]


@cache
def for_life(name: str) -> Simulation:
    return simulate(load_scenario(name, patients=300), parameters(), months=LIFETIME_MONTHS)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_cut_history_is_that_of_a_shorter_simulation(name: str) -> None:
    """Histories of a whole life, cut at a month, are those of a simulation up to that month, row for row."""
    assert len(SHIPPED) > 5
    for months in (1.0, 37.5, 120.0):
        shorter = simulate(load_scenario(name, patients=300), parameters(), months=months).histories
        for strategy, history in for_life(name).until(months).histories.items():
            history.check()
            assert history.horizon == months
            np.testing.assert_array_equal(history.events, shorter[strategy].events)


@pytest.mark.parametrize("name", SHIPPED)
def test_nobody_outlives_a_lifetime(name: str) -> None:
    """At the horizon that is called life everybody has died."""
    for history in for_life(name).histories.values():
        assert not (history.events["event"] == Event.CENSORED).any()


def test_a_history_cannot_be_made_longer() -> None:
    """What was not simulated is not known, and the error says how to simulate it."""
    short = for_life("first_salvage").until(24.0)
    with pytest.raises(InputError, match=r"months must be up to 24.*months=.*got 1200"):
        short.until(LIFETIME_MONTHS)
    economics = economic_settings(short.scenario, short.parameters)
    assert economics is not None
    with pytest.raises(InputError, match="months must be up to"):
        value_histories(short.scenario, short.parameters, short.histories, economics)


def test_money_follows_for_life_unless_told_otherwise() -> None:
    """A scenario's own horizon is that of outcomes; a setting of it holds for money too, and economics go before."""
    assert load_scenario("first_salvage").economic_horizon_months == LIFETIME_MONTHS
    wanted = {
        ("horizon_months=60",): (60.0, 60.0),
        ("economics.horizon_months=60",): (120.0, 60.0),
        ("horizon_months=60", "economics.horizon_months=lifetime"): (60.0, LIFETIME_MONTHS),
    }
    for settings, expected in wanted.items():
        found = load_scenario("first_salvage", settings=settings)
        assert (found.horizon_months, found.economic_horizon_months) == expected
    found = load_scenario("first_salvage", settings=["horizon_months=60"], economics={"horizon_months": 12.0})
    assert (found.horizon_months, found.economic_horizon_months) == (60.0, 12.0)


def test_a_wrong_horizon_is_named() -> None:
    """A horizon of no time, of more than a century or in words is refused in its place."""
    for given in (0.0, 1300.0, "always"):
        with pytest.raises(InputError, match=r"--horizon: economics\.horizon_months must be"):
            load_scenario("first_salvage", economics={"horizon_months": given})
