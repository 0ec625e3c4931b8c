"""NumPy's own formats: one array per .npy, mapped; several per .npz, read."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.errors import MethexisError
from methexis.representations.representation import Stored

_BROKEN = (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error, KeyError)


def read_npy(path: Path) -> list[Stored]:
    """The array of a .npy file, mapped.

    Raises
    ------
    MethexisError
        If the file is truncated, is none of NumPy's, or holds Python objects.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise
    except _BROKEN as error:
        raise _unreadable(str(path), "a whole .npy file", error) from None
    if not isinstance(array, np.ndarray):  # NumPy opens any zip archive, whatever it is called
        array.close()
        raise MethexisError(
            f"{path}: expected one array of numbers, got a zip archive, as .npz and .pt files are; "
            "name it by what it is"
        )
    return [_stored("", array, str(path))]


def read_npz(path: Path) -> list[Stored]:
    """The arrays of a .npz file.

    Raises
    ------
    MethexisError
        If the file is truncated or damaged, or an array holds Python objects.
    """
    found = []
    name = ""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as archive:
            for name in archive.files:
                found.append(_stored(name, archive[name], f"{path}:{name}"))
    except (FileNotFoundError, MethexisError):
        raise
    except _BROKEN as error:
        where = f"{path}:{name}" if name else str(path)
        raise _unreadable(where, "a whole .npz file", error) from None
    return found


def _stored(name: str, array: NDArray[Any], where: str) -> Stored:
    if array.dtype.kind == "V" and array.dtype.names is None:
        raise MethexisError(
            f"{where}: expected real numbers, got raw entries of {array.dtype.itemsize} bytes, "
            "which is how .npy keeps bfloat16 and float8; save them as .safetensors"
        )
    return Stored(name, array, str(array.dtype))


def _unreadable(where: str, expected: str, error: Exception) -> MethexisError:
    text = str(error)
    if "bject" in text and ("pickle" in text or "mapped" in text):
        pickled = "This file contains" not in text
        got = "an array of Python objects" if pickled else "something else, or a pickle"
        hint = "; methexis never unpickles, so save real numbers" if pickled else ""
        return MethexisError(f"{where}: expected {expected} of numbers, got {got}{hint}")
    return MethexisError(f"{where}: expected {expected}, got a damaged or truncated one ({text})")
