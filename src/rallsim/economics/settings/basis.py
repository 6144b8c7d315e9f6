"""What a scenario's costs and QALYs are counted with: prices, utilities, whose rates, and which thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rallsim.common.files import shipped
from rallsim.economics.discounting import Rates
from rallsim.economics.settings.cost_files import Costs, cost_file, cost_files, load_costs, parts_of
from rallsim.economics.settings.perspectives import Perspective, load_perspective, perspectives
from rallsim.economics.settings.setting import Economics, fault_of, in_short, with_values
from rallsim.economics.settings.utility_files import Utilities, load_utilities
from rallsim.errors import InputError, Problem
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.scenario import Scenario
from rallsim.inputs.scenario_schema import NONE, OWN_COSTS

DEFAULT_PERSPECTIVE = "nice"
BLOCK = "economics"  # of a scenario file


@dataclass(frozen=True)
class Basis:
    """Prices, utilities, discount rates and thresholds; `files` are those they were read from."""

    costs: Costs
    utilities: Utilities
    perspective: Perspective | None
    rates: Rates
    wtp: tuple[float, ...]
    grid: tuple[float, ...]
    values: Mapping[str, float]
    files: tuple[Path, ...]

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
            "wtp": list(self.wtp),
            "values": dict(self.values),
            "list_prices": self.costs.list_prices(),
        }


@dataclass(frozen=True)
class Choice:
    """What is counted with; None, and why, where nothing is (no reason where nothing was wanted)."""

    economics: Basis | None
    note: str = ""


def basis_of(scenario: Scenario, parameters: ParameterSet) -> Choice:
    """Read what the `economics` of a scenario name and check it; raises InputError with all faults.

    A key left out is filled from the others: costs from the perspective, the perspective from the costs, both British
    where neither is named; rates and thresholds from the perspective. A therapy of the scenario's rules without costs
    is refused where economics were asked for; where they were not, there are none and the note says why.

    >>> from rallsim.inputs.parameters import load_parameters
    >>> from rallsim.inputs.scenario import load_scenario
    >>> scenario = load_scenario("first_salvage", settings=["economics.costs=fr"])
    >>> basis_of(scenario, load_parameters()).economics.perspective.label
    'HAS, France'
    """
    keys = scenario.economics
    if keys.costs == NONE:
        return Choice(None)
    reader = _Reader(scenario, parameters, [])
    perspective = reader.perspective()
    costs = reader.costs(perspective)
    utilities = reader.load(lambda: load_utilities(parameters))
    rates = reader.rates(perspective)
    if costs and utilities:
        costs, utilities = reader.with_values(costs, utilities)
        reader.check_currency(perspective, costs)
    if reader.problems or costs is None or utilities is None or rates is None:
        raise InputError(reader.problems)
    missing = _without_costs(scenario, costs)
    if missing:
        problem = Problem(
            "no costs of these therapies: name them under 'therapies', with {} where they cost nothing",
            file=str(cost_file(_own(scenario, costs.id))),
            found=", ".join(missing),
        )
        if keys.model_fields_set:
            raise InputError(problem)
        return Choice(None, f"costs and QALYs are left out: {problem}")
    own = perspective is not None and perspective.currency == costs.currency
    main = cost_file(_own(scenario, costs.id))
    files = [main, *parts_of(main, parameters.own_folder), shipped("params") / "utilities.yaml"]
    if perspective:
        files.append(shipped("params") / "perspectives" / f"{perspective.id}.yaml")
    return Choice(
        Basis(
            costs=costs,
            utilities=utilities,
            perspective=perspective,
            rates=rates,
            wtp=keys.wtp or (perspective.thresholds() if perspective else ()),
            grid=perspective.grid if perspective and own else (),
            values={_in_full(path, costs): value for path, value in keys.parameters.items()},
            files=tuple(files),
        )
    )


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
        name = keys.perspective
        if name == NONE:
            return None
        if name is None:
            fitting = [one for one in perspectives() if self._goes_with(one, keys.costs)]
            if keys.costs is not None and not fitting:
                if keys.discount is None:
                    message = "is missing: costs of your own do not say whose rates and thresholds hold"
                    self.note(message, "perspective", allowed=", ".join([*perspectives(), NONE]))
                return None
            name = DEFAULT_PERSPECTIVE if keys.costs is None else fitting[0]
        return self.load(lambda: load_perspective(name, evidence))  # type: ignore[no-any-return]

    def costs(self, perspective: Perspective | None) -> Costs | None:
        """Return the costs that are named, or that go with the perspective; None where faulty."""
        name = self.scenario.economics.costs
        if name is None:
            name = perspective.costs if perspective else None
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

    def with_values(self, costs: Costs, utilities: Utilities) -> tuple[Costs, Utilities]:
        """Lay the scenario's own values over costs and utilities; faulty ones are noted."""
        base = Economics(costs, utilities, Rates.of(0.0))
        values: dict[str, float] = {}
        for path, value in self.scenario.economics.parameters.items():
            country = path.partition(".")[2].partition(".")[0]
            other = path.count(".") > 1 and country != costs.id
            fault = Problem("is of other costs") if other else fault_of(base, in_short(path), value)
            if fault:
                hint = fault.hint or (in_short(path) if other else None)
                self.note(fault.message, "parameters", path, found=fault.found, allowed=fault.allowed, hint=hint)
            else:
                values[in_short(path)] = value
        return with_values(base, values)

    def check_currency(self, perspective: Perspective | None, costs: Costs) -> None:
        """Note thresholds in another currency than the costs, unless the scenario brings its own thresholds."""
        if perspective and not self.scenario.economics.wtp and costs.currency != perspective.currency:
            message = f"thresholds of '{perspective.id}' are in another currency than the costs of '{costs.id}'"
            allowed = f"costs in {perspective.currency}, or wtp in {costs.currency}"
            self.note(message, "perspective", found=costs.currency, allowed=allowed)

    def _goes_with(self, name: str, costs: str | None) -> bool:
        found = self.load(lambda: load_perspective(name, self.parameters.evidence)) if costs else None
        return found is not None and found.costs == costs


def _in_full(path: str, costs: Costs) -> str:
    """Name an input as tables do: `costs.vial` is `costs.uk.vial`."""
    owner, _, name = in_short(path).partition(".")
    return f"costs.{costs.id}.{name}" if owner == "costs" else path


def _own(scenario: Scenario, name: str) -> str | Path:
    """Return the path of a file of costs that a scenario brings, or the name of shipped ones."""
    given = scenario.economics.costs
    if given is not None and given.endswith(OWN_COSTS):
        return scenario.path.parent / given
    return name


def _without_costs(scenario: Scenario, costs: Costs) -> list[str]:
    """Return the therapies that a scenario's rules may give and that the costs do not name."""
    given = {
        name
        for strategy in scenario.strategies.values()
        for name in (
            *(rule.give for rule in strategy.salvage),
            *(rule.give for rule in strategy.bridging),
            *(rule.give for rule in strategy.mrd),
        )
    }
    return sorted(given - costs.therapies)
