"""NumPy's own formats: one array per .npy, mapped; several per .npz, read when asked for.

Headers are read by `methexis.core.outside.npy` and not by `np.load`, which believes them: one that
declares more than the file holds makes it allocate that first, two members of one name give the
second twice, and what lies behind the array is never looked at. Of an archive only headers are read
on opening; what one declares is compared with the archive's own size of the member then, and again
when the numbers are read, with their checksum.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from methexis.core.outside.npy import header, mapped
from methexis.errors import MethexisError
from methexis.representations.deferred import Deferred
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
_ARCHIVE = "a whole .npz file"
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
    """The arrays of a .npz file, read when asked for; those that cannot be are left out.

    Raises
    ------
    MethexisError
        If the archive is truncated or damaged, or two arrays have one name.
    """
    where = place(path)
    size = regular(path)
    arrays: list[Stored | Unread] = []
    with guarded(where, _ARCHIVE), path.open("rb") as raw, zipfile.ZipFile(raw) as archive:
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
                with guarded(own, _ARCHIVE):
                    arrays.append(_member(path, archive, member, name, size))
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
    with guarded(where, _ARCHIVE), path.open("rb") as raw, zipfile.ZipFile(raw) as archive:
        if f"{name}.npy" not in archive.namelist():
            return []
        member = archive.getinfo(f"{name}.npy")
        declared = _declared(archive, member, where, size, _no_words)
        if isinstance(declared, str):
            raise MethexisError(f"{where}: {declared}")
        words = _numbers(archive, member, declared)
        if words.ndim != 1:
            raise MethexisError(
                f"{where}: expected words in one dimension, got shape {words.shape}"
            )
        return [str(word) for word in words.tolist()]


def _no_words(dtype: np.dtype[Any]) -> str:
    """Why an array holds no words; empty if it does."""
    if dtype.kind == "U":
        return ""
    return f"expected real numbers or words, got dtype {brief(str(dtype))}"


class _Declared(NamedTuple):
    """What the header of a member declares, compared with what the archive says of it."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: str
    offset: int
    num_bytes: int


def _member(
    path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, archive_bytes: int
) -> Stored | Unread:
    """One array of an archive, of which the header is read."""
    where = place(path, name)
    declared = _declared(archive, member, where, archive_bytes, _refused)
    if isinstance(declared, str):
        return Unread(name, declared)

    def read() -> NDArray[Any]:
        size = regular(path)
        with guarded(where, _ARCHIVE), path.open("rb") as raw, zipfile.ZipFile(raw) as opened:
            now = opened.getinfo(member.filename)
            if _declared(opened, now, where, size, _refused) != declared:
                raise ValueError("another header than when it was opened")
            return _numbers(opened, now, declared)

    notes = () if declared.dtype.isnative else ("big-endian",)
    later = Deferred(where, declared.shape, declared.dtype, read)
    return Stored(name, later, declared.dtype.name, notes)


def _declared(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    where: str,
    archive_bytes: int,
    unfitting: Callable[[np.dtype[Any]], str],
) -> _Declared | str:
    """What a member declares, seen to be possible; or why it is not read.

    ``unfitting`` says of a type why it is not read.
    """
    if not member.filename.endswith(".npy"):
        return "no array: its name does not end in .npy"
    if member.flag_bits & 1:
        return "expected an array that can be read, got an encrypted one"
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return f"expected an array stored or deflated, got compression {member.compress_type}"
    packed = member.compress_size
    most = packed if member.compress_type == zipfile.ZIP_STORED else _INFLATED * packed + _SLACK
    if packed > archive_bytes or member.file_size > most:
        raise ValueError(f"{member.file_size} bytes declared, held in {packed}")
    with archive.open(member) as file:
        dtype, shape, order, offset = _begun(file, where, _ARCHIVE)
    why = unfitting(dtype)
    if why:
        return why
    num_bytes = fitting(shape, dtype.itemsize)
    if offset + num_bytes != member.file_size:
        raise ValueError(f"{member.file_size - offset} bytes of numbers, {num_bytes} declared")
    return _Declared(dtype, shape, order, offset, num_bytes) if num_bytes else _empty(shape)


def _numbers(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, declared: _Declared
) -> NDArray[Any]:
    """The numbers of a member; read to its end, for only there its checksum is compared."""
    with archive.open(member) as file:
        file.read(declared.offset)
        numbers = file.read(declared.num_bytes)
        if len(numbers) != declared.num_bytes or file.read(1):
            raise ValueError(f"{len(numbers)} bytes of numbers, {declared.num_bytes} declared")
    flat: NDArray[Any] = np.frombuffer(numbers, declared.dtype)
    return flat.reshape(declared.shape, order=declared.order)  # type: ignore[call-overload, no-any-return]


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
