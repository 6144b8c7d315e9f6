"""The codes of the model: stages, events and their details, which make a history; kinds and targets of therapies."""

from __future__ import annotations

from enum import auto

from rallsim.common.codes import Code


class Stage(Code):
    """Where a patient is."""

    RELAPSED = auto()  # active disease, waiting for the next line
    DEBULKING = auto()  # treated to lower the burden before a drug
    SALVAGE = auto()  # on a course of chemotherapy, an antibody or a combination, or transplanted in relapse
    AWAITING_CELLS = auto()  # leukapheresis to manufacture, bridged or not
    INFUSED = auto()  # CAR-T cells given, response not yet assessed
    MRD_THERAPY = auto()  # complete remission with MRD, treated for it
    REMISSION = auto()  # complete remission, no transplant planned
    AWAITING_HSCT = auto()  # complete remission, transplant planned
    AFTER_HSCT = auto()  # transplanted, within the years in which relapse and transplant deaths happen
    REFRACTORY = auto()  # the course failed; waiting for the next line
    PALLIATIVE = auto()  # no further line is given
    LONG_TERM_REMISSION = auto()  # years without relapse: late relapse or excess mortality only
    DEAD = auto()


class Event(Code):
    """What happens to a patient."""

    ENTRY = auto()
    TREATMENT_START = auto()
    LEUKAPHERESIS = auto()
    LEUKAPHERESIS_FAILURE = auto()
    BRIDGING_START = auto()
    BRIDGING_RESPONSE = auto()
    DEBULKED = auto()
    MANUFACTURE_FAILURE = auto()
    DROP_OUT = auto()
    INFUSION = auto()
    CYCLE = auto()
    CRS = auto()
    ICANS = auto()
    ICU_ADMISSION = auto()
    ICU_DISCHARGE = auto()
    INFECTION = auto()
    CYTOPENIA = auto()
    GASTROINTESTINAL = auto()
    TUMOUR_LYSIS = auto()
    LIVER = auto()
    SOS = auto()
    RESPONSE = auto()
    NO_RESPONSE = auto()
    MRD_THERAPY_START = auto()
    MRD_RESPONSE = auto()
    B_CELL_RECOVERY = auto()
    REINFUSION = auto()
    HSCT = auto()
    ACUTE_GVHD = auto()
    CHRONIC_GVHD = auto()
    RELAPSE = auto()
    PALLIATIVE_CARE = auto()
    LONG_TERM_REMISSION = auto()
    DEATH = auto()
    CENSORED = auto()


class Detail(Code):
    """What else a row of a history says about its event; from `LEUKAEMIA` on the causes of death."""

    NONE = auto()
    MRD_NEGATIVE = auto()
    MRD_POSITIVE = auto()
    GRADE_1_2 = auto()
    GRADE_2 = auto()
    GRADE_3_PLUS = auto()
    ANTIGEN_KEPT = auto()
    ANTIGEN_LOST = auto()
    LINEAGE_SWITCH = auto()
    PROGRESSION = auto()
    ONE_ALKYLATOR = auto()
    TWO_ALKYLATORS = auto()
    LEUKAEMIA = auto()
    TREATMENT = auto()
    INFECTION = auto()
    TRANSPLANT = auto()
    SOS = auto()
    BACKGROUND = auto()

    @property
    def word(self) -> str:
        """The name of the code in files; an event without detail has an empty one."""
        return "" if self == Detail.NONE else self.name.lower()


class Kind(Code):
    """What a therapy is, which says how its course goes."""

    DRUG = auto()
    CAR_T = auto()
    MRD = auto()  # a drug for measurable residual disease in remission
    TRANSPLANT = auto()  # in relapse
    SUPPORTIVE = auto()  # nothing against the leukaemia


class Antigen(Code):
    """What a therapy aims at."""

    NONE = auto()
    CD19 = auto()
    CD22 = auto()


STAGES, EVENTS, DETAILS = Stage.words(), Event.words(), Detail.words()
CAUSES_OF_DEATH = DETAILS[Detail.LEUKAEMIA :]
