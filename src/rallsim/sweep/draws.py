"""Draws of everything uncertain that is relevant to a scenario, and their joint distribution for designs.

Morris' and Sobol's methods move one factor while others stay. Parameters that are correlated cannot be moved apart from
each other without leaving their joint distribution, so they are one factor together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rallsim.economics.settings.economic_draws import economic_draws, held_entries
from rallsim.errors import InputError, Problem, nearest
from rallsim.inputs.uncertainty import held_parameters, parameter_draws, population_draws, possible_populations
from rallsim.simulation.engine_inputs import variant_values
from rallsim.sweep.job_key import columns_of
from rallsim.sweep.jobs import Model

Floats = NDArray[np.float64]
CORRELATED = 0.25  # between normal scores: more than chance makes of a posterior sample of 500
SAMPLE = 1000  # draws from which marginal distributions and correlations are read
EDGE = 1e-4  # of a uniform: as far into the tails as a sample of that size reaches


@dataclass(frozen=True, eq=False)
class Draws:
    """A table of draws, a column a relevant parameter; and why others that are relevant or drawn are not in it."""

    table: pd.DataFrame
    left_out: dict[str, str]

    def varying(self) -> pd.DataFrame:
        """Return the columns that differ between draws."""
        return self.table.loc[:, self._varies]

    def not_varying(self) -> dict[str, str]:
        """Return what `varying` leaves out, and why."""
        constant = self.table.columns[~self._varies]
        return self.left_out | dict.fromkeys(constant, "the same in every draw")

    @property
    def _varies(self) -> NDArray[np.bool_]:
        """Whether each column differs between draws."""
        values = self.table.to_numpy(np.float64)
        return np.asarray((values != values[:1]).any(axis=0))


def draws_of(model: Model, number: int, seed: int) -> Draws:
    """Draw every uncertain parameter of the model and of economics that can change some strategy's results.

    Row i does not depend on how many rows there are.
    """
    raw = _all_draws(model, number, seed)
    scenario, parameters = model.scenario, model.parameters
    paths = [str(name) for name in raw.columns]
    strategies = scenario.strategies.values()
    relevant = {path for one in strategies for path in columns_of(paths, scenario, one, parameters)}
    reason = "set by the scenario, or of a therapy that no strategy gives"
    left_out = {path: reason for path in paths if path not in relevant}
    held = _held(model, paths)
    for one in strategies:
        left_out |= {path: held[path] for path in columns_of(held, scenario, one, parameters)}
    base = {**parameters.values(scenario.population_id), **variant_values(scenario, parameters), **scenario.parameters}
    table = raw[[path for path in paths if path in relevant]].reset_index(drop=True)
    return Draws(possible_populations(table, base), left_out)


def _all_draws(model: Model, number: int, seed: int) -> pd.DataFrame:
    """Joint draws of the model, of the scenario's population and of economics."""
    parts = [
        parameter_draws(model.parameters, number, seed),
        population_draws(model.parameters, model.scenario.population_id, number, seed),
    ]
    if model.economics:
        parts.append(economic_draws(model.economics.costs, model.economics.utilities, number, seed))
    return pd.concat(parts, axis=1)


def _held(model: Model, drawn: list[str]) -> dict[str, str]:
    """Why each parameter that is not drawn is held."""
    held = held_parameters(model.parameters, model.scenario.population_id, drawn)
    return held | (held_entries(model.economics.costs, model.economics.utilities) if model.economics else {})


