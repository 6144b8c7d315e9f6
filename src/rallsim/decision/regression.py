"""What outcomes are expected to be given some parameters alone, each draw judged by a fit to all the others."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from rallsim.decision.rounding import Floats

KNOTS = 7  # of a parameter's curve, at its quantiles
MOST_WITH_PRODUCTS = 8  # parameters of a group up to which products of two are in the model
WEIGHTS = (0.0, 0.3, 1.0)  # of curves, and of products, against straight lines: small weights hold them back more
PENALTIES = 10.0 ** np.array([-8.0, -6.0, -5.0, -4.0, *np.arange(-3.0, 4.01, 0.5)])
MOST_FREEDOM = 0.9  # of the draws: a fit with more degrees of freedom is not considered
_RANK = 1e-11  # of eigenvalues, relative: what is smaller is rounding


class Regression:
    """An additive model of some parameters, prepared once and then fitted to any number of outcomes.

    E[y | x] = a + sum_j b_j x_j + sum_j s_j(x_j) + sum_jk c_jk x_j x_k

    with x standardised, s_j a cubic spline with knots at quantiles of x_j, and products of two parameters in groups of
    up to eight. Everything but the mean a is penalised: straight lines, curves and products share one ridge penalty,
    and a spline's parts the more the rougher they are. The penalty, and how much curves and products weigh against
    lines, are chosen for each outcome by generalised cross-validation, which may also choose the mean alone.

    Source: Strong, Oakley and Brennan, Med Decis Making 2014;34:311; penalised splines in the basis of Demmler and
    Reinsch: Wood, Generalized Additive Models, 2nd ed., ch. 5; Golub, Heath and Wahba, Technometrics 1979;21:215.
    """

    def __init__(self, parameters: Floats) -> None:
        spread = parameters.std(axis=0)
        varying = spread > _RANK * np.abs(parameters).max(axis=0, initial=0.0)
        x = (parameters[:, varying] - parameters[:, varying].mean(axis=0)) / spread[varying]
        self.draws = len(parameters)
        self._bases = _bases(x) if x.shape[1] else []

    def held_out(self, outcomes: Floats) -> Floats:
        """What a fit to all other draws expects of each draw's outcomes (draws × outcomes), less their mean.

        Each prediction is calibrated: the outcome's regression on it, through the means, gives the factor by which it
        is multiplied, 0 where that is negative. Outcomes that parameters do not predict get 0 in every draw.

        >>> x = np.linspace(-1, 1, 50)[:, None]
        >>> bool(np.allclose(Regression(x).held_out(3 * x + 1), 3 * x, atol=1e-5))
        True
        """
        y = outcomes - outcomes.mean(axis=0)
        along = [left.T @ y for left, _ in self._bases]
        chosen = self._choose(y, along)
        predicted = np.zeros_like(y)
        for choice in np.unique(chosen[chosen >= 0]):
            columns = np.flatnonzero(chosen == choice)
            basis, penalty = divmod(int(choice), len(PENALTIES))
            left, sizes = self._bases[basis]
            kept = sizes / (sizes + PENALTIES[penalty])
            own = y[:, columns]
            left_free = np.maximum(1.0 - 1.0 / self.draws - (left**2) @ kept, _RANK)
            residual = (own - left @ (kept[:, None] * along[basis][:, columns])) / left_free[:, None]
            without = own * (self.draws / (self.draws - 1.0))  # what the mean of the other draws leaves of each draw
            predicted[:, columns] = _calibrated(own, without - residual)
        return np.asarray(predicted, float)

    def _choose(self, y: Floats, along: list[Floats]) -> NDArray[np.int_]:
        """Basis and penalty with the least error of generalised cross-validation, -1 for the mean alone."""
        total = (y**2).sum(axis=0)
        least = total / (1.0 - 1.0 / self.draws) ** 2
        chosen = np.full(y.shape[1], -1)
        for basis, (_, sizes) in enumerate(self._bases):
            explained = along[basis] ** 2
            for penalty, size in enumerate(PENALTIES):
                kept = sizes / (sizes + size)
                freedom = (1.0 + kept.sum()) / self.draws
                if freedom > MOST_FREEDOM:
                    continue
                error = (total - (2.0 * kept - kept**2) @ explained) / (1.0 - freedom) ** 2
                better = error < least
                least[better], chosen[better] = error[better], basis * len(PENALTIES) + penalty
        return chosen


def _calibrated(y: Floats, predicted: Floats) -> Floats:
    """Predictions, centred, times the slope of the outcome on them; 0 where they point the wrong way."""
    predicted = predicted - predicted.mean(axis=0)
    size = (predicted**2).sum(axis=0)
    slope = np.divide((y * predicted).sum(axis=0), size, out=np.zeros(len(size)), where=size > 0)
    return np.asarray(np.maximum(slope, 0.0) * predicted)


def _bases(x: Floats) -> list[tuple[Floats, Floats]]:
    """Orthonormal directions and their variances, for each way to weigh curves and products against lines."""
    parts = [x, np.hstack([_curves(column) for column in x.T])]
    if 1 < x.shape[1] <= MOST_WITH_PRODUCTS:
        products = np.column_stack([x[:, first] * x[:, second] for first, second in combinations(range(x.shape[1]), 2)])
        products = products - _fitted(np.column_stack([np.ones(len(x)), x]), products)
        parts.append(products / np.maximum(products.std(axis=0), _RANK))
    parts = [part - part.mean(axis=0) for part in parts if part.shape[1]]
    columns = np.hstack(parts) / np.sqrt(len(x))
    few = columns.shape[1] <= len(x)  # the smaller of two symmetric matrices gives the directions
    squares = [columns.T @ columns] if few else [part @ part.T / len(x) for part in parts]
    bases = []
    for weights in _weights(len(parts)):
        each = np.repeat(weights, [part.shape[1] for part in parts])
        weighted = columns * each
        square = squares[0] * np.outer(each, each) if few else np.tensordot(weights**2, squares, 1)
        sizes, vectors = np.linalg.eigh(square)
        kept = sizes > _RANK * sizes[-1]
        left = weighted @ (vectors[:, kept] / np.sqrt(sizes[kept])) if few else vectors[:, kept]
        bases.append((left, sizes[kept]))
    return bases


def _weights(parts: int) -> list[Floats]:
    """Weights of lines (1), curves and products: lines alone, or with all the others."""
    others = [weights for weights in product(WEIGHTS, repeat=parts - 1) if not any(weights) or all(weights)]
    return [np.array([1.0, *weights]) for weights in others]


def _curves(x: Floats) -> Floats:
    """Spline columns of one parameter without its straight line: the smoothest has variance 1, rougher ones less."""
    from scipy.interpolate import BSpline

    knots = np.unique(np.quantile(x, np.linspace(0, 1, KNOTS)))
    if len(knots) < 3:  # a parameter of two values has no bend
        return np.empty((len(x), 0))
    padded = np.concatenate([knots[:1].repeat(3), knots, knots[-1:].repeat(3)])
    splines = BSpline.design_matrix(x, padded, 3).toarray()
    splines = splines - _fitted(np.column_stack([np.ones(len(x)), x]), splines)
    bending = np.diff(np.eye(splines.shape[1]), 2, axis=0)
    sizes, vectors = np.linalg.eigh(bending.T @ bending)
    bent = sizes > _RANK * sizes[-1]
    left, variances, _ = np.linalg.svd(splines @ (vectors[:, bent] / np.sqrt(sizes[bent])), full_matrices=False)
    kept = variances > 1e-7 * variances[0]
    return np.asarray(left[:, kept] * (np.sqrt(len(x)) * variances[kept] / variances[0]))


def _fitted(columns: Floats, values: Floats) -> Floats:
    """Values as the columns explain them, by least squares."""
    left, _ = np.linalg.qr(columns)
    return np.asarray(left @ (left.T @ values))
