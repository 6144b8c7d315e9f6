"""Whatever the rules and the numbers, every history is lawful, and every decision in it is the one the rules make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import helpers_model as m
from rallsim import stages as w
from rallsim.conditions import ATTRIBUTES, Condition, alternatives
from rallsim.history import History
from rallsim.luck import COURSE_COLUMNS, ENTRY_COLUMNS, MAX_COURSES, REINFUSION_DRAW, TREATED, luck_of_block
from rallsim.model import CD19, CD22
from rallsim.patient import GIVEN
from rallsim.population import impossible_population
from rallsim.prepared import Prepared
from rallsim.rules import NOTHING, therapy_by_rules, transplant_by_rules
from rallsim.scenario import Scenario, Strategy

THERAPIES = m.parameters().therapies
DRUGS, CELLS, FOR_MRD = (m.therapies_of_kind(kind) for kind in ("drug", "car_t", "mrd"))
IDS = list(THERAPIES)
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


some = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

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
    assert (events == w.ENTRY).sum() == scenario.patients
    assert np.isin(events, [w.DEATH, w.CENSORED]).sum() == scenario.patients
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
    assert (history.events["detail"] == w.ANTIGEN_LOST).sum() > 100
    Replay(scenario, tables, history).check()


@some
@given(questions(patients=1), st.lists(st.integers(0, 2**31), min_size=1, max_size=5))
def test_compiled_rules_are_those_of_the_scenario(scenario: Scenario, seeds: list[int]) -> None:
    """For any attributes the tables give the therapy and the transplant that the rules as written give."""
    tables, strategy = m.prepared(scenario), scenario.strategies["one"]
    model, records = tables.models[0], tables.therapies[0]
    for seed in seeds:
        who = _anybody(seed)
        row = np.array([*(who[name] for name in ATTRIBUTES), *(who[f"given.{name}"] for name in IDS)])
        assert len(row) == GIVEN + len(IDS)
        found = therapy_by_rules(row, NOTHING, tables.rules, 0, model["after_last_salvage"], tables.conditions, records)
        assert (IDS[found] if found != NOTHING else None) == _therapy(scenario, strategy.salvage, who)
        for code, therapy in enumerate(IDS):
            planned = transplant_by_rules(
                row,
                code,
                tables.rules,
                model["after_last_mrd"],
                model["after_last_consolidation"],
                tables.conditions,
            )
            assert planned == _transplant(strategy, therapy, who)


@some
@given(questions(patients=60))
def test_no_number_is_unusable(scenario: Scenario) -> None:
    """Whatever the parameters, times are finite and the records of patients stay numbers."""
    tables = m.prepared(scenario)
    assert np.isfinite(m.run(tables, scenario).events["time"]).all()
    for name in ("entry_age", "blasts", "cr1_months", "hazard_left"):
        assert np.isfinite(m.entrants(tables, scenario)[name]).all()


# --- the rules in plain Python -----------------------------------------------------------------------------------


def _holds(condition: Condition, who: Mapping[str, float]) -> bool:
    return any(all(part.low <= who[part.attribute] <= part.high for part in one) for one in alternatives(condition))


def _eligible(scenario: Scenario, therapy: str, who: Mapping[str, float]) -> bool:
    file = THERAPIES[therapy]
    label = scenario.eligibility.get(therapy)
    condition = file.labels[label] if label else file.eligibility
    courses = all(who[f"given.{one}"] < THERAPIES[one].max_courses for one in (therapy, file.based_on) if one)
    room = file.kind != "transplant" or who["prior_hsct"] < scenario.strategies["one"].max_transplants
    return _holds(condition, who) and courses and room


def _therapy(scenario: Scenario, listed: Sequence[Any], who: Mapping[str, float]) -> str | None:
    able = (rule.give for rule in listed if _holds(rule.when, who) and _eligible(scenario, rule.give, who))
    return next(able, None)


def _transplant(strategy: Strategy, therapy: str, who: Mapping[str, float]) -> int:
    decisions = (
        rule.alkylators if rule.hsct else 0
        for rule in strategy.consolidation
        if rule.after in (None, therapy) and _holds(rule.when, who)
    )
    return next(decisions, 0)


def _anybody(seed: int) -> dict[str, float]:
    """Return random attributes, not of any patient there could be."""
    numbers = np.random.default_rng(seed).random(len(ATTRIBUTES) + len(IDS))
    spans = {"age": 80.0, "cr1_months": 40.0, "remission_months": 40.0, "months_since_hsct": 40.0, "blasts": 1.0}
    who = {
        name: spans[name] * u if name in spans else float(int(3 * u) if name in ("line", "prior_hsct") else u < 0.5)
        for name, u in zip(ATTRIBUTES, numbers, strict=False)
    }
    return who | {f"given.{name}": float(int(3 * u)) for name, u in zip(IDS, numbers[len(ATTRIBUTES) :], strict=True)}


class Row(NamedTuple):
    """A row of the history, in its own order."""

    time: float
    patient: int
    event: int
    stage: int
    line: int
    therapy: int
    detail: int


class Replay:
    """Follows every patient's attributes through the events and makes each decision again."""

    def __init__(self, scenario: Scenario, tables: Prepared, history: History) -> None:
        self.scenario, self.tables, self.history = scenario, tables, history
        self.strategy = scenario.strategies["one"]
        self.entrants = m.entrants(tables, scenario)
        self.luck = luck_of_block(scenario.seed, 0, 0)

    def check(self) -> None:
        rows = self.history.events
        for number in range(self.history.patients):
            self._patient(number, [Row(*row) for row in rows[rows["patient"] == number].tolist()])

    def _patient(self, number: int, rows: list[Row]) -> None:
        entrant = self.entrants[number]
        self.number = number
        self.who = {name: float(entrant[name]) for name in ATTRIBUTES} | {f"given.{name}": 0.0 for name in IDS}
        self.entry_age, self.entry_blasts = float(entrant["entry_age"]), float(entrant["entry_blasts"])
        self.lines, self.course, self.alkylators, self.reinfused = int(entrant["lines_given"]), 0, 0, False
        self.remission_since, self.hsct_since = 0.0, -1.0
        self.bridging: str | None = None
        for row, following in zip(rows, [*rows[1:], None], strict=True):
            self._event(row, following)

    def _event(self, row: Row, following: Row | None) -> None:
        who, therapy = self.who, IDS[row.therapy] if row.therapy >= 0 else ""
        if row.event == w.RESPONSE:  # decided with the age at which the course began
            who["mrd_positive"] = float(row.detail == w.MRD_POSITIVE)
            self._decides_in_remission(therapy, row)
            self.remission_since = row.time
        who["age"] = self.entry_age + row.time / 12.0
        if row.event == w.ENTRY and row.stage != w.RELAPSED:
            self._decides_in_remission(therapy, row)
        elif row.event == w.TREATMENT_START:
            self._starts(therapy, row)
        elif row.event == w.BRIDGING_START:
            assert therapy == self.bridging
            self._is_given(therapy)
        elif row.event == w.BRIDGING_RESPONSE:
            who["blasts"] = min(who["blasts"], self.tables.values["disease.blasts_after_bridging_response"])
        elif row.event == w.MRD_THERAPY_START:
            assert therapy == self.for_mrd
            self._is_given(therapy)
        elif row.event == w.MRD_RESPONSE:
            who["mrd_positive"] = float(row.detail == w.MRD_POSITIVE)
            self._decides_in_remission(therapy, row)
        elif row.event == w.B_CELL_RECOVERY:
            self._loses_aplasia(therapy, row)
        elif row.event == w.HSCT and row.stage == w.AFTER_HSCT:
            assert row.detail == (w.TWO_ALKYLATORS if self.alkylators == 2 else w.ONE_ALKYLATOR)
            self._is_transplanted(row.time)
        if row.stage in (w.RELAPSED, w.REFRACTORY) and row.event != w.CENSORED:
            self._next_line(row, following)

    def _starts(self, therapy: str, row: Row) -> None:
        self.lines += 1
        assert row.line == self.lines <= self.strategy.max_lines
        assert _eligible(self.scenario, therapy, self.who), f"{therapy} given to {self.who}"
        kind = THERAPIES[therapy].kind
        drug_stage = w.DEBULKING if self.bridging else w.SALVAGE
        assert row.stage == {"car_t": w.AWAITING_CELLS, "drug": drug_stage, "transplant": w.SALVAGE}[kind]
        self._is_given(therapy)
        if kind == "transplant":
            self._is_transplanted(row.time)

    def _is_given(self, therapy: str) -> None:
        for one in (therapy, THERAPIES[therapy].based_on):
            if one:
                self.who[f"given.{one}"] += 1.0

    def _is_transplanted(self, time: float) -> None:
        who = self.who
        assert who["hsct_fit"] > 0.0
        assert who["donor"] > 0.0
        assert who["prior_hsct"] < self.strategy.max_transplants
        who["prior_hsct"] += 1.0
        self.hsct_since = time

    def _decides_in_remission(self, therapy: str, row: Row) -> None:
        """Check the stage that a remission begins with: after a transplant, MRD therapy, transplant, or none."""
        who = self.who
        expected = w.REMISSION
        if THERAPIES[therapy].kind == "transplant":
            expected = w.AFTER_HSCT
        else:
            listed = [rule for rule in self.strategy.mrd if rule.after in (None, therapy)]
            self.for_mrd = _therapy(self.scenario, listed, who) if who["mrd_positive"] > 0.0 else None
            room = who["prior_hsct"] < self.strategy.max_transplants
            able = who["hsct_fit"] > 0.0 and who["donor"] > 0.0 and room
            if self.for_mrd:
                expected = w.MRD_THERAPY
            elif able:
                self.alkylators = _transplant(self.strategy, therapy, who)
                expected = w.AWAITING_HSCT if self.alkylators else w.REMISSION
        assert row.stage == expected

    def _loses_aplasia(self, therapy: str, row: Row) -> None:
        success = self.tables.values[f"therapies.{therapy}.reinfusion_success"]
        if self.strategy.reinfusion and self._luck(REINFUSION_DRAW) < success:
            assert row.stage == w.REMISSION
        else:
            self.who["b_cell_recovery"] = 1.0
            self._decides_in_remission(therapy, row)

    def _next_line(self, row: Row, following: Row | None) -> None:
        who = self.who
        if row.event == w.RELAPSE:
            who["remission_months"] = row.time - self.remission_since
            who |= {"mrd_positive": 0.0, "b_cell_recovery": 0.0}
        elif row.event == w.NO_RESPONSE:
            who["remission_months"] = 0.0
        if row.detail == w.LINEAGE_SWITCH:
            who |= {"cd19_positive": 0.0, "cd22_positive": 0.0}
        elif row.detail == w.ANTIGEN_LOST:
            who[{CD19: "cd19_positive", CD22: "cd22_positive"}[THERAPIES[IDS[row.therapy]].target]] = 0.0
        who["blasts"] = self.entry_blasts
        self.course += row.event != w.ENTRY
        who["line"] = self.lines + 1.0
        if self.hsct_since >= 0.0:
            who["months_since_hsct"] = row.time - self.hsct_since
        else:
            done = self.tables.values["disease.months_to_hsct_in_first_remission"]
            since = row.time + max(0.0, who["cr1_months"] - done)
            who["months_since_hsct"] = since if who["prior_hsct"] > 0.0 else 1200.0
        given = "disease.treated_at_entry" if row.event == w.ENTRY else "disease.next_line_given_failure"
        treated = self._luck(TREATED) < self.tables.values[given]
        allowed = self.course < MAX_COURSES and who["line"] <= self.strategy.max_lines and treated
        expected = _therapy(self.scenario, self.strategy.salvage, who) if allowed else None
        if expected and THERAPIES[expected].kind == "supportive":
            expected = None
        before = [rule for rule in self.strategy.bridging if rule.before == expected]
        self.bridging = _therapy(self.scenario, before, who) if expected else None
        assert following is not None
        if following.event == w.TREATMENT_START:
            assert IDS[following.therapy] == expected
        elif following.event == w.PALLIATIVE_CARE:
            assert expected is None
        else:
            assert following.event in (w.DEATH, w.CENSORED)

    def _luck(self, decision: int) -> float:
        return float(self.luck[self.number, ENTRY_COLUMNS + self.course * COURSE_COLUMNS + decision])
