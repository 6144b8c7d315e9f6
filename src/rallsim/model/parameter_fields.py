"""The parameters the pathway reads: their names, units and meaning, and the records that hold one draw of them.

These classes are the only list: files must give each parameter, and records and documentation are made from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rallsim.common.columns import columns_of

UNITS: dict[str, tuple[float, float]] = {
    "probability": (0.0, 1.0),
    "share": (0.0, 1.0),
    "odds_ratio": (1e-6, 1e6),
    "hazard_ratio": (1e-6, 1e6),
    "mortality_ratio": (0.0, 1e4),
    "ratio": (1e-3, 1e3),
    "rate_per_month": (0.0, 100.0),
    "months": (0.0, 1200.0),
    "days": (0.0, 3650.0),
    "years": (0.0, 120.0),
    "shape": (0.05, 100.0),
    "cycles": (0.0, 24.0),
}


@dataclass(frozen=True)
class Field:
    """A parameter: its unit (one of UNITS, which bounds it), what it means, and the value that has no effect.

    A file may leave out a parameter with a `neutral` value, which is then listed as assumed to have no effect.
    """

    unit: str
    meaning: str
    neutral: float | None = None

    if TYPE_CHECKING:  # in a record, which the classes below describe, it is a number

        def __get__(self, record: object, owner: type) -> float: ...


def fields_of(record: type) -> dict[str, Field]:
    """Return the parameters that a class lists, by name."""
    return {name: field for name, field in vars(record).items() if isinstance(field, Field)}


class CourseParameters:
    """What every course against the leukaemia has."""

    cr_rate = Field(
        "probability",
        "complete remission (CR, CRh or CRi) in the reference patient: first salvage, last remission under 18 months, "
        "marrow blasts above the low-burden threshold, no transplant before",
    )
    cr_odds_ratio_long_remission = Field("odds_ratio", "of CR when the last remission lasted 18 months or more")
    cr_odds_ratio_second_salvage = Field("odds_ratio", "of CR in the second salvage line")
    cr_odds_ratio_later_salvage = Field("odds_ratio", "of CR in the third or a later salvage line")
    cr_odds_ratio_low_burden = Field("odds_ratio", "of CR when marrow blasts are below the low-burden threshold")
    cr_odds_ratio_prior_hsct = Field("odds_ratio", "of CR after an allogeneic transplant")
    cr_odds_ratio_extramedullary = Field("odds_ratio", "of CR with extramedullary disease", 1.0)
    cr_odds_ratio_ph_positive = Field("odds_ratio", "of CR in Ph-positive disease", 1.0)
    low_burden_threshold = Field("share", "of marrow blasts below which the burden counts as low for this therapy")
    mrd_negative_given_cr = Field("probability", "no measurable residual disease, in remission from a high burden")
    mrd_odds_ratio_low_burden = Field("odds_ratio", "of MRD negativity when the burden was low")
    early_death = Field("probability", "death before the response can be assessed, background mortality apart")
    early_death_of_treatment = Field("share", "of early deaths that are of the treatment; the others of leukaemia", 1.0)
    early_death_odds_ratio_later_line = Field("odds_ratio", "of early death in the second salvage line and later", 1.0)
    cycle_months = Field("months", "length of a cycle, or from infusion to the assessment of the response")
    response_in_first_cycle = Field("probability", "the response is decided in the first cycle, else in the second")
    cycles_planned = Field("cycles", "given in all to a patient in remission, when no transplant is planned", 1.0)
    cycles_before_hsct = Field("cycles", "given in all to a patient in remission who waits for a transplant", 1.0)
    relapse_cure = Field("share", "who never relapse without transplant, in MRD-negative remission")
    relapse_scale = Field("months", "by which 63 % of the others have relapsed")
    relapse_shape = Field("shape", "of the Weibull part of the time to relapse")
    relapse_hazard_ratio_mrd_positive = Field("hazard_ratio", "of relapse in MRD-positive remission")
    relapse_hazard_ratio_high_burden = Field("hazard_ratio", "of relapse when the burden was not low")
    relapse_hazard_ratio_extramedullary = Field("hazard_ratio", "of relapse with extramedullary disease", 1.0)
    antigen_loss = Field("probability", "the target antigen is lost at a relapse after this therapy", 0.0)
    antigen_loss_at_failure = Field("probability", "the target antigen is lost when this therapy fails", 0.0)
    lineage_switch = Field("probability", "a relapse has lost all B-cell antigens, no KMT2A rearrangement", 0.0)
    lineage_switch_odds_ratio_kmt2a = Field("odds_ratio", "of lineage switch with a KMT2A rearrangement", 1.0)
    months_to_hsct = Field("months", "median from remission to transplant, when one is planned")
    hsct_realised = Field(
        "share", "of those planned for a transplant, fit and with a donor, in whom nothing but disease prevents it", 1.0
    )
    crs = Field("probability", "cytokine release syndrome of any grade")
    crs_grade3plus = Field("probability", "cytokine release syndrome of grade 3 or more, from a high burden")
    crs_odds_ratio_low_burden = Field("odds_ratio", "of CRS of grade 3 or more when the burden is low")
    crs_onset_days = Field("days", "median from the start of treatment to the onset of CRS")
    icans = Field("probability", "neurotoxicity (ICANS or neurologic event) of any grade")
    icans_grade3plus = Field("probability", "neurotoxicity of grade 3 or more, from a high burden")
    icans_odds_ratio_low_burden = Field("odds_ratio", "of neurotoxicity of grade 3 or more when the burden is low")
    icans_onset_days = Field("days", "median from the start of treatment to the onset of neurotoxicity")
    icu_given_severe_crs = Field("probability", "intensive care in CRS of grade 3 or more", 0.0)
    icu_days = Field("days", "median stay in intensive care", 0.0)
    infection_rate = Field("rate_per_month", "of infections of grade 3 or more while on treatment", 0.0)
    cytopenia_rate = Field("rate_per_month", "of cytopenias of grade 3 or more while on treatment", 0.0)
    gastrointestinal_rate = Field("rate_per_month", "of gastrointestinal events of grade 3 or more on treatment", 0.0)
    tumour_lysis_rate = Field("rate_per_month", "of tumour lysis syndromes of grade 3 or more on treatment", 0.0)
    liver_rate = Field("rate_per_month", "of raised liver enzymes or bilirubin while on treatment", 0.0)
    liver_grade3plus = Field("share", "of these liver events that are of grade 3 or more", 1.0)
    sos_on_treatment = Field("probability", "sinusoidal obstruction syndrome during the course, no transplant")
    sos_after_hsct = Field(
        "probability",
        "sinusoidal obstruction syndrome at a transplant after this therapy, in the reference patient: one alkylating "
        "agent, normal bilirubin, no liver disease",
    )


class DrugParameters:
    """What only drugs have."""

    bridging_death = Field("probability", "death of treatment toxicity when given as bridging or debulking")


class CarTParameters:
    """What only CAR-T cells have."""

    b_cell_recovery = Field("probability", "early loss of B-cell aplasia in a remission after CAR-T")
    months_to_b_cell_recovery = Field("months", "median from remission to an early loss of B-cell aplasia")
    relapse_hazard_ratio_b_cell_recovery = Field("hazard_ratio", "of relapse once B-cell aplasia is lost early")
    reinfusion_success = Field("probability", "a second infusion restores B-cell aplasia", 0.0)
    months_to_leukapheresis = Field("months", "from the decision to leukapheresis")
    leukapheresis_success = Field("probability", "leukapheresis succeeds")
    vein_to_vein_months = Field("months", "median from leukapheresis to infusion")
    vein_to_vein_shape = Field("shape", "of the log-logistic time from leukapheresis to infusion")
    manufacture_failure = Field("probability", "no usable product comes of the cells")
    retry_given_manufacture_failure = Field("probability", "cells are collected and made a second time", 0.0)
    waiting_death_rate = Field("rate_per_month", "death of leukaemia or infection while waiting for cells, bridged")
    waiting_infection_share = Field("share", "of these deaths that are of infection", 0.0)
    waiting_progression_rate = Field("rate_per_month", "too ill for the infusion, alive, while waiting, bridged", 0.0)
    waiting_hazard_ratio_unbridged = Field("hazard_ratio", "of these deaths and drop-outs without bridging")


class MrdParameters:
    """What only treatment of MRD has."""

    mrd_response = Field("probability", "MRD becomes negative")


class TherapyParameters(CourseParameters, DrugParameters, CarTParameters, MrdParameters):
    """One draw of a therapy's parameters, and what else the pathway knows of the therapy."""

    kind: int  # a code of states.Kind
    target: int  # a code of states.Antigen
    based_on: int  # the therapy that this one is a form of, -1 for none: giving one counts for both
    first_condition: int  # conditions a patient must meet to be eligible: a range of the table of conditions
    after_last_condition: int


