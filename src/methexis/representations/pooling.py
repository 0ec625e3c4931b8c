"""From arrays with more than two dimensions to representations: asked for, never guessed.

A network with tokens gives ``(num_samples, tokens, features)``. What stands for a sample then is a
choice that changes every score: the mean over tokens, the first one (as for classification tokens),
the last one (as for causal language models), each of them as a representation of its own (so are
the layers in the files of the literature on the Platonic representation hypothesis), or all of them
side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import one_of
from methexis.errors import MethexisError

#: What to do with middle dimensions, in words.
POOLS = {
    "mean": "mean over the middle dimension (tokens)",
    "first": "first along the middle dimension",
    "last": "last along the middle dimension",
    "each": "each position of the middle dimension is a layer",
    "flatten": "all dimensions but the first are features",
}


def pooled(source: str, array: NDArray[Any], pool: str | None) -> list[tuple[str, NDArray[Any]]]:
    """Representations ``(num_samples, num_features)`` of an array, with what tells them apart.

    Parameters
    ----------
    source : str
        What messages call the array.
    array : array
        Of two dimensions or more.
    pool : str or None
        One of `POOLS`; None where there is nothing to pool.

    Raises
    ------
    MethexisError
        If there is something to pool and no word for it, or one that does not fit.

    Examples
    --------
    >>> tokens = np.arange(12.0).reshape(2, 3, 2)
    >>> pooled("X", tokens, "mean")[0][1].tolist()
    [[2.0, 3.0], [8.0, 9.0]]
    >>> [(name, found.shape) for name, found in pooled("X", tokens, "each")]
    [('0', (2, 2)), ('1', (2, 2)), ('2', (2, 2))]
    """
    if array.ndim == 2:
        return [("", array)]
    shape = tuple(array.shape)
    if pool is None:
        raise MethexisError(
            f"{source}: expected an array (num_samples, num_features), got shape {shape}; say what "
            f"to do with the other dimensions: --pool {', '.join(list(POOLS)[:-1])} or flatten"
        )
    one_of("pool", pool, tuple(POOLS))
    if pool == "flatten":
        return [("", array.reshape(len(array), -1))]
    if array.ndim != 3 or array.shape[1] == 0:
        raise MethexisError(
            f"{source}: expected shape (num_samples, tokens, features) for --pool {pool}, got "
            f"{shape}; --pool flatten takes all dimensions but the first as features"
        )
    if pool == "mean":
        return [("", np.asarray(np.mean(array, axis=1, dtype=np.float64)))]
    if pool == "each":
        return [(str(i), array[:, i]) for i in range(array.shape[1])]
    return [("", array[:, 0 if pool == "first" else -1])]
