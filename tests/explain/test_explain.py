"""A patient's story: its events are those of the simulation, and each reason agrees with what happened."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from helpers_cli import Rallsim
from helpers_model import parameters
from rallsim.errors import InputError
from rallsim.explain import words
from rallsim.explain.reasons import Draw
from rallsim.explain.replay import Replay
from rallsim.explain.show import print_story
from rallsim.explain.story import Story, explain
from rallsim.inputs.scenario import load_scenario, shipped_scenarios
from rallsim.model.competing_risks import World
from rallsim.model.conditions import ATTRIBUTES
from rallsim.model.risk_equations import remission_probability
from rallsim.model.states import DETAILS, EVENTS, STAGES, Detail, Event, Stage
from rallsim.simulation.blocks import Block
from rallsim.simulation.engine_inputs import prepare
from rallsim.simulation.entrants import entrants_of_block
from rallsim.simulation.simulate import simulate

SCENARIOS = [name for name, _ in shipped_scenarios()]
PATIENTS = 50
TOLD = range(0, PATIENTS, 5)


@cache
def story(scenario: str, patient: int) -> Story:
    return explain(load_scenario(scenario, patients=PATIENTS), patient, parameters())


def stories() -> Iterator[Story]:
    for scenario in SCENARIOS:
        for patient in TOLD:
            yield story(scenario, patient)


def printed(one: Story, width: int) -> str:
    console = Console(width=width, file=io.StringIO())
    print_story(one, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_events_are_those_of_the_simulation(name: str) -> None:
    """Led one by one, fifty patients have the histories that `simulate` writes, to the last bit."""
    scenario = load_scenario(name, patients=PATIENTS)
    histories = simulate(scenario, parameters()).histories
    for strategy, history in histories.items():
        tables = prepare(
            scenario, scenario.strategies[strategy], parameters(), parameters().values(scenario.population_id)
        )
        entrants, luck = entrants_of_block(scenario.seed, tables, (0, PATIENTS))
        for patient in range(PATIENTS):
            own = history.events[history.events["patient"] == patient]
            one = slice(patient, patient + 1)
            assert np.array_equal(Replay(entrants[one], luck[one], tables).events, own)
    for patient in TOLD:
        for strategy, course in story(name, patient).courses.items():
            events = histories[strategy].events
            assert np.array_equal(course.events, events[events["patient"] == patient])


def test_a_story_does_not_depend_on_the_size_of_the_cohort() -> None:
    """The same patient has the same story in fifty and in a million; telling it again gives the same words."""
    large = explain(load_scenario("first_salvage", patients=1_000_000), 17, parameters())
    assert large.as_data() == explain(load_scenario("first_salvage", patients=50), 17, parameters()).as_data()
    last = explain(load_scenario("first_salvage", patients=1_000_000), 999_999, parameters())
    assert last.courses["chemotherapy"].events["patient"][0] == 999_999


def test_what_is_common_ends_at_the_first_difference() -> None:
    """All histories share the rows told once, and differ in the next; no lines are lost between the two parts."""
    assert len(SCENARIOS) >= 3
    parted = 0
    for one in stories():
        courses = list(one.courses.values())
        at = one.common
        assert all((course.events[:at] == courses[0].events[:at]).all() for course in courses)
        if len(one.groups) > 1:
            parted += 1
            assert len({course.events[at].item() for course in courses}) > 1
            assert one.divergences()
        else:
            assert (at, one.divergences(), one.deciding_draws()) == (len(courses[0].events), [], [])
    assert parted > 10


def came(draw: Draw, row: Any) -> bool | None:
    """Whether what a draw is about happened, by the row of the history that it led to; None when a row cannot tell."""
    event, detail = row["event"], row["detail"]
    said = {
        "another line of treatment": event != Event.PALLIATIVE_CARE,
        "response to the bridging": event == Event.BRIDGING_RESPONSE,
        "remission": event == Event.RESPONSE,
        "early death of the treatment": event == Event.DEATH,
        "MRD-negative remission": detail == Detail.MRD_NEGATIVE,
        "relapse": event == Event.RELAPSE,
        "relapse after transplant": event == Event.RELAPSE,
        "a failed leukapheresis": event == Event.LEUKAPHERESIS_FAILURE,
        "a failed manufacture": event == Event.MANUFACTURE_FAILURE,
        "death of the transplant": (event, detail) == (Event.DEATH, Detail.TRANSPLANT),
        "sinusoidal obstruction syndrome": event == Event.SOS,
        "early loss of B-cell aplasia": event == Event.B_CELL_RECOVERY,
    }.get(draw.about)
    return None if said is None else bool(said)


def test_draws_agree_with_what_happened() -> None:
    """A draw is below its chance exactly when what it is about happened."""
    asked: dict[str, set[bool]] = {}
    for one in stories():
        for course in one.courses.values():
            for draw in course.draws:
                assert 0.0 <= draw.draw < 1.0
                assert 0.0 < draw.chance <= 1.0
                happened = came(draw, course.events[draw.event])
                if happened is not None:
                    assert happened == (draw.draw < draw.chance) == draw.happened, draw
                    asked.setdefault(draw.about, set()).add(happened)
    both = {about for about, ways in asked.items() if len(ways) > 1}
    assert {"remission", "MRD-negative remission", "relapse", "death of the transplant"} <= both


def test_choices_agree_with_what_was_given() -> None:
    """The therapy that a rule is said to choose is the one of the history; without one comes palliative care."""
    chosen = 0
    for one in stories():
        ids = list(one.parameters.therapies)
        for course in one.courses.values():
            for choice in course.choices:
                row = course.events[choice.event]
                if choice.subject == "consolidation":
                    assert bool(choice.given) == (row["stage"] == Stage.AWAITING_HSCT), choice
                    assert choice.given or choice.rule or not choice.because
                if choice.subject == "mrd":
                    assert bool(choice.given) == (row["stage"] == Stage.MRD_THERAPY)
                if choice.subject == "salvage" and row["event"] == Event.TREATMENT_START:
                    assert ids[row["therapy"]] == choice.given
                    chosen += 1
                if choice.subject == "salvage" and row["event"] == Event.PALLIATIVE_CARE:
                    assert choice.given in ("", "supportive_care")
                    assert choice.why
    assert chosen > 100


def test_the_chance_of_remission_is_the_models() -> None:
    """What asking the pathway again finds is what `remission_probability` gives for the patient as treated."""
    scenario = load_scenario("first_salvage", patients=PATIENTS)
    compared = 0
    for name, strategy in scenario.strategies.items():
        tables = prepare(scenario, strategy, parameters(), parameters().values(scenario.population_id))
        entrants, luck = entrants_of_block(scenario.seed, tables, (0, PATIENTS))
        for patient in TOLD:
            one = slice(patient, patient + 1)
            replay = Replay(entrants[one], luck[one], tables)
            draws = {(d.course, d.about): d for d in story("first_salvage", patient).courses[name].draws}
            for visit in replay.visits:
                found = draws.get((visit.course, "remission"))
                if visit.stage != Stage.SALVAGE or found is None:
                    continue
                a = Block.of(visit.within, luck[one]).arrays(tables, 0)
                tail = (a.therapies, a.rules, a.conditions, a.life_tables[0], a.events, a.cursor)
                world = World(a.attributes[0], a.uniforms[0], a.models[0], *tail)
                therapy = a.therapies[int(visit.within["therapy"][0])]
                expected = remission_probability(a.patients[0], world, therapy)
                assert found.chance == pytest.approx(expected, abs=1e-6)
                compared += 1
    assert compared > 20


def test_the_portrait_states_the_record() -> None:
    """Age, sex, remission, burden, antigens, transplant, donor and liver are those of the record at entry."""
    seen = set()
    for one in stories():
        text, who = one.baseline_summary, one.entrant
        assert f"Patient {one.patient}, {'a man' if who['male'] else 'a woman'} of {int(who['entry_age'])}" in text
        assert ("not fit for a transplant" in text) == (not who["hsct_fit"])
        assert ("No liver disease" in text) == (not who["liver_disease"])
        assert ("without a donor" in text) == (not who["donor"])
        assert ("Transplanted before" in text) == bool(who["prior_hsct"])
        assert ("CD19-negative" in text or "CD22-negative" in text) == (
            not (who["cd19_positive"] and who["cd22_positive"])
        )
        if "in first relapse" in text:
            assert f"{100 * who['blasts']:.0f} % blasts" in text
            seen.add("relapse")
        if "measurable residual disease" in text:
            assert "blasts" not in text
            seen.add("mrd")
    assert "relapse" in seen


def test_a_rule_passed_over_says_why() -> None:
    """Who is not eligible for the first therapy of a strategy is told what stands against it."""
    found = [
        choice.passed_over[0]
        for patient in range(PATIENTS)
        for choice in story("first_salvage", patient).courses["inotuzumab"].choices
        if choice.subject == "salvage" and choice.given == "blinatumomab" and choice.rule == 2
    ]
    assert any("inotuzumab, does not apply: not eligible (CD22-negative)" in one for one in found)
    assert any("inotuzumab, does not apply: not eligible (liver disease)" in one for one in found)


def test_everything_has_words() -> None:
    """There are words for all events, details, stages and attributes, and none is there for nothing."""
    assert set(words.EVENTS) == set(EVENTS)
    assert set(words.DETAILS) == set(DETAILS)
    assert set(words.STATES) == set(STAGES)
    assert {stage for _, stage in (*words.AS_IN_STAGE, *words.LEADS_TO)} <= set(STAGES)
    assert {event for event, _ in (*words.AS_IN_STAGE, *words.LEADS_TO)} <= set(EVENTS)
    assert [name for name in ATTRIBUTES if not words.has_words_for(name)] == []


def test_no_ids_and_no_gaps_in_what_is_read() -> None:
    """No printed story shows a snake_case id, an empty place or an unfilled brace."""
    for one in stories():
        text = printed(one, 2000)
        assert re.findall(r"\b[a-z0-9]+_[a-z0-9_]+", text) == []
        assert re.findall(r"[{}]|: *$|\(\)| ,|;;", text, re.MULTILINE) == [], text
        assert "None" not in text
        assert "nan" not in text


def test_every_story_ends() -> None:
    """The last line of every course says that the patient died, of what and how old, or lives at the horizon."""
    for one in stories():
        for course in one.courses.values():
            common, own = one.lines(course)
            assert re.fullmatch(r"(Died of .*|Alive at 10 years, .*), aged \d+", (common + own)[-1].text)


def test_courses_stand_side_by_side_where_there_is_room() -> None:
    """Wide: one table with all courses; narrow: one after the other, and no line longer than the terminal."""
    one = next(s for s in stories() if s.scenario.id == "first_salvage" and len(s.groups) == 3)
    labels = [course.label for course in one.courses.values()]
    wide, narrow = printed(one, 160), printed(one, 60)
    assert any(all(label in line for label in labels) for line in wide.splitlines())
    assert not any(sum(label in line for label in labels) > 1 for line in narrow.split("Where")[0].splitlines())
    assert max(map(len, narrow.splitlines())) <= 60
    assert len(narrow.splitlines()) > len(wide.splitlines())


def test_strategies_with_the_same_history_share_a_column() -> None:
    """Histories that are the same are told once, under all their names."""
    shared = [one for one in stories() if 1 < len(one.groups) < len(one.courses)]
    assert shared
    for one in shared:
        assert sum(len(group) for group in one.groups) == len(one.courses)


def test_wrong_patients_and_strategies_are_refused() -> None:
    """A number out of the cohort and an unknown strategy are told with what is allowed."""
    scenario = load_scenario("first_salvage", patients=PATIENTS)
    for patient in (-1, PATIENTS):
        with pytest.raises(InputError, match=r"must be the number of a patient .*allowed: 0 to 49"):
            explain(scenario, patient, parameters())
    with pytest.raises(InputError, match="did you mean 'inotuzumab'"):
        explain(scenario, 0, parameters(), strategies=["inotuzumabb"])


def test_the_command_tells_the_story(rallsim: Rallsim) -> None:
    """`rallsim explain` prints the story, or the same as one JSON document; wrong numbers end with exit code 2."""
    told = rallsim("explain", "first_salvage", "--patient", "17")
    assert (told.code, told.err) == (0, "")
    assert "Patient 17, " in told.out
    told = rallsim("explain", "first_salvage", "--patient", "17", "--strategy", "inotuzumab", "--json")
    assert told.code == 0
    document = json.loads(told.out)
    assert list(document["strategies"]) == ["inotuzumab"]
    events = document["strategies"]["inotuzumab"]["events"]
    assert events[0]["event"] == "entry"
    assert {"time", "age", "event", "stage", "line", "therapy", "detail", "words", "reasons"} == set(events[0])
    assert any(event["reasons"] for event in events)
    assert "seed 2" in rallsim("explain", "first_salvage", "--patient", "17", "--seed", "2").out
    refused = rallsim("explain", "first_salvage", "--patient", "10000")
    assert refused.code == 2
    assert "must be the number of a patient (allowed: 0 to 9,999), got 10000" in refused.err
