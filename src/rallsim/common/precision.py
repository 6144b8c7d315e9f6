"""Estimates from one simulated cohort, how much chance is in them, and how two cohorts with the same luck differ.

Every estimate carries its influence values: one number a patient, such that the estimate's chance error is close to
their mean. The error of a difference between two strategies is then that of the patients' differences, whatever is
estimated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Z_95 = NormalDist().inv_cdf(0.975)
_ROUNDING = 1e-12  # survival is a product of ratios: one half may come out a last bit above it

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value, its Monte Carlo standard error and 95 % limits; not-a-number is what cannot be told."""

    value: float
    std_error: float
    lo: float
    hi: float
    influence: Floats = field(repr=False)


def share(hits: Mask, among: Mask) -> Estimate:
    """Share of patients with `hits` among those of `among`.

    R = sum(hits) / m;  SE = sqrt(R (1 - R) / m);  influence of a patient = among (hits - R) / (m / n)

    The limits are Wilson's, so that 0 of m has a sensible upper one. Nobody in `among` gives not-a-number.

    Source: Wilson, J Am Stat Assoc 1927;22:209.

    >>> nobody_of_ten = share(np.zeros(10, bool), np.ones(10, bool))
    >>> nobody_of_ten.value, nobody_of_ten.std_error, round(nobody_of_ten.hi, 4)
    (0.0, 0.0, 0.2775)
    """
    size, cohort = int(among.sum()), len(among)
    if size == 0:
        return _unknown(cohort)
    value = int((hits & among).sum()) / size
    z2 = Z_95**2
    centre = (value + z2 / (2 * size)) / (1 + z2 / size)
    half = Z_95 * float(np.sqrt(value * (1 - value) / size + z2 / (4 * size**2))) / (1 + z2 / size)
    return Estimate(
        value,
        std_error=float(np.sqrt(value * (1 - value) / size)),
        lo=0.0 if value == 0 else centre - half,
        hi=1.0 if value == 1 else centre + half,
        influence=np.where(among, hits - value, 0.0) * (cohort / size),
    )


def mean(values: Floats) -> Estimate:
    """Mean over all patients, SE = s / sqrt(n), limits of the normal distribution; influence = value - mean.

    >>> estimate = mean(np.array([1.0, 3.0]))
    >>> estimate.value, estimate.std_error
    (2.0, 1.0)
    """
    if len(values) == 0:
        return _unknown(0)
    value = float(values.mean())
    influence = values - value
    return _with_normal_limits(value, _standard_error(influence), influence)


def median(times: Floats, ended: Mask, among: Mask) -> Estimate:
    """Kaplan-Meier median of `times`, censored where not `ended`, among the patients of `among`.

    median m = the first time t with S(t) <= 1/2

    Woodruff's interval reads the limits of S off the same curve: lo and hi are the first times with
    S(t) <= 1/2 + z e and S(t) <= 1/2 - z e, where e = sqrt(1 / (4 k)) and k is the effective number of patients: their
    number where nobody is censored before m, else the k for which S(1 - S) / k is Greenwood's variance of S(m).
    SE = (hi - lo) / (2 z). Influence = psi / f, with psi that of S(m), which is 1[T > m] - S(m) without censoring, and
    the density f = e / SE.

    A median that is not reached is not-a-number. Where only `hi` is not reached, that alone is not-a-number and
    SE = (m - lo) / z. Fewer than four patients bound nothing: `lo` is 0.

    Source: Woodruff, J Am Stat Assoc 1952;47:635; for censored times Brookmeyer and Crowley, Biometrics 1982;38:29.

    >>> times = np.arange(1.0, 102.0)
    >>> everyone = np.ones(101, bool)
    >>> estimate = median(times, everyone, everyone)
    >>> estimate.value, estimate.lo, estimate.hi
    (51.0, 41.0, 61.0)
    """
    cohort, size = len(times), int(among.sum())
    grid, position, leaving = np.unique(times[among], return_inverse=True, return_counts=True)
    endings = np.bincount(position, weights=ended[among], minlength=len(grid))
    at_risk = size - np.cumsum(leaving) + leaving
    survival = np.cumprod(1.0 - endings / at_risk)

    def first_at_most(level: float) -> float:
        reached = np.flatnonzero(survival <= level + _ROUNDING)
        return float(grid[reached[0]]) if len(reached) else float("nan")

    value = first_at_most(0.5)
    if np.isnan(value):
        return _unknown(cohort)

    at = int(np.searchsorted(grid, value))
    remaining = np.maximum(at_risk - endings, 1.0)  # 0 only where survival is 0, and that multiplies it below
    hazard = np.cumsum(endings / at_risk * size / remaining)
    died_by = ended[among] & (position <= at)
    psi = -survival[at] * (np.where(died_by, size / remaining[position], 0.0) - hazard[np.minimum(position, at)])
    binomial = survival[at] * (1.0 - survival[at])
    inflation = float(np.mean(psi**2) / binomial) if binomial > _ROUNDING else 1.0
    error = 0.5 * float(np.sqrt(inflation / size))

    lo = first_at_most(0.5 + Z_95 * error) if 0.5 + Z_95 * error < 1.0 else 0.0
    hi = first_at_most(0.5 - Z_95 * error)
    std_error = (value - lo) / Z_95 if np.isnan(hi) else (hi - lo) / (2 * Z_95)
    influence = np.zeros(cohort)
    influence[among] = psi * (std_error / error) * (cohort / size)
    return Estimate(value, std_error, lo, hi, influence)


def difference(one: Estimate, other: Estimate) -> Estimate:
    """`one` minus `other`, estimated in the same patients with the same luck.

    SE = s(influence of one - influence of other) / sqrt(n): what the two have in common cancels, patient by patient.

    >>> before, after = np.array([1.0, 5.0, 9.0]), np.array([2.0, 6.0, 10.0])
    >>> gain = difference(mean(after), mean(before))
    >>> gain.value, gain.std_error
    (1.0, 0.0)
    """
    influence = one.influence - other.influence
    return _with_normal_limits(one.value - other.value, _standard_error(influence), influence)


def _standard_error(influence: Floats) -> float:
    return float(influence.std(ddof=1) / np.sqrt(len(influence))) if len(influence) > 1 else float("nan")


def _with_normal_limits(value: float, std_error: float, influence: Floats) -> Estimate:
    return Estimate(value, std_error, value - Z_95 * std_error, value + Z_95 * std_error, influence)


def _unknown(cohort: int) -> Estimate:
    nan = float("nan")
    return Estimate(nan, nan, nan, nan, np.full(cohort, nan))
