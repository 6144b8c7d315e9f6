"""Work for batch queues: a list of cells, the part of it that one job does, and what is still to be done.

Jobs and the process that collects share a folder and nothing else. Every job makes the cells anew from the same
command, so that only their keys are in the plan.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rallsim.common.files import written_atomically
from rallsim.errors import InputError, Problem
from rallsim.sweep.jobs import Cell

FILE = "plan.json"


@dataclass(frozen=True)
class Plan:
    """Keys of the cells to do, in order, and the command they belong to."""

    command: str
    keys: tuple[str, ...]

    def write(self, out: Path) -> Path:
        """Write the plan into a sweep's folder."""
        path = out / FILE
        with written_atomically(path) as temporary:
            content = {"command": self.command, "cells": list(self.keys)}
            temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return path

    def part(self, number: int, of: int) -> frozenset[str]:
        """Return the keys of one of several equal parts, counted from 1.

        >>> plan = Plan("", ("a", "b", "c"))
        >>> sorted(plan.part(1, 2)), sorted(plan.part(2, 2))
        (['a', 'c'], ['b'])
        """
        return frozenset(self.keys[number - 1 :: of])


def planned(cells: Sequence[Cell], command: str) -> Plan:
    """Plan cells; the same cell is planned once."""
    return Plan(command, tuple(dict.fromkeys(cell.key for cell in cells)))


def read_plan(out: Path) -> Plan:
    """Read the plan of a folder; refuses one that is not there or broken."""
    path = out / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Plan(str(content["command"]), tuple(str(key) for key in content["cells"]))
    except FileNotFoundError as error:
        raise InputError(Problem("no plan here", file=str(path), allowed="make one with --plan first")) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(Problem("is no plan", file=str(path), allowed="make it again with --plan")) from error


def read_part(text: str) -> tuple[int, int]:
    """Read K/N.

    >>> read_part("3/10")
    (3, 10)
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise InputError(
            Problem("is no part", key="--part", found=f"'{text}'", allowed="K/N with K from 1 to N, as 3/10")
        )
    return int(found[1]), int(found[2])
