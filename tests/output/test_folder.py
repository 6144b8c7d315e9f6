"""The results folder: whole or not at all, never over something else, and the same bytes for the same inputs."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from rallsim import __version__
from rallsim.errors import InputError
from rallsim.inputs.scenario import load_scenario
from rallsim.outcomes.history import History
from rallsim.output.folder import MANIFEST, Results, check_folder, save, summarise
from rallsim.simulation.simulate import Simulation, simulate

FILES = {"summary.csv", "differences.csv", "survival.csv", "os.png", MANIFEST}


@cache
def finished(seed: int = 1) -> tuple[Simulation, Results]:
    simulation = simulate(load_scenario("first_salvage", patients=50, seed=seed))
    return simulation, summarise(simulation)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_leaves_its_files_and_nothing_else(tmp_path: Path) -> None:
    """The folder holds what the command promises, and nothing hidden stays beside it."""
    saved = save(*finished(), tmp_path / "new" / "order", settings=[])

    assert saved.folder == tmp_path / "new" / "order"
    assert saved.moved is None
    assert set(contents(saved.folder)) == FILES
    assert [path.name for path in saved.folder.parent.iterdir()] == ["order"]


def test_a_failure_in_the_middle_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a file cannot be written, earlier results are untouched and nothing half-made is left."""
    folder = tmp_path / "order"
    save(*finished(seed=2), folder, settings=[])
    before = contents(tmp_path)
    written = []

    def fail(frame: pd.DataFrame, path: Path, **_: object) -> None:
        written.append(Path(path).name)
        if len(written) == 2:
            raise OSError("disk full")

    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    for target in (folder, tmp_path / "another"):
        written.clear()
        with pytest.raises(InputError, match="cannot be written: disk full"):
            save(*finished(), target, settings=[])
        assert len(written) == 2

    assert contents(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["order"]


def test_results_of_other_inputs_are_moved_aside(tmp_path: Path) -> None:
    """Earlier results with another seed keep every byte, under the next free number."""
    folder = tmp_path / "order"
    save(*finished(seed=1), folder, settings=[])
    first = contents(folder)

    assert save(*finished(seed=2), folder, settings=[]).moved == tmp_path / "order.1"
    second = contents(folder)
    assert save(*finished(seed=3), folder, settings=[]).moved == tmp_path / "order.2"

    assert contents(tmp_path / "order.1") == first
    assert contents(tmp_path / "order.2") == second
    assert first["summary.csv"] != second["summary.csv"]


def test_results_of_the_same_inputs_are_replaced_by_the_same_bytes(tmp_path: Path) -> None:
    """Running again moves nothing and changes no table, not by a bit."""
    folder = tmp_path / "order"
    save(*finished(), folder, settings=[])
    before = contents(folder)
    again = simulate(load_scenario("first_salvage", patients=50, seed=1))

    assert save(again, summarise(again), folder, settings=[]).moved is None

    after = contents(folder)
    assert {name: after[name] for name in FILES - {"os.png"}} == {name: before[name] for name in FILES - {"os.png"}}
    assert [path.name for path in tmp_path.iterdir()] == ["order"]


def test_what_stands_beside_the_same_results_is_kept(tmp_path: Path) -> None:
    """Events of a run that asked for them, and a user's notes, survive a run of the same inputs without them."""
    folder = tmp_path / "order"
    save(*finished(), folder, settings=[], with_events=True)
    (folder / "notes.txt").write_text("mine")
    events = (folder / "events.parquet").read_bytes()

    assert save(*finished(), folder, settings=[]).moved is None

    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "events.parquet").read_bytes() == events


def test_the_current_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results take the place of a folder, and that cannot be the one the user stands in."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot be the current folder"):
        check_folder(Path())


def test_settings_are_inputs(tmp_path: Path) -> None:
    """The same scenario run with another --set is another result."""
    folder = tmp_path / "order"
    save(*finished(), folder, settings=[])

    assert save(*finished(), folder, settings=["horizon_months=120"]).moved == tmp_path / "order.1"


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    """A folder with files that are no results is left alone, and said to be so."""
    (tmp_path / "thesis.tex").write_text("years of work", encoding="utf-8")

    with pytest.raises(InputError, match=r"cannot hold results: other files .*manifest\.json"):
        save(*finished(), tmp_path, settings=[])

    assert contents(tmp_path) == {"thesis.tex": b"years of work"}


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    """An empty folder needs no moving aside."""
    folder = tmp_path / "order"
    folder.mkdir()

    assert save(*finished(), folder, settings=[]).moved is None
    assert set(contents(folder)) == FILES


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    """A file where the folder should be is named, and kept."""
    path = tmp_path / "order"
    path.write_text("mine", encoding="utf-8")

    with pytest.raises(InputError, match="order: must be a folder for results, not a file"):
        check_folder(path)

    assert path.read_text(encoding="utf-8") == "mine"


