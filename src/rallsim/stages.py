"""The words of a history: stages a patient can be in, events that can happen, and their details.

Codes are positions in these tuples: small integers in the compiled pathway, names everywhere else.
"""

from __future__ import annotations

STAGES = (
    "relapsed",  # active disease, waiting for the next line
    "salvage",  # on a course of chemotherapy, an antibody or a combination
    "awaiting_cells",  # leukapheresis to manufacture, bridged or not
    "infused",  # CAR-T cells given, response not yet assessed
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
    SALVAGE,
    AWAITING_CELLS,
    INFUSED,
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
    "manufacture_failure",
    "infusion",
    "crs",
    "icans",
    "sos",
    "response",
    "no_response",
    "hsct",
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
    MANUFACTURE_FAILURE,
    INFUSION,
    CRS,
    ICANS,
    SOS,
    RESPONSE,
    NO_RESPONSE,
    HSCT,
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
    "grade_3_plus",
    "antigen_kept",
    "antigen_lost",
    "leukaemia",
    "treatment",
    "transplant",
    "sos",
    "background",
)
(
    NO_DETAIL,
    MRD_NEGATIVE,
    MRD_POSITIVE,
    GRADE_1_2,
    GRADE_3_PLUS,
    ANTIGEN_KEPT,
    ANTIGEN_LOST,
    DEATH_LEUKAEMIA,
    DEATH_TREATMENT,
    DEATH_TRANSPLANT,
    DEATH_SOS,
    DEATH_BACKGROUND,
) = range(len(DETAILS))

CAUSES_OF_DEATH = DETAILS[DEATH_LEUKAEMIA:]
