"""What the measures of two RDMs share: the dissimilarity between rows, and what it does not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeVar

import array_api_compat
import numpy as np

from methexis.core.checks import one_of
from methexis.errors import MethexisError
from methexis.measures.dissimilarity.dissimilarities import DISSIMILARITIES, of_features
from methexis.measures.dissimilarity.squares import said_of_squares
from methexis.measures.inputs.features import Features, Tensor
from methexis.measures.inputs.rdm import RDM
from methexis.measures.inputs.representations import Representation
from methexis.measures.measure import Invariance, Measure, invariant
from methexis.measures.pairs.bilinear import matrix_work
from methexis.measures.work import NOTHING, Time, Work, passes

#: Nanoseconds of one core per pair of samples, of both sides: dissimilarities, centred and scaled;
#: and summed along rows, and within groups that are left out.
_REDUCE, _GROUPS = 45.0, 15.0
#: Per pair that is put in order.
_ORDER = 5.5

#: Samples that are enough to see that two RDMs are of two kinds: a million triples at most.
_MOST_LOOKED_AT = 100

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
            groups=passes(float(num_samples) ** 2, _GROUPS) if self.sums_groups else NOTHING,
            matrices=self.matrices,
        )

    @property
    def sums_groups(self) -> bool:
        """Whether sums over pairs give scores without groups of samples, all at once."""
        return False

    def more_work(self, num_samples: int) -> tuple[Time, Time, Time]:
        """What a pair takes beyond RDMs and one product: to reduce, to score, and per resample."""
        del num_samples
        return NOTHING, NOTHING, NOTHING

    def reduce(self, features: Features) -> R:
        """What `reduce_rdm` makes of the RDM of the rows."""
        return self.reduce_rdm(self._rdm(features))

    @property
    def ranked(self) -> bool:
        """Whether only the order of dissimilarities counts, so that a square changes nothing."""
        return False

    def notice(self, first: Representation, second: Representation) -> str:
        """Whether one holds squared distances and the other plain ones (`squares`)."""
        if self.ranked or not (isinstance(first, RDM) or isinstance(second, RDM)):
            return ""
        one, other = (self._rdm(_some(given)) for given in (first, second))
        return said_of_squares(one, other)

    def _rdm(self, given: Representation) -> RDM:
        """An RDM as it is; of features their own."""
        return given if isinstance(given, RDM) else of_features(given, self.dissimilarity)


def _some(given: Representation) -> Representation:
    """The same of fewer samples, spread over all, where there are many."""
    n, xp = given.num_samples, given.xp
    places = np.unique(np.linspace(0, n - 1, min(n, _MOST_LOOKED_AT)).astype(np.intp))
    if isinstance(given, RDM):
        return given.reordered(places)
    index = xp.asarray(places, device=array_api_compat.device(given.array))
    return given.replaced(xp.take(given.array, index, axis=0))


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
