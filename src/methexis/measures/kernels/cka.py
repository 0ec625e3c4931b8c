"""Centred kernel alignment, and the RV coefficient, which is linear CKA under its older name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from methexis.core.checks import one_of
from methexis.errors import MethexisError
from methexis.measures.inputs.features import Features, Tensor
from methexis.measures.kernels.contract import KernelMeasure
from methexis.measures.kernels.estimators import DEBIASED
from methexis.measures.kernels.kernels import check_kernel
from methexis.measures.measure import Invariance, invariant


@dataclass(frozen=True)
class CKA(KernelMeasure):
    """Cosine of two centred kernel matrices; see `cka`."""

    name: ClassVar[str] = "cka"
    reference: ClassVar[str] = (
        "Cortes et al. 2012; Kornblith et al. 2019, arXiv:1905.00414; Song et al. 2012, JMLR 13; "
        "Lange et al. 2023; Chun et al. 2025, arXiv:2502.15104"
    )

    kernel: str = "linear"
    bandwidth: float = 1.0
    debiased: bool = False
    estimator: str = "song"
    sampled_features: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_kernel(self.kernel, self.bandwidth)
        one_of("estimator", self.estimator, DEBIASED)
        if self.estimator != "song" and not self.debiased:
            raise MethexisError(
                f"debiased: expected True with estimator={self.estimator!r}, got False"
            )
        if self.sampled_features and not (
            self.debiased and self.estimator == "song" and self.kernel == "linear"
        ):
            raise MethexisError(
                "sampled_features: expected a linear kernel and debiased=True with the estimator "
                f"'song', got kernel={self.kernel!r}, debiased={self.debiased}, "
                f"estimator={self.estimator!r}"
            )

    @property
    def title(self) -> str:
        """The measure's name in tables: kernel, estimator and correction."""
        words = ["debiased"] if self.debiased else []
        words.append("linear" if self.kernel == "linear" else f"RBF({self.bandwidth:g})")
        words.append("CKA")
        if self.debiased and self.estimator == "lange":
            words.append("(Lange)")
        if self.sampled_features:
            words.append("of sampled features")
        return " ".join(words)

    @property
    def range(self) -> tuple[float, float]:
        """Bounds: [0, 1] biased, [-1, 1] debiased, none if corrected for sampled features."""
        if self.sampled_features:
            return (-math.inf, math.inf)
        return super().range

    @property
    def aligned(self) -> float:
        """One; corrected for sampled features, two *different* samples of features score 1."""
        return math.nan if self.sampled_features else 1.0

    @property
    def min_features(self) -> int:
        """One feature; two, if they stand for many."""
        return 2 if self.sampled_features else 1

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Orthogonal maps (permutations only, if features are sampled), one scale, translation."""
        kept = Invariance.PERMUTATION if self.sampled_features else Invariance.ORTHOGONAL
        return invariant(kept, Invariance.SCALE, Invariance.TRANSLATION)

    @property
    def centring(self) -> str:
        """The estimator of HSIC."""
        return self.estimator if self.debiased else "biased"

    @property
    def corrects_features(self) -> bool:  # type: ignore[override]
        """Whether features are a sample of many."""
        return self.sampled_features

    def rows_of(self, features: Features) -> Tensor | None:
        """Centred features, where the kernel is linear; a single feature cannot stand for many."""
        if features.num_features < self.min_features:
            raise MethexisError(f"{features.name}: expected at least two sampled features, got one")
        return super().rows_of(features)


@dataclass(frozen=True)
class RV(KernelMeasure):
    """Linear CKA, biased or by Lange's estimator, with the reference and title of `rv`."""

    name: ClassVar[str] = "rv"
    reference: ClassVar[str] = (
        "Escoufier 1973, Biometrics 29; Smilde et al. 2009, Bioinformatics 25"
    )

    modified: bool = False

    @property
    def title(self) -> str:
        """The measure's name in tables: "RV", or "modified RV"."""
        return "modified RV" if self.modified else "RV"

    @property
    def centring(self) -> str:
        """The estimator of HSIC, with the kernel's diagonal or without."""
        return "lange" if self.modified else "biased"


