"""Ordered rules as small tables that the pathway reads: which therapy, which bridging, transplant or not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rallsim.common.columns import columns_of
from rallsim.common.compiled import compiled
from rallsim.model.parameter_fields import TherapyParameters
from rallsim.model.world import Floats, World


class ConditionRow:
    """An interval on one attribute: low <= attribute <= high."""

    attribute: int
    low: float
    high: float


class RuleRow:
    """A rule: the patients it is for, and what it gives them."""

    subject: int  # the therapy before or after which the rule applies, -1 for any
    action: int  # the therapy to give; for consolidation the alkylating agents of a transplant, 0 for none
    first_condition: int
    after_last_condition: int


CONDITION, RULE = np.dtype(columns_of(ConditionRow)), np.dtype(columns_of(RuleRow))
LISTS = ("salvage", "bridging", "mrd", "consolidation")  # of a strategy's rules, in the order of their table
ANY = -1
NOTHING = -1
ALTERNATIVE = -1  # the attribute of a condition that stands between two alternatives


@compiled
def salvage_rule(w: World) -> int:
    """Therapy that the strategy's rules give next, NOTHING for none."""
    return therapy_by_rules(w, NOTHING, 0, w.model.after_last_salvage)


@compiled
def bridging_rule(w: World, before: int) -> int:
    """Therapy that the strategy's rules give before another one, NOTHING for none."""
    return therapy_by_rules(w, before, w.model.after_last_salvage, w.model.after_last_bridging)


@compiled
def mrd_rule(w: World, after: int) -> int:
    """Therapy that the strategy's rules give for MRD in a remission after a therapy, NOTHING for none."""
    return therapy_by_rules(w, after, w.model.after_last_bridging, w.model.after_last_mrd)


@compiled
def consolidation_rule(w: World, after: int) -> int:
    """Alkylating agents of the transplant that the strategy's rules give after a therapy, 0 for no transplant."""
    for index in range(w.model.after_last_mrd, w.model.after_last_consolidation):
        if rule_applies(w, w.rules[index], after):
            return int(w.rules[index].action)
    return 0


@compiled
def therapy_by_rules(w: World, subject: int, first: int, after_last: int) -> int:
    """Therapy of the first rule that applies and whose therapy the patient is eligible for, or NOTHING."""
    for index in range(first, after_last):
        rule = w.rules[index]
        if rule_applies(w, rule, subject) and eligible(w, w.therapies[rule.action]):
            return int(rule.action)
    return NOTHING


@compiled
def rule_applies(w: World, rule: RuleRow, subject: int) -> bool:
    """Tell whether a rule is for this patient, before or after this therapy."""
    return bool(
        is_about(rule.subject, w.therapies, subject)
        and condition_holds(w.attributes, w.conditions, rule.first_condition, rule.after_last_condition)
    )


@compiled
def is_about(named: int, therapies: Sequence[TherapyParameters], therapy: int) -> bool:
    """Tell whether a rule that names a therapy, or ANY, holds for a therapy: for it, or for what it is a form of."""
    return bool(named in (ANY, therapy) or (therapy != NOTHING and therapies[therapy].based_on == named))


@compiled
def eligible(w: World, therapy: TherapyParameters) -> bool:
    """Tell whether the patient may be given a therapy."""
    return condition_holds(w.attributes, w.conditions, therapy.first_condition, therapy.after_last_condition)


@compiled
def condition_holds(attributes: Floats, conditions: Sequence[ConditionRow], first: int, after_last: int) -> bool:
    """Tell whether every interval of a range, or of one of its alternatives, holds."""
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


def rule_ranges(model: np.void) -> dict[str, range]:
    """Return the places of each list in the table of rules, as the decisions above read it, from a record of MODEL."""
    ends = [0, *(int(model[f"after_last_{name}"]) for name in LISTS)]
    return {name: range(*ends[place : place + 2]) for place, name in enumerate(LISTS)}
