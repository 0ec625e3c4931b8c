"""The .safetensors format: tensors mapped from the file, bfloat16 widened to float32.

The file begins with its header's length in eight bytes; the header follows as JSON and says of each
tensor its type, its shape and where it lies, counted from the header's end. The format asks that
tensors lie one behind the other and fill the file, so that every byte is declared once: that is
checked here, with integers of any size, before anything is mapped. NumPy has no bfloat16, whose
sixteen bits are the upper half of a float32.
"""

from __future__ import annotations

import json
from collections import Counter
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.outside.npy import lengths
from methexis.representations.readers.guarding import (
    fitting,
    guarded,
    place,
    regular,
)
from methexis.representations.representation import Stored, Unread
from methexis.text import brief

_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "<i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "<u1",
}  # fmt: skip
#: Longest header, as in the format's own library.
_LONGEST = 100_000_000
_EXPECTED = "a whole .safetensors file"


def read_safetensors(path: Path) -> list[Stored | Unread]:
    """The tensors of a .safetensors file; those of other types than numbers are left out.

    Raises
    ------
    MethexisError
        If the file is truncated or damaged, or two tensors have one name.
    """
    where = place(path)
    size = regular(path)
    with guarded(where, _EXPECTED):
        with path.open("rb") as raw:
            length = int.from_bytes(raw.read(8), "little")
            if size < 8 or length > min(size - 8, _LONGEST):
                raise ValueError(f"a header of {length} bytes in a file of {size}")
            text = raw.read(length).decode("utf-8")
        header = json.loads(text, object_pairs_hook=_once)
        if not isinstance(header, dict):
            raise ValueError(f"a header that is no object but {type(header).__name__}")
        header.pop("__metadata__", None)
        entries = [(name, *_entry(name, entry)) for name, entry in header.items()]
        _filled(entries, size - 8 - length)
        return [_tensor(path, *entry, 8 + length) for entry in entries]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names differ."""
    entries = dict(pairs)
    if len(entries) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"two entries of the name {brief(twice)!r}")
    return entries


def _entry(name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Type, shape, begin and end of a tensor."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{brief(name)!r} without dtype, shape and data_offsets")
    begin, end = lengths(entry["data_offsets"])
    kind, shape = str(entry["dtype"]), lengths(entry["shape"])
    if kind in _TYPES and end - begin != prod(shape) * int(_TYPES[kind][-1]):
        raise ValueError(f"{brief(name)!r} with {end - begin} bytes for shape {shape} of {kind}")
    return kind, shape, begin, end


def _filled(entries: list[tuple[str, str, tuple[int, ...], int, int]], size: int) -> None:
    """See that tensors lie one behind the other and fill the file."""
    at = 0
    for name, _, _, begin, end in sorted(entries, key=lambda entry: entry[3:]):
        if begin != at or end < begin:
            raise ValueError(f"{brief(name)!r} at bytes {begin} to {end}, not from {at}")
        at = end
    if at != size:
        raise ValueError(f"{size} bytes of numbers, {at} declared")


def _tensor(
    path: Path, name: str, kind: str, shape: tuple[int, ...], begin: int, end: int, data: int
) -> Stored | Unread:
    if kind not in _TYPES:
        return Unread(name, f"expected numbers of type {', '.join(_TYPES)}, got {brief(kind)}")
    if begin == end:
        return Unread(name, f"expected at least one sample and one feature, got shape {shape}")
    with guarded(place(path, name), _EXPECTED):
        dtype = np.dtype(_TYPES[kind])
        array: NDArray[Any] = np.memmap(path, dtype, "r", offset=data + begin, shape=shape)
        if kind != "BF16":
            return Stored(name, array, dtype.name)
        fitting(shape, 4)
        wide = (array.astype(np.uint32) << 16).view(np.float32)
    return Stored(name, wide, "bfloat16", ("bfloat16, widened to float32",))
