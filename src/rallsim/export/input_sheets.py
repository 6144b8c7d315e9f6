"""The first sheet of a workbook, which explains the others, and the sheets of inputs with their sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rallsim.economics.settings.entries import CURRENCIES
from rallsim.economics.tables.economic_results import EconomicResults
from rallsim.export.course_sheets import trace_name
from rallsim.export.result_sheets import labels_of
from rallsim.export.sheets import Book, Worksheet
from rallsim.report.economics import basis_words, horizon_words, notes

COLUMNS: dict[str, tuple[str, float]] = {  # of a table of inputs: heading and width
    "parameter": ("Parameter", 38),
    "value": ("As published", 12),
    "unit": ("Unit", 11),
    "price_year": ("Price year", 7),
    "exchange_rate": ("Exchange rate", 10),
    "inflation": ("Inflation factor", 10),
    "value_used": ("As used", 12),
    "lo": ("Low", 10),
    "hi": ("High", 10),
    "list_price": ("List price", 6),
    "set_by_user": ("Set for this run", 8),
    "basis": ("Basis", 10),
    "note": ("Note", 44),
    "evidence": ("Row of the evidence tables", 28),
    "source": ("Source: see Sources", 26),
}
NUMBERS = ("value", "price_year", "exchange_rate", "inflation", "value_used", "lo", "hi")
FLAGS = ("list_price", "set_by_user")


def write_read_first(book: Book, results: EconomicResults) -> None:
    """Add the sheet that says what was simulated, what the sheets hold, how to read them and what is not in them."""
    scenario, economics, labels = results.scenario, results.economics, labels_of(results)
    sheet = book.sheet("Read first", widths=[28, 120], one_page=True)
    sheet.title(scenario.title, scenario.question)
    sheet.next += 1
    _pairs(
        sheet,
        "What was simulated",
        [
            ("Strategies", "; ".join(labels.values())),
            ("Reference", f"{labels[scenario.reference]}. Differences are a strategy minus this one."),
            ("Patients", f"{scenario.patients:,} of population {scenario.population}, the same under every strategy"),
            ("Counted", f"{horizon_words(economics)}, from entry"),
            ("Seed", str(scenario.seed)),
            ("Counted with", f"{basis_words(economics)}."),
        ],
    )
    sheet.section("Sheets", 2)
    for name, words in _contents(labels).items():
        sheet.link(name)
        sheet.row([None, words], ["top", "wrap"])
    sheet.next += 1
    _pairs(
        sheet,
        "How to read them",
        [
            ("A patient", "Every mean is of a patient who enters, whether or not the planned treatment is reached."),
            (
                "Discounted, undiscounted",
                "Stand side by side. Discounting is continuous in time, at the annual effective rates above.",
            ),
            (
                "Formulas",
                "Totals, differences, ICERs, net benefit and sums are live: change a yellow cell or a cost by category "
                "and they follow. Inputs are not: another price or utility needs another run (--set).",
            ),
            ("± standard error", "Is a Monte Carlo error: of drawing so many patients, not of uncertain parameters."),
            ("Files named below", "Stand beside this workbook in the folder of the export."),
        ],
    )
    _pairs(
        sheet,
        "Not counted, and what to know before using the figures",
        [
            ("Costs", economics.costs.about),
            *((("Perspective", economics.perspective.about),) if economics.perspective else ()),
            *(("Note", note) for note in notes(results)),
            ("Note", "Not medical advice."),
        ],
    )


def _contents(labels: Mapping[str, str]) -> dict[str, str]:
    """What each sheet holds, by its name."""
    return {
        "Results": "Costs by category, QALYs, life years, differences, ICERs, net benefit by strategy",
        "Charts": "All figures: costs, years, survival, stages",
        "Incremental": "Full incremental analysis: who is dominated, and the ICER of each step",
        "By year": "Costs, QALYs and life years by year since entry",
        "Survival": "Overall and event-free survival over time",
        **{trace_name(place): f"Stages over time: {label}" for place, label in enumerate(labels.values(), 1)},
        "Activity": "Treatments, stays, visits and events of a patient",
        "Inputs": "Every price, quantity and utility as published and as used, with its source",
        "Assumptions": "Those inputs that nobody published, with a range and a reason",
        "Sources": "Where the inputs were published",
    }


def _pairs(sheet: Worksheet, head: str, pairs: list[tuple[str, str]]) -> None:
    sheet.section(head, 2)
    for words, value in pairs:
        sheet.row([words, " ".join(value.split())], ["bold", "wrap"])
    sheet.next += 1


def write_inputs(book: Book, results: EconomicResults) -> None:
    """Add the sheets of inputs, of those assumed, and of the sources of both."""
    under = f"Money as used is in {results.economics.currency}: as published × exchange rate × inflation factor."
    of_inputs = f"{under} List prices are not inflated."
    reasons = f"Nobody published these; the note is the reason, low and high the range to try. {under}"
    _listed(book, "Inputs", "Prices, quantities and utilities", of_inputs, results.tables["inputs"])
    _listed(book, "Assumptions", "Inputs that are assumed", reasons, results.tables["assumptions"])
    _sources(book, results)


def _listed(book: Book, name: str, title: str, under: str, table: pd.DataFrame) -> None:
    sheet = book.sheet(name, widths=[width for _, width in COLUMNS.values()])
    sheet.title(title, under)
    numbers = [place for place, column in enumerate(COLUMNS) if column in NUMBERS]
    head = sheet.header([heading for heading, _ in COLUMNS.values()], numbers=numbers)
    sheet.hold(head)
    for row in table.to_dict("records"):
        cells = [_input(column, row) for column in COLUMNS]
        sheet.row([value for value, _ in cells], [shown for _, shown in cells])
    sheet.on_paper.autofilter(head, 0, max(head, sheet.next - 1), len(COLUMNS) - 1)


def _input(column: str, row: Mapping[Any, Any]) -> tuple[Any, str]:
    """A cell of a table of inputs, and its format."""
    value = row[column]
    if column in FLAGS:
        return ("yes" if value else None), "wrap"
    if not isinstance(value, str) and pd.isna(value):
        return None, "wrap"
    if column not in NUMBERS:
        return value, "wrap"
    if column == "price_year":
        return int(value), "year"
    return float(value), _digits(
        float(value), money=column in ("value", "value_used", "lo", "hi") and str(row["unit"]) in CURRENCIES
    )


def _digits(value: float, *, money: bool) -> str:
    """Format of a number: money without the sign of a currency, for inputs come in several."""
    if money:
        return "amount"
    if value == int(value):
        return "whole"
    return "small" if abs(value) < 0.001 else "number"


def _sources(book: Book, results: EconomicResults) -> None:
    known = results.parameters.evidence.sources
    named = {one for text in results.tables["inputs"]["source"] for one in str(text).split(", ")}
    sheet = book.sheet("Sources", widths=[30, 90, 26, 60])
    sheet.title("Sources of the inputs", "Ids are those of the sheet Inputs and of params/evidence/sources.csv.")
    sheet.hold(sheet.header(["Source", "Published as", "DOI", "Address"], numbers=()))
    for one in sorted(named & set(known)):
        source = known[one]
        sheet.row([one, source.citation, source.doi, source.url], ["wrap"] * 4)
