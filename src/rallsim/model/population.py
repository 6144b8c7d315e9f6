"""Who enters: a patient at relapse, from the entry uniforms and a population's parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any

import numpy as np

from rallsim.common.columns import columns_of
from rallsim.common.compiled import compiled, compiled_entry
from rallsim.common.records import readable
from rallsim.errors import Problem
from rallsim.model.distributions import exponential_quantile
from rallsim.model.parameter_fields import POPULATION_FIELDS, Population
from rallsim.model.patient import NO_TRANSPLANT, Patient, new_patients
from rallsim.model.random_numbers import AtEntry
from rallsim.model.rules import NOTHING
from rallsim.model.states import Event, Stage
from rallsim.model.world import Floats

HSCT_AGE = 55.0  # years from which on another share is fit for transplant: the parameters' names say so
AGE_POINTS = 1025  # of the table of age quantiles; linear between them


class PopulationRecord(Population):
    """One draw of a population's parameters, and what follows from them."""

    cr1_rate: float  # per month, at which first remissions end
    shortest_remission_months: float
    months_to_hsct: float  # from a first remission to a transplant in it
    prior_hsct_from_months: float  # the shortest first remission with a transplant in it
    prior_hsct_given_time: float  # share transplanted of those whose first remission lasted that long
    ages: Annotated[Floats, "f8", (AGE_POINTS,)]


POPULATION = np.dtype([(name, "f8") for name in POPULATION_FIELDS] + columns_of(PopulationRecord))

PATHS = (  # of all parameters that the entry of a patient depends on
    *(f"population.{name}" for name in POPULATION_FIELDS),
    "disease.long_remission_months",
    "disease.shortest_remission_months",
    "disease.months_to_hsct_in_first_remission",
)
Values = Mapping[str, float | np.ndarray]  # by path: a number, or an array with one number a draw


def population_records(values: Values, draws: int) -> np.ndarray:
    """Return a population's parameters (`population.<name>` in `values`) as a record a draw, with its table of ages."""
    records = np.zeros(draws, POPULATION)
    for name in POPULATION_FIELDS:
        records[name] = values[f"population.{name}"]
    records["cr1_rate"] = -np.log(records["cr1_long"]) / values["disease.long_remission_months"]
    records["shortest_remission_months"] = values["disease.shortest_remission_months"]
    to_hsct = values["disease.months_to_hsct_in_first_remission"]
    records["months_to_hsct"] = to_hsct
    records["prior_hsct_from_months"] = to_hsct + records["months_since_prior_hsct"]
    records["prior_hsct_given_time"] = records["prior_hsct"] / long_enough_for_hsct(records)
    for record in records:
        record["ages"] = ages_at_quantiles(*(float(record[f"age_{name}"]) for name in ("mean", "sd", "min", "max")))
    return records


def long_enough_for_hsct(population: Any) -> Any:
    """Share of patients whose first remission, if there was one, left time for a transplant in it.

    (1 - primary refractory) exp(-rate m), or 1 - primary refractory when all remissions last m months or more.
    """
    months = population["prior_hsct_from_months"]
    lasting = np.exp(-population["cr1_rate"] * months)
    return (1.0 - population["primary_refractory"]) * np.where(
        months <= population["shortest_remission_months"], 1.0, lasting
    )


def impossible_population(values: Values) -> Iterator[Problem]:
    """Yield what is wrong with parameters of a population that are possible one by one, without a place.

    `values` are those of a single draw by path.
    """
    population = {name: float(values[f"population.{name}"]) for name in POPULATION_FIELDS}
    low, high, mean = (population[f"age_{name}"] for name in ("min", "max", "mean"))
    widest = math.sqrt(max(0.0, (mean - low) * (high - mean)))
    if not low < mean < high:
        yield Problem(
            "must have age_mean between age_min and age_max", found=f"{mean:g}", allowed=f"{low:g} to {high:g}"
        )
    elif not 0.0 < population["age_sd"] < widest:
        yield Problem(
            "must have an age_sd that fits the ages", found=f"{population['age_sd']:g}", allowed=f"0 to {widest:g}"
        )
    for parts in (("blasts_below_5", "blasts_below_10", "blasts_10_to_50"), ("one_line_before", "two_lines_before")):
        total = sum(population[name] for name in parts)
        if total > 1.0:
            yield Problem(f"must have {' and '.join(parts)} within one whole", found=f"{total:g}", allowed="at most 1")
    if not 0.0 < population["cr1_long"] < 1.0:
        yield Problem(
            "must have a cr1_long that leaves both kinds of patients",
            found=f"{population['cr1_long']:g}",
            allowed="0 to 1",
        )
        return
    rate = -math.log(population["cr1_long"]) / values["disease.long_remission_months"]
    months = values["disease.months_to_hsct_in_first_remission"] + population["months_since_prior_hsct"]
    enough = long_enough_for_hsct(
        {
            **population,
            "cr1_rate": rate,
            "prior_hsct_from_months": months,
            "shortest_remission_months": values["disease.shortest_remission_months"],
        }
    )
    if population["prior_hsct"] > enough:
        yield Problem(
            f"must have no more prior_hsct than first remissions of {months:g} months, which a transplant in it needs",
            found=f"{population['prior_hsct']:g}",
            allowed=f"at most {float(enough):.3g}",
        )


@lru_cache(maxsize=512)
def ages_at_quantiles(mean: float, sd: float, low: float, high: float) -> np.ndarray:
    """Ages at AGE_POINTS evenly spaced quantiles.

    Age is a beta distribution scaled to [low, high] with the given mean and standard deviation: strength
    s = m (1 - m) / v - 1 with m and v the scaled mean and variance, and shapes m s and (1 - m) s.
    """
    from scipy.special import betaincinv

    centre = (mean - low) / (high - low)
    strength = centre * (1.0 - centre) / (sd / (high - low)) ** 2 - 1.0
    quantiles = betaincinv(centre * strength, (1.0 - centre) * strength, np.linspace(0.0, 1.0, AGE_POINTS))
    return np.asarray(low + (high - low) * quantiles)


