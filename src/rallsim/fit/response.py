"""One binomial model of response across all arms and subgroups: remission, and MRD given remission.

Cell c is a group of patients on whom one share was counted, a mixture i of covariates with known shares q:

    p_c = treated * sum_i q_i / (1 + exp(-eta_i)),   eta = alpha[therapy] + u[study] + sum of log odds ratios

- The total of an arm is binomial. A subgroup table enters by its distribution given its own total, a product of
  binomials over their convolution: it informs odds ratios only, so the same patients are never counted twice.
- An odds ratio printed by a model is normal on the log scale.
- u ~ N(0, tau^2) is a study's own level, shared by its arms: therapies are compared within their trial. tau is where
  the marginal likelihood (Laplace) times its half-normal prior is largest.
- alpha and log odds ratios have weak normal priors. Odds ratios that no row informs keep the range their file assumes.

Fisher scoring finds the mode; the inverse information is the covariance (Laplace).

Sources: McCullagh and Nelder 1989, chapter 7 (conditional likelihood); Higgins et al. 2009 (studies as random effects).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

SMALL = 1e-18  # of a binomial distribution, left out of convolutions
STEPS = 60
LONGEST = 2.0  # step of any log odds, so that no share reaches 0 or 1
CLOSE = 1e-9  # change of the log posterior at which the search ends
TAU_RANGE = (0.02, 2.0)


@dataclass(frozen=True)
class Counted:
    """Events of totals in some cells: each binomial, or all given their sum."""

    cells: tuple[int, ...]
    events: np.ndarray
    totals: np.ndarray
    given_sum: bool


@dataclass(frozen=True)
class Printed:
    """A log odds ratio as a paper's model prints it."""

    unknown: int
    value: float
    sd: float


@dataclass(frozen=True)
class ResponseProblem:
    """The model laid out in arrays.

    Unknowns are log odds, log odds ratios and study effects, in this order of `names`; `assumed` are log odds ratios
    that are not moved. Points are the parts of all cells' mixtures.
    """

    names: tuple[str, ...]
    prior_sd: np.ndarray  # (unknowns,), nan for a study effect: tau
    assumed: tuple[str, ...]
    design: np.ndarray  # (points, unknowns)
    of_assumed: np.ndarray  # (points, assumed)
    weights: np.ndarray  # (cells, points): shares of the mixture, times the share treated
    counted: tuple[Counted, ...]
    printed: tuple[Printed, ...]
    tau_scale: float

    def probabilities(self, unknowns: np.ndarray, assumed: np.ndarray) -> np.ndarray:
        """Share of responders in each cell."""
        return np.asarray(self.weights @ _expit(self.design @ unknowns + self.of_assumed @ assumed))


@dataclass(frozen=True)
class Response:
    """The mode, its covariance, how the mode moves with what is assumed, and the studies' standard deviation."""

    problem: ResponseProblem
    mode: np.ndarray
    assumed: np.ndarray
    covariance: np.ndarray
    slope: np.ndarray  # (unknowns, assumed)
    tau: float
    fitted: np.ndarray  # share of each cell at the mode

    def draws(self, normal: np.ndarray, assumed: np.ndarray) -> np.ndarray:
        """Unknowns (columns) for draws (rows) of standard normals and of the assumed log odds ratios."""
        root = np.linalg.cholesky(self.covariance)
        # einsum sums a row as it is; a matrix product may round a row differently in a table of another length.
        moved = np.einsum("ij,kj->ik", assumed - self.assumed, self.slope) + np.einsum("ij,kj->ik", normal, root)
        return np.asarray(self.mode + moved)


def fit_response(problem: ResponseProblem, assumed: np.ndarray) -> Response:
    """Find mode, covariance and tau; raises ValueError when no mode can be found.

    `assumed` are the log odds ratios that are not moved.
    """
    from scipy.optimize import minimize_scalar

    start = np.zeros(len(problem.names))

    def misfit(log_tau: float) -> float:
        tau = math.exp(log_tau)
        mode, value, information, _ = _mode(problem, assumed, tau, start)
        start[:] = mode
        _, log_determinant = np.linalg.slogdet(information)
        return float(-(value - 0.5 * log_determinant - 0.5 * (tau / problem.tau_scale) ** 2 + log_tau))

    if np.isnan(problem.prior_sd).any():
        low, high = (math.log(limit) for limit in TAU_RANGE)
        tau = math.exp(minimize_scalar(misfit, bounds=(low, high), method="bounded", options={"xatol": 1e-3}).x)
    else:
        tau = TAU_RANGE[0]  # there is no study effect to spread
    mode, _, information, cross = _mode(problem, assumed, tau, start)
    covariance = np.linalg.inv(information)
    fitted = problem.probabilities(mode, assumed)
    return Response(problem, mode, assumed, covariance, -covariance @ cross, tau, fitted)


