"""Draws of all that the model reads from evidence: published numbers drawn anew, parameters worked out from each.

A number that several parameters rest on is drawn once, and numbers of the same patients are drawn together; fits run
again on every draw. What is assumed is drawn from its range. Nothing here has seen a trial's survival: that is
calibration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from rallsim.common.yaml_file import YamlFile
from rallsim.errors import InputError
from rallsim.fit.check import FORMS
from rallsim.fit.response_run import fitted_response
from rallsim.fit.summaries import KINDS, curve_prior_sd
from rallsim.inputs.evidence import Evidence
from rallsim.inputs.parameters import ParameterSet, iterate_fits
from rallsim.inputs.recipes import draws_of_ranges, iterate_evidence, iterate_recipes, possible, values_in
from rallsim.inputs.uncertainty import PLACES, bounded, unbounded
from rallsim.model.parameter_fields import GENERAL_FIELDS
from rallsim.model.random_numbers import parameter_uniforms


def prior_draws(
    parameters: ParameterSet, draws: int, seed: int = 1, progress: Callable[[str, float], None] | None = None
) -> pd.DataFrame:
    """Return draws (rows) of every uncertain parameter (columns, paths as scenarios write them), populations apart.

    Row i is the same however many draws there are. A draw whose fits have no solution is replaced by the values of the
    base case for the parameters of that fit; how often this happened stands in the frame's `attrs["failed"]`.
    """
    recipes = list(iterate_recipes(parameters, lambda one: not one.path.startswith("population.")))
    ranges = draws_of_ranges(recipes, parameters.evidence, draws, seed)
    drawn = {**ranges, **fitted_response(parameters).draws(ranges, draws, seed)}
    fits = list(iterate_fits(parameters))
    centres = _centres(parameters, fits, draws, seed)
    columns: dict[str, list[float]] = {recipe.path: [] for recipe in recipes}
    failed: dict[str, int] = {}
    base = {path: parameter.value for path, parameter in parameters.parameters.items()}
    for draw, evidence in enumerate(iterate_evidence(recipes, parameters.evidence, draws, seed)):
        values = {path: float(column[draw]) for path, column in drawn.items()} | values_in(recipes, evidence)
        for prefix, file in fits:
            known = {**base, **values, **_taken_over(values, parameters)}
            here = {path.removeprefix(f"{prefix}."): float(column[draw]) for path, column in centres.items()}
            values |= _fitted(prefix, file, known, evidence, here, failed)
        if progress:
            progress("prior draws", (draw + 1) / draws)
        for recipe in recipes:
            columns[recipe.path].append(values.get(recipe.path, recipe.parameter.value))
    table = pd.DataFrame(columns)
    for recipe in recipes:
        table[recipe.path] = possible(table[recipe.path].to_numpy(), recipe.parameter)
    table = table[[path for path in table.columns if float(table[path].std()) > 0.0]]
    table = table.assign(**{path: column for path, column in drawn.items() if path.startswith(PLACES)})
    table.attrs["failed"] = failed
    return table


def _centres(
    parameters: ParameterSet, fits: list[tuple[str, YamlFile]], draws: int, seed: int
) -> dict[str, np.ndarray]:
    """Draws of the centre of each curve's prior, by parameter: normal around the base case on the unbounded scale."""
    from scipy.special import ndtri

    made = [
        f"{prefix}.{spec[key]}"
        for prefix, file in fits
        for spec in file.data["fits"].values()
        for key in FORMS[spec["kind"]].makes
    ]
    uniforms = parameter_uniforms(seed, draws, [f"prior of {path}" for path in made])
    found = {}
    for path in made:
        parameter = parameters.parameters[path]
        middle = unbounded(np.array([parameter.value]), parameter.unit)
        shift = curve_prior_sd(parameter.unit) * ndtri(uniforms[f"prior of {path}"])
        found[path] = bounded(middle + shift, parameter.unit)
    return found


def _taken_over(values: Mapping[str, float], parameters: ParameterSet) -> dict[str, float]:
    """Values of a draw that forms of a therapy take over from it."""
    origins = parameters.origins
    return {path: values[origin] for path, origin in origins.items() if origin in values}


def _fitted(
    prefix: str,
    file: YamlFile,
    known: Mapping[str, float],
    evidence: Evidence,
    centres: Mapping[str, float],
    failed: dict[str, int],
) -> dict[str, float]:
    """Run the fits of a file in one draw; return the parameters that they make, by path."""
    given = {path.removeprefix(prefix + "."): value for path, value in known.items() if path.startswith(prefix + ".")}
    given |= {path: value for path, value in known.items() if path in GENERAL_FIELDS}
    values: dict[str, float] = {}
    for name, spec in file.data["fits"].items():
        try:
            fitted = KINDS[spec["kind"]](name, spec, given, evidence, centres).parameters
        except (ValueError, ArithmeticError, InputError):
            failed[f"{prefix}.{name}"] = failed.get(f"{prefix}.{name}", 0) + 1
            continue
        values |= {f"{prefix}.{parameter}": value for parameter, value in fitted.items()}
    return values
