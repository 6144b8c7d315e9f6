"""Fitting one family to one published curve, and what is known of its parameters afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from rallsim.curves.background import Background
from rallsim.curves.distribution import FORMS, Form, TimeToEvent
from rallsim.curves.estimate import CurveEstimate
from rallsim.curves.families import FamilyParameter, Floats
from rallsim.curves.likelihood import Likelihood, Reference
from rallsim.curves.martingale import Hazard, errors_of, points_of
from rallsim.curves.numeric import IMPOSSIBLE, hessian, inverse, lowest
from rallsim.curves.published import PublishedCurve

# Weak normal priors on the unconstrained scale, so that every fit has one best point: standard deviations by what a
# parameter does. Levels (rate, scale, mu) have none that matters. They are left out of likelihoods that are compared.
PRIOR_SD = {"cure": 3.0, "shape": 1.5, "sigma": 1.5, "q": 2.0}
GOMPERTZ_SHAPE_SD = 1.0  # per month
LEVEL_SD = 5.0
FOLLOW_UP_SD = (1.5, 1.5, 1.5)  # of the follow-up: ln first, ln (last - first), ln rate of early loss
EARLY_LOSS = 0.005  # a month: the centre of the last; patients who leave before their follow-up ends
ROUNDING = 0.05  # of the span over which follow-up ends: how far its two corners are rounded
UNINFORMED = 0.7  # an estimate that keeps this much of its prior's spread is not known from the data
STEP = 1e-4  # of numerical derivatives, on the unconstrained scale
EARLY = 0.8  # the first point below this share gives the time scale from which the search starts
SET_ASIDE = len(FOLLOW_UP_SD)
FEWEST_TO_JOIN = 2  # printed points from which survival is joined up, rather than fitted first


@dataclass(frozen=True)
class Fit(CurveEstimate):
    """One form fitted to one curve.

    `failing` says why the form cannot be judged; it is empty when it can. `misfit` is the deviance from a perfect fit
    over `figures` figures, `freedom` what is left of them after the estimated parameters.
    """

    misfit: float
    figures: int
    freedom: int
    followed: tuple[float, ...] | None
    failing: str

    @property
    def p_value(self) -> float:
        """Chance of a misfit at least this large if the form were right; not a number with no freedom left."""
        return float(special.chdtrc(self.freedom, self.misfit)) if self.freedom > 0 else math.nan

    def still_followed(self, t: Floats) -> Floats:
        """Share of patients still followed at `t`, as estimated along; 1 where nothing is printed of it."""
        return np.exp(-_followed(np.log(np.array(self.followed)))(t)) if self.followed else np.ones_like(t)

    def draws(self, uniforms: Floats) -> list[TimeToEvent]:
        """Return a distribution for each row of `uniforms` (draws × parameters), from the normal approximation.

        The point plus the covariance's Cholesky factor times normal quantiles of the uniforms.
        """
        root = np.linalg.cholesky(self.covariance + 1e-12 * np.eye(len(self.point)))
        return [self.form.at(point) for point in self.point + special.ndtri(uniforms) @ root.T]

    def band(self, t: Floats, background: Background, z: float = 1.959964) -> tuple[Floats, Floats]:
        """Return 95 % limits of all-cause survival at `t`, by the delta method on ln of the cumulative hazard."""

        def log_hazard(point: Floats) -> Floats:
            return np.log(np.maximum(self.form.at(point).cumulative_hazard(t), 1e-12))

        slope = np.stack(
            [
                (log_hazard(self.point + h) - log_hazard(self.point - h)) / (2.0 * STEP)
                for h in STEP * np.eye(len(self.point))
            ]
        )
        sd = np.sqrt(np.maximum(np.einsum("it,ij,jt->t", slope, self.covariance, slope), 0.0))
        centre, other = log_hazard(self.point), background.cumulative_hazard(t)
        low, high = (np.exp(-np.exp(np.minimum(centre + sign * z * sd, 10.0)) - other) for sign in (1.0, -1.0))
        return low, high


def fit_all(curve: PublishedCurve, background: Background, reference: Reference | None = None) -> list[Fit]:
    """Fit every form to a curve; the errors of its figures are the same for all, so likelihoods can be compared."""
    likelihood = likelihood_of(curve, background, reference)
    return [fit_form(likelihood, form) for form in FORMS.values()]


def likelihood_of(curve: PublishedCurve, background: Background, reference: Reference | None = None) -> Likelihood:
    """Return the likelihood of a curve, with the errors that its own figures suggest.

    Errors rest on survival as printed, straight lines of cumulative hazard between the points. Where numbers at risk
    are all there is besides one point, and for how long patients were followed, they rest on first fits: exponential,
    then Weibull with a cured share.
    """
    as_printed = _printed_hazard(curve)
    if not _counts_censoring(curve):
        return Likelihood(curve, background, errors_of(curve, as_printed, _nobody_lost), reference)
    by_fits = len(points_of(curve)) < FEWEST_TO_JOIN
    start = Likelihood(curve, background, errors_of(curve, as_printed, _followed(_first_followed(curve))), reference)
    for name in ("exponential", "weibull_cure"):
        form = FORMS[name]
        if figures_of(curve) < len(form.parameters):
            break
        fitted = fit_form(start, form)
        hazard = start.all_cause(fitted.distribution) if by_fits else as_printed
        followed = _followed(np.log(np.array(fitted.followed)))
        start = Likelihood(curve, background, errors_of(curve, hazard, followed), reference)
    return start


def figures_of(curve: PublishedCurve) -> int:
    """Return how many figures say something of survival: points, numbers at risk that fall, a hazard ratio in the fit.

    Of the numbers at risk, as many are set aside as the follow-up has parameters; a printed median gives one back.
    """
    count = len(curve.points) + (len(curve.digitised.points) if curve.digitised else 0)
    if curve.at_risk:
        falling = sum(1 for before in curve.at_risk.counts[:-1] if before > 0)
        count += falling - (SET_ASIDE - 1 if curve.follow_up is not None else SET_ASIDE)
    return count + (1 if curve.hazard_ratio is not None and curve.hazard_ratio.in_fit else 0)


def fit_form(likelihood: Likelihood, form: Form) -> Fit:
    """Fit one form: the largest likelihood times the weak priors, from several starts."""
    curve = likelihood.curve
    size = len(form.parameters)
    with_followed = _counts_censoring(curve)

    def followed_at(x: Floats) -> Hazard:
        return _followed(x[size:]) if with_followed else _nobody_lost

    centre = np.array([_level(curve, spec) for spec in form.parameters])
    spread = np.array([prior_sd(form, spec) for spec in form.parameters])
    first = _first_followed(curve) if with_followed else np.zeros(0)
    spread_followed = np.array(FOLLOW_UP_SD if with_followed else ())

    def objective(x: Floats) -> float:
        with np.errstate(all="ignore"):
            value = -likelihood.log_likelihood(form.at(x[:size]), followed_at(x))
        value += 0.5 * float((((x[:size] - centre) / spread) ** 2).sum())
        value += 0.5 * float((((x[size:] - first) / spread_followed) ** 2).sum()) if with_followed else 0.0
        return value if math.isfinite(value) else IMPOSSIBLE

    best = lowest(objective, [np.concatenate([start, first]) for start in _starts(form, centre)])
    covariance, regular = inverse(hessian(objective, best))
    distribution, followed = form.at(best[:size]), followed_at(best)
    log_likelihood = likelihood.log_likelihood(distribution, followed)
    estimated = len(best)
    misfit, figures = likelihood.misfit(distribution, followed)
    covariance = covariance[:size, :size]
    return Fit(
        form=form,
        distribution=distribution,
        point=best[:size],
        covariance=covariance,
        log_likelihood=log_likelihood,
        aic=2.0 * estimated - 2.0 * log_likelihood,
        bic=estimated * math.log(max(curve.patients, 2.0)) - 2.0 * log_likelihood,
        misfit=misfit,
        figures=figures,
        freedom=figures - estimated,
        followed=tuple(float(value) for value in np.exp(best[size:])) or None,
        failing=_failing(curve, form, covariance, spread, regular),
    )


def prior_sd(form: Form, spec: FamilyParameter) -> float:
    """Standard deviation of a parameter's weak prior on the unconstrained scale."""
    if form.family.name == "gompertz" and spec.name == "shape":
        return GOMPERTZ_SHAPE_SD
    return PRIOR_SD.get(spec.name, LEVEL_SD)


