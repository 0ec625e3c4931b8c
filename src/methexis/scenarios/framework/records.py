"""Records as plain data for JSON, and back: every dataclass of results makes this round trip.

Attributes become keys, tuples and arrays become lists, and a number that JSON does not know (NaN
where nothing was measured) becomes null. An optional attribute that holds None is left out, so that
a kind of record that never has it does not tell of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

Record = TypeVar("Record")


def to_json(value: Any) -> Any:
    """Plain data for JSON of a record, or of records, numbers, text and arrays in any nesting.

    Examples
    --------
    >>> from methexis.scenarios.framework.points import Line
    >>> to_json([Line("a", 0, (1.0,), (0.5,))])
    [{'curve': 'a', 'problem': 0, 'values': [1.0], 'predicted': [0.5]}]
    """
    if is_dataclass(value) and not isinstance(value, type):
        told = ((f, getattr(value, f.name)) for f in fields(value))
        return {f.name: to_json(v) for f, v in told if v is not None or f.default is not None}
    if isinstance(value, Mapping):
        return {key: to_json(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(v) for v in value]
    if isinstance(value, np.ndarray | np.generic):
        return to_json(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_json(kind: type[Record], data: Mapping[str, Any]) -> Record:
    """The record of that kind that `to_json` made ``data`` of; keys that it has not are ignored.

    Of attributes, tuples and other records are made again, and NaN of null where a number belongs;
    everything else is taken as it is.

    Examples
    --------
    >>> from methexis.scenarios.framework.points import Line
    >>> line = Line("a", 0, (1.0,), (0.5,))
    >>> from_json(Line, to_json(line)) == line
    True
    """
    hints = get_type_hints(kind)
    names = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: _again(hints[name], data[name]) for name in names if name in data})


def _again(hint: Any, data: Any) -> Any:
    kind = get_origin(hint) or hint
    if kind is float and data is None:
        return math.nan
    if isinstance(kind, type) and is_dataclass(kind) and isinstance(data, Mapping):
        return from_json(kind, data)
    if kind is tuple and data is not None:
        kinds = get_args(hint)
        each = [kinds[0]] * len(data) if kinds[-1] is Ellipsis else kinds
        return tuple(_again(k, d) for k, d in zip(each, data, strict=True))
    return data
