"""Bases: one orthonormal basis per representation, and all that a pair of them has in common.

Centre a representation and take its thin singular value decomposition, ``X = U diag(s) Vᵀ``. A
measure that lets a linear map act on features before it compares sees nothing of ``V``; so of a
pair it sees the sizes ``s_x``, ``s_y`` and the overlap ``M = U_xᵀ U_y`` only, a small matrix whose
singular values are the canonical correlations. Procrustes and Bures distances, CCA, SVCCA and GULP
are functions of these three (`Overlap`), and there are four ways to them:

- from two bases: one product of ``(r_x, n)`` by ``(n, r_y)`` numbers;
- with permuted rows: the same with the rows of ``U_y`` taken in another order, because a permuted
  basis is still a basis;
- of a bootstrap sample, where sample ``k`` counts ``c_k`` times: rows weigh ``√c_k`` after weighted
  centring. ``U`` is well conditioned whatever the features were, so the small Gram matrices of its
  weighted rows are safe to decompose, and nothing as long as the samples is;
- from second moments alone (`second_moments.py`), at a price in digits.

Directions smaller than ``max(n, d) ε ‖X‖_F`` are rounding, not features, and are left out: ``ε`` is
the spacing of numbers at 1 in the precision of the computation, and the norm is taken before
centring, because that is what was rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.parallel.caching import cached_property
from methexis.errors import MethexisError
from methexis.measures.inputs.features import Features, Namespace, Tensor, in_range, to_numpy
from methexis.measures.measure import Counts, Orders
from methexis.measures.pairs import moments
from methexis.measures.rounding import negligible
from methexis.measures.work import NOTHING, Time, Work, pair_work, passes, products

T = TypeVar("T", bound=np.generic)

#: Numbers that one batch of permutations or bootstrap samples may take: 32 MiB in float64.
BATCH_NUMBERS = 2**22
#: Arrays of that size that are held at once, and as many orders as fill one in what is small.
_COPIES, _MOST_DRAWN = 4, 1000

#: Nanoseconds of one core for a multiply-add of a singular value decomposition of many samples, per
#: sample and pair of features; of singular values of a small matrix, per triple; per entry of such,
#: of steps that are not products; and per feature of each sample that is put in order or weighed.
_DECOMPOSED, _VALUES, _STEP, _TAKEN = 0.3, 0.2, 60.0, 8.0

#: From so many features, and samples per feature, a decomposition goes by way of ``Q R``; and how
#: far from orthonormal columns may be then.
_WIDE, _TALL, _SKEWED = 256, 2.0, 2.0**-35

#: Spacing of numbers at 1 in types that are less precise than the computation.
SPACING = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}


def basis_work(
    num_samples: int,
    num_features: tuple[int, int],
    *,
    nuclear: bool = True,
    sides: float = 1.0,
    bases: float | None = None,
) -> Work:
    """How much measures of centred features and their bases have to do.

    A score takes so many products of all samples, `sides`, and the singular values of the overlap
    if they enter (`nuclear`); a bootstrap sample, where there are such, so many decompositions of
    each side, `bases`.
    """
    n, ranks = num_samples, [min(d, num_samples) for d in num_features]
    decomposed = sum(n * d * min(n, d) for d in num_features)
    score = products(sides * n * ranks[0] * ranks[1])
    values = NOTHING
    if nuclear:
        small = float(ranks[0]) * ranks[1] * min(ranks)
        values = products(small, _VALUES) + passes(ranks[0] * ranks[1], _STEP)
    score = score + values
    drawn = NOTHING
    if bases is not None:
        drawn = products(n * (ranks[0] ** 2 + ranks[1] ** 2 + ranks[0] * ranks[1])) + values
        drawn = drawn + passes(n * sum(ranks), _TAKEN)
        for rank in ranks:
            own = products(float(rank) ** 3, _VALUES) + passes(rank * rank, _STEP)
            drawn = drawn + bases * own
    work = pair_work(
        n,
        num_features,
        products(decomposed, _DECOMPOSED) + passes(n * sum(num_features), _TAKEN),
        score,
        order=score + passes(n * ranks[1], _TAKEN),
        resample=drawn,
    )
    return replace(work, num_bytes=work.num_bytes + batch_bytes(n * max(ranks)))


#: Directions of each that a part of a score is made of (`inference.regressed`).
LEADING = 32
#: Shares of the times above: of products in single precision, and of singular values from squares.
_SINGLE, _SQUARED = 0.6, 0.6
#: Of singular values with their vectors, over those without.
_VECTORS = 2.5


def leading_work(num_samples: int, num_features: tuple[int, int], *, every: bool) -> Time:
    """One order of the largest directions, or of all that leans on samples if `every` one counts.

    NOTHING where there are hardly more directions.
    """
    if min(*num_features, num_samples) <= LEADING:
        return NOTHING
    if every:
        return passes(num_samples, _TAKEN)
    small = products(num_samples * LEADING**2) + products(LEADING**3, _VALUES)
    return small + passes(LEADING**2, _STEP) + passes(num_samples * LEADING, _TAKEN)


def rough_work(num_samples: int, num_features: tuple[int, int], *, nuclear: bool) -> Time:
    """One order's score from products in single precision."""
    n, ranks = num_samples, [min(d, num_samples) for d in num_features]
    total = _SINGLE * products(n * ranks[0] * ranks[1]) + passes(n * ranks[1], 0.5 * _TAKEN)
    small = float(ranks[0]) * ranks[1] * min(ranks)
    values = products(small, _VALUES) + passes(ranks[0] * ranks[1], _STEP)
    return total + _SQUARED * values if nuclear else total


