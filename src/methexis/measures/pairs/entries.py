"""A matrix over pairs of samples, dense or sparse, as the sums of `moments` need it.

Its diagonal is kept apart and the mean of its other entries is taken off, so that ``m_ii = 0`` and
``Σ m_ij = 0``. A sparse matrix stays sparse: ``m_ij = s_ij + c`` for i ≠ j, and that form survives
entrywise products, transposition and products with vectors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np
from scipy import sparse

from methexis.core.checks import Array
from methexis.core.parallel.caching import cached_property
from methexis.errors import MethexisError
from methexis.measures.inputs.features import Namespace, Tensor
from methexis.measures.rounding import ROUNDINGS_OF_A_CONSTANT, epsilon


class Entries(ABC):
    """Entries off the diagonal, centred and scaled; the diagonal, centred and scaled likewise.

    Attributes
    ----------
    num_samples : int
        Rows and columns.
    diagonal_total, other_total : float
        Sums before centring.
    scale : float
        Frobenius norm after centring, by which everything is divided; 0 for a constant matrix.
    diagonal : array (num_samples,)
        The centred, scaled diagonal.
    symmetric : bool
        Whether ``m_ij = m_ji`` exactly.
    """

    num_samples: int
    diagonal_total: float
    other_total: float
    scale: float
    diagonal: Tensor
    symmetric: bool

    @abstractmethod
    def apply(self, forward: int, backward: int, vector: Tensor) -> Tensor:
        """``Σ_j m_ij^forward m_ji^backward v_j``."""

    @abstractmethod
    def total(self, vector: Tensor) -> float:
        """Sum of a vector."""

    @abstractmethod
    def triangles(self) -> tuple[float, float]:
        """``Σ m_ij m_jk m_ki`` and ``Σ m_ij m_jk m_ik``: one product of two such matrices."""

    def largest_share(self) -> float:
        """Largest share of the square of all entries that one sample's row and column have."""
        ones = self.ones
        rows = self.apply(2, 0, ones)
        shares = rows + (rows if self.symmetric else self.apply(0, 2, ones)) + self.diagonal**2
        return float(max(shares))

    @property
    @abstractmethod
    def ones(self) -> Tensor:
        """The vector of ones."""


def entries(matrix: Any) -> Entries:
    """The entries of a square matrix of NumPy, PyTorch or ``scipy.sparse``, or as they are.

    Raises
    ------
    MethexisError
        If it is not square or has fewer than two rows.
    """
    if isinstance(matrix, Entries):
        return matrix
    shape = tuple(matrix.shape)
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] < 2:
        raise MethexisError(
            f"matrix: expected a square matrix over pairs of at least 2 samples, got shape {shape}"
        )
    return Sparse(matrix) if sparse.issparse(matrix) else Dense(matrix)


def scale_of(centred: float, raw: float, epsilon: float) -> float:
    """The norm from its square after centring, or 0 if that is rounding of the one before."""
    least = ROUNDINGS_OF_A_CONSTANT * epsilon
    return float(np.sqrt(centred)) if centred > least**2 * raw else 0.0


#: Samples from which products of symmetric matrices make use of that.
LARGE = 2048
#: Rows of a block of a symmetric matrix: products of blocks are as fast as whole ones, and half of
#: a block less is done twice.
ROWS = 256
#: Entries of a block whose powers are summed: they stay in the processor's cache.
POWERS = 1 << 17


