"""Draws of everything uncertain that matters to a scenario, in the names that an evaluation takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rallsim.economics.settings.economic_draws import economic_draws
from rallsim.inputs.uncertainty import parameter_draws
from rallsim.sweep.jobs import Model
from rallsim.sweep.matters import columns_of


@dataclass(frozen=True, eq=False)
class Draws:
    """A table of draws, a column a parameter that matters; and why other columns are not in it."""

    table: pd.DataFrame
    left_out: dict[str, str]

    def varying(self) -> pd.DataFrame:
        """Return the columns that differ between draws."""
        return self.table.loc[:, self._varies]

    def not_told_apart(self) -> dict[str, str]:
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
    mattering = {path for one in scenario.strategies.values() for path in columns_of(paths, scenario, one, parameters)}
    reason = "set by the scenario, or of a therapy that no strategy gives"
    left_out = {path: reason for path in paths if path not in mattering}
    return Draws(raw[[path for path in paths if path in mattering]].reset_index(drop=True), left_out)


def _all_draws(model: Model, number: int, seed: int) -> pd.DataFrame:
    """Joint draws of the model and draws of economics; of populations only the scenario's, under the short names."""
    parts = [parameter_draws(model.parameters, number, seed)]
    if model.economics:
        parts.append(economic_draws(model.economics.costs, model.economics.utilities, number, seed))
    table = pd.concat(parts, axis=1)
    own = f"population.{model.scenario.population_id}."
    table = table[[path for path in table.columns if not path.startswith("population.") or path.startswith(own)]]
    return table.rename(columns=lambda path: str(path).replace(own, "population.", 1))
