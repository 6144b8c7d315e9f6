"""Who the patient is at entry."""

from __future__ import annotations

from typing import Any

import numpy as np

from rallsim.explain.words import NUMBERS, YES_NO, listed, value_in_words
from rallsim.inputs.cohort_file import COLUMNS, Cohort
from rallsim.model.patient import ATTRIBUTES
from rallsim.simulation.imputation import is_drawn

OTHER_MARKERS = ("ph_positive", "kmt2a", "extramedullary")
LATER = ("line", "remission_months", "b_cell_recovery", "months_since_hsct")  # known in the course of treatment only


def attributes_at_entry(record: np.ndarray) -> dict[str, float]:
    """Return what is known of a patient at entry, by attribute, with the number of salvage lines given before."""
    known = [name for name in ATTRIBUTES if name not in LATER]
    values = {name: bool(record[name]) if name in YES_NO else float(record[name]) for name in known}
    return values | {"lines_before": int(record["lines_given"])}


def baseline_summary(record: Any, *, in_remission: bool, front_line: str) -> str:
    """Say in a few sentences who enters; `front_line` is the therapy behind a remission that the patient enters in."""
    who = f"Patient {record['number']}, {_word(record, 'male')} of {int(record['entry_age'])}"
    lines = int(record["lines_given"])
    so_far = f" after {NUMBERS[lines]} salvage line{'s' if lines > 1 else ''}" if lines else ""
    if in_remission:
        therapy = so_far or f" after {front_line}"
        disease = f"in complete remission{therapy} with measurable residual disease (MRD)"
    elif record["primary_refractory"]:
        disease = f"with primary refractory leukaemia{so_far}"
    else:
        state = f"with active leukaemia{so_far}" if lines else "in first relapse"
        disease = f"{state}; the first remission lasted {_months(float(record['cr1_months']))}"
    blasts = [] if in_remission else [f"{value_in_words('blasts', float(record['blasts']), {})} in the marrow"]
    leukaemia = [*blasts, _antigens(record), *(_word(record, name) for name in OTHER_MARKERS)]
    before = "Transplanted before" if record["prior_hsct"] else "No transplant so far"
    return " ".join(
        [
            f"{who}, {disease}.",
            f"{', '.join(leukaemia)}.",
            f"{before}; {_word(record, 'hsct_fit')}{'' if record['hsct_fit'] else ' now'}, {_donor(record)}.",
            f"{_word(record, 'liver_disease').capitalize()}, {_word(record, 'neuro_history')}.",
        ]
    )


def origin(cohort: Cohort, patient: int) -> str:
    """Say which row of a file the patient is, and what of the above the file does not say."""
    row = int(cohort.row_of(np.array([patient]))[0])
    drawn = [name.replace("_", " ") for name, unknown in zip(COLUMNS, is_drawn(cohort)[row], strict=True) if unknown]
    here = f"{cohort.ids[row]} of {cohort.path.name}"
    return f"This is {here}; " + (f"not in the file, so drawn: {listed(drawn)}." if drawn else "all is from the file.")


def _word(record: Any, attribute: str) -> str:
    return YES_NO[attribute][0 if record[attribute] else 1]


def _antigens(record: Any) -> str:
    found = {name: bool(record[f"{name.lower()}_positive"]) for name in ("CD19", "CD22")}
    if len(set(found.values())) == 1:
        return f"CD19- and CD22-{'positive' if found['CD19'] else 'negative'}"
    return listed([f"{name}-{'positive' if has else 'negative'}" for name, has in found.items()], "but")


def _donor(record: Any) -> str:
    if record["sibling_donor"]:
        return "with a sibling donor"
    return "with a donor who is no sibling" if record["donor"] else "without a donor"


def _months(months: float) -> str:
    return "less than a month" if months < 0.95 else f"{months:.0f} month{'' if round(months) == 1 else 's'}"
