"""Joint draws of all parameters, what is held in all of them and why, and intervals."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from rallsim.common.files import shipped
from rallsim.errors import InputError, Problem
from rallsim.inputs.evidence import Evidence
from rallsim.inputs.parameters import Parameter, ParameterSet
from rallsim.inputs.recipes import draws_of_recipes, iterate_recipes, possible
from rallsim.inputs.spreads import rules
from rallsim.model.parameter_fields import UNITS
from rallsim.model.population import PATHS, long_enough_for_hsct
from rallsim.model.random_numbers import parameter_uniforms

POSTERIOR = "posterior.csv"
PLACES = "places."  # columns of the sample that are no parameters: odds ratios of response in studies
ORDER = "order of the posterior sample"
PARTS_OF_A_WHOLE = (("blasts_below_5", "blasts_below_10", "blasts_10_to_50"), ("one_line_before", "two_lines_before"))


def parameter_draws(parameters: ParameterSet, draws: int, seed: int = 1) -> pd.DataFrame:
    """Return joint draws of the model's uncertain parameters, populations apart: a row a draw, a column a path.

    Rows come from the committed posterior sample (`params/fitted/posterior.csv`) in an order that the seed gives; row i
    is the same however many are asked for. Beyond the sample's size rows come again with a step of a smoothed
    bootstrap: (1 - h^2)^(1/2) of the distance from the mean kept and h times another row's added, h being Silverman's
    bandwidth, on the scale on which the parameter is unbounded. Numbers of cycles stay whole: they are the row's own.
    Therapies of a scenario's own folder are drawn from their evidence and ranges, apart from all others.
    """
    sample = posterior_sample().filter(regex=f"^(?!{re.escape(PLACES)})")
    unknown = [path for path in sample.columns if path not in parameters.parameters]
    if unknown:
        raise InputError(Problem("must be a parameter of the model to be in the posterior sample", key=unknown[0]))
    size = len(sample)
    order = _order(size, seed)
    found = sample.iloc[order[: min(draws, size)]].reset_index(drop=True)
    if draws > size:
        found = pd.concat([found, _smoothed(sample, parameters, draws - size, seed)], ignore_index=True)
    folder = parameters.own_folder
    if folder is not None:
        own = _from_evidence(parameters, lambda one: Path(one.file).is_relative_to(folder), draws, seed)
        found = pd.concat([found, own], axis=1)
    taken_over = {path: found[origin] for path, origin in parameters.origins.items() if origin in found}
    return pd.concat([found, pd.DataFrame(taken_over)], axis=1)


def place_draws(draws: int, seed: int = 1) -> pd.DataFrame:
    """Return draws of studies' odds ratios of response, in the rows of `parameter_draws`; beyond the sample again."""
    sample = posterior_sample().filter(regex=f"^{re.escape(PLACES)}")
    order = _order(len(sample), seed)
    return sample.iloc[np.resize(order, draws)].reset_index(drop=True)


def population_draws(parameters: ParameterSet, population: str, draws: int, seed: int = 1) -> pd.DataFrame:
    """Return draws of a population's uncertain parameters, as `population.<name>`: from counts and sizes of its rows.

    They are drawn apart from the model's; `possible_populations` sees that they go together.
    """
    group = f"population.{population}"
    found = _from_evidence(parameters, lambda one: one.path.startswith(f"{group}."), draws, seed)
    return found.rename(columns=lambda path: str(path).replace(group, "population", 1))


def possible_populations(draws: pd.DataFrame, base: Mapping[str, float]) -> pd.DataFrame:
    """Return draws with shares of one whole within it, and no more transplants before entry than there was time for.

    `base` has the values of all that is not drawn.
    """
    found = draws.copy()
    values = {path: found[path].to_numpy() if path in found else np.full(len(found), base[path]) for path in PATHS}
    for parts in PARTS_OF_A_WHOLE:
        total = np.sum([values[f"population.{name}"] for name in parts], axis=0)
        too_many = np.where(total > 1.0, total * (1.0 + 1e-9), 1.0)
        values |= {f"population.{name}": values[f"population.{name}"] / too_many for name in parts}
    months = values["disease.months_to_hsct_in_first_remission"] + values["population.months_since_prior_hsct"]
    enough = long_enough_for_hsct(
        {
            "cr1_rate": -np.log(values["population.cr1_long"]) / values["disease.long_remission_months"],
            "primary_refractory": values["population.primary_refractory"],
            "prior_hsct_from_months": months,
            "shortest_remission_months": values["disease.shortest_remission_months"],
        }
    )
    values["population.prior_hsct"] = np.minimum(values["population.prior_hsct"], enough)
    return found.assign(**{path: values[path] for path in PATHS if path in found})


