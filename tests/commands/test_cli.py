"""The command line: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer

from helpers_cli import Rallsim
from rallsim import cli
from rallsim.common.files import shipped
from rallsim.inputs.parameters import load_parameters
from rallsim.inputs.scenario import shipped_scenarios

COMMANDS = sorted(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]  # it is a group
RUN = ("run", "first_salvage", "--patients", "50")


def process(*arguments: str, folder: Path) -> Any:
    code = "import sys; from rallsim.cli import main; sys.argv[0] = 'rallsim'; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_commands_are_found() -> None:
    """The loop over commands is not empty."""
    assert {"run", "scenarios", "evidence", "fit", "schema"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps(rallsim: Rallsim, command: str) -> None:
    """`--help` says what a command does, and every option of it."""
    ended = rallsim(command, "--help")

    assert ended.code == 0
    assert f" {command} [OPTIONS]" in ended.out.splitlines()[0]
    options = typer.main.get_command(cli.app).commands[command].params  # type: ignore[attr-defined]
    assert all(option.opts[0] in ended.out for option in options if option.opts[0].startswith("--"))
    assert all(getattr(option, "help", None) for option in options), "an option without a word of help"


def test_without_a_command_the_help_is_shown(rallsim: Rallsim) -> None:
    """`rallsim` alone says what there is."""
    ended = rallsim()

    assert all(command in ended.out + ended.err for command in COMMANDS)


def test_help_is_instant(tmp_path: Path) -> None:
    """`rallsim --help` takes under half a second: nothing heavy is imported for it."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        assert process("--help", folder=tmp_path).returncode == 0
        seconds.append(time.perf_counter() - start)

    assert min(seconds) < 0.5


def test_a_run_prints_and_saves(rallsim: Rallsim, tmp_path: Path) -> None:
    """A run shows the comparison, says where it was saved, and saves there."""
    ended = rallsim(*RUN)

    assert (ended.code, ended.err) == (0, "")
    assert "First salvage therapy" in ended.out
    assert "Blinatumomab first" in ended.out
    assert "Saved in results/first_salvage/" in ended.out
    assert {"manifest.json", "summary.csv", "os.png"} <= {
        path.name for path in (tmp_path / "results" / "first_salvage").iterdir()
    }


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def test_strategies_that_treat_everybody_the_same_are_named(rallsim: Rallsim, tmp_path: Path) -> None:
    """A rule that nobody meets parts nothing: the run says that both strategies are the same in every patient."""
    content = {
        "title": "Nothing parts them",
        "question": "Does a rule for patients of 150 years change anything?",
        "population": "adult_relapse",
        "patients": 50,
        "horizon_months": 24,
        "seed": 1,
        "strategies": {
            "plain": {"salvage": [{"give": "chemotherapy"}]},
            "with_a_rule": {
                "salvage": [{"give": "inotuzumab", "when": {"age": {"min": 119}}}, {"give": "chemotherapy"}]
            },
        },
    }
    path = tmp_path / "alike.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")
    ended = rallsim("run", str(path), "--costs", "none")
    assert ended.code == 0
    assert "Warning: The strategies plain and with_a_rule treat every patient the same" in ended.out
    assert "Warning" not in rallsim(*RUN).out


def test_json_of_a_run_is_one_document(rallsim: Rallsim) -> None:
    """With --json standard output is one JSON document and nothing else; empty cells are null, never NaN."""
    ended = rallsim(*RUN, "--json", "--set", "disease.treated_at_entry=0")

    document = json.loads(ended.out, parse_constant=refuse_constant)
    assert ended.err == ""
    assert (document["scenario"], document["patients"], document["seed"]) == ("first_salvage", 50, 1)
    assert {row["strategy"] for row in document["summary"]} == {"chemotherapy", "blinatumomab", "inotuzumab"}
    assert any(value is None for row in document["summary"] for value in row.values())
    assert document["differences"]


@pytest.mark.parametrize(
    "arguments", [("scenarios",), ("evidence", "--used"), ("evidence", "blast_cmr"), (*RUN, "--dry-run")]
)
def test_json_of_every_command_is_json(rallsim: Rallsim, arguments: Sequence[str]) -> None:
    """--json prints one JSON document, whatever the command."""
    ended = rallsim(*arguments, "--json")

    assert ended.code == 0
    assert json.loads(ended.out, parse_constant=refuse_constant)


def test_a_dry_run_writes_nothing(rallsim: Rallsim, tmp_path: Path) -> None:
    """--dry-run checks and says what would run; the folder stays empty."""
    ended = rallsim(*RUN, "--dry-run")

    assert ended.code == 0
    assert "50 patients × 3 strategies = 150 histories" in ended.out
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_finds_what_is_wrong(rallsim: Rallsim, tmp_path: Path) -> None:
    """--dry-run refuses what a run would refuse, the folder for results included."""
    (tmp_path / "results").write_text("a file", encoding="utf-8")

    assert rallsim(*RUN, "--dry-run").code == 2
    assert rallsim(*RUN, "--dry-run", "--set", "hsct.sos_fatality=2").code == 2


