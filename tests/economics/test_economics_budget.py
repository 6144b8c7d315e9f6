"""Budget impact against sums done by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rallsim.economics.tables.budget import budget_impact
from rallsim.errors import InputError


def profile(*first_months: float, months: int = 36) -> pd.DataFrame:
    """What a patient comes to in each month since entry; nothing after those given."""
    values = np.zeros(months)
    values[: len(first_months)] = first_months
    return pd.DataFrame({"month": np.arange(1, months + 1), "costs_drug": values, "infusions": values / 100.0})


PROFILES = {"old": profile(10.0), "new": profile(100.0, 100.0)}


def test_patients_enter_month_by_month() -> None:
    """120 a year are 10 a month; what falls into a patient's second month falls into the next year for December's."""
    found = budget_impact(PROFILES, [120, 240], {"new": {"new": [1.0, 1.0]}})
    costs = found[found["measure"] == "costs_drug"].set_index("year")["total"]

    # year 1: 12 entries of 10, and 11 second months; year 2: 12 of 20, the second months of December and of 11 others
    assert costs.tolist() == pytest.approx([12 * 1000 + 11 * 1000, 12 * 2000 + 1000 + 11 * 2000])


def test_worlds_differ_by_uptake() -> None:
    """The difference is from the first world; half the uptake is half the difference."""
    found = budget_impact(
        PROFILES,
        [120, 120],
        {
            "without": {"old": [1.0, 1.0]},
            "half": {"old": [0.5, 0.5], "new": [0.5, 0.5]},
            "with": {"new": [1.0, 1.0]},
        },
    )

    second = found[(found["year"] == 2) & (found["measure"] == "costs_drug")].set_index("world")["difference"]
    half, full = second["half"], second["with"]
    assert full == pytest.approx(24 * 1000 - 12 * 100)
    assert half == pytest.approx(full / 2)
    assert (found[found["world"] == "without"]["difference"] == 0.0).all()


@pytest.mark.parametrize(
    ("patients", "uptake", "message"),
    [
        ([1] * 6, {"a": {"old": [1.0] * 6}}, "1 to 5"),
        ([-1], {"a": {"old": [1.0]}}, "must have patients from 0 on"),
        ([1], {"a": {"older": [1.0]}}, "must be a known strategy"),
        ([1], {"a": {"old": [0.5]}}, "that sum to 1"),
        ([1, 1], {"a": {"old": [1.0]}}, "a share from 0 to 1 for each year"),
        ([1, 1, 1, 1], {"a": {"old": [1.0] * 4}}, "must have a profile of 4 years"),
    ],
)
def test_faults(patients: list[float], uptake: dict[str, dict[str, list[float]]], message: str) -> None:
    """Impossible questions are refused."""
    with pytest.raises(InputError, match=message):
        budget_impact(PROFILES, patients, uptake)
