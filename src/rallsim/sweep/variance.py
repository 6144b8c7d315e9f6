"""How much of the spread of a probabilistic sample is luck of the patients, and how much the parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Split:
    """Variance of an outcome over draws and batches of patients, by where it comes from.

    `parameters`: of its mean given the parameters; `shared`: of the luck of a batch, the same in every draw; `own`: of
    what that luck does in one draw and not in another. The last two are for one batch.
    """

    mean: float
    draws: int
    batches: int
    parameters: float
    shared: float
    own: float

    @property
    def error_of_draws(self) -> float:
        """Part of the standard error of the mean that more draws would lower."""
        return float(np.sqrt(self.parameters / self.draws))

    @property
    def error_of_patients(self) -> float:
        """Part of the standard error of the mean that more patients would lower."""
        return float(np.sqrt(self.shared / self.batches + self.own / (self.draws * self.batches)))

    @property
    def error(self) -> float:
        """Standard error of the mean over draws and patients."""
        return float(np.hypot(self.error_of_draws, self.error_of_patients))

    @property
    def noise(self) -> float:
        """Share of the variance between draws that is luck of the patients, not a difference of parameters."""
        between = self.parameters + self.own / self.batches
        return self.own / self.batches / between if between > 0 else 0.0


def split(values: Floats) -> Split:
    """Split the variance of draws × batches, crossed because every draw meets the same patients.

    y_db = m + a_d + c_b + e_db, three independent effects with variances A (parameters), C (shared), E (own)

    E = MS_e;  A = (MS_d - MS_e) / B;  C = (MS_b - MS_e) / D;  below 0 counts as 0
    SE(m)^2 = A / D + C / B + E / (D B)

    MS are the mean squares of a two-way table without repetitions. One draw or one batch leaves not-a-number.

    Source: Searle, Casella and McCulloch, Variance Components, ch. 4; for nested simulation O'Hagan, Stevenson and
    Madan, Health Econ 2007;16:1009.

    >>> found = split(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    >>> found.mean, found.parameters, found.shared, found.own
    (3.5, 4.0, 0.5, 0.0)
    """
    draws, batches = values.shape
    mean = float(values.mean())
    if draws < 2 or batches < 2:
        nan = float("nan")
        return Split(mean, draws, batches, nan, nan, nan)
    rows, columns = values.mean(axis=1), values.mean(axis=0)
    left = values - rows[:, None] - columns[None, :] + mean
    own = float((left**2).sum() / ((draws - 1) * (batches - 1)))
    by_draw, by_batch = batches * float(rows.var(ddof=1)), draws * float(columns.var(ddof=1))
    return Split(mean, draws, batches, max(0.0, (by_draw - own) / batches), max(0.0, (by_batch - own) / draws), own)
