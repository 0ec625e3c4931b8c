"""The door through which arrays of others enter: every public function takes its arrays from here.

Other libraries have arrays that look like NumPy's and are not: a mask that arithmetic forgets, a
matrix whose ``*`` is another product, a tensor that remembers gradients, numbers in the byte order
of another machine, dates and words. `admitted` makes of each a plain array of the same numbers, or
refuses it in one sentence. It never changes a number:

- *masked arrays* are taken if nothing in them is masked;
- *integers and truth values* become floating-point numbers where these hold them exactly, so below
  ``2**53``;
- *float16, bfloat16 and float32* are exact in double precision; *long double* is rounded to it, as
  every computation here is, unless its range does not suffice;
- *tensors of PyTorch* are detached from their gradients, and stay on their device; `doubles` takes
  them to the CPU;
- *tables* (pandas, polars, xarray) count as their numbers, which must be of one numeric type.

PyTorch is looked for, never imported: a tensor cannot be here unless it is.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.errors import MethexisError

#: From here on a double no longer holds every integer.
MOST_INTEGER = 2**53
#: What NumPy calls types of numbers that it knows through `ml_dtypes` only.
_NARROW = ("bfloat16",)
_KINDS = "fiub"
_ADVICE = {
    "c": "; give real and imaginary parts, or magnitudes, as features",
    "O": "; convert it to numbers first, for example with .astype(float)",
    "M": "; give times as numbers of a unit",
    "m": "; give times as numbers of a unit",
}


def admitted(name: str, value: Any) -> Any:
    """An array of real numbers in the native byte order: of NumPy, or a detached tensor of PyTorch.

    Parameters
    ----------
    name : str
        What messages call it.
    value : array-like
        What a user gave.

    Raises
    ------
    MethexisError
        If it is no array of real numbers, anything in it is masked, an integer is too large to be
        exact, or a long double is beyond the range of double precision.

    Examples
    --------
    >>> admitted("x", np.ma.array([1.0, 2.0])).tolist()
    [1.0, 2.0]
    >>> admitted("x", np.array([1, 2], dtype=">i4")).dtype.isnative
    True
    """
    if is_tensor(value):
        return _tensor(name, value)
    return exact(name, native(name, _array(name, value)), name_of_type(value))


def doubles(name: str, value: Any) -> NDArray[np.float64]:
    """A copy of `admitted` in double precision, on the CPU; entries need not be finite.

    Raises
    ------
    MethexisError
        On the input that `admitted` refuses.
    """
    array = admitted(name, value)
    if is_tensor(array):
        array = array.cpu().double().numpy()
    return np.array(array, dtype=np.float64)


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of PyTorch."""
    torch = sys.modules.get("torch")
    kind = getattr(torch, "Tensor", None)
    return isinstance(kind, type) and isinstance(value, kind)


def name_of_type(value: Any) -> str:
    """Name of the type in which an array came, such as ``"bfloat16"``; empty of a list."""
    return type_name(getattr(value, "dtype", ""))


def type_name(dtype: Any) -> str:
    """A type in one word, the same for either order of bytes.

    Examples
    --------
    >>> type_name(np.dtype(">f4"))
    'float32'
    """
    return dtype.name if isinstance(dtype, np.dtype) else str(dtype).removeprefix("torch.")


def real(name: str, dtype: np.dtype[Any], expected: str = "real numbers") -> None:
    """See that a type is one of real numbers.

    Raises
    ------
    MethexisError
        If not.
    """
    if dtype.kind not in _KINDS and dtype.name not in _NARROW:
        advice = _ADVICE.get(dtype.kind, "")
        raise MethexisError(f"{name}: expected {expected}, got dtype {dtype}{advice}")


