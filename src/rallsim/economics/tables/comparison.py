"""Strategies side by side: means with their Monte Carlo error, and increments in the same patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from rallsim.common.precision import Estimate, difference, mean
from rallsim.economics.settings.cost_files import Costs
from rallsim.economics.settings.entries import Entry
from rallsim.economics.settings.utility_files import Utilities
from rallsim.economics.valuation.accrual_periods import Floats
from rallsim.economics.valuation.valuation import Valuation
from rallsim.errors import InputError, Problem, nearest
from rallsim.model.states import EVENTS, Event
from rallsim.model.transitions import TRANSITIONS

_PRECISION = ["estimate", "std_error", "lo", "hi"]


def summary(valuations: Mapping[str, Valuation]) -> pd.DataFrame:
    """Estimate costs, QALYs and life years a patient under every strategy, by category and by line, with 95 % limits.

    Not included: the uncertainty of the parameters; that is what draws are for.
    """
    return _table(valuations, lambda one: {**one.totals(), **one.by_category(), **one.by_line()})


def activity(valuations: Mapping[str, Valuation]) -> pd.DataFrame:
    """Estimate how often each event happens and what is used of each resource, a patient entered."""
    return _table(valuations, lambda one: {**one.events(), **one.resources()})


def increments(valuations: Mapping[str, Valuation], reference: str) -> pd.DataFrame:
    """Estimate, for every strategy but `reference`, each total and category minus the reference's, patient by patient.

    The error is that of the patients' differences: what two strategies have in common cancels.
    """
    if reference not in valuations:
        names = list(valuations)
        raise InputError(
            Problem(
                "must be a known strategy", found=reference, allowed=", ".join(names), hint=nearest(reference, names)
            )
        )
    base = valuations[reference]
    rows = []
    for strategy, one in valuations.items():
        if strategy == reference:
            continue
        if one.patients != base.patients or one.timeline.history.seed != base.timeline.history.seed:
            raise InputError(Problem(f"must have the same patients in '{strategy}' and '{reference}' to pair them"))
        mine, theirs = ({**each.totals(), **each.by_category()} for each in (one, base))
        for name, values in mine.items():
            gain = difference(mean(values), mean(theirs[name]))
            unit = _unit(name, one.costs)
            rows.append((strategy, reference, name, unit, gain.value, gain.std_error, gain.lo, gain.hi))
    return pd.DataFrame(rows, columns=["strategy", "reference", "outcome", "unit", *_PRECISION])


def inputs(costs: Costs, utilities: Utilities) -> pd.DataFrame:
    """List every number of costs and utilities as published, and as used: converted, inflated or neither."""
    rows = [
        _input_row(owner, name, entry, costs)
        for owner, entries in ((f"costs.{costs.id}", costs.entries), ("utilities", utilities.entries))
        for name, entry in entries.items()
    ]
    return pd.DataFrame(rows, columns=INPUT_COLUMNS)


def not_valued(valuations: Mapping[str, Valuation]) -> pd.DataFrame:
    """List the events inside a stage that happened, and that neither cost anything nor touch the utility.

    Events that lead to another stage are left out: stages have their own costs and utilities.
    """
    counts: dict[str, float] = {}
    valued: set[str] = set()
    for one in valuations.values():
        for name, found in one.events().items():
            counts[name] = counts.get(name, 0.0) + float(found.sum())
        triggers = [item.trigger for item in one.costs.items] + [each.trigger for each in one.utilities.decrements]
        valued |= {EVENTS[code] for trigger in triggers for code in (*trigger.events, *trigger.until)}
    inside = {
        EVENTS[event]
        for event, pairs in TRANSITIONS.items()
        if event != Event.CENSORED and all(before == after for before, after in pairs)
    }
    rows = [(name, int(counts[name])) for name in EVENTS if counts.get(name) and name in inside - valued]
    return pd.DataFrame(rows, columns=["event", "times"])


INPUT_COLUMNS = [
    *("parameter", "value", "unit", "price_year", "lo", "hi", "exchange_rate", "inflation", "value_used", "unit_used"),
    *("list_price", "basis", "evidence", "note", "file", "line"),
]


def _input_row(owner: str, name: str, entry: Entry, costs: Costs) -> dict[str, object]:
    money = entry.is_money()
    return {
        "parameter": f"{owner}.{name}",
        "value": entry.value,
        "unit": entry.unit,
        "price_year": entry.price_year,
        "lo": entry.lo,
        "hi": entry.hi,
        "exchange_rate": costs.rate(entry.unit) if money else None,
        "inflation": costs.inflation(entry) if money else None,
        "value_used": costs.value(name) if money else entry.value,
        "unit_used": f"{costs.currency} {costs.price_year}" if money else entry.unit,
        "list_price": entry.list_price,
        "basis": entry.basis,
        "evidence": ", ".join(entry.evidence),
        "note": entry.note,
        "file": "/".join(Path(entry.file).parts[-2:]),
        "line": entry.line,
    }


def _table(valuations: Mapping[str, Valuation], of: Callable[[Valuation], dict[str, Floats]]) -> pd.DataFrame:
    rows = []
    for strategy, one in valuations.items():
        for name, values in of(one).items():
            found: Estimate = mean(np.asarray(values, np.float64))
            rows.append((strategy, name, _unit(name, one.costs), found.value, found.std_error, found.lo, found.hi))
    return pd.DataFrame(rows, columns=["strategy", "outcome", "unit", *_PRECISION])


def _unit(name: str, costs: Costs) -> str:
    if name.startswith("costs"):
        return f"{costs.currency} {costs.price_year}"
    if name.startswith(("qalys", "lys")):
        return "QALYs" if name.startswith("qalys") else "years"
    return "a patient"
