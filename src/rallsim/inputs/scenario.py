"""Scenario files: a question, the strategies compared, and the rules each strategy treats by.

A file is read in three steps: YAML with the line of every key, settings laid over it, pydantic models. All faults of
a file come back together as one InputError, in plain words and each with its place. Parameter paths and the labels
of therapies are checked where parameters are loaded: only there is it known what exists.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from rallsim.common.files import shipped
from rallsim.common.yaml_file import read_yaml
from rallsim.errors import InputError, Problem, nearest
from rallsim.inputs.scenario_file import (
    ParameterFault,
    ScenarioFile,
    faults_between_keys,
    in_plain_words,
    parameter_faults,
    shown,
)
from rallsim.inputs.scenario_schema import (
    LIFETIME_MONTHS,
    NONE,
    OWN_PATIENTS,
    WORD,
    BridgingRule,
    ConsolidationRule,
    MrdRule,
    Question,
    SalvageRule,
    Strategy,
    StrategyKeys,
    Written,
)

__all__ = [
    "BridgingRule",
    "ConsolidationRule",
    "MrdRule",
    "SalvageRule",
    "Scenario",
    "Strategy",
    "StrategyKeys",
    "catalogue",
    "load_scenario",
    "schema",
    "schema_text",
    "shipped_scenarios",
]

OPTIONS = {"horizon_months": "horizon"}  # of the command line, by the key of economics, where they differ


class Scenario(Question):
    """A checked scenario: its strategies complete and in the order of the file.

    >>> scenario = load_scenario("first_salvage", settings=["strategies.inotuzumab.max_lines=2"])
    >>> scenario.id, list(scenario.strategies), scenario.strategies["inotuzumab"].max_lines
    ('first_salvage', ['chemotherapy', 'blinatumomab', 'inotuzumab'], 2)
    """

    id: str
    path: Path
    source_text: str = Field(repr=False)
    strategies: dict[str, Strategy]
    _source: ScenarioFile = PrivateAttr()

    @property
    def own_patients(self) -> Path | None:
        """The file of a population or of patients that the scenario brings, None for a shipped population."""
        return self._source.path_at("population") if self.population.endswith(OWN_PATIENTS) else None

    @property
    def own_folder(self) -> Path | None:
        """The folder whose therapies, costs and evidence the scenario adds to the shipped ones, None without one."""
        return self._source.path_at("additions")

    @property
    def population_id(self) -> str:
        """The population whose parameters hold: shipped, the scenario's own, or the one that gaps are drawn from."""
        own = self.own_patients
        if own is None:
            return self.population
        return self.missing_from if own.suffix == ".csv" else own.stem

    @property
    def source_sha256(self) -> str:
        """Hash of the file as it was read, without settings."""
        return hashlib.sha256(self.source_text.encode()).hexdigest()

    @property
    def economic_horizon_months(self) -> float:
        """Months from entry for which costs, QALYs and life years are counted.

        Those of `economics`, else those of a setting `horizon_months`, else all of life.

        >>> load_scenario("first_salvage").economic_horizon_months
        1200.0
        >>> load_scenario("first_salvage", settings=["horizon_months=60"]).economic_horizon_months
        60.0
        """
        if self.economics.horizon_months is not None:
            return self.economics.horizon_months
        return self.horizon_months if ("horizon_months",) in self._source.options else LIFETIME_MONTHS

    def followed_for(self, months: float) -> Scenario:
        """Return the same scenario with patients followed for so long."""
        return self.model_copy(update={"horizon_months": months})

    def place(self, *keys: str | int) -> tuple[str | None, int | None]:
        """Return where a value was written: the file and line, or the setting that replaced it and no line.

        A strategy's key that comes from the defaults is found there; a missing key has the place of its parent; what
        came as an argument has none.

        >>> load_scenario("first_salvage", settings=["seed=2"]).place("seed")
        ('--set seed=2', None)
        """
        return self._source.place(*keys)


