"""Linear kernels of many layers: all inner products ``<K_a, L_b>`` without keeping any kernel.

With a layers beside b layers, n samples and d features there are two ways:

- *Gram*: a block of rows and columns of all kernels at a time, ``n² d`` multiply-adds per layer,
  and then all pairs in one product, ``n²`` per pair. Blocks above the diagonal are known from those
  below it, which halves both.
- *cross-products*: ``<XXᵀ, YYᵀ> = ‖XᵀY‖²``, ``n d²`` per pair and no kernel at all.

Both are counted, and the cheaper is taken. What is added up is without the diagonals, which come
from the features: debiased estimators subtract them, and would lose what they leave.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np

from methexis.core.checks import Array
from methexis.core.parallel.crews import Crew
from methexis.measures.budget import shortage
from methexis.measures.inputs.features import Namespace, Tensor, to_numpy
from methexis.measures.kernels.estimators import Sums, estimate, size
from methexis.measures.pairs.grid_products import CHUNK, num_sums, vector_products
from methexis.measures.sharing import received, sent, shared
from methexis.measures.work import Time, passes, products

#: Columns and rows of a block of kernels: tall products run near the full rate, and of narrow
#: blocks on the diagonal little is computed twice.
WIDTH, HEIGHT = 256, 4096
#: Rows of a product whose sums are added in double: as many as `grid_products.CHUNK`.
ROWS = CHUNK
#: Rows that are widened to double at a time: the copies stay in the cache.
WIDENED = 64
_ITEM = {"float32": 4, "float64": 8}
#: Nanoseconds of one core per feature of each sample: means, centred rows, diagonals.
_PREPARED = 8.0


@dataclass(frozen=True, eq=False)
class LinearProducts:
    """Inner products of linear kernels without their diagonals, and the diagonals."""

    cross: Array  # Σ_{i≠j} K_ij L_ij, (num_a, num_b)
    own_a: Array  # Σ_{i≠j} K_ij², (num_a,)
    own_b: Array
    diagonals_a: Array  # K_ii, (num_a, num_samples)
    diagonals_b: Array

    def cancellation(self, estimator: str) -> float:
        """How much larger than a kernel's own sum the terms are of which it is the difference.

        The largest of all kernels. A few samples that are far longer than the others rule the
        diagonal, which debiased estimators subtract.
        """
        worst = 1.0
        for side in self._sides():
            sums = _own(*side)
            left, terms = estimate(sums, estimator), size(sums, estimator)
            with np.errstate(divide="ignore", invalid="ignore"):
                ratios = np.where(left > 0.0, terms / left, np.inf)
            worst = max(worst, float(np.max(ratios)))
        return worst

    def estimates(self, estimator: str) -> tuple[Array, Array, Array]:
        """Sums ``Σ A_ij B_ij`` of an estimator: of pairs, and of each with itself."""
        a, b = self.diagonals_a, self.diagonals_b
        n, traces = a.shape[1], np.outer(a.sum(1), b.sum(1))
        pairs = estimate(_sums(self.cross, a @ b.T, traces, n), estimator)
        one, other = (estimate(_own(*side), estimator) for side in self._sides())
        return pairs, one, other

    def _sides(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        return (self.own_a, self.diagonals_a), (self.own_b, self.diagonals_b)


def _own(own: Array, diagonals: Array) -> Sums:
    squares, traces = np.sum(diagonals * diagonals, 1), np.sum(diagonals, 1) ** 2
    return _sums(own, squares, traces, diagonals.shape[1])


def _sums(off: Array, diagonals: Array, traces: Array, num_samples: int) -> Sums:
    """Sums over pairs; off the diagonal none is a difference, because diagonals stay apart."""
    return Sums.of_centred(num_samples, off + diagonals, off, diagonals, traces)


def operations(
    num_samples: int, widths_a: Sequence[int], widths_b: Sequence[int]
) -> tuple[int, int]:
    """Multiply-adds by Gram blocks and by cross-products.

    Examples
    --------
    >>> operations(4096, [1024] * 32, [1024] * 32)  # Gram blocks
    (558882619392, 4672924418048)
    >>> operations(10**6, [512], [512])[0] > operations(10**6, [512], [512])[1]
    True
    """
    n, all_a, all_b = num_samples, sum(widths_a), sum(widths_b)
    pairs = len(widths_a) * len(widths_b) + len(widths_a) + len(widths_b)
    own = sum(d * d for d in (*widths_a, *widths_b))
    return n * n * (all_a + all_b + pairs) // 2, n * (all_a * all_b + own)


def grid_work(
    num_samples: int, widths_a: Sequence[int], widths_b: Sequence[int] | None, item_bytes: int
) -> tuple[Time, int]:
    """What `linear_products` takes: its time, and the least memory with which it does not refuse.

    Columns of None stand for the rows.

    Examples
    --------
    >>> grid_work(20_000, [12_000], [12_000], 8)[1] // 2**20
    12
    """
    widths = [*widths_a, *(widths_b or [])]
    precision = "float32" if item_bytes <= 4 else "float64"
    sizes = _BlockSizes(num_samples, len(widths), max(widths), precision)
    pairs = products(min(operations(num_samples, widths_a, widths_b or widths_a)))
    prepared = passes(num_samples * sum(widths), _PREPARED)
    return pairs + prepared, sizes.fixed(sum(widths)) + sizes.least


@dataclass(frozen=True)
class _BlockSizes:
    """Bytes that blocks take of so many layers, as wide as the widest."""

    num_samples: int
    num_layers: int
    widest: int
    precision: str

    @property
    def item(self) -> int:
        """Bytes of one number."""
        return _ITEM[self.precision]

    @property
    def least_rows(self) -> int:
        """Rows of the smallest blocks."""
        return min(self.num_samples, 32)

    @property
    def least(self) -> int:
        """Bytes of the smallest blocks, whichever way is taken."""
        rows = self.least_rows
        return max(self.blocks(rows, rows), self.strips(rows, 1))

    def fixed(self, all_widths: int) -> int:
        """Bytes of all diagonals and means."""
        return 8 * (self.num_layers * self.num_samples + all_widths)

    def blocks(self, height: int, width: int) -> int:
        """Bytes of a block of so many rows and columns of all kernels."""
        factors = 2 * (height + width) * self.widest
        sums = num_sums(self.num_layers, height * width) if self.precision == "float32" else 0
        return self.item * (height * width * (self.num_layers + 2) + factors + sums)

    def strips(self, rows: int, strip: int) -> int:
        """Bytes of the products of a strip of one layer's columns with another layer, over rows."""
        return 4 * self.item * rows * self.widest + (16 + self.item) * strip * self.widest


