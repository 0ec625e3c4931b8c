"""Which tokens of a sample are real: a mask, lengths, or what looks like padding.

Texts differ in length, and arrays do not: what is behind the end of a short one is padding. A mean
over all tokens takes it in, and two models that pad alike then seem aligned, or two that agree seem
not to. A mask says which tokens are real. Without one, tokens at an end of a sample that are zero,
or equal to the one beside them, to the bit, are taken for padding, and refused: no real network
gives two positions the same numbers. Padding that went through a network is neither zero nor
constant, and nothing but a mask tells it from text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.errors import MethexisError
from methexis.representations.readers.guarding import guarded, place

#: The word that says that all tokens are real.
NONE = "none"

Mask = NDArray[np.bool_]


def mask_of(given: Any) -> Mask | NDArray[np.int64] | str | None:
    """A mask from what a user gives, checked for itself.

    Parameters
    ----------
    given : array, path, "none" or None
        ``(num_samples, num_tokens)``, 1 or True for real tokens; or ``(num_samples,)``, how many
        tokens from the first on are real; or a ``.npy`` file with either. "none" says that all are.

    Raises
    ------
    MethexisError
        If it is none of these.

    Examples
    --------
    >>> mask_of([[1, 1, 0]])
    array([[ True,  True, False]])
    >>> mask_of([3, 2])
    array([3, 2])
    """
    if given is None or (isinstance(given, str) and given == NONE):
        return given
    if isinstance(given, str | Path):
        path = Path(given)
        with guarded(place(path), "a .npy file with a mask"):
            given = np.load(path, allow_pickle=False)
    try:
        array = np.asarray(given)
    except (TypeError, ValueError) as error:
        raise MethexisError(f"mask: expected an array, got {error}") from None
    if array.size == 0:
        raise MethexisError("mask: expected numbers for each sample, got none")
    if array.dtype.kind not in "biuf" or array.ndim not in {1, 2}:
        raise MethexisError(
            "mask: expected numbers (num_samples, num_tokens), 1 for real tokens, or lengths "
            f"(num_samples,), got dtype {array.dtype} and shape {array.shape}"
        )
    if array.ndim == 1:
        if array.dtype.kind == "f" and not (array == np.round(array)).all():
            raise MethexisError("mask: expected whole numbers of tokens as lengths, got fractions")
        return np.asarray(array, dtype=np.int64)
    if not ((array == 0) | (array == 1)).all():
        bad = array[(array != 0) & (array != 1)][0]
        raise MethexisError(f"mask: expected 0 or 1, or True or False, for each token, got {bad}")
    return np.asarray(array, dtype=bool)


def real_tokens(source: str, shape: tuple[int, ...], mask: Mask | NDArray[np.int64]) -> Mask:
    """The mask of an array ``(num_samples, num_tokens, num_features)``.

    Raises
    ------
    MethexisError
        If it is of other samples or tokens, or leaves a sample without tokens.
    """
    samples, tokens = shape[:2]
    if mask.ndim == 1:
        if mask.shape != (samples,):
            raise MethexisError(
                f"mask: expected lengths of the {samples} samples of {source}, got {len(mask)}"
            )
        if mask.max() > tokens:
            raise MethexisError(
                f"mask: expected lengths of at most {tokens} tokens, as in {source}, got "
                f"{int(mask.max())} for sample {int(mask.argmax())}"
            )
        mask = np.arange(tokens) < mask[:, None]
    if mask.shape != (samples, tokens):
        raise MethexisError(
            f"mask: expected shape ({samples}, {tokens}), samples and tokens of {source}, got "
            f"{mask.shape}"
        )
    empty = np.flatnonzero(~mask.any(axis=1))
    if len(empty):
        raise MethexisError(
            f"mask: expected at least one real token in each sample, got none in sample "
            f"{int(empty[0])} ({len(empty)} such); leave those samples out"
        )
    return np.asarray(mask, dtype=bool)


def refuse_padding(source: str, array: NDArray[Any]) -> None:
    """See that no sample ends, or begins, with what looks like padding.

    Raises
    ------
    MethexisError
        If one does, with how to go on.
    """
    if array.shape[1] < 2:
        return
    for end, step, words in ((-1, -1, "tail"), (0, 1, "leading")):
        outer, inner = np.asarray(array[:, end]), np.asarray(array[:, end + step])
        zero = (outer == 0).all(axis=1)
        padded = zero | (outer == inner).all(axis=1)
        if not padded.any():
            continue
        which = int(np.flatnonzero(padded)[0])
        tokens = np.asarray(array[which])[::step]
        length = int(np.cumprod((tokens == tokens[0]).all(axis=1)).sum())
        kind = "zero" if zero[which] else "constant"
        raise MethexisError(
            f"{source}: expected real tokens, got {kind} {words} tokens in {int(padded.sum())} of "
            f"{len(array)} samples (the first is sample {which}, with {length} of "
            f"{array.shape[1]}), which look like padding and would enter the features; give a mask "
            "(1 for real tokens, or lengths; --mask FILE), or mask 'none' if they are real"
        )
