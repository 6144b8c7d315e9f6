"""The words of a history: stages a patient can be in, events that can happen, and their details.

Codes are positions in these tuples: small integers in the compiled pathway, names everywhere else.
"""

from __future__ import annotations

STAGES = (
    "relapsed",  # active disease, waiting for the next line
    "debulking",  # treated to lower the burden before a drug
    "salvage",  # on a course of chemotherapy, an antibody or a combination, or transplanted in relapse
    "awaiting_cells",  # leukapheresis to manufacture, bridged or not
    "infused",  # CAR-T cells given, response not yet assessed
    "mrd_therapy",  # complete remission with MRD, treated for it
    "remission",  # complete remission, no transplant planned
    "awaiting_hsct",  # complete remission, transplant planned
    "after_hsct",  # transplanted, within the years in which relapse and transplant deaths happen
    "refractory",  # the course failed; waiting for the next line
    "palliative",  # no further line is given
    "long_term_remission",  # years without relapse: late relapse or excess mortality only
    "dead",
)
(
    RELAPSED,
    DEBULKING,
    SALVAGE,
    AWAITING_CELLS,
    INFUSED,
    MRD_THERAPY,
    REMISSION,
    AWAITING_HSCT,
    AFTER_HSCT,
    REFRACTORY,
    PALLIATIVE,
    LONG_TERM_REMISSION,
    DEAD,
) = range(len(STAGES))

EVENTS = (
    "entry",
    "treatment_start",
    "leukapheresis",
    "leukapheresis_failure",
    "bridging_start",
    "bridging_response",
    "debulked",
    "manufacture_failure",
    "drop_out",
    "infusion",
    "cycle",
    "crs",
    "icans",
    "icu_admission",
    "icu_discharge",
    "infection",
    "cytopenia",
    "gastrointestinal",
    "tumour_lysis",
    "liver",
    "sos",
    "response",
    "no_response",
    "mrd_therapy_start",
    "mrd_response",
    "b_cell_recovery",
    "reinfusion",
    "hsct",
    "acute_gvhd",
    "chronic_gvhd",
    "relapse",
    "palliative_care",
    "long_term_remission",
    "death",
    "censored",
)
(
    ENTRY,
    TREATMENT_START,
    LEUKAPHERESIS,
    LEUKAPHERESIS_FAILURE,
    BRIDGING_START,
    BRIDGING_RESPONSE,
    DEBULKED,
    MANUFACTURE_FAILURE,
    DROP_OUT,
    INFUSION,
    CYCLE,
    CRS,
    ICANS,
    ICU_ADMISSION,
    ICU_DISCHARGE,
    INFECTION,
    CYTOPENIA,
    GASTROINTESTINAL,
    TUMOUR_LYSIS,
    LIVER,
    SOS,
    RESPONSE,
    NO_RESPONSE,
    MRD_THERAPY_START,
    MRD_RESPONSE,
    B_CELL_RECOVERY,
    REINFUSION,
    HSCT,
    ACUTE_GVHD,
    CHRONIC_GVHD,
    RELAPSE,
    PALLIATIVE_CARE,
    LONG_TERM,
    DEATH,
    CENSORED,
) = range(len(EVENTS))

DETAILS = (
    "",
    "mrd_negative",
    "mrd_positive",
    "grade_1_2",
    "grade_2",
    "grade_3_plus",
    "antigen_kept",
    "antigen_lost",
    "lineage_switch",
    "progression",
    "one_alkylator",
    "two_alkylators",
    "leukaemia",
    "treatment",
    "infection",
    "transplant",
    "sos",
    "background",
)
(
    NO_DETAIL,
    MRD_NEGATIVE,
    MRD_POSITIVE,
    GRADE_1_2,
    GRADE_2,
    GRADE_3_PLUS,
    ANTIGEN_KEPT,
    ANTIGEN_LOST,
    LINEAGE_SWITCH,
    PROGRESSION,
    ONE_ALKYLATOR,
    TWO_ALKYLATORS,
    DEATH_LEUKAEMIA,
    DEATH_TREATMENT,
    DEATH_INFECTION,
    DEATH_TRANSPLANT,
    DEATH_SOS,
    DEATH_BACKGROUND,
) = range(len(DETAILS))

CAUSES_OF_DEATH = DETAILS[DEATH_LEUKAEMIA:]
