"""Zarr arrays, and groups of them at any depth, in either version of the format.

The metadata of each array are read here first: what it declares is compared with this machine's
memory before zarr allocates it, and only codecs that are known to do nothing but pack numbers are
let through, for one of version 2 unpickles. Each array is opened by itself, so that one that is
damaged does not spoil its group; its chunks are read when its numbers are asked for.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.core.sync import sync

from methexis.core.outside.npy import lengths
from methexis.errors import MethexisError
from methexis.representations.deferred import Deferred
from methexis.representations.readers.guarding import (
    fitting,
    guarded,
    kind_of_file,
    place,
    regular,
    unfit,
    unread,
)
from methexis.representations.readers.packing import unpacked
from methexis.representations.representation import Stored, Unread
from methexis.text import brief, sentence

#: Codecs of both versions that turn numbers into bytes and bytes into fewer; "numcodecs." may
#: stand before them.
_CODECS = frozenset({
    "adler32", "astype", "bitround", "blosc", "bytes", "bz2", "crc32", "crc32c", "delta", "endian",
    "fixedscaleoffset", "fletcher32", "gzip", "jenkins_lookup3", "lz4", "lzma", "packbits",
    "pcodec", "quantize", "sharding_indexed", "shuffle", "transpose", "zfpy", "zlib", "zstd",
})  # fmt: skip
_EXPECTED = "a whole zarr array"
_DAMAGED = "expected a whole zarr array, got a damaged one"
#: Longest metadata of one array.
_LONGEST = 10_000_000


@dataclass(frozen=True)
class _Declared:
    """What the metadata of an array say."""

    version: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk: tuple[int, ...]
    codecs: tuple[str, ...]
    attributes: dict[str, Any]
    missing: Any


def read_zarr(path: Path) -> list[Stored | Unread]:
    """The array of a store, or all arrays of a group, read when asked for.

    Those of which metadata tell that they cannot be read are left out.

    Chunks that are not there count as their fill value, as zarr has it: writers leave out chunks
    of nothing else. A note says how many. Arrays that are packed by the CF conventions are
    unpacked.

    Raises
    ------
    MethexisError
        If the store is one array and cannot be read.
    """
    arrays: list[Stored | Unread] = []
    for folder in _arrays(path):
        inside = folder.relative_to(path).as_posix()
        name = "" if inside == "." else inside
        where = place(path, name)
        try:
            with guarded(where, _EXPECTED):
                arrays.append(_array(folder, name, where))
        except MethexisError as error:
            if not name:
                raise
            arrays.append(unread(name, error, where))
    return arrays


def _arrays(path: Path) -> Iterator[Path]:
    """Folders of arrays within a store; what is no group and no array is passed over."""
    for folder, inside, files in os.walk(path):
        here = Path(folder)
        described = "zarr.json" in files or ".zarray" in files or _strange(here)
        if described and not _is_group(here):
            inside.clear()  # chunks
            yield here
        inside.sort()


def _strange(folder: Path) -> bool:
    """Whether metadata are there and no file: `os.walk` counts a link to a folder as a folder."""
    return any((folder / name).is_dir() for name in ("zarr.json", ".zarray"))


def _is_group(folder: Path) -> bool:
    """Whether the metadata are of a group; those that cannot be read count as an array's."""
    if (folder / ".zarray").exists():
        return False
    try:
        return bool(_json(folder / "zarr.json").get("node_type") == "group")
    except (MethexisError, ValueError):
        return False


def _json(path: Path) -> dict[str, Any]:
    """Metadata of one node.

    Raises
    ------
    ValueError
        If they are no JSON object, or of no bearable length.
    """
    if regular(path) > _LONGEST:
        raise ValueError(f"metadata of {path.stat().st_size} bytes")
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("metadata nested without end") from None
    if not isinstance(metadata, dict):
        raise ValueError(f"metadata that are no object but {type(metadata).__name__}")
    return metadata


def _array(folder: Path, name: str, where: str) -> Stored | Unread:
    declared = _declared(folder)
    why = unfit(declared.dtype) or _unsafe(declared.codecs)
    if why:
        return Unread(name, why)
    if 0 in declared.shape:
        return Unread(
            name, f"expected at least one sample and one feature, got shape {declared.shape}"
        )
    fitting(declared.shape, declared.dtype.itemsize)
    fitting(declared.chunk, declared.dtype.itemsize)
    _only_files(folder)
    try:
        member = _member(folder, declared)
        missing = member.nchunks - member.nchunks_initialized
        kind = np.dtype(member.dtype)
    except Exception as error:
        return Unread(name, f"{_DAMAGED} ({sentence(error)})")
    if tuple(member.shape) != declared.shape or kind.newbyteorder("=") != declared.dtype:
        return Unread(name, f"{_DAMAGED} ({kind} {member.shape})")
    notes = [] if kind.isnative else ["big-endian"]
    if missing:
        fill = member.fill_value
        notes.append(f"{missing} of {member.nchunks} chunks are not there and count as {fill}")
    try:  # of no numbers at all: which type they come in, and what is not understood
        none, unpacking = unpacked(np.empty(0, kind), declared.attributes, declared.missing)
    except ValueError as error:
        return Unread(name, sentence(error))
    later = Deferred(where, declared.shape, none.dtype, lambda: _numbers(folder, where, declared))
    return Stored(name, later, kind.name, (*notes, *unpacking))


