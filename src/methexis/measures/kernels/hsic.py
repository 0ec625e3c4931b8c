"""The Hilbert–Schmidt independence criterion (HSIC) of two representations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from methexis.measures.kernels.contract import KernelMeasure
from methexis.measures.kernels.kernels import check_kernel
from methexis.measures.measure import Invariance, invariant


@dataclass(frozen=True)
class HSIC(KernelMeasure):
    """Squared norm of the cross-covariance of two kernels; see `hsic`."""

    name: ClassVar[str] = "hsic"
    aligned: ClassVar[float] = math.nan
    normalised: ClassVar[bool] = False  # type: ignore[misc]
    reference: ClassVar[str] = "Gretton et al. 2005, ALT; Song et al. 2012, JMLR 13"

    kernel: str = "rbf"
    bandwidth: float = 1.0
    debiased: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_kernel(self.kernel, self.bandwidth)

    @property
    def title(self) -> str:
        """The measure's name in tables, with kernel and estimator."""
        kernel = "linear" if self.kernel == "linear" else f"RBF({self.bandwidth:g})"
        return f"{'debiased ' if self.debiased else ''}{kernel} HSIC"

    @property
    def range(self) -> tuple[float, float]:
        """Bounds of the score: from 0 up; none if debiased."""
        return (-math.inf if self.debiased else 0.0, math.inf)

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Orthogonal maps, translation; scale, with the RBF kernel, whose bandwidth follows."""
        groups = [Invariance.ORTHOGONAL, Invariance.TRANSLATION]
        return invariant(*groups, *([Invariance.SCALE] if self.kernel == "rbf" else []))

    @property
    def centring(self) -> str:
        """The estimator of HSIC: of Song et al. without bias, else the biased one."""
        return "song" if self.debiased else "biased"


def hsic(
    x: Any, y: Any, *, kernel: str = "rbf", bandwidth: float = 1.0, debiased: bool = False
) -> float:
    """Hilbert–Schmidt independence criterion: how far from independent two representations are.

    Biased ``Tr(K H L H) / (n-1)²`` with ``H = I - 1 1ᵀ/n``; debiased, Song's HSIC₁,
    ``[Tr(KL) + 1ᵀK1 1ᵀL1 / ((n-1)(n-2)) - 2/(n-2) 1ᵀKL1] / (n(n-3))`` of kernels without diagonal.

    Pitfalls. Not normalised: only its p-value compares across representations. The biased value is
    positive for independent ones, about ``Tr K_c Tr L_c / n³`` with centred kernels.

    Cost: as `cka`.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Features with paired rows.
    kernel : {"rbf", "linear"}
        RBF by default, which sees every dependence; the linear one sees correlation only.
    bandwidth : float
        σ of the RBF kernel over the median distance.
    debiased : bool
        Unbiased: zero on average for independent representations, and then as often negative.

    Returns
    -------
    float
        0 for independent representations of many samples.

    Raises
    ------
    MethexisError
        On input that cannot be compared.

    References
    ----------
    .. [1] Gretton, Bousquet, Smola & Schölkopf, Measuring statistical dependence with
       Hilbert–Schmidt norms, ALT 2005.
    .. [2] Song, Smola, Gretton, Bedo & Borgwardt, Feature selection via dependence maximization,
       JMLR 13, 2012.

    Examples
    --------
    Linear, of one feature with itself, it is the squared variance:

    >>> x = [[1.0], [-1.0], [2.0], [-2.0]]
    >>> round(hsic(x, x, kernel="linear"), 12) == round((10 / 3) ** 2, 12)
    True
    """
    return HSIC(kernel, bandwidth, debiased)(x, y)
