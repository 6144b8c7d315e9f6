"""The small illness-death model of `helpers_illness_death`, checked against its closed form and timed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import helpers_bench as b
from helpers_illness_death import HORIZON, PEOPLE, WAYS, alive_at_the_end


@pytest.mark.benchmark(group="illness-death model, 50,000 people")
@pytest.mark.parametrize("name", WAYS)
def test_illness_death(benchmark: Any, say: Callable[[str], None], name: str) -> None:
    """The share alive at the end is that of the closed form within four standard errors; then people a second."""
    alive = alive_at_the_end()
    error = float(np.sqrt(alive * (1.0 - alive) / PEOPLE))
    share = float(np.mean(WAYS[name](1) >= HORIZON))
    assert abs(share - alive) < 4.0 * error, f"{name}: {share}, expected {alive} ± {error}"
    taken = b.timed(benchmark, lambda: WAYS[name](2))
    say(f"illness-death, {name:<16} {PEOPLE / float(np.median(taken)):>12,.0f} people/s")
