"""The page on adding a therapy is followed from top to bottom, in an empty folder and with few patients."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from helpers_cli import Rallsim
from rallsim.common.files import shipped
from rallsim.errors import InputError
from rallsim.inputs.parameters import ParameterSet, load_parameters

PAGE = (Path(__file__).parents[2] / "docs" / "add_a_therapy.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w/.]+)`\n\n```(?:yaml|csv)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = [
    shlex.split(line)[1:]
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder of a user who wrote every file of the page."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def known() -> ParameterSet:
    """The shipped parameters."""
    return load_parameters()


def few(arguments: list[str]) -> list[str]:
    """The same command with few patients."""
    few_enough = {"2000": "200", "200": "60", "100": "50"}
    return [
        few_enough.get(word, word) if before == "--patients" else word
        for before, word in zip(["", *arguments], arguments, strict=False)
    ]


def test_the_page_shows_every_step() -> None:
    """The page holds evidence, therapy, costs and a scenario, and runs, explains, checks and sweeps."""
    assert [name.rpartition("/")[0] for name in FILES] == [
        *("exampline/evidence", "exampline/evidence", "exampline/therapies", "exampline/costs/uk", "")
    ]
    assert {command[0] for command in COMMANDS} == {"run", "explain", "check", "sweep"}


def test_the_drug_is_added_by_files_alone(project: Path, rallsim: Rallsim) -> None:
    """Every command of the page works in the folder of the user, and writes nothing among the shipped parameters."""
    before = {path: path.stat().st_mtime_ns for path in shipped("params").rglob("*")}
    for command in COMMANDS:
        ended = rallsim(*few(command))
        assert (ended.code, "exampline" in ended.out.casefold()) == (0, True), (command, ended.err)
    assert {path: path.stat().st_mtime_ns for path in shipped("params").rglob("*")} == before

    results = project / "results" / "exampline_first"
    table = pd.read_csv(results / "summary.csv")
    assert set(table["strategy"]) == {"blinatumomab", "exampline"}
    costs = pd.read_csv(results / "economics" / "inputs.csv")
    assert {"costs.uk.exampline_cycle", "costs.uk.blinatumomab_vial"} <= set(costs["parameter"])
    manifest = json.loads((results / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["additions"]) == {name.removeprefix("exampline/") for name in FILES if "/" in name}
    assert "exampline_trial" in manifest["sources"]


def test_a_new_drug_changes_nothing_else(project: Path, rallsim: Rallsim) -> None:
    """The strategies without the drug have the same outcomes and costs, to the last digit, whether it exists or not."""
    text = FILES["exampline_first.yaml"]
    (project / "without.yaml").write_text(
        text.replace("additions: exampline\n", "").split("  exampline:")[0], encoding="utf-8"
    )
    found = []
    for name in ("exampline_first", "without"):
        assert rallsim("run", f"{name}.yaml", "--patients", "150").code == 0
        for table in ("summary.csv", "economics/summary.csv"):
            rows = pd.read_csv(project / "results" / name / table)
            found.append(rows[rows["strategy"] == "blinatumomab"].reset_index(drop=True))
    assert len(found[0]) > 10
    pd.testing.assert_frame_equal(found[0], found[2], check_exact=True)
    pd.testing.assert_frame_equal(found[1], found[3], check_exact=True)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("exampline_first.yaml", ("additions: exampline", "additions: nowhere"), "additions must be a folder"),
        ("exampline_first.yaml", ("give: exampline", "give: examplin"), "did you mean 'exampline'"),
        ("exampline/therapies/exampline.yaml", ("value: 0.55", "value: 0.65"), "exampline.yaml:13: parameters.cr_rate"),
        ("exampline/therapies/exampline.yaml", ("[exampline_cr]", "[exampline_rc]"), "did you mean 'exampline_cr'"),
        (
            "exampline/evidence/estimates_exampline.csv",
            ("exampline_cr,", "blast_cmr,"),
            "cannot be the id of a shipped row",
        ),
        ("exampline/evidence/estimates_exampline.csv", ("exampline_trial", "tower"), "must be a source in sources.csv"),
        ("exampline/costs/uk/exampline.yaml", ("price: ward_day", "price: bed_day"), "therapies.exampline.ward.price"),
    ],
)
def test_a_slip_in_a_file_is_said_with_its_place(
    project: Path, rallsim: Rallsim, name: str, change: tuple[str, str], said: str
) -> None:
    """What is wrong in a file of one's own is said like what is wrong in a shipped one: file, line and key."""
    text = (project / name).read_text(encoding="utf-8")
    assert change[0] in text
    (project / name).write_text(text.replace(*change, 1), encoding="utf-8")
    ended = rallsim("run", "exampline_first.yaml", "--dry-run")
    assert ended.code == 2
    assert said in ended.err
    assert Path(name).name in ended.err


def test_a_shipped_therapy_is_not_replaced(project: Path, known: ParameterSet) -> None:
    """A file with the id of a shipped therapy is refused: results under one name would mean two things."""
    own = project / "exampline" / "therapies"
    (own / "exampline.yaml").rename(own / "inotuzumab.yaml")
    with pytest.raises(InputError, match="cannot be the id of a shipped therapy"):
        known.with_folder(project / "exampline")
