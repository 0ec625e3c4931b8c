"""What a store of probed layers holds, for who writes it and for who reads it.

A store is a zarr group of version 3 with one array per layer, whose root says what was probed. All
rows of a layer lie in one file, one after another as they came, behind each other in chunks of
about a mebibyte with an index at the end, which zarr calls a shard. So it grows by appending, any
reader of zarr can take a part of it, and NumPy can map it whole.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from methexis.representations.readers.guarding import guarded, place, regular

#: The attribute of the root that says which format a store has, and the format that is written.
FORMAT, VERSION = "probe_format", 1
#: What the root says besides.
_KEYS = {FORMAT, "layers", "num_samples", "names"}
#: The array of fingerprints of samples.
SAMPLES = "samples"
#: The file of the numbers of a two-dimensional array with one shard.
DATA = "c/0/0"
#: Longest metadata of a folder that may be a store.
_LONGEST = 100_000_000
#: Bytes of a chunk, about.
_CHUNK = 1 << 20
_INDEX = {"name": "bytes", "configuration": {"endian": "little"}}
#: Codecs of numbers: of one byte none has an order.
_TYPES = ("float16", "float32", "float64", "uint8")


def group(attributes: dict[str, Any]) -> dict[str, Any]:
    """Metadata of a group."""
    return {"zarr_format": 3, "node_type": "group", "attributes": attributes}


def array(shape: Sequence[int], dtype: str, attributes: dict[str, Any]) -> dict[str, Any]:
    """Metadata of an array ``(rows, columns)`` in one shard."""
    rows, columns = shape
    chunk, padded = _chunked(rows, columns, dtype)
    numbers: dict[str, Any] = {"name": "bytes"}
    if np.dtype(dtype).itemsize > 1:
        numbers = _INDEX
    codec = {
        "name": "sharding_indexed",
        "configuration": {
            "chunk_shape": [chunk, columns],
            "codecs": [numbers],
            "index_codecs": [_INDEX],
            "index_location": "end",
        },
    }
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [rows, columns],
        "data_type": dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [padded, columns]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0 if dtype == "uint8" else 0.0,
        "codecs": [codec],
        "attributes": attributes,
    }


def ending(shape: Sequence[int], dtype: str) -> bytes:
    """What stands in the file behind the rows: zeros up to a whole chunk, and the index."""
    rows, columns = shape
    chunk, padded = _chunked(rows, columns, dtype)
    row = columns * np.dtype(dtype).itemsize
    index = np.empty((padded // chunk, 2), dtype="<u8")
    index[:, 0] = np.arange(len(index)) * chunk * row
    index[:, 1] = chunk * row
    return bytes((padded - rows) * row) + index.tobytes()


def file_bytes(shape: Sequence[int], dtype: str) -> int:
    """Length of the file of an array."""
    rows, columns = shape
    chunk, padded = _chunked(rows, columns, dtype)
    return padded * columns * np.dtype(dtype).itemsize + padded // chunk * 16


def is_probed(path: Path) -> bool:
    """Whether a folder says that it is a store of probed layers."""
    try:
        if regular(path / "zarr.json") > _LONGEST:
            return False
        root = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
        return len(_KEYS & root["attributes"].keys()) >= 2  # one may be damaged
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def about_probed(path: Path) -> dict[str, Any]:
    """What the root of a store says of it, without the list of its files.

    Raises
    ------
    MethexisError
        If it cannot be read.
    """
    with guarded(place(path), "a whole store of probed layers"):
        content = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
        about: dict[str, Any] = dict(content["attributes"])
    for name in ("checksums", "checksum", "layers"):
        about.pop(name, None)
    return about


def _chunked(rows: int, columns: int, dtype: str) -> tuple[int, int]:
    """Rows of a chunk, and rows of all chunks."""
    if dtype not in _TYPES:
        raise ValueError(f"numbers of type {dtype}")
    chunk = max(1, min(rows, _CHUNK // (columns * np.dtype(dtype).itemsize)))
    return chunk, max(1, ceil(rows / chunk)) * chunk
