"""Features: the checked rows of one representation, in the library that holds them.

Everything below works through the Python array API, so that arrays of NumPy and PyTorch, on the CPU
or on a GPU, are compared where they live. Input is checked here, once. Nothing is repaired: what is
converted (half precision, integers, float32 to the precision of the computation) is recorded.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import one_of
from methexis.errors import DegenerateWarning, MethexisError

#: An array of any library that follows the array API.
Tensor: TypeAlias = Any
#: The functions of that library.
Namespace: TypeAlias = Any

PRECISIONS = ("float64", "float32")
#: Fewest rows of which a measure with a null can say anything: Song's estimator divides by n - 3.
MIN_SAMPLES = 4
#: Powers of ten of double precision, less what sums over samples and features need.
_DIGITS = 280
#: Largest number of which fourth powers can be summed.
MOST = 10.0 ** (_DIGITS // 4)


@dataclass(frozen=True, eq=False)
class Features:
    """One representation: rows are samples, columns are features.

    Attributes
    ----------
    array : array (num_samples, num_features)
        Finite floating-point numbers, in the library and on the device where they came.
    xp : namespace
        That library's functions, by the names of the array API.
    given : str
        The type of the numbers as they came, such as ``"bfloat16"``.
    name : str
        What messages call it.
    """

    array: Tensor
    xp: Namespace
    given: str
    name: str

    @property
    def num_samples(self) -> int:
        """Number of rows."""
        return int(self.array.shape[0])

    @property
    def num_features(self) -> int:
        """Number of columns."""
        return int(self.array.shape[1])

    def replaced(self, array: Tensor) -> Features:
        """The same with other numbers."""
        return Features(array, self.xp, self.given, self.name)


@dataclass(frozen=True, eq=False)
class Typed:
    """An array whose numbers came in another type than they have now.

    What is rounding in numbers is decided by the type that a file had for them: bfloat16 that was
    widened to float32, or a mean of half precision in double, are as coarse as before.

    Attributes
    ----------
    array : array
    given : str
        The type that they had.
    """

    array: Any
    given: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> Any:
        """The type that they have now."""
        return self.array.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The array for NumPy."""
        return np.array(self.array, dtype=dtype, copy=copy)