class GeneralParameters:
    """What belongs to no therapy: `hsct.sos_fatality` of the files is `hsct_sos_fatality` here."""

    disease_treated_at_entry = Field("probability", "a patient entering at relapse is given a salvage line at all")
    disease_next_line_given_failure = Field("probability", "another line is given after one without response")
    disease_next_line_given_relapse = Field("probability", "another line is given at relapse after a response")
    disease_months_to_treatment_at_entry = Field("months", "median from entry at relapse to the first line")
    disease_months_to_treatment = Field("months", "median from a later relapse, or failure, to the next line")
    disease_waiting_death_rate = Field("rate_per_month", "death of leukaemia or infection while a line is awaited", 0.0)
    disease_waiting_infection_share = Field("share", "of these deaths that are of infection", 0.0)
    disease_waiting_progression_rate = Field("rate_per_month", "too ill for the line that is awaited, alive", 0.0)
    disease_wait_shape = Field("shape", "of the log-logistic waits for treatment and transplant, and of onsets")
    disease_blasts_after_bridging_response = Field("share", "of the marrow after a response to bridging or debulking")
    disease_bridging_hazard_ratio = Field("hazard_ratio", "published, of an EFS event after CAR-T when bridged")
    disease_bridging_causal_share = Field(
        "share", "of the log of that hazard ratio that is taken for an effect of bridging itself; 0: none"
    )
    disease_palliative_median_survival = Field("months", "median survival when no further line is given")
    disease_palliative_shape = Field("shape", "of that survival (Weibull); below 1 the hazard falls with time")
    disease_palliative_hazard_ratio_later_line = Field(
        "hazard_ratio", "of death without further treatment after two salvage lines or more", 1.0
    )
    disease_cr_odds_ratio_place = Field(
        "odds_ratio", "of complete remission in this place or study, whatever the therapy; 1: a typical one", 1.0
    )
    disease_mrd_odds_ratio_place = Field(
        "odds_ratio", "of MRD-negativity given remission in this place or study; 1: a typical one", 1.0
    )
    disease_long_remission_months = Field("months", "a remission of this length counts as long (late relapse)")
    disease_shortest_remission_months = Field(
        "months", "a remission lasts at least; relapses of the first three times as long are found one after the other"
    )
    disease_months_to_hsct_in_first_remission = Field(
        "months", "from the first remission to a transplant in it, in those transplanted before entry"
    )
    disease_long_term_after_months = Field("months", "in remission, or after transplant, that count as long-term")
    disease_late_relapse_rate = Field("rate_per_month", "relapse in long-term remission")
    disease_late_relapse_until_months = Field("months", "after remission or transplant with no relapse later on")
    hsct_relapse_cure = Field("share", "who never relapse after transplant in MRD-negative remission")
    hsct_relapse_scale = Field("months", "by which 63 % of the others have relapsed after transplant")
    hsct_relapse_hazard_ratio_mrd_positive = Field("hazard_ratio", "of relapse after transplant when MRD-positive")
    hsct_relapse_hazard_ratio_active_disease = Field("hazard_ratio", "of relapse after a transplant in relapse")
    hsct_relapse_hazard_ratio_two_alkylators = Field("hazard_ratio", "of relapse after two alkylating agents", 1.0)
    hsct_hazard_ratio_second = Field("hazard_ratio", "of relapse and of transplant death after a second transplant")
    hsct_hazard_ratio_first_remission = Field(
        "hazard_ratio", "of relapse and of transplant death in first remission, before any salvage", 1.0
    )
    hsct_transplant_death_hazard_ratio_55_plus = Field("hazard_ratio", "of transplant death from 55 years on", 1.0)
    hsct_after_car_t_hazard_ratio = Field("hazard_ratio", "published, of an EFS event after CAR-T when transplanted")
    hsct_after_car_t_causal_share = Field(
        "share",
        "of patients in whom that hazard ratio counts as the effect of a transplant after CAR-T, in the place of "
        "relapse and death as after any other therapy",
    )
    hsct_wait_ratio_no_sibling = Field("ratio", "of the median wait for a transplant without a sibling donor", 1.0)
    hsct_transplant_death_never = Field("share", "who would never die of the transplant, SOS apart")
    hsct_transplant_death_scale = Field("months", "by which 63 % of the others would have died of it")
    hsct_bilirubin_high = Field("probability", "bilirubin above normal before the transplant")
    hsct_sos_odds_ratio_bilirubin = Field("odds_ratio", "of SOS with bilirubin above normal")
    hsct_sos_odds_ratio_two_alkylators = Field("odds_ratio", "of SOS with two alkylating agents in the conditioning")
    hsct_sos_odds_ratio_liver_disease = Field("odds_ratio", "of SOS with a history of liver disease")
    hsct_sos_onset_days = Field("days", "median from transplant to SOS")
    hsct_sos_fatality = Field("probability", "SOS after transplant is fatal")
    hsct_sos_months_to_death = Field("months", "from the onset of a fatal SOS to death")
    hsct_acute_gvhd = Field("probability", "acute graft-versus-host disease of grade 2 to 4")
    hsct_acute_gvhd_grade3plus = Field("probability", "acute graft-versus-host disease of grade 3 or 4")
    hsct_acute_gvhd_onset_days = Field("days", "median from transplant to acute graft-versus-host disease")
    hsct_chronic_gvhd = Field("probability", "chronic graft-versus-host disease")
    hsct_chronic_gvhd_onset_months = Field("months", "median from transplant to chronic graft-versus-host disease")
    mortality_ratio_active = Field("mortality_ratio", "background mortality with active disease or in treatment")
    mortality_ratio_long_term = Field("mortality_ratio", "background mortality in long-term remission, no transplant")
    mortality_ratio_after_hsct = Field("mortality_ratio", "background mortality of long-term transplant survivors")


