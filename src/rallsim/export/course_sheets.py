"""The sheets of a workbook that follow patients over time, and what is done for them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rallsim.economics.tables.economic_results import EconomicResults
from rallsim.export.blocks import Blocks
from rallsim.export.charts import MONEY_AXIS, SHARE_AXIS, YEARS_AXIS, Drawing, Series
from rallsim.export.result_sheets import DISCOUNTED, SUFFIXES, labels_of
from rallsim.export.sheets import Book, capital, cell
from rallsim.model.states import EVENTS, STAGES, Event, Stage
from rallsim.report.economics import ACTIVITY, basis_words

CURVE_WORDS = {"os": "Overall survival", "efs": "Event-free survival"}
MONTHS, SHARE = "Months since entry", "Share of patients"
SHORT = 15  # years that fit on a page
DEAD_COLOUR = "#D9D9D9"
EVENT_WORDS = {  # beside those of `ACTIVITY`; the others are their own names
    "crs": "Cytokine release syndrome",
    "icans": "Neurotoxicity of CAR-T cells",
    "icu_admission": "Admissions to intensive care",
    "icu_discharge": "Discharges from intensive care",
    "infection": "Severe infections",
    "cytopenia": "Severe cytopenia",
    "gastrointestinal": "Severe gastrointestinal events",
    "liver": "Raised liver values",
    "sos": "Sinusoidal obstruction syndrome of the liver",
    "mrd_therapy_start": "Treatments of MRD begun",
    "mrd_response": "Examinations of MRD after its treatment",
    "acute_gvhd": "Acute graft-versus-host disease",
    "chronic_gvhd": "Chronic graft-versus-host disease",
    "censored": "Alive at the end of follow-up",
}
UNITS = {"ward_days": "days", "icu_days": "days", "transplant_days": "days", "outpatient_visits": "visits"}


def event_words(name: str) -> str:
    """An event or a resource in words.

    >>> event_words("sos"), event_words("no_response")
    ('Sinusoidal obstruction syndrome of the liver', 'No response')
    """
    return ACTIVITY.get(name) or EVENT_WORDS.get(name) or _words(name)


def write_by_year(book: Book, results: EconomicResults) -> list[Drawing]:
    """Add the sheet of costs, QALYs and life years by year since entry; return what its charts show."""
    labels, currency = labels_of(results), results.economics.currency
    trace = results.tables["trace"]
    sums = trace.groupby(["strategy", "cycle"])[[f"{what}{one}" for what in _YEARLY for one in SUFFIXES]].sum()
    found = {str(key): {at: float(one) for at, one in column.items()} for key, column in sums.items()}
    years = range(1, int(trace["cycle"].max()) + 1)
    blocks = Blocks(
        book,
        "By year",
        "Costs, QALYs and life years by year since entry",
        f"Means of a patient who enters; year 1 is months 0 to 12 after entry. {basis_words(results.economics)}.",
        DISCOUNTED,
        labels,
        one_page=len(years) <= SHORT,
    )
    drawings = []
    for what, (words, shown, axis) in _YEARLY.items():
        unit = f"{words} ({currency})" if what == "costs" else words
        blocks.section(unit)
        first = blocks.sheet.next
        for year in years:
            values = [[found[what + one][name, year] for name in labels] for one in SUFFIXES]
            blocks.row(f"Year {year}", values, shown)
        whole = [[sum(found[what + one][name, year] for year in years) for name in labels] for one in SUFFIXES]
        last = blocks.sums("All years", first, whole, f"{shown}_bold") - 1
        series = [_column("By year", blocks.head, first, last, column) for column in blocks.columns[1]]
        title = f"{words} of a patient by year since entry, undiscounted"
        drawings.append(Drawing("column", "", title, "Year since entry", unit, series, axis))
    return drawings


_YEARLY = {
    "costs": ("Costs", "money", MONEY_AXIS),
    "qalys": ("QALYs", "number", YEARS_AXIS),
    "lys": ("Life years", "number", YEARS_AXIS),
}


def write_survival(book: Book, results: EconomicResults, curves: pd.DataFrame) -> list[Drawing]:
    """Add the sheet of both survival curves; return what its charts show."""
    labels = labels_of(results)
    heads = (CURVE_WORDS["os"], CURVE_WORDS["efs"])
    wide = curves.pivot_table(index="t", columns=["curve_name", "strategy"], values="survival", sort=False)
    blocks = Blocks(
        book,
        "Survival",
        "Overall and event-free survival",
        "Share of all who entered; the inputs of a partitioned-survival model.",
        heads,
        labels,
        first=(MONTHS, 12.0),
    )
    first = blocks.sheet.next
    for month, row in wide.iterrows():
        values = [[float(row[curve, name]) for name in labels] for curve in CURVE_WORDS]
        blocks.row(float(str(month)), values, "share")
    last, months = blocks.sheet.next - 1, float(wide.index.max())
    drawings = []
    for words, columns in zip(heads, blocks.columns, strict=True):
        series = [_column("Survival", blocks.head, first, last, column) for column in columns]
        drawings.append(Drawing("scatter", "straight", words, MONTHS, SHARE, series, SHARE_AXIS, months))
    return drawings


def write_traces(book: Book, results: EconomicResults, shares: pd.DataFrame) -> list[Drawing]:
    """Add a sheet a strategy with the share of patients in each stage; return what the charts show."""
    ever = shares.groupby("state_id")["prob"].max()
    entered = [int(str(number)) for number in ever.index[ever > 0.0]]
    drawings = []
    for place, (name, label) in enumerate(labels_of(results).items(), 1):
        mine = shares[shares["strategy"] == name].pivot_table(index="t", columns="state_id", values="prob")
        drawings.append(_trace(book, trace_name(place), label, mine[entered], [STAGES[one - 1] for one in entered]))
    return drawings


def trace_name(place: int) -> str:
    """Name of the sheet of a strategy's trace; strategies count from 1."""
    return f"Trace {place}"


