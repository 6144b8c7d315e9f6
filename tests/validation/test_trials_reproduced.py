"""The model in the trials' shoes: what is claimed in docs/validation.md holds for the parameters that are shipped."""

from __future__ import annotations

from functools import cache

import pandas as pd
import pytest

from rallsim.common.files import shipped
from rallsim.inputs.parameters import load_parameters
from rallsim.validation.run import Validation, validate_model

REFERENCE = shipped("params").parent / "results" / "reference" / "validation"
MEDIANS = {  # published medians of overall survival, and how far the base case may be from them
    "tower_blin_median_os": 0.15,
    "tower_soc_median_os": 0.15,
    "inovate_final_ino_os": 0.15,
    "inovate_final_soc_os": 0.15,
}


@cache
def found() -> Validation:
    return validate_model(load_parameters(), 100)


@pytest.mark.slow
def test_the_slides_outcomes_lie_inside() -> None:
    """At least 90 % of what the slides print lies among 95 % of simulated trials of its size."""
    scores = found().scores.set_index("group")
    assert scores.loc["printed on the slides", "outcomes"] > 150
    assert scores.loc["printed on the slides", "share_inside"] >= 0.90


@pytest.mark.slow
def test_landmarks_calibrated_to_are_close() -> None:
    """The median absolute error of survival landmarks that were calibrated to is at most 0.04."""
    assert found().scores.set_index("group").loc["calibrated to", "landmarks_error"] <= 0.04


@pytest.mark.slow
@pytest.mark.parametrize("name", MEDIANS)
def test_medians_of_the_arms_are_close(name: str) -> None:
    """Median overall survival of the arms of TOWER and INO-VATE lies within the stated share of the published one."""
    row = found().rows.set_index("id").loc[name]
    assert abs(row["simulated"] / row["observed"] - 1.0) <= MEDIANS[name]


@pytest.mark.slow
def test_nothing_is_left_out_quietly() -> None:
    """Every scored target has an answer for most draws, but those that nobody of a small group may reach."""
    rows = found().rows
    scored = rows[rows["use"].isin(("fit", "direct", "kept"))]
    assert scored["inside"].notna().all()
    assert scored["simulated"].notna().mean() > 0.99


@pytest.mark.slow
def test_the_committed_table_is_that_of_the_shipped_parameters() -> None:
    """Base-case values of the committed validation are those of now, to six digits."""
    committed = pd.read_csv(REFERENCE / "validation.csv").set_index("id")["simulated"]
    now = found().rows.set_index("id")["simulated"]
    assert set(committed.index) == set(now.index)
    pd.testing.assert_series_equal(committed, now[committed.index], rtol=1e-4, check_names=False)
