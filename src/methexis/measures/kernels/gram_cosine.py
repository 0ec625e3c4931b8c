"""Cosine of two Gram matrices: the alignment of the theory, 1 for a perfectly Platonic pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from methexis.core.layers.geometry import LayerAlignment, align_samples
from methexis.measures.inputs.features import Features, Tensor, pair, to_numpy
from methexis.measures.kernels.contract import KernelMeasure
from methexis.measures.measure import Invariance, invariant


@dataclass(frozen=True)
class GramCosine(KernelMeasure):
    """Cosine of two Gram matrices, not centred; see `gram_cosine`."""

    name: ClassVar[str] = "gram_cosine"
    label: ClassVar[str] = "Gram cosine"
    reference: ClassVar[str] = "Ziyin & Chuang 2025, arXiv:2507.01098; Cristianini et al. 2001"

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Orthogonal maps and one scale; a translation it sees."""
        return invariant(Invariance.ORTHOGONAL, Invariance.SCALE)

    @property
    def centring(self) -> str:
        """Kernels are compared as they are: the estimator takes nothing off."""
        return "plain"

    def rows_of(self, features: Features) -> Tensor:
        """The features' rows as they are."""
        return features.array


def gram_cosine(x: Any, y: Any) -> float:
    """Cosine of two Gram matrices, ``‖XᵀY‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F)`` of features as they are.

    It is 1 exactly if one constant ``c0`` makes ``c0 x_i·x_j = y_i·y_j`` for all pairs of samples:
    perfect alignment in the sense of the theorem. `gram_alignment` gives that constant, the
    rotation that maps one representation on the other, and how much is left.

    Pitfalls. Not centred: representations with large means (activations after ReLU) are aligned for
    that reason alone; their null has a large mean too. `cka` centres.

    Cost: as `cka`.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Features with paired rows.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    MethexisError
        On input that cannot be compared.

    References
    ----------
    .. [1] Ziyin & Chuang, Proof of a perfect platonic representation hypothesis, 2025,
       arXiv:2507.01098.

    Examples
    --------
    >>> x = [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    >>> y = [[2.0], [2.0], [2.0], [2.1]]
    >>> round(gram_cosine(x, x), 12), gram_cosine(x, y) > 0.7
    (1.0, True)
    """
    return GramCosine()(x, y)


def gram_alignment(x: Any, y: Any) -> LayerAlignment:
    """The Gram cosine with its constant ``c0`` and the rotation that maps x on y.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Features with paired rows; computed by NumPy wherever they live.

    Returns
    -------
    LayerAlignment
        ``cosine``, ``scale`` (c0), ``residual``, ``rotation``, ``rotation_scale`` and
        ``rotation_error``, as of ``mx.geometry.align_samples``.

    Raises
    ------
    MethexisError
        On input that cannot be compared.

    Examples
    --------
    >>> x = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]
    >>> fit = gram_alignment(x, [[-3.0 * b, 3.0 * a] for a, b in x])
    >>> round(fit.cosine, 9), round(fit.scale, 9), bool(fit.rotation[1, 0] > 0.999)
    (1.0, 9.0, True)
    """
    first, second = pair(x, y)
    return align_samples(to_numpy(first.array), to_numpy(second.array))
