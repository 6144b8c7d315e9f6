"""The compiled loop of sweeps: patients live under every draw, are valued, and leave nothing but sums."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rallsim.common.compiled import compiled, compiled_entry
from rallsim.common.records import readable, words
from rallsim.evaluation.values import SUMS, Tables, add_values, new_room
from rallsim.model.event_rows import EVENT_ROW
from rallsim.model.patient import attribute_matrix, new_patients
from rallsim.model.random_numbers import BLOCK
from rallsim.model.states import EVENTS
from rallsim.model.world import BlockArrays
from rallsim.outcomes.outcome import MEASURES, OUTCOME, outcome_matrix, outcome_of
from rallsim.simulation.batch import copy_words, simulate_patient
from rallsim.simulation.blocks import MAX_EVENTS, refuse_overflow
from rallsim.simulation.engine_inputs import Prepared

COMPILED = "run_valued"
OUTCOME_NUMBERS, EVENTS_AT = len(MEASURES), len(MEASURES)
VALUES_AT = EVENTS_AT + len(EVENTS)  # where sums of outcomes and numbers of events end and values begin


class Sums(NamedTuple):
    """What patients add up to: how many there are, sums of measures, and which therapies any of them was given."""

    counts: np.ndarray
    sums: np.ndarray
    given: np.ndarray


def empty_sums(draws: int, batches: int, therapies: int, valued: bool) -> Sums:
    """Return sums of nobody: numbers of patients (draws × batches), sums (these × measures), and therapies given.

    Measures are outcome.MEASURES, events, and of what is `valued` economics.sums.SUMS. None given stands first among
    the therapies.
    """
    sizes = VALUES_AT + (len(SUMS) if valued else 0)
    counts, sums = np.zeros((draws, batches), np.int64), np.zeros((draws, batches, sizes))
    return Sums(counts, sums, np.zeros(therapies + 1, np.int64))


def add_patients(
    entrants: np.ndarray, luck: np.ndarray, prepared: Prepared, tables: Tables | None, found: Sums
) -> None:
    """Run patients, one a row of `luck`, under every draw, and add them to what was found, by batch of their number.

    `entrants` are draws × patients, or 1 × patients where all draws have the same; `prepared` and `tables` hold one
    record or all draws.
    """
    patients, outcomes = new_patients(1), np.zeros(1, OUTCOME)
    static = (prepared.rules, prepared.conditions, prepared.life_tables)
    rows = (np.empty(MAX_EVENTS * BLOCK, EVENT_ROW), np.zeros(1, np.int64))
    block = BlockArrays(
        *readable(patients, attribute_matrix(patients), luck, prepared.models, prepared.therapies, *static, *rows)
    )
    at_entry = words(entrants.reshape(-1)).reshape(*entrants.shape, -1)
    whom = (block, words(patients), at_entry, *readable(outcomes), outcome_matrix(outcomes))
    if tables is None:
        run_unvalued(*whom, *found)
    else:
        room = new_room()
        run_valued(*whom, tables, room, *found)
        refuse_overflow(int(room.cursor[0]), len(room.periods), "charges and times of one patient")


@compiled
def live_once(place: int, draw: int, block: Any, record: Any, at_entry: Any) -> int:
    """Let the patient at a place live under a draw; rows stand from 0 to the cursor. Returns the patient's number.

    `record` are the words of the only patient of `block`, `at_entry` those of all patients as they enter.
    """
    copy_words(at_entry[draw if len(at_entry) > 1 else 0, place], record)
    simulate_patient(place, draw, block)
    return int(block.patients[0].number)


@compiled
def add_outcomes(block: Any, outcomes: Any, matrix: Any, sums: Any, given: Any) -> None:
    """Add outcomes and events of the patient who has just lived; `outcomes` and `matrix` are room for one outcome."""
    matrix[0, :] = 0.0
    outcome_of(block.events, 0, block.cursor[0], outcomes[0])
    for measure in range(OUTCOME_NUMBERS):
        sums[measure] += matrix[0, measure]
    for index in range(block.cursor[0]):
        row = block.events[index]
        sums[EVENTS_AT + row.event] += 1.0
        given[row.therapy + 1] = 1


@compiled_entry
def run_valued(
    block: Any,
    record: Any,
    at_entry: Any,
    outcomes: Any,
    matrix: Any,
    tables: Any,
    room: Any,
    patients: Any,
    sums: Any,
    given: Any,
) -> None:
    """Let patients live and be valued once under every draw, one after the other in the same record and rows.

    Draws take turns within a patient: the patient's luck then stays in the processor's cache, a quarter of the time.
    """
    most_periods = 0
    for place in range(len(block.uniforms)):
        for draw in range(len(sums)):
            batch = live_once(place, draw, block, record, at_entry) % sums.shape[1]
            patients[draw, batch] += 1
            add_outcomes(block, outcomes, matrix, sums[draw, batch], given)
            one = block.patients[0]
            add_values(
                block.events,
                0,
                block.cursor[0],
                one.entry_age,
                one.male,
                tables,
                draw if len(tables.months) > 1 else 0,
                room,
                sums[draw, batch, VALUES_AT:],
            )
            most_periods = max(most_periods, room.cursor[0])
    room.cursor[0] = most_periods


@compiled_entry
def run_unvalued(
    block: Any, record: Any, at_entry: Any, outcomes: Any, matrix: Any, patients: Any, sums: Any, given: Any
) -> None:
    """Let patients live once under every draw, as in `run_valued`, for their outcomes alone."""
    for place in range(len(block.uniforms)):
        for draw in range(len(sums)):
            batch = live_once(place, draw, block, record, at_entry) % sums.shape[1]
            patients[draw, batch] += 1
            add_outcomes(block, outcomes, matrix, sums[draw, batch], given)
