"""Who enters: attributes of patients at relapse from their entry uniforms and a population's parameters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import betaincinv

from rallsim.luck import (
    U_AGE,
    U_BACKGROUND_DEATH,
    U_BLASTS,
    U_CD19,
    U_CD22,
    U_CR1_MONTHS,
    U_HSCT_FIT,
    U_LINES_BEFORE_ENTRY,
    U_LIVER_DISEASE,
    U_PRIOR_HSCT,
    U_SEX,
)
from rallsim.patient import new_patients
from rallsim.stages import ENTRY, RELAPSED

BLASTS_BANDS = (0.05, 0.10, 0.50, 1.0)  # the bands in which marrow blasts at entry are published


def sample_patients(luck: np.ndarray, values: Mapping[str, float]) -> np.ndarray:
    """Return one record a row of `luck`, at entry: at relapse, with no therapy of the model given yet.

    Age is a beta distribution scaled to [age_min, age_max] with the given mean and standard deviation. The first
    remission is exponential with the given share of long ones. Blasts are uniform within the published bands
    5-10, 10-50 and 50-100 %. All attributes are independent of each other.

    `values` holds parameters by path, those of the population as `population.<name>`.
    """
    patients = new_patients(len(luck))
    low, high = values["population.age_min"], values["population.age_max"]
    mean = (values["population.age_mean"] - low) / (high - low)
    strength = mean * (1.0 - mean) / (values["population.age_sd"] / (high - low)) ** 2 - 1.0
    patients["entry_age"] = low + (high - low) * betaincinv(mean * strength, (1.0 - mean) * strength, luck[:, U_AGE])
    patients["age"] = patients["entry_age"]
    patients["male"] = luck[:, U_SEX] < values["population.male"]

    rate = -np.log(values["population.cr1_long"]) / values["disease.long_remission_months"]
    patients["cr1_months"] = -np.log1p(-luck[:, U_CR1_MONTHS]) / rate
    patients["remission_months"] = patients["cr1_months"]
    below_50 = values["population.blasts_below_10"] + values["population.blasts_10_to_50"]
    shares = (0.0, values["population.blasts_below_10"], below_50, 1.0)
    patients["blasts"] = np.interp(luck[:, U_BLASTS], shares, BLASTS_BANDS)

    patients["prior_hsct"] = luck[:, U_PRIOR_HSCT] < values["population.prior_hsct"]
    patients["cd19_positive"] = luck[:, U_CD19] < values["population.cd19_positive"]
    patients["cd22_positive"] = luck[:, U_CD22] < values["population.cd22_positive"]
    patients["liver_disease"] = luck[:, U_LIVER_DISEASE] < values["population.liver_disease"]
    fit = np.where(
        patients["entry_age"] < 55.0, values["population.hsct_fit_under_55"], values["population.hsct_fit_55_plus"]
    )
    patients["hsct_fit"] = luck[:, U_HSCT_FIT] < fit
    two_before = values["population.two_lines_before"]
    before = luck[:, U_LINES_BEFORE_ENTRY]
    patients["lines_given"] = np.where(
        before < two_before, 2, before < two_before + values["population.one_line_before"]
    )

    patients["next_stage"] = RELAPSED
    patients["next_event"] = ENTRY
    patients["therapy"] = -1
    patients["hsct_since"] = -1.0
    patients["hazard_left"] = -np.log1p(-luck[:, U_BACKGROUND_DEATH])
    return patients
