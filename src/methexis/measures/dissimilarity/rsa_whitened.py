"""RSA in the metric in which the noise of an RDM is white (`whitening` has the derivation)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from methexis.core.checks import one_of
from methexis.measures.dissimilarity.contract import (
    RDMMeasure,
    centred_off_diagonal,
    require_spread,
)
from methexis.measures.dissimilarity.dissimilarities import of_features
from methexis.measures.dissimilarity.whitening import whitened
from methexis.measures.inputs.features import Tensor
from methexis.measures.inputs.rdm import RDM
from methexis.measures.inputs.representations import both
from methexis.measures.pairs.bilinear import BilinearMeasure, PairMatrix

COMPARISONS = ("cosine", "correlation")


@dataclass(frozen=True)
class RSAWhitened(RDMMeasure[PairMatrix], BilinearMeasure):
    """Whitened cosine or correlation of two RDMs; see `rsa_whitened`."""

    dissimilarity: str = "squared"
    comparison: str = "cosine"

    name: ClassVar[str] = "rsa_whitened"
    tier: ClassVar[int] = 2
    reference: ClassVar[str] = "Diedrichsen et al. 2020, arXiv:2007.02789"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("comparison", self.comparison, COMPARISONS)

    @property
    def title(self) -> str:
        """The measure's name in tables."""
        return f"RSA ({self.dissimilarity}, whitened {self.comparison})"

    def reduce_rdm(self, rdm: RDM) -> PairMatrix:
        """The whitened RDM, of Frobenius norm one."""
        return PairMatrix(_directed(rdm, self.comparison, None), rdm.matrix, rdm.xp)


def rsa_whitened(
    x: Any,
    y: Any,
    dissimilarity: str = "squared",
    comparison: str = "cosine",
    *,
    noise: ArrayLike | None = None,
) -> float:
    """RSA with the whitened cosine or the whitened correlation of two RDMs.

    ``dᵀ V⁻¹ d' / sqrt(dᵀ V⁻¹ d · d'ᵀ V⁻¹ d')``, where ``V`` is the covariance of squared distances
    between patterns with independent noise: pairs of samples that share one share its noise, and
    plain RSA counts that noise as often as there are such pairs. Correlation takes the mean from
    each RDM before, as Pearson's does.

    Parameters
    ----------
    x, y : array (num_samples, num_features) or RDM
        Features with paired rows, of NumPy or PyTorch, or what is known of their dissimilarities.
    dissimilarity : {"squared", "euclidean", "correlation", "cosine"}
        Squared Euclidean by default, the kind for which ``V`` holds (crossnobis is of this kind;
        see `crossnobis`). Others are weighed by the same ``V``, without that justification.
    comparison : {"cosine", "correlation"}
        Cosine by default: zero means no distance, if distances are unbiased.
    noise : array (num_samples, num_samples), optional
        Covariance of the noise between samples; the identity by default. The mean that correlation
        takes is the plain one, which is also the weighted one only for the identity.

    Returns
    -------
    float
        In [-1, 1]; for squared Euclidean distances the cosine is in [0, 1], and is linear CKA.

    Raises
    ------
    MethexisError
        On input that cannot be compared, equal dissimilarities, a covariance that is none.

    Notes
    -----
    Cost: ``n² d`` for the distances, ``n²`` to whiten, ``n³`` with a noise covariance; ``V`` with
    its ``n⁴ / 4`` numbers is never made. Chance is not zero: the whitened cosine of unrelated
    representations grows with their numbers of features; `compare` says where it lies.

    References
    ----------
    J. Diedrichsen, E. Berlot, M. Mur, H. H. Schütt, M. Shahbazi and N. Kriegeskorte, "Comparing
    representational geometries using whitened unbiased-distance-matrix similarity",
    arXiv:2007.02789 (2020).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(30, 5))
    >>> round(rsa_whitened(x, 3.0 * x[:, ::-1] + 1.0), 6)
    1.0
    """
    measure = RSAWhitened(dissimilarity, comparison)
    first, second = (
        given if isinstance(given, RDM) else of_features(given, dissimilarity)
        for given in both(x, y)
    )
    one, two = (_directed(rdm, measure.comparison, noise) for rdm in (first, second))
    return measure.score(*(PairMatrix(each, each, first.xp) for each in (one, two)))


def _directed(rdm: RDM, comparison: str, noise: ArrayLike | None) -> Tensor:
    require_spread(rdm)
    xp, matrix = rdm.xp, rdm.matrix
    if comparison == "correlation":
        matrix = centred_off_diagonal(rdm, matrix)
    matrix = whitened(rdm, matrix / xp.max(xp.abs(matrix)), noise)
    return matrix / xp.linalg.matrix_norm(matrix)
