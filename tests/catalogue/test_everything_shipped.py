"""A loop over everything that comes with the package: each scenario, therapy, population, parameter and transition."""

from __future__ import annotations

import numpy as np
import pytest

import helpers_model as m
from rallsim.fit.run import stale_fits
from rallsim.inputs.scenario import load_scenario, shipped_scenarios
from rallsim.model.parameter_fields import GENERAL_FIELDS, KIND_FIELDS, POPULATION_FIELDS, UNITS
from rallsim.model.states import CAUSES_OF_DEATH, Event
from rallsim.outcomes.summary import LANDMARKS
from rallsim.output.folder import summarise
from rallsim.simulation.simulate import simulate

SCENARIOS = [name for name, _ in shipped_scenarios()]
THERAPIES = list(m.parameters().therapies)
KIND_OF = {name: therapy.kind for name, therapy in m.parameters().therapies.items()}
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
    results = summarise(simulation)
    table = results.summary.set_index(["strategy", "outcome"])
    always = ["response", "hsct", "lines_mean", "os_median", "os_restricted_mean", "efs_restricted_mean"]
    always += [f"os_at_{landmark}_months" for landmark in LANDMARKS if landmark <= scenario.horizon_months]
    always += [f"death_{cause}" for cause in CAUSES_OF_DEATH]
    for strategy in scenario.strategies:
        for outcome in always:
            assert np.isfinite(table.loc[(strategy, outcome), ["estimate", "lo", "hi"]].to_numpy(float)).all(), outcome
    assert np.isfinite(results.survival.select_dtypes("number")).all(axis=None)
    assert set(results.differences["strategy"]) == set(scenario.strategies) - {scenario.reference}


@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("therapy", [name for name in THERAPIES if KIND_OF[name] not in ("supportive", "mrd")])
def test_every_therapy_can_be_the_only_one(therapy: str, population: str) -> None:
    """Any therapy of salvage can be the only one in any population: only it is given, and somebody responds.

    Supportive care is no course, and treatment of MRD needs a remission first.
    """
    eligibility = {therapy: next(iter(labels))} if (labels := m.parameters().therapies[therapy].labels) else {}
    scenario = m.question(
        {"one": {"salvage": [{"give": therapy}]}}, population=population, eligibility=eligibility, patients=300
    )
    history = simulate(scenario, m.parameters()).histories["one"]
    of_lines = history.events[history.events["line"] > 0]
    given = of_lines["therapy"][of_lines["therapy"] >= 0]
    assert {history.therapies[code] for code in given} == {therapy}
    assert np.isfinite(m.first_times(history, Event.RESPONSE)).any()


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
