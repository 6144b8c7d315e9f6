"""All published curves fitted, judged and tabulated: what `rallsim curves` shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rallsim.curves.background import NO_BACKGROUND, Background
from rallsim.curves.choice import RULES, WORDS, Choice, choose, survival
from rallsim.curves.distribution import FORMS
from rallsim.curves.fitting import Fit, fit_form, likelihood_of
from rallsim.curves.likelihood import Likelihood, Reference
from rallsim.curves.martingale import points_of
from rallsim.curves.published import PublishedCurve
from rallsim.errors import InputError, Problem, nearest

LANDMARKS = (12, 24, 36, 60, 120)


@dataclass(frozen=True)
class Judged:
    """A published curve, its fits and the choice among them."""

    curve: PublishedCurve
    likelihood: Likelihood
    fits: tuple[Fit, ...]
    choice: Choice

    @property
    def background(self) -> Background:
        """The background mortality that the fits were made with."""
        return self.likelihood.background

    @property
    def fitted_ratio(self) -> float:
        """Mean hazard ratio that the chosen fit gives against the other arm's; not a number where none is printed."""
        return math.exp(self.likelihood.mean_log_ratio(self.choice.chosen.distribution))


def judge(
    curves: Mapping[str, PublishedCurve],
    backgrounds: Mapping[str, Background],
    wanted: Sequence[str] = (),
    *,
    with_background: bool = True,
    done: Callable[[], None] = lambda: None,
) -> dict[str, Judged]:
    """Fit and judge the curves `wanted`, all when none is named; arms that a hazard ratio needs come first.

    Without background every hazard is that of all causes. `done` is called after each curve. Refuses unknown curves.
    """
    found: dict[str, Judged] = {}

    def one(name: str) -> Judged:
        if name not in found:
            curve = curves[name]
            other = one(curve.hazard_ratio.against) if curve.hazard_ratio is not None else None
            found[name] = _judge(curve, backgrounds, with_background, other)
            done()
        return found[name]

    return {name: one(name) for name in chosen_curves(curves, wanted)}


def chosen_curves(curves: Mapping[str, PublishedCurve], wanted: Sequence[str]) -> list[str]:
    """Return the names `wanted` in the order of files, all when none is named; refuses unknown ones, all at once."""
    unknown = [name for name in wanted if name not in curves]
    if unknown:
        names = list(curves)
        allowed = "rallsim curves --list shows them"
        raise InputError(
            [
                Problem("must be a known curve", found=name, allowed=allowed, hint=nearest(name, names))
                for name in unknown
            ]
        )
    return [name for name in curves if name in wanted or not wanted]


def _judge(
    curve: PublishedCurve, backgrounds: Mapping[str, Background], with_background: bool, other: Judged | None
) -> Judged:
    population = backgrounds[curve.background] if curve.background else NO_BACKGROUND
    used = population if with_background else NO_BACKGROUND
    reference = None if other is None else Reference(other.choice.chosen.distribution, other.background)
    likelihood = likelihood_of(curve, used, reference)
    fits = tuple(fit_form(likelihood, form) for form in FORMS.values())
    return Judged(curve, likelihood, fits, choose(curve, fits, used, population))


def families_table(judged: Mapping[str, Judged]) -> pd.DataFrame:
    """Return a row a curve and family: fit, tail, what speaks against it, and which one is taken."""
    return pd.DataFrame([row for one in judged.values() for row in _family_rows(one)])


def _family_rows(one: Judged) -> Iterator[dict[str, Any]]:
    lowest = (
        min(fit.aic for fit in one.fits if not fit.failing) if any(not fit.failing for fit in one.fits) else math.nan
    )
    for verdict in one.choice.verdicts:
        fit = verdict.fit
        against = "; ".join(f"{WORDS[rule]}: {verdict.against[rule]}" for rule in RULES if verdict.against[rule])
        yield {
            "curve": one.curve.id,
            "family": fit.form.name,
            "parameters": len(fit.form.parameters),
            "log_likelihood": fit.log_likelihood,
            "aic": fit.aic,
            "delta_aic": fit.aic - lowest,
            "bic": fit.bic,
            "misfit": fit.misfit,
            "freedom": max(fit.freedom, 0),
            "p_value": fit.p_value,
            **_tails(fit, one.background),
            "plateau": fit.distribution.plateau,
            "passes": verdict.passes,
            "chosen": fit is one.choice.chosen,
            "against": against,
        }


def parameters_table(judged: Mapping[str, Judged]) -> pd.DataFrame:
    """Return a row a curve, family and parameter: value, 95 % limits, standard error on the unconstrained scale."""
    rows = []
    for one in judged.values():
        for fit in one.fits:
            limits = fit.limits()
            for place, spec in enumerate(fit.form.parameters):
                rows.append(
                    {
                        "curve": one.curve.id,
                        "family": fit.form.name,
                        "chosen": fit is one.choice.chosen,
                        "parameter": spec.name,
                        "unit": spec.unit,
                        "value": fit.distribution.values[place],
                        "lo": limits[place][0],
                        "hi": limits[place][1],
                        "scale": spec.scale,
                        "std_error": float(fit.standard_errors[place]),
                    }
                )
    return pd.DataFrame(rows)


