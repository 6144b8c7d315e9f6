"""The same question has the same answer: whoever asks it, wherever, among however many others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import helpers_model as m
from rallsim.inputs.scenario import load_scenario
from rallsim.outcomes.history import History
from rallsim.output.folder import summarise
from rallsim.simulation.simulate import simulate

CELLS_FIRST = {
    "salvage": [{"give": "car_t_cd19", "when": {"line": 1}}, {"give": "inotuzumab"}, {"give": "chemotherapy"}],
    "bridging": [{"before": "car_t_cd19", "give": "chemotherapy"}],
    "consolidation": [{"hsct": True}],
}
DRUGS_FIRST = {"salvage": [{"give": "blinatumomab"}, {"give": "chemotherapy"}], "consolidation": [{"hsct": True}]}


def histories(strategies: dict[str, dict[str, object]], **keys: int) -> dict[str, History]:
    return simulate(m.question(strategies, **keys), m.parameters()).histories


@pytest.mark.slow
def test_a_run_is_the_same_to_the_byte(tmp_path: Path) -> None:
    """Two runs from the command line write the same tables, with other hash seeds and in other folders."""
    tables = []
    for hash_seed in ("1", "4242"):
        folder = tmp_path / f"here_{hash_seed}"
        folder.mkdir()
        program = [sys.executable, "-c", "from rallsim.cli import main; main()", "run", "bridging_before_car_t"]
        subprocess.run(
            [*program, "--patients", "1200"],
            cwd=folder,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
        )
        results = folder / "results" / "bridging_before_car_t"
        tables.append([(results / f"{name}.csv").read_bytes() for name in ("summary", "differences", "survival")])
    assert tables[0] == tables[1]
    assert len(tables[0][0]) > 1000


@pytest.mark.parametrize("patient", [17, 1018])
def test_a_patient_has_one_history_however_many_others_there_are(patient: int) -> None:
    """Patient 17, and 1018 of the second block, live the same lives in a small cohort and in one of 5000."""
    few, many = (histories({"one": CELLS_FIRST}, patients=size)["one"] for size in (patient + 3, 5000))
    pd.testing.assert_frame_equal(m.rows_of(few, [patient]), m.rows_of(many, [patient]))
    assert len(m.rows_of(few, [patient])) >= 3


def test_two_names_for_one_strategy_make_no_difference() -> None:
    """Identical strategies under other ids have equal histories, and every difference is exactly zero."""
    scenario = m.question({"one": CELLS_FIRST, "twin": {**CELLS_FIRST, "label": "Twin"}}, patients=1500)
    simulation = simulate(scenario, m.parameters())
    one, twin = (simulation.histories[name].events for name in ("one", "twin"))
    np.testing.assert_array_equal(one, twin)
    found = summarise(simulation).differences
    told = found["estimate"].notna()
    assert told.sum() > 20
    assert (found.loc[told, "estimate"] == 0.0).all()
    assert (found["std_error"].dropna() == 0.0).all()


def test_other_strategies_do_not_matter() -> None:
    """A strategy's history is the same alone, first, or last of three."""
    alone = histories({"one": CELLS_FIRST}, patients=1500)["one"].events
    for names in (["one", "other", "third"], ["third", "other", "one"]):
        asked = {"one": CELLS_FIRST, "other": DRUGS_FIRST, "third": {"salvage": [{"give": "chemotherapy"}]}}
        among = histories({name: asked[name] for name in names}, patients=1500)["one"].events
        np.testing.assert_array_equal(among, alone)


def test_strategies_treat_the_same_patients() -> None:
    """Under every strategy patients enter alike: of those given nothing at entry all have the same history."""
    found = histories({"one": CELLS_FIRST, "other": DRUGS_FIRST}, patients=1500)
    untreated = np.setdiff1d(np.arange(1500), found["one"].events["patient"][found["one"].events["line"] > 0])
    untreated = np.setdiff1d(untreated, found["other"].events["patient"][found["other"].events["line"] > 0])
    assert len(untreated) > 10
    one, other = (m.rows_of(found[name], list(untreated)).drop(columns="strategy") for name in ("one", "other"))
    pd.testing.assert_frame_equal(one, other)


def test_another_seed_or_replicate_is_another_answer() -> None:
    """A seed and a replicate each bring other luck to every patient."""
    scenario = load_scenario("first_salvage", patients=300)
    first = simulate(scenario, m.parameters())
    again = simulate(scenario, m.parameters())
    for other in (
        simulate(load_scenario("first_salvage", patients=300, seed=scenario.seed + 1), m.parameters()),
        simulate(scenario, m.parameters(), replicate=1),
    ):
        for name, history in first.histories.items():
            np.testing.assert_array_equal(history.events, again.histories[name].events)
            ends, other_ends = m.ends_of(history), m.ends_of(other.histories[name])
            dead_in_both = (ends < history.horizon) & (other_ends < history.horizon)
            assert (ends != other_ends)[dead_in_both].all()
