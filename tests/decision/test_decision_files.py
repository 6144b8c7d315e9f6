from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers_sweep import formula
from rallsim.decision.sample import PsaSample, left_out, order_and_baseline, sample_tables
from rallsim.decision.sample_files import FILES, read_sample
from rallsim.errors import InputError, Problem
from rallsim.sweep.settings import SweepSettings

REFERENCE = Path(__file__).parents[1] / "reference" / "decision"
COSTS, EFFECTS, LONG = "psa_costs.csv", "psa_effects.csv", "psa_long.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small sample in all five files, with nothing wrong."""
    generator = np.random.default_rng(2)
    costs, effects = generator.gamma(5, 100, (4, 3)).round(6), generator.gamma(2, 1, (4, 3)).round(6)
    parameters = pd.DataFrame({"cure.rate": generator.random(4), "hr": [1.0, 2.0, 3.0, 4.0]}).round(6)
    sample = PsaSample(("chemotherapy", "blinatumomab", "car_t"), costs, effects, effects * 1.2, parameters)
    target = tmp_path / "psa"
    target.mkdir()
    for name, table in sample_tables(sample).items():
        table.to_csv(target / f"{name}.csv", index=False)
    return target


def refused(folder: Path) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        read_sample(folder)
    return caught.value.problems


def edit_line(path: Path, line: int, edit: Callable[[list[str]], list[str]]) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[line - 1] = ",".join(edit(lines[line - 1].split(",")))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_what_is_written_is_read(folder: Path) -> None:
    """Tables of a sample come back with the same numbers, names and order; every file is listed."""
    read = read_sample(folder)

    tables = sample_tables(read.sample)
    assert [path.name for path in read.files] == list(FILES)
    assert read.sample.strategies == ("chemotherapy", "blinatumomab", "car_t")
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, pd.read_csv(folder / f"{name}.csv"), rtol=1e-12)


def test_the_tables_are_those_of_the_reference_sample() -> None:
    """Headers and rows of all five files are those that R's packages read."""
    tables = sample_tables(read_sample(REFERENCE).sample)

    assert len(tables) == 5
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, pd.read_csv(REFERENCE / f"{name}.csv"))


def test_parameters_that_no_regression_can_use_stand_apart() -> None:
    """Constants, and the last of shares that sum to 1, go to a file of their own, and it is said why."""
    generator = np.random.default_rng(5)
    one, other = generator.dirichlet([2.0, 3.0, 4.0], 20).T[:2]
    table = pd.DataFrame({"fixed": 0.3, "one": one, "other": other, "third": 1.0 - one - other, "free": one**2})
    sample = PsaSample(("usual", "new"), generator.random((20, 2)), generator.random((20, 2)), parameters=table)

    tables = sample_tables(sample)

    assert list(tables["psa_parameters"]) == ["one", "other", "free"]
    pd.testing.assert_frame_equal(tables["psa_parameters_left_out"], table[["fixed", "third"]])
    assert left_out(table) == {"fixed": "constant", "third": "a sum of the parameters before it"}
    assert left_out(table[["one", "other", "free"]]) == {}


def test_a_sample_whose_parameters_never_change_has_none_to_regress_on() -> None:
    """Nothing varies: there is no psa_parameters table, and the values are kept."""
    table = pd.DataFrame({"fixed": [0.3, 0.3], "also": [7.0, 7.0]})
    sample = PsaSample(("usual", "new"), [[1.0, 2.0], [2.0, 3.0]], [[1.0, 1.0], [1.0, 2.0]], parameters=table)

    assert "psa_parameters" not in sample_tables(sample)
    assert list(sample_tables(sample)["psa_parameters_left_out"]) == ["fixed", "also"]


