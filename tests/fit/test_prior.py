"""Draws of all that follows from evidence: numbers that share a row move together, fits run again."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest

from rallsim.fit.prior import prior_draws
from rallsim.inputs.parameters import ParameterSet, load_parameters

DRAWS = 60


@cache
def start() -> ParameterSet:
    return load_parameters(calibrated=False)


@cache
def draws() -> pd.DataFrame:
    return prior_draws(start(), DRAWS)


def test_what_rests_on_one_number_moves_together() -> None:
    """Blinatumomab's and inotuzumab's relapse by MRD rest on one printed hazard ratio: their draws are the same."""
    one, other = (f"therapies.{name}.relapse_hazard_ratio_mrd_positive" for name in ("blinatumomab", "inotuzumab"))
    assert draws()[one].equals(draws()[other])
    assert draws()[one].std() > 0.1


def test_a_proportion_of_counts_has_its_beta_spread() -> None:
    """Draws of early deaths after CAR-T (4 of 137) have the mean and standard deviation of their beta, within 4 SE."""
    found = draws()["therapies.car_t_cd19.early_death"].to_numpy()
    a, b = 4.5, 133.5
    mean, sd = a / (a + b), math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
    assert abs(found.mean() - mean) < 4.0 * sd / math.sqrt(DRAWS)
    assert found.std(ddof=1) == pytest.approx(sd, rel=0.4)


def test_fits_run_again_on_every_draw() -> None:
    """A fitted rate moves with the counts it is fitted to, around its base value."""
    path = "therapies.chemotherapy.cr_rate"
    found = draws()[path]
    assert found.nunique() == DRAWS
    assert abs(found.mean() - start().parameters[path].value) < 4.0 * found.std() / math.sqrt(DRAWS) + 0.01


def test_definitions_forms_and_populations_are_left_out() -> None:
    """No column stands still, none is a form's that it takes over, none is of a population."""
    assert (draws().std() > 0).all()
    assert not set(draws().columns) & set(start().origins)
    assert not [path for path in draws() if str(path).startswith("population.")]
    assert "disease.long_remission_months" not in draws()


def test_a_row_does_not_depend_on_how_many_there_are() -> None:
    """The first draws of a longer table are those of a shorter one, bit for bit."""
    few = prior_draws(start(), 4)
    shared = [path for path in few if path in draws()]
    assert len(shared) > 150
    assert np.array_equal(few[shared].to_numpy(), draws()[shared].iloc[:4].to_numpy())
