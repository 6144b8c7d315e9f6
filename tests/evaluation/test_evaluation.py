"""Evaluations: sums by draw, strategy and batch that add up, join, and give means with their error."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rallsim.common.files import shipped
from rallsim.economics.discounting import UNDISCOUNTED
from rallsim.economics.settings.settings import EconomicSettings, economic_settings
from rallsim.economics.valuation.valuation import value_history
from rallsim.errors import InputError, ModelError
from rallsim.evaluation.evaluate import DRAWS, STRATEGIES, Evaluation, evaluate, measures_of
from rallsim.inputs.parameters import ParameterSet, load_parameters
from rallsim.inputs.scenario import Scenario, load_scenario
from rallsim.simulation.simulate import simulate


@cache
def known() -> tuple[ParameterSet, EconomicSettings]:
    parameters = load_parameters()
    return parameters, economic_settings(load_scenario("first_salvage"), parameters)


def totals_by_history(scenario: Scenario) -> list[dict[str, np.ndarray]]:
    """Costs, QALYs and life years of each patient under each strategy, from histories."""
    parameters, economics = known()
    return [
        value_history(one, economics.costs, economics.utilities, economics.rates).totals()
        for one in simulate(scenario, parameters, months=economics.horizon_months).histories.values()
    ]


def by_hand() -> Evaluation:
    """Two draws, two strategies, two batches of 10 and 30 patients, one measure."""
    patients = np.broadcast_to(np.array([10, 30]), (2, 2, 2)).copy()
    costs = np.array([[[10.0, 90.0], [20.0, 90.0]], [[30.0, 30.0], [30.0, 60.0]]])
    qalys = np.ones((2, 2, 2)) * np.array([10.0, 60.0])
    return Evaluation(("a", "b"), ("costs", "qalys"), np.arange(2), patients, np.stack([costs, qalys], axis=-1))


def test_means_and_errors_by_hand() -> None:
    """Means weigh batches by their patients; errors are those of the batches' means around it."""
    found = by_hand()

    # batch means 1 and 3: mean 2.5, SE^2 = 1/4 * 1.5^2 + 3/4 * 0.5^2 over 1 degree of freedom
    assert found.mean("costs")[0].tolist() == [2.5, 2.75]
    assert found.std_error("costs")[0, 0] == pytest.approx(np.sqrt(0.75))
    # of b over a: batch means 2 - 1 and 3 - 3
    gain = found.increment("costs", "a")
    assert gain.value[0].tolist() == [0.0, 0.25]
    assert gain.std_error[0, 1] == pytest.approx(np.sqrt(0.25 * 0.75**2 + 0.75 * 0.25**2))
    benefit = found.net_benefit(10.0, reference="a")
    assert benefit.value[0].tolist() == [0.0, -0.25]
    assert found.net_benefit(10.0).value[0, 0] == pytest.approx(10 * 1.75 - 2.5)


def test_one_batch_tells_no_error() -> None:
    """From a single batch no error can be told."""
    found = by_hand()
    one = Evaluation(found.strategies, found.measures, found.draws, found.patients[:, :, :1], found.sums[:, :, :1])

    assert np.isnan(one.std_error("costs")).all()


def test_evaluations_join_and_go_through_a_table(tmp_path: Path) -> None:
    """Draws and strategies put together again, and sums written to a table and read, are what they were."""
    found = by_hand()

    def part(draws: slice, strategies: slice) -> Evaluation:
        return Evaluation(
            found.strategies[strategies],
            found.measures,
            found.draws[draws],
            found.patients[draws, strategies],
            found.sums[draws, strategies],
        )

    everything = slice(None)
    for axis, parts in (
        (DRAWS, [part(slice(0, 1), everything), part(slice(1, 2), everything)]),
        (STRATEGIES, [part(everything, slice(0, 1)), part(everything, slice(1, 2))]),
    ):
        again = Evaluation.joined(parts, axis)
        assert again.strategies == found.strategies
        assert again.draws.tolist() == [0, 1]
        assert np.array_equal(again.sums, found.sums)
    table = found.table()
    assert list(table.columns) == ["draw", "strategy", "batch", "patients", "costs", "qalys"]
    table.to_parquet(tmp_path / "sums.parquet")
    again = Evaluation.from_table(pd.read_parquet(tmp_path / "sums.parquet"))
    assert (again.strategies, again.measures) == (found.strategies, found.measures)
    assert np.array_equal(again.sums, found.sums)
    assert np.array_equal(again.patients, found.patients)
    with pytest.raises(InputError, match="must have each row once"):
        Evaluation.from_table(table.iloc[1:])
    with pytest.raises(InputError, match="must have rows in the order"):
        Evaluation.from_table(table.iloc[[1, 0, *range(2, len(table))]])


