"""Rules that name a base, cycles between whole numbers, losses in a wait, and the weeks in which relapse is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import helpers_model as m
from helpers_frozen import frozen_parameters
from rallsim.inputs.scenario import load_scenario
from rallsim.model.states import Detail, Event, Stage
from rallsim.outcomes.summary import patient_table, summary
from rallsim.simulation.simulate import Simulation, simulate

ERRORS = 4.0  # Monte Carlo standard errors that a random number may lie from its expected value


def outcomes(simulation: Simulation) -> pd.DataFrame:
    """Return the estimates of a simulation, a row an outcome, a column a strategy."""
    tables = {name: patient_table(history) for name, history in simulation.histories.items()}
    found = summary(tables, simulation.scenario.horizon_months)
    return found.pivot_table(index="outcome", columns="strategy", values="estimate")


def test_neither_is_transplanted() -> None:
    """A rule «after: chemotherapy» holds after the front line, a form of it: under `watch` few are transplanted.

    Right values and their standard errors are those of an independent reading of the scenario with the parameters of
    November 2026 and 10,000 patients.
    """
    right = {
        ("hsct", "watch"): (0.266, 0.004),
        ("hsct", "transplant_only"): (0.649, 0.005),
        ("os_at_24_months", "watch"): (0.364, 0.005),
        ("os_at_24_months", "transplant_only"): (0.477, 0.005),
        ("os_at_60_months", "watch"): (0.170, 0.004),
        ("os_at_60_months", "transplant_only"): (0.300, 0.005),
    }
    found = outcomes(simulate(load_scenario("mrd_directed_blinatumomab", patients=10_000), frozen_parameters()))
    for place, (value, std_error) in right.items():
        assert found.loc[place] == pytest.approx(value, abs=ERRORS * std_error), place


def test_watching_transplants_far_less_whatever_the_parameters() -> None:
    """Under `watch` less than half as many are transplanted as under `transplant_only`."""
    found = outcomes(simulate(load_scenario("mrd_directed_blinatumomab", patients=2_000))).loc["hsct"]
    assert found["watch"] < 0.5 * found["transplant_only"]


@pytest.mark.parametrize(("planned", "mean"), [(4.0, 4.0), (3.98, 3.98), (3.25, 3.25), (3.0, 3.0)])
def test_a_number_of_cycles_between_whole_ones_is_a_mean(planned: float, mean: float) -> None:
    """Of 4,000 patients in remission for long, as many are given one cycle more as the fraction says."""
    values = {"cycles_planned": planned, "relapse_cure": 1.0, "early_death": 0.0, "cr_rate": 1.0, "hsct_realised": 0.0}
    strategy = {"only": {"salvage": [{"give": "blinatumomab"}]}}
    scenario = m.question(strategy, values=m.of("blinatumomab", **values), patients=4_000, horizon_months=24)
    history = m.run(m.prepared(scenario), scenario, engine="batch")
    in_long_remission = m.ends_of(history) >= 24.0
    responded = np.isfinite(m.first_times(history, Event.RESPONSE))
    cycles = np.bincount(history.events["patient"][history.events["event"] == Event.CYCLE], minlength=history.patients)
    given = cycles[in_long_remission & responded]
    assert len(given) > 1_000
    fraction = planned % 1.0
    std_error = np.sqrt(fraction * (1.0 - fraction) / len(given))
    assert given.mean() == pytest.approx(mean, abs=ERRORS * std_error + 1e-12)
    assert set(given) <= {np.floor(planned), np.ceil(planned)}


def test_no_moment_gathers_relapses() -> None:
    """Relapses are spread over time: no two patients relapse at the same time after a remission."""
    history = simulate(load_scenario("first_salvage", patients=4_000)).histories["chemotherapy"]
    events = history.events
    relapses = np.flatnonzero(events["event"] == Event.RELAPSE)
    responses = {}
    lasted = []
    for row in events[np.isin(events["event"], (Event.RESPONSE, Event.RELAPSE))]:
        if row["event"] == Event.RESPONSE:
            responses[row["patient"]] = row["time"]
        elif row["patient"] in responses:
            lasted.append(round(row["time"] - responses.pop(row["patient"]), 9))
    assert len(relapses) > 500
    assert pd.Series(lasted).value_counts().iloc[0] <= 2
    shortest = m.parameters().values("adult_relapse")["disease.shortest_remission_months"]
    assert min(lasted) >= shortest - 1e-9


@pytest.mark.parametrize("therapy", ["hsct_in_relapse", "chemotherapy"])
def test_deaths_and_drop_out_compete_in_the_wait_for_a_line(therapy: str) -> None:
    """Of those who wait for a line, a share of 1 - mean(exp(-rate wait)) dies or becomes too ill for it."""
    rates = {"disease.waiting_death_rate": 0.1, "disease.waiting_progression_rate": 0.05}
    values = {**rates, **m.NO_BACKGROUND, "disease.treated_at_entry": 1.0}
    scenario = m.question({"only": {"salvage": [{"give": therapy}]}}, values=values, patients=8_000)
    tables = m.prepared(scenario)
    history = m.run(tables, scenario, engine="batch")
    without = replace(tables, models=tables.models.copy())
    for name in ("disease_waiting_death_rate", "disease_waiting_progression_rate"):
        without.models[name] = 0.0
    started = m.first_times(m.run(without, scenario, engine="batch"), Event.TREATMENT_START)
    waits = started[np.isfinite(started)]
    assert len(waits) > 1_000
    rate = sum(rates.values())
    expected = 1.0 - np.exp(-rate * waits).mean()
    lost = waits[~np.isfinite(m.first_times(history, Event.TREATMENT_START)[np.isfinite(started)])]
    std_error = np.sqrt(expected * (1.0 - expected) / len(waits))
    assert len(lost) / len(waits) == pytest.approx(expected, abs=ERRORS * std_error)
    first = history.events[history.events["line"] == 0]
    dead = np.isin(first["detail"], (Detail.LEUKAEMIA, Detail.INFECTION)) & (first["event"] == Event.DEATH)
    in_wait = dead & np.isin(first["stage"], (Stage.DEAD,))
    assert in_wait.sum() > 0
