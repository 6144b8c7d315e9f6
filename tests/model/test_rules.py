from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from rallsim.common.compiled import is_compiling
from rallsim.common.records import readable
from rallsim.model.conditions import ATTRIBUTES
from rallsim.model.parameter_fields import MODEL, THERAPY
from rallsim.model.rules import (
    ALTERNATIVE,
    ANY,
    CONDITION,
    NOTHING,
    RULE,
    bridging_rule,
    condition_holds,
    consolidation_rule,
    mrd_rule,
    salvage_rule,
    therapy_by_rules,
)
from rallsim.model.world import World

AGE, LINE, BLASTS = (list(ATTRIBUTES).index(name) for name in ("age", "line", "blasts"))
CONDITIONS = [(AGE, -np.inf, 25.0), (BLASTS, 0.05, 0.5), (LINE, 2.0, np.inf)]
UP_TO_25, BLASTS_5_TO_50, FROM_LINE_2 = ((index, index + 1) for index in range(3))
ALWAYS = (0, 0)


def table(rows: list[tuple[Any, ...]], kind: np.dtype[Any]) -> np.ndarray:
    array = np.array(rows, kind)
    return array if is_compiling() else array.view(np.recarray)


def patient(age: float = 40.0, line: float = 1.0, blasts: float = 0.8) -> np.ndarray:
    attributes = np.zeros(len(ATTRIBUTES))
    attributes[[AGE, LINE, BLASTS]] = age, line, blasts
    return attributes


def therapies(*eligibility: tuple[int, int]) -> np.ndarray:
    records = np.zeros(len(eligibility), THERAPY)
    for record, (first, after_last) in zip(records, eligibility, strict=True):
        record["first_condition"], record["after_last_condition"] = first, after_last
    return records if is_compiling() else records.view(np.recarray)


def world(who: np.ndarray, rules: np.ndarray, some: np.ndarray, ends: Sequence[int] = (0, 0, 0)) -> World:
    """A patient and rules; `ends` are those of the lists of salvage, bridging and MRD, consolidation has the rest."""
    model = np.zeros(1, MODEL)
    for name, end in zip(("salvage", "bridging", "mrd", "consolidation"), (*ends, len(rules)), strict=True):
        model[f"after_last_{name}"] = end
    return World(who, who, readable(model)[0][0], some, rules, table(CONDITIONS, CONDITION), who, rules, who)


@pytest.mark.parametrize(
    ("who", "holds"), [((20.0, 1.0), True), ((20.0, 3.0), True), ((40.0, 3.0), True), ((40.0, 1.0), False)]
)
def test_one_of_the_alternatives_must_hold(who: tuple[float, float], holds: bool) -> None:
    """Up to 25 years, or from the second line on, each with a burden of 5 to 50 %: one alternative is enough."""
    half = CONDITIONS[1]
    either = table([CONDITIONS[0], half, (ALTERNATIVE, 0.0, 0.0), CONDITIONS[2], half], CONDITION)
    assert condition_holds(patient(*who, blasts=0.2), either, 0, 5) is holds
    assert condition_holds(patient(*who, blasts=0.8), either, 0, 5) is False


@pytest.mark.parametrize(
    ("blasts", "holds"), [(0.0499, False), (0.05, True), (0.3, True), (0.5, True), (0.5001, False)]
)
def test_both_ends_of_an_interval_belong_to_it(blasts: float, holds: bool) -> None:
    """A condition holds from its lowest to its highest value, both included."""
    assert condition_holds(patient(blasts=blasts), table(CONDITIONS, CONDITION), *BLASTS_5_TO_50) is holds