def chosen_table(judged: Mapping[str, Judged]) -> pd.DataFrame:
    """Return a row a curve: the family taken, its parameters and tail, how far passing families disagree, and why."""
    return pd.DataFrame([_chosen_row(one) for one in judged.values()])


def _chosen_row(one: Judged) -> dict[str, Any]:
    fit = one.choice.chosen
    cure = fit.limits()[-1] if fit.form.with_cure else (math.nan, math.nan)
    tails = [float(survival(each, one.background, np.array([60.0]))[0]) for each in one.choice.candidates]
    ratio = one.curve.hazard_ratio
    return {
        "curve": one.curve.id,
        "endpoint": one.curve.endpoint,
        "patients": one.curve.patients,
        "last_seen": one.curve.last_seen,
        "family": fit.form.name,
        **{f"value_{place + 1}": value for place, value in enumerate(_padded(fit.distribution.values))},
        "cure": fit.distribution.cure if fit.form.with_cure else math.nan,
        "cure_lo": cure[0],
        "cure_hi": cure[1],
        "plateau": fit.distribution.plateau,
        "aic": fit.aic,
        "misfit": fit.misfit,
        "freedom": max(fit.freedom, 0),
        **_tails(fit, one.background),
        "at_60_among_candidates_lo": min(tails),
        "at_60_among_candidates_hi": max(tails),
        "candidates": len(one.choice.candidates),
        "rules_given_up": ", ".join(one.choice.given_up),
        "hazard_ratio_printed": math.nan if ratio is None else math.exp(ratio.log_value),
        "hazard_ratio_fitted": math.nan if ratio is None else one.fitted_ratio,
        "reason": one.choice.reason,
        "corresponds": one.curve.corresponds,
    }


def points_table(judged: Mapping[str, Judged]) -> pd.DataFrame:
    """Return a row a printed figure: what the chosen fit makes of it, and the residual in standard deviations.

    Numbers at risk (`at_risk`) stand as shares of all patients, beside survival times the share still followed.
    """
    rows = []
    for one in judged.values():
        chosen = one.choice.chosen
        points = points_of(one.curve)
        residuals = one.likelihood.residuals(chosen.distribution)
        for point, residual in zip(points, residuals, strict=True):
            fitted = float(survival(chosen, one.background, np.array([point.months]))[0])
            rows.append(
                {
                    "curve": one.curve.id,
                    "kind": point.kind,
                    "months": point.months,
                    "printed": point.survival,
                    "lo": point.lo,
                    "hi": point.hi,
                    "fitted": fitted,
                    "residual": float(-residual),
                    "evidence": " ".join(point.rows),
                }
            )
        rows += _at_risk_rows(one)
    columns = ["curve", "kind", "months", "printed", "lo", "hi", "fitted", "residual", "evidence"]
    return pd.DataFrame(rows, columns=columns)


def _at_risk_rows(one: Judged) -> list[dict[str, Any]]:
    at_risk, chosen = one.curve.at_risk, one.choice.chosen
    if at_risk is None:
        return []
    months = np.array(at_risk.months[1:])
    printed = np.array(at_risk.counts[1:]) / at_risk.counts[0]
    fitted = survival(chosen, one.background, months) * chosen.still_followed(months)
    sd = np.sqrt(np.maximum(fitted * (1.0 - fitted), 1e-12) / at_risk.counts[0])
    evidence = " ".join(at_risk.curves)
    return [
        {
            "curve": one.curve.id,
            "kind": "at_risk",
            "months": t,
            "printed": n,
            "lo": None,
            "hi": None,
            "fitted": s,
            "residual": (n - s) / each,
            "evidence": evidence,
        }
        for t, n, s, each in zip(months, printed, fitted, sd, strict=True)
    ]


def tables(judged: Mapping[str, Judged]) -> dict[str, pd.DataFrame]:
    """Return all tables by the name of their file."""
    return {
        "chosen": chosen_table(judged),
        "families": families_table(judged),
        "parameters": parameters_table(judged),
        "points": points_table(judged),
    }


def _tails(fit: Fit, background: Background) -> dict[str, float]:
    values = survival(fit, background, np.array(LANDMARKS, float))
    return {f"at_{months}_months": float(value) for months, value in zip(LANDMARKS, values, strict=True)}


def _padded(values: tuple[float, ...]) -> tuple[float, ...]:
    most = max(len(form.parameters) for form in FORMS.values())
    return (*values, *[math.nan] * (most - len(values)))
