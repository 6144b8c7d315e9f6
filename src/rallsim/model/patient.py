"""The record of a patient: attributes that rules can ask about, and the state of the pathway.

All fields are eight bytes wide, so the attributes of a cohort are also the first columns of a matrix of floats.
"""

from __future__ import annotations

import numpy as np

from rallsim.common.columns import columns_of
from rallsim.model import conditions
from rallsim.model.conditions import Attributes

MAX_THERAPIES = 20

ATTRIBUTES = tuple(conditions.ATTRIBUTES)
GIVEN = len(ATTRIBUTES)  # column of the number of courses of the first therapy

NO_TRANSPLANT = 1200.0  # months since a transplant that never was


class Patient(Attributes):
    """The record of a patient: the attributes, the number of courses of each therapy, and what follows."""

    entry_age: float  # years
    entry_blasts: float  # the burden that comes back with every relapse or failure
    time: float  # months since entry at which the present stage began
    ends: float  # months since entry at which it ends
    remission_since: float
    relapse_clock: float  # from when the present therapy's curve of relapse counts
    b_cells_since: float  # when B-cell aplasia was lost
    waiting_since: float  # for cells, a second attempt included
    hsct_since: float
    hsct_before_entry: float  # months from a transplant before entry to entry
    hazard_left: float  # background mortality: cumulative hazard still to be spent
    hazard_so_far: float  # of the life table, from birth to the beginning of the present stage
    mortality_ratio: float  # background mortality in the present stage over the general population's
    sos_after_hsct: float  # probability of SOS at the next transplant, in the reference patient
    number: int  # in the cohort, from 0
    stage: int
    next_stage: int
    next_event: int
    next_detail: int
    next_therapy: int
    therapy: int  # of the present or last course, -1 before the first
    bridging: int  # the therapy given before the present one, -1 for none
    bridged: int  # 1: it has been started
    attempt: int  # of making cells, from 0
    reinfused: int  # 1: reinfused after the loss of B-cell aplasia
    cycles: int  # of the present course given so far
    alkylators: int  # in the conditioning of the transplant planned, 1 or 2
    hsct_in_relapse: int  # 1: the last transplant was done in active disease
    lines_given: int
    course: int  # courses since entry, from 0: which uniforms are the patient's now


PATIENT = np.dtype(
    [(name, "f8") for name in ATTRIBUTES]
    + [(f"given_{index}", "f8") for index in range(MAX_THERAPIES)]
    + columns_of(Patient)
)


def new_patients(number: int) -> np.ndarray:
    """Return `number` empty records."""
    return np.zeros(number, PATIENT)


def attribute_matrix(patients: np.ndarray) -> np.ndarray:
    """View records as a matrix of floats whose first columns are the attributes; writing to one writes to both.

    >>> patients = new_patients(2)
    >>> patients["age"] = 40.0
    >>> float(attribute_matrix(patients)[1, ATTRIBUTES.index("age")])
    40.0
    """
    return patients.view(np.float64).reshape(len(patients), -1)
