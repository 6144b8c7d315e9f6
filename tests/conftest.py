"""What all tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

from helpers_cli import Ended, Rallsim
from rallsim import cli
from rallsim.economics.settings.settings import economic_settings
from rallsim.evaluation.evaluate import evaluate
from rallsim.inputs.parameters import load_parameters
from rallsim.inputs.scenario import load_scenario
from rallsim.simulation.engines import ENGINES
from rallsim.simulation.simulate import simulate

# The same examples in every run: a failure is the change's own. `--hypothesis-profile=explore` looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session", autouse=True)
def _compiled_pathway() -> None:
    """Compile both engines and the loop of sweeps first: no command that a test runs stops to say that it compiles."""
    for engine in ENGINES:
        simulate(load_scenario("first_salvage", patients=2), engine=engine)
    scenario, parameters = load_scenario("first_salvage", patients=2), load_parameters()
    evaluate(scenario, parameters, economic_settings(scenario, parameters))


@pytest.fixture
def rallsim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Rallsim:
    """Run a command in an empty folder, in this process: `rallsim("run", "first_salvage")`."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["rallsim", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Ended(code, *capsys.readouterr())

    return command
