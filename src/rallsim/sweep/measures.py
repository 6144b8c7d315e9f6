"""Outcomes that an analysis may labels at: measures, and net benefits made of them; their names, units and errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rallsim.economics.settings.settings import EconomicSettings
from rallsim.errors import InputError, Problem, nearest
from rallsim.evaluation.evaluate import Estimates, Evaluation, measures_of

Floats = NDArray[np.float64]
NET = ("nmb", "nhb")
NAMES = {
    "nmb": "Net monetary benefit",
    "nhb": "Net health benefit",
    "costs": "Costs",
    "qalys": "QALYs",
    "lys": "Life years",
    "os_months": "Overall survival",
    "efs_months": "Event-free survival",
    "remission_months": "Months in first remission",
    "hsct": "Transplanted",
    "mrd_negative": "First response MRD-negative",
}
UNDISCOUNTED = "_undisc"
SHARE = "share of patients"  # a unit


def weights_of(outcome: str, wtp: float) -> dict[str, float]:
    """Return the measures that an outcome is a weighted sum of, at a willingness to pay for a QALY.

    NMB = wtp QALYs - costs;  NHB = QALYs - costs / wtp

    >>> weights_of("nmb", 30000.0), weights_of("lys", 30000.0)
    ({'qalys': 30000.0, 'costs': -1.0}, {'lys': 1.0})
    """
    if outcome == "nmb":
        return {"qalys": wtp, "costs": -1.0}
    if outcome == "nhb":
        return {"qalys": 1.0, "costs": -1.0 / wtp}
    return {outcome: 1.0}


def check_outcomes(outcomes: Sequence[str], economics: EconomicSettings | None) -> None:
    """Refuse outcomes that are not measured, all at once."""
    known = [*(NET if economics else ()), *measures_of(economics)]
    faults = [
        Problem(
            "must be a known outcome",
            key="--outcome",
            found=f"'{one}'",
            allowed=", ".join(known),
            hint=nearest(one, known),
        )
        for one in outcomes
        if one not in known
    ]
    if faults:
        raise InputError(faults)


def name_of(outcome: str) -> str:
    """Return the name of an outcome as people read it.

    >>> name_of("nmb"), name_of("costs_drug_undisc"), name_of("events_relapse")
    ('Net monetary benefit', 'Costs: drug, undiscounted', 'Relapse (events)')
    """
    bare = outcome.removesuffix(UNDISCOUNTED)
    after = ", undiscounted" if bare != outcome else ""
    if bare.startswith("costs_"):
        return f"Costs: {bare.removeprefix('costs_').replace('_', ' ')}{after}"
    if bare.startswith("events_"):
        return f"{bare.removeprefix('events_').replace('_', ' ').capitalize()} (events)"
    return NAMES.get(bare, bare.replace("_", " ").capitalize()) + after


def unit_of(outcome: str, currency: str) -> str:
    """Return the unit of an outcome a patient.

    >>> unit_of("nmb", "£"), unit_of("qalys", "£"), unit_of("os_months", "£"), unit_of("hsct", "£")
    ('£', 'QALYs', 'months', 'share of patients')
    """
    bare = outcome.removesuffix(UNDISCOUNTED)
    if bare == "nmb" or bare.startswith("costs"):
        return currency or "money"
    if bare in ("qalys", "nhb"):
        return "QALYs"
    if bare == "lys":
        return "years"
    if bare.endswith("_months"):
        return "months"
    if bare.startswith("events_") or bare == "lines" or bare.endswith(("_days", "_visits")):
        return "a patient"
    return SHARE


def pooled(values: Floats, patients: NDArray[np.int64]) -> Estimates:
    """Mean over batches (the last axis) and its Monte Carlo standard error, for whatever was computed in each batch.

    v = sum n_b v_b / N;  SE^2 = sum (n_b / N) (v_b - v)^2 / (B - 1)

    >>> estimate = pooled(np.array([[1.0, 3.0]]), np.array([[10, 10]]))
    >>> estimate.value.tolist(), estimate.std_error.tolist()
    ([2.0], [1.0])
    """
    share = patients / patients.sum(axis=-1, keepdims=True)
    value = (share * values).sum(axis=-1)
    batches = (patients > 0).sum(axis=-1)
    spread = (share * (values - value[..., None]) ** 2).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Estimates(value, np.sqrt(np.where(batches > 1, spread / (batches - 1), np.nan)))


def in_batches(evaluation: Evaluation, outcome: str, wtp: float) -> Floats:
    """Return an outcome in each batch: draws × strategies × batches."""
    return evaluation.batch_means(weights_of(outcome, wtp))


def means(evaluation: Evaluation, outcome: str, wtp: float) -> Floats:
    """Return an outcome: draws × strategies."""
    return evaluation.combination(weights_of(outcome, wtp)).value


def needed(outcomes: Sequence[str], wtp: float) -> list[str]:
    """Return the measures that outcomes are made of, and those of net benefit."""
    return list(dict.fromkeys(["costs", "qalys", "lys", *(name for one in outcomes for name in weights_of(one, wtp))]))
