"""How the figures of one Kaplan-Meier curve err together.

The cumulative hazard that a cohort shows, -ln S_hat(t), errs by a martingale: what is added between two times is
independent of what came before, so the covariance of two errors is the variance at the earlier time,

V_S(t) = integral over (0, t) of dH(x) / (n * S(x) * G(x)),

n patients, S survival, G the share still followed. The same holds for the censoring hazard with V_C, and the two errors
are independent. Numbers at risk are n * S_hat * G_hat exactly, so they err by the sum. Landmarks, medians, re-digitised
points and numbers at risk of one cohort are thus one correlated set, and no information is counted twice.

Printed intervals set how large all errors of a curve are: V_S and V_C are multiplied by one factor, the geometric mean
of the printed variances over those that the number of patients gives. Single intervals are too noisy to weight the
differences between neighbouring figures. What is added, independent of each other: rounding of what is printed,
reading of re-digitised points, and how roughly the follow-up is described.

Source: Fleming and Harrington, Counting Processes and Survival Analysis, 1991, chapters 3 and 6.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rallsim.curves.families import Floats
from rallsim.curves.published import Point, PublishedCurve

STEPS = 600  # of the integrals
FEWEST_FOR_NORMAL = 5  # smaller numbers at risk inform the multinomial likelihood only
ROUNDING_SD = 0.003  # of a printed share: half a point either way
FOLLOW_UP_FORM_SD = 0.03  # of ln of the share followed: its form is only roughly right
Hazard = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Errors:
    """Covariances of one curve's figures, fixed before families are compared.

    Points stand on the scale of ln(-ln S), the median follow-up (last, where there is one) on that of ln(-ln G).
    `regression` takes residuals of -ln(number at risk / n) to what they make expected of the points' residuals, for the
    numbers at risk marked in `used`. `root` is the Cholesky factor of the points' covariance given those.
    """

    regression: Floats
    root: Floats
    log_determinant: float
    used: npt.NDArray[np.bool_]
    spread: Floats  # standard deviations of the points, without the numbers at risk


def errors_of(curve: PublishedCurve, cumulative: Hazard, censoring: Hazard) -> Errors:
    """Return the errors of a curve's figures, given first ideas of its cumulative hazards of event and censoring."""
    points = points_of(curve)
    times = np.array([point.months for point in points])
    plain_s, plain_c = (_variance(curve.patients, *pair) for pair in ((cumulative, censoring), (censoring, cumulative)))
    factor = _factor(curve, cumulative, plain_s)

    def variance_s(t: Floats) -> Floats:
        return factor * plain_s(t)

    def variance_c(t: Floats) -> Floats:
        return factor * plain_c(t)

    spread = np.array([_spread(point, curve, variance_s) for point in points])
    covariance = np.outer(spread, spread) * _correlation(times, times, variance_s) + _printing_errors(curve, points)
    risk_times = np.array(curve.at_risk.months if curve.at_risk else ())
    counts = np.array(curve.at_risk.counts if curve.at_risk else ())
    used = (risk_times > 0.0) & (counts >= FEWEST_FOR_NORMAL)
    risk_times = risk_times[used]
    earlier = np.minimum.outer(risk_times, risk_times)
    of_risk = variance_s(earlier) + variance_c(earlier) + FOLLOW_UP_FORM_SD**2 * np.eye(len(risk_times))
    across = np.outer(spread, np.sqrt(variance_s(risk_times))) * _correlation(times, risk_times, variance_s)
    if curve.follow_up is not None:
        at = np.array([curve.follow_up])
        own = (variance_c(at) + FOLLOW_UP_FORM_SD**2) / math.log(2.0) ** 2
        covariance = np.block([[covariance, np.zeros((len(points), 1))], [np.zeros((1, len(points))), own[:, None]]])
        across = np.vstack([across, variance_c(np.minimum.outer(at, risk_times)) / math.log(2.0)])
    spread = np.sqrt(np.diag(covariance))
    regression: Floats = np.zeros((len(covariance), 0))
    if len(risk_times):
        regression = np.asarray(np.linalg.solve(of_risk, across.T).T, float)
    given = covariance - regression @ across.T
    root = np.asarray(np.linalg.cholesky(given), float) if len(given) else np.zeros((0, 0))
    return Errors(regression, root, 2.0 * float(np.log(np.diag(root)).sum()), used, spread)