def linear_products(
    rows: Sequence[Tensor],
    columns: Sequence[Tensor] | None,
    *,
    centre: bool,
    precision: str,
    budget: int,
    progress: Callable[[int, int], None],
    crew: Crew | None = None,
) -> LinearProducts:
    """Inner products of the linear kernels of all pairs of checked features, centred or not.

    The precision is that of products; sums of more than `grid_products.CHUNK` terms are added in
    double. Columns of None stand for the rows, and no more than `budget` bytes are taken, by each
    worker of a crew.

    Raises
    ------
    MethexisError
        If the budget is not enough for the smallest blocks.
    """
    given = ([*rows, *(columns or [])], centre, precision, budget)
    layers = _Layers(*given)
    work = _Work(layers, given, crew, progress)
    num_a = len(rows)
    if columns is None:
        widths = layers.widths, layers.widths
    else:
        widths = layers.widths[:num_a], layers.widths[num_a:]
    by_gram, by_cross = operations(layers.num_samples, *widths)
    second = slice(None) if columns is None else slice(num_a, None)
    if by_gram <= by_cross:
        cross, own = _by_gram(work, slice(0, num_a), second)
    else:
        cross, own = _by_cross_products(work, num_a, columns is None)
    diagonals = layers.diagonals
    return LinearProducts(cross, own[:num_a], own[second], diagonals[:num_a], diagonals[second])


