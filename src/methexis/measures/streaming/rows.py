"""Rows on disk: an array that is read block by block, wherever it lies.

A ``.npy`` file named by its path, or an array mapped from a file, is read, not mapped: pages of a
mapping count as memory of the process until the system takes them back.
"""

from __future__ import annotations

from mmap import mmap
from pathlib import Path
from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.core.outside.foreign import admitted, doubles, is_tensor, type_name
from methexis.core.outside.npy import mapped
from methexis.errors import MethexisError
from methexis.measures.inputs.features import MOST, Typed


class Rows:
    """A representation as a source of blocks of rows.

    It is given as the path of a .npy file or as an array-like that has ``shape``, ``dtype`` and
    slices of rows: zarr arrays, memory-mapped files, arrays of NumPy or PyTorch. Anything else is
    refused, and what is not two-dimensional and real. `given` is the type of its numbers; blocks of
    multiples of `chunk` rows, which are stored together, are read once.
    """

    def __init__(self, name: str, given: Any) -> None:
        self.name = name
        self._source: Any = given
        self._path: Path | None = None
        self._offset = 0
        came = ""
        if isinstance(given, Typed):
            self._source, came = given.array, given.given
        elif isinstance(given, str | Path):
            self._open(Path(given))
        elif isinstance(given, np.memmap):
            self._read_from_file(given)
        elif is_tensor(given):
            self._source = admitted(name, given)
        shape, dtype = (getattr(self._source, part, None) for part in ("shape", "dtype"))
        if shape is None or dtype is None or not hasattr(self._source, "__getitem__"):
            raise MethexisError(
                f"{name}: expected a .npy file or an array with shape, dtype and slices of rows, "
                f"got {type(given).__name__}"
            )
        if len(shape) != 2 or shape[1] < 1:
            raise MethexisError(
                f"{name}: expected an array (num_samples, num_features), got shape {tuple(shape)}"
            )
        self.num_samples, self.num_features = int(shape[0]), int(shape[1])
        self.given = came or type_name(dtype)
        stored = self._source[:1]
        doubles(name, stored)  # what is no array of real numbers is refused before a pass begins
        self._dtype = stored.dtype if isinstance(stored, np.ndarray) else np.dtype(np.float64)
        self.item_bytes = int(getattr(dtype, "itemsize", 8))
        self.chunk = int((getattr(self._source, "chunks", None) or (1,))[0])

    def block(self, low: int, high: int) -> Array:
        """A copy of some rows in double precision.

        Raises
        ------
        MethexisError
            If a number is not finite, with its row and column; or the file has ended.
        """
        rows = doubles(self.name, self._read(low, high))  # a copy, the caller's to change
        if rows.shape != (high - low, self.num_features):
            raise MethexisError(
                f"{self.name}: expected {self.num_samples} rows, got fewer than {high}; the file "
                "is truncated"
            )
        if not np.isfinite(np.sum(rows)) and not np.isfinite(rows).all():
            row, column = (int(i) for i in np.argwhere(~np.isfinite(rows))[0])
            raise MethexisError(
                f"{self.name}: expected finite numbers, got {rows[row, column]} in row "
                f"{low + row}, column {column}"
            )
        if float(np.max(np.abs(rows), initial=0.0)) >= MOST:
            raise MethexisError(
                f"{self.name}: expected numbers below {MOST:g}, so that squares of kernels can be "
                f"computed, got {np.max(np.abs(rows)):.3g}; change its unit"
            )
        return rows

    def _open(self, path: Path) -> None:
        try:
            array = mapped(path)
        except (OSError, ValueError):
            why = "is damaged, truncated or of another kind" if path.is_file() else "is no file"
            raise MethexisError(
                f"{self.name}: expected a .npy file that holds one array of numbers (or an array "
                f"in memory, mapped from a file or of a zarr store), got {path}, which {why}"
            ) from None
        self._source = array
        self._read_from_file(array)

    def _read_from_file(self, array: Any) -> None:
        """Read the file beneath a mapping, if all of it is mapped row by row."""
        whole = isinstance(array.base, mmap)  # a view keeps the offset of what it is a view of
        if whole and array.flags.c_contiguous and array.ndim == 2 and array.filename:
            self._path, self._offset = Path(array.filename), array.offset

    def _read(self, low: int, high: int) -> Any:
        if self._path is None:
            return self._source[low:high]
        row = self.num_features * self.item_bytes
        flat = np.fromfile(
            self._path,
            self._dtype,
            count=(high - low) * self.num_features,
            offset=self._offset + low * row,
        )
        return flat.reshape(-1, self.num_features)
