"""Representations as lists of nearest neighbours, and what all measures of such lists share.

A measure of this family compares, sample by sample, the neighbours that two representations give
it, and averages. So one class holds what does not depend on how two lists are compared: the lists
themselves, orders (lists are renamed, never found again), and intervals. Which of equally near rows
are neighbours no list can say; scores are then averages over all ways to choose (`ties`,
`expected`).

Intervals come from halves of the samples, not from a bootstrap; `resampling` says why, and how.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from methexis.core.checks import Array, integer, one_of
from methexis.core.parallel.caching import cached_property
from methexis.errors import MethexisError
from methexis.measures.inputs.features import MIN_SAMPLES, Features, to_numpy, warn
from methexis.measures.measure import Counts, Invariance, Measure, Orders, invariant
from methexis.measures.neighbours import knn
from methexis.measures.neighbours.indices import Indices
from methexis.measures.neighbours.rows import Rows
from methexis.measures.neighbours.tied import subsets
from methexis.measures.neighbours.tied.expected import Groups, expected_lists, groups
from methexis.measures.neighbours.tied.ties import Ties
from methexis.measures.pairs import moments
from methexis.measures.work import Work, drawn_bytes, held_bytes, passes, products

#: Nanoseconds of one core per pair of samples, of both sides: products merged into lists.
_MERGED = 40.0
#: Per entry of a list that is renamed in an order.
_RENAMED = 8.0
#: Per neighbour, whatever the number of samples: calls of NumPy.
_CALLS = 1e4
#: Per entry of two lists and of their common neighbours, for moments over orders.
_MOMENTS = 1000.0

#: Share of places that ties leave open from which on it is said.
MANY_TIES = 0.01
#: Rows that are named of those that are copies.
_NAMED = 3


@dataclass(frozen=True, eq=False)
class Neighbours:
    """A representation as lists of neighbours.

    Attributes
    ----------
    lists : array (num_samples, num_kept) of int32
        Numbers of the other samples, nearest first; more than k, for subsets of the samples.
    k : int
        How many of them a measure looks at.
    metric : str
        Metric of `knn.nearest`.
    given : Features
        Features that the lists are from, for a subset that leaves fewer than k of a list.
    rows : array (num_samples,)
        Row of `given` that each sample is.
    ties : Ties or None
        Groups of equally near samples; None where no two are equally near.
    """

    lists: Indices
    k: int
    metric: str
    given: Features
    rows: NDArray[np.int64]
    ties: Ties | None = None

    @property
    def nearest(self) -> Indices:
        """The k nearest neighbours of each sample, ``(num_samples, k)``."""
        return self.lists[:, : self.k]

    @cached_property
    def groups(self) -> Groups:
        """The k places of each sample's list, by groups of equally near rows."""
        return groups(self.lists, self.k, self.ties)

    @cached_property
    def undecided(self) -> bool:
        """Whether ties leave open for some sample who its k nearest are."""
        return self.ties is not None and bool(self.ties.loose(self.k, ordered=False).any())

    @cached_property
    def attainable(self) -> float:
        """The share of its own neighbours that it has in common with itself, its ties broken twice.

        ``Σ_ij a_ij² / (n k)``: what identical representations score in mutual kNN; 1 without ties.
        """
        if not self.undecided:
            return 1.0
        own = self.groups
        return float(np.mean(own.begin + own.places * own.share)) / self.k

    @cached_property
    def sums(self) -> moments.PairSums | None:
        """What moments over orders need of ``a_ij/√(n k)``, a the chance of being a neighbour.

        None where ties are so many that it would take longer than drawing orders.
        """
        n, k = self.nearest.shape
        if self.undecided:
            entries = self.groups.chances.scaled(1.0 / np.sqrt(n * k)).entries()
            return None if entries is None else moments.pair_sums(entries)
        value = np.full(n * k, 1.0 / np.sqrt(n * k))
        rows = np.arange(0, n * k + 1, k)
        return moments.pair_sums(
            sparse.csr_array((value, self.nearest.ravel(), rows), shape=(n, n))
        )

    def reordered(self, order: NDArray[np.int64]) -> Neighbours:
        """The lists of the rows in that order, under their new numbers."""
        names = np.empty(len(order), dtype=np.int32)
        names[order] = np.arange(len(order), dtype=np.int32)
        ties = None if self.ties is None else self.ties.reordered(order)
        return Neighbours(
            names[self.lists[order]], self.k, self.metric, self.given, self.rows[order], ties
        )

    def subset(self, chosen: NDArray[np.bool_]) -> Neighbours:
        """The chosen samples alone, numbered anew, with their own neighbours and ties."""
        if self.ties is None:
            lists, ties = self.among(chosen), None
        else:
            lists, ties, _ = subsets.among(self.lists, self.ties, self.k, chosen, self.ranking)
        return Neighbours(lists, self.k, self.metric, self.given, self.rows[chosen], ties)

    def cut(self, k: int) -> Neighbours:
        """The lists with fewer neighbours of each sample."""
        return replace(self, k=k)

    def among(self, chosen: NDArray[np.bool_]) -> Indices:
        """The k nearest of every chosen sample among the chosen ones, ``(num_chosen, k)``.

        The chosen samples are numbered anew, from 0. A list of which fewer than k samples are
        chosen is made anew, in full; never is a list shorter.
        """
        return self.among_with(chosen)[0]

    def among_with(
        self, chosen: NDArray[np.bool_], *beside: Array
    ) -> tuple[Indices, list[Array], NDArray[np.int64]]:
        """The same, with the entries of other arrays beside the full lists, ``(num_chosen, k)``.

        And the rows whose lists are made anew, where those entries are not known and are zero.
        """
        samples = np.flatnonzero(chosen)
        lists = self.lists.take(samples, axis=0)
        kept = chosen.take(lists)
        rank = np.cumsum(kept, axis=1, dtype=np.int32)
        enough = rank[:, -1] >= self.k
        kept &= rank <= self.k
        kept[~enough] = False
        entries = np.flatnonzero(kept)  # one index into all places: much faster than a mask

        def first(array: NDArray[Any]) -> NDArray[Any]:
            of_chosen = np.zeros((len(lists), self.k), dtype=array.dtype)
            of_chosen[enough] = array.ravel().take(entries).reshape(-1, self.k)
            return of_chosen

        nearest, others = first(lists), [first(one.take(samples, axis=0)) for one in beside]
        anew = np.flatnonzero(~enough)
        for row in anew:
            nearest[row] = self._anew(int(samples[row]), chosen)
        return (np.cumsum(chosen, dtype=np.int32) - 1).take(nearest), others, anew

    def products(self, sample: int, others: NDArray[np.int64]) -> Array:
        """Inner products, or cosines, of one sample with some others."""
        rows = self.rows[np.concatenate([[sample], others])]
        given = self.given.replaced(knn.rows_at(self.given.xp, self.given.array, rows))
        taken = to_numpy(knn.directions(given, self.metric))
        return np.asarray(taken[1:] @ taken[0])

    def _anew(self, sample: int, chosen: NDArray[np.bool_]) -> Indices:
        ranking, _ = self.ranking(sample)
        return ranking[chosen[ranking]][: self.k]

    @cached_property
    def _searched(self) -> Rows:
        """All rows as they are searched, made once: in many subsets some list falls short."""
        return Rows(self.given, self.metric)

    def ranking(self, sample: int) -> tuple[Indices, Indices]:
        """All other samples from the nearest to the farthest, and where each one's group begins."""
        names = np.empty(len(self.rows), dtype=np.int32)
        names[self.rows] = np.arange(len(self.rows), dtype=np.int32)
        ranking, first = self._searched.ranking(int(self.rows[sample]))
        return names[ranking], first


