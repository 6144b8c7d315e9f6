"""A workbook for planners: results with live formulas, traces, charts, and every input with its source.

Totals, increments, ICERs and net benefit are formulas, so that a price or a threshold can be tried out; the figures
they start from are the simulation's. The same results make the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from rallsim import stages as w
from rallsim.economics.evaluation import Evaluation
from rallsim.export.result_sheets import Results, labels_of, write_incremental
from rallsim.export.sheets import Book, Sheet, cell
from rallsim.export.tables import CURVES
from rallsim.report.economics import basis_words, notes

CREATED = datetime(2000, 1, 1, tzinfo=UTC)  # fixed: a time of making would make other bytes every time
CURVE_WORDS = {"efs": "Event-free survival", "os": "Overall survival"}
MONTHS = "Months since entry"


def write_workbook(evaluation: Evaluation, tables: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write the workbook of an evaluation; `tables` are those of `export.folder.export_tables`."""
    found = evaluation.tables()
    with Book(path, CREATED) as book:
        _read_first(book, evaluation, found)
        results = Results(book, evaluation, found)
        write_incremental(book, evaluation, found, results)
        _costs_by_year(book, evaluation, found)
        _survival(book, evaluation, tables["survival"])
        for place, name in enumerate(evaluation.valuations, 1):
            _trace(book, evaluation, tables["stateprobs"], name, place)
        _activity(book, evaluation, found["activity"])
        _listed(book, "Inputs", found["inputs"])
        _listed(book, "Assumptions", found["assumptions"])


def _read_first(book: Book, evaluation: Evaluation, found: Mapping[str, pd.DataFrame]) -> None:
    scenario = evaluation.scenario
    sheet = book.sheet("Read first", widths=[28, 110])
    sheet.title(scenario.title)
    for words, value in (
        ("Question", scenario.question),
        ("Population", scenario.population),
        ("Patients", scenario.patients),
        ("Followed for (months)", scenario.horizon_months),
        ("Seed", scenario.seed),
        ("Reference", labels_of(evaluation)[scenario.reference]),
        ("Counted with", basis_words(evaluation.economics)),
        ("Live formulas", "Results: totals, increments, ICERs, net benefit; Incremental; Costs by year: totals"),
        ("What limits mean", "standard errors are Monte Carlo errors; how uncertain parameters are is not in them"),
    ):
        sheet.row([words, value], ["bold", "wrap"])
    sheet.row([])
    for note in notes(evaluation, found):
        sheet.row(["Note", note], ["bold", "wrap"])
    sheet.row(["Note", "Not medical advice."], ["bold", "wrap"])


def _costs_by_year(book: Book, evaluation: Evaluation, found: Mapping[str, pd.DataFrame]) -> None:
    labels = labels_of(evaluation)
    sums = found["trace"].groupby(["strategy", "cycle"], observed=True)[["costs_undisc", "lys_undisc"]].sum()
    by_year = {what: {key: float(value) for key, value in sums[what].items()} for what in sums.columns}
    years = int(found["trace"]["cycle"].max())
    sheet = book.sheet("Costs by year", widths=[24, *[18] * len(labels)])
    sheet.title("Costs and life years by year since entry, a patient entered, undiscounted")
    for what, words, shown in (("costs_undisc", "Costs", "money"), ("lys_undisc", "Life years", "number")):
        sheet.header([words, *labels.values()])
        head, first = sheet.next - 1, sheet.next
        for year in range(1, years + 1):
            sheet.row([f"Year {year}", *(by_year[what][name, year] for name in labels)], shown)
        last = sheet.next - 1
        totals = []
        for column, name in enumerate(labels, 1):
            whole = sum(by_year[what][name, year] for year in range(1, years + 1))
            totals.append((f"=SUM({cell(first, column)}:{cell(last, column)})", whole))
        sheet.formulas("Sum", totals, f"{shown}_bold")
        sheet.row([])
        chart = book.chart("column", "", f"{words} by year since entry", "", words)
        for column in range(1, len(labels) + 1):
            chart.add_series(
                {
                    "name": ["Costs by year", head, column],
                    "categories": ["Costs by year", first, 0, last, 0],
                    "values": ["Costs by year", first, column, last, column],
                }
            )
        sheet.place(chart, head, len(labels) + 2)


