"""Charges along a run, which follow from the weights that are recorded anyway.

They take as much memory as the weights themselves, and few who train ever look at them. So a run
holds them as xarray holds a file that it has not read yet: with dimensions, shape and type, and
computed from the recorded weights when somebody looks at their numbers, saves the run, or takes a
part of them, of which then only the records and networks asked for are computed.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from methexis.core.checks import Array
from methexis.core.layers.charges import charges
from methexis.core.parallel.caching import cached_property
from methexis.core.parallel.threads import available_cores, one_blas_thread
from methexis.training.parallel import in_threads

#: Numbers of a layer whose charges are computed together: few enough to stay in the cache.
_AT_ONCE = 2**18


class ChargePath(BackendArray):
    """Charges of one interface at all records, computed when they are read.

    Parameters
    ----------
    before, after : arrays (step, *cells, replica, d_i, d_{i-1} + bias)
        ``W_i`` and ``W_{i+1}`` at all records, in the precision of the run.
    bias : bool
        Whether the last columns are biases.
    """

    def __init__(self, before: NDArray[Any], after: NDArray[Any], *, bias: bool) -> None:
        self.before, self.after, self.bias = before, after, bias
        width = before.shape[-2]
        self.shape = (*before.shape[:-1], width)
        self.dtype = np.dtype(np.float64)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """The part that an index of xarray's asks for."""
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._part
        )

    def _part(self, key: tuple[int | slice, ...]) -> Array:
        """The part of integers and slices, one for every dimension."""
        networks, entries = key[:-2], (..., *key[-2:])
        if "whole" in vars(self) or self.before[networks].shape == self.before.shape:
            return self.whole[networks][entries]
        return charge_path(self.before[networks], self.after[networks], bias=self.bias)[entries]

    @cached_property
    def whole(self) -> Array:
        """All of them, which then are kept."""
        return charge_path(self.before, self.after, bias=self.bias)


def charges_unread(before: NDArray[Any], after: NDArray[Any], *, bias: bool) -> Any:
    """A `ChargePath` as variables of xarray hold what has not been read yet.

    Once read it is an array like all others, and no longer changes with the weights.
    """
    array: Any = ChargePath(before, after, bias=bias)
    layers: tuple[Any, ...] = (
        indexing.LazilyIndexedArray,
        indexing.CopyOnWriteArray,
        indexing.MemoryCachedArray,
    )
    for layer in layers:
        array = layer(array)
    return array


@one_blas_thread
def charge_path(before: NDArray[Any], after: NDArray[Any], *, bias: bool) -> Array:
    """Charges ``(..., d_i, d_i)`` of one interface, in threads; NaN where a network is lost."""
    width = before.shape[-2]
    values = np.empty((*before.shape[:-1], width))
    flat = values.reshape(-1, width, width)
    pair = [w.reshape(-1, *w.shape[-2:]) for w in (before, after)]

    def some(part: slice) -> None:
        weights = [w[part].astype(np.float64, copy=False) for w in pair]
        flat[part] = charges(weights, bias=bias)[0]

    size = math.ceil(_AT_ONCE / max(math.prod(w.shape[1:]) for w in pair))
    parts = [slice(first, first + size) for first in range(0, len(flat), size)]
    in_threads([partial(some, part) for part in parts], available_cores())
    return values
