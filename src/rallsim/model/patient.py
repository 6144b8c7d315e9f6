"""The record of a patient: attributes that rules can ask about, and the state of the pathway.

All fields are eight bytes wide, so the attributes of a cohort are also the first columns of a matrix of floats.
"""

from __future__ import annotations

import numpy as np

from rallsim.model import conditions

MAX_THERAPIES = 20

ATTRIBUTES = tuple(conditions.ATTRIBUTES)
GIVEN = len(ATTRIBUTES)  # column of the number of courses of the first therapy

NO_TRANSPLANT = 1200.0  # months since a transplant that never was
PATIENT = np.dtype(
    [(name, "f8") for name in ATTRIBUTES]
    + [(f"given_{index}", "f8") for index in range(MAX_THERAPIES)]
    + [
        ("entry_age", "f8"),  # years
        ("entry_blasts", "f8"),  # the burden that comes back with every relapse or failure
        ("time", "f8"),  # months since entry at which the present stage began
        ("ends", "f8"),  # months since entry at which it ends
        ("remission_since", "f8"),
        ("relapse_clock", "f8"),  # from when the present therapy's curve of relapse counts
        ("b_cells_since", "f8"),  # when B-cell aplasia was lost
        ("waiting_since", "f8"),  # for cells, a second attempt included
        ("hsct_since", "f8"),
        ("hsct_before_entry", "f8"),  # months from a transplant before entry to entry
        ("hazard_left", "f8"),  # background mortality: cumulative hazard still to be spent
        ("hazard_so_far", "f8"),  # of the life table, from birth to the beginning of the present stage
        ("mortality_ratio", "f8"),  # background mortality in the present stage over the general population's
        ("sos_after_hsct", "f8"),  # probability of SOS at the next transplant, in the reference patient
        ("number", "i8"),  # in the cohort, from 0
        ("stage", "i8"),
        ("next_stage", "i8"),
        ("next_event", "i8"),
        ("next_detail", "i8"),
        ("next_therapy", "i8"),
        ("therapy", "i8"),  # of the present or last course, -1 before the first
        ("bridging", "i8"),  # the therapy given before the present one, -1 for none
        ("bridged", "i8"),  # 1: it has been started
        ("attempt", "i8"),  # of making cells, from 0
        ("reinfused", "i8"),  # 1: reinfused after the loss of B-cell aplasia
        ("cycles", "i8"),  # of the present course given so far
        ("alkylators", "i8"),  # in the conditioning of the transplant planned, 1 or 2
        ("hsct_in_relapse", "i8"),  # 1: the last transplant was done in active disease
        ("lines_given", "i8"),
        ("course", "i8"),  # courses since entry, from 0: which uniforms are the patient's now
    ]
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
