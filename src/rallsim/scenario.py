"""Scenario files: a question, the strategies compared, and the rules each strategy treats by.

A file is read in three steps: YAML with the line of every key, settings laid over it, pydantic models. All faults of
a file come back together as one InputError, in plain words and each with its place. Parameter paths and the labels
of therapies are checked where parameters are loaded: only there is it known what exists.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from typing_extensions import TypeAliasType

from rallsim.conditions import Condition, condition_schema, read_condition
from rallsim.errors import InputError, Problem, nearest
from rallsim.files import shipped
from rallsim.yamlfile import Place, YamlFile, parse_yaml, read_yaml

PARAMETER_GROUPS = ("therapies", "hsct", "disease", "population", "mortality")
_WORD = r"[a-z][a-z0-9_]*"
_PARAMETER_PATH = rf"{_WORD}(\.[a-z0-9_]+)+"
_STRATEGY_ID = r"[A-Za-z][A-Za-z0-9_.]*"
_RESERVED_IN_R = {
    *("if", "else", "repeat", "while", "function", "for", "in", "next", "break"),
    *("TRUE", "FALSE", "NULL", "Inf", "NaN", "NA"),
}


def _fault(message: str, allowed: str = "", hint: str | None = None) -> PydanticCustomError:
    return PydanticCustomError("rallsim", message, {"allowed": allowed, "hint": hint})


def _known(kind: str, info: ValidationInfo) -> Sequence[str]:
    return cast(dict[str, Sequence[str]], info.context)[kind]


def _one_of(kind: str) -> Callable[[object, ValidationInfo], str]:
    def check(value: object, info: ValidationInfo) -> str:
        known = _known(kind, info)
        if not isinstance(value, str):
            raise _fault("must be text", ", ".join(known))
        if value not in known:
            raise _fault(f"unknown {kind}", ", ".join(known), nearest(value, known))
        return value

    return check


def _condition(value: object, info: ValidationInfo) -> Condition:
    condition, faults = read_condition(value, _known("therapy", info))
    if faults:
        lines = [
            InitErrorDetails(type=_fault(fault.message, fault.allowed, fault.hint), loc=fault.place, input=fault.found)
            for fault in faults
        ]
        raise ValidationError.from_exception_data("when", lines)
    return condition


def _parameter_path(path: str) -> str:
    if not re.fullmatch(_PARAMETER_PATH, path):
        raise _fault("is not a parameter's path", "lower-case words joined by dots: therapies.car_t_cd19.cr_rate")
    return path


def _strategy_id(name: str) -> str:
    if not re.fullmatch(_STRATEGY_ID, name) or name in _RESERVED_IN_R:
        raise _fault("is not a valid strategy id", "a name in R: letters, digits, _ and . after a first letter")
    return name


def _stated(value: object) -> object:
    if value is None:
        raise _fault("must be a number")
    return value


def _not_empty(value: object) -> object:
    # pydantic's min_length counts valid items only: one faulty rule would also be an empty list.
    if value in ([], {}):
        raise _fault("must not be empty")
    return value


def _nothing() -> None:
    """Return None: a default that the JSON Schema does not offer as a value to write."""


_POSITIVE_SCHEMA = WithJsonSchema({"type": "number", "exclusiveMinimum": 0})
_NO_OTHERS: dict[str, Any] = {"additionalProperties": False}
_WORD_SCHEMA = WithJsonSchema({"type": "string", "pattern": f"^{_WORD}$"})
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Therapy = Annotated[str, PlainValidator(_one_of("therapy")), _WORD_SCHEMA]
Population = Annotated[str, PlainValidator(_one_of("population")), _WORD_SCHEMA]
# A named type: the JSON Schema describes it once.
When = TypeAliasType("When", Annotated[Condition, PlainValidator(_condition), WithJsonSchema(condition_schema())])
ParameterPath = Annotated[str, AfterValidator(_parameter_path), WithJsonSchema({"pattern": f"^{_PARAMETER_PATH}$"})]
StrategyId = Annotated[str, AfterValidator(_strategy_id), WithJsonSchema({"pattern": f"^{_STRATEGY_ID}$"})]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SalvageRule(_Part):
    """Give this therapy as the next line."""

    give: Therapy = Field(description="The therapy; a file params/therapies/<id>.yaml.")
    when: When = Field(default_factory=tuple)


class BridgingRule(_Part):
    """Treat active leukaemia with this while the cells are made."""

    before: Therapy = Field(description="The therapy bridged to.")
    give: Therapy = Field(description="The therapy given while waiting.")
    when: When = Field(default_factory=tuple)


class ConsolidationRule(_Part):
    """Transplant, or do not, in the remission after a therapy."""

    after: Annotated[str | None, PlainValidator(_one_of("therapy")), _WORD_SCHEMA] = Field(
        default_factory=_nothing, description="The therapy that led to the remission. Left out: any."
    )
    hsct: bool = Field(description="true: plan an allogeneic transplant; false: do not.")
    when: When = Field(default_factory=tuple)


class StrategyKeys(_Part):
    """A way to treat: lists of rules, of which the first that applies counts."""

    label: Text = Field(default_factory=str, description="The name people read; the id with spaces when left out.")
    max_lines: int = Field(4, ge=1, le=6, description="Salvage lines given at most.")
    max_transplants: int = Field(1, ge=0, le=2, description="Transplants at most, those before entry included.")
    parameters: dict[ParameterPath, Number] = Field(
        default_factory=dict,
        json_schema_extra=_NO_OTHERS,
        description="Parameter values of this strategy only: dotted path -> number.",
    )
    salvage: Annotated[tuple[SalvageRule, ...], Field(strict=False), BeforeValidator(_not_empty)] = Field(
        default_factory=tuple,
        json_schema_extra={"minItems": 1},
        description="The next line: the first rule that applies and whose therapy the patient may get.",
    )
    bridging: tuple[BridgingRule, ...] = Field(
        default_factory=tuple, strict=False, description="Bridging: the first rule that applies; none: no bridging."
    )
    consolidation: tuple[ConsolidationRule, ...] = Field(
        default_factory=tuple,
        strict=False,
        description="Transplant in remission: the first rule that applies; none: no transplant.",
    )


class Strategy(StrategyKeys):
    """A strategy with its id, complete: what it leaves out is filled from the file's `defaults`."""

    id: str


