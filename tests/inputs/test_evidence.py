"""Reading the evidence tables: what is in them, and every fault that stops them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rallsim.errors import InputError
from rallsim.inputs.evidence import Evidence, describe, load_evidence

TABLES = {
    "sources.csv": """\
source_id,kind,citation,doi,url,note
deck,deck,Slides,,,
smith_2018,trial,"Smith A, et al. A trial. Blood 2018",10.1000/x,https://example.org/x,abstract read
""",
    "estimates_salvage.csv": """\
id,topic,therapy,population,quantity,value,lo,hi,ci_level,events,total,unit,at_months,source_id,where,origin,note
arm_cr,response,chemo,Arm A,cr_rate,0.5,0.4,0.6,0.95,50,100,proportion,,deck,slide 3,deck,"two
lines, one cell"
arm_os24,survival,chemo,Arm A,os_at,0.3,,,,,100,proportion,24,smith_2018,table 2,literature,
arm_os,survival,chemo,Arm A,median_os,6.7,2,9,range,,,months,,smith_2018,table 2,literature,
""",
    "estimates_cart.csv": """\
id,topic,therapy,population,quantity,value,lo,hi,ci_level,events,total,unit,at_months,source_id,where,origin,note
cells_crs,toxicity,car_t_cd19,Infused,crs_any,,0.7,,,,,proportion,,smith_2018,text,literature,at least
""",
    "assumed.csv": """\
id,topic,quantity,value,lo,hi,unit,reason
assumed_price,cost,drug_price,2400,2000,2800,EUR per vial,no public price
""",
    "risk_tables.csv": """\
curve_id,therapy,population,endpoint,at_months,at_risk,source_id,where,origin,note
arm_os,chemo,Arm A,os,0,100,deck,slide 3,deck,
arm_os,chemo,Arm A,os,12,40,deck,slide 3,deck,
other_os,chemo,Arm B,os,0,120,deck,slide 3,deck,
""",
    "km_points.csv": """\
curve_id,therapy,population,endpoint,time_months,survival,source_id,note
arm_os,chemo,Arm A,os,0,1.0,smith_2018,start
arm_os,chemo,Arm A,os,3.5,0.8,smith_2018,
""",
    "life_tables.csv": """\
