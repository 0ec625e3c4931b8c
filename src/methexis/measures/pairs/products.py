"""Entries ``m_ij = u_iᵀ S u_j`` of a matrix over pairs that is never formed.

With few columns in U, products with vectors and triangles go through U; entrywise squares and
cubes have no such form and are made and summed in blocks of rows: one pass of ``n² d / 2``
operations, and memory for one block.
"""

from __future__ import annotations

import array_api_compat

from methexis.core.parallel.caching import cached_property
from methexis.measures.inputs.features import Namespace, Tensor
from methexis.measures.pairs.entries import Entries, scale_of
from methexis.measures.rounding import epsilon

#: Rows of a block, and most of its entries.
ROWS, BLOCK = 256, 1 << 24


class Products(Entries):
    """A symmetric matrix ``U S Uᵀ`` off the diagonal, and its diagonal, whatever ``u_iᵀ S u_i`` is.

    It is made of factors U ``(num_samples, rank)`` and a symmetric core S, or its diagonal
    ``(rank,)`` where it has nothing else.
    """

    symmetric = True

    def __init__(self, factors: Tensor, core: Tensor, diagonal: Tensor) -> None:
        xp: Namespace = array_api_compat.array_namespace(factors)
        n = int(factors.shape[0])
        where = array_api_compat.device(factors)
        self._xp, self.num_samples = xp, n
        self._ones = xp.ones(n, dtype=factors.dtype, device=where)
        own = xp.sum(_times(factors, core) * factors, axis=1)
        sums = xp.sum(factors, axis=0)
        self.diagonal_total = float(xp.sum(diagonal))
        self.other_total = float(xp.sum(_times(sums[None, :], core) * sums) - xp.sum(own))
        gram = factors.T @ factors
        raw = self._square(gram, core) - float(xp.sum(own * own))
        mean = self.other_total / (n * (n - 1))
        # A column of ones carries the constant.
        factors = xp.concat([factors, self._ones[:, None]], axis=1)
        gram = _bordered(xp, gram, sums, float(n))
        nothing = xp.zeros_like(sums)
        constant = xp.full((1,), -mean, dtype=core.dtype, device=where)
        if core.ndim == 1:
            core = xp.concat([core, constant])
        else:
            core = _bordered(xp, core, nothing, -mean)
        own = own - mean
        diagonal = diagonal - self.diagonal_total / n
        square = float(xp.sum(diagonal * diagonal))
        centred = self._square(gram, core) - float(xp.sum(own * own)) + square
        raw += square + self.diagonal_total**2 / n
        self.scale = scale_of(centred, raw, epsilon(xp, factors))
        factor = 1.0 / self.scale if self.scale else 0.0
        self._factors, self._core, self._gram = factors, core * factor, gram
        self.diagonal, self._own = diagonal * factor, own * factor

    @property
    def ones(self) -> Tensor:
        """The vector of ones."""
        return self._ones

    def total(self, vector: Tensor) -> float:
        """Sum of a vector."""
        return float(self._xp.sum(vector))

    def apply(self, forward: int, backward: int, vector: Tensor) -> Tensor:
        """Product of the matrix with a vector, or row sums of an entrywise power."""
        power = forward + backward
        if power == 1:
            inside = _times((self._factors.T @ vector)[None, :], self._core)[0, :]
            return self._factors @ inside - self._own * vector
        assert vector is self._ones  # `moments` asks for nothing else
        return self._row_sums[power]

    @cached_property
    def _row_sums(self) -> dict[int, Tensor]:
        """Row sums of the entries' squares and cubes, in one pass.

        Each pair of samples is computed once: it adds to the sum of its row and to that of its
        column, which is the row of the other sample.
        """
        xp, n, own = self._xp, self.num_samples, self._own
        height = max(1, min(ROWS, BLOCK // n))
        left = _times(self._factors, self._core)
        sums = {power: xp.zeros_like(own) for power in (2, 3)}
        for start in range(0, n, height):
            end = min(n, start + height)
            block = left[start:end, :] @ self._factors[start:, :].T
            powers = block * block
            for power, of_power in sums.items():
                if power == 3:
                    powers *= block
                of_power[start:end] += xp.sum(powers, axis=1)
                of_power[end:] += xp.sum(powers[:, end - start :], axis=0)
        return {power: of_power - own**power for power, of_power in sums.items()}

    def triangles(self) -> tuple[float, float]:
        """Cyclic and transitive triangles, both ``Tr m³`` of ``m = U S Uᵀ - diag(e)``."""
        xp, own = self._xp, self._own
        through = _times(self._gram, self._core)
        # S UᵀU S, by which u_i is multiplied twice.
        twice = _times(through.T, self._core)
        trace = (
            float(xp.sum((through @ through) * through.T))
            - 3.0 * float(xp.sum(own * xp.sum((self._factors @ twice) * self._factors, axis=1)))
            + 2.0 * float(xp.sum(own**3))
        )
        return trace, trace

    def _square(self, gram: Tensor, core: Tensor) -> float:
        """Squared Frobenius norm of ``U S Uᵀ``, from ``UᵀU``."""
        through = _times(gram, core)
        return float(self._xp.sum(through * through.T))


def _times(rows: Tensor, core: Tensor) -> Tensor:
    """Rows times a symmetric core, or times its diagonal."""
    return rows * core if core.ndim == 1 else rows @ core


def _bordered(xp: Namespace, matrix: Tensor, border: Tensor, corner: float) -> Tensor:
    """A symmetric matrix with one more row and column."""
    width = int(matrix.shape[0])
    where = array_api_compat.device(matrix)
    wide = xp.zeros((width + 1, width + 1), dtype=matrix.dtype, device=where)
    wide[:width, :width] = matrix
    wide[:width, width] = border
    wide[width, :width] = border
    wide[width, width] = corner
    return wide
