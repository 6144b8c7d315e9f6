"""How a result was made: versions, inputs by hash, seed, and the sources behind the numbers."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rallsim import __version__
from rallsim.common.files import PACKAGE
from rallsim.simulation.engine_inputs import cohort_of
from rallsim.simulation.imputation import sources

if TYPE_CHECKING:
    from rallsim.economics.settings.settings import EconomicSettings
    from rallsim.inputs.parameters import ParameterSet
    from rallsim.inputs.scenario import Scenario
    from rallsim.simulation.simulate import Simulation

MANIFEST = "manifest.json"
PACKAGES = ("numba", "numpy", "pandas", "scipy", "simpy")


def manifest(simulation: Simulation, settings: list[str], economics: EconomicSettings | None = None) -> dict[str, Any]:
    """Everything needed to make the results again, without anything that changes from run to run."""
    scenario, parameters = simulation.scenario, simulation.parameters
    folder = next(
        path.parent for path in parameters.files if path.parent.name not in ("fitted", "therapies", "population")
    )
    evidence_files = sorted((folder / "evidence").glob("*.csv"))
    used = {identity for parameter in parameters.parameters.values() for identity in parameter.evidence}
    used |= economics.evidence() if economics else set()
    sources = {parameters.evidence.row(identity).source_id for identity in used}
    return {
        "rallsim": __version__,
        "code": code_sha256(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "scenario": {
            "id": scenario.id,
            "title": scenario.title,
            "sha256": scenario.source_sha256,
            "settings": settings,
            "patients": scenario.patients,
            "horizon_months": scenario.horizon_months,
            "seed": scenario.seed,
            "population": scenario.population,
            "reference": scenario.reference,
            "strategies": {name: strategy.label for name, strategy in scenario.strategies.items()},
        },
        "inputs": {
            path.relative_to(folder.parent).as_posix(): file_sha256(path)
            for path in (*parameters.files, *evidence_files)
        },
        **_own_patients(scenario, parameters),
        **_own_folder(scenario),
        "economics": _economics(economics),
        "sources": {
            identity: parameters.evidence.sources[identity].citation
            for identity in sorted(sources)
            if identity in parameters.evidence.sources
        },
        "assumed": sorted(path for path, one in parameters.parameters.items() if one.basis == "assumed"),
    }


def _economics(economics: EconomicSettings | None) -> dict[str, Any] | None:
    """What costs and QALYs were counted with, and the files behind it by hash; None where none were counted."""
    if economics is None:
        return None
    hashes = {"/".join(path.parts[-2:]): file_sha256(path) for path in economics.files}
    return {**economics.as_data(), "inputs": hashes}


def _own_patients(scenario: Scenario, parameters: ParameterSet) -> dict[str, Any]:
    """What a scenario's own population or patients add: the file's hash, and how many values were drawn."""
    own = scenario.own_patients
    if own is None:
        return {}
    found: dict[str, Any] = {"file": own.name, "sha256": file_sha256(own)}
    cohort = cohort_of(scenario, parameters)
    if cohort:
        drawn = {one.attribute: one.drawn for one in sources(cohort) if one.drawn}
        found |= {"rows": cohort.rows, "missing_from": scenario.missing_from, "drawn": drawn}
    return {"patients": found}


def _own_folder(scenario: Scenario) -> dict[str, Any]:
    """What the folder that a scenario adds holds: each file's hash."""
    own = scenario.own_folder
    if own is None:
        return {}
    files = sorted(path for path in own.rglob("*.*") if path.is_file())
    return {"additions": {path.relative_to(own).as_posix(): file_sha256(path) for path in files}}


def fingerprint(content: dict[str, Any]) -> str:
    """Hash of a manifest: equal fingerprints mean equal results.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def code_sha256() -> str:
    """Hash of the package's own sources: results of other code are other results."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Hash of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
