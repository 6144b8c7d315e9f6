"""Who the patients of a history are at entry: one row a patient, the same under every strategy."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rallsim.model.patient import ATTRIBUTES, GIVEN, attribute_matrix

# The number of the patient in the cohort, from 0, and what rules can ask of a patient (`conditions`), at entry.
BASELINE = np.dtype([("patient", "i8"), *((name, "f8") for name in ATTRIBUTES)])


def baseline_of(entrants: np.ndarray) -> np.ndarray:
    """Return the baseline (BASELINE) of patients as they enter; `line` is the salvage line that would come next."""
    found = np.empty(len(entrants), BASELINE)
    found.view(np.float64).reshape(len(found), -1)[:, 1:] = attribute_matrix(entrants)[:, :GIVEN]
    found["patient"] = entrants["number"]
    found["line"] = entrants["lines_given"] + 1
    return found


def baseline_with(**attributes: ArrayLike) -> np.ndarray:
    """Return a baseline of patients of whom only some attributes are known; the others are not-a-number.

    >>> baseline_with(age=[40.0, 60.0], male=1.0)[["patient", "age", "male"]].tolist()
    [(0, 40.0, 1.0), (1, 60.0, 1.0)]
    """
    size = np.broadcast_shapes((1,), *(np.shape(values) for values in attributes.values()))[0]
    return baseline_from(pd.DataFrame({"patient": np.arange(size), **attributes}))


def baseline_from(table: pd.DataFrame) -> np.ndarray:
    """Return a baseline from a table with a column a field; a column that is not there is not known."""
    found = np.empty(len(table), BASELINE)
    for name in BASELINE.names or ():
        found[name] = table.get(name, np.nan)
    return found


def baseline_table(baseline: np.ndarray) -> pd.DataFrame:
    """Return a baseline as a table, a row a patient, a column a field."""
    return pd.DataFrame({name: baseline[name].copy() for name in BASELINE.names or ()})
