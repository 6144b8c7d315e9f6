"""A partitioned-survival model made of the simulated curves, beside the simulation: what the structure alone changes.

After NICE DSU Technical Support Document 19 (Woods et al. 2017). Three states: event-free (area under EFS), after the
event (area between OS and EFS), dead. As such models do, it gives a state the same utility and the same cost whatever
the strategy and the time in it: the means of the simulated patients of all strategies together. What the simulation
knows beyond that, who gets which therapy after failure and how utility changes after a transplant, is the difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rallsim.economics.discounting import UNDISCOUNTED, Discount
from rallsim.economics.tables.economic_results import EconomicResults
from rallsim.economics.valuation.accrual_periods import Floats
from rallsim.economics.valuation.valuation import Valuation
from rallsim.outcomes.history import History
from rallsim.outcomes.summary import patient_table, survival

STATES = EVENT_FREE, AFTER = ("event_free", "after_event")
END_OF_LIFE = "palliative"  # category of what is paid once, at death
COLUMNS = [
    *("strategy", "outcome", "unit", "simulation", "partitioned_survival", "difference"),
    *("of_curves", "of_event_free", "of_after_event", "of_end_of_life"),
]


@dataclass(frozen=True)
class _Parts:
    """What the patients of a strategy come to in each state, discounted: means of a patient entered."""

    years: Mapping[str, float]
    areas: Mapping[str, float]  # of the same time, read off curves
    qalys: Mapping[str, float]
    costs: Mapping[str, float]
    end_of_life: float
    deaths: float  # discounted, exact
    deaths_of_curve: float


def partitioned_survival(
    results: EconomicResults, histories: Mapping[str, History], *, discounted: bool = True, step: float = 1.0
) -> pd.DataFrame:
    """Return life years, QALYs and costs by both structures, and what the difference is made of.

    QALYs = u1 A1 + u2 A2;  costs = C1 + c2 A2 + d (discounted deaths)

    A1 and A2 are the areas under EFS and between OS and EFS, by trapezes every `step` months; u1, u2 the utilities of
    both states, c2 the cost of a year after the event and d the cost of a death, of all strategies together; C1 what
    the strategy's patients cost before the event, its own. `difference` = simulation - partitioned survival is the sum
    of

    - of_curves: times read off a grid instead of patient by patient
    - of_event_free: (own utility before the event - u1) × own time there
    - of_after_event: (own utility or yearly cost after it - that of all) × own time there
    - of_end_of_life: (own cost of a death - d) × own deaths

    Columns: COLUMNS.
    """
    rates = results.economics.rates
    of_costs, of_qalys = (rates.costs, rates.qalys) if discounted else (UNDISCOUNTED, UNDISCOUNTED)
    health, money = (
        {
            name: _parts(one, histories[name], discount, step, discounted=discounted)
            for name, one in results.valuations.items()
        }
        for discount in (of_qalys, of_costs)
    )
    currency = results.economics.currency
    rows = []
    for name in results.valuations:
        rows.append(_life_years(name, health[name]))
        rows.append(_qalys(name, health))
        rows.append(_costs(name, money, currency))
    return pd.DataFrame(rows, columns=COLUMNS)


def increments(table: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Return what each strategy has over the reference in both structures, from `partitioned_survival`.

    Columns: strategy, reference, outcome, unit, then the numbers of COLUMNS as increments.
    """
    numbers = COLUMNS[3:]
    rows_of = {(row["strategy"], row["outcome"]): row for row in table.to_dict("records")}
    rows = []
    for (strategy, outcome), mine in rows_of.items():
        if strategy != reference:
            theirs = rows_of[reference, outcome]
            gains = (mine[name] - theirs[name] for name in numbers)
            rows.append((strategy, reference, outcome, mine["unit"], *gains))
    return pd.DataFrame(rows, columns=["strategy", "reference", "outcome", "unit", *numbers])


def in_words(gains: pd.DataFrame, labels: Mapping[str, str]) -> list[str]:
    """Say for each strategy how far the structures are apart, and which part of the difference is the largest."""
    said = {
        "of_curves": "reading times off monthly curves",
        "of_event_free": "time before the event that is worth more or less than in the mean of all",
        "of_after_event": "what follows the event: other therapies, cures and transplants than in the mean of all",
        "of_end_of_life": "costs at death",
    }
    found = []
    for row in gains.to_dict("records"):
        if row["outcome"] not in ("qalys", "costs"):
            continue
        parts = {name: float(row[name]) for name in said}
        largest = max(parts, key=lambda name: abs(parts[name]))
        digits = "+,.0f" if row["outcome"] == "costs" else "+.3f"
        share = f", of which {parts[largest]:{digits}} from {said[largest]}" if parts[largest] else ""
        found.append(
            f"{labels[row['strategy']]}, {row['unit']} over {labels[row['reference']]}: simulation "
            f"{row['simulation']:{digits}}, partitioned survival {row['partitioned_survival']:{digits}}, apart by "
            f"{row['difference']:{digits}}{share}."
        )
    return found


