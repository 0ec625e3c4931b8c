"""Rank similarity: shared neighbours, weighed by how near they are and how alike in rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from methexis.core.checks import Array
from methexis.measures.neighbours.indices import Indices
from methexis.measures.neighbours.lists import NeighbourMeasure


@dataclass(frozen=True)
class RankSimilarity(NeighbourMeasure):
    """Weighted ranks of shared neighbours; see `rank_similarity`."""

    name: ClassVar[str] = "rank_similarity"
    compared: ClassVar[tuple[float, float]] = (450.0, 1.6)
    label: ClassVar[str] = "rank similarity"
    tier: ClassVar[int] = 2
    reference: ClassVar[str] = "Wang et al. 2020; Klabunde et al. 2023, arXiv:2305.06329"

    def alike(self, a: Indices, b: Indices) -> Array:
        """Weighed shared neighbours of each sample over the most that so many can weigh."""
        k = a.shape[1]
        first, second = np.ascontiguousarray(a.T), np.ascontiguousarray(b.T)
        number = np.zeros(len(a), dtype=np.int64)
        weight = np.zeros(len(a))
        for p, place in enumerate(first):
            for q, other in enumerate(second):
                same = place == other
                number += same
                weight += same * (2.0 / ((1 + abs(p - q)) * (p + q + 2)))
        most = np.concatenate([[1.0], np.cumsum(1.0 / np.arange(1, k + 1))])  # none: 0 / 1
        return np.asarray(weight / most[number])


def rank_similarity(x: Any, y: Any, *, k: int = 10, metric: str = "cosine") -> float:
    """Mean weighted agreement of the ranks that shared neighbours have.

    A neighbour j that sample i shares has ranks r and r' (nearest: 1) and weighs
    ``2 / ((1 + |r - r'|)(r + r'))``; the weights of i's v shared neighbours are summed and divided
    by ``1 + 1/2 + … + 1/v``, their most. A sample that shares none counts 0.

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
        Between 0 and 1; 1 for identical lists.

    Raises
    ------
    MethexisError
        On input that cannot be compared; if there are not more than k samples.

    Notes
    -----
    Pitfalls: the divisor depends on how many neighbours are shared, so one shared nearest neighbour
    scores as high as ten shared ones in order. It says how alike ranks are, not how many.

    Cost: ``n² d`` per representation, ``n k²`` per pair.

    References
    ----------
    Wang, Rao, Guo, Wang, Liu and Guan 2020, "Towards understanding the instability of network
    embedding"; Klabunde et al. 2023, arXiv:2305.06329

    Examples
    --------
    >>> rank_similarity([[0.0], [1.0], [3.0], [9.0]], [[0.0], [1.0], [-3.0], [9.0]], k=1,
    ...                 metric="euclidean")
    0.5
    """
    return RankSimilarity(k, metric)(x, y)
