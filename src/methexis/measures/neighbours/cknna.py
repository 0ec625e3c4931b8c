"""CKNNA: centred kernel alignment, of nearest neighbours only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from methexis.core.checks import Array, integer, number, one_of
from methexis.core.parallel.caching import cached_property
from methexis.errors import MethexisError
from methexis.measures.inputs.features import Features, to_numpy, warn
from methexis.measures.kernels.estimators import Sums, divisor, estimate
from methexis.measures.measure import Invariance, NullMoments, Orders
from methexis.measures.neighbours import knn
from methexis.measures.neighbours.indices import Indices
from methexis.measures.neighbours.lists import ListMeasure, Neighbours, list_invariances, neighbours
from methexis.measures.neighbours.shared import shared_products
from methexis.measures.neighbours.tied import subsets
from methexis.measures.neighbours.tied.expected import at_labels, with_ties
from methexis.measures.pairs import moments
from methexis.measures.pairs.row_form import RowForm
from methexis.measures.rounding import CANCELLED

DEFINITIONS = ("paper", "code")
KERNELS = ("cosine", "dot")
#: Samples up to which whole matrices are faster than sparse ones under orders, of the code.
SMALL = 200


@dataclass(frozen=True, eq=False)
class NeighbourKernel:
    """A kernel over pairs of samples, known where one is a neighbour of the other.

    Attributes
    ----------
    neighbours : Neighbours
        Lists of nearest neighbours.
    values : array (num_samples, num_kept)
        The kernel of each sample with those in its list.
    means : array (num_samples,)
        The mean of the kernel over all samples, itself included.
    """

    neighbours: Neighbours
    values: Array
    means: Array

    @cached_property
    def centred(self) -> Array:
        """The kernel less its mean, at the k nearest; of Frobenius norm one."""
        return unit(self.values[:, : self.neighbours.k], self.means)

    @cached_property
    def kernel(self) -> sparse.csr_array:
        """The kernel at the k nearest, and zeros elsewhere."""
        return matrix(self.neighbours.nearest, self.values[:, : self.neighbours.k])

    @cached_property
    def tied(self) -> TiedKernel:
        """The kernel times the chance of being a neighbour, where ties leave open who is one."""
        lists = self.neighbours
        groups = lists.groups
        values, rest = at_labels(lists.lists, lists.k, lists.ties, self.values)
        rows = np.repeat(np.arange(len(self.means)), np.diff(groups.labels.indptr))
        centred, centred_rest = values - self.means[rows], rest - self.means
        norm = float(np.sqrt(groups.valued(centred**2, centred_rest**2).total))
        if norm <= CANCELLED * float(np.sqrt(groups.valued(values**2, rest**2).total)):
            _say_constant()
            norm = float("nan")
        return TiedKernel(
            groups.chances,
            groups.valued(values, rest),
            groups.valued(centred / norm, centred_rest / norm),
        )

    @cached_property
    def sums(self) -> moments.PairSums | None:
        """What moments over orders need of the centred kernel; None where ties are too many."""
        if self.neighbours.undecided:
            entries = self.tied.centred.entries()
            return None if entries is None else moments.pair_sums(entries)
        return moments.pair_sums(matrix(self.neighbours.nearest, self.centred))


@dataclass(frozen=True, eq=False)
class TiedKernel:
    """A kernel times the chance that a sample is a neighbour, over all pairs.

    Equally near samples have equal kernels, so ``⟨K, K⟩`` is the same however ties are broken.
    ``⟨K, L⟩`` is the average over ways to break them of each side, because chances multiply.

    Attributes
    ----------
    chances, kernel : RowForm
        The chance, and the kernel times it.
    centred : RowForm
        The kernel less its mean, of ``⟨K, K⟩ = 1``, times the chance.
    """

    chances: RowForm
    kernel: RowForm
    centred: RowForm


@dataclass(frozen=True)
class CKNNA(ListMeasure[NeighbourKernel]):
    """Kernel alignment at shared neighbours; see `cknna`."""

    k: int = 10
    metric: str = "cosine"
    definition: str = "paper"
    offset: float = 0.0

    name: ClassVar[str] = "cknna"
    reference: ClassVar[str] = "Huh et al. 2024, arXiv:2405.07987"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("definition", self.definition, DEFINITIONS)
        one_of("metric", self.metric, KERNELS)
        integer("k", self.k, least=1 if self.definition == "paper" else 2)
        number("offset", self.offset, least=0.0)
        if self.offset > 0.0 and self.definition == "paper":
            raise MethexisError(
                f"offset: expected 0 with the definition 'paper', got {self.offset}"
            )

    @property
    def compared(self) -> tuple[float, float]:  # type: ignore[override]
        """Time per sample and its power of k; the code's definition takes four sparse products."""
        return (400.0, 1.5) if self.definition == "paper" else (2600.0, 1.0)

    @property
    def range(self) -> tuple[float, float]:
        """Bounds: of the paper's by Cauchy–Schwarz; a ratio of unbiased estimates has none."""
        return (-1.0, 1.0) if self.definition == "paper" else (-np.inf, np.inf)

    @property
    def aligned(self) -> float:
        """One, unless the denominator has an offset."""
        return 1.0 if self.offset == 0.0 else np.nan

    @property
    def symmetric(self) -> bool:
        """Whether it is the paper's: the code's takes a trace of kernels that are not symmetric."""
        return self.definition == "paper"

    @property
    def title(self) -> str:
        """The measure's name in tables."""
        kind = "" if self.definition == "paper" else ", as in platonic-rep"
        return f"CKNNA (k = {self.k}, {self.metric}{kind})"

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Orthogonal maps and one scale."""
        return list_invariances(self.metric)

    def closed_null(self, num_samples: int) -> bool:
        """Whether it is the paper's definition: the code's is a ratio of estimates."""
        del num_samples
        return self.definition == "paper"

    def reduce(self, features: Features) -> NeighbourKernel:
        """The neighbour lists with the kernel there, and its means."""
        lists = neighbours(features, self.k, self.metric)
        directions = knn.directions(features, self.metric)
        values = knn.products(features.xp, directions, lists.lists)
        rows = to_numpy(directions)
        return NeighbourKernel(lists, values, rows @ rows.mean(axis=0))

    def score(self, a: NeighbourKernel, b: NeighbourKernel) -> float:
        """The score of a pair."""
        if a.neighbours.undecided or b.neighbours.undecided:
            if self.definition == "paper":
                return a.tied.centred.inner(b.tied.centred)
            return _tied_ratio(a.tied, b.tied, self.offset)
        if self.definition == "paper":
            one, other = a.neighbours.nearest, b.neighbours.nearest
            return shared_products(one, a.centred, other, b.centred)
        return _ratio_of_estimates(a.kernel, b.kernel, self.offset)

    def reorder(self, reduced: NeighbourKernel, order: NDArray[np.int64]) -> NeighbourKernel:
        """Lists renamed, values and means moved with their rows."""
        return NeighbourKernel(
            reduced.neighbours.reordered(order), reduced.values[order], reduced.means[order]
        )

    def permuted(self, a: NeighbourKernel, b: NeighbourKernel, orders: Orders) -> Array:
        """Scores with the second reordered; of the code from whole matrices if they are small."""
        if self.definition == "paper" or orders.shape[1] > SMALL:
            return super().permuted(a, b, orders)
        return _ratios(a.tied, b.tied, orders, self.offset)

    def null_moments(self, a: NeighbourKernel, b: NeighbourKernel) -> NullMoments | None:
        """Exact moments over all orders of the paper's, which is a sum over pairs of samples."""
        if self.definition != "paper" or a.sums is None or b.sums is None:
            return None
        moments_of_orders = moments.null_moments(a.sums, b.sums)
        tied = a.neighbours.undecided or b.neighbours.undecided
        return with_ties(moments_of_orders) if tied else moments_of_orders

    def of_subsets(
        self,
        a: NeighbourKernel,
        b: NeighbourKernel,
        chosen: NDArray[np.bool_],
        numbers: Sequence[int],
    ) -> Array:
        """Scores of subsets of the samples: their own neighbours, their own means."""
        means = [_subset_means(kernel, chosen) for kernel in (a, b)]
        scores = np.empty((len(chosen), len(numbers)))
        tied = a.neighbours.ties is not None or b.neighbours.ties is not None
        for place, subset in enumerate(chosen):
            if tied:
                parts = [
                    _tied_subset(kernel, subset, mean[place, subset])
                    for kernel, mean in zip((a, b), means, strict=True)
                ]
                scores[place] = [self.score(*(shorter(part, k) for part in parts)) for k in numbers]
                continue
            kernels = [
                (*_subset(kernel, subset), mean[place, subset])
                for kernel, mean in zip((a, b), means, strict=True)
            ]
            for column, k in enumerate(numbers):
                cut = [(lists[:, :k], values[:, :k], mean) for lists, values, mean in kernels]
                if self.definition == "paper":
                    (one, _, _), (other, _, _) = cut
                    u, v = (unit(values, mean) for _, values, mean in cut)
                    scores[place, column] = shared_products(one, u, other, v)
                else:
                    k_matrix, l_matrix = (matrix(lists, values) for lists, values, _ in cut)
                    scores[place, column] = _ratio_of_estimates(k_matrix, l_matrix, self.offset)
        return scores


