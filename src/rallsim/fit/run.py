"""Run every fit that parameter files ask for, and write `params/fitted/`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rallsim.common.files import shipped, written_atomically
from rallsim.errors import InputError, Problem
from rallsim.fit.check import check_fits
from rallsim.fit.response_run import SOURCE, fitted_response, response_text
from rallsim.fit.summaries import KINDS, SummaryFit
from rallsim.fit.yaml_text import evidence_hash, rounded, yaml_text
from rallsim.inputs.parameter_values import ParameterFile
from rallsim.inputs.parameters import ParameterSet, iterate_fits, load_parameters
from rallsim.model.parameter_fields import GENERAL_FIELDS

HEADER = "# Written by `rallsim fit` from the fits of {source} and the evidence; not edited by hand.\n"


def fitted_texts(folder: Path | None = None) -> dict[Path, str]:
    """Run all fits; return the text of each file of `params/fitted/`.

    Raises InputError with every fault of all fits: nothing is fitted before all can be.
    """
    folder = folder or shipped("params")
    parameters = load_parameters(folder, fitted=False)
    response = fitted_response(parameters)
    faults: list[Problem] = []
    files = []
    for prefix, yaml in iterate_fits(parameters):
        file = ParameterFile(yaml, faults)
        given = {
            path.removeprefix(prefix + "."): parameter.value
            for path, parameter in parameters.parameters.items()
            if path.startswith(prefix + ".") or path in GENERAL_FIELDS
        }
        if prefix.startswith("therapies."):
            given |= response.for_therapy(file.stem)
        check_fits(file, given, parameters.evidence)
        files.append((file, given))
    if faults:
        raise InputError(faults)
    fitted = [(file, _run(file, given, parameters)) for file, given in files]
    if faults:
        raise InputError(faults)
    texts = {folder / "fitted" / SOURCE: response_text(response, parameters)}
    for file, fits in fitted:
        source = Path(file.yaml.name)
        relative = source.relative_to(folder).as_posix()
        texts[folder / "fitted" / source.name] = _text(relative, fits, file.at("fits"), parameters)
    return texts


def write_fits(folder: Path | None = None) -> list[Path]:
    """Run all fits and write their files; return those that changed."""
    stale = _stale_texts(folder)
    for path, text in stale.items():
        with written_atomically(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return list(stale)


def stale_fits(folder: Path | None = None) -> list[Path]:
    """Return the fitted files that the present evidence and fits would not write."""
    return list(_stale_texts(folder))


def _stale_texts(folder: Path | None) -> dict[Path, str]:
    return {
        path: text
        for path, text in fitted_texts(folder).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }


def _run(file: ParameterFile, given: dict[str, float], parameters: ParameterSet) -> dict[str, SummaryFit]:
    """Run the fits of a file; one whose targets no parameters can meet is a fault."""
    fits = {}
    for name, spec in file.at("fits").items():
        try:
            fits[name] = KINDS[spec["kind"]](name, spec, given, parameters.evidence)
        except ValueError as error:
            file.fault(("fits", name), f"cannot be fitted: {error}")
    return fits


def _text(source: str, fits: dict[str, SummaryFit], specs: dict[str, Any], parameters: ParameterSet) -> str:
    rows = {row for fit in fits.values() for row in fit.evidence}
    content: dict[str, Any] = {
        "source": source,
        "evidence_sha256": evidence_hash(parameters.evidence, rows, specs),
        "parameters": {
            name: {"value": rounded(value), "fit": fit_name, "evidence": list(fit.evidence)}
            for fit_name, fit in fits.items()
            for name, value in fit.parameters.items()
        },
        "targets": [
            {
                "fit": fit_name,
                "what": " ".join(target.what.split()),
                "published": rounded(target.published),
                "fitted": rounded(target.fitted),
            }
            for fit_name, fit in fits.items()
            for target in fit.targets
        ],
    }
    return HEADER.format(source=source) + yaml_text(content)
