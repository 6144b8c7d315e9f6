"""How likely a curve makes what was printed: numbers at risk as a multinomial, all points as one correlated set.

ln L = sum over intervals of ln Binomial(n_j | n_(j-1), S(t_j) G(t_j) / (S(t_(j-1)) G(t_(j-1))))
       + ln Normal(points | what the numbers at risk make expected, their covariance given those)
       + ln Normal(ln HR | its mean over the trial) where a hazard ratio belongs to the fit.

S is all-cause survival: that of the family times that of the background. G = exp(-(t / scale) ** shape - loss * t) is
the share still followed (ends of follow-up, and early loss), with its three parameters estimated along under weak
priors; where nothing says how long patients were followed it is 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from rallsim.curves.background import Background
from rallsim.curves.distribution import TimeToEvent
from rallsim.curves.families import Floats
from rallsim.curves.martingale import Errors, Hazard, points_of
from rallsim.curves.published import PublishedCurve

MOST_HAZARD = 60.0  # cumulative hazards are cut here: a share of 1e-26 is as impossible as any other


@dataclass(frozen=True)
class Reference:
    """The other arm of a hazard ratio: its distribution and background."""

    distribution: TimeToEvent
    background: Background


@dataclass(frozen=True)
class Likelihood:
    """Everything fixed about one curve while families are tried on it."""

    curve: PublishedCurve
    background: Background
    errors: Errors
    reference: Reference | None = None

    def all_cause(self, distribution: TimeToEvent) -> Hazard:
        """Return the cumulative hazard of all causes as a function of months."""
        return lambda t: distribution.cumulative_hazard(t) + self.background.cumulative_hazard(t)

    def log_likelihood(self, distribution: TimeToEvent, followed: Hazard) -> float:
        """Return ln L; `followed` is the cumulative hazard of censoring."""
        hazard, lost = self._at_times(distribution, followed)
        parts = (self._of_counts(hazard, lost), self._of_points(hazard, lost), self._of_ratio(distribution))
        return sum(part[0] for part in parts)

    def misfit(self, distribution: TimeToEvent, followed: Hazard) -> tuple[float, int]:
        """Return the deviance from a perfect fit, and how many figures it sums over.

        Twice the log-likelihood that is missing to the best possible one: chi-squared if the curve is right, with as
        many degrees of freedom as there are figures less estimated parameters.
        """
        hazard, lost = self._at_times(distribution, followed)
        parts = (self._of_counts(hazard, lost), self._of_points(hazard, lost), self._of_ratio(distribution))
        return sum(part[1] for part in parts), sum(part[2] for part in parts)

    def residuals(self, distribution: TimeToEvent) -> Floats:
        """Return each point's printed minus fitted ln(-ln S), in its own standard deviations."""
        size = len(self._printed)
        hazard = self.all_cause(distribution)(self._times[:size])
        return np.asarray((self._printed - np.log(np.clip(hazard, 1e-12, MOST_HAZARD))) / self.errors.spread[:size])

    @cached_property
    def _printed(self) -> Floats:
        return np.asarray(np.log(-np.log(np.array([point.survival for point in points_of(self.curve)]))))

    @cached_property
    def _counts(self) -> Floats:
        return np.array(self.curve.at_risk.counts if self.curve.at_risk else (), float)

    @cached_property
    def _times(self) -> Floats:
        """Times of the points, of the numbers at risk, and of the median follow-up, in this order."""
        at_risk = self.curve.at_risk.months if self.curve.at_risk else ()
        follow_up = () if self.curve.follow_up is None else (self.curve.follow_up,)
        return np.array([*(point.months for point in points_of(self.curve)), *at_risk, *follow_up])

    @cached_property
    def _other_causes(self) -> Floats:
        return self.background.cumulative_hazard(self._times)

    @cached_property
    def _whitening(self) -> Floats:
        return np.asarray(np.linalg.inv(self.errors.root), float) if len(self.errors.root) else self.errors.root

    @cached_property
    def _log_shares(self) -> Floats:
        return -np.log(self._counts[self.errors.used] / self.curve.patients)

    @cached_property
    def _best_counts(self) -> tuple[float, float, int]:
        """Log-likelihood of the numbers at risk without and with their binomial factors, at its best; and how many."""
        before, after = self._counts[:-1], self._counts[1:]
        best = (
            special.xlogy(after, after) + special.xlogy(before - after, before - after) - special.xlogy(before, before)
        )
        ways = special.gammaln(before + 1.0) - special.gammaln(after + 1.0) - special.gammaln(before - after + 1.0)
        return float(best.sum()), float(ways.sum()), int((before > 0.0).sum())

    def _at_times(self, distribution: TimeToEvent, followed: Hazard) -> tuple[Floats, Floats]:
        """Return the cumulative hazards of all causes and of the end of follow-up at all times of the curve."""
        return distribution.cumulative_hazard(self._times) + self._other_causes, followed(self._times)

    def _of_counts(self, hazard: Floats, lost: Floats) -> tuple[float, float, int]:
        counts, first = self._counts, len(self._printed)
        if not len(counts):
            return 0.0, 0.0, 0
        left = np.minimum((hazard + lost)[first : first + len(counts)], MOST_HAZARD)
        stay = np.clip(np.exp(left[:-1] - left[1:]), 1e-12, 1.0 - 1e-12)
        kernel = float(counts[1:] @ np.log(stay) + (counts[:-1] - counts[1:]) @ np.log1p(-stay))
        best, ways, intervals = self._best_counts
        return kernel + ways, 2.0 * (best - kernel), intervals

    def _of_points(self, hazard: Floats, lost: Floats) -> tuple[float, float, int]:
        size, count = len(self._printed), len(self._counts)
        residual = self._printed - np.log(np.clip(hazard[:size], 1e-12, MOST_HAZARD))
        if self.curve.follow_up is not None:
            residual = np.append(residual, math.log(math.log(2.0)) - math.log(max(lost[-1], 1e-12)))
        if not len(residual):
            return 0.0, 0.0, 0
        if len(self._log_shares):
            expected = np.minimum((hazard + lost)[size : size + count], MOST_HAZARD)[self.errors.used]
            residual = residual - self.errors.regression @ (self._log_shares - expected)
        scaled = self._whitening @ residual
        distance = float(scaled @ scaled)
        constant = self.errors.log_determinant + len(residual) * math.log(2.0 * math.pi)
        return -0.5 * (distance + constant), distance, len(residual)

    def _of_ratio(self, distribution: TimeToEvent) -> tuple[float, float, int]:
        ratio = self.curve.hazard_ratio
        if ratio is None or not ratio.in_fit or self.reference is None:
            return 0.0, 0.0, 0
        z = (ratio.log_value - self.mean_log_ratio(distribution)) / ratio.sd
        return -0.5 * z * z - math.log(ratio.sd * math.sqrt(2.0 * math.pi)), z * z, 1

    def mean_log_ratio(self, distribution: TimeToEvent) -> float:
        """Return the mean ln hazard ratio against the reference arm over what is seen of the curve.

        Every month counts as the events that fall into it in both arms together, as in a proportional-hazards model
        of the two. Not a number without a reference.
        """
        if self.reference is None:
            return math.nan
        t = np.linspace(0.0, self.curve.last_seen, 241)[1:]
        own, other = self.all_cause(distribution), self.reference
        of_own = distribution.hazard(t) + self.background.hazard(t)
        of_other = other.distribution.hazard(t) + other.background.hazard(t)
        left = np.exp(-own(t)), np.exp(-other.distribution.cumulative_hazard(t) - other.background.cumulative_hazard(t))
        weight = of_own * left[0] + of_other * left[1]
        return float((weight * np.log(of_own / of_other)).sum() / weight.sum())
