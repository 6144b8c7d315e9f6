"""The parameters of the model, from files that are checked completely: every value with unit, basis and evidence.

Paths name parameters everywhere: `therapies.blinatumomab.cr_rate`, `hsct.sos_fatality`, `population.male`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from rallsim.common.files import shipped
from rallsim.common.yaml_file import YamlFile, read_yaml
from rallsim.errors import InputError, Problem, nearest
from rallsim.inputs.calibrated_values import calibrated_file, calibrated_parameters
from rallsim.inputs.evidence import Evidence, load_evidence, with_tables
from rallsim.inputs.parameter_reader import ParameterReader, Therapy, Variant
from rallsim.inputs.parameter_values import Parameter, ParameterFile, jeffreys_interval
from rallsim.model.parameter_fields import ALL_THERAPY_FIELDS, GENERAL_FIELDS, POPULATION_FIELDS, UNITS, Field

__all__ = [
    "Parameter",
    "ParameterSet",
    "Therapy",
    "Variant",
    "iterate_fits",
    "jeffreys_interval",
    "load_parameters",
]


@dataclass(frozen=True)
class ParameterSet:
    """Everything the model reads, before a scenario changes it."""

    parameters: Mapping[str, Parameter]
    therapies: Mapping[str, Therapy]
    countries: Mapping[str, str]  # life table of each population
    front_lines: Mapping[str, str]  # therapy behind the remission that patients of a population may enter in
    variants: Mapping[str, Variant]
    evidence: Evidence
    files: tuple[Path, ...]
    places: Mapping[str, float] = field(default_factory=dict)  # odds ratio of response in studies, `<study>.<outcome>`
    own_population: Path | None = None  # the file of a population that a scenario brings
    own_folder: Path | None = None  # the folder of therapies, costs and evidence that a scenario adds

    @property
    def folder(self) -> Path:
        """The folder of parameter files."""
        return self.files[0].parent

    def values(self, population: str) -> dict[str, float]:
        """Return the base value of every parameter; those of `population` under `population.<name>`."""
        own = f"population.{population}."
        return {
            ("population." + path.removeprefix(own)) if path.startswith(own) else path: parameter.value
            for path, parameter in self.parameters.items()
            if not path.startswith("population.") or path.startswith(own)
        }

    @cached_property
    def _paths(self) -> dict[str, float]:
        return self.values(next(iter(self.countries)))  # the paths are the same for all populations

    @cached_property
    def origins(self) -> dict[str, str]:
        """Paths of parameters that forms of a therapy take over from it, each with the path it comes from."""
        return {
            path: f"therapies.{self.therapies[parts[1]].based_on}.{parts[2]}"
            for path, parameter in self.parameters.items()
            if (parts := path.split("."))[0] == "therapies" and Path(parameter.file).stem != parts[1]
        }

    def with_population(self, path: Path) -> ParameterSet:
        """Return these parameters and those of a population in a file of its own, checked like the shipped ones."""
        reader = ParameterReader(shipped("params"), self.evidence, fitted=True)
        reader.parameters, reader.therapy_ids = dict(self.parameters), list(self.therapies)
        reader.countries, reader.front_lines = dict(self.countries), dict(self.front_lines)
        reader.population(path.stem, path)
        if reader.faults:
            raise InputError(reader.faults)
        return replace(
            self,
            parameters=reader.parameters,
            countries=reader.countries,
            front_lines=reader.front_lines,
            own_population=path,
        )

    def with_folder(self, folder: Path) -> ParameterSet:
        """Return these parameters and the therapies of a folder laid out like `params/`, which may name its evidence.

        They are checked like the shipped ones, and come after them, so that nothing else changes.
        """
        evidence = with_tables(self.evidence, folder / "evidence")
        reader = ParameterReader(folder, evidence, fitted=True)
        added = reader.therapy_ids
        reader.therapy_ids = list(dict.fromkeys([*self.therapies, *added]))
        reader.parameters, reader.therapies = dict(self.parameters), dict(self.therapies)
        for identity in added:
            reader.therapy(identity)
        if reader.faults:
            raise InputError(reader.faults)
        return replace(
            self,
            parameters=reader.parameters,
            therapies={name: reader.therapies[name] for name in reader.therapy_ids},
            evidence=evidence,
            own_folder=folder,
        )

    def uses(self, evidence_id: str) -> list[str]:
        """Return the paths of the parameters that rest on an evidence row."""
        return [path for path, parameter in self.parameters.items() if evidence_id in parameter.evidence]

    def field_of(self, path: str) -> Field:
        """Return unit and meaning of a parameter path as scenarios write it."""
        parts = path.split(".")
        if parts[0] == "therapies":
            return ALL_THERAPY_FIELDS[parts[-1]]
        return POPULATION_FIELDS[parts[-1]] if parts[0] == "population" else GENERAL_FIELDS[path]

    def fault(self, path: str, value: float) -> Problem | None:
        """Return what is wrong with giving a parameter this value, without a place; None when nothing is."""
        if path not in self._paths:
            return Problem("must be a known parameter", hint=nearest(path, list(self._paths)))
        unit = self.field_of(path).unit
        low, high = UNITS[unit]
        if not low <= value <= high:
            return Problem("must lie within", found=f"{value:g}", allowed=f"{low:g} to {high:g} ({unit})")
        return None


def load_parameters(folder: Path | None = None, *, fitted: bool = True, calibrated: bool = True) -> ParameterSet:
    """Read and check every file of `params/`, or of another `folder`; raises InputError with all faults of all files.

    With `fitted=False` values that a fit provides are left out: what the fit itself starts from. With
    `calibrated=False` values are as evidence and single fits give them: what calibration starts from.

    >>> parameters = load_parameters()
    >>> parameters.parameters["therapies.blinatumomab.antigen_loss"].basis
    'counts'
    """
    folder = folder or shipped("params")
    evidence = load_evidence(folder / "evidence")
    reader = ParameterReader(folder, evidence, fitted=fitted)
    for group in dict.fromkeys(path.partition(".")[0] for path in GENERAL_FIELDS):
        reader.general(group)
    for path in sorted((folder / "therapies").glob("*.yaml")):
        reader.therapy(path.stem)
    for path in sorted((folder / "population").glob("*.yaml")):
        reader.population(path.stem)
    for path in sorted((folder / "variants").glob("*.yaml")) if fitted else []:
        reader.variant(path.stem)
    if reader.faults:
        raise InputError(reader.faults)
    parameters = ParameterSet(
        parameters=reader.parameters,
        therapies={name: reader.therapies[name] for name in reader.therapy_ids},
        countries=reader.countries,
        front_lines=reader.front_lines,
        variants=reader.variants,
        evidence=evidence,
        files=tuple(reader.files),
        places=reader.places,
    )
    path = calibrated_file(folder)
    if not (calibrated and fitted and path.exists()):
        return parameters
    return _with_calibration(parameters, path)


def _with_calibration(parameters: ParameterSet, path: Path) -> ParameterSet:
    faults: list[Problem] = []
    file = ParameterFile(read_yaml(path), faults)
    found = calibrated_parameters(file, parameters.parameters, parameters.origins, parameters.evidence)
    if faults:
        raise InputError(faults)
    return replace(parameters, parameters={**parameters.parameters, **found}, files=(*parameters.files, path))


def iterate_fits(parameters: ParameterSet) -> Iterator[tuple[str, YamlFile]]:
    """Yield the prefix and file of every parameter file that holds fits."""
    for path in parameters.files:
        if path.parent.name == "fitted":
            continue
        file = read_yaml(path)
        if file.data.get("fits"):
            prefix = {"therapies": f"therapies.{path.stem}", "population": f"population.{path.stem}"}
            yield prefix.get(path.parent.name, path.stem), file
