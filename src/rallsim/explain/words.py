"""The only words for events, details, stages and attributes that people read in a story."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rallsim.model.conditions import ATTRIBUTES, Interval

ORDINALS = ("no", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

# In braces: what `story` knows of the event: the therapy of its row, the salvage line, months since the remission.
EVENTS: Mapping[str, str] = {
    "entry": "In remission with MRD",
    "treatment_start": "{Therapy}, {line} salvage line",
    "leukapheresis": "Leukapheresis",
    "leukapheresis_failure": "Leukapheresis fails: no cells for {therapy}",
    "bridging_start": "Bridging with {therapy}",
    "bridging_response": "Response, few blasts are left",
    "debulked": "{Therapy} starts",
    "manufacture_failure": "Manufacture fails: no usable cells",
    "drop_out": "No infusion: {detail}",
    "infusion": "{Therapy} cells infused",
    "cycle": "cycle",
    "crs": "CRS",
    "icans": "neurotoxicity",
    "icu_admission": "intensive care",
    "icu_discharge": "out of intensive care",
    "infection": "severe infection",
    "cytopenia": "severe cytopenia",
    "gastrointestinal": "severe gastrointestinal event",
    "tumour_lysis": "tumour lysis syndrome",
    "liver": "raised liver values",
    "sos": "Sinusoidal obstruction syndrome of the liver",
    "response": "Complete remission, {detail}",
    "no_response": "No remission",
    "mrd_therapy_start": "{Therapy}",
    "mrd_response": "Marrow examined: {detail}",
    "b_cell_recovery": "B cells are back: the CAR-T cells are probably gone",
    "reinfusion": "Second infusion of {therapy} cells",
    "hsct": "Allogeneic transplant",
    "acute_gvhd": "Acute graft-versus-host disease, {detail}",
    "chronic_gvhd": "Chronic graft-versus-host disease",
    "relapse": "Relapse",
    "palliative_care": "No {further}treatment of the leukaemia, palliative care",
    "long_term_remission": "Long-term remission",
    "death": "Died {detail}",
    "censored": "Alive {horizon}, {state}",
}
AS_IN_STAGE: Mapping[tuple[str, str], str] = {  # in place of these words, when the patient is then in this stage
    ("treatment_start", "debulking"): "{Therapy} chosen, {line} salvage line, after a cycle to lower the burden",
    ("treatment_start", "awaiting_cells"): "{Therapy} ordered, {line} salvage line",
    ("bridging_start", "debulking"): "{Therapy} to lower the burden",
    ("response", "after_hsct"): "Complete remission after the transplant, {detail}",
    ("entry", "relapsed"): "Active leukaemia",
}
# What is added when the event leads into this stage.
LEADS_TO: Mapping[tuple[str, str], str] = {
    ("entry", "awaiting_hsct"): "; transplant planned",
    ("entry", "remission"): "; no transplant",
    ("manufacture_failure", "awaiting_cells"): "; a second attempt is made",
    ("response", "awaiting_hsct"): "; transplant planned",
    ("response", "remission"): "; no transplant",
    ("mrd_response", "awaiting_hsct"): "; transplant planned",
    ("mrd_response", "remission"): "; no transplant",
    ("mrd_response", "mrd_therapy"): "; treated again",
    ("b_cell_recovery", "awaiting_hsct"): "; transplant planned",
}
DETAILS: Mapping[str, str] = {
    "": "",
    "mrd_negative": "MRD-negative",
    "mrd_positive": "MRD-positive",
    "grade_1_2": "grade 1 or 2",
    "grade_2": "grade 2",
    "grade_3_plus": "grade 3 or more",
    "antigen_kept": "{antigen}-positive",
    "antigen_lost": "{antigen}-negative",
    "lineage_switch": "with a switch of lineage, CD19- and CD22-negative",
    "progression": "too ill for the cells, the leukaemia has progressed",
    "one_alkylator": "one alkylating agent",
    "two_alkylators": "two alkylating agents",
    "leukaemia": "of leukaemia",
    "treatment": "of the treatment",
    "infection": "of infection",
    "transplant": "of the transplant",
    "sos": "of sinusoidal obstruction syndrome",
    "background": "of another cause",
}
STATES: Mapping[str, str] = {  # of a patient who is alive at the end
    "relapsed": "in relapse",
    "debulking": "on treatment before the next drug",
    "salvage": "on treatment",
    "awaiting_cells": "waiting for CAR-T cells",
    "infused": "just infused",
    "mrd_therapy": "in remission, on treatment for MRD",
    "remission": "in remission",
    "awaiting_hsct": "in remission, waiting for a transplant",
    "after_hsct": "in remission after transplant",
    "refractory": "with refractory leukaemia",
    "palliative": "in palliative care",
    "long_term_remission": "in long-term remission",
    "dead": "dead",
}
YES_NO: Mapping[str, tuple[str, str]] = {  # attribute: said of a patient who has it, and of one who has not
    "male": ("a man", "a woman"),
    "mrd_positive": ("MRD-positive", "MRD-negative"),
    "b_cell_recovery": ("B cells back early", "B cells not back early"),
    "cd19_positive": ("CD19-positive", "CD19-negative"),
    "cd22_positive": ("CD22-positive", "CD22-negative"),
    "liver_disease": ("liver disease", "no liver disease"),
    "hsct_fit": ("fit for a transplant", "not fit for a transplant"),
    "donor": ("a donor", "no donor"),
    "sibling_donor": ("a sibling donor", "no sibling donor"),
    "primary_refractory": ("primary refractory", "not primary refractory"),
    "neuro_history": ("a history of central nervous disease", "no history of central nervous disease"),
    "ph_positive": ("Ph-positive", "Ph-negative"),
    "kmt2a": ("a KMT2A rearrangement", "no KMT2A rearrangement"),
    "extramedullary": ("extramedullary disease", "no extramedullary disease"),
}
MEASURED: Mapping[str, str] = {  # attribute: a value of it, or a range, in a phrase
    "age": "{} years old",
    "line": "salvage line {}",
    "cr1_months": "first remission of {} months",
    "remission_months": "last remission of {} months",
    "blasts": "{} blasts",
    "months_since_hsct": "{} months after the transplant",
}
COUNTED: Mapping[str, tuple[str, str]] = {"prior_hsct": ("transplanted", "no transplant")}


def in_sentence(label: str) -> str:
    """Return a therapy's label as it stands inside a sentence.

    >>> in_sentence("Blinatumomab"), in_sentence("CD19 CAR-T"), in_sentence("FLAG-IDA")
    ('blinatumomab', 'CD19 CAR-T', 'FLAG-IDA')
    """
    return label[0].lower() + label[1:] if label[1:2].islower() else label


def at_sentence_start(text: str) -> str:
    """Return a text with a capital first letter; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def listed(parts: list[str], joint: str = "and") -> str:
    """Join words as people do.

    >>> listed(["one", "two", "three"])
    'one, two and three'
    """
    return f" {joint} ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def value_in_words(attribute: str, value: float, labels: Mapping[str, str]) -> str:
    """Say what a patient has of an attribute; `labels` are those of the therapies.

    >>> value_in_words("blasts", 0.32, {}), value_in_words("liver_disease", 1.0, {}), value_in_words("line", 2.0, {})
    ('32 % blasts', 'liver disease', 'salvage line 2')
    """
    if attribute in YES_NO:
        return YES_NO[attribute][0 if value else 1]
    if attribute in MEASURED:
        return MEASURED[attribute].format(_number(attribute, value))
    ever, never = _counted(attribute, labels)
    times = "" if value <= 1.0 else f" {NUMBERS[int(value)]} times"
    return f"{ever}{times} before" if value else f"{never} before"


