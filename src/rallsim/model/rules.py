"""Ordered rules as small tables that the pathway reads: which therapy, which bridging, transplant or not."""

from __future__ import annotations

from typing import Any

import numpy as np

from rallsim.common.compiled import compiled

CONDITION = np.dtype([("attribute", "i8"), ("low", "f8"), ("high", "f8")])
RULE = np.dtype(
    [
        ("subject", "i8"),  # the therapy before or after which the rule speaks, -1 for any
        ("action", "i8"),  # the therapy to give; for consolidation the alkylating agents of a transplant, 0 for none
        ("first_condition", "i8"),
        ("after_last_condition", "i8"),
    ]
)
ANY = -1
NOTHING = -1
ALTERNATIVE = -1  # the attribute of a condition that stands between two alternatives


@compiled
def meets(attributes: Any, conditions: Any, first: int, after_last: int) -> bool:
    """Tell whether every condition of a range, or of one of its alternatives, holds: low <= attribute <= high."""
    holds = True
    for index in range(first, after_last):
        condition = conditions[index]
        if condition.attribute == ALTERNATIVE:
            if holds:
                return True
            holds = True
        elif holds:
            value = attributes[condition.attribute]
            holds = bool(condition.low <= value <= condition.high)
    return holds


@compiled
def eligible(attributes: Any, therapy: Any, conditions: Any) -> bool:
    """Tell whether a patient may be given a therapy."""
    return meets(attributes, conditions, therapy.first_condition, therapy.after_last_condition)


@compiled
def therapy_by_rules(
    attributes: Any, subject: int, rules: Any, first: int, after_last: int, conditions: Any, therapies: Any
) -> int:
    """Therapy of the first rule that applies and whose therapy the patient is eligible for, or NOTHING."""
    for index in range(first, after_last):
        rule = rules[index]
        if (
            rule.subject in (ANY, subject)
            and meets(attributes, conditions, rule.first_condition, rule.after_last_condition)
            and eligible(attributes, therapies[rule.action], conditions)
        ):
            return int(rule.action)
    return NOTHING


@compiled
def transplant_by_rules(attributes: Any, subject: int, rules: Any, first: int, after_last: int, conditions: Any) -> int:
    """Alkylating agents in the conditioning, by the first consolidation rule that applies; 0: no transplant."""
    for index in range(first, after_last):
        rule = rules[index]
        if rule.subject in (ANY, subject) and meets(
            attributes, conditions, rule.first_condition, rule.after_last_condition
        ):
            return int(rule.action)
    return 0