class _Question(_Part):
    title: Text = Field(description="A few words.")
    question: Text = Field(description="What the scenario answers, as a question.")
    look_at: tuple[Text, ...] = Field(
        default_factory=tuple, strict=False, description="What to look at, and which assumption drives the answer."
    )
    population: Population = Field(description="Who is treated; a file params/population/<id>.yaml.")
    patients: int = Field(ge=1, le=2**31 - 1, description="Simulated patients.")
    horizon_months: float = Field(gt=0, le=1200, description="Months followed from entry.")
    seed: int = Field(ge=0, le=2**63 - 1, description="The same seed gives the same luck.")
    reference: str = Field(
        default_factory=str, min_length=1, description="The strategy others are compared with; the first when left out."
    )
    expected_seconds: Annotated[float | None, BeforeValidator(_stated), _POSITIVE_SCHEMA] = Field(
        default_factory=_nothing, gt=0, allow_inf_nan=False, description="How long a run takes, about."
    )
    eligibility: dict[Therapy, Text] = Field(
        default_factory=dict,
        json_schema_extra=_NO_OTHERS,
        description="Which of a therapy's named labels decides who may get it.",
    )
    parameters: dict[ParameterPath, Number] = Field(
        default_factory=dict,
        json_schema_extra=_NO_OTHERS,
        description="Parameter values of all strategies: dotted path -> number.",
    )


