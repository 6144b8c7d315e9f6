"""Deaths of other causes: the survival of people of a curve's ages, sexes and country who have no leukaemia."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from rallsim.curves.families import Floats
from rallsim.inputs.evidence import Evidence

AGES = 24  # ages that stand for a population, at evenly spaced quantiles
QUANTILES = (np.arange(AGES) + 0.5) / AGES
LONGEST = 480  # months of the table; a curve is drawn and judged up to 240


@dataclass(frozen=True)
class Background:
    """Cumulative hazard of background death by month since the clock of a curve started; linear between months.

    S_background(t) = mean over ages a and sexes of exp(-(H(a + t / 12) - H(a))), H of the life table: what is left of a
    closed cohort (Ederer I). With `NO_BACKGROUND` nobody dies of other causes.
    """

    by_month: Floats

    def cumulative_hazard(self, t: Floats) -> Floats:
        """Return -ln of the background survival at `t` months, at most the last of the table."""
        return np.interp(t, np.arange(len(self.by_month)), self.by_month)

    def hazard(self, t: Floats) -> Floats:
        """Background hazard per month at `t`: the mean of the month."""
        month = np.minimum(np.asarray(t).astype(int), len(self.by_month) - 2)
        return np.asarray(np.diff(self.by_month)[month])


NO_BACKGROUND = Background(np.zeros(LONGEST + 1))


def background_of(values: Mapping[str, float], country: str, evidence: Evidence) -> Background:
    """Return the background of a population given by `age_mean`, `age_sd`, `age_min`, `age_max` and `male`.

    Ages follow the beta distribution of the populations of the model; the life table is the latest of the country.
    """
    from rallsim.model.population import AGE_POINTS, ages_at_quantiles

    quantiles = ages_at_quantiles(*(float(values[f"age_{name}"]) for name in ("mean", "sd", "min", "max")))
    ages = np.interp(QUANTILES, np.linspace(0.0, 1.0, AGE_POINTS), quantiles)
    return _background({"female": (1.0 - values["male"], ages), "male": (values["male"], ages)}, country, evidence)


def background_of_people(
    ages: Floats, male: Floats, country: str, evidence: Evidence, months: int = LONGEST
) -> Background:
    """Return the background of people of these ages (years), `male` 1 for men and 0 for women, up to some months."""
    groups = {
        sex: (float(mine.mean()), np.quantile(ages[mine], QUANTILES))
        for sex, mine in (("female", male == 0), ("male", male == 1))
        if mine.any()
    }
    return _background(groups, country, evidence, months)


def _background(
    groups: Mapping[str, tuple[float, Floats]], country: str, evidence: Evidence, months: int = LONGEST
) -> Background:
    """Return the background of groups by sex: what share of all each is, and the ages that stand for it."""
    from rallsim.model.distributions import hazard_until

    alive = np.zeros(months + 1)
    for sex, (share, ages) in groups.items():
        table = evidence.cumulative_hazard(country, sex)
        for age in ages:
            hazard = np.array([hazard_until(table, age + month / 12.0) for month in range(months + 1)])
            alive += share / AGES * np.exp(-(hazard - hazard[0]))
    return Background(-np.log(alive))


@lru_cache(maxsize=1)
def shipped_backgrounds(folder: Path | None = None) -> Mapping[str, Background]:
    """Return the background of every population that ships, by id."""
    from rallsim.inputs.parameters import load_parameters

    parameters = load_parameters(folder)
    found = {}
    for name, country in parameters.countries.items():
        prefix = f"population.{name}."
        values = {
            path.removeprefix(prefix): one.value
            for path, one in parameters.parameters.items()
            if path.startswith(prefix)
        }
        found[name] = background_of(values, country, parameters.evidence)
    return found
