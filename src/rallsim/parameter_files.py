"""Reading `params/`: therapies, populations and general files, with all faults of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rallsim.conditions import Condition, read_condition
from rallsim.errors import InputError, Problem
from rallsim.evidence import Evidence
from rallsim.model import GENERAL_FIELDS, KIND_FIELDS, POPULATION_FIELDS, TARGETS, Field
from rallsim.parameter_values import Parameter, ParameterFile, read_parameter
from rallsim.yamlfile import Place, read_yaml

THERAPY_KEYS = (
    *("id", "label", "kind", "target", "course", "left_out", "max_courses"),
    *("eligibility", "labels", "parameters", "fits"),
)
POPULATION_KEYS = ("id", "about", "country", "parameters", "fits")
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
        self.faults: list[Problem] = []
        self.files: list[Path] = []

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
        """Read the file of a therapy."""
        file = self._open(self.folder / "therapies" / f"{identity}.yaml")
        if file is None:
            return
        file.only_keys(THERAPY_KEYS)
        self._check_id(file)
        kind, target = file.one_of("kind", KIND_FIELDS), file.one_of("target", TARGETS)
        for key in ("label", "course"):
            if not isinstance(file.at(key), str) or not file.at(key).strip():
                file.fault((key,), "must be a text", found=file.at(key))
        max_courses = file.at("max_courses")
        if not isinstance(max_courses, int) or isinstance(max_courses, bool) or max_courses < 1:
            file.fault(("max_courses",), "must be a whole number from 1 on", found=max_courses)
        eligibility = self._condition(file, "eligibility")
        labels = {str(name): self._condition(file, "labels", name) for name in file.mapping("labels")}
        if kind is None:
            return
        self._parameters(file, f"therapies.{identity}", KIND_FIELDS[kind])
        self.therapies[identity] = Therapy(
            id=identity,
            label=str(file.at("label")),
            kind=kind,
            target=TARGETS.get(target or "none", 0),
            max_courses=max_courses,
            eligibility=eligibility,
            labels=labels,
            file=file.yaml.name,
        )

    def population(self, identity: str) -> None:
        """Read the file of a population."""
        file = self._open(self.folder / "population" / f"{identity}.yaml")
        if file is None:
            return
        file.only_keys(POPULATION_KEYS)
        self._check_id(file)
        self.countries[identity] = str(file.at("country"))
        for sex in ("female", "male"):
            try:
                self.evidence.life_table(self.countries[identity], sex)
            except InputError as error:
                for problem in error.problems:
                    file.fault(("country",), problem.message, found=problem.found, allowed=problem.allowed)
        self._parameters(file, f"population.{identity}", POPULATION_FIELDS)

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

    def _open_fitted(self, file: ParameterFile) -> ParameterFile | None:
        path = self.folder / "fitted" / f"{file.stem}.yaml"
        if path.exists():
            return self._open(path)
        file.fault(("fits",), f"have not been fitted: fitted/{path.name} does not exist; run 'rallsim fit'")
        return None

    def _check_id(self, file: ParameterFile) -> None:
        if file.at("id") != file.stem:
            file.fault(("id",), "must equal the file's name", found=file.at("id"), allowed=file.stem)

    def _condition(self, file: ParameterFile, *place: str) -> Condition:
        condition, faults = read_condition(file.mapping(*place), self.therapy_ids)
        for fault in faults:
            where: Place = (*place, *fault.place)
            file.fault(where, fault.message, found=fault.found, allowed=fault.allowed, hint=fault.hint)
        return condition

    def _parameters(self, file: ParameterFile, prefix: str, fields: Mapping[str, Field]) -> None:
        """Read every parameter of `fields`, and refuse any other."""
        entries, fits = file.mapping("parameters"), file.mapping("fits")
        file.only_keys(fields, "parameters")
        fitted = self._open_fitted(file) if fits and self.use_fits else None
        for name, spec in fields.items():
            if name not in entries:
                file.fault(("parameters",), f"'{name}' is missing: {spec.meaning}", allowed=f"a {spec.unit}")
                continue
            parameter = read_parameter(file, f"{prefix}.{name}", spec, self.evidence, fitted)
            if parameter:
                self.parameters[parameter.path] = parameter
