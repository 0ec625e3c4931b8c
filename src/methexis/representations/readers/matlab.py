"""MATLAB's .mat: version 5 and before by SciPy, from 7.3 on by the reader of HDF5.

Fields of a structure are arrays of their own, ``subject/rdm``. What holds no real numbers (cells,
characters, sparse arrays, structures of several) is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import scipy.sparse

from methexis.errors import MethexisError
from methexis.representations.readers.guarding import (
    fitting,
    guarded,
    place,
    regular,
    unfit,
    unread,
)
from methexis.representations.readers.hdf5 import read_hdf5
from methexis.representations.representation import Stored, Unread

_EXPECTED = "a whole .mat file"
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: Where the signature of HDF5 stands in a .mat file.
_USER_BLOCK = 512
#: Bytes of a number of each class, where a header tells it.
_BYTES = {
    "logical": 1, "char": 4, "single": 4, "double": 8, "int8": 1, "int16": 2, "int32": 4,
    "int64": 8, "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8,
}  # fmt: skip


def read_mat(path: Path) -> list[Stored | Unread]:
    """The arrays of a .mat file; those that cannot be read are left out.

    Raises
    ------
    MethexisError
        If the file is truncated, damaged or none of MATLAB's.
    """
    where = place(path)
    regular(path)
    with guarded(where, _EXPECTED), path.open("rb") as raw:
        raw.seek(_USER_BLOCK)
        if raw.read(len(_SIGNATURE)) == _SIGNATURE:
            return read_hdf5(path)
    with guarded(where, _EXPECTED):
        headers = scipy.io.whosmat(str(path), appendmat=False)
    arrays: list[Stored | Unread] = []
    for name, shape, kind in headers:
        own = place(path, name)
        try:
            with guarded(own, _EXPECTED):
                fitting(shape, _BYTES.get(kind, 8))
                value = scipy.io.loadmat(str(path), variable_names=[name], appendmat=False)[name]
                arrays += _arrays(name, value)
        except MethexisError as error:
            arrays.append(unread(name, error, own))
    return arrays


def _arrays(name: str, value: Any) -> Iterator[Stored | Unread]:
    """An array, or the fields of a structure."""
    if scipy.sparse.issparse(value):
        yield Unread(name, "expected a full array, got a sparse one; use full(x)")
    elif isinstance(value, np.ndarray) and value.dtype.names and value.size == 1:
        for field in value.dtype.names:
            yield from _arrays(f"{name}/{field}", value[field].item())
    elif not isinstance(value, np.ndarray) or value.dtype.kind in "OUSV":
        yield Unread(name, "expected an array of numbers, got characters, cells or structures")
    elif why := unfit(value.dtype):
        yield Unread(name, why)
    elif 0 in value.shape:
        yield Unread(name, f"expected at least one sample and one feature, got shape {value.shape}")
    else:
        yield Stored(name, value, value.dtype.name)