class ModelParameters(GeneralParameters):
    """One draw of the general parameters, and what else the pathway knows of scenario and strategy."""

    horizon: float  # months
    max_lines: int
    max_transplants: int
    after_last_salvage: int  # the strategy's rules come in the order salvage, bridging, MRD, consolidation
    after_last_bridging: int
    after_last_mrd: int
    after_last_consolidation: int
    reinfusion: int  # 1: reinfuse when B-cell aplasia is lost early
    front_line: int  # the therapy behind a remission that a patient enters in


class Population:
    """Who enters."""

    age_mean = Field("years", "mean age at entry")
    age_sd = Field("years", "standard deviation of the age at entry")
    age_min = Field("years", "youngest age at entry")
    age_max = Field("years", "oldest age at entry")
    male = Field("share", "of men")
    primary_refractory = Field("share", "who never had a first remission")
    cr1_long = Field("share", "of the others whose first remission lasted 18 months or more")
    blasts_below_5 = Field("share", "with under 5 % marrow blasts", 0.0)
    blasts_below_10 = Field("share", "with 5 to under 10 % marrow blasts")
    blasts_10_to_50 = Field("share", "with 10 to under 50 % marrow blasts")
    blasts_above_50_shape = Field("shape", "of blasts from 50 % on: (2b - 1)^shape have less than b; 1: evenly", 1.0)
    prior_hsct = Field("share", "with an allogeneic transplant before entry")
    months_since_prior_hsct = Field("months", "at least, between a transplant before entry and entry", 0.0)
    cd19_positive = Field("share", "whose leukaemia carries CD19")
    cd22_positive = Field("share", "whose leukaemia carries CD22")
    liver_disease = Field("share", "with a history of liver disease or hepatitis")
    neuro_history = Field("share", "with a history of seizures or other central nervous disease")
    ph_positive = Field("share", "with the Philadelphia chromosome")
    kmt2a = Field("share", "with a KMT2A rearrangement")
    extramedullary = Field("share", "with extramedullary disease")
    hsct_fit_under_55 = Field("share", "fit for a transplant, under 55 years")
    hsct_fit_55_plus = Field("share", "fit for a transplant, 55 years or more")
    sibling_donor = Field("share", "with a sibling donor")
    other_donor = Field("share", "of the others with another donor")
    in_mrd_remission = Field("share", "who enter in remission with MRD, not at relapse")
    one_line_before = Field("share", "given one salvage line before entry")
    two_lines_before = Field("share", "given two salvage lines before entry")


