"""Fits to what papers print: known answers, what counts once, what the weights are, and the written rule of choice."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from helpers_curves import a_curve, landmark
from rallsim.curves.background import NO_BACKGROUND, Background
from rallsim.curves.choice import choose, survival
from rallsim.curves.distribution import FORMS, form_called
from rallsim.curves.fitting import Fit, figures_of, fit_all, fit_form, likelihood_of
from rallsim.curves.likelihood import Reference
from rallsim.curves.martingale import ROUNDING_SD, errors_of
from rallsim.curves.published import AtRisk, HazardRatio, Plausible, Point, PublishedCurve

LATE = Background(np.arange(481) * 0.002)  # a general population that dies of a constant 0.002 a month


def fitted(curve: PublishedCurve, name: str, background: Background = NO_BACKGROUND) -> Fit:
    """One form fitted to a curve."""
    return fit_form(likelihood_of(curve, background), form_called(name))


def test_a_median_alone_gives_the_exponential_its_rate() -> None:
    """One median m of n patients: rate = ln 2 / m with relative standard error 1 / (sqrt(n) ln 2), rounding added."""
    curve = a_curve([Point("median", 8.0, 0.5, None, None, None, 100.0, ())], patients=100.0)
    fit = fitted(curve, "exponential")

    assert fit.distribution.named()["rate"] == pytest.approx(math.log(2.0) / 8.0, rel=1e-4)
    # Var(-ln S_hat) = (1 - S) / (n S) = 1 / n at the median; on the scale of ln(-ln S) divided by (ln 2)^2
    expected = math.sqrt(1.0 / 100.0 / math.log(2.0) ** 2 + (ROUNDING_SD / (0.5 * math.log(2.0))) ** 2)
    assert fit.standard_errors[0] == pytest.approx(expected, rel=2e-3)


def test_the_printed_interval_sets_the_standard_error() -> None:
    """A single landmark with an interval: the exponential's standard error is that of the interval (rounding added)."""
    curve = a_curve([landmark(12.0, 0.4, sd=0.2)])
    rounding = ROUNDING_SD / (0.4 * -math.log(0.4))

    assert fitted(curve, "exponential").standard_errors[0] == pytest.approx(math.hypot(0.2, rounding), rel=5e-3)


def test_two_figures_determine_two_parameters_exactly() -> None:
    """Two landmarks: a two-parameter family goes through both, up to the pull of its weak priors."""
    curve = a_curve([landmark(12.0, 0.4, 0.05), landmark(24.0, 0.3, 0.05)], patients=2000.0)
    for name in ("weibull", "exponential_cure", "log_normal", "log_logistic", "gompertz"):
        fit = fitted(curve, name)
        assert fit.distribution.survival(np.array([12.0, 24.0])) == pytest.approx([0.4, 0.3], abs=0.004), name
        assert fit.misfit < 0.05
        assert fit.failing == ""
    assert fitted(curve, "weibull_cure").failing == "3 parameters, 2 figures"


def test_errors_of_one_cohort_add_up_independently() -> None:
    """-ln S_hat gains independent increments: cov(s, t) = V(s), with V(t) = (1 - S) / (n S) when nobody is lost."""
    times, patients, rate = np.array([6.0, 12.0, 24.0]), 150.0, 0.08
    shares = np.exp(-rate * times)
    curve = a_curve([landmark(t, s, patients=patients) for t, s in zip(times, shares, strict=True)], patients=patients)
    errors = errors_of(curve, lambda t: rate * t, lambda t: 0.0 * t)

    variance = (1.0 - shares) / (patients * shares)
    expected = variance[np.minimum.outer(np.arange(3), np.arange(3))] / np.outer(-np.log(shares), -np.log(shares))
    expected += np.diag((ROUNDING_SD / (shares * -np.log(shares))) ** 2)
    assert errors.root @ errors.root.T == pytest.approx(expected, rel=2e-3)


