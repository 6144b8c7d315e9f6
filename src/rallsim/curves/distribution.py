"""A time to an event with its parameters: one of the families, plain or as a mixture with a cured share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from rallsim.curves.families import FAMILIES, Family, FamilyParameter, Floats
from rallsim.errors import InputError, Problem, nearest

CURE = FamilyParameter("cure", "share", "logit")
CURED = "_cure"  # ends the name of a form with a cured share
RANGES = {"log": (0.0, math.inf), "real": (-math.inf, math.inf), "logit": (0.0, 1.0)}


@dataclass(frozen=True)
class Form:
    """A family, plain or with a share that never has the event."""

    family: Family
    with_cure: bool

    @property
    def name(self) -> str:
        """Name in tables: that of the family, with `_cure` when a share is cured."""
        return self.family.name + (CURED if self.with_cure else "")

    @property
    def label(self) -> str:
        """Name for people."""
        return self.family.label + (" + cure" if self.with_cure else "")

    @property
    def parameters(self) -> tuple[FamilyParameter, ...]:
        """Parameters of the family, and the cured share at the end."""
        return (*self.family.parameters, *([CURE] if self.with_cure else []))

    def at(self, point: Sequence[float] | Floats) -> TimeToEvent:
        """Return the distribution at unconstrained values: logs of positive parameters, logit of the cured share.

        >>> form_called("weibull_cure").at([2.0, 0.0, 0.0]).values
        (7.38905609893065, 1.0, 0.5)
        """
        return TimeToEvent(
            self, tuple(_natural(float(x), spec) for x, spec in zip(point, self.parameters, strict=True))
        )

    def of(self, **values: float) -> TimeToEvent:
        """Return the distribution with parameters by name; refuses missing, unknown and impossible ones.

        >>> form_called("exponential").of(rate=0.1).survival(np.array([12.0])).round(4)
        array([0.3012])
        """
        wanted = {spec.name: spec for spec in self.parameters}
        faults = [Problem("is missing", key=name) for name in wanted if name not in values]
        faults += [
            Problem("must be a known parameter", key=name, allowed=", ".join(wanted), hint=nearest(name, list(wanted)))
            for name in values
            if name not in wanted
        ]
        for name, value in values.items():
            low, high = RANGES[wanted[name].scale] if name in wanted else (-math.inf, math.inf)
            if not low < value < high:
                faults.append(Problem("must lie within", key=name, found=f"{value:g}", allowed=f"{low:g} to {high:g}"))
        if faults:
            raise InputError(faults)
        return TimeToEvent(self, tuple(float(values[name]) for name in wanted))


@dataclass(frozen=True)
class TimeToEvent:
    """A form with its parameters, in the order of `form.parameters`.

    S(t) = cure + (1 - cure) * S_family(t); cure = 0 for a plain form. Background mortality is not included.
    """

    form: Form
    values: tuple[float, ...]

    @property
    def cure(self) -> float:
        """Share that never has the event by the mixture; a falling Gompertz hazard adds to it (see `plateau`)."""
        return self.values[-1] if self.form.with_cure else 0.0

    @property
    def plateau(self) -> float:
        """Survival that is left at infinity."""
        inner = 0.0
        if self.form.family.name == "gompertz" and self._own[0] < 0.0:
            inner = math.exp(self._own[1] / self._own[0])
        return self.cure + (1.0 - self.cure) * inner

    @property
    def _own(self) -> tuple[float, ...]:
        return self.values[:-1] if self.form.with_cure else self.values

    def survival(self, t: Floats) -> Floats:
        """Share without the event at `t` months.

        >>> times = np.array([0.0, 12.0])
        >>> form_called("weibull_cure").of(scale=6.0, shape=1.0, cure=0.2).survival(times).round(3)
        array([1.   , 0.308])
        """
        return self.cure + (1.0 - self.cure) * np.exp(-self.form.family.cumulative_hazard(t, *self._own))

    def cumulative_hazard(self, t: Floats) -> Floats:
        """Return -ln S(t)."""
        own = self.form.family.cumulative_hazard(t, *self._own)
        if not self.form.with_cure:
            return own
        return -np.logaddexp(math.log(max(self.cure, 1e-300)), math.log1p(-self.cure) - own)

    def hazard(self, t: Floats) -> Floats:
        """Hazard per month at `t`: with a cured share, that of the others times their share among those left."""
        own = self.form.family.hazard(t, *self._own)
        if not self.form.with_cure:
            return own
        left = (1.0 - self.cure) * np.exp(-self.form.family.cumulative_hazard(t, *self._own))
        return own * left / (self.cure + left)

    def quantile(self, u: Floats) -> Floats:
        """Time by which a share `u` has had the event; infinite on the plateau.

        >>> form_called("weibull_cure").of(scale=6.0, shape=1.0, cure=0.2).quantile(np.array([0.5, 0.9])).round(3)
        array([5.885,   inf])
        """
        among = u / (1.0 - self.cure)
        times = self.form.family.quantile(np.minimum(among, 1.0 - 1e-16), *self._own)
        return np.where(among < 1.0, times, math.inf)

    def point(self) -> Floats:
        """Unconstrained values: the inverse of `Form.at`."""
        return np.array([_free(v, spec) for v, spec in zip(self.values, self.form.parameters, strict=True)])

    def named(self) -> dict[str, float]:
        """Parameters by name."""
        return {spec.name: value for spec, value in zip(self.form.parameters, self.values, strict=True)}


FORMS: dict[str, Form] = {
    form.name: form for family in FAMILIES.values() for form in (Form(family, False), Form(family, True))
}


def form_called(name: str) -> Form:
    """Return a form by name; an unknown one is an InputError that names the nearest.

    >>> form_called("log_logistic_cure").label
    'Log-logistic + cure'
    """
    if name not in FORMS:
        raise InputError(
            Problem("must be a known family", found=name, allowed=", ".join(FORMS), hint=nearest(name, list(FORMS)))
        )
    return FORMS[name]


def _natural(x: float, spec: FamilyParameter) -> float:
    if spec.scale == "log":
        return math.exp(min(max(x, -50.0), 50.0))
    return float(special.expit(min(max(x, -30.0), 30.0))) if spec.scale == "logit" else x


def _free(value: float, spec: FamilyParameter) -> float:
    if spec.scale == "log":
        return math.log(value)
    return float(special.logit(value)) if spec.scale == "logit" else value
