"""What one patient meets, and the arrays that the pathway reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rallsim.model.event_rows import EventRow
    from rallsim.model.parameter_fields import ModelParameters, TherapyParameters
    from rallsim.model.patient import Patient
    from rallsim.model.rules import ConditionRow, RuleRow

Floats = NDArray[np.float64]


class World(NamedTuple):
    """The patient's own uniforms, one draw of the parameters, the strategy's rules, and the history so far."""

    attributes: Floats  # the patient's record as a row of numbers, for the rules: attributes first, then courses given
    uniforms: Floats
    model: ModelParameters
    therapies: Sequence[TherapyParameters]
    rules: Sequence[RuleRow]
    conditions: Sequence[ConditionRow]
    life_table: Floats
    events: Sequence[EventRow]
    cursor: NDArray[np.int64]  # how many rows have been written


class BlockArrays(NamedTuple):
    """A block of patients under one draw of the parameters and one strategy; `models` has one record."""

    patients: Sequence[Patient]
    attributes: Floats
    uniforms: Floats
    models: Sequence[ModelParameters]
    therapies: Sequence[TherapyParameters]
    rules: Sequence[RuleRow]
    conditions: Sequence[ConditionRow]
    life_tables: Floats
    events: Sequence[EventRow]
    cursor: NDArray[np.int64]
