"""What a strategy comes to: costs, QALYs and life years of each patient, by category, line, stage and time.

Column names: `costs`, `qalys`, `lys` are discounted, the same with `_undisc` are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rallsim.economics.discounting import UNDISCOUNTED, Discount, Rates
from rallsim.economics.settings.cost_files import CATEGORIES, RESOURCES, Costs
from rallsim.economics.settings.utility_files import Utilities
from rallsim.economics.valuation.accrual_periods import Floats, Ints, Timeline
from rallsim.economics.valuation.costs import Charges, charges_of
from rallsim.economics.valuation.qalys import QalyAccrual, qalys_of
from rallsim.errors import InputError, Problem
from rallsim.model.states import EVENTS, STAGES
from rallsim.outcomes.history import History

TOTALS = ("costs", "qalys", "lys", "costs_undisc", "qalys_undisc", "lys_undisc")


@dataclass(frozen=True, eq=False)
class Valuation:
    """A history with its charges and its life years: all tables come from these."""

    timeline: Timeline
    charges: Charges
    accrual: QalyAccrual
    costs: Costs
    utilities: Utilities
    rates: Rates

    @property
    def strategy(self) -> str:
        """Name of the strategy."""
        return self.timeline.history.strategy

    @property
    def patients(self) -> int:
        """Number of patients."""
        return self.timeline.history.patients

    def totals(self) -> dict[str, Floats]:
        """Return each of TOTALS as an array over patients."""
        paid, alive = self.timeline.patient[self.charges.row], self.timeline.patient[self.accrual.row]
        return {
            "costs": self._summed(paid, self.charges.discounted),
            "qalys": self._summed(alive, self.accrual.qalys_discounted),
            "lys": self._summed(alive, self.accrual.years_discounted),
            "costs_undisc": self._summed(paid, self.charges.amount),
            "qalys_undisc": self._summed(alive, self.accrual.qalys),
            "lys_undisc": self._summed(alive, self.accrual.years),
        }

    def by_category(self) -> dict[str, Floats]:
        """Return the costs of each patient by category: `costs_<category>`, discounted, and with `_undisc`."""
        codes = np.array([CATEGORIES.index(item.category) for item in self.charges.items], dtype=np.intp)
        return self._costs_by(codes[self.charges.item], CATEGORIES)

    def by_line(self) -> dict[str, Floats]:
        """Return the costs of each patient by line: `costs_line_<number>`; 0 before the first line of the history."""
        line = self.timeline.line[self.charges.row]
        size = int(self.timeline.line.max(initial=0)) + 1
        return self._costs_by(line, [f"line_{number}" for number in range(size)])

    def resources(self) -> dict[str, Floats]:
        """Return what each patient used of each resource (days, visits), paid apart or covered by another price."""
        places = [RESOURCES.index(item.resource) if item.resource else -1 for item in self.charges.items]
        resource = np.array(places, dtype=np.intp)[self.charges.item]
        known = resource >= 0
        used = self._by(self.charges.row[known], resource[known], len(RESOURCES), self.charges.quantity[known])
        return {f"{name}s": used[:, place] for place, name in enumerate(RESOURCES)}

    def events(self) -> dict[str, Floats]:
        """Return how often each event happened to each patient."""
        found = self._by(np.arange(len(self.timeline.time)), self.timeline.event, len(EVENTS), None)
        return {name: found[:, code] for code, name in enumerate(EVENTS)}

    def patient_table(self) -> pd.DataFrame:
        """Return one row a patient: totals, then costs by category and by line."""
        columns = {**self.totals(), **self.by_category(), **self.by_line()}
        return pd.DataFrame({"patient": np.arange(self.patients), **columns}, copy=False)

    def _costs_by(self, group: Ints, names: tuple[str, ...] | list[str]) -> dict[str, Floats]:
        found: dict[str, Floats] = {}
        for suffix, amount in (("", self.charges.discounted), ("_undisc", self.charges.amount)):
            sums = self._by(self.charges.row, group, len(names), amount)
            found |= {f"costs_{name}{suffix}": sums[:, place] for place, name in enumerate(names)}
        return found

    def _by(self, row: Ints, group: Ints, groups: int, amount: Floats | None) -> Floats:
        """Sum over each patient and group: patients × groups."""
        place = self.timeline.patient[row] * groups + group
        return np.bincount(place, amount, self.patients * groups).reshape(self.patients, groups).astype(np.float64)

    def _summed(self, patient: Ints, amount: Floats) -> Floats:
        return np.bincount(patient, amount, self.patients).astype(np.float64)


def value_history(history: History, costs: Costs, utilities: Utilities, rates: Rates) -> Valuation:
    """Value a history, whose baseline says the age and the sex of its patients.

    The history is read, never changed; the same history with other prices, utilities or rates is another valuation.
    """
    for name in ("age", "male"):
        unknown = np.flatnonzero(~np.isfinite(history.baseline[name]))
        if len(unknown):
            raise InputError(Problem("must be known of every patient", key=name, found=f"none of patient {unknown[0]}"))
    timeline = Timeline.of(history)
    return Valuation(
        timeline=timeline,
        charges=charges_of(timeline, costs, rates.costs),
        accrual=qalys_of(timeline, utilities, rates),
        costs=costs,
        utilities=utilities,
        rates=rates,
    )


def ledger(valuation: Valuation, patient: int) -> pd.DataFrame:
    """Return the bill of one patient: each charge with its time, quantity, unit price, amount and source.

    A price of 0 is one that another item's price covers.
    """
    if not 0 <= patient < valuation.patients:
        raise InputError(
            Problem("must be the number of a patient", found=str(patient), allowed=f"0 to {valuation.patients - 1}")
        )
    timeline, charges, costs = valuation.timeline, valuation.charges, valuation.costs
    mine = np.flatnonzero(timeline.patient[charges.row] == patient)
    mine = mine[np.lexsort((charges.item[mine], charges.start[mine]))]
    names = timeline.history.therapies
    rows = []
    for place in mine:
        item, row = charges.items[charges.item[place]], charges.row[place]
        entry = costs.entries[item.price] if item.price else None
        rows.append(
            {
                "patient": patient,
                "time_start": charges.start[place],
                "time_stop": charges.stop[place],
                "line": timeline.line[row],
                "stage": STAGES[timeline.stage[row]],
                "event": EVENTS[timeline.event[row]],
                "therapy": names[timeline.therapy[row]] if timeline.therapy[row] >= 0 else "",
                "category": item.category,
                "item": item.name,
                "quantity": charges.quantity[place],
                "unit": item.unit(),
                "unit_price": charges.prices[charges.item[place]],
                "amount": charges.amount[place],
                "discounted": charges.discounted[place],
                "currency": costs.currency,
                "price": item.price or "covered by another item",
                "basis": entry.basis if entry else "",
                "evidence": ", ".join(entry.evidence) if entry else "",
                "list_price": bool(entry and entry.list_price),
            }
        )
    return pd.DataFrame(rows, columns=LEDGER_COLUMNS)


LEDGER_COLUMNS = [
    *("patient", "time_start", "time_stop", "line", "stage", "event", "therapy", "category", "item"),
    *("quantity", "unit", "unit_price", "amount", "discounted", "currency", "price", "basis", "evidence", "list_price"),
]


def by_stage_and_cycle(valuation: Valuation, cycle_months: float = 12.0) -> pd.DataFrame:
    """Return what each stage came to in each cycle of time since entry, a patient entered: costs, QALYs, life years.

    A charge or decrement that lasts is shared out over the cycles it lasts through, and stands with the stage in which
    it began. The sums over the table are the means of `patient_table`.
    """
    edges = np.arange(0.0, valuation.timeline.history.horizon + cycle_months, cycle_months)
    shape = (len(STAGES), len(edges) - 1)
    charges, accrual, rates = valuation.charges, valuation.accrual, valuation.rates
    measures: dict[str, tuple[Charges | QalyAccrual, Floats, Discount | None]] = {
        "costs": (charges, charges.discounted, rates.costs),
        "costs_undisc": (charges, charges.amount, None),
        "qalys": (accrual, accrual.qalys_discounted, rates.qalys),
        "qalys_undisc": (accrual, accrual.qalys, None),
        "lys": (accrual, accrual.years_discounted, rates.qalys),
        "lys_undisc": (accrual, accrual.years, None),
    }
    columns = {}
    for name, (of, amount, discount) in measures.items():
        table = np.zeros(shape)
        stage = valuation.timeline.stage[of.row]
        for cycle, share in shares_of_cycles(of.start, of.stop, edges, discount):
            table[:, cycle] = np.bincount(stage, amount * share, len(STAGES))
        columns[name] = (table / valuation.patients).ravel()
    stages, cycles = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
    return pd.DataFrame(
        {
            "strategy": valuation.strategy,
            "stage": pd.Categorical.from_codes(stages, categories=pd.Index(STAGES)),
            "cycle": cycles + 1,
            "time_start": edges[cycles],
            "time_stop": edges[cycles + 1],
            **columns,
        }
    )


def shares_of_cycles(
    start: Floats, stop: Floats, edges: Floats, discount: Discount | None = None
) -> Iterator[tuple[int, Floats]]:
    """Yield for each cycle between `edges` which share of each amount falls into it: all of a moment's, or by the time.

    With a Discount the shares are those of present values.
    """
    by = discount or UNDISCOUNTED
    moment = stop <= start
    whole = np.where(moment, 1.0, by.flow(start, np.where(moment, start + 1.0, stop)))
    last = len(edges) - 2
    for cycle in range(len(edges) - 1):
        low, high = edges[cycle], edges[cycle + 1]
        here = (start >= low) & ((start < high) | (cycle == last))
        low_of, high_of = np.clip(start, low, high), np.clip(stop, low, high)
        yield cycle, np.where(moment, here, by.flow(low_of, high_of) / whole)
