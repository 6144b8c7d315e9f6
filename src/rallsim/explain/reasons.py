"""Why a stage ended as it did: the rule of the strategy that chose, and the draws that decided.

Rules are asked of the tables that the pathway reads, chances of the pathway itself (`Replay.chance`): nothing of the
model is written here a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from rallsim.explain.questions import BRIDGED, QUESTIONS
from rallsim.explain.replay import Replay, StageVisit
from rallsim.explain.words import NUMBERS, in_sentence, interval_in_words, listed, value_in_words
from rallsim.model.conditions import OR, Condition, Interval, alternatives
from rallsim.model.patient import ATTRIBUTES, GIVEN, attribute_matrix
from rallsim.model.random_numbers import MAX_COURSES, InCourse
from rallsim.model.rules import ALTERNATIVE, NOTHING, condition_holds, is_about, rule_ranges
from rallsim.model.states import Event, Kind, Stage
from rallsim.model.transitions import ACTIVE, IN_REMISSION
from rallsim.simulation.engine_inputs import Prepared

WORTH_SAYING_ALONE = (  # ends of a stage after which a draw is worth saying even if one strategy alone comes to it
    *(Event.DEATH, Event.LEUKAPHERESIS_FAILURE, Event.MANUFACTURE_FAILURE),
    *(Event.DROP_OUT, Event.B_CELL_RECOVERY),
)
BEGINNINGS_OF_REMISSION = (Event.ENTRY, Event.RESPONSE, Event.MRD_RESPONSE, Event.B_CELL_RECOVERY)


class AppliedRule(NamedTuple):
    """The first rule of a list that applies: its number in the list from 1, what it gives, and its words."""

    number: int
    action: int
    words: str


@dataclass(frozen=True)
class RuleChoice:
    """What a strategy's list of rules chose: `given` is a therapy's id, a transplant, or empty for nothing."""

    subject: str  # the list: salvage, bridging, mrd or consolidation
    given: str = ""
    rule: int | None = None  # number of the rule that chose, from 1
    why: str = ""
    passed_over: tuple[str, ...] = ()  # rules before it, and why they did not choose
    because: str = ""  # why nothing was given although the strategy would, in a few words
    event: int = 0  # place in the history of the event that it led to


@dataclass(frozen=True)
class Draw:
    """A uniform against a chance: what it is about happened when draw < chance."""

    decision: str  # its name in `InCourse`
    course: int
    about: str
    therapy: str
    draw: float
    chance: float
    note: str = ""  # to when the chance counts, when that is not the end of a remission
    alone: bool = False  # worth saying even when only one strategy comes to it
    event: int = 0

    @property
    def happened(self) -> bool:
        """Tell whether what the draw is about happened."""
        return self.draw < self.chance


class Reasons:
    """What decided the stages of one patient under one strategy."""

    def __init__(self, replay: Replay, therapies: Sequence[str], labels: Mapping[str, str]) -> None:
        self.replay = replay
        self.prepared: Prepared = replay.prepared
        self.therapies = therapies
        self.labels = labels
        self._model: Any = replay.prepared.models[0]
        self._kinds = replay.prepared.therapies[0]["kind"]
        self._ranges = rule_ranges(self._model)

    def draws(self, visit: StageVisit) -> Iterator[Draw]:
        """Yield each draw that decided how a stage ended."""
        for question in QUESTIONS:
            if visit.stage not in question.stages:
                continue
            draw_and_chance = self.replay.chance(visit, question.decision, question.occurred)
            if draw_and_chance is None:
                continue
            inside = [row for row in visit.rows if self.replay.events["event"][row] == question.inside]
            bridging = visit.stage in BRIDGED and question.decision == InCourse.BRIDGING_RESPONSE
            yield Draw(
                decision=question.decision.word,
                course=visit.course,
                about=question.about,
                therapy=self._therapy(int(visit.within["bridging" if bridging else "therapy"][0])),
                draw=draw_and_chance[0],
                chance=draw_and_chance[1],
                note=question.note,
                alone=int(self.replay.events["event"][visit.ended_by]) in WORTH_SAYING_ALONE,
                event=inside[0] if inside else visit.ended_by,
            )

    def choices(self, visit: StageVisit) -> Iterator[RuleChoice]:
        """Yield what the strategy chose as a stage began."""
        if visit.stage in ACTIVE:
            yield from self._next_line(visit)
        entered_by = int(self.replay.events["event"][visit.entered_by])
        if entered_by in BEGINNINGS_OF_REMISSION and visit.stage in IN_REMISSION:
            infused_again = entered_by == Event.B_CELL_RECOVERY and visit.within["reinfused"][0] > 0
            if infused_again:
                why = "the strategy infuses again"
                yield RuleChoice("reinfusion", "reinfusion", why=why, event=visit.entered_by)
            if not infused_again or visit.within["b_cell_recovery"][0] > 0.0:  # the second infusion did not help
                yield from self._in_remission(visit)

    def _next_line(self, visit: StageVisit) -> Iterator[RuleChoice]:
        attributes = attribute_matrix(visit.within)[0]
        rule, passed_over = self._first_rule("salvage", attributes, NOTHING)
        if visit.within["next_event"][0] == Event.PALLIATIVE_CARE:
            yield self._palliative_care(visit, rule, passed_over)
        elif rule is not None:
            yield self._choice("salvage", rule, passed_over, visit.ended_by)
            therapy = rule.action
            rule, passed_over = self._first_rule("bridging", attributes, therapy)
            if rule is not None or passed_over or self._kinds[therapy] == Kind.CAR_T:
                yield self._choice("bridging", rule, passed_over, visit.ended_by)

    def _palliative_care(self, visit: StageVisit, rule: AppliedRule | None, passed_over: tuple[str, ...]) -> RuleChoice:
        """Say why there is no next line, although a rule may apply."""
        if self.replay.outcome(visit, InCourse.TREATED, 0.0).event != Event.PALLIATIVE_CARE:
            why = "not every patient is treated again, whatever the strategy, and this one is not"
            because = "as for some patients, whatever the strategy"
            return RuleChoice("salvage", why=why, because=because, event=visit.ended_by)
        most_lines = int(self._model["max_lines"])
        if visit.within["line"][0] > most_lines:
            why = f"{NUMBERS[most_lines]} lines are the most that the strategy gives"
        elif rule is None:
            why = "the strategy has nothing left that may be given"
        elif self._kinds[rule.action] == Kind.SUPPORTIVE:
            return self._choice("salvage", rule, passed_over, visit.ended_by)
        else:
            why = f"{MAX_COURSES} courses are the most that are followed"
        return RuleChoice("salvage", why=why, passed_over=passed_over, because=why, event=visit.ended_by)

    def _in_remission(self, visit: StageVisit) -> Iterator[RuleChoice]:
        """Yield what was chosen as a remission began; a course for MRD has not counted yet when it is chosen."""
        before = int(visit.before["therapy"][0])
        therapy = int(self._model["front_line"]) if before == NOTHING else before
        event = visit.entered_by
        attributes = attribute_matrix(visit.within)[0].copy()
        given = slice(GIVEN, GIVEN + len(self.therapies))
        attributes[given] = attribute_matrix(visit.before)[0][given]
        if attributes[ATTRIBUTES.index("mrd_positive")] > 0.0 and self._ranges["mrd"]:
            rule, passed_over = self._first_rule("mrd", attributes, therapy)
            yield self._choice("mrd", rule, passed_over, event)
            if rule is not None:
                return
        rule, passed_over = self._first_rule("consolidation", attributes, therapy)
        if rule is None:
            yield RuleChoice("consolidation", passed_over=passed_over, event=event)
            return
        choice = RuleChoice("consolidation", "", rule.number, rule.words, passed_over, event=event)
        if rule.action == 0:
            yield choice
        elif visit.stage == Stage.AWAITING_HSCT:
            conditioning = "transplant" if rule.action == 1 else "transplant with two alkylating agents"
            yield replace(choice, given=conditioning)
        else:
            because = listed(self._against_transplant(attributes))
            yield replace(choice, why=f"{rule.words} wants one, but: {because}", because=because)

    def _against_transplant(self, attributes: np.ndarray) -> list[str]:
        lacking = [
            value_in_words(name, 0.0, self.labels)
            for name in ("hsct_fit", "donor")
            if attributes[ATTRIBUTES.index(name)] == 0.0
        ]
        had = float(attributes[ATTRIBUTES.index("prior_hsct")])
        if had >= self._model["max_transplants"]:
            lacking.append(value_in_words("prior_hsct", had, self.labels))
        return lacking or ["it is not done, for another reason than the disease"]

    # --- rules -----------------------------------------------------------------------------------------------------

    def _choice(self, subject: str, rule: AppliedRule | None, passed_over: tuple[str, ...], event: int) -> RuleChoice:
        """Return what a list of therapies chose: that of the rule, or nothing."""
        if rule is None:
            return RuleChoice(subject, passed_over=passed_over, event=event)
        return RuleChoice(subject, self.therapies[rule.action], rule.number, rule.words, passed_over, event=event)

    def _first_rule(
        self, subject: str, attributes: np.ndarray, therapy: int
    ) -> tuple[AppliedRule | None, tuple[str, ...]]:
        """Return the first rule of a list that applies before or after a therapy, and why those before it do not."""
        passed_over: list[str] = []
        gives_therapy = subject != "consolidation"
        for number, index in enumerate(self._ranges[subject], 1):
            rule = self.prepared.rules[index]
            if not is_about(int(rule["subject"]), self.prepared.therapies[0], therapy):
                continue
            action = int(rule["action"])
            failed = self._failed(attributes, rule)
            barred = self._failed(attributes, self.prepared.therapies[0][action]) if gives_therapy else []
            if not failed and not barred:
                return AppliedRule(number, action, self._words(rule, f"{subject} rule {number}")), tuple(passed_over)
            reasons = listed(failed) if failed else f"not eligible ({listed(barred)})"
            what = f", {in_sentence(self.labels[self.therapies[action]])}," if gives_therapy else ""
            passed_over.append(f"rule {number}{what} does not apply: {reasons}")
        return None, tuple(passed_over)

    def _failed(self, attributes: np.ndarray, asked: Any) -> list[str]:
        """What bars a patient from a rule, or from a therapy by its eligibility, in words: each attribute once."""
        first, after_last = int(asked["first_condition"]), int(asked["after_last_condition"])
        if condition_holds(attributes, self.replay.conditions, first, after_last):
            return []
        columns = self.prepared.conditions["attribute"]
        failed = [
            int(columns[place])
            for place in range(first, after_last)
            if columns[place] != ALTERNATIVE
            and not condition_holds(attributes, self.replay.conditions, place, place + 1)
        ]
        each_once = list(dict.fromkeys(reversed(failed)))[::-1]
        return [value_in_words(self._attribute(one), float(attributes[one]), self.labels) for one in each_once]

    def _attribute(self, column: int) -> str:
        return ATTRIBUTES[column] if column < GIVEN else f"given.{self.therapies[column - GIVEN]}"

    def _words(self, rule: np.void, name: str) -> str:
        """Name a rule with what it asks for."""
        rows = self.prepared.conditions[int(rule["first_condition"]) : int(rule["after_last_condition"])]
        condition: Condition = tuple(
            OR
            if row["attribute"] == ALTERNATIVE
            else Interval(self._attribute(int(row["attribute"])), float(row["low"]), float(row["high"]))
            for row in rows
        )
        ways = [listed([interval_in_words(part, self.labels) for part in one]) for one in alternatives(condition)]
        return name.replace("mrd", "MRD") + (f" ({', or '.join(ways)})" if condition else "")

    def _therapy(self, code: int) -> str:
        return "" if code < 0 else self.therapies[code]
