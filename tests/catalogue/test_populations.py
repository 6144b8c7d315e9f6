"""Patients drawn from the named populations look like the published tables that the populations come from."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

import helpers_model as m
from rallsim.model.population import population_records, sample_patients
from rallsim.model.random_numbers import uniforms_of_block

Share = Callable[[np.ndarray], np.ndarray]


def events(*rows: str) -> float:
    return float(sum(m.parameters().evidence.row(row).events or 0 for row in rows))


def total(*rows: str) -> float:
    return float(sum(m.parameters().evidence.row(row).total or 0 for row in rows))


def value(row: str) -> float:
    found = m.parameters().evidence.row(row).value
    assert found is not None
    return found


def of_both(name: str) -> float:
    """Share of both arms of TOWER with what a row of its first table counts."""
    rows = (f"tower_base_blin_{name}", f"tower_base_soc_{name}")
    return events(*rows) / total(*rows)


INOVATE = [f"inovate_{arm}_cr_{burden}" for burden in ("low", "mod", "high") for arm in ("ino", "soc")]
PUBLISHED: dict[tuple[str, str], tuple[Share, Callable[[], float]]] = {
    ("tower", "transplanted before"): (lambda who: who["prior_hsct"] > 0, lambda: of_both("prior_sct")),
    ("tower", "second salvage"): (lambda who: who["lines_given"] == 1, lambda: of_both("s2")),
    ("tower", "under 10 % blasts"): (lambda who: who["blasts"] < 0.10, lambda: of_both("bm_lt10")),
    ("tower", "50 % blasts or more"): (lambda who: who["blasts"] >= 0.50, lambda: of_both("bm_ge50")),
    ("tower", "under the median of blasts"): (
        lambda who: who["blasts"] < (value("tower_blasts_blina") * 271 + value("tower_blasts_soc") * 134) / 405,
        lambda: 0.5,
    ),
    ("inovate", "over 90 % blasts"): (lambda who: who["blasts"] > 0.90, lambda: total(*INOVATE[4:]) / total(*INOVATE)),
    ("inovate", "55 years or more"): (lambda who: who["age"] >= 55.0, lambda: value("gap_inovate_ino_ge55")),
    ("inovate", "second salvage"): (lambda who: who["lines_given"] == 1, lambda: value("inovate218_ino_s2")),
    ("inovate", "Ph-positive"): (lambda who: who["ph_positive"] > 0, lambda: value("gap_inovate_ph_share")),
    ("inovate", "under 50 % blasts"): (lambda who: who["blasts"] < 0.50, lambda: total(*INOVATE[:2]) / total(*INOVATE)),
    ("mskcc", "under 5 % blasts"): (lambda who: who["blasts"] < 0.05, lambda: value("deck_park2018_low_burden_share")),
    ("mskcc", "transplanted before"): (lambda who: who["prior_hsct"] > 0, lambda: value("deck_park2018_hsct_pre")),
    ("fhcrc", "transplanted before"): (lambda who: who["prior_hsct"] > 0, lambda: value("deck_hay2019_hsct_pre")),
    ("eliana", "transplanted before"): (lambda who: who["prior_hsct"] > 0, lambda: value("deck_eliana_hsct_pre")),
    ("adult_relapse", "CD19-positive"): (lambda who: who["cd19_positive"] > 0, lambda: value("deck_cd19_expr")),
    ("adult_relapse", "CD22-positive"): (lambda who: who["cd22_positive"] > 0, lambda: value("deck_cd22_expr")),
    ("blast", "in remission with MRD"): (lambda who: who["mrd_positive"] > 0, lambda: 1.0),
}


@cache
def people(population: str) -> np.ndarray:
    records = population_records(m.parameters().values(population), 1)
    return np.concatenate([sample_patients(uniforms_of_block(3, 0, block), records) for block in range(20)])


@pytest.mark.parametrize(("population", "what"), PUBLISHED)
def test_shares_are_those_published(population: str, what: str) -> None:
    """Of 20,000 patients the share agrees with the published one within four standard errors and its rounding."""
    share, published = PUBLISHED[population, what]
    found, expected = float(np.mean(share(people(population)))), published()
    std_error = float(np.sqrt(expected * (1.0 - expected) / len(people(population))))
    assert abs(found - expected) <= 4.0 * std_error + 5e-4, f"{what}: {found:.4f}, published {expected:.4f}"


def test_every_population_has_a_share_to_agree_with() -> None:
    """No named population is left out above."""
    assert {population for population, _ in PUBLISHED} == set(m.parameters().countries)


def test_ages_are_those_of_the_trials() -> None:
    """TOWER has the mean and spread of its table; ELIANA enters children and young adults, the others adults."""
    tower = people("tower")["age"]
    for found, expected in ((tower.mean(), 40.9), (tower.std(), 17.17)):
        assert abs(found - expected) < 4.0 * 17.17 / np.sqrt(len(tower))
    children = people("eliana")["age"]
    assert 3.0 <= children.min() < children.max() <= 24.0
    assert all(people(name)["age"].min() >= 18.0 for name in m.parameters().countries if name != "eliana")
    assert people("tower")["cr1_months"][people("tower")["prior_hsct"] > 0].min() >= 3.0 + 2.76
