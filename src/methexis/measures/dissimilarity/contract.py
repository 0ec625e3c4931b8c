"""What the measures of two RDMs share: the dissimilarity between rows, and what it does not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeVar

from methexis.core.checks import one_of
from methexis.errors import MethexisError
from methexis.measures.dissimilarity.dissimilarities import DISSIMILARITIES, of_features
from methexis.measures.inputs.features import Features, Tensor
from methexis.measures.inputs.rdm import RDM
from methexis.measures.measure import Invariance, Measure, invariant
from methexis.measures.work import Time, Work, drawn_bytes, held_bytes, passes, products

#: Nanoseconds of one core per pair of samples, of both sides: dissimilarities, centred and scaled.
_REDUCE = 45.0
#: Per pair: entries of two matrices multiplied and added; put in order besides.
_SCORE, _ORDER = 1.5, 5.5
#: Multiply-adds per triple of samples for the moments of two matrices; passes per pair.
_TRIPLES, _MOMENTS = 2.0, 40.0

R = TypeVar("R")


@dataclass(frozen=True)
class RDMMeasure(Measure[R]):
    """A measure of two RDMs, given or made from features; subclasses say `reduce_rdm`.

    Parameters
    ----------
    dissimilarity : {"euclidean", "squared", "correlation", "cosine"}
        Between rows; of what comes as an RDM it is left as it is.

    Raises
    ------
    MethexisError
        If it is none of these.
    """

    dissimilarity: str = "euclidean"

    range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    #: Matrices over pairs of samples that a comparison holds at once, at most.
    matrices: ClassVar[float] = 8.0

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("dissimilarity", self.dissimilarity, DISSIMILARITIES)

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Those of the dissimilarity, up to a scale."""
        if self.dissimilarity == "correlation":  # of a row over its features: axes, origin matter
            return invariant(Invariance.PERMUTATION, Invariance.SCALE)
        if self.dissimilarity == "cosine":
            return invariant(Invariance.ORTHOGONAL, Invariance.SCALE)
        return invariant(Invariance.ORTHOGONAL, Invariance.SCALE, Invariance.TRANSLATION)

    @property
    def min_features(self) -> int:
        """Two, where rows are correlated."""
        return 2 if self.dissimilarity == "correlation" else 1

    def work(self, num_samples: int, num_features: tuple[int, int]) -> Work:
        """Of matrices over pairs of samples, and what this measure does to them besides."""
        n, pairs = num_samples, float(num_samples) ** 2
        reduce, score, resample = self.more_work(n)
        compared = passes(pairs, _SCORE) + score
        return Work(
            reduce=products(pairs * sum(num_features)) + passes(pairs, _REDUCE) + reduce,
            score=compared,
            moments=products(_TRIPLES * pairs * n) + passes(pairs, _MOMENTS),
            order=compared + passes(pairs, _ORDER),
            resample=resample,
            num_bytes=held_bytes(n, num_features, self.matrices),
            drawn_bytes=drawn_bytes(n),
        )

    def more_work(self, num_samples: int) -> tuple[Time, Time, Time]:
        """Beyond making the RDMs and one product: to reduce, to score, and for a resample."""
        del num_samples
        return Time(), Time(), Time()

    def reduce(self, features: Features) -> R:
        """What `reduce_rdm` makes of the RDM of the rows."""
        return self.reduce_rdm(of_features(features, self.dissimilarity))


def require_spread(rdm: RDM) -> None:
    """See that not all dissimilarities are equal.

    Raises
    ------
    MethexisError
        If they are, to their tolerance: nothing can be compared with such an RDM.
    """
    values = rdm.condensed
    low, high = float(rdm.xp.min(values)), float(rdm.xp.max(values))
    if high - low <= rdm.tolerance * max(abs(low), abs(high)):
        raise MethexisError(
            f"{rdm.name}: expected dissimilarities that differ between pairs of samples, got all "
            f"{values.shape[0]} equal to {high:.6g}"
        )


def centred_off_diagonal(rdm: RDM, matrix: Tensor) -> Tensor:
    """A matrix less the mean of its entries off the diagonal, which stays 0."""
    xp, n = rdm.xp, rdm.num_samples
    centred = matrix - xp.sum(matrix) / (n * (n - 1))
    diagonal = xp.arange(n)
    centred[diagonal, diagonal] = 0.0
    return centred