@dataclass(frozen=True, eq=False)
class Joint:
    """Marginal distributions, and a Gaussian copula within each block of correlated parameters.

    x_j = F_j^-1(Phi(z_j)),  z of a block = R^1/2 Phi^-1(u of the block)

    with F_j of the sample and R the correlations of its normal scores. It is exact where the sample is normal on some
    scale of each parameter. Correlations below CORRELATED in size, and those between blocks, count as none.
    """

    paths: tuple[str, ...]
    sample: Floats = field(repr=False)  # sorted, a column a parameter
    blocks: tuple[tuple[int, ...], ...]
    roots: tuple[Floats, ...] = field(repr=False)

    @classmethod
    def of(cls, draws: pd.DataFrame) -> Joint:
        """Read the joint distribution from a table of draws.

        >>> draws = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [1.0, 2.0, 3.0, 4.0], "c": [1.0, -1.0, -1.0, 1.0]})
        >>> Joint.of(draws).blocks
        ((0, 1), (2,))
        """
        from scipy.sparse.csgraph import connected_components
        from scipy.special import ndtri

        values = draws.to_numpy(np.float64)
        scores = ndtri((draws.rank().to_numpy() - 0.5) / len(values))
        correlation = np.atleast_2d(np.corrcoef(scores.T))
        _, labels = connected_components(np.abs(correlation) >= CORRELATED, directed=False)
        blocks = tuple(tuple(np.flatnonzero(labels == label).tolist()) for label in dict.fromkeys(labels.tolist()))
        roots = tuple(_root(correlation[np.ix_(block, block)]) for block in blocks)
        return cls(tuple(str(name) for name in draws.columns), np.sort(values, axis=0), blocks, roots)

    def values(self, uniforms: Floats) -> pd.DataFrame:
        """Return parameters at independent uniforms (rows × parameters); 1/2 everywhere is the medians."""
        from scipy.special import ndtr, ndtri

        size = len(self.sample)
        at = (np.arange(size) + 0.5) / size
        z = ndtri(np.clip(uniforms, EDGE, 1 - EDGE))
        found = np.empty_like(z)
        for block, root in zip(self.blocks, self.roots, strict=True):
            columns = list(block)
            for column, u in zip(columns, ndtr(z[:, columns] @ root.T).T, strict=True):
                found[:, column] = np.interp(u, at, self.sample[:, column])
        return pd.DataFrame(found, columns=list(self.paths))

    def factors(self, groups: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """Return factors, each a set of parameters that moves as one: the groups asked for, or each block alone.

        Members may be patterns such as `hsct.*`. Refuses groups that match nothing, that overlap, or that take a
        parameter without those that it is correlated with.
        """
        if not groups:
            return {self._name(block): [self.paths[place] for place in block] for block in self.blocks}
        problems, found = [], {}
        taken: dict[str, str] = {}
        for name, patterns in groups.items():
            members = [path for path in self.paths if any(fnmatchcase(path, one) for one in patterns)]
            if not members:
                hint = nearest(patterns[0], self.paths)
                problems.append(Problem("must match an uncertain parameter", key=f"--group {name}", hint=hint))
            for path in members:
                if path in taken:
                    problems.append(
                        Problem(f"cannot hold what '{taken[path]}' holds", key=f"--group {name}", found=path)
                    )
                taken[path] = name
            found[name] = members
        for block in self.blocks:
            inside = {taken.get(self.paths[place]) for place in block}
            if len(inside) > 1:
                names = ", ".join(self.paths[place] for place in block)
                message = "must hold correlated parameters together in one group"
                problems.append(Problem(message, key="--group", found=names))
        if problems:
            raise InputError(problems)
        return found

    def _name(self, block: Sequence[int]) -> str:
        first = self.paths[block[0]]
        return first if len(block) == 1 else f"{first} + {len(block) - 1}"


def owner_of(path: str) -> str:
    """Return whose parameter it is.

    >>> owner_of("therapies.blinatumomab.cr_rate"), owner_of("hsct.sos_fatality")
    ('blinatumomab', 'hsct')
    """
    first, *rest = path.split(".")
    return rest[0] if first == "therapies" else first


def _root(correlation: Floats) -> Floats:
    """Square root of a correlation matrix, also of one that is singular."""
    values, vectors = np.linalg.eigh(correlation)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