def test_undiscounted_stands_beside_discounted() -> None:
    """Undiscounted parts are files of their own with the suffix, of the same shape, or are refused."""
    costs, effects = np.array([[1.0, 2.0], [2.0, 3.0]]), np.array([[1.0, 1.5], [1.0, 2.0]])
    undiscounted = {"costs": costs * 1.1, "effects": effects * 1.2}
    tables = sample_tables(PsaSample(("usual", "new"), costs, effects, undiscounted=undiscounted))

    np.testing.assert_array_equal(tables["psa_costs_undisc"], costs * 1.1)
    np.testing.assert_array_equal(tables["psa_effects_undisc"], effects * 1.2)
    assert "psa_life_years_undisc" not in tables
    with pytest.raises(InputError, match="must have a row for each draw and a column for each strategy"):
        PsaSample(("usual", "new"), costs, effects, undiscounted={"costs": costs[:1]})
    with pytest.raises(InputError, match="must be one of"):
        PsaSample(("usual", "new"), costs, effects, undiscounted={"qalys": effects})


def test_the_baseline_is_said() -> None:
    """The metadata name order, baseline and direction; a baseline that is no strategy is refused."""
    kept = order_and_baseline(["usual", "blinatumomab"], "blinatumomab")

    assert kept["baseline"] == "blinatumomab"
    assert kept["strategies"] == [
        {"strategy_id": 1, "strategy": "usual"},
        {"strategy_id": 2, "strategy": "blinatumomab"},
    ]
    assert "minus the baseline" in str(kept["direction"])
    with pytest.raises(InputError, match="must be a known strategy"):
        order_and_baseline(["usual", "blinatumomab"], "blin")


def test_the_long_file_is_enough(folder: Path) -> None:
    """psa_long.csv alone gives the same sample, in the order of its rows, and optional columns may be absent."""
    whole = read_sample(folder).sample
    for name in FILES[:4]:
        (folder / name).unlink()
    table = pd.read_csv(folder / LONG).drop(columns=["strategy_id", "grp_id", "lys"])
    table.to_csv(folder / LONG, index=False)

    sample = read_sample(folder).sample

    assert sample.strategies == whole.strategies
    assert sample.life_years is None
    np.testing.assert_array_equal(sample.costs, whole.costs)
    np.testing.assert_array_equal(sample.effects, whole.effects)


def test_files_of_spreadsheets_are_read(folder: Path) -> None:
    """A byte-order mark, quotes, line ends of Windows and blank lines at the end do no harm."""
    before = read_sample(folder).sample.costs
    path = folder / COSTS
    text = path.read_text(encoding="utf-8").replace("chemotherapy", '"chemotherapy"').replace("\n", "\r\n")
    path.write_bytes(("\ufeff" + text + "\r\n\r\n").encode())

    np.testing.assert_array_equal(read_sample(folder).sample.costs, before)


def test_every_fault_is_told_at_once(folder: Path) -> None:
    """Faults of several files come together, each with file, line, column, what was found, and the nearest name."""
    edit_line(folder / COSTS, 3, lambda cells: ["", "1_000", "NA"])
    edit_line(folder / EFFECTS, 1, lambda cells: ["chemotherapy", "blinatumumab", "car_t"])
    edit_line(folder / "psa_life_years.csv", 2, lambda cells: ["-1", *cells[1:]])
    edit_line(folder / "psa_parameters.csv", 1, lambda cells: ["pi", "h r"])
    (folder / LONG).unlink()

    found = [(Path(str(one.file)).name, one.line, one.key, one.found, one.hint) for one in refused(folder)]

    assert found == [
        (COSTS, 3, "chemotherapy", None, None),
        (COSTS, 3, "blinatumomab", "'1_000'", None),
        (COSTS, 3, "car_t", "'NA'", None),
        (EFFECTS, 1, "'blinatumumab'", None, "blinatumomab"),
        ("psa_life_years.csv", 2, "chemotherapy", "'-1'", None),
        ("psa_parameters.csv", 1, "column 1", "'pi'", None),
        ("psa_parameters.csv", 1, "column 2", "'h r'", None),
    ]


