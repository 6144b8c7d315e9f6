"""Why a stage ended as it did: the rule of the strategy that chose, and the draws that decided.

Rules are asked of the tables that the pathway reads, chances of the pathway itself (`Replay.chance`): nothing of the
model is written here a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rallsim.explain.questions import ACTIVE, BRIDGED, IN_REMISSION, QUESTIONS
from rallsim.explain.replay import Passage, Replay
from rallsim.explain.words import NUMBERS, in_sentence, interval_in_words, listed, value_in_words
from rallsim.model.conditions import OR, Condition, Interval, alternatives
from rallsim.model.patient import ATTRIBUTES, GIVEN, attribute_matrix
from rallsim.model.random_numbers import MAX_COURSES, InCourse
from rallsim.model.rules import ALTERNATIVE, ANY, NOTHING, condition_holds
from rallsim.model.states import Event, Kind, Stage
from rallsim.simulation.engine_inputs import Prepared

_TOLD_ALONE = (
    Event.DEATH,
    Event.LEUKAPHERESIS_FAILURE,
    Event.MANUFACTURE_FAILURE,
    Event.DROP_OUT,
    Event.B_CELL_RECOVERY,
)

REMISSION_BEGINS = (Event.ENTRY, Event.RESPONSE, Event.MRD_RESPONSE, Event.B_CELL_RECOVERY)


@dataclass(frozen=True)
class Choice:
    """What a strategy's list of rules chose: `given` is a therapy's id, a transplant, or empty for nothing."""

    subject: str  # the list: salvage, bridging, mrd or consolidation
    given: str
    rule: int | None  # number of the rule that chose, from 1
    why: str
    passed_over: tuple[str, ...] = ()  # rules before it, and why they did not choose
    because: str = ""  # why nothing was given although the strategy would, in a few words
    event: int = 0  # place in the history of the event that it led to


@dataclass(frozen=True)
class Draw:
    """A draw against a chance: what it is about happened when draw < chance."""

    decision: str  # its name in `InCourse`
    course: int
    about: str
    therapy: str
    draw: float
    chance: float
    note: str = ""  # to when the chance counts, when that is not the end of a remission
    alone: bool = False  # worth telling even when only one strategy comes to it
    event: int = 0

    @property
    def happened(self) -> bool:
        """Tell whether it came as the chance had it."""
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

    def draws(self, passage: Passage) -> Iterator[Draw]:
        """Yield each draw on which the end of a stage hung."""
        for question in QUESTIONS:
            if passage.stage not in question.stages:
                continue
            found = self.replay.chance(passage, question.decision, question.happens)
            if found is None:
                continue
            inside = [row for row in passage.rows if self.replay.events["event"][row] == question.inside]
            bridging = passage.stage in BRIDGED and question.decision == InCourse.BRIDGING_RESPONSE
            yield Draw(
                decision=question.decision.word,
                course=passage.course,
                about=question.about,
                therapy=self._therapy(int(passage.within["bridging" if bridging else "therapy"][0])),
                draw=found[0],
                chance=found[1],
                note=question.note,
                alone=int(self.replay.events["event"][passage.ended_by]) in _TOLD_ALONE,
                event=inside[0] if inside else passage.ended_by,
            )

    def choices(self, passage: Passage) -> Iterator[Choice]:
        """Yield what the strategy chose as a stage began, or for when it ends in remission."""
        if passage.stage in ACTIVE:
            yield from self._next_line(passage)
        entered_by = int(self.replay.events["event"][passage.entered_by])
        if entered_by in REMISSION_BEGINS and passage.stage in IN_REMISSION:
            before = int(passage.before["therapy"][0])
            therapy = int(self._model["front_line"]) if before == NOTHING else before
            infused_again = entered_by == Event.B_CELL_RECOVERY and passage.within["reinfused"][0] > 0
            if infused_again:
                yield Choice("reinfusion", "reinfusion", None, "the strategy infuses again", (), "", passage.entered_by)
            if not infused_again or passage.within["b_cell_recovery"][0] > 0.0:  # the second infusion did not help
                yield from self._in_remission(passage, therapy, passage.stage, passage.entered_by)

    def _next_line(self, passage: Passage) -> Iterator[Choice]:
        attributes = attribute_matrix(passage.within)[0]
        salvage = (0, int(self._model["after_last_salvage"]))
        chosen, passed_over = self._first_that_applies(attributes, NOTHING, *salvage)
        place = passage.ended_by
        if passage.within["next_event"][0] == Event.PALLIATIVE_CARE:
            treated = self.replay.ending(passage, InCourse.TREATED, 0.0).event != Event.PALLIATIVE_CARE
            if treated:
                why = "not every patient is treated again, whatever the strategy, and this one is not"
                yield Choice("salvage", "", None, why, (), "as for some patients, whatever the strategy", place)
                return
            if passage.within["line"][0] > self._model["max_lines"]:
                why = f"{NUMBERS[int(self._model['max_lines'])]} lines are the most that the strategy gives"
            elif chosen is not None and self._kinds[self._action(chosen)] == Kind.SUPPORTIVE:
                why = self._rule(chosen, f"salvage rule {chosen + 1}")
                yield Choice("salvage", self.therapies[self._action(chosen)], chosen + 1, why, passed_over, "", place)
                return
            elif chosen is not None:
                why = f"{MAX_COURSES} courses are the most that are followed"
            else:
                why = "the strategy has nothing left that may be given"
            yield Choice("salvage", "", None, why, passed_over, why, place)
            return
        if chosen is None:
            return
        therapy = self._action(chosen)
        why = self._rule(chosen, f"salvage rule {chosen + 1}")
        yield Choice("salvage", self.therapies[therapy], chosen + 1, why, passed_over, "", place)
        bridging = (salvage[1], int(self._model["after_last_bridging"]))
        chosen, passed_over = self._first_that_applies(attributes, therapy, *bridging)
        if chosen is not None:
            number = chosen + 1 - bridging[0]
            why = self._rule(chosen, f"bridging rule {number}")
            yield Choice("bridging", self.therapies[self._action(chosen)], number, why, passed_over, "", place)
        elif self._kinds[therapy] == Kind.CAR_T or passed_over:
            yield Choice("bridging", "", None, "", passed_over, "", place)

    def _in_remission(self, passage: Passage, therapy: int, stage: int, event: int) -> Iterator[Choice]:
        """Yield what was chosen in remission; a course for MRD has not counted yet when it is chosen."""
        if self._kinds[therapy] == Kind.TRANSPLANT:
            return
        attributes = attribute_matrix(passage.within)[0].copy()
        if event == passage.entered_by:
            given = slice(GIVEN, GIVEN + len(self.therapies))
            attributes[given] = attribute_matrix(passage.before)[0][given]
        first, last = int(self._model["after_last_bridging"]), int(self._model["after_last_mrd"])
        if attributes[ATTRIBUTES.index("mrd_positive")] > 0.0 and last > first:
            chosen, passed_over = self._first_that_applies(attributes, therapy, first, last)
            if chosen is not None:
                number = chosen + 1 - first
                why = self._rule(chosen, f"MRD rule {number}")
                yield Choice("mrd", self.therapies[self._action(chosen)], number, why, passed_over, "", event)
                return
            yield Choice("mrd", "", None, "", passed_over, "", event)
        first, last = last, int(self._model["after_last_consolidation"])
        chosen, passed_over = self._first_that_applies(attributes, therapy, first, last, eligibility=False)
        if chosen is None:
            yield Choice("consolidation", "", None, "", passed_over, "", event)
            return
        number, alkylators = chosen + 1 - first, self._action(chosen)
        why = self._rule(chosen, f"consolidation rule {number}")
        if alkylators == 0:
            yield Choice("consolidation", "", number, why, passed_over, "", event)
        elif stage == Stage.AWAITING_HSCT:
            given_name = "transplant" if alkylators == 1 else "transplant with two alkylating agents"
            yield Choice("consolidation", given_name, number, why, passed_over, "", event)
        else:
            because = listed(self._against_transplant(attributes))
            yield Choice("consolidation", "", number, f"{why} wants one, but: {because}", passed_over, because, event)

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

    def _first_that_applies(
        self, attributes: np.ndarray, subject: int, first: int, last: int, *, eligibility: bool = True
    ) -> tuple[int | None, tuple[str, ...]]:
        """Return the first rule that applies, and why those before it do not."""
        passed_over: list[str] = []
        for index in range(first, last):
            rule = self.prepared.rules[index]
            if rule["subject"] not in (ANY, subject):
                continue
            failed = [self._has(attributes, one) for one in self._failed(attributes, rule)]
            barred = self._failed(attributes, self.prepared.therapies[0][rule["action"]]) if eligibility else []
            if not failed and not barred:
                return index, tuple(passed_over)
            reasons = failed or [f"not eligible ({listed([self._has(attributes, one) for one in barred])})"]
            number = index + 1 - first
            what = f", {in_sentence(self.labels[self.therapies[rule['action']]])}," if eligibility else ""
            passed_over.append(f"rule {number}{what} does not apply: {listed(reasons)}")
        return None, tuple(passed_over)

    def _failed(self, attributes: np.ndarray, asked: Any) -> list[int]:
        """Places of the conditions of a rule or of a therapy's eligibility that bar a patient, each attribute once."""
        first, after_last = int(asked["first_condition"]), int(asked["after_last_condition"])
        if condition_holds(attributes, self.replay.conditions, first, after_last):
            return []
        columns = self.prepared.conditions["attribute"]
        failed = [
            one
            for one in range(first, after_last)
            if columns[one] != ALTERNATIVE and not condition_holds(attributes, self.replay.conditions, one, one + 1)
        ]
        return list({int(columns[one]): one for one in reversed(failed)}.values())[::-1]

    def _has(self, attributes: np.ndarray, condition: int) -> str:
        column = int(self.prepared.conditions[condition]["attribute"])
        return value_in_words(self._attribute(column), float(attributes[column]), self.labels)

    def _attribute(self, column: int) -> str:
        return ATTRIBUTES[column] if column < GIVEN else f"given.{self.therapies[column - GIVEN]}"

    def _action(self, rule: int) -> int:
        return int(self.prepared.rules[rule]["action"])

    def _rule(self, index: int, name: str) -> str:
        """Name a rule with what it asks for."""
        rule = self.prepared.rules[index]
        asked: Condition = tuple(
            OR
            if one["attribute"] == ALTERNATIVE
            else Interval(self._attribute(int(one["attribute"])), float(one["low"]), float(one["high"]))
            for one in self.prepared.conditions[int(rule["first_condition"]) : int(rule["after_last_condition"])]
        )
        ways = [listed([interval_in_words(part, self.labels) for part in one]) for one in alternatives(asked)]
        return name + (f" ({', or '.join(ways)})" if asked else "")

    def _therapy(self, code: int) -> str:
        return "" if code < 0 else self.therapies[code]