def interval_in_words(interval: Interval, labels: Mapping[str, str]) -> str:
    """Say what a condition asks for.

    >>> interval_in_words(Interval("age", -math.inf, 25.0), {})
    'at most 25 years old'
    >>> interval_in_words(Interval("given.car", 0.0, 0.0), {"car": "CD19 CAR-T"})
    'no CD19 CAR-T before'
    """
    attribute, low, high = interval
    if attribute in YES_NO:
        return YES_NO[attribute][0 if low > 0.0 else 1]
    if attribute in MEASURED:
        return MEASURED[attribute].format(_range(attribute, low, high))
    ever, never = _counted(attribute, labels)
    if high <= 0.0:
        return f"{never} before"
    return f"{ever} before" if low > 0.0 else f"{ever} at most {NUMBERS[int(high)]} times before"


def has_words_for(attribute: str) -> bool:
    """Tell whether there are words for an attribute."""
    kinds = {"yes_no": YES_NO, "count": COUNTED}
    return attribute in kinds.get(ATTRIBUTES[attribute].kind, MEASURED)


def _counted(attribute: str, labels: Mapping[str, str]) -> tuple[str, str]:
    if attribute in COUNTED:
        return COUNTED[attribute]
    therapy = in_sentence(labels[attribute.removeprefix("given.")])
    return f"{therapy} given", f"no {therapy}"


def _number(attribute: str, value: float) -> str:
    if attribute == "blasts":
        return f"{100.0 * value:.0f} %"
    if attribute == "line":
        return f"{value:.0f}"
    return f"{int(value)}" if attribute == "age" else f"{value:.1f}".removesuffix(".0")


def _range(attribute: str, low: float, high: float) -> str:
    if low == high:
        return _number(attribute, low)
    if math.isinf(low):
        return f"at most {_number(attribute, high)}"
    if math.isinf(high):
        return f"at least {_number(attribute, low)}"
    return f"{_number(attribute, low)} to {_number(attribute, high)}"
