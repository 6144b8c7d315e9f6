"""Parameter files, checked completely: every value with unit, basis and evidence, or it does not load.

Paths name parameters everywhere: `therapies.blinatumomab.cr_rate`, `hsct.sos_fatality`, `population.male`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rallsim.conditions import Condition, read_condition
from rallsim.errors import InputError, Problem, nearest
from rallsim.evidence import Evidence, load_evidence
from rallsim.files import shipped
from rallsim.formula import evaluate, names
from rallsim.model import (
    GENERAL_FIELDS,
    KIND_FIELDS,
    POPULATION_FIELDS,
    TARGETS,
    UNITS,
    Field,
)
from rallsim.yamlfile import YamlFile, read_yaml

BASES = ("reported", "counts", "fitted", "calibrated", "assumed")
ENTRY_KEYS = ("value", "unit", "basis", "evidence", "from", "fit", "lo", "hi", "reason", "note")
THERAPY_KEYS = (
    "id",
    "label",
    "kind",
    "target",
    "course",
    "left_out",
    "max_courses",
    "eligibility",
    "labels",
    "parameters",
    "fits",
)
GENERAL_FILES = ("disease", "hsct", "mortality")
ROUNDING = 5e-4  # a value in a file may be rounded to three decimals


@dataclass(frozen=True)
class Parameter:
    """A number with its unit, where it comes from, and the range it may lie in."""

    path: str
    value: float
    unit: str
    basis: str
    evidence: tuple[str, ...]
    note: str
    lo: float | None
    hi: float | None
    file: str
    line: int | None


@dataclass(frozen=True)
class Therapy:
    """What a therapy is, who may get it, and its parameters by name."""

    id: str
    label: str
    kind: str
    target: int
    max_courses: int
    eligibility: Condition
    labels: Mapping[str, Condition]
    file: str


@dataclass(frozen=True)
class ParameterSet:
    """Everything the model reads, before a scenario changes it."""

    parameters: Mapping[str, Parameter]
    therapies: Mapping[str, Therapy]
    countries: Mapping[str, str]  # life table of each population
    evidence: Evidence
    files: tuple[Path, ...]

    def values(self, population: str) -> dict[str, float]:
        """Return the base value of every parameter; those of `population` under `population.<name>`."""
        own = f"population.{population}."
        return {
            ("population." + path.removeprefix(own)) if path.startswith(own) else path: parameter.value
            for path, parameter in self.parameters.items()
            if not path.startswith("population.") or path.startswith(own)
        }

    def uses(self, evidence_id: str) -> list[str]:
        """Return the paths of the parameters that rest on an evidence row."""
        return [path for path, parameter in self.parameters.items() if evidence_id in parameter.evidence]

    def field_of(self, path: str) -> Field:
        """Return unit and meaning of a parameter path as scenarios write it."""
        parts = path.split(".")
        if parts[0] == "therapies":
            return (KIND_FIELDS["drug"] | KIND_FIELDS["car_t"])[parts[-1]]
        return POPULATION_FIELDS[parts[-1]] if parts[0] == "population" else GENERAL_FIELDS[path]


def check_override(path: str, value: float, known: Mapping[str, float], parameters: ParameterSet) -> Problem | None:
    """Return what is wrong with changing a parameter, without a place; None when nothing is."""
    if path not in known:
        return Problem("unknown parameter", key=path, hint=nearest(path, list(known)))
    unit = parameters.field_of(path).unit
    low, high = UNITS[unit]
    if not low <= value <= high:
        return Problem("is impossible", key=path, found=f"{value:g}", allowed=f"{low:g} to {high:g} ({unit})")
    return None


def load_parameters(folder: Path | None = None, *, fitted: bool = True) -> ParameterSet:
    """Read and check every file of `params/`; raises InputError with all faults of all files.

    With `fitted=False` values that a fit provides are left out: what the fit itself starts from.

    >>> parameters = load_parameters()
    >>> parameters.parameters["therapies.blinatumomab.antigen_loss"].basis
    'counts'
    """
    folder = folder or shipped("params")
    evidence = load_evidence(folder / "evidence")
    reader = _Reader(folder, evidence, fitted)
    for name in GENERAL_FILES:
        reader.general(folder / f"{name}.yaml")
    for path in sorted((folder / "therapies").glob("*.yaml")):
        reader.therapy(path)
    for path in sorted((folder / "population").glob("*.yaml")):
        reader.population(path)
    if reader.problems:
        raise InputError(reader.problems)
    return ParameterSet(reader.parameters, reader.therapies, reader.countries, evidence, tuple(reader.files))


class _Reader:
    """Collects parameters and problems over all files."""

    def __init__(self, folder: Path, evidence: Evidence, fitted: bool) -> None:
        self.folder = folder
        self.evidence = evidence
        self.use_fits = fitted
        self.therapy_ids = sorted(path.stem for path in (folder / "therapies").glob("*.yaml"))
        self.parameters: dict[str, Parameter] = {}
        self.therapies: dict[str, Therapy] = {}
        self.countries: dict[str, str] = {}
        self.problems: list[Problem] = []
        self.files: list[Path] = []

    def general(self, path: Path) -> None:
        fields = {name: spec for name, spec in GENERAL_FIELDS.items() if name.startswith(path.stem + ".")}
        file = self._open(path, ("about", "parameters", "fits"))
        if file:
            self._entries(file, path.stem, {name.split(".", 1)[1]: spec for name, spec in fields.items()})

    def therapy(self, path: Path) -> None:
        file = self._open(path, THERAPY_KEYS)
        if file is None:
            return
        data = file.data
        for key, allowed in (("kind", tuple(KIND_FIELDS)), ("target", tuple(TARGETS))):
            if data.get(key) not in allowed:
                self._say(file, (key,), "must be one of these words", str(data.get(key)), ", ".join(allowed))
        for key in ("label", "course"):
            if not isinstance(data.get(key), str):
                self._say(file, (key,), "must be a text", str(data.get(key)))
        if data.get("id") != path.stem:
            self._say(file, ("id",), "must equal the file's name", str(data.get("id")), path.stem)
        if data.get("kind") not in KIND_FIELDS:
            return
        max_courses = data.get("max_courses")
        if not isinstance(max_courses, int) or max_courses < 1:
            self._say(file, ("max_courses",), "must be a whole number from 1 on", str(max_courses))
            return
        self._entries(file, f"therapies.{path.stem}", KIND_FIELDS[data["kind"]])
        self.therapies[path.stem] = Therapy(
            id=path.stem,
            label=str(data.get("label")),
            kind=str(data.get("kind")),
            target=TARGETS.get(data.get("target"), 0),
            max_courses=max_courses,
            eligibility=self._condition(file, ("eligibility",), data.get("eligibility") or {}),
            labels={
                name: self._condition(file, ("labels", name), written)
                for name, written in (data.get("labels") or {}).items()
            },
            file=file.name,
        )

    def _condition(self, file: YamlFile, place: tuple[str, ...], written: Any) -> Condition:
        condition, faults = read_condition(written, self.therapy_ids)
        for fault in faults:
            where = (*place, *fault.place)
            self.problems.append(
                Problem(
                    fault.message,
                    file=file.name,
                    line=file.line(*where),
                    key=".".join(where),
                    found=str(fault.found),
                    allowed=fault.allowed,
                    hint=fault.hint,
                )
            )
        return condition

    def population(self, path: Path) -> None:
        file = self._open(path, ("id", "about", "country", "parameters", "fits"))
        if file is None:
            return
        if file.data.get("id") != path.stem:
            self._say(file, ("id",), "must equal the file's name", str(file.data.get("id")), path.stem)
        self.countries[path.stem] = str(file.data.get("country"))
        self._entries(file, f"population.{path.stem}", POPULATION_FIELDS)

    def _open(self, path: Path, keys: Iterable[str]) -> YamlFile | None:
        try:
            file = read_yaml(path)
        except InputError as error:
            self.problems.extend(error.problems)
            return None
        self.files.append(path)
        if not isinstance(file.data, dict):
            self.problems.append(Problem("must be a mapping of keys to values", file=file.name))
            return None
        self._unknown_keys(file, (), file.data, keys)
        return file

    def _unknown_keys(
        self, file: YamlFile, place: tuple[str, ...], data: Iterable[Any], allowed: Iterable[str]
    ) -> None:
        words = tuple(allowed)
        for key in data:
            if key not in words:
                self.problems.append(
                    Problem(
                        "unknown key",
                        file=file.name,
                        line=file.line(*place, key),
                        key=".".join((*place, str(key))),
                        allowed=", ".join(words),
                        hint=nearest(str(key), words),
                    )
                )

    def _say(
        self, file: YamlFile, place: tuple[str, ...], message: str, found: str | None = None, allowed: str | None = None
    ) -> None:
        self.problems.append(
            Problem(message, file=file.name, line=file.line(*place), key=".".join(place), found=found, allowed=allowed)
        )

    def _entries(self, file: YamlFile, prefix: str, fields: Mapping[str, Field]) -> None:
        entries = file.data.get("parameters")
        if not isinstance(entries, dict):
            self._say(file, ("parameters",), "is missing or not a mapping")
            return
        self._unknown_keys(file, ("parameters",), entries, fields)
        for name, spec in fields.items():
            if name not in entries:
                self._say(file, ("parameters",), f"'{name}' is missing: {spec.meaning}", allowed=f"a {spec.unit}")
            elif not isinstance(entries[name], dict):
                self._say(file, ("parameters", name), "must be a mapping", allowed=", ".join(ENTRY_KEYS))
            else:
                parameter = self._entry(file, prefix, name, spec, entries[name])
                if parameter:
                    self.parameters[parameter.path] = parameter

    def _entry(self, file: YamlFile, prefix: str, name: str, spec: Field, entry: dict[str, Any]) -> Parameter | None:
        place = ("parameters", name)
        before = len(self.problems)
        self._unknown_keys(file, place, entry, ENTRY_KEYS)
        basis = entry.get("basis")
        if basis not in BASES:
            self._say(file, (*place, "basis"), "must say where the value comes from", str(basis), ", ".join(BASES))
            return None
        if entry.get("unit") != spec.unit:
            self._say(file, (*place, "unit"), "has another unit", str(entry.get("unit")), spec.unit)
        if not entry.get("note") and basis != "assumed":
            self._say(file, (*place, "note"), "is missing: say what the number is and why this one")
        if basis in ("fitted", "calibrated"):
            found = self._fitted(file, name, entry) if self.use_fits else None
        else:
            found = self._given(file, place, entry, basis)
        if found is None or len(self.problems) > before:
            return None
        value, ids, lo, hi = found
        low, high = UNITS[spec.unit]
        if not low <= value <= high:
            self._say(file, (*place, "value"), "is impossible", f"{value:g}", f"{low:g} to {high:g} ({spec.unit})")
        path = f"{prefix}.{name}"
        note = str(entry.get("note") or entry.get("reason"))
        return Parameter(path, value, spec.unit, basis, ids, note, lo, hi, file.name, file.line(*place))

    def _given(
        self, file: YamlFile, place: tuple[str, ...], entry: dict[str, Any], basis: str
    ) -> tuple[float, tuple[str, ...], float | None, float | None] | None:
        if not _is_number(entry.get("value")):
            self._say(file, (*place, "value"), "must be a number", str(entry.get("value")))
            return None
        value = entry["value"]
        ids = tuple(entry.get("evidence") or ())
        for identity in ids:
            if identity not in self.evidence.rows:
                self.problems.append(
                    Problem(
                        "no such evidence row",
                        file=file.name,
                        line=file.line(*place, "evidence"),
                        key=".".join(place),
                        found=str(identity),
                        hint=nearest(str(identity), list(self.evidence.rows)),
                    )
                )
                return None
        if basis == "assumed":
            if not entry.get("reason") or not _is_number(entry.get("lo")) or not _is_number(entry.get("hi")):
                self._say(file, place, "an assumed value needs a reason and a range (lo, hi)")
                return None
            lo, hi = entry["lo"], entry["hi"]
            if not lo <= value <= hi:
                self._say(file, place, "lies outside its own range", f"{value:g}", f"{lo:g} to {hi:g}")
            return float(value), ids, float(lo), float(hi)
        if not ids:
            self._say(file, place, f"is {basis} but names no evidence row")
            return None
        return self._from_rows(file, place, entry, basis, float(value), ids)

    def _from_rows(
        self,
        file: YamlFile,
        place: tuple[str, ...],
        entry: dict[str, Any],
        basis: str,
        value: float,
        ids: tuple[str, ...],
    ) -> tuple[float, tuple[str, ...], float | None, float | None] | None:
        rows = [self.evidence.row(identity) for identity in ids]
        lo = hi = None
        if basis == "counts":
            if any(row.events is None or row.total is None for row in rows):
                self._say(file, place, "is of counts, but a row of its evidence has none", ", ".join(ids))
                return None
            events = sum(row.events or 0.0 for row in rows)
            total = sum(row.total or 0.0 for row in rows)
            expected = events / total
            lo, hi = jeffreys_interval(events, total)
        else:
            formula = entry.get("from") or (ids[0] if len(ids) == 1 else None)
            if formula is None:
                self._say(file, place, "rests on several rows: say how in 'from'", ", ".join(ids))
                return None
            if set(names(str(formula))) != set(ids):
                self._say(file, (*place, "from"), "uses other rows than 'evidence' names", str(formula), ", ".join(ids))
                return None
            expected = evaluate(str(formula), self.evidence)
            if str(formula) == ids[0]:
                lo, hi = rows[0].lo, rows[0].hi
        if abs(expected - value) > max(ROUNDING, 2e-3 * abs(expected)):
            self._say(file, (*place, "value"), "disagrees with its evidence", f"{value:g}", f"{expected:.6g}")
        return expected, ids, lo, hi

    def _fitted(
        self, file: YamlFile, name: str, entry: dict[str, Any]
    ) -> tuple[float, tuple[str, ...], float | None, float | None] | None:
        place = ("parameters", name)
        fit = entry.get("fit")
        if fit not in (file.data.get("fits") or {}):
            self._say(file, (*place, "fit"), "names no fit of this file", str(fit))
            return None
        path = self.folder / "fitted" / f"{Path(file.name).stem}.yaml"
        if not path.exists():
            self._say(file, place, f"is fitted, but {path.name} does not exist: run 'rallsim fit'")
            return None
        if path not in self.files:
            self.files.append(path)
        values = _fitted_file(path).data["parameters"]
        if name not in values:
            self._say(file, place, f"is fitted, but {path.name} lacks it: run 'rallsim fit'")
            return None
        found = values[name]
        return float(found["value"]), tuple(found["evidence"]), None, None


_FITTED: dict[tuple[Path, float], YamlFile] = {}


def _fitted_file(path: Path) -> YamlFile:
    key = (path, path.stat().st_mtime)
    if key not in _FITTED:
        _FITTED[key] = read_yaml(path)
    return _FITTED[key]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def jeffreys_interval(events: float, total: float) -> tuple[float, float]:
    """95 % interval of a proportion under Jeffreys' prior: quantiles of Beta(events + 1/2, total - events + 1/2).

    >>> [round(limit, 3) for limit in jeffreys_interval(5, 17)]
    [0.122, 0.53]
    """
    from scipy.special import betaincinv

    a, b = events + 0.5, total - events + 0.5
    return float(betaincinv(a, b, 0.025)), float(betaincinv(a, b, 0.975))


def iterate_fits(parameters: ParameterSet) -> Iterator[tuple[str, YamlFile]]:
    """Yield the prefix and file of every parameter file that holds fits."""
    for path in parameters.files:
        if path.parent.name == "fitted":
            continue
        file = read_yaml(path)
        if file.data.get("fits"):
            prefix = {"therapies": f"therapies.{path.stem}", "population": f"population.{path.stem}"}
            yield prefix.get(path.parent.name, path.stem), file