class _Written(_Question):
    model_config = ConfigDict(title="rallsim scenario")

    defaults: StrategyKeys = Field(
        default_factory=StrategyKeys.model_construct,
        description="Keys of every strategy; a strategy's own key replaces the default's.",
    )
    strategies: Annotated[dict[StrategyId, StrategyKeys], BeforeValidator(_not_empty)] = Field(
        json_schema_extra={**_NO_OTHERS, "minProperties": 1}, description="The strategies compared, by id."
    )


@dataclass(frozen=True)
class _Source:
    """The file's values with settings laid over them, and where each was written."""

    file: YamlFile
    options: dict[Place, str | None]

    def place(self, *keys: str | int) -> tuple[str | None, int | None]:
        for end in range(len(keys), 0, -1):
            if keys[:end] in self.options:
                return self.options[keys[:end]], None
        inherited = len(keys) > 2 and keys[0] == "strategies" and keys[:3] not in self.file.lines
        if inherited and keys[2] in self.mapping("defaults"):
            return self.place("defaults", *keys[2:])
        return self.file.name, self.file.line(*keys)

    def problem(self, message: str, *keys: str | int, **more: Any) -> Problem:
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
            return [Problem("is not key=value", file=option, allowed="as in patients=200")]
        try:
            value = parse_yaml(text, option).data
        except InputError as error:
            return [replace(problem, line=None) for problem in error.problems]
        if isinstance(value, dict | list):
            return [Problem("must be a single value", file=option, key=path, found=_shown(value))]
        ids = [name for name in self.mapping("strategies") if isinstance(name, str)]
        keys = _setting_keys(path, ids)
        if keys is None:
            name = path.split(".")[1]
            return [Problem("unknown strategy", file=option, key=path, allowed=", ".join(ids), hint=nearest(name, ids))]
        if keys[0] == "strategies" and keys[2:-1] == ("parameters",):
            # The strategy's own parameters replace the defaults' altogether: one setting must not lose the others.
            self.mapping(*keys[:2]).setdefault("parameters", dict(self.mapping("defaults", "parameters")))
        parent = self.file.data
        for key in keys[:-1]:
            parent = parent.setdefault(key, {}) if isinstance(parent, dict) else None
        if isinstance(parent, dict):
            parent[keys[-1]] = value
            self.options[keys] = option
        return []


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


