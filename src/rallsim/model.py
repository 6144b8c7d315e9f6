"""The parameters the pathway reads: their names, units and meaning, and the records that hold one draw of them.

These tables are the only list of parameters. Parameter files must give each of them, `rallsim evidence` and the
documentation describe them from here, and the compiled pathway reads records made from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

UNITS: dict[str, tuple[float, float]] = {
    "probability": (0.0, 1.0),
    "share": (0.0, 1.0),
    "odds_ratio": (1e-6, 1e6),
    "hazard_ratio": (1e-6, 1e6),
    "mortality_ratio": (0.0, 1e4),
    "rate_per_month": (0.0, 100.0),
    "months": (0.0, 1200.0),
    "days": (0.0, 3650.0),
    "years": (0.0, 120.0),
    "shape": (0.05, 100.0),
}


@dataclass(frozen=True)
class Field:
    """A parameter: its unit (one of UNITS, which bounds it) and what it means."""

    unit: str
    meaning: str


THERAPY_FIELDS: dict[str, Field] = {
    "cr_rate": Field(
        "probability",
        "complete remission (CR, CRh or CRi) in the reference patient: first salvage, last remission under 18 months, "
        "marrow blasts above the low-burden threshold, no transplant before",
    ),
    "cr_odds_ratio_long_remission": Field("odds_ratio", "of CR when the last remission lasted 18 months or more"),
    "cr_odds_ratio_second_salvage": Field("odds_ratio", "of CR in the second salvage line"),
    "cr_odds_ratio_later_salvage": Field("odds_ratio", "of CR in the third or a later salvage line"),
    "cr_odds_ratio_low_burden": Field("odds_ratio", "of CR when marrow blasts are below the low-burden threshold"),
    "cr_odds_ratio_prior_hsct": Field("odds_ratio", "of CR after an allogeneic transplant"),
    "low_burden_threshold": Field("share", "of marrow blasts below which the burden counts as low for this therapy"),
    "mrd_negative_given_cr": Field("probability", "no measurable residual disease, in remission from a high burden"),
    "mrd_odds_ratio_low_burden": Field("odds_ratio", "of MRD negativity when the burden was low"),
    "early_death": Field("probability", "death before the response can be assessed, background mortality apart"),
    "cycle_months": Field("months", "length of a cycle, or from infusion to the assessment of the response"),
    "response_in_first_cycle": Field("probability", "the response is decided in the first cycle, else in the second"),
    "relapse_cure": Field("share", "who never relapse without transplant, in MRD-negative remission"),
    "relapse_scale": Field("months", "by which 63 % of the others have relapsed"),
    "relapse_shape": Field("shape", "of the Weibull part of the time to relapse"),
    "relapse_hazard_ratio_mrd_positive": Field("hazard_ratio", "of relapse in MRD-positive remission"),
    "relapse_hazard_ratio_high_burden": Field("hazard_ratio", "of relapse when the burden was not low"),
    "antigen_loss": Field("probability", "the target antigen is lost at a relapse after this therapy"),
    "months_to_hsct": Field("months", "median from remission to transplant, when one is planned"),
    "crs": Field("probability", "cytokine release syndrome of any grade"),
    "crs_grade3plus": Field("probability", "cytokine release syndrome of grade 3 or more, from a high burden"),
    "crs_odds_ratio_low_burden": Field("odds_ratio", "of CRS of grade 3 or more when the burden is low"),
    "crs_onset_days": Field("days", "median from the start of treatment to the onset of CRS"),
    "icans": Field("probability", "neurotoxicity (ICANS or neurologic event) of any grade"),
    "icans_grade3plus": Field("probability", "neurotoxicity of grade 3 or more, from a high burden"),
    "icans_odds_ratio_low_burden": Field("odds_ratio", "of neurotoxicity of grade 3 or more when the burden is low"),
    "icans_onset_days": Field("days", "median from the start of treatment to the onset of neurotoxicity"),
    "sos_on_treatment": Field("probability", "sinusoidal obstruction syndrome during the course, no transplant"),
    "sos_after_hsct": Field("probability", "sinusoidal obstruction syndrome at a transplant after this therapy"),
}

DRUG_FIELDS: dict[str, Field] = {
    "bridging_death": Field("probability", "death of treatment toxicity when given as bridging"),
}

CAR_T_FIELDS: dict[str, Field] = {
    "b_cell_recovery": Field("probability", "early loss of B-cell aplasia in a remission after CAR-T"),
    "relapse_hazard_ratio_b_cell_recovery": Field("hazard_ratio", "of relapse when B-cell aplasia is lost early"),
    "months_to_leukapheresis": Field("months", "from the decision to leukapheresis"),
    "leukapheresis_success": Field("probability", "leukapheresis succeeds"),
    "vein_to_vein_months": Field("months", "median from leukapheresis to infusion"),
    "vein_to_vein_shape": Field("shape", "of the log-logistic time from leukapheresis to infusion"),
    "manufacture_failure": Field("probability", "no usable product comes of the cells"),
    "waiting_death_rate": Field("rate_per_month", "death or drop-out while waiting for the cells, bridged"),
    "waiting_hazard_ratio_unbridged": Field("hazard_ratio", "of death while waiting without bridging"),
    "blasts_after_bridging_response": Field("share", "of the marrow after a response to bridging"),
}

GENERAL_FIELDS: dict[str, Field] = {
    "disease.treated_at_entry": Field("probability", "a patient entering at relapse is given a salvage line at all"),
    "disease.next_line_given_failure": Field("probability", "another line is given after relapse or failure"),
    "disease.months_to_treatment": Field("months", "median from relapse or failure to the next line"),
    "disease.wait_shape": Field("shape", "of the log-logistic waits for treatment and transplant, and of onsets"),
    "disease.palliative_median_survival": Field("months", "median survival when no further line is given"),
    "disease.long_remission_months": Field("months", "a remission of this length counts as long (late relapse)"),
    "disease.long_term_after_months": Field("months", "in remission, or after transplant, that count as long-term"),
    "disease.late_relapse_rate": Field("rate_per_month", "relapse in long-term remission"),
    "disease.late_relapse_until_months": Field("months", "after remission or transplant with no relapse later on"),
    "hsct.relapse_cure": Field("share", "who never relapse after transplant in MRD-negative remission"),
    "hsct.relapse_scale": Field("months", "by which 63 % of the others have relapsed after transplant"),
    "hsct.relapse_hazard_ratio_mrd_positive": Field("hazard_ratio", "of relapse after transplant when MRD-positive"),
    "hsct.transplant_death_never": Field("share", "who would never die of the transplant, SOS apart"),
    "hsct.transplant_death_scale": Field("months", "by which 63 % of the others would have died of it"),
    "hsct.sos_onset_days": Field("days", "median from transplant to SOS"),
    "hsct.sos_fatality": Field("probability", "SOS after transplant is fatal"),
    "hsct.sos_months_to_death": Field("months", "from the onset of a fatal SOS to death"),
    "mortality.ratio_active": Field("mortality_ratio", "background mortality with active disease or in treatment"),
    "mortality.ratio_long_term": Field("mortality_ratio", "background mortality in long-term remission, no transplant"),
    "mortality.ratio_after_hsct": Field("mortality_ratio", "background mortality of long-term transplant survivors"),
}

POPULATION_FIELDS: dict[str, Field] = {
    "age_mean": Field("years", "mean age at entry"),
    "age_sd": Field("years", "standard deviation of the age at entry"),
    "age_min": Field("years", "youngest age at entry"),
    "age_max": Field("years", "oldest age at entry"),
    "male": Field("share", "of men"),
    "cr1_long": Field("share", "whose first remission lasted 18 months or more"),
    "blasts_below_10": Field("share", "with 5 to under 10 % marrow blasts"),
    "blasts_10_to_50": Field("share", "with 10 to under 50 % marrow blasts"),
    "prior_hsct": Field("share", "with an allogeneic transplant before entry"),
    "cd19_positive": Field("share", "whose leukaemia carries CD19"),
    "cd22_positive": Field("share", "whose leukaemia carries CD22"),
    "liver_disease": Field("share", "with a history of liver disease or hepatitis"),
    "hsct_fit_under_55": Field("share", "fit for a transplant and with a donor, under 55 years"),
    "hsct_fit_55_plus": Field("share", "fit for a transplant and with a donor, 55 years or more"),
    "one_line_before": Field("share", "given one salvage line before entry"),
    "two_lines_before": Field("share", "given two salvage lines before entry"),
}


KIND_FIELDS = {"drug": THERAPY_FIELDS | DRUG_FIELDS, "car_t": THERAPY_FIELDS | CAR_T_FIELDS}


def attribute_name(path: str) -> str:
    """Return the record field of a general parameter: `hsct.sos` is read as `model.hsct_sos`."""
    return path.replace(".", "_")


MODEL = np.dtype(
    [(attribute_name(path), "f8") for path in GENERAL_FIELDS]
    + [
        ("horizon", "f8"),  # months
        ("max_lines", "i8"),
        ("max_transplants", "i8"),
        ("after_last_salvage", "i8"),  # the strategy's rules come in the order salvage, bridging, consolidation
        ("after_last_bridging", "i8"),
        ("after_last_consolidation", "i8"),
    ]
)

NO_TARGET, CD19, CD22 = range(3)
TARGETS = {"none": NO_TARGET, "cd19": CD19, "cd22": CD22}

THERAPY = np.dtype(
    [(name, "f8") for name in THERAPY_FIELDS | DRUG_FIELDS | CAR_T_FIELDS]
    + [
        ("is_car_t", "i8"),
        ("target", "i8"),
        ("first_condition", "i8"),  # conditions a patient must meet to be eligible: a range of the table of conditions
        ("after_last_condition", "i8"),
    ]
)
