"""What one strategy made of a patient: the history, and what decided it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rallsim.explain.reasons import Draw, Reasons, RuleChoice
from rallsim.explain.replay import Replay
from rallsim.inputs.parameters import ParameterSet
from rallsim.simulation.engine_inputs import Prepared


@dataclass(frozen=True)
class Course:
    """What one strategy made of the patient: the rows of the history, and what decided them."""

    strategy: str
    label: str
    events: np.ndarray
    choices: tuple[RuleChoice, ...]
    draws: tuple[Draw, ...]

    def standing(self, row: int) -> dict[str, RuleChoice]:
        """Return what the rules had chosen by the time a row was written, for the line then given."""
        standing: dict[str, RuleChoice] = {}
        for choice in self.choices:
            if choice.event <= row:
                if choice.subject == "salvage":
                    standing = {}
                standing[choice.subject] = choice
        return standing

    @classmethod
    def of(
        cls, entrant: np.ndarray, uniforms: np.ndarray, prepared: Prepared, parameters: ParameterSet, label: str
    ) -> Course:
        """Lead a patient (one record, one row of uniforms) through the pathway under a strategy."""
        replay = Replay(entrant, uniforms, prepared)
        labels = {name: therapy.label for name, therapy in parameters.therapies.items()}
        reasons = Reasons(replay, list(parameters.therapies), labels)
        return cls(
            strategy=prepared.strategy,
            label=label,
            events=replay.events,
            choices=tuple(choice for visit in replay.visits for choice in reasons.choices(visit)),
            draws=tuple(draw for visit in replay.visits for draw in reasons.draws(visit)),
        )


def common_rows(courses: Sequence[Course]) -> int:
    """Return how many rows all histories share from the first on."""
    shortest = min(len(course.events) for course in courses)
    for row in range(shortest):
        if any(course.events[row] != courses[0].events[row] for course in courses[1:]):
            return row
    return shortest
