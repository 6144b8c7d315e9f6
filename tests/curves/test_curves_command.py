"""`rallsim curves` as a user types it."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from rallsim.cli import app, main
from rallsim.curves.distribution import form_called

RUN = CliRunner()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_two_curves_give_tables_and_pages(folder: Path) -> None:
    """Tables, a page a curve and a manifest; a second run of the same changes no byte."""
    first = RUN.invoke(app, ["curves", "graall_os", "poon_after_hsct_relapse_os", "--out", "made"])
    before = {path.name: path.read_bytes() for path in (folder / "made").iterdir()}
    second = RUN.invoke(app, ["curves", "graall_os", "poon_after_hsct_relapse_os", "--out", "made"])
    after = {path.name: path.read_bytes() for path in (folder / "made").iterdir()}

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert set(before) == {
        *("chosen.csv", "families.csv", "parameters.csv", "points.csv", "manifest.json"),
        *("graall_os.png", "poon_after_hsct_relapse_os.png"),
    }
    assert before == after
    width, height = struct.unpack(">II", before["graall_os.png"][16:24])
    assert (width > 1200, height > 800) == (True, True)


def test_tables_belong_together(folder: Path) -> None:
    """Twelve families a curve of which one is chosen, its parameters give the survival that families.csv shows."""
    RUN.invoke(app, ["curves", "graall_os", "--out", "made", "--no-pages", "--no-background"])
    families = pd.read_csv(folder / "made" / "families.csv")
    parameters = pd.read_csv(folder / "made" / "parameters.csv")
    points = pd.read_csv(folder / "made" / "points.csv")
    chosen = families[families["chosen"]]
    values = parameters[parameters["chosen"]].set_index("parameter")["value"].to_dict()

    assert (len(families), len(chosen)) == (12, 1)
    found = form_called(chosen["family"].iat[0]).of(**values).survival(np.array([24.0, 60.0]))
    assert found == pytest.approx(chosen[["at_24_months", "at_60_months"]].to_numpy()[0], rel=1e-6)
    assert points["kind"].tolist() == ["median", "landmark", "landmark"]
    assert points["fitted"].to_numpy() == pytest.approx(points["printed"].to_numpy(), abs=0.05)


def test_json_holds_the_choice_and_the_reason(folder: Path) -> None:
    """One document, with a row a curve."""
    done = RUN.invoke(app, ["curves", "graall_os", "--json", "--no-pages"])
    document = json.loads(done.stdout)

    assert [row["curve"] for row in document["curves"]] == ["graall_os"]
    assert document["curves"][0]["reason"].startswith("Exponential + cure: ")
    assert document["folder"] == "results/curves"


def test_the_list_fits_nothing(folder: Path) -> None:
    """`--list` names what there is and writes no folder."""
    listed = RUN.invoke(app, ["curves", "--list", "--json"])

    assert {row["id"] for row in json.loads(listed.stdout)} > {"graall_os", "tower_blinatumomab_os"}
    assert list(folder.iterdir()) == []


def test_unknown_curves_are_all_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every unknown curve with the nearest known one, exit code 2, nothing written."""
    monkeypatch.setattr("sys.argv", ["rallsim", "curves", "graal_os", "tower_blinatumomab", "graall_os"])
    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "(allowed: rallsim curves --list shows them), got graal_os; did you mean 'graall_os'?" in said
    assert "got tower_blinatumomab" in said
    assert list(folder.iterdir()) == []


def test_numbers_at_risk_stand_beside_what_is_expected(folder: Path) -> None:
    """TOWER's numbers at risk are shares of 271, met within four standard deviations, and none before time 0."""
    RUN.invoke(app, ["curves", "tower_blinatumomab_os", "--out", "made", "--no-pages"])
    points = pd.read_csv(folder / "made" / "points.csv")
    at_risk = points[points["kind"] == "at_risk"]

    assert (at_risk["printed"] * 271).round().tolist() == [176, 124, 79, 45, 27, 9, 4, 0]
    assert (at_risk["residual"].abs() < 4.0).all()
    assert (at_risk["months"] > 0.0).all()
