from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import helpers_model as m
from rallsim.errors import InputError
from rallsim.model.population import population_records, sample_patients
from rallsim.model.random_numbers import ENTRY_COLUMNS, AtEntry

GRID = (np.arange(2000) + 0.5) / 2000


def population(**changed: float) -> dict[str, float]:
    """Return the values of the shipped population with some changed."""
    changes = {f"population.{name}": value for name, value in changed.items()}
    return m.parameters().values("adult_relapse") | changes


def entrants(values: dict[str, float], **luck: Any) -> np.ndarray:
    """Return patients whose uniforms are a half, those named apart."""
    size = max(np.size(column) for column in luck.values())
    uniforms = np.full((size, ENTRY_COLUMNS), 0.5)
    for name, column in luck.items():
        uniforms[:, AtEntry[name.upper()]] = column
    return sample_patients(uniforms, population_records(values, 1))


def test_age_has_the_mean_and_spread_asked_for() -> None:
    """Over an even grid of uniforms age has the mean and standard deviation given, within its limits, and rises."""
    values = population(age_mean=45.0, age_sd=12.0, age_min=18.0, age_max=80.0)
    age = entrants(values, age=GRID)["entry_age"]
    assert age.mean() == pytest.approx(45.0, abs=0.01)
    assert age.std() == pytest.approx(12.0, abs=0.01)
    assert age.min() >= 18.0
    assert age.max() <= 80.0
    assert (np.diff(age) > 0).all()


def test_a_transplant_before_entry_needs_a_first_remission_long_enough() -> None:
    """35 % were transplanted in all, 10 % never were in remission; nobody whose remission lasted under 3 + 2 months.

    On an even grid of both uniforms the share is that of the population to the width of the grid.
    """
    values = population(prior_hsct=0.35, primary_refractory=0.1, cr1_long=0.3, months_since_prior_hsct=2.0)
    remissions, transplants, refractory = (
        grid.ravel() for grid in np.meshgrid(GRID[::10], GRID[::10], (np.arange(10) + 0.5) / 10)
    )
    who = entrants(values, cr1_months=remissions, prior_hsct=transplants, primary_refractory=refractory)
    assert who["prior_hsct"].mean() == pytest.approx(0.35, abs=0.005)
    assert who["cr1_months"][who["prior_hsct"] > 0].min() >= 3.0 + 2.0
    shortest = values["disease.shortest_remission_months"]
    assert who["cr1_months"][who["primary_refractory"] == 0].min() >= shortest
    assert (who["cr1_months"][who["primary_refractory"] == 1] == 0.0).all()


def test_first_remission_is_long_in_the_share_asked_for() -> None:
    """30 % of first remissions last 18 months or more, (30 %)² last 36 or more; the last remission is the first one."""
    who = entrants(population(cr1_long=0.3), cr1_months=GRID)
    assert np.mean(who["cr1_months"] >= 18.0) == pytest.approx(0.3)
    assert np.mean(who["cr1_months"] >= 36.0) == pytest.approx(0.09)
    assert (who["remission_months"] == who["cr1_months"]).all()


def test_blasts_lie_in_their_bands() -> None:
    """A tenth has 5 to 10 % blasts, a fifth 10 to 50 %, the rest 50 to 100 %, evenly in each band; or fewer.

    From 50 % on a shape of 2 leaves a quarter under 75 %, the square of one half.
    """
    bands = {"blasts_below_10": 0.1, "blasts_10_to_50": 0.2}
    fuller = entrants(population(**bands, blasts_above_50_shape=2.0), blasts=GRID)["blasts"]
    assert [np.mean(fuller < limit) for limit in (0.10, 0.50, 0.75)] == pytest.approx([0.1, 0.3, 0.3 + 0.7 / 4.0])
    blasts = entrants(population(**bands, blasts_above_50_shape=1.0), blasts=GRID)["blasts"]
    assert blasts.min() >= 0.05
    assert np.mean(blasts < 0.10) == pytest.approx(0.1)
    assert np.mean(blasts < 0.50) == pytest.approx(0.3)
    few = entrants(population(blasts_below_5=0.4, blasts_below_10=0.1, blasts_10_to_50=0.2), blasts=GRID)["blasts"]
    assert [np.mean(few < limit) for limit in (0.025, 0.05, 0.10, 0.50)] == pytest.approx([0.2, 0.4, 0.5, 0.7])
    assert np.mean(blasts < 0.75) == pytest.approx(0.65)
    assert blasts.max() < 1.0


