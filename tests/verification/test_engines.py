"""Both engines run the same pathway: the same rows, and sums that follow from them."""

from __future__ import annotations

import numpy as np
import pytest

import helpers_model as m
from rallsim.inputs.scenario import Scenario, load_scenario, shipped_scenarios
from rallsim.model.states import CAUSES_OF_DEATH, DETAILS, STAGES, Detail
from rallsim.outcomes.summary import patient_table, summary
from rallsim.outcomes.tally import Sums, tally_history
from rallsim.simulation.engines import ENGINES
from rallsim.simulation.simulate import first_difference, simulate, tally

SHIPPED = [identity for identity, _ in shipped_scenarios()]
COUNTS = ("patients", "os_ends", "efs_ends", "causes", "events")


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


def test_workers_do_not_change_histories_or_sums(scenario: Scenario) -> None:
    """One thread or three, whatever block ends first: the same rows, and sums equal to the last bit."""
    one, three = (simulate(scenario, m.parameters(), workers=workers) for workers in (1, 3))
    assert first_difference(one, three) is None
    draws = {"hsct.sos_fatality": np.linspace(0.1, 0.5, 120)}
    sums = [tally(scenario, m.parameters(), draws=draws, workers=workers) for workers in (1, 3)]
    for name, alone in sums[0].items():
        for part in Sums._fields:
            assert getattr(alone, part).tobytes() == getattr(sums[1][name], part).tobytes(), part


@pytest.mark.parametrize("discount_rate", [0.0, 0.035])
def test_sums_in_the_loop_are_those_of_histories(scenario: Scenario, discount_rate: float) -> None:
    """Counts are equal; months and squares agree within 1e-12 of their size, since blocks are added up in turn."""
    found = tally(scenario, m.parameters(), discount_rate=discount_rate)
    for name, history in simulate(scenario, m.parameters()).histories.items():
        expected = tally_history(history.events, len(history.therapies), history.horizon, discount_rate=discount_rate)
        for part in Sums._fields:
            ours, theirs = getattr(found[name], part), getattr(expected, part)
            if part in COUNTS:
                np.testing.assert_array_equal(ours, theirs, err_msg=part)
            else:
                np.testing.assert_allclose(ours, theirs, rtol=1e-12, err_msg=part)


def test_sums_tell_what_the_tables_tell(scenario: Scenario) -> None:
    """Means, survival, causes and intervals from a tally equal those computed from patient tables and intervals."""
    found = tally(scenario, m.parameters())["no_bridging"]
    history = simulate(scenario, m.parameters()).histories["no_bridging"]
    table = patient_table(history)
    reported = summary({"one": table}, history.horizon).set_index("outcome")["estimate"]
    assert found.mean("os_months")[0] == pytest.approx(reported["os_restricted_mean"], rel=1e-12)
    assert found.mean("hsct")[0] == pytest.approx(reported["hsct"], rel=1e-12)
    assert found.std_error("os_months")[0] == pytest.approx(table["os_months"].std() / np.sqrt(len(table)), rel=1e-9)
    for endpoint in ("os", "efs"):
        survival = found.survival(endpoint)[0]
        assert len(survival) == history.horizon + 1
        for landmark in (6, 12, 24, 60):
            assert survival[landmark] == pytest.approx(reported[f"{endpoint}_at_{landmark}_months"], abs=1e-12)
    for code, name in enumerate(DETAILS):
        if name in CAUSES_OF_DEATH:
            assert found.causes[0, code] == round(reported[f"death_{name}"] * history.patients)
    stays = history.intervals()
    spent = (stays["time_stop"] - stays["time_start"]).groupby(stays["from"], observed=True).sum()
    for code, stage in enumerate(STAGES):
        assert found.months[0, code].sum() == pytest.approx(spent.get(stage, 0.0), rel=1e-12)


def test_discounted_months_have_their_closed_form(scenario: Scenario) -> None:
    """A life of t months is worth (1 - exp(-f t)) / f, f = ln(1.035) / 12, summed over its stages."""
    found = tally(scenario, m.parameters(), discount_rate=0.035)["no_bridging"]
    table = patient_table(simulate(scenario, m.parameters()).histories["no_bridging"])
    force = np.log(1.035) / 12.0
    expected = ((1.0 - np.exp(-force * table["os_months"])) / force).sum()
    assert found.discounted[0].sum() == pytest.approx(expected, rel=1e-11)
    assert (found.discounted <= found.months + 1e-9).all()


def test_each_draw_is_a_run_of_its_own(scenario: Scenario) -> None:
    """The tally of a draw equals that of a scenario with the draw's values, and a fatal SOS kills more."""
    path, values = "hsct.sos_fatality", np.array([0.0, 0.4, 1.0])
    many = tally(scenario, m.parameters(), draws={path: values})["bridge_inotuzumab"]
    for draw, value in enumerate(values):
        alone = load_scenario("bridging_before_car_t", patients=2500, settings=[f"{path}={value}"])
        one = tally(alone, m.parameters())["bridge_inotuzumab"]
        for part in Sums._fields:
            np.testing.assert_array_equal(getattr(many, part)[draw], getattr(one, part)[0], err_msg=part)
    deaths = many.causes[:, Detail.SOS]
    assert deaths[0] == 0 < deaths[1] < deaths[2]