class _Layers:
    """The features of all layers, centred, in the precision of products, as blocks of rows."""

    def __init__(self, arrays: list[Tensor], centre: bool, precision: str, budget: int) -> None:
        self.arrays = arrays
        self.xp: Namespace = array_api_compat.array_namespace(arrays[0])
        self.num_samples = int(arrays[0].shape[0])
        self.widths = [int(array.shape[1]) for array in arrays]
        self.dtype: Any = getattr(self.xp, precision)
        self.sizes = _BlockSizes(self.num_samples, len(arrays), max(self.widths), precision)
        self.means = [self._mean(array) if centre else None for array in arrays]
        self.rest = budget - self.sizes.fixed(sum(self.widths))
        least = self.sizes.least
        if self.rest < least:
            raise shortage("linear kernels a block at a time", budget - self.rest + least, budget)
        kept = self.sizes.item * self.num_samples * sum(self.widths)
        self.kept: list[Tensor] | None = None
        # Else blocks are centred again whenever they are needed.
        if kept + least <= self.rest and 2 * kept <= self.rest:
            self.kept = [self._made(k, 0, self.num_samples) for k in range(len(arrays))]
            self.rest -= kept
        self._buffer: Any = None
        self.diagonals = np.stack([self._diagonal(k) for k in range(len(arrays))])

    def block(self, k: int, low: int, high: int) -> Tensor:
        """Some rows of a layer."""
        return self._made(k, low, high) if self.kept is None else self.kept[k][low:high]

    def buffer(self) -> Tensor:
        """An array for a block of all kernels, the same for one after another."""
        if self._buffer is None:
            self._buffer = self.empty(len(self.arrays), math.prod(_block_shape(self)))
        return self._buffer

    def empty(self, *shape: int) -> Tensor:
        """An array for products."""
        where = array_api_compat.device(self.arrays[0])
        return self.xp.empty(shape, dtype=self.dtype, device=where)

    def zeros(self, *shape: int) -> Tensor:
        """An array for sums."""
        where = array_api_compat.device(self.arrays[0])
        return self.xp.zeros(shape, dtype=self.xp.float64, device=where)

    def _made(self, k: int, low: int, high: int) -> Tensor:
        rows, mean = self.arrays[k][low:high], self.means[k]
        rows = self.xp.astype(rows, self.dtype, copy=False)
        if mean is None:
            return rows
        rows = rows - mean[0]
        rows -= mean[1]
        return rows

    def _mean(self, array: Tensor) -> tuple[Tensor, Tensor]:
        """The mean of each feature, and what rounding leaves of it."""
        total = self.zeros(int(array.shape[1]))
        for low in range(0, self.num_samples, WIDENED):
            total += self.xp.sum(self._double(array[low : low + WIDENED]), axis=0)
        mean = total / self.num_samples
        rounded = self.xp.astype(mean, self.dtype)
        return rounded, self.xp.astype(mean - self._double(rounded), self.dtype)

    def _diagonal(self, k: int) -> Array:
        lengths = np.empty(self.num_samples)
        for low in range(0, self.num_samples, WIDENED):
            rows = self._double(self.block(k, low, low + WIDENED))
            lengths[low : low + WIDENED] = to_numpy(self.xp.linalg.vecdot(rows, rows))
        return lengths

    def _double(self, array: Tensor) -> Tensor:
        return self.xp.astype(array, self.xp.float64, copy=False)