def turning_work(num_samples: int, num_features: tuple[int, int]) -> Time:
    """Singular vectors of one overlap, and both bases in them."""
    n, ranks = num_samples, [min(d, num_samples) for d in num_features]
    small = float(ranks[0]) * ranks[1] * min(ranks)
    values = products(small, _VALUES) + passes(ranks[0] * ranks[1], _STEP)
    both = products(n * sum(ranks) * min(ranks)) + passes(n * sum(ranks), _TAKEN)
    return _VECTORS * values + both + products(n * ranks[0] * ranks[1])


@dataclass(frozen=True, eq=False)
class Basis:
    """A centred representation in its own principal directions."""

    #: ``U`` (num_samples, rank), orthonormal and orthogonal to constants.
    columns: Tensor
    #: ``s`` (rank,), largest first: root sums of squares along the directions.
    sizes: Tensor
    #: ``Vᵀ``, where a measure asks for it: of wide features it is the largest of all.
    directions: Tensor | None
    xp: Namespace
    name: str  # what messages call the representation
    #: Size below which a direction may be the rounding of numbers as they came; 0 for numbers that
    #: came as precise as they are computed with.
    blur: float = 0.0

    @property
    def num_samples(self) -> int:
        """Number of samples, which are rows."""
        return int(self.columns.shape[0])

    @property
    def rank(self) -> int:
        """Number of principal directions kept."""
        return int(self.columns.shape[1])

    @cached_property
    def sums(self) -> moments.PairSums:
        """What moments over orders need of the projection ``U Uᵀ``; summed once, ``n^3``."""
        return moments.pair_sums(self.columns @ self.columns.T)

    def reordered(self, order: NDArray[np.int64]) -> Basis:
        """The basis of the same rows in another order."""
        index = indices(self.xp, order, self.columns)
        return replace(self, columns=self.xp.take(self.columns, index, axis=0))

    def trimmed(self, num_directions: int) -> Basis:
        """The largest directions only."""
        if num_directions >= self.rank:
            return self
        return replace(
            self,
            columns=self.xp.asarray(self.columns[:, :num_directions], copy=True),
            sizes=self.sizes[:num_directions],
            directions=None if self.directions is None else self.directions[:num_directions, :],
        )


@dataclass(frozen=True, eq=False)
class Overlap:
    """What two representations have in common up to rotations of each; or many such pairs."""

    sizes_x: Tensor  # (..., rank) along each basis, zero for a direction this pair does not have
    sizes_y: Tensor
    matrix: Tensor  # ``M = U_xᵀ U_y``, with zeros for such directions
    num_samples: int
    xp: Namespace
    #: Gives ``U_x`` and ``U_y``, which distances need between nearly equal shapes; None if there
    #: are only moments.
    columns: Callable[[], tuple[Tensor, Tensor]] | None = None
    #: Whether singular values to half of the digits are enough.
    rough: bool = False


