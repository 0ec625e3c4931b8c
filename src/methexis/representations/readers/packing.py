"""Packed arrays: what the attributes of the CF conventions say of the numbers beside them.

xarray, and the tools of the earth sciences, write numbers as small integers with ``scale_factor``
and ``add_offset`` beside them, and what is missing as a code, ``_FillValue`` or ``missing_value``.
The integers are not the numbers, and a code is no number: taken as they lie they make other
features. They are decoded, ``raw · scale_factor + add_offset`` in double precision, and an array in
which something is missing is refused, with the first place.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.text import brief

#: Attributes that say between which raw values a number is one; beyond, it is missing.
_BOUNDS = ("valid_min", "valid_max", "valid_range")


def unpacked(
    raw: NDArray[Any], attributes: Mapping[str, Any], missing: Any = None
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The numbers that an array holds by its attributes, and a note where these are not the raw.

    Parameters
    ----------
    raw : array
        Of real numbers.
    attributes : mapping
        Of the array.
    missing : number, optional
        A code for what is missing that stands elsewhere.

    Raises
    ------
    ValueError
        If something is missing, the attributes make dates or truth values of the numbers, or say
        what cannot be understood.

    Examples
    --------
    >>> packed = np.array([[1, 2]], dtype=np.int16)
    >>> unpacked(packed, {"scale_factor": 0.5, "add_offset": 10.0})[0].tolist()
    [[10.5, 11.0]]
    """
    _real_numbers(attributes)
    if str(attributes.get("_Unsigned", "")).lower() in {"true", "false"}:
        signed = str(attributes["_Unsigned"]).lower() == "false"
        if raw.dtype.kind in "iu":
            raw = raw.view(np.dtype(f"{raw.dtype.byteorder}{'i' if signed else 'u'}{raw.itemsize}"))
    codes = [
        code
        for name in ("_FillValue", "missing_value")
        for code in _codes(name, attributes.get(name), raw.dtype)
    ]
    codes += _codes("fill value", missing, raw.dtype)
    for code in codes:
        gone = np.isnan(raw) if np.isnan(code) else raw == code
        if gone.any():
            where = tuple(int(i) for i in np.argwhere(gone)[0])
            raise ValueError(
                f"expected a number everywhere, got a missing one in row {where[0]} at index "
                f"{where}, where the file has {code} for what is missing "
                f"({int(gone.sum())} of {gone.size})"
            )
    _within(raw, attributes)
    scale, offset = (_number(name, attributes.get(name)) for name in ("scale_factor", "add_offset"))
    if scale is None and offset is None:
        return raw, ()
    steps = [f"scale_factor {scale:g}"] if scale is not None else []
    steps += [f"add_offset {offset:g}"] if offset is not None else []
    numbers = raw.astype(np.float64)
    if scale is not None:
        numbers *= scale
    if offset is not None:
        numbers += offset
    return numbers, (f"unpacked from {raw.dtype.name}: {', '.join(steps)}",)


def _real_numbers(attributes: Mapping[str, Any]) -> None:
    """See that the numbers stand for themselves, not for dates or truth values."""
    units, kind = str(attributes.get("units", "")), str(attributes.get("dtype", ""))
    if " since " in units:
        raise ValueError(f"expected real numbers, got dates ({brief(units)})")
    if kind == "bool" or kind.startswith(("timedelta", "datetime")):
        raise ValueError(f"expected real numbers, got {brief(kind)}")


def _codes(name: str, value: Any, dtype: np.dtype[Any]) -> list[float | int]:
    """Codes for what is missing: numbers, or eight bytes in base64, as zarr 3 keeps them."""
    if value is None:
        return []
    if isinstance(value, str) and dtype.kind == "f":
        if value in {"NaN", "Infinity", "-Infinity"}:
            return [float(value)]
        try:
            return [struct.unpack("<d", base64.standard_b64decode(value))[0]]
        except (ValueError, struct.error):
            pass
    values = value if isinstance(value, list | tuple) else [value]
    for one in values:
        if isinstance(one, bool) or not isinstance(one, int | float | np.integer | np.floating):
            raise ValueError(f"expected a number for {name}, got {brief(repr(value))}")
    return [_wrapped(one, dtype) for one in values]


def _wrapped(code: Any, dtype: np.dtype[Any]) -> Any:
    """A code in the array's type, for unsigned numbers may come with codes that are signed."""
    if dtype.kind == "u" and code == int(code) and code < 0:
        return int(code) + 256**dtype.itemsize
    return dtype.type(code) if dtype.kind == "f" else code


def _within(raw: NDArray[Any], attributes: Mapping[str, Any]) -> None:
    given = [(name, attributes[name]) for name in _BOUNDS if attributes.get(name) is not None]
    low, high = -np.inf, np.inf
    for name, value in given:
        ends = value if isinstance(value, list | tuple) else [value]
        numbers = [number for end in ends if (number := _number(name, end)) is not None]
        if len(numbers) != (2 if name == "valid_range" else 1):
            raise ValueError(f"expected bounds for {name}, got {brief(repr(value))}")
        if name != "valid_max":
            low = max(low, numbers[0])
        if name != "valid_min":
            high = min(high, numbers[-1])
    if given:
        beyond = (raw < low) | (raw > high)
        if beyond.any():
            row = int(np.argwhere(beyond)[0][0])
            raise ValueError(
                f"expected numbers from {low:g} to {high:g}, as its attributes have it, got "
                f"another in row {row}"
            )


def _number(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(f"expected a number for {name}, got {brief(repr(value))}")
    return float(value)
