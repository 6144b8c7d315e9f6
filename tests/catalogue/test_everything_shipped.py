"""A loop over everything that comes with the package: each scenario, therapy, population, parameter and transition."""

from __future__ import annotations

import numpy as np
import pytest

import helpers_model as m
from rallsim import stages as w
from rallsim.fit.run import stale_fits
from rallsim.history import History
from rallsim.model import GENERAL_FIELDS, KIND_FIELDS, POPULATION_FIELDS, UNITS
from rallsim.outcomes import LANDMARKS
from rallsim.results import results_of
from rallsim.scenario import load_scenario, shipped_scenarios
from rallsim.simulation import simulate

SCENARIOS = [name for name, _ in shipped_scenarios()]
THERAPIES = list(m.parameters().therapies)
POPULATIONS = list(m.parameters().countries)
PARAMETERS = list(m.parameters().parameters)


def test_the_loops_are_not_empty() -> None:
    """There are scenarios, therapies of both kinds, populations, parameters and fits to loop over."""
    assert len(SCENARIOS) >= 3
    assert m.therapies_of_kind("drug")
    assert m.therapies_of_kind("car_t")
    assert POPULATIONS
    assert any(parameter.basis == "fitted" for parameter in m.parameters().parameters.values())


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_runs(name: str) -> None:
    """A shipped scenario runs for 200 patients, with lawful histories, own labels, and numbers where they must be."""
    scenario = load_scenario(name, patients=200)
    labels = [strategy.label for strategy in scenario.strategies.values()]
    assert len(set(labels)) == len(labels)
    assert scenario.reference in scenario.strategies

    simulation = simulate(scenario, m.parameters())
    for history in simulation.histories.values():
        history.check()
    results = results_of(simulation)
    table = results.summary.set_index(["strategy", "outcome"])
    always = ["response", "hsct", "lines_mean", "os_median", "os_restricted_mean", "efs_restricted_mean"]
    always += [f"os_at_{landmark}_months" for landmark in LANDMARKS if landmark <= scenario.horizon_months]
    always += [f"death_{cause}" for cause in w.CAUSES_OF_DEATH]
    for strategy in scenario.strategies:
        for outcome in always:
            assert np.isfinite(table.loc[(strategy, outcome), ["estimate", "lo", "hi"]].to_numpy(float)).all(), outcome
    assert np.isfinite(results.survival.select_dtypes("number")).all(axis=None)
    assert set(results.differences["strategy"]) == set(scenario.strategies) - {scenario.reference}


@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("therapy", THERAPIES)
def test_every_therapy_can_be_the_only_one(therapy: str, population: str) -> None:
    """Any therapy can be given as sole salvage to any population: only it is given, and somebody responds."""
    eligibility = {therapy: next(iter(labels))} if (labels := m.parameters().therapies[therapy].labels) else {}
    scenario = m.question(
        {"one": {"salvage": [{"give": therapy}]}}, population=population, eligibility=eligibility, patients=300
    )
    history = simulate(scenario, m.parameters()).histories["one"]
    given = history.events["therapy"][history.events["therapy"] >= 0]
    assert {history.therapies[code] for code in given} == {therapy}
    assert np.isfinite(m.first_times(history, w.RESPONSE)).any()


# --- parameters --------------------------------------------------------------------------------------------------


def test_every_parameter_of_the_model_has_a_value() -> None:
    """Files give the model's parameters, all of them and no others, for every therapy and population."""
    wanted = set(GENERAL_FIELDS)
    for therapy in m.parameters().therapies.values():
        wanted |= {f"therapies.{therapy.id}.{name}" for name in KIND_FIELDS[therapy.kind]}
    wanted |= {f"population.{population}.{name}" for population in POPULATIONS for name in POPULATION_FIELDS}
    assert set(PARAMETERS) == wanted