@dataclass(frozen=True, eq=False)
class _Work:
    """Who computes the parts of a grid: this process, or a crew."""

    layers: _Layers
    given: tuple[Any, ...]
    crew: Crew | None
    progress: Callable[[int, int], None]

    def all(self, part: Callable[..., Any], parts: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        """``part(layers, *one)`` of all parts, in their order."""
        if self.crew is not None:
            arrays, *rest = self.given
            given = ([sent(one) for one in arrays], *rest)
            yield from shared(self.crew, _layers_there, given, part, parts, self.progress)
            return
        for done, one in enumerate(parts, start=1):
            yield part(self.layers, *one)
            self.progress(done, len(parts))


def _layers_there(arrays: list[Any], *rest: Any) -> _Layers:
    return _Layers([received(one) for one in arrays], *rest)


def _by_gram(work: _Work, first: slice, second: slice) -> tuple[Array, Array]:
    layers = work.layers
    n, count, (height, width) = layers.num_samples, len(layers.arrays), _block_shape(layers)
    products, own = np.zeros((count, count))[first, second], np.zeros(count)
    blocks = [
        (low, min(n, low + height), left, min(n, left + width), first, second)
        for left in range(0, n, width)
        for low in range(left, n, height)
    ]
    for some, squares in work.all(_gram_block, blocks):
        products += some
        own += squares
    return products, own


def _gram_block(
    layers: _Layers, low: int, high: int, left: int, right: int, first: slice, second: slice
) -> tuple[Array, Array]:
    """What rows and columns of all kernels add to the products, and to the squares."""
    kernels = layers.buffer()[:, : (high - low) * (right - left)]
    for k in range(len(layers.arrays)):
        x, y = layers.block(k, low, high), layers.block(k, left, right)
        _into(layers.xp, x, y, kernels[k])
    if low == left:
        square = kernels[:, : (right - left) ** 2]
        square *= _below_diagonal(layers, right - left)
    return 2.0 * vector_products(kernels[first], kernels[second]), 2.0 * _squares(kernels)


def _below_diagonal(layers: _Layers, size: int) -> Tensor:
    """1 below the diagonal, 0 on and above it, row after row."""
    xp = layers.xp
    ones = xp.ones_like(layers.empty(size, size))
    return xp.reshape(xp.tril(ones, k=-1), (-1,))


def _block_shape(layers: _Layers) -> tuple[int, int]:
    """Rows and columns of a block, within the budget; never more columns than rows."""
    height, width = min(HEIGHT, layers.num_samples), min(WIDTH, layers.num_samples)
    while layers.sizes.blocks(height, width) > layers.rest:
        if height < 2 * width:
            width = max(layers.sizes.least_rows, width // 2)
        height = max(width, height // 2)
    return height, width


def _by_cross_products(work: _Work, num_a: int, same: bool) -> tuple[Array, Array]:
    layers = work.layers
    count = len(layers.arrays)
    second = range(count) if same else range(num_a, count)
    diagonals = layers.diagonals
    pairs = [(i, range(i, count) if same else second) for i in range(num_a)]
    alone = [] if same else [(k, range(k, k + 1)) for k in range(count)]
    rows = list(work.all(_cross_row, [*pairs, *alone]))
    products = np.array([[0.0] * (len(second) - len(row)) + row for row in rows[:num_a]])
    if same:
        products = np.where(np.tri(count, k=-1, dtype=bool), products.T, products)
        own = np.diagonal(products).copy()
    else:
        own = np.array([row[0] for row in rows[num_a:]])
    one, other = diagonals[:num_a], diagonals[second.start :]
    return products - one @ other.T, own - np.sum(diagonals * diagonals, axis=1)


def _cross_row(layers: _Layers, i: int, others: range) -> list[float]:
    """``‖XᵀY‖²`` of one layer with some others."""
    return [_squared_cross(layers, i, j) for j in others]


def _squared_cross(layers: _Layers, i: int, j: int) -> float:
    """``‖XᵀY‖²``, a strip of columns of X at a time."""
    widths = layers.widths[i], layers.widths[j]
    rows, strip = min(ROWS, layers.num_samples), widths[0]
    sizes = layers.sizes
    while rows > sizes.least_rows and sizes.strips(rows, 1) > layers.rest // 2:
        rows = max(sizes.least_rows, rows // 2)
    while strip > 1 and sizes.strips(rows, strip) > layers.rest:
        strip //= 2
    squares = 0.0
    for left in range(0, widths[0], strip):
        right = min(widths[0], left + strip)
        sums = layers.zeros(right - left, widths[1])
        for low in range(0, layers.num_samples, rows):
            x, y = layers.block(i, low, low + rows), layers.block(j, low, low + rows)
            sums += x[:, left:right].T @ y
        squares += float(layers.xp.sum(sums * sums))
    return squares


def _into(xp: Namespace, x: Tensor, y: Tensor, out: Tensor) -> None:
    """Write ``X Yᵀ`` into a stretch of memory."""
    shape = (int(x.shape[0]), int(y.shape[0]))
    if array_api_compat.is_numpy_array(out):
        np.matmul(x, y.T, out=out.reshape(shape))
    else:
        out[:] = xp.reshape(x @ y.T, (-1,))


def _squares(kernels: Tensor) -> Array:
    """Sums of squares, chunk by chunk as in `vector_products`."""
    return np.concatenate([vector_products(row[None], row[None])[0] for row in kernels])
