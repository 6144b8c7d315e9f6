"""From a checked scenario to histories: blocks of patients, every strategy on the same luck."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

import numpy as np

from rallsim.cohort import patients_at_entry
from rallsim.engine import ENGINES, engine_called
from rallsim.engine.blocks import blocks_of
from rallsim.errors import InputError, Problem
from rallsim.history import History
from rallsim.luck import BLOCK, luck_of_block
from rallsim.parameters import ParameterSet, load_parameters
from rallsim.population import Values
from rallsim.prepared import Prepared, check_draws, check_scenario, parameters_for, prepare
from rallsim.records import joined
from rallsim.scenario import Scenario
from rallsim.tally import Tally

Progress = Callable[[int], None]
DRAWS_AT_ONCE = 50  # in one call of the compiled loop
ITEMS_AT_ONCE = 8  # for each worker
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Simulation:
    """A scenario, the parameters it ran with, and one history a strategy."""

    scenario: Scenario
    parameters: ParameterSet
    histories: dict[str, History]


def simulate(
    scenario: Scenario,
    parameters: ParameterSet | None = None,
    *,
    engine: str = ENGINES[0],
    replicate: int = 0,
    workers: int = 1,
    progress: Progress | None = None,
) -> Simulation:
    """Simulate every strategy of a scenario on the same patients with the same luck.

    `engine` is batch (compiled loop) or agents (SimPy): the histories are the same to the last bit. `workers` threads
    share the blocks of patients, which helps the batch engine; histories do not depend on how many there are.
    `progress` is called with the number of patient histories just finished. The histories have been checked.
    Raises InputError when the scenario does not fit the parameters, ModelError when a history breaks an invariant.

    >>> from rallsim.scenario import load_scenario
    >>> scenario = load_scenario("first_salvage", patients=20)
    >>> list(simulate(scenario).histories)
    ['chemotherapy', 'blinatumomab', 'inotuzumab']
    """
    parameters = parameters_for(scenario, parameters or load_parameters())
    check_scenario(scenario, parameters)
    base = parameters.values(scenario.population_id)
    prepared = [prepare(scenario, strategy, parameters, base) for strategy in scenario.strategies.values()]
    simulate_block = engine_called(engine)

    def rows_of(block: tuple[int, int]) -> list[np.ndarray]:
        entrants, luck = entrants_of_block(scenario, prepared[0], block, replicate)
        return [simulate_block(entrants, luck, one) for one in prepared]

    found = []
    for rows in shared(rows_of, blocks := blocks_of(scenario.patients), workers):
        found.append(rows)
        if progress:
            progress(blocks[len(found) - 1][1] * len(prepared))
    histories = {}
    for one, parts in zip(prepared, zip(*found, strict=True), strict=True):
        histories[one.strategy] = History(
            events=joined(parts),
            strategy=one.strategy,
            therapies=tuple(parameters.therapies),
            patients=scenario.patients,
            horizon=scenario.horizon_months,
            replicate=replicate,
            seed=scenario.seed,
        )
        histories[one.strategy].check()
    return Simulation(scenario, parameters, histories)


def entrants_of_block(
    scenario: Scenario, prepared: Prepared, block: tuple[int, int], replicate: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the patients of a block (its number and size) at entry, and their luck; any strategy has the same."""
    number, size = block
    luck = luck_of_block(scenario.seed, replicate, number)[:size]
    return patients_at_entry(scenario.own_patients, prepared.populations, luck, block), luck


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


def tally(
    scenario: Scenario,
    parameters: ParameterSet | None = None,
    *,
    draws: Mapping[str, np.ndarray] | None = None,
    replicate: int = 0,
    step: float = 1.0,
    discount_rate: float = 0.0,
    workers: int = 1,
) -> dict[str, Tally]:
    """Simulate every strategy and keep only sums: the batch engine, for sweeps.

    `draws` maps parameter paths to arrays with one value a draw; parameters without one keep their value. Raises
    InputError when a path is unknown, a value impossible, or the scenario sets the parameter itself. All draws and
    strategies meet the same luck. `step` (months) is that of the survival grid, `discount_rate` annual effective.
    `workers` threads share the blocks of patients and the draws; the sums do not depend on how many there are.

    >>> from rallsim.scenario import load_scenario
    >>> found = tally(load_scenario("first_salvage", patients=50), draws={"hsct.sos_fatality": np.array([0.1, 0.5])})
    >>> found["inotuzumab"].patients.tolist()
    [50, 50]
    """
    from rallsim.engine.batch import tally_block

    parameters = parameters_for(scenario, parameters or load_parameters())
    check_scenario(scenario, parameters)
    check_draws(draws or {}, scenario, parameters)
    if scenario.own_patients and scenario.own_patients.suffix == ".csv":
        raise InputError(Problem("sums are made of sampled patients only, not of a file's", key="population"))
    base: Values = {**parameters.values(scenario.population_id), **(draws or {})}
    number_of_draws = len(next(iter(draws.values()))) if draws else 1
    chunks = [slice(start, start + DRAWS_AT_ONCE) for start in range(0, number_of_draws, DRAWS_AT_ONCE)]
    prepared = [prepare(scenario, one, parameters, base) for one in scenario.strategies.values()]

    def cell(block_and_chunk: tuple[tuple[int, int], slice]) -> list[Tally]:
        (number, size), chunk = block_and_chunk
        luck = luck_of_block(scenario.seed, replicate, number)[:size]
        return [tally_block(number * BLOCK, luck, one, chunk, step, discount_rate) for one in prepared]

    by_chunk: list[list[Tally]] = []
    cells = list(product(blocks_of(scenario.patients), chunks))
    for place, sums in enumerate(shared(cell, cells, workers)):
        if place < len(chunks):
            by_chunk.append(sums)
        else:
            by_chunk[place % len(chunks)] = _added(by_chunk[place % len(chunks)], sums)
    return {one.strategy: Tally.joined([sums[place] for sums in by_chunk]) for place, one in enumerate(prepared)}


def shared(function: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[Result]:
    """Call a function on each item, by threads when there are several workers; results come in the order of items.

    Items are handed out a few at a time, so that results do not pile up and an interruption ends soon.
    """
    if workers == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(items), ITEMS_AT_ONCE * workers):
            yield from pool.map(function, items[start : start + ITEMS_AT_ONCE * workers])


def _added(one: list[Tally], other: list[Tally]) -> list[Tally]:
    return [a + b for a, b in zip(one, other, strict=True)]
