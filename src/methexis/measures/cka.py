"""Centred kernel alignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from methexis.measures.bilinear import BilinearMeasure, PairMatrix
from methexis.measures.features import Features, pair
from methexis.measures.measure import Invariance, invariant


@dataclass(frozen=True)
class CKA(BilinearMeasure):
    """Cosine of two centred Gram matrices."""

    name: ClassVar[str] = "cka"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    reference: ClassVar[str] = "Kornblith et al. 2019, arXiv:1905.00414"

    @property
    def title(self) -> str:
        """What a table calls it."""
        return "linear CKA"

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Orthogonal maps, one scale, translation."""
        return invariant(Invariance.ORTHOGONAL, Invariance.SCALE, Invariance.TRANSLATION)

    def reduce(self, features: Features) -> PairMatrix:
        """The centred Gram matrix, of Frobenius norm one."""
        xp = features.xp
        centred = features.array - xp.mean(features.array, axis=0, keepdims=True)
        gram = centred @ centred.T
        return PairMatrix(gram / xp.linalg.matrix_norm(gram), gram, xp)


def cka(x: Any, y: Any) -> float:
    """Linear CKA of two representations ``(num_samples, num_features)``."""
    measure = CKA()
    first, second = pair(x, y)
    return measure.score(measure.reduce(first), measure.reduce(second))
