"""From a history to what it cost and what it was worth: every charge, every life year and every QALY, row by row.

Nothing here knows the pathway or draws a number. A charge belongs to the row of the history that caused it, and so to
that row's patient, line, stage and therapy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rallsim.economics.cost_files import PER, CostItem, Costs
from rallsim.economics.discounting import UNDISCOUNTED, Discount, Rates
from rallsim.economics.timeline import Floats, Ints, Timeline
from rallsim.economics.triggers import AT, spans_of
from rallsim.economics.utility_files import Utilities
from rallsim.errors import InputError, Problem


@dataclass(frozen=True, eq=False)
class Charges:
    """Charges by columns: which item, the row that caused it, when, how much, and what it came to."""

    items: Sequence[CostItem]
    prices: Floats  # unit price of each item; 0 where another item's price covers it
    item: Ints
    row: Ints
    start: Floats
    stop: Floats
    quantity: Floats
    amount: Floats
    discounted: Floats


def charges_of(timeline: Timeline, costs: Costs, discount: Discount) -> Charges:
    """Find every charge of a history.

    at an event: quantity * price * D(t);  over a time a to b: quantity * price * present value of a flow from a to b

    Refuses a therapy that was given and has no costs: one that costs nothing says so in the file.
    """
    _refuse_without_costs(timeline, costs)
    prices = np.array([costs.value(item.price) if item.price else 0.0 for item in costs.items])
    parts: list[tuple[Floats | Ints, ...]] = []
    for place, item in enumerate(costs.items):
        months = _months(costs, item)
        found = spans_of(item.trigger, timeline, months)
        each, price = costs.quantity(item), prices[place]
        if item.trigger.kind == AT:
            quantity = np.full(len(found.rows), each)
            discounted = quantity * price * discount.worth(found.start)
        else:
            per = each * PER[item.per or "month"]
            quantity = per * (found.stop - found.start)
            discounted = per * price * discount.flow(found.start, found.stop)
        which = np.full(len(found.rows), place)
        parts.append((which, found.rows, found.start, found.stop, quantity, quantity * price, discounted))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else [np.zeros(0)] * 7
    which_item, row, *others = columns
    return Charges(costs.items, prices, which_item.astype(np.intp), row.astype(np.intp), *others)


@dataclass(frozen=True, eq=False)
class Lived:
    """Life years and QALYs by columns: of rows of the history and the time from `start` to `stop`."""

    row: Ints
    start: Floats
    stop: Floats
    years: Floats  # 0 for decrements, whose time is counted with the stage
    years_discounted: Floats
    qalys: Floats
    qalys_discounted: Floats


def lived_of(timeline: Timeline, utilities: Utilities, rates: Rates, ages: Floats, male: Floats) -> Lived:
    """Find life years and QALYs; `ages` (years, at entry) and `male` (1 or 0) are those of the patients by number.

    QALY of a stage from a to b = multiplier * integral of norm(age at t) D(t) dt / 12; of a decrement
    - disutility * integral of D(t) dt / 12.
    """
    parts: list[tuple[Floats | Ints, ...]] = []
    for stage in utilities.stages:
        found = spans_of(stage.trigger, timeline)
        who = timeline.patient[found.rows]
        multiplier = utilities.multiplier(stage, male[who])
        years, years_discounted = (_years(found.start, found.stop, one) for one in (UNDISCOUNTED, rates.qalys))
        if utilities.age_adjusted:
            norm = utilities.norm_by_month(ages[who], male[who])
            qalys, discounted = (
                multiplier * one.flow_of_quadratic(found.start, found.stop, norm) / 12.0
                for one in (UNDISCOUNTED, rates.qalys)
            )
        else:
            qalys, discounted = multiplier * years, multiplier * years_discounted
        parts.append((found.rows, found.start, found.stop, years, years_discounted, qalys, discounted))
    for decrement in utilities.decrements:
        found = spans_of(decrement.trigger, timeline, utilities.months(decrement.trigger.lasting))
        loss = utilities.value(decrement.disutility)
        none = np.zeros(len(found.rows))
        qalys, discounted = (-loss * _years(found.start, found.stop, one) for one in (UNDISCOUNTED, rates.qalys))
        parts.append((found.rows, found.start, found.stop, none, none, qalys, discounted))
    row, *others = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Lived(row.astype(np.intp), *others)


def _years(start: Floats, stop: Floats, discount: Discount) -> Floats:
    return discount.flow(start, stop) / 12.0


def _months(costs: Costs, item: CostItem) -> float:
    if item.trigger.lasting is None:
        return float("inf")
    entry = costs.entries[item.trigger.lasting]
    return entry.value / PER["day"] if entry.unit == "days" else entry.value


def _refuse_without_costs(timeline: Timeline, costs: Costs) -> None:
    names = timeline.history.therapies
    given = [names[code] for code in np.unique(timeline.therapy) if code >= 0]
    missing = [name for name in given if name not in costs.therapies]
    if missing:
        raise InputError(
            Problem(
                f"the costs of '{costs.id}' say nothing of a therapy that was given: name it under 'therapies', "
                "with {} if it costs nothing",
                found=name,
                allowed=", ".join(sorted(costs.therapies)),
            )
            for name in missing
        )
