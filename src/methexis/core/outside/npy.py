"""A .npy file, mapped, after what its header declares was compared with what the file holds.

NumPy believes a header: one that says True for a length gives fewer rows, what lies behind the
array is never looked at, a pipe under the name of a file waits forever. Whoever opens a file by
its path does it through here, whatever layer it is in.
"""

from __future__ import annotations

import io
import os
import stat
import warnings
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY"
#: Longest header; of arrays of numbers it has some 100 bytes, and NumPy reads none that is longer.
_LONGEST = 10_000


def mapped(path: str | Path) -> NDArray[Any]:
    """The array of a .npy file, mapped from it.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no file, none of NumPy's, holds Python objects, or is shorter or longer than its
        array, which has at least one entry.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError("no file, but a folder, a pipe or a device")
    with open(path, "rb") as file:
        dtype, shape, order, offset = header(file)
        held = os.fstat(file.fileno()).st_size - offset
    declared = prod(shape) * dtype.itemsize
    if dtype.hasobject:
        raise ValueError("an array of Python objects")
    if held != declared or not declared:
        raise ValueError(f"{held} bytes of numbers, {declared} declared")
    return np.memmap(path, dtype, "r", offset, shape, order)  # type: ignore[call-overload, no-any-return]


def header(file: IO[bytes]) -> tuple[np.dtype[Any], tuple[int, ...], str, int]:
    """Type, shape, order of the dimensions, and where the numbers begin.

    Raises
    ------
    ValueError
        If there is no header; NumPy raises other errors, too, if it is malformed.
    """
    start = file.read(8)
    version, wide = start[6:], 2 if start[6:] == b"\x01\x00" else 4
    count = file.read(wide)
    known = version in {b"\x01\x00", b"\x02\x00", b"\x03\x00"}
    if start[:6] != _MAGIC or not known or len(count) != wide:
        raise ValueError("no header of a .npy file")
    length = int.from_bytes(count, "little")
    if length > _LONGEST:
        raise ValueError(f"a header of {length} bytes")
    text = io.BytesIO(count + file.read(length))
    # The third version differs from the second in the names of fields only.
    read = np.lib.format.read_array_header_1_0 if wide == 2 else np.lib.format.read_array_header_2_0
    with warnings.catch_warnings():  # of headers by Python 2
        warnings.simplefilter("ignore")
        try:
            shape, fortran, dtype = read(text)
        except (MemoryError, RecursionError, TypeError, SyntaxError) as error:
            raise ValueError(f"a header that is none ({error})") from None
    return dtype, lengths(shape), "F" if fortran else "C", 8 + wide + length


def lengths(declared: Any) -> tuple[int, ...]:
    """A shape as a file declares it, if it is one.

    Raises
    ------
    ValueError
        If it is no list of integers from 0; True and 1.0 are none.
    """
    if not isinstance(declared, list | tuple) or not all(
        type(length) is int and length >= 0 for length in declared
    ):
        raise ValueError(f"a shape of integers is not {declared!r}")
    return tuple(declared)