class Given(Protocol):
    """What two representations have in common, features or not: `together` asks for no more."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def array(self) -> Tensor:
        """The numbers of the representation, in whatever library holds them."""
        ...

    @property
    def xp(self) -> Namespace:
        """The functions of the library that holds them."""
        ...

    @property
    def num_samples(self) -> int:
        """Number of samples."""
        ...


def features(name: str, value: Any, *, precision: str = "float64") -> Features:
    """Check one representation and bring it to the precision of the computation.

    Parameters
    ----------
    name : str
        What messages call it.
    value : array (num_samples, num_features), or such an array as `Typed`
        Any real numeric array of NumPy or PyTorch, or nested lists.
    precision : {"float64", "float32"}
        Type in which everything is computed. Sums over samples are accumulated in it, so float32
        is for devices without fast double precision.

    Raises
    ------
    MethexisError
        If it has no two dimensions, is not real, has fewer than 4 rows, no column, NaN or infinity
        (with the place), or only constant columns.
    """
    one_of("precision", precision, PRECISIONS)
    came = ""
    if isinstance(value, Typed):
        value, came = value.array, value.given
    array = value if array_api_compat.is_array_api_obj(value) else _listed(name, value)
    xp = array_api_compat.array_namespace(array)
    if array.ndim != 2:
        raise MethexisError(
            f"{name}: expected an array (num_samples, num_features), got shape "
            f"{tuple(array.shape)}" + _advice(array)
        )
    rows, columns = (int(length) for length in array.shape)
    if rows < MIN_SAMPLES or columns == 0:
        raise MethexisError(
            f"{name}: expected at least {MIN_SAMPLES} rows (samples) and one column (feature), got "
            f"shape ({rows}, {columns})"
        )
    given = came or type_name(array.dtype)
    if not xp.isdtype(array.dtype, ("real floating", "integral")):
        raise MethexisError(f"{name}: expected real numbers, got dtype {given}")
    numbers = xp.astype(array, getattr(xp, precision), copy=False)
    _finite(name, numbers, xp)
    if not bool(xp.any(xp.max(numbers, axis=0) > xp.min(numbers, axis=0))):
        raise MethexisError(
            f"{name}: expected features that differ between samples, got {rows} equal rows"
        )
    return Features(numbers, xp, given, name)


def type_name(dtype: Any) -> str:
    """A type in one word, the same for either order of bytes.

    Examples
    --------
    >>> type_name(np.dtype(">f4"))
    'float32'
    """
    return dtype.name if isinstance(dtype, np.dtype) else str(dtype).removeprefix("torch.")


def in_range(given: Features, power: int) -> None:
    """See that sums of a power of the features are numbers of double precision.

    Raises
    ------
    MethexisError
        If they would overflow, or vanish.
    """
    largest = float(given.xp.max(given.xp.abs(given.array)))
    most = 10.0 ** (_DIGITS // power)
    if not 1.0 / most < largest < most:
        raise MethexisError(
            f"{given.name}: expected numbers of which the largest is between {1.0 / most:g} and "
            f"{most:g}, so that their powers can be summed, got {largest:.3g}; change the unit"
        )


def pair(
    x: Any, y: Any, *, precision: str = "float64", names: tuple[str, str] = ("X", "Y")
) -> tuple[Features, Features]:
    """Check two representations of the same samples, row by row; messages call them by `names`.

    Raises
    ------
    MethexisError
        If either is refused by `features`, the rows are not as many, or the arrays live in
        different libraries or on different devices.
    """
    first, second = (
        features(n, v, precision=precision) for n, v in zip(names, (x, y), strict=True)
    )
    together(first, second)
    return first, second


def together(first: Given, second: Given) -> None:
    """See that two representations can be compared.

    Raises
    ------
    MethexisError
        If not: unpaired rows, other libraries, other devices.
    """
    if first.num_samples != second.num_samples:
        raise MethexisError(
            f"{first.name}, {second.name}: expected paired rows, the same samples in the same "
            f"order, got {first.num_samples} and {second.num_samples} rows"
        )
    if first.xp is not second.xp:
        one, two = (type(f.array).__module__.split(".")[0] for f in (first, second))
        raise MethexisError(
            f"{first.name}, {second.name}: expected arrays of one library, got {one} and {two}; "
            "convert one of them"
        )
    one, two = (array_api_compat.device(f.array) for f in (first, second))
    if one != two:
        raise MethexisError(
            f"{first.name}, {second.name}: expected arrays on one device, got {one} and {two}; "
            "move one of them"
        )


def to_numpy(array: Tensor) -> NDArray[Any]:
    """An array as one of NumPy, copied from the device where it lives if need be."""
    if array_api_compat.is_torch_array(array):
        array = array.detach().cpu()
    return np.asarray(array)


def warn(message: str) -> None:
    """Warn, at the line of the user's call, that a score means little as things are."""
    frame, depth = sys._getframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("methexis."):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(message, DegenerateWarning, stacklevel=depth)


def _listed(name: str, value: Any) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise MethexisError(f"{name}: expected an array, got {error}") from None
    if array.dtype.kind not in "fiu":
        raise MethexisError(
            f"{name}: expected a real array (num_samples, num_features), got "
            f"{type(value).__name__} of dtype {array.dtype}"
        )
    return array


def _advice(array: Tensor) -> str:
    if array.ndim == 3:
        return (
            "; average over the middle dimension (tokens), or take one of them: "
            "representations.pool_tokens does, and leaves padding out by a mask"
        )
    if array.ndim == 4:
        return "; average over height and width, or flatten them into features"
    return ""


def _finite(name: str, array: Tensor, xp: Namespace) -> None:
    finite = xp.isfinite(array)
    if bool(xp.all(finite)):
        return
    bad = np.argwhere(~to_numpy(finite))
    row, column = (int(i) for i in bad[0])
    rows = len(np.unique(bad[:, 0]))
    raise MethexisError(
        f"{name}: expected finite numbers, got {float(array[row, column])} in row {row}, column "
        f"{column} ({len(bad)} bad numbers in {rows} of {array.shape[0]} rows); leave out those "
        "rows in both representations"
    )
