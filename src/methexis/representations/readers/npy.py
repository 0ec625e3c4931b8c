"""NumPy's own formats: one array per .npy, mapped; several per .npz, read.

Headers are read by `methexis.core.outside.npy` and not by `np.load`, which believes them: one that
declares more than the file holds makes it allocate that first, two members of one name give the
second twice, and what lies behind the array is never looked at.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from methexis.core.outside.npy import header, mapped
from methexis.errors import MethexisError
from methexis.representations.readers.guarding import (
    fitting,
    guarded,
    place,
    regular,
    unfit,
    unread,
)
from methexis.representations.representation import Stored, Unread
from methexis.text import brief

_MAGIC = b"\x93NUMPY"
Header: TypeAlias = tuple[np.dtype[Any], tuple[int, ...], str, int]
#: The most that deflate can make of one byte, and of the few of an empty stream.
_INFLATED, _SLACK = 1032, 64
_PICKLED = "an array of Python objects; methexis never unpickles, so save real numbers"


def read_npy(path: Path) -> list[Stored | Unread]:
    """The array of a .npy file, mapped.

    Raises
    ------
    MethexisError
        If the file is truncated, longer than its array, none of NumPy's, or holds Python objects.
    """
    where = place(path)
    size = regular(path)
    with guarded(where, "a whole .npy file"):
        with path.open("rb") as file:
            if file.read(4) == b"PK\x03\x04":
                raise MethexisError(
                    f"{where}: expected one array of numbers, got a zip archive, as .npz and .pt "
                    "files are; name it by what it is"
                )
            file.seek(0)
            dtype, shape, _, offset = _begun(file, where, "a whole .npy file")
        why = _refused(dtype)
        if why:
            raise MethexisError(f"{where}: {why}")
        if 0 in shape and size == offset:
            return [Unread("", _empty(shape))]
        return [_stored("", mapped(path))]


def read_npz(path: Path) -> list[Stored | Unread]:
    """The arrays of a .npz file; those that cannot be read are left out.

    Raises
    ------
    MethexisError
        If the archive is truncated or damaged, or two arrays have one name.
    """
    where = place(path)
    size = regular(path)
    arrays: list[Stored | Unread] = []
    with (
        guarded(where, "a whole .npz file"),
        path.open("rb") as raw,
        zipfile.ZipFile(raw) as archive,
    ):
        members = archive.infolist()
        names = [member.filename.removesuffix(".npy") for member in members]
        for name, count in Counter(names).items():
            if count > 1:
                raise MethexisError(
                    f"{where}: expected arrays of different names, got {brief(name)!r} twice"
                )
        for name, member in zip(names, members, strict=True):
            own = place(path, name)
            try:
                with guarded(own, "a whole .npz file"):
                    arrays.append(_member(archive, member, name, own, size))
            except MethexisError as error:
                arrays.append(unread(name, error, own))
    return arrays


def read_npz_words(path: Path, name: str) -> list[str]:
    """Words of one array of a .npz file, such as names of conditions; of none, an empty list.

    Raises
    ------
    MethexisError
        If the archive is truncated or damaged, or the array holds no words in one dimension.
    """
    where = place(path, name)
    size = regular(path)
    with (
        guarded(where, "a whole .npz file"),
        path.open("rb") as raw,
        zipfile.ZipFile(raw) as archive,
    ):
        for member in archive.infolist():
            if member.filename == f"{name}.npy":
                stored = _member(archive, member, name, where, size, _no_words)
                if isinstance(stored, Unread):
                    raise MethexisError(f"{where}: {stored.why}")
                if stored.array.ndim != 1:
                    raise MethexisError(
                        f"{where}: expected words in one dimension, got shape {stored.array.shape}"
                    )
                return [str(word) for word in stored.array.tolist()]
    return []


def _no_words(dtype: np.dtype[Any]) -> str:
    """Why an array holds no words; empty if it does."""
    if dtype.kind == "U":
        return ""
    return f"expected real numbers or words, got dtype {brief(str(dtype))}"


def _member(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    name: str,
    where: str,
    archive_bytes: int,
    unfitting: Callable[[np.dtype[Any]], str] | None = None,
) -> Stored | Unread:
    """One array of an archive; read whole, for only then its checksum is compared.

    ``unfitting`` says why a type is not read, by default one that is none of real numbers.
    """
    if not member.filename.endswith(".npy"):
        return Unread(name, "no array: its name does not end in .npy")
    if member.flag_bits & 1:
        return Unread(name, "expected an array that can be read, got an encrypted one")
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return Unread(
            name, f"expected an array stored or deflated, got compression {member.compress_type}"
        )
    packed = member.compress_size
    most = packed if member.compress_type == zipfile.ZIP_STORED else _INFLATED * packed + _SLACK
    if packed > archive_bytes or member.file_size > most:
        raise ValueError(f"{member.file_size} bytes declared, held in {packed}")
    with archive.open(member) as file:
        dtype, shape, order, offset = _begun(file, where, "a whole .npz file")
        why = (unfitting or _refused)(dtype)
        if why:
            return Unread(name, why)
        declared = fitting(shape, dtype.itemsize)
        if offset + declared != member.file_size:
            raise ValueError(f"{member.file_size - offset} bytes of numbers, {declared} declared")
        numbers = file.read(declared)
        if len(numbers) != declared or file.read(1):  # its end is where the checksum is compared
            raise ValueError(f"{len(numbers)} bytes of numbers, {declared} declared")
    if not declared:
        return Unread(name, _empty(shape))
    return _stored(name, np.frombuffer(numbers, dtype).reshape(shape, order=order))  # type: ignore[call-overload]


def _begun(file: IO[bytes], where: str, expected: str) -> Header:
    """The header, or a sentence where there is none at all."""
    start = file.read(6)
    if not start or not _MAGIC.startswith(start):
        got = "something else, or a pickle" if start else "a damaged or truncated one (no byte)"
        raise MethexisError(f"{where}: expected {expected} of numbers, got {got}")
    file.seek(0)
    return header(file)


def _refused(dtype: np.dtype[Any]) -> str:
    """Why an array is not read, from its type; empty if it is."""
    if dtype.hasobject:
        return f"expected a whole file of numbers, got {_PICKLED}"
    if dtype.kind == "V" and dtype.names is None and dtype.subdtype is None:
        return (
            f"expected real numbers, got raw entries of {dtype.itemsize} bytes, which is how .npy "
            "keeps bfloat16 and float8; save them as .safetensors"
        )
    return unfit(dtype)


def _empty(shape: tuple[int, ...]) -> str:
    return f"expected at least one sample and one feature, got shape {shape}"


def _stored(name: str, array: NDArray[Any]) -> Stored:
    notes = () if array.dtype.isnative else ("big-endian",)
    return Stored(name, array, array.dtype.name, notes)
