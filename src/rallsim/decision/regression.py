"""What is expected of outcomes given some parameters alone: an additive model fitted to the draws."""

from __future__ import annotations

import numpy as np

from rallsim.decision.sample import Floats

KNOTS = 7  # per parameter, at its quantiles
MOST_WITH_PAIRS = 8  # parameters of a group up to which products of two are in the model
PAIR_WEIGHT = 0.3  # of products against splines: they are held back more
PENALTIES = np.logspace(-4, 6, 41)
_RANK = 1e-9


def expected_given(parameters: Floats, outcomes: Floats) -> Floats:
    """Expected outcomes (draws × outcomes) given the parameters (draws × parameters), at each draw.

    E[y | x] = a + sum_j b_j x_j + sum_j s_j(x_j) + sum_jk c_jk x_j x_k

    with x standardised, s_j a cubic spline with knots at quantiles of x_j, and products of two parameters in groups of
    up to eight. Straight lines are free; spline coefficients and products carry a ridge penalty, chosen for each
    outcome by generalised cross-validation. An outcome that does not vary is returned as it is, and a parameter that
    does not vary explains nothing.

    Source: Strong, Oakley and Brennan, Med Decis Making 2014;34:311; ridge and splines of scikit-learn.

    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> bool(np.allclose(expected_given(x, 3 * x + 1), 3 * x + 1))
    True
    """
    from sklearn.linear_model import RidgeCV

    parameters = parameters[:, parameters.std(axis=0) > 0]
    scale = outcomes.std(axis=0)
    varying = scale > 0
    fitted = np.broadcast_to(outcomes.mean(axis=0), outcomes.shape).copy()
    if parameters.shape[1] == 0 or not varying.any():
        return fitted
    x = (parameters - parameters.mean(axis=0)) / parameters.std(axis=0)
    y = (outcomes[:, varying] - outcomes[:, varying].mean(axis=0)) / scale[varying]
    lines = _basis(np.column_stack([np.ones(len(x)), x]))
    along = lines @ (lines.T @ y)
    curved = _curves(x)
    if curved.shape[1]:
        curved = curved - lines @ (lines.T @ curved)
        ridge = RidgeCV(alphas=PENALTIES, alpha_per_target=True, fit_intercept=False).fit(curved, y - along)
        along = along + ridge.predict(curved).reshape(y.shape)
    fitted[:, varying] += along * scale[varying]
    return fitted


def _basis(columns: Floats) -> Floats:
    """Orthonormal basis of what columns span; columns that others determine add nothing."""
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(left[:, sizes > _RANK * sizes[0]], float)


def _curves(x: Floats) -> Floats:
    """Spline columns of each parameter and products of two: what bends."""
    from sklearn.preprocessing import SplineTransformer

    columns = [np.empty((len(x), 0))]
    for one in x.T:
        knots = np.unique(np.quantile(one, np.linspace(0, 1, KNOTS)))
        if len(knots) > 2:  # a parameter of two values has no bend
            splines = SplineTransformer(degree=3, knots=knots[:, None], include_bias=False)
            columns.append(splines.fit_transform(one[:, None]))
    if x.shape[1] <= MOST_WITH_PAIRS:
        columns += [
            PAIR_WEIGHT * (x[:, [first]] * x[:, [second]]) for second in range(x.shape[1]) for first in range(second)
        ]
    return np.hstack(columns)
