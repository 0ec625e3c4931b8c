"""The three lowest rungs: the same coordinates, units in another order, and a rotation.

Each is a partial isometry, known up to a scale. Between unequal widths the narrower side is
compared either with what of the wider side it shares, or with as many directions of the wider one
as it has itself (`filters.read_out`); whichever fits better.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from methexis.core.checks import Array
from methexis.explaining.filters import filtered, read_out
from methexis.maps.fit import Fit, Maps

#: Signs are not allowed to a permutation: units of most networks have a sign that means something,
#: and where they do not, a flip is a rotation.
_ROUNDS = 2


def isometric(fit: Fit, there: Array) -> Maps:
    """The better of the two readings of a partial isometry."""
    maps = [filtered(fit, there)]
    if there.shape[0] < there.shape[1]:
        maps.append(read_out(fit, there))
    elif there.shape[0] > there.shape[1]:
        maps.append(_turned(read_out(flipped(fit), there.T)))
    return min(maps, key=fit.loss)


def identity(fit: Fit) -> Array:
    """The same coordinates, of sides of one width."""
    return np.asarray(fit.axes_y.T @ fit.axes_x)


def permutation(fit: Fit) -> Array:
    """Units in another order, by assignment: first by correlation, then by distance.

    The sum of squared distances of paired units of y and of c x is least for the right order at the
    right scale c. Correlations do not depend on c, so they begin.
    """
    var_x, var_y = np.diag(fit.cov_x), np.diag(fit.cov_y)
    sizes = np.sqrt(np.outer(np.maximum(var_y, 1e-30), np.maximum(var_x, 1e-30)))
    begun = linear_sum_assignment(-fit.cross / sizes)
    rows, columns = begun
    for _ in range(_ROUNDS):
        scale = np.sqrt(var_y[rows].sum() / max(float(var_x[columns].sum()), 1e-30))
        distance = var_y[:, None] + scale**2 * var_x - 2.0 * scale * fit.cross
        again = linear_sum_assignment(distance)
        if np.array_equal(again[1], columns):
            break
        rows, columns = again
    if np.array_equal(begun[1], columns):
        return _of_units(fit, rows, columns)
    candidates = [_of_units(fit, *begun), _of_units(fit, rows, columns)]
    return max(candidates, key=lambda there: float(np.sum(there * fit.c)))


def rotations(fit: Fit) -> list[Array]:
    """Rotations that may be the best: polar factors.

    If ``y = c R z + n`` and ``x = z + m``, then ``Σyx = c R Σz``, whose polar factor is R whatever
    the noise. If y has lost directions of x that depend on those it kept, ``y = c Q x``, it is that
    of the regression instead.
    """
    turns = [polar(fit.c)]
    if len(fit.ly) < len(fit.lx):
        turns.append(polar(fit.linear.forward))
    elif len(fit.ly) > len(fit.lx):
        turns.append(polar(fit.linear.backward).T)
    return turns


def polar(matrix: Array) -> Array:
    """The partial isometry that is nearest to a matrix."""
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    return np.asarray(left @ right)


def flipped(fit: Fit) -> Fit:
    """The same with both sides exchanged."""
    flip: Fit = object.__new__(Fit)
    flip.lx, flip.ly, flip.c = fit.ly, fit.lx, fit.c.T
    flip.dx, flip.dy = fit.dy, fit.dx
    flip.total_x, flip.total_y = fit.total_y, fit.total_x
    return flip


def _turned(maps: Maps) -> Maps:
    return Maps(maps.backward, maps.forward, 1.0 / maps.scale)


def _of_units(fit: Fit, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Array:
    """Units of y that are units of x, in principal coordinates."""
    return np.asarray(fit.axes_y[rows].T @ fit.axes_x[columns])
