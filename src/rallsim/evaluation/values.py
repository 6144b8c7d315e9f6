"""Costs, QALYs, life years and resources of a patient, added to the sums of a draw inside a compiled loop.

Periods, charges and utilities are those of `accrual_periods`, `costs` and `qalys`, on which valuations rest too.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from rallsim.common.compiled import compiled
from rallsim.common.records import readable
from rallsim.economics.settings.cost_files import CATEGORIES, RESOURCES
from rallsim.economics.settings.settings import EconomicSettings
from rallsim.economics.valuation.accrual_periods import CLOCK_NUMBERS, PERIOD, find_periods, trigger_tables
from rallsim.economics.valuation.costs import accrue_costs, prices_of
from rallsim.economics.valuation.qalys import accrue_qalys, triggers_of, weights_of
from rallsim.economics.valuation.valuation import TOTALS

CATEGORY_NUMBERS = len(CATEGORIES)
OF_CATEGORIES = (*(f"costs_{name}" for name in CATEGORIES), *(f"costs_{name}_undisc" for name in CATEGORIES))
USED = tuple(f"{name}s" for name in RESOURCES)
SUMS = (*TOTALS, *OF_CATEGORIES, *USED)  # what a patient adds, in this order
COSTS_AT, QALYS_AT, LYS_AT, COSTS_UNDISC_AT, QALYS_UNDISC_AT, LYS_UNDISC_AT = (
    SUMS.index(name) for name in ("costs", "qalys", "lys", "costs_undisc", "qalys_undisc", "lys_undisc")
)
CATEGORIES_AT, USED_AT = SUMS.index(OF_CATEGORIES[0]), SUMS.index(USED[0])
MOST_PERIODS = 20_000  # of one patient

# Triggers of the items, then of stages and decrements; `months` are draws × triggers; `category` and `resource` (-1 for
# none) are of the items; forces of discount are those of costs and of QALYs. An item's place is its trigger's.
Tables = namedtuple("Tables", "triggers months prices category resource weights forces_of_costs forces_of_qalys")
Room = namedtuple("Room", "clocks periods cursor")  # for the periods of one patient


@compiled
def add_values(
    events: Any, first: int, after_last: int, age: float, male: float, tables: Any, draw: int, room: Any, sums: Any
) -> None:
    """Add what one patient comes to, whose rows stand from `first` to `after_last - 1`, to `sums` (SUMS)."""
    room.cursor[0] = 0
    find_periods(
        events, first, after_last, tables.triggers, tables.months[draw], room.clocks, room.periods, room.cursor
    )
    items = len(tables.category)
    costs = costs_undisc = qalys = qalys_undisc = lys = lys_undisc = 0.0
    for number in range(min(room.cursor[0], len(room.periods))):
        period = room.periods[number]
        place = period.trigger - items
        if place < 0:
            quantity, amount, discounted = accrue_costs(
                period.trigger, period.start, period.stop, tables.prices, draw, tables.forces_of_costs
            )
            costs += discounted
            costs_undisc += amount
            category = CATEGORIES_AT + tables.category[period.trigger]
            sums[category] += discounted
            sums[category + CATEGORY_NUMBERS] += amount
            if tables.resource[period.trigger] >= 0:
                sums[USED_AT + tables.resource[period.trigger]] += quantity
        else:
            years, years_discounted, plain, discounted = accrue_qalys(
                place, period.start, period.stop, age, male, tables.weights, draw, tables.forces_of_qalys
            )
            lys_undisc += years
            lys += years_discounted
            qalys_undisc += plain
            qalys += discounted
    sums[COSTS_AT] += costs
    sums[QALYS_AT] += qalys
    sums[LYS_AT] += lys
    sums[COSTS_UNDISC_AT] += costs_undisc
    sums[QALYS_UNDISC_AT] += qalys_undisc
    sums[LYS_UNDISC_AT] += lys_undisc


def tables_of(
    economics: EconomicSettings, therapies: Sequence[str], drawn: Mapping[str, np.ndarray] | None = None, draws: int = 1
) -> Tables:
    """Lay economics out for the loop; `drawn` holds columns of draws by path, `therapies` what codes point at.

    An array of draws goes through the same arithmetic of prices and quantities as one number does.
    """
    economics = economics.with_values(cast(Mapping[str, float], drawn or {}))
    costs, utilities = economics.costs, economics.utilities
    of_items, of_time = [item.trigger for item in costs.items], triggers_of(utilities)
    months = np.zeros((draws, len(of_items) + len(of_time)))
    for place, trigger in enumerate((*of_items, *of_time)):
        months[:, place] = (costs if place < len(of_items) else utilities).months(trigger.lasting)
    category = [CATEGORIES.index(item.category) for item in costs.items]
    resource = [RESOURCES.index(item.resource) if item.resource else -1 for item in costs.items]
    return Tables(
        trigger_tables((*of_items, *of_time), therapies),
        months,
        prices_of(costs, draws),
        np.array(category, np.int64),
        np.array(resource, np.int64),
        weights_of(utilities, draws),
        economics.rates.costs.forces,
        economics.rates.qalys.forces,
    )


def new_room() -> Room:
    """Return room for the periods of one patient."""
    (periods,) = readable(np.empty(MOST_PERIODS, PERIOD))
    return Room(np.empty(CLOCK_NUMBERS), periods, np.zeros(1, np.int64))
