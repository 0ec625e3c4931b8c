"""Representational similarity analysis: two RDMs compared as vectors over pairs of samples.

    reduce = dissimilarities of all pairs, as they are or their ranks, centred, of length one
    score  = their inner product

so these comparisons are bilinear, and what `BilinearMeasure` knows of permutations holds for them.
`rsa_whitened` weighs pairs by what they have in common, `rsa_kendall` counts pairs in equal order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, one_of
from methexis.measures.dissimilarity.contract import (
    RDMMeasure,
    centred_off_diagonal,
    require_spread,
)
from methexis.measures.dissimilarity.ranks import average_ranks, group_numbers, repeated_ranks
from methexis.measures.inputs.features import Tensor, to_numpy
from methexis.measures.inputs.rdm import RDM, above_diagonal
from methexis.measures.left_out import Groups
from methexis.measures.measure import Counts
from methexis.measures.pairs.bilinear import BilinearMeasure, PairMatrix
from methexis.measures.pairs.entries import row_sums
from methexis.measures.rounding import CANCELLED
from methexis.measures.work import NOTHING, Time, passes, products

#: Nanoseconds of one core per pair of samples: ranked, once; ranked anew in a resample. And the
#: products of all weights with a matrix that a resample takes.
_RANKED, _RANKED_ANEW, _PRODUCTS = 200.0, 30.0, 5.0

COMPARISONS = ("pearson", "spearman", "cosine")


@dataclass(frozen=True)
class RSA(RDMMeasure[PairMatrix], BilinearMeasure):
    """Correlation of two RDMs; see `rsa`."""

    comparison: str = "pearson"

    name: ClassVar[str] = "rsa"
    resampling: ClassVar[str] = "bootstrap"
    matrices: ClassVar[float] = 6.0
    reference: ClassVar[str] = "Kriegeskorte et al. 2008, doi:10.3389/neuro.06.004.2008"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("comparison", self.comparison, COMPARISONS)

    @property
    def title(self) -> str:
        """The measure's name in tables."""
        return f"RSA ({self.dissimilarity}, {self.comparison})"

    @property
    def self_normed(self) -> bool:
        """Whether entries depend on their pair alone: ranks depend on all other entries."""
        return self.comparison != "spearman"

    @property
    def ranked(self) -> bool:
        """Whether it is Spearman's correlation, which ranks them."""
        return self.comparison == "spearman"

    @property
    def sums_groups(self) -> bool:
        """Whether entries stay what they are: ranks are taken anew of the pairs that are left."""
        return self.comparison != "spearman"

    def more_work(self, num_samples: int) -> tuple[Time, Time, Time]:
        """The time of ranks, and of products of weights with matrices."""
        pairs = float(num_samples) ** 2
        if self.comparison == "spearman":
            return passes(pairs, _RANKED), NOTHING, passes(pairs, _RANKED_ANEW)
        return NOTHING, NOTHING, products(_PRODUCTS * pairs, 0.1)

    def reduce_rdm(self, rdm: RDM) -> PairMatrix:
        """Entries or their ranks, centred unless by cosine, of Frobenius norm one."""
        require_spread(rdm)
        xp, matrix = rdm.xp, rdm.matrix
        if self.comparison == "spearman":
            mask = above_diagonal(xp, matrix)
            ranks = xp.zeros_like(matrix)
            ranks[mask] = average_ranks(matrix[mask], rdm.tolerance)
            matrix = ranks + ranks.T
        if self.comparison == "cosine":
            matrix = xp.asarray(matrix, copy=True)
        else:
            matrix = centred_off_diagonal(rdm, matrix)
        matrix /= max(xp.max(matrix), -xp.min(matrix))  # squares neither over- nor underflow
        matrix /= xp.sqrt(xp.sum(row_sums(xp, matrix, matrix)))
        return PairMatrix(matrix, matrix, xp)

    def resampled(self, a: PairMatrix, b: PairMatrix, counts: Counts) -> Array:
        """Scores of bootstrap samples, without the pairs of a sample with its own duplicate.

        The dissimilarity of such a pair is zero whatever the representations are, so it would count
        as agreement. Every other pair counts as often as it is drawn; ranks are taken anew. NaN
        where a bootstrap sample has no two dissimilarities that differ.
        """
        if self.comparison == "spearman":
            return _resampled_ranks(a, b, counts)
        xp = a.xp
        times: Any = xp.asarray(
            counts, dtype=a.matrix.dtype, device=array_api_compat.device(a.matrix)
        )

        def total(*factors: Tensor) -> Array:  # over pairs of different samples: zero diagonals
            matrix = factors[0] if len(factors) == 1 else factors[0] * factors[1]
            sums: Array = to_numpy(xp.sum((times @ matrix) * times, axis=1))
            return sums

        return self._weighted(a.matrix, b.matrix, counts, total)

    def without_groups(self, a: PairMatrix, b: PairMatrix, groups: Groups) -> Array | None:
        """Scores without groups of samples, from sums of rows and of the groups' own pairs."""
        if self.comparison == "spearman":
            return super().without_groups(a, b, groups)
        xp = a.xp

        def total(*factors: Tensor) -> Array:
            def within(some: NDArray[np.intp]) -> float:
                index: Any = xp.asarray(some, device=array_api_compat.device(a.matrix))
                parts = [xp.take(xp.take(one, index, axis=0), index, axis=1) for one in factors]
                return float(xp.sum(parts[0] if len(parts) == 1 else parts[0] * parts[1]))

            return groups.sums(to_numpy(row_sums(xp, *factors)).astype(np.float64), within)

        return self._weighted(a.matrix, b.matrix, groups.weights, total)

    def _weighted(
        self, one: Tensor, two: Tensor, counts: Counts, total: Callable[..., Array]
    ) -> Array:
        """Scores with weights, from a function that sums products of entries with them."""
        upper, left, right = total(one, two), total(one, one), total(two, two)
        if self.comparison == "pearson":
            drawn = counts.sum(axis=1)
            pairs = (drawn**2 - (counts**2).sum(axis=1)).astype(np.float64)
            mean_one, mean_two = total(one), total(two)
            with np.errstate(invalid="ignore", divide="ignore"):
                upper = upper - mean_one * mean_two / pairs
                left, right = (
                    _spread(raw, raw - mean**2 / pairs)
                    for raw, mean in ((left, mean_one), (right, mean_two))
                )
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(upper / np.sqrt(left * right), dtype=np.float64)