def test_all_intervals_must_hold_and_none_always_does() -> None:
    """One interval that fails is enough to refuse; an empty condition refuses nobody."""
    conditions = table(CONDITIONS, CONDITION)
    assert condition_holds(patient(age=20.0, line=2.0, blasts=0.2), conditions, 0, 3)
    assert not condition_holds(patient(age=26.0, line=2.0, blasts=0.2), conditions, 0, 3)
    assert not condition_holds(patient(age=20.0, line=2.0, blasts=0.6), conditions, 0, 3)
    assert not condition_holds(patient(age=20.0, line=1.0, blasts=0.2), conditions, 0, 3)
    assert condition_holds(patient(), conditions, *ALWAYS)


def test_the_first_rule_that_applies_decides() -> None:
    """Rules are asked in order: the young get therapy 1, from line 2 on therapy 0, all others therapy 2."""
    rules = table([(ANY, 1, *UP_TO_25), (ANY, 0, *FROM_LINE_2), (ANY, 2, *ALWAYS)], RULE)
    everybody = therapies(ALWAYS, ALWAYS, ALWAYS)
    for who, expected in ((patient(age=20.0, line=3.0), 1), (patient(line=2.0), 0), (patient(), 2)):
        assert therapy_by_rules(world(who, rules, everybody), NOTHING, 0, 3) == expected


def test_a_therapy_the_patient_may_not_get_is_passed_over() -> None:
    """A rule that applies but whose therapy is refused gives way to the next; when all are refused there is nothing."""
    rules = table([(ANY, 1, *ALWAYS), (ANY, 0, *ALWAYS)], RULE)
    some = therapies(FROM_LINE_2, UP_TO_25)
    assert therapy_by_rules(world(patient(age=20.0), rules, some), NOTHING, 0, 2) == 1
    assert therapy_by_rules(world(patient(age=40.0, line=2.0), rules, some), NOTHING, 0, 2) == 0
    assert therapy_by_rules(world(patient(age=40.0), rules, some), NOTHING, 0, 2) == NOTHING


def test_only_the_rules_of_the_range_and_of_the_subject_speak() -> None:
    """Rules outside the range are other decisions; a rule for one therapy is silent about another."""
    everybody = therapies(ALWAYS, ALWAYS, ALWAYS)
    rules = table([(ANY, 0, *ALWAYS), (2, 1, *ALWAYS), (ANY, 2, *ALWAYS)], RULE)
    assert therapy_by_rules(world(patient(), rules, everybody), 2, 1, 2) == 1
    assert therapy_by_rules(world(patient(), rules, everybody), 0, 1, 2) == NOTHING
    assert therapy_by_rules(world(patient(), rules, everybody), 0, 1, 3) == 2
    assert therapy_by_rules(world(patient(), rules, everybody), 0, 0, 0) == NOTHING


def test_consolidation() -> None:
    """The first rule that applies says transplant or not, and its conditioning; without one there is no transplant."""
    rules = table([(1, 2, *BLASTS_5_TO_50), (1, 0, *ALWAYS), (ANY, 1, *ALWAYS)], RULE)
    few, many = (world(patient(blasts=blasts), rules, therapies(ALWAYS)) for blasts in (0.2, 0.8))
    assert [consolidation_rule(few, 1), consolidation_rule(many, 1), consolidation_rule(many, 0)] == [2, 0, 1]
    assert consolidation_rule(world(patient(), rules[:2], therapies(ALWAYS)), 0) == 0


def test_every_decision_reads_its_own_list() -> None:
    """The lists stand one after the other: salvage, bridging, MRD, consolidation."""
    rules = table([(ANY, action, *ALWAYS) for action in (3, 2, 1, 2)], RULE)
    one_each = world(patient(), rules, therapies(*[ALWAYS] * 4), ends=(1, 2, 3))
    found = [salvage_rule(one_each), *(rule(one_each, 0) for rule in (bridging_rule, mrd_rule, consolidation_rule))]
    assert found == [3, 2, 1, 2]
    none = world(patient(), rules[:0], therapies(ALWAYS))
    assert [salvage_rule(none), bridging_rule(none, 0), mrd_rule(none, 0)] == [NOTHING] * 3
