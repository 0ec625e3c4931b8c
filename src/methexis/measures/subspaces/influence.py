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

from methexis.core.caching import cached_property
from methexis.core.checks import Array
from methexis.measures.inputs.features import to_numpy
from methexis.measures.subspaces.bases import Basis

#: Most pairs of directions whose turns are followed; beyond, interactions are left as they are.
_MOST_TURNS = 4096
#: Singular values below this share of the largest turn no further.
_LEAST = 1e-9


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
