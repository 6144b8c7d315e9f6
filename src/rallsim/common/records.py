"""Arrays of records: how compiled functions and plain Python both read them, and how to copy them fast.

numpy copies records field by field, some thirty times slower than the words they are made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rallsim.common.compiled import is_compiling


def readable(*arrays: np.ndarray) -> tuple[Any, ...]:
    """Give arrays as the pathway wants them: numba reads records as they are, plain Python needs them by attribute."""
    if is_compiling():
        return arrays
    return tuple(array.view(np.recarray) if array.dtype.names else array for array in arrays)


def words(records: np.ndarray) -> np.ndarray:
    """View records as rows of eight-byte words, which all our records are made of; writing to one writes to both."""
    return records.view(np.uint64).reshape(len(records), -1)


def copied(records: np.ndarray) -> np.ndarray:
    """Return a copy of records."""
    return words(records).copy().view(records.dtype).reshape(-1)


def taken(records: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return the records at these places, in this order."""
    found: np.ndarray = words(records)[order].view(records.dtype).reshape(-1)
    return found


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the records of all parts, one part after the other.

    >>> point = np.dtype([("x", "f8"), ("n", "i8")])
    >>> joined([np.array([(0.5, 1)], point), np.array([(1.5, 2)], point)]).tolist()
    [(0.5, 1), (1.5, 2)]
    """
    return np.concatenate([words(part) for part in parts]).view(parts[0].dtype).reshape(-1)
