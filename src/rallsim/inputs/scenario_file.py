"""A scenario file's values with settings laid over them, where each was written, and what is said of faults."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic_core import ErrorDetails

from rallsim.common.yaml_file import Place, YamlFile, parse_yaml
from rallsim.errors import InputError, Problem, nearest
from rallsim.inputs.scenario_schema import (
    BridgingRule,
    ConsolidationRule,
    DiscountKeys,
    EconomicsKeys,
    MrdRule,
    Part,
    SalvageRule,
    StrategyKeys,
    Written,
)

PARAMETER_GROUPS = ("therapies", "hsct", "disease", "population", "mortality")
ECONOMIC_GROUPS = ("costs", "utilities")


ParameterFault = Callable[[str, float], Problem | None]


@dataclass(frozen=True)
class ScenarioFile:
    """The file's values with settings laid over them, and where each was written."""

    file: YamlFile
    options: dict[Place, str | None]

    def place(self, *keys: str | int) -> tuple[str | None, int | None]:
        """Return file and line of a value, or the setting it came from; see `Scenario.place`."""
        for end in range(len(keys), 0, -1):
            if keys[:end] in self.options:
                return self.options[keys[:end]], None
        inherited = len(keys) > 2 and keys[0] == "strategies" and keys[:3] not in self.file.lines
        if inherited and keys[2] in self.mapping("defaults"):
            return self.place("defaults", *keys[2:])
        return self.file.name, self.file.line(*keys)

    def path_at(self, key: str) -> Path | None:
        """Return the file or folder that a key names, None where no text stands: paths start from the scenario's file.

        A path that was typed on the command line starts from the current folder.
        """
        named = self.mapping().get(key)
        if not isinstance(named, str):
            return None
        return (Path.cwd() if (key,) in self.options else Path(self.file.name).parent) / named

    def problem(self, message: str, *keys: str | int, **more: Any) -> Problem:
        """Return a problem with the value at `keys`, in its place."""
        name, line = self.place(*keys)
        return Problem(message, file=name, line=line, key=".".join(map(str, keys)) or None, **more)

    def mapping(self, *keys: str) -> dict[Any, Any]:
        """Return the mapping at `keys`, empty when something else stands there: the models report that."""
        value = self.file.data
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}

    def lay_over(self, setting: str) -> list[Problem]:
        """Put the value of `key=value` in its place."""
        option = f"--set {setting}"
        path, equals, text = (part.strip() for part in setting.partition("="))
        if not equals:
            return [Problem("must be KEY=VALUE,", file=option, allowed="as in patients=200")]
        try:
            value = parse_yaml(text, option).data
        except InputError as error:
            return [replace(problem, line=None) for problem in error.problems]
        if isinstance(value, dict | list):
            return [Problem("must be a single value", file=option, key=path, found=shown(value))]
        ids = [name for name in self.mapping("strategies") if isinstance(name, str)]
        keys = _setting_keys(path, ids)
        if keys is None:
            name = path.split(".")[1]
            return [
                Problem(
                    "must be a known strategy", file=option, key=path, allowed=", ".join(ids), hint=nearest(name, ids)
                )
            ]
        if keys[0] == "strategies" and keys[2:-1] == ("parameters",):
            # The strategy's own parameters replace the defaults' altogether: one setting must not lose the others.
            self.mapping(*keys[:2]).setdefault("parameters", dict(self.mapping("defaults", "parameters")))
        self.replace(value, *keys, option=option)
        return []

    def replace(self, value: object, *keys: str, option: str | None = None) -> None:
        """Put a value in the place of `keys`, making what leads there; `option` is where it came from."""
        parent = self.file.data
        for key in keys[:-1]:
            parent = parent.setdefault(key, {}) if isinstance(parent, dict) else None
        if isinstance(parent, dict):
            parent[keys[-1]] = value
            self.options[keys] = option


def _setting_keys(path: str, strategies: Sequence[str]) -> tuple[str, ...] | None:
    """Split a setting's path into keys; None when it names a strategy that is not there.

    >>> _setting_keys("strategies.car.t.parameters.hsct.nrm", ["car", "car.t"])
    ('strategies', 'car.t', 'parameters', 'hsct.nrm')
    >>> _setting_keys("hsct.nrm", [])
    ('parameters', 'hsct.nrm')
    """
    head, _, rest = path.partition(".")
    before: tuple[str, ...] = (head,)
    if rest and head in PARAMETER_GROUPS:
        return ("parameters", path)
    if rest and head in ECONOMIC_GROUPS:
        return ("economics", "parameters", path)
    if rest and head == "economics":
        key, _, tail = rest.partition(".")
        return ("economics", key, tail) if tail else ("economics", key)
    if rest and head in ("parameters", "eligibility"):
        return (head, rest)
    if rest and head == "strategies":
        # An id may hold dots: the longest that fits is meant.
        named = max((name for name in strategies if f"{rest}.".startswith(f"{name}.")), key=len, default=None)
        if named is None:
            return None
        before, rest = (head, named), rest[len(named) + 1 :]
    elif head != "defaults":
        return (path,)
    key, _, tail = rest.partition(".")
    if key == "parameters" and tail:
        return (*before, key, tail)
    return (*before, rest) if rest else before


