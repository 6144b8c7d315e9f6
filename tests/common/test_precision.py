from __future__ import annotations

import numpy as np
import pytest

from rallsim.common.precision import Z_95, mean, median, share


def test_wilson_limits() -> None:
    """0 of 10 has Wilson's upper limit z² / (n + z²), and 10 of 10 its mirror image."""
    everyone = np.ones(10, bool)
    none, all_of_them = share(~everyone, everyone), share(everyone, everyone)
    assert (none.lo, none.hi) == pytest.approx((0.0, Z_95**2 / (10 + Z_95**2)))
    assert (all_of_them.lo, all_of_them.hi) == pytest.approx((1 - none.hi, 1.0))


@pytest.mark.parametrize("censored", [False, True])
def test_median_error_agrees_with_repetition(censored: bool) -> None:
    """Over 200 samples of 1,000 the mean SE of the median is within 15 % of the medians' own spread.

    The spread of 200 has a standard error of 5 %, so the threshold is three of them.
    """
    rng = np.random.default_rng(2)
    found = []
    for _ in range(200):
        times = rng.weibull(0.8, 1_000) * 10.0
        limits = rng.uniform(2.0, 20.0, 1_000) if censored else np.full(1_000, np.inf)
        found.append(median(np.minimum(times, limits), times <= limits, np.ones(1_000, bool)))
    spread = np.std([one.value for one in found], ddof=1)
    assert np.mean([one.std_error for one in found]) / spread == pytest.approx(1.0, abs=0.15)
    own = [one.influence.std() / np.sqrt(1_000) for one in found]
    assert np.mean(own) / spread == pytest.approx(1.0, abs=0.15)
    covered = [one.lo <= 10 * np.log(2) ** (1 / 0.8) <= one.hi for one in found]
    assert np.mean(covered) == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 200))


def test_median_of_censored_times_is_that_of_kaplan_and_meier() -> None:
    """With staggered censoring the median and its influence agree with lifelines' curve and Greenwood's variance."""
    from lifelines import KaplanMeierFitter

    rng = np.random.default_rng(3)
    times, limits = np.round(rng.exponential(10.0, 301), 1), np.round(rng.uniform(3.0, 25.0, 301), 1)
    months, ended = np.minimum(times, limits), times <= limits
    fitted = KaplanMeierFitter().fit(months, ended)
    found = median(months, ended, np.ones(301, bool))
    assert found.value == fitted.median_survival_time_
    left = float(fitted.predict(found.value))
    upto = fitted.event_table.loc[: found.value]
    greenwood = upto["observed"] / (upto["at_risk"] * (upto["at_risk"] - upto["observed"]))
    variance = float(greenwood.sum()) * left**2
    effective = left * (1 - left) / variance
    density = np.sqrt(0.25 / effective) / found.std_error
    assert (found.influence * density).mean() == pytest.approx(0.0, abs=1e-12)
    assert (found.influence * density).var() / 301 == pytest.approx(variance)


def test_median_uses_only_those_it_is_among() -> None:
    """Times of patients outside the condition change nothing, and their influence is zero."""
    times, among = np.arange(1.0, 101.0), np.arange(100) % 2 == 0
    found = median(np.where(among, times, np.nan), np.ones(100, bool), among)
    alone = median(times[among], np.ones(50, bool), np.ones(50, bool))
    assert (found.value, found.std_error, found.lo, found.hi) == (alone.value, alone.std_error, alone.lo, alone.hi)
    assert not found.influence[~among].any()
    assert found.influence.std() / 10 == pytest.approx(alone.influence.std() / np.sqrt(50))


@pytest.mark.parametrize("patients", [1, 2, 3])
def test_few_patients_bound_no_median(patients: int) -> None:
    """Of up to three patients there is a median, and no limit of it but zero below."""
    everyone = np.ones(patients, bool)
    found = median(np.arange(1.0, patients + 1), everyone, everyone)
    assert found.lo == 0.0
    assert np.isnan(found.hi)
    assert found.std_error > 0
    assert np.isnan(mean(np.arange(1.0)).std_error)
