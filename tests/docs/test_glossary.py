"""Every word that files and tables show people has an entry in the glossary."""

from __future__ import annotations

import re
from pathlib import Path

from rallsim.inputs.scenario import load_scenario
from rallsim.model.parameter_fields import KIND_FIELDS
from rallsim.model.states import DETAILS, EVENTS, STAGES
from rallsim.output.folder import summarise
from rallsim.simulation.simulate import simulate

PAGE = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text(encoding="utf-8")
ENTRIES = re.findall(r"^- \*\*(.+?)\*\*(?: \((.*?)\))?: [A-Z].*[.)]$", PAGE, re.MULTILINE)
WORDS = {word for _, words in ENTRIES for word in re.findall(r"`(\w+)`", words)}


def test_every_line_is_an_entry_in_alphabetical_order() -> None:
    """Each line of the list is a term, its words in files, and a sentence; terms stand once, in order."""
    terms = [term.casefold() for term, _ in ENTRIES]
    assert len(terms) > 100
    assert PAGE.count("\n- ") == len(terms)
    assert terms == sorted(set(terms))


def test_every_word_of_a_history_has_its_entry() -> None:
    """Every stage, event, detail and kind of therapy is explained."""
    words = {*STAGES, *EVENTS, *DETAILS, *KIND_FIELDS} - {""}
    assert len(words) > 60
    assert sorted(words - WORDS) == []


def test_every_outcome_has_its_entry() -> None:
    """Every outcome of summary.csv is explained; N stands for its months."""
    table = summarise(simulate(load_scenario("first_salvage", patients=20))).summary
    outcomes = {re.sub(r"_\d+_", "_N_", outcome) for outcome in table["outcome"]}
    assert len(outcomes) > 20
    assert sorted(outcomes - WORDS) == []


def test_no_entry_explains_a_word_that_is_gone() -> None:
    """Words in code that no history and no table has any more leave the glossary."""
    table = summarise(simulate(load_scenario("first_salvage", patients=20))).summary
    outcomes = {re.sub(r"_\d+_", "_N_", outcome) for outcome in table["outcome"]}
    known = {*STAGES, *EVENTS, *DETAILS, *KIND_FIELDS, *outcomes, "lys", "qalys"}
    assert sorted(WORDS - known) == []
