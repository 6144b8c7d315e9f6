"""Timing one thing beside another, round by round, and the programs that are timed.

Seconds are those of the processor (`make bench` sets the same timer for pytest-benchmark): on an idle machine
they are those of the clock, on a shared one the waiting for a core is not counted.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import simpy

from rallsim.common.precision import mean, median
from rallsim.inputs.parameters import load_parameters
from rallsim.inputs.scenario import Scenario, load_scenario
from rallsim.model.random_numbers import BLOCK, uniforms_of_block
from rallsim.model.states import Event
from rallsim.model.transitions import TRANSITIONS
from rallsim.outcomes.summary import LANDMARKS, patient_table, summary, survival
from rallsim.simulation.engine_inputs import Prepared, prepare
from rallsim.simulation.engines import engine_called
from rallsim.simulation.entrants import blocks_of, entrants_of_block
from rallsim.simulation.simulate import simulate

PARAMETERS = load_parameters()
ROUNDS = 9
ENDS_A_STAGE = [event for event, pairs in TRANSITIONS.items() if any(before != after for before, after in pairs)]
ENDS_A_STAGE += [Event.ENTRY, Event.DEATH, Event.CENSORED]


def timed(benchmark: Any, function: Callable[[], object]) -> np.ndarray:
    """Return the seconds of each of ROUNDS calls, after one that is not counted."""
    benchmark.pedantic(function, rounds=ROUNDS, warmup_rounds=1)
    return np.array(benchmark.stats.stats.data)


def beside(benchmark: Any, function: Callable[[], object], *others: Callable[[], object]) -> list[np.ndarray]:
    """Return the seconds of a function and of others, called in turn in each of ROUNDS rounds.

    Whatever slows the machine for a while slows all of a round, so ratios within rounds hold where seconds do not.
    """
    taken: list[list[float]] = [[] for _ in others]

    def first_the_others() -> None:
        for seconds, other in zip(taken, others, strict=True):
            start = time.process_time()
            other()
            seconds.append(time.process_time() - start)

    benchmark.pedantic(function, setup=first_the_others, rounds=ROUNDS, warmup_rounds=1)
    return [np.array(benchmark.stats.stats.data), *(np.array(seconds[-ROUNDS:]) for seconds in taken)]


def told(ratios: np.ndarray) -> str:
    """Median of ratios of rounds, with their quartiles."""
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def tables_of(scenario: Scenario, strategy: str) -> Prepared:
    base = PARAMETERS.values(scenario.population_id)
    return prepare(scenario, scenario.strategies[strategy], PARAMETERS, base)


def first_salvage(patients: int) -> Scenario:
    return load_scenario("first_salvage", patients=patients)


def histories(engine: str, strategy: Prepared, scenario: Scenario) -> list[np.ndarray]:
    """Luck, patients and history rows of the cohort under one strategy."""
    simulate_block = engine_called(engine)
    return [
        simulate_block(*entrants_of_block(scenario.seed, strategy, block), strategy)
        for block in blocks_of(scenario.patients)
    ]


def luck_alone(scenario: Scenario) -> None:
    """Draw the luck of the cohort, block by block."""
    for number, _ in blocks_of(scenario.patients):
        uniforms_of_block(scenario.seed, 0, number)


def bare_simpy(delays_of_blocks: list[list[list[float]]]) -> None:
    """Yield the same timeouts as the agents, and do nothing else: 1,000 patients an environment, collector off."""

    def patient(environment: simpy.Environment, delays: list[float]) -> Iterator[simpy.Timeout]:
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
    ends = rows[np.isin(rows["event"], ENDS_A_STAGE)]
    delays: list[list[float]] = [[] for _ in range(BLOCK)]
    previous: dict[int, float] = {}
    for patient, at in zip((ends["patient"] % BLOCK).tolist(), ends["time"].tolist(), strict=True):
        if patient in previous:
            delays[patient].append(max(0.0, at - previous[patient]))
        previous[patient] = at
    return delays


def to_outcomes(scenario: Scenario) -> None:
    """All outcomes of all strategies, by checked histories."""
    found = simulate(scenario, PARAMETERS)
    summary({name: patient_table(history) for name, history in found.histories.items()}, scenario.horizon_months)


def to_os_and_efs(scenario: Scenario) -> None:
    """Median, mean and landmarks of OS and EFS of all strategies, by checked histories."""
    for history in simulate(scenario, PARAMETERS).histories.values():
        table = patient_table(history)
        for months, ended in (("os_months", "dead"), ("efs_months", "efs_event")):
            times, ends = table[months].to_numpy(), table[ended].to_numpy()
            median(times, ends, np.ones(len(times), bool))
            mean(times)
            survival(times, ends, np.array(LANDMARKS, float))