def neighbours(given: Features, k: int, metric: str, *, share: float = 0.5) -> Neighbours:
    """Lists of one representation, with a warning where they say little.

    Parameters
    ----------
    given : Features
        Rows are samples.
    k : int
        How many neighbours are compared.
    metric : {"cosine", "euclidean", "dot"}
        Metric of `knn.nearest`.
    share : float
        The smallest subset of the samples that will be asked for; lists are long enough for most.

    Raises
    ------
    MethexisError
        If there are not more than k samples.
    """
    n = given.num_samples
    if k >= n:
        raise MethexisError(
            f"k: expected fewer neighbours than there are other samples ({n - 1}), got {k}"
        )
    if 2 * k > n - 1:
        warn(
            f"{given.name}: any two sets of {k} of {n - 1} other samples share at least "
            f"{2 * k - n + 1}, so the score says little; take a smaller k or more samples"
        )
    if metric == "cosine":
        undirected = knn.num_undirected(given)
        if undirected:
            warn(
                f"{given.name}: {undirected} of {n} rows are zero and have no direction; their "
                "cosine with every other row is taken to be 0, so that all others are equally near "
                "to them; leave them out, or take metric='euclidean'"
            )
    # Half of the samples leave half of a list of M, give or take √M/2; so k of M = 3 k + 20 are
    # missed about once in 10^5 lists.
    kept = min(int(np.ceil((1.5 * k + 10) / share)), n - 1)
    ranked = knn.ranked(given, kept, metric=metric)
    lists = Neighbours(ranked.lists, k, metric, given, np.arange(n), ranked.ties)
    _say_ties(lists, knn.copies(given))
    return lists


