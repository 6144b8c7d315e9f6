from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rallsim.model.distributions import (
    age_at_hazard,
    exponential_quantile,
    hazard_until,
    log_logistic_quantile,
    mixture_cure_quantile,
    mixture_cure_survival,
    probability_after_odds_ratio,
)

uniforms = st.floats(0.0, 1.0 - 2**-53)
rates, medians, shapes = st.floats(1e-4, 10.0), st.floats(0.01, 200.0), st.floats(0.3, 10.0)
cures, hazard_ratios = st.floats(0.0, 1.0), st.floats(0.1, 10.0)
many = settings(max_examples=200)


@many
@given(uniforms, uniforms, rates, medians, shapes, cures, hazard_ratios)
def test_times_rise_with_the_uniform_from_zero_on(
    one: float, other: float, rate: float, median: float, shape: float, cure: float, hazard_ratio: float
) -> None:
    """Every quantile function is 0 or more, never a not-a-number, and never falls as the uniform rises."""
    low, high = sorted((one, other))
    for quantile in (
        lambda u: exponential_quantile(u, rate),
        lambda u: log_logistic_quantile(u, median, shape),
        lambda u: mixture_cure_quantile(u, cure, median, shape, hazard_ratio),
    ):
        assert 0.0 <= quantile(low) <= quantile(high)


@many
@given(st.floats(0.0, 1.0 - 1e-6), rates, medians, shapes)
def test_quantiles_undo_their_distribution_functions(u: float, rate: float, median: float, shape: float) -> None:
    """The share that has had the event by the quantile at u is u."""
    assert -math.expm1(-rate * exponential_quantile(u, rate)) == pytest.approx(u, rel=1e-9, abs=1e-12)
    odds = (log_logistic_quantile(u, median, shape) / median) ** shape
    assert odds / (1.0 + odds) == pytest.approx(u, rel=1e-9, abs=1e-12)


@many
@given(uniforms, cures, medians, shapes, hazard_ratios)
def test_mixture_cure_quantile_and_survival(
    u: float, cure: float, scale: float, shape: float, hazard_ratio: float
) -> None:
    """Survival at the quantile is 1 - u; the event never comes exactly when 1 - u is on or below the plateau."""
    time = mixture_cure_quantile(u, cure, scale, shape, hazard_ratio)
    if time == math.inf:
        assert 1.0 - u <= cure**hazard_ratio + 1e-9
    else:
        assert 1.0 - u >= cure**hazard_ratio - 1e-9
        assert mixture_cure_survival(time, cure, scale, shape, hazard_ratio) == pytest.approx(1.0 - u, abs=1e-9)


@many
@given(uniforms, rates, st.floats(1.0, 20.0), st.floats(0.01, 0.99), medians, shapes, hazard_ratios)
def test_a_higher_hazard_is_never_later(
    u: float, rate: float, times: float, cure: float, scale: float, shape: float, hazard_ratio: float
) -> None:
    """At the same uniform a hazard multiplied by 1 or more brings the event at the same time or sooner."""
    assert exponential_quantile(u, rate * times) <= exponential_quantile(u, rate)
    base = mixture_cure_quantile(u, cure, scale, shape, hazard_ratio)
    # Both are the same number where the ratio is 1, but for rounding in the last bits of a power.
    assert mixture_cure_quantile(u, cure, scale, shape, hazard_ratio * times) <= base * (1.0 + 1e-6)
    assert mixture_cure_quantile(u, cure, scale / times, shape, hazard_ratio) <= base
    assert mixture_cure_quantile(u, cure / times, scale, shape, hazard_ratio) <= base * (1.0 + 1e-6)


@many
@given(st.floats(0.0, 1.0), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_odds_ratios_multiply(probability: float, one: float, other: float) -> None:
    """Two odds ratios one after the other are their product; a ratio and its inverse undo each other."""
    both = probability_after_odds_ratio(probability_after_odds_ratio(probability, one), other)
    assert 0.0 <= both <= 1.0
    assert both == pytest.approx(probability_after_odds_ratio(probability, one * other), abs=1e-9)
    back = probability_after_odds_ratio(probability_after_odds_ratio(probability, one), 1.0 / one)
    assert back == pytest.approx(probability, abs=1e-9)


tables = st.lists(st.floats(1e-5, 3.0), min_size=2, max_size=110).map(lambda steps: np.cumsum([0.0, *steps]))


@many
@given(tables, st.floats(0.0, 150.0), st.floats(0.0, 1.0))
def test_ages_and_hazards_of_a_life_table(table: np.ndarray, age: float, sooner: float) -> None:
    """The age at the hazard until an age is that age, from wherever below it the search begins; hazards only rise."""
    hazard = hazard_until(table, age)
    assert age_at_hazard(table, hazard, age * sooner) == pytest.approx(age, rel=1e-9, abs=1e-6)
    assert hazard_until(table, age * sooner) <= hazard + 1e-12
