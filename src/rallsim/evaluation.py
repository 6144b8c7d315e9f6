"""Sums of costs, QALYs, outcomes and events over patients, by draw, strategy and batch of patients, for sweeps.

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

from rallsim.economics.cost_files import CATEGORIES, RESOURCES
from rallsim.economics.setting import Economics, check_economic_draws, economics_of, is_economic
from rallsim.economics.valuation import TOTALS, Valuation, value_history
from rallsim.engine import engine_called
from rallsim.engine.blocks import blocks_of
from rallsim.errors import InputError, Problem, nearest
from rallsim.history import History
from rallsim.luck import BLOCK
from rallsim.outcome import MEASURES, outcomes_of
from rallsim.parameters import ParameterSet
from rallsim.population import Values
from rallsim.prepared import Prepared, check_draws, check_scenario, parameters_for, prepare
from rallsim.scenario import Scenario
from rallsim.simulation import entrants_of_block
from rallsim.stages import EVENTS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DRAWS, STRATEGIES = AXES = ("draws", "strategies")
SUFFIXES = ("", "_undisc")
OUTCOMES = (*MEASURES, *(f"events_{name}" for name in EVENTS))  # measured whether anything is valued or not
VALUES = (*TOTALS, *(f"costs_{name}{suffix}" for suffix in SUFFIXES for name in CATEGORIES))
RESOURCES_USED = tuple(f"{name}s" for name in RESOURCES)
__all__ = ["Economics", "Estimates", "Evaluation", "economics_of", "evaluate", "measures_of"]
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
            raise InputError(Problem(f"strategies do not have the same patients as '{reference}': nothing to pair"))
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
                Problem("rows are missing or doubled", found=str(len(table)), allowed=f"{np.prod(shape)} rows")
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
            raise InputError(Problem("rows are not in the order of draw, strategy and batch"))
        return found

    def _column(self, measure: str) -> int:
        if measure not in self.measures:
            raise InputError(Problem("was not evaluated", found=measure, hint=nearest(measure, list(self.measures))))
        return self.measures.index(measure)

    def _place(self, strategy: str) -> int:
        if strategy not in self.strategies:
            allowed, hint = ", ".join(self.strategies), nearest(strategy, list(self.strategies))
            raise InputError(Problem("unknown strategy", found=strategy, allowed=allowed, hint=hint))
        return self.strategies.index(strategy)

    def _refuse_unlike(self, other: Evaluation, axes: Sequence[str]) -> None:
        same = self.measures == other.measures and self.patients.shape[2] == other.patients.shape[2]
        same &= DRAWS not in axes or np.array_equal(self.draws, other.draws)
        if not same or (STRATEGIES in axes and self.strategies != other.strategies):
            raise InputError(Problem("evaluations do not fit together: other draws, strategies, measures or batches"))


def measures_of(economics: Economics | None) -> tuple[str, ...]:
    """Return what is measured: outcomes and numbers of events, and with economics costs, QALYs, life years, resources.

    >>> measures_of(None)[:2], measures_of(None)[-1]
    (('os_months', 'efs_months'), 'events_censored')
    """
    return OUTCOMES if economics is None else (*OUTCOMES, *VALUES, *RESOURCES_USED)


def evaluate(
    scenario: Scenario,
    parameters: ParameterSet,
    economics: Economics | None,
    draws: Mapping[str, np.ndarray] | None = None,
    *,
    strategies: Sequence[str] | None = None,
    replicate: int = 0,
    blocks: range | None = None,
    batches: int = 10,
    workers: int = 1,
    first_draw: int = 0,
) -> Evaluation:
    """Simulate and value strategies of a scenario under every draw, and keep sums only.

    `draws` maps paths of parameters to arrays with one value a draw: of the model as for `simulation.tally`, of
    economics as `costs.<name>` and `utilities.<name>`; without draws there is one, the base case. `strategies` are all
    of the scenario's when not given; `blocks` are numbers of the blocks of patients (luck.BLOCK in each) that the
    scenario's patients fall into, by default all. Patient n belongs to batch n modulo `batches`. `first_draw` is the
    number of the first draw in the result. Raises InputError with all faults when a path is unknown, a value
    impossible, or the scenario sets a parameter itself, and when a therapy is given that has no costs.

    >>> from rallsim.parameters import load_parameters
    >>> from rallsim.scenario import load_scenario
    >>> scenario = load_scenario("first_salvage", patients=50)
    >>> found = evaluate(scenario, load_parameters(), economics_of(), {"utilities.remission": np.array([0.6, 0.8])})
    >>> found.strategies, found.mean("qalys").shape
    (('chemotherapy', 'blinatumomab', 'inotuzumab'), (2, 3))
    """
    parameters = parameters_for(scenario, parameters)
    check_scenario(scenario, parameters)
    draws = draws or {}
    economic = {path: column for path, column in draws.items() if is_economic(path)}
    _check(draws, economic, scenario, parameters, economics)
    names = tuple(strategies if strategies is not None else scenario.strategies)
    number = len(next(iter(draws.values()))) if draws else 1
    base: Values = {
        **parameters.values(scenario.population_id),
        **{p: v for p, v in draws.items() if p not in economic},
    }
    prepared = [prepare(scenario, scenario.strategies[name], parameters, base) for name in names]
    measures = measures_of(economics)
    patients = np.zeros((number, len(names), batches), np.int64)
    sums = np.zeros((*patients.shape, len(measures)))
    for block in blocks_of(scenario.patients):
        if blocks is not None and block[0] not in blocks:
            continue
        for draw in range(number):
            valued_with = economics and economics.with_values({p: float(v[draw]) for p, v in economic.items()})
            for place, one in enumerate(prepared):
                found = _of_block(scenario, one, parameters, block, replicate, draw, valued_with)
                batch = (block[0] * BLOCK + np.arange(block[1])) % batches
                np.add.at(patients[draw, place], batch, 1)
                np.add.at(sums[draw, place], batch, np.stack([found[name] for name in measures], axis=1))
    return Evaluation(names, measures, first_draw + np.arange(number), patients, sums)


def _of_block(
    scenario: Scenario,
    prepared: Prepared,
    parameters: ParameterSet,
    block: tuple[int, int],
    replicate: int,
    draw: int,
    economics: Economics | None,
) -> dict[str, Floats]:
    entrants, luck = entrants_of_block(
        scenario,
        replace(prepared, populations=prepared.populations[draw % len(prepared.populations) :][:1]),
        block,
        replicate,
    )
    model = draw % len(prepared.models)
    events = engine_called("batch")(entrants, luck, prepared, model)
    events["patient"] -= block[0] * BLOCK
    history = History(
        events, prepared.strategy, tuple(parameters.therapies), block[1], scenario.horizon_months, seed=scenario.seed
    )
    found = outcomes_of(events, block[1])
    counts = np.bincount(
        events["patient"].astype(np.intp) * len(EVENTS) + events["event"], minlength=block[1] * len(EVENTS)
    )
    found |= {
        f"events_{name}": counts.reshape(block[1], -1)[:, place].astype(float) for place, name in enumerate(EVENTS)
    }
    if economics is None:
        return found
    valuation: Valuation = value_history(
        history,
        economics.costs,
        economics.utilities,
        economics.rates,
        ages=entrants["entry_age"],
        male=entrants["male"],
    )
    return found | valuation.totals() | valuation.by_category() | valuation.resources()


def _check(
    draws: Mapping[str, np.ndarray],
    economic: Mapping[str, np.ndarray],
    scenario: Scenario,
    parameters: ParameterSet,
    economics: Economics | None,
) -> None:
    """Refuse draws with all their faults."""
    problems = list(check_economic_draws(economic, economics))
    try:
        check_draws({path: column for path, column in draws.items() if path not in economic}, scenario, parameters)
    except InputError as error:
        problems += error.problems
    lengths = {path: len(column) for path, column in draws.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{path} {length}" for path, length in lengths.items())
        problems.append(Problem("draws have different lengths", found=found))
    if problems:
        raise InputError(problems)
