"""A probabilistic analysis: 1,000 draws of everything uncertain × 1,000 patients × 6 strategies, costs and QALYs.

Each run is a process of its own, so that its peak of memory is its own. One thread and two take turns. Starting,
reading files, drawing and compiling are not timed. Run with `make bench`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rallsim.economics.settings.settings import EconomicSettings, economic_settings
from rallsim.evaluation.evaluate import evaluate
from rallsim.inputs.parameters import ParameterSet, load_parameters
from rallsim.inputs.scenario import Scenario, load_scenario
from rallsim.inputs.uncertainty import economic_draws, parameter_draws

if TYPE_CHECKING:
    import pytest

SCENARIO, STRATEGIES, DRAWS, PATIENTS, ROUNDS = "order_of_therapies", 6, 1000, 1000, 3
MOST_SECONDS, MOST_MEGABYTES = 15.0, 500.0


def draws_of(
    scenario: Scenario, parameters: ParameterSet, economics: EconomicSettings, number: int
) -> dict[str, np.ndarray]:
    """Joint draws of all parameters by path; of populations only the scenario's, by their short names."""
    parts = parameter_draws(parameters, number, 1), economic_draws(economics.costs, economics.utilities, number, 1)
    table = pd.concat(parts, axis=1)
    own = f"population.{scenario.population_id}."
    table = table[[one for one in table.columns if not one.startswith("population.") or one.startswith(own)]]
    return {path.replace(own, "population.", 1): table[path].to_numpy(np.float64) for path in table.columns}


def measured(workers: int) -> dict[str, float]:
    """Run the analysis with some threads; return seconds, histories and the peak of memory."""
    scenario, parameters = load_scenario(SCENARIO, patients=PATIENTS), load_parameters()
    economics = economic_settings(scenario, parameters)
    draws = draws_of(scenario, parameters, economics, DRAWS)
    evaluate(scenario, parameters, economics, {path: column[:1] for path, column in draws.items()})
    wall, processor = time.perf_counter(), time.process_time()
    found = evaluate(scenario, parameters, economics, draws, workers=workers)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    told = {"wall": wall, "processor": processor, "peak": peak, "parameters": float(len(draws))}
    return {**told, "histories": float(found.patients.sum())}


def test_a_probabilistic_analysis_takes_seconds(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Costs and QALYs of six million histories take under 15 seconds of two processors each, and 500 MB."""
    rounds: list[dict[int, dict[str, float]]] = []

    def one_round() -> None:
        found = {}
        for workers in (1, 2):
            program = [sys.executable, __file__, str(workers)]
            done = subprocess.run(program, check=True, capture_output=True, text=True)
            found[workers] = json.loads(done.stdout)
        rounds.append(found)

    benchmark.pedantic(one_round, rounds=ROUNDS, iterations=1)

    def typical(workers: int, what: str) -> float:
        return float(np.median([one[workers][what] for one in rounds]))

    def ratio(what: str, divisor: float) -> str:
        found = sorted(one[1][what] / (divisor * one[2][what]) for one in rounds)
        return f"{float(np.median(found)):.2f} ({found[0]:.2f} to {found[-1]:.2f})"

    with capsys.disabled():
        parameters = f"{DRAWS:,} draws of {typical(1, 'parameters'):.0f} parameters"
        print(f"\n{SCENARIO}, {parameters} × {PATIENTS:,} patients × {STRATEGIES} strategies, costs and QALYs")
        for workers in (1, 2):
            seconds = f"{typical(workers, 'wall'):.1f} s, processors {typical(workers, 'processor'):.1f} s"
            speed = f"{typical(workers, 'histories') / typical(workers, 'processor'):,.0f} histories/s of a processor"
            print(f"  threads {workers}: {seconds}, {speed}, peak {typical(workers, 'peak'):.0f} MB")
        print(f"  time of one thread over twice that of two: {ratio('wall', 2.0)}; needs two idle processors")
        print(f"  processor time of one thread over that of two: {ratio('processor', 1.0)}")
    assert typical(2, "histories") == DRAWS * PATIENTS * STRATEGIES
    assert typical(2, "processor") / 2.0 < MOST_SECONDS
    assert typical(2, "peak") < MOST_MEGABYTES


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]))))
