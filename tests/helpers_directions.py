"""What each parameter is expected to move, and which way: the cases of `verification/test_directions.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import helpers_model as m
from rallsim.model.parameter_fields import UNITS
from rallsim.model.states import Antigen, Detail, Event
from rallsim.outcomes.history import History

THERAPIES = m.parameters().therapies


@dataclass(frozen=True)
class Run:
    """One strategy simulated: its patients at entry, its history, and the place of the therapy in question."""

    entrants: np.ndarray
    history: History
    therapy: int

    def rows(self, event: int, detail: int | None = None, *, of: bool = True) -> np.ndarray:
        """Return the rows of an event, of the therapy in question or of any."""
        rows = self.history.events
        rows = rows[rows["event"] == event]
        if detail is not None:
            rows = rows[rows["detail"] == detail]
        return rows[rows["therapy"] == self.therapy] if of else rows

    def first(self, event: int) -> np.ndarray:
        """Return for each patient when the event comes first."""
        return m.first_times(self.history, event)


Measure = Callable[[Run], float]


@dataclass(frozen=True)
class Case:
    """A parameter moved from `low` to `high`: the measure rises, or falls; None: nothing at all may move."""

    measure: Measure | None
    rises: bool = True
    low: float = 0.1
    high: float = 0.9
    values: Mapping[str, float] = field(default_factory=dict)  # of the therapy in question
    others: Mapping[str, float] = field(default_factory=dict)  # by path
    plan: str = "hsct"
    horizon: float = 240.0


def count(event: int, detail: int | None = None, *, of: bool = True) -> Measure:
    """How often an event comes, with a detail, of the therapy in question."""
    return lambda run: float(len(run.rows(event, detail, of=of)))


def gap(before: int, after: int, how: Callable[[np.ndarray], Any] = np.mean) -> Measure:
    """Months from a patient's first event of a kind to the first of another, over all who have both in this order."""

    def measure(run: Run) -> float:
        one, other = run.first(before), run.first(after)
        both = np.isfinite(one) & np.isfinite(other) & (other > one)
        assert both.sum() > 30
        return float(how(other[both] - one[both]))

    return measure


def to_the_next_line(run: Run) -> float:
    """Mean months from a course without response to the start of the next."""
    rows = run.history.events
    before, after = rows[:-1], rows[1:]
    follows = (before["event"] == Event.NO_RESPONSE) & (after["event"] == Event.TREATMENT_START)
    follows &= before["patient"] == after["patient"]
    assert follows.sum() > 30
    return float((after["time"] - before["time"])[follows].mean())


def entry(attribute: str, how: Callable[[np.ndarray], Any] = np.mean) -> Measure:
    """What an attribute is at entry, on average or otherwise."""
    return lambda run: float(how(run.entrants[attribute]))


def dead(cause: int) -> Measure:
    return count(Event.DEATH, cause, of=False)


def later(run: Run) -> float:
    """Courses of the therapy that comes after the one in question, and needs its antigen or any."""
    after = list(THERAPIES).index(next_of(list(THERAPIES)[run.therapy]))
    rows = run.history.events
    return float(((rows["event"] == Event.TREATMENT_START) & (rows["therapy"] == after)).sum())


def next_of(therapy: str) -> str:
    """A therapy of the same target, or of CD19."""
    first, second = {Antigen.CD22: ("inotuzumab", "car_t_cd22")}.get(
        THERAPIES[therapy].target, ("blinatumomab", "car_t_cd19")
    )
    return second if first in (therapy, THERAPIES[therapy].based_on) else first


ODDS, HAZARD, RATE = {"low": 0.2, "high": 5.0}, {"low": 0.3, "high": 3.0}, {"low": 0.02, "high": 1.0}
RELAPSES = count(Event.RELAPSE)
RESPONSES = count(Event.RESPONSE)
SOON = {"plan": "alone", "horizon": 8.0}
SEVERE, ICU = count(Event.CRS, Detail.GRADE_3_PLUS), count(Event.ICU_ADMISSION)
CAR_T_SHARE = {"hsct.after_car_t_causal_share": 1.0}