def rsa(x: Any, y: Any, dissimilarity: str = "euclidean", comparison: str = "pearson") -> float:
    """Representational similarity: how two RDMs agree over all pairs of samples.

    With ``d_ij`` the dissimilarity of rows ``i < j`` of one representation, and ``d'_ij`` of the
    other, Pearson's correlation of ``d`` and ``d'``, Spearman's (Pearson's of their average ranks),
    or their cosine ``d·d' / |d||d'|``.

    Parameters
    ----------
    x, y : array (num_samples, num_features) or RDM
        Features with paired rows, of NumPy or PyTorch, or what is known of their dissimilarities.
    dissimilarity : {"euclidean", "squared", "correlation", "cosine"}
        Between rows of what comes as features; see `rdm`. Euclidean by default: it sees geometry
        and nothing else, and few far samples rule the correlation less than with its square.
    comparison : {"pearson", "spearman", "cosine"}
        Pearson by default. Spearman sees the order only, so no monotonic change of one RDM; tied
        dissimilarities share the mean of their ranks. Those computed here are tied if they differ
        by no more than rounding (1e-13 of the larger), those given if they are equal.

    Returns
    -------
    float
        In [-1, 1]; with cosine in [0, 1], unless dissimilarities are negative.

    Raises
    ------
    MethexisError
        On input that cannot be compared, or equal dissimilarities.

    Notes
    -----
    The ``n (n - 1) / 2`` entries of an RDM are far from independent: p-values of correlations do
    not hold for them, permutations of samples do (`compare`). Cosine is near 1 for any two sets of
    distances; look at its null. Few far samples may rule the score: their distances to all others
    are large in both. Cost: ``n² d`` for the distances, ``n² log n`` for ranks.

    References
    ----------
    N. Kriegeskorte, M. Mur and P. Bandettini, "Representational similarity analysis: connecting the
    branches of systems neuroscience", Frontiers in Systems Neuroscience 2, 4 (2008).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(30, 5))
    >>> round(rsa(x, x**3, comparison="spearman"), 2)
    0.72
    >>> round(rsa(RDM([1, 2, 3, 4, 5, 6]), RDM([1, 2, 3, 4, 6, 5])), 6)  # 33 / 35
    0.942857
    """
    return RSA(dissimilarity, comparison)(x, y)


def _spread(raw: Array, central: Array) -> Array:
    """Central sums of squares; NaN where they are rounding, so that all entries are equal."""
    return np.where(central > CANCELLED * raw, central, np.nan)


def _resampled_ranks(a: PairMatrix, b: PairMatrix, counts: Counts) -> Array:
    first, second = np.triu_indices(counts.shape[1], k=1)
    # Ranks were centred and scaled alike, so they are tied and ordered as they were.
    numbers = [group_numbers(to_numpy(reduced.matrix)[first, second]) for reduced in (a, b)]
    scores = np.full(len(counts), np.nan)
    for k, drawn in enumerate(counts):
        times = drawn[first] * drawn[second]
        there = np.flatnonzero(times)
        times = times[there]
        mean = (times.sum() + 1.0) / 2.0  # of ranks, whatever the ties
        one, two = (repeated_ranks(of[there], times) - mean for of in numbers)
        weighted = times * one
        left, right = float(weighted @ one), float(times * two @ two)
        if left > 0.0 and right > 0.0:
            scores[k] = float(weighted @ two) / np.sqrt(left * right)
    return scores