WIDE_FAULTS = {
    "a column of row numbers": ((EFFECTS, 1, lambda cells: ["", *cells[1:]]), "cannot be a column of row numbers"),
    "a name R changes": ((COSTS, 1, lambda cells: ["blin->hsct", *cells[1:]]), "must be a name that R's packages keep"),
    "a name twice": ((COSTS, 1, lambda cells: [cells[0], cells[0], cells[2]]), "must be one strategy"),
    "another order": ((EFFECTS, 1, lambda cells: cells[::-1]), "must have the order of psa_costs.csv"),
    "a strategy missing": ((EFFECTS, 1, lambda cells: [*cells[:2], "other"]), "must be a column, as in psa_costs.csv"),
    "a cell too many": ((COSTS, 4, lambda cells: [*cells, "7"]), "must have 3 cells, got 4"),
    "a decimal comma": ((COSTS, 4, lambda cells: ['"1,5"', *cells[1:]]), "a point before decimals"),
    "an infinite number": ((EFFECTS, 4, lambda cells: ["inf", *cells[1:]]), "must be a finite number"),
}


@pytest.mark.parametrize("case", WIDE_FAULTS)
def test_faults_of_wide_files(folder: Path, case: str) -> None:
    """Each is told in its own words, with file and line."""
    (name, line, edit), message = WIDE_FAULTS[case]
    edit_line(folder / name, line, edit)

    problems = refused(folder)

    told = [one for one in problems if message in str(one)]
    assert told, problems
    assert (Path(str(told[0].file)).name, told[0].line) == (name, line)


@pytest.mark.parametrize(("separator", "decimal", "words"), [
    (";", ".", "separated by semicolons."),
    (";", ",", "separated by semicolons, and with commas before decimals."),
    ("\t", ",", "separated by tabs, and with commas before decimals."),
])  # fmt: skip
def test_other_separators_are_read_and_said(folder: Path, separator: str, decimal: str, words: str) -> None:
    """Files with semicolons or tabs between cells give the same numbers, and it is said how they were read."""
    before = read_sample(folder)
    for name in FILES:
        text = (folder / name).read_text(encoding="utf-8").replace(",", separator).replace(".", decimal)
        (folder / name).write_text(text.replace(f"cure{decimal}rate", "cure.rate"), encoding="utf-8")

    read = read_sample(folder)

    assert before.notes == ()
    assert len(read.notes) == len(FILES)
    assert all(note.endswith(words) for note in read.notes)
    np.testing.assert_array_equal(read.sample.costs, before.sample.costs)
    np.testing.assert_array_equal(read.sample.effects, before.sample.effects)
    pd.testing.assert_frame_equal(read.sample.parameters, before.sample.parameters)


def test_a_comma_that_may_mean_thousands_is_refused(folder: Path) -> None:
    """12,345 alone may be 12345 or 12.345: neither is guessed. With a point beside it, it is no number."""
    for cells, words in (
        ("12,345;11,000;10,500", "it may mean either"),
        ("12,345.5;11,000.0;10.5", "must be a finite number"),
    ):
        lines = (folder / EFFECTS).read_text(encoding="utf-8").splitlines()
        text = "\n".join(["chemotherapy;blinatumomab;car_t", *[cells] * (len(lines) - 1)])
        (folder / COSTS).write_text(text + "\n", encoding="utf-8")

        assert any(words in str(problem) for problem in refused(folder))


NUMBERING_NAMES = (
    *("sim", "sample", "draw", "iteration", "n", "index", "Unnamed: 0", "X", "X1", "", "sim_id", "draw_number", "Row"),
    *("simID", "nsim", "...1", "level_0", "rep", "anything"),
)


@pytest.mark.parametrize("name", NUMBERING_NAMES)
@pytest.mark.parametrize("file", [COSTS, EFFECTS, "psa_parameters.csv"])
@pytest.mark.parametrize("first", [0, 1])
def test_a_column_that_numbers_the_draws_is_refused(tmp_path: Path, name: str, file: str, first: int) -> None:
    """By any usual name, from 0 or 1, in any file, first or last: it is named with its file, and never a strategy."""
    generator = np.random.default_rng(1)
    for other in (COSTS, EFFECTS, "psa_parameters.csv"):
        table = pd.DataFrame(generator.normal(9, 1, (12, 3)), columns=["a", "b", "c"])
        if other == file:
            table.insert(0 if first else 3, name, np.arange(first, 12 + first).astype(float))
        table.to_csv(tmp_path / other, index=False)

    problems = refused(tmp_path)

    assert {(Path(str(one.file)).name, one.line) for one in problems} >= {(file, 1)}
    assert any(one.found == repr(name) for one in problems)


