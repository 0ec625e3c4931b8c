"""Bures: how alike two kernels are as positive matrices.

With factors ``K = F_x F_xᵀ`` and ``L = F_y F_yᵀ``, ``tr (K^{1/2} L K^{1/2})^{1/2} = ‖F_xᵀ F_y‖_*``.
For ``K^{1/2} L K^{1/2} = G Gᵀ`` with ``G = K^{1/2} F_y``, and the trace of the root of ``G Gᵀ`` is
the sum of the singular values of G. ``K^{1/2}`` is a factor of K like ``F_x``, so it is ``F_x Qᵀ``
with Q orthonormal on the rows of ``F_x``, and ``‖Q F_xᵀ F_y‖_* = ‖F_xᵀ F_y‖_*``. With a linear
kernel the centred features themselves are such factors: a shape's Procrustes score is its Gram
matrix's Bures similarity, and both are computed by the same lines.

So a kernel is factored once, and everything else is Procrustes; no matrix square root is taken,
which would lose half of the digits where a kernel is singular, as centred ones are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from methexis.errors import MethexisError
from methexis.measures.inputs.features import Features, Tensor
from methexis.measures.kernels.kernels import check_kernel, kernel_matrix, kernel_work
from methexis.measures.measure import Invariance, invariant
from methexis.measures.rounding import negligible
from methexis.measures.subspaces.bases import Basis, Overlap, basis, batch_bytes
from methexis.measures.subspaces.procrustes import (
    ShapeMeasure,
    cosine_of_shapes,
    roots,
    squared_gap,
)
from methexis.measures.subspaces.second_moments import SecondMoments
from methexis.measures.work import Work, held_bytes, products

#: Matrices over pairs of samples that a comparison of kernels that are not linear holds at once,
#: with their decompositions; and nanoseconds of one core per triple of samples for those.
_MATRICES, _EIGEN = 8.0, 0.25


@dataclass(frozen=True)
class KernelShape(ShapeMeasure):
    """A function of two kernels' factors."""

    kernel: str = "linear"
    bandwidth: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_kernel(self.kernel, self.bandwidth)

    @property
    def title(self) -> str:
        """The measure's name in tables."""
        return f"{self.label} ({self.kernel} kernel)"

    @property
    def streams(self) -> bool:
        """Whether the kernel is linear: then second moments are enough."""
        return self.kernel == "linear"

    def work(self, num_samples: int, num_features: tuple[int, int]) -> Work:
        """The work of bases; a kernel that is not linear is first decomposed, ``n^3``."""
        if self.kernel == "linear":
            return super().work(num_samples, num_features)
        n = num_samples
        made = products(float(n) ** 2 * sum(num_features)) + kernel_work(n, median=True)
        return replace(
            super().work(n, (n, n)),
            reduce=made + products(2.0 * float(n) ** 3, _EIGEN),
            num_bytes=held_bytes(n, num_features, _MATRICES) + batch_bytes(n * n),
        )

    def reduce(self, features: Features) -> Basis:
        """The factor of the centred kernel."""
        if self.kernel == "linear":
            return basis(features)
        return kernel_factor(features, self.kernel, self.bandwidth)

    def from_moments(self, moments: SecondMoments) -> float:
        """The value from second moments, for the linear kernel."""
        if self.kernel != "linear":
            raise MethexisError(
                f"{self.name}: expected kernel='linear' from second moments, got {self.kernel!r}"
            )
        return super().from_moments(moments)


@dataclass(frozen=True)
class Bures(KernelShape):
    """Normalised Bures similarity of two centred kernels."""

    name: ClassVar[str] = "bures"
    label: ClassVar[str] = "Bures similarity"
    reference: ClassVar[str] = "Tang, Maddox, Dickens, Diethe and Damianou 2020, arXiv:2003.11370"

    def values(self, overlap: Overlap) -> Tensor:
        """``‖F_xᵀ F_y‖_*`` of factors of norm one."""
        return cosine_of_shapes(overlap, alpha=1.0)


