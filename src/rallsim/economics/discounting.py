"""What a sum or a flow in the future is worth at entry: annual effective rates, applied continuously."""

from __future__ import annotations

import math
from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rallsim.common.compiled import compiled, compiled_entry

Floats = NDArray[np.float64]

SMALL = 0.01  # force times months below which integrals are sums of powers: there the closed forms cancel

Forces = namedtuple("Forces", "first later change")  # force of discount a month, and another from `change` months on


@compiled
def worth_at(time: float, forces: Any) -> float:
    """Worth at entry of 1 at a time (months).

    >>> worth_at(10.0, Forces(0.1, 0.0, math.inf)) == math.exp(-1.0)
    True
    """
    if time <= forces.change:
        return math.exp(-forces.first * time)
    return math.exp(-forces.first * forces.change - forces.later * (time - forces.change))


@compiled
def powers(months: float, force: float) -> tuple[float, float, float]:
    """Integrals over s from 0 to `months` of s^n exp(-force s), for n = 0, 1, 2.

    J0 = (1 - e) / f, J1 = (J0 - h e) / f, J2 = (2 J1 - h^2 e) / f with h months, f the force and e = exp(-f h);
    where f h is below SMALL, h^(n + 1) sum over k of (-f h)^k / (k! (n + 1 + k)) up to k = 5

    >>> powers(3.0, 0.0)
    (3.0, 4.5, 9.0)
    """
    x = force * months
    if abs(x) < SMALL:
        j0 = 1.0 - x * (1 / 2 - x * (1 / 6 - x * (1 / 24 - x * (1 / 120 - x / 720))))
        j1 = 1 / 2 - x * (1 / 3 - x * (1 / 8 - x * (1 / 30 - x * (1 / 144 - x / 840))))
        j2 = 1 / 3 - x * (1 / 4 - x * (1 / 10 - x * (1 / 36 - x * (1 / 168 - x / 960))))
        return j0 * months, j1 * months * months, j2 * months * months * months
    lost = -math.expm1(-x)
    j0 = lost / force
    j1 = (j0 - months * (1.0 - lost)) / force
    return j0, j1, (2.0 * j1 - months * months * (1.0 - lost)) / force


@compiled
def moments(start: float, stop: float, forces: Any) -> tuple[float, float, float]:
    """Worth at entry of flows of 1, s and s^2 a month from `start` to `stop`, where s is the time since `start`."""
    first_part = min(stop, forces.change) - start
    if first_part >= stop - start:
        worth = worth_at(start, forces)
        m0, m1, m2 = powers(stop - start, forces.first)
        return worth * m0, worth * m1, worth * m2
    if first_part <= 0.0:
        worth = worth_at(start, forces)
        m0, m1, m2 = powers(stop - start, forces.later)
        return worth * m0, worth * m1, worth * m2
    worth = worth_at(start, forces)
    m0, m1, m2 = powers(first_part, forces.first)
    then = worth_at(forces.change, forces)
    n0, n1, n2 = powers(stop - forces.change, forces.later)
    return (
        worth * m0 + then * n0,
        worth * m1 + then * (n1 + first_part * n0),
        worth * m2 + then * (n2 + 2.0 * first_part * n1 + first_part * first_part * n0),
    )


@compiled_entry
def fill_worth(times: Any, forces: Any, worth: Any) -> None:
    """Fill `worth` with that of each time."""
    for place in range(len(times)):
        worth[place] = worth_at(times[place], forces)


@compiled_entry
def fill_flows(starts: Any, stops: Any, forces: Any, flows: Any) -> None:
    """Fill `flows` with the worth of 1 a month over each time; nothing where it stops before it starts."""
    for place in range(len(starts)):
        flows[place] = moments(starts[place], max(starts[place], stops[place]), forces)[0]


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
    def forces(self) -> Forces:
        """Forces of discount per month, before and after the change."""
        if self.later_rate is None:
            return Forces(math.log1p(self.rate) / 12.0, 0.0, math.inf)
        return Forces(math.log1p(self.rate) / 12.0, math.log1p(self.later_rate) / 12.0, float(self.later_from))

    def worth(self, time: Floats) -> Floats:
        """Worth at entry of 1 at each time (months)."""
        found = np.empty(len(time))
        fill_worth(np.ascontiguousarray(time, np.float64), self.forces, found)
        return found

    def flow(self, start: Floats, stop: Floats) -> Floats:
        """Worth at entry of 1 a month from each `start` to its `stop` (months)."""
        found = np.empty(len(start))
        fill_flows(*(np.ascontiguousarray(one, np.float64) for one in (start, stop)), self.forces, found)
        return found


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