THERAPY_CASES: dict[str, Case] = {
    "cr_rate": Case(RESPONSES),
    **{
        f"cr_odds_ratio_{name}": Case(RESPONSES, **ODDS)
        for name in ("long_remission", "second_salvage", "later_salvage", "prior_hsct", "extramedullary", "ph_positive")
    },
    "cr_odds_ratio_low_burden": Case(RESPONSES, **ODDS, values={"low_burden_threshold": 0.5}),
    "low_burden_threshold": Case(RESPONSES, values={"cr_odds_ratio_low_burden": 4.0}),
    "mrd_negative_given_cr": Case(count(Event.RESPONSE, Detail.MRD_NEGATIVE)),
    "mrd_odds_ratio_low_burden": Case(
        count(Event.RESPONSE, Detail.MRD_NEGATIVE),
        **ODDS,
        values={"low_burden_threshold": 0.5, "cr_odds_ratio_low_burden": 1.0},
    ),
    "early_death": Case(dead(Detail.TREATMENT), low=0.0, high=0.4),
    "early_death_of_treatment": Case(dead(Detail.TREATMENT), values={"early_death": 0.3}),
    "early_death_odds_ratio_later_line": Case(dead(Detail.TREATMENT), **ODDS, values={"early_death": 0.2}),
    "cycle_months": Case(gap(Event.TREATMENT_START, Event.RESPONSE), low=0.5, high=2.0),
    "response_in_first_cycle": Case(gap(Event.TREATMENT_START, Event.RESPONSE), rises=False),
    "cycles_planned": Case(count(Event.CYCLE), low=1.0, high=5.0, plan="alone"),
    "cycles_before_hsct": Case(count(Event.CYCLE), low=1.0, high=5.0),
    "relapse_cure": Case(RELAPSES, rises=False, plan="alone"),
    "relapse_scale": Case(RELAPSES, rises=False, low=3.0, high=30.0, **SOON),
    "relapse_shape": Case(RELAPSES, rises=False, low=0.6, high=3.0, **SOON),
    **{
        f"relapse_hazard_ratio_{name}": Case(RELAPSES, **HAZARD, **SOON)
        for name in ("mrd_positive", "high_burden", "extramedullary")
    },
    "antigen_loss": Case(later, rises=False, plan="alone"),
    "antigen_loss_at_failure": Case(later, rises=False, plan="alone"),
    "lineage_switch": Case(later, rises=False, plan="alone"),
    "lineage_switch_odds_ratio_kmt2a": Case(later, rises=False, **ODDS, values={"lineage_switch": 0.3}, plan="alone"),
    "months_to_hsct": Case(gap(Event.RESPONSE, Event.HSCT), low=0.5, high=4.0),
    "hsct_realised": Case(count(Event.HSCT)),
    "crs": Case(count(Event.CRS)),
    "crs_grade3plus": Case(SEVERE, values={"crs": 1.0}),
    "crs_odds_ratio_low_burden": Case(
        SEVERE, **ODDS, values={"crs": 1.0, "crs_grade3plus": 0.5, "low_burden_threshold": 0.5}
    ),
    "crs_onset_days": Case(gap(Event.TREATMENT_START, Event.CRS), low=1.0, high=12.0, values={"crs": 1.0}),
    "icans": Case(count(Event.ICANS)),
    "icans_grade3plus": Case(count(Event.ICANS, Detail.GRADE_3_PLUS), values={"icans": 1.0}),
    "icans_odds_ratio_low_burden": Case(
        count(Event.ICANS, Detail.GRADE_3_PLUS), **ODDS, values={"icans": 1.0, "icans_grade3plus": 0.5}
    ),
    "icans_onset_days": Case(gap(Event.TREATMENT_START, Event.ICANS), low=1.0, high=12.0, values={"icans": 1.0}),
    "icu_given_severe_crs": Case(ICU, values={"crs": 1.0, "crs_grade3plus": 0.8, "icu_days": 3.0}),
    "icu_days": Case(
        gap(Event.ICU_ADMISSION, Event.ICU_DISCHARGE),
        low=1.0,
        high=8.0,
        values={"crs": 1.0, "crs_grade3plus": 0.8, "icu_given_severe_crs": 1.0, "crs_onset_days": 1.0},
    ),
    "infection_rate": Case(count(Event.INFECTION), **RATE),
    "cytopenia_rate": Case(count(Event.CYTOPENIA), **RATE),
    "gastrointestinal_rate": Case(count(Event.GASTROINTESTINAL), **RATE),
    "tumour_lysis_rate": Case(count(Event.TUMOUR_LYSIS), **RATE),
    "liver_rate": Case(count(Event.LIVER), **RATE),
    "liver_grade3plus": Case(count(Event.LIVER, Detail.GRADE_3_PLUS), values={"liver_rate": 0.5}),
    "sos_on_treatment": Case(count(Event.SOS), plan="alone"),
    "sos_after_hsct": Case(count(Event.SOS), others={"hsct.sos_onset_days": 10.0}),
    "bridging_death": Case(dead(Detail.TREATMENT), low=0.0, high=0.4, plan="bridging"),
    "b_cell_recovery": Case(count(Event.B_CELL_RECOVERY), plan="alone"),
    "months_to_b_cell_recovery": Case(count(Event.B_CELL_RECOVERY), rises=False, low=1.0, high=20.0, plan="alone"),
    "relapse_hazard_ratio_b_cell_recovery": Case(
        RELAPSES, **HAZARD, values={"b_cell_recovery": 0.9, "months_to_b_cell_recovery": 2.0}, plan="alone"
    ),
    "reinfusion_success": Case(
        RELAPSES,
        rises=False,
        values={"b_cell_recovery": 0.9, "relapse_hazard_ratio_b_cell_recovery": 6.0},
        plan="again",
        horizon=24.0,
    ),
    "months_to_leukapheresis": Case(gap(Event.TREATMENT_START, Event.LEUKAPHERESIS), low=0.2, high=2.0),
    "leukapheresis_success": Case(count(Event.LEUKAPHERESIS)),
    "vein_to_vein_months": Case(gap(Event.LEUKAPHERESIS, Event.INFUSION), low=0.5, high=3.0),
    "vein_to_vein_shape": Case(gap(Event.LEUKAPHERESIS, Event.INFUSION, np.std), rises=False, low=3.0, high=20.0),
    "manufacture_failure": Case(count(Event.MANUFACTURE_FAILURE)),
    "retry_given_manufacture_failure": Case(count(Event.INFUSION), values={"manufacture_failure": 0.5}),
    "waiting_death_rate": Case(count(Event.INFUSION), rises=False, **RATE),
    "waiting_infection_share": Case(dead(Detail.INFECTION), values={"waiting_death_rate": 0.5}),
    "waiting_progression_rate": Case(count(Event.DROP_OUT, Detail.PROGRESSION), **RATE),
    "waiting_hazard_ratio_unbridged": Case(
        count(Event.INFUSION), rises=False, **HAZARD, values={"waiting_death_rate": 0.3}
    ),
}
MRD_CASES: dict[str, Case] = {  # where a therapy for MRD differs
    "mrd_response": Case(count(Event.MRD_RESPONSE, Detail.MRD_NEGATIVE)),
    "cycle_months": Case(gap(Event.ENTRY, Event.MRD_RESPONSE), low=0.5, high=2.0),
    "months_to_hsct": Case(gap(Event.MRD_RESPONSE, Event.HSCT), low=0.5, high=4.0),
    "crs_onset_days": Case(gap(Event.ENTRY, Event.CRS), low=1.0, high=12.0, values={"crs": 1.0}),
    "icans_onset_days": Case(gap(Event.ENTRY, Event.ICANS), low=1.0, high=12.0, values={"icans": 1.0}),
}
TRANSPLANT_CASES: dict[str, Case] = {"months_to_hsct": Case(gap(Event.ENTRY, Event.TREATMENT_START), low=0.5, high=4.0)}
NO_EFFECT = Case(None)  # the field is part of the kind, and means nothing in this therapy