def load_scenario(
    reference: str | Path,
    *,
    settings: Sequence[str] = (),
    patients: int | None = None,
    seed: int | None = None,
    variants: Sequence[str] = (),
    therapies: Sequence[str] | None = None,
    populations: Sequence[str] | None = None,
    economics: Mapping[str, object] | None = None,
    parameter_fault: ParameterFault | None = None,
) -> Scenario:
    """Load a scenario file, or a shipped scenario by its id; `reference` is the path or the id.

    `settings` replace single values: `patients=200`, `strategies.no_bridging.max_lines=2`, or a parameter's path as
    in `hsct.sos_fatality=0.1`; `patients` and `seed` come last;
    `variants` are added to the file's own, `economics` replace keys of its block of that name. `therapies` and
    `populations` are the words allowed: those with a file in `params` when left out; `parameter_fault` says what is
    wrong with a parameter's value (`ParameterSet.fault`), which `check_scenario` says later when it is left out. Raises
    InputError with all faults at once.

    >>> scenario = load_scenario("first_salvage", patients=500, settings=["hsct.sos_fatality=0.1"])
    >>> scenario.patients, scenario.parameters
    (500, {'hsct.sos_fatality': 0.1})
    """
    path = _scenario_path(reference)
    source = ScenarioFile(read_yaml(path), {})
    problems = [] if re.fullmatch(WORD, path.stem) else [_bad_id(path)]
    for setting in settings:
        problems += source.lay_over(setting)
    added = source.path_at("additions")
    own = added_therapies(added) if added else []
    if added and not own:
        message = "must be a folder that holds therapies/<id>.yaml"
        problems.append(source.problem(message, "additions", found=f"'{added}'"))
    known = {
        "therapy": [*(_stems("therapies") if therapies is None else therapies), *own],
        "population": _stems("population") if populations is None else populations,
        "variant": _stems("variants"),
        "costs": [*_stems("costs"), NONE],
        "perspective": [*_stems("perspectives"), NONE],
    }
    for key, value in (("patients", patients), ("seed", seed)):
        if value is not None and isinstance(source.file.data, dict):
            source.file.data[key] = value
            source.options[(key,)] = None
    if variants and isinstance(source.file.data, dict):
        source.file.data["variants"] = [*(source.file.data.get("variants") or []), *variants]
        source.options[("variants",)] = None
    for word, given in (economics or {}).items():
        source.replace(given, "economics", word, option=f"--{OPTIONS.get(word, word)}")
    problems += faults_between_keys(source)
    if parameter_fault:
        problems += parameter_faults(source, parameter_fault, tuple(f"therapies.{name}." for name in own))
    try:
        written = Written.model_validate(source.file.data, context=known)
    except ValidationError as error:
        problems += [in_plain_words(detail, source) for detail in error.errors(include_url=False)]
    if problems:
        raise InputError(sorted(problems, key=lambda problem: problem.line or 0))
    parts = {key: getattr(written, key) for key in Question.model_fields}
    parts["reference"] = written.reference or next(iter(written.strategies))
    strategies = {name: _complete(name, own, written.defaults) for name, own in written.strategies.items()}
    text = path.read_text(encoding="utf-8")
    scenario = Scenario.model_construct(**parts, id=path.stem, path=path, source_text=text, strategies=strategies)
    scenario._source = source
    return scenario


def shipped_scenarios() -> list[tuple[str, Path]]:
    """Return id and path of each scenario that comes with the package, by id."""
    return [(path.stem, path) for path in sorted(shipped("scenarios").glob("*.yaml"))]


def catalogue() -> list[Scenario]:
    """Load every shipped scenario."""
    return [load_scenario(path) for _, path in shipped_scenarios()]


def added_therapies(folder: Path) -> list[str]:
    """Return the ids of the therapies that a folder of one's own brings."""
    return sorted(path.stem for path in (folder / "therapies").glob("*.yaml"))


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a scenario file as people write it."""
    return {"$schema": _Schema.schema_dialect, **Written.model_json_schema(schema_generator=_Schema)}


def schema_text() -> str:
    """Return the text of `scenarios/scenario.schema.json`."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"


class _Schema(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # an editor would show "Max Lines" beside `max_lines`


def _scenario_path(reference: str | Path) -> Path:
    if isinstance(reference, Path) or "/" in reference or reference.endswith((".yaml", ".yml")):
        return Path(reference)
    known = dict(shipped_scenarios())
    if reference not in known:
        found, hint = f"'{reference}'", nearest(reference, list(known))
        raise InputError(
            Problem("must be a known scenario", found=found, allowed=", ".join([*known, "a path"]), hint=hint)
        )
    return known[reference]


def _stems(folder: str) -> list[str]:
    return sorted(path.stem for path in (shipped("params") / folder).glob("*.yaml"))


def _bad_id(path: Path) -> Problem:
    allowed = "lower-case letters, digits and _ after a first letter"
    return Problem("must have a valid scenario id as its name", file=str(path), found=shown(path.stem), allowed=allowed)


def _complete(name: str, own: StrategyKeys, defaults: StrategyKeys) -> Strategy:
    parts = {key: getattr(part, key) for part in (defaults, own) for key in part.model_fields_set}
    return Strategy.model_construct(**{"label": name.replace("_", " "), **parts, "id": name})
