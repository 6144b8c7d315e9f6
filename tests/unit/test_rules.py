from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rallsim.common.compiled import is_compiling
from rallsim.model.conditions import ATTRIBUTES
from rallsim.model.parameter_fields import THERAPY
from rallsim.model.rules import ALTERNATIVE, ANY, CONDITION, NOTHING, RULE, meets, therapy_by_rules, transplant_by_rules

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


@pytest.mark.parametrize(
    ("who", "holds"), [((20.0, 1.0), True), ((20.0, 3.0), True), ((40.0, 3.0), True), ((40.0, 1.0), False)]
)
def test_one_of_the_alternatives_must_hold(who: tuple[float, float], holds: bool) -> None:
    """Up to 25 years, or from the second line on, each with a burden of 5 to 50 %: one alternative is enough."""
    half = CONDITIONS[1]
    either = table([CONDITIONS[0], half, (ALTERNATIVE, 0.0, 0.0), CONDITIONS[2], half], CONDITION)
    assert meets(patient(*who, blasts=0.2), either, 0, 5) is holds
    assert meets(patient(*who, blasts=0.8), either, 0, 5) is False


@pytest.mark.parametrize(
    ("blasts", "holds"), [(0.0499, False), (0.05, True), (0.3, True), (0.5, True), (0.5001, False)]
)
def test_both_ends_of_an_interval_belong_to_it(blasts: float, holds: bool) -> None:
    """A condition holds from its lowest to its highest value, both included."""
    assert meets(patient(blasts=blasts), table(CONDITIONS, CONDITION), *BLASTS_5_TO_50) is holds


def test_all_intervals_must_hold_and_none_always_does() -> None:
    """One interval that fails is enough to refuse; an empty condition refuses nobody."""
    conditions = table(CONDITIONS, CONDITION)
    assert meets(patient(age=20.0, line=2.0, blasts=0.2), conditions, 0, 3)
    assert not meets(patient(age=26.0, line=2.0, blasts=0.2), conditions, 0, 3)
    assert not meets(patient(age=20.0, line=2.0, blasts=0.6), conditions, 0, 3)
    assert not meets(patient(age=20.0, line=1.0, blasts=0.2), conditions, 0, 3)
    assert meets(patient(), conditions, *ALWAYS)


def test_the_first_rule_that_applies_decides() -> None:
    """Rules are asked in order: the young get therapy 1, from line 2 on therapy 0, all others therapy 2."""
    conditions = table(CONDITIONS, CONDITION)
    rules = table([(ANY, 1, *UP_TO_25), (ANY, 0, *FROM_LINE_2), (ANY, 2, *ALWAYS)], RULE)
    everybody = therapies(ALWAYS, ALWAYS, ALWAYS)
    for who, expected in ((patient(age=20.0, line=3.0), 1), (patient(line=2.0), 0), (patient(), 2)):
        assert therapy_by_rules(who, NOTHING, rules, 0, 3, conditions, everybody) == expected


def test_a_therapy_the_patient_may_not_get_is_passed_over() -> None:
    """A rule that applies but whose therapy is refused gives way to the next; when all are refused there is nothing."""
    conditions = table(CONDITIONS, CONDITION)
    rules = table([(ANY, 1, *ALWAYS), (ANY, 0, *ALWAYS)], RULE)
    some = therapies(FROM_LINE_2, UP_TO_25)
    assert therapy_by_rules(patient(age=20.0), NOTHING, rules, 0, 2, conditions, some) == 1
    assert therapy_by_rules(patient(age=40.0, line=2.0), NOTHING, rules, 0, 2, conditions, some) == 0
    assert therapy_by_rules(patient(age=40.0), NOTHING, rules, 0, 2, conditions, some) == NOTHING


def test_only_the_rules_of_the_range_and_of_the_subject_speak() -> None:
    """Rules outside the range are other decisions; a rule for one therapy is silent about another."""
    conditions = table(CONDITIONS, CONDITION)
    everybody = therapies(ALWAYS, ALWAYS, ALWAYS)
    rules = table([(ANY, 0, *ALWAYS), (2, 1, *ALWAYS), (ANY, 2, *ALWAYS)], RULE)
    assert therapy_by_rules(patient(), 2, rules, 1, 2, conditions, everybody) == 1
    assert therapy_by_rules(patient(), 0, rules, 1, 2, conditions, everybody) == NOTHING
    assert therapy_by_rules(patient(), 0, rules, 1, 3, conditions, everybody) == 2
    assert therapy_by_rules(patient(), 0, rules, 0, 0, conditions, everybody) == NOTHING


def test_consolidation() -> None:
    """The first rule that applies says transplant or not, and its conditioning; without one there is no transplant."""
    conditions = table(CONDITIONS, CONDITION)
    rules = table([(1, 2, *BLASTS_5_TO_50), (1, 0, *ALWAYS), (ANY, 1, *ALWAYS)], RULE)
    assert transplant_by_rules(patient(blasts=0.2), 1, rules, 0, 3, conditions) == 2
    assert transplant_by_rules(patient(blasts=0.8), 1, rules, 0, 3, conditions) == 0
    assert transplant_by_rules(patient(blasts=0.8), 0, rules, 0, 3, conditions) == 1
    assert transplant_by_rules(patient(blasts=0.8), 0, rules, 0, 2, conditions) == 0
