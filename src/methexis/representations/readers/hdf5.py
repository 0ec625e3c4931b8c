"""HDF5 files, and MATLAB's .mat from version 7.3 on, which are such: every dataset is an array.

Datasets that lie in one piece without a filter are mapped; others are read when asked for. Links
are followed within the file only: one that leads to another file would read what nobody named.
Filters that are no part of the library come as plug-ins, which are code, and are not loaded. MATLAB
keeps arrays column by column, so that HDF5 sees them transposed: they are turned back.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

#: Whether h5py is installed: pip install 'methexis[io]'.
INSTALLED = find_spec("h5py") is not None

if INSTALLED:
    import h5py

_EXPECTED = "a whole HDF5 file"
#: Filters of the library itself: deflate, shuffle, fletcher32, szip, nbit, scaleoffset, lzf.
_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})
#: What MATLAB says of an array that holds numbers.
_NUMBERS = frozenset(b"double single int8 int16 int32 int64 uint8 uint16 uint32 uint64".split())
#: The deepest group that is looked into.
_DEEPEST = 32


def read_hdf5(path: Path) -> list[Stored | Unread]:
    """The datasets of a file, in any of its groups; those that cannot be read are left out.

    Raises
    ------
    MethexisError
        If the file is truncated, damaged or none of HDF5, or h5py is not installed.
    """
    where = place(path)
    size = regular(path)
    if not INSTALLED:
        raise MethexisError(
            f"{where}: expected h5py to read HDF5, got none; pip install 'methexis[io]'"
        )
    datasets: list[Stored | Unread] = []
    with guarded(where, _EXPECTED), h5py.File(path, "r") as file:
        if file.userblock_size > size:
            raise ValueError(f"a block of {file.userblock_size} bytes in a file of {size}")
        for name, dataset in _datasets(file):
            if isinstance(dataset, Unread):
                datasets.append(dataset)
                continue
            own = place(path, name)
            try:
                with guarded(own, "a whole dataset"):
                    datasets.append(_dataset(path, name, dataset, size))
            except MethexisError as error:
                datasets.append(unread(name, error, own))
    return datasets


def _datasets(
    group: h5py.Group, above: str = "", seen: frozenset[int] = frozenset()
) -> Iterator[tuple[str, Any]]:
    """Datasets of a group and of those in it, by their paths; what is not followed, as `Unread`."""
    seen = seen | {h5py.h5o.get_info(group.id).addr}
    for key in group:
        name = f"{above}{key}"
        if key.startswith("#"):  # where MATLAB keeps the contents of cells
            continue
        link = group.get(key, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            yield name, Unread(name, f"a link to another file, {brief(str(link.filename))}")
            continue
        if isinstance(link, h5py.SoftLink):
            yield name, Unread(name, f"a link to {brief(str(link.path))}")
            continue
        inside = group[key]
        if isinstance(inside, h5py.Dataset):
            yield name, inside
        elif isinstance(inside, h5py.Group):
            if "MATLAB_sparse" in inside.attrs:
                yield name, Unread(name, "expected a full array, got a sparse one; use full(x)")
            elif h5py.h5o.get_info(inside.id).addr in seen or len(seen) == _DEEPEST:
                yield name, Unread(name, "a group within itself, or too deep")
            else:
                yield from _datasets(inside, f"{name}/", seen)


def _dataset(path: Path, name: str, dataset: h5py.Dataset, size: int) -> Stored | Unread:
    kind = dataset.attrs.get("MATLAB_class")
    if kind is not None and kind not in _NUMBERS:
        return Unread(name, f"expected an array of numbers, got MATLAB's {brief(_word(kind))}")
    dtype, shape = dataset.dtype, dataset.shape
    why = "expected an array, got an empty one" if shape is None else unfit(dtype)
    if why:
        return Unread(name, why)
    if 0 in shape or "MATLAB_empty" in dataset.attrs:
        return Unread(name, f"expected at least one sample and one feature, got shape {shape}")
    fitting(shape, dtype.itemsize)
    creation = dataset.id.get_create_plist()
    if creation.get_external_count():
        return Unread(name, "expected numbers in this file, got some in another")
    filters = {creation.get_filter(k)[0] for k in range(creation.get_nfilters())}
    if filters - _FILTERS:
        numbers = ", ".join(map(str, sorted(filters - _FILTERS)))
        return Unread(name, f"expected filters that HDF5 brings along, got number {numbers}")
    notes = () if dtype.isnative else ("big-endian",)
    turned = kind is not None
    notes = (*notes, "rows and columns as in MATLAB") if turned else notes
    array = _mapped(path, dataset, size) if not filters else None
    if array is not None:
        return Stored(name, array.T if turned else array, dtype.name, notes)

    def read() -> NDArray[Any]:
        with guarded(place(path, name), "a whole dataset"), h5py.File(path, "r") as file:
            numbers = np.asarray(file[name][...])
            return numbers.T if turned else numbers

    later = Deferred(place(path, name), shape[::-1] if turned else shape, dtype, read)
    return Stored(name, later, dtype.name, notes)


def _mapped(path: Path, dataset: h5py.Dataset, size: int) -> NDArray[Any] | None:
    """The numbers where they lie in one piece within the file; None where they do not."""
    offset = dataset.id.get_offset()
    if dataset.chunks is not None or offset is None:
        return None
    if offset + dataset.size * dataset.dtype.itemsize > size:
        raise ValueError(f"numbers up to byte {offset + dataset.nbytes} in a file of {size}")
    return np.memmap(path, dataset.dtype, "r", offset=offset, shape=dataset.shape)


def _word(kind: Any) -> str:
    return kind.decode("utf-8", "replace") if isinstance(kind, bytes) else str(kind)