def test_a_landmark_that_numbers_at_risk_hold_already_is_not_counted_twice() -> None:
    """A landmark beside numbers at risk that say the same: no surer than 200 patients followed to death, 1 / sqrt(200).

    Taken as independent pieces of information the two would claim more than that.
    """
    table = AtRisk((0.0, 6.0, 12.0, 18.0, 24.0, 30.0, 36.0), (200, 120, 72, 30, 12, 4, 0), ("made",))
    (at_risk,) = fitted(a_curve(at_risk=table, follow_up=21.0), "exponential").standard_errors
    (alone,) = fitted(a_curve([landmark(12.0, 0.36)]), "exponential").standard_errors
    (both,) = fitted(a_curve([landmark(12.0, 0.36)], table, follow_up=21.0), "exponential").standard_errors

    assert (at_risk**-2 + alone**-2) ** -0.5 < 1.0 / math.sqrt(200.0) < both < min(at_risk, alone)


def test_numbers_at_risk_bound_survival_from_below() -> None:
    """Whoever is at risk is alive: fitted survival is above the share at risk, up to its own error."""
    table = AtRisk((0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0), (271, 176, 124, 79, 45, 27, 9), ("made",))
    fit = fitted(a_curve([landmark(7.7, 0.5)], table, follow_up=11.7), "weibull")
    shares = np.array(table.counts[1:]) / table.counts[0]

    assert (fit.distribution.survival(np.array(table.months[1:])) > shares - 0.05).all()


def test_background_is_taken_out_of_the_hazard() -> None:
    """Figures made of an excess hazard and a background give the excess back when the background is known."""
    months = np.array([12.0, 36.0, 84.0])
    truth = form_called("exponential_cure").of(rate=0.08, cure=0.3)
    shares = truth.survival(months) * np.exp(-LATE.cumulative_hazard(months))
    curve = a_curve([landmark(t, float(s), 0.02, 5000.0) for t, s in zip(months, shares, strict=True)], patients=5000.0)

    excess = fitted(curve, "exponential_cure", LATE).distribution
    plain = fitted(curve, "exponential_cure").distribution
    assert excess.named() == pytest.approx({"rate": 0.08, "cure": 0.3}, rel=0.01)
    assert plain.cure < 0.28


def test_a_hazard_ratio_links_two_curves() -> None:
    """With the other arm exponential and a sharp ratio, this arm's rate is the ratio times the other's."""
    other = form_called("exponential").of(rate=0.1)
    ratio = HazardRatio("row", "other", math.log(2.0), 0.01, in_fit=True)
    curve = a_curve([Point("median", 3.0, 0.5, None, None, None, 50.0, ())], patients=50.0, hazard_ratio=ratio)
    likelihood = likelihood_of(curve, NO_BACKGROUND, Reference(other, NO_BACKGROUND))
    fit = fit_form(likelihood, form_called("exponential"))

    assert figures_of(curve) == 2
    assert fit.distribution.named()["rate"] == pytest.approx(0.2, rel=0.02)
    assert likelihood.mean_log_ratio(fit.distribution) == pytest.approx(math.log(2.0), abs=0.02)


def test_draws_have_the_covariance_of_the_fit() -> None:
    """Draws scatter with the fit's covariance (4,000 draws, 5 standard errors); the band is theirs to first order."""
    fit = fitted(a_curve([landmark(12.0, 0.4, 0.1), landmark(24.0, 0.3, 0.1)]), "exponential_cure")
    uniforms = np.random.default_rng(1).uniform(size=(4000, 2))
    scattered = np.array([each.point() for each in fit.draws(uniforms)])

    found, expected = scattered.std(axis=0), fit.standard_errors
    assert np.abs(found / expected - 1.0).max() < 5.0 / math.sqrt(2.0 * 4000.0)
    low, high = fit.band(np.array([24.0]), NO_BACKGROUND)
    shares = np.array([float(fit.form.at(x).survival(np.array([24.0]))[0]) for x in scattered])
    assert np.quantile(shares, [0.025, 0.975]) == pytest.approx([float(low[0]), float(high[0])], abs=0.025)


