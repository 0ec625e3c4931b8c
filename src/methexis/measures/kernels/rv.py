"""The RV coefficient of multivariate statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from methexis.measures.inputs.features import Features, Tensor
from methexis.measures.kernels.contract import KernelMeasure
from methexis.measures.kernels.kernels import centred_rows
from methexis.measures.measure import Invariance, invariant


@dataclass(frozen=True)
class RV(KernelMeasure):
    """Cosine of two matrices of scalar products; see `rv`."""

    name: ClassVar[str] = "rv"
    reference: ClassVar[str] = (
        "Escoufier 1973, Biometrics 29; Smilde et al. 2009, Bioinformatics 25"
    )

    modified: bool = False

    @property
    def title(self) -> str:
        """Which of both."""
        return "modified RV" if self.modified else "RV"

    @property
    def range(self) -> tuple[float, float]:
        """[0, 1]; modified, [-1, 1]."""
        return (-1.0 if self.modified else 0.0, 1.0)

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Orthogonal maps, one scale, translation."""
        return invariant(Invariance.ORTHOGONAL, Invariance.SCALE, Invariance.TRANSLATION)

    @property
    def centring(self) -> str:
        """With the diagonal or without."""
        return "lange" if self.modified else "biased"

    @property
    def linear(self) -> bool:
        """Always."""
        return True

    def kernel_of(self, features: Features) -> Tensor:
        """Scalar products of centred rows."""
        rows = centred_rows(features)
        return rows @ rows.T

    def rows_of(self, features: Features) -> Tensor:
        """Centred rows."""
        return centred_rows(features)


def rv(x: Any, y: Any, *, modified: bool = False) -> float:
    """RV coefficient, ``Tr(XXᵀYYᵀ) / sqrt(Tr(XXᵀ)² Tr(YYᵀ)²)`` of centred features.

    It is biased linear CKA under its older name. Modified (Smilde's RV2) the diagonals of ``XXᵀ``
    and ``YYᵀ`` are set to zero first, which takes away most of the growth with ``d/n``; that is
    linear CKA by Lange's estimator.

    Pitfalls and cost: as `methexis.measures.kernels.cka`.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Features with paired rows.
    modified : bool
        Without diagonals.

    Returns
    -------
    float
        In [0, 1]; modified, in [-1, 1].

    Raises
    ------
    MethexisError
        On input that cannot be compared.

    References
    ----------
    .. [1] Robert & Escoufier, A unifying tool for linear multivariate statistical methods,
       Applied Statistics 25, 1976.
    .. [2] Smilde et al., Matrix correlations for high-dimensional data, Bioinformatics 25, 2009.
    .. [3] Kazi-Aoual et al., Refined approximations to permutation tests for multivariate
       inference, Computational Statistics & Data Analysis 20, 1995.

    Examples
    --------
    Of two single features it is the squared correlation:

    >>> x, y = [[1.0], [2.0], [3.0], [4.0]], [[1.0], [3.0], [2.0], [4.0]]
    >>> round(rv(x, y), 12)
    0.64
    """
    return RV(modified)(x, y)
