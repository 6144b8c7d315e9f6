"""The sheets of a workbook whose formulas live: results by strategy, and the full incremental analysis."""

from __future__ import annotations

from rallsim.economics.settings.cost_files import CATEGORIES
from rallsim.economics.tables.decisions import UNDISC
from rallsim.economics.tables.economic_results import EconomicResults
from rallsim.export.blocks import Blocks
from rallsim.export.charts import MONEY_AXIS, Drawing, Series
from rallsim.export.sheets import Book, capital, cell
from rallsim.report.economics import CATEGORY_WORDS, basis_words, horizon_note, icer_head

DEFAULT_WTP = 30_000.0
SUFFIXES = ("", UNDISC)
DISCOUNTED = ("Discounted", "Undiscounted")  # the blocks, in the order of SUFFIXES
STATUS = {"ND": "not dominated", "D": "dominated", "ED": "extendedly dominated"}
PAID, SAVED = "paid for a QALY gained", "saved for a QALY given up"


def labels_of(results: EconomicResults) -> dict[str, str]:
    """Labels of the strategies by id."""
    return {name: strategy.label for name, strategy in results.scenario.strategies.items()}


class ResultSheet:
    """The sheet of results, and where its rows stand for other sheets."""

    def __init__(self, book: Book, results: EconomicResults) -> None:
        self.results = results
        self.labels = labels_of(results)
        self.names = list(self.labels)
        self.currency = results.economics.currency
        self.reference = self.names.index(results.scenario.reference)
        summary = results.tables["summary"].set_index(["outcome", "strategy"])
        self.values, self.errors = summary["estimate"].to_dict(), summary["std_error"].to_dict()
        self.error_of_gain = results.tables["increments"].set_index(["outcome", "strategy"])["std_error"].to_dict()
        under = f"Means of a patient who enters. {basis_words(results.economics)}. ± Monte Carlo standard error."
        title = f"Results: {results.scenario.title}"
        self.blocks = Blocks(book, "Results", title, under, DISCOUNTED, self.labels, one_page=True)
        self.rows: dict[str, int] = {}
        self._totals()
        self._increments()
        for wtp in results.economics.wtp or (DEFAULT_WTP,):
            self._net_benefit(wtp)
        if not results.economics.wtp:
            self.blocks.sheet.note("The perspective states no threshold; this one is an example.")

    def total(self, what: str, block: int, name: str) -> tuple[str, float]:
        """Cell of a total and its value; `what` without its suffix."""
        where = self.blocks.at(self.rows[what], block, self.names.index(name))
        return f"Results!{where}", self.values[what + SUFFIXES[block], name]

    def drawing(self) -> Drawing:
        """What the chart of costs by category shows."""
        columns = self.blocks.columns[0]
        series = [
            Series(
                capital(CATEGORY_WORDS[one]),
                ("Results", self.blocks.head, columns[0], self.blocks.head, columns[-1]),
                ("Results", self.rows[one], columns[0], self.rows[one], columns[-1]),
            )
            for one in CATEGORIES
        ]
        title = "Costs of a patient by category, discounted"
        return Drawing("column", "stacked", title, "Strategy", f"Costs ({self.currency})", series, MONEY_AXIS)

    def _of(self, key: str) -> list[list[float]]:
        return [[self.values[key + suffix, name] for name in self.names] for suffix in SUFFIXES]

    def _totals(self) -> None:
        blocks = self.blocks
        blocks.section(f"Costs of a patient ({self.currency})")
        for category in CATEGORIES:
            label = capital(CATEGORY_WORDS[category])
            self.rows[category] = blocks.row(label, self._of(f"costs_{category}"), "money")
        self.rows["costs"] = blocks.sums("All costs", self.rows[CATEGORIES[0]], self._of("costs"), "money_bold")
        self._error("costs", "money")
        blocks.section("QALYs and life years of a patient")
        for what, label in (("qalys", "QALYs"), ("lys", "Life years")):
            self.rows[what] = blocks.row(label, self._of(what), "number_bold", first="bold")
            self._error(what, "number")

    def _error(self, what: str, shown: str) -> None:
        errors = [[self.errors[what + suffix, name] for name in self.names] for suffix in SUFFIXES]
        self.blocks.row("± standard error", errors, f"{shown}_error")

    def _increments(self) -> None:
        blocks, reference = self.blocks, self.reference
        blocks.section(f"Differences: each strategy minus {self.labels[self.names[reference]]}")
        at: dict[str, int] = {}
        for what, label, shown in (
            ("costs", f"Δ costs ({self.currency})", "money"),
            ("qalys", "Δ QALYs", "number"),
            ("lys", "Δ life years", "number"),
        ):
            row = self.rows[what]

            def minus(block: int, place: int, what: str = what, row: int = row) -> tuple[str, float]:
                theirs = blocks.at(row, block, reference, fixed=True)
                return f"={blocks.at(row, block, place)}-{theirs}", self._gain(what, block, place)

            at[what] = blocks.formulas(label, minus, f"{shown}_bold")
            errors = [[self.error_of_gain.get((what + one, name)) for name in self.names] for one in SUFFIXES]
            blocks.row("± standard error", errors, f"{shown}_error")

        def ratio(block: int, place: int) -> tuple[str, float | str]:
            more, gain = blocks.at(at["costs"], block, place), blocks.at(at["qalys"], block, place)
            dominance = f'IF(AND({gain}>=0,{more}<=0),"dominates","dominated")'
            formula = f'=IF(AND({more}=0,{gain}=0),"",IF({more}*{gain}>0,{more}/{gain},{dominance}))'
            return formula, icer(self._gain("costs", block, place), self._gain("qalys", block, place))

        def reading(block: int, place: int) -> tuple[str, str]:
            more, gain = blocks.at(at["costs"], block, place), blocks.at(at["qalys"], block, place)
            value = meaning(self._gain("costs", block, place), self._gain("qalys", block, place))
            return f'=IF({more}*{gain}>0,IF({gain}>0,"{PAID}","{SAVED}"),"")', value

        blocks.formulas(icer_head(self.results.economics), ratio, "money_bold")
        blocks.formulas("which is", reading, "text_right")
        blocks.sheet.on_paper.set_row(blocks.sheet.next - 1, 30.0)
        if self.results.weight > 1.0:
            blocks.row(f"ICER at {self.results.weight:g} times the QALYs", self._of_pairs("icer_weighted"), "money")
        for note in horizon_note(self.results):
            blocks.row("ICER for life", self._of_pairs("icer_lifetime"), "money")
            blocks.sheet.note(note)

    def _of_pairs(self, column: str) -> list[list[float | None]]:
        found = self.results.tables["pairwise"].set_index(["discounted", "strategy"])[column].dropna().to_dict()
        return [[found.get((discounted, name)) for name in self.names] for discounted in (True, False)]

    def _net_benefit(self, wtp: float) -> None:
        blocks, reference = self.blocks, self.reference
        blocks.section(f"Net monetary benefit ({self.currency}): threshold × QALYs - costs")
        threshold = cell(blocks.sheet.next, 1, fixed=True)
        blocks.sheet.row(["Threshold for a QALY: change this cell", wtp], ["top", "input"])
        costs, qalys = self.rows["costs"], self.rows["qalys"]
        benefit = [
            [wtp * effect - cost for effect, cost in zip(*both, strict=True)]
            for both in zip(self._of("qalys"), self._of("costs"), strict=True)
        ]

        def net(block: int, place: int) -> tuple[str, float]:
            formula = f"={threshold}*{blocks.at(qalys, block, place)}-{blocks.at(costs, block, place)}"
            return formula, benefit[block][place]

        row = blocks.formulas("Net benefit", net, "money")

        def against(block: int, place: int) -> tuple[str, float]:
            theirs = blocks.at(row, block, reference, fixed=True)
            return f"={blocks.at(row, block, place)}-{theirs}", benefit[block][place] - benefit[block][reference]

        blocks.formulas("Minus that of the reference", against, "money_bold")

    def _gain(self, what: str, block: int, place: int) -> float:
        key = what + SUFFIXES[block]
        return float(self.values[key, self.names[place]] - self.values[key, self.names[self.reference]])