@dataclass(frozen=True)
class BuresDistance(KernelShape):
    """Bures-Wasserstein distance of two centred kernels: a metric."""

    name: ClassVar[str] = "bures_distance"
    label: ClassVar[str] = "Bures distance"
    distance: ClassVar[bool] = True
    reference: ClassVar[str] = "Bhatia, Jain and Lim 2019, arXiv:1712.01504"

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Orthogonal maps and translation; one scale where the bandwidth goes with distances."""
        scale = [Invariance.SCALE] if self.kernel == "rbf" else []
        return invariant(Invariance.ORTHOGONAL, Invariance.TRANSLATION, *scale)

    def values(self, overlap: Overlap) -> Tensor:
        """``√(tr K + tr L - 2 ‖F_xᵀ F_y‖_*)``."""
        return roots(squared_gap(overlap, overlap.sizes_x, overlap.sizes_y), overlap.xp)


def kernel_factor(features: Features, kernel: str, bandwidth: float) -> Basis:
    """The factor ``U √λ`` of a centred kernel matrix, by eigenvalues; cost ``n^3``.

    Eigenvalues below ``n ε`` of the largest are rounding and left out.
    """
    xp, n = features.xp, features.num_samples
    matrix, _ = kernel_matrix(features, kernel, bandwidth)
    matrix = matrix - xp.mean(matrix, axis=0, keepdims=True)
    matrix = matrix - xp.mean(matrix, axis=1, keepdims=True)
    values, vectors = xp.linalg.eigh((matrix + matrix.T) / 2.0)
    values, vectors = xp.flip(values), xp.flip(vectors, axis=1)
    least = negligible(xp, matrix, n) * values[0]
    rank = int(xp.sum(xp.astype(values > least, xp.int64)))
    return Basis(vectors[:, :rank], xp.sqrt(values[:rank]), None, xp, features.name)


def bures(x: Any, y: Any, *, kernel: str = "linear", bandwidth: float = 1.0) -> float:
    r"""Normalised Bures similarity of centred kernels: their fidelity.

    .. math:: \frac{\mathrm{tr} (K^{1/2} L K^{1/2})^{1/2}}{\sqrt{\mathrm{tr} K \; \mathrm{tr} L}}

    With the linear kernel ``K = X Xᵀ`` of centred features it **is** the Procrustes score: the
    numerator is ``‖XᵀY‖_*`` (Harvey, Lipshutz and Williams 2023). The name is kept for kernels.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Paired rows.
    kernel : {"linear", "rbf"}
        ``x·x'`` or ``exp(-|x - x'|² / 2σ²)``, centred.
    bandwidth : float
        ``σ`` in units of the median distance between samples.

    Returns
    -------
    float
        In [0, 1] up to rounding.

    Raises
    ------
    MethexisError
        On input that cannot be compared, or options out of range.

    Notes
    -----
    *Cost*: linear as `procrustes`; rbf ``n^3`` per representation and per pair, because its kernel
    has full rank: permutations of thousands of samples take hours. *Pitfalls*: of narrow kernels
    (``bandwidth`` well below 1) every score tends to 1, all kernels being diagonal. Bootstrap
    samples keep the bandwidth of the whole.

    References
    ----------
    .. [1] Tang, Maddox, Dickens, Diethe and Damianou 2020, arXiv:2003.11370.
    .. [2] Harvey, Lipshutz and Williams 2023, arXiv:2311.11436.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> round(bures(x, x @ [[3.0, 0], [0, 1]]), 6)  # as `procrustes` has it
    0.894427
    """
    return Bures(kernel, bandwidth)(x, y)


def bures_distance(x: Any, y: Any, *, kernel: str = "linear", bandwidth: float = 1.0) -> float:
    r"""Bures-Wasserstein distance of centred kernels.

    .. math:: \sqrt{\mathrm{tr} K + \mathrm{tr} L - 2\,\mathrm{tr} (K^{1/2} L K^{1/2})^{1/2}}

    It is ``min_Q ‖F_x - F_y Q‖_F`` over orthogonal ``Q`` of the kernels' factors, a metric; with
    the linear kernel the root of `procrustes_size`. It is at least 0; linear, in units of the
    features, summed over samples. Parameters, errors, cost and pitfalls as of `bures`.

    References
    ----------
    .. [1] Bhatia, Jain and Lim 2019, arXiv:1712.01504.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> round(bures_distance(x, x @ [[3.0, 0], [0, 1]]), 6)  # √8
    2.828427
    """
    return BuresDistance(kernel, bandwidth)(x, y)
