"""Known truths come back: from what a simulated paper prints within their limits, from individual data as elsewhere."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from helpers_curves import Z, printed, simulated_times
from rallsim.curves.background import NO_BACKGROUND
from rallsim.curves.choice import choose
from rallsim.curves.distribution import form_called
from rallsim.curves.fitting import fit_all, fit_form, likelihood_of
from rallsim.curves.individual import fit_individual
from rallsim.errors import InputError

PAPERS = 60  # simulated for each truth
SHORTEST_COVERAGE = 0.85  # 0.95 less 3.5 standard errors of a share of 60, sqrt(0.95 * 0.05 / 60) = 0.028
MOST_BIAS = 0.65  # of a standard error: 5 / sqrt(60)

TRUTHS: dict[str, tuple[str, dict[str, float], int, tuple[float, float], dict[str, Any]]] = {
    "landmarks and median": (
        "exponential_cure", {"rate": 0.1, "cure": 0.2}, 200, (36.0, 72.0), {"landmarks": (12.0, 24.0, 36.0)},
    ),
    "all that is printed": (
        "exponential_cure", {"rate": 0.1, "cure": 0.2}, 200, (12.0, 48.0),
        {"landmarks": (12.0, 24.0, 36.0), "at_risk": tuple(6.0 * k for k in range(8))},
    ),
    "Weibull": (
        "weibull", {"scale": 12.0, "shape": 1.3}, 150, (12.0, 36.0),
        {"landmarks": (6.0, 12.0, 18.0), "at_risk": tuple(6.0 * k for k in range(6))},
    ),
    "log-normal": (
        "log_normal", {"mu": 2.3, "sigma": 1.0}, 200, (24.0, 60.0), {"landmarks": (6.0, 12.0, 24.0)},
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUTHS)
def test_limits_cover_the_truth(name: str) -> None:
    """Of 60 simulated papers, 95 % limits hold the truth in 85 % or more, and the mean error is small."""
    form_name, values, patients, follow_up, what = TRUTHS[name]
    form = form_called(form_name)
    truth = form.of(**values)
    off = []
    for paper in range(PAPERS):
        rng = np.random.default_rng([20, paper])
        time, event, _ = simulated_times(truth, patients, rng, follow_up)
        fit = fit_form(likelihood_of(printed(time, event, **what), NO_BACKGROUND), form)
        off.append((fit.point - truth.point()) / fit.standard_errors)

    inside = (np.abs(off) < Z).mean(axis=0)
    assert (inside >= SHORTEST_COVERAGE).all(), inside
    assert (np.abs(np.mean(off, axis=0)) < MOST_BIAS).all(), np.mean(off, axis=0)


def test_a_cured_share_is_recovered_and_chosen() -> None:
    """A paper on 400 patients followed four to eight years: the form is chosen and its limits hold the truth."""
    truth = form_called("exponential_cure").of(rate=0.1, cure=0.25)
    time, event, _ = simulated_times(truth, 400, np.random.default_rng(5), (48.0, 96.0))
    curve = printed(time, event, landmarks=(12.0, 24.0, 36.0, 60.0))
    choice = choose(curve, fit_all(curve, NO_BACKGROUND), NO_BACKGROUND, NO_BACKGROUND)

    assert choice.chosen.form.name == "exponential_cure"
    for value, (low, high) in zip(truth.values, choice.chosen.limits(), strict=True):
        assert low < value < high


# --- individual data ----------------------------------------------------------------------------------------------

ELSEWHERE: dict[str, tuple[str, dict[str, float], Callable[[Any], list[float]]]] = {
    "exponential": ("ExponentialFitter", {"rate": 0.1}, lambda it: [1.0 / it.lambda_]),
    "weibull": ("WeibullFitter", {"scale": 10.0, "shape": 1.4}, lambda it: [it.lambda_, it.rho_]),
    "log_normal": ("LogNormalFitter", {"mu": 2.0, "sigma": 1.0}, lambda it: [it.mu_, it.sigma_]),
    "log_logistic": ("LogLogisticFitter", {"scale": 8.0, "shape": 1.6}, lambda it: [it.alpha_, it.beta_]),
    "generalised_gamma": (
        "GeneralizedGammaFitter",
        {"mu": 2.0, "sigma": 0.9, "q": 0.6},
        lambda it: [it.mu_, math.exp(it.ln_sigma_), it.lambda_],
    ),
}


@pytest.mark.parametrize("truncated", [False, True])
@pytest.mark.parametrize("name", ELSEWHERE)
def test_individual_fits_agree_with_lifelines(name: str, truncated: bool) -> None:
    """The same parameters as lifelines to 1e-3 of their size, and the same log-likelihood to 1e-4, on 400 patients."""
    import lifelines

    fitter, values, parameters = ELSEWHERE[name]
    rng = np.random.default_rng(3)
    time, event, _ = simulated_times(form_called(name).of(**values), 400, rng, (6.0, 40.0))
    entry = rng.uniform(0.0, 3.0, size=400) if truncated else np.zeros(400)
    seen = time > entry
    ours = fit_individual(name, time[seen], event[seen], entry[seen] if truncated else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = getattr(lifelines, fitter)().fit(time[seen], event[seen], entry=entry[seen] if truncated else None)

    assert event.sum() > 200
    assert list(ours.distribution.values) == pytest.approx(parameters(theirs), rel=1e-3)
    assert ours.log_likelihood == pytest.approx(theirs.log_likelihood_, abs=1e-4)


@pytest.mark.parametrize("name", ["exponential_cure", "weibull_cure", "gompertz"])
def test_individual_fits_recover_the_truth(name: str) -> None:
    """From 3,000 patients followed five to ten years every parameter is within 3.5 standard errors of the truth."""
    values = {
        "exponential_cure": {"rate": 0.1, "cure": 0.2},
        "weibull_cure": {"scale": 9.0, "shape": 1.3, "cure": 0.3},
        "gompertz": {"shape": -0.05, "rate": 0.1},
    }[name]
    truth = form_called(name).of(**values)
    time, event, _ = simulated_times(truth, 3000, np.random.default_rng(11), (60.0, 120.0))
    fit = fit_individual(name, time, event)

    assert (np.abs(fit.point - truth.point()) < 3.5 * fit.standard_errors).all()
    assert (fit.standard_errors < 0.2).all()


def test_an_excess_hazard_is_found_beside_a_background() -> None:
    """Two constant hazards, 0.08 and 0.02: given the second, the excess is 0.08, within 3.5 standard errors."""
    rng = np.random.default_rng(2)
    time, event, _ = simulated_times(form_called("exponential").of(rate=0.1), 3000, rng, (12.0, 60.0))
    fit = fit_individual("exponential", time, event, background_hazard=np.full(3000, 0.02))

    assert abs(fit.point[0] - math.log(0.08)) < 3.5 * fit.standard_errors[0]


def test_wrong_individual_data_are_refused_with_all_faults() -> None:
    """Times before entry, events other than 0 and 1, too few events and unequal columns are refused, with their row."""
    with pytest.raises(InputError) as caught:
        fit_individual("weibull", [1.0, 2.0], [1, 2], entry=[1.5, -1.0])
    text = str(caught.value)
    assert "time must be above 0 and above entry, got 1 others, the first in row 0" in text
    assert "event must be 0 or 1, got 1 others, the first in row 1" in text
    assert "entry must be 0 or more, got 1 others" in text
    with pytest.raises(InputError, match="must have enough events"):
        fit_individual("weibull", [1.0, 2.0], [1, 0])
    with pytest.raises(InputError, match="must have columns of one length"):
        fit_individual("weibull", [1.0, 2.0], [1])
