"""Entries ``m_ij = u_iᵀ S u_j`` of a matrix over pairs that is never formed.

With few columns in U, products with vectors and triangles go through U; entrywise squares and
cubes have no such form and are made and summed in blocks of rows: one pass of ``n² d`` operations,
and memory for one block.
"""

from __future__ import annotations

import array_api_compat

from methexis.core.caching import cached_property
from methexis.measures.inputs.features import Namespace, Tensor
from methexis.measures.pairs.entries import Entries, scale_of
from methexis.measures.rounding import epsilon

#: Entries of a block of rows.
BLOCK = 1 << 24


class Products(Entries):
    """A symmetric matrix ``U S Uᵀ`` off the diagonal, and its diagonal, whatever ``u_iᵀ S u_i`` is.

    It is made of factors U ``(num_samples, rank)`` and a symmetric core S.
    """

    symmetric = True

    def __init__(self, factors: Tensor, core: Tensor, diagonal: Tensor) -> None:
        xp: Namespace = array_api_compat.array_namespace(factors)
        n, rank = (int(length) for length in factors.shape)
        self._xp, self.num_samples = xp, n
        self._ones = xp.ones(n, dtype=factors.dtype, device=array_api_compat.device(factors))
        own = xp.sum((factors @ core) * factors, axis=1)
        sums = xp.sum(factors, axis=0)
        self.diagonal_total = float(xp.sum(diagonal))
        self.other_total = float(sums @ core @ sums - xp.sum(own))
        raw = self._square(factors, core) - float(xp.sum(own * own))
        mean = self.other_total / (n * (n - 1))
        # A column of ones carries the constant.
        factors = xp.concat([factors, self._ones[:, None]], axis=1)
        wide = xp.zeros(
            (rank + 1, rank + 1), dtype=core.dtype, device=array_api_compat.device(core)
        )
        wide[:rank, :rank] = core
        wide[rank, rank] = -mean
        own = own - mean
        diagonal = diagonal - self.diagonal_total / n
        square = float(xp.sum(diagonal * diagonal))
        centred = self._square(factors, wide) - float(xp.sum(own * own)) + square
        raw += square + self.diagonal_total**2 / n
        self.scale = scale_of(centred, raw, epsilon(xp, factors))
        factor = 1.0 / self.scale if self.scale else 0.0
        self._factors, self._core = factors, wide * factor
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
            return self._factors @ (self._core @ (self._factors.T @ vector)) - self._own * vector
        assert vector is self._ones  # `moments` asks for nothing else
        return self._row_sums[power]

    @cached_property
    def _row_sums(self) -> dict[int, Tensor]:
        """Row sums of the entries' squares and cubes, in one pass."""
        height = max(1, BLOCK // self.num_samples)
        left = self._factors @ self._core
        squares, cubes = [], []
        for start in range(0, self.num_samples, height):
            block = left[start : start + height] @ self._factors.T
            powers = block * block
            squares.append(self._xp.sum(powers, axis=1))
            powers *= block
            cubes.append(self._xp.sum(powers, axis=1))
        own = self._own
        return {2: self._xp.concat(squares) - own**2, 3: self._xp.concat(cubes) - own**3}

    def triangles(self) -> tuple[float, float]:
        """Cyclic and transitive triangles, both ``Tr m³`` of ``m = U S Uᵀ - diag(e)``."""
        xp, own = self._xp, self._own
        through = self._core @ (self._factors.T @ self._factors)
        twice = through @ self._core
        trace = (
            float(xp.sum((through @ through) * through.T))
            - 3.0 * float(xp.sum(own * xp.sum((self._factors @ twice) * self._factors, axis=1)))
            + 2.0 * float(xp.sum(own**3))
        )
        return trace, trace

    def _square(self, factors: Tensor, core: Tensor) -> float:
        """Squared Frobenius norm of ``U S Uᵀ``."""
        through = core @ (factors.T @ factors)
        return float(self._xp.sum(through * through.T))
