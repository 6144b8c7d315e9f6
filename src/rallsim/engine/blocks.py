"""What both engines share: a block of patients at entry, room for its events, and their order at the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rallsim.compiled import is_compiling
from rallsim.history import EVENT_ROW
from rallsim.luck import BLOCK, MAX_COURSES
from rallsim.patient import attribute_matrix
from rallsim.population import sample_patients
from rallsim.prepared import Prepared

# A course: start, leukapheresis, bridging (2), infusion, CRS, ICANS, SOS (2), response, transplant, long term, relapse.
EVENTS_OF_A_COURSE = 13
MAX_EVENTS = 1 + EVENTS_OF_A_COURSE * MAX_COURSES + 2  # the entry before, palliative care and death after


@dataclass
class Block:
    """The patients of a block, their luck, and the events written so far."""

    number: int
    size: int
    patients: np.ndarray
    luck: np.ndarray
    events: np.ndarray
    cursor: np.ndarray

    def arguments(self, prepared: Prepared) -> tuple[np.ndarray, ...]:
        """The arrays of `pathway.advance`, as it wants them with and without the compiler."""
        arrays = (self.patients, attribute_matrix(self.patients), self.luck, *prepared.tables, self.events, self.cursor)
        if is_compiling():
            return arrays
        return tuple(array.view(np.recarray) if array.dtype.names else array for array in arrays)

    def history(self) -> np.ndarray:
        """Rows of the block by patient, each patient's in order of time; what came first stays first."""
        rows = self.events[: self.cursor[0]]
        return rows[np.lexsort((rows["time"], rows["patient"]))]


def blocks_of(patients: int) -> list[tuple[int, int]]:
    """Number and size of the blocks that a cohort of `patients` is made of.

    >>> blocks_of(2500)
    [(0, 1000), (1, 1000), (2, 500)]
    """
    return [(number, min(BLOCK, patients - start)) for number, start in enumerate(range(0, patients, BLOCK))]


def new_block(number: int, size: int, luck: np.ndarray, prepared: Prepared) -> Block:
    """Return the first `size` patients of a block at entry."""
    luck = luck[:size]
    patients = sample_patients(luck, prepared.values)
    patients["number"] = number * BLOCK + np.arange(size)
    return Block(
        number=number,
        size=size,
        patients=patients,
        luck=luck,
        events=np.zeros(size * MAX_EVENTS, EVENT_ROW),
        cursor=np.zeros(1, np.int64),
    )
