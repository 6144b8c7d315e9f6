"""What must be true of any valuation, whatever its inputs: black-box checks, each with the figures it compared.

After TECH-VER (Buyukkaramikli et al., PharmacoEconomics 2019;37:1391).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rallsim.economics.discounting import Rates
from rallsim.economics.tables.comparison import increments
from rallsim.economics.valuation.costs import charges_of
from rallsim.economics.valuation.qalys import qalys_of
from rallsim.economics.valuation.valuation import TOTALS, Valuation, shares_of_cycles, value_history
from rallsim.model.event_rows import EVENT_ROW
from rallsim.model.states import Detail, Event, Stage
from rallsim.outcomes.history import History

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Check:
    """One identity for one strategy: whether it held, and the two figures that should agree (or be in order)."""

    name: str
    strategy: str
    passed: bool
    found: float
    expected: float
    says: str

    def as_data(self) -> dict[str, object]:
        """The check as plain data; a figure that is no number is None."""
        figures = {"found": self.found, "expected": self.expected}
        told = {name: value if np.isfinite(value) else None for name, value in figures.items()}
        return {"check": self.name, "strategy": self.strategy, "passed": self.passed, **told, "compares": self.says}

    def __str__(self) -> str:
        verdict = "pass" if self.passed else "FAIL"
        return f"{verdict}  {self.name} ({self.strategy}): {self.says}: {self.found:.10g} against {self.expected:.10g}"


def check_all(valuations: Mapping[str, Valuation]) -> list[Check]:
    """Run every check on every strategy, and ICERs against the first."""
    found = [check(one) for one in valuations.values() for check in CHECKS]
    found += [equal_arms(one) for one in valuations.values()]
    reference, *others = valuations.values()
    return [*found, *(icer_follows_prices(one, reference) for one in others)]


def utilities_of_one(valuation: Valuation) -> Check:
    """With a utility of 1 at all times QALYs are life years."""
    again = _again(valuation, utilities=valuation.utilities.all_equal(1.0)).totals()
    return _equal("utility_one", valuation, "QALYs against life years", again["qalys"], again["lys"])


def utilities_of_nothing(valuation: Valuation) -> Check:
    """With a utility of 0 at all times there are no QALYs."""
    again = _again(valuation, utilities=valuation.utilities.all_equal(0.0)).totals()
    return _equal("utility_zero", valuation, "QALYs against none", again["qalys"], np.zeros(valuation.patients))


def discount_of_nothing(valuation: Valuation) -> Check:
    """At a rate of 0 discounted is undiscounted: costs, QALYs and life years."""
    again = _again(valuation, rates=Rates.of(0.0)).totals()
    one, other = (np.concatenate([again[f"{name}{suffix}"] for name in TOTALS[:3]]) for suffix in ("", "_undisc"))
    return _equal("discount_zero", valuation, "discounted at 0 against undiscounted", one, other)


def discount_lowers(valuation: Valuation) -> Check:
    """A higher rate lowers life years; costs fall or stay."""
    mine, again = valuation.totals(), _again(valuation, rates=Rates.of(0.20)).totals()
    found, expected = float(again["lys"].mean()), float(mine["lys"].mean())
    fine = bool(np.all(again["lys"] <= mine["lys_undisc"] + TOLERANCE)) and found <= expected
    fine = fine and float(again["costs"].mean()) <= float(mine["costs_undisc"].mean()) + TOLERANCE
    says = "life years at 20 % at most those as given"
    return Check("discount_lowers", valuation.strategy, fine, found, expected, says)


def prices_of_nothing(valuation: Valuation) -> Check:
    """With every price 0 there are no costs, and QALYs stay."""
    again = _again(valuation, costs=valuation.costs.scaled(0.0)).totals()
    return _equal("price_zero", valuation, "costs against none", again["costs"], np.zeros(valuation.patients))


def prices_up(valuation: Valuation) -> Check:
    """Prices doubled double the costs of each patient."""
    again = _again(valuation, costs=valuation.costs.scaled(2.0)).totals()
    twice = 2.0 * valuation.totals()["costs"]
    return _equal("price_up", valuation, "costs at twice the prices against twice the costs", again["costs"], twice)


def each_price_up(valuation: Valuation) -> Check:
    """Each price that rises by a tenth raises the costs by a tenth of what it made of them."""
    charges, costs, worst = valuation.charges, valuation.costs, 0.0
    total = float(charges.discounted.sum())
    for name in {item.price for item in charges.items if item.price}:
        mine = np.isin(charges.item, [place for place, item in enumerate(charges.items) if item.price == name])
        dearer = costs.with_values({name: costs.entries[name].value * 1.1})
        gain = float(charges_of(valuation.timeline, dearer, valuation.rates.costs).discounted.sum()) - total
        worst = max(worst, abs(gain - 0.1 * float(charges.discounted[mine].sum())))
    fine = worst <= TOLERANCE * max(total, 1.0) * 10
    return Check("each_price_up", valuation.strategy, fine, worst, 0.0, "largest gap between rise and expected rise")


def everybody_dies_at_entry(valuation: Valuation) -> Check:
    """When all die as they enter, no time is lived: no life years, no QALYs, no cost that takes time."""
    history = valuation.timeline.history
    events = np.zeros(2 * history.patients, EVENT_ROW)
    events["patient"] = np.repeat(np.arange(history.patients), 2)
    events["event"] = np.tile([Event.ENTRY, Event.DEATH], history.patients)
    events["stage"] = np.tile([Stage.RELAPSED, Stage.DEAD], history.patients)
    events["therapy"] = -1
    events["detail"] = np.tile([Detail.NONE, Detail.BACKGROUND], history.patients)
    dead = _valued(valuation, replace(history, events=events)).totals()
    found = sum(float(np.abs(dead[name]).sum()) for name in ("lys", "qalys", "lys_undisc", "qalys_undisc"))
    return Check("mortality_one", valuation.strategy, found == 0.0, found, 0.0, "time lived when all die at entry")


def categories_make_the_total(valuation: Valuation) -> Check:
    """Costs by category sum to the costs of each patient."""
    parts = valuation.by_category()
    whole = np.asarray(sum(values for name, values in parts.items() if not name.endswith("_undisc")))
    return _equal("categories", valuation, "sum over categories against costs", whole, valuation.totals()["costs"])


def lines_make_the_total(valuation: Valuation) -> Check:
    """Costs by line sum to the costs of each patient: nothing is counted in two lines."""
    parts = valuation.by_line()
    whole = sum(values for name, values in parts.items() if not name.endswith("_undisc"))
    return _equal("lines", valuation, "sum over lines against costs", np.asarray(whole), valuation.totals()["costs"])


def cycles_make_the_total(valuation: Valuation) -> Check:
    """Costs, QALYs and life years by stage and year sum to the means."""
    edges = np.arange(0.0, valuation.timeline.history.horizon + 12.0, 12.0)
    charges = valuation.charges
    spread = sum(share for _, share in shares_of_cycles(charges.start, charges.stop, edges, valuation.rates.costs))
    whole = float((charges.discounted * spread).sum())
    expected = float(charges.discounted.sum())
    fine = abs(whole - expected) <= TOLERANCE * max(abs(expected), 1.0)
    return Check("cycles", valuation.strategy, fine, whole, expected, "sum over years against costs")


def life_years_are_survival(valuation: Valuation) -> Check:
    """Undiscounted life years of a patient are the time from entry to death or censoring."""
    timeline = valuation.timeline
    last = np.flatnonzero(np.append(timeline.patient[1:] != timeline.patient[:-1], True))
    lived = np.zeros(valuation.patients)
    lived[timeline.patient[last]] = timeline.time[last] / 12.0
    return _equal("life_years", valuation, "life years against survival time", valuation.totals()["lys_undisc"], lived)


def never_above_the_norm(valuation: Valuation) -> Check:
    """QALYs of a patient are never more than those of the general population over the same time."""
    utilities = valuation.utilities
    stages = tuple(replace(one, may_exceed_norm=False) for one in utilities.stages)
    norms = replace(utilities, stages=stages, decrements=())
    ceiling_of = norms.with_values({one.utility: 1.0 for one in utilities.stages})
    lived = qalys_of(valuation.timeline, ceiling_of, valuation.rates)
    ceiling = np.bincount(valuation.timeline.patient[lived.row], lived.qalys_discounted, valuation.patients)
    excess = float(np.max(valuation.totals()["qalys"] - ceiling, initial=0.0))
    fine = excess <= TOLERANCE or any(one.may_exceed_norm for one in utilities.stages)
    return Check("population_norm", valuation.strategy, fine, excess, 0.0, "largest excess of QALYs over the norm's")


def patients_in_are_patients_out(valuation: Valuation) -> Check:
    """As many enter as have a row in the table, and as many die or are censored."""
    events = valuation.timeline.event
    into, out = int((events == Event.ENTRY).sum()), int(np.isin(events, (Event.DEATH, Event.CENSORED)).sum())
    fine = into == out == valuation.patients == len(valuation.patient_table())
    return Check("patients", valuation.strategy, fine, out, into, "patients out against patients in")


def equal_arms(valuation: Valuation) -> Check:
    """A strategy against itself has increments of exactly 0, with no error."""
    twin = increments({"one": valuation, "other": valuation}, "one")
    found = float(np.abs(twin[["estimate", "std_error"]].to_numpy(dtype=np.float64)).max())
    return Check(
        "equal_arms", valuation.strategy, found == 0.0, found, 0.0, "largest increment of a strategy over itself"
    )


def icer_follows_prices(valuation: Valuation, reference: Valuation) -> Check:
    """Each price that rises by a tenth moves the ICER by a tenth of the difference in what is spent on it.

    So the ICER of a more effective strategy rises with a price of which it spends more, and falls with one of which it
    spends less.
    """
    gained = float(np.mean(valuation.totals()["qalys"] - reference.totals()["qalys"]))
    worst = scale = 0.0
    for name in {item.price for item in valuation.costs.items if item.price}:
        dearer = valuation.costs.with_values({name: valuation.costs.entries[name].value * 1.1})
        moved = spent = 0.0
        for sign, one in ((1.0, valuation), (-1.0, reference)):
            charges = one.charges
            mine = np.isin(charges.item, [place for place, item in enumerate(charges.items) if item.price == name])
            again = charges_of(one.timeline, dearer, one.rates.costs).discounted
            moved += sign * float(again.sum() - charges.discounted.sum()) / one.patients
            spent += sign * float(charges.discounted[mine].sum()) / one.patients
        worst, scale = max(worst, abs(moved - 0.1 * spent)), max(scale, abs(spent))
    gap = worst / abs(gained) if gained else 0.0
    fine = gap <= TOLERANCE * max(1.0, scale / abs(gained) if gained else 1.0) * 100
    return Check(
        "icer_follows_prices", valuation.strategy, fine, gap, 0.0, "largest gap in the ICER's move with a price"
    )


CHECKS: Sequence[Callable[[Valuation], Check]] = (
    utilities_of_one,
    utilities_of_nothing,
    discount_of_nothing,
    discount_lowers,
    prices_of_nothing,
    prices_up,
    each_price_up,
    everybody_dies_at_entry,
    categories_make_the_total,
    lines_make_the_total,
    cycles_make_the_total,
    life_years_are_survival,
    never_above_the_norm,
    patients_in_are_patients_out,
)


def _again(valuation: Valuation, **changed: object) -> Valuation:
    """Value the same history with something changed."""
    return _valued(replace(valuation, **changed), valuation.timeline.history)  # type: ignore[arg-type]


def _valued(like: Valuation, history: History) -> Valuation:
    return value_history(history, like.costs, like.utilities, like.rates)


def _equal(name: str, valuation: Valuation, says: str, found: np.ndarray, expected: np.ndarray) -> Check:
    """Compare patient by patient; the figures shown are the sums."""
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    fine = bool(np.all(np.abs(found - expected) <= TOLERANCE * scale))
    return Check(name, valuation.strategy, fine, float(found.sum()), float(expected.sum()), says)