class Dense(Entries):
    """A dense matrix, centred and scaled, and its diagonal."""

    def __init__(self, matrix: Tensor) -> None:
        xp: Namespace = array_api_compat.array_namespace(matrix)
        if not xp.isdtype(matrix.dtype, "real floating"):
            matrix = xp.astype(matrix, xp.float64)
        n = int(matrix.shape[0])
        where = array_api_compat.device(matrix)
        places = xp.arange(n, device=where)
        diagonal = xp.asarray(xp.linalg.diagonal(matrix), copy=True)
        off = xp.asarray(matrix, copy=True)  # changed in place: a copy of pairs takes long to make
        off[places, places] = 0.0
        self._xp, self.num_samples = xp, n
        self.diagonal_total = float(xp.sum(diagonal))
        self.other_total = float(xp.sum(off))
        raw = _square(xp, off) + float(xp.sum(diagonal * diagonal))
        off -= self.other_total / (n * (n - 1))
        off[places, places] = 0.0
        diagonal = diagonal - self.diagonal_total / n
        centred = _square(xp, off) + float(xp.sum(diagonal * diagonal))
        self.scale = scale_of(centred, raw, epsilon(xp, matrix))
        factor = 1.0 / self.scale if self.scale else 0.0
        off *= factor
        self._matrix, self.diagonal = off, diagonal * factor
        self._ones = xp.ones(n, dtype=matrix.dtype, device=where)
        self.symmetric = bool(xp.all(self._matrix == self._matrix.T))
        self._power: tuple[tuple[int, int], Tensor] = ((1, 0), self._matrix)

    @property
    def ones(self) -> Tensor:
        """The vector of ones."""
        return self._ones

    def total(self, vector: Tensor) -> float:
        """Sum of a vector."""
        return float(self._xp.sum(vector))

    def apply(self, forward: int, backward: int, vector: Tensor) -> Tensor:
        """Product of entrywise powers with a vector; the last power is kept, others cost memory."""
        if self.symmetric and forward + backward in {2, 3} and vector is self._ones:
            return self._row_sums[forward + backward - 2]
        if backward > forward:
            return self._raised(backward, forward).T @ vector
        return self._raised(forward, backward) @ vector

    @cached_property
    def _row_sums(self) -> tuple[Tensor, Tensor]:
        """Row sums of the entries' squares and cubes."""
        m = self._matrix
        return row_sums(self._xp, m, m), row_sums(self._xp, m, m, m)

    def _raised(self, forward: int, backward: int) -> Tensor:
        if forward + backward == 1:
            return self._matrix
        if self._power[0] != (forward, backward):
            power = self._matrix
            for _ in range(forward - 1):  # a general power is many times slower
                power = power * self._matrix
            for _ in range(backward):
                power = power * self._matrix.T
            self._power = ((forward, backward), power)
        return self._power[1]

    def triangles(self) -> tuple[float, float]:
        """Cyclic and transitive triangles."""
        if self.symmetric and self.num_samples >= LARGE:
            once = self._triangles_of_blocks()
            return once, once
        twice = self._matrix @ self._matrix
        transitive = float(self._xp.sum(twice * self._matrix))
        if self.symmetric:
            return transitive, transitive
        return float(self._xp.sum(twice * self._matrix.T)), transitive

    def _triangles_of_blocks(self) -> float:
        """``Tr m³`` of a symmetric matrix with a third of the work of a symmetric product.

        A triangle of three blocks of samples is the same in all orders of the blocks. So those with
        ``I ≤ J ≤ K`` are summed, ``n³/6`` products, and count six times where the blocks differ,
        three times where two of them are one, once where all are.
        """
        xp, m, n = self._xp, self._matrix, self.num_samples
        total = 0.0
        for start in range(0, n, ROWS):
            end = min(n, start + ROWS)
            own = m[start:end, start:end]
            above = m[:end, start:end]
            # K = J, and K beyond J.
            within = xp.sum((above @ own) * above, axis=1)
            beyond = xp.sum((m[:end, end:] @ m[end:, start:end]) * above, axis=1)
            total += float(3.0 * xp.sum(within[:start]) + xp.sum(within[start:]))
            total += float(6.0 * xp.sum(beyond[:start]) + 3.0 * xp.sum(beyond[start:]))
        return total


