"""Severity of a disease: what the general population would have left, in closed form, and the weight that follows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers_economics import FLAT, results_of, round_values
from helpers_frozen import frozen_parameters
from helpers_model import parameters
from rallsim.common.precision import mean
from rallsim.economics.discounting import Rates
from rallsim.economics.settings.perspectives import load_perspective
from rallsim.economics.settings.settings import EconomicSettings, economic_settings
from rallsim.economics.tables.economic_results import value_histories
from rallsim.economics.tables.severity import (
    COLUMNS,
    general_population_qalys,
    rest_of_life,
    severity_of_draws,
)
from rallsim.inputs.scenario import load_scenario
from rallsim.inputs.scenario_schema import LIFETIME_MONTHS
from rallsim.report.economics import notes
from rallsim.simulation.simulate import simulate


def left(age: float, hazard: np.ndarray, rate: float, **values: float) -> float:
    costs, utilities = round_values()
    basis = EconomicSettings(costs, utilities.with_values(values), Rates.of(rate))
    return float(rest_of_life(np.array([age]), 0, hazard, basis)[0])


@pytest.mark.parametrize("rate", [0.0, 0.035])
@pytest.mark.parametrize("age", [20.0, 63.5])
def test_a_constant_hazard_in_full_health(rate: float, age: float) -> None:
    """With utility 1 and hazard h a year QALYs left are (1 - exp(-(h + r) T)) / (h + r), T to the end of the table."""
    hazard, end = 0.04, 110
    found = left(age, hazard * np.arange(end + 1.0), rate, **FLAT)
    force = hazard + np.log1p(rate)

    assert found == pytest.approx((1.0 - np.exp(-force * (end - age))) / force, rel=1e-3)


def test_a_norm_that_falls_with_age() -> None:
    """With deaths at the end of the table only, undiscounted QALYs left are the integral of the norm."""
    found = left(50.0, 1e-9 * np.arange(101.0), 0.0)
    # norm(age) = 1 - 0.002 age - 0.00004 age^2
    expected = 50.0 - 0.001 * (100.0**2 - 50.0**2) - 0.00004 / 3.0 * (100.0**3 - 50.0**3)

    assert found == pytest.approx(expected, rel=1e-6)


def test_the_weight_reaches_the_icers() -> None:
    """Shortfalls are those of the reference for life, the weight is NICE's at them, and it divides the ICERs."""
    simulation = simulate(load_scenario("first_salvage", patients=400), parameters(), months=LIFETIME_MONTHS)
    found = results_of(simulation)
    view = found.economics.perspective
    assert view is not None
    table = found.tables["severity"]
    without = general_population_qalys(found.baseline, found.economics, found.scenario, found.parameters)
    having = found.totals["chemotherapy"]["qalys"]
    lost = mean(without - having)

    assert list(table) == COLUMNS
    assert table["strategy"].tolist() == list(found.valuations)
    for name, value in (("", lost.value), ("_lo", lost.lo), ("_hi", lost.hi)):
        assert table[f"absolute_shortfall{name}"].to_numpy() == pytest.approx(value)
        assert table[f"proportional_shortfall{name}"].to_numpy() == pytest.approx(value / without.mean())
        assert set(table[f"weight{name}"]) == {view.severity_weight(without.mean(), without.mean() - value)}
    assert (table["icer"] / table["weight"]).tolist() == pytest.approx(table["icer_weighted"].tolist(), nan_ok=True)
    for other, icer, weighted in (("pairwise", "icer", "icer_weighted"), ("incremental", "ICER", "ICER_Weighted")):
        both = found.tables[other][[icer, weighted]].dropna()
        assert len(both) > 0
        assert (both[icer] / both[weighted]).to_numpy() == pytest.approx(found.weight)
    younger, older = found.baseline["age"] < 30, found.baseline["age"] > 60
    assert without[younger].min() > without[older].max()


def test_severity_does_not_depend_on_how_long_costs_are_counted() -> None:
    """With the parameters of November 2026 and the French life table chemotherapy alone leaves 1.05 QALYs.

    Of 17.3 that the general population has left 16.3 are lost, a share of 0.939: a QALY weighs 1.2, for life as for ten
    years. Two standard errors of 5,000 patients are 0.1 QALYs.
    """
    scenario = load_scenario("chemotherapy_only", patients=5000)
    simulation = simulate(scenario, frozen_parameters(), months=LIFETIME_MONTHS)
    economics = economic_settings(scenario, simulation.parameters)
    assert economics is not None
    for months in (LIFETIME_MONTHS, 120.0):
        chosen = replace(economics, horizon_months=months)
        found = value_histories(scenario, simulation.parameters, simulation.histories, chosen)
        row = found.tables["severity"].set_index("strategy").loc[scenario.reference]

        assert row["qalys_with_disease"] == pytest.approx(1.05, abs=0.1)
        assert row["absolute_shortfall"] == pytest.approx(16.3, abs=0.15)
        assert row["proportional_shortfall"] == pytest.approx(0.939, abs=0.006)
        assert (row["weight"], row["weight_lo"], row["weight_hi"]) == (1.2, 1.2, 1.2)


def test_severity_of_a_part_of_life_is_not_told() -> None:
    """Histories that end after ten years give no weight: QALYs without the disease are those of a whole life."""
    found = results_of(simulate(load_scenario("first_salvage", patients=100), parameters()))
    table = found.tables["severity"]

    assert table["qalys_without_disease"].notna().all()
    assert table[["qalys_with_disease", "absolute_shortfall", "weight", "icer_weighted"]].isna().all(axis=None)
    assert found.tables["pairwise"]["icer_weighted"].isna().all()
    assert "Severity cannot be told: patients were not simulated for life." in notes(found)


def test_the_weight_of_draws_is_as_sure_as_they_are() -> None:
    """Shares of draws by the weight that each one's shortfall gives, of 20 QALYs without the disease."""
    nice = load_perspective("nice", parameters().evidence)
    table = severity_of_draws(20.0, np.array([9.0, 7.0, 7.0, 1.0]), nice).set_index("Weight")

    assert table["Share_Of_Draws"].to_dict() == {1.0: 0.25, 1.2: 0.5, 1.7: 0.25}
    assert table["Absolute_Shortfall"].tolist() == [14.0] * 3
    assert table["Proportional_Shortfall"].tolist() == [0.7] * 3


def test_a_body_without_weights_has_no_table() -> None:
    """Where no weights are stated the table is empty, and so it is without a perspective."""
    simulation = simulate(load_scenario("first_salvage", patients=40, economics={"costs": "fr"}), parameters())
    found = results_of(simulation)
    for perspective in (found.economics.perspective, None):
        alike = replace(found, economics=replace(found.economics, perspective=perspective))
        assert alike.severity.empty
        assert list(alike.severity) == COLUMNS
        assert np.isnan(alike.weight)
