"""`params/response.yaml`: the arms of the response model, read and checked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rallsim.common.yaml_file import Place, read_yaml
from rallsim.errors import InputError, nearest
from rallsim.inputs.evidence import Evidence
from rallsim.inputs.formula import evaluate, names
from rallsim.inputs.parameter_values import RESPONSE, ParameterFile, number_at
from rallsim.inputs.parameters import ParameterSet
from rallsim.model.parameter_fields import ALL_THERAPY_FIELDS

OUTCOMES = {"cr": "cr_rate", "mrd": "mrd_negative_given_cr"}
ARM_KEYS = ("study", "therapy", "outcome", "events", "total", "treated", "mix", "tables", "differences_only", "why")
GROUP_KEYS = ("events", "total", "all", "none")
PRIORS = {"log_odds": "sd", "log_odds_ratio": "sd", "study": "scale"}

Shares = list[dict[str, float]]  # independent items; the covariates of one item exclude each other


@dataclass(frozen=True)
class Group:
    """Patients on whom one share was counted."""

    events: float
    total: float
    mix: Shares


@dataclass(frozen=True)
class Arm:
    """A therapy's patients in one study: the whole, and tables that split it; `whole` None where only tables count."""

    name: str
    study: str
    therapy: str
    outcome: str
    treated: float
    whole: Group | None
    tables: Mapping[str, tuple[Group, ...]]
    tables_in_full: bool
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Owners:
    """Where the response parameters of every therapy stand: in its own file, or in that of its base."""

    parameters: ParameterSet
    own: Mapping[str, Mapping[str, Any]]  # entries of each therapy's file

    def path(self, therapy: str, name: str) -> str:
        """Path of the parameter that a therapy uses."""
        base = self.parameters.therapies[therapy].based_on
        return f"therapies.{therapy if name in self.own[therapy] or not base else base}.{name}"

    def asks(self, path: str) -> bool:
        """Tell whether the response model gives the parameter its value."""
        _, therapy, name = path.split(".")
        entry = self.own[therapy].get(name)
        return isinstance(entry, dict) and entry.get("fit") == RESPONSE

    def asking(self) -> set[str]:
        """Paths of all parameters that the model gives their values."""
        paths = {f"therapies.{therapy}.{name}" for therapy, entries in self.own.items() for name in entries}
        return {path for path in paths if self.asks(path)}


def owners_of(parameters: ParameterSet) -> Owners:
    """Read who owns which parameter from the therapies' files."""
    files = {path.stem: path for path in parameters.files if path.parent.name == "therapies"}
    return Owners(parameters, {name: read_yaml(path).data.get("parameters") or {} for name, path in files.items()})


@dataclass(frozen=True)
class Spec:
    """What the file says: arms, rows of printed odds ratios by path, and the sizes of the priors."""

    arms: tuple[Arm, ...]
    odds_ratios: Mapping[str, tuple[str, ...]]
    priors: Mapping[str, float]


def read_response(path: Path, owners: Owners, evidence: Evidence) -> Spec:
    """Read and check the file; raises InputError with all its faults."""
    file = ParameterFile(read_yaml(path), [])
    file.only_keys(("about", "priors", "arms", "odds_ratios"))
    sds = {}
    for name, key in PRIORS.items():
        file.only_keys((key, "reason"), "priors", name)
        number = number_at(file, ("priors", name, key))
        if number is not None and number <= 0.0:
            file.fault(("priors", name, key), "must be above 0", found=number)
        sds[name] = number or math.nan
    arms = [arm for name in file.mapping("arms") if (arm := _arm(file, str(name), owners, evidence))]
    made = {owners.path(arm.therapy, OUTCOMES[arm.outcome]) for arm in arms}
    printed: dict[str, list[str]] = {}
    for parameter in file.mapping("odds_ratios"):
        place = ("odds_ratios", parameter)
        file.only_keys(("rows", "why"), *place)
        printed[str(parameter)] = [str(row) for row in file.at(*place, "rows") or []]
        for row in printed[str(parameter)]:
            _number(file, place, row, evidence)
    used = {path for arm in arms for path in odds_ratios(arm, owners)}
    for asking in sorted(owners.asking() - made - used):
        file.fault(("arms",), f"must have an arm for {asking}, which asks for it")
    for level in sorted(made - owners.asking()):
        file.fault(("arms",), f"must have 'fit: {RESPONSE}' in {level}")
    for parameter in printed:
        if parameter not in used or not owners.asks(parameter):
            hint = nearest(parameter, sorted(used))
            file.fault(
                ("odds_ratios", parameter), "must be an odds ratio that an arm uses and that asks for it", hint=hint
            )
    if file.faults:
        raise InputError(file.faults)
    return Spec(tuple(arms), {path: tuple(rows) for path, rows in printed.items()}, sds)


