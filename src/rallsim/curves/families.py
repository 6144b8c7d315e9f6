"""Six families of times to an event, each with its cumulative hazard, hazard and quantile. Times are months.

Parameters are given in the order of `parameters`; those of scale `log` are positive. Every method takes arrays of
times (0 or more) and gives arrays; nothing here is refused, since fits stay inside the ranges by construction.
Parametrisations are those of R's flexsurv, so that values can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special
from typing_extensions import override

Floats = npt.NDArray[np.float64]
Function = Callable[..., Floats]

TINY_SHAPE = 1e-6  # a Gompertz shape this near 0 is a constant hazard, but for a first-order term
TINY_Q = 1e-3  # within this of 0 the generalised gamma is interpolated: its density would lose its digits
FAR = 690.0  # cumulative hazards above this leave a survival below 1e-299


@dataclass(frozen=True)
class FamilyParameter:
    """A parameter of a family: its name, its unit, and the scale on which it may take any value."""

    name: str
    unit: str
    scale: str  # log: positive; real: any number; logit: between 0 and 1


class Family:
    """A family of times to an event. The next classes say how survival follows from the parameters."""

    name: str
    label: str
    parameters: tuple[FamilyParameter, ...]

    def cumulative_hazard(self, t: Floats, *values: float) -> Floats:
        """H(t) = -ln S(t), without unit."""
        raise NotImplementedError

    def hazard(self, t: Floats, *values: float) -> Floats:
        """h(t) = dH/dt, per month."""
        raise NotImplementedError

    def quantile(self, u: Floats, *values: float) -> Floats:
        """Time by which a share `u` has had the event, months; infinite where that many never have it."""
        raise NotImplementedError


class Exponential(Family):
    """Constant hazard.

    S(t) = exp(-rate * t)

    >>> round(float(np.exp(-Exponential().cumulative_hazard(np.array([12.0]), 0.1)[0])), 4)
    0.3012
    """

    name = "exponential"
    label = "Exponential"
    parameters = (FamilyParameter("rate", "per month", "log"),)

    @override
    def cumulative_hazard(self, t: Floats, *values: float) -> Floats:
        return values[0] * t

    @override
    def hazard(self, t: Floats, *values: float) -> Floats:
        return np.full_like(t, values[0])

    @override
    def quantile(self, u: Floats, *values: float) -> Floats:
        return -np.log1p(-u) / values[0]


class Weibull(Family):
    """Hazard that rises (`shape` above 1) or falls (below 1) as a power of time.

    S(t) = exp(-(t / scale) ** shape); `scale` is when 63 % have had the event.

    >>> round(float(Weibull().quantile(np.array([0.5]), 10.0, 1.0)[0]), 3)
    6.931
    """

    name = "weibull"
    label = "Weibull"
    parameters = (FamilyParameter("scale", "months", "log"), FamilyParameter("shape", "none", "log"))

    @override
    def cumulative_hazard(self, t: Floats, *values: float) -> Floats:
        return (t / values[0]) ** values[1]

    @override
    def hazard(self, t: Floats, *values: float) -> Floats:
        scale, shape = values
        with np.errstate(divide="ignore"):
            return shape / scale * (t / scale) ** (shape - 1.0)

    @override
    def quantile(self, u: Floats, *values: float) -> Floats:
        return values[0] * (-np.log1p(-u)) ** (1.0 / values[1])


class Gompertz(Family):
    """Hazard that rises or falls exponentially; with a falling one a share never has the event.

    h(t) = rate * exp(shape * t),  S(t) = exp(-rate * (exp(shape * t) - 1) / shape)

    `rate` is the hazard at 0. With shape < 0 survival has the plateau exp(rate / shape).

    >>> round(float(np.exp(-Gompertz().cumulative_hazard(np.array([1e6]), -0.1, 0.2)[0])), 4) == round(math.exp(-2), 4)
    True
    >>> Gompertz().quantile(np.array([0.9]), -0.1, 0.2)
    array([inf])
    """

    name = "gompertz"
    label = "Gompertz"
    parameters = (FamilyParameter("shape", "per month", "real"), FamilyParameter("rate", "per month", "log"))

    @override
    def cumulative_hazard(self, t: Floats, *values: float) -> Floats:
        shape, rate = values
        if abs(shape) < TINY_SHAPE:
            return rate * t * (1.0 + 0.5 * shape * t)
        return rate * np.expm1(np.minimum(shape * t, FAR)) / shape

    @override
    def hazard(self, t: Floats, *values: float) -> Floats:
        shape, rate = values
        return rate * np.exp(np.minimum(shape * t, FAR))

    @override
    def quantile(self, u: Floats, *values: float) -> Floats:
        shape, rate = values
        spent = -np.log1p(-u) / rate
        if abs(shape) < TINY_SHAPE:
            return spent * (1.0 - 0.5 * shape * spent)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(shape * spent > -1.0, np.log1p(np.maximum(shape * spent, -1.0)) / shape, math.inf)


class LogNormal(Family):
    """Log time is normal: the hazard rises, then falls for ever.

    S(t) = Phi(-(ln t - mu) / sigma); the median is exp(mu).

    >>> round(float(LogNormal().quantile(np.array([0.5]), 2.0, 1.0)[0]), 3)
    7.389
    """

    name = "log_normal"
    label = "Log-normal"
    parameters = (FamilyParameter("mu", "ln months", "real"), FamilyParameter("sigma", "ln months", "log"))

    @override
    def cumulative_hazard(self, t: Floats, *values: float) -> Floats:
        return -special.log_ndtr(-_standard(t, *values))

    @override
    def hazard(self, t: Floats, *values: float) -> Floats:
        mu, sigma = values
        w = _standard(t, mu, sigma)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            log_density = -0.5 * w**2 - 0.5 * math.log(2.0 * math.pi) - np.log(sigma * t)
            return np.where(t > 0.0, np.exp(log_density - special.log_ndtr(-w)), 0.0)

    @override
    def quantile(self, u: Floats, *values: float) -> Floats:
        return np.asarray(np.exp(values[0] + values[1] * special.ndtri(u)))


class LogLogistic(Family):
    """Log-odds of the event rise with log time: a hump of hazard and a heavy tail when `shape` is above 1.

    S(t) = 1 / (1 + (t / scale) ** shape); `scale` is the median.

    >>> LogLogistic().quantile(np.array([0.5]), 6.0, 2.0)
    array([6.])
    """

    name = "log_logistic"
    label = "Log-logistic"
    parameters = (FamilyParameter("scale", "months", "log"), FamilyParameter("shape", "none", "log"))

    @override
    def cumulative_hazard(self, t: Floats, *values: float) -> Floats:
        with np.errstate(over="ignore"):
            return np.log1p((t / values[0]) ** values[1])

    @override
    def hazard(self, t: Floats, *values: float) -> Floats:
        scale, shape = values
        with np.errstate(divide="ignore", over="ignore"):
            return shape / scale * (t / scale) ** (shape - 1.0) / (1.0 + (t / scale) ** shape)

    @override
    def quantile(self, u: Floats, *values: float) -> Floats:
        with np.errstate(divide="ignore"):
            return values[0] * (u / (1.0 - u)) ** (1.0 / values[1])


class GeneralisedGamma(Family):
    """Holds Weibull (Q = 1), exponential (Q = sigma = 1), gamma (Q = sigma) and log-normal (Q = 0) as special cases.

    With w = (ln t - mu) / sigma and G the incomplete gamma ratio of shape Q**-2 at Q**-2 * exp(Q * w):
    S(t) = 1 - G when Q > 0, G when Q < 0, Phi(-w) at Q = 0. Near Q = 0 all three functions are interpolated through
    -0.001, 0 and 0.001 (a parabola; the error is of the order of 1e-9).

    Source: Prentice, Biometrika 1974;61:539-544; as in flexsurv.

    >>> t = np.array([2.0, 20.0])
    >>> weibull = Weibull().cumulative_hazard(t, math.exp(2.0), 1.0 / 0.8)
    >>> bool(np.allclose(GeneralisedGamma().cumulative_hazard(t, 2.0, 0.8, 1.0), weibull))
    True
    >>> log_normal = LogNormal().cumulative_hazard(t, 2.0, 0.8)
    >>> bool(np.allclose(GeneralisedGamma().cumulative_hazard(t, 2.0, 0.8, 1e-5), log_normal, rtol=1e-4))
    True
    """

    name = "generalised_gamma"
    label = "Generalised gamma"
    parameters = (*LogNormal.parameters, FamilyParameter("q", "none", "real"))

    @override
    def cumulative_hazard(self, t: Floats, *values: float) -> Floats:
        mu, sigma, q = values
        if abs(q) < TINY_Q:
            return _through_zero(q, self.cumulative_hazard, LogNormal().cumulative_hazard, t, mu, sigma)
        a, u = _gamma_arguments(t, mu, sigma, q)
        with np.errstate(divide="ignore"):
            log_share = np.log(special.gammaincc(a, u) if q > 0.0 else special.gammainc(a, u))
        return -np.where(log_share > -FAR, log_share, _far_log_share(a, u, q))

    @override
    def hazard(self, t: Floats, *values: float) -> Floats:
        mu, sigma, q = values
        if abs(q) < TINY_Q:
            return _through_zero(q, self.hazard, LogNormal().hazard, t, mu, sigma)
        a, u = _gamma_arguments(t, mu, sigma, q)
        spent = self.cumulative_hazard(t, *values)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            log_density = a * np.log(u) - u - special.gammaln(a) + math.log(abs(q)) - np.log(sigma * t)
            near = np.exp(log_density + spent)
            far = abs(q) / (sigma * t) * np.abs(u - a + (1.0 if q > 0.0 else 0.0))
        return np.where(t > 0.0, np.where(spent < FAR, near, far), self._at_zero(mu, sigma, q))

    def _at_zero(self, mu: float, sigma: float, q: float) -> float:
        """Hazard at time 0, where H(t) is near (a ** a / Gamma(a + 1)) * (t / exp(mu)) ** (1 / (q * sigma))."""
        if q < 0.0 or q * sigma < 1.0:
            return 0.0
        if q * sigma > 1.0:
            return math.inf
        a = q**-2
        return math.exp(a * math.log(a) - float(special.gammaln(a + 1.0)) - mu)

    @override
    def quantile(self, u: Floats, *values: float) -> Floats:
        mu, sigma, q = values
        if abs(q) < TINY_Q:
            return _through_zero(q, self.quantile, LogNormal().quantile, u, mu, sigma)
        a = q**-2
        g = special.gammaincinv(a, u) if q > 0.0 else special.gammainccinv(a, u)
        with np.errstate(divide="ignore"):
            return np.asarray(np.exp(mu + sigma * np.log(g / a) / q))


FAMILIES: dict[str, Family] = {
    family.name: family() for family in (Exponential, Weibull, Gompertz, LogNormal, LogLogistic, GeneralisedGamma)
}


def _standard(t: Floats, mu: float, sigma: float) -> Floats:
    with np.errstate(divide="ignore"):
        return (np.log(t) - mu) / sigma


def _through_zero(q: float, of_q: Function, at_zero: Function, x: Floats, mu: float, sigma: float) -> Floats:
    """Return the parabola in q through -TINY_Q, 0 (the log-normal) and TINY_Q."""
    z = q / TINY_Q
    below, above = of_q(x, mu, sigma, -TINY_Q), of_q(x, mu, sigma, TINY_Q)
    with np.errstate(invalid="ignore"):
        return 0.5 * z * (z - 1.0) * below + (1.0 - z * z) * at_zero(x, mu, sigma) + 0.5 * z * (z + 1.0) * above


def _gamma_arguments(t: Floats, mu: float, sigma: float, q: float) -> tuple[float, Floats]:
    a = q**-2
    with np.errstate(over="ignore", invalid="ignore"):
        return a, a * np.exp(np.clip(q * _standard(t, mu, sigma), -FAR, FAR))


def _far_log_share(a: float, u: Floats, q: float) -> Any:
    """Return ln of the incomplete gamma ratio where it is below the smallest number, from its leading terms.

    Upper ratio at large u: u^(a-1) e^-u / Gamma(a) * (1 + (a - 1) / u); lower one at small u: u^a e^-u / Gamma(a + 1).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if q > 0.0:
            return (a - 1.0) * np.log(u) - u - special.gammaln(a) + np.log1p(np.maximum((a - 1.0) / u, -0.5))
        return a * np.log(u) - u - special.gammaln(a + 1.0)
