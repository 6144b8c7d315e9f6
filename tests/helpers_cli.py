"""How a command ended, for tests that run `rallsim` in their own process."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


Rallsim = Callable[..., Ended]