def _member(folder: Path, declared: _Declared) -> zarr.Array[Any]:
    """The array as zarr opens it, from its metadata."""
    return zarr.open_array(folder, mode="r", zarr_format=declared.version)  # type: ignore[arg-type]


def _numbers(folder: Path, where: str, declared: _Declared) -> NDArray[Any]:
    """The numbers of all chunks, unpacked.

    Raises
    ------
    MethexisError
        If a chunk is damaged, the metadata are others than on opening, or something is missing.
    """
    with guarded(where, _EXPECTED):
        if repr(_declared(folder)) != repr(declared):  # a fill value may be NaN
            raise ValueError("other metadata than when it was opened")
        _only_files(folder)
        try:
            raw = np.asarray(_member(folder, declared)[...])
        except Exception as error:
            sync(_rest())
            raise MethexisError(f"{where}: {_DAMAGED} ({sentence(error)})") from None
        if raw.shape != declared.shape or raw.dtype.newbyteorder("=") != declared.dtype:
            raise MethexisError(f"{where}: {_DAMAGED} ({raw.dtype} {raw.shape})")
        try:
            return unpacked(raw, declared.attributes, declared.missing)[0]
        except ValueError as error:
            raise MethexisError(f"{where}: {sentence(error)}") from None


def _declared(folder: Path) -> _Declared:
    """What the metadata of either version declare."""
    return _first(folder) if (folder / "zarr.json").exists() else _second(folder)


def _first(folder: Path) -> _Declared:
    """What version 3 declares."""
    metadata = _json(folder / "zarr.json")
    if metadata.get("node_type") != "array" or metadata.get("zarr_format") != 3:
        raise ValueError(f"node_type {brief(repr(metadata.get('node_type')))}")
    kind = metadata["data_type"]
    return _Declared(
        3,
        lengths(metadata["shape"]),
        np.dtype(kind) if isinstance(kind, str) and kind != "string" else np.dtype(object),
        _chunk(metadata["chunk_grid"]["configuration"]["chunk_shape"]),
        tuple(_names(metadata["codecs"])),
        _attributes(metadata.get("attributes")),
        None,
    )


def _second(folder: Path) -> _Declared:
    """What version 2 declares. In arrays by xarray the fill value stands for what is missing."""
    metadata = _json(folder / ".zarray")
    beside = folder / ".zattrs"
    attributes = _attributes(_json(beside) if beside.exists() else None)
    packing = [metadata.get("compressor"), *(metadata.get("filters") or [])]
    kind = metadata["dtype"]
    return _Declared(
        2,
        lengths(metadata["shape"]),
        (np.dtype(kind) if isinstance(kind, str) else np.dtype(object)).newbyteorder("="),
        _chunk(metadata["chunks"]),
        tuple(str(one["id"]) for one in packing if one is not None),
        attributes,
        metadata.get("fill_value") if "_ARRAY_DIMENSIONS" in attributes else None,
    )


def _chunk(declared: Any) -> tuple[int, ...]:
    shape = lengths(declared)
    if 0 in shape:
        raise ValueError(f"chunks of shape {shape}")
    return shape


def _attributes(attributes: Any) -> dict[str, Any]:
    if attributes is None:
        return {}
    if not isinstance(attributes, dict):
        raise ValueError(f"attributes that are no object but {type(attributes).__name__}")
    return attributes


def _names(codecs: Any) -> Iterator[str]:
    """Names of codecs, and of those within shards."""
    for codec in codecs:
        yield str(codec["name"]) if isinstance(codec, dict) else str(codec)
        within = codec.get("configuration") if isinstance(codec, dict) else None
        for key in ("codecs", "index_codecs"):
            yield from _names((within or {}).get(key) or ())


def _unsafe(codecs: tuple[str, ...]) -> str:
    """Why codecs are not let through; empty if they are."""
    for codec in codecs:
        if codec.removeprefix("numcodecs.") not in _CODECS:
            return f"expected codecs that pack numbers and run no code, got {brief(codec)!r}"
    return ""


def _only_files(folder: Path) -> None:
    """See that all within an array are files: a pipe in place of a chunk waits for ever."""
    for inside, _, files in os.walk(folder):
        for name in files:
            mode = os.stat(Path(inside) / name).st_mode
            if not stat.S_ISREG(mode):
                raise ValueError(f"{kind_of_file(mode)} in place of {brief(name)}")


async def _rest() -> None:
    """Wait for the chunks that were read beside one that failed.

    zarr leaves them running; at the end of the process they would be reported as lost.
    """
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)
