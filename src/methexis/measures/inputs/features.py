"""Features: the checked rows of one representation, in the library that holds them.

Everything below works through the Python array API, so that arrays of NumPy and PyTorch, on the CPU
or on a GPU, are compared where they live. Input is checked here, once. Nothing is repaired: what is
converted (half precision, integers, float32 to the precision of the computation) is recorded.

Numbers may be so large or so small that their squares and fourth powers leave the range of their
type. Most measures do not see a common factor of all features: for these, such numbers are
multiplied by a power of two that brings the largest near one. That is exact, and where powers were
in range it changes no bit of a score. Other measures refuse them, by the limits of the type.
"""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import one_of
from methexis.core.outside.foreign import admitted, is_tensor, name_of_type, type_name
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures.inputs.mistaken import refuse_dissimilarities, rounding_of

#: An array of any library that follows the array API.
Tensor: TypeAlias = Any
#: The functions of that library.
Namespace: TypeAlias = Any

PRECISIONS = ("float64", "float32")
#: Fewest rows of which a measure with a null can say anything: Song's estimator divides by n - 3.
MIN_SAMPLES = 4
#: Powers of ten of a type, less what sums over samples and features need.
_DIGITS = {"float64": 280, "float32": 32}
#: Largest number of which fourth powers can be summed in double precision.
MOST = 10.0 ** (_DIGITS["float64"] // 4)


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
    exponent : int
        The array is what was given times ``2**-exponent``; 0 unless that was asked for.
    """

    array: Tensor
    xp: Namespace
    given: str
    name: str
    exponent: int = 0

    @property
    def num_samples(self) -> int:
        """Number of samples, which are the rows."""
        return int(self.array.shape[0])

    @property
    def num_features(self) -> int:
        """Number of features, which are the columns."""
        return int(self.array.shape[1])

    def replaced(self, array: Tensor) -> Features:
        """The same representation with other numbers."""
        return replace(self, array=array)


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
        """The shape of the array."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> Any:
        """The type that the numbers have now."""
        return self.array.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The array for NumPy."""
        return np.array(self.array, dtype=dtype, copy=copy)


class Given(Protocol):
    """What two representations have in common, features or not: `together` asks for no more."""

    @property
    def name(self) -> str:
        """The name by which messages call the representation."""
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
        """Number of samples of the representation."""
        ...


def features(
    name: str, value: Any, *, precision: str = "float64", scaled: bool = False
) -> Features:
    """Check one representation and bring it to the precision of the computation.

    Parameters
    ----------
    name : str
        What messages call it.
    value : array (num_samples, num_features), or such an array as `Typed`
        Any real numeric array of NumPy or PyTorch, a table of numbers, or nested lists; see
        `core.outside.foreign` for what is taken and what is refused.
    precision : {"float64", "float32"}
        Type in which everything is computed. Sums over samples are accumulated in it, so float32
        is for devices without fast double precision.
    scaled : bool
        Whether numbers whose fourth powers that type does not hold may be multiplied by a power of
        two, because nobody will see it.

    Raises
    ------
    MethexisError
        If it is no array of real numbers (`core.outside.foreign.admitted`), has no two dimensions,
        fewer than 4 rows, no column, NaN or infinity (with the place), or only constant columns, is
        an RDM (`mistaken`), or is beyond the range of the precision.
    """
    one_of("precision", precision, PRECISIONS)
    came = ""
    if isinstance(value, Typed):
        value, came = value.array, value.given
    array = entered(name, value)
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
    wide = array if array.dtype == xp.float64 else xp.astype(array, getattr(xp, precision))
    _finite(name, wide, xp)
    refuse_dissimilarities(name, wide, rounding_of(array))
    numbers, exponent = in_precision(name, wide, precision, scaled=scaled)
    if not bool(xp.any(xp.max(numbers, axis=0) > xp.min(numbers, axis=0))):
        raise MethexisError(
            f"{name}: expected features that differ between samples, got {rows} equal rows"
        )
    given = came or name_of_type(value) or type_name(array.dtype)
    return Features(numbers, xp, given, name, exponent)


def in_precision(name: str, wide: Tensor, precision: str, *, scaled: bool) -> tuple[Tensor, int]:
    """Finite numbers in the type of the computation, and the power of two that was taken out.

    Raises
    ------
    MethexisError
        If that type does not hold them, and none may be taken out.
    """
    xp = array_api_compat.array_namespace(wide)
    largest = max(abs(float(xp.max(wide))), abs(float(xp.min(wide))))
    most, exponent = _most(precision, 4), 0
    if largest > 0.0 and scaled and not 1.0 / most <= largest <= most:
        exponent = math.frexp(largest)[1]
        wide = times_power_of_two(wide, -exponent)
    elif largest > 0.0 and precision == "float32":
        _in_float32(name, largest)
    return xp.astype(wide, getattr(xp, precision), copy=False), exponent


def entered(name: str, value: Any) -> Tensor:
    """An array of real numbers, in the library where it lives, of whatever shape.

    Raises
    ------
    MethexisError
        If it is not an array, or cannot be taken whole (`core.outside.foreign.admitted`).
    """
    foreign = (
        array_api_compat.is_array_api_obj(value)
        and not isinstance(value, np.ndarray | np.generic)
        and not is_tensor(value)
    )
    if not foreign:
        return admitted(name, value)
    xp = array_api_compat.array_namespace(value)
    if not xp.isdtype(value.dtype, ("real floating", "integral")):
        raise MethexisError(f"{name}: expected real numbers, got dtype {value.dtype}")
    return value


def times_power_of_two(array: Tensor, exponent: int) -> Tensor:
    """An array times ``2**exponent``, which is exact; in two steps, as one factor may overflow."""
    first = exponent // 2
    return array * 2.0**first * 2.0 ** (exponent - first)


def in_range(given: Features, power: int) -> None:
    """See that sums of a power of the features are numbers of their type.

    Raises
    ------
    MethexisError
        If they would overflow, or vanish.
    """
    largest = float(given.xp.max(given.xp.abs(given.array)))
    precision = str(given.array.dtype).removeprefix("torch.")
    most = _most(precision, power)
    if not 1.0 / most < largest < most:
        raise MethexisError(
            f"{given.name}: expected numbers of which the largest is between {1.0 / most:g} and "
            f"{most:g}, so that their powers can be summed in {precision}, got {largest:.3g}; "
            "change the unit"
        )


def _most(precision: str, power: int) -> float:
    """The largest number whose power of that degree can be summed."""
    return 10.0 ** (_DIGITS[precision] // power)


def _in_float32(name: str, largest: float) -> None:
    least, most = (float(limit) for limit in (np.finfo("f4").tiny, np.finfo("f4").max))
    if not least <= largest <= most:
        raise MethexisError(
            f"{name}: expected numbers of which the largest is between {least:.3g} and "
            f"{most:.3g}, the range of float32, got {largest:.3g}; change the unit, or take "
            "precision='float64'"
        )


def pair(
    x: Any,
    y: Any,
    *,
    precision: str = "float64",
    scaled: bool = False,
    names: tuple[str, str] = ("X", "Y"),
) -> tuple[Features, Features]:
    """Check two representations of the same samples, row by row; messages call them by `names`.

    Raises
    ------
    MethexisError
        If either is refused by `features`, the rows are not as many, or the arrays live on
        different devices.
    """
    first, second = (
        features(n, v, precision=precision, scaled=scaled)
        for n, v in zip(names, (x, y), strict=True)
    )
    first, second = met(first, second)
    together(first, second)
    return first, second


def met(first: Features, second: Features) -> tuple[Features, Features]:
    """Bring both into one library: what is NumPy's goes to the device where the other lives."""
    if array_api_compat.is_numpy_array(first.array):
        return beside(first, second.array), second
    return first, beside(second, first.array)


def beside(given: Features, home: Tensor) -> Features:
    """The features in the library, and on the device, of an array of another library.

    What is of the same library stays where it is.
    """
    xp = array_api_compat.array_namespace(home)
    if xp is given.xp:
        return given
    rows = np.array(to_numpy(given.array))  # a copy, which may be written to
    return replace(given, array=xp.asarray(rows, device=array_api_compat.device(home)), xp=xp)


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


def refuse_rows(given: Features, bad: Tensor, expected: str) -> None:
    """Refuse rows for a reason, with how many there are and which, and what can be done.

    Raises
    ------
    MethexisError
        If any is bad; ``expected`` says what was expected and what came.
    """
    if not bool(given.xp.any(bad)):
        return
    rows = np.flatnonzero(to_numpy(bad))
    named = ", ".join(str(row) for row in rows[:3]) + (", …" if len(rows) > 3 else "")
    raise MethexisError(
        f"{given.name}: expected {expected} in {len(rows)} of {given.num_samples} rows ({named}); "
        "leave them out of both representations"
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
        "rows, and their partners if rows are paired"
    )
