"""With the compiler off the pathway is plain Python, and says the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import helpers_model as m
from rallsim.common.compiled import is_compiling
from rallsim.economics.settings.settings import economic_settings
from rallsim.evaluation.evaluate import evaluate
from rallsim.inputs.scenario import load_scenario
from rallsim.simulation.simulate import simulate

TESTS = Path(__file__).parents[1]
PLAIN = os.environ | {"NUMBA_DISABLE_JIT": "1"}
SCENARIO, PATIENTS = "bridging_before_car_t", 20
OWN = Path(__file__).parents[2] / "docs" / "my_patients.csv"
SETTINGS: dict[str, list[str]] = {"sampled": [], "of a file": [f"population={OWN}"]}
WRITE = f"""
import sys
import numpy as np
from rallsim.common.compiled import is_compiling
from rallsim.economics.settings.settings import economic_settings
from rallsim.evaluation.evaluate import evaluate
from rallsim.inputs.parameters import load_parameters
from rallsim.inputs.scenario import load_scenario
from rallsim.simulation.simulate import simulate

assert not is_compiling()
scenario, parameters = load_scenario("{SCENARIO}", patients={PATIENTS}, settings=sys.argv[2:]), load_parameters()
histories = simulate(scenario, parameters).histories
sums = evaluate(scenario, parameters, economic_settings(scenario, parameters)).sums
np.savez(sys.argv[1], sums=sums, **{{name: history.events for name, history in histories.items()}})
"""


@pytest.mark.slow
@pytest.mark.parametrize("who", SETTINGS)
def test_histories_are_the_same_without_the_compiler(tmp_path: Path, who: str) -> None:
    """Compiled and plain Python write the same events and sums of costs and QALYs, equal to the last bit."""
    assert is_compiling()
    file = tmp_path / "plain.npz"
    subprocess.run([sys.executable, "-c", WRITE, str(file), *SETTINGS[who]], env=PLAIN, check=True)
    plain = np.load(file)
    scenario = load_scenario(SCENARIO, patients=PATIENTS, settings=SETTINGS[who])
    compiled = simulate(scenario, m.parameters()).histories
    assert set(plain.files) == {"sums", *compiled}
    sums = evaluate(scenario, m.parameters(), economic_settings(scenario, m.parameters())).sums
    np.testing.assert_array_equal(sums, plain["sums"])
    for name, history in compiled.items():
        assert len(history.events) > 5 * PATIENTS
        for column in history.events.dtype.names or ():
            np.testing.assert_array_equal(history.events[column], plain[name][column], err_msg=f"{name}: {column}")


@pytest.mark.slow
def test_the_tests_of_the_pathway_pass_without_the_compiler() -> None:
    """Every test of survival, rules, entry, stages, costs and utilities holds for the plain Python functions too."""
    names = ("distributions", "rules", "population", "pathway", "courses", "transplant")
    files = [TESTS / "economics" / "test_economics.py", *(TESTS / "model" / f"test_{name}.py" for name in names)]
    program = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, files)]
    done = subprocess.run(program, env=PLAIN, cwd=TESTS.parent, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "passed" in done.stdout
