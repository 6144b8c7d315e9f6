"""Figures come out the same whoever draws them, and processes that help leave interruptions to the command."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from helpers_cli import Rallsim
from rallsim.sweep.figures import draw_elsewhere, draw_figures
from rallsim.sweep.labels import Labels
from rallsim.sweep.workers import SerialExecutor, Workers, interruptions_wait

CODE = "import sys; from rallsim.cli import main; sys.argv[0] = 'rallsim'; main()"
PSA = ("sweep", "first_salvage", "psa", "--draws", "20", "--patients", "20", "--out", "out")


class Broken(Executor):
    """An executor whose processes have died."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        raise BrokenExecutor


@contextmanager
def one_here() -> Iterator[Workers]:
    yield Workers(SerialExecutor(), 1)


@contextmanager
def broken() -> Iterator[Workers]:
    yield Workers(Broken(), 1)


def figures_of(folder: Path) -> dict[str, bytes]:
    """Return the figures of a folder, and remove them."""
    found = {path.name: path.read_bytes() for path in folder.glob("*.png")}
    for name in found:
        (folder / name).unlink()
    return found


def test_figures_do_not_depend_on_who_draws(tmp_path: Path, rallsim: Rallsim) -> None:
    """The process that asks, another, and one that dies and whose work is done here: every figure, the same bytes."""
    assert rallsim(*PSA).code == 0
    folder = tmp_path / "out" / "psa"
    labels = Labels.from_json(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["labels"])
    expected = figures_of(folder)

    draw_figures("psa", folder, labels)
    assert figures_of(folder) == expected
    for pool in (one_here, broken):
        draw_elsewhere("psa", folder, labels, pool)
        assert figures_of(folder) == expected
    assert len(expected) == 6


def interrupted(done: list[str], error: Exception | None) -> None:
    """Be interrupted inside the block, and go on to its end or to an error."""
    with interruptions_wait():
        signal.raise_signal(signal.SIGINT)
        done.append("after it")
        if error:
            raise error


@pytest.mark.parametrize("error", [None, BrokenExecutor()])
def test_an_interruption_waits_for_processes_that_are_being_started(error: Exception | None) -> None:
    """Ctrl-C inside the block comes at its end, also when something else goes wrong there; then all is as before."""
    before = signal.getsignal(signal.SIGINT)
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(done, error)
    assert done == ["after it"]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.slow
def test_the_server_leaves_interruptions_to_the_command(tmp_path: Path) -> None:
    """Ctrl-C reaches every process of a terminal; the server goes on loading without a word."""
    command = [sys.executable, "-c", CODE, *PSA, "--workers", "2"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    helpers: list[psutil.Process] = []
    while not any("forkserver" in " ".join(one.cmdline()) for one in helpers):
        helpers = psutil.Process(process.pid).children()

    for delay in (0.1, 0.2, 0.4):
        time.sleep(delay)
        for one in helpers:
            one.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (0, "")
    assert (tmp_path / "out" / "psa").exists()
    assert psutil.wait_procs(helpers, timeout=20)[1] == []