def _parts(valuation: Valuation, history: History, discount: Discount, step: float, *, discounted: bool) -> _Parts:
    outcome = patient_table(history)
    efs, os = (outcome[f"{name}_months"].to_numpy(np.float64) for name in ("efs", "os"))
    dead = outcome["dead"].to_numpy(dtype=bool)
    zero = np.zeros(len(efs))
    accrual, charges = valuation.accrual, valuation.charges
    patient = valuation.timeline.patient
    qalys = accrual.qalys_discounted if discounted else accrual.qalys
    amount = charges.discounted if discounted else charges.amount
    before = _share_before(accrual.start, accrual.stop, efs[patient[accrual.row]], discount)
    paid_before = _share_before(charges.start, charges.stop, efs[patient[charges.row]], discount)
    at_end = np.array([item.category == END_OF_LIFE for item in charges.items])[charges.item]
    size = len(efs)
    at = np.append(np.arange(0.0, history.horizon, step), history.horizon)
    curves = {"efs": survival(efs, outcome["efs_event"].to_numpy(dtype=bool), at), "os": survival(os, dead, at)}
    worth = discount.worth(at)
    under = {name: float(np.trapezoid(curve * worth, at)) / 12.0 for name, curve in curves.items()}
    leaving = -np.diff(curves["os"])
    middle = discount.worth((at[1:] + at[:-1]) / 2.0)
    return _Parts(
        years={
            EVENT_FREE: float(discount.flow(zero, efs).mean()) / 12.0,
            AFTER: float(discount.flow(efs, os).mean()) / 12.0,
        },
        areas={EVENT_FREE: under["efs"], AFTER: under["os"] - under["efs"]},
        qalys={EVENT_FREE: float((qalys * before).sum()) / size, AFTER: float((qalys * (1.0 - before)).sum()) / size},
        costs={
            EVENT_FREE: float((amount * paid_before)[~at_end].sum()) / size,
            AFTER: float((amount * (1.0 - paid_before))[~at_end].sum()) / size,
        },
        end_of_life=float(amount[at_end].sum()) / size,
        deaths=float((discount.worth(os) * dead).mean()),
        deaths_of_curve=float((leaving * middle).sum()),
    )


def _share_before(start: Floats, stop: Floats, event: Floats, discount: Discount) -> Floats:
    """Share of each amount that falls before the patient's event: all or nothing of a moment, else by the time."""
    moment = stop <= start
    whole = np.where(moment, 1.0, discount.flow(start, np.where(moment, start + 1.0, stop)))
    until = np.clip(event, start, stop)
    share: Floats = np.where(moment, (start < event).astype(np.float64), discount.flow(start, until) / whole)
    return share


def _life_years(name: str, health: _Parts) -> tuple[object, ...]:
    mine, theirs = sum(health.years.values()), sum(health.areas.values())
    return (name, "lys", "years", mine, theirs, mine - theirs, mine - theirs, 0.0, 0.0, 0.0)


def _qalys(name: str, health: Mapping[str, _Parts]) -> tuple[object, ...]:
    own = health[name]
    of_all = {state: _ratio([one.qalys[state] for one in health.values()], health, state) for state in STATES}
    mine = sum(own.qalys.values())
    theirs = sum(of_all[state] * own.areas[state] for state in STATES)
    curves = sum(of_all[state] * (own.years[state] - own.areas[state]) for state in STATES)
    apart = {state: own.qalys[state] - of_all[state] * own.years[state] for state in STATES}
    return (name, "qalys", "QALYs", mine, theirs, mine - theirs, curves, apart[EVENT_FREE], apart[AFTER], 0.0)


def _costs(name: str, money: Mapping[str, _Parts], currency: str) -> tuple[object, ...]:
    own = money[name]
    a_year = _ratio([one.costs[AFTER] for one in money.values()], money, AFTER)
    deaths = sum(one.deaths for one in money.values())
    a_death = sum(one.end_of_life for one in money.values()) / deaths if deaths else 0.0
    mine = sum(own.costs.values()) + own.end_of_life
    theirs = own.costs[EVENT_FREE] + a_year * own.areas[AFTER] + a_death * own.deaths_of_curve
    curves = a_year * (own.years[AFTER] - own.areas[AFTER]) + a_death * (own.deaths - own.deaths_of_curve)
    after, end = own.costs[AFTER] - a_year * own.years[AFTER], own.end_of_life - a_death * own.deaths
    return (name, "costs", currency, mine, theirs, mine - theirs, curves, 0.0, after, end)


def _ratio(amounts: Sequence[float], parts: Mapping[str, _Parts], state: str) -> float:
    """Mean of a year in a state over the patients of all strategies."""
    years = sum(one.years[state] for one in parts.values())
    return sum(amounts) / years if years else 0.0
