"""From a checked scenario to histories: blocks of patients, every strategy on the same luck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rallsim.engine.agents import simulate_block
from rallsim.engine.blocks import blocks_of, new_block
from rallsim.history import History
from rallsim.luck import luck_of_block
from rallsim.parameters import ParameterSet, load_parameters
from rallsim.prepared import check_scenario, prepare
from rallsim.scenario import Scenario

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Simulation:
    """A scenario, the parameters it ran with, and one history a strategy."""

    scenario: Scenario
    parameters: ParameterSet
    histories: dict[str, History]


def simulate(
    scenario: Scenario, parameters: ParameterSet | None = None, *, replicate: int = 0, progress: Progress | None = None
) -> Simulation:
    """Simulate every strategy of a scenario on the same patients with the same luck.

    `progress` is called with the number of patient histories just finished. The histories have been checked.
    Raises InputError when the scenario does not fit the parameters, ModelError when a history breaks an invariant.

    >>> from rallsim.scenario import load_scenario
    >>> scenario = load_scenario("first_salvage", patients=20)
    >>> list(simulate(scenario).histories)
    ['chemotherapy', 'blinatumomab', 'inotuzumab']
    """
    parameters = parameters or load_parameters()
    check_scenario(scenario, parameters)
    base = parameters.values(scenario.population)
    prepared = [prepare(scenario, strategy, parameters, base) for strategy in scenario.strategies.values()]
    rows: dict[str, list[np.ndarray]] = {one.strategy: [] for one in prepared}
    for number, size in blocks_of(scenario.patients):
        luck = luck_of_block(scenario.seed, replicate, number)
        for one in prepared:
            block = new_block(number, size, luck, one)
            rows[one.strategy].append(simulate_block(block, one))
            if progress:
                progress(size)
    histories = {}
    for strategy, parts in rows.items():
        histories[strategy] = History(
            events=np.concatenate(parts),
            strategy=strategy,
            therapies=tuple(parameters.therapies),
            patients=scenario.patients,
            horizon=scenario.horizon_months,
            replicate=replicate,
            seed=scenario.seed,
        )
        histories[strategy].check()
    return Simulation(scenario, parameters, histories)