@pytest.mark.parametrize(
    ("decision", "field", "parameter"),
    [
        ("sex", "male", "male"),
        ("cd19", "cd19_positive", "cd19_positive"),
        ("cd22", "cd22_positive", "cd22_positive"),
        ("liver_disease", "liver_disease", "liver_disease"),
    ],
)
def test_yes_or_no_attributes_have_the_share_asked_for(decision: str, field: str, parameter: str) -> None:
    """An attribute is 1 in the share of uniforms below its parameter and 0 in the rest; at 0 nobody, at 1 everybody."""
    for share in (0.0, 0.35, 1.0):
        found = entrants(population(**{parameter: share}), **{decision: GRID})[field]
        assert set(found) <= {0.0, 1.0}
        assert found.mean() == pytest.approx(share)


def test_fitness_for_transplant_depends_on_age() -> None:
    """Below 55 years one share is fit, from 55 on the other, and the same uniform decides."""
    values = population(hsct_fit_under_55=0.9, hsct_fit_55_plus=0.4)
    who = entrants(values, age=GRID, hsct_fit=0.6)
    assert set(who["hsct_fit"][who["entry_age"] < 55.0]) == {1.0}
    assert set(who["hsct_fit"][who["entry_age"] >= 55.0]) == {0.0}


def test_lines_before_entry() -> None:
    """20 % enter after two salvage lines, 30 % after one, half after none."""
    lines = entrants(population(one_line_before=0.3, two_lines_before=0.2), lines_before_entry=GRID)["lines_given"]
    assert [np.mean(lines == number) for number in (2, 1, 0)] == pytest.approx([0.2, 0.3, 0.5])


def test_background_hazard_is_exponential() -> None:
    """The hazard a patient may spend has mean 1 and is above 1 in exp(-1) of patients."""
    hazard = entrants(population(), background_death=GRID)["hazard_left"]
    assert hazard.mean() == pytest.approx(1.0, abs=2e-3)
    assert np.mean(hazard > 1.0) == pytest.approx(np.exp(-1.0), abs=1e-3)


def test_attributes_are_decided_apart() -> None:
    """Moving one uniform changes the attributes it decides and no others."""
    base = entrants(population(), age=0.3)[0]
    decides = {
        "age": {"age", "entry_age", "hsct_fit"},
        "sex": {"male"},
        "cr1_months": {"cr1_months", "remission_months", "hsct_before_entry"},
        "prior_hsct": {"prior_hsct", "months_since_hsct"},
        "blasts": {"blasts", "entry_blasts"},
        "background_death": {"hazard_left"},
        "lines_before_entry": {"lines_given"},
        "cd19": {"cd19_positive"},
        "cd22": {"cd22_positive"},
    }
    for decision in AtEntry.words():
        other = entrants(population(), **({"age": 0.3} | {decision: 0.97}))[0]
        changed = {name for name in base.dtype.names or () if base[name] != other[name]}
        assert changed <= decides.get(decision, {decision}), decision


@pytest.mark.parametrize(
    "changed",
    [
        {"age_sd": 40.0},
        {"age_mean": 10.0},
        {"age_min": 90.0},
        {"blasts_below_10": 0.6, "blasts_10_to_50": 0.6},
        {"one_line_before": 0.6, "two_lines_before": 0.6},
        {"age_sd": 0.0},
        {"cr1_long": 0.0},
        {"cr1_long": 1.0},
        {"prior_hsct": 0.9},
        {"prior_hsct": 0.4, "primary_refractory": 0.7},
    ],
    ids=str,
)
def test_a_population_that_cannot_be_is_refused(changed: dict[str, float]) -> None:
    """Ages outside their limits or wider than these allow, and shares of one whole above it, are wrong input."""
    values = {f"population.{name}": value for name, value in changed.items()}
    with pytest.raises(InputError):
        m.question({"one": {"salvage": [{"give": "chemotherapy"}]}}, values=values)
