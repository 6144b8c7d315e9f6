"""Reading scenarios: what a file, its defaults and settings become, and the schema editors check it by."""

from __future__ import annotations

import json
import math
import pickle
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from inputs.test_bad_input import FAULTS, GOOD, load, write
from rallsim.common.files import shipped
from rallsim.common.yaml_file import parse_yaml, read_yaml
from rallsim.inputs.scenario import (
    BridgingRule,
    ConsolidationRule,
    SalvageRule,
    Scenario,
    catalogue,
    load_scenario,
    schema,
    schema_text,
    shipped_scenarios,
)
from rallsim.model.conditions import ATTRIBUTES, Interval, read_condition

VALIDATOR = Draft202012Validator(schema())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path, GOOD)


def test_a_file_becomes_a_scenario(path: Path) -> None:
    """Every key of a file arrives, under the file's name as id."""
    scenario = load(path)

    assert (scenario.id, scenario.path) == ("order", path)
    assert (scenario.title, scenario.question, scenario.look_at) == ("Order", "Which first?", ("Survival.",))
    assert (scenario.population, scenario.patients, scenario.horizon_months) == ("adults", 100, 60.0)
    assert (scenario.seed, scenario.reference, scenario.expected_seconds) == (1, "one", None)
    assert (scenario.eligibility, scenario.parameters) == ({"cells": "broad"}, {"therapies.cells.cr_rate": 0.8})
    two = scenario.strategies["two"]
    assert (two.id, two.label, two.max_lines, two.max_transplants) == ("two", "Two", 4, 1)
    assert two.bridging == (BridgingRule.model_construct(before="cells", give="chemotherapy"),)
    mrd_positive = (Interval("mrd_positive", 1, math.inf),)
    assert two.consolidation == (
        ConsolidationRule.model_construct(after="cells", hsct=True, when=mrd_positive),
        ConsolidationRule.model_construct(after=None, hsct=False),
    )


def test_strategies_come_in_the_order_of_the_file_and_the_first_is_the_reference(tmp_path: Path) -> None:
    """Strategies keep the file's order, and without `reference` the first of them is it."""
    text = GOOD.replace("reference: one\n", "").replace("  one:", "  zeta:").replace("  two:", "  alpha.2:")

    scenario = load(write(tmp_path, text))

    assert list(scenario.strategies) == ["zeta", "alpha.2"]
    assert scenario.reference == "zeta"


def test_defaults_fill_what_a_strategy_leaves_out_and_nothing_else(tmp_path: Path) -> None:
    """A strategy's own key replaces the default's altogether; an absent key is the default's."""
    shared = "defaults:\n  max_lines: 2\n  bridging:\n    - {before: cells, give: antibody}\n"
    strategies = load(write(tmp_path, GOOD.replace("defaults:\n", shared))).strategies

    assert [rule.give for rule in strategies["one"].salvage] == ["antibody", "chemotherapy"]
    assert [rule.give for rule in strategies["two"].salvage] == ["cells"]
    assert (strategies["one"].max_lines, strategies["two"].max_lines) == (3, 2)
    assert [rule.give for rule in strategies["one"].bridging] == ["antibody"]
    assert [rule.give for rule in strategies["two"].bridging] == ["chemotherapy"]


def test_an_empty_list_replaces_the_default_list(tmp_path: Path) -> None:
    """`bridging: []` takes the defaults' bridging away."""
    text = GOOD.replace("defaults:\n", "defaults:\n  bridging:\n    - {before: cells, give: antibody}\n")
    text = text.replace("    max_lines: 3\n", "    bridging: []\n")

    assert load(write(tmp_path, text)).strategies["one"].bridging == ()


def test_a_strategy_without_a_label_is_called_by_its_id(tmp_path: Path) -> None:
    """The label is the id with spaces when the file gives none."""
    text = GOOD.replace("    label: One\n", "").replace("one", "cells_first")

    assert load(write(tmp_path, text)).strategies["cells_first"].label == "cells first"