def row_sums(xp: Namespace, *factors: Tensor) -> Tensor:
    """Row sums of the entrywise product of some matrices, in blocks that the cache holds.

    The product of matrices over pairs of many samples is never whole: to write it and read it again
    would take longer than to multiply.
    """
    rows, columns = (int(length) for length in factors[0].shape)
    height = max(1, POWERS // columns)
    sums = []
    for start in range(0, rows, height):
        block = factors[0][start : start + height, :]
        for factor in factors[1:]:
            block = block * factor[start : start + height, :]
        sums.append(xp.sum(block, axis=1))
    return xp.concat(sums)


def _square(xp: Namespace, matrix: Tensor) -> float:
    """The squared Frobenius norm of a matrix."""
    return float(xp.sum(row_sums(xp, matrix, matrix)))


@dataclass(frozen=True)
class _Shifted:
    """``m_ij = s_ij + c`` off the diagonal, 0 on it, with a sparse ``s``."""

    values: Any
    shift: float

    def __matmul__(self, vector: Array) -> Array:
        product: Array = self.values @ vector + self.shift * (np.sum(vector) - vector)
        return product

    def times(self, other: _Shifted) -> _Shifted:
        """The entrywise product with another matrix of this form, which has this form."""
        return _Shifted(
            self.values.multiply(other.values)
            + self.shift * other.values
            + other.shift * self.values,
            self.shift * other.shift,
        )

    @property
    def transposed(self) -> _Shifted:
        return _Shifted(self.values.T.tocsr(), self.shift)


class SparseEntries(Entries):
    """A sparse matrix and a simple one beside it: a form that entrywise products keep.

    Subclasses set `_matrix`, which multiplies vectors, knows its transpose (`transposed`) and makes
    entrywise products (`times`), and ``_powers = {(1, 0): _matrix}``.
    """

    _matrix: Any
    _powers: dict[tuple[int, int], Any]

    @property
    def ones(self) -> Array:
        """The vector of ones."""
        return np.ones(self.num_samples)

    def total(self, vector: Array) -> float:
        """Sum of a vector."""
        return float(np.sum(vector))

    def apply(self, forward: int, backward: int, vector: Array) -> Array:
        """Product of entrywise powers with a vector."""
        product: Array = self._raised(forward, backward) @ vector
        return product

    def _raised(self, forward: int, backward: int) -> Any:
        key = (forward, backward)
        if key not in self._powers:
            if forward:
                factor, rest = self._matrix, (forward - 1, backward)
            else:
                factor, rest = self._matrix.transposed, (forward, backward - 1)
            self._powers[key] = factor if rest == (0, 0) else factor.times(self._raised(*rest))
        return self._powers[key]


class Sparse(SparseEntries):
    """A sparse matrix of SciPy; work and memory go with its non-zeros, not with pairs."""

    def __init__(self, matrix: Any) -> None:
        values = sparse.csr_array(matrix, dtype=np.float64, copy=True)  # sorted in place below
        values.sum_duplicates()
        n = int(values.shape[0])
        diagonal = values.diagonal()
        values = sparse.csr_array(values - sparse.diags_array(diagonal))
        values.eliminate_zeros()
        self.num_samples = n
        self.diagonal_total = float(np.sum(diagonal))
        self.other_total = float(values.sum())
        mean = self.other_total / (n * (n - 1))
        stored = values.data
        raw = float(np.sum(stored**2) + np.sum(diagonal**2))
        diagonal = diagonal - self.diagonal_total / n
        zeros = n * (n - 1) - len(stored)
        centred = np.sum((stored - mean) ** 2) + zeros * mean**2 + np.sum(diagonal**2)
        self.scale = scale_of(float(centred), raw, epsilon(np, stored))
        factor = 1.0 / self.scale if self.scale else 0.0
        self._matrix = _Shifted(values * factor, -mean * factor)
        self.diagonal = diagonal * factor
        difference: Any = values - values.T
        self.symmetric = bool(difference.count_nonzero() == 0)
        self._powers = {(1, 0): self._matrix}

    def triangles(self) -> tuple[float, float]:
        """Cyclic and transitive triangles."""
        # With m = s + c 1 1ᵀ, where s has -c on its diagonal, the products are expanded in c.
        n, c = self.num_samples, self._matrix.shift
        s = sparse.csr_array(self._matrix.values - c * sparse.eye_array(n))
        rows, columns = s @ np.ones(n), s.T @ np.ones(n)
        twice = s @ s
        rest = 3 * c**2 * n * float(np.sum(rows)) + c**3 * n**3
        through = float(columns @ rows)
        cyclic = float(twice.multiply(s.T).sum()) + 3 * c * through + rest
        transitive = (
            float(twice.multiply(s).sum())
            + c * (through + float(columns @ columns) + float(rows @ rows))
            + rest
        )
        return cyclic, transitive
