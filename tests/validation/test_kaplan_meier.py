"""The small survival functions of validation, beside lifelines and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rallsim.model.random_numbers import parameter_uniforms
from rallsim.validation.kaplan_meier import hazard_ratio, incidence_at, median_time, survival_at

PATIENTS = 400


def cohort(seed: int, tied: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Months, whether they ended in the event, and a group, of a censored cohort; times are tied to whole months."""
    luck = parameter_uniforms(seed, PATIENTS, ["time", "censoring", "group"])
    group = luck["group"] < 0.4
    event = -np.log(luck["time"]) * np.where(group, 20.0, 10.0)
    censored = 30.0 * luck["censoring"]
    months = np.minimum(event, censored)
    return (np.ceil(months) if tied else months), event <= censored, group


@pytest.mark.parametrize("tied", [False, True])
def test_survival_and_median_are_lifelines(tied: bool) -> None:
    """The product-limit estimate and its median are those of lifelines, ties and censoring included."""
    from lifelines import KaplanMeierFitter

    for seed in range(1, 6):
        months, ended, _ = cohort(seed, tied)
        fitter = KaplanMeierFitter().fit(months, ended)
        for at in (0.5, 3.0, 12.0, 25.0):
            assert survival_at(months, ended, at) == pytest.approx(float(fitter.predict(at)), abs=1e-12)
        assert median_time(months, ended) == pytest.approx(fitter.median_survival_time_, abs=1e-12)


def test_incidences_are_lifelines() -> None:
    """Cumulative incidences of competing causes are Aalen and Johansen's, and with survival sum to one."""
    from lifelines import AalenJohansenFitter

    months, ended, group = cohort(7)
    cause = np.where(ended, np.where(group, 1, 2), 0)
    fitter = AalenJohansenFitter(calculate_variance=False).fit(months, cause, event_of_interest=1)
    for at in (2.0, 10.0, 20.0):
        expected = float(fitter.cumulative_density_.loc[:at].iloc[-1, 0])
        assert incidence_at(months, cause, at) == pytest.approx(expected, abs=1e-12)
        other = incidence_at(months, np.where(cause == 2, 1, np.where(cause == 1, 2, 0)), at)
        assert incidence_at(months, cause, at) + other + survival_at(months, ended, at) == pytest.approx(1.0)


def test_hazard_ratio_is_lifelines() -> None:
    """The hazard ratio of two groups is that of Cox's model in lifelines, which breaks ties another way."""
    import pandas as pd
    from lifelines import CoxPHFitter

    for seed in (1, 2, 3):
        months, ended, group = cohort(seed)
        table = pd.DataFrame({"months": months, "ended": ended.astype(float), "group": group.astype(float)})
        expected = float(np.exp(CoxPHFitter().fit(table, "months", "ended").params_["group"]))
        assert hazard_ratio(months, ended, group) == pytest.approx(expected, rel=1e-4)  # its own precision


def test_hazard_ratio_of_halved_hazards_is_a_half() -> None:
    """Hazards halved give a ratio of a half: mean of log over 40 cohorts, SE about 0.02, threshold 4 SE."""
    found = [math.log(hazard_ratio(*cohort(seed))) for seed in range(1, 41)]
    error = np.std(found, ddof=1) / math.sqrt(len(found))
    assert abs(np.mean(found) - math.log(0.5)) < 4.0 * error
    assert error < 0.05


def test_nobody_and_nothing() -> None:
    """Without patients there is no survival; without events the median is never reached and no ratio exists."""
    nobody = np.zeros(0)
    assert math.isnan(survival_at(nobody, nobody.astype(bool), 1.0))
    assert math.isnan(median_time(nobody, nobody.astype(bool)))
    assert math.isnan(incidence_at(nobody, nobody.astype(int), 1.0))
    months, ended = np.array([1.0, 2.0]), np.array([False, False])
    assert survival_at(months, ended, 5.0) == 1.0
    assert median_time(months, ended) == math.inf
    assert math.isnan(hazard_ratio(months, ended, np.array([True, False])))
