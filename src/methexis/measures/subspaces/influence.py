"""How one sample, and how two together, move the best rotation's fit of two shapes.

The score is ``‖M‖_*`` of ``M = Σ_i w_i x_i y_iᵀ``, over the root of ``Σ w |x|² Σ w |y|²``; shapes
are of norm one here, and weights w are 1. In the bases of M's singular vectors, where it is
diagonal with singular values ``σ``,

    ψ_i = x_i · y_i - ½ S (|x_i|² + |y_i|²),
    g_ij = Σ_{a<b} z_ab(i) z_ab(j),    z_ab = (x_a y_b - x_b y_a) / √(σ_a + σ_b),

the second derivative of a sum of singular values; where one shape is wider than the other by
directions b, there is also ``z_ab = x_a y_b / √σ_a``. An angle follows by its derivative.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.parallel.caching import cached_property
from methexis.measures.inputs.features import to_numpy
from methexis.measures.subspaces.bases import Basis

#: Most pairs of directions whose turns are followed; beyond, interactions are left as they are.
_MOST_TURNS = 4096
#: Singular values below this share of the largest turn no further.
_LEAST = 1e-9
#: A sample whose squared length in a basis is as near to 1 as this is a direction by itself.
_LEANS = 1e-6


class Turns:
    """What moves the score of two shapes.

    Parameters
    ----------
    a, b : Basis
        Two bases, with sizes as they are.
    """

    def __init__(self, a: Basis, b: Basis) -> None:
        x, y = (_shape(one) for one in (a, b))
        if x.shape[1] > y.shape[1]:
            x, y = y, x
        left, self._sizes, right = np.linalg.svd(x.T @ y, full_matrices=True)
        self._x, self._y = x @ left, y @ right.T
        self.score = float(self._sizes.sum())

    @property
    def first(self) -> Array:
        """First order, from the score without each sample, ``(num_samples,)``."""
        n, width = self._x.shape
        part = n / (n - 1)  # what the mean of the others moves by
        both = part * np.einsum("ia,ia->i", self._x, self._y[:, :width])
        if self._turned is not None:
            both = both - 0.5 * np.sum(self._turned**2, axis=1)
        own = [1.0 - part * np.sum(one**2, axis=1) for one in (self._x, self._y)]
        scores = (self.score - both) / np.sqrt(own[0] * own[1])
        return np.asarray((np.mean(scores) - scores) / part)

    def second(self, samples: NDArray[np.int64]) -> Array | None:
        """Rows of ``g``, ``(num_chosen, num_samples)``; None where there are too many turns."""
        if self._turned is None:
            return None
        interactions = self._turned[samples] @ self._turned.T
        interactions[np.arange(len(samples)), samples] = 0.0
        return np.asarray(interactions)

    @cached_property
    def _turned(self) -> Array | None:
        """``z``, ``(num_samples, num_turns)``; None where there are too many."""
        narrow, wide = self._x.shape[1], self._y.shape[1]
        if narrow * (narrow - 1) // 2 + narrow * (wide - narrow) > _MOST_TURNS:
            return None
        x, y, sizes = self._x, self._y, self._sizes
        width = x.shape[1]
        some = sizes > _LEAST * sizes.max()
        a, b = np.triu_indices(width, k=1)
        kept = some[a] | some[b]
        a, b = a[kept], b[kept]
        inside = (x[:, a] * y[:, b] - x[:, b] * y[:, a]) / np.sqrt(sizes[a] + sizes[b])
        beyond = x[:, some, None] * y[:, None, width:] / np.sqrt(sizes[some])[:, None]
        return np.concatenate([inside, beyond.reshape(len(x), -1)], axis=1)


def _shape(one: Basis) -> Array:
    rows = np.asarray(to_numpy(one.columns * one.sizes), dtype=np.float64)
    return np.asarray(rows / np.linalg.norm(rows))


def shapes_without(a: Basis, b: Basis) -> tuple[Array, Array, Array]:
    """Norms of both shapes, and their nuclear norm, without each sample: ``(num_samples,)`` each.

    Sums of centred products lose ``n/(n-1) x_i y_iᵀ`` with a sample; the others count ``n/(n-1)``
    times, so that sums stay sums over n. To first order a nuclear norm changes by
    ``tr(Qᵀ δM)``, with the best rotation ``Q`` of all samples.
    """
    x, y = (np.asarray(to_numpy(one.columns * one.sizes), dtype=np.float64) for one in (a, b))
    part = len(x) / (len(x) - 1)
    left, sizes, right = np.linalg.svd(x.T @ y, full_matrices=False)
    fit = np.sum((x @ (left @ right)) * y, axis=1)
    norms = [np.sum(one**2) - part * np.sum(one**2, axis=1) for one in (x, y)]
    norm_x, norm_y = (np.sqrt(part * np.maximum(one, 0.0)) for one in norms)
    return norm_x, norm_y, part * (np.sum(sizes) - part * fit)


def spans_without(a: Basis, b: Basis) -> Array | None:
    """Sum of the canonical correlations without each sample; None if one sample is a direction.

    With rows u and v of both bases, each times ``√(n/(n-1))``, what is left is spanned by
    ``I - u uᵀ`` and ``I - v vᵀ``, whose inverse roots are ``I + c u uᵀ`` with
    ``c = (1/√(1 - |u|²) - 1) / |u|²``. So the overlap becomes
    ``(I + c u uᵀ) (M - u vᵀ) (I + e v vᵀ)``, exactly, and its nuclear norm to first order what
    ``tr(Qᵀ ·)`` is of it, with ``M = L σ R`` and ``Q = L R``. In ``p = Lᵀ u`` and ``q = R v`` all
    terms are sums over directions.
    """
    u, v = (np.asarray(to_numpy(one.columns), dtype=np.float64) for one in (a, b))
    part = len(u) / (len(u) - 1)
    own, other = (part * np.sum(one**2, axis=1) for one in (u, v))
    if max(np.max(own), np.max(other)) > 1.0 - _LEANS:
        return None
    left, sizes, right = np.linalg.svd(u.T @ v, full_matrices=False)
    p, q = np.sqrt(part) * (u @ left), np.sqrt(part) * (v @ right.T)
    c, e = ((1.0 / np.sqrt(1.0 - one) - 1.0) / np.maximum(one, _LEAST) for one in (own, other))
    both, weighed = np.sum(p * q, axis=1), np.sum(sizes * p * q, axis=1)
    moved = c * np.sum(sizes * p * p, axis=1) + e * np.sum(sizes * q * q, axis=1)
    moved = moved + c * e * weighed * both - (1.0 + c * own) * (1.0 + e * other) * both
    return np.asarray(np.sum(sizes) + moved)
