"""Round parameters for cases that can be solved on paper, and the tables of a strategy that has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import helpers_model as m
from rallsim.model.parameter_fields import CAR_T_FIELDS, KIND_FIELDS, THERAPY_FIELDS
from rallsim.simulation.engine_inputs import Prepared

DAYS = 12.0 / 365.25  # months in a day
RATIOS = ("odds_ratio", "hazard_ratio", "ratio")
EVEN = {
    name: (1.0 if field.unit in RATIOS else field.neutral)
    for name, field in (THERAPY_FIELDS | CAR_T_FIELDS).items()
    if field.neutral is not None or field.unit in RATIOS
}
DRUG = {name: value for name, value in EVEN.items() if name in THERAPY_FIELDS} | {
    "cr_rate": 0.4,
    "early_death": 0.1,
    "bridging_death": 0.05,
    "mrd_negative_given_cr": 0.7,
    "cycle_months": 2.0,
    "response_in_first_cycle": 0.6,
    "low_burden_threshold": 0.5,
    "relapse_cure": 0.5,
    "relapse_scale": 10.0,
    "relapse_shape": 1.0,
    "relapse_hazard_ratio_mrd_positive": 2.0,
    "relapse_hazard_ratio_high_burden": 1.0,
    "antigen_loss": 0.2,
    "months_to_hsct": 3.0,
    "crs": 0.3,
    "crs_grade3plus": 0.1,
    "crs_onset_days": 10.0,
    "icans": 0.2,
    "icans_grade3plus": 0.1,
    "icans_onset_days": 20.0,
    "sos_on_treatment": 0.1,
    "sos_after_hsct": 0.2,
}
CELLS = {name: value for name, value in EVEN.items() if name in CAR_T_FIELDS} | {
    "cr_rate": 0.8,
    "early_death": 0.05,
    "cycle_months": 1.0,
    "response_in_first_cycle": 1.0,
    "b_cell_recovery": 0.25,
    "months_to_leukapheresis": 0.5,
    "leukapheresis_success": 0.9,
    "vein_to_vein_months": 2.0,
    "vein_to_vein_shape": 4.0,
    "manufacture_failure": 0.1,
    "waiting_death_rate": 0.1,
    "waiting_hazard_ratio_unbridged": 2.0,
    "months_to_b_cell_recovery": 3.0,
    "relapse_hazard_ratio_b_cell_recovery": 3.0,
}
RESIDUAL = {name: value for name, value in EVEN.items() if name in KIND_FIELDS["mrd"]} | {
    "mrd_response": 0.75,
    "early_death": 0.02,
    "cycle_months": 1.5,
    "relapse_cure": 0.5,
    "relapse_scale": 20.0,
    "relapse_shape": 1.0,
    "relapse_hazard_ratio_mrd_positive": 4.0,
    "months_to_hsct": 2.0,
    "crs": 0.1,
    "crs_grade3plus": 0.0,
    "crs_onset_days": 2.0,
    "icans": 0.0,
    "icans_grade3plus": 0.0,
    "icans_onset_days": 2.0,
    "sos_on_treatment": 0.0,
    "sos_after_hsct": 0.0,
}
AT_RELAPSE = {name: value for name, value in EVEN.items() if name in KIND_FIELDS["transplant"]} | {
    "cr_rate": 0.5,
    "low_burden_threshold": 0.05,
    "mrd_negative_given_cr": 0.5,
    "cycle_months": 1.0,
    "months_to_hsct": 2.0,
    "sos_after_hsct": 0.1,
}
GENERAL = {
    "disease.blasts_after_bridging_response": 0.01,
    "disease.bridging_hazard_ratio": 4.0,
    "disease.bridging_causal_share": 0.0,
    "hsct.relapse_hazard_ratio_active_disease": 2.0,
    "hsct.relapse_hazard_ratio_two_alkylators": 1.0,
    "hsct.hazard_ratio_second": 2.0,
    "hsct.transplant_death_hazard_ratio_55_plus": 1.0,
    "hsct.after_car_t_hazard_ratio": 0.25,
    "hsct.after_car_t_causal_share": 0.0,
    "hsct.wait_ratio_no_sibling": 1.0,
    "hsct.bilirubin_high": 0.2,
    "hsct.sos_odds_ratio_bilirubin": 1.0,
    "hsct.sos_odds_ratio_two_alkylators": 1.0,
    "hsct.sos_odds_ratio_liver_disease": 1.0,
    "hsct.acute_gvhd": 0.4,
    "hsct.acute_gvhd_grade3plus": 0.1,
    "hsct.acute_gvhd_onset_days": 30.0,
    "hsct.chronic_gvhd": 0.3,
    "hsct.chronic_gvhd_onset_months": 6.0,
    "disease.treated_at_entry": 0.9,
    "disease.next_line_given_failure": 0.6,
    "disease.months_to_treatment_at_entry": 0.5,
    "disease.months_to_treatment": 0.5,
    "disease.wait_shape": 4.0,
    "disease.palliative_median_survival": 2.0,
    "disease.palliative_shape": 1.0,
    "disease.palliative_hazard_ratio_later_line": 1.0,
    "disease.long_remission_months": 18.0,
    "disease.long_term_after_months": 60.0,
    "disease.late_relapse_rate": 0.01,
    "disease.late_relapse_until_months": 90.0,
    "hsct.relapse_cure": 0.6,
    "hsct.relapse_scale": 10.0,
    "hsct.relapse_hazard_ratio_mrd_positive": 3.0,
    "hsct.transplant_death_never": 0.75,
    "hsct.transplant_death_scale": 8.0,
    "hsct.sos_onset_days": 15.0,
    "hsct.sos_fatality": 0.3,
    "hsct.sos_months_to_death": 1.0,
}
PAPER = (
    GENERAL
    | m.of("chemotherapy", **DRUG)
    | m.of("blinatumomab", **DRUG)
    | m.of("inotuzumab", **DRUG)
    | m.of("car_t_cd19", **{name: value for name, value in DRUG.items() if name in KIND_FIELDS["car_t"]} | CELLS)
    | m.of("blinatumomab_mrd", **RESIDUAL)
    | m.of("hsct_in_relapse", **AT_RELAPSE)
)
THERAPIES = ("blinatumomab", "car_t_cd19", "chemotherapy", "inotuzumab")
BLINATUMOMAB, CAR_T, CHEMOTHERAPY, INOTUZUMAB, FOR_MRD, IN_RELAPSE = (
    list(m.parameters().therapies).index(name) for name in (*THERAPIES, "blinatumomab_mrd", "hsct_in_relapse")
)


def tables(
    *salvage: str,
    hsct: bool = False,
    bridging: str | None = None,
    values: Mapping[str, float] | None = None,
    consolidation: Sequence[Mapping[str, Any]] | None = None,
    **keys: Any,
) -> Prepared:
    """Return the tables of a strategy that gives these therapies in order of preference, with the round parameters."""
    strategy: dict[str, Any] = {"salvage": [{"give": name} for name in salvage or ("chemotherapy",)]}
    strategy["consolidation"] = list(consolidation or [{"hsct": hsct}])
    if bridging:
        strategy["bridging"] = [{"before": before, "give": bridging} for before in ("car_t_cd19", "blinatumomab")]
    own = ("max_lines", "max_transplants", "mrd", "reinfusion")
    strategy |= {key: keys.pop(key) for key in own if key in keys}
    keys["eligibility"] = {"car_t_cd19": "broad", **keys.get("eligibility", {})}
    return m.prepared(m.question({"one": strategy}, values={**PAPER, **(values or {})}, **keys))
