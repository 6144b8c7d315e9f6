"""Utilities as data: `params/utilities.yaml`, by stage, therapy and time, with decrements and population norms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rallsim.common.files import shipped
from rallsim.economics.settings.entries import (
    Entry,
    body_at,
    names_one,
    read_entries,
    read_file,
    replace_values,
    text_at,
)
from rallsim.economics.settings.triggers import (
    AFTER,
    DAYS_PER_MONTH,
    NO_THERAPY,
    WHILE,
    Trigger,
    read_body,
    read_trigger,
)
from rallsim.errors import InputError, Problem
from rallsim.inputs.parameter_values import ParameterFile
from rallsim.inputs.parameters import ParameterSet
from rallsim.model.states import STAGES, Stage

UNITS = ("utility", "disutility", "coefficient", "months", "days", "years", "share")
FILE_KEYS = ("about", "parameters", "norm", "stages", "decrements")
NORM = ("intercept", "male", "age", "age_squared", "reference_age")


@dataclass(frozen=True)
class StageUtility:
    """The utility of the time that its trigger means; `may_exceed_norm` lifts the ceiling of the population norm."""

    utility: str
    trigger: Trigger
    may_exceed_norm: bool = False


@dataclass(frozen=True)
class Decrement:
    """What an event takes off the utility, and for how long (in its trigger)."""

    name: str
    disutility: str
    trigger: Trigger


@dataclass(frozen=True)
class Utilities:
    """Utilities of stages, decrements of events, and the norm of the population.

    norm(age, sex) = intercept + male * (1 for men) + age * years + age_squared * years^2

    The utility of a stage at some age is its value times norm(age) / norm(reference_age), at most norm(age). Decrements
    are taken off as they are.
    """

    about: str
    entries: Mapping[str, Entry]
    norm: Mapping[str, str]
    stages: tuple[StageUtility, ...]
    decrements: tuple[Decrement, ...]
    age_adjusted: bool = field(default=True)

    def value(self, name: str) -> float:
        """A parameter's value."""
        return self.entries[name].value

    def months(self, name: str | None) -> float:
        """Length of a decrement in months; without a name it is not limited."""
        if name is None:
            return float("inf")
        entry = self.entries[name]
        return entry.value / DAYS_PER_MONTH if entry.unit == "days" else entry.value

    def with_values(self, values: Mapping[str, float]) -> Utilities:
        """Return the same utilities with other values of parameters."""
        return replace(self, entries=replace_values(self.entries, values, "utilities"))

    def all_equal(self, utility: float) -> Utilities:
        """Return a utility that is the same in every stage, at every age, without decrements."""
        stages = {one.utility: utility for one in self.stages}
        return replace(self.with_values(stages), decrements=(), age_adjusted=False)


def load_utilities(parameters: ParameterSet, folder: Path | None = None) -> Utilities:
    """Read and check `utilities.yaml` of a folder, by default the shipped params; raises InputError with all faults."""
    faults: list[Problem] = []
    file = read_file((folder or shipped("params")) / "utilities.yaml", faults)
    utilities = _utilities(file, parameters) if file else None
    if faults or utilities is None:
        raise InputError(faults)
    return utilities


def _utilities(file: ParameterFile, parameters: ParameterSet) -> Utilities:
    therapies = {name: therapy.based_on for name, therapy in parameters.therapies.items()}
    file.only_keys(FILE_KEYS)
    about = text_at(file, "about")["about"]
    entries = read_entries(file, parameters.evidence, UNITS)
    norm = body_at(file, NORM, "norm")
    for name in NORM:
        if not names_one(norm.get(name), entries):
            file.fault(("norm", name), "must name a parameter", found=norm.get(name))
    for name in file.mapping("stages"):
        if name not in STAGES[: Stage.DEAD]:
            file.fault(("stages", name), "must be a known stage", allowed=", ".join(STAGES[: Stage.DEAD]))
    stages = [one for name in STAGES[: Stage.DEAD] for one in _of_stage(file, name, therapies, entries)]
    decrements = list(_decrements(file, therapies, entries))
    used = {one.utility for one in stages} | {str(name) for name in norm.values()}
    used |= {name for one in decrements for name in (one.disutility, one.trigger.lasting) if name}
    for name in entries:
        if name not in used and not file.faults:
            file.fault(("parameters", name), "must be used somewhere")
    return Utilities(about, entries, norm, tuple(stages), tuple(decrements))


def _of_stage(
    file: ParameterFile, stage: str, therapies: Mapping[str, str | None], entries: Mapping[str, Entry]
) -> Iterator[StageUtility]:
    """Yield the utilities of a stage: those that name therapies for these, the others for the rest."""
    place = ("stages", stage)
    found = file.at(*place)
    if not isinstance(found, list) or not found:
        file.fault(place, "must be a list of utilities, one for each time", found=found)
        return
    before = len(file.faults)
    read: list[StageUtility] = []
    for number, body in enumerate(found):
        here = (*place, number)
        if not isinstance(body, dict):
            file.fault(here, "must be a mapping", found=body)
            continue
        if not names_one(body.get("utility"), entries, "utility"):
            file.fault((*here, "utility"), "must name a parameter that is a utility", found=body.get("utility"))
        if not isinstance(body.get("may_exceed_norm", False), bool):
            file.fault((*here, "may_exceed_norm"), "must be true or false", found=body["may_exceed_norm"])
        trigger = read_body(
            file, here, WHILE, therapies, entries, stage=STAGES.index(stage), besides=("utility", "may_exceed_norm")
        )
        if trigger and len(file.faults) == before:
            read.append(StageUtility(body["utility"], trigger, bool(body.get("may_exceed_norm", False))))
    if len(file.faults) > before:
        return
    named = {one for each in read for one in each.trigger.therapies or ()}
    rest = tuple(one for one in therapies if one not in named)
    for therapy in (*named, None):
        mine = [one for one in read if (therapy in one.trigger.therapies if one.trigger.therapies else therapy is None)]
        _check_tiling(file, stage, therapy, mine)
    for one in read:
        if one.trigger.therapies is None and named:
            yield replace(one, trigger=replace(one.trigger, therapies=(*rest, NO_THERAPY)))
        else:
            yield one


def _check_tiling(file: ParameterFile, stage: str, therapy: str | None, given: Sequence[StageUtility]) -> None:
    """The windows of a clock follow each other from 0 on without a gap or an overlap: each moment has one utility."""
    place = ("stages", stage)
    who = f" on {therapy}" if therapy else ""
    if len({one.trigger.clock for one in given}) > 1:
        file.fault(place, f"must use one clock{who}")
        return
    windows = sorted((one.trigger.since_from, one.trigger.since_to) for one in given)
    expected = 0.0
    for start, stop in windows:
        if start != expected:
            file.fault(
                place,
                f"must give each moment one utility{who}",
                found=f"month {start:g}",
                allowed=f"month {expected:g}",
            )
            return
        expected = stop
    if expected != float("inf"):
        file.fault(place, f"must have a utility{who} from month {expected:g} on")


def _decrements(
    file: ParameterFile, therapies: Mapping[str, str | None], entries: Mapping[str, Entry]
) -> Iterator[Decrement]:
    for name in file.mapping("decrements"):
        place = ("decrements", name)
        body = body_at(file, ("disutility", AFTER), *place)
        disutility = str(body.get("disutility"))
        if not names_one(disutility, entries, "disutility"):
            file.fault((*place, "disutility"), "must name a parameter that is a disutility", found=disutility)
            continue
        trigger = read_trigger(file, place, therapies, entries)
        if trigger:
            yield Decrement(str(name), disutility, trigger)