def test_settings_reach_parameters_and_keys(rallsim: Rallsim, tmp_path: Path) -> None:
    """--set changes a key of the scenario and a parameter; the manifest tells both, and the result shows it."""
    rallsim(*RUN, "--out", "a")
    ended = rallsim(*RUN, "--out", "b", "--set", "horizon_months=24", "--set", "disease.treated_at_entry=0")

    assert ended.code == 0
    manifest = json.loads((tmp_path / "b" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["scenario"]["settings"] == ["horizon_months=24", "disease.treated_at_entry=0"]
    assert manifest["scenario"]["horizon_months"] == 24
    assert "OS at 60 months" not in ended.out
    assert (tmp_path / "a" / "summary.csv").read_bytes() != (tmp_path / "b" / "summary.csv").read_bytes()
    assert not (tmp_path / "results").exists()


def test_earlier_results_are_moved_and_said_to_be(rallsim: Rallsim, tmp_path: Path) -> None:
    """Another seed moves the earlier results aside and says where to."""
    rallsim(*RUN)

    assert "moved to results/first_salvage.1/" in rallsim(*RUN, "--seed", "2").out
    assert (tmp_path / "results" / "first_salvage.1" / "manifest.json").is_file()


def test_events_are_written_when_asked_for(rallsim: Rallsim, tmp_path: Path) -> None:
    """--events adds events.parquet."""
    assert "events.parquet" in rallsim(*RUN, "--events", "--out", "a").out
    assert (tmp_path / "a" / "events.parquet").stat().st_size > 0


WRONG = {
    "unknown scenario": (("run", "first_salvag"), ["must be a known scenario", "did you mean 'first_salvage'?"]),
    "no such file": (("run", "mine.yaml"), ["mine.yaml: must be a file that exists"]),
    "unknown key": ((*RUN, "--set", "patinets=5"), ["--set patinets=5: patinets must be a known key", "'patients'?"]),
    "unknown parameter": ((*RUN, "--set", "hsct.nrn=1"), ["--set hsct.nrn=1", "must be a known parameter"]),
    "impossible number": ((*RUN, "--set", "horizon_months=-1"), ["must be more than 0"]),
    "no patients": (("run", "first_salvage", "--patients", "0"), ["patients must be at least 1"]),
    "unknown evidence": (("evidence", "blast_cm"), ["must be an evidence row", "'blast_cmr'?"]),
    "unknown option": ((*RUN, "--sede", "2"), ["No such option", "--seed"]),
    "unknown command": (("rnu",), ["No such command"]),
    "text for a number": (("run", "first_salvage", "--patients", "many"), ["'--patients'", "valid int"]),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_input_ends_with_two_and_says_what(rallsim: Rallsim, tmp_path: Path, kind: str) -> None:
    """Wrong input: exit code 2, the message on standard error, nothing on standard output, nothing written."""
    arguments, words = WRONG[kind]

    ended = rallsim(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert [word for word in words if word not in ended.err] == []
    assert "Traceback" not in ended.err
    assert list(tmp_path.iterdir()) == []


def test_faults_of_a_file_are_told_with_file_line_and_key(tmp_path: Path) -> None:
    """In a process of its own: every fault a line with file, line and key, exit code 2, and no traceback."""
    text = dict(shipped_scenarios())["first_salvage"].read_text(encoding="utf-8")
    lines = text.replace("seed: 1", "sede: 1").replace("give: blinatumomab", "give: blinatumumab", 1).splitlines()
    (tmp_path / "mine.yaml").write_text("\n".join(lines), encoding="utf-8")
    seed = next(number for number, line in enumerate(lines, 1) if "sede" in line)
    give = next(number for number, line in enumerate(lines, 1) if "blinatumumab" in line)

    ended = process("run", "mine.yaml", folder=tmp_path)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"mine.yaml:{seed}: sede must be a known key" in ended.stderr
    assert f"mine.yaml:{give}: strategies.chemotherapy.salvage.1.give must be a known therapy" in ended.stderr
    assert "did you mean 'blinatumomab'?" in ended.stderr
    assert "3 things are wrong" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_scenarios_lists_every_scenario(rallsim: Rallsim) -> None:
    """`rallsim scenarios` names each shipped scenario with its question."""
    out = rallsim("scenarios").out

    assert len(shipped_scenarios()) >= 3
    assert all(name in out for name, _ in shipped_scenarios())


def test_evidence_names_the_parameters_that_use_a_row(rallsim: Rallsim) -> None:
    """`rallsim evidence ID` traces a row to its source and to every parameter that rests on it."""
    out = rallsim("evidence", "inovate_final_ino_cr").out

    uses = load_parameters().uses("inovate_final_ino_cr")
    assert "therapies.inotuzumab.cr_rate" in uses
    assert all(path in out for path in uses)
    assert "source" in out


def test_evidence_can_be_narrowed(rallsim: Rallsim) -> None:
    """Filters narrow together; without any match nothing is listed."""
    rows = json.loads(rallsim("evidence", "--therapy", "inotuzumab", "--topic", "toxicity", "--json").out)

    assert rows
    assert all((row["therapy"], row["topic"]) == ("inotuzumab", "toxicity") for row in rows)
    assert json.loads(rallsim("evidence", "--text", "no such words", "--json").out) == []


def test_schema_prints_the_committed_file(rallsim: Rallsim) -> None:
    """`rallsim schema` and scenarios/scenario.schema.json are the same text."""
    assert rallsim("schema").out == (shipped("scenarios") / "scenario.schema.json").read_text(encoding="utf-8")


def test_fit_check_finds_the_shipped_files_current(rallsim: Rallsim) -> None:
    """`rallsim fit --check` ends with 0 and writes nothing."""
    before = {path: path.stat().st_mtime_ns for path in (shipped("params") / "fitted").iterdir()}

    ended = rallsim("fit", "--check")

    assert (ended.code, ended.out) == (0, "All fitted files are current.\n")
    assert {path: path.stat().st_mtime_ns for path in (shipped("params") / "fitted").iterdir()} == before


def test_a_stale_fit_ends_with_one(rallsim: Rallsim, monkeypatch: pytest.MonkeyPatch) -> None:
    """`rallsim fit --check` ends with 1 and names the file that is not current."""
    monkeypatch.setattr("rallsim.fit.run.stale_fits", lambda: [Path("params/fitted/hsct.yaml")])
    monkeypatch.setattr("rallsim.fit.posterior.is_stale", lambda start: True)

    ended = rallsim("fit", "--check")

    calibrated = shipped("params") / "fitted" / "calibrated.yaml"
    stale = os.path.join("params", "fitted", "hsct.yaml")
    assert (ended.code, ended.out) == (1, f"stale: {stale}\nstale: {calibrated}\n")


def test_output_to_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    """`rallsim evidence | head -1` leaves no traceback."""
    code = "from rallsim.cli import main; import sys; sys.argv = ['rallsim', 'evidence', '--json']; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        errors = running.stderr.read()

    assert "Traceback" not in errors


def test_verify_compares_the_engines(rallsim: Rallsim) -> None:
    """`verify` says how many rows were the same, and ends well."""
    ended = rallsim("verify", "first_salvage", "--patients", "60")
    assert ended.code == 0
    assert "batch and agents wrote the same" in ended.out
    assert "60 patients" in ended.out


def test_verify_tells_where_engines_part(rallsim: Rallsim, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a row differs `verify` prints it and ends with exit code 1."""
    from rallsim.simulation import simulate as simulation

    honest = simulation.simulate

    def with_a_slip(*arguments: Any, **keys: Any) -> Any:
        found = honest(*arguments, **keys)
        if keys["engine"] == "agents":
            found.histories["inotuzumab"].events["time"][11] += 1e-9
        return found

    monkeypatch.setattr(simulation, "simulate", with_a_slip)
    ended = rallsim("verify", "first_salvage", "--patients", "60")
    assert ended.code == 1
    assert "batch and agents part: inotuzumab, row 11: " in ended.out


def test_engine_and_workers_change_no_byte(rallsim: Rallsim, tmp_path: Path) -> None:
    """Agents, the batch engine and the batch engine on two threads write the same files, the manifest included."""
    ways = {"agents": ("--engine", "agents"), "batch": ("--engine", "batch"), "two": ("--workers", "2")}
    for name, options in ways.items():
        assert rallsim("run", "first_salvage", "--patients", "1200", "--out", name, *options).code == 0
    for file in ("summary.csv", "differences.csv", "survival.csv", "manifest.json"):
        assert len({(tmp_path / name / file).read_bytes() for name in ways}) == 1, file


def test_an_unknown_engine_is_refused(rallsim: Rallsim) -> None:
    """The engines there are are named, and the exit code is that of wrong input."""
    ended = rallsim(*RUN, "--engine", "turbo")
    assert ended.code == 2
    assert "batch" in ended.err
    assert "agents" in ended.err


def test_faults_of_keys_and_of_parameters_come_together(rallsim: Rallsim, tmp_path: Path) -> None:
    """A file with a wrong key, an impossible parameter and an unknown one is told all three at once, with lines."""
    text = (shipped("scenarios") / "first_salvage.yaml").read_text(encoding="utf-8")
    file = tmp_path / "wrong.yaml"
    file.write_text(
        "patinets: 5\nparameters:\n  therapies.inotuzumab.cr_rate: 1.2\n  hsct.sos_fatalty: 0.1\n" + text,
        encoding="utf-8",
    )
    ended = rallsim("run", str(file))
    assert ended.code == 2
    assert "3 things are wrong" in ended.err
    for line, words in ((1, "patinets"), (3, "0 to 1 (probability)"), (4, "did you mean 'hsct.sos_fatality'?")):
        assert any(f"wrong.yaml:{line}:" in told and words in told for told in ended.err.splitlines())


def test_an_interruption_leaves_nothing(rallsim: Rallsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a run with exit code 130, a word, and no results."""
    from rallsim.simulation import simulate as simulation

    def interrupted(*arguments: Any, **keys: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(simulation, "simulate", interrupted)
    ended = rallsim(*RUN)
    assert ended.code == 130
    assert "nothing was written" in ended.err
    assert not (tmp_path / "results").exists()
