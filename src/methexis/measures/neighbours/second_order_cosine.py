"""Second-order cosine similarity: how alike a sample's similarities to its neighbours are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, integer, one_of
from methexis.measures.inputs.features import Features, to_numpy, warn
from methexis.measures.measure import Invariance, Orders
from methexis.measures.neighbours import knn
from methexis.measures.neighbours.lists import ListMeasure, Neighbours, list_invariances, neighbours

PROFILES = ("similarity", "distance")


@dataclass(frozen=True, eq=False)
class CosineNeighbours:
    """Neighbour lists, and the cosines of all pairs ``(num_samples, num_samples)``."""

    neighbours: Neighbours
    cosines: Array


@dataclass(frozen=True)
class SecondOrderCosine(ListMeasure[CosineNeighbours]):
    """Cosine of profiles of similarity; see `second_order_cosine`."""

    k: int = 10
    profile: str = "similarity"

    name: ClassVar[str] = "second_order_cosine"
    compared: ClassVar[tuple[float, float]] = (600.0, 1.0)
    range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    tier: ClassVar[int] = 2
    matrices: ClassVar[float] = 4.0
    reference: ClassVar[str] = "Hamilton et al. 2016, arXiv:1606.02821"

    def __post_init__(self) -> None:
        super().__post_init__()
        integer("k", self.k, least=1)
        one_of("profile", self.profile, PROFILES)

    @property
    def title(self) -> str:
        """The measure's name in tables."""
        return f"second-order cosine (k = {self.k}, {self.profile})"

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Orthogonal maps and one scale."""
        return list_invariances("cosine")

    def reduce(self, features: Features) -> CosineNeighbours:
        """The lists of nearest neighbours, and the cosines of all pairs of samples."""
        rows = to_numpy(knn.directions(features, "cosine"))
        return CosineNeighbours(neighbours(features, self.k, "cosine"), rows @ rows.T)

    def score(self, a: CosineNeighbours, b: CosineNeighbours) -> float:
        """The score of a pair."""
        if a.neighbours.undecided or b.neighbours.undecided:
            return self._tied(a.neighbours, b.neighbours, a.cosines, b.cosines)
        lists = np.concatenate([a.neighbours.nearest, b.neighbours.nearest], axis=1)
        return self._mean(lists, np.arange(len(lists)), a.cosines, b.cosines)

    def reorder(self, reduced: CosineNeighbours, order: NDArray[np.int64]) -> CosineNeighbours:
        """Lists renamed, cosines with rows and columns in that order."""
        return CosineNeighbours(
            reduced.neighbours.reordered(order), reduced.cosines[np.ix_(order, order)]
        )

    def of_subsets(
        self,
        a: CosineNeighbours,
        b: CosineNeighbours,
        chosen: NDArray[np.bool_],
        numbers: Sequence[int],
    ) -> Array:
        """Scores of subsets of the samples, with their own neighbours."""
        scores = np.empty((len(chosen), len(numbers)))
        for place, subset in enumerate(chosen):
            samples = np.flatnonzero(subset)
            if a.neighbours.ties is not None or b.neighbours.ties is not None:
                parts = [v.neighbours.subset(subset) for v in (a, b)]
                cosines = [v.cosines[np.ix_(samples, samples)] for v in (a, b)]
                scores[place] = [
                    self._tied(parts[0].cut(k), parts[1].cut(k), *cosines) for k in numbers
                ]
                continue
            one, other = (samples[v.neighbours.among(subset)] for v in (a, b))
            for column, k in enumerate(numbers):
                lists = np.concatenate([one[:, :k], other[:, :k]], axis=1)
                scores[place, column] = self._mean(lists, samples, a.cosines, b.cosines)
        return scores

    def _mean(
        self, lists: NDArray[Any], samples: NDArray[np.int64], first: Array, second: Array
    ) -> float:
        """Mean cosine of the profiles over the union of two lists, put side by side."""
        ordered = np.sort(lists, axis=1)
        once = np.ones(ordered.shape)
        once[:, 1:] = ordered[:, 1:] != ordered[:, :-1]  # a shared neighbour counts once
        one, other = (v[samples[:, None], ordered] for v in (first, second))
        return self._cosine(once, one, other)

    def _tied(self, a: Neighbours, b: Neighbours, first: Array, second: Array) -> float:
        """Mean cosine of profiles, where each sample is in the union of two lists by chance."""
        one, other = (v.groups.chances.dense() for v in (a, b))
        return self._cosine(one + other - one * other, first, second)

    def permuted(self, a: CosineNeighbours, b: CosineNeighbours, orders: Orders) -> Array:
        """Scores with the samples of the second in each order."""
        if not (a.neighbours.undecided or b.neighbours.undecided):
            return super().permuted(a, b, orders)
        one, other = (v.neighbours.groups.chances.dense() for v in (a, b))
        scores = np.empty(len(orders))
        for place, order in enumerate(orders):
            again = np.ix_(order, order)
            weights = one + other[again] - one * other[again]
            scores[place] = self._cosine(weights, a.cosines, b.cosines[again])
        return scores

    def _cosine(self, weights: Array, one: Array, other: Array) -> float:
        if self.profile == "distance":
            one, other = 1.0 - one, 1.0 - other
        products = [
            np.einsum("ij,ij,ij->i", weights, u, v) for u, v in ((one, one), (other, other))
        ]
        both = np.einsum("ij,ij,ij->i", weights, one, other)
        lengths = np.sqrt(products[0] * products[1])
        empty = lengths == 0.0
        if empty.any():
            alike = (products[0] == 0.0) & (products[1] == 0.0)
            warn(
                f"second-order cosine: {int(np.count_nonzero(empty))} of {len(empty)} samples have "
                "a profile of zeros, whose cosine is not defined; it is taken to be 1 with another "
                "profile of zeros, else 0"
            )
            both, lengths = np.where(empty, alike, both), np.where(empty, 1.0, lengths)
        return float(np.mean(both / lengths))


def second_order_cosine(x: Any, y: Any, *, k: int = 10, profile: str = "similarity") -> float:
    """Mean cosine between the similarities that a sample has to its neighbours in X and in Y.

    For sample i with neighbours ``N = N_X(i) ∪ N_Y(i)`` the profiles are ``s_X = (cos(x_i, x_j))``
    and ``s_Y = (cos(y_i, y_j))`` over j in N; the score is the mean over i of ``cos(s_X, s_Y)``.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Representations with paired rows.
    k : int
        Neighbours in each; 10 as in the literature.
    profile : {"similarity", "distance"}
        "similarity" is the definition; "distance" takes ``1 - cos`` in its place, as the ReSi
        benchmark does, which gives other scores.

    Returns
    -------
    float
        Between -1 and 1; 1 for identical representations.

    Raises
    ------
    MethexisError
        On input that cannot be compared; if there are not more than k samples.

    Notes
    -----
    Where rows are equally near, j is in N by the chance that it is a neighbour in X or in Y, each
    side choosing on its own (`ties`), and weighs as much in the cosine of the two profiles.

    Pitfalls: neighbours are near in both representations by choice, so profiles are positive and
    scores high even for unrelated ones: only the effect above chance says anything.

    Cost: ``n² d`` and memory ``n²`` per representation, ``n k`` per pair.

    References
    ----------
    Hamilton, Leskovec and Jurafsky 2016, "Cultural shift or linguistic drift? Comparing two
    computational measures of semantic change", arXiv:1606.02821; Klabunde et al. 2023,
    arXiv:2305.06329

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(40, 3))
    >>> round(second_order_cosine(x, -2.0 * x), 6)
    1.0
    """
    return SecondOrderCosine(k, profile)(x, y)
