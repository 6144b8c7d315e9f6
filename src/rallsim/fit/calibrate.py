"""Calibration: what no paper prints, fitted to the trials' survival, progression and transplant rates all together.

Let c be the calibrated parameters and r all others, each on the scale on which it is unbounded, f(c, r) the whole model
simulated in the trials' populations (with common random numbers, so f is smooth), y the published numbers with
covariance V. The mode c* minimises

    (y - f(c, r0))' V^-1 (y - f(c, r0)) + (c - m)' S^-1 (c - m)

with the prior N(m, S) and r at the base case, by Gauss-Newton steps. Draws of the posterior are modes too, one for each
draw i of the prior: of r_i, of the prior's c_i, and of y_i = y + error (randomised maximum likelihood), with the
Jacobian at c*. For a linear f this is the Laplace approximation exactly; r is drawn from its own evidence and not moved
(a cut), since the same patients' responses stand behind it already.

Sources: Kitanidis 1995 and Oliver, He and Reynolds 1996 (randomised maximum likelihood); Plummer 2015 (cuts).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.spreads import Z
from rallsim.inputs.uncertainty import bounded, unbounded
from rallsim.model.parameter_fields import UNITS
from rallsim.model.random_numbers import parameter_uniforms
from rallsim.validation.compare import cohort_values
from rallsim.validation.targets import AT_RISK, Target
from rallsim.validation.trials import load_trials

Progress = Callable[[str, float], None]
POINTS_OF_A_CURVE = 2.0  # an arm's points of an endpoint, however many, weigh as much as this many independent ones
STEP = 0.5  # prior standard deviations to either side, for derivatives
LAST_AT_RISK = 12.0  # months: later numbers at risk depend on when follow-up ended more than on survival
MOST_STEPS = 12
EDGE = 4.0  # prior standard deviations that a parameter may move
TINY = 1e-6


@dataclass(frozen=True)
class Prior:
    """Calibrated parameters on their unbounded scales: normal, independent."""

    paths: tuple[str, ...]
    mean: np.ndarray
    sd: np.ndarray
    reasons: tuple[str, ...]
    units: tuple[str, ...]

    def values(self, z: np.ndarray) -> dict[str, np.ndarray]:
        """Values by path at standardised positions (rows); 0 is the prior's median."""
        scaled = np.asarray(self.mean + self.sd * z)
        return {path: bounded(scaled[:, k], self.units[k]) for k, path in enumerate(self.paths)}

    def positions(self, draws: pd.DataFrame) -> np.ndarray:
        """Standardised positions of drawn values, no farther out than `EDGE`."""
        columns = [
            (_unbounded(draws[path].to_numpy(), unit) - self.mean[k]) / self.sd[k]
            for k, (path, unit) in enumerate(zip(self.paths, self.units, strict=True))
        ]
        return np.asarray(np.clip(np.column_stack(columns), -EDGE, EDGE))


@dataclass(frozen=True)
class Data:
    """Published numbers as shares, and the covariance of their errors (diagonal)."""

    targets: tuple[Target, ...]
    observed: np.ndarray
    variance: np.ndarray


@dataclass(frozen=True)
class Calibrated:
    """The posterior: its mode, its draws, and how well the mode meets what it was fitted to."""

    prior: Prior
    data: Data
    mode: np.ndarray  # standardised
    covariance: np.ndarray  # of standardised positions, Laplace
    draws: np.ndarray  # standardised, a row a draw
    fitted: np.ndarray  # the model at the mode
    overdispersion: (
        float  # mean squared standardised residual at the mode; variances were multiplied by it when above 1
    )


def prior_of(spec: Mapping[str, Mapping[str, object]], parameters: ParameterSet, draws: pd.DataFrame) -> Prior:
    """Prior of the calibrated parameters: by their stated range, else by their own draws (median, and 95 % range)."""
    means, sds, units = [], [], []
    for path, entry in spec.items():
        unit = parameters.parameters[path].unit
        if "lo" in entry:
            limits = np.array([float(str(entry["lo"])), float(str(entry["hi"]))])
            middle = None
        else:
            limits = np.quantile(draws[path], [0.025, 0.975])
            middle = np.array([parameters.parameters[path].value])
        low, high = _unbounded(limits, unit)
        means.append((low + high) / 2.0 if middle is None else float(_unbounded(middle, unit)[0]))
        sds.append((high - low) / (2.0 * Z))
        units.append(unit)
    reasons = tuple(str(entry["reason"]) for entry in spec.values())
    return Prior(tuple(spec), np.array(means), np.array(sds), reasons, tuple(units))


