"""Real patients instead of sampled ones: the rows of a file, their gaps drawn given what is known.

What is missing is drawn by the sampler of `population` with the patient's own uniforms. What is known goes in first:
a known cause (age, whether there was a first remission, a sibling) becomes the population of that one patient; a
known consequence (fitness, a transplant before entry, a donor) changes the chances of its unknown cause by Bayes'
rule, for which a uniform is mapped onto the part of the distribution that remains. Both are exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rallsim.common.compiled import compiled_entry
from rallsim.common.records import readable
from rallsim.inputs.cohort_file import COLUMNS, REMISSION_BLASTS, Cohort
from rallsim.model.patient import NO_TRANSPLANT, new_patients
from rallsim.model.population import AGE_POINTS, HSCT_AGE, enter
from rallsim.model.random_numbers import BLOCK, ENTRY_COLUMNS, AtEntry
from rallsim.model.states import Stage

SHARES = {  # attributes that are drawn by a share of the population, which is 0 or 1 for whom they are known
    **{name: name for name in ("male", "primary_refractory", "cd19_positive", "cd22_positive", "liver_disease")},
    **{name: name for name in ("neuro_history", "ph_positive", "kmt2a", "extramedullary", "sibling_donor")},
    "mrd_positive": "in_mrd_remission",
}
Known = dict[str, np.ndarray]  # by attribute: a number a patient, NaN where it is not known


class ValueSource(NamedTuple):
    """Where an attribute of a file's patients comes from: how many rows give it, imply it, leave it to be drawn."""

    attribute: str
    given: int
    implied: int
    drawn: int


def sources(cohort: Cohort) -> list[ValueSource]:
    """Return for each attribute how many patients of the file have it from where."""
    unknown = {name: int(np.isnan(values).sum()) for name, values in _known(cohort, np.arange(cohort.rows)).items()}
    found = []
    for name in COLUMNS:
        given = int((~np.isnan(cohort.columns[name])).sum()) if name in cohort.columns else 0
        drawn = unknown[name]
        found.append(ValueSource(name, given, cohort.rows - given - drawn, drawn))
    return found


def is_drawn(cohort: Cohort) -> np.ndarray:
    """Tell for each row of the file (down) and attribute of COLUMNS (across) whether it is drawn."""
    known = _known(cohort, np.arange(cohort.rows))
    return np.column_stack([np.isnan(known[name]) for name in COLUMNS])


def entrants(
    cohort: Cohort,
    uniforms: np.ndarray,
    population: np.ndarray,
    therapies: Sequence[tuple[str, str | None]],
    block: int,
) -> np.ndarray:
    """Return the patients of a block at entry, one a row of `uniforms`.

    `population` is the record (of one draw) from which gaps are drawn, `therapies` are ids with the therapy that each
    is a form of, in the order of the records.
    """
    size = len(uniforms)
    numbers = block * BLOCK + np.arange(size)
    known = _known(cohort, cohort.row_of(numbers))
    at_entry, populations = uniforms[:, :ENTRY_COLUMNS].copy(), np.repeat(population[:1], size)
    _causes(known, populations)
    _consequences(known, populations, at_entry)
    patients = new_patients(size)
    fill_rows(*readable(patients), at_entry, *readable(populations))
    patients["number"] = numbers
    _overlay(patients, known, populations)
    ids = [name for name, _ in therapies]
    for name, form_of in therapies:
        if name in cohort.given:
            for counted in filter(None, (name, form_of)):
                patients[f"given_{ids.index(counted)}"] += cohort.given[name][cohort.row_of(numbers)]
    return patients


@compiled_entry
def fill_rows(patients: Any, uniforms: Any, populations: Any) -> None:
    """Let patients enter, each from a population of its own."""
    for place in range(len(patients)):
        enter(patients[place], uniforms[place], populations[place])


def _known(cohort: Cohort, rows: np.ndarray) -> Known:
    """Return what the file says of each row, and what follows from it for certain."""
    known = {
        name: cohort.columns[name][rows] if name in cohort.columns else np.full(len(rows), np.nan) for name in COLUMNS
    }

    def follows(name: str, where: np.ndarray, value: Any) -> None:
        known[name] = np.where(np.isnan(known[name]) & where, value, known[name])

    follows("mrd_positive", known["blasts"] >= REMISSION_BLASTS, 0.0)
    first_relapse = (known["line"] == 1.0) & (known["mrd_positive"] != 1.0)
    follows("cr1_months", first_relapse, known["remission_months"])
    follows("cr1_months", known["primary_refractory"] == 1.0, 0.0)
    follows("prior_hsct", known["months_since_hsct"] < NO_TRANSPLANT, 1.0)
    follows("prior_hsct", known["months_since_hsct"] == NO_TRANSPLANT, 0.0)
    follows("primary_refractory", (known["cr1_months"] > 0.0) | (known["prior_hsct"] > 0.0), 0.0)
    follows("primary_refractory", known["cr1_months"] == 0.0, 1.0)
    follows("prior_hsct", known["primary_refractory"] == 1.0, 0.0)
    follows("months_since_hsct", known["prior_hsct"] == 0.0, NO_TRANSPLANT)
    follows("remission_months", np.full(len(rows), True), known["cr1_months"])
    follows("sibling_donor", known["donor"] == 0.0, 0.0)
    follows("donor", known["sibling_donor"] == 1.0, 1.0)
    return known


