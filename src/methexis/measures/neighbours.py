"""Representations as lists of nearest neighbours, and what all measures of such lists share.

A measure of this family compares, sample by sample, the neighbours that two representations give
it, and averages. So one class holds what does not depend on how two lists are compared: the lists
themselves, orders (lists are renamed, never found again), and intervals.

Intervals are not from a bootstrap. A bootstrap sample holds copies; a copy is the nearest of all
neighbours, and without copies a sample has only 0.63 n others, some of which count twice, so that
statistics of a fixed number of neighbours vary more than they should: deviations 20 to 35 % too
large at n = 200, k = 10 (they count each interaction of two samples twice, as the jackknife does).
Drawing the samples' overlaps with their neighbours fixed ignores that neighbours are random: 35 %
too small. Two halves without a common sample are, for independent samples, independent, so *half*
their difference has the variance of a mean over both, whatever the order of the interactions; that
is what `resampling` makes of scores of halves. What is left is that a half has the neighbours of a
sparser sample: deviations 5 to 15 % too large.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from methexis.core.checks import Array, integer, one_of
from methexis.errors import MethexisError
from methexis.measures import knn, moments
from methexis.measures.features import Features, to_numpy, warn
from methexis.measures.knn import Indices
from methexis.measures.measure import Counts, Invariance, Measure, Orders, invariant


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
        Of `knn.nearest`.
    given : Features
        Where they were found, should a subset leave fewer than k of a list.
    rows : array (num_samples,)
        Which row of `given` each sample is.
    """

    lists: Indices
    k: int
    metric: str
    given: Features
    rows: NDArray[np.int64]

    @property
    def nearest(self) -> Indices:
        """The k nearest, ``(num_samples, k)``."""
        return self.lists[:, : self.k]

    @cached_property
    def sums(self) -> moments.PairSums:
        """What moments over orders need of ``a_ij = 1/√(n k)`` where j is a neighbour of i."""
        n, k = self.nearest.shape
        value = np.full(n * k, 1.0 / np.sqrt(n * k))
        rows = np.arange(0, n * k + 1, k)
        return moments.pair_sums(
            sparse.csr_array((value, self.nearest.ravel(), rows), shape=(n, n))
        )

    def reordered(self, order: NDArray[np.int64]) -> Neighbours:
        """The lists of the rows in that order, under their new numbers."""
        names = np.empty(len(order), dtype=np.int32)
        names[order] = np.arange(len(order), dtype=np.int32)
        return Neighbours(
            names[self.lists[order]], self.k, self.metric, self.given, self.rows[order]
        )

    def among(self, chosen: NDArray[np.bool_]) -> tuple[Indices, NDArray[np.int64]]:
        """The k nearest of every chosen sample among the chosen ones.

        Returns
        -------
        lists : array (num_chosen, k)
            The chosen samples are numbered anew.
        places : array (num_chosen, k)
            Where each neighbour is in the sample's full list; -1 if it is not, because that list
            held fewer than k chosen samples and was made anew, in full.
        """
        lists = self.lists[chosen]
        present = chosen[lists]
        rank = np.cumsum(present, axis=1, dtype=np.int32)
        enough = rank[:, -1] >= self.k
        kept = present & (rank <= self.k) & enough[:, None]
        found = np.empty((len(lists), self.k), dtype=np.int32)
        places = np.full((len(lists), self.k), -1)
        found[enough] = lists[kept].reshape(-1, self.k)
        places[enough] = np.nonzero(kept)[1].reshape(-1, self.k)
        for row in np.flatnonzero(~enough):
            found[row] = self._anew(int(np.flatnonzero(chosen)[row]), chosen)
        return (np.cumsum(chosen, dtype=np.int32) - 1)[found], places

    def products(self, sample: int, others: NDArray[np.int64]) -> Array:
        """Inner products, or cosines, of one sample with some others."""
        given = self.given.replaced(
            self.given.xp.take(
                self.given.array,
                self.given.xp.asarray(self.rows[np.concatenate([[sample], others])]),
                axis=0,
            )
        )
        rows = to_numpy(knn.directions(given, self.metric))
        return np.asarray(rows[1:] @ rows[0])

    def _anew(self, sample: int, chosen: NDArray[np.bool_]) -> Indices:
        names = np.empty(len(self.rows), dtype=np.int32)
        names[self.rows] = np.arange(len(self.rows), dtype=np.int32)
        ranking = names[knn.ranking(self.given, int(self.rows[sample]), self.metric)]
        return ranking[chosen[ranking]][: self.k]