def case_of(therapy: str, name: str) -> Case:
    """Return what is expected of a therapy's parameter."""
    kind, target = THERAPIES[therapy].kind, THERAPIES[therapy].target
    if target == Antigen.NONE and name in ("antigen_loss", "antigen_loss_at_failure"):
        return NO_EFFECT
    return {"mrd": MRD_CASES, "transplant": TRANSPLANT_CASES}.get(kind, {}).get(name) or THERAPY_CASES[name]


RELAPSE_AFTER = count(Event.RELAPSE, of=False)
GVHD = {"hsct.acute_gvhd": 0.8, "hsct.chronic_gvhd": 0.8}
SOS_OF_ALL = count(Event.SOS, of=False)
TRANSPLANT_DEATHS = dead(Detail.TRANSPLANT)
ALWAYS_LIVER = {"therapies.inotuzumab.sos_after_hsct": 0.2}

GENERAL_CASES: dict[str, Case] = {
    "disease.treated_at_entry": Case(count(Event.TREATMENT_START)),
    "disease.next_line_given_failure": Case(count(Event.TREATMENT_START, of=False)),
    "disease.next_line_given_relapse": Case(count(Event.TREATMENT_START, of=False)),
    "disease.months_to_treatment_at_entry": Case(gap(Event.ENTRY, Event.TREATMENT_START), low=0.2, high=2.0),
    "disease.months_to_treatment": Case(to_the_next_line, low=0.2, high=2.0),
    "disease.waiting_death_rate": Case(count(Event.TREATMENT_START, of=False), rises=False, **RATE),
    "disease.waiting_infection_share": Case(
        count(Event.DEATH, Detail.INFECTION, of=False), others={"disease.waiting_death_rate": 0.5}
    ),
    "disease.waiting_progression_rate": Case(count(Event.PALLIATIVE_CARE, Detail.PROGRESSION, of=False), **RATE),
    "disease.wait_shape": Case(gap(Event.ENTRY, Event.TREATMENT_START, np.std), rises=False, low=3.0, high=20.0),
    "disease.blasts_after_bridging_response": Case(
        count(Event.RESPONSE, of=False), rises=False, low=0.01, high=0.6, plan="bridging"
    ),
    "disease.bridging_hazard_ratio": Case(
        RELAPSE_AFTER, low=1.0, high=6.0, others={"disease.bridging_causal_share": 1.0}, plan="bridging"
    ),
    "disease.bridging_causal_share": Case(RELAPSE_AFTER, low=0.0, high=1.0, plan="bridging"),
    "disease.palliative_median_survival": Case(gap(Event.PALLIATIVE_CARE, Event.DEATH), low=0.5, high=5.0),
    "disease.palliative_shape": Case(gap(Event.PALLIATIVE_CARE, Event.DEATH, np.std), rises=False, low=0.5, high=1.5),
    "disease.palliative_hazard_ratio_later_line": Case(gap(Event.PALLIATIVE_CARE, Event.DEATH), rises=False, **HAZARD),
    "disease.cr_odds_ratio_place": Case(count(Event.RESPONSE, of=False), **ODDS),
    "disease.mrd_odds_ratio_place": Case(count(Event.RESPONSE, Detail.MRD_NEGATIVE, of=False), **ODDS),
    "disease.long_remission_months": Case(entry("cr1_months"), low=12.0, high=24.0),
    "disease.shortest_remission_months": Case(gap(Event.RESPONSE, Event.RELAPSE, np.min), low=0.25, high=1.5),
    "disease.months_to_hsct_in_first_remission": Case(
        lambda run: float(run.entrants["cr1_months"][run.entrants["prior_hsct"] > 0].min()), low=2.0, high=5.0
    ),
    "disease.long_term_after_months": Case(
        count(Event.LONG_TERM_REMISSION, of=False), rises=False, low=24.0, high=60.0
    ),
    "disease.late_relapse_rate": Case(RELAPSE_AFTER, low=0.0, high=0.02),
    "disease.late_relapse_until_months": Case(
        RELAPSE_AFTER, low=65.0, high=200.0, others={"disease.late_relapse_rate": 0.01}
    ),
    "hsct.relapse_cure": Case(RELAPSE_AFTER, rises=False),
    "hsct.relapse_scale": Case(RELAPSE_AFTER, rises=False, low=3.0, high=40.0, horizon=12.0),
    "hsct.relapse_hazard_ratio_mrd_positive": Case(RELAPSE_AFTER, **HAZARD),
    "hsct.relapse_hazard_ratio_active_disease": Case(RELAPSE_AFTER, **HAZARD, plan="transplant"),
    "hsct.relapse_hazard_ratio_two_alkylators": Case(RELAPSE_AFTER, **HAZARD, plan="two"),
    "hsct.hazard_ratio_second": Case(TRANSPLANT_DEATHS, **HAZARD),
    "hsct.hazard_ratio_first_remission": Case(TRANSPLANT_DEATHS, **HAZARD, others={"population.in_mrd_remission": 1.0}),
    "hsct.transplant_death_hazard_ratio_55_plus": Case(TRANSPLANT_DEATHS, **HAZARD),
    "hsct.after_car_t_hazard_ratio": Case(RELAPSE_AFTER, low=0.2, high=2.0, others=CAR_T_SHARE, plan="car_t"),
    "hsct.after_car_t_causal_share": Case(TRANSPLANT_DEATHS, rises=False, low=0.0, high=1.0, plan="car_t"),
    "hsct.wait_ratio_no_sibling": Case(gap(Event.RESPONSE, Event.HSCT), low=0.5, high=3.0),
    "hsct.transplant_death_never": Case(TRANSPLANT_DEATHS, rises=False),
    "hsct.transplant_death_scale": Case(TRANSPLANT_DEATHS, rises=False, low=2.0, high=40.0, horizon=12.0),
    "hsct.bilirubin_high": Case(SOS_OF_ALL, others=ALWAYS_LIVER | {"hsct.sos_odds_ratio_bilirubin": 8.0}),
    "hsct.sos_odds_ratio_bilirubin": Case(SOS_OF_ALL, **ODDS, others=ALWAYS_LIVER | {"hsct.bilirubin_high": 0.5}),
    "hsct.sos_odds_ratio_two_alkylators": Case(SOS_OF_ALL, **ODDS, others=ALWAYS_LIVER, plan="two"),
    "hsct.sos_odds_ratio_liver_disease": Case(SOS_OF_ALL, **ODDS, others=ALWAYS_LIVER),
    "hsct.sos_onset_days": Case(gap(Event.HSCT, Event.SOS), low=5.0, high=30.0, others=ALWAYS_LIVER),
    "hsct.sos_fatality": Case(dead(Detail.SOS), others=ALWAYS_LIVER),
    "hsct.sos_months_to_death": Case(
        gap(Event.SOS, Event.DEATH), low=0.2, high=3.0, others=ALWAYS_LIVER | {"hsct.sos_fatality": 1.0}
    ),
    "hsct.acute_gvhd": Case(count(Event.ACUTE_GVHD, of=False), others={"hsct.acute_gvhd_grade3plus": 0.05}),
    "hsct.acute_gvhd_grade3plus": Case(count(Event.ACUTE_GVHD, Detail.GRADE_3_PLUS, of=False), high=0.7, others=GVHD),
    "hsct.acute_gvhd_onset_days": Case(gap(Event.HSCT, Event.ACUTE_GVHD), low=10.0, high=60.0, others=GVHD),
    "hsct.chronic_gvhd": Case(count(Event.CHRONIC_GVHD, of=False)),
    "hsct.chronic_gvhd_onset_months": Case(gap(Event.HSCT, Event.CHRONIC_GVHD), low=2.0, high=9.0, others=GVHD),
    "mortality.ratio_active": Case(dead(Detail.BACKGROUND), low=0.0, high=20.0),
    "mortality.ratio_long_term": Case(dead(Detail.BACKGROUND), low=0.5, high=20.0, plan="alone"),
    "mortality.ratio_after_hsct": Case(dead(Detail.BACKGROUND), low=0.5, high=20.0),
}


