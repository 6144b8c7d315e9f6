"""What both engines share: a block of patients at entry, and room for its events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rallsim.common.records import copied, readable
from rallsim.errors import ModelError
from rallsim.model.event_rows import EVENT_ROW
from rallsim.model.patient import attribute_matrix
from rallsim.model.world import BlockArrays
from rallsim.simulation.engine_inputs import Prepared

MAX_EVENTS = 400  # of a patient on average over a block; far more than toxicity at its highest rates makes


@dataclass
class Block:
    """The patients of a block, their uniforms, and the events written so far."""

    patients: np.ndarray
    uniforms: np.ndarray
    events: np.ndarray
    cursor: np.ndarray

    @classmethod
    def of(cls, entrants: np.ndarray, uniforms: np.ndarray) -> Block:
        """Take a copy of patients at entry, who are the same under every strategy, with room for their events."""
        events = np.empty(len(entrants) * MAX_EVENTS, EVENT_ROW)
        return cls(copied(entrants), uniforms, events, np.zeros(1, np.int64))

    def arrays(self, prepared: Prepared, draw: int) -> BlockArrays:
        """What the pathway reads and writes."""
        patients = (self.patients, attribute_matrix(self.patients), self.uniforms)
        return BlockArrays(*readable(*patients, *prepared.tables(draw), self.events, self.cursor))

    @property
    def written(self) -> np.ndarray:
        """The events written so far; raises ModelError when there was no room for all of them."""
        refuse_overflow(int(self.cursor[0]), len(self.events))
        return self.events[: self.cursor[0]]


def refuse_overflow(written: int, room: int, what: str = "events") -> None:
    """Raise ModelError when more was written than there was room for."""
    if written > room:
        raise ModelError(f"more {what} than there is room for: {written}, room for {room}")
