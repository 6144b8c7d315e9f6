"""From a checked scenario to histories: blocks of patients, every strategy with the same random numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from rallsim.common.records import joined
from rallsim.inputs.cohort_file import Cohort
from rallsim.inputs.parameters import ParameterSet, load_parameters
from rallsim.inputs.scenario import Scenario
from rallsim.outcomes.baseline import baseline_of
from rallsim.outcomes.history import History
from rallsim.simulation.engine_inputs import check_scenario, parameters_for, prepare
from rallsim.simulation.engines import ENGINES, engine_called
from rallsim.simulation.entrants import blocks_of, entrants_of_block

Progress = Callable[[int], None]
ITEMS_AT_ONCE = 8  # for each worker
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Simulation:
    """A scenario, the parameters it ran with, one history a strategy, and the file that the patients are from."""

    scenario: Scenario
    parameters: ParameterSet
    histories: dict[str, History]
    cohort: Cohort | None = None

    @property
    def baseline(self) -> np.ndarray:
        """Who the patients are at entry (`outcomes.baseline`)."""
        return next(iter(self.histories.values())).baseline

    def until(self, months: float) -> Simulation:
        """Return the simulation as if it had ended at `months`."""
        return replace(self, histories={name: history.until(months) for name, history in self.histories.items()})


def simulate(
    scenario: Scenario,
    parameters: ParameterSet | None = None,
    *,
    months: float | None = None,
    engine: str = ENGINES[0],
    replicate: int = 0,
    workers: int = 1,
    progress: Progress | None = None,
) -> Simulation:
    """Simulate every strategy of a scenario on the same patients with the same random numbers.

    Patients are followed for `months`, by default for the scenario's `horizon_months`.

    `engine` is batch (compiled loop) or agents (SimPy): the histories are the same to the last bit. `workers` threads
    share the blocks of patients, which helps the batch engine; histories do not depend on how many there are.
    `progress` is called with the number of patient histories just finished. The histories have been checked.
    Raises InputError when the scenario does not fit the parameters, ModelError when a history breaks an invariant.

    >>> from rallsim.inputs.scenario import load_scenario
    >>> scenario = load_scenario("first_salvage", patients=20)
    >>> list(simulate(scenario).histories)
    ['chemotherapy', 'blinatumomab', 'inotuzumab']
    """
    parameters = parameters_for(scenario, parameters or load_parameters())
    check_scenario(scenario, parameters)
    base = parameters.values(scenario.population_id)
    followed = scenario if months is None else scenario.followed_for(months)
    prepared = [prepare(followed, strategy, parameters, base) for strategy in scenario.strategies.values()]
    simulate_block = engine_called(engine)

    def rows_of(block: tuple[int, int]) -> tuple[np.ndarray, list[np.ndarray]]:
        entrants, uniforms = entrants_of_block(scenario.seed, prepared[0], block, replicate)
        return baseline_of(entrants), [simulate_block(entrants, uniforms, one) for one in prepared]

    blocks = []
    for baseline, rows in shared_out(rows_of, blocks_of(scenario.patients), workers):
        blocks.append((baseline, rows))
        if progress:
            progress(len(baseline) * len(prepared))
    baseline = joined([who for who, _ in blocks])
    histories = {}
    for one, parts in zip(prepared, zip(*(rows for _, rows in blocks), strict=True), strict=True):
        histories[one.strategy] = History(
            events=joined(parts),
            strategy=one.strategy,
            therapies=tuple(parameters.therapies),
            baseline=baseline,
            horizon=followed.horizon_months,
            replicate=replicate,
            seed=scenario.seed,
        )
        histories[one.strategy].check()
    return Simulation(scenario, parameters, histories, prepared[0].cohort)


def first_difference(one: Simulation, other: Simulation) -> str | None:
    """Say where two simulations of a scenario part: strategy and first differing row of each; None when they do not."""
    for strategy, history in one.histories.items():
        rows, others = history.events, other.histories[strategy].events
        shared = min(len(rows), len(others))
        differ = np.flatnonzero(rows[:shared] != others[:shared])
        if len(differ) or len(rows) != len(others):
            row = int(differ[0]) if len(differ) else shared
            words = [
                ", ".join(map(str, each.frame().iloc[row].tolist())) if row < len(each.events) else "nothing"
                for each in (history, other.histories[strategy])
            ]
            return f"{strategy}, row {row}: {words[0]} against {words[1]}"
    return None


def shared_out(function: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[Result]:
    """Call a function on each item, by threads when there are several workers; results come in the order of items.

    Items are handed out a few at a time, so that results do not pile up and an interruption ends soon.
    """
    if workers == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(items), ITEMS_AT_ONCE * workers):
            yield from pool.map(function, items[start : start + ITEMS_AT_ONCE * workers])
