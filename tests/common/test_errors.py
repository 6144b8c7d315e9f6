"""How faults are said."""

from __future__ import annotations

import pickle

import pytest

from rallsim.errors import InputError, ModelError, Problem, RallsimError, nearest


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (Problem("is missing"), "is missing"),
        (Problem("is missing", file="a.yaml"), "a.yaml: is missing"),
        (Problem("is missing", file="a.yaml", line=3, key="seed"), "a.yaml:3: seed is missing"),
        (Problem("is wrong", key="seed", found="x"), "seed is wrong, got x"),
        (
            Problem("is wrong", found="0", allowed="1 to 6", hint="1"),
            "is wrong (allowed: 1 to 6), got 0; did you mean '1'?",
        ),
        (Problem("is wrong", found=""), "is wrong, got "),
    ],
)
def test_a_problem_says_what_it_knows_and_no_more(problem: Problem, said: str) -> None:
    """Place, key, message, what was found, what is allowed, what may have been meant: each only when known."""
    assert str(problem) == said


def test_wrong_input_says_every_problem_on_a_line_of_its_own() -> None:
    """One problem or many, the error holds and says all of them."""
    first, second = Problem("is missing", key="a"), Problem("is wrong", key="b")

    assert InputError(first).problems == (first,)
    assert InputError(iter([first, second])).problems == (first, second)
    assert str(InputError([first, second])) == "a is missing\nb is wrong"


def test_a_broken_rule_names_patient_and_seed() -> None:
    """Patient and seed reproduce what went wrong; without a patient neither is named."""
    assert str(ModelError("time goes back", patient=0, seed=7)) == "time goes back (patient 0, seed 7)"
    assert str(ModelError("time goes back")) == "time goes back"


def test_errors_are_a_family_that_survives_another_process() -> None:
    """Whoever catches RallsimError catches all; problems are not lost between processes."""
    error = InputError([Problem("is missing", key="a")])

    assert isinstance(error, RallsimError)
    assert isinstance(ModelError("broken"), RallsimError)
    assert pickle.loads(pickle.dumps(error.problems)) == error.problems


@pytest.mark.parametrize(
    ("word", "allowed", "expected"),
    [("patinets", ["seed", "patients"], "patients"), ("zzz", ["seed", "patients"], None), ("seed", [], None)],
)
def test_the_nearest_word_is_near(word: str, allowed: list[str], expected: str | None) -> None:
    """A typo finds its word; something else finds nothing rather than anything."""
    assert nearest(word, allowed) == expected
