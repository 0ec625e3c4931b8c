"""The fourth rung: a rotation behind weights along the principal directions.

Every invertible map is ``R W`` with a rotation R and a symmetric W, so a rung of all such maps
would be the linear one. Here W has the principal directions of what both sides share: it commutes
with Σz, and the kernels of both sides have one eigenbasis. That is what weight decay, label maps
and the length of training do to a kernel. The class is symmetric: if ``y = R W x`` then ``x = W⁻¹
Rᵀ y``, and ``R W R⁻¹`` has the principal directions of y.

Then ``Σyx = R W Σz`` where ``W Σz`` is symmetric and positive, so the polar factor of Σyx is R here
too, and ``P = Rᵀ Σyx`` has the same principal directions. What is left is W, within bounds: along a
direction with variances a of x and b of y, and p of P, any weight from ``p/a`` (all of x is shared)
to ``b/p`` (all of y is) may be. A rotation is the case in which one weight c lies within all of
them.

Three ways to W are tried, and the best is kept. *Bounds*: the scale c of the rotation where it may
be, else the nearest bound. *Transport*: the symmetric W with ``W Σx W = Σy``, which needs no basis,
so that directions of nearly one variance, whose basis samples do not tell, do no harm; exact
without noise. *Search*: weights in the basis of P, moved until the shared part fits under both
covariances, ``S ⪯ Σx`` and ``W S W ⪯ Σy``, as matrices and not along directions only; exact with
any noise, where variances are apart.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from methexis.core.checks import Array
from methexis.explaining.filters import filtered
from methexis.maps.fit import Fit, Maps

#: Steps of the search; fewer of wide ones, where each takes long.
_STEPS, _FEW_STEPS, _WIDE = 15, 8, 256
#: Share of the variance between rotation and linear map below which there is nothing to search.
_NOTHING = 1e-3
_LEAST = 1e-9
#: Least shared variance that is divided by, where nothing is shared.
_TINY = 1e-30
#: Share of the largest variance below which a root is not told from none.
_FLOOR = 1e-13


def reweighted(fit: Fit, turns: list[Array], rotated: Maps) -> Maps:
    """The best maps of the rung that were found; at worst those of the rotation.

    Parameters
    ----------
    fit : Fit
    turns : list of array (ry, rx)
        Rotations that may be the best.
    rotated : Maps
        What the best of them gives.
    """
    least = fit.loss(fit.linear)
    best, loss = rotated, fit.loss(rotated)
    for turn in turns:
        for weight, inverse in _weights(fit, turn, rotated.scale):
            if loss - least < _NOTHING:
                return best
            narrow_y = len(fit.ly) <= len(fit.lx)
            there = weight @ turn if narrow_y else turn @ weight
            back = turn.T @ inverse if narrow_y else inverse @ turn.T
            maps = filtered(fit, there, back)
            if (one := fit.loss(maps)) < loss:
                best, loss = maps, one
    return best


def _weights(fit: Fit, turn: Array, scale: float) -> Iterator[tuple[Array, Array]]:
    """Symmetric weights and their inverses, in the coordinates of the narrower side."""
    plain_x, plain_y = _diagonal(fit.lx), _diagonal(fit.ly)
    if len(fit.ly) <= len(fit.lx):
        p, g, d = fit.c @ turn.T, (turn * fit.lx) @ turn.T, np.diag(fit.ly)
        roots_g, roots_d = _turned(plain_x, turn, g), plain_y
    else:
        p, g, d = turn.T @ fit.c, np.diag(fit.lx), (turn.T * fit.ly) @ turn
        roots_g, roots_d = plain_x, _turned(plain_y, turn.T, d)
    values, axes = np.linalg.eigh(0.5 * (p + p.T))
    values = np.maximum(values, max(_LEAST * float(values[-1]), _TINY))
    low = values / _along(axes, g)
    high = np.maximum(_along(axes, d) / values, low)
    bounded = np.clip(scale, low, high)
    yield _in(axes, bounded)
    yield transport(roots_g, d)
    g_in, d_in = _within(axes, roots_g), _within(axes, roots_d)
    yield _in(axes, searched(values, g_in, d_in, bounded, (fit.total_x, fit.total_y)))


def _in(axes: Array, weights: Array) -> tuple[Array, Array]:
    return (axes * weights) @ axes.T, (axes / weights) @ axes.T


def _within(axes: Array, both: tuple[Array, Array]) -> tuple[Array, Array]:
    return axes.T @ both[0] @ axes, axes.T @ both[1] @ axes


def _along(axes: Array, matrix: Array) -> Array:
    """``aᵀ M a`` of every axis."""
    return np.asarray(np.sum(axes * (matrix @ axes), axis=0))


def _diagonal(variances: Array) -> tuple[Array, Array]:
    """Square root of a diagonal matrix, and its inverse."""
    size = np.sqrt(np.maximum(variances, _FLOOR * variances.max()))
    return np.diag(size), np.diag(1.0 / size)


def _turned(both: tuple[Array, Array], turn: Array, matrix: Array) -> tuple[Array, Array]:
    """Roots of a covariance behind a rotation; where that forgets directions, of what is left."""
    if turn.shape[0] != turn.shape[1]:
        return roots(matrix)
    return (turn * both[0].diagonal()) @ turn.T, (turn * both[1].diagonal()) @ turn.T


def transport(roots_g: tuple[Array, Array], d: Array) -> tuple[Array, Array]:
    """The symmetric positive W with ``W g W = d``, and its inverse, from the roots of g.

    Examples
    --------
    >>> w, inverse = transport(roots(np.diag([1.0, 4.0])), np.diag([9.0, 1.0]))
    >>> w.diagonal().tolist(), inverse.diagonal().round(3).tolist()
    ([3.0, 0.5], [0.333, 2.0])
    """
    root, inverse = roots_g
    middle, middle_inverse = roots(root @ d @ root)
    return inverse @ middle @ inverse, root @ middle_inverse @ root


def roots(matrix: Array) -> tuple[Array, Array]:
    """Square root of a positive matrix, and its inverse."""
    values, vectors = np.linalg.eigh(matrix)
    size = np.sqrt(np.maximum(values, _FLOOR * values[-1]))
    return (vectors * size) @ vectors.T, (vectors / size) @ vectors.T


def searched(
    p: Array,
    roots_g: tuple[Array, Array],
    roots_d: tuple[Array, Array],
    start: Array,
    totals: tuple[float, float],
) -> Array:
    """Weights for which the shared part fits under both covariances as well as it can.

    With ``S = diag(p/w)`` and ``W S W = diag(p w)`` the cost is that of the caps (`filters`). Its
    gradient with respect to ``log w`` is taken with the sizes of the costs held fixed, and each
    weight moves by a step of its own, which grows while the sign stays and shrinks when it turns.
    Of both covariances the square root and its inverse are given.
    """
    logs, step, before = np.log(start), np.full(len(p), 0.3), np.zeros(len(p))
    best, least = start, np.inf
    for _ in range(_STEPS if len(p) <= _WIDE else _FEW_STEPS):
        w = np.exp(logs)
        cost_x, slope_x = _over(p / w, *roots_g, w, totals[1])
        cost_y, slope_y = _over(p * w, *roots_d, 1.0 / w, totals[0])
        if cost_x + cost_y < least:
            best, least = w, cost_x + cost_y
        if least < 1e-6:
            break
        slope = slope_y - slope_x
        same = slope * before
        step = np.where(same > 0, np.minimum(1.3 * step, 1.0), np.where(same < 0, 0.5 * step, step))
        logs = logs - step * np.sign(slope) * (np.abs(slope) > _LEAST)
        before = slope
    return best


def _over(
    shared: Array, root: Array, inverse: Array, seen: Array, total: float
) -> tuple[float, Array]:
    """What capping costs, and its slope along the logarithm of each shared variance."""
    half = inverse * np.sqrt(shared)
    m, q = np.linalg.eigh(half @ half.T)
    first = int(np.searchsorted(m, 1.0))  # of the directions that pass
    q, over = q[:, first:], m[first:] - 1.0
    cost = np.sum((seen[:, None] * (root @ q)) ** 2, axis=0) / total
    return float(np.sum(cost * over**2)), shared * ((inverse @ q) ** 2 @ (cost * over))
