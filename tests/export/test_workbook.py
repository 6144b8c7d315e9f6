"""The workbook for planners: formulas give its values, headings say units, sheets read and print well."""

from __future__ import annotations

import re
import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import openpyxl
import pytest

from helpers_economics import results_of
from helpers_export import made
from helpers_model import parameters
from rallsim.export.course_sheets import event_words
from rallsim.export.folder import export_tables
from rallsim.export.result_sheets import icer, meaning
from rallsim.export.workbook import write_workbook
from rallsim.inputs.scenario import load_scenario
from rallsim.simulation.simulate import simulate

CURRENCY = "GBP 2023"
ICER = f"ICER up to 120 months ({CURRENCY} per QALY)"  # as long as patients were followed
PREFIXES = {
    "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
}
CELLS = re.compile(r"'?([^'!]+)'?!(\$[A-Z]+\$\d+):(\$[A-Z]+\$\d+)")
CELL = re.compile(r'"[^"]*"|(?:(\w+)!)?(\$?[A-Z]{1,2}\$?\d+)(?::(\$?[A-Z]{1,2}\$?\d+))?')


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("excel") / "made.xlsx"
    write_workbook(made()[1], made()[2], written)
    return written


class Workbook:
    """A workbook whose formulas are computed again, from constants alone, with their functions written in Python."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.book = openpyxl.load_workbook(path)
        self.seen: dict[tuple[str, str], Any] = {}

    @cached_property
    def shown(self) -> Any:
        return openpyxl.load_workbook(self.path, data_only=True)

    def value(self, sheet: str, name: str) -> Any:
        key = (sheet, name.replace("$", ""))
        if key not in self.seen:
            given = self.book[sheet][key[1]].value
            formula = isinstance(given, str) and given.startswith("=")
            self.seen[key] = self.computed(sheet, given[1:]) if formula else given
        return self.seen[key]

    def range(self, sheet: str, first: str, last: str) -> list[Any]:
        cells = self.book[sheet][f"{first}:{last}".replace("$", "")]
        return [self.value(sheet, one.coordinate) for row in cells for one in row]

    def computed(self, sheet: str, formula: str) -> Any:
        names: dict[str, Any] = {
            "SUM": sum,
            "AND": lambda *given: all(given),
            "IF": lambda test, yes, no: yes if test else no,
        }

        def replaced(match: re.Match[str]) -> str:
            if match[2] is None:
                return match[0]
            where, name = match[1] or sheet, f"v{len(names)}"
            found = self.range(where, match[2], match[3]) if match[3] else self.value(where, match[2])
            names[name] = found if isinstance(found, list | str) else np.float64(found)
            return name

        python = re.sub(r"(?<![<>])=", "==", CELL.sub(replaced, formula))
        with np.errstate(divide="ignore", invalid="ignore"):
            return eval(python, {"__builtins__": {}}, names)

    def formulas(self, sheet: str) -> dict[str, str]:
        cells = (one for row in self.book[sheet].iter_rows() for one in row)
        return {one.coordinate: one.value for one in cells if isinstance(one.value, str) and one.value.startswith("=")}

    def rows(self, sheet: str) -> dict[str, list[Any]]:
        """What stands to the right of each label of a sheet; the first row of a label counts."""
        found: dict[str, list[Any]] = {}
        for row in self.shown[sheet].iter_rows(values_only=True):
            found.setdefault(str(row[0]), list(row[1:]))
        return found


@pytest.fixture(scope="module")
def workbook(path: Path) -> Workbook:
    return Workbook(path)


def test_formulas_give_the_values_shown(workbook: Workbook) -> None:
    """Totals, differences, ICERs and net benefit computed again from constants give what is shown, to 1e-9."""
    counted = dict.fromkeys(("Results", "Incremental", "By year", "Trace 1"), 0)
    for sheet in counted:
        for name, formula in workbook.formulas(sheet).items():
            counted[sheet] += 1
            shown, again = workbook.shown[sheet][name].value, workbook.value(sheet, name)
            if isinstance(again, str):
                assert (shown or "") == again, (sheet, name, formula)
            else:
                assert shown == pytest.approx(again, rel=1e-9, abs=1e-9), (sheet, name, formula)

    assert all(number >= 8 for number in counted.values()), counted


@pytest.mark.parametrize("label", ["All costs", f"Δ costs ({CURRENCY})", "Δ QALYs", ICER, "Net benefit"])
def test_results_are_live_in_both_blocks(workbook: Workbook, label: str) -> None:
    """What follows from other cells is a formula, discounted and not."""
    strategies = len(made()[0].histories)
    row = next(row for row in workbook.book["Results"].iter_rows() if row[0].value == label)

    assert sum(str(one.value).startswith("=") for one in row[1:]) == 2 * strategies


def test_another_threshold_changes_the_net_benefit(path: Path, tmp_path: Path) -> None:
    """Net benefit follows the yellow cell, and nothing else does."""
    book = openpyxl.load_workbook(path)
    row = next(row for row in book["Results"].iter_rows() if str(row[0].value).startswith("Threshold"))
    row[1].value = 0.0
    book.save(tmp_path / "changed.xlsx")
    changed = Workbook(tmp_path / "changed.xlsx")
    benefit = row[0].row + 1
    costs = next(row for row in changed.book["Results"].iter_rows() if row[0].value == "All costs")[0].row

    for column in "BCDEF":
        assert changed.value("Results", f"{column}{benefit}") == -changed.value("Results", f"{column}{costs}")


@pytest.mark.parametrize(
    ("more", "gain", "expected", "words"),
    [
        (100.0, 0.5, 200.0, "paid for a QALY gained"),
        (-100.0, -0.5, 200.0, "saved for a QALY given up"),
        (-1.0, 0.0, "dominates", ""),
        (0.0, 0.5, "dominates", ""),
        (1.0, 0.0, "dominated", ""),
        (0.0, -0.5, "dominated", ""),
        (0.0, 0.0, "", ""),
    ],
)
def test_the_formula_of_the_icer_knows_every_quadrant(
    workbook: Workbook, more: float, gain: float, expected: float | str, words: str
) -> None:
    """The live formula and the value written with it agree wherever a strategy may lie, axes included."""
    rows = {str(row[0].value): row[2] for row in workbook.book["Results"].iter_rows()}
    costs, qalys = rows[f"Δ costs ({CURRENCY})"].coordinate, rows["Δ QALYs"].coordinate
    tried = Workbook(workbook.path)
    tried.seen |= {("Results", costs): more, ("Results", qalys): gain}

    for label, value in ((ICER, expected), ("which is", words)):
        assert tried.computed("Results", str(rows[label].value)[1:]) == value
    assert (icer(more, gain), meaning(more, gain)) == (expected, words)


def test_the_workbook_says_what_the_run_says(workbook: Workbook) -> None:
    """Totals are those of the evaluation, undiscounted beside discounted; differences have the errors of pairs."""
    _, evaluation, _ = made()
    results, found = workbook.rows("Results"), evaluation.tables
    many = len(evaluation.totals)
    for label, what in (("All costs", "costs"), ("QALYs", "qalys"), ("Life years", "lys")):
        for suffix, place in (("", 0), ("_undisc", many + 1)):
            expected = [totals[what + suffix].mean() for totals in evaluation.totals.values()]
            assert results[label][place : place + many] == pytest.approx(expected)
    gains = found["increments"].query("outcome == 'costs'")["std_error"].tolist()
    rows = list(workbook.shown["Results"].iter_rows(values_only=True))
    after = next(place for place, row in enumerate(rows) if str(row[0]).startswith("Δ costs")) + 1
    assert list(rows[after][2 : many + 1]) == pytest.approx(gains)


def test_years_sum_to_the_totals(workbook: Workbook) -> None:
    """Costs by year, discounted and not, add up to the costs of the sheet of results."""
    years, results = workbook.rows("By year"), workbook.rows("Results")
    for place in (0, 2, 6, 8):
        assert years["All years"][place] == pytest.approx(results["All costs"][place])


def test_the_first_sheet_leads_to_every_other(workbook: Workbook) -> None:
    """It names each sheet with what it holds, and says what was not counted."""
    first = workbook.book["Read first"]
    cells = [one for row in first.iter_rows() for one in row]
    links = {str(one.value): one.hyperlink.location for one in cells if one.hyperlink}
    words = " ".join(str(one.value) for one in cells if one.value)

    assert workbook.book.sheetnames[0] == "Read first"
    assert links == {name: f"'{name}'!A1" for name in workbook.book.sheetnames[1:]}
    assert made()[1].economics.costs.about.split(".")[0] in words
    for event in made()[1].tables["not_valued"]["event"]:
        assert event.replace("_", " ") in words


def test_headings_say_units(workbook: Workbook) -> None:
    """Money stands under its currency and year, time under its unit."""
    for label in (f"Costs of a patient ({CURRENCY})", ICER):
        assert label in workbook.rows("Results")
    assert f"Costs ({CURRENCY})" in workbook.rows("By year")
    heads = workbook.rows("Incremental")["Strategy"]
    assert heads[:5] == [
        *(f"Costs ({CURRENCY})", "QALYs", f"Δ costs ({CURRENCY})"),
        *("Δ QALYs", ICER),
    ]
    assert {"Months since entry"} <= set(workbook.rows("Survival")) & set(workbook.rows("Trace 1"))
    assert {"Ward days", "Outpatient visits", "Relapse (times)"} <= set(workbook.rows("Activity"))


def test_numbers_are_shown_as_what_they_are(workbook: Workbook) -> None:
    """Money has the sign of its currency and thousands apart, shares are per cent, years have no comma."""

    def shown(sheet: str, label: str | float, column: int = 1) -> str:
        row = next(row for row in workbook.book[sheet].iter_rows() if row[0].value == label)
        return str(row[column].number_format)

    assert shown("Results", "All costs") == shown("By year", "Year 1") == '"£"#,##0;-"£"#,##0'
    assert shown("Results", "QALYs") == "0.000"
    assert shown("Survival", 12.0) == shown("Trace 1", 12.0) == "0.0 %"
    assert shown("Inputs", "costs.uk.ward_day") == "#,##0.00"
    assert shown("Inputs", "costs.uk.ward_day", 3) == "0"
    assert shown("Inputs", "utilities.remission") == "0.000"
    assert shown("Inputs", "utilities.norm_age_squared") == "0.0E+00"


def test_an_icer_up_to_a_horizon_has_that_of_a_lifetime_below_it(tmp_path: Path) -> None:
    """The heading says up to when; below stand the ICERs for life and the share alive. For life there is neither.

    The ICER at the weight of severe diseases stands below in both.
    """
    wanted = {"short": {"horizon_months": 120.0}, "long": {}}
    books = {}
    for name, economics in wanted.items():
        simulation = simulate(
            load_scenario("first_salvage", patients=40, economics=economics), parameters(), months=1200
        )
        found = results_of(simulation)
        write_workbook(found, export_tables(simulation.until(found.months), found), tmp_path / f"{name}.xlsx")
        books[name] = Workbook(tmp_path / f"{name}.xlsx").rows("Results")

    assert ICER in books["short"]
    assert "ICER for life" in books["short"]
    assert all(any(str(label).startswith("ICER at 1.") for label in book) for book in books.values())
    assert any("% of patients are alive" in str(label) for label in books["short"])
    assert f"ICER ({CURRENCY} per QALY)" in books["long"]
    assert "ICER for life" not in books["long"]


def test_the_sign_is_that_of_the_costs(tmp_path: Path) -> None:
    """French costs are shown in euros; a perspective without a threshold gets an example that says so."""
    scenario = load_scenario("first_salvage", patients=40, economics={"costs": "fr"})
    simulation = simulate(scenario, parameters())
    found = results_of(simulation)
    write_workbook(found, export_tables(simulation, found), tmp_path / "fr.xlsx")
    book = Workbook(tmp_path / "fr.xlsx")
    row = next(row for row in book.book["Results"].iter_rows() if row[0].value == "All costs")

    assert "€" in row[1].number_format
    assert any(str(label).startswith("The perspective states no threshold") for label in book.rows("Results"))


def test_every_sheet_prints_across_a4(workbook: Workbook) -> None:
    """As wide as the paper, with headings on every page and in sight on the screen; pages are named and counted."""
    for sheet in workbook.book:
        assert (sheet.page_setup.orientation, int(sheet.page_setup.paperSize)) == ("landscape", 9), sheet.title
        assert sheet.oddFooter.right.text == "&A, page &P of &N"
        assert bool(sheet.sheet_properties.pageSetUpPr.fitToPage) == (sheet.title != "Charts"), sheet.title
        if sheet.title not in ("Read first", "Charts"):
            kept = int(re.findall(r"\d+", str(sheet.print_title_rows))[-1])
            assert str(sheet.freeze_panes) == f"B{kept + 1}", sheet.title
            assert sheet.cell(kept + 1, 1).value is not None, sheet.title


@pytest.fixture(scope="module")
def charts(path: Path) -> list[ElementTree.Element]:
    with zipfile.ZipFile(path) as parts:
        names = [name for name in parts.namelist() if name.startswith("xl/charts/chart")]
        return [ElementTree.fromstring(parts.read(name)) for name in names]


def title_of(part: ElementTree.Element) -> str:
    return "".join(str(one.text) for one in part.findall("./c:title//a:t", PREFIXES))


def test_charts_have_titles_axes_and_legends(workbook: Workbook, charts: list[ElementTree.Element]) -> None:
    """Native charts: costs by category, three by year, both curves, a trace a strategy; each says what it shows."""
    titles = [title_of(one.find("c:chart", PREFIXES)) for one in charts]
    assert len(set(titles)) == len(charts) == 6 + len(made()[0].histories)
    assert {"Overall survival", "Event-free survival", "Stages: No bridging"} <= set(titles)
    assert [sheet.title for sheet in workbook.book if sheet._charts] == ["Charts"]
    for chart, title in zip(charts, titles, strict=True):
        axes = [one for kind in ("catAx", "valAx") for one in chart.iterfind(f".//c:{kind}", PREFIXES)]
        words = [title_of(axis) for axis in axes]
        assert len(words) == 2
        assert all(words), title
        assert title.startswith("Costs") == (f"Costs ({CURRENCY})" in words), title
        assert chart.find(".//c:legendPos", PREFIXES).get("val") == "b"


def test_charts_show_filled_cells_under_their_names(workbook: Workbook, charts: list[ElementTree.Element]) -> None:
    """Each series points at numbers; where its name is a cell, that is the heading of their column."""
    for chart in charts:
        for series in chart.iterfind(".//c:ser", PREFIXES):
            values = series.find("c:val", PREFIXES) or series.find("c:yVal", PREFIXES)
            sheet, first, last = CELLS.fullmatch(values.find(".//c:f", PREFIXES).text).groups()
            assert all(isinstance(one, float | int) for one in workbook.range(sheet, first, last))
            name = series.find("c:tx//c:f", PREFIXES)
            if name is not None:
                where, heading = name.text.replace("$", "").replace("'", "").split("!")
                assert where == sheet
                assert re.sub(r"\d", "", heading) == re.sub(r"[\d$]", "", first)
                assert workbook.value(sheet, heading)


def test_stages_that_nobody_enters_are_left_out(workbook: Workbook) -> None:
    """Each column of a trace is entered under some strategy, the same for all, and every month sums to one."""
    heads = [workbook.rows(f"Trace {place}")["Months since entry"] for place in range(1, 6)]
    assert all(one == heads[0] for one in heads)
    shares = made()[2]["stateprobs"].groupby("state", observed=True)["prob"].max()
    assert len(heads[0]) == 1 + int((shares > 0).sum())
    assert all(workbook.value("Trace 1", name) == pytest.approx(1.0) for name in workbook.formulas("Trace 1"))


def test_inputs_lead_to_published_sources(workbook: Workbook) -> None:
    """Every input stands there with its source, every source with what it is; assumed ones have a reason."""
    evaluation = made()[1]
    inputs, sources = workbook.rows("Inputs"), workbook.rows("Sources")
    heads = inputs.pop("Parameter")
    named = [
        row[heads.index("Source: see Sources")]
        for label, row in inputs.items()
        if label.startswith(("costs.", "utilities."))
    ]

    assert len(named) == len(evaluation.tables["inputs"])
    assert sum(bool(one) for one in named) > 0.8 * len(named)
    known = evaluation.parameters.evidence.sources
    for text in filter(None, named):
        for one in text.split(", "):
            assert sources[one][0] == known[one].citation
    assumed = workbook.rows("Assumptions")
    for label in evaluation.tables["assumptions"]["parameter"]:
        assert assumed[label][heads.index("Note")], label


def test_events_are_called_by_words() -> None:
    """No event of a model is shown with an underscore or as an abbreviation that planners do not know."""
    for name in made()[1].tables["activity"]["outcome"].unique():
        words = event_words(name)
        assert "_" not in words
        assert words[0].isupper()
        assert not {"sos", "icans", "crs", "hsct"} & set(words.lower().split())


def test_the_same_results_make_the_same_workbook(path: Path, tmp_path: Path) -> None:
    """Written again, not a byte differs: no time of making is in it."""
    again = tmp_path / "again.xlsx"
    write_workbook(made()[1], made()[2], again)

    assert again.read_bytes() == path.read_bytes()
