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
from methexis.measures.pairs.bilinear import matrix_work
from methexis.measures.work import NOTHING, Time, Work, passes

#: Nanoseconds of one core per pair of samples, of both sides: dissimilarities, centred and scaled.
_REDUCE = 45.0
#: Per pair that is put in order.
_ORDER = 5.5

R = TypeVar("R")


@dataclass(frozen=True)
class RDMMeasure(Measure[R]):
    """A measure of two RDMs, given or made from features; subclasses say `reduce_rdm`.

    The dissimilarity between rows is one of `DISSIMILARITIES`; of what comes as an RDM it is left
    as it is.
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
        """The invariances of the dissimilarity between rows, and one scale."""
        if self.dissimilarity == "correlation":  # of a row over its features: axes, origin matter
            return invariant(Invariance.PERMUTATION, Invariance.SCALE)
        if self.dissimilarity == "cosine":
            return invariant(Invariance.ORTHOGONAL, Invariance.SCALE)
        return invariant(Invariance.ORTHOGONAL, Invariance.SCALE, Invariance.TRANSLATION)

    @property
    def min_features(self) -> int:
        """Two features where rows are correlated, else one."""
        return 2 if self.dissimilarity == "correlation" else 1

    def work(self, num_samples: int, num_features: tuple[int, int]) -> Work:
        """The work of matrices over pairs of samples, and of what this measure does to them."""
        reduce, score, resample = self.more_work(num_samples)
        return matrix_work(
            num_samples,
            num_features,
            reduce=passes(float(num_samples) ** 2, _REDUCE) + reduce,
            score=score,
            order=_ORDER,
            resample=resample,
            matrices=self.matrices,
        )

    def more_work(self, num_samples: int) -> tuple[Time, Time, Time]:
        """What a pair takes beyond RDMs and one product: to reduce, to score, and per resample."""
        del num_samples
        return NOTHING, NOTHING, NOTHING

    def reduce(self, features: Features) -> R:
        """What `reduce_rdm` makes of the RDM of the rows."""
        return self.reduce_rdm(of_features(features, self.dissimilarity))


def require_spread(rdm: RDM) -> None:
    """Refuse an RDM of dissimilarities that are equal, to their tolerance: nothing compares."""
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
