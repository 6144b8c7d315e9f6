"""The value of perfect information with the luck of the patients taken out of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def evpi_without_luck(costs: Floats, qalys: Floats, wtp: Sequence[float]) -> Floats:
    """EVPI at each willingness to pay, from costs and QALYs of draws × strategies × batches of patients.

    E(n) = mean(max_d NMB_d) - max_d mean(NMB_d), with n patients a draw, is too high by luck: the best strategy of a
    draw is chosen by what its patients happened to meet. That bias falls as 1 / n, so

    EVPI = 2 E(n) - E(n / 2)

    is free of it to the first order; E(n / 2) is the mean over five ways to halve the batches (five in a row, and the
    others). Never below 0. With an odd number of batches the last is left out; fewer than two give not-a-number.

    Source: Richardson extrapolation, as in jackknife estimates of bias (Quenouille 1956); for nested simulation
    O'Hagan, Stevenson and Madan, Health Econ 2007;16:1009.

    >>> same = np.ones((3, 2, 4))
    >>> evpi_without_luck(same * 10.0, same * np.array([1.0, 2.0])[None, :, None], [30.0]).tolist()
    [0.0]
    """
    even = costs.shape[2] // 2 * 2
    if even < 2:
        return np.full(len(wtp), np.nan)
    costs, qalys = costs[:, :, :even], qalys[:, :, :even]
    half, ways = even // 2, min(5, even // 2)
    places = np.arange(even)
    halves = [np.isin(places, (np.arange(half) + start) % even) for start in range(ways)]
    parts = [np.ones(even, bool), *(part for chosen in halves for part in (chosen, ~chosen))]
    means = [(costs[:, :, part].mean(axis=2), qalys[:, :, part].mean(axis=2)) for part in parts]
    found = []
    for k in wtp:
        whole, *of_halves = (_evpi(k * effect - cost) for cost, effect in means)
        found.append(max(0.0, 2.0 * whole - float(np.mean(of_halves))))
    return np.array(found)


def _evpi(benefit: Floats) -> float:
    """EVPI of net benefits of draws × strategies."""
    return float(benefit.max(axis=1).mean() - benefit.mean(axis=0).max())
