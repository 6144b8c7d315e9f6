"""What only a process of its own shows: peak memory and time of big runs, and how long commands take to start.

Seconds are those of the processor, see `helpers_bench`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Say = Callable[[str], None]
SUMS = """
import json, resource, sys, time
from rallsim.evaluation.evaluate import evaluate
from rallsim.inputs.parameters import load_parameters
from rallsim.inputs.scenario import load_scenario

patients, workers = int(sys.argv[1]), int(sys.argv[2])
parameters = load_parameters()
evaluate(load_scenario("order_of_therapies", patients=10), parameters, None)
start = time.process_time()
evaluate(load_scenario("order_of_therapies", patients=patients), parameters, None, workers=workers)
taken = time.process_time() - start
print(json.dumps([taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
COMMAND = "from rallsim.cli import main; main()"
RUN = ("run", "first_salvage", "--patients", "100", "--out", "tiny")


def sums_of(patients: int, workers: int = 1) -> tuple[float, float]:
    """Seconds and peak memory (MB) of six strategies' sums, compilation apart."""
    ended = subprocess.run(
        [sys.executable, "-c", SUMS, str(patients), str(workers)], capture_output=True, text=True, check=True
    )
    taken, memory = json.loads(ended.stdout)
    return float(taken), float(memory)


def test_sums_of_a_million_patients(say: Say) -> None:
    """Six strategies of a million patients take under 500 MB, and time grows as the number of patients does."""
    found = {patients: sums_of(patients) for patients in (1000, 10_000, 100_000, 1_000_000)}
    for patients, (taken, memory) in found.items():
        say(f"sums of {patients:>9,} patients × 6 strategies: {taken:8.3f} s, {memory:4.0f} MB")
    taken, memory = sums_of(1_000_000, workers=2)
    say(f"sums of 1,000,000 patients, two threads:     {taken:8.3f} s of both together, {memory:4.0f} MB")
    assert max(memory, *(one[1] for one in found.values())) < 500
    sizes, times = np.log([[size, one[0]] for size, one in found.items()]).T
    exponent = float(np.polyfit(sizes, times, 1)[0])
    say(f"time grows with patients to the power of {exponent:.2f}")
    assert exponent < 1.15


@pytest.mark.parametrize(("arguments", "wanted"), [(("--help",), 0.5), (RUN, 3.0)], ids=["help", "run"])
def test_start(say: Say, tmp_path: Path, arguments: tuple[str, ...], wanted: float) -> None:
    """`--help` in half a second, a tiny run with compiled code cached in three."""
    taken: list[float] = []
    for _ in range(6):
        start = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", COMMAND, *arguments], cwd=tmp_path, capture_output=True, check=True)
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(end.ru_utime - start.ru_utime + end.ru_stime - start.ru_stime)
    typical = float(np.median(taken[1:]))
    command = " ".join(("rallsim", *arguments[:4]))
    say(f"{command}: median {typical:.2f} s ({min(taken):.2f} to {max(taken[1:]):.2f}), wanted {wanted}")
    assert typical < wanted
