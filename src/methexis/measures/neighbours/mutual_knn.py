"""Mutual k nearest neighbours: the share of neighbours that two representations agree on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.measure import NullMoments, Orders
from methexis.measures.neighbours.chance import overlap_moments
from methexis.measures.neighbours.curve import NeighbourCurve, neighbour_curve
from methexis.measures.neighbours.indices import Indices
from methexis.measures.neighbours.influence import Overlaps
from methexis.measures.neighbours.lists import NeighbourMeasure, Neighbours
from methexis.measures.neighbours.scales import NeighbourScales, neighbour_scales
from methexis.measures.neighbours.shared import overlap_counts, shared, shared_under
from methexis.measures.neighbours.tied.expected import Groups, expected_share
from methexis.measures.pairs import moments

#: Of the curve beside a score, random subsets of each size: enough for means, and intervals good to
#: a sixth.
NUM_SUBSETS = 20
#: Fewest and most samples of a curve: an eighth of the first has neighbours left out; more than the
#: second would keep who waits for the score.
FEWEST, MOST = 80, 20_000


@dataclass(frozen=True)
class MutualKNN(NeighbourMeasure):
    """Mean overlap of neighbour lists; see `mutual_knn`."""

    name: ClassVar[str] = "mutual_knn"
    label: ClassVar[str] = "mutual kNN"
    reference: ClassVar[str] = "Huh et al. 2024, arXiv:2405.07987"

    def alike(self, a: Indices, b: Indices) -> Array:
        """The shared part of two lists of each sample."""
        return np.asarray(shared(a, b) / a.shape[1])

    def expected(self, a: Groups, b: Groups) -> Array:
        """The chance of being a neighbour in one times that in the other, summed, over k."""
        return expected_share(a, b)

    def permuted(self, a: Neighbours, b: Neighbours, orders: Orders) -> Array:
        """Scores with the lists of the second renamed in each order."""
        if a.undecided or b.undecided:
            return self.tied_permuted(a.groups, b.groups, orders)
        counts = (
            int(num_shared.sum()) for num_shared in shared_under(a.nearest, b.nearest, orders)
        )
        return np.fromiter(counts, dtype=float, count=len(orders)) / a.nearest.size

    def score_grid(self, rows: Sequence[Neighbours], columns: Sequence[Neighbours]) -> Array:
        """Shared neighbours of all pairs, counted together where none are tied."""
        if any(part.undecided for part in (*rows, *columns)):
            return super().score_grid(rows, columns)
        one, other = (np.stack([part.nearest for part in side]) for side in (rows, columns))
        return overlap_counts(one, other) / rows[0].nearest.size

    def influence(self, a: Neighbours, b: Neighbours) -> Array | None:
        """How much each sample moves the score, by lists it enters; None where there are ties."""
        return None if self._tied(a, b) else Overlaps(a.lists, b.lists, self.k).first

    def interactions(
        self, a: Neighbours, b: Neighbours, samples: NDArray[np.int64]
    ) -> Array | None:
        """How much pairs of samples move the score together; None where there are ties."""
        return None if self._tied(a, b) else Overlaps(a.lists, b.lists, self.k).second(samples)

    @staticmethod
    def _tied(a: Neighbours, b: Neighbours) -> bool:
        return a.ties is not None or b.ties is not None

    def closed_null(self, num_samples: int) -> bool:
        """True, because the score is a sum over pairs of samples."""
        del num_samples
        return True

    def curve(
        self, x: Any, y: Any, *, preprocessing: Preprocessing | str | None = None, seed: int = 0
    ) -> NeighbourCurve | None:
        """Scores at all samples, a half, a quarter and an eighth, at half of k, k and twice k.

        None of too few or too many samples.
        """
        n = int(x.shape[0])
        if not FEWEST <= n <= MOST or 2 * self.k >= n // 8:
            return None
        return neighbour_curve(
            x,
            y,
            ks=sorted({max(1, self.k // 2), self.k, 2 * self.k}),
            metric=self.metric,
            preprocessing=preprocessing,
            num_subsets=NUM_SUBSETS,
            seed=seed,
        )

    def scales(
        self, x: Any, y: Any, *, preprocessing: Preprocessing | str | None = None
    ) -> NeighbourScales | None:
        """Scores at 4 to 256 neighbours beside chance; None of too few or too many samples."""
        if not FEWEST <= int(x.shape[0]) <= MOST:
            return None
        return neighbour_scales(x, y, metric=self.metric, preprocessing=preprocessing)

    def null_sums(self, reduced: Neighbours) -> moments.PairSums | None:
        """Sums over pairs of neighbours."""
        sums: moments.PairSums | None = reduced.sums
        return sums

    def moments_from(self, a: moments.PairSums, b: moments.PairSums) -> NullMoments:
        """Exact moments over all orders, of a count over ``n k``."""
        return overlap_moments(a, b, self.k)

    def null_moments(self, a: Neighbours, b: Neighbours) -> NullMoments | None:
        """Exact moments over all orders: the score is a sum over pairs of samples."""
        if a.sums is None or b.sums is None:
            return None
        return self.moments_from(a.sums, b.sums)


def mutual_knn(x: Any, y: Any, *, k: int = 10, metric: str = "cosine") -> float:
    """Share of their k nearest neighbours that two representations agree on.

    ``m = 1/n Σ_i |N_X(i) ∩ N_Y(i)| / k``, with ``N_X(i)`` the k samples nearest to sample i in X,
    without i itself.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Representations with paired rows.
    k : int
        Neighbours; 10 as in the literature on the Platonic representation hypothesis.
    metric : {"cosine", "euclidean", "dot"}
        What nearest means. The literature takes inner products of rows of length one: cosine.

    Returns
    -------
    float
        Between 0 and 1; 1 for identical neighbour lists, ``k/(n-1)`` on average for rows paired at
        random.

    Raises
    ------
    MethexisError
        On input that cannot be compared; if there are not more than k samples.

    Notes
    -----
    Pitfalls: the score depends on n and k, so scores of different n do not compare (`compare` gives
    the effect above chance, `neighbour_curve` the dependence). Where rows are equally near, each
    counts by its chance of a place (`ties`): identical representations then score less than 1, and
    `compare` says how much. The cosine sees the mean of the features: representations whose rows
    all point the same way (language models) should be centred first or compared by Euclidean
    distance.

    Cost: ``n² d`` per representation, ``n k²`` per pair. Moments over all pairings of the rows are
    exact, ``n k²``.

    References
    ----------
    Huh, Cheung, Wang and Isola 2024, "The Platonic representation hypothesis", arXiv:2405.07987

    Examples
    --------
    Four samples on a line; the third moves to the other side of the first. Its nearest is no longer
    the second, and it is no longer the nearest of the fourth:

    >>> mutual_knn([[0.0], [1.0], [3.0], [9.0]], [[0.0], [1.0], [-3.0], [9.0]], k=1,
    ...            metric="euclidean")
    0.5
    """
    return MutualKNN(k, metric)(x, y)
