r"""What a rung predicts where each side also holds something of its own.

Suppose that both sides see one thing, each with noise of its own: ``x = z + m``, ``y = T z + n``.
Then the best linear prediction of y from x is not T but ``T Σz Σx⁻¹``: T behind a filter, which is
no rotation even if T is one. A test whether a linear map predicts better than a rotation would find
that it does, whatever T. So a rung of maps T may filter first. It predicts

.. math:: ŷ = T S Σx^{-1} x, \qquad x̂ = T^{-1} S' Σy^{-1} y

where S and S' are the parts of the covariances that the other side shares. That is no freedom to do
anything, because what is shared is part of what there is: ``0 ⪯ S ⪯ Σx``, and ``0 ⪯ S' ⪯ Σy``. With
the shared part read from the cross-covariance, ``S = sym(T⁻¹ Σyx)``, the filter in the coordinates
in which x is white has the eigenvalues ``m`` of ``Σx^{-1/2} S Σx^{-1/2}``, and they may not pass 1:
a direction of z cannot vary more than x does along it. They are capped there, and what the cap
costs is what the rung cannot explain.

For ``T = c R`` with one scale c for both directions the eigenvectors do not depend on c; m is
capped at c on one side and at ``1/c`` on the other. The linear map is allowed if and only if ``max
m · max m' ≤ 1``; else the best c is where the two costs, ``Σ κ (m − c)₊²`` each, are least.
"""

from __future__ import annotations

import numpy as np

from methexis.core.checks import Array
from methexis.maps.fit import Fit, Maps


def filtered(fit: Fit, there: Array, back: Array | None = None) -> Maps:
    """Predictions by a map and its inverse, each behind the filter that is its best.

    Parameters
    ----------
    fit : Fit
    there : array (ry, rx)
        From x to y, in principal coordinates. Without `back` it is a partial isometry, known up to
        a scale, which is found.
    back : array (rx, ry), optional
        Its inverse.
    """
    returning = there.T if back is None else back
    root_x, root_y = np.sqrt(fit.dx), np.sqrt(fit.dy)
    m, q = _white(returning @ fit.c, root_x)
    m_y, q_y = _white(fit.c @ there.T, root_y)
    scale = 1.0
    if back is None:
        cost = _lengths(q, fit.dx) / fit.total_y
        cost_y = _lengths(q_y, fit.dy) / fit.total_x
        scale = shared_scale(m, cost, m_y, cost_y)
    forward = there @ _kept(q, np.clip(m, 0.0, scale), root_x)
    backward = returning @ _kept(q_y, np.clip(m_y, 0.0, 1.0 / scale), root_y)
    return Maps(forward, backward, scale)


def read_out(fit: Fit, there: Array) -> Maps:
    """The same, where y is compared with as many directions of x as it has.

    ``there`` has fewer rows than columns. What x has beside the directions that it reads is x's
    own, and may depend on them: it is predicted by the linear map, freely.
    """
    cov = (there * fit.lx) @ there.T
    ridge = float(fit.dx[0] - fit.lx[0])
    values, axes = np.linalg.eigh(cov + ridge * np.eye(len(cov)))
    root = np.sqrt(np.maximum(values, 1e-12 * values[-1]))
    shared = 0.5 * (fit.c @ there.T + there @ fit.c.T)
    m, q = _white(axes.T @ shared @ axes, root)
    root_y = np.sqrt(fit.dy)
    m_y, q_y = _white(shared, root_y)
    scale = shared_scale(
        m, _lengths(q, root**2) / fit.total_y, m_y, _lengths(q_y, fit.dy) / fit.total_x
    )
    filter_x = axes @ _kept(q, np.clip(m, 0.0, scale), root) @ axes.T
    back = there.T @ _kept(q_y, np.clip(m_y, 0.0, 1.0 / scale), root_y)
    free = fit.linear.backward
    return Maps(filter_x @ there, back + free - there.T @ (there @ free), scale)


def plain(fit: Fit, there: Array) -> Maps:
    """Predictions by a partial isometry times one number in each direction: no filter.

    Where samples are few, this predicts better than a filter that has to be learnt.
    """
    shared = float(np.sum(there * fit.c))
    there_x = float(np.sum((there**2) * fit.lx))
    back_y = float(np.sum((there.T**2) * fit.ly))
    forward, backward = max(shared, 0.0) / there_x, max(shared, 0.0) / back_y
    return Maps(forward * there, backward * there.T, forward)


def shared_scale(m: Array, cost: Array, m_y: Array, cost_y: Array) -> float:
    """The scale c at which capping m at c and m_y at 1/c costs the least.

    Examples
    --------
    >>> one = np.ones(1)
    >>> shared_scale(0.5 * one, one, 0.5 * one, one)  # any from 1/2 to 2 costs nothing
    1.0
    >>> bool(1.0 < shared_scale(2.0 * one, one, 1.0 * one, one) < 2.0)
    True
    """
    high, low = max(float(m.max()), 1e-12), 1.0 / max(float(m_y.max()), 1e-12)
    if high <= low:
        return float(np.sqrt(high * low))

    def costs(scale: float) -> float:
        over = np.sum(cost * np.maximum(m - scale, 0.0) ** 2)
        return float(over + np.sum(cost_y * np.maximum(m_y - 1.0 / scale, 0.0) ** 2))

    ends = np.log(low), np.log(high)
    for _ in range(3):  # each round is eight times as fine
        grid = np.linspace(*ends, 17)
        least = int(np.argmin([costs(float(np.exp(t))) for t in grid]))
        ends = grid[max(least - 1, 0)], grid[min(least + 1, 16)]
    return float(np.exp(0.5 * (ends[0] + ends[1])))


def _white(shared: Array, root: Array) -> tuple[Array, Array]:
    """Eigenvalues and vectors of the symmetric part, where the covariance is one."""
    white = 0.5 * (shared + shared.T) / root[:, None] / root
    values, vectors = np.linalg.eigh(white)
    return values, vectors


def _kept(vectors: Array, kept: Array, root: Array) -> Array:
    """``Σ^{1/2} Q diag(kept) Qᵀ Σ^{-1/2}``, where Σ is diagonal."""
    return np.asarray((root[:, None] * (vectors * kept)) @ (vectors.T / root))


def _lengths(vectors: Array, variances: Array) -> Array:
    """``qᵀ Σ q`` of each vector."""
    return np.asarray(np.sum(vectors**2 * variances[:, None], axis=0))
