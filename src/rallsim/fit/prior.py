"""Draws of all that the model reads from evidence: published numbers drawn anew, parameters worked out from each.

A number that several parameters rest on is drawn once, so they move together; fits run again on every draw. What is
assumed is drawn from its range. Nothing here has seen a trial's survival: that is calibration.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from rallsim.common.yaml_file import YamlFile, read_yaml
from rallsim.errors import InputError
from rallsim.fit.response_run import fitted_response
from rallsim.fit.summaries import KINDS
from rallsim.inputs.evidence import Evidence, Row
from rallsim.inputs.formula import evaluate
from rallsim.inputs.parameter_values import Parameter
from rallsim.inputs.parameters import ParameterSet, iterate_fits
from rallsim.inputs.uncertainty import PLACES, spread_of_range, spread_of_row
from rallsim.model.parameter_fields import GENERAL_FIELDS, UNITS
from rallsim.model.random_numbers import parameter_uniforms

CLIP = 1e-6  # shares and probabilities stay this far from 0 and 1 unless their value is one of them


@dataclass(frozen=True)
class Recipe:
    """How a parameter follows from evidence: rows added up, a formula, a fit of its file, or a range."""

    path: str
    parameter: Parameter
    basis: str
    formula: str | None = None
    fit: str | None = None


def prior_draws(
    parameters: ParameterSet, draws: int, seed: int = 1, progress: Callable[[str, float], None] | None = None
) -> pd.DataFrame:
    """Return draws (rows) of every uncertain parameter (columns, paths as scenarios write them), populations apart.

    Row i is the same however many draws there are. A draw whose fits have no solution is replaced by the values of the
    base case for the parameters of that fit; how often this happened stands in the frame's `attrs["failed"]`.
    """
    evidence = parameters.evidence
    recipes = list(_recipes(parameters))
    used = sorted({row for recipe in recipes for row in recipe.parameter.evidence})
    spreads = {row: spread_of_row(evidence.row(row)) for row in used}
    uncertain = [row for row in used if spreads[row] is not None]
    ranged = [recipe for recipe in recipes if recipe.basis in ("assumed", "calibrated")]
    luck = parameter_uniforms(seed, draws, [*uncertain, *(f"range of {recipe.path}" for recipe in ranged)])
    drawn_rows = {row: spread.quantile(luck[row]) for row in uncertain if (spread := spreads[row])}
    drawn_ranges = {
        recipe.path: spread_of_range(recipe.parameter).quantile(luck[f"range of {recipe.path}"]) for recipe in ranged
    }
    response = fitted_response(parameters).draws(drawn_ranges, draws, seed)
    fits = list(iterate_fits(parameters))
    columns: dict[str, list[float]] = {recipe.path: [] for recipe in recipes}
    failed: dict[str, int] = {}
    base = {path: parameter.value for path, parameter in parameters.parameters.items()}
    for draw in range(draws):
        rows = {row: _with_value(evidence.row(row), float(values[draw])) for row, values in drawn_rows.items()}
        anew = replace(evidence, rows={**evidence.rows, **rows})
        values = {
            recipe.path: float(drawn_ranges[recipe.path][draw]) if recipe.path in drawn_ranges else _value(recipe, anew)
            for recipe in recipes
            if recipe.fit is None or recipe.path in drawn_ranges
        }
        values |= {path: float(drawn[draw]) for path, drawn in response.items()}
        for prefix, file in fits:
            known = {**base, **values, **_taken_over(values, parameters)}
            _run_fits(prefix, file, known, anew, values, failed)
        if progress:
            progress("prior draws", (draw + 1) / draws)
        for recipe in recipes:
            columns[recipe.path].append(values.get(recipe.path, recipe.parameter.value))
    table = pd.DataFrame(columns)
    for recipe in recipes:
        table[recipe.path] = _possible(table[recipe.path].to_numpy(), recipe.parameter)
    table = table[[path for path in table.columns if float(table[path].std()) > 0.0]]
    table = table.assign(**{path: drawn for path, drawn in response.items() if path.startswith(PLACES)})
    table.attrs["failed"] = failed
    return table


def _recipes(parameters: ParameterSet) -> Iterator[Recipe]:
    """Every parameter that stands in a file of its own right (not taken over from a base), populations apart."""
    files = {str(path): read_yaml(path) for path in parameters.files if path.parent.name != "fitted"}
    for path, parameter in parameters.parameters.items():
        if path.startswith("population.") or path in parameters.origins:
            continue
        file = files.get(parameter.file)
        entry = file.data["parameters"].get(path.rpartition(".")[2]) if file else None
        if not isinstance(entry, dict):
            continue  # left out of the file: no effect
        formula = entry.get("from") or (parameter.evidence[0] if parameter.basis == "reported" else None)
        fit = entry.get("fit") if parameter.basis == "fitted" else None
        yield Recipe(path, parameter, parameter.basis, None if formula is None else str(formula), fit)


def _taken_over(values: Mapping[str, float], parameters: ParameterSet) -> dict[str, float]:
    """Values of a draw that forms of a therapy take over from it."""
    origins = parameters.origins
    return {path: values[origin] for path, origin in origins.items() if origin in values}


def _value(recipe: Recipe, evidence: Evidence) -> float:
    if recipe.basis == "counts":
        rows = [evidence.row(row) for row in recipe.parameter.evidence]
        return sum(row.events or 0.0 for row in rows) / sum(row.total or 0.0 for row in rows)
    assert recipe.formula is not None
    try:
        return evaluate(recipe.formula, evidence)
    except InputError:  # the drawn numbers leave a formula without a value, such as the log of a negative difference
        return recipe.parameter.value


def _with_value(row: Row, value: float) -> Row:
    """The row with another value; its counts follow, and limits that stand in for a missing value."""
    events = None if row.events is None or not row.total else value * row.total
    return replace(row, value=value, events=events)


def _run_fits(
    prefix: str,
    file: YamlFile,
    known: Mapping[str, float],
    evidence: Evidence,
    values: dict[str, float],
    failed: dict[str, int],
) -> None:
    given = {path.removeprefix(prefix + "."): value for path, value in known.items() if path.startswith(prefix + ".")}
    given |= {path: value for path, value in known.items() if path in GENERAL_FIELDS}
    for name, spec in file.data["fits"].items():
        if spec["kind"] not in KINDS or prefix.startswith("population"):
            continue
        try:
            found = KINDS[spec["kind"]](name, spec, given, evidence).parameters
        except (ValueError, ArithmeticError, InputError):
            failed[f"{prefix}.{name}"] = failed.get(f"{prefix}.{name}", 0) + 1
            continue
        values |= {f"{prefix}.{parameter}": value for parameter, value in found.items()}


def _possible(values: np.ndarray, parameter: Parameter) -> np.ndarray:
    """Values moved inside what their unit allows."""
    low, high = UNITS[parameter.unit]
    margin = 0.0 if parameter.value in (low, high) else CLIP
    return np.asarray(np.clip(values, low + margin, high - margin if math.isfinite(high) else high))