country,year,sex,age,qx,source_id,note
FRA,2018,male,0,0.004,smith_2018,
FRA,2018,male,1,0.001,smith_2018,
FRA,2018,male,2,1,smith_2018,
FRA,2018,female,0,0.003,smith_2018,
""",
}

# file, what is replaced, by what, line of the fault, words of the message
BREAKS = {
    "unknown topic": ("estimates_salvage.csv", "arm_cr,response", "arm_cr,respons", 2, ["arm_cr.topic", "'response'?"]),
    "unknown origin": ("estimates_salvage.csv", "slide 3,deck", "slide 3,slides", 2, ["arm_cr.origin", "literature"]),
    "unknown kind of source": ("sources.csv", "smith_2018,trial", "smith_2018,study", 3, ["smith_2018.kind", "cohort"]),
    "unknown source": ("estimates_salvage.csv", "24,smith_2018", "24,smith_2019", 4, ["sources.csv", "'smith_2018'?"]),
    "unknown source of a curve": ("risk_tables.csv", "40,deck", "40,dekc", 3, ["source_id", "sources.csv", "'deck'?"]),
    "unknown source of points": ("km_points.csv", "0.8,smith_2018", "0.8,smith", 3, ["source_id", "sources.csv"]),
    "unknown source of a life table": ("life_tables.csv", "1,0.001,smith_2018", "1,0.001,x", 3, ["source_id"]),
    "repeated id": ("estimates_salvage.csv", "arm_os24,", "cells_crs,", 4, ["cells_crs.id", "estimates_cart.csv:2"]),
    "assumed row repeats an id": (
        "assumed.csv",
        "assumed_price",
        "arm_os",
        2,
        ["arm_os.id", "estimates_salvage.csv:5"],
    ),
    "repeated source": ("sources.csv", "read\n", "read\ndeck,hta,B,,,\n", 4, ["must stand once", "sources.csv:2"]),
    "id be snake_case": ("estimates_salvage.csv", "arm_os24,", "Arm-OS24,", 4, ["be snake_case", "'Arm-OS24'"]),
    "id missing": ("estimates_salvage.csv", "arm_os24,", ",", 4, ["be snake_case"]),
    "source id be snake_case": ("sources.csv", "read\n", "read\nThe deck,deck,B,,,\n", 4, ["be snake_case"]),
    "quantity be snake_case": ("estimates_salvage.csv", "cr_rate", "CR rate", 2, ["arm_cr.quantity", "'CR rate'"]),
    "curve id be snake_case": ("risk_tables.csv", "other_os", "other os", 4, ["curve_id", "be snake_case"]),
    "decimal comma": ("estimates_salvage.csv", "6.7,", '"6,7",', 5, ["arm_os.value", "6,7", "finite number"]),
    "digits with an underscore": ("estimates_salvage.csv", "6.7,", "6_7,", 5, ["finite number"]),
    "not a number (nan)": ("estimates_salvage.csv", "6.7,", "nan,", 5, ["arm_os.value", "finite number"]),
    "infinite": ("estimates_salvage.csv", "6.7,", "1e999,", 5, ["arm_os.value", "finite number"]),
    "percent as proportion": (
        "estimates_salvage.csv",
        "0.3,,",
        "30,,",
        4,
        ["arm_os24.value", "must be from", "0 to 1"],
    ),
    "limit above 1": ("estimates_salvage.csv", "0.6,0.95", "1.6,0.95", 2, ["arm_cr.hi", "must be from", "0 to 1"]),
    "negative limit": ("estimates_salvage.csv", "0.5,0.4", "0.5,-0.4", 2, ["arm_cr.lo", "must be from"]),
    "value below lo": ("estimates_salvage.csv", "0.5,0.4", "0.3,0.4", 2, ["between lo and hi", "0.4, 0.3, 0.6"]),
    "value above hi": ("estimates_salvage.csv", "6.7,2,9", "9.7,2,9", 5, ["between lo and hi", "2, 9.7, 9"]),
    "lo above hi": ("estimates_cart.csv", ",0.7,,", ",0.7,0.6,", 2, ["between lo and hi", "0.7, 0.6"]),
    "more events than patients": ("estimates_salvage.csv", "50,100", "150,100", 2, ["arm_cr.events", "150 of 100"]),
    "negative events": ("estimates_salvage.csv", "50,100", "-5,100", 2, ["arm_cr.events", "whole number from 0"]),
    "half a patient": ("estimates_salvage.csv", "50,100", "50.5,100", 2, ["arm_cr.events", "whole number"]),
    "landmark missing": (
        "estimates_salvage.csv",
        "proportion,24",
        "proportion,",
        4,
        ["arm_os24.at_months", "landmark"],
    ),
    "negative landmark": ("estimates_salvage.csv", "proportion,24", "proportion,-1", 4, ["at_months", "must be from"]),
    "level in percent": ("estimates_salvage.csv", "0.6,0.95", "0.6,95", 2, ["arm_cr.ci_level", "range, iqr"]),
    "level in words": ("estimates_salvage.csv", "2,9,range", "2,9,span", 5, ["arm_os.ci_level", "range, iqr"]),
    "assumed without a range": ("assumed.csv", "2000,", ",", 2, ["assumed_price.lo", "missing"]),
    "assumed without a value": ("assumed.csv", "2400,", ",", 2, ["assumed_price.value", "missing"]),
    "assumed without a reason": ("assumed.csv", "no public price", "", 2, ["assumed_price.reason", "missing"]),
    "assumed outside its range": ("assumed.csv", "2400,", "3400,", 2, ["between lo and hi", "3400"]),
    "assumed with an unknown topic": ("assumed.csv", "price,cost", "price,costs", 2, ["topic", "'cost'?"]),
    "at risk rises": ("risk_tables.csv", "12,40", "12,140", 3, ["arm_os.at_risk", "must not rise", "140 after 100"]),
    "at risk missing": ("risk_tables.csv", "12,40", "12,", 3, ["arm_os.at_risk", "missing"]),
    "at risk not whole": ("risk_tables.csv", "12,40", "12,40.5", 3, ["arm_os.at_risk", "whole number"]),
    "time missing": ("risk_tables.csv", "12,40", ",40", 3, ["arm_os.at_months", "missing"]),
    "survival rises": ("km_points.csv", "0,1.0", "0,0.7", 3, ["arm_os.survival", "must not rise", "0.8 after 0.7"]),
    "survival above 1": ("km_points.csv", "0,1.0", "0,1.1", 2, ["arm_os.survival", "must be from"]),
    "qx above 1": ("life_tables.csv", "2,1,smith", "2,1.5,smith", 4, ["FRA.qx", "must be from"]),
    "qx missing": ("life_tables.csv", "1,0.001,smith", "1,,smith", 3, ["FRA.qx", "missing"]),
    "hole in the ages": ("life_tables.csv", "male,2,1", "male,3,1", 4, ["FRA.age", "holes", "got 3", "allowed: 2"]),
    "ages from 1": ("life_tables.csv", "female,0", "female,1", 5, ["FRA.age", "holes", "got 1", "allowed: 0"]),
    "age twice": ("life_tables.csv", "male,2,1", "male,1,1", 4, ["FRA.age", "holes", "got 1"]),
    "age not a number": ("life_tables.csv", "male,2,1", "male,two,1", 4, ["FRA.age", "finite number", "two"]),
    "unknown sex": ("life_tables.csv", "female", "woman", 5, ["FRA.sex", "female, male"]),
    "column renamed": (
        "km_points.csv",
        "survival",
        "surv",
        1,
        ["must have these columns", "time_months, surv,", "survival"],
    ),
    "columns swapped": ("assumed.csv", "id,topic", "topic,id", 1, ["must have these columns"]),
    "cell too many": ("estimates_salvage.csv", "6.7,2", "6.7,2,2", 5, ["arm_os", "must have 17 cells, got 18"]),
    "quote not closed": ("km_points.csv", "start", '"start', None, ["cannot be read"]),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in TABLES.items():
        (tmp_path / name).write_text(text, encoding="utf-8", newline="\n")
    return tmp_path


def break_file(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert text.count(old) >= 1, f"{old!r} does not stand in the example file"
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8", newline="\n")


def faults(folder: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        load_evidence(folder)
    return caught.value


@pytest.fixture(scope="module")
def shipped_evidence() -> Evidence:
    return load_evidence()


def test_a_valid_folder_loads(folder: Path) -> None:
    """A folder that follows the rules loads, with numbers as numbers and what is not reported as None."""
    evidence = load_evidence(folder)
    assert list(evidence.rows) == ["cells_crs", "arm_cr", "arm_os24", "arm_os", "assumed_price"]
    row = evidence.row("arm_cr")
    assert (row.value, row.interval, row.events, row.total, row.at_months) == (0.5, (0.4, 0.6), 50, 100, None)
    assert (row.kind, row.file, row.line, row.reason) == ("published", "estimates_salvage.csv", 2, "")
    assert row.note == "two\nlines, one cell"
    assert row.source is evidence.sources["deck"]
    assert evidence.row("arm_os24").line == 4, "a cell over two lines moves the lines after it"
    cells = evidence.row("cells_crs")
    assert (cells.value, cells.lo, cells.interval) == (None, 0.7, None)
    assumed = evidence.row("assumed_price")
    assert (assumed.kind, assumed.reason, assumed.interval) == ("assumed", "no public price", (2000, 2800))
    assert assumed.source is None


def test_curves_are_grouped(folder: Path) -> None:
    """Numbers at risk and Kaplan–Meier points come grouped by curve, in the order of time."""
    break_file(folder, "risk_tables.csv", "os,0,100", "os,24,10")
    evidence = load_evidence(folder)
    assert {name: [(point.months, point.value) for point in curve] for name, curve in evidence.risk_tables.items()} == {
        "arm_os": [(12, 40), (24, 10)],
        "other_os": [(0, 120)],
    }
    assert [(point.months, point.value) for point in evidence.km_points["arm_os"]] == [(0, 1), (3.5, 0.8)]


def test_life_tables(folder: Path) -> None:
    """A life table is the death probabilities by age; of several years the latest counts."""
    path = folder / "life_tables.csv"
    path.write_text(path.read_text(encoding="utf-8") + "FRA,2017,male,0,0.9,deck,\nFRA,2019,female,0,0.1,deck,\n")
    evidence = load_evidence(folder)
    assert evidence.life_table("FRA", "male").tolist() == [0.004, 0.001, 1.0]
    assert evidence.life_table("FRA", "female").tolist() == [0.1]


@pytest.mark.parametrize(("country", "sex"), [("FRR", "male"), ("FRA", "men")])
def test_unknown_life_table(folder: Path, country: str, sex: str) -> None:
    """An unknown country or sex is refused, and the message says which tables there are."""
    with pytest.raises(InputError, match=rf"allowed: FRA female, FRA male\), got {country} {sex}"):
        load_evidence(folder).life_table(country, sex)


def test_unknown_row_names_the_nearest(folder: Path) -> None:
    """An unknown id is refused with the id that may have been meant."""
    with pytest.raises(InputError, match=r"arm_os42 must be an evidence row; did you mean 'arm_os24'\?"):
        load_evidence(folder).row("arm_os42")


@pytest.mark.parametrize("name", BREAKS)
def test_every_fault_has_its_place(folder: Path, name: str) -> None:
    """One broken rule gives one problem, with its file, its line and words that say what to change."""
    file, old, new, line, words = BREAKS[name]
    break_file(folder, file, old, new)
    (problem,) = faults(folder).problems
    assert problem.file == str(folder / file)
    assert problem.line == line
    assert [word for word in words if word not in str(problem)] == []


def test_all_faults_come_at_once(folder: Path) -> None:
    """Faults in several files, and several in one row, are all reported in one error, sorted by place."""
    break_file(folder, "estimates_salvage.csv", "50,100", "150,100")
    break_file(folder, "estimates_salvage.csv", "arm_cr,response", "arm_cr,cure")
    break_file(folder, "life_tables.csv", "1,0.001,smith", "1,2,smith")
    break_file(folder, "risk_tables.csv", "12,40", "12,many")
    (folder / "km_points.csv").unlink()
    error = faults(folder)
    assert [(Path(problem.file or "").name, problem.line) for problem in error.problems] == [
        ("estimates_salvage.csv", 2),
        ("estimates_salvage.csv", 2),
        ("km_points.csv", None),
        ("life_tables.csv", 3),
        ("risk_tables.csv", 3),
    ]
    assert len(str(error).splitlines()) == 5


@pytest.mark.parametrize("file", [name for name in TABLES if not name.startswith("estimates_")])
def test_missing_file(folder: Path, file: str) -> None:
    """A missing table is one problem that names it: a missing list of sources does not blame every row."""
    (folder / file).unlink()
    (problem,) = faults(folder).problems
    assert str(problem) == f"{folder / file}: must be a file that exists"


def test_empty_list_of_sources(folder: Path) -> None:
    """A list of sources that can be read but holds none leaves every row with a source at fault."""
    (folder / "sources.csv").write_text(TABLES["sources.csv"].splitlines()[0] + "\n", encoding="utf-8")
    problems = faults(folder).problems
    assert {problem.message for problem in problems} == {"must be a source in sources.csv"}
    assert len(problems) == 13


def test_missing_estimates(folder: Path) -> None:
    """A folder without any table of estimates is refused."""
    for path in folder.glob("estimates_*.csv"):
        path.unlink()
    (problem,) = faults(folder).problems
    assert str(problem) == f"{folder / 'estimates_*.csv'}: must be a file that exists"


def test_file_in_another_encoding(folder: Path) -> None:
    """A table that is not UTF-8 is refused, and the message names it."""
    (folder / "assumed.csv").write_bytes(TABLES["assumed.csv"].encode() + "x,café".encode("latin-1"))
    (problem,) = faults(folder).problems
    assert problem.file == str(folder / "assumed.csv")
    assert "cannot be read" in problem.message


def test_filters_narrow_together(folder: Path) -> None:
    """Filters given together all hold; text is looked for in id, population and note, whatever its case."""
    evidence = load_evidence(folder)

    def ids(**words: str) -> list[str]:
        return [row.id for row in evidence.filtered(**words)]

    assert ids(topic="survival") == ["arm_os24", "arm_os"]
    assert ids(topic="survival", quantity="os_at") == ["arm_os24"]
    assert ids(therapy="car_t_cd19") == ["cells_crs"]
    assert ids(source="deck") == ["arm_cr"]
    assert ids(text="ARM a") == ["arm_cr", "arm_os24", "arm_os"]
    assert ids(text="One Cell") == ["arm_cr"]
    assert ids(text="PRICE") == ["assumed_price"]
    assert ids(topic="survival", therapy="hsct") == []
    assert len(ids()) == len(evidence.rows)


def test_card_of_a_published_row(folder: Path) -> None:
    """The card shows value, interval, counts, population, place, source, link, note and who uses the row."""
    break_file(folder, "estimates_salvage.csv", "deck,slide 3,deck", "smith_2018,slide 3,deck")
    card = describe(load_evidence(folder).row("arm_cr"), uses=["chemo.cr", "fit.cr"])
    assert card.splitlines() == [
        "arm_cr: cr_rate 0.5 (95 % interval 0.4 to 0.6; 50 of 100), proportion",
        "  who      Arm A, chemo",
        "  where    slide 3; estimates_salvage.csv:2",
        "  source   Smith A, et al. A trial. Blood 2018",
        "  link     https://doi.org/10.1000/x",
        "  note     two",
        "lines, one cell",
        "  used by  chemo.cr, fit.cr",
    ]


def test_cards_of_other_rows(folder: Path) -> None:
    """A card says a landmark, what limits are, what is missing, why a number is assumed, and that nobody uses it."""
    evidence = load_evidence(folder)

    def card(row_id: str) -> str:
        return describe(evidence.row(row_id), uses=[])

    assert card("arm_os24").startswith("arm_os24: os_at at 24 months 0.3 (n = 100), proportion\n")
    assert card("arm_os").startswith("arm_os: median_os 6.7 (range 2 to 9), months\n")
    assert card("cells_crs").startswith("cells_crs: crs_any without one value (limits 0.7 to not reported), proportion")
    assert card("assumed_price").splitlines()[2:] == [
        "  source   none: assumed",
        "  reason   no public price",
        "  used by  no parameter uses this row",
    ]


def test_shipped_tables_load(shipped_evidence: Evidence) -> None:
    """The shipped tables follow every rule, and every life table ends in certain death."""
    rows = shipped_evidence.rows.values()
    assert {row.file for row in rows if row.kind == "published"} == {
        f"estimates_{name}.csv" for name in ("cart", "economics", "pathway", "salvage")
    }
    assert any(row.kind == "assumed" for row in rows)
    assert shipped_evidence.risk_tables
    assert shipped_evidence.km_points
    for country in ("FRA", "GBR", "DEU", "USA"):
        for sex in ("female", "male"):
            table = shipped_evidence.life_table(country, sex)
            assert len(table) == 111
            assert table[-1] == 1.0


def test_loading_is_quick() -> None:
    """Loading all tables takes under 0.3 s (about 0.05 s on one core): commands read them at every start."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        load_evidence()
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.3


def test_every_shipped_row_has_a_card(shipped_evidence: Evidence) -> None:
    """Every shipped row can be described, and its card opens with its id and closes with its uses."""
    assert shipped_evidence.rows
    for row in shipped_evidence.rows.values():
        card = describe(row, uses=["a_parameter"])
        assert card.startswith(f"{row.id}: {row.quantity}")
        assert card.endswith("used by  a_parameter")