def _subset(kernel: NeighbourKernel, chosen: NDArray[np.bool_]) -> tuple[Indices, Array]:
    """Lists of a subset, and the kernel there."""
    lists, (values,), anew = kernel.neighbours.among_with(chosen, kernel.values)
    samples = np.flatnonzero(chosen)
    for row in anew:  # not among those whose kernel is kept
        values[row] = kernel.neighbours.products(samples[row], samples[lists[row]])
    return lists, values


def shorter(kernel: NeighbourKernel, k: int) -> NeighbourKernel:
    """The kernel with fewer neighbours of each sample."""
    return replace(kernel, neighbours=kernel.neighbours.cut(k))


def _tied_subset(
    kernel: NeighbourKernel, chosen: NDArray[np.bool_], means: Array
) -> NeighbourKernel:
    """The chosen samples alone, with their neighbours and ties, and the kernel there."""
    full = kernel.neighbours
    if full.ties is None:
        lists, values = _subset(kernel, chosen)
        return NeighbourKernel(
            Neighbours(lists, full.k, full.metric, full.given, full.rows[chosen]), values, means
        )
    samples, n = np.flatnonzero(chosen), len(full.lists)
    lists, ties, anew = subsets.among(full.lists, full.ties, full.k, chosen, full.ranking)
    # Values are known at the places of the full lists; those of a tail are all alike.
    places = np.arange(len(full.lists))[:, None] * n + full.lists
    order = np.argsort(places, axis=None)
    wanted = samples[:, None] * n + samples[np.maximum(lists, 0)]
    at = np.searchsorted(places.ravel(), wanted, sorter=order)
    values = kernel.values.ravel()[order[np.minimum(at, n * full.lists.shape[1] - 1)]]
    last = np.minimum(full.ties.length[samples], full.lists.shape[1] - 1)
    rest = kernel.values[samples, last]
    for row in anew:
        others, _ = full.ranking(int(samples[row]))
        others = others[chosen[others]][: ties.length[row] + 1]
        kernels = full.products(int(samples[row]), others.astype(np.int64))
        values[row, : ties.length[row]], rest[row] = kernels[:-1], kernels[-1]
    values = np.where(np.arange(lists.shape[1]) < ties.length[:, None], values, rest[:, None])
    return NeighbourKernel(
        Neighbours(lists, full.k, full.metric, full.given, full.rows[chosen], ties), values, means
    )


