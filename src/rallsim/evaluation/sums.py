"""Sums of measures over patients, by draw, strategy and batch of patients: means, increments, and their errors.

Patients are dealt to a few batches by their number. Whatever is computed from means then gets its Monte Carlo error
from how it differs between batches, strategy paired with strategy, without a look at single patients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rallsim.errors import InputError, Problem, nearest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DRAWS, STRATEGIES = AXES = ("draws", "strategies")
KEYS = ("draw", "strategy", "batch", "patients")  # columns of the flat table before the measures


class Estimates(NamedTuple):
    """Values and their Monte Carlo standard errors: draws × strategies."""

    value: Floats
    std_error: Floats


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Sums over the patients of each draw, strategy and batch.

    `measures` name the last axis of `sums`. `draws` are the numbers of the draws. Evaluations of other patients add up;
    those of other draws or strategies are put side by side by `joined`.
    """

    strategies: tuple[str, ...]
    measures: tuple[str, ...]
    draws: Ints
    patients: Ints  # draws × strategies × batches
    sums: Floats  # draws × strategies × batches × measures

    def __add__(self, other: Evaluation) -> Evaluation:
        """Add the patients of another evaluation of the same draws and strategies."""
        self._refuse_unlike(other, AXES)
        return replace(self, patients=self.patients + other.patients, sums=self.sums + other.sums)

    @classmethod
    def joined(cls, parts: Sequence[Evaluation], along: str = DRAWS) -> Evaluation:
        """Put parts one after the other along the draws or the strategies; the other axis must be the same."""
        if along not in AXES:
            raise ValueError(f"{along!r} is not one of {AXES}")
        first, axis = parts[0], AXES.index(along)
        for part in parts[1:]:
            first._refuse_unlike(part, [one for one in AXES if one != along])
        return replace(
            first,
            draws=np.concatenate([part.draws for part in parts]) if along == DRAWS else first.draws,
            strategies=tuple(one for part in parts for one in part.strategies)
            if along == STRATEGIES
            else first.strategies,
            patients=np.concatenate([part.patients for part in parts], axis),
            sums=np.concatenate([part.sums for part in parts], axis),
        )

    def mean(self, measure: str) -> Floats:
        """Mean of a measure over the patients: draws × strategies."""
        return self.combination({measure: 1.0}).value

    def std_error(self, measure: str) -> Floats:
        """Monte Carlo standard error of `mean`."""
        return self.combination({measure: 1.0}).std_error

    def increment(self, measure: str, reference: str) -> Estimates:
        """Mean of a measure minus that of the strategy `reference`, paired batch by batch."""
        return self.combination({measure: 1.0}, reference)

    def net_benefit(self, wtp: float, reference: str | None = None, effect: str = "qalys") -> Estimates:
        """Net monetary benefit at a willingness to pay, wtp * effect - costs; against `reference` when one is given."""
        return self.combination({effect: wtp, "costs": -1.0}, reference)

    def combination(self, weights: Mapping[str, float], reference: str | None = None) -> Estimates:
        """Estimate a weighted sum of means, less that of `reference` when one is given.

        With v_b its value in batch b of n_b patients, N patients and B batches with anybody in them:
        v = sum n_b v_b / N;  SE^2 = sum (n_b / N) (v_b - v)^2 / (B - 1), not-a-number for one batch

        The error has B - 1 degrees of freedom: with ten batches a single one is known to a quarter of itself.
        """
        values = self.batch_means(weights, reference)
        total = self.patients.sum(axis=2)
        share = self.patients / total[:, :, None]
        value = (share * values).sum(axis=2)
        batches = (self.patients > 0).sum(axis=2)
        spread = (share * (values - value[:, :, None]) ** 2).sum(axis=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            return Estimates(value, np.sqrt(np.where(batches > 1, spread / (batches - 1), np.nan)))

    def batch_means(self, weights: Mapping[str, float], reference: str | None = None) -> Floats:
        """Return the weighted sum of means in each batch: draws × strategies × batches; 0 where a batch is empty."""
        columns = [self._column(name) for name in weights]
        totals = self.sums[..., columns] @ np.array(list(weights.values()), np.float64)
        values = np.asarray(totals / np.maximum(self.patients, 1))
        if reference is None:
            return values
        base = self._place(reference)
        if (self.patients != self.patients[:, base : base + 1]).any():
            raise InputError(Problem(f"must have the same patients as '{reference}' to be paired"))
        return values - values[:, base : base + 1]

    def table(self) -> pd.DataFrame:
        """Return a flat table, a row for each draw, strategy and batch: KEYS, then the sum of each measure."""
        draws, strategies, batches = (grid.ravel() for grid in np.indices(self.patients.shape))
        names = pd.Categorical.from_codes(strategies, categories=pd.Index(self.strategies))
        sums = self.sums.reshape(-1, len(self.measures))
        columns = dict(zip(KEYS, (self.draws[draws], names, batches, self.patients.ravel()), strict=True))
        return pd.DataFrame(columns | {name: sums[:, place] for place, name in enumerate(self.measures)})

    @classmethod
    def from_table(cls, table: pd.DataFrame) -> Evaluation:
        """Read what `table` wrote; refuses rows that are missing or stand in another order."""
        measures = tuple(name for name in table.columns if name not in KEYS)
        strategies = tuple(str(one) for one in table["strategy"].unique())
        draws = table["draw"].unique()
        shape = (len(draws), len(strategies), table["batch"].nunique())
        if len(table) != np.prod(shape):
            raise InputError(
                Problem("must have each row once", found=str(len(table)), allowed=f"{np.prod(shape)} rows")
            )
        found = cls(
            strategies,
            measures,
            draws=draws.astype(np.int64),
            patients=table["patients"].to_numpy(np.int64).reshape(shape),
            sums=table[list(measures)].to_numpy(np.float64).reshape(*shape, len(measures)),
        )
        written = found.table()
        if not all(np.array_equal(written[key].to_numpy(), table[key].to_numpy()) for key in KEYS[:3]):
            raise InputError(Problem("must have rows in the order of draw, strategy and batch"))
        return found

    def _column(self, measure: str) -> int:
        if measure not in self.measures:
            raise InputError(Problem("must be evaluated", found=measure, hint=nearest(measure, list(self.measures))))
        return self.measures.index(measure)

    def _place(self, strategy: str) -> int:
        if strategy not in self.strategies:
            allowed, hint = ", ".join(self.strategies), nearest(strategy, list(self.strategies))
            raise InputError(Problem("must be a known strategy", found=strategy, allowed=allowed, hint=hint))
        return self.strategies.index(strategy)

    def _refuse_unlike(self, other: Evaluation, axes: Sequence[str]) -> None:
        same = self.measures == other.measures and self.patients.shape[2] == other.patients.shape[2]
        same &= DRAWS not in axes or np.array_equal(self.draws, other.draws)
        if not same or (STRATEGIES in axes and self.strategies != other.strategies):
            raise InputError(Problem("must have the same draws, strategies, measures and batches to be joined"))