def cka(
    x: Any,
    y: Any,
    *,
    kernel: str = "linear",
    bandwidth: float = 1.0,
    debiased: bool = False,
    estimator: str = "song",
    sampled_features: bool = False,
) -> float:
    """Centred kernel alignment, the cosine of two centred kernel matrices.

    ``HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))`` with one estimator of HSIC (`estimators`) in all
    three places. Biased and linear it is ``‖XᵀY‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F)`` of centred features.

    Pitfalls. The biased score of *unrelated* representations grows with ``d/n`` and goes to 1 for
    ``d ≫ n``: compare it with its null, or take ``debiased=True``. A few directions of large
    variance, or a few outlying samples, decide the linear score. With a wide bandwidth the RBF
    kernel is nearly linear; with a narrow one every sample is alike only to itself, biased scores
    go to 1 and debiased ones to noise.

    Cost. ``n² (d_x + d_y)`` and memory for a few matrices ``n × n``. Linear kernels of more than
    2048 samples, at least twice as many as features, take ``n d_x d_y`` and no such matrix; exact
    moments of the null take ``n² d / 2`` operations then. (Up to 8192 samples matrices are made for
    many bootstrap samples, and for many layers.)

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Features with paired rows.
    kernel : {"linear", "rbf"}
        Linear by default, which is what most of the literature reports.
    bandwidth : float
        σ of the RBF kernel ``exp(-‖x - x'‖² / 2σ²)`` over the median distance of different samples
        of that representation. The median itself by default; Kornblith et al. also use .2 to .8.
    debiased : bool
        Take an estimator of HSIC that is zero on average for independent representations. Scores
        can be negative then. The ratio is not unbiased, only its three parts are.
    estimator : {"song", "lange"}
        The estimator of a debiased score: the unbiased one of Song et al., or that of Lange et al.
        Both are off-diagonal inner products, and lie in [-1, 1].
    sampled_features : bool
        The columns are samples of many features (`sampling`), drawn independently for x and
        y; estimate CKA of all of them. For populations with more effective dimensions than there
        are features, of which the uncorrected score sees too little. Depends on the basis of
        features; can exceed 1, is a little too large on average where it varies much, and NaN if
        the estimated normaliser is not positive. Do not compare features with themselves so.

    Returns
    -------
    float
        1 for representations equal up to an orthogonal map, a scale and a translation.

    Raises
    ------
    MethexisError
        On input that cannot be compared, or options that do not go together.

    References
    ----------
    .. [1] Kornblith, Norouzi, Lee & Hinton, Similarity of neural network representations revisited,
       ICML 2019, arXiv:1905.00414.
    .. [2] Song, Smola, Gretton, Bedo & Borgwardt, Feature selection via dependence maximization,
       JMLR 13, 2012.
    .. [3] Lange et al., Deep networks as paths on the manifold of neural representations, 2023.
    .. [4] Chun, Canatar, Chung & Lee, Estimating neural representation alignment from sparsely
       sampled inputs and features, 2025, arXiv:2502.15104.

    Examples
    --------
    Of two features that are orthogonal after centring, one is shared:

    >>> x = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
    >>> y = [[1.0], [-1.0], [0.0], [0.0]]
    >>> round(cka(x, y) ** 2, 12)
    0.5
    """
    return CKA(kernel, bandwidth, debiased, estimator, sampled_features)(x, y)


def rv(x: Any, y: Any, *, modified: bool = False) -> float:
    """RV coefficient, ``Tr(XXᵀYYᵀ) / sqrt(Tr(XXᵀ)² Tr(YYᵀ)²)`` of centred features.

    It is biased linear CKA under its older name. Modified (Smilde's RV2) the diagonals of ``XXᵀ``
    and ``YYᵀ`` are set to zero first, which takes away most of the growth with ``d/n``; that is
    linear CKA by Lange's estimator.

    Pitfalls and cost: as `cka`.

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