def neighbours(given: Features, k: int, metric: str) -> Neighbours:
    """Lists of one representation, with a warning where they say little.

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
    copies = knn.num_duplicates(given)
    if copies:
        warn(
            f"{given.name}: {copies} of {n} rows equal an earlier one; which of equally near rows "
            "are neighbours is arbitrary (the first ones), so the score is partly; leave copies out"
        )
    # Half of the samples leave half of a list, give or take √M/2; so k of 3 k + 20 are missed about
    # once in 10^5 lists.
    lists = knn.nearest(given, min(3 * k + 20, n - 1), metric=metric)
    return Neighbours(lists, k, metric, given, np.arange(n))


R = TypeVar("R")


class ListMeasure(Measure[R]):
    """Options and invariances of measures of neighbour lists; subclasses are dataclasses."""

    k: int
    metric: str

    resampling: ClassVar[str] = "halves"

    def __post_init__(self) -> None:
        integer("k", self.k, least=1)
        one_of("metric", self.metric, knn.METRICS)

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Orthogonal maps and one scale; for Euclidean distance translation too."""
        groups = [Invariance.ORTHOGONAL, Invariance.SCALE]
        if self.metric == "euclidean":
            groups.append(Invariance.TRANSLATION)
        return invariant(*groups)


class NeighbourMeasure(ListMeasure[Neighbours]):
    """The mean over samples of how alike two lists of the sample's neighbours are."""

    @abstractmethod
    def alike(self, a: Indices, b: Indices) -> Array:
        """How alike two lists of each sample are, ``(num_samples,)``."""

    def reduce(self, features: Features) -> Neighbours:
        """The neighbour lists."""
        return neighbours(features, self.k, self.metric)

    def score(self, a: Neighbours, b: Neighbours) -> float:
        """The score of a pair."""
        return float(np.mean(self.alike(a.nearest, b.nearest)))

    def reorder(self, reduced: Neighbours, order: NDArray[np.int64]) -> Neighbours:
        """The lists of the rows in that order."""
        return reduced.reordered(order)

    def lean(self, reduced: Neighbours) -> Neighbours:
        """The k nearest alone; subsets of the samples would need more."""
        nothing = reduced.given.replaced(reduced.given.xp.zeros((0, 1)))
        lists = np.ascontiguousarray(reduced.nearest)
        return Neighbours(lists, reduced.k, reduced.metric, nothing, reduced.rows)

    def permuted(self, a: Neighbours, b: Neighbours, orders: Orders) -> Array:
        """Scores with the lists of the second renamed in each order."""
        names = np.empty(len(b.lists), dtype=np.int32)
        scores = np.empty(len(orders))
        for place, order in enumerate(orders):
            names[order] = np.arange(len(order), dtype=np.int32)
            scores[place] = np.mean(self.alike(a.nearest, names[b.nearest[order]]))
        return scores

    def resampled(self, a: Neighbours, b: Neighbours, counts: Counts) -> Array | None:
        """Scores of subsets of the samples, each with its k nearest among the subset.

        Raises
        ------
        MethexisError
            If a count is not 0 or 1: a copy of a sample would be its nearest neighbour.
        """
        chosen = subsets(counts)
        if np.any(np.count_nonzero(chosen, axis=1) <= self.k):
            return None
        return np.array([np.mean(self.alike(a.among(c)[0], b.among(c)[0])) for c in chosen])


def subsets(counts: Counts) -> NDArray[np.bool_]:
    """Which samples are in.

    Raises
    ------
    MethexisError
        If a count is not 0 or 1.
    """
    if np.any((counts != 0) & (counts != 1)):
        raise MethexisError(
            "counts: expected subsets (0 or 1) of samples whose neighbours are compared, got a "
            f"sample {int(np.max(counts))} times; a copy would be its nearest neighbour"
        )
    return np.asarray(counts == 1)