def _causes(known: Known, populations: np.ndarray) -> None:
    """Give each patient a population in which what is known is certain."""
    for name, field in SHARES.items():
        populations[field] = np.where(np.isnan(known[name]), populations[field], known[name])
    populations["ages"] = np.where(np.isnan(known["age"])[:, None], populations["ages"], known["age"][:, None])
    # Whether there was a transplant in the first remission depends on its length, where that is known.
    cr1, enough = known["cr1_months"], populations["prior_hsct_from_months"]
    populations["prior_hsct_given_time"] *= np.isnan(cr1) | (cr1 >= enough)
    populations["prior_hsct_from_months"] = np.where(np.isnan(cr1), enough, 0.0)


def _consequences(known: Known, populations: np.ndarray, uniforms: np.ndarray) -> None:
    """Change the chances of unknown causes by what is known of their consequences.

    A consequence that the population says cannot be tells nothing about its cause.
    """
    share = populations["sibling_donor"]
    any_donor = share + (1.0 - share) * populations["other_donor"]
    has_donor = np.isnan(known["sibling_donor"]) & (known["donor"] == 1.0) & (any_donor > 0.0)
    populations["sibling_donor"] = np.where(has_donor, share / np.where(has_donor, any_donor, 1.0), share)

    # How many have a first remission long enough for a transplant (F are too short), and how many of them had one (q).
    rate, months = populations["cr1_rate"], populations["prior_hsct_from_months"]
    too_short = np.where(months <= populations["shortest_remission_months"], 0.0, 1.0 - np.exp(-rate * months))
    transplanted = populations["prior_hsct_given_time"]
    none = too_short + (1.0 - too_short) * (1.0 - transplanted)  # had no transplant, of those with a first remission
    refractory, had_none = populations["primary_refractory"], known["prior_hsct"] == 0.0
    without = refractory + (1.0 - refractory) * none
    told = np.isnan(known["primary_refractory"]) & had_none & (without > 0.0)
    populations["primary_refractory"] = np.where(told, refractory / np.where(told, without, 1.0), refractory)

    unknown = np.isnan(known["cr1_months"])
    ratio = np.where(had_none, 1.0 - transplanted, 1.0)
    below = np.where(known["prior_hsct"] > 0.0, 0.0, 1.0)
    _reweigh(uniforms, AtEntry.CR1_MONTHS, too_short, below, ratio, unknown & ~np.isnan(known["prior_hsct"]))

    told = np.isnan(known["age"]) & ~np.isnan(known["hsct_fit"])
    young = np.zeros(len(told))
    if told.any():  # all unknown ages have the population's table
        young[:] = np.interp(HSCT_AGE, populations["ages"][told][0], np.linspace(0.0, 1.0, AGE_POINTS))
    fit = known["hsct_fit"] == 1.0
    under, over = populations["hsct_fit_under_55"], populations["hsct_fit_55_plus"]
    below, above = np.where(fit, under, 1.0 - under), np.where(fit, over, 1.0 - over)
    _reweigh(uniforms, AtEntry.AGE, young, below, above, told)


def _reweigh(
    uniforms: np.ndarray, column: int, cut: np.ndarray, below: np.ndarray, above: np.ndarray, where: np.ndarray
) -> None:
    """Map a uniform so that what lies below the quantile `cut` weighs `below`, what lies above it `above`.

    The part below keeps the share w = c b / (c b + (1 - c) a): u < w goes to c u / w, another
    u to c + (1 - c) (u - w) / (1 - w).
    """
    weight_below, weight = cut * below, cut * below + (1.0 - cut) * above
    where = where & (weight > 0.0)
    share = weight_below / np.where(where, weight, 1.0)
    u = uniforms[:, column]
    lower = cut * u / np.where(share > 0.0, share, 1.0)
    upper = cut + (1.0 - cut) * (u - share) / np.where(share < 1.0, 1.0 - share, 1.0)
    uniforms[:, column] = np.where(where, np.where(u < share, lower, upper), u)


def _overlay(patients: np.ndarray, known: Mapping[str, np.ndarray], populations: np.ndarray) -> None:
    """Put what is known into the records, and what follows from it."""
    for name, values in known.items():
        if name not in ("line", "blasts", "remission_months", "months_since_hsct"):
            patients[name] = np.where(np.isnan(values), patients[name], values)
    since = known["months_since_hsct"]
    drawn = np.maximum(0.0, patients["cr1_months"] - populations["months_to_hsct"])
    patients["hsct_before_entry"] = np.where(since < NO_TRANSPLANT, since, drawn)
    transplanted = patients["prior_hsct"] > 0.0
    patients["months_since_hsct"] = np.where(transplanted, patients["hsct_before_entry"], NO_TRANSPLANT)
    last = known["remission_months"]
    patients["remission_months"] = np.where(np.isnan(last), patients["cr1_months"], last)
    patients["entry_age"] = patients["age"]
    # In remission with MRD, the burden that comes back with relapse is not the present one.
    in_remission = patients["next_stage"] == Stage.REMISSION
    at_relapse = ~np.isnan(known["blasts"]) & ~in_remission
    patients["entry_blasts"] = np.where(at_relapse, known["blasts"], patients["entry_blasts"])
    patients["blasts"] = np.where(in_remission, np.nan_to_num(known["blasts"]), patients["entry_blasts"])
    line = known["line"]
    patients["lines_given"] = np.where(np.isnan(line), patients["lines_given"], np.nan_to_num(line) - 1.0)