def _survival(book: Book, evaluation: Evaluation, curves: pd.DataFrame) -> None:
    labels = labels_of(evaluation)
    sheet = book.sheet("Survival", widths=[10, *[18] * (2 * len(labels))])
    sheet.title("Overall and event-free survival by month: inputs of a partitioned-survival model")
    wide = curves.pivot_table(index="t", columns=["curve_name", "strategy"], values="survival", sort=False)
    columns = [(curve, name) for curve in reversed(CURVES) for name in labels]
    sheet.header(["Month", *(f"{curve.upper()}, {labels[name]}" for curve, name in columns)])
    head, first = sheet.next - 1, sheet.next
    for month, row in wide.iterrows():
        sheet.row([float(str(month)), *(float(row[one]) for one in columns)], "share")
    last = sheet.next - 1
    for place, curve in enumerate(reversed(CURVES)):
        chart = book.chart("scatter", "straight", CURVE_WORDS[curve], MONTHS, "Share of patients")
        for column, (of, name) in enumerate(columns, 1):
            if of == curve:
                chart.add_series(
                    {
                        "name": labels[name],
                        "categories": ["Survival", first, 0, last, 0],
                        "values": ["Survival", first, column, last, column],
                    }
                )
        chart.set_y_axis({"name": "Share of patients", "min": 0, "max": 1, "num_format": "0 %"})
        chart.set_x_axis({"name": MONTHS, "min": 0, "max": float(wide.index.max())})
        sheet.place(chart, head + 20 * place, len(columns) + 2)


def _trace(book: Book, evaluation: Evaluation, shares: pd.DataFrame, name: str, place: int) -> None:
    title = f"Trace {place}"
    sheet = book.sheet(title, widths=[10, *[14] * (len(w.STAGES) + 1)])
    sheet.title(f"{labels_of(evaluation)[name]}: share of patients in each stage by month")
    sheet.header(["Month", *(stage.replace("_", " ") for stage in w.STAGES), "Sum"])
    head, first = sheet.next - 1, sheet.next
    wide = shares[shares["strategy"] == name].pivot_table(index="t", columns="state_id", values="prob")
    for month, row in wide.iterrows():
        here = sheet.next
        sheet.row([float(str(month)), *(float(one) for one in row)], "share", advance=False)
        formula = f"=SUM({cell(here, 1)}:{cell(here, len(w.STAGES))})"
        sheet.write_formula(len(w.STAGES) + 1, formula, float(row.sum()), "share")
        sheet.next += 1
    last = sheet.next - 1
    chart = book.chart("area", "stacked", f"Stages: {labels_of(evaluation)[name]}", MONTHS, "Share of patients")
    for column in range(1, len(w.STAGES) + 1):
        chart.add_series(
            {
                "name": [title, head, column],
                "categories": [title, first, 0, last, 0],
                "values": [title, first, column, last, column],
            }
        )
    chart.set_y_axis({"name": "Share of patients", "min": 0, "max": 1, "num_format": "0 %"})
    chart.set_x_axis({"name": MONTHS, "interval_unit": 12, "interval_tick": 12, "num_format": "0"})
    sheet.place(chart, head, len(w.STAGES) + 3)


def _activity(book: Book, evaluation: Evaluation, activity: pd.DataFrame) -> None:
    labels = labels_of(evaluation)
    sheet = book.sheet("Activity", widths=[26, *[18] * (2 * len(labels))])
    sheet.title("Events and resources of a patient entered: mean, and its Monte Carlo standard error")
    sheet.header(["", *labels.values(), *(f"± {label}" for label in labels.values())])
    wide = {measure: activity.set_index(["outcome", "strategy"])[measure].to_dict() for measure in _MEASURES}
    for outcome in dict.fromkeys(activity["outcome"]):
        row = [wide[measure][outcome, name] for measure in _MEASURES for name in labels]
        sheet.row([str(outcome).replace("_", " "), *row], "number")


_MEASURES = ("estimate", "std_error")


def _listed(book: Book, title: str, table: pd.DataFrame) -> None:
    sheet: Sheet = book.sheet(title, widths=[44, 14, 14, 11, 11, 11, 13, 11, 14, 14, 10, 10, 40, 80, 18, 8, 40, 11])
    sheet.header([str(column).replace("_", " ") for column in table.columns])
    for row in table.to_dict("records"):
        cells: list[Any] = [None if not isinstance(value, str) and pd.isna(value) else value for value in row.values()]
        sheet.row(cells)
    sheet.freeze()