@pytest.mark.parametrize(
    ("written", "low", "high"),
    [
        ("mrd_positive: true", 1, math.inf),
        ("mrd_positive: false", 0, 0),
        ("prior_hsct: true", 1, math.inf),
        ("prior_hsct: 2", 2, 2),
        ("given.cells: true", 1, math.inf),
        ("given.cells: false", 0, 0),
        ("given.cells: {max: 1}", -math.inf, 1),
        ("line: 1", 1, 1),
        ("blasts: {min: 0.05}", 0.05, math.inf),
        ("age: {max: 25}", -math.inf, 25),
        ("cr1_months: {min: 12, max: 12}", 12, 12),
        ("age: 0", 0, 0),
        ("age: 120", 120, 120),
    ],
)
def test_a_condition_becomes_an_interval(written: str, low: float, high: float) -> None:
    """true is one or more, false is none, a number is itself, and a missing end is infinite."""
    condition, faults = read_condition(parse_yaml(written, "").data, ["cells"])

    assert (condition, faults) == ((Interval(written.partition(":")[0], low, high),), [])


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_every_attribute_takes_its_range_and_nothing_beyond(name: str) -> None:
    """Both ends of an attribute's range are allowed, and neither one below nor one above; yes and no are just that."""
    attribute = ATTRIBUTES[name]
    if attribute.kind == "yes_no":
        good: list[Any] = [True, False]
        bad: list[Any] = [0, 1, {"min": 1}, "true"]
    else:
        good = [attribute.low, attribute.high, {"min": attribute.low, "max": attribute.high}]
        bad = [attribute.low - 1, attribute.high + 1, {"max": attribute.high + 1}, 10**400, math.inf, "1", None, [1]]

    assert [value for value in good if read_condition({name: value}, [])[1]] == []
    assert [value for value in bad if not read_condition({name: value}, [])[1]] == []


SETTINGS: list[tuple[list[str], Any, Any]] = [
    (["patients=200"], lambda s: s.patients, 200),
    (["patients=200", "patients=300"], lambda s: s.patients, 300),
    (["horizon_months=36.5"], lambda s: s.horizon_months, 36.5),
    (["title=Another order"], lambda s: s.title, "Another order"),
    (["title='2'"], lambda s: s.title, "2"),
    ([" seed = 4 "], lambda s: s.seed, 4),
    (["reference=two"], lambda s: s.reference, "two"),
    (["eligibility.cells=strict"], lambda s: s.eligibility, {"cells": "strict"}),
    (["eligibility.antibody=strict"], lambda s: s.eligibility, {"cells": "broad", "antibody": "strict"}),
    (["therapies.cells.cr_rate=0.5"], lambda s: s.parameters, {"therapies.cells.cr_rate": 0.5}),
    (["hsct.nrm=1e-1"], lambda s: s.parameters, {"therapies.cells.cr_rate": 0.8, "hsct.nrm": 0.1}),
    (["parameters.hsct.nrm=0"], lambda s: s.parameters.get("hsct.nrm"), 0.0),
    (["population.age_mean=50"], lambda s: (s.population, s.parameters.get("population.age_mean")), ("adults", 50.0)),
    (["strategies.one.max_lines=1"], lambda s: [x.max_lines for x in s.strategies.values()], [1, 4]),
    (["strategies.two.max_lines=1"], lambda s: [x.max_lines for x in s.strategies.values()], [3, 1]),
    (["defaults.max_lines=1"], lambda s: [x.max_lines for x in s.strategies.values()], [3, 1]),
    (["strategies.two.parameters.hsct.nrm=0.2"], lambda s: s.strategies["two"].parameters, {"hsct.nrm": 0.2}),
    (["defaults.parameters.hsct.nrm=0.2"], lambda s: s.strategies["one"].parameters, {"hsct.nrm": 0.2}),
]


@pytest.mark.parametrize(("settings", "look", "expected"), SETTINGS, ids=[" ".join(case[0]) for case in SETTINGS])
def test_a_setting_replaces_one_value(path: Path, settings: Sequence[str], look: Any, expected: Any) -> None:
    """`key=value` puts one value in its place; what is said last counts."""
    assert look(load(path)) != expected
    assert look(load(path, settings)) == expected


