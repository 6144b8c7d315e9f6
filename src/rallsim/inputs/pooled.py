"""Ratios from few patients: estimates of several series combined with a prior, on the scale of logarithms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rallsim.errors import InputError, Problem
from rallsim.inputs.evidence import Evidence
from rallsim.inputs.formula import evaluate, names
from rallsim.inputs.spreads import Z, rules

FORMS = ({"ratio", "lo", "hi"}, {"survival", "against", "patients", "patients_against"})


@dataclass(frozen=True)
class Pooled:
    """A ratio with its 95 % limits, and the evidence rows behind it."""

    value: float
    lo: float
    hi: float
    evidence: tuple[str, ...]


def pool(estimates: Any, unit: str, evidence: Evidence) -> Pooled:
    """Combine estimates of a ratio with the prior that `params/uncertainty.yaml` states for ratios of this unit.

    Each estimate y with variance v of its logarithm is either printed (`ratio`, `lo`, `hi`: 95 % limits) or of two
    groups' shares free of an event (`survival` of `patients`, `against` of `patients_against`):

    y = ln(ln S / ln S'),  v = (1 - S) / (n S ln² S) + the same of S'

    With the prior N(0, s²) the posterior has precision 1 / s² + sum 1 / v and the mean sum (y / v) over it.

    Source of v: Greenwood's formula and the delta method (Kalbfleisch and Prentice 2002, chapter 1).
    """
    listed = isinstance(estimates, list) and all(isinstance(one, dict) and set(one) in FORMS for one in estimates)
    if not listed or not estimates:
        allowed = " or ".join(", ".join(sorted(form)) for form in FORMS)
        raise InputError(Problem("must be a list of mappings", found=str(estimates), allowed=allowed))
    numbers = [{key: evaluate(str(text), evidence) for key, text in one.items()} for one in estimates]
    prior = rules()["priors"][unit]["sd"]
    precision, weighted = 1.0 / prior**2, 0.0
    for one in numbers:
        log_ratio, variance = _printed(one) if "ratio" in one else _of_shares(one)
        precision += 1.0 / variance
        weighted += log_ratio / variance
    mean, sd = weighted / precision, precision**-0.5
    rows = dict.fromkeys(name for one in estimates for text in one.values() for name in names(str(text)))
    return Pooled(math.exp(mean), math.exp(mean - Z * sd), math.exp(mean + Z * sd), tuple(rows))


def _printed(one: Mapping[str, float]) -> tuple[float, float]:
    return math.log(one["ratio"]), (math.log(one["hi"] / one["lo"]) / (2.0 * Z)) ** 2


def _of_shares(one: Mapping[str, float]) -> tuple[float, float]:
    share, other = one["survival"], one["against"]
    variance = _variance(share, one["patients"]) + _variance(other, one["patients_against"])
    return math.log(math.log(share) / math.log(other)), variance


def _variance(share: float, patients: float) -> float:
    return (1.0 - share) / (patients * share * math.log(share) ** 2)