def test_what_only_looks_like_numbering_is_read() -> None:
    """Whole costs of a strategy called X, and few draws that happen to count, are strategies."""
    generator = np.random.default_rng(3)
    costs = generator.integers(50_000, 90_000, (50, 2)).astype(float)

    assert PsaSample(("X", "other"), costs, generator.random((50, 2))).draws == 50
    assert PsaSample(("usual", "new"), [[1.0, 2.0], [2.0, 3.0]], [[1.0, 1.0], [1.0, 2.0]]).draws == 2
    with pytest.raises(InputError, match="must not number the draws"):
        PsaSample(("sim", "other"), np.column_stack([np.arange(3.0), np.ones(3)]), np.ones((3, 2)))


@pytest.mark.parametrize("name", [COSTS, EFFECTS, "psa_parameters.csv", LONG])
def test_numbers_too_large_to_compute_with_are_refused(folder: Path, name: str) -> None:
    """A cell beyond 1e50 is named with file and line: its squares and products would be infinite."""
    place = {LONG: 4}.get(name, 0)
    edit_line(folder / name, 3, lambda cells: [*cells[:place], "-1e308", *cells[place + 1 :]])

    problems = refused(folder)

    assert (Path(str(problems[0].file)).name, problems[0].line) == (name, 3)
    assert "must be at most 1e+50 in size, got '-1e308'" in str(problems[0])


@pytest.mark.parametrize("name", [*FILES])
def test_a_column_that_is_given_twice_is_named(folder: Path, name: str) -> None:
    """In each file one message has file, line 1 and the column; nothing ends in a traceback."""
    table = pd.read_csv(folder / name)
    column = str(table.columns[-1])
    pd.concat([table, table[[column]]], axis=1).to_csv(folder / name, index=False)

    told = [one for one in refused(folder) if "must be one " in one.message]

    assert [(Path(str(one.file)).name, one.line) for one in told] == [(name, 1)]
    assert column in str(told[0])


def test_the_psa_folder_of_a_sweep_brings_its_labels(tmp_path: Path) -> None:
    """Labels, currency, reference and thresholds are the manifest's; of another program's or strategies nothing is."""
    study = formula(tmp_path / "cells", SweepSettings(wtp=(25_000.0,)))
    manifest = study.manifest("psa", [])
    generator = np.random.default_rng(5)
    sample = PsaSample(tuple(study.strategies), generator.random((9, 3)), generator.random((9, 3)))
    for name, table in sample_tables(sample).items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    read = read_sample(tmp_path)

    assert (read.currency, read.wtp, read.reference) == ("£", (25_000.0,), study.scenario.reference)
    assert read.labels["blinatumomab"] == study.scenario.strategies["blinatumomab"].label
    assert read.labels["hsct.sos_fatality"] == study.label("hsct.sos_fatality")
    assert read.files[-1].name == "manifest.json"
    for other in ({"made": "elsewhere"}, {"labels": {**manifest["labels"], "strategies": {"a": "A"}}}, []):
        (tmp_path / "manifest.json").write_text(json.dumps(other), encoding="utf-8")
        assert read_sample(tmp_path).labels == {}


def test_other_numbers_of_rows_are_told(folder: Path) -> None:
    """Every file with another number of draws than the costs is named: no tool would have noticed."""
    for name in (EFFECTS, "psa_parameters.csv"):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        (folder / name).write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")

    found = [(Path(str(one.file)).name, one.found) for one in refused(folder)]

    assert found == [(EFFECTS, "3 rows"), ("psa_parameters.csv", "3 rows")]


