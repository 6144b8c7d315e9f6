"""What a job's result depends on, written in one way only: its hash tells whether it must be computed again.

Only what of a scenario is relevant to one strategy is part of that strategy's keys (`identity_of`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from rallsim.common.files import PACKAGE
from rallsim.economics.settings.settings import EconomicSettings, in_short, is_economic
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.scenario import Scenario, Strategy
from rallsim.output.manifest import file_sha256
from rallsim.simulation.engine_inputs import variant_values

WORDS_ONLY = {
    "about",
    "evidence",
    "file",
    "hi",
    "label",
    "line",
    "lo",
    "note",
    "reason",
    "source",
    "course",
    "left_out",
}
IMPORT = re.compile(r"^[ \t]*from rallsim(?:\.([\w.]+))? import (\([^)]*\)|[^#\n]*)", re.MULTILINE)
NAME = re.compile(r"(\w+)(?: as \w+)?")
PACKAGES = ("numba", "numpy", "scipy")  # another version may change a last bit


def digest(content: Any) -> str:
    """Hash of anything built from numbers, texts, arrays, mappings, sets, data classes and checked objects.

    Notes, sources, labels and ranges (WORDS_ONLY) are left out: they change no result.

    >>> digest({"b": 1.0, "a": {2, 1}}) == digest({"a": {1, 2}, "b": 1.0})
    True
    >>> digest({"a": 1.0}) == digest({"a": 2.0})
    False
    """
    return hashlib.sha256(json.dumps(plain(content), sort_keys=True, allow_nan=True).encode()).hexdigest()


def plain(content: Any) -> Any:
    """Turn content into what JSON writes: mappings and lists of texts and numbers, in an order of their own."""
    if isinstance(content, BaseModel):
        return {name: plain(getattr(content, name)) for name in type(content).model_fields if name not in WORDS_ONLY}
    if is_dataclass(content) and not isinstance(content, type):
        return {one.name: plain(getattr(content, one.name)) for one in fields(content) if one.name not in WORDS_ONLY}
    if isinstance(content, Mapping):
        return {str(key): plain(value) for key, value in content.items()}
    if isinstance(content, set | frozenset):
        return sorted((plain(one) for one in content), key=str)
    if isinstance(content, np.ndarray):
        numbers = np.ascontiguousarray(content)
        return [str(numbers.dtype), list(numbers.shape), hashlib.sha256(numbers.tobytes()).hexdigest()]
    if isinstance(content, np.generic):
        return content.item()
    if isinstance(content, list | tuple):
        return [plain(one) for one in content]
    if isinstance(content, date | Path):
        return str(content)
    if content is None or isinstance(content, str | int | float):
        return content
    raise TypeError(f"cannot be part of a key: {type(content).__name__}")


@cache
def code_of(module: str) -> str:
    """Hash of the sources of a module of the package and of all it imports, and of the packages it computes with.

    A change of a figure or a command leaves results of the simulation as they are.

    >>> code_of("evaluation.evaluate") == code_of("common.figures")
    False
    """
    found = hashlib.sha256()
    for name in sorted(reached_from(module)):
        found.update(name.encode() + _source_of(name).read_bytes())
    found.update(repr([(name, version(name)) for name in PACKAGES]).encode())
    return found.hexdigest()


def reached_from(module: str) -> set[str]:
    """Return a module of the package and every module that it imports, itself or through others.

    >>> {"model.pathway", "evaluation.loop"} <= reached_from("evaluation.evaluate")
    True
    """
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        waiting += _imports(name)
    return reached


def _imports(name: str) -> Iterable[str]:
    """Modules of the package that one of them imports, wherever in its text.

    Lines that import are found by their look, in a tenth of the time of parsing all of Python. The engine of a sweep is
    called by name; it is added here.
    """
    for target, names in IMPORT.findall(_source_of(name).read_text(encoding="utf-8")):
        found = (f"{target}.{one}".removeprefix(".") for one in NAME.findall(names))
        yield from (one for one in [target, *found] if one and _source_of(one).is_file())
    if name == "simulation.engines":
        yield "simulation.batch"


def _source_of(name: str) -> Path:
    path = PACKAGE.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def therapies_of(scenario: Scenario, strategy: Strategy, parameters: ParameterSet) -> tuple[str, ...]:
    """Therapies that a strategy's patients can meet: given by a rule, or behind the remission they enter in.

    With a therapy comes the one that it is a form of. The order is that of the parameters.

    >>> from rallsim.inputs.parameters import load_parameters
    >>> from rallsim.inputs.scenario import load_scenario
    >>> scenario, parameters = load_scenario("first_salvage"), load_parameters()
    >>> met = therapies_of(scenario, scenario.strategies["chemotherapy"], parameters)
    >>> "chemotherapy" in met, "car_t_cd22" in met
    (True, False)
    """
    met = {parameters.front_lines[scenario.population_id]}
    for rules in (strategy.salvage, strategy.bridging, strategy.mrd):
        met |= {rule.give for rule in rules}
    met |= {rule.before for rule in strategy.bridging}
    met |= {base for name in met if (base := parameters.therapies[name].based_on)}
    return tuple(name for name in parameters.therapies if name in met)


def fixed_by(scenario: Scenario, strategy: Strategy, parameters: ParameterSet) -> dict[str, float]:
    """Return the parameters that a scenario, its variants or a strategy set: they keep that value in every draw."""
    prices = {in_short(path): value for path, value in scenario.economics.parameters.items()}
    return {**prices, **variant_values(scenario, parameters), **scenario.parameters, **strategy.parameters}


def columns_of(paths: Iterable[str], scenario: Scenario, strategy: Strategy, parameters: ParameterSet) -> list[str]:
    """Return those of the paths that can change a strategy's results."""
    met = therapies_of(scenario, strategy, parameters)
    fixed = fixed_by(scenario, strategy, parameters)
    return [path for path in paths if path not in fixed and is_relevant(path, met)]


def identity_of(
    scenario: Scenario, strategy: Strategy, parameters: ParameterSet, economics: EconomicSettings | None
) -> dict[str, Any]:
    """Everything that a strategy's results depend on, patients and draws apart."""
    met = therapies_of(scenario, strategy, parameters)
    values = {**parameters.values(scenario.population_id), **fixed_by(scenario, strategy, parameters)}
    own = scenario.own_patients
    country = parameters.countries[scenario.population_id]
    return {
        "horizon_months": scenario.horizon_months,
        "seed": scenario.seed,
        "population": file_sha256(own) if own else None,
        "forms": {name: one.based_on for name, one in parameters.therapies.items()} if own else None,
        "front_line": parameters.front_lines[scenario.population_id],
        "life_tables": [parameters.evidence.life_table(country, sex) for sex in ("female", "male")],
        "eligibility": {name: scenario.eligibility[name] for name in met if name in scenario.eligibility},
        "therapies": {name: parameters.therapies[name] for name in met},
        "rules": {
            name: getattr(strategy, name)
            for name in type(strategy).model_fields
            if name not in ("id", "label", "parameters")
        },
        "values": {path: value for path, value in values.items() if is_relevant(path, met)},
        "economics": economics and [economics.costs, economics.utilities, economics.rates, economics.horizon_months],
    }


def is_relevant(path: str, met: tuple[str, ...]) -> bool:
    """Tell whether a parameter can change what happens to patients who can meet only these therapies."""
    first, _, rest = path.partition(".")
    return is_economic(path) or first != "therapies" or rest.partition(".")[0] in met
