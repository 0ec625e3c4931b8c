"""Edit-distance kNN: how many edits turn one list of neighbours into the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from methexis.core.checks import Array
from methexis.measures.neighbours.indices import Indices
from methexis.measures.neighbours.lists import NeighbourMeasure


@dataclass(frozen=True)
class EditDistanceKNN(NeighbourMeasure):
    """One minus the edit distance of neighbour lists over k; see `edit_distance_knn`."""

    name: ClassVar[str] = "edit_distance_knn"
    compared: ClassVar[tuple[float, float]] = (600.0, 1.8)
    label: ClassVar[str] = "edit-distance kNN"
    tier: ClassVar[int] = 2
    reference: ClassVar[str] = "Huh et al. 2024, arXiv:2405.07987 (platonic-rep)"

    def alike(self, a: Indices, b: Indices) -> Array:
        """One minus Levenshtein's distance over k, of each sample."""
        first, second = np.ascontiguousarray(a.T), np.ascontiguousarray(b.T)
        # edits[q]: from the first p places of one list to the first q of the other.
        edits = np.repeat(np.arange(len(second) + 1, dtype=np.int32)[:, None], len(a), axis=1)
        for p, place in enumerate(first):
            before = edits.copy()
            edits[0] = p + 1
            for q, other in enumerate(second):
                replaced = before[q] + (place != other)
                dropped = np.minimum(before[q + 1], edits[q]) + 1
                np.minimum(replaced, dropped, out=edits[q + 1])
        return np.asarray(1.0 - edits[-1] / a.shape[1])


def edit_distance_knn(x: Any, y: Any, *, k: int = 10, metric: str = "cosine") -> float:
    """One minus the mean edit distance of two lists of neighbours, over k.

    Levenshtein's distance: the fewest insertions, deletions and replacements of one neighbour that
    turn one list, nearest first, into the other.

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
    Pitfalls: two neighbours of the list that change places cost as much as two that are replaced
    by others.

    Cost: ``n² d`` per representation, ``n k²`` per pair.

    References
    ----------
    Huh, Cheung, Wang and Isola 2024, arXiv:2405.07987; ``edit_distance_knn`` of their code.

    Examples
    --------
    >>> x = [[0.0], [1.0], [3.0], [9.0], [20.0]]
    >>> y = [[0.0], [1.0], [-3.0], [9.0], [20.0]]
    >>> round(edit_distance_knn(x, y, k=2, metric="euclidean"), 6)
    0.5
    """
    return EditDistanceKNN(k, metric)(x, y)
