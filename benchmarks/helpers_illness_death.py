"""The same small illness-death model written three ways, so that readers can compare.

Healthy people fall ill or die; the ill recover, or die faster. Hazards per month are constant, so the share alive has
a closed form, which each program must meet. Times of each program contain its random numbers.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import simpy
from scipy.linalg import expm

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.model.distributions import exponential_quantile
from rallsim.model.random_numbers import GOLDEN_GAMMA, uniforms_of

PEOPLE, HORIZON = 50_000, 60.0
HEALTHY, ILL, DEAD = range(3)
HAZARDS = np.array([[0.0, 0.06, 0.01], [0.05, 0.0, 0.04], [0.0, 0.0, 0.0]])  # from row to column, per month
STEPS = 20  # changes of state for which a person has luck; nobody comes near within the horizon


def with_simpy(seed: int) -> np.ndarray:
    """Sample both risks on entering a state and wait for the earlier, 1,000 people an environment."""
    random = np.random.default_rng(seed)
    ends = np.full(PEOPLE, HORIZON)

    def exponentials() -> Iterator[float]:
        while True:
            yield from random.exponential(size=10_000).tolist()

    draw = exponentials().__next__
    with np.errstate(divide="ignore"):
        means = (1.0 / HAZARDS[:2]).tolist()

    def person(environment: simpy.Environment, number: int) -> Iterator[simpy.Timeout]:
        state = HEALTHY
        while True:
            change, death = draw() * means[state][1 - state], draw() * means[state][DEAD]
            yield environment.timeout(min(change, death))
            if environment.now >= HORIZON:
                return
            if death < change:
                ends[number] = environment.now
                return
            state = 1 - state

    for start in range(0, PEOPLE, 1000):
        environment = simpy.Environment()
        for number in range(1000):
            environment.process(person(environment, start + number))
        gc.disable()
        environment.run()
        gc.enable()
    return ends


def with_numpy(seed: int) -> np.ndarray:
    """Move everybody who is still there one change of state on, again and again."""
    random = np.random.default_rng(seed)
    ends, now, state = np.full(PEOPLE, HORIZON), np.zeros(PEOPLE), np.zeros(PEOPLE, int)
    there = np.arange(PEOPLE)
    while len(there):
        change = random.exponential(size=len(there)) / HAZARDS[state, 1 - state]
        death = random.exponential(size=len(there)) / HAZARDS[state, DEAD]
        now = now + np.minimum(change, death)
        dies = (death < change) & (now < HORIZON)
        ends[there[dies]] = now[dies]
        stays = (death >= change) & (now < HORIZON)
        there, now, state = there[stays], now[stays], 1 - state[stays]
    return ends


@compiled
def life(uniforms: Any, hazards: Any) -> float:
    """Return the month of death, or the horizon."""
    now, state, step = 0.0, 0, 0
    while True:
        change = exponential_quantile(uniforms[2 * step], hazards[state, 1 - state])
        death = exponential_quantile(uniforms[2 * step + 1], hazards[state, 2])
        now += min(change, death)
        if now >= HORIZON:
            return HORIZON
        if death < change:
            return now
        state = 1 - state
        step += 1


@compiled_entry
def lives(luck: Any, hazards: Any, ends: Any) -> None:
    """Fill the ends of all lives."""
    for place in range(len(luck)):
        ends[place] = life(luck[place], hazards)


def with_building_blocks(seed: int) -> np.ndarray:
    """Compiled, with the package's luck and quantile functions, 1,000 people at a time."""
    ends = np.empty(PEOPLE)
    offsets = np.array([n * GOLDEN_GAMMA % 2**64 for n in range(1, 2 * STEPS + 1)], np.uint64)
    for start in range(0, PEOPLE, 1000):
        keys = np.random.Philox(np.random.SeedSequence((seed, start))).random_raw(1000)
        lives(uniforms_of(keys, offsets), HAZARDS, ends[start : start + 1000])
    return ends


def alive_at_the_end() -> float:
    """The closed form: 1 minus the probability of death by the horizon, from the matrix exponential."""
    generator = HAZARDS - np.diag(HAZARDS.sum(axis=1))
    return float(1.0 - expm(generator * HORIZON)[HEALTHY, DEAD])


WAYS: dict[str, Callable[[int], np.ndarray]] = {
    "bare SimPy": with_simpy,
    "numpy": with_numpy,
    "building blocks": with_building_blocks,
}