def test_many_faults_are_counted(tmp_path: Path) -> None:
    """A column of words does not print a line for each."""
    for name in (COSTS, EFFECTS):
        (tmp_path / name).write_text("a,b\n" + "x,1\n" * 200, encoding="utf-8")

    problems = refused(tmp_path)

    assert len(problems) == 2 * (5 + 1)
    assert "has 195 more faulty cells" in str(problems[5])


LONG_FAULTS = {
    "a row missing": (
        lambda rows: rows.drop(index=4),
        "got none for sample 2, blinatumomab",
    ),
    "a row twice": (lambda rows: pd.concat([rows, rows.iloc[[4]]]), "must have each draw and strategy once"),
    "an unknown strategy": (lambda rows: rows.replace("car_t", "cart"), "did you mean 'car_t'"),
    "two groups": (lambda rows: rows.assign(grp_id=[1, 2] * 6), "must have one group"),
    "another number": (lambda rows: rows.assign(costs=rows["costs"] * 1.01), "must agree with psa_costs.csv"),
    "a column misnamed": (lambda rows: rows.rename(columns={"qalys": "qaly"}), "did you mean 'qaly'"),
    "draws missing": (lambda rows: rows.iloc[:9], "must have the same number of draws in all files"),
}


@pytest.mark.parametrize("case", LONG_FAULTS)
def test_faults_of_the_long_file(folder: Path, case: str) -> None:
    """hesim gives wrong numbers without a word where a row is missing; here that, and all else, is refused."""
    edit, message = LONG_FAULTS[case]
    edit(pd.read_csv(folder / LONG)).to_csv(folder / LONG, index=False)

    assert message in "\n".join(map(str, refused(folder)))


def test_missing_files_are_named(folder: Path, tmp_path: Path) -> None:
    """A folder that is not there, a file under another name and an empty one are told with what is near."""
    (folder / COSTS).rename(folder / "psa_cost.csv")

    assert [(Path(str(one.file)).name, one.hint) for one in refused(folder)] == [(COSTS, "psa_cost.csv")]
    assert [one.hint for one in refused(tmp_path / "psb")] == ["psa"]
    assert [one.message for one in refused(folder / EFFECTS)] == ["must be a folder with a sample, not a file"]
    (tmp_path / "empty").mkdir()
    assert len(refused(tmp_path / "empty")) == 2


def test_too_little_is_refused(tmp_path: Path) -> None:
    """One strategy, one draw and files without anything are refused."""
    (tmp_path / COSTS).write_text("a\n1\n", encoding="utf-8")
    (tmp_path / EFFECTS).write_text("a\n1\n", encoding="utf-8")
    messages = [one.message for one in refused(tmp_path)]
    assert messages == ["must have enough strategies to compare", "must have enough draws"]

    (tmp_path / COSTS).write_text("", encoding="utf-8")
    assert [one.message for one in refused(tmp_path)] == ["must begin with a line of names, got nothing"]

    (tmp_path / COSTS).write_bytes(b"a,b\n\xff,1\n")
    assert "cannot be read" in refused(tmp_path)[0].message


def test_a_sample_checks_its_parts() -> None:
    """Parts of other shapes, names that R changes and what is no number are refused together."""
    with pytest.raises(InputError) as caught:
        PsaSample(
            ("a b", "c"), np.ones((3, 2)), np.ones((2, 2)), np.full((3, 2), np.nan), pd.DataFrame({"letters": [1, 2]})
        )

    assert [(problem.key, problem.message) for problem in caught.value.problems] == [
        ("strategy", "must be a name that R's packages keep"),
        ("effects", "must have a row for each draw and a column for each strategy"),
        ("life_years", "must hold finite numbers up to 1e+50 in size"),
        ("parameter", "cannot be a word of R's own, at which voi stops"),
        ("parameters", "must have a row for each draw"),
    ]


def test_the_copy_of_the_reference_is_whole(tmp_path: Path) -> None:
    """The reference sample is read from a copy anywhere."""
    shutil.copytree(REFERENCE, tmp_path / "copy")

    sample = read_sample(tmp_path / "copy").sample

    assert (sample.draws, len(sample.strategies)) == (500, 6)
    assert sample.parameters is not None
    assert sample.parameters.shape == (500, 8)
