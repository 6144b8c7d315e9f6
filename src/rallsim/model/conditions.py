"""When a rule applies: intervals on what is known of a patient at that moment.

People write `when: {blasts: {min: 0.05}, mrd_positive: true}`; everything else reads `(attribute, low, high)`. All
intervals of a condition must hold (both ends included); a condition without intervals always holds. `any_of` lists
conditions of which one must hold beside the rest: a label for a second relapse, or a first one after a transplant.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rallsim.errors import nearest


@dataclass(frozen=True)
class Attribute:
    """What a condition may ask: its lowest and highest possible value, how it is written, and what it means.

    As a member of `Attributes` it describes a number of a patient's record.
    """

    low: float
    high: float
    kind: Literal["yes_no", "count", "whole", "number"]
    meaning: str

    if TYPE_CHECKING:

        def __get__(self, patient: object, owner: type) -> float: ...
        def __set__(self, patient: object, value: float) -> None: ...


class Attributes:
    """What rules may ask about a patient."""

    age = Attribute(0, 120, "number", "age in years")
    male = Attribute(0, 1, "yes_no", "true for men, false for women")
    line = Attribute(0, 6, "whole", "salvage line about to be given, or being given; the first is 1, 0 before it")
    cr1_months = Attribute(0, 1200, "number", "duration of the first remission in months")
    remission_months = Attribute(0, 1200, "number", "duration of the last remission in months")
    blasts = Attribute(0, 1, "number", "share of blasts in the marrow: 0.05 is 5 %")
    mrd_positive = Attribute(0, 1, "yes_no", "remission with measurable residual disease")
    b_cell_recovery = Attribute(0, 1, "yes_no", "B cells came back early after CAR-T: the cells are probably gone")
    prior_hsct = Attribute(0, 10, "count", "allogeneic transplants so far; true: at least one")
    cd19_positive = Attribute(0, 1, "yes_no", "the blasts carry CD19")
    cd22_positive = Attribute(0, 1, "yes_no", "the blasts carry CD22")
    liver_disease = Attribute(0, 1, "yes_no", "liver disease that speaks against inotuzumab")
    hsct_fit = Attribute(0, 1, "yes_no", "fit for an allogeneic transplant")
    donor = Attribute(0, 1, "yes_no", "a donor for an allogeneic transplant is known")
    sibling_donor = Attribute(0, 1, "yes_no", "the donor is a sibling")
    months_since_hsct = Attribute(0, 1200, "number", "months since the last transplant; 1200 without one")
    primary_refractory = Attribute(0, 1, "yes_no", "there never was a first remission")
    neuro_history = Attribute(0, 1, "yes_no", "a history of seizures or other central nervous disease")
    ph_positive = Attribute(0, 1, "yes_no", "the Philadelphia chromosome")
    kmt2a = Attribute(0, 1, "yes_no", "a KMT2A rearrangement")
    extramedullary = Attribute(0, 1, "yes_no", "extramedullary disease")


ATTRIBUTES: dict[str, Attribute] = {name: one for name, one in vars(Attributes).items() if isinstance(one, Attribute)}
GIVEN = Attribute(0, 10, "count", "times this therapy was given before; true: at least once")
_GIVEN_PREFIX = "given."
ANY_OF = "any_of"


class Interval(NamedTuple):
    """The values of one attribute for which a rule applies, both ends included."""

    attribute: str
    low: float
    high: float


# Intervals that must all hold; OR stands between alternatives, each of them complete.
Condition = tuple[Interval, ...]
OR = Interval("or", -math.inf, math.inf)


class Fault(NamedTuple):
    """Something wrong in a condition: where below `when`, what is the matter, what stands there."""

    place: tuple[str | int, ...]
    message: str
    found: object
    allowed: str = ""
    hint: str | None = None


def read_condition(written: object, therapies: Sequence[str]) -> tuple[Condition, list[Fault]]:
    """Return the intervals of a condition as people write it, and all its faults.

    true means at least one, false means none, a number means exactly that, and a missing end is infinite.
    `therapies` are the words allowed after `given.`.

    >>> read_condition({"age": {"max": 25}, "mrd_positive": True}, [])[0]
    (Interval(attribute='age', low=-inf, high=25.0), Interval(attribute='mrd_positive', low=1.0, high=inf))
    >>> read_condition({"given.car_t_cd19": False}, ["car_t_cd19"])[0]
    (Interval(attribute='given.car_t_cd19', low=0.0, high=0.0),)
    >>> read_condition({"blasts": {"min": 1.2}}, [])[1]
    [Fault(place=('blasts', 'min'), message='must be at most 1', found=1.2, allowed='0 to 1', hint=None)]
    >>> either = {"donor": True, "any_of": [{"line": 2}, {"prior_hsct": True}]}
    >>> [part.attribute for part in read_condition(either, [])[0]]
    ['donor', 'line', 'or', 'donor', 'prior_hsct']
    """
    if not isinstance(written, dict) or ANY_OF not in written:
        return _read_intervals(written, therapies)
    common, faults = _read_intervals({name: value for name, value in written.items() if name != ANY_OF}, therapies)
    listed = written[ANY_OF]
    if not isinstance(listed, list) or len(listed) < 2:
        return common, [*faults, Fault((ANY_OF,), "must list at least two conditions", listed)]
    found: list[Condition] = []
    for place, one in enumerate(listed):
        intervals, wrong = _read_intervals(one, therapies)
        found.append((*common, *intervals))
        faults += [fault._replace(place=(ANY_OF, place, *fault.place)) for fault in wrong]
    return joined(found), faults


def alternatives(condition: Condition) -> list[Condition]:
    """Return the alternatives of a condition: it holds when all intervals of one of them do.

    >>> [len(one) for one in alternatives(joined([(Interval("line", 2, 2),), (Interval("donor", 1, 1),) * 2]))]
    [1, 2]
    """
    found: list[list[Interval]] = [[]]
    for part in condition:
        if part == OR:
            found.append([])
        else:
            found[-1].append(part)
    return [tuple(one) for one in found]


def joined(conditions: Sequence[Condition]) -> Condition:
    """Return the condition that holds when one of these does."""
    parts: list[Interval] = []
    for place, one in enumerate(conditions):
        parts += [OR, *one] if place else one
    return tuple(parts)


def with_also(condition: Condition, intervals: Iterable[Interval]) -> Condition:
    """Return the condition that holds when this one does, and further intervals as well."""
    also = tuple(intervals)
    return joined([(*one, *also) for one in alternatives(condition)])


def _read_intervals(written: object, therapies: Sequence[str]) -> tuple[Condition, list[Fault]]:
    if not isinstance(written, dict):
        return (), [Fault((), "must be a mapping (attribute: value)", written)]
    intervals: list[Interval] = []
    faults: list[Fault] = []
    for name, value in written.items():
        attribute = _attribute(name, therapies)
        if isinstance(attribute, Fault):
            faults.append(attribute)
            continue
        low, high, wrong = _ends(name, attribute, value)
        faults += wrong
        intervals.append(Interval(name, low, high))
    return tuple(intervals), faults


def condition_schema() -> dict[str, Any]:
    """Return the JSON Schema of a condition as people write it.

    >>> sorted(condition_schema()["properties"])[:3]
    ['age', 'any_of', 'b_cell_recovery']
    """
    one: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _value_schema(attribute) for name, attribute in ATTRIBUTES.items()},
        "patternProperties": {rf"^{re.escape(_GIVEN_PREFIX)}[a-z][a-z0-9_]*$": _value_schema(GIVEN)},
    }
    any_of = {"type": "array", "minItems": 2, "items": one, "description": "One of these must hold as well."}
    return {
        **one,
        "description": "The rule applies when all of this holds. No `when`: it always applies.",
        "properties": {**one["properties"], ANY_OF: any_of},
    }


def _attribute(name: object, therapies: Sequence[str]) -> Attribute | Fault:
    word = str(name)
    if isinstance(name, str) and name in ATTRIBUTES:
        return ATTRIBUTES[name]
    if word.startswith(_GIVEN_PREFIX):
        therapy = word.removeprefix(_GIVEN_PREFIX)
        if therapy in therapies:
            return GIVEN
        return Fault((word,), "must be a known therapy", therapy, ", ".join(therapies), nearest(therapy, therapies))
    allowed = ", ".join([*ATTRIBUTES, f"{_GIVEN_PREFIX}<therapy>", ANY_OF])
    return Fault((word,), "must be a known attribute", name, allowed, nearest(word, list(ATTRIBUTES)))


def _ends(name: str, attribute: Attribute, value: object) -> tuple[float, float, list[Fault]]:
    if isinstance(value, bool) and attribute.kind in ("yes_no", "count"):
        return (1.0, math.inf, []) if value else (0.0, 0.0, [])
    if attribute.kind == "yes_no":
        return 0.0, 0.0, [Fault((name,), "must be true or false", value)]
    if not isinstance(value, dict):
        yes_no = "true, false, " if attribute.kind == "count" else ""
        exact = _number((name,), attribute, value, f"{yes_no}{{}} or a mapping with min, max")
        return (0.0, 0.0, [exact]) if isinstance(exact, Fault) else (exact, exact, [])
    if not value:
        return 0.0, 0.0, [Fault((name,), "must have min, max or both", value, "min, max")]
    ends = {"min": -math.inf, "max": math.inf}
    faults: list[Fault] = []
    for key, end in value.items():
        if key not in ends:
            faults.append(
                Fault((name, str(key)), "must be a known key", key, "min, max", nearest(str(key), list(ends)))
            )
            continue
        number = _number((name, key), attribute, end, "{}")
        if isinstance(number, Fault):
            faults.append(number)
        else:
            ends[key] = number
    if ends["min"] > ends["max"]:
        faults.append(Fault((name,), "must have min up to max", value))
    return ends["min"], ends["max"], faults


def _number(place: tuple[str, ...], attribute: Attribute, value: object, forms: str) -> float | Fault:
    allowed = f"{attribute.low:g} to {attribute.high:g}"
    whole = attribute.kind in ("count", "whole")
    numeric = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not isinstance(value, int | float) or not numeric or (isinstance(value, float) and math.isnan(value)):
        return Fault(place, f"must be {forms.format('a whole number' if whole else 'a number')}", value, allowed)
    if not attribute.low <= value <= attribute.high:
        bound = f"at least {attribute.low:g}" if value < attribute.low else f"at most {attribute.high:g}"
        return Fault(place, f"must be {bound}", value, allowed)
    return float(value)


def _value_schema(attribute: Attribute) -> dict[str, Any]:
    if attribute.kind == "yes_no":
        return {"type": "boolean", "description": attribute.meaning}
    number = {
        "type": "number" if attribute.kind == "number" else "integer",
        "minimum": attribute.low,
        "maximum": attribute.high,
    }
    ends = {
        "type": "object",
        "properties": {"min": number, "max": number},
        "additionalProperties": False,
        "minProperties": 1,
    }
    forms = [number, ends, *([{"type": "boolean"}] if attribute.kind == "count" else [])]
    return {"anyOf": forms, "description": attribute.meaning}
