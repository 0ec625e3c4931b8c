"""Kernels: how much alike two samples are, as one representation sees them."""

from __future__ import annotations

from math import log2
from typing import Any

import array_api_compat

from methexis.core.checks import number, one_of
from methexis.errors import MethexisError
from methexis.measures.inputs.features import MOST, Features, Namespace, Tensor
from methexis.measures.work import NOTHING, Time, passes

KERNELS = ("linear", "rbf")
#: Nanoseconds of one core per pair of samples, of both sides: kernels made and centred; and per
#: doubling of the pairs' number: sorted for their median, and again for those of bootstrap samples.
_MADE, _SORTED = 40.0, 12.0


def check_kernel(kernel: str, bandwidth: float) -> None:
    """See that there is such a kernel, and that the bandwidth is positive."""
    one_of("kernel", kernel, KERNELS)
    number("bandwidth", number("bandwidth", bandwidth, above=0.0), least=1.0 / MOST, below=MOST)


def kernel_work(num_samples: int, *, median: bool) -> Time:
    """Time that both kernels of a pair take beyond products; a median sorts all distances."""
    pairs = float(num_samples) ** 2
    ordered = passes(2 * pairs * log2(num_samples), _SORTED) if median else NOTHING
    return passes(pairs, _MADE) + ordered


def kernel_matrix(features: Features, kernel: str, bandwidth: float) -> Tensor:
    """The matrix of a kernel of distances; of the linear one, rows are used.

    ``"rbf"``: ``exp(-‖x - x'‖² / 2σ²)``, where σ is `bandwidth` times the median of the distances
    between different samples. ``"distance"``: ``‖x - x'‖``, for `distance_correlation` alone.
    Features whose median is zero are refused.
    """
    squares = squared_distances(features)
    if kernel == "distance":
        return features.xp.sqrt(squares)
    median = _median_distance(features, squares)
    return features.xp.exp(squares / (-2.0 * (bandwidth * median) ** 2))


def centred_rows(features: Features) -> Tensor:
    """Features of mean zero: no centred measure sees the difference, and rounding is less."""
    array = features.array
    return array - features.xp.mean(array, axis=0, keepdims=True)


def squared_distances(features: Features) -> Tensor:
    """``‖x_i - x_j‖²``; rounding below zero, which duplicate rows can cause, is zero."""
    xp, rows = features.xp, centred_rows(features)
    squares = xp.sum(rows * rows, axis=1)
    distances = squares[:, None] + squares[None, :] - 2.0 * (rows @ rows.T)
    return hollow(xp, xp.where(distances > 0.0, distances, xp.zeros_like(distances)))


def hollow(xp: Namespace, matrix: Tensor) -> Tensor:
    """The matrix with zeros on its diagonal."""
    eye: Any = xp.eye(matrix.shape[0], dtype=matrix.dtype, device=array_api_compat.device(matrix))
    return matrix * (1.0 - eye)


def _median_distance(features: Features, squares: Tensor) -> float:
    """Median over pairs of different samples."""
    xp, n = features.xp, features.num_samples
    ordered = xp.sort(xp.reshape(squares, (-1,)))
    # First come the n zeros of the diagonal, then every pair twice.
    middle = n + n * (n - 1) // 2
    median = 0.5 * float(xp.sqrt(ordered[middle - 1]) + xp.sqrt(ordered[middle]))
    if median == 0.0:
        raise MethexisError(
            f"{features.name}: expected a median distance between samples above zero for the "
            "bandwidth, got 0, because most rows are equal"
        )
    return median
