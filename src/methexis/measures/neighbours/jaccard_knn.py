"""Jaccard similarity of neighbour lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import stats

from methexis.core.checks import Array
from methexis.measures.measure import Orders
from methexis.measures.neighbours.indices import Indices
from methexis.measures.neighbours.lists import NeighbourMeasure, Neighbours
from methexis.measures.neighbours.shared import Numbers, shared, shared_under
from methexis.measures.neighbours.tied.expected import Groups, expected_number


@dataclass(frozen=True)
class JaccardKNN(NeighbourMeasure):
    """Mean Jaccard similarity of neighbour lists; see `jaccard_knn`."""

    name: ClassVar[str] = "jaccard_knn"
    label: ClassVar[str] = "Jaccard kNN"
    reference: ClassVar[str] = "Klabunde et al. 2023, arXiv:2305.06329; Wang et al. 2020"

    def alike(self, a: Indices, b: Indices) -> Array:
        """Shared neighbours of each sample over those that either list has."""
        return self._jaccard(shared(a, b), a.shape[1])

    def expected(self, a: Groups, b: Groups) -> Array:
        """The average over numbers of shared neighbours, exact."""
        return expected_number(a, b, lambda num_shared: self._jaccard(num_shared, a.k))

    def permuted(self, a: Neighbours, b: Neighbours, orders: Orders) -> Array:
        """Scores with the lists of the second renamed in each order."""
        if a.undecided or b.undecided:
            return self.tied_permuted(a.groups, b.groups, orders)
        return np.array(
            [
                np.mean(self._jaccard(num_shared, self.k))
                for num_shared in shared_under(a.nearest, b.nearest, orders)
            ]
        )

    def null_mean(self, a: Neighbours, b: Neighbours) -> float | None:
        """Exact mean over all orders.

        In a random order the list of a sample is a random set of k of the other n - 1 samples,
        whatever the graph of neighbours and its ties, so what it shares with a given set is
        hypergeometric.
        """
        del b
        n = len(a.lists)
        share = np.arange(self.k + 1)
        chances = stats.hypergeom(n - 1, self.k, self.k).pmf(share)
        return float(np.sum(chances * self._jaccard(share, self.k)))

    @staticmethod
    def _jaccard(num_shared: Numbers | Array, k: int) -> Array:
        return num_shared / (2.0 * k - num_shared)


def jaccard_knn(x: Any, y: Any, *, k: int = 10, metric: str = "cosine") -> float:
    """Mean Jaccard similarity of the k nearest neighbours in two representations.

    ``1/n Σ_i |N_X(i) ∩ N_Y(i)| / |N_X(i) ∪ N_Y(i)|``, with ``N_X(i)`` the k samples nearest to
    sample i in X, without i itself.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Representations with paired rows.
    k : int
        Neighbours; 10 as in the literature.
    metric : {"cosine", "euclidean", "dot"}
        What nearest means.

    Returns
    -------
    float
        Between 0 and 1; 1 for identical neighbour lists.

    Raises
    ------
    MethexisError
        On input that cannot be compared; if there are not more than k samples.

    Notes
    -----
    Pitfalls: those of `mutual_knn`, of which it is a convex function for each sample: with overlap
    ``o`` it is ``o/(2k - o)``, so an average over samples weighs those who agree much more.

    Cost: ``n² d`` per representation, ``n k²`` per pair. The mean over all pairings of the rows is
    exact; its spread is from permutations.

    References
    ----------
    Klabunde, Schumacher, Strohmaier and Lemmerich 2023, "Similarity of neural network models: a
    survey of functional and representational measures", arXiv:2305.06329

    Examples
    --------
    >>> jaccard_knn([[0.0], [1.0], [3.0], [9.0]], [[0.0], [1.0], [-3.0], [9.0]], k=1,
    ...             metric="euclidean")
    0.5
    """
    return JaccardKNN(k, metric)(x, y)