def basis(features: Features, *, standardise: bool = False, directions: bool = False) -> Basis:
    """The basis of one representation, by a singular value decomposition; cost ``n d min(n, d)``.

    If asked to, each feature is divided by its standard deviation first, and ``Vᵀ`` is kept.

    Raises
    ------
    MethexisError
        If a feature to be standardised is constant, or squares of the numbers are none.
    """
    in_range(features, 2)
    xp, array = features.xp, features.array
    norm = float(xp.linalg.matrix_norm(array))
    centred = array - xp.mean(array, axis=0, keepdims=True)
    if standardise:
        deviations = xp.linalg.vector_norm(centred, axis=0)
        constant = int(xp.sum(xp.astype(deviations <= rounding(features, norm), xp.int64)))
        if constant:
            raise MethexisError(
                f"{features.name}: expected features that vary, to be standardised, got {constant} "
                f"constant of {features.num_features}; leave them out"
            )
        centred, norm = centred / deviations, float(features.num_features) ** 0.5
    columns, sizes, turn = decomposed(xp, centred)
    rank = int(xp.sum(xp.astype(sizes > rounding(features, norm), xp.int64)))
    if rank == 0:
        raise MethexisError(
            f"{features.name}: expected features that differ between samples beyond rounding, "
            f"got root sums of squares of {float(sizes[0]):.3g} in numbers of norm {norm:.3g}"
        )
    kept = turn if directions else None
    return Basis(columns, sizes, kept, xp, features.name, blur(features, norm)).trimmed(rank)


