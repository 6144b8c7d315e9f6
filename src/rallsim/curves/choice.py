"""Which family is taken for a curve, by a written rule, with the reason in words.

The rule follows NICE's technical support documents 14 and 21: fit alone does not choose, the tail must be plausible.

1. *Determined*: no more parameters than printed figures, and every one better known than from its weak prior.
2. *Fits*: the misfit has a chance of 5 % or more if the family were right, or it is not improbably worse than that of
   the best-fitting family (likelihood ratio): what no family meets is the fault of the follow-up or of the printing.
   With no freedom left nothing can speak against a fit.
3. *Not immortal*: the hazard of all causes is nowhere below that of the general population, up to 20 years.
4. *Plausible*: survival lies in the ranges that other evidence gives for this curve, where its file names any.
5. *Cure is seen*: a plateau counts only if its lower 95 % limit is 2 % or more, and four fifths of those who will have
   the event have had it by the last figure.

Of the families that pass, those within 2 of the lowest AIC fit alike. The one with the fewest parameters is taken; of
several, the one nearest to the forms that the model itself uses (`NEAREST`): a departure from them needs evidence.
Where none passes, rules are given up one by one, 4, then 2, then 5, then 3, and the reason says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import special

from rallsim.curves.background import Background
from rallsim.curves.estimate import CurveEstimate
from rallsim.curves.families import Floats
from rallsim.curves.fitting import Fit
from rallsim.curves.published import PublishedCurve

Fitted = TypeVar("Fitted", bound=CurveEstimate)
LEAST_CHANCE = 0.05
ALIKE = 2.0  # of AIC (Burnham and Anderson 2002)
YEARS_JUDGED = 20
LEAST_PLATEAU = 0.02
MOST_TO_COME = 0.2  # of those who will have the event, after the last figure
# The model's relapse curves are exponential with a cured share; Weibull and log-logistic are its other forms. A
# Gompertz curve hides a cured share in a falling hazard, and the generalised gamma is the freest.
NEAREST = ("exponential", "weibull", "log_logistic", "log_normal", "gompertz", "generalised_gamma")
RULES = ("determined", "fits", "mortal", "plausible", "cure_seen")
GIVEN_UP = ("plausible", "fits", "cure_seen", "mortal")
WORDS = {
    "determined": "not determined",
    "fits": "does not fit",
    "mortal": "hazard below background",
    "plausible": "implausible tail",
    "cure_seen": "plateau not seen",
}


@dataclass(frozen=True)
class Verdict:
    """What speaks against a fit, by rule; empty words where it passes."""

    fit: Fit
    against: dict[str, str]

    @property
    def passes(self) -> bool:
        """Whether no rule speaks against it."""
        return not any(self.against.values())


@dataclass(frozen=True)
class Choice:
    """The family taken for a curve, what was said of every one, and the reason; `given_up` rules it breaks."""

    chosen: Fit
    verdicts: tuple[Verdict, ...]
    candidates: tuple[Fit, ...]
    given_up: tuple[str, ...]
    reason: str


def choose(curve: PublishedCurve, fits: Sequence[Fit], used: Background, population: Background) -> Choice:
    """Choose by the rule of this module.

    `used` is the background that the fits were made with, `population` the one that hazards are held against.
    """
    best = min((fit for fit in fits if not fit.failing), key=lambda fit: fit.misfit, default=fits[0])
    verdicts = tuple(Verdict(fit, _against(curve, fit, best, used, population)) for fit in fits)
    given_up: list[str] = []
    candidates = [verdict.fit for verdict in verdicts if verdict.passes]
    for rule in GIVEN_UP:
        if candidates:
            break
        given_up.append(rule)
        candidates = [one.fit for one in verdicts if not any(one.against[r] for r in RULES if r not in given_up)]
    if not candidates:
        given_up.append("determined")
        candidates = [min(fits, key=lambda fit: len(fit.form.parameters))]
    chosen = simplest(candidates)
    broken = tuple(rule for rule in given_up if next(v for v in verdicts if v.fit is chosen).against[rule])
    reason = _reason(curve, chosen, candidates, verdicts, broken, used)
    return Choice(chosen, verdicts, tuple(candidates), broken, reason)


def simplest(fits: Sequence[Fitted]) -> Fitted:
    """Return, of those within ALIKE of the lowest AIC, the one with the fewest parameters, then nearest the model."""
    lowest = min(fit.aic for fit in fits)
    alike = [fit for fit in fits if fit.aic <= lowest + ALIKE]
    return min(alike, key=lambda fit: (len(fit.form.parameters), NEAREST.index(fit.form.family.name)))


def survival(fit: Fit, background: Background, months: Floats) -> Floats:
    """All-cause survival of a fit."""
    return np.exp(-fit.distribution.cumulative_hazard(months) - background.cumulative_hazard(months))


def _against(curve: PublishedCurve, fit: Fit, best: Fit, used: Background, population: Background) -> dict[str, str]:
    return {
        "determined": fit.failing,
        "fits": _misfits(fit, best),
        "mortal": _immortal(fit, used, population),
        "plausible": _implausible(curve, fit, used),
        "cure_seen": _unseen_plateau(curve, fit),
    }


def _misfits(fit: Fit, best: Fit) -> str:
    """Say that a misfit is improbable, in itself and against the best fit, or nothing."""
    more = max(len(best.form.parameters) - len(fit.form.parameters), 1)
    against_best = float(special.chdtrc(more, max(fit.misfit - best.misfit, 0.0)))
    return f"p = {fit.p_value:.2g}" if fit.p_value < LEAST_CHANCE and against_best < LEAST_CHANCE else ""


def _immortal(fit: Fit, used: Background, population: Background) -> str:
    months = np.arange(1.0, 12.0 * YEARS_JUDGED)
    hazard = fit.distribution.hazard(months) + used.hazard(months)
    below = hazard < population.hazard(months) * (1.0 - 1e-9)
    return f"from month {months[below][0]:.0f}" if below.any() else ""


def _implausible(curve: PublishedCurve, fit: Fit, used: Background) -> str:
    for asked in curve.plausible:
        found = float(survival(fit, used, np.array([asked.months]))[0])
        if not asked.lo <= found <= asked.hi:
            side = f"below {_percent(asked.lo)}" if found < asked.lo else f"above {_percent(asked.hi)}"
            return f"{_percent(found)} at {asked.months:g} months, {side}"
    return ""


def _unseen_plateau(curve: PublishedCurve, fit: Fit) -> str:
    plateau = fit.distribution.plateau
    if plateau <= 1e-3 and not fit.form.with_cure:
        return ""
    if fit.form.with_cure:
        low = fit.limits()[-1][0]
        if low < LEAST_PLATEAU:
            return f"cured share may be {_percent(low)}"
    left = float(fit.distribution.survival(np.array([curve.last_seen]))[0])
    to_come = (left - plateau) / (1.0 - plateau)
    return f"{_percent(to_come)} of events come after month {curve.last_seen:g}" if to_come > MOST_TO_COME else ""


def _reason(
    curve: PublishedCurve,
    chosen: Fit,
    candidates: Sequence[Fit],
    verdicts: Sequence[Verdict],
    broken: Sequence[str],
    used: Background,
) -> str:
    """Say in words why a fit was taken."""
    lowest = min(candidates, key=lambda fit: fit.aic)
    passing = f"{len(candidates)} of {len(verdicts)} families {'are left' if broken else 'pass'}"
    if len(candidates) == 1:
        taken = f"the only one left of {len(verdicts)} families" if broken else "the only family that passes"
    elif chosen is lowest:
        taken = f"{passing}, and it has the lowest AIC ({chosen.aic:.1f})"
    else:
        simpler = len(chosen.form.parameters) < len(lowest.form.parameters)
        why = "has fewer parameters" if simpler else "is nearer to the model"
        taken = (
            f"{passing}; its AIC ({chosen.aic:.1f}) is within {ALIKE:g} of the lowest "
            f"({lowest.form.label}, {lowest.aic:.1f}), and it {why}"
        )
    sentences = [f"{chosen.form.label}: {taken}."]
    if broken:
        own = next(verdict for verdict in verdicts if verdict.fit is chosen).against
        sentences.append(
            "No family passes every rule; this one: " + ", ".join(f"{WORDS[r]} ({own[r]})" for r in broken) + "."
        )
    if math.isfinite(chosen.p_value):
        shared = (
            "; no family meets the figures much better"
            if chosen.p_value < LEAST_CHANCE and "fits" not in broken
            else ""
        )
        sentences.append(f"Misfit {chosen.misfit:.1f} on {chosen.freedom} (p = {chosen.p_value:.2g}{shared}).")
    else:
        sentences.append("As many parameters as figures, so the fit itself says nothing for it.")
    tails = [float(survival(fit, used, np.array([60.0]))[0]) for fit in candidates]
    own_tail = float(survival(chosen, used, np.array([60.0]))[0])
    among = f"; {_percent(min(tails))} to {_percent(max(tails))} among those left" if len(candidates) > 1 else ""
    sentences.append(f"At 60 months {_percent(own_tail)}{among}.")
    out = _set_aside(chosen, verdicts)
    if out:
        sentences.append(f"Set aside: {out}.")
    return " ".join(sentences)


def _set_aside(chosen: Fit, verdicts: Sequence[Verdict]) -> str:
    """Name families by the first rule that speaks against them; those that cannot be determined are only counted."""
    groups: dict[str, list[str]] = {}
    for verdict in verdicts:
        if not verdict.passes and verdict.fit is not chosen:
            rule = next(rule for rule in RULES if verdict.against[rule])
            groups.setdefault(rule, []).append(f"{verdict.fit.form.label} ({verdict.against[rule]})")
    texts = [
        f"{len(names)} not determined by what is printed"
        if rule == "determined"
        else f"{WORDS[rule]}: {', '.join(names)}"
        for rule, names in groups.items()
    ]
    return "; ".join(texts)


def _percent(share: float) -> str:
    """Write a share as per cent, with a decimal below 10 %.

    >>> _percent(0.123), _percent(0.0123), _percent(0.0001)
    ('12 %', '1.2 %', 'under 0.1 %')
    """
    if share < 0.001:
        return "under 0.1 %"
    return f"{100.0 * share:.0f} %" if share >= 0.0995 else f"{100.0 * share:.1f} %"