THERAPY_FIELDS, DRUG_FIELDS = fields_of(CourseParameters), fields_of(DrugParameters)
CAR_T_FIELDS, MRD_FIELDS = fields_of(CarTParameters), fields_of(MrdParameters)
GENERAL_FIELDS = {name.replace("_", ".", 1): field for name, field in fields_of(GeneralParameters).items()}
POPULATION_FIELDS = fields_of(Population)


def _fields_but(*words: str) -> dict[str, Field]:
    return {name: field for name, field in THERAPY_FIELDS.items() if not any(word in name for word in words)}


_IN_TRANSPLANT = ("cr_", "mrd_neg", "mrd_odds", "low_burden_threshold", "cycle_months", "months_to_hsct", "sos_after")
KIND_FIELDS: dict[str, dict[str, Field]] = {
    "drug": THERAPY_FIELDS | DRUG_FIELDS,
    "car_t": _fields_but("cycles_") | CAR_T_FIELDS,
    "mrd": MRD_FIELDS | _fields_but("cr_", "mrd_neg", "mrd_odds", "_burden", "first", "at_failure", "early_death_o"),
    "transplant": {name: field for name, field in THERAPY_FIELDS.items() if name.startswith(_IN_TRANSPLANT)},
    "supportive": {},
}
ALL_THERAPY_FIELDS = {name: field for fields in KIND_FIELDS.values() for name, field in fields.items()}


def attribute_name(path: str) -> str:
    """Return the record field of a general parameter: `hsct.sos` is read as `model.hsct_sos`."""
    return path.replace(".", "_")


MODEL = np.dtype([(name, "f8") for name in fields_of(GeneralParameters)] + columns_of(ModelParameters))
THERAPY = np.dtype([(name, "f8") for name in ALL_THERAPY_FIELDS] + columns_of(TherapyParameters))
