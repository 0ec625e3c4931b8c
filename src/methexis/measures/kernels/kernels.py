"""Kernels: how much alike two samples are, as one representation sees them."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import Any

import array_api_compat
import numpy as np

from methexis.core.checks import Array, number, one_of
from methexis.core.parallel.caching import cached_property
from methexis.errors import MethexisError
from methexis.measures.inputs.features import MOST, Features, Namespace, Tensor, to_numpy
from methexis.measures.pairs.entries import POWERS
from methexis.measures.work import NOTHING, Time, passes

KERNELS = ("linear", "rbf")
#: Nanoseconds of one core per pair of samples, of both sides: kernels made and centred; and per
#: doubling of the pairs' number: sorted for their median.
_MADE, _SORTED = 30.0, 0.6


def check_kernel(kernel: str, bandwidth: float) -> None:
    """See that there is such a kernel, and that the bandwidth is positive."""
    one_of("kernel", kernel, KERNELS)
    number("bandwidth", number("bandwidth", bandwidth, above=0.0), least=1.0 / MOST, below=MOST)


def kernel_work(num_samples: int, *, median: bool) -> Time:
    """Time that both kernels of a pair take beyond products; a median sorts all distances."""
    pairs = float(num_samples) ** 2
    ordered = passes(pairs * log2(pairs), _SORTED) if median else NOTHING
    return passes(pairs, _MADE) + ordered


@dataclass(frozen=True, eq=False)
class Distances:
    """Squared distances between all samples of one representation."""

    squares: Tensor  # (num_samples, num_samples), zero on the diagonal

    @cached_property
    def ordered(self) -> Array:
        """Squared distances of all pairs of different samples, from the smallest."""
        squares = to_numpy(self.squares)
        return np.sort(np.concatenate([row[i + 1 :] for i, row in enumerate(squares)]))

    @property
    def median(self) -> float:
        """The median distance of different samples."""
        last = len(self.ordered) - 1
        return float(0.5 * np.sum(np.sqrt(self.ordered[[last // 2, (last + 1) // 2]])))


def kernel_matrix(features: Features, kernel: str, bandwidth: float) -> tuple[Tensor, Distances]:
    """The matrix of a kernel of distances, and these; of the linear one, rows are used.

    ``"rbf"``: ``exp(-‖x - x'‖² / 2σ²)``, where σ is `bandwidth` times the median of the distances
    between different samples. ``"distance"``: ``‖x - x'‖``, for `distance_correlation` alone.
    Features whose median is zero are refused.
    """
    distances = Distances(squared_distances(features))
    if kernel == "distance":
        return features.xp.sqrt(distances.squares), distances
    median = distances.median
    if median == 0.0:
        raise MethexisError(
            f"{features.name}: expected a median distance between samples above zero for the "
            "bandwidth, got 0, because most rows are equal"
        )
    matrix = features.xp.empty_like(distances.squares)  # filled a few rows at a time
    height = max(1, POWERS // features.num_samples)
    for start in range(0, features.num_samples, height):
        some = slice(start, start + height)
        shares = distances.squares[some, :] / (-2.0 * (bandwidth * median) ** 2)
        matrix[some, :] = features.xp.exp(shares)
    return matrix, distances


def centred_rows(features: Features) -> Tensor:
    """Features of mean zero: no centred measure sees the difference, and rounding is less."""
    array = features.array
    return array - features.xp.mean(array, axis=0, keepdims=True)


def squared_distances(features: Features) -> Tensor:
    """``‖x_i - x_j‖²``; rounding below zero, which duplicate rows can cause, is zero."""
    xp, rows = features.xp, centred_rows(features)
    squares = xp.sum(rows * rows, axis=1)
    distances = rows @ rows.T  # from here in place, a few rows at a time
    height = max(1, POWERS // features.num_samples)
    for start in range(0, features.num_samples, height):
        some = slice(start, start + height)
        block = squares[some, None] + squares[None, :] - 2.0 * distances[some, :]
        distances[some, :] = xp.where(block > 0.0, block, xp.zeros_like(block))
    places = xp.arange(features.num_samples, device=array_api_compat.device(distances))
    distances[places, places] = 0.0
    return distances


def hollow(xp: Namespace, matrix: Tensor) -> Tensor:
    """The matrix with zeros on its diagonal."""
    eye: Any = xp.eye(matrix.shape[0], dtype=matrix.dtype, device=array_api_compat.device(matrix))
    return matrix * (1.0 - eye)
