"""The walk over a patient's rows against a second reading of the same rules, and sums in the loop against histories."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from helpers_economics import CELL_LIFE, DRUG_LIFE, history_of
from helpers_periods import periods_by_columns
from rallsim.economics.settings.cost_files import cost_files, load_costs
from rallsim.economics.settings.perspectives import load_perspective, perspectives
from rallsim.economics.settings.settings import EconomicSettings, economic_settings
from rallsim.economics.settings.triggers import AFTER, AT, CLOCKS, NO_THERAPY, WHILE, Trigger
from rallsim.economics.settings.utility_files import load_utilities
from rallsim.economics.valuation.accrual_periods import periods_of
from rallsim.economics.valuation.qalys import triggers_of
from rallsim.economics.valuation.valuation import value_history
from rallsim.evaluation.evaluate import evaluate
from rallsim.inputs.parameters import load_parameters
from rallsim.inputs.scenario import load_scenario, shipped_scenarios
from rallsim.inputs.scenario_schema import LIFETIME_MONTHS
from rallsim.model.states import Detail, Event, Stage
from rallsim.outcomes.endpoints import MEASURES, outcomes_of
from rallsim.outcomes.history import History
from rallsim.simulation.simulate import Simulation, simulate

PATIENTS = 1100  # more than a block, in eleven batches
SHIPPED = [identity for identity, _ in shipped_scenarios()]
loaded = cache(load_parameters)
DRUGS = ("inotuzumab", "blinatumomab")
UNUSUAL = [  # what no shipped file asks for
    *(Trigger(WHILE, stages=tuple(range(Stage.DEAD)), clock=clock, since_from=0.5, since_to=6.0) for clock in CLOCKS),
    *(
        Trigger(WHILE, stages=(Stage.SALVAGE, Stage.REMISSION), clock=clock, since_from=3.0, therapies=DRUGS)
        for clock in CLOCKS
    ),
    Trigger(WHILE, stages=(Stage.RELAPSED, Stage.REFRACTORY), therapies=(NO_THERAPY, "chemotherapy")),
    Trigger(AT, events=(Event.ENTRY, Event.RELAPSE), therapies=(NO_THERAPY, *DRUGS)),
    Trigger(AT, events=(Event.CYCLE,), cycles=(2, 3)),
    Trigger(AT, events=(Event.CYCLE, Event.INFECTION), stages=(Stage.SALVAGE,)),
    Trigger(AT, events=(Event.TREATMENT_START,), unless_followed_by=(Event.RESPONSE, Event.NO_RESPONSE)),
    Trigger(AT, events=(Event.DEATH,), details=(Detail.LEUKAEMIA, Detail.BACKGROUND)),
    Trigger(AFTER, events=(Event.RESPONSE, Event.RELAPSE), until=(Event.CYCLE, Event.HSCT, Event.DEATH)),
    Trigger(AFTER, events=(Event.CYCLE,), until_stage_end=True, lasting="some"),
    Trigger(AFTER, events=(Event.HSCT, Event.DEATH), lasting="some", until=(Event.RELAPSE,), until_stage_end=True),
]


@cache
def simulated(name: str) -> Simulation:
    return simulate(load_scenario(name, patients=PATIENTS), loaded(), months=LIFETIME_MONTHS)


def shipped_triggers() -> list[tuple[Trigger, float]]:
    """Every trigger of the files, with the months that it lasts."""
    utilities = load_utilities(loaded())
    found = [(one, utilities.months(one.lasting)) for one in triggers_of(utilities)]
    for country in cost_files():
        costs = load_costs(country, loaded())
        found += [(item.trigger, costs.months(item.trigger.lasting)) for item in costs.items]
    return found


def assert_same_periods(history: History, triggers: list[tuple[Trigger, float]]) -> set[int]:
    """Assert that both readings find the same periods; return which triggers counted at all."""
    found = periods_of(
        history.events, [one for one, _ in triggers], history.therapies, [months for _, months in triggers]
    )
    for place, (trigger, months) in enumerate(triggers):
        mine = found[found["trigger"] == place]
        rows, start, stop = periods_by_columns(trigger, history, months)
        np.testing.assert_array_equal(np.sort(mine["row"]), rows, err_msg=str(trigger))
        mine = mine[np.argsort(mine["row"])]
        np.testing.assert_array_equal(mine["start"], start, err_msg=str(trigger))
        np.testing.assert_array_equal(mine["stop"], stop, err_msg=str(trigger))
    return set(found["trigger"].tolist())


@pytest.mark.parametrize("name", ["order_of_therapies", "transplant_after_car_t"])
def test_one_walk_finds_what_a_search_by_columns_finds(name: str) -> None:
    """Each trigger of the files and each unusual one counts on the same rows and for the same time, to the last bit."""
    triggers = shipped_triggers() + [(one, 1.5 if one.lasting else math.inf) for one in UNUSUAL]
    counted: set[int] = set()
    for history in simulated(name).histories.values():
        counted |= assert_same_periods(history, triggers)

    assert len(counted) > len(triggers) / 2
    assert set(range(len(triggers) - len(UNUSUAL), len(triggers))) <= counted


def test_the_walk_on_lives_of_a_few_events() -> None:
    """Both readings agree on lives written by hand, and on no patients at all there is nothing."""
    triggers = [(one, 1.5 if one.lasting else math.inf) for one in UNUSUAL]
    assert assert_same_periods(history_of(DRUG_LIFE, CELL_LIFE, DRUG_LIFE), triggers)
    nobody = history_of(DRUG_LIFE).events[:0]
    assert len(periods_of(nobody, UNUSUAL, ())) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_one_walk_finds_what_a_search_by_columns_finds_everywhere(name: str) -> None:
    """The same for every shipped scenario."""
    for history in simulated(name).histories.values():
        assert assert_same_periods(history, shipped_triggers())


def assert_same_sums(name: str, economics: EconomicSettings) -> None:
    """Assert that sums by batch are those of valued histories, to 1e-9 of the largest."""
    simulation, batches = simulated(name), 11
    found = evaluate(simulation.scenario, loaded(), economics, batches=batches)
    assert found.strategies == tuple(simulation.histories)
    for place, history in enumerate(simulation.histories.values()):
        cut = history.until(economics.horizon_months)
        one = value_history(cut, economics.costs, economics.utilities, economics.rates)
        expected = {**one.totals(), **one.by_category(), **one.resources()}
        outcomes = outcomes_of(history.until(simulation.scenario.horizon_months).events, PATIENTS)
        expected |= {measure: outcomes[measure] for measure in MEASURES}
        expected |= {f"events_{event}": counts for event, counts in one.events().items()}
        for measure, values in expected.items():
            sums = np.bincount(np.arange(PATIENTS) % batches, values, batches)
            mine = found.sums[0, place, :, found.measures.index(measure)]
            np.testing.assert_allclose(mine, sums, rtol=1e-9, atol=1e-9 * np.abs(sums).max(), err_msg=measure)
        assert set(found.measures) == set(expected)


def test_sums_in_the_loop_are_those_of_valued_histories() -> None:
    """Costs, QALYs, life years, categories, resources and events, batch by batch, at different rates that change."""
    economics = economic_settings(load_scenario("first_salvage"), loaded())
    assert_same_sums("transplant_after_car_t", economics)
    has = load_perspective("has", loaded().evidence).rates()
    assert has.costs.later_rate is not None
    rates = replace(
        has, costs=replace(has.costs, later_from=30.0), qalys=replace(has.qalys, rate=0.01, later_from=50.0)
    )
    assert_same_sums("transplant_after_car_t", replace(economics, rates=rates))


@pytest.mark.parametrize("months", [60.0, 120.0, 150.0])
def test_outcomes_and_values_end_at_their_own_horizons(months: float) -> None:
    """Values are counted up to the horizon of costs, before or after that of outcomes, which stay what they are."""
    economics = economic_settings(load_scenario("first_salvage"), loaded())
    assert_same_sums("transplant_after_car_t", replace(economics, horizon_months=months))


@pytest.mark.slow
@pytest.mark.parametrize("country", cost_files())
@pytest.mark.parametrize("name", SHIPPED)
def test_sums_in_the_loop_are_those_of_valued_histories_everywhere(name: str, country: str) -> None:
    """The same for every scenario, country and perspective."""
    base = economic_settings(load_scenario("first_salvage"), loaded())
    assert len(perspectives()) > 3
    for view in perspectives():
        costs, rates = load_costs(country, loaded()), load_perspective(view, loaded().evidence).rates()
        assert_same_sums(name, replace(base, costs=costs, rates=rates))
