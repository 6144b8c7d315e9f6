"""Whatever the rules and the numbers, every history is lawful, and every decision in it is the one the rules make."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import helpers_model as m
from helpers_replay import IDS, THERAPIES, Replay, therapy_of, transplant_of
from rallsim.inputs.scenario import Scenario
from rallsim.model.conditions import ATTRIBUTES
from rallsim.model.patient import GIVEN
from rallsim.model.population import impossible_population
from rallsim.model.rules import NOTHING, consolidation_rule, salvage_rule
from rallsim.model.states import Detail, Event

DRUGS, CELLS, FOR_MRD = (m.therapies_of_kind(kind) for kind in ("drug", "car_t", "mrd"))
SALVAGE = [name for name in IDS if name not in FOR_MRD]

# --- random questions --------------------------------------------------------------------------------------------

RANGES = {
    "probability": st.sampled_from([0.0, 1.0]) | st.floats(0.02, 0.98),
    "share": st.floats(0.02, 0.45),  # shares of one whole must not add up to more than it
    "odds_ratio": st.floats(0.05, 20.0),
    "hazard_ratio": st.floats(0.1, 10.0),
    "mortality_ratio": st.floats(0.0, 20.0),
    "rate_per_month": st.floats(0.0, 1.0),
    "months": st.floats(0.05, 200.0),
    "days": st.floats(0.5, 60.0),
    "ratio": st.floats(0.5, 3.0),
    "cycles": st.integers(0, 6).map(float),
    "shape": st.floats(0.3, 10.0),
}
UNITS = {path: m.parameters().field_of(path).unit for path in m.parameters().values("adult_relapse")}


@st.composite
def values(draw: st.DrawFn) -> dict[str, float]:
    """Some parameters changed, within what their units allow; ages stay."""
    paths = draw(st.lists(st.sampled_from([path for path, unit in UNITS.items() if unit != "years"]), max_size=25))
    changed = {path: draw(RANGES[UNITS[path]]) for path in sorted(set(paths))}
    assume(not list(impossible_population(m.parameters().values("adult_relapse") | changed)))
    return changed


def conditions() -> st.SearchStrategy[dict[str, Any]]:
    """Conditions, one in a few with alternatives."""
    two = st.lists(intervals(), min_size=2, max_size=3)
    return intervals() | st.builds(lambda common, any_of: {**common, "any_of": any_of}, intervals(), two)


@st.composite
def intervals(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from([*ATTRIBUTES, *(f"given.{name}" for name in IDS)]), max_size=2, unique=True))
    return {name: draw(_value_of(name)) for name in names}


def _value_of(name: str) -> st.SearchStrategy[Any]:
    attribute = ATTRIBUTES.get(name)
    if attribute is None or name == "prior_hsct":
        return st.booleans() | st.integers(0, 2)
    if attribute.kind == "yes_no":
        return st.booleans()
    usual = {"line": (1, 4), "age": (18, 80), "blasts": (0.0, 1.0)}.get(name, (0.0, 40.0))
    ends = st.integers(*map(int, usual)) if attribute.kind == "whole" else st.floats(*usual)
    return st.lists(ends, min_size=2, max_size=2).map(lambda two: {"min": min(two), "max": max(two)})


def rules(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries({**keys, "when": conditions()}), min_size=1, max_size=5)


strategies = st.fixed_dictionaries(
    {
        "salvage": rules(give=st.sampled_from(SALVAGE)),
        "bridging": rules(before=st.sampled_from([*CELLS, *DRUGS]), give=st.sampled_from(DRUGS)),
        "mrd": rules(after=st.sampled_from(IDS), give=st.sampled_from(FOR_MRD)) | rules(give=st.sampled_from(FOR_MRD)),
        "consolidation": rules(after=st.sampled_from(IDS), hsct=st.booleans())
        | rules(hsct=st.booleans(), alkylators=st.integers(1, 2)),
        "reinfusion": st.booleans(),
        "max_lines": st.integers(1, 6),
        "max_transplants": st.integers(0, 2),
    }
)
LABELS = [{}] + [{name: label} for name, one in THERAPIES.items() for label in one.labels]


@st.composite
def questions(draw: st.DrawFn, patients: int = 120) -> Scenario:
    return m.question(
        {"one": draw(strategies)},
        values=draw(values()),
        patients=patients,
        horizon_months=draw(st.sampled_from([1.0, 24.0, 120.0, 600.0])),
        seed=draw(st.integers(0, 10**6)),
        eligibility=draw(st.sampled_from(LABELS)),
    )


some = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])

# --- what must hold ----------------------------------------------------------------------------------------------


@some
@given(questions())
def test_histories_are_lawful_and_follow_the_rules(scenario: Scenario) -> None:
    """Every patient enters once and leaves once, and each therapy, bridging and transplant is what the rules decide.

    The decisions are made again here, in plain Python, from the scenario's rules and the eligibility in the therapies'
    files, with the patient's attributes followed through the events.
    """
    tables = m.prepared(scenario)
    history = m.run(tables, scenario)
    events = history.events["event"]
    assert (events == Event.ENTRY).sum() == scenario.patients
    assert np.isin(events, [Event.DEATH, Event.CENSORED]).sum() == scenario.patients
    assert (m.run(tables, scenario, engine="batch").events == history.events).all(), "the engines part"
    Replay(scenario, tables, history).check()


def test_decisions_on_antigens_and_on_the_remission_after_car_t() -> None:
    """The same holds in a question made for what random ones rarely ask: lost antigens, B-cell recovery."""
    losing = {f"therapies.{name}.antigen_loss": 0.8 for name in (*CELLS, *DRUGS)}
    wide = {"population.prior_hsct": 0.3, "disease.next_line_given_failure": 0.95, **losing}
    strategy = {
        "salvage": [{"give": name} for name in (*CELLS, *DRUGS)],
        "consolidation": [{"when": {"b_cell_recovery": True}, "hsct": True}, {"when": {"line": 2}, "hsct": True}],
        "max_lines": 6,
        "max_transplants": 2,
    }
    scenario = m.question({"one": strategy}, values=wide, patients=1000)
    tables = m.prepared(scenario)
    history = m.run(tables, scenario)
    assert (history.events["detail"] == Detail.ANTIGEN_LOST).sum() > 100
    Replay(scenario, tables, history).check()


@some
@given(questions(patients=1), st.lists(st.integers(0, 2**31), min_size=1, max_size=5))
def test_compiled_rules_are_those_of_the_scenario(scenario: Scenario, seeds: list[int]) -> None:
    """For any attributes the tables give the therapy and the transplant that the rules as written give."""
    tables, strategy = m.prepared(scenario), scenario.strategies["one"]
    for seed in seeds:
        who = _anybody(seed)
        row = np.array([*(who[name] for name in ATTRIBUTES), *(who[f"given.{name}"] for name in IDS)])
        assert len(row) == GIVEN + len(IDS)
        world = m.world(row, tables)
        found = salvage_rule(world)
        assert (IDS[found] if found != NOTHING else None) == therapy_of(scenario, strategy, strategy.salvage, who)
        for code, therapy in enumerate(IDS):
            planned = consolidation_rule(world, code)
            assert planned == transplant_of(strategy, therapy, who)


@some
@given(questions(patients=60))
def test_no_number_is_unusable(scenario: Scenario) -> None:
    """Whatever the parameters, times are finite and the records of patients stay numbers."""
    tables = m.prepared(scenario)
    assert np.isfinite(m.run(tables, scenario).events["time"]).all()
    for name in ("entry_age", "blasts", "cr1_months", "hazard_left"):
        assert np.isfinite(m.entrants(tables, scenario)[name]).all()


def _anybody(seed: int) -> dict[str, float]:
    """Return random attributes, not of any patient there could be."""
    numbers = np.random.default_rng(seed).random(len(ATTRIBUTES) + len(IDS))
    spans = {"age": 80.0, "cr1_months": 40.0, "remission_months": 40.0, "months_since_hsct": 40.0, "blasts": 1.0}
    who = {
        name: spans[name] * u if name in spans else float(int(3 * u) if name in ("line", "prior_hsct") else u < 0.5)
        for name, u in zip(ATTRIBUTES, numbers, strict=False)
    }
    return who | {f"given.{name}": float(int(3 * u)) for name, u in zip(IDS, numbers[len(ATTRIBUTES) :], strict=True)}
