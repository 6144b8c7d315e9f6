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
from pathlib import Path

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


def rounds() -> list[dict[int, dict[str, float]]]:
    """Measure one worker and two in turns."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        measured(1, Path(folder) / "warm", "--draws", "20")
        for number in range(ROUNDS):
            found.append({workers: measured(workers, Path(folder) / f"{number}-{workers}") for workers in (1, 2)})
    return found


def report(found: list[dict[int, dict[str, float]]]) -> None:
    """Print what was measured."""
    print(f"\n{' '.join(PSA)}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    for workers in (1, 2):
        line = [sorted(one[workers][what] for one in found)[len(found) // 2] for what in ("wall", "processor", "peak")]
        print(
            f"  workers {workers}: {line[0]:.1f} s, processors {line[1]:.1f} s, peak of all processes {line[2]:.0f} MB"
        )
    ratios = sorted(one[1]["processor"] / one[2]["processor"] for one in found)
    print(f"  processor time of one worker over that of two: {', '.join(f'{one:.2f}' for one in ratios)}")
    times = sorted(one[1]["wall"] / (2 * one[2]["wall"]) for one in found)
    print(
        f"  time of one worker over twice that of two: {', '.join(f'{one:.2f}' for one in times)}; needs idle processors"
    )


def test_a_probabilistic_sweep_takes_seconds() -> None:
    """The whole command takes under 15 seconds of two processors each, and 500 MB in all its processes."""
    found = rounds()
    report(found)
    middle = sorted(one[2]["processor"] for one in found)[len(found) // 2]
    assert middle / 2 < MOST_SECONDS
    assert max(one[workers]["peak"] for one in found for workers in (1, 2)) < MOST_MEGABYTES


if __name__ == "__main__":
    report(rounds())
