"""How fast the engines are, beside a bare SimPy program that only yields the same timeouts. Run with `make bench`.

Import and compilation are not timed. What is wanted as a ratio is asserted; absolute speeds depend on the machine and
are told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import helpers_bench as b
from rallsim.evaluation.evaluate import Evaluation, evaluate
from rallsim.inputs.scenario import Scenario

PATIENTS = 20_000
DRAWS = 200
Say = Callable[[str], None]


def summed(scenario: Scenario, draws: Mapping[str, np.ndarray] | None = None) -> Evaluation:
    """Sums of outcomes of all strategies, without economics."""
    return evaluate(scenario, b.PARAMETERS, None, draws)


def events_of(sums: Evaluation) -> int:
    """Number of events in all histories behind sums."""
    counted = [place for place, name in enumerate(sums.measures) if name.startswith("events_")]
    return int(sums.sums[..., counted].sum())


@pytest.fixture(scope="module")
def work() -> dict[str, Any]:
    """The scenario, one of its strategies, and the timeouts of that strategy's patients."""
    scenario = b.first_salvage(PATIENTS)
    strategy = b.tables_of(scenario, "blinatumomab")
    rows = b.histories("batch", strategy, scenario)
    delays = [b.delays_of(part) for part in rows]
    return {
        "scenario": scenario,
        "strategy": strategy,
        "delays": delays,
        "events": sum(map(len, rows)),
        "timeouts": sum(len(one) for block in delays for one in block),
    }


@pytest.mark.benchmark(group="first_salvage, blinatumomab first, 20,000 patients")
@pytest.mark.parametrize("engine", ["bare", "agents", "batch"])
def test_histories(benchmark: Any, say: Say, work: dict[str, Any], engine: str) -> None:
    """Seconds of each engine for luck, patients and history; of bare SimPy for the timeouts alone."""
    if engine == "bare":
        taken, events = b.timed(benchmark, lambda: b.bare_simpy(work["delays"])), work["timeouts"]
    else:
        taken = b.timed(benchmark, lambda: b.histories(engine, work["strategy"], work["scenario"]))
        events = work["events"]
    typical = float(np.median(taken))
    say(f"{engine:<7} {PATIENTS / typical:>12,.0f} patients/s {events / typical:>13,.0f} events/s")


@pytest.mark.benchmark(group="ratios")
def test_batch_beside_bare_simpy(benchmark: Any, say: Say, work: dict[str, Any]) -> None:
    """Events a second of the batch engine, history included, are at least 20 times those of bare SimPy."""
    batch, bare = b.beside(
        benchmark,
        lambda: b.histories("batch", work["strategy"], work["scenario"]),
        lambda: b.bare_simpy(work["delays"]),
    )
    ratios = bare / batch * work["events"] / work["timeouts"]
    per_patient = bare / batch
    say(f"events/s, batch over bare SimPy:    {b.told(ratios)}, wanted 20; patients/s {b.told(per_patient)}")
    assert np.median(ratios) >= 20.0


@pytest.mark.benchmark(group="ratios")
def test_agents_beside_bare_simpy(benchmark: Any, say: Say, work: dict[str, Any]) -> None:
    """The agents take at most 2.5 times as long as bare SimPy for the timeouts alone."""
    agents, bare = b.beside(
        benchmark,
        lambda: b.histories("agents", work["strategy"], work["scenario"]),
        lambda: b.bare_simpy(work["delays"]),
    )
    say(f"time of agents over bare SimPy:     {b.told(agents / bare)}, wanted at most 2.5")
    assert np.median(agents / bare) <= 2.5


@pytest.mark.benchmark(group="ratios")
def test_luck_beside_histories(benchmark: Any, say: Say) -> None:
    """Luck, drawn once for all strategies, is at most 30 % of the time of a scenario's histories."""
    scenario = b.first_salvage(PATIENTS)
    strategies = [b.tables_of(scenario, name) for name in scenario.strategies]

    def all_histories() -> None:
        b.luck_alone(scenario)
        for one in strategies:
            b.histories("batch", one, scenario)

    everything, luck = b.beside(benchmark, all_histories, lambda: b.luck_alone(scenario))
    once = everything - len(strategies) * luck  # each of the strategies' own runs draws it again here
    say(f"luck in the time of three strategies: {b.told(luck / once)}, wanted at most 0.30")
    assert np.median(luck / once) <= 0.30


@pytest.mark.benchmark(group="ratios")
def test_many_draws_beside_one_big_run(benchmark: Any, say: Say) -> None:
    """200 draws of 1,000 patients take at most 1.2 times as long, per event, as one run of 200,000 patients."""
    small, big = b.first_salvage(1000), b.first_salvage(1000 * DRAWS)
    same = {"hsct.sos_fatality": np.full(DRAWS, b.PARAMETERS.parameters["hsct.sos_fatality"].value)}
    events_small, events_big = events_of(summed(small, same)), events_of(summed(big))
    draws, one_run = b.beside(benchmark, lambda: summed(small, same), lambda: summed(big))
    ratios = (draws / events_small) / (one_run / events_big)
    speeds = [
        events / float(np.median(taken)) / 1e6 for events, taken in ((events_small, draws), (events_big, one_run))
    ]
    say(f"sums in the loop: {speeds[0]:.1f} million events/s with {DRAWS} draws, {speeds[1]:.1f} in one big run")
    say(f"time per event of {DRAWS} draws over one run: {b.told(ratios)}, wanted at most 1.20")
    assert np.median(ratios) <= 1.2


@pytest.mark.benchmark(group="first_salvage, three strategies, 20,000 patients")
@pytest.mark.parametrize(("name", "wanted"), [("OS and EFS", 5), ("all outcomes", None), ("sums in the loop", 10)])
def test_scenario_to_outcomes(benchmark: Any, say: Say, name: str, wanted: float | None) -> None:
    """Million events a second from a scenario to its outcomes, by checked histories or by sums, on one core."""
    scenario = b.first_salvage(PATIENTS)
    events = events_of(summed(scenario))
    ways: dict[str, Callable[[], object]] = {
        "OS and EFS": lambda: b.to_os_and_efs(scenario),
        "all outcomes": lambda: b.to_outcomes(scenario),
        "sums in the loop": lambda: summed(scenario),
    }
    taken = b.timed(benchmark, ways[name])
    typical, best = (events / float(seconds) / 1e6 for seconds in (np.median(taken), taken.min()))
    say(f"scenario to {name:<17} {typical:5.1f} million events/s, best round {best:.1f}, wanted {wanted or '-'}")
