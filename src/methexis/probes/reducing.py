"""From the output of a layer to one row of features per sample, by axes that were proved.

``mean`` and ``max`` go over all positions (tokens, pixels) that are real by the mask; ``first`` and
``last`` are the first and the last real one; ``each`` makes a layer of every position up to a
count. What is half precision is summed in single precision. Each is written with the functions of
the array API, so that tensors are reduced where they live.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.errors import MethexisError

#: What stands for a sample, in words.
PROBE_POOLS = {
    "mean": "mean over all positions (tokens, pixels), padding left out",
    "first": "the first real position",
    "last": "the last real position",
    "max": "largest over all positions, padding left out",
    "spatial": "mean over positions that lie behind the channels: (samples, channels, height, …)",
    "spatial_last": "mean over positions that lie before the channels",
    "each": "each position is a layer, up to a number of tokens",
    "flatten": "all numbers of a sample side by side",
}


@dataclass(frozen=True)
class Axes:
    """What the axes of an output are.

    Attributes
    ----------
    samples : int
        The axis along which samples lie.
    positions : tuple of int
        Axes of tokens or pixels; none where there is one vector per sample.
    ndim : int
        Number of axes.
    evidence : str
        How positions are known.
    """

    samples: int
    positions: tuple[int, ...]
    ndim: int
    evidence: str = ""


def reduced(
    output: Any, axes: Axes, pool: str, mask: NDArray[np.bool_] | None, tokens: int
) -> list[Any]:
    """Features ``(size, num_features)``: one array, or with ``each`` one per position.

    Raises
    ------
    ValueError
        If a mask does not fit, or a sample has fewer real tokens than asked for.
    """
    xp = array_api_compat.array_namespace(output)
    x = xp.moveaxis(output, axes.samples, 0) if axes.samples else output
    places = [place + 1 if place < axes.samples else place for place in axes.positions]
    if output.dtype != getattr(xp, "float64", None) and str(output.dtype).endswith("float16"):
        x = xp.astype(x, xp.float32)
    rows = x.shape[0]
    if pool == "flatten" or not places:
        return [xp.reshape(x, (rows, -1))]
    real = _real(x, places, mask, xp)
    if pool in {"mean", "max", "spatial", "spatial_last"}:
        over = tuple(places)
        if real is None:
            pooled = xp.max(x, axis=over) if pool == "max" else xp.mean(x, axis=over)
        else:
            wide = xp.reshape(real, _shape(real, places[0], x.ndim))
            if pool == "max":
                low = xp.full_like(x, -float("inf"))
                pooled = xp.max(xp.where(wide, x, low), axis=over)
            else:
                kept = xp.sum(xp.where(wide, x, xp.zeros_like(x)), axis=over)
                count = xp.sum(xp.astype(real, x.dtype), axis=1)
                pooled = kept / xp.reshape(count, (rows, *[1] * (kept.ndim - 1)))
        return [xp.reshape(pooled, (rows, -1))]
    x = xp.reshape(xp.moveaxis(x, places[0], 1), (rows, x.shape[places[0]], -1))
    starts, ends = _ends(mask if real is not None else None, rows, x.shape[1])
    if pool in {"first", "last"}:
        return [_picked(x, starts if pool == "first" else ends - 1, xp)]
    short = np.flatnonzero(ends - starts < tokens)
    if len(short):
        row = int(short[0])
        raise ValueError(
            f"expected at least {tokens} tokens in every sample, got {ends[row] - starts[row]} in "
            f"sample {row} of the batch"
        )
    return [_picked(x, starts + place, xp) for place in range(tokens)]


def _real(x: Any, places: list[int], mask: NDArray[np.bool_] | None, xp: Any) -> Any:
    """The mask, in the library and on the device of the output; None where nothing is padding."""
    if mask is None:
        return None
    if len(places) != 1 or x.shape[places[0]] != mask.shape[1]:
        if mask.all():
            return None
        lengths = " x ".join(str(x.shape[place]) for place in places)
        raise ValueError(
            f"expected positions as in the mask, {mask.shape[1]} tokens, got {lengths}, so that "
            "padding cannot be told"
        )
    return xp.asarray(mask, device=array_api_compat.device(x))


def _shape(real: Any, place: int, ndim: int) -> tuple[int, ...]:
    return tuple(
        real.shape[0] if axis == 0 else real.shape[1] if axis == place else 1
        for axis in range(ndim)
    )


def _ends(
    mask: NDArray[np.bool_] | None, rows: int, length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where real tokens begin and end in each sample."""
    if mask is None:
        return np.zeros(rows, dtype=np.int64), np.full(rows, length, dtype=np.int64)
    starts = mask.argmax(axis=1)
    ends = length - mask[:, ::-1].argmax(axis=1)
    if not (mask.sum(axis=1) == ends - starts).all():
        raise ValueError("expected a mask without holes, got padding between real tokens")
    return starts, ends


def _picked(x: Any, places: NDArray[np.int64], xp: Any) -> Any:
    device = array_api_compat.device(x)
    rows = xp.arange(x.shape[0], device=device)
    return x[rows, xp.asarray(places, device=device)]


def require_pool(pool: Any) -> str:
    """The word for a pooling.

    Raises
    ------
    MethexisError
        If it is none.
    """
    if not isinstance(pool, str) or pool not in PROBE_POOLS:
        raise MethexisError(
            f"pool: expected one of {', '.join(PROBE_POOLS)}, got {str(pool)[:60]!r}"
        )
    return pool