class Scenario(_Question):
    """A checked scenario: its strategies complete and in the order of the file.

    >>> scenario = load_scenario("first_salvage", settings=["strategies.inotuzumab.max_lines=2"])
    >>> scenario.id, list(scenario.strategies), scenario.strategies["inotuzumab"].max_lines
    ('first_salvage', ['chemotherapy', 'blinatumomab', 'inotuzumab'], 2)
    """

    id: str
    path: Path
    source_text: str = Field(repr=False)
    strategies: dict[str, Strategy]
    _source: _Source = PrivateAttr()

    @property
    def source_sha256(self) -> str:
        """Hash of the file as it was read, without settings."""
        return hashlib.sha256(self.source_text.encode()).hexdigest()

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
    therapies: Sequence[str] | None = None,
    populations: Sequence[str] | None = None,
) -> Scenario:
    """Load a scenario file, or a shipped scenario by its id.

    `settings` replace single values: `patients=200`, `strategies.no_bridging.max_lines=2`, or a parameter's path as
    in `hsct.nrm=0.1`; `patients` and `seed` come last. `therapies` and `populations` are the words allowed: those
    with a file in `params` when left out. Raises InputError with all faults at once.
    """
    path = _scenario_path(reference)
    source = _Source(read_yaml(path), {})
    known = {
        "therapy": _stems("therapies") if therapies is None else therapies,
        "population": _stems("population") if populations is None else populations,
    }
    problems = [] if re.fullmatch(_WORD, path.stem) else [_bad_id(path)]
    for setting in settings:
        problems += source.lay_over(setting)
    for key, value in (("patients", patients), ("seed", seed)):
        if value is not None and isinstance(source.file.data, dict):
            source.file.data[key] = value
            source.options[(key,)] = None
    problems += _faults_between_keys(source)
    try:
        written = _Written.model_validate(source.file.data, context=known)
    except ValidationError as error:
        problems += [_in_plain_words(detail, source) for detail in error.errors(include_url=False)]
    if problems:
        raise InputError(sorted(problems, key=lambda problem: problem.line or 0))
    parts = {key: getattr(written, key) for key in _Question.model_fields}
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


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a scenario file as people write it."""
    return {"$schema": _Schema.schema_dialect, **_Written.model_json_schema(schema_generator=_Schema)}


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
        raise InputError(Problem("unknown scenario", found=found, allowed=", ".join([*known, "a path"]), hint=hint))
    return known[reference]


def _stems(folder: str) -> list[str]:
    return sorted(path.stem for path in (shipped("params") / folder).glob("*.yaml"))


def _bad_id(path: Path) -> Problem:
    allowed = "lower-case letters, digits and _ after a first letter"
    return Problem("the file's name is no valid scenario id", file=str(path), found=_shown(path.stem), allowed=allowed)


def _complete(name: str, own: StrategyKeys, defaults: StrategyKeys) -> Strategy:
    parts = {key: getattr(part, key) for part in (defaults, own) for key in part.model_fields_set}
    return Strategy.model_construct(**{"label": name.replace("_", " "), **parts, "id": name})


def _faults_between_keys(source: _Source) -> Iterator[Problem]:
    """What no single value shows: a reference that is no strategy, a strategy without salvage, labels used twice."""
    strategies, defaults = source.mapping("strategies"), source.mapping("defaults")
    names = [name for name in strategies if isinstance(name, str)]
    reference = source.mapping().get("reference")
    if isinstance(reference, str) and reference and reference not in names:
        words = {"found": _shown(reference), "allowed": ", ".join(names), "hint": nearest(reference, names)}
        yield source.problem("is not one of the strategies", "reference", **words)
    labels: dict[str, str] = {}
    for name in names:
        if not isinstance(strategies[name], dict):
            continue
        keys = {**defaults, **strategies[name]}
        if "salvage" not in keys:
            yield source.problem("is missing", "strategies", name, "salvage", allowed="a list of rules")
        label = str(keys.get("label", name.replace("_", " ")))
        if label in labels:
            found = f"{_shown(label)} for '{labels[label]}' too"
            yield source.problem("stands twice", "strategies", name, "label", found=found)
        labels.setdefault(label, name)


_PLAIN_WORDS = {
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping (key: value)",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "greater_than": "must be more than {gt:.15g}",
    "greater_than_equal": "must be at least {ge:.15g}",
    "int_type": "must be a whole number",
    "invalid_key": "a key must be text",
    "less_than_equal": "must be at most {le:.15g}",
    "model_type": "must be a mapping (key: value)",
    "string_too_short": "must not be empty",
    "string_type": "must be text",
    "tuple_type": "must be a list",
}


def _in_plain_words(detail: ErrorDetails, source: _Source) -> Problem:
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
    return source.problem(message, *keys, found=_shown(detail["input"]), allowed=allowed, hint=context.get("hint"))


def _unknown_key(source: _Source, keys: tuple[str | int, ...]) -> Problem:
    words = list(_model_at(keys[:-1]).model_fields)
    if len(keys) == 1 and keys in source.options:
        words += [f"{group}.<parameter>" for group in PARAMETER_GROUPS]
    starts = [word.partition(".")[0] for word in words]
    hint = nearest(str(keys[-1]).partition(".")[0], starts)
    return source.problem("unknown key", *keys, allowed=", ".join(words), hint=hint)


_RULES: dict[str, type[_Part]] = {
    "salvage": SalvageRule,
    "bridging": BridgingRule,
    "consolidation": ConsolidationRule,
}


def _model_at(keys: tuple[str | int, ...]) -> type[_Part]:
    if not keys:
        return _Written
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


def _shown(value: object) -> str:
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
