"""What a person is told about a scenario file that is wrong: every fault, its place, and what would be right."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rallsim.errors import InputError, Problem
from rallsim.inputs.scenario import (
    ConsolidationRule,
    SalvageRule,
    Scenario,
    StrategyKeys,
    load_scenario,
    shipped_scenarios,
)
from rallsim.model.conditions import ATTRIBUTES

GOOD = """\
title: Order
question: Which first?
look_at: [Survival.]
population: adults
patients: 100
horizon_months: 60
seed: 1
reference: one
eligibility: {cells: broad}
parameters:
  therapies.cells.cr_rate: 0.8
defaults:
  salvage:
    - {give: antibody, when: {line: 1}}
    - {give: chemotherapy}
strategies:
  one:
    label: One
    max_lines: 3
  two:
    label: Two
    salvage:
      - {give: cells, when: {blasts: {min: 0.1, max: 0.5}}}
    bridging:
      - {before: cells, give: chemotherapy}
    consolidation:
      - {after: cells, when: {mrd_positive: true}, hsct: true}
      - {hsct: false}
"""
THERAPIES = ("antibody", "cells", "chemotherapy")
THERAPY_WORDS = "antibody, cells, chemotherapy"
TOP_KEYS = (
    "title, question, look_at, population, missing_from, additions, patients, horizon_months, seed, reference, "
    "expected_seconds, variants, eligibility, parameters, economics, defaults, strategies"
)
STRATEGY_KEYS = ", ".join(StrategyKeys.model_fields)
ATTRIBUTE_WORDS = ", ".join([*ATTRIBUTES, "given.<therapy>", "any_of"])
R_NAME = "a name in R: letters, digits, _ and . after a first letter"
PATH_WORDS = "lower-case words joined by dots: therapies.car_t_cd19.cr_rate"
MAPPING = "must be a mapping (key: value)"
RULE = "strategies.two.salvage.0"
WHEN = f"{RULE}.when"
BLASTS = "{min: 0.1, max: 0.5}"


def write(folder: Path, text: str, name: str = "order.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def load(path: Path, settings: Sequence[str] = (), **more: Any) -> Scenario:
    return load_scenario(path, settings=settings, therapies=THERAPIES, populations=["adults"], **more)


def problems_of(path: Path, settings: Sequence[str] = (), **more: Any) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        load(path, settings, **more)
    return list(caught.value.problems)


def fault(message: str, line: int | None, key: str, *found_allowed_hint: str | None) -> Problem:
    return Problem(message, None, line, key, *found_allowed_hint)


# what is replaced in GOOD, by what, and the one problem this makes
FAULTS: dict[str, tuple[str, str, Problem]] = {
    "unknown key": (
        "seed: 1",
        "seed: 1\npatinets: 5",
        fault("must be a known key", 8, "patinets", None, TOP_KEYS, "patients"),
    ),
    "unknown key of a strategy": (
        "max_lines: 3",
        "max_line: 3",
        fault("must be a known key", 19, "strategies.one.max_line", None, STRATEGY_KEYS, "max_lines"),
    ),
    "unknown key of the defaults": (
        "defaults:\n",
        "defaults:\n  bridgin: []\n",
        fault("must be a known key", 13, "defaults.bridgin", None, STRATEGY_KEYS, "bridging"),
    ),
    "unknown key of a rule": (
        "{hsct: false}",
        "{hsct: false, wen: {}}",
        fault(
            "must be a known key",
            28,
            "strategies.two.consolidation.1.wen",
            None,
            ", ".join(ConsolidationRule.model_fields),
            "when",
        ),
    ),
    "unknown key of an interval": (
        "min: 0.1",
        "mim: 0.1",
        fault("must be a known key", 23, f"{WHEN}.blasts.mim", "'mim'", "min, max", "min"),
    ),
    "key that is no word": ("seed: 1", "seed: 1\n7: x", fault("must be text, for it is a key", 8, "7", "7")),
    "missing key": ("seed: 1\n", "", fault("is missing", None, "seed")),
    "missing key of a rule": (
        "before: cells, give",
        "give",
        fault("is missing", 25, "strategies.two.bridging.0.before"),
    ),
    "missing decision": (
        "{hsct: false}",
        "{after: cells}",
        fault("is missing", 28, "strategies.two.consolidation.1.hsct"),
    ),
    "text for a whole number": (
        "patients: 100",
        'patients: "100"',
        fault("must be a whole number", 5, "patients", "'100'", "at least 1, at most 2147483647"),
    ),
    "true for a whole number": (
        "max_lines: 3",
        "max_lines: true",
        fault("must be a whole number", 19, "strategies.one.max_lines", "true", "at least 1, at most 6"),
    ),
    "fraction for a whole number": (
        "patients: 100",
        "patients: 99.5",
        fault("must be a whole number", 5, "patients", "99.5", "at least 1, at most 2147483647"),
    ),
    "nothing for a whole number": (
        "seed: 1",
        "seed:",
        fault("must be a whole number", 7, "seed", "nothing", "at least 0, at most 9223372036854775807"),
    ),
    "true for a number": (
        "months: 60",
        "months: true",
        fault("must be a number", 6, "horizon_months", "true", "more than 0, at most 1200"),
    ),
    "text for a number": (
        "cr_rate: 0.8",
        'cr_rate: "0.8"',
        fault("must be a number", 11, "parameters.therapies.cells.cr_rate", "'0.8'"),
    ),
    "infinite number": (
        "cr_rate: 0.8",
        "cr_rate: .inf",
        fault("must be a finite number", 11, "parameters.therapies.cells.cr_rate", "inf"),
    ),
    "nested parameters": (
        "therapies.cells.cr_rate: 0.8",
        "therapies.cells: {cr_rate: 0.8}",
        fault("must be a number", 11, "parameters.therapies.cells", '{"cr_rate": 0.8}'),
    ),
    "parameter path of one word": (
        "therapies.cells.cr_rate: 0.8",
        "cr_rate: 0.8",
        fault("must be a parameter's path", 11, "parameters.cr_rate", "'cr_rate'", PATH_WORDS),
    ),
    "parameter path with capitals": (
        "therapies.cells.cr_rate: 0.8",
        "therapies.Cells.cr_rate: 0.8",
        fault(
            "must be a parameter's path",
            11,
            "parameters.therapies.Cells.cr_rate",
            "'therapies.Cells.cr_rate'",
            PATH_WORDS,
        ),
    ),
    "word for yes or no": (
        "{hsct: false}",
        "{hsct: never}",
        fault("must be true or false", 28, "strategies.two.consolidation.1.hsct", "'never'"),
    ),
    "number for text": ("title: Order", "title: 2024", fault("must be text", 1, "title", "2024")),
    "empty text": ("title: Order", 'title: " "', fault("must not be empty", 1, "title", "' '")),
    "text for a list": ("[Survival.]", "Survival.", fault("must be a list", 3, "look_at", "'Survival.'")),
    "number in a list of texts": ("[Survival.]", "[Survival., 5]", fault("must be text", 3, "look_at.1", "5")),
    "nothing for a list": (
        "bridging:\n      - {before: cells, give: chemotherapy}\n",
        "bridging:\n",
        fault("must be a list", 24, "strategies.two.bridging", "nothing"),
    ),
    "mapping for a list": (
        "bridging:\n      - {before: cells, give: chemotherapy}\n",
        "bridging: {before: cells, give: chemotherapy}\n",
        fault("must be a list", 24, "strategies.two.bridging", '{"before": "cells", "give": "chemotherapy"}'),
    ),
    "word for a rule": ("- {hsct: false}", "- never", fault(MAPPING, 28, "strategies.two.consolidation.1", "'never'")),
    "list for a mapping": ("{cells: broad}", "[cells]", fault(MAPPING, 9, "eligibility", '["cells"]')),
    "word for a strategy": ("  two:", "  three: x\n  two:", fault(MAPPING, 20, "strategies.three", "'x'")),
    "no patients": (
        "patients: 100",
        "patients: 0",
        fault("must be at least 1", 5, "patients", "0", "at least 1, at most 2147483647"),
    ),
    "negative months": (
        "months: 60",
        "months: -6",
        fault("must be more than 0", 6, "horizon_months", "-6", "more than 0, at most 1200"),
    ),
    "negative seed": (
        "seed: 1",
        "seed: -1",
        fault("must be at least 0", 7, "seed", "-1", "at least 0, at most 9223372036854775807"),
    ),
    "too many lines": (
        "max_lines: 3",
        "max_lines: 7",
        fault("must be at most 6", 19, "strategies.one.max_lines", "7", "at least 1, at most 6"),
    ),
    "too many transplants": (
        "max_lines: 3",
        "max_transplants: 3",
        fault("must be at most 2", 19, "strategies.one.max_transplants", "3", "at least 0, at most 2"),
    ),
    "no time at all": (
        "seed: 1",
        "seed: 1\nexpected_seconds: 0",
        fault("must be more than 0", 8, "expected_seconds", "0", "more than 0"),
    ),
    "time left open": (
        "seed: 1",
        "seed: 1\nexpected_seconds:",
        fault("must be a number", 8, "expected_seconds", "nothing"),
    ),
    "unknown population": (
        "population: adults",
        "population: adult",
        fault("must be a known population", 4, "population", "'adult'", "adults", "adults"),
    ),
    "unknown therapy given": (
        "give: cells",
        "give: cell",
        fault("must be a known therapy", 23, f"{RULE}.give", "'cell'", THERAPY_WORDS, "cells"),
    ),
    "number for a therapy": ("give: cells", "give: 19", fault("must be text", 23, f"{RULE}.give", "19", THERAPY_WORDS)),
    "bridging with an unknown therapy": (
        "before: cells, give: chemotherapy",
        "before: cells, give: chemo_therapy",
        fault(
            "must be a known therapy",
            25,
            "strategies.two.bridging.0.give",
            "'chemo_therapy'",
            THERAPY_WORDS,
            "chemotherapy",
        ),
    ),
    "bridging before an unknown therapy": (
        "before: cells",
        "before: cels",
        fault("must be a known therapy", 25, "strategies.two.bridging.0.before", "'cels'", THERAPY_WORDS, "cells"),
    ),
    "consolidation after an unknown therapy": (
        "after: cells",
        "after: xyz",
        fault("must be a known therapy", 27, "strategies.two.consolidation.0.after", "'xyz'", THERAPY_WORDS),
    ),
    "consolidation after nothing": (
        "after: cells",
        "after: ",
        fault("must be text", 27, "strategies.two.consolidation.0.after", "nothing", THERAPY_WORDS),
    ),
    "label of an unknown therapy": (
        "{cells: broad}",
        "{sells: broad}",
        fault("must be a known therapy", 9, "eligibility.sells", "'sells'", THERAPY_WORDS, "cells"),
    ),
    "condition on an unknown therapy": (
        f"blasts: {BLASTS}",
        "given.antibdy: true",
        fault("must be a known therapy", 23, f"{WHEN}.given.antibdy", "'antibdy'", THERAPY_WORDS, "antibody"),
    ),
    "unknown attribute": (
        "blasts: {",
        "blast: {",
        fault("must be a known attribute", 23, f"{WHEN}.blast", "'blast'", ATTRIBUTE_WORDS, "blasts"),
    ),
    "one alternative": (
        f"blasts: {BLASTS}",
        "any_of: [{line: 1}]",
        fault("must list at least two conditions", 23, f"{WHEN}.any_of", '[{"line": 1}]'),
    ),
    "fault in an alternative": (
        f"blasts: {BLASTS}",
        "any_of: [{line: 1}, {age: {max: 300}}]",
        fault("must be at most 120", 23, f"{WHEN}.any_of.1.age.max", "300", "0 to 120"),
    ),
    "share above 1": ("max: 0.5", "max: 1.2", fault("must be at most 1", 23, f"{WHEN}.blasts.max", "1.2", "0 to 1")),
    "age of 300": (
        f"blasts: {BLASTS}",
        "age: {max: 300}",
        fault("must be at most 120", 23, f"{WHEN}.age.max", "300", "0 to 120"),
    ),
    "line 7": (
        "{line: 1}",
        "{line: 7}",
        fault("must be at most 6", 14, "defaults.salvage.0.when.line", "7", "0 to 6"),
    ),
    "no number at all": ("max: 0.5", "max: .nan", fault("must be a number", 23, f"{WHEN}.blasts.max", "nan", "0 to 1")),
    "half a line": (
        "{line: 1}",
        "{line: {min: 1.5}}",
        fault("must be a whole number", 14, "defaults.salvage.0.when.line.min", "1.5", "0 to 6"),
    ),
    "yes for an amount": (
        BLASTS,
        "true",
        fault("must be a number or a mapping with min, max", 23, f"{WHEN}.blasts", "true", "0 to 1"),
    ),
    "number for a yes-or-no attribute": (
        "mrd_positive: true",
        "mrd_positive: 1",
        fault("must be true or false", 27, "strategies.two.consolidation.0.when.mrd_positive", "1"),
    ),
    "word for a count": (
        f"blasts: {BLASTS}",
        "prior_hsct: yes",
        fault(
            "must be true, false, a whole number or a mapping with min, max",
            23,
            f"{WHEN}.prior_hsct",
            "'yes'",
            "0 to 10",
        ),
    ),
    "min above max": (
        "min: 0.1",
        "min: 0.6",
        fault("must have min up to max", 23, f"{WHEN}.blasts", '{"min": 0.6, "max": 0.5}'),
    ),
    "interval without ends": (
        BLASTS,
        "{}",
        fault("must have min, max or both", 23, f"{WHEN}.blasts", "{}", "min, max"),
    ),
    "word for a condition": (
        f"when: {{blasts: {BLASTS}}}",
        "when: always",
        fault("must be a mapping (attribute: value)", 23, WHEN, "'always'"),
    ),
    "empty list of salvage": (
        "salvage:\n      - {give: cells, when: {blasts: {min: 0.1, max: 0.5}}}",
        "salvage: []",
        fault("must not be empty", 22, "strategies.two.salvage", "[]"),
    ),
    "no salvage": (
        "defaults:\n  salvage:\n    - {give: antibody, when: {line: 1}}\n    - {give: chemotherapy}\n",
        "",
        fault("is missing", 13, "strategies.one.salvage", None, "a list of rules"),
    ),
    "no strategies": (
        GOOD[GOOD.index("reference") :],
        "strategies: {}\n",
        fault("must not be empty", 8, "strategies", "{}"),
    ),
    "reference that is no strategy": (
        "reference: one",
        "reference: on",
        fault("must be one of", 8, "reference", "'on'", "one, two", "one"),
    ),
    "two strategies of one label": (
        "label: Two",
        "label: One",
        fault("must stand once", 21, "strategies.two.label", "'One' for 'one' too"),
    ),
    "strategy id that is no word in R": (
        "  two:",
        "  2nd:",
        fault("must be a valid strategy id", 20, "strategies.2nd", "'2nd'", R_NAME),
    ),
    "strategy id with a hyphen": (
        "  two:",
        "  ino-first:",
        fault("must be a valid strategy id", 20, "strategies.ino-first", "'ino-first'", R_NAME),
    ),
    "strategy id that R keeps for itself": (
        "  two:",
        "  next:",
        fault("must be a valid strategy id", 20, "strategies.next", "'next'", R_NAME),
    ),
    "strategy id that is a number": ("  two:", "  2:", fault("must be text, for it is a key", 20, "strategies.2", "2")),
    "repeated key": ("seed: 1", "seed: 1\npatients: 5", fault("must stand once", 8, "patients", "it on line 5 too")),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_one_fault_makes_one_problem_with_its_place(tmp_path: Path, kind: str) -> None:
    """Each wrong value is reported once, with file, line, key, what was found and what is allowed."""
    old, new, expected = FAULTS[kind]
    assert GOOD.count(old) == 1
    path = write(tmp_path, GOOD.replace(old, new))

    assert problems_of(path) == [replace(expected, file=str(path))]


def test_the_file_that_the_faults_are_made_in_is_good(tmp_path: Path) -> None:
    """Without its fault each of the files above loads."""
    assert list(load(write(tmp_path, GOOD)).strategies) == ["one", "two"]


def test_all_faults_of_a_file_come_together_in_its_order(tmp_path: Path) -> None:
    """A file with five faults of five kinds reports the five, from the top down."""
    text = GOOD
    for old, new in (
        ("patients: 100", "patients: 0"),
        ("reference: one", "reference: ones"),
        ("max_lines: 3", "max_line: 3"),
        ("max: 0.5", "max: 1.2"),
        ("before: cells", "before: cels"),
    ):
        text = text.replace(old, new)

    found = [(problem.line, problem.key) for problem in problems_of(write(tmp_path, text))]

    assert found == [
        (5, "patients"),
        (8, "reference"),
        (19, "strategies.one.max_line"),
        (23, f"{WHEN}.blasts.max"),
        (25, "strategies.two.bridging.0.before"),
    ]


def test_all_faults_of_one_condition_are_reported(tmp_path: Path) -> None:
    """A condition with three faults reports three."""
    text = GOOD.replace(f"blasts: {BLASTS}", "blasts: {min: -1, max: 2}, male: 1")

    assert [problem.key for problem in problems_of(write(tmp_path, text))] == [
        f"{WHEN}.blasts.min",
        f"{WHEN}.blasts.max",
        f"{WHEN}.male",
    ]


def test_a_fault_of_the_defaults_is_reported_once(tmp_path: Path) -> None:
    """A wrong default is one fault, however many strategies it goes to."""
    text = GOOD.replace("- {give: antibody", "- {give: antibodies").replace("    max_lines: 3\n", "  three: {}\n")

    assert [problem.key for problem in problems_of(write(tmp_path, text))] == ["defaults.salvage.0.give"]


def test_no_message_speaks_like_the_library_that_checks(tmp_path: Path) -> None:
    """Every message of every fault is in this package's own words."""
    for old, new, expected in FAULTS.values():
        text = str(InputError(problems_of(write(tmp_path, GOOD.replace(old, new)))))
        assert expected.message in text
        assert not any(
            word in text for word in ("Input should", "pydantic", "_type", "valid dictionary", "Extra inputs")
        )