def test_what_does_not_fit_is_refused() -> None:
    """Other measures, strategies or patients are not put together, and unknown names are told."""
    found = by_hand()
    with pytest.raises(InputError, match="to be joined"):
        found + Evaluation(("a", "c"), found.measures, found.draws, found.patients, found.sums)
    with pytest.raises(InputError, match=r"must be evaluated.*did you mean 'costs'"):
        found.mean("cost")
    with pytest.raises(InputError, match="must be a known strategy"):
        found.increment("costs", "c")
    other = found.patients.copy()
    other[:, 0] += 1
    with pytest.raises(InputError, match="must have the same patients"):
        Evaluation(found.strategies, found.measures, found.draws, other, found.sums).increment("costs", "b")


def test_blocks_and_strategies_evaluated_apart_make_the_whole() -> None:
    """Cells of other blocks of patients and strategies, put together, are the evaluation of all at once."""
    parameters, economics = known()
    scenario = load_scenario("first_salvage", patients=1500)
    draws = {"hsct.sos_fatality": np.array([0.1, 0.5]), "costs.ward_day": np.array([500.0, 800.0])}
    whole = evaluate(scenario, parameters, economics, draws)

    def cell(strategy: str, blocks: range) -> Evaluation:
        return evaluate(scenario, parameters, economics, draws, strategies=[strategy], blocks=blocks)

    parts = [cell(name, range(1)) + cell(name, range(1, 2)) for name in scenario.strategies]
    again = Evaluation.joined(parts, STRATEGIES)
    assert again.strategies == whole.strategies
    assert np.array_equal(again.patients, whole.patients)
    assert whole.patients.sum(axis=2).tolist() == [[1500] * 3] * 2
    assert np.array_equal(again.sums, whole.sums)


def test_draws_are_checked() -> None:
    """Unknown names and impossible values of the model and of economics are told together."""
    parameters, economics = known()
    scenario = load_scenario("first_salvage", patients=10)
    draws = {
        "hsct.sos_fatalty": np.array([0.1]),
        "costs.ward_dy": np.array([1.0]),
        "utilities.remission": np.array([1.2]),
    }
    with pytest.raises(InputError) as refused:
        evaluate(scenario, parameters, economics, draws)
    said = str(refused.value)
    assert "did you mean 'hsct.sos_fatality'" in said
    assert "did you mean 'costs.ward_day'" in said
    assert "utilities.remission must lie within -1 to 1 (utility), got 1.2" in said
    with pytest.raises(InputError, match="where nothing is valued"):
        evaluate(scenario, parameters, None, {"costs.ward_day": np.array([1.0])})
    with pytest.raises(InputError, match="of one length"):
        evaluate(scenario, parameters, economics, {"costs.ward_day": np.ones(2), "hsct.sos_fatality": np.full(3, 0.1)})
    with pytest.raises(InputError, match="must have draws"):
        evaluate(scenario, parameters, economics, {"costs.ward_day": np.ones(0)})


def test_what_is_not_there_is_refused() -> None:
    """Strategies and blocks of patients that the scenario does not have, and therapies without costs, are told."""
    parameters, economics = known()
    scenario = load_scenario("first_salvage", patients=1500)
    with pytest.raises(InputError, match="must be a known strategy"):
        evaluate(scenario, parameters, economics, strategies=["chemotherapies"])
    for blocks in (range(1, 3), range(-1, 1), range(0)):
        with pytest.raises(InputError, match=r"must be blocks of patients .*allowed: 0 to 1"):
            evaluate(scenario, parameters, economics, blocks=blocks)
    costs = replace(economics.costs, therapies=economics.costs.therapies - {"inotuzumab"})
    with pytest.raises(InputError, match="must be among the therapies of costs"):
        evaluate(scenario, parameters, replace(economics, costs=costs))


def draws_of_everything(number: int) -> dict[str, np.ndarray]:
    """Draws of the model, the population, prices, quantities, lengths of time, utilities and norms."""
    parameters, economics = known()
    spread = np.linspace(0.9, 1.0, number)
    paths = ("hsct.sos_fatality", "therapies.inotuzumab.cr_rate", "population.age_mean", "population.male")
    named = ("costs.inotuzumab_vial", "costs.icu_day", "costs.inotuzumab_vials_later_cycle", "costs.transplant")
    others = ("costs.chronic_gvhd_months", "utilities.days_of_sos", "utilities.remission", "utilities.gvhd")
    values = parameters.values("adult_relapse") | {path: one.value for path, one in economics.parameters().items()}
    return {path: values[path] * spread for path in (*paths, *named, *others, "utilities.reference_age")}


def test_each_draw_is_what_it_would_be_alone() -> None:
    """Sums of a draw among many are, bit by bit, those of an evaluation with its values as the only ones."""
    parameters, economics = known()
    scenario = load_scenario("first_salvage", patients=300)
    draws = draws_of_everything(3)
    together = evaluate(scenario, parameters, economics, draws, first_draw=7)

    assert together.draws.tolist() == [7, 8, 9]
    for draw in range(3):
        alone = {path: float(column[draw]) for path, column in draws.items()}
        economic = {path: value for path, value in alone.items() if path.startswith(("costs.", "utilities."))}
        others = [f"{path}={value!r}" for path, value in alone.items() if path not in economic]
        set_so = load_scenario("first_salvage", patients=300, settings=[f"{one}" for one in others])
        found = evaluate(set_so, parameters, economics.with_values(economic))
        assert np.array_equal(found.sums[0], together.sums[draw])
    assert (np.diff(together.mean("costs"), axis=0) != 0).all()
    assert (np.diff(together.mean("qalys"), axis=0) != 0).all()


