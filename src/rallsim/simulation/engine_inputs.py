"""A strategy under one draw of the parameters, as the tables and records that the pathway reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rallsim.errors import InputError, Problem, nearest
from rallsim.inputs.cohort_file import Cohort, read_cohort
from rallsim.inputs.parameters import ParameterSet, Therapy
from rallsim.inputs.scenario import Scenario, Strategy
from rallsim.model.conditions import OR, Condition, Interval, with_also
from rallsim.model.parameter_fields import (
    ALL_THERAPY_FIELDS,
    GENERAL_FIELDS,
    KIND_FIELDS,
    MODEL,
    THERAPY,
    attribute_name,
)
from rallsim.model.patient import ATTRIBUTES, GIVEN, MAX_THERAPIES
from rallsim.model.population import PATHS, Values, impossible_population, population_records
from rallsim.model.rules import ALTERNATIVE, ANY, CONDITION, NOTHING, RULE
from rallsim.model.states import Kind

KINDS_IN_RULES = (  # list of rules, key, kinds of therapy that may stand there
    ("salvage", "give", ("drug", "car_t", "transplant", "supportive")),
    ("bridging", "before", ("drug", "car_t")),
    ("bridging", "give", ("drug",)),
    ("mrd", "give", ("mrd",)),
)


@dataclass(frozen=True)
class Prepared:
    """What `journey.advance` needs to know of a strategy, apart from the patients."""

    strategy: str
    values: Values  # of all parameters by path, the strategy's own included
    populations: np.ndarray  # a record a draw
    models: np.ndarray  # a record a draw
    therapies: np.ndarray  # draws × therapies
    rules: np.ndarray
    conditions: np.ndarray
    life_tables: np.ndarray
    cohort: Cohort | None = None  # the patients, when they come from a file
    forms: tuple[tuple[str, str | None], ...] = ()  # therapies in the order of the records, and what each is a form of

    def tables(self, draw: int) -> tuple[np.ndarray, ...]:
        """The arrays of one draw in the order in which `advance` takes them."""
        return (self.models[draw : draw + 1], self.therapies[draw], self.rules, self.conditions, self.life_tables)


def parameters_for(scenario: Scenario, parameters: ParameterSet) -> ParameterSet:
    """Return the parameters with the therapies and the population that a scenario brings in files of its own."""
    if scenario.own_folder and parameters.own_folder != scenario.own_folder:
        parameters = parameters.with_folder(scenario.own_folder)
    own = scenario.own_patients
    if own is None or own.suffix == ".csv" or parameters.own_population == own:
        return parameters
    return parameters.with_population(own)


def cohort_of(scenario: Scenario, parameters: ParameterSet) -> Cohort | None:
    """Return the patients of the file that a scenario names, checked; None when its patients are sampled."""
    own = scenario.own_patients
    return read_cohort(own, list(parameters.therapies)) if own and own.suffix == ".csv" else None


def check_scenario(scenario: Scenario, parameters: ParameterSet) -> None:
    """Check what a scenario says about parameters and therapies; raises InputError with all faults."""
    cohort_of(scenario, parameters)
    problems = list(_problems(scenario, parameters))
    if problems:
        raise InputError(problems)


def check_draws(draws: Mapping[str, np.ndarray], scenario: Scenario, parameters: ParameterSet) -> None:
    """Check a table of draws, a column a parameter; raises InputError with all faults.

    Every column has the same length and only values that its parameter may have; a parameter that the scenario or a
    strategy sets itself cannot be drawn as well.
    """
    problems = [
        replace(problem, key=path)
        for path, column in draws.items()
        for problem in [parameters.fault(path, float(np.min(column))) or parameters.fault(path, float(np.max(column)))]
        if problem
    ]
    if len({len(column) for column in draws.values()}) > 1:
        lengths = ", ".join(f"{path} {len(column)}" for path, column in draws.items())
        problems.append(Problem("must have columns of draws of one length", found=lengths))
    fixed = set(scenario.parameters).union(
        variant_values(scenario, parameters), *(one.parameters for one in scenario.strategies.values())
    )
    problems += [Problem("cannot be drawn, for the scenario sets it", key=path) for path in draws if path in fixed]
    if not problems and any(path in PATHS for path in draws):
        values: Values = {**parameters.values(scenario.population_id), **draws}
        columns = {path: np.atleast_1d(values[path]) for path in PATHS}
        for draw in range(len(next(iter(draws.values())))):
            one = {path: float(column[draw % len(column)]) for path, column in columns.items()}
            problems += [replace(problem, key=f"draw {draw}") for problem in impossible_population(one)]
    if problems:
        raise InputError(problems)


def variant_values(scenario: Scenario, parameters: ParameterSet) -> dict[str, float]:
    """Return the values that a scenario's variants set; a later variant goes before an earlier one."""
    return {path: value for name in scenario.variants for path, value in parameters.variants[name].values.items()}


