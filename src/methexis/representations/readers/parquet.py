"""Parquet tables: embedding columns, or a table of features. The one place that imports pyarrow.

On opening the footer is read, and how many numbers the pages of a column declare; of a column of
lists also its first row, because the schema does not say how long they are. The columns themselves
are read when their numbers are asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from math import prod
from mmap import ACCESS_READ, mmap
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
    unread,
)
from methexis.representations.readers.pages import Pages
from methexis.representations.representation import Stored, Unread
from methexis.text import brief

#: Whether pyarrow is installed: pip install 'methexis[io]'.
INSTALLED = find_spec("pyarrow") is not None

if INSTALLED:
    import pyarrow as pa
    import pyarrow.parquet as pq

_EXPECTED = "a whole parquet file"
#: Bytes of the widest number, for what a table declares.
_WIDEST = 8
#: Bytes that are read at a time for the first row of a column.
_BUFFER = 1 << 16


def read_parquet(path: Path) -> list[Stored | Unread]:
    """The representations in a table whose rows are samples.

    Each column of lists of numbers, nested to any depth, or of tensors of one shape is one; other
    columns are then left out, and a note says so. Without such columns all columns must be numbers
    of one kind, and are the features of one. A column that pandas wrote as its index is none, and a
    table in which a column of integers may be one is refused: only who wrote it knows.

    Raises
    ------
    MethexisError
        If pyarrow is missing, the file is damaged, two columns have one name, or columns that
        together are features hold anything but numbers, or miss one.
    """
    where = place(path)
    if not INSTALLED:
        raise MethexisError(
            f"{where}: expected pyarrow to read parquet, got none; pip install 'methexis[io]'"
        )
    with _opened(path, where) as (file, pages):
        fitting((file.metadata.num_rows,), _WIDEST)
        schema = file.schema_arrow
        for name, count in Counter(schema.names).items():
            if count > 1:
                raise MethexisError(
                    f"{where}: expected columns of different names, got {brief(name)!r} twice"
                )
        index = _index(schema)
        columns = [name for name in schema.names if name not in index]
        lists = [name for name in columns if _is_list(schema.field(name).type)]
        if not lists:
            return [_features(path, file, pages, columns, index)]
        others = [brief(name) for name in schema.names if name not in lists]
        notes = (f"left out beside it: {', '.join(others)}",) if others else ()
        embeddings: list[Stored | Unread] = []
        for name in lists:
            own = place(path, name)
            try:
                with guarded(own, _EXPECTED):
                    embeddings.append(_embedding(path, name, file, pages, notes))
            except MethexisError as error:
                embeddings.append(unread(name, error, own))
        return embeddings


@contextmanager
def _opened(path: Path, where: str, buffer_bytes: int = 0) -> Iterator[tuple[Any, Pages]]:
    """A file, and what its pages declare; buffered, its columns are not read in one piece."""
    regular(path)
    with (
        guarded(where, _EXPECTED),
        path.open("rb") as raw,
        mmap(raw.fileno(), 0, access=ACCESS_READ) as mapped,
        pq.ParquetFile(raw, page_checksum_verification=True, buffer_size=buffer_bytes) as file,
    ):
        yield file, Pages(mapped)


def _column(file: Any, pages: Pages, name: str) -> Any:
    """One column, with as many rows as the file declares, if its numbers fit in memory."""
    _fitting(pages, name)
    table = file.read(columns=[name], use_threads=False)
    if table.num_rows != file.metadata.num_rows or table.num_columns != 1:
        raise ValueError(f"{table.num_rows} rows, {file.metadata.num_rows} declared")
    return table.column(0)


def _fitting(pages: Pages, name: str) -> int:
    """How many numbers the pages of a column declare, if they fit in memory."""
    values, size = pages.declared(name)
    fitting((values,), _WIDEST)
    fitting((size,), 1)
    return values


def _later(
    path: Path,
    where: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    read: Callable[[Any, Pages], NDArray[Any]],
) -> Deferred:
    """What a function reads of the file, opened again."""

    def again() -> NDArray[Any]:
        with _opened(path, where) as (file, pages):
            return read(file, pages)

    return Deferred(where, shape, dtype, again)


def _index(schema: Any) -> list[str]:
    """Columns that hold the index of a pandas table."""
    metadata = schema.pandas_metadata or {}
    listed = metadata.get("index_columns", []) if isinstance(metadata, dict) else None
    if not isinstance(listed, list):
        raise ValueError("metadata of pandas that are none")
    return [name for name in listed if isinstance(name, str)]


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _is_list(kind: Any) -> bool:
    types = pa.types
    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or isinstance(kind, pa.FixedShapeTensorType)
    )


def _features(
    path: Path, file: Any, pages: Pages, columns: Sequence[str], index: Sequence[str]
) -> Stored:
    """All columns side by side, the features of one representation."""
    schema, num_rows = file.schema_arrow, file.metadata.num_rows
    for name in columns:
        kind = schema.field(name).type
        if not _is_number(kind):
            raise MethexisError(
                f"{place(path, name)}: expected columns of numbers, or of lists of numbers, got "
                f"{brief(str(kind))}; leave that column out"
            )
    whole = [name for name in columns if pa.types.is_integer(schema.field(name).type)]
    if whole and len(whole) < len(columns):
        raise MethexisError(
            f"{place(path, whole[0])}: expected columns of one kind, got integers beside floating "
            "point, as identifiers are; leave that column out, or write it as floating point if it "
            "is a feature"
        )
    fitting((num_rows, len(columns)), _WIDEST)
    for name in columns:
        with guarded(place(path, name), _EXPECTED):
            if _fitting(pages, name) != num_rows:
                raise ValueError(f"pages for other than the {num_rows} rows declared")
    types = [np.dtype(schema.field(name).type.to_pandas_dtype()) for name in columns]
    given = ", ".join(dict.fromkeys(map(str, types)))
    rounded = [dtype for dtype in types if dtype.kind == "f"]
    if rounded:  # the coarsest decides what is rounding in them
        given = min(rounded, key=lambda dtype: dtype.itemsize).name
    dtype = np.result_type(*types) if types else np.dtype(np.float64)

    def read(file: Any, pages: Pages) -> NDArray[Any]:
        array = np.empty((num_rows, len(columns)), dtype)
        for place_of, name in enumerate(columns):
            with guarded(place(path, name), _EXPECTED):
                column = _column(file, pages, name)
                _complete(place(path, name), column)
                array[:, place_of] = column.to_numpy()
            if name in whole and _counts_rows(array[:, place_of]):
                raise MethexisError(
                    f"{place(path, name)}: expected features, got the numbers of the rows from "
                    f"{array[0, place_of]} on; leave that column out, or write it as floating point"
                )
        return array

    shown = ", ".join(brief(name) for name in index)
    notes = (f"left out beside them: {shown}",) if index else ()
    later = _later(path, place(path), (num_rows, len(columns)), dtype, read)
    return Stored("", later, given or str(dtype), notes)


def _counts_rows(column: NDArray[Any]) -> bool:
    """Whether each integer is one more than the one before it."""
    return len(column) > 2 and bool(np.all(column[1:] == column[:-1] + column.dtype.type(1)))


def _complete(where: str, column: Any) -> None:
    if column.null_count:
        raise MethexisError(
            f"{where}: expected a number in every row, got {column.null_count} missing"
        )


def _embedding(path: Path, name: str, file: Any, pages: Pages, notes: tuple[str, ...]) -> Stored:
    """One column of lists or tensors: the dimension of the rows, and one for each nesting."""
    where = place(path, name)
    kind, num_rows = file.schema_arrow.field(name).type, file.metadata.num_rows
    values = _fitting(pages, name)
    shape, dtype = _first_row(path, where, name, kind, num_rows)
    if prod(shape) != values:  # lists of other lengths, or something is missing: reading says what
        numbers = _nested(where, _column(file, pages, name))
        return Stored(name, numbers, numbers.dtype.name, notes)

    def read(file: Any, pages: Pages) -> NDArray[Any]:
        return _nested(where, _column(file, pages, name))

    return Stored(name, _later(path, where, shape, dtype, read), dtype.name, notes)


def _first_row(
    path: Path, where: str, name: str, kind: Any, num_rows: int
) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape of a column if all its rows are like the first, and the type of its numbers."""
    if isinstance(kind, pa.FixedShapeTensorType):
        return (num_rows, *kind.shape), np.dtype(kind.value_type.to_pandas_dtype())
    widths: list[int] = []
    with _opened(path, where, _BUFFER) as (file, _):
        batches = file.iter_batches(batch_size=1, columns=[name], use_threads=False)
        row = next((batch.column(0) for batch in batches), None)
    while _is_list(kind):
        kind = kind.value_type
        if row is not None:
            counts = [None if one is None else len(one) for one in row.slice(0, 1)]
            widths.append((counts[0] if counts else 0) or 0)
            row = row.slice(0, 1).flatten()
    if not _is_number(kind):
        return (num_rows, *widths), np.dtype(np.float64)  # refused when it is read
    return (num_rows, *widths), np.dtype(kind.to_pandas_dtype())


