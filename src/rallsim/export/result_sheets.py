"""The sheets of a workbook whose formulas live: results by strategy, and the full incremental analysis."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from rallsim.economics.cost_files import CATEGORIES
from rallsim.economics.evaluation import Evaluation
from rallsim.export.sheets import Book, cell
from rallsim.report.economics import CATEGORY_WORDS

DEFAULT_WTP = 30_000.0


def labels_of(evaluation: Evaluation) -> dict[str, str]:
    """Labels of the strategies by id."""
    return {name: strategy.label for name, strategy in evaluation.scenario.strategies.items()}


class Results:
    """The sheet of results, and where its totals stand for other sheets."""

    def __init__(self, book: Book, evaluation: Evaluation, found: Mapping[str, pd.DataFrame]) -> None:
        self.labels = labels_of(evaluation)
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


def write_incremental(book: Book, evaluation: Evaluation, found: Mapping[str, pd.DataFrame], results: Results) -> None:
    """Add the sheet of the full incremental analysis, whose figures point at the sheet of results."""
    labels = labels_of(evaluation)
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
