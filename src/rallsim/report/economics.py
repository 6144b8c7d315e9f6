"""Costs, QALYs and the decision of a run, printed in a terminal."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from rich.table import Table

from rallsim.economics.discounting import Discount
from rallsim.economics.settings.cost_files import CATEGORIES
from rallsim.economics.settings.settings import EconomicSettings
from rallsim.economics.tables.economic_results import EconomicResults
from rallsim.inputs.scenario_schema import LIFETIME_MONTHS
from rallsim.report.terminal import numbers_right, terminal

SIGNS = {"GBP": "£", "EUR": "€", "USD": "US$", "CAD": "C$", "AUD": "A$"}
CATEGORY_WORDS = {
    "drug": "drugs",
    "administration": "administration",
    "car_t": "CAR-T",
    "hsct": "transplant",
    "hospital": "hospital",
    "icu": "intensive care",
    "toxicity": "toxicity",
    "follow_up": "follow-up",
    "palliative": "end of life",
}
ACTIVITY = {
    "cycle": "Cycles of treatment",
    "leukapheresis": "Leukaphereses",
    "infusion": "CAR-T infusions",
    "hsct": "Transplants",
    "ward_days": "Ward days",
    "icu_days": "Days in intensive care",
    "transplant_days": "Days in a transplant bed",
    "outpatient_visits": "Outpatient visits",
}
MARK = "†"  # of an ICER that is not for life
ALIKE = 0.1  # of an ICER: one for life that differs by no more is not shown
STATUS = {"ND": "", "ED": "extendedly dominated by", "D": "dominated by"}


def print_economics(results: EconomicResults) -> None:
    """Print what a patient costs and gains under each strategy, who is dominated, and the best at each threshold."""
    console = terminal()
    economics, tables = results.economics, results.tables
    labels = {name: strategy.label for name, strategy in results.scenario.strategies.items()}
    console.print(f"\nCosts and QALYs of a patient, {basis_words(economics)}", style="bold", highlight=False)
    console.print("Estimate ± Monte Carlo standard error\n", highlight=False)
    console.print(_totals(tables["summary"], labels, economics))
    console.print("\nActivity of a patient\n", style="bold", highlight=False)
    console.print(_activity(tables["activity"], labels))
    if len(labels) > 1:
        console.print(
            "\nFull incremental analysis: each against the one before on the frontier\n", style="bold", highlight=False
        )
        console.print(_incremental(results, labels))
        if economics.wtp:
            console.print("\nNet monetary benefit: threshold × QALYs - costs\n", style="bold")
            console.print(_net_benefit(tables["net_benefit"], labels, results))
    for note in notes(results):
        console.print(f"\n{note}", highlight=False)


def basis_words(economics: EconomicSettings) -> str:
    """Say in a few words what was counted with.

    Whose view, currency and year of prices, for how long, rates.
    """
    who = economics.perspective.label if economics.perspective else "no perspective"
    rates = economics.rates
    return (
        f"{who}: {economics.currency}, {horizon_words(economics)}, discounted at {_rate(rates.costs)} (costs) and "
        f"{_rate(rates.qalys)} (QALYs, life years) a year"
    )


def horizon_words(economics: EconomicSettings) -> str:
    """Say for how long costs, QALYs and life years are counted."""
    return "for life" if economics.horizon_months == LIFETIME_MONTHS else f"up to {economics.horizon_months:g} months"


def icer_head(economics: EconomicSettings) -> str:
    """Heading of ICERs: what they are of, and up to when where that is not for life."""
    short = "" if economics.horizon_months == LIFETIME_MONTHS else f" {horizon_words(economics)}"
    return f"ICER{short} ({economics.currency} per QALY)"


def lifetime_words(icer: float, for_life: float, currency: str) -> str:
    """Give the ICER of a whole life beside that of a shorter horizon, where it differs by more than a tenth.

    >>> lifetime_words(150_000.0, 67_000.0, "GBP"), lifetime_words(67_500.0, 67_000.0, "GBP")
    ('for life £67,000', 'for life within a tenth')
    """
    if math.isnan(icer):
        return ""
    if math.isnan(for_life):
        return "for life none"
    return "for life " + (money(for_life, currency) if abs(for_life - icer) > ALIKE * abs(icer) else "within a tenth")


def notes(results: EconomicResults) -> list[str]:
    """What a reader must know before using the numbers: horizon, list prices, assumptions, gaps, thresholds."""
    economics, tables = results.economics, results.tables
    paid = {
        one.charges.items[place].price
        for one in results.valuations.values()
        for place in set(one.charges.item.tolist())
    }
    listed = [name for name in economics.costs.list_prices() if name in paid]
    found = [f"{MARK} {sentence}" for sentence in horizon_note(results)]
    if listed:
        found.append(
            f"List prices, from which confidential discounts may be given, so what is paid may be less: "
            f"{', '.join(listed)}."
        )
    assumed, gaps = tables["assumptions"], tables["not_valued"]
    found.append(
        f"{len(assumed)} of {len(tables['inputs'])} inputs are assumed, with a range and a reason each "
        "(economics/assumptions.csv)."
    )
    found += severity_note(tables["severity"])
    if economics.values:
        found.append(
            f"Set for this run: {', '.join(f'{path} = {value:g}' for path, value in economics.values.items())}."
        )
    if len(gaps):
        found.append(
            "Neither costed nor taken off utilities, for want of evidence: "
            + ", ".join(f"{row['event'].replace('_', ' ')} ({row['times']:,} times)" for row in gaps.to_dict("records"))
            + "."
        )
    if not economics.wtp:
        elsewhere = "; economics/net_benefit.csv has a grid" if economics.grid else ""
        found.append(f"No threshold is stated for this perspective: --wtp gives one{elsewhere}.")
    return found


def horizon_note(results: EconomicResults) -> list[str]:
    """Say what a horizon shorter than life leaves out; nothing where costs are counted for life."""
    if results.economics.horizon_months == LIFETIME_MONTHS:
        return []
    low, high = (f"{100 * share(results.alive.values()):.0f}" for share in (min, max))
    shares = low if low == high else f"{low} to {high}"
    return [
        f"Costs and QALYs are counted {horizon_words(results.economics)}, when {shares} % of patients are alive: what "
        "they cost and gain later is in no total and no ICER (--horizon lifetime)."
    ]


def severity_note(table: pd.DataFrame) -> list[str]:
    """Say how many QALYs are lost to the disease and what a QALY therefore weighs; nothing where none are weighed."""
    if table.empty:
        return []
    one = table.iloc[0]
    if math.isnan(one["weight"]):
        return ["Severity cannot be told: patients were not simulated for life."]
    weights = sorted({one["weight_lo"], one["weight"], one["weight_hi"]})
    sure = "" if len(weights) == 1 else f" ({weights[0]:g} to {weights[-1]:g} within the Monte Carlo error)"
    return [
        f"Severity: under the reference patients lose {one['absolute_shortfall']:.1f} QALYs "
        f"({one['absolute_shortfall_lo']:.1f} to {one['absolute_shortfall_hi']:.1f}), "
        f"{one['proportional_shortfall']:.1%} of those that the general population has left, so a QALY weighs "
        f"{one['weight']:g}{sure}. Totals and net benefit do not use the weight."
    ]


def money(amount: float, currency: str) -> str:
    """An amount with the sign of its currency.

    >>> money(-1234.5, "GBP"), money(20.0, "EUR")
    ('-£1,234', '€20')
    """
    text = f"{abs(amount):,.0f}"
    return f"{'-' if amount < 0 and text != '0' else ''}{SIGNS[currency]}{text}"


def _rate(discount: Discount) -> str:
    later = ""
    if discount.later_rate is not None:
        later = f", {100 * discount.later_rate:g} % after {discount.later_from / 12:g} years"
    return f"{100 * discount.rate:g} %{later}"


def _table(*columns: str) -> Table:
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    numbers_right(table)
    return table


def _totals(summary: pd.DataFrame, labels: Mapping[str, str], economics: EconomicSettings) -> Table:
    cells: dict[str, dict[str, dict[Hashable, Any]]] = {}
    for row in summary.to_dict("records"):
        cells.setdefault(row["outcome"], {})[row["strategy"]] = row
    table = _table("", *labels.values())
    rows = {"costs": "Costs", **{f"costs_{name}": f"  {CATEGORY_WORDS[name]}" for name in CATEGORIES}}
    rows |= {"qalys": "QALYs", "lys": "Life years", "costs_undisc": "Undiscounted costs"}
    rows |= {"qalys_undisc": "Undiscounted QALYs", "lys_undisc": "Undiscounted life years"}
    for outcome, words in rows.items():
        found = cells[outcome]
        if any(row["estimate"] != 0.0 for row in found.values()):
            table.add_row(words, *(_estimate(outcome, found[name], economics) for name in labels))
    return table


def _activity(activity: pd.DataFrame, labels: Mapping[str, str]) -> Table:
    cells: dict[str, dict[str, dict[Hashable, Any]]] = {}
    for row in activity.to_dict("records"):
        cells.setdefault(row["outcome"], {})[row["strategy"]] = row
    table = _table("", *labels.values())
    for outcome, words in ACTIVITY.items():
        found = cells[outcome]
        if any(row["estimate"] != 0.0 for row in found.values()):
            table.add_row(
                words, *(f"{found[name]['estimate']:.2f} ± {found[name]['std_error']:.2f}" for name in labels)
            )
    return table


def _estimate(outcome: str, row: Mapping[Hashable, Any], economics: EconomicSettings) -> str:
    if outcome.startswith("costs"):
        return f"{money(row['estimate'], economics.costs.currency)} ± {row['std_error']:,.0f}"
    return f"{row['estimate']:.3f} ± {row['std_error']:.3f}"


def _incremental(results: EconomicResults, labels: Mapping[str, str]) -> Table:
    """A row a strategy; where severe diseases weigh QALYs by more than 1 the ICER with that weight stands beside."""
    currency, short = results.economics.costs.currency, results.economics.horizon_months < LIFETIME_MONTHS
    weighted = [f"at {results.weight:g} times the QALYs"] if results.weight > 1.0 else []
    table = _table("", "Costs", "QALYs", "Δ costs", "Δ QALYs", "ICER per QALY", *weighted, "")
    for row in results.tables["incremental"].to_dict("records"):
        step = not pd.isna(row["ICER"])
        mark = f" {MARK} ({lifetime_words(row['ICER'], row['ICER_Lifetime'], currency)})" if short else ""
        by = str(row["Dominated_By"])
        names = " + ".join(labels[name] for name in by.removeprefix("= ").split(" + ") if name)
        words = f"the same as {names}" if by.startswith("= ") else f"{STATUS[row['Status']]} {names}".strip()
        table.add_row(
            labels[row["Strategy"]],
            money(row["Cost"], currency),
            f"{row['Effect']:.3f}",
            money(row["Inc_Cost"], currency) if step else "",
            f"{row['Inc_Effect']:+.3f}" if step else "",
            f"{money(row['ICER'], currency)} ± {row['ICER_Std_Error']:,.0f}{mark}" if step else "",
            *(money(row["ICER_Weighted"], currency) if step else "" for _ in weighted),
            words,
        )
    table.columns[-1].justify = "left"
    return table


def _net_benefit(benefit: pd.DataFrame, labels: Mapping[str, str], results: EconomicResults) -> Table:
    """A row a strategy; for each threshold the net benefit and the gain on the reference with its error."""
    currency, wtp = results.economics.costs.currency, results.economics.wtp
    heads = [word for k in wtp for word in (f"at {money(k, currency)}", "gain on the reference")]
    table = _table("", *heads)
    rows = {(row["wtp"], row["strategy"]): row for row in benefit.to_dict("records")}
    for name, label in labels.items():
        cells = []
        for k in wtp:
            row = rows[k, name]
            gain = f"{money(row['inmb'], currency)} ± {row['inmb_std_error']:,.0f}"
            best = "best: " if row["best"] else ""
            shown = "" if name == results.scenario.reference else gain
            cells += [best + money(row["nmb"], currency), shown]
        table.add_row(label, *cells)
    return table
