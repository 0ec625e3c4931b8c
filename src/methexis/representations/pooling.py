"""From arrays with more than two dimensions to representations: asked for, never guessed.

A network with tokens gives ``(num_samples, tokens, features)``. What stands for a sample then is a
choice that changes every score: the mean over tokens, the first one (as for classification tokens),
the last one (as for causal language models), each of them as a representation of its own (so are
the layers in the files of the literature on the Platonic representation hypothesis), or all of them
side by side.

A convolution gives a map of positions per channel, ``(num_samples, channels, height, width)`` as
PyTorch orders it, ``(num_samples, height, width, channels)`` as TensorFlow does. No array says
which of the two it is, so the word does: ``spatial`` is the mean over all positions of channels
that come first, ``spatial_last`` of channels that come last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import one_of
from methexis.core.outside.foreign import admitted, is_tensor, name_of_type
from methexis.errors import MethexisError
from methexis.representations.deferred import Deferred
from methexis.representations.padding import NONE, mask_of, real_tokens, refuse_padding

#: What to do with middle dimensions, in words.
POOLS = {
    "mean": "mean over the middle dimension (tokens)",
    "first": "first along the middle dimension",
    "last": "last along the middle dimension",
    "each": "each position of the middle dimension is a layer",
    "spatial": "mean over positions, behind the channels: (samples, channels, height, width)",
    "spatial_last": "mean over positions, before the channels: (samples, height, width, channels)",
    "flatten": "all dimensions but the first are features",
}
#: Words that a mask goes with, and those of which tokens at the ends enter features.
_WITH_MASK = ("mean", "first", "last")
_OF_TOKENS = ("mean", "first", "last")


def pooled(
    source: str, array: NDArray[Any] | Deferred, pool: str | None, mask: Any = None
) -> Sequence[tuple[str, NDArray[Any] | Deferred]]:
    """Representations ``(num_samples, num_features)`` of an array, with what tells them apart.

    What is read later is pooled later; what can be seen of its shape is refused now.

    Parameters
    ----------
    source : str
        What messages call the array.
    array : array or Deferred
        Of two dimensions or more.
    pool : str or None
        One of `POOLS`; None where there is nothing to pool.
    mask : array, "none" or None
        Of `padding.mask_of`: which tokens are real. Without, what looks like padding is refused.

    Raises
    ------
    MethexisError
        If there is something to pool and no word for it, or one that does not fit; if there is
        padding and no mask, or a mask that does not fit.

    Examples
    --------
    >>> tokens = np.arange(12.0).reshape(2, 3, 2)
    >>> pooled("X", tokens, "mean")[0][1].tolist()
    [[2.0, 3.0], [8.0, 9.0]]
    >>> [(name, rows.shape) for name, rows in pooled("X", tokens, "each")]
    [('0', (2, 2)), ('1', (2, 2)), ('2', (2, 2))]
    """
    if array.ndim == 2:
        return [("", array)]
    shape = tuple(array.shape)
    ways = fitting_words(array.ndim)
    if pool is not None:
        one_of("pool", pool, tuple(POOLS))
    if pool not in ways or 0 in shape:
        wanted = "(num_samples, num_features)" if pool is None else f"that pool {pool} is for"
        raise MethexisError(
            f"{source}: expected an array {wanted}, got shape {shape}"
            + ("; say what to do with the other dimensions" if pool is None else "")
            + f"; pool: {', '.join(ways[:-1])} or {ways[-1]}"
        )
    given = mask if array.ndim == 3 else NONE
    if isinstance(given, np.ndarray):
        _goes_with_mask(source, shape, pool, given)
    if not isinstance(array, Deferred):
        return _pooled(source, array, pool, given)
    # What is not to be read has the shape and type that something small of its kind would have.
    small = _pooled(source, np.ones((1, *shape[1:]), array.dtype), pool, NONE)
    made: list[tuple[str, NDArray[Any] | Deferred]] = []
    for place, (part, one) in enumerate(small):

        def change(numbers: NDArray[Any], place: int = place) -> NDArray[Any]:
            return _pooled(source, numbers, pool, given)[place][1]

        dtype = np.float64 if isinstance(given, np.ndarray) and pool == "mean" else one.dtype
        kept = pool == "each"
        made.append((part, array.then((shape[0], *one.shape[1:]), dtype, change, keep=kept)))
    return made


def _pooled(
    source: str, array: NDArray[Any], pool: str | None, mask: Any
) -> list[tuple[str, NDArray[Any]]]:
    """`pooled` of numbers, by a word that fits."""
    if isinstance(mask, np.ndarray):
        return [("", _masked(source, array, pool, mask))]
    if mask is None and pool in _OF_TOKENS:
        refuse_padding(source, array)
    if pool == "flatten":
        return [("", array.reshape(len(array), -1))]
    if pool == "spatial":
        return [("", _mean(array, tuple(range(2, array.ndim))))]
    if pool in {"mean", "spatial_last"}:
        return [("", _mean(array, tuple(range(1, array.ndim - 1))))]
    if pool == "each":
        return [(str(i), array[:, i]) for i in range(array.shape[1])]
    return [("", array[:, 0 if pool == "first" else -1])]


def pool_tokens(array: Any, pool: str = "mean", mask: Any = None) -> NDArray[Any]:
    """One row per sample from tokens ``(num_samples, num_tokens, num_features)``, without padding.

    Parameters
    ----------
    array : array
    pool : {"mean", "first", "last"}
        Of the real tokens.
    mask : array, path or "none", optional
        ``(num_samples, num_tokens)``, 1 for real tokens, or lengths ``(num_samples,)``. Without,
        tokens at an end that look like padding are refused; "none" says that all are real.

    Returns
    -------
    array (num_samples, num_features)

    Raises
    ------
    MethexisError
        On an array of other dimensions, padding without a mask, or a mask that does not fit.

    Examples
    --------
    >>> tokens = np.array([[[1.0], [3.0], [0.0]], [[1.0], [2.0], [6.0]]])
    >>> pool_tokens(tokens, mask=[2, 3]).tolist()
    [[2.0], [3.0]]
    """
    one_of("pool", pool, _WITH_MASK)
    tokens = admitted("array", array)
    if is_tensor(tokens):  # of what NumPy has no type for, the next that has all its numbers
        tokens = tokens.cpu()
        tokens = (tokens.float() if name_of_type(tokens) == "bfloat16" else tokens).numpy()
    if tokens.ndim != 3 or 0 in tokens.shape:
        raise MethexisError(
            "array: expected (num_samples, num_tokens, num_features), got shape "
            f"{tuple(tokens.shape)}"
        )
    rows = np.asarray(pooled("array", tokens, pool, mask_of(mask))[0][1])
    if not np.isfinite(rows).all():
        row, column = (int(k) for k in np.argwhere(~np.isfinite(rows))[0])
        raise MethexisError(
            f"array: expected finite numbers in real tokens, got {rows[row, column]} in sample "
            f"{row}, feature {column}"
        )
    return rows


def fitting_words(dimensions: int) -> list[str]:
    """Which of `POOLS` work for so many dimensions.

    Examples
    --------
    >>> fitting_words(4)
    ['spatial', 'spatial_last', 'flatten']
    """
    tokens = {"mean", "first", "last", "each"}
    return [word for word in POOLS if dimensions == 3 or word not in tokens]


def _goes_with_mask(source: str, shape: tuple[int, ...], pool: str | None, mask: Any) -> None:
    """See that a mask fits the shape, and that the word is one that goes with a mask.

    Raises
    ------
    MethexisError
        If not.
    """
    if pool not in _WITH_MASK:
        raise MethexisError(
            f"mask: expected pool {', '.join(_WITH_MASK[:-1])} or {_WITH_MASK[-1]} with a mask, "
            f"got {pool}"
        )
    real_tokens(source, shape, mask)


def _masked(source: str, array: NDArray[Any], pool: str | None, mask: Any) -> NDArray[Any]:
    """The mean over real tokens, or the first or the last of them."""
    real = real_tokens(source, array.shape, mask)
    if pool == "mean":
        # Padding may hold anything, NaN included: it is left out, not multiplied by zero.
        total = np.sum(array, axis=1, dtype=np.float64, where=real[:, :, None])
        return np.asarray(total / real.sum(axis=1, keepdims=True))
    place = real.argmax(axis=1)
    if pool == "last":
        place = real.shape[1] - 1 - real[:, ::-1].argmax(axis=1)
    return np.asarray(array[np.arange(len(array)), place])


def _mean(array: NDArray[Any], axes: tuple[int, ...]) -> NDArray[Any]:
    return np.asarray(np.mean(array, axis=axes, dtype=np.float64))
