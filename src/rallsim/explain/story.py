"""One patient under every strategy of a scenario: the courses, where they diverge, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rallsim.errors import InputError, Problem, nearest
from rallsim.explain.baseline import attributes_at_entry, baseline_summary, origin
from rallsim.explain.courses import Course, common_rows
from rallsim.explain.divergences import Comparison, Divergence
from rallsim.explain.lines import EventWriter, Line
from rallsim.explain.reasons import Draw, RuleChoice
from rallsim.explain.words import in_sentence, listed
from rallsim.inputs.parameters import ParameterSet, load_parameters
from rallsim.inputs.scenario import Scenario
from rallsim.model.random_numbers import BLOCK
from rallsim.model.states import DETAILS, EVENTS, STAGES, Stage
from rallsim.simulation.engine_inputs import check_scenario, cohort_of, parameters_for, prepare
from rallsim.simulation.entrants import entrants_of_block


@dataclass(frozen=True)
class Story:
    """A patient's story; `courses` are by strategy, `entrant` is the record at entry."""

    scenario: Scenario
    parameters: ParameterSet
    patient: int
    entrant: np.ndarray
    courses: dict[str, Course]

    @cached_property
    def writer(self) -> EventWriter:
        """What puts the patient's history into words."""
        return EventWriter(self.parameters.therapies, float(self.entrant["entry_age"]), self.scenario.horizon_months)

    @cached_property
    def baseline_summary(self) -> str:
        """Who the patient is at entry, in a few sentences."""
        front_line = self.parameters.therapies[self.parameters.front_lines[self.scenario.population_id]].label
        first = next(iter(self.courses.values())).events
        in_remission = bool(first["stage"][0] != Stage.RELAPSED)
        summary = baseline_summary(self.entrant, in_remission=in_remission, front_line=in_sentence(front_line))
        cohort = cohort_of(self.scenario, self.parameters)
        if cohort is None:
            return summary
        given = [
            in_sentence(one.label)
            for place, one in enumerate(self.parameters.therapies.values())
            if self.entrant[f"given_{place}"] > 0.0
        ]
        before = f" Given before: {listed(given)}." if given else ""
        return f"{summary}{before} {origin(cohort, self.patient)}"

    @cached_property
    def groups(self) -> list[list[Course]]:
        """The courses, those with the same history together."""
        groups: list[list[Course]] = []
        for course in self.courses.values():
            for group in groups:
                if np.array_equal(group[0].events, course.events):
                    group.append(course)
                    break
            else:
                groups.append([course])
        return groups

    @property
    def common(self) -> int:
        """How many rows all histories share."""
        return common_rows([group[0] for group in self.groups])

    def lines(self, course: Course) -> tuple[list[Line], list[Line]]:
        """Return a course in lines: what is common to all courses, and what follows."""
        first = self.common
        remarks = {choice.event: choice.because for choice in course.choices if choice.because}
        lines = self.writer.lines
        return lines(course.events, remarks, 0, first), lines(course.events, remarks, first)

    def divergences(self) -> list[Divergence]:
        """Return where courses diverge, in order of time, and why."""
        return self._comparison.divergences()

    def deciding_draws(self) -> list[str]:
        """Return a sentence for each draw that came out differently under different strategies."""
        return self._comparison.deciding_draws()

    @property
    def _comparison(self) -> Comparison:
        return Comparison(self.groups, self.writer, self.parameters.therapies)

    def as_data(self) -> dict[str, Any]:
        """Return all of it as plain data, for JSON."""
        return {
            "scenario": self.scenario.id,
            "seed": self.scenario.seed,
            "patient": self.patient,
            "portrait": {"text": self.baseline_summary, **attributes_at_entry(self.entrant)},
            "strategies": {name: self._course_as_data(course) for name, course in self.courses.items()},
            "partings": [
                {"month": one.month, "branches": [asdict(branch) for branch in one.branches], "luck": one.draws}
                for one in self.divergences()
            ],
            "luck": self.deciding_draws(),
        }

    def _course_as_data(self, course: Course) -> dict[str, Any]:
        reasons: dict[int, list[dict[str, Any]]] = {}
        for choice in course.choices:
            reasons.setdefault(choice.event, []).append(_as_reason(choice))
        for draw in course.draws:
            reasons.setdefault(draw.event, []).append({**_as_reason(draw), "happened": draw.happened})
        therapies = list(self.parameters.therapies)
        events = [
            {
                "time": float(row["time"]),
                "age": self.writer.age(float(row["time"])),
                "event": EVENTS[row["event"]],
                "stage": STAGES[row["stage"]],
                "line": int(row["line"]),
                "therapy": therapies[row["therapy"]] if row["therapy"] >= 0 else None,
                "detail": DETAILS[row["detail"]] or None,
                "words": self.writer.event(course.events, place),
                "reasons": reasons.get(place, []),
            }
            for place, row in enumerate(course.events)
        ]
        return {"label": course.label, "events": events}


def explain(
    scenario: Scenario,
    patient: int,
    parameters: ParameterSet | None = None,
    *,
    strategies: Sequence[str] = (),
    replicate: int = 0,
) -> Story:
    """Tell the story of one patient, numbered from 0 as in the history, under some strategies or all.

    Only that patient is simulated, whatever the size of the cohort. Raises InputError when there is no such patient or
    strategy.

    >>> from rallsim.inputs.scenario import load_scenario
    >>> story = explain(load_scenario("first_salvage"), patient=3)
    >>> list(story.courses)
    ['chemotherapy', 'blinatumomab', 'inotuzumab']
    """
    parameters = parameters_for(scenario, parameters or load_parameters())
    check_scenario(scenario, parameters)
    if not 0 <= patient < scenario.patients:
        allowed = f"0 to {scenario.patients - 1:,}"
        raise InputError(Problem("must be the number of a patient", key="patient", found=f"{patient}", allowed=allowed))
    known = list(scenario.strategies)
    unknown = [name for name in strategies if name not in known]
    if unknown:
        allowed = ", ".join(known)
        raise InputError(
            Problem("must be a known strategy", found=name, allowed=allowed, hint=nearest(name, known))
            for name in unknown
        )
    base = parameters.values(scenario.population_id)
    prepared = {
        name: prepare(scenario, scenario.strategies[name], parameters, base)
        for name in dict.fromkeys(strategies or known)
    }
    block, place = divmod(patient, BLOCK)
    size = min(BLOCK, scenario.patients - block * BLOCK)
    entrants, uniforms = entrants_of_block(scenario.seed, next(iter(prepared.values())), (block, size), replicate)
    own = slice(place, place + 1)
    courses = {
        name: Course.of(entrants[own], uniforms[own], one, parameters, scenario.strategies[name].label)
        for name, one in prepared.items()
    }
    return Story(scenario, parameters, patient, entrants[place], courses)


def _as_reason(reason: RuleChoice | Draw) -> dict[str, Any]:
    kind = "rule" if isinstance(reason, RuleChoice) else "draw"
    return {"kind": kind, **{key: value for key, value in asdict(reason).items() if key not in ("event", "alone")}}