def matrix(lists: Indices, values: Array) -> sparse.csr_array:
    """A square matrix with these values at the neighbours of each sample, and zeros elsewhere."""
    n, k = lists.shape
    ends = np.arange(0, n * k + 1, k)
    # Copies, because sorting happens in place.
    square = sparse.csr_array((values.flatten(), lists.flatten(), ends), shape=(n, n))
    square.sort_indices()
    return square


def unit(values: Array, means: Array) -> Array:
    """Values less the mean of their row, of Frobenius norm one."""
    centred = values - means[:, None]
    norm = float(np.linalg.norm(centred))
    if norm <= CANCELLED * float(np.linalg.norm(values)):
        _say_constant()
        return np.full(centred.shape, np.nan)
    return np.asarray(centred / norm)


def _say_constant() -> None:
    warn(
        "CKNNA: the score is NaN, because the kernel at neighbours is everywhere the mean of "
        "its row"
    )


def _tied_ratio(a: TiedKernel, b: TiedKernel, offset: float) -> float:
    """`_ratio_of_estimates` of kernels times chances, which stand for the kernels of one choice."""

    def estimate(first: RowForm, second: RowForm) -> float:
        n = first.num_samples
        constant = first.total * second.total / ((n - 1) * (n - 2))
        through = float(first.column_sums @ second.row_sums)
        return (first.trace(second) + constant - 2.0 / (n - 2) * through) / (n * (n - 3))

    shared = estimate(a.kernel.times(b.chances), b.kernel.times(a.chances))
    return _ratio(shared, estimate(a.kernel, a.kernel) * estimate(b.kernel, b.kernel), offset)


def _ratios(a: TiedKernel, b: TiedKernel, orders: Orders, offset: float) -> Array:
    """`_tied_ratio` with the second in each of the orders, from dense matrices."""
    first, chances = a.kernel.dense(), a.chances.dense()
    second, others = b.kernel.dense(), b.chances.dense()
    n = len(first)

    def estimate(one: Array, other: Array) -> float:
        sums = one.sum(axis=0), other.sum(axis=1)
        constant = float(np.sum(sums[0]) * np.sum(sums[1])) / ((n - 1) * (n - 2))
        through = 2.0 / (n - 2) * float(sums[0] @ sums[1])
        return (float(np.sum(one * other.T)) + constant - through) / (n * (n - 3))

    product = estimate(first, first) * estimate(second, second)
    scores = np.empty(len(orders))
    for place, order in enumerate(orders):
        moved = np.ix_(order, order)
        shared = estimate(first * others[moved], second[moved] * chances)
        scores[place] = _ratio(shared, product, offset)
    return scores


