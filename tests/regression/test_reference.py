from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import helpers_model as m
from rallsim.inputs.scenario import load_scenario, shipped_scenarios
from rallsim.output.folder import summarise
from rallsim.simulation.simulate import simulate

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
SHIPPED = [identity for identity, _ in shipped_scenarios()]


def test_every_scenario_has_reference_results() -> None:
    """Each shipped scenario has a small table of results in the repository, and no other has."""
    assert sorted(path.stem for path in REFERENCE.glob("*.csv")) == sorted(SHIPPED)


@pytest.mark.parametrize("identity", SHIPPED)
def test_results_are_those_of_reference(identity: str) -> None:
    """Results of 2,000 patients are those committed, to 1e-6: a number that moves is seen (`make reference` renews)."""
    expected = pd.read_csv(REFERENCE / f"{identity}.csv")
    found = summarise(simulate(load_scenario(identity, patients=2000), m.parameters())).summary
    pd.testing.assert_frame_equal(found, expected, rtol=1e-6, atol=1e-9)