def test_a_folder_that_cannot_be_made_is_refused_before_anything_runs(tmp_path: Path) -> None:
    """Below a file no folder can be made; that is said when the folder is checked."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")

    with pytest.raises(InputError, match="cannot be written"):
        check_folder(tmp_path / "file" / "below" / "order")


def test_checking_a_folder_makes_nothing(tmp_path: Path) -> None:
    """The check before a run leaves no folder behind."""
    check_folder(tmp_path / "a" / "b")

    assert list(tmp_path.iterdir()) == []


def test_a_manifest_says_how_a_result_was_made(tmp_path: Path) -> None:
    """Version, packages, scenario with hash and seed, every input by hash, and the sources behind the numbers."""
    simulation, tables = finished()
    saved = save(simulation, tables, tmp_path / "order", settings=["horizon_months=120"])

    manifest = json.loads((saved.folder / MANIFEST).read_text(encoding="utf-8"))

    assert manifest["rallsim"] == __version__
    assert re.fullmatch(r"[0-9a-f]{64}", manifest["code"])
    assert {"numpy", "simpy"} <= set(manifest["packages"])
    scenario = manifest["scenario"]
    assert (scenario["id"], scenario["seed"], scenario["patients"]) == ("first_salvage", 1, 50)
    assert scenario["settings"] == ["horizon_months=120"]
    assert scenario["sha256"] == simulation.scenario.source_sha256
    assert list(scenario["strategies"]) == list(simulation.histories)
    hashes = manifest["inputs"]
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in hashes.values())
    assert {"params/hsct.yaml", "params/fitted/hsct.yaml", "params/evidence/sources.csv"} <= set(hashes)
    assert len(hashes) > len(simulation.parameters.files)
    assert all(manifest["sources"].values())
    assert "disease.wait_shape" in manifest["assumed"]


def test_a_manifest_names_no_machine_and_no_moment(tmp_path: Path) -> None:
    """Nothing in it changes from one machine or minute to the next: no absolute path, no date, no time."""
    saved = save(*finished(), tmp_path / "order", settings=[])

    content = json.loads((saved.folder / MANIFEST).read_text(encoding="utf-8"))
    content.pop("sources")  # citations hold years and slashes of their own
    text = json.dumps(content)

    assert str(tmp_path) not in text
    assert str(Path.home()) not in text
    assert re.search(r'"/|[A-Z]:\\\\|\d{4}-\d{2}-\d{2}|\d{2}:\d{2}', text) is None


def test_events_are_written_when_asked_for(tmp_path: Path) -> None:
    """events.parquet holds every event of every strategy, in words, as the histories have them."""
    simulation, tables = finished()

    saved = save(simulation, tables, tmp_path / "order", settings=[], with_events=True)

    events = pd.read_parquet(saved.folder / "events.parquet")
    assert len(events) == sum(len(history.events) for history in simulation.histories.values())
    assert list(events["strategy"].unique()) == list(simulation.histories)
    assert {"entry", "death"} <= set(events["event"])
    history: History = simulation.histories["inotuzumab"]
    own = events[events["strategy"] == "inotuzumab"]
    assert own["time"].tolist() == history.events["time"].tolist()
    assert own["event"].tolist() == history.frame()["event"].astype(str).tolist()


def test_tables_can_be_read_back(tmp_path: Path) -> None:
    """The CSV files hold the tables to ten digits."""
    _, tables = finished()
    folder = save(*finished(), tmp_path / "order", settings=[]).folder

    for name in ("summary", "differences", "survival"):
        expected = getattr(tables, name)
        read = pd.read_csv(folder / f"{name}.csv")
        assert list(read.columns) == list(expected.columns)
        for column in expected.select_dtypes("number").columns:
            assert read[column].to_numpy(float) == pytest.approx(
                expected[column].to_numpy(float), rel=1e-9, nan_ok=True
            )


def test_a_broken_manifest_is_moved_aside_not_replaced(tmp_path: Path) -> None:
    """Results whose manifest cannot be read are other results."""
    folder = tmp_path / "order"
    save(*finished(), folder, settings=[])
    (folder / MANIFEST).write_text("{", encoding="utf-8")

    assert save(*finished(), folder, settings=[]).moved == tmp_path / "order.1"
