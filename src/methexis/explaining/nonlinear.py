"""The last rung: what a smooth nonlinear map predicts of what the linear one leaves.

Kernel ridge regression of the linear map's residuals, with Gaussian kernels of two widths and a
quadratic one, and the mean of nearest neighbours. Which kernel and ridge is decided for each fold
by the others, so that choosing wins nothing by itself. Of many samples a random part is taken, and
few of the training rows serve as centres (the subset of regressors); a nonlinear map that would
need more samples than that is not found, and the result says so.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from methexis.core.checks import Array

#: Most samples that are predicted, and most training rows that serve as centres.
MOST_SAMPLES, MOST_CENTRES = 6000, 400
#: Widths of Gaussian kernels, in the median squared distance; ridges; and neighbours.
_WIDTHS, _RIDGES, _NEIGHBOURS = (1.0, 0.3), (0.03, 0.3, 3.0), 10


def chosen_samples(num_samples: int, seed: int) -> NDArray[np.bool_]:
    """Which samples take part."""
    chosen = np.zeros(num_samples, dtype=bool)
    order = np.random.default_rng([seed, 1]).permutation(num_samples)
    chosen[order[:MOST_SAMPLES]] = True
    return chosen


def predictions(train: Array, residuals: Array, test: Array, seed: int) -> Iterator[Array]:
    """What each candidate predicts of the residuals at the test rows, always in one order."""
    order = np.random.default_rng([seed, 2]).permutation(len(train))[:MOST_CENTRES]
    centres = train[order]
    if len(order) == len(train):  # all rows: in their order
        order, centres = np.arange(len(train)), train
    own, other = _distances(train, centres), _distances(test, centres)
    middle = float(np.median(own)) or 1.0
    for width in _WIDTHS:
        scale = width * middle
        kernels = np.exp(-own / scale), np.exp(-other / scale)
        yield from _ridged(kernels[0], kernels[0][order], kernels[1], residuals)
    size = float(np.mean(np.sum(train**2, axis=1))) or 1.0
    quadratic = [(1.0 + one @ centres.T / size) ** 2 for one in (train, test)]
    yield from _ridged(quadratic[0], quadratic[0][order], quadratic[1], residuals)
    near = np.argpartition(other, min(_NEIGHBOURS, len(order) - 1), axis=1)[:, :_NEIGHBOURS]
    yield np.mean(residuals[order][near], axis=1)


def _ridged(own: Array, among: Array, other: Array, targets: Array) -> Iterator[Array]:
    """Kernel ridge regression on some centres: minimises ``|t − K w|² + λ wᵀ K_c w``."""
    every = len(own) == len(among)  # all training rows are centres, in their order
    product, right = (own, targets) if every else (own.T @ own, own.T @ targets)
    ridged = np.eye(len(among)) if every else among + 1e-8 * np.eye(len(among))
    for ridge in _RIDGES:
        matrix = product + ridge * ridged
        yield other @ cho_solve(cho_factor(matrix, lower=True, check_finite=False), right)


def _distances(one: Array, other: Array) -> Array:
    """Squared distances of all rows."""
    squares = np.sum(one**2, axis=1)[:, None] + np.sum(other**2, axis=1)
    return np.asarray(np.maximum(squares - 2.0 * one @ other.T, 0.0))


def cross_chosen(losses: Array, linear: Array, folds: NDArray[np.int64]) -> Array:
    """Losses of the candidate that is best over the other folds, or of the linear map.

    Parameters
    ----------
    losses : array (num_candidates, num_samples)
    linear : array (num_samples,)
    folds : array (num_samples,) of int
    """
    every = np.vstack([linear[None], losses])
    best = np.empty(len(linear))
    total = every.sum(axis=1)
    for fold in np.unique(folds):
        here = folds == fold
        best[here] = every[int(np.argmin(total - every[:, here].sum(axis=1))), here]
    return best
