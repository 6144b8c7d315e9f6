"""A probabilistic sweep as a user starts it: 1,000 draws × 1,000 patients × 6 strategies with costs and QALYs.

The whole command is timed, from its start to its figures, with one worker and with two in turns, and the memory of all
its processes is added up (shared pages once). Compiled code is in the cache before the first is timed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

COMMAND = "import sys; from rallsim.cli import main; sys.argv[0] = 'rallsim'; main()"
PSA = ("sweep", "order_of_therapies", "psa", "--draws", "1000", "--patients", "1000")
ROUNDS = 3
MOST_SECONDS, MOST_MEGABYTES = 15.0, 500.0
LOOK = 0.2  # seconds between looks at memory


def measured(workers: int, folder: Path, *arguments: str) -> dict[str, float]:
    """Run the command; return wall seconds, processor seconds of all its processes, and their peak of memory."""
    command = [sys.executable, "-c", COMMAND, *PSA, *arguments, "--workers", str(workers), "--out", str(folder)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak, spent = 0.0, {}
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            family = [watched, *watched.children(recursive=True)]
            peak = max(peak, sum(one.memory_full_info().pss for one in family) / 2**20)
            spent |= {one.pid: sum(one.cpu_times()[:2]) for one in family}
        except psutil.Error:
            pass
        time.sleep(LOOK)
    assert process.returncode == 0
    return {"wall": time.perf_counter() - start, "processor": sum(spent.values()), "peak": peak}


def report(found: list[dict[int, dict[str, float]]]) -> list[str]:
    """Put what was measured into words."""

    def all_of(ratios: list[float]) -> str:
        return ", ".join(f"{one:.2f}" for one in sorted(ratios))

    lines = [f"{' '.join(PSA)}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"]
    for workers in (1, 2):
        wall, spent, peak = (
            sorted(one[workers][what] for one in found)[len(found) // 2] for what in ("wall", "processor", "peak")
        )
        lines.append(
            f"  workers {workers}: {wall:.1f} s, processors {spent:.1f} s, all processes {peak:.0f} MB at most"
        )
    spent_ratios = [one[1]["processor"] / one[2]["processor"] for one in found]
    lines.append(f"  processor time of one worker over that of two: {all_of(spent_ratios)}")
    wall_ratios = [one[1]["wall"] / (2 * one[2]["wall"]) for one in found]
    lines.append(f"  time of one worker over twice that of two, on idle processors: {all_of(wall_ratios)}")
    return lines


def test_a_probabilistic_sweep_takes_seconds(benchmark: Any, say: Callable[[str], None]) -> None:
    """The whole command takes under 15 seconds of two processors each, and 500 MB in all its processes."""
    found: list[dict[int, dict[str, float]]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured(1, folder / "warm", "--draws", "20")

        def one_round() -> None:
            number = len(found)
            found.append({workers: measured(workers, folder / f"{number}-{workers}") for workers in (1, 2)})

        benchmark.pedantic(one_round, rounds=ROUNDS, iterations=1)
    for line in report(found):
        say(line)
    middle = sorted(one[2]["processor"] for one in found)[len(found) // 2]
    assert middle / 2 < MOST_SECONDS
    assert max(one[workers]["peak"] for one in found for workers in (1, 2)) < MOST_MEGABYTES
