"""The rows of a history by columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rallsim.outcomes.history import History

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Timeline:
    """A history by columns, one entry a row."""

    history: History
    time: Floats
    patient: Ints
    event: Ints
    stage: Ints
    line: Ints
    therapy: Ints  # that the row itself names, -1 for none
    detail: Ints

    @classmethod
    def of(cls, history: History) -> Timeline:
        """Take the columns of a history."""
        events = history.events
        names = ("patient", "event", "stage", "line", "therapy", "detail")
        return cls(history, events["time"].astype(np.float64), *(events[name].astype(np.intp) for name in names))

    @cached_property
    def end(self) -> Ints:
        """Row that is the last of the row's patient."""
        is_first = np.ones(len(self.time), dtype=bool)
        is_first[1:] = self.patient[1:] != self.patient[:-1]
        last = np.append(is_first[1:], True)
        found: Ints = np.flatnonzero(last)[np.cumsum(is_first) - 1]
        return found
