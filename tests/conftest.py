"""What all tests share."""

from __future__ import annotations

import pytest

from rallsim.engine import ENGINES
from rallsim.evaluation import economics_of, evaluate
from rallsim.parameters import load_parameters
from rallsim.scenario import load_scenario
from rallsim.simulation import simulate


@pytest.fixture(scope="session", autouse=True)
def _compiled_pathway() -> None:
    """Compile both engines and the loop of sweeps first: no command that a test runs stops to say that it compiles."""
    for engine in ENGINES:
        simulate(load_scenario("first_salvage", patients=2), engine=engine)
    evaluate(load_scenario("first_salvage", patients=2), load_parameters(), economics_of())
