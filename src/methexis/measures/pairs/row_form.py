"""Matrices over pairs that are sparse up to a constant in each row: ``m_ij = s_ij + r_i``.

So are the chances of being a neighbour where most others are equally near. Sums, entrywise
products and products with vectors go with the entries of s; the diagonal is zero. A product with
the transposed, ``(s_ij + r_i)(s_ji + r_j)``, is sparse up to an outer product: `RowEntries` has
those, for moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from methexis.core.checks import Array
from methexis.measures.pairs.entries import Dense, Entries, SparseEntries, scale_of

#: Matrices of more entries than this share are multiplied as dense ones, if they are small enough.
FULL, LARGEST_FULL = 0.1, 4096
#: Multiplications of one product of two sparse matrices that take a minute or so.
MOST_PRODUCTS = 2.0e10


@dataclass(frozen=True, eq=False)
class RowForm:
    """``m_ij = s_ij + r_i`` for i ≠ j, and 0 on the diagonal.

    Attributes
    ----------
    values : sparse array (num_samples, num_samples)
        s, in canonical form, without a diagonal.
    rest : array (num_samples,)
        r.
    """

    values: Any
    rest: Array

    @property
    def num_samples(self) -> int:
        """Number of samples, which are rows and columns."""
        return len(self.rest)

    @property
    def row_sums(self) -> Array:
        """Sums of the entries of each row."""
        sums: Array = self.values.sum(axis=1) + (self.num_samples - 1) * self.rest
        return sums

    @property
    def column_sums(self) -> Array:
        """Sums of the entries of each column."""
        sums: Array = self.values.sum(axis=0) + np.sum(self.rest) - self.rest
        return sums

    @property
    def total(self) -> float:
        """Sum of all entries."""
        return float(np.sum(self.row_sums))

    def times(self, other: RowForm) -> RowForm:
        """The entrywise product with another matrix of this form, which has this form."""
        return RowForm(
            sparse.csr_array(
                self.values.multiply(other.values)
                + scaled(other.values, self.rest)
                + scaled(self.values, other.rest)
            ),
            self.rest * other.rest,
        )

    def scaled(self, factor: float) -> RowForm:
        """All entries times a number."""
        return RowForm(self.values * factor, self.rest * factor)

    def inner(self, other: RowForm) -> float:
        """Sum of the products of entries."""
        return self.times(other).total

    def trace(self, other: RowForm) -> float:
        """Trace of the product with another, ``Σ_ij m_ij w_ji``."""
        return float(
            self.values.multiply(other.values.T).sum()
            + self.values.sum(axis=0) @ other.rest
            + other.values.sum(axis=0) @ self.rest
            + np.sum(self.rest) * np.sum(other.rest)
            - self.rest @ other.rest
        )

    def dense(self) -> Array:
        """The matrix as an array ``(num_samples, num_samples)``."""
        matrix: Array = self.values.toarray() + self.rest[:, None]
        np.fill_diagonal(matrix, 0.0)
        return matrix

    def entries(self) -> Entries | None:
        """The entries for moments; None where these would take longer than drawing orders."""
        n = self.num_samples
        if n <= LARGEST_FULL and self.values.nnz > FULL * n**2:
            return Dense(self.dense())
        rows, columns = np.diff(self.values.indptr), np.bincount(self.values.indices, minlength=n)
        if float(rows.astype(float) @ columns) > MOST_PRODUCTS:
            return None
        return RowEntries(self)


def scaled(matrix: Any, factors: Array) -> Any:
    """A sparse matrix with each row times a factor."""
    data = matrix.data * np.repeat(factors, np.diff(matrix.indptr))
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


@dataclass(frozen=True)
class _Outer:
    """``s_ij + u_i v_j`` off the diagonal."""

    values: Any
    left: Array
    right: Array

    def __matmul__(self, vector: Array) -> Array:
        weighted = self.right * vector
        product: Array = self.values @ vector + self.left * (np.sum(weighted) - weighted)
        return product

    def times(self, other: _Outer) -> _Outer:
        return _Outer(
            sparse.csr_array(
                self.values.multiply(other.values) + other._on(self.values) + self._on(other.values)
            ),
            self.left * other.left,
            self.right * other.right,
        )

    def _on(self, values: Any) -> Any:
        """The outer product where a sparse matrix has entries, times these."""
        entries = scaled(values, self.left)
        entries.data *= self.right[entries.indices]
        return entries

    @property
    def transposed(self) -> _Outer:
        return _Outer(self.values.T.tocsr(), self.right, self.left)


class RowEntries(SparseEntries):
    """Such a matrix, centred and scaled."""

    symmetric = False

    def __init__(self, form: RowForm) -> None:
        n = form.num_samples
        self.num_samples, self.diagonal_total = n, 0.0
        self.other_total = form.total
        mean = self.other_total / (n * (n - 1))
        rest = form.rest - mean
        raw, centred = (_square(form.values, part) for part in (form.rest, rest))
        self.scale = scale_of(centred, raw, float(np.finfo(np.float64).eps))
        factor = 1.0 / self.scale if self.scale else 0.0
        self.diagonal = np.zeros(n)
        self._matrix = _Outer(form.values * factor, rest * factor, np.ones(n))
        self._powers = {(1, 0): self._matrix}

    def triangles(self) -> tuple[float, float]:
        """Cyclic and transitive triangles."""
        # With m = s + r 1ᵀ, where s has -r on its diagonal, the products are expanded in r.
        n, r = self.num_samples, self._matrix.left
        s = sparse.csr_array(self._matrix.values - sparse.diags_array(r))
        rows, columns = s @ np.ones(n), s.T @ np.ones(n)
        through, whole = s @ r, float(np.sum(r))
        twice = s @ s
        cyclic = (
            float(twice.multiply(s.T).sum())
            + 3.0 * float(columns @ through)
            + 3.0 * float(np.sum(through)) * whole
            + whole**3
        )
        transitive = (
            float(twice.multiply(s).sum())
            + float(through @ rows)
            + float(r @ (s @ columns))
            + whole * float(r @ rows)
            + float(r @ (s @ rows))
            + n * float(r @ through)
            + float(r @ r) * float(np.sum(columns))
            + n * whole * float(r @ r)
        )
        return cyclic, transitive


def _square(values: Any, rest: Array) -> float:
    """Sum of the squares of ``s_ij + r_i`` off the diagonal."""
    own = np.repeat(rest, np.diff(values.indptr))
    n = len(rest)
    return float(np.sum((values.data + own) ** 2 - own**2) + (n - 1) * np.sum(rest**2))
