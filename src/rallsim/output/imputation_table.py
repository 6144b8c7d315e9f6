"""What was made of a file's gaps: who was simulated, and how many values were drawn, with what result."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rallsim.inputs.cohort_file import COLUMNS, Cohort
from rallsim.simulation.imputation import is_drawn, sources


def patients_at_entry(cohort: Cohort, baseline: np.ndarray) -> pd.DataFrame:
    """Return a row a simulated patient: its `id` in the file, its attributes at entry, and those that were `drawn`."""
    rows = cohort.row_of(baseline["patient"])
    table = pd.DataFrame({"patient": baseline["patient"], "id": np.array(cohort.ids)[rows]})
    for name in COLUMNS:
        table[name] = baseline[name]
    drawn = np.array([" ".join(np.array(COLUMNS)[row]) for row in is_drawn(cohort)], dtype=object)
    table["drawn"] = drawn[rows]
    return table


def imputation(cohort: Cohort, baseline: np.ndarray) -> pd.DataFrame:
    """Return a row an attribute: in how many rows of the file it is given, implied by others, or drawn.

    `mean_known` is the mean of what is given or implied, `mean_drawn` that of what was drawn in the simulated patients;
    of a yes-or-no attribute the mean is the share with it.
    """
    drawn = is_drawn(cohort)[cohort.row_of(baseline["patient"])]
    table = []
    for place, source in enumerate(sources(cohort)):
        values, unknown = baseline[source.attribute], drawn[:, place]
        means = {
            "mean_known": values[~unknown].mean() if not unknown.all() else np.nan,
            "mean_drawn": values[unknown].mean() if unknown.any() else np.nan,
        }
        table.append({**source._asdict(), **means})
    return pd.DataFrame(table)