@pytest.mark.parametrize("text", ["", "- a\n", "only words\n"])
def test_a_file_that_holds_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    """An empty file, a list and a text are refused whatever settings come with them."""
    path = write(tmp_path, text)

    problem, *others = problems_of(path, ["patients=3", "strategies.one.label=x", "hsct.nrm=1"], patients=5)[::-1]

    assert (problem.file, problem.message) == (str(path), MAPPING)
    assert [other.message for other in others] == ["must be a known strategy"]


def test_a_file_name_that_is_no_id_is_refused(tmp_path: Path) -> None:
    """The id of a scenario is its file's name and must be snake_case."""
    path = write(tmp_path, GOOD, "My-Order.yaml")

    (problem,) = problems_of(path)

    assert (problem.file, problem.found) == (str(path), "'My-Order'")
    assert problem.allowed == "lower-case letters, digits and _ after a first letter"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path that leads nowhere is reported with the path."""
    assert problems_of(tmp_path / "none.yaml") == [
        Problem("must be a file that exists", file=str(tmp_path / "none.yaml"))
    ]


def test_an_unknown_id_names_the_nearest_scenario() -> None:
    """A mistyped id of a shipped scenario is answered with those that exist and the one that was meant."""
    with pytest.raises(InputError) as caught:
        load_scenario("first_salvge")

    (problem,) = caught.value.problems
    assert (problem.message, problem.found, problem.hint) == (
        "must be a known scenario",
        "'first_salvge'",
        "first_salvage",
    )
    assert problem.allowed == ", ".join([*(name for name, _ in shipped_scenarios()), "a path"])


PARAMETER_WORDS = (
    "therapies.<parameter>, hsct.<parameter>, disease.<parameter>, population.<parameter>, mortality.<parameter>, "
    "costs.<parameter>, utilities.<parameter>"
)
SETTINGS: dict[str, Problem] = {
    "patinets=3": Problem(
        "must be a known key", key="patinets", allowed=f"{TOP_KEYS}, {PARAMETER_WORDS}", hint="patients"
    ),
    "therapeis.cells.cr_rate=1": Problem(
        "must be a known key", key="therapeis.cells.cr_rate", allowed=f"{TOP_KEYS}, {PARAMETER_WORDS}", hint="therapies"
    ),
    "strategies.one.max_line=2": Problem(
        "must be a known key", key="strategies.one.max_line", allowed=STRATEGY_KEYS, hint="max_lines"
    ),
    "strategies.ones.max_lines=2": Problem(
        "must be a known strategy", key="strategies.ones.max_lines", allowed="one, two", hint="one"
    ),
    "strategies.two.salvage.0.give=cells": Problem(
        "must be a known key", key="strategies.two.salvage.0.give", allowed=STRATEGY_KEYS, hint="salvage"
    ),
    "patients=0": Problem("must be at least 1", key="patients", found="0", allowed="at least 1, at most 2147483647"),
    "patients=many": Problem(
        "must be a whole number", key="patients", found="'many'", allowed="at least 1, at most 2147483647"
    ),
    "title=": Problem("must be text", key="title", found="nothing"),
    "hsct.nrm=low": Problem("must be a number", key="parameters.hsct.nrm", found="'low'"),
    "strategies.one.parameters.hsct.nrm=x": Problem(
        "must be a number", key="strategies.one.parameters.hsct.nrm", found="'x'"
    ),
    "reference=tow": Problem("must be one of", key="reference", found="'tow'", allowed="one, two", hint="two"),
    "strategies.one=none": Problem(MAPPING, key="strategies.one", found="'none'"),
    "look_at=[a, b]": Problem("must be a single value", key="look_at", found='["a", "b"]'),
    "patients": Problem("must be KEY=VALUE,", allowed="as in patients=200"),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_wrong_setting_is_named(tmp_path: Path, setting: str) -> None:
    """A fault of a setting is one problem, placed at the option instead of a line of the file."""
    expected = replace(SETTINGS[setting], file=f"--set {setting}")

    assert problems_of(write(tmp_path, GOOD), [setting]) == [expected]


def test_a_setting_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    """A value that YAML cannot read is reported with the option it stands in."""
    (problem,) = problems_of(write(tmp_path, GOOD), ['title="open'])

    assert (problem.file, problem.line) == ('--set title="open', None)
    assert problem.message.startswith("must be valid YAML")


def test_faults_of_file_settings_and_arguments_come_together(tmp_path: Path) -> None:
    """One error holds what is wrong in the file, in the settings and in the arguments."""
    path = write(tmp_path, GOOD.replace("max_lines: 3", "max_lines: 9"))

    problems = problems_of(path, ["horizon_months=-1", "nothing=1"], patients=0)

    assert {(problem.file, problem.line, problem.key) for problem in problems} == {
        (str(path), 19, "strategies.one.max_lines"),
        ("--set horizon_months=-1", None, "horizon_months"),
        ("--set nothing=1", None, "nothing"),
        (None, None, "patients"),
    }


def test_reading_a_wrong_file_does_not_hang(tmp_path: Path) -> None:
    """A file with five hundred faults is answered within seconds, with all of them."""
    rules = "".join(f"      - {{give: drug_{number}}}\n" for number in range(500))
    path = write(
        tmp_path,
        GOOD.replace(
            "    salvage:\n      - {give: cells, when: {blasts: {min: 0.1, max: 0.5}}}\n", f"    salvage:\n{rules}"
        ),
    )
    start = time.perf_counter()

    assert len(problems_of(path)) == 500
    assert time.perf_counter() - start < 10


def test_salvage_rules_that_can_never_apply_are_no_fault(tmp_path: Path) -> None:
    """A rule behind an unconditional one for the same therapy loads: order is the author's business."""
    path = write(tmp_path, GOOD.replace("- {give: chemotherapy}", "- {give: chemotherapy}\n    - {give: chemotherapy}"))

    assert load(path).strategies["one"].salvage[1:] == (SalvageRule.model_construct(give="chemotherapy"),) * 2