def parameter_faults(source: ScenarioFile, fault: ParameterFault, unread: tuple[str, ...] = ()) -> Iterator[Problem]:
    """Yield what is wrong with parameter values anywhere in the file; keys and values of a wrong kind are left out.

    So are paths that begin with one of `unread`: those of added therapies, which are read after the scenario.
    """
    places: list[tuple[str, ...]] = [("parameters",), ("defaults", "parameters")]
    places += [("strategies", name, "parameters") for name in source.mapping("strategies") if isinstance(name, str)]
    for place in places:
        for path, value in source.mapping(*place).items():
            if not isinstance(path, str) or path.startswith(unread):
                continue
            if isinstance(value, int | float) and not isinstance(value, bool):
                found = fault(path, value)
                if found:
                    file, line = source.place(*place, path)
                    yield replace(found, file=file, line=line, key=".".join((*place, path)))


def faults_between_keys(source: ScenarioFile) -> Iterator[Problem]:
    """What no single value shows: a reference that is no strategy, a strategy without salvage, labels used twice."""
    strategies, defaults = source.mapping("strategies"), source.mapping("defaults")
    names = [name for name in strategies if isinstance(name, str)]
    reference = source.mapping().get("reference")
    if isinstance(reference, str) and reference and reference not in names:
        words = {"found": shown(reference), "allowed": ", ".join(names), "hint": nearest(reference, names)}
        yield source.problem("must be one of", "reference", **words)
    labels: dict[str, str] = {}
    for name in names:
        if not isinstance(strategies[name], dict):
            continue
        keys = {**defaults, **strategies[name]}
        if "salvage" not in keys:
            yield source.problem("is missing", "strategies", name, "salvage", allowed="a list of rules")
        label = str(keys.get("label", name.replace("_", " ")))
        if label in labels:
            found = f"{shown(label)} for '{labels[label]}' too"
            yield source.problem("must stand once", "strategies", name, "label", found=found)
        labels.setdefault(label, name)


_PLAIN_WORDS = {
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping (key: value)",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "greater_than": "must be more than {gt:.15g}",
    "greater_than_equal": "must be at least {ge:.15g}",
    "int_type": "must be a whole number",
    "invalid_key": "must be text, for it is a key",
    "less_than_equal": "must be at most {le:.15g}",
    "model_type": "must be a mapping (key: value)",
    "string_too_short": "must not be empty",
    "string_type": "must be text",
    "tuple_type": "must be a list",
}


def in_plain_words(detail: ErrorDetails, source: ScenarioFile) -> Problem:
    """Return what pydantic found as a problem that speaks of keys, numbers and lists."""
    kind, context = detail["type"], detail.get("ctx", {})
    is_key = detail["loc"][-1:] == ("[key]",)
    keys = detail["loc"][:-1] if is_key else detail["loc"]
    if kind == "extra_forbidden":
        return _unknown_key(source, keys)
    if kind == "missing":
        return source.problem("is missing", *keys)
    if is_key and kind == "string_type":
        kind = "invalid_key"
    message = _PLAIN_WORDS[kind].format(**context) if kind in _PLAIN_WORDS else detail["msg"]
    is_number = kind in (
        "int_type",
        "float_type",
        "finite_number",
        "greater_than",
        "greater_than_equal",
        "less_than_equal",
    )
    allowed = context.get("allowed") or (_bounds(keys) if is_number else None)
    return source.problem(message, *keys, found=shown(detail["input"]), allowed=allowed, hint=context.get("hint"))


def _unknown_key(source: ScenarioFile, keys: tuple[str | int, ...]) -> Problem:
    words = list(_model_at(keys[:-1]).model_fields)
    if len(keys) == 1 and keys in source.options:
        words += [f"{group}.<parameter>" for group in (*PARAMETER_GROUPS, *ECONOMIC_GROUPS)]
    starts = [word.partition(".")[0] for word in words]
    hint = nearest(str(keys[-1]).partition(".")[0], starts)
    return source.problem("must be a known key", *keys, allowed=", ".join(words), hint=hint)


_BLOCKS: dict[tuple[str | int, ...], type[Part]] = {
    (): Written,
    ("economics",): EconomicsKeys,
    ("economics", "discount"): DiscountKeys,
}
_RULES: dict[str, type[Part]] = {
    "salvage": SalvageRule,
    "bridging": BridgingRule,
    "mrd": MrdRule,
    "consolidation": ConsolidationRule,
}


def _model_at(keys: tuple[str | int, ...]) -> type[Part]:
    if keys in _BLOCKS:
        return _BLOCKS[keys]
    if isinstance(keys[-1], int):
        return _RULES[str(keys[-2])]
    return StrategyKeys


def _bounds(keys: tuple[str | int, ...]) -> str | None:
    """Say which numbers the key at `keys` takes, or None when it has no bounds."""
    field = _model_at(keys[:-1]).model_fields.get(str(keys[-1])) if keys else None
    words = {"ge": "at least", "gt": "more than", "le": "at most"}
    bounds = [
        f"{said} {getattr(bound, name)}"
        for bound in (field.metadata if field else ())
        for name, said in words.items()
        if hasattr(bound, name)
    ]
    return ", ".join(bounds) or None


def shown(value: object) -> str:
    """Show a value as people write it in YAML, shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = (
        json.dumps(value, default=str, skipkeys=True, ensure_ascii=False)
        if isinstance(value, dict | list)
        else str(value)
    )
    short = text if len(text) <= 60 else f"{text[:57]}..."
    return f"'{short}'" if isinstance(value, str) else short
