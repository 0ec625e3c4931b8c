"""Rows as their neighbours are found: keys from products, how far to trust them, and what is a tie.

With ``h_j = |x_j|²/2``, ``h_j - x_i·x_j`` orders the j as their distances D from i do. A product of
m terms that are not zero is off by at most ``m u |x_i||x_j|``, u the unit of rounding: so far keys
are trusted, and where that does not tell two rows apart, distances from the differences
``x_i - x_j`` do, in double precision.

Two rows are *equally near* if no rounding of the features can be told from the difference of their
distances. Features that were rotated, or scaled to length one, are off by up to
``δ = 2 (d + 8) u (|x_i| + |x_j|)``, u of double precision; that moves ``D²/2`` by ``D δ + δ²/2``.
Rows closer than that are a tie: else the library, or a rotation, would decide which is nearer.
Continuous features are farther apart by many orders of magnitude.

For rows that are not within rounding of i this is more than keys in double precision are off, so
that keys tell ties too, and differences are only made for rows near i, and where two distances
differ by just about rounding. That is what keeps features of many ties as cheap as others. In
sparse features most products have few terms, which makes keys sharper still, and a product of two
sparse matrices takes the place of one of all numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from methexis.core.checks import Array
from methexis.core.parallel.caching import cached_property
from methexis.measures.inputs.features import Features, Namespace, Tensor, to_numpy
from methexis.measures.neighbours.indices import Indices

#: Bytes of the differences that decide what keys leave open.
DIFFERENCE_BYTES = 2**20
#: Features with a smaller share of numbers that are not zero are multiplied as sparse matrices,
#: where that takes a tenth of the time or less.
SPARSE = 1.0 / 32.0
_UNIT = float(np.finfo(np.float64).eps) / 2.0


def directions(given: Features, metric: str) -> Tensor:
    """The rows, of length one for the cosine; rows of zeros, which have no direction, stay so."""
    if metric != "cosine":
        return given.array
    lengths = given.xp.linalg.vector_norm(given.array, axis=1, keepdims=True)
    return given.array / given.xp.where(lengths == 0, given.xp.ones_like(lengths), lengths)


def rows_at(xp: Namespace, array: Tensor, rows: NDArray[np.int64]) -> Tensor:
    """Some rows of an array, in its library and on its device."""
    index = xp.asarray(rows, device=array_api_compat.device(array))
    return xp.take(array, index, axis=0)


def duplicates(given: Features) -> NDArray[np.int64]:
    """Number of a row that equals each row: the same number for all that are equal.

    Equal rows have equal sums with fixed weights, so only rows whose sums are equal are compared.
    """
    xp, array = given.xp, given.array
    weights = np.random.default_rng(0).normal(size=given.num_features)
    device = array_api_compat.device(array)
    marks = to_numpy(xp.sum(array * xp.asarray(weights, dtype=array.dtype, device=device), axis=1))
    order = np.argsort(marks, kind="stable")
    new = np.ones(len(order), dtype=bool)
    same = np.flatnonzero(marks[order[1:]] == marks[order[:-1]])
    if len(same):
        one, other = (to_numpy(rows_at(xp, array, order[same + step])) for step in (0, 1))
        new[same + 1] = ~(one == other).all(axis=1)
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = order[np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))]
    return numbers


@dataclass(frozen=True)
class Candidates:
    """The smallest keys so far of a block of rows, and whose they are, in no order."""

    keys: Tensor
    indices: Tensor


class Rows:
    """The rows as they are multiplied, and how far their products are to be trusted."""

    def __init__(self, given: Features, metric: str) -> None:
        self.metric, self.xp = metric, given.xp
        xp = given.xp
        # A power of two changes no digit, and no square can then overflow, or all of them vanish.
        largest = max(float(xp.max(given.array)), -float(xp.min(given.array)))
        _, exponent = np.frexp(largest)
        reach = 120 if given.array.itemsize == 4 else 1000  # 2**reach is finite
        power = -float(np.clip(exponent, -reach, reach))
        given = given.replaced(given.array * 2.0**power)
        self.given, array = given, directions(given, metric)
        if (
            metric == "euclidean" and not self.is_sparse
        ):  # distances do not change when all rows move; products shrink
            array = array - xp.mean(array, axis=0, keepdims=True)
        self.array = array
        self.item_bytes = int(to_numpy(array[:1, :1]).itemsize)
        squares = xp.sum(array * array, axis=1)
        if metric == "cosine":  # what has no direction has cosine 0, as far as what is at 90°
            squares = xp.where(squares == 0, xp.ones_like(squares), squares)
        # A product of d terms is off by at most d u |x_i||x_j| <= d u (|x_i|² + |x_j|²)/2, with u
        # the unit of rounding; centring or scaling rows, halving and adding are in the 8. The part
        # with |x_j|² is taken off the key of j, which so becomes a lower bound, up to a constant of
        # the row.
        unit = float(xp.finfo(array.dtype).eps) / 2
        self.relative = (given.num_features + 8) * unit
        self.squares = to_numpy(squares).astype(np.float64)
        self.lengths = np.sqrt(self.squares)
        half = 0.0 if metric == "dot" else 0.5
        self.offset = (half - self.relative) * squares

    # The first pass: products of blocks, in the library that holds the rows.

    def merged(
        self,
        best: Candidates | None,
        product: Tensor,
        columns: slice,
        count: int,
        *,
        own: bool = False,
    ) -> Candidates:
        """The smallest keys of what there was and of another block of products."""
        xp = self.xp
        keys = self.offset[None, columns] - product
        if own:
            place = xp.arange(keys.shape[0], device=array_api_compat.device(keys))
            keys[place, place] = xp.inf
        smallest_here = smallest(xp, keys, count, columns.start)
        if best is None:
            return smallest_here
        keys = xp.concat([best.keys, smallest_here.keys], axis=1)
        indices = xp.concat([best.indices, smallest_here.indices], axis=1)
        chosen = smallest(xp, keys, count, 0)
        return Candidates(chosen.keys, xp.take_along_axis(indices, chosen.indices, axis=1))

    def sorted(
        self, rows: NDArray[np.int64], keys: Array, indices: NDArray[np.int64], k: int
    ) -> tuple[Indices, NDArray[np.bool_]]:
        """The k nearest by keys, and the rows in which neither ties nor rounding matter."""
        order = np.argsort(keys, axis=1, kind="stable")
        keys = np.take_along_axis(keys, order, axis=1).astype(np.float64)
        indices = np.take_along_axis(indices, order, axis=1)
        # The next key is at least that much above this one's upper bound (see __init__), so all
        # that follow are. One candidate more than k vouches for all rows that are none.
        reach = self.relative * (self.squares[rows, None] + 2.0 * self.squares[indices])
        reach = reach + self.tolerance(rows[:, None], indices, keys)
        shown = min(k, keys.shape[1] - 1)
        sure = np.all(keys[:, 1 : shown + 1] - keys[:, :shown] > reach[:, :shown], axis=1)
        return indices[:, :k].astype(np.int32), np.asarray(sure)

    # What is a tie.

    def tolerance(self, rows: Any, others: Any, keys: Any) -> Array:
        """Keys that differ by no more are those of equally near rows."""
        if self.metric == "dot":
            return self._tolerance(rows, others, keys)
        return self._tolerance(rows, others, 2.0 * keys + self.squares[rows])

    def _tolerance(self, rows: Any, others: Any, distances: Any) -> Array:
        unit = (self.given.num_features + 8) * _UNIT
        one, other = self.lengths[rows], self.lengths[others]
        if self.metric == "dot":
            return np.asarray(4.0 * unit * one * other)
        slack = 2.0 * unit * (one + other)
        return np.asarray(slack * np.sqrt(np.maximum(distances, 0.0)) + 0.5 * slack**2)

    def settled(
        self, row: int, others: NDArray[np.int64], keys: Array, relative: float
    ) -> tuple[Indices, Indices, Array]:
        """Some others of a row from the nearest to the farthest, and where each group begins.

        Equally near ones are in ascending order. Also the largest that each key can be, up to the
        constant of the row that keys leave out.

        Parameters
        ----------
        row : int
            The row whose neighbours are put in order.
        others : array (num_others,)
            Rows.
        keys : array (num_others,)
            Keys of the others, which are lower bounds.
        relative : float
            Error of the bounds: `relative` of the products that keys are from.
        """
        order = np.argsort(keys, kind="stable")
        keys, others = keys[order], others[order]
        reach = relative * (self.squares[row] + 2.0 * self.squares[others])
        tolerance = self.tolerance(row, others, keys)
        gaps = keys[1:] - keys[:-1]
        apart = gaps > reach[:-1] + tolerance[1:]
        tied = (gaps + reach[1:] <= tolerance[1:]) & (reach[:-1] <= tolerance[1:])
        highest = keys + reach
        if not np.all(apart | tied):
            distances = self._distances_once(row, others)
            order = np.argsort(distances, kind="stable")
            others, distances = others[order], distances[order]
            tolerance = self._tolerance(row, others, distances)
            scale, shift = (1.0, 0.0) if self.metric == "dot" else (0.5, 0.5 * self.squares[row])
            apart = scale * (distances[1:] - distances[:-1]) > tolerance[1:]
            highest = scale * distances - shift + tolerance + relative * self.squares[row]
        first = np.zeros(len(others), dtype=np.int32)
        first[1:] = np.where(apart, np.arange(1, len(others)), 0)
        first = np.maximum.accumulate(first)
        order = np.lexsort((others, first))
        return others[order].astype(np.int32), first, np.maximum.accumulate(highest)

    def ranking(self, row: int) -> tuple[Indices, Indices]:
        """All others of a row from the nearest to the farthest, and where each group begins."""
        others = np.delete(np.arange(self.given.num_samples), row)
        keys = self.all_keys(np.array([row]))[0, others]
        nearest_first, first, _ = self.settled(row, others, keys, float(self.sharpness[row]))
        return nearest_first, first

    # Products of some rows with all, in double precision, in NumPy.

    @cached_property
    def _whole(self) -> Any:
        """All rows in double precision; a sparse matrix where that is faster."""
        exact = np.concatenate(
            [
                self._exact(np.arange(start, min(start + 1024, self.given.num_samples)))
                for start in range(0, self.given.num_samples, 1024)
            ]
        )
        if self.is_sparse:
            return sparse.csr_array(exact)
        return exact - exact.mean(axis=0) if self.metric == "euclidean" else exact

    @cached_property
    def is_sparse(self) -> bool:
        """Whether most features of most rows are zero, on the CPU."""
        if not array_api_compat.is_numpy_array(self.given.array):
            return False
        return bool(np.count_nonzero(self.given.array) < SPARSE * self.given.array.size)

    @cached_property
    def _transposed(self) -> Any:
        return self._whole.T.tocsr() if self.is_sparse else self._whole.T

    @cached_property
    def _whole_squares(self) -> Array:
        if self.metric == "cosine":  # as good as one; of `squares` single precision has half
            return np.ones(len(self.squares))
        if self.is_sparse:
            return np.asarray(self._whole.power(2).sum(axis=1), dtype=np.float64)
        return np.asarray(np.einsum("ij,ij->i", self._whole, self._whole))

    @cached_property
    def sharpness(self) -> Array:
        """How far keys of `all_keys` are to be trusted, as `relative` is; of each row."""
        if not self.is_sparse:
            return np.full(self.given.num_samples, (self.given.num_features + 8) * _UNIT)
        return np.asarray((np.diff(self._whole.indptr) + 8) * _UNIT)

    def all_keys(self, rows: NDArray[np.int64]) -> Array:
        """Keys of all samples, in rows that were asked for; infinite for the row itself."""
        products = self._whole[rows] @ self._transposed
        if self.is_sparse:
            products = products.toarray()
        half = 0.0 if self.metric == "dot" else 0.5
        keys = half * self._whole_squares - products
        keys -= self.sharpness[rows, None] * self.squares
        keys[np.arange(len(rows)), rows] = np.inf
        return np.asarray(keys)

    # Differences.

    def _distances_once(self, row: int, others: NDArray[np.int64]) -> Array:
        """Distances of one row, those of equal rows computed once."""
        kinds, place = np.unique(self._kinds[others], return_inverse=True)
        return np.asarray(self.distances(np.array([row]), kinds[None])[0, place])

    @cached_property
    def _kinds(self) -> NDArray[np.int64]:
        return duplicates(self.given)

    def distances(self, rows: NDArray[np.int64], others: NDArray[np.int64]) -> Array:
        """Squared distances from the differences, or inner products with a minus; in NumPy."""
        squared = np.empty(others.shape)
        width = max(DIFFERENCE_BYTES // (8 * self.given.num_features), 1)
        for begin in range(0, others.shape[1], width):
            part = slice(begin, begin + width)
            size = max(width // len(others[0, part]), 1)
            for start in range(0, len(rows), size):
                some = slice(start, start + size)
                squared[some, part] = self._differences(rows[some], others[some, part])
        return squared

    def _differences(self, rows: NDArray[np.int64], others: NDArray[np.int64]) -> Array:
        left = self._exact(rows)[:, None]
        right = self._exact(others)
        if self.metric == "dot":
            return np.asarray(-np.einsum("rcd,rcd->rc", np.broadcast_to(left, right.shape), right))
        none = ~left.any(axis=2) | ~right.any(axis=2)
        right -= left
        squared = np.einsum("rcd,rcd->rc", right, right)
        if self.metric == "cosine":
            squared[none] = 2.0
        return np.asarray(squared)

    def _exact(self, rows: NDArray[np.int64]) -> Array:
        """Rows as they came, in double precision, of length one for the cosine."""
        taken = to_numpy(rows_at(self.xp, self.given.array, rows.ravel()))
        taken = taken.astype(np.float64, copy=False).reshape(*rows.shape, -1)
        if self.metric == "cosine":
            lengths = np.sqrt(np.einsum("...d,...d->...", taken, taken))[..., None]
            taken = taken / np.where(lengths == 0.0, 1.0, lengths)
        return taken


def smallest(xp: Namespace, keys: Tensor, count: int, start: int) -> Candidates:
    """The smallest keys of each row, in no order; all of them where there are no more."""
    count = min(count, int(keys.shape[1]))
    if array_api_compat.is_numpy_array(keys):
        indices: Any = np.argpartition(keys, count - 1, axis=1)[:, :count]
    elif hasattr(xp, "topk"):  # PyTorch
        indices = xp.topk(keys, count, dim=1, largest=False, sorted=False).indices
    else:
        indices = xp.argsort(keys, axis=1)[:, :count]
    return Candidates(xp.take_along_axis(keys, indices, axis=1), indices + start)
