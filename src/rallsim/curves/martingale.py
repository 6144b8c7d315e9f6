"""How the figures of one Kaplan-Meier curve err together.

The cumulative hazard that a cohort shows, -ln S_hat(t), errs by a martingale: what is added between two times is
independent of what came before, so the covariance of two errors is the variance at the earlier time,

V_S(t) = integral over (0, t) of dH(x) / (n * S(x) * G(x)),

n patients, S survival, G the share still followed. The same holds for the censoring hazard with V_C, and the two errors
are independent. Numbers at risk are n * S_hat * G_hat exactly, so they err by the sum. Landmarks, medians, re-digitised
points and numbers at risk of one cohort are thus one correlated set, and no information is counted twice.

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
NUGGET = 1e-8  # added to variances, so that figures of one time can be solved for
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
    variance_s = _variance(curve.patients, cumulative, censoring)
    variance_c = _variance(curve.patients, censoring, cumulative)
    spread = np.array([_spread(point, curve, cumulative, variance_s, variance_c) for point in points])
    covariance = np.outer(spread, spread) * _correlation(times, times, variance_s)
    covariance += _reading_errors(curve, points)

    risk_times = np.array(curve.at_risk.months if curve.at_risk else ())
    counts = np.array(curve.at_risk.counts if curve.at_risk else ())
    used = (risk_times > 0.0) & (counts >= FEWEST_FOR_NORMAL)
    risk_times = risk_times[used]
    of_events = np.sqrt(variance_s(risk_times))
    both = np.outer(of_events, of_events) * _correlation(risk_times, risk_times, variance_s)
    of_censoring = variance_c(np.minimum.outer(risk_times, risk_times))
    across = np.outer(spread, of_events) * _correlation(times, risk_times, variance_s)
    if curve.follow_up is not None:
        at = np.array([curve.follow_up])
        own = variance_c(at) / math.log(2.0) ** 2
        covariance = np.block([[covariance, np.zeros((len(points), 1))], [np.zeros((1, len(points))), own[:, None]]])
        across = np.vstack([across, variance_c(np.minimum.outer(at, risk_times)) / math.log(2.0)])
        spread = np.append(spread, np.sqrt(own))
    covariance += NUGGET * np.eye(len(covariance))
    of_risk = both + of_censoring + NUGGET * np.eye(len(risk_times))
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


def _spread(point: Point, curve: PublishedCurve, cumulative: Hazard, of_events: Hazard, of_censoring: Hazard) -> float:
    """Standard deviation of a point on the scale of ln(-ln S): as printed, else what the number of patients gives.

    The interval of a median is one of ln months; the slope of ln H over ln t there takes it to this scale.
    """
    if point.sd is not None and point.kind == "median":
        around = point.months * np.array([0.9, 1.1])
        rise, run = np.diff(np.log(cumulative(around))), np.diff(np.log(around))
        return point.sd * float(rise[0] / run[0])
    if point.sd is not None:
        return point.sd
    scale = curve.patients / point.patients
    return math.sqrt(scale * float(of_events(np.array([point.months]))[0])) / -math.log(point.survival)


def _reading_errors(curve: PublishedCurve, points: tuple[Point, ...]) -> Floats:
    """Errors of re-digitised points beyond those of the cohort: of each reading, and of all together."""
    found = np.zeros((len(points), len(points)))
    if curve.digitised:
        read = np.array([point.kind == "digitised" for point in points])
        slope = np.array([1.0 / (point.survival * -math.log(point.survival)) for point in points])
        found += np.diag(np.where(read, (curve.digitised.reading_sd * slope) ** 2, 0.0))
        found += np.outer(read, read) * curve.digitised.offset_sd**2
    return found


def _correlation(a: Floats, b: Floats, variance: Hazard) -> Floats:
    """Correlation of a martingale at times `a` and `b`: sqrt(V(earlier) / V(later))."""
    earlier, later = variance(np.minimum.outer(a, b)), variance(np.maximum.outer(a, b))
    return np.sqrt(earlier / np.maximum(later, 1e-300))