def _arm(file: ParameterFile, name: str, owners: Owners, evidence: Evidence) -> Arm | None:
    place: Place = ("arms", name)
    before = len(file.faults)
    file.only_keys(ARM_KEYS, *place)
    for key in ("study", "therapy", "outcome", "why"):
        if not isinstance(file.at(*place, key), str):
            file.fault((*place, key), "is missing")
    therapy, outcome = file.at(*place, "therapy"), file.at(*place, "outcome")
    if therapy is not None and therapy not in owners.own:
        file.fault(
            (*place, "therapy"), "must be a known therapy", found=therapy, hint=nearest(str(therapy), list(owners.own))
        )
    if outcome is not None and outcome not in OUTCOMES:
        file.fault((*place, "outcome"), "must be a known outcome", found=outcome, allowed=", ".join(OUTCOMES))
    mix: Shares = []
    for index, item in _items(file, (*place, "mix")):
        shares = {}
        for covariate in item:
            _check_covariate(file, (*place, "mix", index, covariate), str(covariate), str(outcome))
            shares[str(covariate)] = _number(file, (*place, "mix", index, covariate), item[covariate], evidence)
        mix.append(shares)
    treated = _number(file, (*place, "treated"), file.at(*place, "treated") or "1", evidence)
    has_whole = file.at(*place, "events") is not None
    whole = _group(file, place, mix, str(outcome), evidence) if has_whole else None
    tables = {
        str(table): tuple(
            _group(file, (*place, "tables", table, index), mix, str(outcome), evidence)
            for index, _ in _items(file, (*place, "tables", table))
        )
        for table in file.mapping(*place, "tables")
    }
    if not has_whole and len(tables) != 1:
        file.fault((*place, "tables"), "must be one table where the arm has no events", found=len(tables))
    if len(file.faults) > before:
        return None
    in_full = not has_whole and not file.at(*place, "differences_only")
    found = dict.fromkeys(row for text in _formulas(file.at(*place)) for row in names(text))
    study = str(file.at(*place, "study"))
    return Arm(name, study, str(therapy), str(outcome), treated, whole, tables, in_full, tuple(found))


def _group(file: ParameterFile, place: Place, mix: Shares, outcome: str, evidence: Evidence) -> Group:
    """Counts of one group; `all` and `none` name the covariate that everybody or nobody in it has."""
    if place[-2] != "arms":
        file.only_keys(GROUP_KEYS, *place)
    events, total = (
        float(round(_number(file, (*place, key), file.at(*place, key), evidence))) for key in ("events", "total")
    )
    if not 0.0 <= events <= total:
        file.fault((*place, "events"), "must lie between 0 and the total", found=f"{events:g}", allowed=f"{total:g}")
    for key, share in (("all", 1.0), ("none", 0.0)):
        covariate = file.at(*place, key)
        if covariate is None:
            continue
        _check_covariate(file, (*place, key), str(covariate), outcome)
        mix = [*(item for item in mix if covariate not in item), {str(covariate): share}]
    return Group(events, total, mix)


def _items(file: ParameterFile, place: Place) -> Iterator[tuple[int, dict[Any, Any]]]:
    """Mappings of the list at `place`, each with its number; anything else there is a fault."""
    items = file.at(*place)
    if items is not None and not (isinstance(items, list) and all(isinstance(item, dict) for item in items)):
        file.fault(place, "must be a list of mappings", found=items)
        return
    yield from enumerate(items or [])


def _check_covariate(file: ParameterFile, place: Place, covariate: str, outcome: str) -> None:
    start = f"{outcome}_odds_ratio_"
    known = [name.removeprefix(start) for name in ALL_THERAPY_FIELDS if name.startswith(start)]
    if covariate not in known:
        hint = nearest(covariate, known)
        file.fault(place, "must be a known covariate", found=covariate, allowed=", ".join(known), hint=hint)


def _number(file: ParameterFile, place: Place, formula: object, evidence: Evidence) -> float:
    if formula is None:
        file.fault(place, "is missing")
        return 0.0
    try:
        return evaluate(str(formula), evidence)
    except InputError as error:
        file.faults_of_formula(place, str(formula), error)
        return 0.0


def _formulas(value: Any) -> Iterator[str]:
    """Every formula of an arm, in order of appearance."""
    if isinstance(value, list):
        for item in value:
            yield from _formulas(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in ("study", "therapy", "outcome", "why", "all", "none", "differences_only"):
                yield from _formulas(item) if isinstance(item, dict | list) else iter([str(item)])


def odds_ratios(arm: Arm, owners: Owners) -> Iterator[str]:
    """Paths of the odds ratios that apply to somebody in an arm."""
    groups = [*([arm.whole] if arm.whole else []), *(group for table in arm.tables.values() for group in table)]
    for covariate in dict.fromkeys(name for group in groups for item in group.mix for name in item):
        yield owners.path(arm.therapy, f"{arm.outcome}_odds_ratio_{covariate}")
