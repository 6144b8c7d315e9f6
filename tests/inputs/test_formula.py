"""Formulas over evidence ids: what they come to, and all they refuse."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallsim.errors import InputError
from rallsim.inputs.evidence import Evidence, Row
from rallsim.inputs.formula import evaluate, names


def row(row_id: str, **numbers: Any) -> Row:
    given_numbers = {"value": None, "lo": None, "hi": None} | numbers
    return Row(row_id, "published", "response", "cr_rate", unit="proportion", file="x.csv", line=7, **given_numbers)


ROWS = [
    row("arm_cr", value=0.45, lo=0.4, hi=0.6, events=50.0, total=100.0),
    row("other_cr", value=0.25),
    row("zero", value=0.0, events=0.0, total=10.0),
    row("range_only", lo=3.0, hi=6.0),
]
EVIDENCE = Evidence({each.id: each for each in ROWS}, {}, {}, {}, {})


def refused(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        evaluate(text, EVIDENCE)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("arm_cr", 0.45),
        ("1 - events(arm_cr) / total(arm_cr)", 0.5),
        ("hi(arm_cr) - lo(arm_cr)", 0.2),
        ("-arm_cr + 2 * other_cr", 0.05),
        ("arm_cr / (1 - arm_cr) / (other_cr / (1 - other_cr))", 27 / 11),
        ("2 ** 3 ** 2", 512.0),
        ("-2 ** 2", -4.0),
        ("exp(log(other_cr))", 0.25),
        ("sqrt(lo(range_only) * 12)", 6.0),
        ("min(arm_cr, other_cr, 1)", 0.25),
        ("max(arm_cr, other_cr)", 0.45),
        ("  1e-3 * 2  ", 0.002),
    ],
)
def test_formulas(text: str, expected: float) -> None:
    """A formula comes to what its arithmetic says, with ids standing for their row's numbers."""
    assert evaluate(text, EVIDENCE) == pytest.approx(expected, rel=1e-12)


# Small numbers, no exp and no growing power: nothing overflows on the way, so Python and the formula agree exactly.
numbers = st.floats(0.001, 1000).map(repr) | st.just("0.0")
formulas = st.recursive(
    numbers,
    lambda parts: st.one_of(
        st.tuples(parts, st.sampled_from(["+", "-", "*", "/"]), parts).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(parts, st.sampled_from(["0.5", "-1.0"])).map(lambda p: f"({p[0]}) ** ({p[1]})"),
        parts.map(lambda part: f"-{part}"),
        st.tuples(st.sampled_from(["log", "sqrt"]), parts).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(st.sampled_from(["min", "max"]), parts, parts).map(lambda p: f"{p[0]}({p[1]}, {p[2]})"),
    ),
    max_leaves=8,
)


@given(formulas)
def test_numbers_agree_with_python(text: str) -> None:
    """A formula of numbers alone comes to what Python says; where Python has no finite real number, it is refused."""
    functions = {"log": math.log, "sqrt": math.sqrt, "min": min, "max": max}
    try:
        expected = eval(text, {"__builtins__": {}}, functions)
        finite = not isinstance(expected, complex) and math.isfinite(expected)
    except (ArithmeticError, ValueError, TypeError):
        finite = False
    if finite:
        assert evaluate(text, EVIDENCE) == expected
    else:
        refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "arm_cr.value",
        "arm_cr[0]",
        "'text'",
        "True",
        "None",
        "1j",
        "+1",
        "7 // 2",
        "7 % 2",
        "1 if arm_cr else 0",
        "arm_cr < 1",
        "[1, 2]",
        "lambda: 1",
        "(x := 1)",
        "abs(1)",
        "round(arm_cr)",
        "events(1)",
        "events(arm_cr, other_cr)",
        "events(arm_cr + other_cr)",
        "events()",
        "exp(1, 2)",
        "exp(x=1)",
        "min(1)",
        "max(*arm_cr, 1)",
        "exp(exp)(1)",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    """What is not in the grammar is refused by name of the formula, and the message says what is allowed."""
    error = refused(text)
    assert all(problem.key == text for problem in error.problems)
    assert "cannot have this in its formula" in str(error)
    assert "events(id)" in str(error)
    with pytest.raises(InputError):
        names(text)


@pytest.mark.parametrize("text", ["", "1 +", "(1", "a b", "1; 2", "x = 1", "1\x00", "(" * 500 + "1" + ")" * 500])
def test_not_a_formula(text: str) -> None:
    """Text that is no expression is refused, and the message says what is allowed."""
    (problem,) = refused(text).problems
    assert "must be a formula" in problem.message
    assert problem.allowed is not None


def test_all_refused_parts_come_at_once() -> None:
    """Every part that cannot stand in a formula is reported in one error."""
    assert [problem.found for problem in refused("abs(1) + arm_cr * 'x'").problems] == ["abs(1)", "'x'"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("1 + 2 / zero", "2 / zero"),
        ("1 / (arm_cr - arm_cr)", "1 / (arm_cr - arm_cr)"),
        ("0 ** -1", "0 ** (-1)"),
        ("log(zero)", "log(zero)"),
        ("sqrt(-1)", "sqrt(-1)"),
        ("(-8) ** (1 / 3)", "(-8) ** (1 / 3)"),
        ("exp(1000)", "exp(1000)"),
        ("9 ** 9 ** 9", "9 ** 9 ** 9"),
        ("1 / (1e308 * 10)", "1e+308 * 10"),
    ],
)
def test_no_finite_number(text: str, part: str) -> None:
    """Division by zero and whatever else leaves no finite real number is refused, and the part is named."""
    (problem,) = refused(text).problems
    assert (problem.key, problem.found) == (text, part)


def test_very_long_formula() -> None:
    """A formula nested too deeply to follow is refused like any other wrong input, never with a crash."""
    come_to = {}
    for terms in range(50, 1500, 50):
        with suppress(InputError):
            come_to[terms] = evaluate("1" + " + 1" * terms, EVIDENCE)
    assert come_to[50] == 51
    assert all(value == terms + 1 for terms, value in come_to.items())
    assert 1450 not in come_to


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("events(other_cr)", "must report events (allowed: value), got other_cr"),
        ("total(range_only)", "must report total (allowed: lo, hi), got range_only"),
        ("2 * range_only", "must report value (allowed: lo, hi), got range_only"),
        ("hi(zero)", "must report hi (allowed: value, events, total), got zero"),
    ],
)
def test_number_that_a_row_does_not_report(text: str, message: str) -> None:
    """A number that the row does not report is refused, with the row's place and what it does report."""
    assert str(refused(text)) == f"x.csv:7: {text} {message}"


def test_unknown_ids_come_at_once() -> None:
    """Every unknown id is reported, with the id that may have been meant."""
    error = refused("arm_crr + events(nothing_like_it) + arm_cr")
    text = "arm_crr + events(nothing_like_it) + arm_cr"
    assert [str(problem) for problem in error.problems] == [
        f"{text} must name evidence rows, got arm_crr; did you mean 'arm_cr'?",
        f"{text} must name evidence rows, got nothing_like_it",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 - events(b_cr) / total(b_cr) * a_cr ** c_cr", ["b_cr", "a_cr", "c_cr"]),
        ("(z + y) * (x + z)", ["z", "y", "x"]),
        ("max(lo(b), exp(a), 3)", ["b", "a"]),
        ("1 + 2", []),
        ("exp(log)", ["log"]),
    ],
)
def test_names_in_order(text: str, expected: list[str]) -> None:
    """The ids of a formula come once each, in order of appearance, without the functions."""
    assert names(text) == expected