def _under(limit: float) -> Callable[[np.ndarray], Any]:
    return lambda blasts: np.mean(blasts < limit)


POPULATION_CASES: dict[str, Case] = {
    "age_mean": Case(entry("entry_age"), low=35.0, high=55.0),
    "age_sd": Case(entry("entry_age", np.std), low=8.0, high=18.0),
    "age_min": Case(entry("entry_age", np.min), low=18.0, high=25.0),
    "age_max": Case(entry("entry_age", np.max), low=70.0, high=85.0),
    "cr1_long": Case(entry("cr1_months"), low=0.35, high=0.8),
    "prior_hsct": Case(entry("prior_hsct"), low=0.1, high=0.5),
    "months_since_prior_hsct": Case(
        lambda run: float(run.entrants["cr1_months"][run.entrants["prior_hsct"] > 0].min()), low=0.0, high=3.0
    ),
    "primary_refractory": Case(entry("primary_refractory"), low=0.05, high=0.3),
    "blasts_below_5": Case(entry("blasts", _under(0.05)), low=0.05, high=0.4),
    "blasts_below_10": Case(entry("blasts", _under(0.10)), low=0.05, high=0.4),
    "blasts_10_to_50": Case(entry("blasts", _under(0.50)), low=0.05, high=0.4),
    "blasts_above_50_shape": Case(entry("blasts"), low=0.5, high=3.0),
    "hsct_fit_under_55": Case(entry("hsct_fit")),
    "hsct_fit_55_plus": Case(entry("hsct_fit")),
    "sibling_donor": Case(entry("sibling_donor")),
    "other_donor": Case(entry("donor")),
    "in_mrd_remission": Case(entry("mrd_positive")),
    "one_line_before": Case(entry("lines_given"), low=0.05, high=0.6),
    "two_lines_before": Case(entry("lines_given"), low=0.05, high=0.6),
}
SHARES_OF_ATTRIBUTES = (
    *("male", "cd19_positive", "cd22_positive", "liver_disease", "neuro_history", "ph_positive", "kmt2a"),
    "extramedullary",
)
POPULATION_CASES |= {name: Case(entry(name)) for name in SHARES_OF_ATTRIBUTES}

