"""Alignment of two hidden layers neuron by neuron: up to order, sign and one common scale.

`core.layers.geometry` lets any rotation act on a layer, and so cannot tell whether single neurons
mean the same. Here neurons are matched one to one, with either sign. With ``M = E[h_B h_Aᵀ]`` the
layers have the cosines

    rotations:            ‖M‖_* / sqrt(E‖h_A‖² E‖h_B‖²)        (sum of singular values),
    signed permutations:  max_π Σ_a |M_{π(a) a}| / sqrt(E‖h_A‖² E‖h_B‖²),

and the second is never above the first. It is 1 exactly when ``h_B = s P h_A`` with a signed
permutation ``P``, up to neurons of the wider layer that carry nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from methexis.core.answers import computed
from methexis.core.checks import Array, MethexisError
from methexis.core.layers.geometry import paired_rows, white_maps
from methexis.core.linalg import comparable, sqrt_psd
from methexis.display import Displayed


@dataclass(frozen=True, eq=False)
class AxisAlignment(Displayed):
    """How far one layer is a reordered and scaled copy of another, signs of neurons free.

    Attributes
    ----------
    cosine : float
        Cosine after the best signed permutation, in [0, 1] up to rounding; 1 is a copy.
    rotation_cosine : float
        Cosine after the best rotation of all; at least ``cosine``.
    permutation : array (d_B, d_A)
        Signed partial permutation ``P`` with ``s P h_A`` nearest to ``h_B``.
    scale : float
        That ``s``.
    error : float
        ``sqrt(1 - cosine²)``: root of ``(E‖s P h_A - h_B‖² + s² E‖unmatched h_A‖²) / E‖h_B‖²``.
    """

    cosine: float
    rotation_cosine: float
    permutation: Array
    scale: float
    error: float


def match_maps(map_a: ArrayLike, map_b: ArrayLike, cov_x: ArrayLike) -> AxisAlignment:
    """Match the neurons of ``h_A = map_a x`` and ``h_B = map_b x`` one to one, with signs.

    Parameters
    ----------
    map_a, map_b : array (d_A, dim_x), (d_B, dim_x)
        Maps from the shared input to each layer.
    cov_x : array (dim_x, dim_x)
        Second moment of the input.

    Raises
    ------
    MethexisError
        On shapes that do not fit, non-finite entries, a layer that is identically zero, or two of
        which double precision does not hold the ratio.

    Examples
    --------
    >>> import numpy as np
    >>> a = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> found = match_maps(a, np.array([[0.0, -6.0], [3.0, 0.0]]), np.eye(2))
    >>> round(found.cosine, 12), round(found.scale, 12), found.permutation.tolist()
    (1.0, 3.0, [[0.0, -1.0], [1.0, 0.0]])
    >>> turn = np.array([[0.6, -0.8], [0.8, 0.6]])  # a rotation is not a permutation
    >>> found = match_maps(a, turn @ a, np.eye(2))
    >>> round(found.rotation_cosine, 12), round(found.cosine, 12)
    (1.0, 0.8)
    """
    a, b, exponent = white_maps(map_a, map_b, cov_x)
    return _matched(a.T, b.T, exponent)


def match_samples(features_a: ArrayLike, features_b: ArrayLike) -> AxisAlignment:
    """Match neurons from paired rows ``(num_samples, d_A)``, ``(num_samples, d_B)``, not centred.

    `measures.matching` with ``absolute=True, weighted=True`` is the cosine of centred features,
    with a null.

    Raises
    ------
    MethexisError
        On unpaired rows, non-finite entries, a layer that is identically zero, or two of which
        double precision does not hold the ratio.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(6.0).reshape(3, 2)
    >>> round(match_samples(x, -2.0 * x[:, ::-1]).cosine, 12)
    1.0
    """
    return _matched(*paired_rows("match_samples", features_a, features_b))


@computed("axis alignment")
def _matched(a: Array, b: Array, exponent: int) -> AxisAlignment:
    """Match the columns of two layers, of which ``2**exponent b`` is the second."""
    norm_a, norm_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if norm_a == 0 or norm_b == 0:
        which = "first" if norm_a == 0 else "second"
        raise MethexisError(f"axis alignment: expected two non-zero layers, got a zero {which} one")
    overlap = (b / norm_b).T @ (a / norm_a)
    rows, columns = linear_sum_assignment(np.abs(overlap), maximize=True)
    permutation = np.zeros_like(overlap)
    permutation[rows, columns] = np.where(overlap[rows, columns] < 0.0, -1.0, 1.0)
    cosine = float(np.abs(overlap[rows, columns]).sum())
    moved = (a / norm_a) @ permutation.T
    rest = float(np.sum((a / norm_a) ** 2) - np.sum(moved**2))
    missed = float(np.sum((cosine * moved - b / norm_b) ** 2)) + cosine**2 * max(rest, 0.0)
    return AxisAlignment(
        cosine=cosine,
        rotation_cosine=float(np.linalg.svd(overlap, compute_uv=False).sum()),
        permutation=permutation,
        scale=comparable("axis alignment", cosine * norm_b / norm_a, exponent, "their ratio"),
        error=float(np.sqrt(missed)),
    )


def axis_cosines_of(maps: Sequence[Array], cov_x: Array) -> Array:
    """Cosines after the best signed permutation, of every pair of layers ``(..., d_k, n)``.

    Checked maps with common leading dimensions; NaN where a layer is zero or not finite.
    """
    root = sqrt_psd(cov_x)
    shape = np.broadcast_shapes(*(m.shape[:-2] for m in maps))
    layers = [np.broadcast_to(m @ root, (*shape, m.shape[-2], len(root))) for m in maps]
    cosines = np.full((*shape, len(layers), len(layers)), np.nan)
    for index in np.ndindex(shape):
        units = []
        for layer in layers:
            size = float(np.linalg.norm(layer[index]))
            units.append(layer[index] / size if 0.0 < size < np.inf else None)
        for i, a in enumerate(units):
            for j, b in enumerate(units[: i + 1]):
                if a is None or b is None:
                    continue
                overlap = np.abs(a @ b.T)
                rows, columns = linear_sum_assignment(overlap, maximize=True)
                cosines[(*index, i, j)] = cosines[(*index, j, i)] = overlap[rows, columns].sum()
    return cosines