def points_of(curve: PublishedCurve) -> tuple[Point, ...]:
    """Printed points, then the re-digitised ones."""
    return (*curve.points, *(curve.digitised.points if curve.digitised else ()))


def _variance(patients: float, own: Hazard, other: Hazard) -> Hazard:
    """V(t) of the hazard `own` among patients who leave by either; a vector of times at once."""

    def variance(t: Floats) -> Floats:
        if t.size == 0:
            return np.zeros(t.shape)
        grid = np.linspace(0.0, float(t.max()) or 1.0, STEPS + 1)
        middle = 0.5 * (grid[1:] + grid[:-1])
        left = patients * np.exp(-np.minimum(own(middle) + other(middle), 30.0))
        added = np.concatenate([[0.0], np.cumsum(np.diff(own(grid)) / left)])
        return np.asarray(np.interp(t, grid, added))

    return variance


def _factor(curve: PublishedCurve, cumulative: Hazard, plain: Hazard) -> float:
    """Return how much larger printed variances are than those of so many patients; 1 where no interval says.

    Landmarks say it. The interval of a median tells as much of how flat the curve is there as of its error, so it
    counts only where nothing else is printed.
    """
    known = [point for point in curve.points if point.kind == "landmark" and point.sd is not None]
    if all(point.kind == "median" for point in curve.points) and curve.at_risk is None:
        known = [point for point in curve.points if point.sd is not None]
    ratios = [_printed_sd(point, cumulative) / _spread(point, curve, plain) for point in known]
    return math.exp(2.0 * float(np.mean(np.log(ratios)))) if ratios else 1.0


def _printed_sd(point: Point, cumulative: Hazard) -> float:
    """Return a printed standard deviation on the scale of ln(-ln S).

    That of a median is one of ln months; the slope of ln H over ln t there takes it to this scale.
    """
    sd = math.nan if point.sd is None else point.sd
    if point.kind != "median":
        return sd
    around = point.months * np.array([0.9, 1.1])
    rise, run = np.diff(np.log(cumulative(around))), np.diff(np.log(around))
    return sd * float(rise[0] / run[0])


def _spread(point: Point, curve: PublishedCurve, variance: Hazard) -> float:
    """Return the standard deviation of a point on the scale of ln(-ln S) that its number of patients gives."""
    scale = curve.patients / point.patients
    return math.sqrt(scale * float(variance(np.array([point.months]))[0])) / -math.log(point.survival)


def _printing_errors(curve: PublishedCurve, points: tuple[Point, ...]) -> Floats:
    """Return the errors of figures beyond those of the cohort: rounding, reading, and of all readings together."""
    slope = np.array([1.0 / (point.survival * -math.log(point.survival)) for point in points])
    own = np.full(len(points), ROUNDING_SD)
    read = np.array([point.kind == "digitised" for point in points])
    together = np.zeros((len(points), len(points)))
    if curve.digitised:
        own = np.where(read, curve.digitised.reading_sd, own)
        together = np.outer(read, read) * curve.digitised.offset_sd**2
    return np.asarray(np.diag((own * slope) ** 2) + together)


def _correlation(a: Floats, b: Floats, variance: Hazard) -> Floats:
    """Correlation of a martingale at times `a` and `b`: sqrt(V(earlier) / V(later))."""
    earlier, later = variance(np.minimum.outer(a, b)), variance(np.maximum.outer(a, b))
    return np.sqrt(earlier / np.maximum(later, 1e-300))
