"""Fits to published summaries: a proportion, a median and a landmark, cumulative incidences.

Each kind of fit is one function of (the fit as written in a parameter file, the parameters it builds on, evidence, and
in a draw the centres of the priors of its parameters). It returns the fitted parameters and, for every target, what the
fit makes of it.

The base case meets published curves without a prior. A draw of published numbers may leave a plateau or a scale without
any limit, such as two points that rise with time. So in draws each has a normal prior around its base value, on log
odds and logarithms, as wide as `params/uncertainty.yaml` states; its centre is drawn too, as much as its spread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
from scipy.optimize import brentq, least_squares

from rallsim.inputs.evidence import Evidence
from rallsim.inputs.formula import evaluate, names
from rallsim.inputs.spreads import assumed, rules
from rallsim.inputs.uncertainty import unbounded
from rallsim.model.distributions import mixture_cure_survival, probability_after_odds_ratio

NO_PRIOR: Mapping[str, float] = {}
FORMULA_KEYS = ("target", "survival", "at_months", "share", "mrd_positive")


@dataclass(frozen=True)
class FittedTarget:
    """A published figure and what the fitted parameters give in its place."""

    what: str
    published: float
    fitted: float


@dataclass(frozen=True)
class SummaryFit:
    """Fitted parameters, their targets, and the evidence rows they rest on."""

    parameters: dict[str, float]
    targets: tuple[FittedTarget, ...]
    evidence: tuple[str, ...]


Mix = list[tuple[float, float]]  # shares of patients and the ratio (of odds or hazards) that applies to each


def mix_of(spec: Mapping[str, Any], parameters: Mapping[str, float], evidence: Evidence) -> Mix:
    """Share of patients under every combination of the mix's independent groups, and the product of their ratios.

    Each item of `mix` maps parameters (ratios) to the share of patients they apply to; ratios of one item exclude
    each other, items are independent. A parameter of a general file is called by its path, as in
    `hsct.sos_odds_ratio_bilirubin`.
    """
    alternatives: list[Mix] = []
    for item in spec.get("mix", []):
        shares = [(evaluate(str(share), evidence), parameters[name]) for name, share in item.items()]
        alternatives.append([(1.0 - sum(share for share, _ in shares), 1.0), *shares])
    return [
        (prod(share for share, _ in combination), prod(ratio for _, ratio in combination))
        for combination in product(*alternatives)
    ]


def curve_prior_sd(unit: str) -> float:
    """Standard deviation of the prior of a plateau (a share, log odds) or a scale (months, logarithm) in draws."""
    return float(rules()["priors"][{"share": "plateau", "months": "scale"}[unit]]["sd"])


def reference_probability(
    name: str,
    spec: Mapping[str, Any],
    parameters: Mapping[str, float],
    evidence: Evidence,
    centres: Mapping[str, float] = NO_PRIOR,
) -> SummaryFit:
    """Probability in the reference patient that gives the published proportion in the published mix of patients.

    Solves  sum_i share_i * p_i = target  for p, with odds(p_i) = odds(p) * odds_ratio_i.
    """
    target = evaluate(str(spec["target"]), evidence)
    mix = mix_of(spec, parameters, evidence)

    def mean(probability: float) -> float:
        return sum(share * probability_after_odds_ratio(probability, ratio) for share, ratio in mix)

    value = brentq(lambda probability: mean(probability) - target, 1e-9, 1.0 - 1e-9, xtol=1e-13)
    return SummaryFit({name: value}, (FittedTarget(str(spec["target"]), target, mean(value)),), _evidence(spec))


def mixture_cure(
    name: str,
    spec: Mapping[str, Any],
    parameters: Mapping[str, float],
    evidence: Evidence,
    centres: Mapping[str, float] = NO_PRIOR,
) -> SummaryFit:
    """Plateau and scale of a mixture-cure Weibull curve whose mix over patients meets the published points.

    Least squares of  sum_i share_i * S(t)^ratio_i  against the survivals at their times, S with the shape given, each
    weighted by its binomial error.
    With `later` a share of all patients has its hazard multiplied once more from a time c on:
    S(c)^ratio_i * (S(t) / S(c))^(ratio_i * hazard_ratio), as early loss of B-cell aplasia does.
    """
    mix = mix_of(spec, parameters, evidence)
    later = spec.get("later")
    change, late_ratio, late_share = math.inf, 1.0, 0.0
    if later:
        change, late_ratio = parameters[later["months"]], parameters[later["hazard_ratio"]]
        late_share = evaluate(str(later["share"]), evidence)
    shape = parameters[spec["shape"]]
    points = [
        (evaluate(str(target["at_months"]), evidence), evaluate(str(target["survival"]), evidence), target)
        for target in spec["targets"]
    ]

    def survival(t: float, cure: float, scale: float) -> float:
        at_change = mixture_cure_survival(min(t, change), cure, scale, shape, 1.0)
        since = mixture_cure_survival(t, cure, scale, shape, 1.0) / at_change
        return float(
            sum(
                share
                * at_change**ratio
                * ((1.0 - late_share) * since**ratio + late_share * since ** (ratio * late_ratio))
                for share, ratio in mix
            )
        )

    off_centre = _prior([spec["cure"], spec["scale"]], centres)
    patients = assumed("patients_when_not_printed")
    errors = [math.sqrt(max(0.02, s * (1.0 - s)) / patients) for _, s, _ in points]

    def residuals(x: np.ndarray) -> list[float]:
        cure, scale = _share(x[0]), float(np.exp(x[1]))
        misfit = [(survival(t, cure, scale) - s) / error for (t, s, _), error in zip(points, errors, strict=True)]
        return misfit + off_centre(x)

    solution = _smallest(residuals, [-2.0, np.log(points[0][0])], centres)
    cure, scale = _share(solution[0]), float(np.exp(solution[1]))
    targets = tuple(
        FittedTarget(f"survival {target['survival']} at {target['at_months']}", s, survival(t, cure, scale))
        for t, s, target in points
    )
    return SummaryFit({spec["cure"]: cure, spec["scale"]: scale}, targets, _evidence(spec))


def transplant_outcomes(
    name: str,
    spec: Mapping[str, Any],
    parameters: Mapping[str, float],
    evidence: Evidence,
    centres: Mapping[str, float] = NO_PRIOR,
) -> SummaryFit:
    """Relapse and death after transplant from their cumulative incidences in groups with known shares of MRD.

    Relapse and death are independent latent times with survivors' functions cure + (1 - cure) * exp(-t / scale);
    relapse has the hazard ratio for MRD. Weighted least squares of the cumulative incidences
    F_k(t) = integral over (0, t) of S_other dF_k.
    """
    ratio = parameters[spec["hazard_ratio"]]
    grid = np.arange(0.0, 1.0 + 20.0 * max(float(target["at_months"]) for target in spec["targets"])) / 20.0
    targets = [
        (
            str(target["event"]),
            evaluate(str(target["share"]), evidence),
            int(np.searchsorted(grid, float(target["at_months"]))),
            evaluate(str(target["mrd_positive"]), evidence),
            target,
        )
        for target in spec["targets"]
    ]
    weights = np.sqrt(np.asarray(spec["weights"], float))

    def incidences(x: np.ndarray) -> list[float]:
        cure, scale, never, death_scale = _share(x[0]), np.exp(x[1]), _share(x[2]), np.exp(x[3])
        alive = never + (1.0 - never) * np.exp(-grid / death_scale)
        result = []
        for event, _, index, mrd_positive, _ in targets:
            incidence = 0.0
            for share, hazard_ratio in ((1.0 - mrd_positive, 1.0), (mrd_positive, ratio)):
                free = (cure + (1.0 - cure) * np.exp(-grid / scale)) ** hazard_ratio
                own, other = (free, alive) if event == "relapse" else (alive, free)
                steps = -np.diff(own) * 0.5 * (other[1:] + other[:-1])
                incidence += share * float(steps[:index].sum())
            result.append(incidence)
        return result

    published = np.array([share for _, share, *_ in targets])
    start = [0.5, np.log(10.0), 0.5, np.log(6.0)]
    # A share of n patients errs by about 1 / (2 sqrt(n)), so weights of n go with half the distance from the prior.
    off_centre = _prior([spec[key] for key in ("relapse_cure", "relapse_scale", "death_never", "death_scale")], centres)

    def misfit(x: np.ndarray) -> np.ndarray:
        return np.append(weights * (np.array(incidences(x)) - published), [0.5 * each for each in off_centre(x)])

    solution = _smallest(misfit, start, centres)
    fitted = incidences(solution)
    values = {
        spec["relapse_cure"]: _share(solution[0]),
        spec["relapse_scale"]: float(np.exp(solution[1])),
        spec["death_never"]: _share(solution[2]),
        spec["death_scale"]: float(np.exp(solution[3])),
    }
    described = tuple(
        FittedTarget(f"{event} {target['share']} at {target['at_months']}", share, value)
        for (event, share, _, _, target), value in zip(targets, fitted, strict=True)
    )
    return SummaryFit(values, described, _evidence(spec))


KINDS: dict[str, Callable[..., SummaryFit]] = {
    function.__name__: function for function in (reference_probability, mixture_cure, transplant_outcomes)
}


def _smallest(
    residuals: Callable[[np.ndarray], Any], start: Sequence[float], centres: Mapping[str, float]
) -> np.ndarray:
    """Log odds and logarithms of plateaus and scales, in turn, with the least squares.

    Bounds keep the search among curves that can be. Without a prior the search goes on to the last digit.
    """
    curves = len(start) // 2
    bounds = ([-9.0, math.log(0.05)] * curves, [9.0, math.log(2000.0)] * curves)
    close = 1e-8 if centres else 1e-14
    found = least_squares(residuals, start, bounds=bounds, xtol=close, ftol=close, gtol=close)
    return np.asarray(found.x)


def _prior(names: Sequence[str], centres: Mapping[str, float]) -> Callable[[np.ndarray], list[float]]:
    """Distance of plateaus and scales, in turn, from their centres, in standard deviations: none without a prior."""
    if not centres:
        return lambda x: []
    units = ("share", "months") * (len(names) // 2)
    found = [
        (float(unbounded(np.array([centres[name]]), unit)[0]), curve_prior_sd(unit))
        for name, unit in zip(names, units, strict=True)
    ]
    return lambda x: [(at - centre) / sd for at, (centre, sd) in zip(x, found, strict=True)]


def _share(x: float) -> float:
    return float(1.0 / (1.0 + np.exp(-x)))


def _evidence(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Ids of all evidence rows that a fit's formulas name, in order of appearance."""

    def formulas(value: Any, key: str = "") -> Iterator[str]:
        if isinstance(value, dict):
            for inner, item in value.items():
                yield from formulas(item, inner)
        elif isinstance(value, list):
            for item in value:
                yield from formulas(item, key)
        elif isinstance(value, str) and key in FORMULA_KEYS:
            yield value

    found = list(formulas({key: value for key, value in spec.items() if key != "mix"}))
    found += [str(share) for item in spec.get("mix", []) for share in item.values()]
    return tuple(dict.fromkeys(name for formula in found for name in names(formula)))