def test_patients_and_seed_come_after_settings(path: Path) -> None:
    """The arguments `patients` and `seed` win over the file and over settings."""
    scenario = load(path, ["patients=200", "seed=3"], patients=7, seed=0)

    assert (scenario.patients, scenario.seed) == (7, 0)


def test_a_setting_reaches_a_strategy_whose_id_has_dots(tmp_path: Path) -> None:
    """Among ids that begin alike the longest that fits is meant."""
    text = GOOD.replace("  one:", "  two.b:").replace("reference: one\n", "")

    strategies = load(write(tmp_path, text), ["strategies.two.b.max_lines=6", "strategies.two.max_lines=5"]).strategies

    assert {name: strategy.max_lines for name, strategy in strategies.items()} == {"two.b": 6, "two": 5}


def test_a_parameter_setting_of_a_strategy_keeps_the_others_of_the_defaults(tmp_path: Path) -> None:
    """Setting one parameter of one strategy leaves its other parameters, and other strategies, alone."""
    path = write(tmp_path, GOOD.replace("defaults:\n", "defaults:\n  parameters: {hsct.nrm: 0.3, hsct.hr: 0.5}\n"))

    strategies = load(path, ["strategies.two.parameters.hsct.nrm=0.2"]).strategies

    assert strategies["two"].parameters == {"hsct.nrm": 0.2, "hsct.hr": 0.5}
    assert strategies["one"].parameters == {"hsct.nrm": 0.3, "hsct.hr": 0.5}


def test_a_value_knows_where_it_was_written(path: Path) -> None:
    """Each value has the line it stands on: the defaults' when inherited, the parent's when absent, none when set."""
    scenario = load(path, ["strategies.one.label=First", "hsct.nrm=0.1"], seed=5)

    assert scenario.place("patients") == (str(path), 5)
    assert scenario.place("parameters", "therapies.cells.cr_rate") == (str(path), 11)
    assert scenario.place("strategies", "one", "salvage", 1, "give") == (str(path), 15)
    assert scenario.place("strategies", "two", "salvage", 0, "give") == (str(path), 23)
    assert scenario.place("strategies", "one", "bridging") == (str(path), 17)
    assert scenario.place("strategies", "one", "label") == ("--set strategies.one.label=First", None)
    assert scenario.place("parameters", "hsct.nrm") == ("--set hsct.nrm=0.1", None)
    assert scenario.place("seed") == (None, None)
    assert scenario.place("expected_seconds") == (str(path), None)


def test_a_scenario_cannot_be_changed(path: Path) -> None:
    """Scenarios, strategies and rules are frozen."""
    scenario = load(path)

    for part, key in ((scenario, "seed"), (scenario.strategies["one"], "max_lines")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, key, 2)


def test_a_scenario_travels_to_another_process(path: Path) -> None:
    """A pickled scenario comes back equal, places included."""
    scenario = load(path, ["seed=9"])

    again = pickle.loads(pickle.dumps(scenario))

    assert again == scenario
    assert again.place("seed") == ("--set seed=9", None)
    assert again.place("patients") == (str(path), 5)


def test_the_hash_is_that_of_the_file(path: Path) -> None:
    """The hash is of the file's bytes, and settings do not change it."""
    import hashlib

    assert load(path, ["seed=2"]).source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_shipped_scenario_loads_by_id_and_by_path_alike() -> None:
    """An id of a shipped scenario and the path of its file give the same scenario."""
    for name, path in shipped_scenarios():
        assert load_shipped(name) == load_shipped(path) == load_shipped(str(path))


def load_shipped(reference: str | Path) -> Scenario:
    return load_scenario(reference)


