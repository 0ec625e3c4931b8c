"""What sound input may still run into, and how public functions of weights say it.

Products of many layers leave the range of double precision long before the layers do; a Hessian of
zero gives a decomposition nothing to start from. Libraries then raise errors of their own, or hand
on a NaN. Public functions therefore compute within `computed`, which makes a sentence of such an
error, and answer through `of_replicas`, which knows where a NaN means something: in the row of a
replica that was lost before it came here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackError

from methexis.core.checks import Array
from methexis.errors import MethexisError

Answer = TypeVar("Answer", bound=Array | list[Array])

#: What SciPy says in a plain ValueError of numbers that overflowed on the way.
_NOT_FINITE = "infs or NaNs"


@contextmanager
def computed(name: str) -> Iterator[None]:
    """Turn what numerical libraries raise into a sentence; ``name`` says of what.

    Raises
    ------
    MethexisError
        If a decomposition fails or a number is out of range.
    """
    try:
        with np.errstate(all="ignore"):  # the answer is looked at
            yield
    except (np.linalg.LinAlgError, ArpackError, ArithmeticError) as error:
        raise _refusal(name, error) from error
    except ValueError as error:
        if isinstance(error, MethexisError) or _NOT_FINITE not in str(error):
            raise
        raise _refusal(name, error) from error


def of_replicas(
    name: str,
    weights: Sequence[Array],
    function: Callable[[list[Array]], Answer],
    *,
    undefined: str = "",
) -> Answer:
    """What ``function`` says of each replica: NaN of those that were lost, numbers of all others.

    Parameters
    ----------
    name : str
        What messages call it.
    weights : list of arrays (..., d_i, d_{i-1})
        Weights as `checks.weight_list` gives them.
    function : callable
        Maps layers to an array, or to one per layer, with the leading dimensions of the weights.
    undefined : str
        In which cases the answer to sound weights is undefined, for the message.

    Raises
    ------
    MethexisError
        If all replicas are lost, or the answer for one that is not is no number.
    """
    alive = finite_replicas(weights)
    layers = list(weights)
    if not alive.all():
        if not alive.any():
            raise MethexisError(
                f"{name}: expected at least one replica with finite weights, got {alive.size}, all "
                "of them lost"
            )
        first = np.unravel_index(int(np.argmax(alive)), alive.shape)
        layers = [np.where(alive[..., None, None], w, w[first]) for w in layers]
    with computed(name):
        answer = function(layers)
    parts: list[Array] = list(answer) if isinstance(answer, list) else [answer]
    for k, part in enumerate(parts):
        require_finite(name, part, layers, undefined)
        if not alive.all():
            matched = alive.reshape(*alive.shape, *(1,) * (part.ndim - alive.ndim))
            parts[k] = np.where(matched, part, np.nan)
    return cast("Answer", parts if isinstance(answer, list) else parts[0])


def finite_replicas(weights: Sequence[Array]) -> NDArray[np.bool_]:
    """Which replicas have finite weights, over the leading dimensions."""
    finite_layers = [np.isfinite(w).all(axis=(-2, -1)) for w in weights]
    return np.asarray(np.logical_and.reduce(finite_layers))


def require_finite(name: str, answer: Array, given: Sequence[Array], undefined: str = "") -> None:
    """See that an answer consists of numbers.

    Raises
    ------
    MethexisError
        If not: what was given, or what was made of it on the way, is out of range.
    """
    bad = ~np.isfinite(answer)
    if bad.any():
        largest = max(float(np.abs(g).max(initial=0.0)) for g in given)
        reason = f", or {undefined}" if undefined else ""
        raise MethexisError(
            f"{name}: expected numbers of which double precision holds all products, got "
            f"{int(bad.sum())} of {bad.size} that are not finite, from input up to {largest:.3g}; "
            f"change the units{reason}"
        )


def _refusal(name: str, error: Exception) -> MethexisError:
    text = " ".join(str(error).split()).rstrip(".")
    return MethexisError(
        f"{name}: expected numbers that double precision takes through all steps, got "
        f"{type(error).__name__} ({text}); look for entries that are very large, very small or all "
        "zero"
    )