def prepare(scenario: Scenario, strategy: Strategy, parameters: ParameterSet, base: Values) -> Prepared:
    """Lay a scenario's and a strategy's own values over one draw or many, and turn the rules into tables.

    `base` holds values by path (`ParameterSet.values`): a number, or an array with one number a draw.
    """
    values = {**base, **variant_values(scenario, parameters), **scenario.parameters, **strategy.parameters}
    ids = list(parameters.therapies)
    conditions: list[Interval] = []
    draws = np.broadcast_shapes((1,), *(np.shape(value) for value in values.values()))[0]
    therapies = np.zeros((draws, len(ids)), THERAPY)
    for index, therapy in enumerate(parameters.therapies.values()):
        row = therapies[:, index]
        for name, field in ALL_THERAPY_FIELDS.items():
            row[name] = 1.0 if field.unit in ("odds_ratio", "hazard_ratio", "shape") else 0.0
        for name in KIND_FIELDS[therapy.kind]:
            row[name] = values[f"therapies.{therapy.id}.{name}"]
        row["kind"] = Kind[therapy.kind.upper()]
        row["target"] = therapy.target
        row["based_on"] = ids.index(therapy.based_on) if therapy.based_on else NOTHING
        who = _eligible(scenario, strategy, parameters, therapy)
        row["first_condition"], row["after_last_condition"] = _append(conditions, who)

    rules: list[tuple[int, int, int, int]] = []

    def add(subject: str | None, action: int, when: Condition) -> None:
        rules.append((ANY if subject is None else ids.index(subject), action, *_append(conditions, when)))

    models = np.zeros(draws, MODEL)
    for salvage in strategy.salvage:
        add(None, ids.index(salvage.give), salvage.when)
    models["after_last_salvage"] = len(rules)
    for bridging in strategy.bridging:
        add(bridging.before, ids.index(bridging.give), bridging.when)
    models["after_last_bridging"] = len(rules)
    for treatment in strategy.mrd:
        add(treatment.after, ids.index(treatment.give), treatment.when)
    models["after_last_mrd"] = len(rules)
    for consolidation in strategy.consolidation:
        add(consolidation.after, consolidation.alkylators if consolidation.hsct else 0, consolidation.when)
    models["after_last_consolidation"] = len(rules)
    models["max_lines"] = strategy.max_lines
    models["max_transplants"] = strategy.max_transplants
    models["reinfusion"] = strategy.reinfusion
    models["front_line"] = ids.index(parameters.front_lines[scenario.population_id])

    for path in GENERAL_FIELDS:
        models[attribute_name(path)] = values[path]
    models["horizon"] = scenario.horizon_months
    country = parameters.countries[scenario.population_id]
    return Prepared(
        strategy=strategy.id,
        values=values,
        populations=population_records(values, draws),
        models=models,
        therapies=therapies,
        rules=np.array(rules, RULE),
        conditions=np.array([(_column(part.attribute, ids), part.low, part.high) for part in conditions], CONDITION),
        life_tables=np.stack([parameters.evidence.cumulative_hazard(country, sex) for sex in ("female", "male")]),
        cohort=cohort_of(scenario, parameters),
        forms=tuple((therapy.id, therapy.based_on) for therapy in parameters.therapies.values()),
    )


def _eligible(scenario: Scenario, strategy: Strategy, parameters: ParameterSet, therapy: Therapy) -> Condition:
    """Who may get a therapy: its label, and no more courses of it, or of what it is a form of, than allowed."""
    label = scenario.eligibility.get(therapy.id)
    who = therapy.labels[label] if label else therapy.eligibility
    room = []
    for one in (therapy.id, therapy.based_on):
        if one:
            room.append(Interval(f"given.{one}", 0.0, parameters.therapies[one].max_courses - 1.0))
    if therapy.kind == "transplant":
        room.append(Interval("prior_hsct", 0.0, strategy.max_transplants - 1.0))
    return with_also(who, room)


def _append(conditions: list[Interval], condition: Condition) -> tuple[int, int]:
    first = len(conditions)
    conditions.extend(condition)
    return first, len(conditions)


def _column(attribute: str, therapies: Sequence[str]) -> int:
    if attribute == OR.attribute:
        return ALTERNATIVE
    if attribute.startswith("given."):
        return GIVEN + therapies.index(attribute.removeprefix("given."))
    return ATTRIBUTES.index(attribute)


def _problems(scenario: Scenario, parameters: ParameterSet) -> Iterator[Problem]:
    known = parameters.values(scenario.population_id)

    def at(problem: Problem, *place: Any) -> Problem:
        file, line = scenario.place(*place)
        key = ".".join(str(part) for part in place)
        return replace(problem, file=file, line=line, key=key)

    if len(parameters.therapies) > MAX_THERAPIES:
        yield Problem(
            "must have no more therapies than there is room for",
            found=str(len(parameters.therapies)),
            allowed=f"at most {MAX_THERAPIES}",
        )
    overrides: list[tuple[tuple[str, ...], Mapping[str, float]]] = [(("parameters",), scenario.parameters)]
    overrides += [(("strategies", name, "parameters"), s.parameters) for name, s in scenario.strategies.items()]
    for place, changed in overrides:
        for path, value in changed.items():
            problem = parameters.fault(path, value)
            if problem:
                yield at(problem, *place, path)
            elif len(place) > 1 and path.startswith("population."):
                yield at(Problem("must be set for the scenario: all strategies treat the same patients"), *place, path)
    values = {**known, **{path: value for path, value in scenario.parameters.items() if path in known}}
    for problem in impossible_population(values):
        own = [path for path in scenario.parameters if path in PATHS]
        yield at(problem, *(["parameters", own[0]] if own else ["population"]))
    for therapy, label in scenario.eligibility.items():
        labels = list(parameters.therapies[therapy].labels)
        if label not in labels:
            unknown = Problem(
                "must be a known label", found=label, allowed=", ".join(labels), hint=nearest(label, labels)
            )
            yield at(unknown, "eligibility", therapy)
    for name, strategy in scenario.strategies.items():
        for list_of_rules, key, kinds in KINDS_IN_RULES:
            for index, rule in enumerate(getattr(strategy, list_of_rules)):
                found = getattr(rule, key)
                if parameters.therapies[found].kind not in kinds:
                    fitting = [one.id for one in parameters.therapies.values() if one.kind in kinds]
                    message = f"must be a therapy of kind {' or '.join(kinds)}"
                    wrong = Problem(message, found=found, allowed=", ".join(fitting))
                    yield at(wrong, "strategies", name, list_of_rules, index, key)
