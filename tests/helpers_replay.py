"""The decisions in a history made again in plain Python, from the rules as written and the therapies' files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import helpers_model as m
from rallsim.inputs.scenario import Scenario, Strategy
from rallsim.model.conditions import ATTRIBUTES, Condition, alternatives
from rallsim.model.random_numbers import COURSE_COLUMNS, ENTRY_COLUMNS, MAX_COURSES, InCourse, uniforms_of_block
from rallsim.model.states import Antigen, Detail, Event, Stage
from rallsim.outcomes.history import History
from rallsim.simulation.engine_inputs import Prepared

THERAPIES = m.parameters().therapies
IDS = list(THERAPIES)


def holds(condition: Condition, who: Mapping[str, float]) -> bool:
    return any(all(part.low <= who[part.attribute] <= part.high for part in one) for one in alternatives(condition))


def eligible(scenario: Scenario, strategy: Strategy, therapy: str, who: Mapping[str, float]) -> bool:
    file = THERAPIES[therapy]
    label = scenario.eligibility.get(therapy)
    condition = file.labels[label] if label else file.eligibility
    courses = all(who[f"given.{one}"] < THERAPIES[one].max_courses for one in (therapy, file.based_on) if one)
    room = file.kind != "transplant" or who["prior_hsct"] < strategy.max_transplants
    return holds(condition, who) and courses and room


def therapy_of(scenario: Scenario, strategy: Strategy, listed: Sequence[Any], who: Mapping[str, float]) -> str | None:
    able = (rule.give for rule in listed if holds(rule.when, who) and eligible(scenario, strategy, rule.give, who))
    return next(able, None)


def is_for(named: str | None, therapy: str | None) -> bool:
    """Tell whether a rule that names a therapy, or none, is one for a therapy or what it is a form of."""
    return named in (None, therapy) or (therapy is not None and named == THERAPIES[therapy].based_on)


def transplant_of(strategy: Strategy, therapy: str, who: Mapping[str, float]) -> int:
    decisions = (
        rule.alkylators if rule.hsct else 0
        for rule in strategy.consolidation
        if is_for(rule.after, therapy) and holds(rule.when, who)
    )
    return next(decisions, 0)


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
        self.strategy = scenario.strategies[tables.strategy]
        self.entrants = m.entrants(tables, scenario)
        self.luck = uniforms_of_block(scenario.seed, 0, 0)

    def check(self) -> None:
        rows = self.history.events
        for number in range(self.history.patients):
            self._patient(number, [Row(*row) for row in rows[rows["patient"] == number].tolist()])

    def _patient(self, number: int, rows: list[Row]) -> None:
        entrant = self.entrants[number]
        self.number = number
        self.who = {name: float(entrant[name]) for name in ATTRIBUTES} | {
            f"given.{name}": float(entrant[f"given_{place}"]) for place, name in enumerate(IDS)
        }
        self.entry_age, self.entry_blasts = float(entrant["entry_age"]), float(entrant["entry_blasts"])
        self.lines, self.course, self.alkylators, self.reinfused = int(entrant["lines_given"]), 0, 0, False
        self.remission_since, self.hsct_since = 0.0, -1.0
        self.next_therapy: str | None = None
        self.bridging: str | None = None
        for row, following in zip(rows, [*rows[1:], None], strict=True):
            self._event(row, following)

    def _event(self, row: Row, following: Row | None) -> None:
        who, therapy = self.who, IDS[row.therapy] if row.therapy >= 0 else ""
        who["age"] = self.entry_age + row.time / 12.0
        if row.event == Event.ENTRY and row.stage != Stage.RELAPSED:
            self._decides_in_remission(therapy, row)
        elif row.event == Event.TREATMENT_START:
            self._starts(therapy, row)
        elif row.event == Event.BRIDGING_START:
            assert therapy == self.bridging
            self._is_given(therapy)
        elif row.event == Event.BRIDGING_RESPONSE:
            who["blasts"] = min(who["blasts"], self.tables.values["disease.blasts_after_bridging_response"])
        elif row.event == Event.MRD_THERAPY_START:
            assert therapy == self.for_mrd
            self._is_given(therapy)
        elif row.event in (Event.RESPONSE, Event.MRD_RESPONSE):
            who["mrd_positive"] = float(row.detail == Detail.MRD_POSITIVE)
            self._decides_in_remission(therapy, row)
            if row.event == Event.RESPONSE:
                self.remission_since = row.time
        elif row.event == Event.B_CELL_RECOVERY:
            self._loses_aplasia(therapy, row)
        elif row.event == Event.HSCT and row.stage == Stage.AFTER_HSCT:
            assert row.detail == (Detail.TWO_ALKYLATORS if self.alkylators == 2 else Detail.ONE_ALKYLATOR)
            self._is_transplanted(row.time)
        if row.stage in (Stage.RELAPSED, Stage.REFRACTORY) and row.event != Event.CENSORED:
            self._next_line(row, following)

    def _starts(self, therapy: str, row: Row) -> None:
        self.lines += 1
        assert row.line == self.lines <= self.strategy.max_lines
        assert therapy == self.next_therapy  # decided at relapse: by the start a patient may be older than eligible
        kind = THERAPIES[therapy].kind
        drug_stage = Stage.DEBULKING if self.bridging else Stage.SALVAGE
        assert row.stage == {"car_t": Stage.AWAITING_CELLS, "drug": drug_stage, "transplant": Stage.SALVAGE}[kind]
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
        expected = Stage.REMISSION
        if THERAPIES[therapy].kind == "transplant":
            expected = Stage.AFTER_HSCT
        else:
            listed = [rule for rule in self.strategy.mrd if is_for(rule.after, therapy)]
            self.for_mrd = therapy_of(self.scenario, self.strategy, listed, who) if who["mrd_positive"] > 0.0 else None
            room = who["prior_hsct"] < self.strategy.max_transplants
            realised = self._luck(InCourse.HSCT_REALISED) < self.tables.values[f"therapies.{therapy}.hsct_realised"]
            able = who["hsct_fit"] > 0.0 and who["donor"] > 0.0 and room and realised
            if self.for_mrd:
                expected = Stage.MRD_THERAPY
            elif able:
                self.alkylators = transplant_of(self.strategy, therapy, who)
                expected = Stage.AWAITING_HSCT if self.alkylators else Stage.REMISSION
        assert row.stage == expected

    def _loses_aplasia(self, therapy: str, row: Row) -> None:
        success = self.tables.values[f"therapies.{therapy}.reinfusion_success"]
        if self.strategy.reinfusion and self._luck(InCourse.REINFUSION) < success:
            assert row.stage == Stage.REMISSION
        else:
            self.who["b_cell_recovery"] = 1.0
            self._decides_in_remission(therapy, row)

    def _next_line(self, row: Row, following: Row | None) -> None:
        who = self.who
        if row.event == Event.RELAPSE:
            who["remission_months"] = row.time - self.remission_since
            who |= {"mrd_positive": 0.0, "b_cell_recovery": 0.0}
        elif row.event == Event.NO_RESPONSE:
            who["remission_months"] = 0.0
        if row.detail == Detail.LINEAGE_SWITCH:
            who |= {"cd19_positive": 0.0, "cd22_positive": 0.0}
        elif row.detail == Detail.ANTIGEN_LOST:
            who[{Antigen.CD19: "cd19_positive", Antigen.CD22: "cd22_positive"}[THERAPIES[IDS[row.therapy]].target]] = (
                0.0
            )
        who["blasts"] = self.entry_blasts
        self.course += row.event != Event.ENTRY
        who["line"] = self.lines + 1.0
        if self.hsct_since >= 0.0:
            who["months_since_hsct"] = row.time - self.hsct_since
        else:
            done = self.tables.values["disease.months_to_hsct_in_first_remission"]
            since = row.time + max(0.0, who["cr1_months"] - done)
            who["months_since_hsct"] = since if who["prior_hsct"] > 0.0 else 1200.0
        given = {Event.ENTRY: "treated_at_entry", Event.RELAPSE: "next_line_given_relapse"}
        name = given.get(int(row.event), "next_line_given_failure")
        treated = self._luck(InCourse.TREATED) < self.tables.values[f"disease.{name}"]
        allowed = self.course < MAX_COURSES and who["line"] <= self.strategy.max_lines and treated
        expected = therapy_of(self.scenario, self.strategy, self.strategy.salvage, who) if allowed else None
        if expected and THERAPIES[expected].kind == "supportive":
            expected = None
        before = [rule for rule in self.strategy.bridging if is_for(rule.before, expected)]
        self.bridging = therapy_of(self.scenario, self.strategy, before, who) if expected else None
        self.next_therapy = expected
        assert following is not None
        if following.event == Event.TREATMENT_START:
            assert IDS[following.therapy] == expected
        elif following.event == Event.PALLIATIVE_CARE:
            assert expected is None or following.detail == Detail.PROGRESSION
        else:
            assert following.event in (Event.DEATH, Event.CENSORED)

    def _luck(self, decision: int) -> float:
        return float(self.luck[self.number, ENTRY_COLUMNS + self.course * COURSE_COLUMNS + decision])
