"""What one patient costs and gains under each strategy: the ledger of the patient's story."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from rich.console import Console
from rich.table import Table

from rallsim.economics.settings.settings import EconomicSettings
from rallsim.economics.valuation.valuation import Valuation, ledger, value_history
from rallsim.explain.story import Story
from rallsim.outcomes.baseline import baseline_with
from rallsim.outcomes.history import History
from rallsim.report.economics import basis_words, money


def valuations_of(story: Story, economics: EconomicSettings) -> dict[str, Valuation]:
    """Value the patient's history under each strategy: the same sums as in the whole cohort."""
    found = {}
    for name, course in story.courses.items():
        events = course.events.copy()
        events["patient"] = 0
        history = History(
            events=events,
            strategy=name,
            therapies=tuple(story.parameters.therapies),
            baseline=baseline_with(age=float(story.entrant["entry_age"]), male=float(story.entrant["male"])),
            horizon=story.scenario.horizon_months,
            seed=story.scenario.seed,
        )
        found[name] = value_history(history, economics.costs, economics.utilities, economics.rates)
    return found


def bill(story: Story, valuations: Mapping[str, Valuation]) -> pd.DataFrame:
    """Return every charge under every strategy, in order of time: a row a charge, with its source.

    Columns: strategy, then those of `valuation.ledger`; `patient` is the number in the cohort.
    """
    parts = [ledger(one, 0).assign(patient=story.patient).assign(strategy=name) for name, one in valuations.items()]
    table = pd.concat(parts, ignore_index=True)
    return table[["strategy", *(name for name in table.columns if name != "strategy")]]


def print_bill(
    story: Story, economics: EconomicSettings, valuations: Mapping[str, Valuation], console: Console
) -> None:
    """Print the charges of each strategy with their sum, then QALYs and life years side by side."""
    table = bill(story, valuations)
    currency = economics.costs.currency
    console.print(
        f"\nWhat patient {story.patient} costs, {basis_words(economics)}", style="bold", highlight=False, markup=False
    )
    for group in story.groups:
        name = next(one for one, course in story.courses.items() if course is group[0])
        console.print(f"\n{', '.join(course.label for course in group)}\n", style="bold", highlight=False, markup=False)
        mine = table[table["strategy"] == name]
        rows = Table(
            "months",
            "line",
            "stage",
            "item",
            "quantity",
            "unit price",
            "amount",
            "discounted",
            box=None,
            pad_edge=False,
            header_style="bold",
        )
        for place in (0, 1, 4, 5, 6, 7):
            rows.columns[place].justify = "right"
        for row in mine.to_dict("records"):
            start, stop = row["time_start"], row["time_stop"]
            months = f"{start:.1f}" if stop <= start else f"{start:.1f} to {stop:.1f}"
            covered = row["price"] == "covered by another item"
            rows.add_row(
                months,
                str(row["line"]),
                str(row["stage"]),
                str(row["item"]) + (" (list price)" if row["list_price"] else ""),
                f"{row['quantity']:.3g} {row['unit']}",
                "included" if covered else money(row["unit_price"], currency),
                "" if covered else money(row["amount"], currency),
                "" if covered else money(row["discounted"], currency),
            )
        rows.add_row("", "", "", "sum", "", "", *(money(mine[one].sum(), currency) for one in ("amount", "discounted")))
        console.print(rows)
    console.print()
    console.print(_gained(story, valuations))


def _gained(story: Story, valuations: Mapping[str, Valuation]) -> Table:
    labels = {name: story.courses[name].label for name in valuations}
    rows = Table("", *labels.values(), box=None, pad_edge=False, header_style="bold")
    for column in rows.columns[1:]:
        column.justify = "right"
    totals = {name: one.totals() for name, one in valuations.items()}
    for what, words in (("qalys", "QALYs"), ("lys", "Life years")):
        for suffix, kind in (("", "discounted"), ("_undisc", "undiscounted")):
            rows.add_row(f"{words}, {kind}", *(f"{totals[name][what + suffix][0]:.3f}" for name in labels))
    return rows