@compiled
def between(u: float, low: float, high: float, from_share: float, to_share: float) -> float:
    """Value at `u` of a quantity spread evenly from `low` to `high` over the shares `from_share` to `to_share`.

    >>> between(0.15, low=0.05, high=0.10, from_share=0.1, to_share=0.2)
    0.075
    """
    return low + (high - low) * (u - from_share) / (to_share - from_share)


@compiled
def blasts_at(u: float, below_5: float, below_10: float, below_50: float, shape: float) -> float:
    """Marrow blasts in the bands that reports print, 0-5, 5-10, 10-50 and 50-100 %: even, in the last a power.

    >>> round(blasts_at(0.75, 0.0, 0.1, 0.5, shape=2.0), 4)
    0.8536
    """
    if u < below_5:
        return between(u, 0.0, 0.05, 0.0, below_5)
    if u < below_10:
        return between(u, 0.05, 0.10, below_5, below_10)
    if u < below_50:
        return between(u, 0.10, 0.50, below_10, below_50)
    return float(0.5 + 0.5 * between(u, 0.0, 1.0, below_50, 1.0) ** (1.0 / shape))


@compiled
def enter(p: Patient, uniforms: Floats, population: PopulationRecord) -> None:
    """Fill the empty record of a patient from the entry uniforms: at relapse, or in remission with MRD.

    Fitness for transplant depends on age, the first remission on whether there was one (then exponential with the given
    share of long ones), a transplant before entry on whether it lasted long enough; all else is independent.
    """
    position = uniforms[AtEntry.AGE] * (AGE_POINTS - 1)
    below = int(position)
    p.entry_age = population.ages[below] + (position - below) * (population.ages[below + 1] - population.ages[below])
    p.age = p.entry_age
    p.male = uniforms[AtEntry.SEX] < population.male
    p.primary_refractory = uniforms[AtEntry.PRIMARY_REFRACTORY] < population.primary_refractory
    if p.primary_refractory == 0.0:
        lasted = exponential_quantile(uniforms[AtEntry.CR1_MONTHS], population.cr1_rate)
        p.cr1_months = max(population.shortest_remission_months, lasted)
        if p.cr1_months >= population.prior_hsct_from_months:
            p.prior_hsct = uniforms[AtEntry.PRIOR_HSCT] < population.prior_hsct_given_time
    p.remission_months = p.cr1_months
    p.hsct_before_entry = max(0.0, p.cr1_months - population.months_to_hsct)
    p.months_since_hsct = p.hsct_before_entry if p.prior_hsct > 0.0 else NO_TRANSPLANT
    below_5 = population.blasts_below_5
    below_10 = below_5 + population.blasts_below_10
    below_50 = below_10 + population.blasts_10_to_50
    p.blasts = blasts_at(uniforms[AtEntry.BLASTS], below_5, below_10, below_50, population.blasts_above_50_shape)
    p.entry_blasts = p.blasts
    p.cd19_positive = uniforms[AtEntry.CD19] < population.cd19_positive
    p.cd22_positive = uniforms[AtEntry.CD22] < population.cd22_positive
    p.liver_disease = uniforms[AtEntry.LIVER_DISEASE] < population.liver_disease
    p.neuro_history = uniforms[AtEntry.NEURO_HISTORY] < population.neuro_history
    p.ph_positive = uniforms[AtEntry.PH_POSITIVE] < population.ph_positive
    p.kmt2a = uniforms[AtEntry.KMT2A] < population.kmt2a
    p.extramedullary = uniforms[AtEntry.EXTRAMEDULLARY] < population.extramedullary
    p.sibling_donor = uniforms[AtEntry.SIBLING_DONOR] < population.sibling_donor
    p.donor = p.sibling_donor > 0.0 or uniforms[AtEntry.OTHER_DONOR] < population.other_donor
    fit = population.hsct_fit_under_55 if p.entry_age < HSCT_AGE else population.hsct_fit_55_plus
    p.hsct_fit = uniforms[AtEntry.HSCT_FIT] < fit
    before = uniforms[AtEntry.LINES_BEFORE_ENTRY]
    p.lines_given = 0
    if before < population.two_lines_before:
        p.lines_given = 2
    elif before < population.two_lines_before + population.one_line_before:
        p.lines_given = 1
    p.hazard_left = exponential_quantile(uniforms[AtEntry.BACKGROUND_DEATH], 1.0)
    p.next_stage = Stage.RELAPSED
    if uniforms[AtEntry.IN_MRD_REMISSION] < population.in_mrd_remission:
        p.next_stage = Stage.REMISSION
        p.mrd_positive = 1.0
        p.blasts = 0.0
    p.next_event = Event.ENTRY
    p.therapy = NOTHING
    p.bridging = NOTHING
    p.hsct_since = -1.0


@compiled_entry
def fill_block(
    patients: Sequence[Patient], uniforms: Floats, first_number: int, populations: Sequence[PopulationRecord]
) -> None:
    """Let the patients of a block enter; the first of them has this number in the cohort."""
    for place in range(len(patients)):
        patients[place].number = first_number + place
        enter(patients[place], uniforms[place], populations[0])


def sample_patients(uniforms: np.ndarray, populations: np.ndarray, first_number: int = 0) -> np.ndarray:
    """Return one record a row of `uniforms`, at entry, from the first record of `populations`."""
    patients = new_patients(len(uniforms))
    fill_block(*readable(patients), uniforms, first_number, *readable(populations))
    return patients
