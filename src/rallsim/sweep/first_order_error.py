"""What chance in single patients leaves in a probabilistic sample: its share of the variance, and the EVPI without it.

First-order uncertainty is chance between patients with the same parameters; second-order uncertainty is that of the
parameters. Only the latter is worth resolving.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TOO_LARGE = 0.2  # share of the variance between draws from which on the bias of the EVPI is not corrected well
ENOUGH = 0.05  # share that a sample of patients should have


@dataclass(frozen=True)
class Split:
    """Variance of an outcome over draws and batches of patients, by where it comes from.

    `parameters`: of its mean given the parameters; `shared`: of chance in a batch, the same in every draw; `own`: of
    what that chance does in one draw and not in another. The last two are for one batch.
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
    def first_order_share(self) -> float:
        """Share of the variance between draws that is chance in patients, not a difference of parameters."""
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

    >>> parts = split(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    >>> parts.mean, parts.parameters, parts.shared, parts.own
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


def evpi_bias_corrected(costs: Floats, qalys: Floats, wtp: Sequence[float], plain: Sequence[float]) -> Floats:
    """EVPI at each willingness to pay, from costs and QALYs of draws × strategies × batches of patients.

    E(n) = mean(max_d NMB_d) - max_d mean(NMB_d), with n patients a draw, is biased upwards: the best strategy of a draw
    is chosen by what happened to its patients by chance. The bias falls as 1 / n, so

    EVPI = 2 E(n) - E(n / 2)

    is free of it to the first order; E(n / 2) is the mean over five ways to halve the batches (five in a row, and the
    others). Never below 0 nor above `plain`, the E(n) of all patients. With an odd number of batches the last is left
    out; fewer than two give not-a-number.

    Source: Richardson extrapolation, as in jackknife estimates of bias (Quenouille 1956); for nested simulation
    O'Hagan, Stevenson and Madan, Health Econ 2007;16:1009.

    >>> same = np.ones((3, 2, 4))
    >>> evpi_bias_corrected(same * 10.0, same * np.array([1.0, 2.0])[None, :, None], [30.0], [0.0]).tolist()
    [0.0]
    """
    even = costs.shape[2] // 2 * 2
    if even < 2:
        return np.full(len(wtp), np.nan)
    half, ways = even // 2, min(5, even // 2)
    places = np.arange(even)
    halves = [np.isin(places, (np.arange(half) + start) % even) for start in range(ways)]
    parts = [np.ones(even, bool), *(part for chosen in halves for part in (chosen, ~chosen))]
    costs, qalys = costs[:, :, :even], qalys[:, :, :even]
    means = [(costs[:, :, part].mean(axis=2), qalys[:, :, part].mean(axis=2)) for part in parts]
    corrected = []
    for k, most in zip(wtp, plain, strict=True):
        whole, *of_halves = (_evpi(k * effect - cost) for cost, effect in means)
        corrected.append(max(0.0, min(most, 2.0 * whole - float(np.mean(of_halves)))))
    return np.array(corrected)


def in_words(share: float, patients: int) -> str:
    """Say what share of the variance first-order uncertainty is; if too much for the EVPI, how many patients it takes.

    With a share s of n patients a draw, a share of 5 % takes n s / (1 - s) (1 - 0.05) / 0.05 patients.

    >>> in_words(0.025, 200)
    'First-order uncertainty is at most 2.5% of the variance between draws.'
    >>> in_words(0.3, 200)[-76:]
    'That is too much for any EVPI, corrected or not: take 1,700 patients a draw.'
    """
    words = f"First-order uncertainty is at most {share:.1%} of the variance between draws."
    if share < TOO_LARGE or math.isnan(share):
        return words
    needed = patients * share / (1 - share) * (1 - ENOUGH) / ENOUGH if share < 1 else math.inf
    more = f"{math.ceil(needed / 100) * 100:,}" if math.isfinite(needed) else "many more"
    return f"{words} That is too much for any EVPI, corrected or not: take {more} patients a draw."


def _evpi(benefit: Floats) -> float:
    """EVPI of net benefits of draws × strategies."""
    return float(benefit.max(axis=1).mean() - benefit.mean(axis=0).max())
