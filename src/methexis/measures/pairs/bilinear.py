"""Measures that are one sum over pairs of samples: ``score = Σ_ij a_ij b_ij``.

CKA, HSIC, RV, the cosine of Gram matrices, distance correlation, representational similarity with
Pearson or Spearman correlation, and the overlap of neighbour lists are all of this form; they
differ in how a representation becomes its matrix ``a``. So permutations, exact moments over all of
them and batches over many pairs are written once, here: with matrices as vectors over pairs of
samples, a grid of scores is one product of two matrices.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar, cast

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.parallel.caching import cached_property
from methexis.measures.inputs.features import Namespace, Tensor
from methexis.measures.measure import Measure, NullMoments, Orders
from methexis.measures.pairs import influence, moments
from methexis.measures.pairs.entries import LARGE, row_sums
from methexis.measures.pairs.grid_products import pair_products
from methexis.measures.work import NOTHING, Time, Work, pair_work, passes, products

#: Nanoseconds per entry that an order gathers from a block of matrices.
_GATHERED = 0.3
#: Nanoseconds of one core per pair of samples: entries of two matrices multiplied and added.
_SCORE = 1.5
#: Multiply-adds per triple of samples for the moments of two matrices, of few samples and of many,
#: of which each triple is taken once; passes per pair.
_TRIPLES, _ONCE, _MOMENTS = 2.0, 0.4, 25.0


def moments_work(num_samples: int) -> Time:
    """Time of the moments over orders of two matrices over pairs of samples."""
    pairs = float(num_samples) ** 2
    triples = _ONCE if num_samples >= LARGE else _TRIPLES
    return products(triples * pairs * num_samples) + passes(pairs, _MOMENTS)


def matrix_work(
    num_samples: int,
    num_features: tuple[int, int],
    *,
    reduce: Time,
    score: Time = NOTHING,
    order: float,
    resample: Time,
    groups: Time,
    matrices: float,
) -> Work:
    """Work of two matrices over pairs of samples, of which so many are held at once.

    Each pair is multiplied once. Beyond the product that makes both, `reduce`, and beyond the
    product of their entries, `score`; for an order, also so many nanoseconds per pair of samples.
    """
    n, pairs = num_samples, float(num_samples) ** 2
    compared = passes(pairs, _SCORE) + score
    work = pair_work(
        n,
        num_features,
        products(0.5 * pairs * sum(num_features)) + reduce,
        compared,
        moments=moments_work(n),
        order=compared + passes(pairs, order),
        resample=resample,
        pair_matrices=matrices,
    )
    return replace(work, groups=groups)


class PairForm(ABC):
    """A representation in such a sum: its matrix, or what gives the same sums without it."""

    @cached_property
    @abstractmethod
    def sums(self) -> moments.PairSums:
        """What moments over orders need; summed once."""

    @cached_property
    @abstractmethod
    def diagonal(self) -> Tensor:
        """Diagonal of the kernel that bootstrap samples are made from."""

    @property
    @abstractmethod
    def whole(self) -> PairMatrix | None:
        """The matrix over pairs; None where it would be too large to be made."""

    @abstractmethod
    def times(self, weights: Tensor) -> Tensor:
        """Products of vectors ``(num_vectors, num_samples)`` with that kernel."""

    @abstractmethod
    def inner(self, other: Any) -> float:
        """``Σ_ij a_ij b_ij`` with another of the same kind."""

    @abstractmethod
    def influence(self, other: Any) -> Array:
        """How much each sample moves `inner` of two that are normalised; see `influence`."""

    @abstractmethod
    def reordered(self, order: NDArray[np.int64]) -> Self:
        """The form of the samples in another order."""

    def null_moments(self, other: Any) -> NullMoments | None:
        """Exact moments of `inner` over all orders, from sums that each keeps."""
        return moments.null_moments(self.sums, other.sums)

    @abstractmethod
    def null_mean(self, other: Any) -> float:
        """Exact mean of `inner` over all orders."""


@dataclass(frozen=True, eq=False)
class PairMatrix(PairForm):
    """A representation as a matrix over pairs of samples.

    The `matrix` is normalised so that the score of a pair is the sum of the products of entries;
    bootstrap samples are made from the `kernel`, because they are centred and normalised anew.
    """

    matrix: Tensor
    kernel: Tensor
    xp: Namespace

    @cached_property
    def sums(self) -> moments.PairSums:
        """What moments over orders need of the matrix; summed once, ``n^3``."""
        return moments.pair_sums(self.matrix)

    @cached_property
    def diagonal(self) -> Tensor:
        """The diagonal of the kernel."""
        return self.xp.linalg.diagonal(self.kernel)

    @property
    def whole(self) -> PairMatrix:
        """The matrix, which is whole already."""
        return self

    def times(self, weights: Tensor) -> Tensor:
        """Products of vectors with the kernel."""
        return weights @ self.kernel

    @cached_property
    def totals(self) -> tuple[float, float]:
        """Sums of the diagonal and of the other entries."""
        diagonal = float(self.xp.sum(self.xp.linalg.diagonal(self.matrix)))
        return diagonal, float(self.xp.sum(self.matrix)) - diagonal

    def inner(self, other: PairMatrix) -> float:
        """Sum of the products of entries."""
        return float(self.xp.sum(row_sums(self.xp, self.matrix, other.matrix)))

    def influence(self, other: PairMatrix) -> Array:
        """How much each sample moves `inner`, from sums of products along its row."""
        return influence.of_matrices(self.matrix, other.matrix, self.inner(other), self.xp)

    def reordered(self, order: NDArray[np.int64]) -> Self:
        """The matrix with rows and columns in another order."""
        index: Any = self.xp.asarray(order, device=array_api_compat.device(self.matrix))

        def taken(matrix: Tensor) -> Tensor:
            return self.xp.take(self.xp.take(matrix, index, axis=0), index, axis=1)

        matrix = taken(self.matrix)
        kernel = matrix if self.kernel is self.matrix else taken(self.kernel)
        return replace(self, matrix=matrix, kernel=kernel)

    def null_mean(self, other: PairMatrix) -> float:
        """Exact mean, from the sums of the diagonals and of the other entries."""
        return moments.null_mean(int(self.matrix.shape[0]), self.totals, other.totals)


F = TypeVar("F", bound=PairForm)


class PairMeasure(Measure[F]):
    """A measure ``Σ_ij a_ij b_ij`` of two forms over pairs of samples, symmetric ones."""

    def closed_null(self, num_samples: int) -> bool:
        """True, because the score is a sum over pairs of samples."""
        del num_samples
        return True

    def order_work(self, num_samples: int, widths_a: list[int], widths_b: list[int]) -> Time:
        """One gather per column and one product of all matrices as vectors, half of each."""
        entries, columns = 0.5 * num_samples**2, len(widths_b)
        together = products(entries * len(widths_a) * columns, _GATHERED)
        return passes(entries * columns, _GATHERED) + together

    def alike(self, a: F, b: F) -> tuple[F, F]:
        """The pair as forms of one kind, where there are several kinds."""
        return a, b

    def score(self, a: F, b: F) -> float:
        """The score of a pair."""
        one, other = self.alike(a, b)
        return one.inner(other)

    @property
    def self_normed(self) -> bool:
        """Whether a score is a cosine of matrices whose entries depend on their samples alone."""
        return False

    def influence(self, a: F, b: F) -> Array | None:
        """How much each sample moves a score that is a cosine; None of other scores."""
        if not self.self_normed:
            return None
        one, other = self.alike(a, b)
        matrices = one.whole, other.whole
        if matrices[0] is None or matrices[1] is None:
            return one.influence(other)
        return matrices[0].influence(matrices[1])

    def interactions(self, a: F, b: F, samples: NDArray[np.int64]) -> Array | None:
        """How much pairs of samples move the score together; None where there are no matrices."""
        one, other = (form.whole for form in self.alike(a, b))
        if one is None or other is None:
            return None
        return influence.between(one.matrix, other.matrix, one.inner(other), samples)

    def null_moments(self, a: F, b: F) -> NullMoments | None:
        """Exact moments over all orders."""
        one, other = self.alike(a, b)
        return one.null_moments(other)

    def null_mean(self, a: F, b: F) -> float | None:
        """Exact mean over all orders."""
        one, other = self.alike(a, b)
        return one.null_mean(other)

    def null_sums(self, reduced: F) -> Any:
        """Sums of the products of entries."""
        return reduced.sums

    def moments_from(self, a: Any, b: Any) -> NullMoments:
        """Exact moments over all orders."""
        return moments.null_moments(a, b)

    def lean(self, reduced: F) -> F:
        """The matrix alone, without the kernel that bootstrap samples are made from."""
        whole = reduced.whole
        if whole is None:
            return reduced
        plain: Any = PairMatrix(whole.matrix, whole.matrix, whole.xp)
        return cast(F, plain)

    def score_grid(self, rows: Sequence[F], columns: Sequence[F]) -> Array:
        """One product of all matrices as vectors, a few rows of samples at a time."""
        matrices = _matrices(rows), _matrices(columns)
        if matrices[0] is None or matrices[1] is None:
            return super().score_grid(rows, columns)
        return pair_products(matrices[0], matrices[1], symmetric=True)

    def permuted_grid(self, rows: Sequence[F], columns: Sequence[F], orders: Orders) -> Array:
        """One gather per column and one product of all matrices per order."""
        matrices = _matrices(rows), _matrices(columns)
        if matrices[0] is None or matrices[1] is None:
            return super().permuted_grid(rows, columns, orders)
        return pair_products(matrices[0], matrices[1], orders, symmetric=True)


class BilinearMeasure(PairMeasure[PairMatrix]):
    """A measure of two matrices over pairs of samples."""


def _matrices(forms: Sequence[PairForm]) -> list[Tensor] | None:
    matrices = [whole.matrix for form in forms if (whole := form.whole) is not None]
    return matrices if len(matrices) == len(forms) else None