def test_every_shipped_scenario_asks_a_question_and_says_what_to_look_at() -> None:
    """Each shipped scenario loads, asks a question, compares strategies and gives readers something to look at."""
    scenarios = catalogue()

    assert [scenario.id for scenario in scenarios] == [name for name, _ in shipped_scenarios()]
    assert {"first_salvage", "bridging_before_car_t", "transplant_after_car_t"} <= {s.id for s in scenarios}
    for scenario in scenarios:
        assert scenario.question.endswith("?")
        assert len(scenario.look_at) >= 2
        assert len(scenario.strategies) >= 2
        assert scenario.source_text.startswith("# yaml-language-server: $schema=scenario.schema.json\n")


def test_every_shipped_strategy_always_has_a_next_line() -> None:
    """The last salvage rule of each shipped strategy is without condition: nobody is left between rules."""
    open_to_all = {SalvageRule.model_construct(give=name) for name in ("chemotherapy", "supportive_care")}
    lasts = {(s.id, name): part.salvage[-1] for s in catalogue() for name, part in s.strategies.items()}

    assert lasts
    assert set(lasts.values()) == open_to_all


def test_shipped_strategies_differ_in_what_the_question_is_about() -> None:
    """Bridging strategies differ in bridging alone, transplant strategies in consolidation alone."""
    for name, differs in (("bridging_before_car_t", "bridging"), ("transplant_after_car_t", "consolidation")):
        strategies = load_scenario(name).strategies.values()
        others = [part.model_dump(exclude={"id", "label", differs}) for part in strategies]
        assert all(other == others[0] for other in others)
        assert len({getattr(part, differs) for part in strategies}) == len(strategies)


def test_the_committed_schema_is_current() -> None:
    """`scenarios/scenario.schema.json` is what the code generates today."""
    assert (shipped("scenarios") / "scenario.schema.json").read_text(encoding="utf-8") == schema_text()


def test_the_schema_is_a_schema_that_takes_every_shipped_scenario() -> None:
    """The JSON Schema is valid draft 2020-12 and has no complaint about a file that loads."""
    Draft202012Validator.check_schema(schema())
    texts = [path for _, path in shipped_scenarios()]

    assert texts
    assert [error for path in texts for error in VALIDATOR.iter_errors(read_yaml(path).data)] == []
    assert list(VALIDATOR.iter_errors(parse_yaml(GOOD, "").data)) == []


# What a schema cannot see: words from folders, two values compared, values JSON has not, whole-file rules.
NOT_IN_THE_SCHEMA = {
    "unknown population",
    "unknown therapy given",
    "bridging with an unknown therapy",
    "bridging before an unknown therapy",
    "consolidation after an unknown therapy",
    "label of an unknown therapy",
    "condition on an unknown therapy",
    "infinite number",
    "no number at all",
    "min above max",
    "no salvage",
    "reference that is no strategy",
    "two strategies of one label",
    "strategy id that R keeps for itself",
    "empty text",  # a text of spaces
    "repeated key",
    "key that is no word",
    "strategy id that is a number",
}


@pytest.mark.parametrize("kind", sorted(set(FAULTS) - NOT_IN_THE_SCHEMA))
def test_the_schema_refuses_what_the_loader_refuses(kind: str) -> None:
    """Every fault that a schema can express is one for an editor too."""
    old, new, _ = FAULTS[kind]
    data = parse_yaml(GOOD.replace(old, new), "").data

    assert not VALIDATOR.is_valid(data)


def test_the_schema_describes_every_key_and_attribute() -> None:
    """An editor has a description to show for each key and each attribute."""
    written = schema()
    properties = dict(written["properties"])
    for definition in written["$defs"].values():
        properties |= definition["properties"]

    assert set(ATTRIBUTES) <= set(properties)
    assert [key for key, value in properties.items() if "description" not in value and "$ref" not in value] == []
    assert json.loads(schema_text()) == written


@pytest.mark.slow
def test_loading_is_quick() -> None:
    """A scenario is read within half a second, Python's start and all imports included."""
    code = "from rallsim.inputs.scenario import load_scenario; load_scenario('first_salvage')"
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        seconds.append(time.perf_counter() - start)

    assert min(seconds) < 0.5
