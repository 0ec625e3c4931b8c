"""Cycle kNN: whether a step to a neighbour in one representation and one in the other lead back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from methexis.core.checks import Array
from methexis.measures.measure import Orders
from methexis.measures.neighbours.indices import Indices
from methexis.measures.neighbours.lists import NeighbourMeasure
from methexis.measures.neighbours.tied.expected import Groups
from methexis.measures.neighbours.tied.returning import expected_returns, returns_under
from methexis.measures.neighbours.tied.ties import names_under


@dataclass(frozen=True)
class CycleKNN(NeighbourMeasure):
    """Share of samples to which two steps lead back; see `cycle_knn`."""

    k: int = 1

    name: ClassVar[str] = "cycle_knn"
    compared: ClassVar[tuple[float, float]] = (400.0, 1.0)
    label: ClassVar[str] = "cycle kNN"
    aligned: ClassVar[float] = float("nan")
    tier: ClassVar[int] = 2
    reference: ClassVar[str] = "Huh et al. 2024, arXiv:2405.07987 (platonic-rep)"

    @property
    def symmetric(self) -> bool:
        """Whether k is one: then two steps that lead back are a pair, whichever comes first."""
        return self.k == 1

    def alike(self, a: Indices, b: Indices) -> Array:
        """One where a neighbour in the second has the sample among its neighbours in the first."""
        itself = np.arange(len(a), dtype=a.dtype)[:, None, None]
        return np.asarray(np.any(a[b] == itself, axis=(1, 2)), dtype=np.float64)

    def expected(self, a: Groups, b: Groups) -> Array:
        """The chance that some step leads back, exact."""
        return expected_returns(a, b)

    def tied_permuted(self, a: Groups, b: Groups, orders: Orders) -> Array:
        """Scores with the second reordered, averaged over the ways to break ties."""
        return np.asarray(np.mean(returns_under(a, b, names_under(orders)), axis=1))


def cycle_knn(x: Any, y: Any, *, k: int = 1, metric: str = "cosine") -> float:
    """Share of samples i with a neighbour j in Y that has i among its neighbours in X.

    ``1/n Σ_i 1[∃ j ∈ N_Y(i): i ∈ N_X(j)]``.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Representations with paired rows.
    k : int
        Neighbours; 1, since with more the score saturates unless k² is far below n. The literature
        takes 10 at n = 1024.
    metric : {"cosine", "euclidean", "dot"}
        What nearest means.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    MethexisError
        On input that cannot be compared; if there are not more than k samples.

    Notes
    -----
    Pitfalls: not symmetric in x and y. It saturates: with k tries a sample returns by chance with
    probability about ``1 - exp(-k²/n)``. Two identical representations need not score 1, because
    being a neighbour is not symmetric either.

    Cost: ``n² d`` per representation, ``n k²`` per pair.

    References
    ----------
    Huh, Cheung, Wang and Isola 2024, arXiv:2405.07987; ``cycle_knn`` of their code, with its order
    of arguments.

    Examples
    --------
    Samples 0 and 1 find each other; sample 2 is nobody's nearest neighbour:

    >>> cycle_knn([[0.0], [1.0], [3.0], [9.0]], [[0.0], [1.0], [3.0], [9.0]], k=1,
    ...           metric="euclidean")
    0.5
    """
    return CycleKNN(k, metric)(x, y)
