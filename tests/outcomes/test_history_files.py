"""Histories written to a results folder and read again: the same events, patients and economics."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers_model import parameters
from rallsim.economics.settings.settings import economic_settings
from rallsim.economics.tables.economic_results import value_histories
from rallsim.errors import InputError, ModelError
from rallsim.inputs.scenario import load_scenario
from rallsim.outcomes.baseline import BASELINE, baseline_table
from rallsim.outcomes.summary import patient_table
from rallsim.output.folder import save, summarise
from rallsim.output.history_files import read_histories
from rallsim.simulation.simulate import Simulation, simulate


@cache
def made() -> Simulation:
    return simulate(load_scenario("bridging_before_car_t", patients=300), parameters())


def written(folder: Path) -> Path:
    return save(made(), summarise(made()), folder / "run", settings=[], with_events=True).folder


def test_histories_read_back_are_those_written(tmp_path: Path) -> None:
    """Events, patients, horizon and seed of every strategy come back to the last bit, and the outcomes with them."""
    again = read_histories(written(tmp_path))

    assert list(again) == list(made().histories)
    for name, history in made().histories.items():
        one = again[name]
        assert (one.strategy, one.horizon, one.seed, one.patients) == (name, 120.0, history.seed, 300)
        pd.testing.assert_frame_equal(one.frame().astype(str), history.frame().astype(str))
        assert one.events["time"].tobytes() == history.events["time"].tobytes()
        assert one.baseline.tobytes() == history.baseline.tobytes()
        pd.testing.assert_frame_equal(patient_table(one), patient_table(history))


def test_economics_are_a_function_of_a_history(tmp_path: Path) -> None:
    """Histories read back cost, and gain, what those simulated do: every table is the same."""
    scenario, known = made().scenario, made().parameters
    for_life = economic_settings(scenario, known)
    assert for_life is not None
    economics = replace(for_life, horizon_months=scenario.horizon_months)
    simulated, read = (
        value_histories(scenario, known, histories, economics)
        for histories in (made().histories, read_histories(written(tmp_path)))
    )

    assert len(simulated.tables) > 5
    for name, table in simulated.tables.items():
        pd.testing.assert_frame_equal(read.tables[name], table)


def test_the_baseline_says_who_entered() -> None:
    """Every strategy has the same patients, whose attributes at entry are as the scenario's population has them."""
    first, *others = made().histories.values()
    table = baseline_table(first.baseline)
    assert list(table) == list(BASELINE.names or ())
    assert table["patient"].tolist() == list(range(300))
    assert table["age"].between(18.0, 90.0).all()
    assert (table["line"] == 1).all()
    assert table["male"].isin([0.0, 1.0]).all()
    assert all(one.baseline is first.baseline for one in others)


def test_what_is_no_history_is_refused(tmp_path: Path) -> None:
    """A folder without the files, a word that nobody knows and a baseline of other patients are named."""
    folder = written(tmp_path)
    with pytest.raises(InputError, match=r"must hold histories .*got no events.parquet and no baseline.parquet"):
        read_histories(tmp_path)
    events, baseline = (pd.read_parquet(folder / f"{name}.parquet") for name in ("events", "baseline"))
    baseline.assign(patient=np.arange(1, 301)).to_parquet(folder / "baseline.parquet")
    with pytest.raises(ModelError, match="baseline does not count its patients from 0"):
        read_histories(folder)
    baseline.to_parquet(folder / "baseline.parquet")
    events.assign(stage=events["stage"].replace("infused", "infusd")).to_parquet(folder / "events.parquet")
    with pytest.raises(InputError, match=r"stage must be a known word \(allowed: relapsed, .*got infusd"):
        read_histories(folder)
