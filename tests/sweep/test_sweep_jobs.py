"""Jobs depend on what is relevant to their strategy, and on nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers_sweep import economics, model, parameters, points, runner
from rallsim.common.files import PACKAGE
from rallsim.evaluation.evaluate import evaluate
from rallsim.inputs.scenario import catalogue, load_scenario
from rallsim.sweep.job_key import IMPORT, NAME, code_of, columns_of, digest, fixed_by, reached_from, therapies_of
from rallsim.sweep.jobs import work_of

CHANGED = 0.999  # by how much values that must not matter are changed


def keys(scenario_settings: list[str], strategy: str = "inotuzumab", number: int = 4) -> list[str]:
    scenario = load_scenario("first_salvage", settings=scenario_settings)
    work = work_of(model(scenario), strategy, points(number), patients=100)
    return [job.key for parts in work.jobs for job in parts]


def test_a_cell_computes_what_an_evaluation_of_all_does(tmp_path: Path) -> None:
    """Cut into jobs of a strategy and put together again, sums are those of one evaluation to the last bit."""
    scenario = load_scenario("first_salvage", patients=1100)
    table = points(11)

    whole = evaluate(scenario, parameters(), economics(), {name: table[name].to_numpy() for name in table})
    cut = runner(tmp_path).evaluate(table, patients=1100)

    assert cut.strategies == whole.strategies
    np.testing.assert_array_equal(cut.patients, whole.patients)
    np.testing.assert_array_equal(cut.sums, whole.sums)


def test_another_strategy_changes_no_key_of_this_one() -> None:
    """Other rules of one strategy leave the jobs of the others as they are."""
    assert keys(["strategies.chemotherapy.max_lines=2"]) == keys([])
    assert keys(["strategies.inotuzumab.max_lines=2"]) != keys([])


@pytest.mark.parametrize(
    "setting", ["seed=2", "horizon_months=60", "hsct.acute_gvhd=0.31", "therapies.inotuzumab.cr_rate=0.5"]
)
def test_what_matters_changes_the_key(setting: str) -> None:
    """Seed, horizon and values of parameters that a strategy depends on are in its jobs' keys."""
    assert not set(keys([setting])) & set(keys([]))


@pytest.mark.parametrize("setting", ["title=Other words", "therapies.car_t_cd22.cr_rate=0.5", "patients=77"])
def test_what_does_not_matter_is_not_in_the_key(setting: str) -> None:
    """Titles, therapies that a strategy does not give and the size of the file's cohort leave jobs as they are."""
    assert keys([setting]) == keys([])


def test_more_draws_keep_the_jobs_of_the_first_ones() -> None:
    """A table that grows at its end adds jobs; whole jobs before stay what they were."""
    scenario = load_scenario("first_salvage")
    table = pd.DataFrame({"hsct.sos_fatality": np.linspace(0.1, 0.9, 250)})

    few, many = (work_of(model(scenario), "inotuzumab", table[:n], patients=100).jobs for n in (200, 250))

    assert [job.key for jobs in many for job in jobs][:2] == [job.key for jobs in few for job in jobs]
    assert len(many) == 3


def test_points_that_are_the_same_to_a_strategy_are_computed_once() -> None:
    """A strategy without inotuzumab has one row for all values of its parameters."""
    table = pd.DataFrame({"therapies.car_t_cd22.cr_rate": [0.1, 0.5, 0.9], "hsct.sos_fatality": [0.2, 0.2, 0.4]})

    work = work_of(model(), "chemotherapy", table, patients=100)

    assert [job.rows for jobs in work.jobs for job in jobs] == [2]
    assert work.row_of_point.tolist() == [0, 0, 1]


def test_parameters_said_not_to_matter_do_not() -> None:
    """In every shipped scenario, each strategy's histories stay the same when all other therapies' parameters change.

    Probabilities and shares are pulled towards 0, all else too, so that every value stays allowed.
    """
    tried = 0
    for scenario in catalogue():
        small = scenario.model_copy(update={"patients": 200})
        for name, strategy in small.strategies.items():
            values = parameters().values(small.population_id)
            mattering = set(columns_of(values, small, strategy, parameters()))
            fixed = fixed_by(small, strategy, parameters())
            others = {
                path: np.array([value * CHANGED])
                for path, value in values.items()
                if path not in mattering and path not in fixed and value * CHANGED >= 0.06
            }
            if not others:
                continue
            alone = small.model_copy(update={"strategies": {name: strategy}, "reference": name})
            before = evaluate(alone, parameters(), economics())
            after = evaluate(alone, parameters(), economics(), others)
            np.testing.assert_array_equal(after.sums, before.sums, err_msg=f"{scenario.id}: {name}")
            tried += 1
    assert tried > 10


def test_therapies_include_what_a_form_is_of() -> None:
    """With a product comes the therapy that its file is based on: giving one counts for both."""
    scenario = load_scenario("first_salvage")
    strategy = scenario.strategies["chemotherapy"]
    rules = (strategy.salvage[0].model_copy(update={"give": "car_t_cd19_cd28"}),)

    met = therapies_of(scenario, strategy.model_copy(update={"salvage": rules}), parameters())

    assert {"car_t_cd19_cd28", "car_t_cd19"} <= set(met)


def test_hashes_look_at_values_not_at_words() -> None:
    """Notes are no part of a key; values, arrays and the order of lists are."""
    assert digest({"note": "a", "value": 1.0}) == digest({"value": 1.0, "note": "a"})
    assert digest([1.0, 2.0]) != digest([2.0, 1.0])
    assert digest(np.array([1.0, 2.0])) != digest(np.array([1.0, 2.5]))
    entry = next(iter(economics().costs.entries.values()))
    from dataclasses import replace

    assert digest(replace(entry, note="other words")) == digest(entry)
    assert digest(replace(entry, value=entry.value + 1)) != digest(entry)


def test_the_code_in_the_key_is_that_of_the_model() -> None:
    """Pathway, engine and economics are in the hash of the code; commands, figures and analyses are not."""
    reached = reached_from("evaluation.evaluate")

    assert {"model.pathway", "simulation.batch", "economics.valuation.costs", "model.random_numbers"} <= reached
    assert not any(name.startswith(("commands", "sweep", "common.figures", "decision", "report")) for name in reached)
    assert code_of("evaluation.evaluate") != code_of("sweep.jobs")


def test_imports_are_found_as_python_finds_them() -> None:
    """What is found by the labels of lines is what parsing every module of the package finds."""
    for path in sorted(PACKAGE.rglob("*.py")):
        targets: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rallsim":
                module = (node.module or "").removeprefix("rallsim").removeprefix(".")
                targets |= {module} | {
                    f"{module}.{one.name}".removeprefix(".") for one in node.names if one.name != "*"
                }
        found = {
            f"{module}.{name}".removeprefix(".")
            for module, names in IMPORT.findall(path.read_text(encoding="utf-8"))
            for name in ["", *NAME.findall(names)]
        }
        assert {one.strip(".") for one in found} == targets, path
