"""How fast an engine is, as a ratio to a bare SimPy program that only yields the same timeouts.

Both are timed in turn, several times, in this one run; import and compilation are not timed. Run with `make bench`.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import numpy as np
import simpy

from rallsim.engine.agents import simulate_block
from rallsim.engine.blocks import blocks_of, new_block
from rallsim.luck import BLOCK, luck_of_block
from rallsim.parameters import load_parameters
from rallsim.prepared import prepare
from rallsim.scenario import load_scenario

PATIENTS = 20_000
ROUNDS = 5


def bare_simpy(delays_of_blocks: list[list[list[float]]]) -> None:
    """Yield the same timeouts as the agents, and do nothing else: 1,000 patients an environment, collector off."""

    def patient(environment: simpy.Environment, delays: list[float]):
        for delay in delays:
            yield environment.timeout(delay)

    for delays_of_block in delays_of_blocks:
        environment = simpy.Environment()
        for delays in delays_of_block:
            environment.process(patient(environment, delays))
        gc.disable()
        environment.run()
        gc.enable()


def delays_of(rows: np.ndarray) -> list[list[float]]:
    """Waits of each patient of a block between the ends of stages, from the history."""
    inside = np.isin(rows["event"], INSIDE_A_STAGE)
    ends = rows[~inside]
    delays: list[list[float]] = [[] for _ in range(BLOCK)]
    previous = {}
    for patient, at in zip(ends["patient"] % BLOCK, ends["time"], strict=True):
        if patient in previous:
            delays[patient].append(max(0.0, at - previous[patient]))
        previous[patient] = at
    return delays


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> None:
    scenario = load_scenario("first_salvage", patients=PATIENTS)
    parameters = load_parameters()
    base = parameters.values(scenario.population)
    strategy = prepare(scenario, scenario.strategies["blinatumomab"], parameters, base)

    def agents() -> list[np.ndarray]:
        return [
            simulate_block(new_block(number, size, luck_of_block(scenario.seed, 0, number), strategy), strategy)
            for number, size in blocks_of(PATIENTS)
        ]

    rows = agents()  # compiles
    events = sum(len(part) for part in rows)
    delays = [delays_of(part) for part in rows]
    timeouts = sum(len(one) for block in delays for one in block)
    bare_times, agent_times = [], []
    for _ in range(ROUNDS):
        bare_times.append(seconds(lambda: bare_simpy(delays)))
        agent_times.append(seconds(agents))
    bare, agent = float(np.median(bare_times)), float(np.median(agent_times))
    ratios = np.array(agent_times) / np.array(bare_times)
    print(f"first_salvage, blinatumomab first: {PATIENTS:,} patients, {timeouts:,} timeouts, {events:,} events")
    print(f"  bare SimPy  {PATIENTS / bare:>10,.0f} patients/s  {timeouts / bare:>12,.0f} timeouts/s")
    print(f"  agents      {PATIENTS / agent:>10,.0f} patients/s  {events / agent:>12,.0f} events/s, luck and history included")
    print(f"  ratio of times agents/bare: median {np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})")


if __name__ == "__main__":
    from rallsim.stages import BRIDGING_RESPONSE, BRIDGING_START, CRS, ICANS, LEUKAPHERESIS, SOS

    INSIDE_A_STAGE = [LEUKAPHERESIS, BRIDGING_START, BRIDGING_RESPONSE, CRS, ICANS, SOS]
    main()