def _nested(where: str, column: Any) -> NDArray[Any]:
    """The numbers of a column of lists or tensors, in their shape.

    Raises
    ------
    MethexisError
        If rows are not all of one shape, or anything is missing.
    """
    _complete(where, column)
    values = column.combine_chunks()
    if isinstance(values, pa.ChunkedArray):  # as older versions give it
        values = pa.concat_arrays(values.chunks)
    shape = [len(values)]
    if isinstance(values.type, pa.FixedShapeTensorType):
        order = values.type.permutation
        if order is not None and list(order) != sorted(order):
            raise MethexisError(
                f"{where}: expected tensors in the order of their dimensions, got {values.type}"
            )
        shape += values.type.shape
        values = values.storage.flatten()
    while _is_list(values.type):
        shape.append(_width(where, values))
        values = values.flatten()
        if values.null_count:
            raise MethexisError(
                f"{where}: expected numbers in every list, got {values.null_count} missing"
            )
    if not _is_number(values.type):
        raise MethexisError(f"{where}: expected lists of numbers, got {brief(str(column.type))}")
    numbers = np.asarray(values.to_numpy(zero_copy_only=False))
    return numbers.reshape(shape)


def _width(where: str, lists: Any) -> int:
    """How many entries each list has; 0 where there is no list."""
    if pa.types.is_fixed_size_list(lists.type):
        return int(lists.type.list_size)
    counts: NDArray[Any] = np.asarray(lists.value_lengths())
    if not len(counts):
        return 0
    if counts.min() != counts.max():
        raise MethexisError(
            f"{where}: expected lists of one length, got from {counts.min()} to {counts.max()} "
            "numbers"
        )
    return int(counts[0])
