"""Each parameter moved low and high moves its outcome the expected way, on the same patients with the same luck."""

from __future__ import annotations

import numpy as np
import pytest

import helpers_directions as d
import helpers_model as m
from rallsim.model.parameter_fields import GENERAL_FIELDS, KIND_FIELDS, POPULATION_FIELDS

OF_THERAPIES = [
    (therapy.id, name) for therapy in m.parameters().therapies.values() for name in KIND_FIELDS[therapy.kind]
]


def run(therapy: str, case: d.Case, path: str, value: float) -> d.Run:
    """Simulate a case with one parameter changed."""
    kind = d.THERAPIES[therapy].kind
    typical = {
        f"therapies.{therapy}.{name}": d.OF_FIELD.get(name, d.TYPICAL[field.unit])
        for name, field in KIND_FIELDS[kind].items()
    }
    values = d.MIXED | typical | ({"population.in_mrd_remission": 1.0} if kind == "mrd" else {})
    values |= {f"therapies.{therapy}.{name}": one for name, one in case.values.items()} | dict(case.others)
    scenario = m.question(
        {"one": d.plan(case.plan, therapy)},
        values=values | {path: value},
        patients=3000,
        horizon_months=case.horizon,
        eligibility={"car_t_cd19": "broad", "inotuzumab": "broad"},
    )
    tables = m.prepared(scenario)
    history = m.run(tables, scenario, engine="batch")
    return d.Run(m.entrants(tables, scenario), history, list(d.THERAPIES).index(therapy))


def check(therapy: str, case: d.Case, path: str) -> None:
    """Compare the ends of a case."""
    low, high = (run(therapy, case, path, value) for value in (case.low, case.high))
    if case.measure is None:
        assert np.array_equal(low.history.events, high.history.events), f"{path} moves what it should not"
        return
    before, after = case.measure(low), case.measure(high)
    assert before < after if case.rises else before > after, f"{path}: {case.low:g} {before:g}, {case.high:g} {after:g}"


@pytest.mark.slow
@pytest.mark.parametrize(("therapy", "name"), OF_THERAPIES)
def test_a_therapy_s_parameter_moves_its_outcome(therapy: str, name: str) -> None:
    """Low and high of a therapy's parameter differ in the outcome named for it, in the direction named."""
    check(therapy, d.case_of(therapy, name), f"therapies.{therapy}.{name}")


@pytest.mark.parametrize("path", GENERAL_FIELDS)
def test_a_general_parameter_moves_its_outcome(path: str) -> None:
    """The same for what belongs to no therapy."""
    case = d.GENERAL_CASES[path]
    therapy = {"bridging": "inotuzumab", "transplant": "hsct_in_relapse", "car_t": "car_t_cd19"}.get(case.plan)
    check(therapy or "inotuzumab", case, path)


@pytest.mark.parametrize("name", POPULATION_FIELDS)
def test_a_population_s_parameter_moves_who_enters(name: str) -> None:
    """The same for a population, in its patients at entry."""
    check("chemotherapy", d.POPULATION_CASES[name], f"population.{name}")


def test_there_are_no_cases_of_parameters_that_are_gone() -> None:
    """Every case is one of a parameter there is, and there are several hundred."""
    named = {name for fields in KIND_FIELDS.values() for name in fields}
    assert set(d.THERAPY_CASES) | set(d.MRD_CASES) | set(d.TRANSPLANT_CASES) == named
    assert set(d.GENERAL_CASES) == set(GENERAL_FIELDS)
    assert set(d.POPULATION_CASES) == set(POPULATION_FIELDS)
    assert len(OF_THERAPIES) > 300
