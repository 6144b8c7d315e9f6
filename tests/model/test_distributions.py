from __future__ import annotations

import math

import numpy as np
import pytest

from rallsim.model.distributions import (
    age_at_hazard,
    exponential_quantile,
    hazard_until,
    log_logistic_quantile,
    mixture_cure_quantile,
    mixture_cure_survival,
    probability_after_odds_ratio,
)

TABLE = np.array([0.0, 0.1, 0.3, 0.6])


def test_exponential_times() -> None:
    """The median is ln 2 over the rate, u = 0 comes at once, and at rate 0 nothing ever comes."""
    assert exponential_quantile(0.5, 0.2) == pytest.approx(math.log(2.0) / 0.2)
    assert exponential_quantile(1.0 - math.exp(-3.0), 0.5) == pytest.approx(6.0)
    assert exponential_quantile(0.0, 0.2) == 0.0
    assert exponential_quantile(0.99, 0.0) == math.inf


def test_log_logistic_times() -> None:
    """Odds of 16 to 1 at shape 4 are twice the median, odds of 1 to 16 half of it."""
    assert log_logistic_quantile(0.5, 3.0, 7.0) == 3.0
    assert log_logistic_quantile(16.0 / 17.0, 3.0, 4.0) == pytest.approx(6.0)
    assert log_logistic_quantile(1.0 / 17.0, 3.0, 4.0) == pytest.approx(1.5)
    assert log_logistic_quantile(0.0, 3.0, 4.0) == 0.0
    assert log_logistic_quantile(0.7, 0.0, 4.0) == 0.0


def test_mixture_cure_times() -> None:
    """At the scale 1/e of the uncured are left; from the plateau on the event never comes."""
    left = 0.25 + 0.75 * math.exp(-1.0)
    for shape in (0.5, 1.0, 3.0):
        assert mixture_cure_quantile(1.0 - left, 0.25, 8.0, shape, 1.0) == pytest.approx(8.0)
    assert mixture_cure_quantile(0.75 - 1e-9, 0.25, 8.0, 1.0, 1.0) > 8.0 * 15
    assert mixture_cure_quantile(0.75, 0.25, 8.0, 1.0, 1.0) == math.inf


def test_mixture_cure_without_cure_is_a_weibull_and_with_certain_cure_never() -> None:
    """At cure 0 and shape 1 the quantile is the exponential's; at cure 1 there is no event for anybody."""
    for u in (0.1, 0.5, 0.99):
        assert mixture_cure_quantile(u, 0.0, 8.0, 1.0, 1.0) == pytest.approx(exponential_quantile(u, 1.0 / 8.0))
    assert mixture_cure_quantile(1e-12, 1.0, 8.0, 1.0, 1.0) == math.inf


def test_hazard_ratio_on_a_mixture_cure() -> None:
    """A hazard ratio is a power of the survival, so at ratio 2 a plateau of 0.5 becomes 0.25."""
    assert mixture_cure_survival(5.0, 0.5, 8.0, 1.5, 2.0) == pytest.approx(
        mixture_cure_survival(5.0, 0.5, 8.0, 1.5, 1.0) ** 2
    )
    assert mixture_cure_quantile(0.749, 0.5, 8.0, 1.0, 2.0) < math.inf
    assert mixture_cure_quantile(0.751, 0.5, 8.0, 1.0, 2.0) == math.inf


def test_odds_ratios() -> None:
    """Odds of 1 to 4 doubled are 1 to 2; 1 changes nothing; certain and impossible stay so."""
    assert probability_after_odds_ratio(0.2, 2.0) == pytest.approx(1.0 / 3.0)
    assert probability_after_odds_ratio(0.37, 1.0) == pytest.approx(0.37)
    assert probability_after_odds_ratio(0.0, 5.0) == 0.0
    assert probability_after_odds_ratio(1.0, 0.2) == 1.0


def test_hazard_of_a_life_table() -> None:
    """The hazard is constant within a year of age, and beyond the table stays that of its last year."""
    assert hazard_until(TABLE, 0.0) == 0.0
    assert hazard_until(TABLE, 1.0) == pytest.approx(0.1)
    assert hazard_until(TABLE, 2.5) == pytest.approx(0.45)
    assert hazard_until(TABLE, 3.0) == pytest.approx(0.6)
    assert hazard_until(TABLE, 5.0) == pytest.approx(0.6 + 2 * 0.3)


def test_age_at_a_hazard() -> None:
    """Hazard 0.45 is reached in the middle of the third year, hazard 1.2 two years beyond the table."""
    assert age_at_hazard(TABLE, 0.45, 0.0) == pytest.approx(2.5)
    assert age_at_hazard(TABLE, 0.45, 2.1) == pytest.approx(2.5)
    assert age_at_hazard(TABLE, 1.2, 1.0) == pytest.approx(5.0)
    assert age_at_hazard(TABLE, 1.2, 4.0) == pytest.approx(5.0)
