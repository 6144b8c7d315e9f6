"""What calibration found, laid over the parameters: `params/fitted/calibrated.yaml`, written by `rallsim fit`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rallsim.inputs.evidence import Evidence
from rallsim.inputs.parameter_values import Parameter, ParameterFile, number_at
from rallsim.model.parameter_fields import UNITS

CALIBRATED = "calibrated.yaml"
KEYS = (
    *("source", "method", "inputs_sha256", "draws", "seed", "overdispersion", "parameters", "correlations"),
    *("targets", "failed_fits"),
)
PARAMETER_KEYS = ("value", "lo", "hi", "prior", "sd_ratio", "informed", "why")


def calibrated_parameters(
    file: ParameterFile, parameters: Mapping[str, Parameter], origins: Mapping[str, str], evidence: Evidence
) -> dict[str, Parameter]:
    """Return the parameters that a file of calibrated values replaces; faults go into the file's list.

    `origins` are the paths that forms of a therapy take over, each with the path it comes from: they are replaced too.
    """
    file.only_keys(KEYS)
    rows = tuple(str(one["id"]) for one in file.at("targets") or [] if one.get("id") in evidence.rows)
    found: dict[str, Parameter] = {}
    for path in file.mapping("parameters"):
        place = ("parameters", path)
        if path not in parameters or path in origins:
            file.fault(place, "must be a parameter with a value of its own: run 'rallsim fit'", found=path)
            continue
        file.only_keys(PARAMETER_KEYS, *place)
        value, lo, hi = (number_at(file, (*place, key)) for key in ("value", "lo", "hi"))
        low, high = UNITS[parameters[path].unit]
        if value is None or lo is None or hi is None:
            continue
        if not low <= value <= high:
            file.fault((*place, "value"), "must lie within", found=f"{value:g}", allowed=f"{low:g} to {high:g}")
        note = f"calibrated to the trials together: {file.at(*place, 'why')}; before that: {parameters[path].note}"
        found[path] = replace(parameters[path], value=value, lo=lo, hi=hi, basis="calibrated", evidence=rows, note=note)
    return found | {path: replace(found[origin], path=path) for path, origin in origins.items() if origin in found}


def calibrated_file(folder: Path) -> Path:
    """Where the calibrated values of a folder of parameters stand."""
    return folder / "fitted" / CALIBRATED
