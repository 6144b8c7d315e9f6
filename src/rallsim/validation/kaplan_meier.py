"""Survival of patients who may be censored, competing incidences, and the hazard ratio of two groups.

Small and fast: a validation calls these tens of thousands of times. They are compared with lifelines in the tests.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def survival_steps(months: Floats, ended: Mask) -> tuple[Floats, Floats]:
    """Times of events and the Kaplan-Meier estimate just after each: S = product of (1 - d / n)."""
    order = np.argsort(months, kind="stable")
    times, event = months[order], ended[order]
    unique, first = np.unique(times, return_index=True)
    deaths = np.add.reduceat(event.astype(np.float64), first) if len(times) else np.zeros(0)
    at_risk = len(times) - first
    happened = deaths > 0
    return unique[happened], np.asarray(np.cumprod(1.0 - deaths[happened] / at_risk[happened]), np.float64)


def survival_at(months: Floats, ended: Mask, at: float) -> float:
    """Kaplan-Meier estimate at a time (months); nan without patients.

    >>> survival_at(np.array([2.0, 5.0, 8.0, 8.0]), np.array([True, True, False, False]), 6.0)
    0.5
    """
    if not len(months):
        return math.nan
    times, survival = survival_steps(months, ended)
    place = int(np.searchsorted(times, at, side="right"))
    return float(survival[place - 1]) if place else 1.0


def median_time(months: Floats, ended: Mask) -> float:
    """First time at which half or fewer are left; infinite where that is not reached, nan without patients."""
    if not len(months):
        return math.nan
    times, survival = survival_steps(months, ended)
    below = np.flatnonzero(survival <= 0.5 + 1e-12)
    return float(times[below[0]]) if len(below) else math.inf


def incidence_at(months: Floats, cause: NDArray[np.int_], at: float) -> float:
    """Cumulative incidence of cause 1 at a time, other causes (2 and above) competing, 0 being censored.

    Aalen-Johansen: sum over event times of S(t-) d_1 / n.
    """
    if not len(months):
        return math.nan
    order = np.argsort(months, kind="stable")
    times, causes = months[order], cause[order]
    unique, first = np.unique(times, return_index=True)
    events = np.add.reduceat((causes > 0).astype(np.float64), first)
    of_interest = np.add.reduceat((causes == 1).astype(np.float64), first)
    at_risk = len(times) - first
    before = np.concatenate([[1.0], np.cumprod(1.0 - events / at_risk)[:-1]])
    return float((before * of_interest / at_risk)[unique <= at].sum())


def hazard_ratio(months: Floats, ended: Mask, treated: Mask) -> float:
    """Hazard ratio of the treated over the others: Cox's partial likelihood (ties by Breslow) by Newton's method.

    Nan when a group has nobody or no event.
    """
    if not treated.any() or treated.all() or not ended[treated].any() or not ended[~treated].any():
        return math.nan
    order = np.argsort(-months, kind="stable")
    times, event, group = months[order], ended[order], treated[order].astype(np.float64)
    last_of_tie = np.searchsorted(-times, -times, side="right") - 1
    in_group = np.cumsum(group)[last_of_tie]
    others = np.cumsum(1.0 - group)[last_of_tie]
    beta = 0.0
    for _ in range(30):
        share = in_group * math.exp(beta) / (in_group * math.exp(beta) + others)
        score = float((group - share)[event].sum())
        information = float((share * (1.0 - share))[event].sum())
        if information <= 0.0:
            return math.nan
        step = score / information
        beta += max(-2.0, min(2.0, step))
        if abs(step) < 1e-9:
            break
    return math.exp(beta)