def icer(more: float, gain: float) -> float | str:
    """The ICER as the formula of the workbook gives it.

    >>> icer(100.0, 0.5), icer(-1.0, 0.5), icer(1.0, -0.5), icer(1.0, 0.0), icer(0.0, 0.0)
    (200.0, 'dominates', 'dominated', 'dominated', '')
    """
    if more == 0 and gain == 0:
        return ""
    if more * gain > 0:
        return more / gain
    return "dominates" if gain >= 0 and more <= 0 else "dominated"


def meaning(more: float, gain: float) -> str:
    """What an ICER is the price of, as the formula of the workbook gives it.

    >>> meaning(100.0, 0.5), meaning(-100.0, -0.5), meaning(-1.0, 0.5)
    ('paid for a QALY gained', 'saved for a QALY given up', '')
    """
    if more * gain <= 0:
        return ""
    return PAID if gain > 0 else SAVED


def write_incremental(book: Book, results: EconomicResults, result_sheet: ResultSheet) -> None:
    """Add the sheet of the full incremental analysis, whose figures point at the sheet of results."""
    labels, currency = labels_of(results), results.economics.currency
    sheet = book.sheet("Incremental", widths=[40, *[17] * 4, 26, 22, 40])
    sheet.title(
        "Full incremental analysis: from the cheapest, each against the one before that is not dominated",
        "Dominated: another costs less and gains more; extendedly dominated: a mix of two others does. "
        "Order and status are as simulated: after a change in Results they may no longer hold.",
    )
    units = (f"Costs ({currency})", "QALYs", f"Δ costs ({currency})", "Δ QALYs", icer_head(results.economics))
    head = sheet.header(["Strategy", *units, "Status", "Dominated by"], numbers=range(1, 6))
    sheet.hold(head)
    for block, words in enumerate(DISCOUNTED):
        sheet.section(words, 8)
        before: int | None = None
        for row in results.tables[f"incremental{SUFFIXES[block]}"].to_dict("records"):
            name, here = str(row["Strategy"]), sheet.next
            for column, what, shown in ((1, "costs", "money"), (2, "qalys", "number")):
                formula, value = result_sheet.total(what, block, name)
                sheet.formula(column, f"={formula}", value, shown)
            if before is not None and row["Status"] == "ND":
                steps = [(3, 1, row["Inc_Cost"], "money"), (4, 2, row["Inc_Effect"], "number")]
                for column, of, value, shown in steps:
                    sheet.formula(column, f"={cell(here, of)}-{cell(before, of)}", value, shown)
                sheet.formula(5, f"={cell(here, 3)}/{cell(here, 4)}", row["ICER"], "money_bold")
            by = str(row["Dominated_By"]).removeprefix("= ")
            rivals = " + ".join(labels[one] for one in by.split(" + ") if one)
            before = here if row["Status"] == "ND" else before
            texts = [labels[name], *[None] * 5, STATUS[str(row["Status"])], rivals]
            sheet.row(texts, ["wrap", *[""] * 5, "wrap", "wrap"])