def _trace(book: Book, title: str, label: str, shares: pd.DataFrame, stages: Sequence[str]) -> Drawing:
    sheet = book.sheet(title, widths=[12, *[13] * (len(stages) + 1)])
    sheet.title(label, "Share of all who entered in each stage; stages that nobody enters are left out.")
    head = sheet.header([MONTHS, *(_words(stage) for stage in stages), "Sum"])
    sheet.hold(head)
    first = sheet.next
    for month, row in shares.iterrows():
        formula = f"=SUM({cell(sheet.next, 1)}:{cell(sheet.next, len(stages))})"
        sheet.formula(len(stages) + 1, formula, float(row.sum()), "share")
        sheet.row([float(str(month)), *(float(one) for one in row)], ["top", *["share"] * len(stages)])
    last = sheet.next - 1
    series = [
        _column(title, head, first, last, column, colour=DEAD_COLOUR if stage == STAGES[Stage.DEAD] else None)
        for column, stage in enumerate(stages, 1)
    ]
    months = float(shares.index.max())
    return Drawing("area", "stacked", f"Stages: {label}", MONTHS, SHARE, series, SHARE_AXIS, months)


def write_activity(book: Book, results: EconomicResults) -> None:
    """Add the sheet of events and resources."""
    labels = labels_of(results)
    activity = results.tables["activity"]
    by_name = activity.set_index(["outcome", "strategy"])
    wide = [by_name[measure].to_dict() for measure in ("estimate", "std_error")]
    ever = activity.groupby("outcome", sort=False)["estimate"].max()
    happened = [str(name) for name in ever.index if ever[name] > 0.0 and name != EVENTS[Event.ENTRY]]
    heads = ("Mean of a patient who enters", "± Monte Carlo standard error")
    blocks = Blocks(
        book,
        "Activity",
        "What is done and what happens",
        "Times, days or visits of a patient who enters, over the whole follow-up, undiscounted; what never happens is "
        "left out.",
        heads,
        labels,
        first=("", 44.0),
        one_page=True,
    )
    for section, names in (
        ("Treatment and stays", [name for name in ACTIVITY if name in happened]),
        ("Events", [name for name in happened if name not in ACTIVITY]),
    ):
        blocks.section(section)
        for name in names:
            words = event_words(name)
            unit = UNITS.get(name, "times")
            label = words if unit in words.lower() else f"{words} ({unit})"
            blocks.row(label, [[one[name, strategy] for strategy in labels] for one in wide], "number")


def _words(name: str) -> str:
    return capital(name.replace("_", " ").replace("mrd", "MRD").replace("hsct", "transplant"))


def _column(sheet: str, head: int, first: int, last: int, column: int, colour: str | None = None) -> Series:
    """What a column shows under the name in its head, by the first column of its sheet."""
    over, values = (sheet, first, 0, last, 0), (sheet, first, column, last, column)
    return Series((sheet, head, column), over, values, colour)
