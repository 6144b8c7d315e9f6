"""What histories are valued with: prices, utilities, discount rates and thresholds, as a scenario names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from rallsim.common.files import shipped
from rallsim.economics.discounting import Rates
from rallsim.economics.settings.cost_files import Costs, cost_file, cost_files, load_costs, parts_of
from rallsim.economics.settings.entries import UNITS, Entry
from rallsim.economics.settings.perspectives import Perspective, load_perspective, perspectives
from rallsim.economics.settings.utility_files import Utilities, load_utilities
from rallsim.errors import InputError, Problem, nearest
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.scenario import Scenario
from rallsim.inputs.scenario_schema import LIFETIME_MONTHS, NONE, OWN_COSTS

DEFAULT_PERSPECTIVE = "nice"
BLOCK = "economics"  # of a scenario file
OWNERS = ("costs", "utilities")  # what the paths of economic parameters begin with


@dataclass(frozen=True)
class EconomicSettings:
    """Prices, utilities, discount rates and thresholds. Parameters are called `costs.<name>` and `utilities.<name>`.

    `perspective` is None where the rates were given; `grid` are the thresholds of figures, `values` the parameters
    that the scenario sets itself, `files` those that all was read from. Nothing is counted after `horizon_months`.
    """

    costs: Costs
    utilities: Utilities
    rates: Rates
    perspective: Perspective | None = None
    wtp: tuple[float, ...] = ()
    grid: tuple[float, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    horizon_months: float = LIFETIME_MONTHS

    @property
    def currency(self) -> str:
        """Currency and year of prices, as in tables: `GBP 2023`."""
        return f"{self.costs.currency} {self.costs.price_year}"

    def evidence(self) -> set[str]:
        """Ids of the evidence rows that prices, utilities and perspective rest on."""
        entries = [*self.costs.entries.values(), *self.utilities.entries.values()]
        if self.perspective:
            entries += self.perspective.entries.values()
        return {identity for entry in entries for identity in entry.evidence}

    def as_data(self) -> dict[str, Any]:
        """The settings as plain data, for a manifest."""
        discounts = {"costs": self.rates.costs, "qalys": self.rates.qalys}
        return {
            "costs": self.costs.id,
            "currency": self.costs.currency,
            "price_year": self.costs.price_year,
            "perspective": self.perspective.id if self.perspective else None,
            "discount": {
                "convention": "annual_effective, continuous in time",
                **{name: one.rate for name, one in discounts.items()},
                **{
                    f"{name}_later": {"rate": one.later_rate, "from_months": one.later_from}
                    for name, one in discounts.items()
                    if one.later_rate is not None
                },
            },
            "horizon_months": self.horizon_months,
            "wtp": list(self.wtp),
            "values": dict(self.values),
            "list_prices": self.costs.list_prices(),
        }

    def parameters(self) -> dict[str, Entry]:
        """Return every number of costs and utilities by path, as its file gives it."""
        return {
            f"{owner}.{name}": entry
            for owner, entries in zip(OWNERS, (self.costs.entries, self.utilities.entries), strict=True)
            for name, entry in entries.items()
        }

    def fault(self, path: str, value: float) -> Problem | None:
        """Return what is wrong with giving a parameter this value, without a place; None when nothing is."""
        known = self.parameters()
        if path not in known:
            return Problem("must be a known parameter", hint=nearest(path, list(known)))
        unit = known[path].unit
        low, high = UNITS[unit]
        if not low <= value <= high:
            return Problem("must lie within", found=f"{value:g}", allowed=f"{low:g} to {high:g} ({unit})")
        return None

    def with_values(self, values: Mapping[str, float]) -> EconomicSettings:
        """Return the same with other values of parameters by path, in the currency and prices of their entries.

        >>> from rallsim.inputs.parameters import load_parameters
        >>> from rallsim.inputs.scenario import load_scenario
        >>> base = economic_settings(load_scenario("first_salvage"), load_parameters())
        >>> base.with_values({"utilities.remission": 0.7}).utilities.value("remission")
        0.7
        """
        costs, utilities = (dict(_of(owner, values)) for owner in OWNERS)
        return replace(self, costs=self.costs.with_values(costs), utilities=self.utilities.with_values(utilities))


def _of(owner: str, values: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    for path, value in values.items():
        first, _, name = path.partition(".")
        if first not in OWNERS:
            raise InputError(Problem("must be a parameter of costs or utilities", key=path))
        if first == owner:
            yield name, value


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


def check_economic_draws(draws: Mapping[str, np.ndarray], economics: EconomicSettings | None) -> Iterator[Problem]:
    """Yield the faults of columns of draws of costs and utilities: unknown names, impossible values."""
    for path, column in draws.items():
        if economics is None:
            yield Problem("cannot be drawn where nothing is valued", key=path)
            continue
        problem = economics.fault(path, float(np.min(column))) or economics.fault(path, float(np.max(column)))
        if problem:
            yield replace(problem, key=path)


def economic_settings(
    scenario: Scenario, parameters: ParameterSet, say: Callable[[str], None] = lambda _: None
) -> EconomicSettings | None:
    """Read what the `economics` of a scenario name and check it; raises InputError with all faults.

    A key left out is filled from the others: costs from the perspective, the perspective from the costs, both British
    where neither is named; rates and thresholds from the perspective. There are no settings where the scenario wants
    none. A therapy of the scenario's rules without costs is refused where economics were asked for; where they were
    not, there are none, and `say` is called with the reason.

    >>> from rallsim.inputs.parameters import load_parameters
    >>> from rallsim.inputs.scenario import load_scenario
    >>> scenario = load_scenario("first_salvage", settings=["economics.costs=fr"])
    >>> economic_settings(scenario, load_parameters()).perspective.label
    'HAS, France'
    """
    keys = scenario.economics
    if keys.costs == NONE:
        return None
    reader = _Reader(scenario, parameters, [])
    perspective = reader.perspective()
    costs = reader.costs(perspective)
    utilities = reader.load(lambda: load_utilities(parameters))
    rates = reader.rates(perspective)
    if costs and utilities:
        reader.check_currency(perspective, costs)
    if costs is None or utilities is None or rates is None:
        raise InputError(reader.problems)
    own = perspective is not None and perspective.currency == costs.currency
    main = cost_file(_own(scenario, costs.id))
    files = [main, *parts_of(main, parameters.own_folder), shipped("params") / "utilities.yaml"]
    if perspective:
        files.append(shipped("params") / "perspectives" / f"{perspective.id}.yaml")
    found = reader.with_values(
        EconomicSettings(
            costs=costs,
            utilities=utilities,
            rates=rates,
            perspective=perspective,
            wtp=keys.wtp or (perspective.thresholds() if perspective else ()),
            grid=perspective.grid if perspective and own else (),
            files=tuple(files),
            horizon_months=scenario.economic_horizon_months,
        )
    )
    if reader.problems:
        raise InputError(reader.problems)
    missing = sorted(_given(scenario) - costs.therapies)
    if not missing:
        return found
    problem = Problem(
        "must have these therapies under 'therapies', with {} where they cost nothing",
        file=str(main),
        found=", ".join(missing),
    )
    if keys.model_fields_set - {"horizon_months"}:
        raise InputError(problem)
    say(f"costs and QALYs are left out: {problem}")
    return None


@dataclass(frozen=True)
class _Reader:
    """Reads the parts of a scenario's economics and gathers what is wrong with them."""

    scenario: Scenario
    parameters: ParameterSet
    problems: list[Problem]

    def load(self, read: Any) -> Any:
        """Return what `read` returns; None, and its faults noted, when it raises."""
        try:
            return read()
        except InputError as error:
            self.problems.extend(error.problems)
            return None

    def note(self, message: str, *keys: str, **more: str | None) -> None:
        """Note a fault of the key `economics.<keys>` in its place."""
        file, line = self.scenario.place(BLOCK, *keys)
        self.problems.append(Problem(message, file=file, line=line, key=".".join((BLOCK, *keys)), **more))

    def perspective(self) -> Perspective | None:
        """Return the perspective that is named, or that goes with the costs; None for none, and where faulty."""
        keys, evidence = self.scenario.economics, self.parameters.evidence
        if keys.perspective == NONE:
            return None
        if keys.perspective or keys.costs is None:
            name = keys.perspective or DEFAULT_PERSPECTIVE
            return self.load(lambda: load_perspective(name, evidence))  # type: ignore[no-any-return]
        views = [self.load(lambda one=one: load_perspective(one, evidence)) for one in perspectives()]
        fitting: list[Perspective] = [view for view in views if view and view.costs == keys.costs]
        if not fitting and keys.discount is None:
            message = "is missing: costs of your own do not say whose rates and thresholds hold"
            self.note(message, "perspective", allowed=", ".join([*perspectives(), NONE]))
        return fitting[0] if fitting else None

    def costs(self, perspective: Perspective | None) -> Costs | None:
        """Return the costs that are named, or that go with the perspective; None where faulty."""
        name = self.scenario.economics.costs or (perspective.costs if perspective else None)
        if name is None:
            if perspective or self.scenario.economics.perspective == NONE:
                whose = f"'{perspective.id}' has no costs of its own" if perspective else "no perspective gives them"
                self.note(f"is missing: {whose}", "costs", allowed=", ".join(cost_files()))
            return None
        wanted = _own(self.scenario, name)
        return self.load(lambda: load_costs(wanted, self.parameters))  # type: ignore[no-any-return]

    def rates(self, perspective: Perspective | None) -> Rates | None:
        """Return the rates that are named, or the perspective's; None where faulty."""
        given = self.scenario.economics.discount
        if given is not None:
            return Rates.of(given.costs, given.qalys)
        if perspective is None:
            if self.scenario.economics.perspective == NONE:
                self.note("is missing: without a perspective nothing says how to discount", "discount")
            return None
        return perspective.rates()

    def with_values(self, base: EconomicSettings) -> EconomicSettings:
        """Lay the scenario's own values over costs and utilities; faulty ones are noted."""
        values: dict[str, float] = {}
        given = self.scenario.economics.parameters
        for path, value in given.items():
            country = path.partition(".")[2].partition(".")[0]
            other = path.count(".") > 1 and country != base.costs.id
            fault = Problem("must be of the scenario's costs") if other else base.fault(in_short(path), value)
            if fault:
                hint = fault.hint or (in_short(path) if other else None)
                self.note(fault.message, "parameters", path, found=fault.found, allowed=fault.allowed, hint=hint)
            else:
                values[in_short(path)] = value
        named = {path.replace("costs.", f"costs.{base.costs.id}."): value for path, value in values.items()}
        return replace(base.with_values(values), values=named)  # as tables name them: costs.uk.vial

    def check_currency(self, perspective: Perspective | None, costs: Costs) -> None:
        """Note thresholds in another currency than the costs, unless the scenario brings its own thresholds."""
        if perspective and not self.scenario.economics.wtp and costs.currency != perspective.currency:
            message = f"must have the thresholds of '{perspective.id}' in the currency of the costs of '{costs.id}'"
            allowed = f"costs in {perspective.currency}, or wtp in {costs.currency}"
            self.note(message, "perspective", found=costs.currency, allowed=allowed)


def _own(scenario: Scenario, name: str) -> str | Path:
    """Return the path of a file of costs that a scenario brings, or the name of shipped ones."""
    given = scenario.economics.costs
    if given is not None and given.endswith(OWN_COSTS):
        return scenario.path.parent / given
    return name


def _given(scenario: Scenario) -> set[str]:
    """Return the therapies that a scenario's rules may give."""
    strategies = scenario.strategies.values()
    salvage = {rule.give for one in strategies for rule in one.salvage}
    bridging = {rule.give for one in strategies for rule in one.bridging}
    return salvage | bridging | {rule.give for one in strategies for rule in one.mrd}
