"""Measures that are functions of an `Overlap`: two lists of sizes and one small matrix.

A subclass writes `values`, for one pair or a batch of pairs; score, permutations, bootstrap and the
way from second moments follow.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from methexis.core.checks import Array
from methexis.measures.inputs.features import Features, Namespace, Tensor, to_numpy
from methexis.measures.measure import Counts, Measure, Orders
from methexis.measures.subspaces.bases import (
    LEADING,
    Basis,
    Overlap,
    basis,
    basis_work,
    leading_work,
    leverages,
    overlap,
    permuted_overlaps,
    resampled_overlaps,
    rough_overlaps,
    rough_work,
    turning_work,
)
from methexis.measures.subspaces.second_moments import SecondMoments, overlap_from_moments
from methexis.measures.work import NOTHING, Work

if TYPE_CHECKING:
    from methexis.measures.streaming.pass_moments import PassMoments


class SubspaceMeasure(Measure[Basis]):
    """A function of the sizes along two bases and of the bases' overlap."""

    #: Whether the value depends on sizes; if not, bootstrap samples need none.
    sees_sizes: ClassVar[bool] = True
    resampling: ClassVar[str] = "bootstrap"

    def work(self, num_samples: int, num_features: tuple[int, int]) -> Work:
        """A decomposition of each, and then matrices as small as their ranks."""
        bases = self.bases if self.resampling == "bootstrap" else None
        work = basis_work(num_samples, num_features, nuclear=self.nuclear, bases=bases)
        return replace(
            work,
            part=leading_work(num_samples, num_features, every=not self.leads),
            rough=rough_work(num_samples, num_features, nuclear=self.nuclear),
            jackknife=turning_work(num_samples, num_features) if self.jackknifes else NOTHING,
        )

    @property
    def leads(self) -> bool:
        """Whether its largest directions weigh most."""
        return True

    @property
    def jackknifes(self) -> bool:
        """Whether `left_out` is known."""
        return False

    @property
    def nuclear(self) -> bool:
        """Whether singular values of the overlap enter."""
        return True

    @property
    def bases(self) -> float:
        """Decompositions of each side that a bootstrap sample takes: of its span, and of sizes."""
        return 2.0 if self.sees_sizes else 1.0

    @property
    def streams(self) -> bool:
        """Whether `from_moments` gives the score, because only second moments enter."""
        return True

    def from_pass(self, gathered: PassMoments) -> float:
        """The score from the second moments among what one pass gathered."""
        return self.from_moments(gathered.second)

    @abstractmethod
    def values(self, overlap: Overlap) -> Tensor:
        """The values of one pair ``()`` or of many ``(...,)``."""

    def kept(self, sizes: Tensor, xp: Namespace) -> Tensor | None:
        """Which directions enter, ``(..., rank)`` of bool; None stands for all."""
        del sizes, xp
        return None

    def reduce(self, features: Features) -> Basis:
        """The basis of the centred features."""
        return basis(features)

    def score(self, a: Basis, b: Basis) -> float:
        """The score of a pair."""
        return float(self.values(overlap(self._trimmed(a), self._trimmed(b))))

    def permuted(self, a: Basis, b: Basis, orders: Orders) -> Array:
        """Scores with the rows of the second in each order."""
        return self._all(permuted_overlaps(self._trimmed(a), self._trimmed(b), orders))

    def permuted_roughly(self, a: Basis, b: Basis, orders: Orders) -> Array:
        """The same to single precision, and singular values from squares."""
        return self._all(rough_overlaps(self._trimmed(a), self._trimmed(b), orders))

    def permuted_part(self, a: Basis, b: Basis, orders: Orders) -> Array:
        """The part of each score by large directions; by leaning samples where all weigh alike.

        Of hardly any directions it is the score.
        """
        x, y = self._trimmed(a), self._trimmed(b)
        if not self.leads and x.rank * y.rank > LEADING**2:
            return leverages(x, y, orders)
        if self.leads:
            x, y = x.trimmed(LEADING), y.trimmed(LEADING)
        return self._all(permuted_overlaps(x, y, orders))

    def resampled(self, a: Basis, b: Basis, counts: Counts) -> Array | None:
        """Scores of bootstrap samples: rows weigh by how often they were drawn."""
        if self.resampling == "none":
            return None
        pairs = resampled_overlaps(a, b, counts, sizes=self.sees_sizes)
        return self._all(self._masked(pair) for pair in pairs)

    def from_moments(self, moments: SecondMoments) -> float:
        """The score from second moments alone; see `second_moments.py` for its price in digits."""
        return float(self.values(self._masked(overlap_from_moments(moments))))

    def _trimmed(self, part: Basis) -> Basis:
        kept = self.kept(part.sizes, part.xp)
        return part if kept is None else part.trimmed(int(np.count_nonzero(to_numpy(kept))))

    def _masked(self, pairs: Overlap) -> Overlap:
        """The overlaps with zeros for directions that do not enter."""
        xp = pairs.xp
        x, y = (self.kept(sizes, xp) for sizes in (pairs.sizes_x, pairs.sizes_y))
        if x is None or y is None:
            return pairs
        x, y = (xp.astype(kept, pairs.matrix.dtype) for kept in (x, y))
        matrix = pairs.matrix * x[..., :, None] * y[..., None, :]
        return Overlap(pairs.sizes_x * x, pairs.sizes_y * y, matrix, pairs.num_samples, xp)

    def _all(self, overlaps: Iterable[Overlap]) -> Array:
        parts = [to_numpy(self.values(pairs)).astype(np.float64) for pairs in overlaps]
        return np.concatenate(parts) if parts else np.empty(0)


