"""From a history to what it cost: every charge, row by row.

Nothing here knows the pathway or draws a number. A charge belongs to the row of the history that caused it, and so to
that row's patient, line, stage and therapy.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.common.records import readable
from rallsim.economics.discounting import Discount, moments, worth_at
from rallsim.economics.settings.cost_files import PER, CostItem, Costs
from rallsim.economics.settings.triggers import AT
from rallsim.economics.valuation.accrual_periods import Floats, Ints, Timeline, periods_of
from rallsim.errors import InputError, Problem

# Of each item: 1 where it counts at a moment, else 0; and draws × items: how much of it there is each time or in each
# month, and the unit price, 0 where another item's price covers it.
Prices = namedtuple("Prices", "is_moment each price")


@compiled
def accrue_costs(
    item: int, start: float, stop: float, prices: Any, draw: int, forces: Any
) -> tuple[float, float, float]:
    """Return quantity, amount and discounted amount of an item over a period.

    at an event: quantity * price * D(t);  over a time a to b: quantity * price * present value of a flow from a to b
    """
    each = prices.each[draw, item]
    price = prices.price[draw, item]
    if prices.is_moment[item] == 1:
        return each, each * price, each * price * worth_at(start, forces)
    quantity = each * (stop - start)
    return quantity, quantity * price, each * price * moments(start, stop, forces)[0]


@compiled_entry
def fill_charges(periods: Any, prices: Any, forces: Any, quantity: Any, amount: Any, discounted: Any) -> None:
    """Charge each period of an item."""
    for place in range(len(periods)):
        period = periods[place]
        found = accrue_costs(period.trigger, period.start, period.stop, prices, 0, forces)
        quantity[place], amount[place], discounted[place] = found


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
    """Find every charge of a history, patient after patient.

    Refuses a therapy that was given and has no costs: one that costs nothing says so in the file.
    """
    therapies = timeline.history.therapies
    refuse_without_costs((therapies[code] for code in np.unique(timeline.therapy) if code >= 0), costs)
    triggers = [item.trigger for item in costs.items]
    periods = periods_of(timeline.history.events, triggers, therapies, [costs.months(one.lasting) for one in triggers])
    prices = prices_of(costs)
    quantity, amount, discounted = (np.empty(len(periods)) for _ in range(3))
    fill_charges(*readable(periods), prices, discount.forces, quantity, amount, discounted)
    return Charges(
        items=costs.items,
        prices=prices.price[0],
        item=periods["trigger"].astype(np.intp),
        row=periods["row"].astype(np.intp),
        start=periods["start"].copy(),
        stop=periods["stop"].copy(),
        quantity=quantity,
        amount=amount,
        discounted=discounted,
    )


def prices_of(costs: Costs, draws: int = 1) -> Prices:
    """Return the quantities and prices of all items; parameters may hold an array with one number a draw."""
    each, price = np.zeros((draws, len(costs.items))), np.zeros((draws, len(costs.items)))
    for place, item in enumerate(costs.items):
        each[:, place] = costs.quantity(item) * (1.0 if item.trigger.kind == AT else PER[item.per or "month"])
        price[:, place] = costs.value(item.price) if item.price else 0.0
    return Prices(np.array([item.trigger.kind == AT for item in costs.items], np.int64), each, price)


def refuse_without_costs(given: Iterable[str], costs: Costs) -> None:
    """Raise InputError for therapies that were given and of which the costs say nothing."""
    missing = [name for name in given if name not in costs.therapies]
    if missing:
        raise InputError(
            Problem(
                f"must be among the therapies of costs '{costs.id}', with {{}} if it costs nothing",
                found=name,
                allowed=", ".join(sorted(costs.therapies)),
            )
            for name in missing
        )