def native(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """The numbers in a type that arithmetic knows: native bytes; truth values are 0 and 1.

    Raises
    ------
    MethexisError
        If a long double is beyond the range of double precision.
    """
    if array.dtype.name in _NARROW:
        return array.astype(np.float32)
    if array.dtype.kind == "b":
        return array.astype(np.float64)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        with np.errstate(over="ignore"):
            rounded = array.astype(np.float64)
        if not np.array_equal(np.isinf(rounded), np.isinf(array)):
            largest = np.format_float_scientific(
                np.abs(array[np.isfinite(array)]).max(), precision=3, trim="-"
            )
            raise MethexisError(
                f"{name}: expected numbers in the range of double precision, got {largest} of "
                f"dtype {array.dtype}; change the unit"
            )
        return rounded
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def exact(name: str, array: NDArray[Any], given: str = "") -> NDArray[Any]:
    """Return the array itself, if it holds no integer beyond what doubles hold exactly.

    Raises
    ------
    MethexisError
        If it does.
    """
    if array.dtype.kind in "iu" and array.dtype.itemsize > 4 and array.size:
        low, high = int(array.min()), int(array.max())
        worst = high if high >= -low else low
        if abs(worst) >= MOST_INTEGER:
            raise MethexisError(
                f"{name}: expected integers below 2**53, which double precision holds exactly, "
                f"got {worst} of dtype {given or array.dtype}; subtract an offset or convert them "
                "to float"
            )
    return array


def _array(name: str, value: Any) -> NDArray[Any]:
    if hasattr(value, "tocsr") and hasattr(value, "toarray"):
        raise MethexisError(
            f"{name}: expected a dense array, got a sparse {type(value).__name__}; convert it with "
            ".toarray()"
        )
    if value is None or isinstance(value, str | bytes):
        raise MethexisError(f"{name}: expected an array of real numbers, got {_short(value)}")
    try:
        raw = np.asanyarray(_plain(name, value))
    except MethexisError:
        raise
    except Exception as error:  # whatever the libraries of others raise when they are converted
        raise MethexisError(
            f"{name}: expected an array, got {type(value).__name__} that cannot become one: "
            f"{_line(error)}"
        ) from None
    real(name, raw.dtype)
    if isinstance(raw, np.ma.MaskedArray):
        return unmasked(name, raw)
    return np.asarray(raw)


def unmasked(name: str, array: np.ma.MaskedArray[Any, Any]) -> NDArray[Any]:
    """The numbers of a masked array in which nothing is masked.

    Raises
    ------
    MethexisError
        If anything is.
    """
    mask = np.ma.getmaskarray(array)
    if mask.any():
        where = tuple(int(i) for i in np.argwhere(mask)[0])
        raise MethexisError(
            f"{name}: expected an array without masked entries, got {int(mask.sum())} masked of "
            f"{array.size}, the first at index {where}; leave out their rows, or fill them with "
            ".filled()"
        )
    return np.asarray(array.data)


def _plain(name: str, value: Any) -> Any:
    """Check each array in a list: NumPy would drop their masks, and cannot convert tensors."""
    if not isinstance(value, list | tuple):
        return value
    if not any(isinstance(one, list | tuple | np.ndarray) or is_tensor(one) for one in value):
        return value
    parts = []
    for one in value:
        if is_tensor(one):
            parts.append(_tensor(name, one).cpu().double().numpy())
        elif isinstance(one, np.ma.MaskedArray):
            parts.append(unmasked(name, one))
        else:
            parts.append(_plain(name, one))
    return parts


def _tensor(name: str, value: Any) -> Any:
    given = name_of_type(value)
    layout = str(value.layout).removeprefix("torch.")
    if layout != "strided":
        raise MethexisError(
            f"{name}: expected a dense tensor, got layout {layout}; convert it with .to_dense()"
        )
    if value.is_meta:
        raise MethexisError(
            f"{name}: expected a tensor with numbers, got one of device meta, which has none"
        )
    if value.is_complex():
        raise MethexisError(f"{name}: expected real numbers, got dtype {given}{_ADVICE['c']}")
    if value.is_quantized:
        raise MethexisError(
            f"{name}: expected real numbers, got dtype {given}; convert it with .dequantize()"
        )
    array = value.detach().resolve_neg()
    if given == "bool":
        return array.double()
    if not array.is_floating_point() and array.numel():
        largest = float(array.double().abs().max())
        if largest >= MOST_INTEGER:
            raise MethexisError(
                f"{name}: expected integers below 2**53, which double precision holds exactly, got "
                f"{largest:.4g} of dtype {given}; subtract an offset or convert them to float"
            )
    return array


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:197]}..."
