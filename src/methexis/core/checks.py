"""Checks of input at the public boundary, and the errors they raise.

Every message is one sentence that says what was expected and what came. Nothing is repaired: an
array with a NaN, an asymmetric covariance or a wrong shape is refused, never patched. What an array
is, and whose, is judged in `core.outside.foreign`, through which all of them come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from methexis.core.outside.foreign import doubles
from methexis.errors import ConditionError, MethexisError

__all__ = [
    "RANK_TOLERANCE",
    "SYMMETRY_TOLERANCE",
    "Array",
    "ConditionError",
    "MethexisError",
    "Weights",
    "array_list",
    "boolean",
    "count",
    "covariance",
    "covariances",
    "finite",
    "hidden_widths",
    "integer",
    "location",
    "number",
    "one_of",
    "read_only",
    "real_array",
    "require_replicas",
    "sequence",
    "shown",
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
    array = doubles(name, value)
    if array.ndim != len(shape) or any(
        n is not None and n != m for n, m in zip(shape, array.shape, strict=True)
    ):
        raise MethexisError(f"{name}: expected shape {expected}, got {array.shape}")
    if array.size == 0:
        raise MethexisError(f"{name}: expected at least one entry, got shape {array.shape}")
    return read_only(finite(name, array))


def finite(name: str, array: Array) -> Array:
    """Return ``array`` itself, if all its entries are finite.

    Raises
    ------
    MethexisError
        If one is not, with its place.
    """
    bad = ~np.isfinite(array)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise MethexisError(
            f"{name}: expected finite numbers, got {array[where]} at index {where} "
            f"({int(bad.sum())} bad of {array.size})"
        )
    return array


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
        raise MethexisError(f"{name}: expected True or False, got {shown(value)}")
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
        raise MethexisError(f"{name}: expected {allowed}, got {shown(value)}")
    if value < least or (most is not None and value > most):
        raise MethexisError(f"{name}: expected {allowed}, got {shown(int(value))}")
    return int(value)


#: More samples, features, steps of a search than anybody has memory for.
MOST_COUNT = 10**9


def count(name: str, value: Any, *, least: int, most: int = MOST_COUNT) -> int:
    """Return a number of things that will be made, as an int.

    Raises
    ------
    MethexisError
        If ``value`` is not an integer, below ``least``, or above ``most``: beyond all memory.
    """
    counted = integer(name, value, least=least)
    if counted > most:
        raise MethexisError(
            f"{name}: expected an integer in [{least}, {most}], got {shown(counted)}"
        )
    return counted


def sequence(name: str, value: Any, what: str) -> list[Any]:
    """Return the members of a sequence.

    Raises
    ------
    MethexisError
        If ``value`` is a word, a mapping or nothing that has members; ``what`` says what they are.
    """
    if isinstance(value, str | bytes | Mapping | type):
        raise MethexisError(f"{name}: expected a sequence of {what}, got {shown(value)}")
    try:
        return list(value)
    except TypeError:
        raise MethexisError(f"{name}: expected a sequence of {what}, got {shown(value)}") from None


def location(name: str, value: Any, what: str = "a path") -> Path:
    """Return ``value`` as a path; ``what`` is expected there.

    Raises
    ------
    MethexisError
        If it is neither a word nor a path, or holds what no path can hold.
    """
    if not isinstance(value, str | PathLike) or isinstance(fspath(value), bytes):
        raise MethexisError(f"{name}: expected {what}, got {shown(value)}")
    if "\0" in fspath(value):
        raise MethexisError(f"{name}: expected {what}, got {shown(value)}, which holds a NUL")
    return Path(value)


def shown(value: Any) -> str:
    """A value for a message: cut where it is long."""
    try:
        text = repr(value)
    except ValueError:  # an integer of too many digits to be written
        return "an integer of very many digits"
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."


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
        raise MethexisError(f"{name}: expected {allowed}, got {shown(value)}")
    try:
        result = float(value)
    except OverflowError:  # an int beyond the range of double precision
        result = np.inf
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
    if not isinstance(value, str) or value not in allowed:
        words = ", ".join(repr(word) for word in allowed)
        raise MethexisError(f"{name}: expected one of {words}, got {shown(value)}")
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
        raise MethexisError(f"hidden: expected a sequence of widths, got {shown(hidden)}") from None
    widths = tuple(integer(f"hidden[{i}]", w, least=1) for i, w in enumerate(given))
    if not widths:
        raise MethexisError("hidden: expected at least one hidden layer (depth >= 2), got none")
    return widths


def array_list(name: str, arrays: Sequence[ArrayLike]) -> list[Array]:
    """Return matrices ``(..., rows, columns)`` as float64 arrays; entries need not be finite.

    Raises
    ------
    MethexisError
        If this is not a list of arrays of that shape, or it is empty.
    """
    if not isinstance(arrays, list | tuple) or not arrays:
        got = "an empty one" if isinstance(arrays, list | tuple) else type(arrays).__name__
        raise MethexisError(f"{name}: expected a list of arrays, got {got}")
    matrices = [doubles(f"{name}[{i}]", a) for i, a in enumerate(arrays)]
    for i, array in enumerate(matrices):
        if array.ndim < 2 or array.size == 0:
            raise MethexisError(
                f"{name}[{i}]: expected shape (..., rows, columns), none of them zero, got "
                f"{array.shape}"
            )
    return matrices


def require_replicas(name: str, array: Array, first: Array) -> None:
    """See that the leading dimensions of two stacks of matrices broadcast.

    Raises
    ------
    MethexisError
        If they do not.
    """
    try:
        np.broadcast_shapes(array.shape[:-2], first.shape[:-2])
    except ValueError:
        raise MethexisError(
            f"{name}: expected leading dimensions that fit {first.shape[:-2]}, got "
            f"{array.shape[:-2]}"
        ) from None


def covariances(name: str, value: ArrayLike) -> Array:
    """Return a stack ``(..., d, d)`` of symmetric positive semi-definite matrices, checked.

    Raises
    ------
    MethexisError
        If it is not square, not finite, or one is not symmetric or has a negative eigenvalue, to
        1e-10 of its largest entry.
    """
    stack = finite(name, array_list(name, [value])[0])
    if stack.shape[-1] != stack.shape[-2]:
        raise MethexisError(f"{name}: expected square matrices (..., d, d), got {stack.shape}")
    for matrix in stack.reshape(-1, *stack.shape[-2:]):
        covariance(name, matrix, len(matrix))
    return stack


def weight_list(weights: Sequence[ArrayLike], dims: Sequence[int]) -> list[Array]:
    """Return the layers of one student as float64 arrays ``(..., d_i, d_{i-1})``.

    Leading dimensions (replicas) are free but equal in all layers. A replica that diverged is
    marked by entries that are not finite, and let through; one set of weights, without leading
    dimensions, has none to mark.

    Raises
    ------
    MethexisError
        If the number of layers or a shape is wrong, or one set of weights is not finite.
    """
    if not isinstance(weights, list | tuple):
        raise MethexisError(f"weights: expected a list of arrays, got {type(weights).__name__}")
    if len(weights) != len(dims) - 1:
        raise MethexisError(f"weights: expected {len(dims) - 1} layers, got {len(weights)}")
    arrays = [doubles(f"weights[{i}]", w) for i, w in enumerate(weights)]
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
        if array.size == 0:
            raise MethexisError(
                f"weights[{i - 1}]: expected at least one replica, got shape {array.shape}"
            )
        if array.ndim == 2:
            finite(f"weights[{i - 1}]", array)
    return arrays
