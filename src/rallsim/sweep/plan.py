"""Work that is not done yet: how much it is, and the list of it that a batch queue shares out in parts.

Parts and the process that collects share a folder and nothing else. Every part makes the jobs anew from the same
command, so that only their keys are in the plan.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rallsim import __version__
from rallsim.common.files import written_atomically
from rallsim.errors import InputError, Problem
from rallsim.evaluation.evaluate import measures_of
from rallsim.model.random_numbers import BLOCK
from rallsim.sweep.job_key import code_of
from rallsim.sweep.jobs import BATCHES, EVALUATES, Job, Model, compute

FILE = "plan.json"
BYTES_PER_NUMBER = 6.0  # of a kept number, compressed
TRIAL_ROWS, TRIAL_PATIENTS = 5, 200


@dataclass(frozen=True)
class Plan:
    """Keys of the jobs to do, in order, and the command they belong to."""

    command: str
    keys: tuple[str, ...]

    def write(self, out: Path) -> Path:
        """Write the plan into a sweep's folder."""
        path = out / FILE
        with written_atomically(path) as temporary:
            made_by = {"rallsim": __version__, "code": code_of(EVALUATES)}
            content = {**made_by, "command": self.command, "jobs": list(self.keys)}
            temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return path

    def part(self, number: int, of: int) -> frozenset[str]:
        """Return the keys of one of several equal parts, counted from 1.

        >>> plan = Plan("", ("a", "b", "c"))
        >>> sorted(plan.part(1, 2)), sorted(plan.part(2, 2))
        (['a', 'c'], ['b'])
        """
        return frozenset(self.keys[number - 1 :: of])


def planned(jobs: Sequence[Job], command: str) -> Plan:
    """Plan jobs; the same job is planned once."""
    return Plan(command, tuple(dict.fromkeys(job.key for job in jobs)))


def read_plan(out: Path) -> Plan:
    """Read the plan of a folder; refuses one that is not there, is broken, or was made by another version."""
    path = out / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("code") != code_of(EVALUATES):
            version = content.get("rallsim", "unknown")
            message = f"must be made again with --plan: version {version} made it, with other code of the model"
            raise InputError(Problem(message, file=str(path)))
        return Plan(str(content["command"]), tuple(str(key) for key in content["jobs"]))
    except FileNotFoundError as error:
        raise InputError(Problem("must be a plan: make one with --plan first", file=str(path))) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(Problem("must be a plan: make it again with --plan", file=str(path))) from error


def read_part(text: str) -> tuple[int, int]:
    """Read K/N.

    >>> read_part("3/10")
    (3, 10)
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise InputError(Problem("must be", key="--part", found=f"'{text}'", allowed="K/N with K from 1 to N, as 3/10"))
    return int(found[1]), int(found[2])


@dataclass(frozen=True)
class Workload:
    """Jobs to compute, and what they would take: seconds of all workers together, bytes on disk."""

    jobs: int
    histories: int
    seconds: float
    bytes: float


def estimate(model: Model, jobs: Sequence[Job]) -> Workload:
    """Time a small piece of the first job of each strategy, and scale it to all of them."""
    packed = model.packed()
    speed: dict[str, float] = {}
    for job in jobs:
        if job.strategy in speed:
            continue
        draws = {path: values[:TRIAL_ROWS] for path, values in job.draws.items()}
        trial = Job("", job.strategy, draws, 0, min(TRIAL_PATIENTS, BLOCK, job.patients), job.replicate)
        compute(packed, trial)  # compiles and reads what later jobs find ready
        start = time.perf_counter()
        compute(packed, trial)
        speed[job.strategy] = (time.perf_counter() - start) / trial.histories
    kept = sum(job.rows for job in jobs) * BATCHES * len(measures_of(model.economics))
    return Workload(
        jobs=len(jobs),
        histories=sum(job.histories for job in jobs),
        seconds=sum(speed[job.strategy] * job.histories for job in jobs),
        bytes=kept * BYTES_PER_NUMBER,
    )
