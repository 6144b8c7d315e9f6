"""What a sum or a flow in the future is worth at entry: annual effective rates, applied continuously."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


@dataclass(frozen=True)
class Discount:
    """An annual effective rate, and another one from some month on where a guideline lowers it.

    force r = ln(1 + rate) / 12 a month;  worth of a point in time D(t) = exp(-r t);
    present value of a flow of 1 a month from a to b: (exp(-r a) - exp(-r b)) / r, and b - a at a rate of 0

    With `later_rate` the force changes at `later_from` months, and D goes on from where it is then.

    >>> discount = Discount(0.035)
    >>> round(float(discount.worth(np.array([12.0]))[0]), 6) == round(1 / 1.035, 6)
    True
    >>> Discount(0.0).flow(np.array([2.0]), np.array([5.0])).tolist()
    [3.0]
    """

    rate: float
    later_rate: float | None = None
    later_from: float = math.inf

    @property
    def force(self) -> float:
        """Force of discount per month, before any change."""
        return math.log1p(self.rate) / 12.0

    def worth(self, time: Floats) -> Floats:
        """Worth at entry of 1 at `time` (months)."""
        if self.later_rate is None:
            return np.exp(-self.force * time)
        late = np.maximum(time - self.later_from, 0.0)
        return np.exp(-self.force * (time - late) - math.log1p(self.later_rate) / 12.0 * late)

    def flow(self, start: Floats, stop: Floats) -> Floats:
        """Worth at entry of 1 a month from `start` to `stop` (months)."""
        found = np.zeros(np.broadcast(start, stop).shape)
        for low, high, force in self._parts(start, stop):
            length = np.maximum(high - low, 0.0)
            grown = length if force == 0.0 else -np.expm1(-force * length) / force
            found += self.worth(low) * grown
        return found

    def flow_of_quadratic(self, start: Floats, stop: Floats, at: tuple[Floats, Floats, Floats]) -> Floats:
        """Worth at entry of a flow of c0 + c1 t + c2 t^2 a month, `at` = (c0, c1, c2), from `start` to `stop`.

        By Gauss and Legendre with 12 nodes on each side of a change of rate: exact to the rounding of floats for rates
        up to 10 % over a lifetime.
        """
        c0, c1, c2 = at
        found = np.zeros(np.broadcast(start, stop).shape)
        for low, high, _ in self._parts(start, stop):
            half = 0.5 * np.maximum(high - low, 0.0)
            middle = low + half
            for node, weight in zip(_NODES, _WEIGHTS, strict=True):
                time = middle + half * node
                found += weight * half * (c0 + (c1 + c2 * time) * time) * self.worth(time)
        return found

    def _parts(self, start: Floats, stop: Floats) -> list[tuple[Floats, Floats, float]]:
        if self.later_rate is None:
            return [(start, stop, self.force)]
        change = self.later_from
        later = math.log1p(self.later_rate) / 12.0
        return [
            (np.minimum(start, change), np.minimum(stop, change), self.force),
            (np.maximum(start, change), np.maximum(stop, change), later),
        ]


@dataclass(frozen=True)
class Rates:
    """The discounting of costs and that of life years and QALYs.

    >>> Rates.of(0.03, 0.015).qalys.rate
    0.015
    """

    costs: Discount
    qalys: Discount

    @classmethod
    def of(cls, costs: float, qalys: float | None = None) -> Rates:
        """Take any pair of annual effective rates; one alone serves both."""
        return cls(Discount(costs), Discount(costs if qalys is None else qalys))


UNDISCOUNTED = Discount(0.0)
