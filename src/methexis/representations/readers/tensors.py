"""The .safetensors format: tensors mapped from the file, bfloat16 widened to float32.

The library checks the header (sizes, offsets, that the file is whole); where each tensor lies is
then read from the same header, so that large tensors are mapped and not copied: the file begins
with the header's length in eight bytes, the header follows as JSON, offsets count from its end.
NumPy has no bfloat16, whose sixteen bits are the upper half of a float32.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from methexis.errors import MethexisError
from methexis.representations.representation import Stored

_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "<i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "<u1",
}  # fmt: skip


def read_safetensors(path: Path) -> list[Stored]:
    """The tensors of a .safetensors file.

    Raises
    ------
    MethexisError
        If the file is truncated or damaged, or a tensor has numbers of another kind.
    """
    try:
        with safe_open(path, framework="np") as file:
            names = list(file.keys())
    except SafetensorError as error:
        raise MethexisError(
            f"{path}: expected a whole .safetensors file, got a damaged or truncated one ({error})"
        ) from None
    with path.open("rb") as raw:
        length = int.from_bytes(raw.read(8), "little")
        header: dict[str, Any] = json.loads(raw.read(length))
    return [_tensor(path, name, header[name], 8 + length) for name in names]


def _tensor(path: Path, name: str, entry: dict[str, Any], data: int) -> Stored:
    kind, shape = str(entry["dtype"]), tuple(entry["shape"])
    if kind not in _TYPES:
        raise MethexisError(
            f"{path}:{name}: expected numbers of type {', '.join(_TYPES)}, got {kind}"
        )
    dtype = np.dtype(_TYPES[kind])
    if 0 in shape:
        return Stored(name, np.empty(shape, dtype), dtype.name)
    start = data + int(entry["data_offsets"][0])
    array: NDArray[Any] = np.memmap(path, dtype, "r", offset=start, shape=shape)
    if kind != "BF16":
        return Stored(name, array, dtype.name)
    wide = (array.astype(np.uint32) << 16).view(np.float32)
    return Stored(name, wide, "bfloat16", ("bfloat16, widened to float32",))