def _ratio(shared: float, product: float, offset: float) -> float:
    if product <= 0.0:
        warn(
            "CKNNA: the score is NaN, because an unbiased estimate of a kernel with itself is not "
            "positive"
        )
        return float("nan")
    return float(shared / (np.sqrt(product) + offset))


def _ratio_of_estimates(first: sparse.csr_array, second: sparse.csr_array, offset: float) -> float:
    """Song's estimates of HSIC, with both kernels zero where neighbours are not shared."""
    alpha, beta = (
        sparse.csr_array((np.ones(m.nnz), m.indices, m.indptr), shape=m.shape)
        for m in (first, second)
    )
    shared = _hsic(first.multiply(beta), second.multiply(alpha))
    return _ratio(shared, _hsic(first, first) * _hsic(second, second), offset)


def _hsic(first: sparse.csr_array, second: sparse.csr_array) -> float:
    """Song's estimate of HSIC, of kernels with zero diagonals."""
    n = first.shape[0]
    trace = first.multiply(second.T).sum()
    through = first.sum(axis=0) @ second.sum(axis=1)
    sums = Sums.of_hollow(n, float(trace), float(through), float(first.sum() * second.sum()))
    return float(estimate(sums, "song")) / divisor(n, "song")


def _subset_means(kernel: NeighbourKernel, chosen: NDArray[np.bool_]) -> Array:
    """Means of the kernel over each subset, ``(num_subsets, num_samples)``."""
    lists = kernel.neighbours
    rows = to_numpy(knn.directions(lists.given, lists.metric))
    if not np.array_equal(lists.rows, np.arange(len(rows))):  # a copy of all takes long
        rows = rows[lists.rows]
    weights = chosen / np.count_nonzero(chosen, axis=1)[:, None]
    return np.asarray((weights @ rows) @ rows.T)


def cknna(
    x: Any,
    y: Any,
    *,
    k: int = 10,
    metric: str = "cosine",
    definition: str = "paper",
    offset: float = 0.0,
) -> float:
    """Centred kernel alignment over pairs that are neighbours in both representations.

    With ``α_ij = 1`` where j is among the k nearest of i in X *and* in Y,

    ``⟨K, L⟩ = Σ_ij α_ij (K_ij - K̄_i)(L_ij - L̄_i)``,    ``CKNNA = ⟨K, L⟩ / √(⟨K, K⟩ ⟨L, L⟩)``,

    where ``K_ij = x_i·x_j``, ``K̄_i`` is its mean over all j, and ``⟨K, K⟩`` has the neighbours in X
    alone.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Representations with paired rows.
    k : int
        Neighbours; 10 as in the literature. The score becomes that of all pairs as k grows.
    metric : {"cosine", "dot"}
        Whether rows are scaled to length one before; nearest is the largest kernel.
    definition : {"paper", "code"}
        "paper" is the formula above, from the paper's appendix. "code" is what the authors' program
        computes, whose numbers are in the literature: kernels are set to zero where neighbours are
        not shared, and compared by Song's unbiased estimate of HSIC, which then subtracts means
        over those zeros. It takes the trace of the product of two matrices that are not symmetric,
        ``Σ_ij α_ij α_ji K_ij L_ji``, so that pairs count that are neighbours both ways.
    offset : float
        Added to the denominator of "code". The program adds 1e-6 to a product of estimates that are
        small themselves: at n = 512 it lowers a score of .61 by .0002.

    Returns
    -------
    float
        1 for identical representations. "paper": between -1 and 1. "code": unbounded.

    Raises
    ------
    MethexisError
        On input that cannot be compared; if there are not more than k samples.

    Notes
    -----
    Where rows are equally near, ``α_ij`` is the product of the chances that j is a neighbour in
    either (`ties`), which in "paper" makes the score the average over ways to break ties.

    Pitfalls: those of `mutual_knn`; at small k nearly all of the score is which neighbours are
    shared, little how near they are. "code" can be NaN where an estimate is not positive (warned).

    Cost: twice ``n² d`` per representation, ``n k`` per pair. "paper" has exact moments over all
    pairings of the rows, "code" permutations.

    References
    ----------
    Huh, Cheung, Wang and Isola 2024, "The Platonic representation hypothesis", arXiv:2405.07987;
    ``cknna`` in github.com/minyoungg/platonic-rep

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(40, 3))
    >>> round(cknna(x, x @ np.diag([1.0, -1.0, 1.0])), 6)
    1.0
    """
    return CKNNA(k, metric, definition, offset)(x, y)
