"""Reading `params/`: therapies, populations and general files, with all faults of all of them."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rallsim.common.yaml_file import Place, read_yaml
from rallsim.errors import InputError, Problem, nearest
from rallsim.inputs.evidence import Evidence
from rallsim.inputs.parameter_values import RESPONSE, Parameter, ParameterFile, no_effect, number_at, read_parameter
from rallsim.model.conditions import Condition, read_condition
from rallsim.model.parameter_fields import GENERAL_FIELDS, KIND_FIELDS, POPULATION_FIELDS, UNITS, Field
from rallsim.model.states import Antigen

THERAPY_KEYS = (
    *("id", "label", "based_on", "kind", "target", "course", "left_out", "max_courses"),
    *("eligibility", "labels", "parameters", "fits"),
)
POPULATION_KEYS = ("id", "about", "based_on", "country", "front_line", "parameters", "fits")
VARIANT_KEYS = ("id", "label", "reason", "parameters")
GENERAL_KEYS = ("about", "parameters", "fits")


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
    based_on: str | None = None


@dataclass(frozen=True)
class Variant:
    """A structural alternative: parameter values that replace the base case, and why one might."""

    id: str
    label: str
    reason: str
    values: Mapping[str, float]


class ParameterReader:
    """Collects parameters and faults over all files of a folder.

    With `fitted=False` the values that a fit provides are left out.
    """

    def __init__(self, folder: Path, evidence: Evidence, *, fitted: bool) -> None:
        self.folder = folder
        self.evidence = evidence
        self.use_fits = fitted
        self.therapy_ids = sorted(path.stem for path in (folder / "therapies").glob("*.yaml"))
        self.parameters: dict[str, Parameter] = {}
        self.therapies: dict[str, Therapy] = {}
        self.countries: dict[str, str] = {}
        self.front_lines: dict[str, str] = {}
        self.variants: dict[str, Variant] = {}
        self._read: set[str] = set()
        self._left_to_fits: set[str] = set()
        self._responses: list[ParameterFile | None] = []
        self.faults: list[Problem] = []
        self.files: list[Path] = []

    @property
    def places(self) -> dict[str, float]:
        """Odds ratio of response in each study against a typical place, by `<study>.<outcome>`."""
        if not self._responses or self._responses[0] is None:
            return {}
        file = self._responses[0]
        names = file.mapping("studies", "odds_ratio")
        return {str(name): number_at(file, ("studies", "odds_ratio", name)) or 1.0 for name in names}

    def general(self, group: str) -> None:
        """Read a file of parameters that belong to no therapy and no population, such as `hsct.yaml`."""
        file = self._open(self.folder / f"{group}.yaml")
        if file is None:
            return
        file.only_keys(GENERAL_KEYS)
        prefix = f"{group}."
        fields = {path.removeprefix(prefix): spec for path, spec in GENERAL_FIELDS.items() if path.startswith(prefix)}
        self._parameters(file, group, fields)

    def therapy(self, identity: str) -> None:
        """Read the file of a therapy, after that of the one it is a form of."""
        path = self.folder / "therapies" / f"{identity}.yaml"
        if identity in self._read or (identity in self.therapies and not path.exists()):
            return
        self._read.add(identity)
        file = self._open(path)
        if file is None:
            return
        file.only_keys(THERAPY_KEYS)
        self._check_id(file)
        if identity in self.therapies:
            file.fault(("id",), "cannot be the id of a shipped therapy", found=identity)
        based_on = None
        if file.at("based_on") is not None:
            based_on = file.one_of("based_on", [one for one in self.therapy_ids if one != identity])
            if based_on:
                self.therapy(based_on)
        base = self.therapies.get(based_on or "")
        if based_on and (base is None or base.based_on):
            file.fault(("based_on",), "must be a therapy with a sound file that stands on its own", found=based_on)
            return
        for key in ("label", "course"):
            if not isinstance(file.at(key), str) or not file.at(key).strip():
                file.fault((key,), "must be text", found=file.at(key))
        therapy = self._therapy_like(base, file) if base else self._therapy_alone(file)
        if therapy is None:
            return
        self.therapies[identity] = therapy
        self._parameters(file, f"therapies.{identity}", KIND_FIELDS[therapy.kind], f"therapies.{based_on}")

    def _therapy_alone(self, file: ParameterFile) -> Therapy | None:
        kind, target = file.one_of("kind", KIND_FIELDS), file.one_of("target", Antigen.words())
        max_courses = file.at("max_courses")
        if not isinstance(max_courses, int) or isinstance(max_courses, bool) or max_courses < 1:
            file.fault(("max_courses",), "must be a whole number from 1 on", found=max_courses)
        eligibility = self._condition(file, "eligibility")
        labels = {str(name): self._condition(file, "labels", name) for name in file.mapping("labels")}
        if kind is None:
            return None
        return Therapy(
            id=file.stem,
            label=str(file.at("label")),
            kind=kind,
            target=Antigen[(target or "none").upper()],
            max_courses=max_courses,
            eligibility=eligibility,
            labels=labels,
            file=file.yaml.name,
        )

    def _therapy_like(self, base: Therapy, file: ParameterFile) -> Therapy:
        for key in ("kind", "target", "max_courses"):
            if file.at(key) is not None:
                file.fault(
                    (key,),
                    f"must be left out: it is that of '{base.id}', which this therapy is a form of",
                    found=file.at(key),
                )
        like = replace(base, id=file.stem, label=str(file.at("label")), file=file.yaml.name, based_on=base.id)
        if file.at("eligibility") is not None:
            like = replace(like, eligibility=self._condition(file, "eligibility"))
        if file.at("labels") is not None:
            labels = {str(name): self._condition(file, "labels", name) for name in file.mapping("labels")}
            like = replace(like, labels=labels)
        return like

    def population(self, identity: str, path: Path | None = None) -> None:
        """Read the file of a population, shipped or at `path`, after that of the one it is based on."""
        if identity in self.countries and path is None:
            return
        file = self._open(path or self.folder / "population" / f"{identity}.yaml")
        if file is None:
            return
        file.only_keys(POPULATION_KEYS)
        self._check_id(file)
        if identity in self.countries:
            file.fault(("id",), "cannot be the id of a shipped population", found=identity)
        self.countries[identity] = str(file.at("country"))
        for sex in ("female", "male"):
            try:
                self.evidence.life_table(self.countries[identity], sex)
            except InputError as error:
                for problem in error.problems:
                    file.fault(("country",), problem.message, found=problem.found, allowed=problem.allowed)
        self.front_lines[identity] = file.one_of("front_line", self.therapy_ids) or ""
        based_on = None
        if file.at("based_on") is not None:
            ids = sorted(path.stem for path in (self.folder / "population").glob("*.yaml"))
            based_on = file.one_of("based_on", [one for one in ids if one != identity])
            if based_on:
                self.population(based_on)
        self._parameters(file, f"population.{identity}", POPULATION_FIELDS, f"population.{based_on}")

    def variant(self, identity: str) -> None:
        """Read the file of a structural alternative; the parameters it changes have been read before."""
        file = self._open(self.folder / "variants" / f"{identity}.yaml")
        if file is None:
            return
        file.only_keys(VARIANT_KEYS)
        self._check_id(file)
        for key in ("label", "reason"):
            if not isinstance(file.at(key), str) or not file.at(key).strip():
                file.fault((key,), "must be text", found=file.at(key))
        values: dict[str, float] = {}
        for pattern in file.mapping("parameters"):
            place = ("parameters", pattern)
            value = number_at(file, place)
            everyone = [path for path in self.parameters if not path.startswith("population.")]
            paths = fnmatch.filter(everyone, str(pattern))
            if not paths:
                file.fault(place, "must match a parameter", hint=nearest(str(pattern), list(self.parameters)))
            if value is None:
                continue
            for path in paths:
                unit = self.parameters[path].unit
                low, high = UNITS[unit]
                if not low <= value <= high:
                    file.fault(place, "must lie within", found=f"{value:g}", allowed=f"{low:g} to {high:g} ({unit})")
                values[path] = value
        self.variants[identity] = Variant(identity, str(file.at("label")), str(file.at("reason")), values)

    def _open(self, path: Path) -> ParameterFile | None:
        try:
            file = ParameterFile(read_yaml(path), self.faults)
        except InputError as error:
            self.faults.extend(error.problems)
            return None
        if not isinstance(file.yaml.data, dict):
            file.fault((), "must be a mapping of keys to values")
            return None
        self.files.append(path)
        return file

    def _open_fitted(self, file: ParameterFile, name: str) -> ParameterFile | None:
        path = self.folder / "fitted" / name
        if path.exists():
            return self._open(path)
        file.fault(("fits",), f"must have fitted/{path.name}: run 'rallsim fit'")
        return None

    def _response(self, file: ParameterFile) -> ParameterFile | None:
        """The fitted responses of all therapies, opened once."""
        if not self._responses:
            self._responses.append(self._open_fitted(file, f"{RESPONSE}.yaml"))
        return self._responses[0]

    def _check_id(self, file: ParameterFile) -> None:
        if file.at("id") != file.stem:
            file.fault(("id",), "must be the file's name", found=file.at("id"), allowed=file.stem)

    def _condition(self, file: ParameterFile, *place: str) -> Condition:
        condition, faults = read_condition(file.mapping(*place), self.therapy_ids)
        for fault in faults:
            where: Place = (*place, *fault.place)
            file.fault(where, fault.message, found=fault.found, allowed=fault.allowed, hint=fault.hint)
        return condition

    def _parameters(self, file: ParameterFile, prefix: str, fields: Mapping[str, Field], base: str = "") -> None:
        """Read every parameter of `fields`, and refuse any other.

        What the file leaves out is as under the prefix `base`, or has its neutral value.
        """
        entries, fits = file.mapping("parameters"), file.mapping("fits")
        file.only_keys(fields, "parameters")
        fitted = self._open_fitted(file, f"{file.stem}.yaml") if fits and self.use_fits else None
        asks = any(isinstance(entry, dict) and entry.get("fit") == RESPONSE for entry in entries.values())
        response = self._response(file) if asks and self.use_fits else None
        for name, spec in fields.items():
            path, inherited = f"{prefix}.{name}", self.parameters.get(f"{base}.{name}")
            parameter: Parameter | None = None
            if name in entries:
                parameter = read_parameter(file, path, spec, self.evidence, fitted, response)
            elif inherited:
                parameter = replace(inherited, path=path)
            elif spec.neutral is not None:
                parameter = no_effect(path, spec.unit, spec.neutral, file)
            elif f"{base}.{name}" not in self._left_to_fits:
                file.fault(("parameters",), f"must have '{name}': {spec.meaning}", allowed=f"a {spec.unit}")
            if parameter:
                self.parameters[path] = parameter
            elif not self.use_fits:
                self._left_to_fits.add(path)
