"""Event-free survival where a first product fails and a second one is made: 100,000 patients against counted values."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers_frozen import frozen_parameters
from rallsim.inputs.scenario import load_scenario
from rallsim.model.states import Event, Stage
from rallsim.outcomes.history import History
from rallsim.outcomes.summary import patient_table, summary
from rallsim.simulation.simulate import simulate

SCENARIO = Path(__file__).parents[1] / "fixtures" / "second_product.yaml"
RETRY = "therapies.car_t_cd19.retry_given_manufacture_failure"
RIGHT = {  # counted from events when relapses of the first month were all found at its end; now from week 2 to 6
    "unbridged": {"efs_at_6_months": 0.342, "efs_at_12_months": 0.166, "efs_at_24_months": 0.092, "efs_median": 3.94},
    "bridged": {"efs_at_6_months": 0.401, "efs_at_12_months": 0.225, "efs_at_24_months": 0.140, "efs_median": 4.40},
}
AT_THE_FIRST_PRODUCT = {"unbridged": 0.333, "bridged": 0.390}  # at 6 months, where its failure counts as an event
NEAR = {"efs_median": 0.1}  # months; of shares four standard errors of independent patients


@cache
def histories(*settings: str) -> dict[str, History]:
    return simulate(load_scenario(SCENARIO, settings=list(settings)), frozen_parameters()).histories


@cache
def estimates(*settings: str) -> dict[str, pd.DataFrame]:
    tables = {name: patient_table(history) for name, history in histories(*settings).items()}
    return {name: summary({name: table}, 240.0).set_index("outcome") for name, table in tables.items()}


@pytest.mark.parametrize("strategy", RIGHT)
def test_efs_is_that_of_the_line_and_not_of_its_first_product(strategy: str) -> None:
    """EFS is within four standard errors (of 100,000 patients, 4 * 0.0015) of what was counted from events.

    Counting first products as events is refuted by more than four standard errors of the share.
    """
    found = estimates()[strategy]["estimate"]
    for outcome, right in RIGHT[strategy].items():
        assert abs(found[outcome] - right) <= NEAR.get(outcome, 4.0 * 0.0015), outcome
    at_6 = found["efs_at_6_months"]
    std_error = np.sqrt(at_6 * (1.0 - at_6) / 100_000)
    assert at_6 > AT_THE_FIRST_PRODUCT[strategy] + 4.0 * std_error
    if strategy == "bridged":
        assert abs(at_6 - 0.398) < 4.0 * np.sqrt(2.0) * 0.0015


@pytest.mark.parametrize("strategy", RIGHT)
def test_efs_is_what_plain_python_counts_from_the_events(strategy: str) -> None:
    """Of 20,000 patients the first event of each, found with tables of pandas, ends EFS in the patient table."""
    history = histories()[strategy]
    rows = pd.DataFrame(history.events[history.events["patient"] < 20_000])
    line = rows.loc[rows["event"] == Event.TREATMENT_START].groupby("patient")["line"].first()
    failures = [Event.NO_RESPONSE, Event.LEUKAPHERESIS_FAILURE, Event.MANUFACTURE_FAILURE, Event.DROP_OUT]
    fails = rows["event"].isin(failures) & (rows["stage"] == Stage.REFRACTORY)
    fails &= rows["line"] == rows["patient"].map(line)
    ends = rows["event"].isin([Event.RELAPSE, Event.DEATH, Event.PALLIATIVE_CARE])  # who responded relapses before it
    first = rows[fails | ends].groupby("patient")["time"].min().reindex(range(20_000))
    table = patient_table(history).iloc[:20_000]
    assert (rows["event"] == Event.MANUFACTURE_FAILURE).sum() > 200
    np.testing.assert_array_equal(table["efs_months"], first.fillna(240.0))
    np.testing.assert_array_equal(table["efs_event"], first.notna())


@pytest.mark.parametrize("strategy", RIGHT)
def test_a_second_attempt_does_not_lower_efs(strategy: str) -> None:
    """Where every first product that fails is followed by a second, EFS is not lower than where none is.

    The same patients with the same random numbers: in four standard errors of the paired difference of each landmark.
    """
    never, always = (patient_table(histories(f"{RETRY}={value}")[strategy]) for value in (0, 1))
    for landmark in (3, 6, 12, 24, 60):
        with_it, without = (
            ~(table["efs_event"] & (table["efs_months"] <= landmark)).to_numpy() for table in (always, never)
        )
        gain = with_it.astype(float) - without
        assert gain.mean() >= -4.0 * gain.std() / np.sqrt(len(gain)), landmark
    assert always["efs_months"].mean() > never["efs_months"].mean()
