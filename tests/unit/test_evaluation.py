"""Evaluations: sums by draw, strategy and batch that add up, join, and give means with their error."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from rallsim.economics.setting import Economics, economics_of
from rallsim.errors import InputError
from rallsim.evaluation import DRAWS, STRATEGIES, Evaluation, evaluate
from rallsim.parameters import ParameterSet, load_parameters
from rallsim.scenario import load_scenario


@cache
def known() -> tuple[ParameterSet, Economics]:
    parameters = load_parameters()
    return parameters, economics_of(parameters=parameters)


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


def test_evaluations_join_and_go_through_a_table() -> None:
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
    again = Evaluation.from_table(table)
    assert (again.strategies, again.measures) == (found.strategies, found.measures)
    assert np.array_equal(again.sums, found.sums)
    assert np.array_equal(again.patients, found.patients)
    with pytest.raises(InputError, match="rows are missing"):
        Evaluation.from_table(table.iloc[1:])
    with pytest.raises(InputError, match="not in the order"):
        Evaluation.from_table(table.iloc[[1, 0, *range(2, len(table))]])


def test_what_does_not_fit_is_refused() -> None:
    """Other measures, strategies or patients are not put together, and unknown names are told."""
    found = by_hand()
    with pytest.raises(InputError, match="do not fit together"):
        found + Evaluation(("a", "c"), found.measures, found.draws, found.patients, found.sums)
    with pytest.raises(InputError, match=r"was not evaluated .*did you mean 'costs'"):
        found.mean("cost")
    with pytest.raises(InputError, match="unknown strategy"):
        found.increment("costs", "c")
    other = found.patients.copy()
    other[:, 0] += 1
    with pytest.raises(InputError, match="nothing to pair"):
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
    np.testing.assert_allclose(again.sums, whole.sums, rtol=1e-12)


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
    assert "utilities.remission: is impossible (found 1.2; allowed: -1 to 1 (utility)" in said
    with pytest.raises(InputError, match="nothing is valued"):
        evaluate(scenario, parameters, None, {"costs.ward_day": np.array([1.0])})