@pytest.mark.parametrize("path", PARAMETERS)
def test_every_parameter_says_where_it_comes_from(path: str) -> None:
    """A parameter has a unit, a place, words, and evidence that exists; an assumed one a range around its value."""
    parameter = m.parameters().parameters[path]
    low, high = UNITS[parameter.unit]
    assert low <= parameter.value <= high
    assert parameter.basis in {"reported", "counts", "fitted", "calibrated", "assumed"}
    assert parameter.file
    assert parameter.line
    assert parameter.note
    assert set(parameter.evidence) <= set(m.parameters().evidence.rows)
    if parameter.basis == "assumed":
        assert parameter.lo is not None
        assert parameter.hi is not None
        assert parameter.lo <= parameter.value <= parameter.hi
    else:
        assert parameter.evidence


def test_every_fitted_file_is_current() -> None:
    """Running the fits again would write the files that are there."""
    assert stale_fits() == []


# --- transitions -------------------------------------------------------------------------------------------------

_TREATED = {("response", "mrd_negative"), ("response", "mrd_positive"), ("no_response", ""), ("death", "treatment")}
_TOXIC = {(event, grade) for event in ("crs", "icans") for grade in ("grade_1_2", "grade_3_plus")}
_RELAPSE = {("relapse", "antigen_kept"), ("relapse", "antigen_lost")}
_BETWEEN_LINES = {("treatment_start", ""), ("palliative_care", "")}
# What `pathway` lets happen in each stage, by event and detail; background death and the horizon come everywhere.
CAN_HAPPEN = {
    "relapsed": _BETWEEN_LINES,
    "refractory": _BETWEEN_LINES,
    "salvage": _TREATED | _TOXIC | {("sos", "")},
    "awaiting_cells": {
        ("leukapheresis", ""),
        ("leukapheresis_failure", ""),
        ("bridging_start", ""),
        ("bridging_response", ""),
        ("manufacture_failure", ""),
        ("infusion", ""),
        ("death", "leukaemia"),
        ("death", "treatment"),
    },
    "infused": _TREATED | _TOXIC | {("sos", "")},
    "remission": _RELAPSE | {("long_term_remission", "")},
    "awaiting_hsct": _RELAPSE | {("hsct", "")},
    "after_hsct": _RELAPSE | {("sos", ""), ("death", "sos"), ("death", "transplant"), ("long_term_remission", "")},
    "long_term_remission": _RELAPSE,
    "palliative": {("death", "leukaemia")},
}
EVERYWHERE = {("death", "background"), ("censored", "")}
# SOS in the weeks after infusion is in the pathway, but no shipped CAR-T product has it: its probability is 0.
NOT_REACHED = {("infused", "sos", "")}


@pytest.mark.slow
def test_every_transition_is_taken() -> None:
    """Whatever the pathway can do happens to somebody in the shipped scenarios, and nothing else happens to anybody.

    Scenarios run with their own horizon, and with 1 and 3 months, so that stages of a few days are cut short too. Other
    causes of death are made frequent, for they too can strike in every stage.
    """
    possible = {(stage, *pair) for stage, pairs in CAN_HAPPEN.items() for pair in pairs | EVERYWHERE}
    seen: set[tuple[str, str, str]] = set()
    for name in SCENARIOS:
        for keys in ([], ["horizon_months=3"], ["horizon_months=1"], ["mortality.ratio_active=200"]):
            scenario = load_scenario(name, settings=keys, patients=6000)
            for history in simulate(scenario, m.parameters()).histories.values():
                seen |= transitions(history)
    assert seen - possible == set()
    assert possible - seen == NOT_REACHED


def transitions(history: History) -> set[tuple[str, str, str]]:
    """Return stage before, event and detail of everything that happened after entry."""
    rows = history.events
    later = np.flatnonzero(rows["event"] != w.ENTRY)
    codes = np.stack([rows["stage"][later - 1], rows["event"][later], rows["detail"][later]], axis=1)
    return {(w.STAGES[a], w.EVENTS[b], w.DETAILS[c]) for a, b, c in np.unique(codes, axis=0)}
