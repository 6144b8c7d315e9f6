"""Draws of everything uncertain that matters to a scenario, in the names that an evaluation takes."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from rallsim.sweep.cells import Model
from rallsim.sweep.matters import columns_of


@dataclass(frozen=True, eq=False)
class Draws:
    """A table of draws, a column a parameter that matters; and why other columns are not in it."""

    table: pd.DataFrame
    left_out: dict[str, str]

    def varying(self) -> pd.DataFrame:
        """Return the columns that differ between draws."""
        return self.table.loc[:, self.table.nunique() > 1]

    def not_told_apart(self) -> dict[str, str]:
        """Return what `varying` leaves out, and why."""
        constant = {path: "the same in every draw" for path in self.table.columns if self.table[path].nunique() == 1}
        return self.left_out | constant


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
    import numpy as np

    rows = {}
    paths = []
    for path, p in model.parameters.parameters.items():
        if p.lo is not None and p.hi is not None and p.hi > p.lo and not path.startswith("population."):
            paths.append((path, p.lo, p.hi))
    if model.economics:
        for path, e in model.economics.parameters().items():
            lo, hi = (e.lo, e.hi) if e.lo is not None and e.hi is not None else (e.value, e.value)
            if hi > lo:
                paths.append((path, lo, hi))
    for i, (path, lo, hi) in enumerate(paths):
        u = (np.arange(1, number + 1) * (0.754877666 + 0.0137 * (i + 1)) + 0.1 * i + seed * 0.01) % 1.0
        rows[path] = lo + (hi - lo) * u
    return pd.DataFrame(rows)
