"""How parameters follow from what is drawn: rows added up, a formula, a fit of their file, or a range.

What is not drawn is held, and every held parameter has a reason (`held`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rallsim.common.yaml_file import read_yaml
from rallsim.errors import InputError
from rallsim.inputs.evidence import Evidence, Row
from rallsim.inputs.formula import evaluate
from rallsim.inputs.parameter_values import Parameter
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.same_patients import draws_of_rows
from rallsim.inputs.spreads import Z, jeffreys, log_normal, spread_of_range
from rallsim.model.parameter_fields import UNITS
from rallsim.model.random_numbers import parameter_uniforms

CLIP = 1e-6  # shares and probabilities stay this far from 0 and 1 unless their value is one of them


@dataclass(frozen=True)
class Recipe:
    """How a parameter follows from evidence; `patients` is the size behind a share that rests on sizes alone."""

    path: str
    parameter: Parameter
    formula: str | None = None
    fit: str | None = None
    patients: str | None = None

    @property
    def has_range(self) -> bool:
        """Tell whether it is drawn from its own limits, apart from evidence rows."""
        return self.parameter.basis in ("assumed", "calibrated", "pooled") or self.patients is not None


def iterate_recipes(parameters: ParameterSet, wanted: Callable[[Parameter], bool]) -> Iterator[Recipe]:
    """Yield every parameter that is wanted, not held, and in a file of its own right, not taken over from a base."""
    files: dict[str, Mapping[str, Any]] = {}
    for path, parameter in parameters.parameters.items():
        if path in parameters.origins or parameter.held or not wanted(parameter):
            continue
        if parameter.file not in files:
            files[parameter.file] = read_yaml(Path(parameter.file)).data["parameters"]
        entry = files[parameter.file].get(path.rpartition(".")[2])
        if not isinstance(entry, Mapping):
            continue  # left out of the file: no effect
        formula = entry.get("from") or (parameter.evidence[0] if parameter.basis == "reported" else None)
        fit = entry.get("fit") if parameter.basis == "fitted" else None
        patients = entry.get("patients")
        yield Recipe(path, parameter, formula and str(formula), fit, patients and str(patients))


def draws_of_recipes(recipes: Sequence[Recipe], evidence: Evidence, draws: int, seed: int) -> dict[str, np.ndarray]:
    """Return draws of parameters that need no fit, by path: from ranges, and from evidence rows drawn once each."""
    rows = [values_in(recipes, drawn) for drawn in iterate_evidence(recipes, evidence, draws, seed)]
    following = {path: np.array([values[path] for values in rows]) for path in (rows[0] if rows else ())}
    return draws_of_ranges(recipes, evidence, draws, seed) | following


def draws_of_ranges(recipes: Iterable[Recipe], evidence: Evidence, draws: int, seed: int) -> dict[str, np.ndarray]:
    """Return draws of the parameters that have limits of their own, by path."""
    ranged = [recipe for recipe in recipes if recipe.has_range]
    uniforms = parameter_uniforms(seed, draws, [f"range of {recipe.path}" for recipe in ranged])
    return {recipe.path: _of_range(recipe, evidence, uniforms[f"range of {recipe.path}"]) for recipe in ranged}


def values_in(recipes: Iterable[Recipe], evidence: Evidence) -> dict[str, float]:
    """Return what parameters that follow from evidence rows without a fit come to in a draw of the evidence."""
    return {recipe.path: _value(recipe, evidence) for recipe in recipes if not recipe.has_range and not recipe.fit}


def iterate_evidence(recipes: Iterable[Recipe], evidence: Evidence, draws: int, seed: int) -> Iterator[Evidence]:
    """Yield the evidence of each draw: every row that the recipes rest on drawn anew."""
    rows = draws_of_rows({row for recipe in recipes for row in recipe.parameter.evidence}, evidence, draws, seed)
    for draw in range(draws):
        drawn = {row: _with_value(evidence.row(row), float(values[draw])) for row, values in rows.items()}
        yield replace(evidence, rows={**evidence.rows, **drawn})


def possible(values: np.ndarray, parameter: Parameter) -> np.ndarray:
    """Values moved inside what their unit allows."""
    low, high = UNITS[parameter.unit]
    margin = 0.0 if parameter.value in (low, high) else CLIP
    return np.asarray(np.clip(values, low + margin, high - margin if np.isfinite(high) else high))


def _of_range(recipe: Recipe, evidence: Evidence, uniforms: np.ndarray) -> np.ndarray:
    parameter = recipe.parameter
    if recipe.patients is not None:
        return jeffreys(parameter.value, evaluate(recipe.patients, evidence)).quantile(uniforms)
    if parameter.basis == "pooled":
        assert parameter.lo is not None
        assert parameter.hi is not None
        return log_normal(parameter.value, float(np.log(parameter.hi / parameter.lo)) / (2.0 * Z)).quantile(uniforms)
    return spread_of_range(parameter).quantile(uniforms)


def _value(recipe: Recipe, evidence: Evidence) -> float:
    if recipe.parameter.basis == "counts":
        rows = [evidence.row(row) for row in recipe.parameter.evidence]
        return sum(row.events or 0.0 for row in rows) / sum(row.total or 0.0 for row in rows)
    assert recipe.formula is not None
    try:
        return evaluate(recipe.formula, evidence)
    except InputError:  # the drawn numbers leave a formula without a value, such as the log of a negative difference
        return recipe.parameter.value


def _with_value(row: Row, value: float) -> Row:
    """The row with another value; its counts follow."""
    events = None if row.events is None or not row.total else value * row.total
    return replace(row, value=value, events=events, kind="drawn")