# Everybody and everything there is, in shares that let each parameter show.
MIXED = {
    **{f"population.{name}": 0.5 for name in ("ph_positive", "kmt2a", "extramedullary", "male")},
    **{f"population.{name}": 0.3 for name in ("prior_hsct", "liver_disease", "one_line_before", "two_lines_before")},
    **{f"population.{name}": 0.25 for name in ("blasts_below_5", "blasts_below_10", "blasts_10_to_50")},
    **{f"population.{name}": 0.9 for name in ("cd19_positive", "cd22_positive", "hsct_fit_under_55")},
    "population.cr1_long": 0.5,
    "population.other_donor": 0.5,
    "population.hsct_fit_55_plus": 0.8,
    "disease.next_line_given_failure": 0.9,
}
TYPICAL = {"share": 0.3, "probability": 0.3, "odds_ratio": 1.0, "hazard_ratio": 1.0, "rate_per_month": 0.05} | {
    "shape": 1.0,
    "months": 1.0,
    "days": 3.0,
    "cycles": 2.0,
    "ratio": 1.0,
}
assert set(TYPICAL) <= set(UNITS)
OF_FIELD = {"relapse_scale": 8.0, "early_death": 0.05, "antigen_loss": 0.1, "lineage_switch": 0.05, "icu_days": 3.0} | {
    "leukapheresis_success": 0.9,
    "vein_to_vein_shape": 4.0,
    "manufacture_failure": 0.05,
    "bridging_death": 0.05,
    "low_burden_threshold": 0.5,
    "icans_onset_days": 2.0,
    "crs_onset_days": 2.0,
    "cr_rate": 0.5,
    "crs_grade3plus": 0.1,
    "icans_grade3plus": 0.1,
    "waiting_death_rate": 0.02,
    "waiting_progression_rate": 0.02,
}


def plan(name: str, therapy: str) -> dict[str, Any]:
    """Return the strategy of a case: the therapy, alone or with a transplant, again, or as bridging."""
    kind, after = THERAPIES[therapy].kind, next_of(therapy)
    salvage = [{"give": one} for one in dict.fromkeys((therapy, after, "chemotherapy")) if THERAPIES[one].kind != "mrd"]
    found: dict[str, Any] = {"salvage": salvage, "max_transplants": 2, "max_lines": 6}
    if kind == "mrd":
        found["mrd"] = [{"give": therapy}]
    if name == "bridging":
        found |= {"salvage": [{"give": "car_t_cd19"}], "bridging": [{"before": "car_t_cd19", "give": therapy}]}
    if name in ("hsct", "two", "car_t"):
        found["consolidation"] = [{"hsct": True, "alkylators": 2 if name == "two" else 1}]
    if name == "again":
        found["reinfusion"] = True
    return found