def span_troubles(name: str, x: Basis, y: Basis) -> list[str]:
    """What to say of spans that mean little: too wide for the samples, or made of rounding.

    Centred columns live in ``n - 1`` dimensions, so spans of ``r_x`` and ``r_y`` of them share at
    least ``r_x + r_y - (n - 1)``.
    """
    troubles, most = [], x.num_samples - 1
    advice = "reduce features (svcca), take more samples, or use a measure with a ridge (gulp)"
    wide = x if x.rank >= y.rank else y
    if wide.rank >= most:
        troubles.append(
            f"{name}: expected fewer directions than samples, got {wide.rank} of {wide.name} for "
            f"{x.num_samples} samples, so that every canonical correlation is 1 whatever the other "
            f"is; {advice}"
        )
    elif x.rank + y.rank > most:
        troubles.append(
            f"{name}: expected fewer directions together than samples, got {x.rank} and {y.rank} "
            f"for {x.num_samples} samples, so that {x.rank + y.rank - most} canonical correlations "
            f"are 1 whatever the features are; {advice}"
        )
    for part in (x, y):
        blurred = int(part.xp.sum(part.xp.astype(part.sizes <= part.blur, part.xp.int64)))
        if blurred:
            troubles.append(
                f"{name}: expected directions larger than the rounding of {part.name} as it came, "
                f"got {blurred} of {part.rank} that are not, and count like the others; reduce "
                "features (svcca), or use a measure with a ridge (gulp)"
            )
    return troubles


def nuclear(matrix: Tensor, xp: Namespace, *, rough: bool = False) -> Tensor:
    """Sum of the singular values of each matrix.

    Roughly, they are roots of the eigenvalues of ``MᵀM``, off by at most ``√(d ε)`` of the largest
    each, and mostly by far less; about half of the time.
    """
    if not rough:
        return xp.sum(xp.linalg.svdvals(matrix), axis=-1)
    if matrix.shape[-2] < matrix.shape[-1]:
        matrix = matrix.mT
    squares = xp.linalg.eigvalsh(matrix.mT @ matrix)
    return xp.sum(xp.sqrt(xp.where(squares > 0, squares, xp.zeros_like(squares))), axis=-1)


def counted(sizes: Tensor, xp: Namespace) -> Tensor:
    """Number of directions of each pair."""
    return xp.sum(xp.astype(sizes > 0, sizes.dtype), axis=-1)
