"""Bootstrap samples of which the largest directions alone are looked at, without their rows.

In a basis of all samples, ``X = U diag(s)``, a bootstrap sample with counts ``c`` has the second
moments ``diag(s) W diag(s)`` with ``W = Σ c_k (u_k - ū)(u_k - ū)ᵀ``, and two of them share
``C = Σ c_k (u_k - ū)(v_k - v̄)ᵀ``. One decomposition of the moments of each side gives sizes and
directions, to ``ε (s_1 / s)²``: of a direction with a share ``q`` of all variance that is at most
``ε / q``. Those that are kept make a small matrix of C, and nothing else is as long as the samples
are than the two products.

``W`` is near the identity whatever the sizes are: columns of U are orthonormal, and a bootstrap
sample changes that by ``√(2 r / n)``. So these products may be made in *single precision*: what
they are off by is a share of the numbers themselves, in small directions too, because sizes come in
afterwards, in double precision. Scores are then off by a small part of `rounding.ROUGH` of
themselves, and by one direction where the variance that is kept is as near to
that of a number of directions. Singular values come from squares then (`contract.nuclear`).
"""

from __future__ import annotations

from collections.abc import Callable

import array_api_compat
import numpy as np

from methexis.measures.inputs.features import Namespace, Tensor, to_numpy
from methexis.measures.measure import Counts
from methexis.measures.rounding import negligible
from methexis.measures.subspaces.bases import Basis, Overlap, indices

Kept = Callable[[Tensor, Namespace], Tensor]


class Leading:
    """Two wide bases, of whose bootstrap samples the kept directions alone are compared.

    Parameters
    ----------
    a, b : Basis
        All their directions.
    kept : function of (sizes, namespace)
        Which sizes, from the largest, are those of directions that enter.
    rough : bool
        Whether products are in single precision.
    """

    def __init__(self, a: Basis, b: Basis, kept: Kept, *, rough: bool) -> None:
        self._parts, self._kept, self._rough = (a, b), kept, rough
        xp = a.xp
        dtype = xp.float32 if rough else a.columns.dtype
        self._columns = [xp.astype(part.columns, dtype, copy=False) for part in (a, b)]

    def overlap(self, count: Counts) -> Overlap:
        """The overlap of one bootstrap sample; samples that were not drawn take no part."""
        (a, b), xp = self._parts, self._parts[0].xp
        rows_x, rows_y = (_drawn(xp, columns, count) for columns in self._columns)
        sizes_x, turn_x = _directions(a, rows_x, self._kept)
        sizes_y, turn_y = _directions(b, rows_y, self._kept)
        matrix = turn_x.T @ ((rows_x.T @ rows_y) @ turn_y)
        matrix = xp.astype(matrix, a.columns.dtype, copy=False)
        return Overlap(sizes_x, sizes_y, matrix, a.num_samples, xp, rough=self._rough)


def _drawn(xp: Namespace, columns: Tensor, count: Counts) -> Tensor:
    """``√c_k (u_k - ū)`` of the samples that were drawn."""
    drawn = np.flatnonzero(count)
    weights = xp.asarray(count[drawn], dtype=columns.dtype, device=array_api_compat.device(columns))
    rows = xp.take(columns, indices(xp, drawn, columns), axis=0)  # a copy, changed in place
    rows -= (weights @ rows) / len(count)
    rows *= xp.sqrt(weights)[:, None]
    return rows


def _directions(part: Basis, rows: Tensor, kept: Kept) -> tuple[Tensor, Tensor]:
    """Sizes of the kept directions, and what turns rows into an orthonormal basis of these."""
    xp = part.xp
    moments = xp.astype(rows.T @ rows, part.sizes.dtype, copy=False)
    values, vectors = xp.linalg.eigh(part.sizes[:, None] * moments * part.sizes)
    there = values > negligible(xp, part.sizes, part.num_samples) * values[-1]
    sizes = xp.sqrt(xp.where(there, values, xp.zeros_like(values)))
    num_kept = int(np.count_nonzero(to_numpy(kept(xp.flip(sizes), xp))))
    largest = slice(int(sizes.shape[0]) - num_kept, None)  # the last ones
    sizes = sizes[largest]
    turn = part.sizes[:, None] * vectors[:, largest] / sizes
    return sizes, xp.astype(turn, rows.dtype, copy=False)
