"""Alignment of two hidden layers: one constant, one rotation, exact from weights or from samples.

Two layers are perfectly aligned when one constant ``c0`` gives ``c0 h_A(x1)·h_A(x2) =
h_B(x1)·h_B(x2)`` for all pairs of inputs. For linear layers the Gram operators live on the whitened
input space, so every quantity follows from three second moments: ``E[h_A h_Aᵀ]``, ``E[h_B h_Bᵀ]``,
``E[h_B h_Aᵀ]`` (docs/theory.md §1). The cosine of the Gram matrices is the uncentred linear CKA.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from methexis.core.answers import computed
from methexis.core.checks import (
    RANK_TOLERANCE,
    Array,
    MethexisError,
    array_list,
    covariance,
    real_array,
    require_replicas,
)
from methexis.core.linalg import comparable, in_unit, sqrt_psd
from methexis.display import Displayed


@dataclass(frozen=True, eq=False)
class LayerAlignment(Displayed):
    """How far one layer is a rotated and scaled copy of another.

    Attributes
    ----------
    cosine : float
        Cosine of the two Gram matrices, in [0, 1] up to rounding; 1 is perfect alignment.
    scale : float
        ``c0``, the constant that minimises ``‖c0 G_A - G_B‖_F``.
    residual : float
        ``‖c0 G_A - G_B‖_F / ‖G_B‖_F`` at that constant; equals ``sqrt(1 - cosine²)``.
    rotation : array (d_B, d_A)
        Partial isometry ``R`` that minimises ``E‖s R h_A - h_B‖²``.
    rotation_scale : float
        The ``s`` of that minimum; ``sqrt(scale)`` at perfect alignment.
    rotation_error : float
        ``sqrt(E‖s R h_A - h_B‖² / E‖h_B‖²)``; zero at perfect alignment.
    """

    cosine: float
    scale: float
    residual: float
    rotation: Array
    rotation_scale: float
    rotation_error: float


def align_maps(map_a: ArrayLike, map_b: ArrayLike, cov_x: ArrayLike) -> LayerAlignment:
    """Alignment of ``h_A = map_a x`` and ``h_B = map_b x``, exact for inputs of moment ``cov_x``.

    Parameters
    ----------
    map_a, map_b : array (d_A, dim_x), (d_B, dim_x)
        Maps from the shared input to each layer.
    cov_x : array (dim_x, dim_x)
        Second moment of the input.

    Raises
    ------
    MethexisError
        On shapes that do not fit, non-finite entries, or a layer that is identically zero.

    Examples
    --------
    >>> import numpy as np
    >>> a = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> alignment = align_maps(a, 3.0 * a[::-1], np.eye(2))
    >>> round(alignment.cosine, 12), round(alignment.scale, 12), round(alignment.rotation_error, 6)
    (1.0, 9.0, 0.0)
    """
    return _align_whitened(*white_maps(map_a, map_b, cov_x))


def align_samples(features_a: ArrayLike, features_b: ArrayLike) -> LayerAlignment:
    """Alignment of two layers from paired rows ``(num_samples, d_A)``, ``(num_samples, d_B)``.

    The Gram matrices ``(num_samples, num_samples)`` are never formed. ``scale`` compares per-sample
    moments, so it does not depend on the number of samples.

    Raises
    ------
    MethexisError
        On unpaired rows, non-finite entries, or a layer that is identically zero.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(6.0).reshape(3, 2)
    >>> round(align_samples(x, 2.0 * x).scale, 12)
    4.0
    """
    a, b, exponent = paired_rows("align_samples", features_a, features_b)
    # One triangular factor holds all inner products of the columns: layers as maps from an
    # orthonormal basis of their joint span.
    factor = np.linalg.qr(np.hstack([a, b]), mode="r") / np.sqrt(len(a))
    return _align_whitened(factor[:, : a.shape[1]].T, factor[:, a.shape[1] :].T, exponent)


def white_maps(map_a: ArrayLike, map_b: ArrayLike, cov_x: ArrayLike) -> tuple[Array, Array, int]:
    """Check two maps, and bring them to white inputs and into the range of double precision.

    Returns
    -------
    arrays (d_A, dim_x), (d_B, dim_x), int
        The second of the maps is ``2**exponent`` of the second array, in units of the first.
    """
    a = real_array("map_a", map_a, (None, None))
    b = real_array("map_b", map_b, (None, a.shape[1]))
    (a, of_a), (b, of_b) = in_unit(a), in_unit(b)
    root = sqrt_psd(covariance("cov_x", cov_x, a.shape[1]))
    return a @ root, b @ root, of_b - of_a


def paired_rows(
    asked: str, features_a: ArrayLike, features_b: ArrayLike
) -> tuple[Array, Array, int]:
    """Check paired rows of two layers, and bring them into range, as `white_maps` does with maps.

    Raises
    ------
    MethexisError
        On unpaired rows or non-finite entries, in the name of the function that was `asked`.
    """
    a = real_array("features_a", features_a, (None, None))
    b = real_array("features_b", features_b, (None, None))
    if len(a) != len(b):
        raise MethexisError(f"{asked}: expected paired rows, got {len(a)} and {len(b)}")
    (a, of_a), (b, of_b) = in_unit(a), in_unit(b)
    return a, b, of_b - of_a


@computed("alignment")
def _align_whitened(a: Array, b: Array, exponent: int) -> LayerAlignment:
    """Alignment of two maps from white inputs, of which ``2**exponent b`` is the second.

    Differences are formed directly, so that they do not cancel near perfect alignment.
    """
    (a, of_a), (b, of_b) = in_unit(a), in_unit(b)
    exponent += of_b - of_a
    gram_a, gram_b = a.T @ a, b.T @ b
    norm_a, norm_b = (float(np.linalg.norm(g)) for g in (gram_a, gram_b))
    if norm_a == 0 or norm_b == 0:
        which = "first" if norm_a == 0 else "second"
        raise MethexisError(f"alignment: expected two non-zero layers, got a zero {which} layer")
    overlap = float(np.sum(gram_a * gram_b))
    scale = overlap / norm_a**2
    # min over R, s of ‖s R a - b‖²: R from the SVD of b aᵀ, on the span that the two share.
    u, values, vt = np.linalg.svd(b @ a.T, full_matrices=False)
    shared = values > RANK_TOLERANCE * values[0]
    rotation = u[:, shared] @ vt[shared]
    rotated = rotation @ a
    kept = float(np.sum(rotated**2))
    rotation_scale = float(values[shared].sum()) / kept if kept > 0 else 0.0
    return LayerAlignment(
        cosine=overlap / (norm_a * norm_b),
        scale=comparable("alignment", scale, 2 * exponent, "the square of their ratio"),
        residual=float(np.linalg.norm(scale * gram_a - gram_b)) / norm_b,
        rotation=rotation,
        rotation_scale=float(np.ldexp(rotation_scale, exponent)),
        rotation_error=float(np.linalg.norm(rotation_scale * rotated - b) / np.linalg.norm(b)),
    )


def gram_cosines(maps: Sequence[Array], cov_x: Array) -> Array:
    """Cosines of the Gram matrices of every pair of layers, batched over leading dimensions.

    Parameters
    ----------
    maps : sequence of arrays (..., d_k, dim_x)
        Layers as maps from one shared input.
    cov_x : array (dim_x, dim_x)
        Second moment of that input.

    Returns
    -------
    array (..., num_layers, num_layers)
        Symmetric; the diagonal is 1 up to rounding. NaN where a layer is zero or not finite, or its
        fourth powers are beyond double precision.

    Raises
    ------
    MethexisError
        On shapes that do not fit.
    """
    layers = array_list("maps", maps)
    moment = covariance("cov_x", cov_x, layers[0].shape[-1])
    for i, layer in enumerate(layers):
        if layer.shape[-1] != len(moment):
            raise MethexisError(
                f"maps[{i}]: expected {len(moment)} columns as the first, got shape {layer.shape}"
            )
        require_replicas(f"maps[{i}]", layer, layers[0])
    with computed("gram_cosines"):
        return cosines_of(layers, moment)


def cosines_of(maps: Sequence[Array], cov_x: Array) -> Array:
    """`gram_cosines` of checked maps."""
    shape = np.broadcast_shapes(*(m.shape[:-2] for m in maps))
    stacked = np.concatenate([np.broadcast_to(m, (*shape, *m.shape[-2:])) for m in maps], axis=-2)
    return moment_cosines(stacked @ cov_x @ stacked.mT, [m.shape[-2] for m in maps])


def moment_cosines(moments: Array, widths: Sequence[int]) -> Array:
    """Cosines of the Gram matrices of every pair of layers, from the moments of their features.

    Parameters
    ----------
    moments : array (..., sum of widths, sum of widths)
        ``E[h hᵀ]`` of all layers stacked, up to a factor.
    widths : sequence of int
        Features of each layer.

    Returns
    -------
    array (..., num_layers, num_layers)
        Symmetric; the diagonal is 1 up to rounding. NaN where a layer is zero or not finite.
    """
    edges = np.cumsum([0, *widths])[:-1]
    squares = np.add.reduceat(np.add.reduceat(moments**2, edges, axis=-1), edges, axis=-2)
    norms = np.sqrt(np.diagonal(squares, axis1=-2, axis2=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(squares / (norms[..., :, None] * norms[..., None, :]))


def kernel_cosine(kernel_a: Array, kernel_b: Array, cov_x: Array) -> Array:
    """Cosine of two kernels ``K(x1, x2) = x1ᵀ K x2``, ``(..., n, n)``.

    For inputs of second moment ``cov_x``:
    ``Tr[K_A Σ K_B Σ] / sqrt(Tr[K_A Σ K_A Σ] Tr[K_B Σ K_B Σ])``. NaN where a kernel is zero or not
    finite, or its fourth powers are beyond double precision.

    Raises
    ------
    MethexisError
        On shapes that do not fit.
    """
    a, b = array_list("kernels", [kernel_a, kernel_b])
    moment = covariance("cov_x", cov_x, a.shape[-1])
    for name, kernel in (("kernel_a", a), ("kernel_b", b)):
        if kernel.shape[-2:] != moment.shape:
            raise MethexisError(
                f"{name}: expected shape (..., {len(moment)}, {len(moment)}), got {kernel.shape}"
            )
        require_replicas(name, kernel, a)
    with computed("kernel_cosine"):
        return kernel_cosine_of(a, b, moment)


def kernel_cosine_of(kernel_a: Array, kernel_b: Array, cov_x: Array) -> Array:
    """`kernel_cosine` of checked kernels."""

    def inner(a: Array, b: Array) -> Array:
        return np.asarray(np.sum((a @ cov_x) * (b @ cov_x).mT, axis=(-2, -1)))

    return np.asarray(
        inner(kernel_a, kernel_b) / np.sqrt(inner(kernel_a, kernel_a) * inner(kernel_b, kernel_b))
    )