# --- the rule -----------------------------------------------------------------------------------------------------


def plateau_curve(**more: object) -> PublishedCurve:
    """Many patients, exponential with a cured share of 0.3, seen for five years."""
    truth = form_called("exponential_cure").of(rate=0.12, cure=0.3)
    months = np.array([6.0, 12.0, 24.0, 48.0, 60.0])
    points = [landmark(float(t), float(s), None, 800.0) for t, s in zip(months, truth.survival(months), strict=True)]
    return replace(a_curve(points, patients=800.0), **more)


def test_the_truth_is_chosen_when_it_can_be_seen() -> None:
    """Figures of an exponential with a cured share choose that form; the plain exponential does not fit."""
    choice = choose(plateau_curve(), fit_all(plateau_curve(), NO_BACKGROUND), NO_BACKGROUND, NO_BACKGROUND)
    verdicts = {verdict.fit.form.name: verdict for verdict in choice.verdicts}

    assert choice.chosen.form.name == "exponential_cure"
    assert verdicts["exponential"].against["fits"].startswith("p = ")
    assert choice.given_up == ()
    assert "Exponential + cure" in choice.reason
    assert "does not fit: Exponential (p = " in choice.reason


def test_an_implausible_tail_is_set_aside_and_said() -> None:
    """A range that the truth misses sets every form with that tail aside; the reason says which rule was given up."""
    asked = Plausible(60.0, 0.0, 0.1, "made up")
    curve = plateau_curve(plausible=(asked,))
    choice = choose(curve, fit_all(curve, NO_BACKGROUND), NO_BACKGROUND, NO_BACKGROUND)
    tail = float(survival(choice.chosen, NO_BACKGROUND, np.array([60.0]))[0])

    assert tail > 0.1
    assert choice.given_up == ("plausible",)
    assert "implausible tail (30 % at 60 months, above 10 %)" in choice.reason


def test_nobody_outlives_the_general_population() -> None:
    """Without background a cured share's hazard falls below the population's, and the form is set aside for it."""
    fits = fit_all(plateau_curve(), NO_BACKGROUND)
    verdicts = {one.fit.form.name: one for one in choose(plateau_curve(), fits, NO_BACKGROUND, LATE).verdicts}
    with_background = {
        one.fit.form.name: one for one in choose(plateau_curve(), fit_all(plateau_curve(), LATE), LATE, LATE).verdicts
    }

    assert verdicts["exponential_cure"].against["mortal"].startswith("from month ")
    assert all(one.against["mortal"] == "" for one in with_background.values())
    assert verdicts["exponential"].against["mortal"] == ""


def test_a_plateau_must_have_been_seen() -> None:
    """The same truth seen for six months: no cured share is taken, whatever its AIC."""
    truth = form_called("exponential_cure").of(rate=0.12, cure=0.3)
    months = np.array([2.0, 4.0, 6.0])
    points = [landmark(float(t), float(s), None, 100.0) for t, s in zip(months, truth.survival(months), strict=True)]
    curve = a_curve(points, patients=100.0)
    choice = choose(curve, fit_all(curve, NO_BACKGROUND), NO_BACKGROUND, NO_BACKGROUND)
    verdict = next(one for one in choice.verdicts if one.fit.form.name == "exponential_cure")

    assert verdict.against["cure_seen"] or verdict.against["determined"]
    assert not choice.chosen.form.with_cure


def test_with_one_figure_only_the_exponential_is_left() -> None:
    """One median: eleven forms cannot be determined and the exponential is taken."""
    curve = a_curve([Point("median", 8.0, 0.5, None, None, None, 100.0, ())], patients=100.0)
    choice = choose(curve, fit_all(curve, NO_BACKGROUND), NO_BACKGROUND, NO_BACKGROUND)

    assert choice.chosen.form.name == "exponential"
    assert sum(bool(one.against["determined"]) for one in choice.verdicts) == len(FORMS) - 1
    assert "11 not determined by what is printed" in choice.reason
