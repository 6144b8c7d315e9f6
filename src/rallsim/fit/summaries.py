"""Fits to published summaries: a proportion, a median and a landmark, cumulative incidences.

Each kind of fit is one function of (the fit as written in a parameter file, the parameters it builds on, evidence).
It returns the fitted parameters and, for every target, what the fit makes of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
from scipy.optimize import brentq, least_squares

from rallsim.inputs.evidence import Evidence
from rallsim.inputs.formula import evaluate, names
from rallsim.model.distributions import mixture_cure_survival, probability_after_odds_ratio

FORMULA_KEYS = ("target", "survival", "at_months", "share", "mrd_positive")


@dataclass(frozen=True)
class Target:
    """A published figure and what the fitted parameters give in its place."""

    what: str
    published: float
    fitted: float


@dataclass(frozen=True)
class Fit:
    """Fitted parameters, their targets, and the evidence rows they rest on."""

    parameters: dict[str, float]
    targets: tuple[Target, ...]
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


def reference_probability(
    name: str, spec: Mapping[str, Any], parameters: Mapping[str, float], evidence: Evidence
) -> Fit:
    """Probability in the reference patient that gives the published proportion in the published mix of patients.

    Solves  sum_i share_i * p_i = target  for p, with odds(p_i) = odds(p) * odds_ratio_i.
    """
    target = evaluate(str(spec["target"]), evidence)
    mix = mix_of(spec, parameters, evidence)

    def mean(probability: float) -> float:
        return sum(share * probability_after_odds_ratio(probability, ratio) for share, ratio in mix)

    value = brentq(lambda probability: mean(probability) - target, 1e-9, 1.0 - 1e-9, xtol=1e-13)
    return Fit({name: value}, (Target(str(spec["target"]), target, mean(value)),), _evidence(spec))


def mixture_cure(name: str, spec: Mapping[str, Any], parameters: Mapping[str, float], evidence: Evidence) -> Fit:
    """Plateau and scale of a mixture-cure Weibull curve whose mix over patients meets the published points.

    Least squares of  sum_i share_i * S(t)^ratio_i  against the survivals at their times, S with the shape given.
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

    def residuals(x: np.ndarray) -> list[float]:
        cure, scale = _share(x[0]), float(np.exp(x[1]))
        return [survival(t, cure, scale) - s for t, s, _ in points]

    # Bounds keep the search among curves that can be; they bind only where drawn points rise with time.
    bounds = ([-9.0, np.log(0.05)], [9.0, np.log(2000.0)])
    solution = least_squares(
        residuals, [-2.0, np.log(points[0][0])], bounds=bounds, xtol=1e-14, ftol=1e-14, gtol=1e-14
    ).x
    cure, scale = _share(solution[0]), float(np.exp(solution[1]))
    targets = tuple(
        Target(f"survival {target['survival']} at {target['at_months']}", s, survival(t, cure, scale))
        for t, s, target in points
    )
    return Fit({spec["cure"]: cure, spec["scale"]: scale}, targets, _evidence(spec))


def transplant_outcomes(name: str, spec: Mapping[str, Any], parameters: Mapping[str, float], evidence: Evidence) -> Fit:
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

    def misfit(x: np.ndarray) -> np.ndarray:
        return np.asarray(weights * (np.array(incidences(x)) - published))

    bounds = ([-9.0, np.log(0.05)] * 2, [9.0, np.log(2000.0)] * 2)
    solution = least_squares(misfit, start, bounds=bounds, xtol=1e-14, ftol=1e-14, gtol=1e-14).x
    fitted = incidences(solution)
    values = {
        spec["relapse_cure"]: _share(solution[0]),
        spec["relapse_scale"]: float(np.exp(solution[1])),
        spec["death_never"]: _share(solution[2]),
        spec["death_scale"]: float(np.exp(solution[3])),
    }
    described = tuple(
        Target(f"{event} {target['share']} at {target['at_months']}", share, value)
        for (event, share, _, _, target), value in zip(targets, fitted, strict=True)
    )
    return Fit(values, described, _evidence(spec))


KINDS: dict[str, Callable[[str, Mapping[str, Any], Mapping[str, float], Evidence], Fit]] = {
    function.__name__: function for function in (reference_probability, mixture_cure, transplant_outcomes)
}


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
