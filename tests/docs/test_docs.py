"""Whatever the README and the documentation show works as shown."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rallsim.common.files import shipped
from rallsim.inputs.parameters import load_parameters
from rallsim.inputs.scenario import load_scenario, shipped_scenarios
from rallsim.simulation.engine_inputs import check_scenario

ROOT = Path(__file__).parents[2]
FOLLOWED = ("add_a_therapy.md",)  # from top to bottom by a test of its own
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if page.name not in FOLLOWED]
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND_LINE = "import sys; from rallsim.cli import main; sys.argv[0] = 'rallsim'; main()"


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """Yield page and text of every fenced block of a language."""
    for page in PAGES:
        for number, (name, text) in enumerate(FENCED.findall(page.read_text(encoding="utf-8")), 1):
            if name == language:
                yield f"{page.name}-{number}", text


def commands() -> list[str]:
    """Return each `rallsim` line once, without its comment."""
    lines = (line.strip() for _, text in blocks("sh") for line in text.replace("\\\n", " ").splitlines())
    return list(dict.fromkeys(shlex.join(shlex.split(line, comments=True)) for line in lines if line[:8] == "rallsim "))


COMMANDS = commands()
PYTHON = dict(blocks("python"))
POPULATIONS = {name: text for name, text in blocks("yaml") if re.search(r"^front_line:", text, re.MULTILINE)}
SCENARIOS = {name: text for name, text in blocks("yaml") if re.search(r"^strategies:", text, re.MULTILINE)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like the checkout to whoever types the commands, and takes what they write."""
    (tmp_path / "scenarios").symlink_to(shipped("scenarios"))
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_is_something_to_try() -> None:
    """The README shows commands, among them a run, and Python."""
    assert any(command.startswith("rallsim run ") for command in COMMANDS)
    assert any(name.startswith("README") for name in PYTHON)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shown_works(folder: Path, command: str) -> None:
    """A command line of the documentation ends well; runs are made with 200 patients here."""
    arguments = shlex.split(command)[1:]
    if arguments[0] == "run":
        arguments += ["--patients", "200"]

    ended = subprocess.run(
        [sys.executable, "-c", COMMAND_LINE, *arguments],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("name", PYTHON)
def test_every_piece_of_python_shown_runs(folder: Path, name: str) -> None:
    """A Python block of the documentation runs from its first line to its last."""
    exec(compile(PYTHON[name], name, "exec"), {"__name__": "shown"})


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_shown_is_one(folder: Path, name: str) -> None:
    """A scenario of the documentation loads and fits the parameters."""
    path = folder / "shown.yaml"
    path.write_text(SCENARIOS[name], encoding="utf-8")

    check_scenario(load_scenario(path), load_parameters())


@pytest.mark.parametrize("name", POPULATIONS)
def test_every_population_shown_is_one(folder: Path, name: str) -> None:
    """A population of the documentation loads beside the shipped ones."""
    identity = re.search(r"^id: (\w+)$", POPULATIONS[name], re.MULTILINE)
    assert identity
    path = folder / f"{identity[1]}.yaml"
    path.write_text(POPULATIONS[name], encoding="utf-8")

    assert identity[1] in load_parameters().with_population(path).countries


def test_every_file_named_exists() -> None:
    """Paths in backticks or links below src, scenarios, params, docs, tests and benchmarks are there."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named = re.findall(r"[(`]((?:src|scenarios|params|docs|tests|benchmarks)/[\w./-]*\w\.\w+)[)`]", text)
        found += [(page.name, path) for path in named]

    assert found
    assert [(page, path) for page, path in found if not (ROOT / path).exists()] == []


def test_scenario_ids_named_after_run_exist() -> None:
    """Every `rallsim run` of any page names a shipped scenario or a file."""
    known = dict(shipped_scenarios())
    named = [
        (page.name, reference)
        for page in PAGES
        for reference in re.findall(r"rallsim run ([\w./]+)", page.read_text(encoding="utf-8"))
    ]

    assert named
    assert [(page, name) for page, name in named if name not in known and not (ROOT / name).exists()] == []
