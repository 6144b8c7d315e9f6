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
from rallsim.economics.cost_files import CATEGORIES
from rallsim.economics.evaluation import Evaluation
from rallsim.export.sheets import Book, Sheet, cell
from rallsim.export.tables import CURVES
from rallsim.report.economics import CATEGORY_WORDS, basis_words, notes

CREATED = datetime(2000, 1, 1, tzinfo=UTC)  # fixed: a time of making would make other bytes every time
DEFAULT_WTP = 30_000.0
CURVE_WORDS = {"efs": "Event-free survival", "os": "Overall survival"}
MONTHS = "Months since entry"


def write_workbook(evaluation: Evaluation, tables: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write the workbook of an evaluation; `tables` are those of `export.folder.export_tables`."""
    found = evaluation.tables()
    with Book(path, CREATED) as book:
        _read_first(book, evaluation, found)
        results = _Results(book, evaluation, found)
        _incremental(book, evaluation, found, results)
        _costs_by_year(book, evaluation, found)
        _survival(book, evaluation, tables["survival"])
        for place, name in enumerate(evaluation.valuations, 1):
            _trace(book, evaluation, tables["stateprobs"], name, place)
        _activity(book, evaluation, found["activity"])
        _listed(book, "Inputs", found["inputs"])
        _listed(book, "Assumptions", found["assumptions"])


def _labels(evaluation: Evaluation) -> dict[str, str]:
    return {name: strategy.label for name, strategy in evaluation.scenario.strategies.items()}


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
        ("Reference", _labels(evaluation)[scenario.reference]),
        ("Counted with", basis_words(evaluation.economics)),
        ("Live formulas", "Results: totals, increments, ICERs, net benefit; Incremental; Costs by year: totals"),
        ("What limits mean", "standard errors are Monte Carlo errors; how uncertain parameters are is not in them"),
    ):
        sheet.row([words, value], ["bold", "wrap"])
    sheet.row([])
    for note in notes(evaluation, found):
        sheet.row(["Note", note], ["bold", "wrap"])
    sheet.row(["Note", "Not medical advice."], ["bold", "wrap"])


class _Results:
    """The sheet of results, and where its totals stand for other sheets."""

    def __init__(self, book: Book, evaluation: Evaluation, found: Mapping[str, pd.DataFrame]) -> None:
        self.labels = _labels(evaluation)
        self.names = list(self.labels)
        self.reference = self.names.index(evaluation.scenario.reference) + 1
        self.values = found["summary"].set_index(["outcome", "strategy"])["estimate"].to_dict()
        self.errors = found["summary"].set_index(["outcome", "strategy"])["std_error"].to_dict()
        self.sheet = book.sheet("Results", widths=[38, *[18] * len(self.names)])
        self.rows: dict[str, int] = {}
        self.sheet.title(f"A patient, {evaluation.economics.currency}")
        for suffix, words in (("", "Discounted"), ("_undisc", "Undiscounted")):
            self._block(suffix, words)
            self._increments(suffix)
            if not suffix:
                wtp = evaluation.economics.wtp
                self._net_benefit(wtp[-1] if wtp else DEFAULT_WTP, given=bool(wtp))
        self._charts(book)

    def total(self, what: str, name: str) -> tuple[str, float]:
        """Cell of a total and its value; `what` with its suffix."""
        return f"Results!{cell(self.rows[what], self.names.index(name) + 1)}", self.values[what, name]

    def _block(self, suffix: str, words: str) -> None:
        sheet = self.sheet
        sheet.header([words, *self.labels.values()])
        first = sheet.next
        for category in CATEGORIES:
            key = f"costs_{category}{suffix}"
            sheet.row([f"Costs: {CATEGORY_WORDS[category]}", *(self.values[key, name] for name in self.names)], "money")
        last = sheet.next - 1
        self.rows[f"costs{suffix}"] = sheet.next
        sheet.formulas(
            "Costs",
            [
                (f"=SUM({cell(first, column)}:{cell(last, column)})", self.values[f"costs{suffix}", name])
                for column, name in enumerate(self.names, 1)
            ],
            "money_bold",
        )
        for what, label in (("qalys", "QALYs"), ("lys", "Life years")):
            self.rows[f"{what}{suffix}"] = sheet.next
            sheet.row([label, *(self.values[f"{what}{suffix}", name] for name in self.names)], "number")
        for what, label, shown in (("costs", "Costs", "money"), ("qalys", "QALYs", "number")):
            errors = [self.errors[f"{what}{suffix}", name] for name in self.names]
            sheet.row([f"Monte Carlo standard error of {label}", *errors], shown)
        sheet.row([])

    def _increments(self, suffix: str) -> None:
        sheet, of = self.sheet, self.labels[self.names[self.reference - 1]]
        sheet.header([f"Increments over {of}", *self.labels.values()])
        at: dict[str, int] = {}
        for what, label, shown in (
            ("costs", "Δ costs", "money"),
            ("qalys", "Δ QALYs", "number"),
            ("lys", "Δ life years", "number"),
        ):
            at[what] = sheet.next
            row = self.rows[f"{what}{suffix}"]
            sheet.formulas(
                label,
                [
                    (f"={cell(row, column)}-{cell(row, self.reference, fixed=True)}", self._gain(what + suffix, name))
                    for column, name in enumerate(self.names, 1)
                ],
                shown,
            )
        cells = []
        for column, name in enumerate(self.names, 1):
            more, gain = cell(at["costs"], column), cell(at["qalys"], column)
            dominance = f'IF({gain}>=0,"dominates","dominated")'
            formula = f'=IF(AND({more}=0,{gain}=0),"",IF({more}*{gain}>0,{more}/{gain},{dominance}))'
            cells.append((formula, _icer(self._gain(f"costs{suffix}", name), self._gain(f"qalys{suffix}", name))))
        sheet.formulas("ICER per QALY", cells, "money_bold")
        sheet.row(
            ["Where Δ costs and Δ QALYs are both negative the ICER is what is saved for each QALY given up."], "note"
        )
        sheet.row([])

    def _net_benefit(self, wtp: float, *, given: bool) -> None:
        sheet = self.sheet
        sheet.header(["Net monetary benefit", *self.labels.values()])
        threshold = cell(sheet.next, 1, fixed=True)
        sheet.row(["Threshold for a QALY: change this cell", wtp], "input")
        if not given:
            sheet.row(["The perspective states no threshold; this one is an example."], "note")
        costs, qalys = self.rows["costs"], self.rows["qalys"]
        benefit = {name: wtp * self.values["qalys", name] - self.values["costs", name] for name in self.names}
        row = sheet.next
        self.rows["nmb"] = row
        sheet.formulas(
            "Threshold × QALYs - costs",
            [
                (f"={threshold}*{cell(qalys, column)}-{cell(costs, column)}", benefit[name])
                for column, name in enumerate(self.names, 1)
            ],
            "money",
        )
        against = benefit[self.names[self.reference - 1]]
        sheet.formulas(
            "Gain on the reference",
            [
                (f"={cell(row, column)}-{cell(row, self.reference, fixed=True)}", benefit[name] - against)
                for column, name in enumerate(self.names, 1)
            ],
            "money_bold",
        )
        sheet.row([])

    def _gain(self, key: str, name: str) -> float:
        return float(self.values[key, name] - self.values[key, self.names[self.reference - 1]])

    def _charts(self, book: Book) -> None:
        last = len(self.names)
        head = self.rows["costs"] - len(CATEGORIES) - 1
        series = [(head + 1 + place, CATEGORY_WORDS[name]) for place, name in enumerate(CATEGORIES)]
        chart = book.chart("column", "stacked", "Costs of a patient by category, discounted", "", "Costs")
        for row, words in series:
            chart.add_series(
                {
                    "name": words,
                    "categories": ["Results", head, 1, head, last],
                    "values": ["Results", row, 1, row, last],
                    "gap": 60,
                }
            )
        self.sheet.place(chart, 1, last + 2)


def _icer(more: float, gain: float) -> float | str:
    """The ICER as the formula of the workbook gives it.

    >>> _icer(100.0, 0.5), _icer(-1.0, 0.5), _icer(1.0, -0.5), _icer(0.0, 0.0)
    (200.0, 'dominates', 'dominated', '')
    """
    if more == 0 and gain == 0:
        return ""
    if more * gain > 0:
        return more / gain
    return "dominates" if gain >= 0 else "dominated"


def _incremental(book: Book, evaluation: Evaluation, found: Mapping[str, pd.DataFrame], results: _Results) -> None:
    labels = _labels(evaluation)
    sheet = book.sheet("Incremental", widths=[44, *[16] * 6, 44])
    sheet.title("Full incremental analysis: each against the one before on the frontier")
    for suffix, words in (("", "Discounted"), ("_undisc", "Undiscounted")):
        sheet.header([words, "Costs", "QALYs", "Δ costs", "Δ QALYs", "ICER per QALY", "Status", "Dominated by"])
        before: int | None = None
        for row in found[f"incremental{suffix}"].to_dict("records"):
            name, here = str(row["Strategy"]), sheet.next
            sheet.write(0, labels[name])
            for column, what in ((1, "costs"), (2, "qalys")):
                formula, value = results.total(f"{what}{suffix}", name)
                sheet.write_formula(column, f"={formula}", value, "money" if column == 1 else "number")
            if before is not None and row["Status"] == "ND":
                steps = [(3, 1, row["Inc_Cost"], "money"), (4, 2, row["Inc_Effect"], "number")]
                for column, of, value, shown in steps:
                    sheet.write_formula(column, f"={cell(here, of)}-{cell(before, of)}", value, shown)
                sheet.write_formula(5, f"={cell(here, 3)}/{cell(here, 4)}", row["ICER"], "money_bold")
            by = str(row["Dominated_By"]).removeprefix("= ")
            sheet.write(6, row["Status"])
            sheet.write(7, " + ".join(labels[one] for one in by.split(" + ") if one))
            before = here if row["Status"] == "ND" else before
            sheet.next += 1
        sheet.row([])
    sheet.row(["ND not dominated, D dominated, ED extendedly dominated: as simulated, not a live formula."], "note")


def _costs_by_year(book: Book, evaluation: Evaluation, found: Mapping[str, pd.DataFrame]) -> None:
    labels = _labels(evaluation)
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
    labels = _labels(evaluation)
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
    sheet.title(f"{_labels(evaluation)[name]}: share of patients in each stage by month")
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
    chart = book.chart("area", "stacked", f"Stages: {_labels(evaluation)[name]}", MONTHS, "Share of patients")
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
    labels = _labels(evaluation)
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
