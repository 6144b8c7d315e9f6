"""Severity of a disease: what the general population would have left, in closed form, and the weight that follows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers_economics import FLAT, results_of, round_values
from helpers_model import parameters
from rallsim.economics.discounting import Rates
from rallsim.economics.settings.settings import EconomicSettings
from rallsim.economics.tables.severity import COLUMNS, general_population_qalys, rest_of_life, severity
from rallsim.inputs.scenario import load_scenario
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
    """Shortfalls are those of the reference, the weight is NICE's at them, and it divides the ICERs."""
    simulation = simulate(load_scenario("first_salvage", patients=400), parameters())
    found = results_of(simulation)
    assert found.economics.perspective is not None
    table = found.tables["severity"]
    given = (found.baseline, found.economics, found.scenario, found.parameters)
    without = general_population_qalys(*given)
    having = found.totals["chemotherapy"]["qalys"].mean()

    assert list(table) == COLUMNS
    assert len(table) == 2
    assert table["absolute_shortfall"].to_numpy() == pytest.approx(without.mean() - having)
    assert set(table["weight"]) == {found.economics.perspective.severity_weight(float(without.mean()), float(having))}
    assert (table["icer"] / table["weight"]).tolist() == pytest.approx(table["icer_weighted"].tolist(), nan_ok=True)
    younger, older = found.baseline["age"] < 30, found.baseline["age"] > 60
    assert without[younger].min() > without[older].max()


def test_a_body_without_weights_has_no_table() -> None:
    """Where no weights are stated the table is empty, and so it is without a perspective."""
    simulation = simulate(load_scenario("first_salvage", patients=40, economics={"costs": "fr"}), parameters())
    found = results_of(simulation)
    for perspective in (found.economics.perspective, None):
        economics = replace(found.economics, perspective=perspective)
        table = severity(found.totals, found.baseline, economics, found.scenario, found.parameters)
        assert table.empty
        assert list(table) == COLUMNS
