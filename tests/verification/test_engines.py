"""Both engines run the same pathway: the same rows, and sums that follow from them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import helpers_model as m
from rallsim.economics.discounting import UNDISCOUNTED, Discount
from rallsim.errors import InputError
from rallsim.evaluation.evaluate import evaluate
from rallsim.inputs.scenario import Scenario, load_scenario, shipped_scenarios
from rallsim.model.states import STAGES
from rallsim.outcomes.summary import patient_table, survival_curves
from rallsim.simulation.engines import ENGINES
from rallsim.simulation.simulate import first_difference, simulate

SHIPPED = [identity for identity, _ in shipped_scenarios()]


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario("bridging_before_car_t", patients=2500)


def test_scenarios_are_there() -> None:
    """The loops below have something to loop over."""
    assert len(SHIPPED) >= 3
    assert len(ENGINES) == 2


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("identity", SHIPPED)
def test_engines_write_the_same_history(identity: str, seed: int) -> None:
    """For every shipped scenario, three seeds and 2,000 patients the engines' rows are equal, floats bit for bit."""
    scenario = load_scenario(identity, patients=2000, seed=seed)
    batch, agents = (simulate(scenario, m.parameters(), engine=engine) for engine in ENGINES)
    assert first_difference(batch, agents) is None
    for name, history in batch.histories.items():
        for column in history.events.dtype.names or ():
            assert history.events[column].tobytes() == agents.histories[name].events[column].tobytes()


def test_a_difference_is_found_and_told(scenario: Scenario) -> None:
    """Where one row differs, its strategy, number and both versions are named."""
    one, other = (simulate(scenario, m.parameters()) for _ in range(2))
    other.histories["bridge_inotuzumab"].events["time"][7] += 1e-12
    found = first_difference(one, other)
    assert found is not None
    assert found.startswith("bridge_inotuzumab, row 7: ")


def test_workers_do_not_change_histories(scenario: Scenario) -> None:
    """One thread or three, whatever block ends first: the same rows."""
    one, three = (simulate(scenario, m.parameters(), workers=workers) for workers in (1, 3))
    assert first_difference(one, three) is None


def test_survival_and_months_in_stages_are_those_of_the_tables(scenario: Scenario) -> None:
    """OS and EFS at any month and months in each stage, summed in the loop, equal those of tables and intervals."""
    times = [0.0, 6.0, 12.0, 24.0, 60.0, scenario.horizon_months]
    found = evaluate(scenario, m.parameters(), None, survival_at=times, stage_months=UNDISCOUNTED)
    for place, history in enumerate(simulate(scenario, m.parameters()).histories.values()):
        curves = survival_curves({"one": patient_table(history)}, history.horizon)
        for endpoint, time in product(("os", "efs"), times):
            expected = curves.loc[(curves["endpoint"] == endpoint) & (curves["t"] == time), "survival"].item()
            assert found.mean(f"{endpoint}_at_{time:g}_months")[0, place] == pytest.approx(expected, abs=1e-12)
        stays = history.intervals()
        spent = (stays["time_stop"] - stays["time_start"]).groupby(stays["from"], observed=True).sum()
        for stage in STAGES:
            months = found.mean(f"months_in_{stage}")[0, place] * history.patients
            assert months == pytest.approx(spent.get(stage, 0.0), rel=1e-11)


def test_discounted_months_have_their_closed_form(scenario: Scenario) -> None:
    """A life of t months is worth (1 - exp(-f t)) / f, f = ln(1.035) / 12, summed over its stages."""
    found = evaluate(scenario, m.parameters(), None, stage_months=Discount(0.035), strategies=["no_bridging"])
    table = patient_table(simulate(scenario, m.parameters()).histories["no_bridging"])
    force = np.log(1.035) / 12.0
    expected = ((1.0 - np.exp(-force * table["os_months"])) / force).mean()
    months = sum(found.mean(f"months_in_{stage}")[0, 0] for stage in STAGES)
    assert months == pytest.approx(expected, rel=1e-11)


def test_survival_is_asked_for_up_to_the_horizon(scenario: Scenario) -> None:
    """A time before entry or after the horizon is refused."""
    with pytest.raises(InputError, match=r"survival_at must lie between entry and horizon .*got 1e\+06"):
        evaluate(scenario, m.parameters(), None, survival_at=[12.0, 1e6])