def _failing(curve: PublishedCurve, form: Form, covariance: Floats, spread: Floats, regular: bool) -> str:
    """Say why a form's parameters cannot be told from what is printed, or nothing."""
    size, figures = len(form.parameters), figures_of(curve)
    if size > figures:
        return f"{size} parameters, {figures} {'figure' if figures == 1 else 'figures'}"
    if not regular:
        return "no best point"
    for spec, variance, prior in zip(form.parameters, np.diag(covariance), spread, strict=True):
        if math.sqrt(max(variance, 0.0)) > UNINFORMED * prior:
            return f"{spec.name} not determined"
    return ""


def _counts_censoring(curve: PublishedCurve) -> bool:
    return curve.at_risk is not None or curve.follow_up is not None


def _nobody_lost(t: Floats) -> Floats:
    return np.zeros_like(t)


def _followed(point: Floats) -> Hazard:
    """Return the cumulative hazard of the end of follow-up; logs of first, last - first and loss are given.

    G(t) = exp(-loss * t) * share of patients whose follow-up is longer than t, with follow-up spread evenly from
    `first` to `last` months, as it is when patients enter evenly and all are seen until one day. Its corners are
    rounded, so that it is smooth and never 0.
    """
    first, span, loss = np.exp(np.clip(point, -20.0, (7.0, 7.0, 2.0)))
    width = ROUNDING * span

    def cumulative(t: Floats) -> Floats:
        past_first, past_last = (np.logaddexp(0.0, (end - t) / width) for end in (first, first + span))
        left = np.maximum(past_last - past_first, 1e-300) * ROUNDING
        return np.asarray(-np.log(left) + loss * t)

    return cumulative


