"""`rallsim sweep` and `rallsim plot`: what they write, how they end, and that nothing depends on who did the work."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from helpers_cli import Rallsim
from rallsim.decision.sample_files import read_sample
from rallsim.sweep import analyses

DOCS = Path(__file__).parents[2] / "docs" / "sweeps.md"
PSA = ("sweep", "first_salvage", "psa", "--draws", "130", "--patients", "20")
CODE = "import sys; from rallsim.cli import main; sys.argv[0] = 'rallsim'; main()"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every analysis of a small scenario."""
    folder = tmp_path_factory.mktemp("everything")
    arguments = [
        "--draws",
        "16",
        "--design",
        "16",
        "--patients",
        "40",
        "--grid",
        "3",
        "--incidence",
        "50",
        "--cross",
        "no_late_relapse",
    ]
    ended = subprocess.run(
        [sys.executable, "-c", CODE, "sweep", "first_salvage", *analyses.names(), *arguments, "--out", "out"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return folder / "out"


@pytest.mark.slow
@pytest.mark.parametrize("name", analyses.names())
def test_every_column_is_documented(everything: Path, name: str) -> None:
    """Every table of every analysis stands in docs/sweeps.md with each of its columns."""
    strategies = {"chemotherapy", "blinatumomab", "inotuzumab"}
    text = DOCS.read_text(encoding="utf-8")
    section = re.split(r"^##+ ", text.partition(f"\n### {name}\n")[2], flags=re.MULTILINE)[0]
    tables = sorted((everything / name).glob("*.csv"))
    shared = text if name == "voi" else section  # its tables of psa are documented there
    assert tables
    for path in tables:
        assert f"`{path.name.replace('_undisc', '')}`" in section, path.name
        if path.name == "psa_parameters.csv":
            continue
        words = set(re.findall(r"`(\w+)`", shared + (text if path.name == "switches.csv" else "")))
        endings = ("_Std_Error", "_Lower", "_Upper")
        for column in pd.read_csv(path).columns:
            bare = next((column.removesuffix(one) for one in endings if column.endswith(one)), column)
            assert bare in words | strategies or column in words, (path.name, column)


@pytest.mark.parametrize("name", analyses.names())
def test_every_analysis_says_and_draws_something(everything: Path, name: str) -> None:
    """Every analysis has figures, a manifest with what made it, and a line about itself."""
    manifest = json.loads((everything / name / "manifest.json").read_text(encoding="utf-8"))

    assert list((everything / name).glob("*.png"))
    assert manifest["analysis"] == name
    assert (manifest["economics"]["costs"], manifest["economics"]["perspective"]) == ("uk", "nice")
    assert "workers" not in json.dumps(manifest)
    assert analyses.get_analysis(name).ABOUT


def test_figures_are_drawn_again_from_tables(everything: Path, tmp_path: Path, rallsim: Rallsim) -> None:
    """`plot` makes the same bytes without simulating, and says where they are."""
    ended = rallsim("plot", str(everything), "--out", "again")

    assert ended.code == 0
    for name in analyses.names():
        figures = {path.name: path.read_bytes() for path in (everything / name).glob("*.png")}
        assert contents(tmp_path / "again" / name) == figures
    assert len(ended.out.splitlines()) > 10


def test_plot_refuses_what_is_no_sweep(tmp_path: Path, rallsim: Rallsim) -> None:
    """A folder without an analysis, and one whose tables were changed, end with exit code 2."""
    (tmp_path / "empty").mkdir()

    assert rallsim("plot", "empty").code == 2
    assert "must hold an analysis of a sweep" in rallsim("plot", "nowhere").err


def test_the_sample_is_one_that_decide_reads(everything: Path) -> None:
    """The files of a psa are read by `rallsim decide` as they are, and agree with each other."""
    found = read_sample(everything / "psa")

    assert found.sample.strategies == ("chemotherapy", "blinatumomab", "inotuzumab")
    assert found.sample.draws == 16
    assert found.sample.parameters is not None


@pytest.mark.slow
def test_results_are_the_same_whoever_worked_and_however_often_it_stopped(tmp_path: Path, rallsim: Rallsim) -> None:
    """One process, two processes, a batch queue in three parts, an interrupted and resumed run: the same bytes."""
    assert rallsim(*PSA, "--out", "one").code == 0
    assert rallsim(*PSA, "--out", "two", "--workers", "2").code == 0
    assert rallsim(*PSA, "--out", "queue", "--plan").code == 0
    for part in ("2/3", "3/3", "1/3"):
        assert rallsim(*PSA, "--out", "queue", "--part", part).code == 0
    assert "0 computed, 6 kept" in rallsim(*PSA, "--out", "queue", "--collect").out
    assert rallsim(*PSA, "--out", "resumed").code == 0
    for path in sorted((tmp_path / "resumed" / "jobs").glob("*/*.parquet"))[::2]:
        path.unlink()
    again = rallsim(*PSA, "--out", "resumed")

    assert "3 computed, 3 kept" in again.out
    expected = contents(tmp_path / "one" / "psa")
    assert "psa_long.csv" in expected
    for name in ("two", "queue", "resumed"):
        assert contents(tmp_path / name / "psa") == expected, name


def test_only_what_changed_is_computed(rallsim: Rallsim) -> None:
    """The same again computes nothing; other rules of one of three strategies compute its jobs alone."""
    rallsim(*PSA, "--out", "out")

    assert "0 computed, 6 kept" in rallsim(*PSA, "--out", "out").out
    changed = rallsim(*PSA, "--out", "out", "--set", "strategies.inotuzumab.max_lines=2")
    assert "2 computed, 4 kept" in changed.out
    assert "moved to out/psa.1/" in changed.out
    assert "6 computed, 0 kept" in rallsim(*PSA, "--out", "out", "--fresh").out


def test_damage_is_said(tmp_path: Path, rallsim: Rallsim) -> None:
    """A damaged job is computed again, and standard error says so."""
    rallsim(*PSA, "--out", "out")
    next((tmp_path / "out" / "jobs").glob("*/*.parquet")).write_bytes(b"PAR1")

    ended = rallsim(*PSA, "--out", "out")

    assert (ended.code, "1 damaged" in ended.err) == (0, True)
    assert "1 computed, 5 kept" in ended.out


def test_the_queue_of_the_documentation_works(rallsim: Rallsim) -> None:
    """The commands of docs/sweeps.md for a batch queue, one after the other and with less work, all end well."""
    shown = re.search(r"```console\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert shown
    commands = shown[1].splitlines()

    assert len(commands) == 5
    for command in commands:
        few = command.replace("--draws 1000 --patients 1500", "--draws 130 --patients 20")
        assert rallsim(*few.split()[1:]).code == 0, command


def test_collecting_too_early_says_what_is_missing(rallsim: Rallsim) -> None:
    """`--collect` without all jobs, and `--part` without a plan, end with exit code 2 and say what to do."""
    early = rallsim(*PSA, "--out", "out", "--collect")
    unplanned = rallsim(*PSA, "--out", "out", "--part", "1/2")

    assert (early.code, "6 are missing" in early.err) == (2, True)
    assert (unplanned.code, "must be a plan" in unplanned.err) == (2, True)


def test_what_older_versions_left_is_said_or_refused(everything: Path, tmp_path: Path, rallsim: Rallsim) -> None:
    """A plan of other code is refused, kept results in a folder `cells` are named, a manifest without labels too."""
    rallsim(*PSA, "--out", "out", "--plan")
    plan = tmp_path / "out" / "plan.json"
    content = json.loads(plan.read_text(encoding="utf-8"))
    plan.write_text(json.dumps({"command": "psa", "cells": content["jobs"]}), encoding="utf-8")
    (tmp_path / "out" / "cells").mkdir()
    shutil.copytree(everything / "variants", tmp_path / "variants")
    manifest = tmp_path / "variants" / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"labels"', '"look"'), encoding="utf-8")

    part, replotted = rallsim(*PSA, "--out", "out", "--part", "1/2"), rallsim("plot", "variants")

    assert (part.code, "version unknown made it" in part.err) == (2, True)
    assert "nothing in it is read" in part.err
    assert (replotted.code, "made by another version (0.1.0)" in replotted.err) == (2, True)


def test_a_dry_run_tells_the_work_and_does_none(tmp_path: Path, rallsim: Rallsim) -> None:
    """Jobs, histories, time and disk are printed; no job is kept and no folder of results made."""
    ended = rallsim(*PSA, "--out", "out", "--dry-run")

    assert ended.code == 0
    assert "6 jobs to compute, 0 kept; 7,860 histories" in ended.out
    assert re.search(r"about [\d.,]+ minutes with 1 at work, and \d+ MB", ended.out)
    assert not list((tmp_path / "out").glob("**/*.parquet"))


def test_all_that_is_wrong_is_said_at_once(rallsim: Rallsim) -> None:
    """Unknown analyses are refused first; then every faulty option together, each with a hint."""
    unknown = rallsim("sweep", "first_salvage", "psaa")
    options = rallsim("sweep", "first_salvage", "--until", "nmb=5", "--parameter", "a=2:1", "--group", "x=")
    names = rallsim("sweep", "first_salvage", "--outcome", "qaly", "--parameter", "hsct.sos_fatalty", "--patients", "3")
    values = rallsim("sweep", "first_salvage", "--parameter", "hsct.sos_fatality=0.1:3")

    assert (unknown.code, "did you mean 'psa'" in unknown.err) == (2, True)
    assert options.code == names.code == values.code == 2
    for part in ("--until must be", "--parameter must be", "--group must be"):
        assert part in options.err
    for part in ("did you mean 'qalys'", "did you mean 'hsct.sos_fatality'", "must be"):
        assert part in names.err
    assert "must lie within" in values.err


def test_a_parameter_that_nobody_meets_is_refused(rallsim: Rallsim) -> None:
    """Varying what the scenario sets, or what no strategy gives, is refused rather than answered with zeros."""
    settled = rallsim(
        "sweep", "first_salvage", "oneway", "--set", "hsct.sos_fatality=0.2", "--parameter", "hsct.sos_fatality"
    )

    assert (settled.code, "must change something" in settled.err) == (2, True)


def test_json_is_one_document(rallsim: Rallsim) -> None:
    """--json prints numbers, sentences and small tables, and nothing else."""
    ended = rallsim(*PSA, "--out", "out", "--json")
    document = json.loads(ended.out)

    assert ended.err == ""
    assert document["cells_computed"] == 6
    assert document["analyses"]["psa"]["tables"]["answers"][0]["WTP"] == 25000.0


def test_the_analyses_are_listed(rallsim: Rallsim) -> None:
    """--analyses prints every module of the package with its line; no list is kept anywhere."""
    ended = rallsim("sweep", "--analyses")

    assert ended.code == 0
    assert [line.split()[0] for line in ended.out.splitlines()] == analyses.names()


def kept_in(folder: Path) -> int:
    """Number of finished jobs in `out`; what is half written begins with a point."""
    return len([path for path in (folder / "out" / "jobs").glob("*/*.parquet") if path.name[0] != "."])


LONG = ("sweep", "first_salvage", "psa", "--draws", "1500", "--patients", "1000", "--out", "out")


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a sweep in its own group and wait until it has kept a job."""
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, *LONG, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.time() + 60
    while not kept_in(folder) and time.time() < deadline:
        assert process.poll() is None
        time.sleep(0.02)
    return process


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interruption_keeps_what_is_finished(tmp_path: Path, workers: str) -> None:
    """Ctrl-C, which reaches all processes of a terminal, ends with 130, names the jobs kept, and writes no results."""
    process = started(tmp_path, "--workers", workers)

    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)

    kept = kept_in(tmp_path)
    assert process.returncode == 130
    assert f"interrupted; {kept} finished jobs are kept" in err
    assert "Traceback" not in err
    assert not (tmp_path / "out" / "psa").exists()


@pytest.mark.slow
def test_a_killed_command_goes_on_where_it_was(tmp_path: Path, rallsim: Rallsim) -> None:
    """After kill -9 the same command reuses what was kept and ends with what an undisturbed one writes."""
    process = started(tmp_path)
    process.kill()
    process.communicate()
    kept = kept_in(tmp_path)

    resumed, undisturbed = rallsim(*LONG), rallsim(*LONG[:-1], "other")

    assert kept >= 1
    assert f"{48 - kept} computed, {kept} kept" in resumed.out
    assert undisturbed.code == 0
    assert contents(tmp_path / "out" / "psa") == contents(tmp_path / "other" / "psa")
