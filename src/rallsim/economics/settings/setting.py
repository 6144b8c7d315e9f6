"""Everything that values histories, in one object: costs, utilities, and the discounting of a perspective."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from rallsim.economics.discounting import Rates
from rallsim.economics.settings.cost_files import Costs, cost_files, load_costs
from rallsim.economics.settings.entries import UNITS, Entry
from rallsim.economics.settings.perspectives import Perspective, load_perspective
from rallsim.economics.settings.utility_files import Utilities, load_utilities
from rallsim.errors import InputError, Problem, nearest
from rallsim.inputs.parameters import ParameterSet, load_parameters

OWNERS = ("costs", "utilities")  # what the paths of economic parameters begin with


class ValuedWith(Protocol):
    """Whatever histories can be valued with."""

    @property
    def costs(self) -> Costs:
        """What triggers costs, and prices."""

    @property
    def utilities(self) -> Utilities:
        """What time is worth."""

    @property
    def rates(self) -> Rates:
        """Discounting."""


@dataclass(frozen=True)
class Economics:
    """What a history is valued with. Its parameters are called `costs.<name>` and `utilities.<name>`.

    `perspective` is where the rates come from, None when they were given.
    """

    costs: Costs
    utilities: Utilities
    rates: Rates
    perspective: Perspective | None = None

    def parameters(self) -> dict[str, Entry]:
        """Return every number of costs and utilities by path, as its file gives it."""
        return economic_parameters(self)

    def fault(self, path: str, value: float) -> Problem | None:
        """Return what is wrong with giving a parameter this value, without a place; None when nothing is."""
        return fault_of(self, path, value)

    def with_values(self, values: Mapping[str, float]) -> Economics:
        """Return the same with other values of parameters by path, in the currency and prices of their entries.

        >>> base = economics_of()
        >>> base.with_values({"utilities.remission": 0.7}).utilities.value("remission")
        0.7
        """
        costs, utilities = with_values(self, values)
        return replace(self, costs=costs, utilities=utilities)


def economic_parameters(economics: ValuedWith) -> dict[str, Entry]:
    """Return every number of costs and utilities by path, as its file gives it."""
    return {
        f"{owner}.{name}": entry
        for owner, entries in zip(OWNERS, (economics.costs.entries, economics.utilities.entries), strict=True)
        for name, entry in entries.items()
    }


def fault_of(economics: ValuedWith, path: str, value: float) -> Problem | None:
    """Return what is wrong with giving an economic parameter this value, without a place; None when nothing is."""
    known = economic_parameters(economics)
    if path not in known:
        return Problem("unknown parameter", hint=nearest(path, list(known)))
    unit = known[path].unit
    low, high = UNITS[unit]
    if not low <= value <= high:
        return Problem("is impossible", found=f"{value:g}", allowed=f"{low:g} to {high:g} ({unit})")
    return None


def with_values(economics: ValuedWith, values: Mapping[str, float]) -> tuple[Costs, Utilities]:
    """Return costs and utilities with other values of parameters by path."""
    costs, utilities = (dict(_of(owner, values)) for owner in OWNERS)
    return economics.costs.with_values(costs), economics.utilities.with_values(utilities)


def in_short(path: str) -> str:
    """Path of an economic parameter without the country, as draws have it.

    >>> in_short("costs.uk.ward_day"), in_short("utilities.remission")
    ('costs.ward_day', 'utilities.remission')
    """
    first, *_, last = path.split(".")
    return f"{first}.{last}"


def is_economic(path: str) -> bool:
    """Tell whether a parameter's path is one of costs or utilities, not of the model."""
    return path.partition(".")[0] in OWNERS


def economics_of(
    costs: str | None = None,
    perspective: str = "nice",
    parameters: ParameterSet | None = None,
    *,
    utilities: Utilities | None = None,
    rates: Rates | None = None,
) -> Economics:
    """Read the economics of a perspective.

    `costs` is a country with a file of costs, by default the one that the perspective names; `utilities` are by default
    those of the file; `rates` go before those of the perspective. Raises InputError for costs in another currency than
    the perspective's thresholds, and for a perspective without costs when no country is given.

    >>> economics = economics_of()
    >>> economics.costs.id, economics.costs.currency, economics.rates.costs.rate
    ('uk', 'GBP', 0.035)
    """
    parameters = parameters or load_parameters()
    view = load_perspective(perspective, parameters.evidence)
    country = costs or view.costs
    if country is None:
        raise InputError(Problem(f"'{view.id}' has no costs of its own: name some", allowed=", ".join(cost_files())))
    found = load_costs(country, parameters)
    view.check_currency(found)
    return Economics(found, utilities or load_utilities(parameters), rates or view.rates(), view)


def check_economic_draws(draws: Mapping[str, np.ndarray], economics: ValuedWith | None) -> Iterator[Problem]:
    """Yield the faults of columns of draws of costs and utilities: unknown names, impossible values."""
    for path, column in draws.items():
        if economics is None:
            yield Problem("is drawn, and nothing is valued", key=path)
            continue
        problem = fault_of(economics, path, float(np.min(column))) or fault_of(economics, path, float(np.max(column)))
        if problem:
            yield replace(problem, key=path)


def _of(owner: str, values: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    for path, value in values.items():
        first, _, name = path.partition(".")
        if first not in OWNERS:
            raise InputError(Problem("is no parameter of costs or utilities", key=path))
        if first == owner:
            yield name, value
