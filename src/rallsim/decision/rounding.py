"""Differences that are none: values that are equal but for the rounding of their last digits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SAME = 1e-9  # of the larger of two values: a smaller difference counts as none
LARGEST = 1e50  # of any amount, effect or parameter: squares of their products are still finite


def without_rounding(values: Floats, sizes: Floats | None = None) -> Floats:
    """Return rows in which values that differ by at most SAME of the larger one are equal: to the smallest of them.

    `sizes` are what the values are differences of, where rounding is that of larger numbers; else the values' own.

    >>> without_rounding(np.array([[0.3, 0.1 + 0.2, 0.4]])).tolist()
    [[0.3, 0.3, 0.4]]
    """
    sizes = np.abs(values) if sizes is None else sizes
    order = values.argsort(axis=1, kind="stable")
    rising, size = np.take_along_axis(values, order, 1), np.take_along_axis(sizes, order, 1)
    if not (np.diff(rising) <= SAME * np.maximum(size[:, 1:], size[:, :-1])).any():
        return values
    rising = rising.copy()
    first = size[:, 0]
    for place in range(1, values.shape[1]):
        same = rising[:, place] - rising[:, place - 1] <= SAME * np.maximum(size[:, place], first)
        rising[:, place] = np.where(same, rising[:, place - 1], rising[:, place])
        first = np.where(same, first, size[:, place])
    rounded = np.empty_like(values)
    np.put_along_axis(rounded, order, rising, 1)
    return rounded
