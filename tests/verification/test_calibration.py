"""Calibration finds what made the data: known parameters, their survival, and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rallsim.fit.calibrate import STEP, Data, Prior, calibrate, data_of, prior_of
from rallsim.fit.posterior import Start, starting_point
from rallsim.validation.compare import cohort_values
from rallsim.validation.targets import Target
from rallsim.validation.trials import load_trials

TRUTH = {
    "disease.palliative_median_survival": 3.0,
    "disease.next_line_given_failure": 0.5,
    "therapies.chemotherapy.hsct_realised": 0.6,
    "therapies.blinatumomab.early_death": 0.07,
}
TRIALS = ("tower", "graall")
PATIENTS = 3000


@pytest.fixture(scope="module")
def start() -> Start:
    return starting_point()


@pytest.fixture(scope="module")
def made_up(start: Start) -> list[Target]:
    """Targets of two trials whose published numbers are what the truth gives in another cohort of 20,000 patients."""
    parameters = start.parameters
    chosen = [one for one in data_of(start.targets).targets if one.trial in TRIALS]
    values = {path: np.array([value]) for path, value in TRUTH.items()}
    taken_over = {path: values[origin] for path, origin in parameters.origins.items() if origin in values}
    trials = load_trials(parameters, {**values, **taken_over}, only=TRIALS)
    published = cohort_values(chosen, trials, 20_000)
    return [replace(one, observed=float(value), total=400.0) for one, value in zip(chosen, published, strict=True)]


@pytest.mark.slow
def test_known_parameters_are_recovered(start: Start, made_up: list[Target]) -> None:
    """Parameters that made the data lie within 95 % of their posterior: at least 3 of 4, and all within 3.5 sd.

    The data carry the simulation's own noise only, so the posterior mode should be near the truth; its width is that of
    400 patients an arm. The posterior of each is narrower than its prior.
    """
    spec = {path: start.spec[path] for path in TRUTH}
    draws = pd.DataFrame({path: np.full(60, start.parameters.parameters[path].value) for path in TRUTH})
    draws["disease.wait_shape"] = 4.0
    found = calibrate(start.parameters, spec, made_up, draws, patients=PATIENTS)
    deviation = np.sqrt(np.diag(found.covariance))
    truth = found.prior.positions(pd.DataFrame({path: [value] for path, value in TRUTH.items()}))[0]
    distance = np.abs(found.mode - truth) / deviation
    assert (deviation < 0.95).all()
    assert (distance < 3.5).all(), dict(zip(found.prior.paths, distance, strict=True))
    assert (distance < 1.96).sum() >= 3
    inside = np.quantile(found.draws, [0.025, 0.975], axis=0)
    assert ((inside[0] <= truth) & (truth <= inside[1])).sum() >= 3


@pytest.mark.slow
def test_draws_do_not_depend_on_workers(start: Start, made_up: list[Target]) -> None:
    """One thread and three find the same mode and the same draws, to the last bit."""
    spec = {path: start.spec[path] for path in ("disease.palliative_median_survival",)}
    draws = pd.DataFrame({"disease.wait_shape": [4.0, 3.0, 5.0]})
    one, three = (
        calibrate(start.parameters, spec, made_up, draws, patients=200, workers=workers) for workers in (1, 3)
    )
    assert np.array_equal(one.mode, three.mode)
    assert np.array_equal(one.draws, three.draws)


def test_the_prior_is_the_stated_range_or_the_draws(start: Start) -> None:
    """A stated range is the 95 % range of the prior; without one it is that of the parameter's own draws."""
    spec = {
        "disease.palliative_median_survival": {"lo": 0.5, "hi": 8.0, "reason": "test"},
        "therapies.chemotherapy.relapse_cure": {"reason": "test"},
    }
    path = "therapies.chemotherapy.relapse_cure"
    base = start.parameters.parameters[path].value
    draws = pd.DataFrame({path: np.linspace(base - 0.05, base + 0.05, 101)})
    prior: Prior = prior_of(spec, start.parameters, draws)
    limits = prior.values(np.array([[-1.959964], [0.0], [1.959964]]) * np.ones(2))
    assert limits["disease.palliative_median_survival"] == pytest.approx([0.5, 2.0, 8.0], rel=1e-6)
    assert limits[path][1] == pytest.approx(base)
    width = np.diff(np.quantile(draws[path], [0.025, 0.975]))[0]
    assert limits[path][2] - limits[path][0] == pytest.approx(width, rel=0.05)


def test_a_median_is_half_alive_and_a_curve_weighs_as_two_points(start: Start) -> None:
    """Medians become shares of one half; an arm's points of one endpoint weigh as two of all its patients."""
    data: Data = data_of(start.targets)
    medians = [one for one in start.targets if one.use == "fit" and one.quantity.startswith("median_")]
    halves = [one for one in data.targets if one.observed == 0.5]
    assert len(halves) >= len(medians) > 5
    tower = [k for k, one in enumerate(data.targets) if (one.trial, one.arm) == ("tower", "chemotherapy")]
    curve = [k for k in tower if data.targets[k].quantity in ("at_risk", "os_at")]
    sizes = np.array([data.targets[k].total for k in curve])
    assert set(sizes) == {63.0, 71.0, 134.0}, "first salvage, later salvage, and the median of all"
    share = data.observed[curve]
    assert data.variance[curve] == pytest.approx(share * (1 - share) / sizes * (sizes.sum() / 134.0) / 2.0)
    assert STEP > 0