def _mode(
    problem: ResponseProblem, assumed: np.ndarray, tau: float, start: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """Fisher scoring with halved steps: mode, log posterior, information, and information across the assumed."""
    prior = 1.0 / np.where(np.isnan(problem.prior_sd), tau, problem.prior_sd) ** 2
    constant = 0.5 * float(np.log(prior).sum())
    x = start.copy()
    value, score, information, cross = _posterior(problem, x, assumed, prior)
    for _ in range(STEPS):
        move = np.linalg.solve(information, score)
        move = move * min(1.0, LONGEST / float(np.abs(move).max() + 1e-300))
        for halving in range(20):
            tried = x + move / 2.0**halving
            found = _posterior(problem, tried, assumed, prior)
            if found[0] >= value:
                break
        else:
            break
        gain = found[0] - value
        x, (value, score, information, cross) = tried, found
        if gain < CLOSE:
            break
    if not math.isfinite(value):
        raise ValueError("no mode of the response model")
    return x, value + constant, information, cross


def _posterior(
    problem: ResponseProblem, x: np.ndarray, assumed: np.ndarray, prior: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Log posterior, its score, the Fisher information, and that across the assumed log odds ratios."""
    share = _expit(problem.design @ x + problem.of_assumed @ assumed)
    p = problem.weights @ share
    steep = problem.weights * (share * (1.0 - share))
    slopes = np.hstack([steep @ problem.design, steep @ problem.of_assumed])  # dp / d(unknowns, assumed)
    size = len(x)
    value = -0.5 * float(x @ (prior * x))
    score, information = -prior * x, np.hstack([np.diag(prior), np.zeros((size, len(assumed)))])
    for term in problem.counted:
        cells = list(term.cells)
        by_log_odds = slopes[cells] / (p[cells] * (1.0 - p[cells]))[:, None]
        if term.given_sum:
            log_share, mean, covariance = given_their_sum(term.events, term.totals, p[cells])
        else:
            log_share = float(_log_binomial(term.events, term.totals, p[cells]).sum())
            mean, covariance = term.totals * p[cells], np.diag(term.totals * p[cells] * (1.0 - p[cells]))
        value += log_share
        score = score + by_log_odds[:, :size].T @ (term.events - mean)
        information = information + by_log_odds[:, :size].T @ covariance @ by_log_odds
    for printed in problem.printed:
        away = (printed.value - x[printed.unknown]) / printed.sd
        value -= 0.5 * away**2
        score[printed.unknown] += away / printed.sd
        information[printed.unknown, printed.unknown] += 1.0 / printed.sd**2
    return value, score, information[:, :size], information[:, size:]


def given_their_sum(events: np.ndarray, totals: np.ndarray, p: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Log probability of binomial counts given their sum, and their mean and covariance given it.

    The non-central hypergeometric distribution. It depends on the ratios of the groups' odds alone, so all odds are
    first multiplied by what makes the sum the expected one: the convolution is read in the middle of its distribution.

    >>> log_share, mean, _ = given_their_sum(np.array([1.0, 1.0]), np.array([2.0, 2.0]), np.array([0.3, 0.3]))
    >>> round(math.exp(log_share), 4), mean.round(3).tolist()
    (0.6667, [1.0, 1.0])
    """
    p = _with_expected_sum(totals, p, float(events.sum()))
    groups = [_binomial(int(total), float(share)) for total, share in zip(totals, p, strict=True)]
    wanted = int(events.sum())

    def at_sum(powers: Sequence[int]) -> float:
        parts = [
            (first, mass * (first + np.arange(len(mass))) ** power)
            for (first, mass), power in zip(groups, powers, strict=True)
        ]
        first, mass = reduce(lambda one, other: (one[0] + other[0], np.convolve(one[1], other[1])), parts)
        return float(mass[wanted - first]) if 0 <= wanted - first < len(mass) else 0.0

    size = len(groups)
    unit = np.eye(size, dtype=int)
    whole = at_sum([0] * size)
    if whole <= 0.0:
        return -math.inf, np.asarray(totals * p), np.zeros((size, size))
    mean = np.array([at_sum(list(unit[g])) for g in range(size)]) / whole
    second = np.array([[at_sum(list(unit[g] + unit[h])) for h in range(size)] for g in range(size)]) / whole
    log_share = float(_log_binomial(events, totals, p).sum()) - math.log(whole)
    return log_share, mean, second - np.outer(mean, mean)


def _with_expected_sum(totals: np.ndarray, p: np.ndarray, wanted: float) -> np.ndarray:
    """Probabilities with all odds multiplied by one factor, so that the expected sum is `wanted`."""
    from scipy.optimize import brentq

    log_odds = np.log(p / (1.0 - p))
    if not 0.0 < wanted < totals.sum() or not np.isfinite(log_odds).all():
        return p
    far = 40.0 + float(np.abs(log_odds).max())
    shift = brentq(lambda by: float(totals @ _expit(log_odds + by)) - wanted, -far, far, xtol=1e-10)
    return _expit(log_odds + shift)


def _binomial(total: int, p: float) -> tuple[int, np.ndarray]:
    """Binomial distribution where it is not negligible: first number of events, and the probabilities from it on."""
    counts = np.arange(total + 1.0)
    mass = np.exp(_log_binomial(counts, float(total), p))
    kept = np.flatnonzero(mass > SMALL)
    return int(kept[0]), mass[kept[0] : kept[-1] + 1]


def _log_binomial(events: np.ndarray, totals: np.ndarray | float, p: np.ndarray | float) -> np.ndarray:
    from scipy.special import gammaln, xlog1py, xlogy

    ways = gammaln(np.asarray(totals) + 1.0) - gammaln(events + 1.0) - gammaln(totals - events + 1.0)
    return np.asarray(ways + xlogy(events, p) + xlog1py(totals - events, -np.asarray(p)))


def _expit(x: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))