def _say_ties(lists: Neighbours, copies: list[tuple[int, int]]) -> None:
    """Warn where equally near rows are many, or rows are copies of others."""
    n, name = len(lists.lists), lists.given.name
    equal = ""
    if copies:
        named = ", ".join(f"row {row} is row {first}" for row, first in copies[:_NAMED])
        more = ", …" if len(copies) > _NAMED else ""
        equal = f"{len(copies)} of {n} rows equal an earlier one ({named}{more}); "
    tied = float(np.mean(lists.groups.places)) / lists.k if lists.undecided else 0.0
    if tied > MANY_TIES:
        warn(
            f"{name}: {equal}{tied:.0%} of the places among the {lists.k} nearest are decided "
            "between equally near rows, which count by their chance of a place; so identical "
            f"representations would share {lists.attainable:.1%} of their neighbours, not all"
        )
    elif copies:
        warn(
            f"{name}: {equal}copies are neighbours of each other whatever else there is; leave "
            "copies out"
        )


#: Rows, of orders one below the other, for which ties are averaged over at a time.
AT_ONCE = 4096

R = TypeVar("R")


class ListMeasure(Measure[R]):
    """A measure of neighbour lists; subclasses are frozen dataclasses with an option `k`."""

    k: int

    resampling: ClassVar[str] = "halves"
    #: Nanoseconds of one core in which two lists of a sample are compared, at k = 10, and how that
    #: grows with k: as this power.
    compared: ClassVar[tuple[float, float]] = (100.0, 1.5)
    #: Per entry of a list that is kept or left out of a half, with its place.
    halved: ClassVar[float] = 6.0
    #: Matrices over pairs of samples that a comparison holds at once, at most.
    matrices: ClassVar[float] = 0.0

    def interval_from(self, num_samples: int) -> str:
        """Halves of the samples, or "none" where half of them have too few neighbours."""
        return self.resampling if num_samples // 2 > max(self.k, MIN_SAMPLES - 1) else "none"

    def work(self, num_samples: int, num_features: tuple[int, int]) -> Work:
        """Distances of all pairs for the lists; then so much per sample."""
        n, pairs = num_samples, float(num_samples) ** 2
        nanoseconds, power = self.compared
        score = passes(n, nanoseconds * (self.k / 10.0) ** power) + passes(self.k, _CALLS)
        kept = min(3.0 * self.k + 20.0, n)
        reduce = products(pairs * sum(num_features)) + passes(pairs, _MERGED)
        return Work(
            reduce=reduce + passes(self.matrices * pairs),
            score=score,
            moments=passes(n * self.k, _MOMENTS),
            order=score + passes(n * self.k, _RENAMED) + passes(3.0 * self.matrices * pairs),
            resample=2.0 * score + passes(2.0 * n * kept, self.halved),
            num_bytes=held_bytes(n, num_features, self.matrices),
            drawn_bytes=drawn_bytes(n),
        )

    def of_halves(self, a: R, b: R, chosen: NDArray[np.bool_]) -> Array:
        """Scores at the same k, and at half of it: the same share of half as many samples."""
        # Half of k = 2 is 1, of which some measures are not defined; then k stays.
        numbers = (self.k, (self.k + 1) // 2) if self.k > 2 else (self.k,)
        return self.of_subsets(a, b, chosen, numbers)

    @abstractmethod
    def of_subsets(self, a: R, b: R, chosen: NDArray[np.bool_], numbers: Sequence[int]) -> Array:
        """Scores of subsets of the samples, ``(num_subsets, len(numbers))``.

        Every subset has its own neighbours; the score is taken of as many of them as each of the
        numbers says, none larger than k.
        """

    def resampled(self, a: R, b: R, counts: Counts) -> Array | None:
        """Scores of subsets of the samples, or None if one has not more than k.

        Raises
        ------
        MethexisError
            If a count is not 0 or 1: a copy of a sample would be its nearest neighbour.
        """
        if np.any((counts != 0) & (counts != 1)):
            raise MethexisError(
                "counts: expected subsets (0 or 1) of samples whose neighbours are compared, got a "
                f"sample {int(np.max(counts))} times; a copy would be its nearest neighbour"
            )
        if np.any(np.sum(counts, axis=1) <= max(self.k, MIN_SAMPLES - 1)):
            return None
        return self.of_subsets(a, b, counts == 1, (self.k,))[:, 0]


def list_invariances(metric: str) -> frozenset[Invariance]:
    """Orthogonal maps and one scale; for Euclidean distance translation too."""
    groups = [Invariance.ORTHOGONAL, Invariance.SCALE]
    if metric == "euclidean":
        groups.append(Invariance.TRANSLATION)
    return invariant(*groups)


@dataclass(frozen=True)
class NeighbourMeasure(ListMeasure[Neighbours]):
    """The mean over samples of how alike two lists of the sample's neighbours are.

    Attributes
    ----------
    label : str
        What its title calls it, before the options.
    """

    k: int = 10
    metric: str = "cosine"

    label: ClassVar[str]
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        integer("k", self.k, least=1)
        one_of("metric", self.metric, knn.METRICS)

    @property
    def title(self) -> str:
        """The measure's name in tables."""
        return f"{self.label} (k = {self.k}, {self.metric})"

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Orthogonal maps and one scale; for Euclidean distance translation too."""
        return list_invariances(self.metric)

    @abstractmethod
    def alike(self, a: Indices, b: Indices) -> Array:
        """How alike two lists of each sample are, ``(num_samples,)``."""

    def reduce(self, features: Features) -> Neighbours:
        """The lists of nearest neighbours of each sample."""
        return neighbours(features, self.k, self.metric)

    def score(self, a: Neighbours, b: Neighbours) -> float:
        """The score of a pair."""
        if a.ties is None and b.ties is None:
            return float(np.mean(self.alike(a.nearest, b.nearest)))
        return float(np.mean(self.expected(a.groups, b.groups)))

    def expected(self, a: Groups, b: Groups) -> Array:
        """The average of `alike` over the ways to break ties, ``(num_samples,)``."""
        return expected_lists(a, b, self.alike)

    def reorder(self, reduced: Neighbours, order: NDArray[np.int64]) -> Neighbours:
        """The lists of the rows in that order."""
        return reduced.reordered(order)

    def lean(self, reduced: Neighbours) -> Neighbours:
        """The lists cut to k neighbours; subsets of the samples would need more."""
        nothing = reduced.given.replaced(reduced.given.xp.zeros((0, 1)))
        if reduced.ties is not None:
            return replace(reduced, given=nothing)
        lists = np.ascontiguousarray(reduced.nearest)
        return Neighbours(lists, reduced.k, reduced.metric, nothing, reduced.rows)

    def permuted(self, a: Neighbours, b: Neighbours, orders: Orders) -> Array:
        """Scores with the lists of the second renamed in each order."""
        if a.ties is not None or b.ties is not None:
            return self.tied_permuted(a.groups, b.groups, orders)
        names = np.empty(len(b.lists), dtype=np.int32)
        scores = np.empty(len(orders))
        for place, order in enumerate(orders):
            names[order] = np.arange(len(order), dtype=np.int32)
            scores[place] = np.mean(self.alike(a.nearest, names[b.nearest[order]]))
        return scores

    def tied_permuted(self, a: Groups, b: Groups, orders: Orders) -> Array:
        """Scores with the second reordered, averaged over the ways to break ties."""
        scores = [np.empty(0)]
        step = max(1, AT_ONCE // orders.shape[1])
        for start in range(0, len(orders), step):
            part = orders[start : start + step]
            scores_of_samples = self.expected(a.repeated(len(part)), b.under(part))
            scores.append(np.mean(scores_of_samples.reshape(part.shape), axis=1))
        return np.concatenate(scores)

    def of_subsets(
        self, a: Neighbours, b: Neighbours, chosen: NDArray[np.bool_], numbers: Sequence[int]
    ) -> Array:
        """Scores of subsets of the samples."""
        scores = np.empty((len(chosen), len(numbers)))
        for place, subset in enumerate(chosen):
            if a.ties is not None or b.ties is not None:
                parts = a.subset(subset), b.subset(subset)
                scores[place] = [self.score(*(part.cut(k) for part in parts)) for k in numbers]
                continue
            one, other = a.among(subset), b.among(subset)
            scores[place] = [np.mean(self.alike(one[:, :k], other[:, :k])) for k in numbers]
        return scores
