"""Comparisons as tables: a row for each pair, a column for each number and option."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import lazy_loader

if TYPE_CHECKING:
    import xarray as xr
else:
    xr = lazy_loader.load("xarray")  # takes longer than comparing one pair

#: Names of the columns of what has two parts.
_PAIRS = {"ci": ("low", "high"), "d": ("x", "y")}


def row(record: Mapping[str, Any]) -> Any:
    """A `pandas.DataFrame` of one row from what is known of a comparison."""
    columns = {name: ("comparison", [value]) for name, value in _columns(record)}
    return xr.Dataset(columns).to_dataframe().reset_index(drop=True)


def rows(records: Sequence[Mapping[str, Any]]) -> Any:
    """A `pandas.DataFrame` with a row for each of several records of the same names."""
    each = [dict(_columns(record)) for record in records]
    columns = {name: ("row", [one[name] for one in each]) for name in each[0]}
    return xr.Dataset(columns).to_dataframe().reset_index(drop=True)


def _columns(record: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Single values by name: parts of what has parts follow its name after an underscore."""
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _columns(value, f"{before}{name}_")
        elif name in _PAIRS:
            parts = zip(_PAIRS[name], value, strict=True)
            yield from ((f"{before}{name}_{part}", one) for part, one in parts)
        elif isinstance(value, list | tuple):
            yield f"{before}{name}", "; ".join(map(str, value))
        else:
            yield f"{before}{name}", value
