"""Memory that a user gives: read from words, counted in arrays, refused where it cannot suffice."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import Any

from array_api_compat import is_array_api_obj, size

from methexis.core.checks import integer, shown
from methexis.errors import MethexisError

#: Unless the user says otherwise: what a small machine has left beside the representations.
DEFAULT = "4 GiB"

_UNITS = {
    "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40,
}  # fmt: skip
_WORDS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")


def memory_bytes(name: str, value: Any) -> int:
    """Bytes from a number of them or from words such as ``"2 GiB"``; None gives the default.

    Raises
    ------
    MethexisError
        If it is neither.

    Examples
    --------
    >>> memory_bytes("memory", "1.5 KiB"), memory_bytes("memory", 10**6)
    (1536, 1000000)
    """
    if value is None:
        value = DEFAULT
    if not isinstance(value, str):
        return integer(name, value, least=1)
    words = _WORDS.fullmatch(value)
    if words is None or words[2].upper() not in _UNITS:
        raise MethexisError(f"{name}: expected bytes or words such as '2 GiB', got {shown(value)}")
    amount = float(words[1]) * _UNITS[words[2].upper()]
    if not 1.0 <= amount < 2.0**63:
        raise MethexisError(f"{name}: expected bytes that a machine can have, got {shown(value)}")
    return int(amount)


def readable(num_bytes: int) -> str:
    """Bytes in words, rounded up so that the words are enough.

    Examples
    --------
    >>> readable(3 * 2**20 + 1), readable(5)
    ('3.1 MiB', '1 KiB')
    """
    for unit, width in (("GiB", 2**30), ("MiB", 2**20)):
        if num_bytes >= width:
            tenths = -(-10 * num_bytes // width)
            return f"{tenths / 10:g} {unit}"
    return f"{max(1, -(-num_bytes // 2**10))} KiB"


def held(value: Any) -> int:
    """Bytes of all arrays that something holds, however nested; an array shared counts once."""
    return sum(_held(value, {}).values())


def _held(value: Any, seen: dict[int, int]) -> dict[int, int]:
    if id(value) in seen:
        return seen
    if is_array_api_obj(value):
        seen[id(value)] = int(size(value) or 0) * int(value.dtype.itemsize)
    elif hasattr(value, "data") and hasattr(value, "indices"):  # sparse
        for part in (value.data, value.indices, value.indptr):
            _held(part, seen)
    elif is_dataclass(value):
        for field in fields(value):
            _held(getattr(value, field.name), seen)
    elif isinstance(value, list | tuple):
        for part in value:
            _held(part, seen)
    return seen


def shortage(what: str, needed: int, budget: int) -> MethexisError:
    """The error that says how much would be needed."""
    return MethexisError(
        f"memory: expected at least {readable(needed)} for {what}, got {readable(budget)}"
    )