def decomposed(xp: Namespace, centred: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``U``, ``s``, ``Vᵀ`` of a centred representation.

    Of many samples by way of ``X = Q R``: ``R = W diag(s) Vᵀ`` has the same sizes and directions,
    to all digits, and Q is not made. ``U = X V / s`` is as near to the span of X as that of any
    decomposition, ``ε κ`` with ``κ = s_1 / s_r``; but its columns are orthonormal to ``ε κ`` only,
    and not to ``ε``, so that it is taken where that is nothing.
    """
    n, d = (int(length) for length in centred.shape)
    if array_api_compat.is_numpy_array(centred) and d >= _WIDE and n >= _TALL * d:
        _, sizes, turn = np.linalg.svd(np.linalg.qr(centred, mode="r"))
        if np.finfo(centred.dtype).eps * sizes[0] <= _SKEWED * sizes[-1]:
            columns = centred @ turn.T
            columns /= sizes
            return columns, sizes, turn
    columns, sizes, turn = xp.linalg.svd(centred, full_matrices=False)
    return columns, sizes, turn


def rounding(features: Features, norm: float) -> float:
    """Size below which a direction is rounding, in numbers of that Frobenius norm."""
    length = max(features.num_samples, features.num_features)
    return negligible(features.xp, features.array, length) * norm


def blur(features: Features, norm: float) -> float:
    """Largest size of a direction that the rounding of numbers as they came makes by itself.

    Entries rounded at random to a relative ``ε`` are off by less than ``ε`` of their root mean
    square ``‖X‖_F / √(n d)``; a matrix of such errors has singular values of up to ``√n + √d``
    times that.
    """
    n, d = features.num_samples, features.num_features
    return float(SPACING.get(features.given, 0.0) * norm * (n**-0.5 + d**-0.5))


def overlap(a: Basis, b: Basis) -> Overlap:
    """The overlap of two bases: one product."""
    matrix = a.columns.T @ b.columns
    return Overlap(a.sizes, b.sizes, matrix, a.num_samples, a.xp, held(a.columns, b.columns))


def permuted_overlaps(a: Basis, b: Basis, orders: Orders) -> Iterator[Overlap]:
    """Overlaps with the rows of the second in each order, in batches."""
    xp, n = a.xp, a.num_samples
    for some in batches(orders, n * b.rank + a.rank * b.rank):
        index = indices(xp, some.reshape(-1), b.columns)
        rows = xp.reshape(xp.take(b.columns, index, axis=0), (len(some), n, b.rank))
        yield Overlap(a.sizes, b.sizes, a.columns.T @ rows, n, xp, held(a.columns, rows))


def rough_overlaps(a: Basis, b: Basis, orders: Orders) -> Iterator[Overlap]:
    """The same from products in single precision, which are off by about ``√n 6e-8`` of a norm."""
    xp = a.xp
    one, other = (replace(part, columns=xp.astype(part.columns, xp.float32)) for part in (a, b))
    for pairs in permuted_overlaps(one, other, orders):
        matrix = xp.astype(pairs.matrix, a.columns.dtype)
        yield replace(pairs, matrix=matrix, columns=None, rough=True)


def leverages(a: Basis, b: Basis, orders: Orders) -> NDArray[np.float64]:
    """``Σ_i |u_i|² |v_i|²`` over samples with the second in each order, ``(num_orders,)``.

    What spans share because the samples that they lean on meet: of M's squares it is the part in
    which every sample meets itself.
    """
    own, other = (
        to_numpy(part.xp.sum(part.columns * part.columns, axis=1)).astype(np.float64)
        for part in (a, b)
    )
    return np.asarray(other[orders] @ own)


def resampled_overlaps(a: Basis, b: Basis, counts: Counts, *, sizes: bool) -> Iterator[Overlap]:
    """Overlaps of bootstrap samples, in batches.

    With ``sizes=False`` sizes are 1 for directions that a sample has and 0 for others, which is all
    that measures of spans need and saves a decomposition.
    """
    xp, n = a.xp, a.num_samples
    for some in batches(counts, n * (a.rank + b.rank) + 4 * max(a.rank, b.rank) ** 2):
        weights = xp.asarray(some, dtype=a.columns.dtype, device=array_api_compat.device(a.columns))
        rows_x, rows_y = (weighted(part, weights) for part in (a, b))
        turn_x, sizes_x = _orthonormal(a, rows_x, sizes=sizes)
        turn_y, sizes_y = _orthonormal(b, rows_y, sizes=sizes)
        matrix = turned(turn_x) @ (turned(rows_x) @ rows_y) @ turn_y
        columns = _turned(rows_x, turn_x, rows_y, turn_y)
        yield Overlap(sizes_x, sizes_y, matrix, n, xp, columns)


def weighted(part: Basis, weights: Tensor) -> Tensor:
    """Columns of bootstrap samples, ``√c_k (u_k - ū)`` with the weighted mean, ``(b, n, rank)``."""
    xp = part.xp
    means = (weights @ part.columns) / part.num_samples
    return xp.sqrt(weights)[:, :, None] * (part.columns[None, :, :] - means[:, None, :])


def least_size(part: Basis) -> float:
    """Size of a bootstrap sample's direction, over that of all samples, below which it is rounding.

    Entries of the columns are rounded to ``ε`` of their norms, which are 1, and ``n`` are added;
    the factor is room for what a decomposition adds.
    """
    return 16.0 * negligible(part.xp, part.columns, part.num_samples)


def batch_bytes(numbers_each: int) -> int:
    """Most memory of a batch of orders or resamples: what is drawn, and what is made of it."""
    return 8 * _COPIES * min(BATCH_NUMBERS, _MOST_DRAWN * numbers_each)


def batches(many: NDArray[T], numbers_each: int) -> Iterator[NDArray[T]]:
    """Cut orders or counts into batches that fit into memory."""
    length = max(1, BATCH_NUMBERS // numbers_each)
    for start in range(0, len(many), length):
        yield many[start : start + length]


def indices(xp: Namespace, order: NDArray[np.int64], beside: Tensor) -> Tensor:
    """Indices of NumPy in the library and on the device of another array."""
    return xp.asarray(order, device=array_api_compat.device(beside))


def turned(matrix: Tensor) -> Tensor:
    """The transpose of each matrix."""
    return matrix.mT


def _orthonormal(part: Basis, rows: Tensor, *, sizes: bool) -> tuple[Tensor, Tensor]:
    """``T`` and sizes such that ``rows T`` is an orthonormal basis of the bootstrap sample.

    ``rowsᵀ rows = E diag(g) Eᵀ`` gives an orthonormal ``Q = rows E g^{-1/2}``, in which the sample
    is ``rows diag(s) = Q C`` with ``C = g^{1/2} Eᵀ diag(s)``; the decomposition
    ``C = A diag(s') Bᵀ`` makes it ``(Q A) diag(s') Bᵀ``.
    """
    xp = part.xp
    values, vectors = xp.linalg.eigh(turned(rows) @ rows)
    least = negligible(xp, rows, part.num_samples)
    there = values > least * xp.max(values, axis=-1, keepdims=True)
    there = there & (values > least_size(part) ** 2)
    ones = xp.ones_like(values)
    roots = xp.sqrt(xp.where(there, values, ones))
    inside = xp.astype(there, rows.dtype)
    turn = vectors * (inside / roots)[:, None, :]
    if not sizes:
        return turn, inside
    inner = (inside * roots)[:, :, None] * turned(vectors) * part.sizes
    rotation, lengths, _ = xp.linalg.svd(inner, full_matrices=False)
    smallest = least * xp.max(lengths, axis=-1, keepdims=True)
    lengths = xp.where(lengths > smallest, lengths, xp.zeros_like(lengths))
    return turn @ rotation * xp.astype(lengths > 0, rows.dtype)[:, None, :], lengths


def _turned(
    rows_x: Tensor, turn_x: Tensor, rows_y: Tensor, turn_y: Tensor
) -> Callable[[], tuple[Tensor, Tensor]]:
    return lambda: (rows_x @ turn_x, rows_y @ turn_y)


def held(rows_x: Tensor, rows_y: Tensor) -> Callable[[], tuple[Tensor, Tensor]]:
    """Return a function that gives columns of an overlap which are already made."""
    return lambda: (rows_x, rows_y)
