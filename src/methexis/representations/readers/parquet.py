"""Parquet tables: embedding columns, or a table of features. The one place that imports pyarrow."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.errors import MethexisError
from methexis.representations.representation import Stored

#: Whether pyarrow is installed: pip install 'methexis[io]'.
INSTALLED = find_spec("pyarrow") is not None

if INSTALLED:
    import pyarrow as pa
    import pyarrow.parquet as pq


def read_parquet(path: Path) -> list[Stored]:
    """The representations in a table whose rows are samples.

    Each column of lists of numbers is one; other columns are then left out, and a note says so.
    Without such columns all columns must be numbers, and are the features of one. A column that
    pandas wrote as its index is none.

    Raises
    ------
    MethexisError
        If pyarrow is missing, the file is damaged, a column is no numbers or lists of unequal
        length, or an entry is missing.
    """
    if not INSTALLED:
        raise MethexisError(
            f"{path}: expected pyarrow to read parquet, got none; pip install 'methexis[io]'"
        )
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise MethexisError(
            f"{path}: expected a whole parquet file, got a damaged or truncated one "
            f"({str(error).splitlines()[0]})"
        ) from None
    index = _index(table)
    columns = [name for name in table.column_names if name not in index]
    lists = [name for name in columns if _is_list(table.schema.field(name).type)]
    if lists:
        others = [name for name in table.column_names if name not in lists]
        notes = (f"left out beside it: {', '.join(others)}",) if others else ()
        return [_embedding(path, name, table.column(name), notes) for name in lists]
    for name in columns:
        kind = table.schema.field(name).type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            raise MethexisError(
                f"{path}:{name}: expected columns of numbers, or of lists of numbers, got {kind}; "
                "leave that column out"
            )
        _complete(path, name, table.column(name))
    kinds = sorted({str(table.schema.field(name).type) for name in columns})
    notes = (f"left out beside them: {', '.join(index)}",) if index else ()
    features = [table.column(name).to_numpy() for name in columns]
    array = np.stack(features, axis=1) if features else np.empty((table.num_rows, 0))
    return [Stored("", array, ", ".join(kinds), notes)]


def _index(table: Any) -> list[str]:
    """Columns that hold the index of a pandas table."""
    metadata = table.schema.pandas_metadata or {}
    return [name for name in metadata.get("index_columns", []) if isinstance(name, str)]


def _is_list(kind: Any) -> bool:
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _complete(path: Path, name: str, column: Any) -> None:
    if column.null_count:
        raise MethexisError(
            f"{path}:{name}: expected a number in every row, got {column.null_count} missing"
        )


def _embedding(path: Path, name: str, column: Any, notes: tuple[str, ...]) -> Stored:
    _complete(path, name, column)
    joined = column.combine_chunks()
    kind = column.type.value_type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise MethexisError(f"{path}:{name}: expected lists of numbers, got {column.type}")
    values = joined.flatten()
    if values.null_count:
        raise MethexisError(
            f"{path}:{name}: expected numbers in every list, got {values.null_count} missing"
        )
    lengths: NDArray[Any] = (
        np.full(len(joined), column.type.list_size)
        if pa.types.is_fixed_size_list(column.type)
        else np.asarray(joined.value_lengths())
    )
    if len(lengths) and lengths.min() != lengths.max():
        raise MethexisError(
            f"{path}:{name}: expected lists of one length, got from {lengths.min()} to "
            f"{lengths.max()} numbers"
        )
    width = int(lengths[0]) if len(lengths) else 0
    numbers = np.asarray(values.to_numpy(zero_copy_only=False))
    return Stored(name, numbers.reshape(len(joined), width), str(kind), notes)
