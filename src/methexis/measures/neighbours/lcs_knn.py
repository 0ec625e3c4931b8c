"""LCS kNN: the longest run of neighbours that both lists have in the same order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from methexis.core.checks import Array
from methexis.measures.neighbours.indices import Indices
from methexis.measures.neighbours.lists import NeighbourMeasure


@dataclass(frozen=True)
class LCSKNN(NeighbourMeasure):
    """Longest common subsequence of neighbour lists; see `lcs_knn`."""

    name: ClassVar[str] = "lcs_knn"
    compared: ClassVar[tuple[float, float]] = (400.0, 1.5)
    label: ClassVar[str] = "LCS kNN"
    tier: ClassVar[int] = 2
    reference: ClassVar[str] = "Huh et al. 2024, arXiv:2405.07987 (platonic-rep)"

    def alike(self, a: Indices, b: Indices) -> Array:
        """Length of the longest common subsequence over k, of each sample."""
        first, second = np.ascontiguousarray(a.T), np.ascontiguousarray(b.T)
        # best[q]: of the first p places of one list and the first q of the other.
        best = np.zeros((len(second) + 1, len(a)), dtype=np.int32)
        for place in first:
            before = best.copy()
            for q, other in enumerate(second):
                longer = before[q] + (place == other)
                np.maximum(np.maximum(longer, before[q + 1]), best[q], out=best[q + 1])
        return np.asarray(best[-1] / a.shape[1])


def lcs_knn(x: Any, y: Any, *, k: int = 10, metric: str = "cosine") -> float:
    """Mean length of the longest common subsequence of two lists of neighbours, over k.

    A subsequence keeps the order of the list, nearest first, and may leave out neighbours. So it is
    at most `mutual_knn`, and less where the common neighbours come in another order.

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
        Between 0 and 1; 1 for identical lists. The code of Huh et al. does not divide by k.

    Raises
    ------
    MethexisError
        On input that cannot be compared; if there are not more than k samples.

    Notes
    -----
    Cost: ``n² d`` per representation, ``n k²`` per pair.

    References
    ----------
    Huh, Cheung, Wang and Isola 2024, arXiv:2405.07987; ``lcs_knn`` of their code.

    Examples
    --------
    >>> x = [[0.0], [1.0], [3.0], [9.0], [20.0]]
    >>> y = [[0.0], [1.0], [-3.0], [9.0], [20.0]]
    >>> round(lcs_knn(x, y, k=2, metric="euclidean"), 6)
    0.7
    """
    return LCSKNN(k, metric)(x, y)
