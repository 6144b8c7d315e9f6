"""Whom a budget concerns: patients a year and the share of them under each strategy, from options or a file."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rallsim.economics.settings.entries import read_file
from rallsim.economics.tables.budget import MOST_YEARS
from rallsim.errors import InputError, Problem, nearest
from rallsim.inputs.parameter_values import ParameterFile
from rallsim.inputs.scenario import Scenario

FILE_KEYS = ("incidence", "years", "uptake")
WITHOUT, WITH, ALL = "without", "with", "all"  # names that options give to worlds; the last to an only one
DEFAULT_YEARS = 5


@dataclass(frozen=True)
class BudgetPlan:
    """Patients who enter in each year, and for each world the share of them under each strategy.

    The first world is what the others are compared with.
    """

    patients: tuple[float, ...]
    uptake: Mapping[str, Mapping[str, tuple[float, ...]]]

    @property
    def years(self) -> int:
        """Number of years."""
        return len(self.patients)


def plan_of_file(path: Path, scenario: Scenario) -> BudgetPlan:
    """Read a plan; raises InputError with all faults, each with its line.

    `incidence` is a number of patients a year, or a list with one a year; `years` how many, 1 to 5, not needed beside a
    list; `uptake` maps each world to strategies of the scenario, each with a share or a list of shares, one a year.
    """
    faults: list[Problem] = []
    file = read_file(path, faults)
    found = _read(file, scenario) if file else None
    if faults or found is None:
        raise InputError(faults)
    return found


def plan_of_options(
    scenario: Scenario, incidence: float, years: int | None, uptake: Mapping[str, Sequence[float]]
) -> BudgetPlan:
    """Compare all patients on the reference with a world in which `uptake` takes its shares and the rest stays there.

    The last share given holds for later years. A scenario with one strategy needs no uptake.

    >>> from rallsim.inputs.scenario import load_scenario
    >>> plan = plan_of_options(load_scenario("first_salvage"), 100.0, 3, {"inotuzumab": [0.25, 0.5]})
    >>> plan.uptake["with"]
    {'chemotherapy': (0.75, 0.5, 0.5), 'inotuzumab': (0.25, 0.5, 0.5)}
    """
    years = DEFAULT_YEARS if years is None else years
    problems = list(_faults_of_options(scenario, incidence, years, uptake))
    if problems:
        raise InputError(problems)
    shares = {name: (*given, *[given[-1]] * (years - len(given))) for name, given in uptake.items()}
    rest = tuple(1.0 - sum(one[year] for one in shares.values()) for year in range(years))
    if min(rest) < 0.0:
        raise InputError(Problem("must not exceed 1 in a year", key="--uptake", found=f"{1.0 - min(rest):g}"))
    without = {scenario.reference: (1.0,) * years}
    if not uptake:
        return BudgetPlan((incidence,) * years, {ALL: without})
    return BudgetPlan((incidence,) * years, {WITHOUT: without, WITH: {scenario.reference: rest, **shares}})


def _faults_of_options(
    scenario: Scenario, incidence: float, years: int, uptake: Mapping[str, Sequence[float]]
) -> list[Problem]:
    found = []
    if not incidence > 0:
        found.append(Problem("must be more than 0 patients a year", key="--incidence", found=f"{incidence:g}"))
    if not 1 <= years <= MOST_YEARS:
        found.append(
            Problem("must be a number of years", key="--years", found=str(years), allowed=f"1 to {MOST_YEARS}")
        )
    others = [name for name in scenario.strategies if name != scenario.reference]
    if not uptake and others:
        found.append(Problem("is missing", key="--uptake", allowed="as in inotuzumab=0.2,0.5, or a file by --plan"))
    for name, given in uptake.items():
        if name not in others:
            allowed, hint = ", ".join(others), nearest(name, others)
            message = (
                "must not be the reference, which takes what is left"
                if name == scenario.reference
                else "must be a known strategy"
            )
            found.append(Problem(message, key="--uptake", found=f"'{name}'", allowed=allowed, hint=hint))
        if len(given) > max(years, 1):
            found.append(
                Problem(f"must have at most a share a year for '{name}'", key="--uptake", found=str(len(given)))
            )
        if any(not 0.0 <= share <= 1.0 for share in given):
            shares = ", ".join(f"{share:g}" for share in given)
            found.append(Problem(f"must have shares for '{name}'", key="--uptake", found=shares, allowed="0 to 1"))
    return found


def _read(file: ParameterFile, scenario: Scenario) -> BudgetPlan | None:
    file.only_keys(FILE_KEYS)
    years = _years(file)
    patients = _numbers(file, ("incidence",), years, "patients a year", above=0.0)
    worlds = file.mapping("uptake")
    if not worlds:
        file.fault(("uptake",), "must name worlds, each with shares of strategies", found=file.at("uptake"))
    uptake: dict[str, dict[str, tuple[float, ...]]] = {}
    known = list(scenario.strategies)
    for world in worlds:
        uptake[str(world)] = {}
        for name in file.mapping("uptake", world):
            if name not in known:
                hint = nearest(str(name), known)
                file.fault(("uptake", world, name), "must be a known strategy", allowed=", ".join(known), hint=hint)
            shares = _numbers(file, ("uptake", world, name), years, "shares", above=0.0, most=1.0)
            uptake[str(world)][str(name)] = shares
        _check_sums(file, str(world), uptake[str(world)], years)
    return None if file.faults else BudgetPlan(patients, uptake)


def _years(file: ParameterFile) -> int:
    incidence, years = file.at("incidence"), file.at("years")
    if years is None:
        years = len(incidence) if isinstance(incidence, list) else DEFAULT_YEARS
    if isinstance(years, bool) or not isinstance(years, int) or not 1 <= years <= MOST_YEARS:
        file.fault(("years",), "must be a whole number of years", found=years, allowed=f"1 to {MOST_YEARS}")
        return DEFAULT_YEARS
    return years


def _numbers(
    file: ParameterFile, place: tuple[Hashable, ...], years: int, what: str, *, above: float, most: float | None = None
) -> tuple[float, ...]:
    """Read a number for all years, or a list with one for each."""
    given = file.at(*place)
    values = given if isinstance(given, list) else [given] * years
    allowed = f"a number or a list of {years}" + (f", from {above:g} to {most:g}" if most is not None else "")
    fine = len(values) == years and all(
        isinstance(one, int | float) and not isinstance(one, bool) and one >= above and (most is None or one <= most)
        for one in values
    )
    if not fine:
        file.fault(place, f"must be {what}", found=given, allowed=allowed)
        return (0.0,) * years
    return tuple(float(one) for one in values)


def _check_sums(file: ParameterFile, world: str, shares: Mapping[str, tuple[float, ...]], years: int) -> None:
    if file.faults:
        return
    for year in range(years):
        total = sum(one[year] for one in shares.values())
        if abs(total - 1.0) > 1e-9:
            place = ("uptake", world)
            file.fault(place, f"must sum to 1 in year {year + 1}", found=f"{total:g}")
            return
