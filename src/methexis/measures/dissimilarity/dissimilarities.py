"""Dissimilarities between the rows of a representation, by one product of matrices.

All four kinds are squared Euclidean distances, of the rows as they are or brought to length one:
``1 - r = |u - v|² / 2`` for unit vectors. The product ``X Xᵀ`` gives ``|x|² + |y|² - 2 x·y``, which
loses its digits where two rows are close, and may come out negative. Squared distances below 1/128
of ``|x|² + |y|²`` are therefore computed once more, from the difference of the two rows: nothing
has to be cut off at zero, duplicates are at distance zero exactly, and every dissimilarity is right
to about 512 units of rounding (a few thousand where all rows lie along one direction, because then
the errors of long sums have one sign). That number also decides which of them are tied where ranks
are taken: one-hot rows are all equally far apart, and rounding must not rank them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from methexis.core.checks import one_of
from methexis.errors import MethexisError
from methexis.measures.inputs.features import (
    Features,
    Namespace,
    Tensor,
    features,
    refuse_rows,
    warn,
)
from methexis.measures.inputs.rdm import RDM, above_diagonal
from methexis.measures.rounding import epsilon

DISSIMILARITIES = ("euclidean", "squared", "correlation", "cosine")

#: Below this share of the sum of squared lengths a squared distance is computed from differences.
NEAR = 2.0**-7
#: Relative error of a dissimilarity, in units of rounding: four of the sum of squared lengths.
ROUNDINGS = 4.0 / NEAR
_CHUNK = 2**22  # numbers held at once when pairs are computed from differences
_ROWS = 256  # of a block of pairs, which the cache holds


def rdm(
    x: Any,
    dissimilarity: str = "euclidean",
    *,
    labels: Sequence[str] | None = None,
    precision: str = "float64",
) -> RDM:
    """Dissimilarities between all pairs of rows.

    - ``euclidean``: ``|x_i - x_j|``
    - ``squared``: ``|x_i - x_j|²``, a sum over features, not a mean
    - ``correlation``: ``1 - r`` with Pearson's ``r`` between two rows, over their features
    - ``cosine``: ``1 - x_i·x_j / |x_i||x_j|``

    Parameters
    ----------
    x : array (num_samples, num_features)
        Features, of NumPy or PyTorch.
    dissimilarity : str
        Euclidean by default, because it depends on nothing but the geometry of the samples.
    labels : sequence of str, optional
        Names of the samples.
    precision : {"float64", "float32"}
        Precision of the computation.

    Raises
    ------
    MethexisError
        If a row has no direction: zeros with ``cosine``, all features equal with ``correlation``.

    Notes
    -----
    Cost: one product, ``n² d`` operations, and ``d`` more for each pair of near rows (above).
    Correlation depends on where each feature has its origin, and on the axes; with two features it
    knows two values.

    Examples
    --------
    >>> rdm([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0], [1.0, 0.0]]).matrix[0].tolist()
    [0.0, 5.0, 1.0, 1.0]
    """
    made = of_features(features("X", x, precision=precision), dissimilarity)
    return RDM(made.matrix, made.dissimilarity, labels, made.tolerance, made.name)


def of_features(given: Features, dissimilarity: str) -> RDM:
    """The RDM of checked features; see `rdm`."""
    one_of("dissimilarity", dissimilarity, DISSIMILARITIES)
    xp, rows = given.xp, given.array
    if dissimilarity in {"correlation", "cosine"}:
        rows = _directions(given, dissimilarity)
    matrix = squared_distances(xp, rows)
    if dissimilarity == "euclidean":
        matrix = xp.sqrt(matrix)
    elif dissimilarity != "squared":
        matrix = matrix / 2
    return RDM(matrix, dissimilarity, tolerance=rounding(xp, matrix), name=given.name)


def rounding(xp: Namespace, matrix: Tensor) -> float:
    """Relative error of the dissimilarities that are computed here."""
    return ROUNDINGS * epsilon(xp, matrix)


def squared_distances(xp: Namespace, rows: Tensor) -> Tensor:
    """Squared Euclidean distances between rows: symmetric, not negative, zero for duplicates."""
    centred = rows - xp.mean(rows, axis=0, keepdims=True)  # distances do not see it, rounding does
    lengths = xp.sum(centred * centred, axis=1)
    squares = centred @ centred.T  # from here in place, a block of pairs at a time
    near = []
    for rows_at, columns_at in _blocks(int(rows.shape[0])):
        both = lengths[rows_at, None] + lengths[None, columns_at]
        block = both - (squares[rows_at, columns_at] + squares[columns_at, rows_at].T)
        close = block <= NEAR * both
        if rows_at == columns_at:
            close = close & above_diagonal(xp, block)
        if bool(xp.any(close)):
            i, j = xp.nonzero(close)
            near.append((i + rows_at.start, j + columns_at.start))
        squares[rows_at, columns_at] = block
        squares[columns_at, rows_at] = block.T
    for first, second in near:
        _from_differences(xp, rows, squares, first, second)
    diagonal = xp.arange(rows.shape[0])
    squares[diagonal, diagonal] = 0.0
    return squares


def _blocks(num_samples: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of blocks of pairs, on and above the diagonal."""
    starts = range(0, num_samples, _ROWS)
    for start in starts:
        for other in starts:
            if other >= start:
                yield slice(start, start + _ROWS), slice(other, other + _ROWS)


def _from_differences(
    xp: Namespace, rows: Tensor, squares: Tensor, first: Tensor, second: Tensor
) -> None:
    """Write squared distances of some pairs, computed from differences of their rows."""
    step = max(1, _CHUNK // int(rows.shape[1]))
    for start in range(0, int(first.shape[0]), step):
        i, j = first[start : start + step], second[start : start + step]
        difference = xp.take(rows, i, axis=0) - xp.take(rows, j, axis=0)
        exact = xp.sum(difference * difference, axis=1)
        squares[i, j] = exact
        squares[j, i] = exact


def _directions(given: Features, dissimilarity: str) -> Tensor:
    """Rows of length one; with correlation, after each row's mean is taken from it."""
    xp, rows = given.xp, given.array
    if dissimilarity == "correlation":
        if given.num_features < 2:
            raise MethexisError(
                f"{given.name}: expected at least 2 features to correlate rows, got 1"
            )
        if given.num_features == 2:
            warn(
                f"{given.name}: the correlation of rows of 2 features is 1 or -1, whatever they "
                "are; use Euclidean distances"
            )
        flat = xp.max(rows, axis=1) == xp.min(rows, axis=1)
        refuse_rows(
            given, flat, "rows whose features differ, to correlate them, got equal features"
        )
        rows = rows - xp.mean(rows, axis=1, keepdims=True)
    else:
        refuse_rows(given, xp.all(rows == 0, axis=1), "rows with a direction, got zeros")
    rows = rows / xp.max(xp.abs(rows), axis=1, keepdims=True)  # squares neither over- nor underflow
    return rows / xp.linalg.vector_norm(rows, axis=1, keepdims=True)