def data_of(targets: Sequence[Target]) -> Data:
    """Targets of the fit as shares: a median is half alive at the time printed.

    The variance of a share is p (1 - p) / n, or from its printed interval where it is a point of a curve or no size is
    known. The points of one endpoint in one arm are not independent, whether of all patients or of some, and share the
    weight of two of all.
    """
    chosen = [_as_share(one) for one in targets if one.use == "fit"]
    chosen = [one for one in chosen if one.quantity != AT_RISK or one.at_months <= LAST_AT_RISK]
    points: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for one in chosen:
        points[_curve(one)] += _size(one) / one.enrolled
    observed = np.array([one.observed for one in chosen])
    variance = np.array([_variance(one) * max(1.0, points[_curve(one)] / POINTS_OF_A_CURVE) for one in chosen])
    return Data(tuple(chosen), observed, variance)


def calibrate(
    parameters: ParameterSet,
    spec: Mapping[str, Mapping[str, object]],
    targets: Sequence[Target],
    draws: pd.DataFrame,
    *,
    patients: int = 3000,
    seed: int = 1,
    workers: int = 2,
    progress: Progress | None = None,
) -> Calibrated:
    """Calibrate; `draws` are the prior's, whose other columns every posterior draw keeps.

    `patients` are simulated in each arm at the mode, half as many for each draw. `progress` is called with what is
    being done and the share of it that is done.
    """
    prior, data = prior_of(spec, parameters, draws), data_of(targets)
    model = _Model(parameters, data.targets, workers)
    tell = progress or (lambda what, share: None)
    mode, jacobian, fitted = _mode(model, prior, data, patients, tell)
    residual = data.observed - fitted
    overdispersion = float(np.mean(residual**2 / data.variance))
    variance = data.variance * max(1.0, overdispersion)
    precision = jacobian.T @ (jacobian / variance[:, None]) + np.eye(len(prior.paths))
    covariance = np.linalg.inv(precision)
    gain = covariance @ (jacobian / variance[:, None]).T
    others = draws.drop(columns=[path for path in prior.paths if path in draws])
    own = prior.positions(_own_draws(prior, draws, spec, seed))
    names = [f"error of {one.id}" for one in data.targets]
    errors = parameter_uniforms(seed, len(draws), names)
    noise = np.column_stack([_normal(errors[name]) for name in names]) * np.sqrt(variance)
    found = mode + np.zeros_like(own)
    kept = {str(path): others[path].to_numpy() for path in others}
    for repeat in range(2):
        done = partial(_tell_part, tell, repeat)
        simulated = model({**prior.values(found), **kept}, len(draws), patients // 2, done)
        # The Jacobian at the mode serves all draws: minimise |c - c_i|^2 + |y_i - f(c_0) - J (c - c_0)|^2 / V.
        innovation = (data.observed + noise) - simulated - (own - found) @ jacobian.T
        found = np.clip(own + innovation @ gain.T, -EDGE, EDGE)
    return Calibrated(prior, data, mode, covariance, found, fitted, overdispersion)


def _tell_part(tell: Progress, repeat: int, share: float) -> None:
    tell("posterior draws", (repeat + share) / 2.0)


def posterior_table(found: Calibrated, draws: pd.DataFrame) -> pd.DataFrame:
    """The prior's draws with the calibrated parameters' columns replaced or added."""
    return draws.assign(**found.prior.values(found.draws))


class _Model:
    """The trials' arms simulated at many values of the parameters, and counted as the targets ask."""

    def __init__(self, parameters: ParameterSet, targets: Sequence[Target], workers: int) -> None:
        self.parameters = parameters
        self.targets = targets
        self.wanted = {one.trial for one in targets}
        self.workers = workers

    def __call__(
        self,
        values: Mapping[str, np.ndarray],
        draws: int,
        patients: int,
        progress: Callable[[float], None] | None = None,
    ) -> np.ndarray:
        origins = self.parameters.origins
        taken_over = {path: values[origin] for path, origin in origins.items() if origin in values}
        trials = load_trials(self.parameters, {**values, **taken_over}, only=self.wanted)
        with ThreadPoolExecutor(self.workers) as pool:
            rows = []
            for row in pool.map(lambda draw: cohort_values(self.targets, trials, patients, draw), range(draws)):
                rows.append(row)
                if progress:
                    progress(len(rows) / draws)
        return np.asarray(np.nan_to_num(np.array(rows)))


def _mode(
    model: _Model, prior: Prior, data: Data, patients: int, tell: Progress
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gauss-Newton from the prior's median: the mode, the Jacobian there, and the model's values."""
    size = len(prior.paths)
    z, best = np.zeros(size), math.inf
    jacobian, fitted = np.zeros((len(data.observed), size)), np.zeros(len(data.observed))
    for step in range(MOST_STEPS):
        around = np.vstack([z, *(z + sign * STEP * unit for unit in np.eye(size) for sign in (1.0, -1.0))])
        simulated = model(prior.values(around), len(around), patients)
        fitted = simulated[0]
        jacobian = ((simulated[1::2] - simulated[2::2]) / (2.0 * STEP)).T
        residual = data.observed - fitted
        weighted = jacobian / data.variance[:, None]
        move = np.linalg.solve(jacobian.T @ weighted + np.eye(size), weighted.T @ residual - z)
        tries = np.clip(z + np.outer([1.0, 0.5, 0.25], move), -EDGE, EDGE)
        tried = model(prior.values(tries), len(tries), patients)
        loss = [_loss(data, one, its) for one, its in zip(tries, tried, strict=True)]
        tell("mode", (step + 1) / MOST_STEPS)
        if min(loss) > min(best, _loss(data, z, fitted)) - 0.05:
            break
        best = min(loss)
        z = tries[int(np.argmin(loss))]
    return z, jacobian, fitted


def _loss(data: Data, z: np.ndarray, fitted: np.ndarray) -> float:
    return float(((data.observed - fitted) ** 2 / data.variance).sum() + z @ z)


def _own_draws(prior: Prior, draws: pd.DataFrame, spec: Mapping[str, Mapping[str, object]], seed: int) -> pd.DataFrame:
    """Draws of the prior: a parameter's own where it has any and no range is stated, else from the stated range."""
    uniforms = parameter_uniforms(seed, len(draws), [f"prior of {path}" for path in prior.paths])
    columns = {}
    for k, (path, entry) in enumerate(spec.items()):
        if "lo" in entry:
            scaled = prior.mean[k] + prior.sd[k] * _normal(uniforms[f"prior of {path}"])
            columns[path] = bounded(scaled, prior.units[k])
        else:
            columns[path] = draws[path].to_numpy()
    return pd.DataFrame(columns)


def _as_share(target: Target) -> Target:
    if not target.quantity.startswith("median_"):
        return target
    return replace(
        target, quantity=f"{target.quantity.removeprefix('median_')}_at", at_months=target.observed, observed=0.5
    )


def _curve(target: Target) -> tuple[str, ...]:
    """Targets that are points of one endpoint in one arm have the same name."""
    if target.quantity != AT_RISK and not target.quantity.endswith("_at"):
        return (target.id,)
    endpoint = "os" if target.quantity == AT_RISK else target.quantity
    return (target.trial, target.arm, endpoint.removesuffix("_at"), target.since)


def _size(target: Target) -> float:
    """Patients behind a target: those of its own group, or all enrolled."""
    return target.enrolled if math.isnan(target.total) else target.total


def _variance(target: Target) -> float:
    printed = not math.isnan(target.lo) and not math.isnan(target.hi) and 0.0 <= target.lo < target.hi <= 1.0
    if printed and (math.isnan(target.total) or target.quantity.endswith("_at")):
        return ((target.hi - target.lo) / (2.0 * Z)) ** 2
    return target.observed * (1.0 - target.observed) / _size(target)


def _unbounded(values: np.ndarray, unit: str) -> np.ndarray:
    high = UNITS[unit][1]
    return unbounded(np.clip(values, TINY, 1.0 - TINY if high == 1.0 else high), unit)


def _normal(uniforms: np.ndarray) -> np.ndarray:
    from scipy.special import ndtri

    return np.asarray(ndtri(uniforms))
