"""Checks of input at the public boundary, and the errors they raise.

Every message is one sentence that says what was expected and what came. Nothing is repaired: an
array with a NaN, an asymmetric covariance or a wrong shape is refused, never patched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from methexis.errors import ConditionError, MethexisError

__all__ = [
    "RANK_TOLERANCE",
    "SYMMETRY_TOLERANCE",
    "Array",
    "ConditionError",
    "MethexisError",
    "Weights",
    "boolean",
    "covariance",
    "hidden_widths",
    "integer",
    "number",
    "one_of",
    "read_only",
    "real_array",
    "weight_list",
]

Array = NDArray[np.float64]
Weights = Sequence[Array]

#: Relative tolerance below which a singular value counts as zero (double precision, small sizes).
RANK_TOLERANCE = 1e-10
#: A matrix that was meant to be symmetric is off by rounding of the sums it was made of, not more.
SYMMETRY_TOLERANCE = 1e-10


def real_array(name: str, value: ArrayLike, shape: Sequence[int | None]) -> Array:
    """Return a read-only float64 copy of ``value`` after checking its shape and finiteness.

    ``None`` in ``shape`` accepts any positive length.

    Raises
    ------
    MethexisError
        If ``value`` is not a real numeric array of that shape, is empty, or holds NaN or infinity.
    """
    expected = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
    try:
        raw = np.asarray(value)
    except ValueError as error:  # ragged nested lists
        raise MethexisError(f"{name}: expected an array of shape {expected}, got {error}") from None
    if raw.dtype.kind not in "fiu":
        raise MethexisError(f"{name}: expected real numbers, got dtype {raw.dtype}")
    if raw.ndim != len(shape) or any(
        n is not None and n != m for n, m in zip(shape, raw.shape, strict=True)
    ):
        raise MethexisError(f"{name}: expected shape {expected}, got {raw.shape}")
    if raw.size == 0:
        raise MethexisError(f"{name}: expected at least one entry, got shape {raw.shape}")
    array = np.array(raw, dtype=np.float64)
    bad = ~np.isfinite(array)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise MethexisError(
            f"{name}: expected finite numbers, got {array[where]} at index {where} "
            f"({int(bad.sum())} bad of {array.size})"
        )
    return read_only(array)


def read_only(array: Array) -> Array:
    """Return ``array`` itself, no longer writeable: what specifications hold does not change."""
    array.flags.writeable = False
    return array


def covariance(name: str, value: ArrayLike, dim: int) -> Array:
    """Return a checked ``(dim, dim)`` symmetric positive semi-definite matrix.

    Raises
    ------
    MethexisError
        If it is not symmetric to 1e-10 relative, or has an eigenvalue below -1e-10 of the largest.
    """
    matrix = real_array(name, value, (dim, dim))
    scale = float(np.abs(matrix).max())
    skew = float(np.abs(matrix - matrix.T).max())
    if skew > SYMMETRY_TOLERANCE * scale:
        raise MethexisError(
            f"{name}: expected a symmetric matrix, got |A - A^T| up to {skew:.3g} "
            f"where |A| is up to {scale:.3g}"
        )
    lowest = float(np.linalg.eigvalsh(matrix)[0])
    if lowest < -SYMMETRY_TOLERANCE * scale:
        raise MethexisError(
            f"{name}: expected no negative eigenvalue (a covariance), got {lowest:.3g}"
        )
    return matrix


def boolean(name: str, value: Any) -> bool:
    """Return ``value`` as a bool, if it is one; a word such as "no" would count as true.

    Raises
    ------
    MethexisError
        If it is neither True nor False.
    """
    if not isinstance(value, bool | np.bool):
        raise MethexisError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def integer(name: str, value: Any, *, least: int, most: int | None = None) -> int:
    """Return ``value`` as an int after checking its range.

    Raises
    ------
    MethexisError
        If ``value`` is not an integer, or outside ``[least, most]``.
    """
    allowed = f"an integer >= {least}" if most is None else f"an integer in [{least}, {most}]"
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise MethexisError(f"{name}: expected {allowed}, got {value!r}")
    if value < least or (most is not None and value > most):
        raise MethexisError(f"{name}: expected {allowed}, got {value}")
    return int(value)


def number(
    name: str, value: Any, *, least: float = -np.inf, above: float = -np.inf, below: float = np.inf
) -> float:
    """Return ``value`` as a finite float with ``value >= least``, ``> above`` and ``< below``.

    Raises
    ------
    MethexisError
        If ``value`` is not a finite real number in that range.
    """
    bounds = [
        text
        for text, active in (
            (f">= {least:g}", np.isfinite(least)),
            (f"> {above:g}", np.isfinite(above)),
            (f"< {below:g}", np.isfinite(below)),
        )
        if active
    ]
    allowed = " ".join(["a finite number", " and ".join(bounds)]).strip()
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise MethexisError(f"{name}: expected {allowed}, got {value!r}")
    result = float(value)
    if not np.isfinite(result) or result < least or result <= above or result >= below:
        raise MethexisError(f"{name}: expected {allowed}, got {result:g}")
    return result


def one_of(name: str, value: Any, allowed: Sequence[str]) -> str:
    """Return ``value`` if it is one of the ``allowed`` words.

    Raises
    ------
    MethexisError
        If it is not.
    """
    if value not in allowed:
        words = ", ".join(repr(word) for word in allowed)
        raise MethexisError(f"{name}: expected one of {words}, got {value!r}")
    return str(value)


def hidden_widths(hidden: Sequence[int]) -> tuple[int, ...]:
    """Return the widths of a student's hidden layers, at least one.

    Raises
    ------
    MethexisError
        If there is none, or a width is no integer >= 1.
    """
    try:
        given = tuple(hidden)
    except TypeError:
        raise MethexisError(f"hidden: expected a sequence of widths, got {hidden!r}") from None
    widths = tuple(integer(f"hidden[{i}]", w, least=1) for i, w in enumerate(given))
    if not widths:
        raise MethexisError("hidden: expected at least one hidden layer (depth >= 2), got none")
    return widths


def weight_list(weights: Sequence[ArrayLike], dims: Sequence[int]) -> list[Array]:
    """Return the layers of one student as float64 arrays ``(..., d_i, d_{i-1})``.

    Leading dimensions (replicas) are free but equal in all layers. Non-finite entries are let
    through: a diverged replica is marked, not refused.

    Raises
    ------
    MethexisError
        If the number of layers or a shape is wrong.
    """
    if not isinstance(weights, list | tuple):
        raise MethexisError(f"weights: expected a list of arrays, got {type(weights).__name__}")
    if len(weights) != len(dims) - 1:
        raise MethexisError(f"weights: expected {len(dims) - 1} layers, got {len(weights)}")
    arrays = [np.asarray(w, dtype=np.float64) for w in weights]
    for i, array in enumerate(arrays, start=1):
        want = (dims[i], dims[i - 1])
        if array.ndim < 2 or array.shape[-2:] != want:
            raise MethexisError(
                f"weights[{i - 1}]: expected shape (..., {want[0]}, {want[1]}), got {array.shape}"
            )
        if array.shape[:-2] != arrays[0].shape[:-2]:
            raise MethexisError(
                f"weights[{i - 1}]: expected leading dimensions {arrays[0].shape[:-2]} "
                f"as in the first layer, got {array.shape[:-2]}"
            )
    return arrays
