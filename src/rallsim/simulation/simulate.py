"""From a checked scenario to histories: blocks of patients, every strategy on the same luck."""

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
from rallsim.model.patient import ATTRIBUTES, GIVEN, attribute_matrix
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
    """A scenario, the parameters it ran with, and one history a strategy.

    Of a file's patients it keeps who they are at entry: a row a simulated patient, a column an attribute.
    """

    scenario: Scenario
    parameters: ParameterSet
    histories: dict[str, History]
    cohort: Cohort | None = None
    entrants: np.ndarray | None = None

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
    """Simulate every strategy of a scenario on the same patients with the same luck.

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
    cohort = prepared[0].cohort

    def rows_of(block: tuple[int, int]) -> tuple[list[np.ndarray], np.ndarray | None]:
        who, luck = entrants_of_block(scenario.seed, prepared[0], block, replicate)
        return [simulate_block(who, luck, one) for one in prepared], attributes_of(who) if cohort else None

    found, seen = [], []
    for rows, attributes in shared_out(rows_of, blocks := blocks_of(scenario.patients), workers):
        found.append(rows)
        if attributes is not None:
            seen.append(attributes)
        if progress:
            progress(blocks[len(found) - 1][1] * len(prepared))
    histories = {}
    for one, parts in zip(prepared, zip(*found, strict=True), strict=True):
        histories[one.strategy] = History(
            events=joined(parts),
            strategy=one.strategy,
            therapies=tuple(parameters.therapies),
            patients=scenario.patients,
            horizon=followed.horizon_months,
            replicate=replicate,
            seed=scenario.seed,
        )
        histories[one.strategy].check()
    return Simulation(scenario, parameters, histories, cohort, np.concatenate(seen) if seen else None)


def attributes_of(entrants: np.ndarray) -> np.ndarray:
    """Return the attributes of patients at entry in columns; `line` is the salvage line that would come next."""
    found: np.ndarray = attribute_matrix(entrants)[:, :GIVEN].copy()
    found[:, ATTRIBUTES.index("line")] = entrants["lines_given"] + 1
    return found


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
