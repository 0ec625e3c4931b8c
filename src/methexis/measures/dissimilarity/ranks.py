"""Ranks with ties: average ranks, of all pairs once and of bootstrap samples of them.

Tied values share the mean of the ranks they occupy. Values are tied if, in order, each differs from
the next by no more than a share of the larger of the two (`RDM.tolerance`); equal ones always are.
"""

from __future__ import annotations

from dataclasses import dataclass

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.measures.inputs.features import Tensor


@dataclass(frozen=True, eq=False)
class Groups:
    """Values in order, and where one group of ties ends and the next begins."""

    order: Tensor  # indices of the values in ascending order
    group: Tensor  # of the values in that order, the number of their group of ties
    bounds: Tensor  # where each group begins in that order; last, the number of values


def groups(values: Tensor, tolerance: float = 0.0) -> Groups:
    """Sort values and find their ties."""
    xp = array_api_compat.array_namespace(values)
    order = xp.argsort(values)
    ordered = xp.take(values, order)
    low, high = ordered[:-1], ordered[1:]
    larger = xp.maximum(xp.abs(low), xp.abs(high))
    new = (high - low) > tolerance * larger
    starts = xp.nonzero(new)[0] + 1
    ends = xp.asarray(
        [0, int(values.shape[0])], dtype=starts.dtype, device=array_api_compat.device(starts)
    )
    bounds = xp.concat([ends[:1], starts, ends[1:]])
    number = xp.cumulative_sum(xp.astype(new, starts.dtype), include_initial=True)
    return Groups(order, number, bounds)


def average_ranks(values: Tensor, tolerance: float = 0.0) -> Tensor:
    """Ranks from 1, ties sharing their mean; of the type of the values."""
    xp = array_api_compat.array_namespace(values)
    ties = groups(values, tolerance)
    bounds = xp.astype(ties.bounds, values.dtype)
    means = (bounds[:-1] + bounds[1:] + 1) / 2
    ranks = xp.empty_like(values)
    ranks[ties.order] = xp.take(means, ties.group)
    return ranks


def group_numbers(values: Tensor, tolerance: float = 0.0) -> Tensor:
    """Number of each value's group of ties, from 0: all that a rank correlation needs."""
    xp = array_api_compat.array_namespace(values)
    ties = groups(values, tolerance)
    numbers = xp.empty_like(ties.group)
    numbers[ties.order] = ties.group
    return numbers


def repeated_ranks(numbers: NDArray[np.int64], times: NDArray[np.int64]) -> Array:
    """Average ranks in a sample in which value ``k`` occurs ``times[k]`` times, in NumPy.

    ``numbers`` are the values' groups (`group_numbers`), of more values perhaps. Nothing is sorted.
    """
    counts = np.bincount(numbers, weights=times)
    ranks = np.cumsum(counts) - (counts - 1.0) / 2.0
    return ranks[numbers]
