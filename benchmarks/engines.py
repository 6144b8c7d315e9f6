"""How fast the engines are, as ratios to a bare SimPy program that only yields the same timeouts.

All are timed in turn, several times, in this one run; import and compilation are not timed. Run with `make bench`.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator

import numpy as np
import simpy

from rallsim import stages as w
from rallsim.engine import engine_called
from rallsim.entry import blocks_of
from rallsim.luck import BLOCK, luck_of_block
from rallsim.outcomes import LANDMARKS, patient_table, summary, survival
from rallsim.parameters import load_parameters
from rallsim.population import sample_patients
from rallsim.precision import mean, median
from rallsim.prepared import Prepared, prepare
from rallsim.scenario import load_scenario
from rallsim.simulation import simulate, tally

PATIENTS = 20_000
ROUNDS = 7
INSIDE_A_STAGE = [w.LEUKAPHERESIS, w.BRIDGING_START, w.BRIDGING_RESPONSE, w.CRS, w.ICANS, w.SOS]
PARAMETERS = load_parameters()


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
    ends = rows[~np.isin(rows["event"], INSIDE_A_STAGE)]
    delays: list[list[float]] = [[] for _ in range(BLOCK)]
    previous: dict[int, float] = {}
    for patient, at in zip((ends["patient"] % BLOCK).tolist(), ends["time"].tolist(), strict=True):
        if patient in previous:
            delays[patient].append(max(0.0, at - previous[patient]))
        previous[patient] = at
    return delays


def luck_alone(seed: int) -> None:
    """Draw the luck of the cohort, block by block."""
    for number, _ in blocks_of(PATIENTS):
        luck_of_block(seed, 0, number)


def histories(engine: str, strategy: Prepared, seed: int) -> list[np.ndarray]:
    """Luck, patients and history rows of the cohort under one strategy."""
    simulate_block = engine_called(engine)
    found = []
    for number, size in blocks_of(PATIENTS):
        luck = luck_of_block(seed, 0, number)[:size]
        found.append(simulate_block(sample_patients(luck, strategy.populations, number * BLOCK), luck, strategy))
    return found


def seconds(functions: dict[str, Callable[[], object]]) -> dict[str, np.ndarray]:
    """Time functions in turn, ROUNDS times each, after one call that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for round_ in range(ROUNDS + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if round_:
                times[name].append(time.perf_counter() - start)
    return {name: np.array(taken) for name, taken in times.items()}


def main() -> None:
    scenario = load_scenario("first_salvage", patients=PATIENTS)
    base = PARAMETERS.values(scenario.population_id)
    strategy = prepare(scenario, scenario.strategies["blinatumomab"], PARAMETERS, base)
    rows = histories("agents", strategy, scenario.seed)
    events = sum(map(len, rows))
    delays = [delays_of(part) for part in rows]
    timeouts = sum(len(one) for block in delays for one in block)
    strategies = len(scenario.strategies)
    all_events = sum(int(one.events.sum()) for one in tally(scenario, PARAMETERS).values())

    def to_outcomes() -> None:
        found = simulate(scenario, PARAMETERS)
        summary({name: patient_table(history) for name, history in found.histories.items()}, scenario.horizon_months)

    def to_os_and_efs() -> None:
        for history in simulate(scenario, PARAMETERS).histories.values():
            table = patient_table(history)
            for months, ended in (("os_months", "dead"), ("efs_months", "efs_event")):
                times, ends = table[months].to_numpy(), table[ended].to_numpy()
                median(times, ends, np.ones(len(times), bool))
                mean(times)
                survival(times, ends, np.array(LANDMARKS, float))

    draws = 200
    small = load_scenario("first_salvage", patients=1000)
    big = load_scenario("first_salvage", patients=1000 * draws)
    values = {"hsct.sos_fatality": np.full(draws, PARAMETERS.parameters["hsct.sos_fatality"].value)}
    draw_events = sum(int(one.events.sum()) for one in tally(small, PARAMETERS, draws=values).values())
    big_events = sum(int(one.events.sum()) for one in tally(big, PARAMETERS).values())
    taken = seconds(
        {
            "bare": lambda: bare_simpy(delays),
            "agents": lambda: histories("agents", strategy, scenario.seed),
            "batch": lambda: histories("batch", strategy, scenario.seed),
            "luck": lambda: luck_alone(scenario.seed),
            "os_efs": to_os_and_efs,
            "outcomes": to_outcomes,
            "tally": lambda: tally(scenario, PARAMETERS),
            "draws": lambda: tally(small, PARAMETERS, draws=values),
            "big": lambda: tally(big, PARAMETERS),
        }
    )
    typical = {name: float(np.median(times)) for name, times in taken.items()}
    print(f"first_salvage, blinatumomab first: {PATIENTS:,} patients, {timeouts:,} timeouts, {events:,} events")
    for name, what, number in (
        ("bare", "bare SimPy, the timeouts alone", timeouts),
        ("agents", "agents, luck and history", events),
        ("batch", "batch, luck and history", events),
    ):
        rate = f"{PATIENTS / typical[name]:>12,.0f} patients/s {number / typical[name]:>13,.0f} events/s"
        print(f"  {what:<34}{rate}")
    agents, batch = taken["agents"] / taken["bare"], taken["bare"] / taken["batch"] * events / timeouts
    print(f"  time of agents over bare SimPy:     {np.median(agents):.2f} ({agents.min():.2f} to {agents.max():.2f})")
    print(f"  events/s of batch over bare SimPy:  {np.median(batch):.1f} ({batch.min():.1f} to {batch.max():.1f})")
    print(
        f"  luck, shared by {strategies} strategies, in the time of one scenario's histories: "
        f"{100 * typical['luck'] / (typical['luck'] + strategies * (typical['batch'] - typical['luck'])):.0f} %"
    )
    print(f"first_salvage, {strategies} strategies, {all_events:,} events")
    for name, what in (("os_efs", "OS and EFS"), ("outcomes", "all outcomes")):
        rate = all_events / typical[name] / 1e6
        print(f"  scenario to {what:<12} by checked histories  {rate:.1f} million events/s")
    print(f"  scenario to sums in the loop               {all_events / typical['tally'] / 1e6:.1f} million events/s")
    print(f"{draws} draws of 1,000 patients against one run of {1000 * draws:,}")
    ratio = taken["draws"] / draw_events / (taken["big"] / big_events)
    print(
        f"  {draw_events / typical['draws'] / 1e6:.1f} and {big_events / typical['big'] / 1e6:.1f} million events/s; "
        f"time per event over that of the big run {np.median(ratio):.2f} ({ratio.min():.2f} to {ratio.max():.2f})"
    )


if __name__ == "__main__":
    main()
