"""Families of times to an event: their functions belong together, and extremes and special cases hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallsim.curves.distribution import FORMS, TimeToEvent, form_called
from rallsim.curves.families import TINY_Q, GeneralisedGamma, LogNormal
from rallsim.errors import InputError

TIMES = np.array([0.1, 1.0, 5.0, 20.0, 60.0])
SHARES = np.array([0.001, 0.1, 0.5, 0.9])
SIX = ("exponential", "weibull", "gompertz", "log_normal", "log_logistic", "generalised_gamma")
points = st.lists(st.floats(-1.5, 1.5), min_size=4, max_size=4)


def any_distribution(name: str, point: list[float]) -> TimeToEvent:
    """A form somewhere around a median of some months."""
    form = form_called(name)
    middle = [2.0 if spec.name in ("mu", "scale") else -2.5 if spec.name == "rate" else 0.0 for spec in form.parameters]
    size = [0.1 if (spec.name, name[:8]) == ("shape", "gompertz") else 1.0 for spec in form.parameters]
    return form.at([m + s * x for m, s, x in zip(middle, size, point, strict=False)])


def test_six_families_each_plain_and_with_cure() -> None:
    """All six families are there, plain and with a cured share."""
    assert set(FORMS) == {f"{name}{end}" for name in SIX for end in ("", "_cure")}


@pytest.mark.parametrize("name", FORMS)
@given(point=points)
def test_the_quantile_inverts_survival(name: str, point: list[float]) -> None:
    """A share u has had the event at the quantile of u; at infinity where a plateau leaves more than 1 - u."""
    distribution = any_distribution(name, point)
    times = distribution.quantile(SHARES)
    reached = np.isfinite(times) & (times < 1e200)

    assert (np.diff(times[reached]) >= 0.0).all()
    assert distribution.survival(times[reached]) == pytest.approx(1.0 - SHARES[reached], abs=1e-8)
    assert (1.0 - SHARES[np.isinf(times)] <= distribution.plateau + 1e-12).all()


@pytest.mark.parametrize("name", FORMS)
@given(point=points)
def test_the_hazard_is_the_slope_of_the_cumulative_hazard(name: str, point: list[float]) -> None:
    """H rises from 0, S = exp(-H), and (H(t + e) - H(t - e)) / 2e is h(t)."""
    distribution = any_distribution(name, point)
    hazard, cumulative = distribution.hazard(TIMES), distribution.cumulative_hazard(TIMES)
    step = 1e-4 * TIMES
    slope = (distribution.cumulative_hazard(TIMES + step) - distribution.cumulative_hazard(TIMES - step)) / (2.0 * step)
    seen = (cumulative > 1e-6) & (cumulative < 200.0)

    assert distribution.cumulative_hazard(np.array([0.0])) == pytest.approx(0.0, abs=1e-12)
    assert (np.diff(cumulative) >= -1e-12).all()
    assert distribution.survival(TIMES) == pytest.approx(np.exp(-cumulative), abs=1e-12)
    assert hazard[seen] == pytest.approx(slope[seen], rel=2e-3, abs=1e-7)


@pytest.mark.parametrize("q", [TINY_Q, -TINY_Q])
def test_the_generalised_gamma_is_smooth_through_the_log_normal(q: float) -> None:
    """The interpolation near Q = 0 meets the family outside it, and is the log-normal at 0."""
    family, inside, outside = GeneralisedGamma(), q * (1 - 1e-9), q * (1 + 1e-9)

    for function in (family.cumulative_hazard, family.hazard):
        assert function(TIMES, 2.0, 0.8, inside) == pytest.approx(function(TIMES, 2.0, 0.8, outside), rel=1e-7)
    assert (family.hazard(TIMES, 2.0, 0.8, 0.0) == LogNormal().hazard(TIMES, 2.0, 0.8)).all()


@pytest.mark.parametrize("q", [-3.0, -1e-3, 0.0, 1e-4, 1.0, 3.0])
def test_far_out_everything_stays_a_number(q: float) -> None:
    """Past the smallest share a computer holds, hazards and cumulative hazards are still finite and rising."""
    distribution = form_called("generalised_gamma").of(mu=0.0, sigma=0.3, q=q)
    months = np.array([0.0, 1e-6, 1.0, 100.0, 1200.0])

    assert np.isfinite(distribution.cumulative_hazard(months[1:])).all()
    assert (np.diff(distribution.cumulative_hazard(months)) >= 0.0).all()
    assert not np.isnan(distribution.hazard(months)).any()


def test_a_falling_gompertz_hazard_leaves_a_plateau() -> None:
    """With shape below 0, exp(rate / shape) never have the event; with shape 0 the hazard is constant."""
    falling = form_called("gompertz").of(shape=-0.1, rate=0.2)
    constant = form_called("gompertz").of(shape=1e-12, rate=0.2)

    assert falling.plateau == pytest.approx(math.exp(-2.0))
    assert falling.survival(np.array([1e5]))[0] == pytest.approx(falling.plateau)
    assert constant.survival(TIMES) == pytest.approx(np.exp(-0.2 * TIMES), rel=1e-9)


def test_a_cured_share_is_left_at_the_end() -> None:
    """Survival of a mixture ends at the cured share and its hazard at 0."""
    mixture = form_called("weibull_cure").of(scale=5.0, shape=1.3, cure=0.25)

    assert mixture.survival(np.array([1000.0]))[0] == pytest.approx(0.25)
    assert mixture.hazard(np.array([1000.0]))[0] == pytest.approx(0.0, abs=1e-12)
    near_the_end = 5.0 * math.log(0.75 / 0.0001) ** (1.0 / 1.3)
    assert mixture.quantile(np.array([0.7499, 0.7501])).tolist() == [pytest.approx(near_the_end), math.inf]


def test_wrong_parameters_are_all_named() -> None:
    """Missing, unknown and impossible parameters are reported together, with what is allowed."""
    with pytest.raises(InputError) as caught:
        form_called("weibull_cure").of(scale=-1.0, shap=1.0, cure=1.0)

    text = str(caught.value)
    words = ("shape is missing", "did you mean 'shape'", "scale must lie within", "cure must lie within")
    assert [word for word in words if word not in text] == []
    with pytest.raises(InputError, match="did you mean 'weibull_cure'"):
        form_called("weibul_cure")