def test_outcomes_and_events_are_the_same_valued_or_not() -> None:
    """Outcomes and events do not depend on whether anything is valued, up to the same horizon, or more is measured."""
    parameters, economics = known()
    scenario = load_scenario("first_salvage", patients=1200)
    draws = {"hsct.sos_fatality": np.array([0.1, 0.9])}
    economics = replace(economics, horizon_months=scenario.horizon_months)
    found, unvalued = (evaluate(scenario, parameters, one, draws) for one in (economics, None))
    more = evaluate(scenario, parameters, economics, draws, survival_at=[12.0], stage_months=UNDISCOUNTED)

    assert unvalued.measures == measures_of(None)
    assert np.array_equal(unvalued.sums, found.sums[..., : len(unvalued.measures)])
    assert more.measures[: len(found.measures)] == found.measures
    assert np.array_equal(found.sums, more.sums[..., : len(found.measures)])
    assert more.measures[len(found.measures) :][:3] == ("os_at_12_months", "efs_at_12_months", "months_in_relapsed")


def test_nothing_is_lost_for_want_of_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A patient with more charges than there is room for ends the evaluation instead of costing less."""
    parameters, economics = known()
    monkeypatch.setattr("rallsim.evaluation.loop.MOST_PERIODS", 3)
    with pytest.raises(ModelError, match=r"more charges and times of one patient than .* room for 3"):
        evaluate(load_scenario("first_salvage", patients=10), parameters, economics)


def test_workers_and_cells_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bits with one thread or three, and however draws and patients are cut into cells."""
    parameters, economics = known()
    scenario = load_scenario("first_salvage", patients=2200)
    draws = {"costs.ward_day": np.linspace(500.0, 800.0, 5), "hsct.sos_fatality": np.linspace(0.1, 0.5, 5)}
    one, three = (evaluate(scenario, parameters, economics, draws, workers=workers) for workers in (1, 3))
    assert one.sums.tobytes() == three.sums.tobytes()
    monkeypatch.setattr("rallsim.evaluation.evaluate.DRAWS_AT_ONCE", 2)
    monkeypatch.setattr("rallsim.evaluation.evaluate.HISTORIES_AT_ONCE", 1000)
    assert one.sums.tobytes() == evaluate(scenario, parameters, economics, draws, workers=2).sums.tobytes()


def test_batches_estimate_the_error_that_patients_have() -> None:
    """The error from 100 batches is close to that from single patients: its own relative error is 1 / sqrt(2 * 99).

    Checked within four of those, for costs and for their increments, whose patients are paired.
    """
    parameters, economics = known()
    scenario = load_scenario("first_salvage", patients=4000)
    found = evaluate(scenario, parameters, economics, batches=100)
    paid = [
        value_history(one, economics.costs, economics.utilities, economics.rates).totals()["costs"]
        for one in simulate(scenario, parameters, months=economics.horizon_months).histories.values()
    ]
    tolerance = 4.0 / np.sqrt(2 * 99)
    for place, mine in enumerate(paid):
        error = mine.std(ddof=1) / np.sqrt(len(mine))
        assert found.std_error("costs")[0, place] == pytest.approx(error, rel=tolerance)
        gain = mine - paid[0]
        increment = found.increment("costs", found.strategies[0])
        assert increment.value[0, place] == pytest.approx(gain.mean(), rel=1e-9, abs=1e-9)
        assert increment.std_error[0, place] == pytest.approx(gain.std(ddof=1) / np.sqrt(len(gain)), rel=tolerance)


def test_patients_of_a_file_are_evaluated_too(tmp_path: Path) -> None:
    """A scenario's own patients, gaps drawn, cost what their histories cost."""
    (tmp_path / "ours.csv").write_text("id,age,blasts\na,30,0.6\nb,70,\nc,,0.2\n", encoding="utf-8")
    text = (shipped("scenarios") / "first_salvage.yaml").read_text(encoding="utf-8")
    own = text.replace("population: adult_relapse", "population: ours.csv\nmissing_from: adult_relapse")
    assert own != text
    (tmp_path / "own.yaml").write_text(own, encoding="utf-8")
    scenario = load_scenario(tmp_path / "own.yaml", patients=30)
    parameters, economics = known()
    found = evaluate(scenario, parameters, economics)

    assert set(simulate(scenario, parameters).baseline["age"]) >= {30.0, 70.0}
    for place, one in enumerate(totals_by_history(scenario)):
        for measure in ("costs", "qalys"):
            assert found.mean(measure)[0, place] == pytest.approx(one[measure].mean(), rel=1e-12)
