"""The lowest point of a smooth function, and its curvature there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rallsim.curves.families import Floats

STEP = 1e-3  # of second derivatives, times the size of a value above 1
STEEP = 1e-3  # a slope above this at the end of a search asks for another one
LEAST_CURVATURE = 1e-8
IMPOSSIBLE = 1e10  # stands for what is no number while searching

Function = Callable[[Floats], float]


def lowest(function: Function, starts: Sequence[Floats]) -> Floats:
    """Return the lowest point: quasi-Newton from every start, and a simplex where that stops on a slope.

    >>> bool(np.allclose(lowest(lambda x: float(((x - 2.0) ** 2).sum()), [np.zeros(2)]), 2.0))
    True
    """
    from scipy.optimize import minimize

    options: Any = {"gtol": 1e-5, "maxiter": 300}
    found = [minimize(function, start, method="BFGS", options=options) for start in starts]
    best = min(found, key=lambda each: float(each.fun))
    if float(np.abs(best.jac).max()) > STEEP:
        simplex_options: Any = {"xatol": 1e-6, "fatol": 1e-9, "maxiter": 200 * len(best.x)}
        simplex = minimize(function, best.x, method="Nelder-Mead", options=simplex_options)
        best = min((best, simplex), key=lambda each: float(each.fun))
    return np.asarray(best.x, float)


def hessian(function: Function, x: Floats) -> Floats:
    """Return second derivatives at `x` by central differences.

    >>> hessian(lambda x: float(x[0] ** 2 + x[0] * x[1]), np.zeros(2)).round(6)
    array([[2., 1.],
           [1., 0.]])
    """
    size = len(x)
    steps = STEP * np.maximum(1.0, np.abs(x))
    found = np.zeros((size, size))
    for i in range(size):
        for j in range(i, size):
            a, b = np.zeros(size), np.zeros(size)
            a[i], b[j] = steps[i], steps[j]
            corners = function(x + a + b) - function(x + a - b) - function(x - a + b) + function(x - a - b)
            found[i, j] = found[j, i] = corners / (4.0 * steps[i] * steps[j])
    return found


def inverse(curvature: Floats) -> tuple[Floats, bool]:
    """Return the covariance at a lowest point, and whether it is one: all curvatures above 0.

    >>> inverse(np.diag([4.0, 1.0]))
    (array([[0.25, 0.  ],
           [0.  , 1.  ]]), True)
    """
    if not np.isfinite(curvature).all():
        return np.full_like(curvature, np.inf), False
    values, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    spread = 1.0 / np.maximum(values, LEAST_CURVATURE)
    return np.asarray((vectors * spread) @ vectors.T), bool(values.min() > LEAST_CURVATURE)
