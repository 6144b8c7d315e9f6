"""What is kept is whole or not there, and a resumed sweep ends with the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from helpers_sweep import model, points, runner
from rallsim.evaluation.evaluate import Evaluation
from rallsim.sweep.jobs import work_of
from rallsim.sweep.runner import MissingJobsError
from rallsim.sweep.store import Store


def one_job(folder: Path) -> tuple[Store, str, Evaluation]:
    found = runner(folder).evaluate(points(2), patients=30)
    store = Store(folder)
    key = work_of(model(), "inotuzumab", points(2), patients=30).jobs[0][0].key
    return store, key, found


def test_what_is_kept_is_read_as_it_was(tmp_path: Path) -> None:
    """A job read back has the sums that were written, to the last bit."""
    store, key, found = one_job(tmp_path)

    kept = store.read(key)

    assert kept is not None
    np.testing.assert_array_equal(kept.sums[:, 0], found.sums[:, found.strategies.index("inotuzumab")])
    assert not store.damaged


@pytest.mark.parametrize("how", ["cut", "empty", "of another job", "no parquet"])
def test_damage_is_seen_and_repaired(tmp_path: Path, how: str) -> None:
    """A file that is cut off, empty or of another job counts as missing and is made anew."""
    store, key, found = one_job(tmp_path)
    path = store.path(key)
    content = path.read_bytes()
    other = next(one for one in tmp_path.glob("*/*.parquet") if one != path)
    path.write_bytes(
        {
            "cut": content[:-7],
            "empty": b"",
            "of another job": other.read_bytes(),
            "no parquet": b"draw,strategy\n",
        }[how]
    )

    assert store.read(key) is None
    assert store.damaged == {key}
    again = runner(tmp_path)
    np.testing.assert_array_equal(again.evaluate(points(2), patients=30).sums, found.sums)
    assert (again.computed, again.reused) == (1, 2)
    assert path.read_bytes() == content


def test_no_flipped_byte_changes_a_number(tmp_path: Path) -> None:
    """With any one of 150 bytes of a file changed, it is read as it was or as missing, never as something else."""
    store, key, _ = one_job(tmp_path)
    sound = store.read(key)
    assert sound is not None
    path = store.path(key)
    content = path.read_bytes()
    seen = 0

    for place in range(0, len(content), len(content) // 150):
        changed = bytearray(content)
        changed[place] ^= 0xFF
        path.write_bytes(changed)
        kept = store.read(key)
        if kept is None:
            seen += 1
        else:
            np.testing.assert_array_equal(kept.sums, sound.sums)
            np.testing.assert_array_equal(kept.patients, sound.patients)

    assert seen > 50


def test_only_what_is_missing_is_computed(tmp_path: Path) -> None:
    """The second time nothing is computed; with nobody to compute, what is missing is named."""
    first, second, third = runner(tmp_path), runner(tmp_path), runner(tmp_path)
    first.evaluate(points(2), patients=30)
    second.evaluate(points(2), patients=30)
    third.wanted = lambda _: False

    assert (first.computed, first.reused) == (3, 0)
    assert (second.computed, second.reused) == (0, 3)
    with pytest.raises(MissingJobsError) as missing:
        third.evaluate(points(3), patients=30)
    assert len(missing.value.jobs) == 3


def test_fresh_reads_only_what_it_wrote(tmp_path: Path) -> None:
    """With `fresh` kept jobs are computed again, once."""
    runner(tmp_path).evaluate(points(2), patients=30)
    fresh = runner(tmp_path)
    fresh.store = Store(tmp_path, fresh=True)

    fresh.evaluate(points(2), patients=30)
    fresh.evaluate(points(2), patients=30)

    assert (fresh.computed, fresh.reused) == (3, 0)


def test_leftovers_of_the_dead_are_swept_up(tmp_path: Path) -> None:
    """A half-written file of a process that was killed an hour ago is removed; one being written now is not."""
    store, key, _ = one_job(tmp_path)
    old, new = (store.path(key).parent / name for name in (".a.parquet.x", ".b.parquet.y"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, time.time() - 4000))

    store.sweep_up()

    assert (old.exists(), new.exists(), store.path(key).exists()) == (False, True, True)


def test_results_do_not_depend_on_who_computes(tmp_path: Path) -> None:
    """One process, two processes, or half of the jobs from an earlier run: the same sums, the same files."""
    table = points(3)
    alone = runner(tmp_path / "alone").evaluate(table, patients=60)
    shared = runner(tmp_path / "shared", workers=2).evaluate(table, patients=60)
    for path in sorted((tmp_path / "shared").glob("*/*.parquet"))[::2]:
        path.unlink()
    resumed = runner(tmp_path / "shared").evaluate(table, patients=60)

    np.testing.assert_array_equal(shared.sums, alone.sums)
    np.testing.assert_array_equal(resumed.sums, alone.sums)
    files = [
        {path.name: path.read_bytes() for path in (tmp_path / name).glob("*/*.parquet")} for name in ("alone", "shared")
    ]
    assert files[0] == files[1]
    assert len(files[0]) == 3


SLOW = """
import sys, time
from pathlib import Path
from helpers_sweep import points, runner
if __name__ == "__main__":
    one = runner(Path(sys.argv[1]), workers=int(sys.argv[2]))
    for number in range(2, 400):
        one.evaluate(points(number), patients=30)
        print(number, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_kill_9_loses_only_the_jobs_in_flight(tmp_path: Path, workers: int) -> None:
    """A process killed in the middle leaves whole jobs, workers that end too, and a folder that goes on working."""
    script = tmp_path / "slow.py"
    script.write_text(SLOW, encoding="utf-8")
    folder = tmp_path / "jobs"
    paths = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, str(script), str(folder), str(workers)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 6:
                break
        process.send_signal(signal.SIGKILL)

    store = Store(folder)
    kept = [path.stem for path in folder.glob("*/*.parquet") if path.name[0] != "."]
    assert len(kept) >= 15  # three strategies for each of the five tables that were reported
    assert all(store.read(key) is not None for key in kept)
    assert not store.damaged
    again = runner(folder)
    again.evaluate(points(6), patients=30)
    assert (again.computed, again.reused) == (0, 3)
    assert _ends(process.pid)


def _ends(group: int) -> bool:
    """Wait until no process of a group is left; False when some stay for twenty seconds."""
    deadline = time.time() + 20
    while time.time() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_a_worker_that_dies_costs_nothing_but_time(tmp_path: Path) -> None:
    """With one of two worker processes killed by signal 9 in the middle, all jobs come and the sums are the same."""
    table = points(40)
    alone = runner(tmp_path / "alone").evaluate(table, patients=10_000)
    killed: list[int] = []

    def kill() -> None:
        while not [path for path in (tmp_path / "shared").glob("*/*.parquet") if path.name[0] != "."]:
            time.sleep(0.005)
        workers = [one for one in psutil.Process().children(recursive=True) if not one.children()]
        killed.append(max(workers, key=lambda one: one.create_time()).pid)
        os.kill(killed[0], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    shared = runner(tmp_path / "shared", workers=2)
    found = shared.evaluate(table, patients=10_000)
    thread.join()

    assert killed
    assert shared.computed == 12
    np.testing.assert_array_equal(found.sums, alone.sums)