def _first_followed(curve: PublishedCurve) -> Floats:
    """Start for the follow-up: from a quarter of what is seen to all of it."""
    return np.array([math.log(0.25 * curve.last_seen), math.log(0.75 * curve.last_seen), math.log(EARLY_LOSS)])


def _printed_hazard(curve: PublishedCurve) -> Hazard:
    """Return the cumulative hazard as printed: straight between points, at the mean slope after them.

    With no point it is constant, through the first numbers at risk of some depth.
    """
    points = sorted((point.months, -math.log(point.survival)) for point in points_of(curve))
    if not points:
        rate = math.exp(-_log_time(curve))
        return lambda t: rate * t
    months = np.array([0.0, *(t for t, _ in points)])
    hazards = np.maximum.accumulate(np.array([0.0, *(h for _, h in points)]))
    slope = hazards[-1] / months[-1]
    return lambda t: np.interp(t, months, hazards) + slope * np.maximum(t - months[-1], 0.0)


def _log_time(curve: PublishedCurve) -> float:
    """Return ln of the time scale of a curve: when 63 % would have had the event at the rate of its first point."""
    known = [(point.months, -math.log(point.survival)) for point in curve.points if point.survival < EARLY]
    if not known and curve.at_risk:
        first = curve.at_risk.counts[0]
        shares = zip(curve.at_risk.months, curve.at_risk.counts, strict=True)
        known = [(t, -math.log(n / first)) for t, n in shares if 0 < n < EARLY * first]
    months, hazard = min(known) if known else (12.0, 1.0)
    return math.log(months / hazard)


def _level(curve: PublishedCurve, spec: FamilyParameter) -> float:
    """Return the centre of a parameter's prior: the curve's time scale for levels, else no effect."""
    return {"rate": -_log_time(curve), "scale": _log_time(curve), "mu": _log_time(curve)}.get(spec.name, 0.0)


def _starts(form: Form, centre: Floats) -> Iterator[Floats]:
    """Yield starts: constant hazards, then falling ones, with a small or a larger cured share."""
    names = [spec.name for spec in form.parameters]
    for cure, steep in ((-2.0, 0.0), (-0.5, 0.4), (-3.0, -0.4)):
        start = centre.copy()
        if "cure" in names:
            start[names.index("cure")] = cure
            start[0 if form.family.name != "gompertz" else 1] += (-0.3 if "rate" not in names else 0.3) * (cure > -1.0)
        if "shape" in names:
            start[names.index("shape")] = 0.05 * steep if form.family.name == "gompertz" else steep
        if "q" in names:
            start[names.index("q")] = 0.5 - steep
        yield start
