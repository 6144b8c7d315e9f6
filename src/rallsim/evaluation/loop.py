"""The compiled loop of evaluations: patients live under every draw, are valued, and leave nothing but sums.

Outcomes are those of `endpoints`, on which patient tables rest too; charges, life years and QALYs are those of
`valuation`, with which histories are valued.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.common.records import readable, words
from rallsim.economics.discounting import UNDISCOUNTED, Discount, moments
from rallsim.economics.settings.cost_files import CATEGORIES, RESOURCES
from rallsim.economics.settings.settings import EconomicSettings
from rallsim.economics.valuation.accrual_periods import CLOCK_NUMBERS, PERIOD, find_periods, trigger_tables
from rallsim.economics.valuation.costs import accrue_costs, prices_of
from rallsim.economics.valuation.qalys import accrue_qalys, triggers_of, weights_of
from rallsim.economics.valuation.valuation import TOTALS
from rallsim.model.event_rows import EVENT_ROW
from rallsim.model.patient import attribute_matrix, new_patients
from rallsim.model.random_numbers import BLOCK
from rallsim.model.states import EVENTS, STAGES
from rallsim.model.world import BlockArrays
from rallsim.outcomes.censoring import copy_until
from rallsim.outcomes.endpoints import MEASURES, find_outcome, new_outcome_room
from rallsim.simulation.batch import copy_words, simulate_patient
from rallsim.simulation.blocks import MAX_EVENTS, refuse_overflow
from rallsim.simulation.engine_inputs import Prepared

COMPILED = "run_valued"
MOST_PERIODS = 20_000  # of one patient
# What is measured, in this order: outcomes and numbers of events, with economics values, and on demand details.
OUTCOMES = (*MEASURES, *(f"events_{name}" for name in EVENTS))
OF_CATEGORIES = (*(f"costs_{name}" for name in CATEGORIES), *(f"costs_{name}_undisc" for name in CATEGORIES))
USED = tuple(f"{name}s" for name in RESOURCES)
VALUES = (*TOTALS, *OF_CATEGORIES, *USED)
EVENTS_AT, VALUES_AT, CATEGORY_NUMBERS = len(MEASURES), len(OUTCOMES), len(CATEGORIES)
COSTS_AT, QALYS_AT, LYS_AT, COSTS_UNDISC_AT, QALYS_UNDISC_AT, LYS_UNDISC_AT = (
    VALUES.index(name) for name in ("costs", "qalys", "lys", "costs_undisc", "qalys_undisc", "lys_undisc")
)
CATEGORIES_AT, USED_AT = VALUES.index(OF_CATEGORIES[0]), VALUES.index(USED[0])

# Triggers of the items, then of stages and decrements; `months` are draws × triggers; `category` and `resource` (-1 for
# none) are of the items; forces of discount are those of costs and of QALYs. An item's place is its trigger's. Nothing
# is counted after `horizon`.
Tables = namedtuple(
    "Tables", "triggers months prices category resource weights forces_of_costs forces_of_qalys horizon"
)
Room = namedtuple("Room", "clocks periods cursor kept")  # for the periods of one patient, and for rows up to a horizon
# Horizon of outcomes and times of survival (months); whether stages are measured, 1 or 0.
Details = namedtuple("Details", "horizon times stages forces")


class Sums(NamedTuple):
    """What patients add up to: how many there are, sums of measures, and which therapies any of them was given."""

    counts: np.ndarray
    sums: np.ndarray
    given: np.ndarray


def empty_sums(draws: int, batches: int, therapies: int, measures: int) -> Sums:
    """Return sums of nobody: numbers of patients (draws × batches), sums (these × measures), and therapies given.

    None given stands first among the therapies.
    """
    counts, sums = np.zeros((draws, batches), np.int64), np.zeros((draws, batches, measures))
    return Sums(counts, sums, np.zeros(therapies + 1, np.int64))


def details_of(
    horizon: float, survival_at: Sequence[float], stage_months: Discount | None
) -> tuple[tuple[str, ...], Details]:
    """Return the names of the measures asked for beside the usual ones, and the same for the loop.

    `horizon` (months) is that of outcomes.

    >>> details_of(120.0, [12.0], None)[0]
    ('os_at_12_months', 'efs_at_12_months')
    """
    names = [f"{endpoint}_at_{time:g}_months" for endpoint in ("os", "efs") for time in survival_at]
    names += [f"months_in_{stage}" for stage in STAGES if stage_months]
    forces = (stage_months or UNDISCOUNTED).forces
    return tuple(names), Details(
        float(horizon), np.array(survival_at, np.float64), int(stage_months is not None), forces
    )


def add_patients(
    entrants: np.ndarray, luck: np.ndarray, prepared: Prepared, tables: Tables | None, details: Details, found: Sums
) -> None:
    """Run patients, one a row of `luck`, under every draw, and add them to what was found, by batch of their number.

    `entrants` are draws × patients, or 1 × patients where all draws have the same; `prepared` and `tables` hold one
    record or all draws.
    """
    patients = new_patients(1)
    static = (prepared.rules, prepared.conditions, prepared.life_tables)
    rows = (np.empty(MAX_EVENTS * BLOCK, EVENT_ROW), np.zeros(1, np.int64))
    block = BlockArrays(
        *readable(patients, attribute_matrix(patients), luck, prepared.models, prepared.therapies, *static, *rows)
    )
    at_entry = words(entrants.reshape(-1)).reshape(*entrants.shape, -1)
    whom = (block, words(patients), at_entry, new_outcome_room(), details)
    if tables is None:
        run_unvalued(*whom, *found)
    else:
        (periods,) = readable(np.empty(MOST_PERIODS, PERIOD))
        (kept,) = readable(np.empty(len(rows[0]), EVENT_ROW))
        room = Room(np.empty(CLOCK_NUMBERS), periods, np.zeros(1, np.int64), kept)
        run_valued(*whom, tables, room, *found)
        refuse_overflow(int(room.cursor[0]), len(room.periods), "charges and times of one patient")


@compiled
def live_once(place: int, draw: int, block: Any, record: Any, at_entry: Any) -> int:
    """Let the patient at a place live under a draw; rows stand from 0 to the cursor. Returns the patient's number.

    `record` are the words of the only patient of `block`, `at_entry` those of all patients as they enter.
    """
    copy_words(at_entry[draw if len(at_entry) > 1 else 0, place], record)
    simulate_patient(place, draw, block)
    return int(block.patients[0].number)


@compiled
def add_outcomes(events: Any, after_last: int, outcome: Any, sums: Any) -> None:
    """Add the outcomes of a patient whose rows end before `after_last`; `outcome` is room for one."""
    find_outcome(events, 0, after_last, outcome)
    for measure in range(EVENTS_AT):
        sums[measure] += outcome.measures[0, measure]


@compiled
def add_events(events: Any, after_last: int, sums: Any, given: Any) -> None:
    """Count the events of a patient whose rows end before `after_last`, and note the therapies given."""
    for index in range(after_last):
        row = events[index]
        sums[EVENTS_AT + row.event] += 1.0
        given[row.therapy + 1] = 1


@compiled
def add_details(events: Any, after_last: int, outcome: Any, details: Any, sums: Any) -> None:
    """Add whether the patient is alive and event-free after each time, and months in each stage, discounted."""
    found, times = outcome.outcomes[0], len(details.times)
    for place in range(times):
        sums[place] += 0.0 if found.dead > 0.0 and found.os_months <= details.times[place] else 1.0
        sums[times + place] += 0.0 if found.efs_event > 0.0 and found.efs_months <= details.times[place] else 1.0
    if details.stages == 0:
        return
    stage, since = events[0].stage, 0.0
    for index in range(1, after_last):
        row = events[index]
        if row.stage != stage or index == after_last - 1:
            sums[2 * times + stage] += moments(since, row.time, details.forces)[0]
            stage, since = row.stage, row.time


@compiled
def add_values(
    events: Any, after_last: int, age: float, male: float, tables: Any, draw: int, room: Any, sums: Any
) -> None:
    """Add what a patient whose rows end before `after_last` comes to, to `sums` (VALUES)."""
    room.cursor[0] = 0
    find_periods(events, 0, after_last, tables.triggers, tables.months[draw], room.clocks, room.periods, room.cursor)
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


@compiled_entry
def run_valued(
    block: Any,
    record: Any,
    at_entry: Any,
    outcome: Any,
    details: Any,
    tables: Any,
    room: Any,
    patients: Any,
    sums: Any,
    given: Any,
) -> None:
    """Let patients live and be valued once under every draw, one after the other in the same record and rows.

    Draws take turns within a patient: the patient's luck then stays in the processor's cache, a quarter of the time.
    Outcomes end at the horizon of `details`, values and numbers of events at that of `tables`.
    """
    most_periods = 0
    details_at = VALUES_AT + len(VALUES)
    for place in range(len(block.uniforms)):
        for draw in range(len(sums)):
            batch = live_once(place, draw, block, record, at_entry) % sums.shape[1]
            patients[draw, batch] += 1
            clinical, valued, one = block.events, block.events, block.patients[0]
            end_of_outcomes = end_of_values = block.cursor[0]
            if details.horizon < tables.horizon:
                clinical, end_of_outcomes = (
                    room.kept,
                    copy_until(clinical, 0, end_of_values, details.horizon, room.kept, 0),
                )
            elif tables.horizon < details.horizon:
                valued, end_of_values = room.kept, copy_until(valued, 0, end_of_outcomes, tables.horizon, room.kept, 0)
            add_outcomes(clinical, end_of_outcomes, outcome, sums[draw, batch])
            add_events(valued, end_of_values, sums[draw, batch], given)
            prices = draw if len(tables.months) > 1 else 0
            values = sums[draw, batch, VALUES_AT:]
            add_values(valued, end_of_values, one.entry_age, one.male, tables, prices, room, values)
            if sums.shape[2] > details_at:
                add_details(clinical, end_of_outcomes, outcome, details, sums[draw, batch, details_at:])
            most_periods = max(most_periods, room.cursor[0])
    room.cursor[0] = most_periods


@compiled_entry
def run_unvalued(
    block: Any, record: Any, at_entry: Any, outcome: Any, details: Any, patients: Any, sums: Any, given: Any
) -> None:
    """Let patients live once under every draw, as in `run_valued`, for their outcomes alone."""
    for place in range(len(block.uniforms)):
        for draw in range(len(sums)):
            batch = live_once(place, draw, block, record, at_entry) % sums.shape[1]
            patients[draw, batch] += 1
            add_outcomes(block.events, block.cursor[0], outcome, sums[draw, batch])
            add_events(block.events, block.cursor[0], sums[draw, batch], given)
            if sums.shape[2] > VALUES_AT:
                add_details(block.events, block.cursor[0], outcome, details, sums[draw, batch, VALUES_AT:])


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
        float(economics.horizon_months),
    )