def held_parameters(parameters: ParameterSet, population: str, drawn: Iterable[str]) -> dict[str, str]:
    """Return why each parameter that is not `drawn` is held, by path; a form's is that of its base."""
    own = f"population.{population}."
    paths = {
        path.replace(own, "population.", 1): parameters.parameters[parameters.origins.get(path, path)]
        for path in parameters.parameters
        if not path.startswith("population.") or path.startswith(own)
    }
    known = set(drawn)
    return {path: _why_held(one, parameters.evidence) for path, one in paths.items() if path not in known}


def _why_held(parameter: Parameter, evidence: Evidence) -> str:
    if parameter.held:
        return parameter.held
    if parameter.lo is not None and parameter.lo == parameter.hi:
        return parameter.note
    definitions = rules()["definitions"]
    if all(evidence.row(row).quantity in definitions["quantities"] for row in parameter.evidence):
        return f"{definitions['reason']}: {parameter.note}"
    return f"no number behind it is drawn: {parameter.note}"


def interval(parameter: Parameter) -> tuple[float, float]:
    """95 % interval of a parameter in the posterior sample, its own range and its value where it is not drawn."""
    sample = posterior_sample()
    if parameter.path in sample.columns:
        lo, hi = np.quantile(sample[parameter.path], [0.025, 0.975])
        return float(lo), float(hi)
    held = [parameter.value, *(limit for limit in (parameter.lo, parameter.hi) if limit is not None)]
    return min(held), max(held)


@lru_cache(maxsize=1)
def posterior_sample() -> pd.DataFrame:
    """The committed sample of the joint posterior, a row a draw; `rallsim fit` writes it."""
    path = shipped("params") / "fitted" / POSTERIOR
    if not path.exists():
        raise InputError(Problem("must exist: run 'rallsim fit'", file=str(path)))
    return pd.read_csv(path)


def unbounded(values: np.ndarray, unit: str) -> np.ndarray:
    """Values on a scale without bounds: log odds of shares and probabilities, logarithms of the rest."""
    low, high = UNITS[unit]
    if (low, high) == (0.0, 1.0):
        return np.asarray(np.log(values / (1.0 - values)))
    return np.asarray(np.log(values))


def bounded(values: np.ndarray, unit: str) -> np.ndarray:
    """The way back from `unbounded`."""
    low, high = UNITS[unit]
    if (low, high) == (0.0, 1.0):
        return np.asarray(1.0 / (1.0 + np.exp(-values)))
    return np.asarray(np.clip(np.exp(values), low, high))


def _from_evidence(
    parameters: ParameterSet, wanted: Callable[[Parameter], bool], draws: int, seed: int
) -> pd.DataFrame:
    """Draws of parameters that need no fit, by path, without those that stay the same."""
    recipes = list(iterate_recipes(parameters, wanted))
    found = draws_of_recipes(recipes, parameters.evidence, draws, seed)
    columns = {path: possible(values, parameters.parameters[path]) for path, values in found.items()}
    return pd.DataFrame({path: values for path, values in columns.items() if np.ptp(values) > 0.0})


def _order(size: int, seed: int) -> np.ndarray:
    """Rows of the sample in the order that the seed gives."""
    return np.argsort(parameter_uniforms(seed, size, [ORDER])[ORDER])


def _smoothed(sample: pd.DataFrame, parameters: ParameterSet, draws: int, seed: int) -> pd.DataFrame:
    units = [parameters.parameters[path].unit for path in sample.columns]
    tiny = 1e-9
    scaled = np.column_stack(
        [
            unbounded(np.clip(sample[path].to_numpy(), tiny, 1.0 - tiny if UNITS[unit][1] == 1.0 else np.inf), unit)
            for path, unit in zip(sample.columns, units, strict=True)
        ]
    )
    size = len(scaled)
    bandwidth = (4.0 / (3.0 * size)) ** 0.2
    names = ["row of the posterior sample", "other row of the posterior sample"]
    uniforms = parameter_uniforms(seed, draws, names)
    row, other = (np.minimum((uniforms[name] * size).astype(int), size - 1) for name in names)
    mean = scaled.mean(axis=0)
    moved = mean + math.sqrt(1.0 - bandwidth**2) * (scaled[row] - mean) + bandwidth * (scaled[other] - mean)
    columns = {path: bounded(moved[:, k], units[k]) for k, path in enumerate(sample.columns)}
    whole = {path: sample[path].to_numpy()[row] for path, unit in zip(columns, units, strict=True) if unit == "cycles"}
    return pd.DataFrame(columns | whole)
