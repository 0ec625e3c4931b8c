"""Figures' data as JSON has them, and back: the same picture is drawn from what was read again.

Each thing is an object with its class's name as ``"kind"`` and its attributes; arrays are lists.
JSON has no number for what is not there or has no end: None and Python's words stand for them.
"""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from methexis.plots.curve import Curve, Dots, Joins
from methexis.plots.heat_map import HeatMap
from methexis.plots.interval import Band, Interval, Span
from methexis.plots.levels import Bars, Caption, Histogram, Level, Rungs
from methexis.plots.mark import Look
from methexis.plots.panel import Axis, Key, Legend, Panel, Picture
from methexis.plots.words import Words

_KINDS = {
    kind.__name__: kind
    for kind in (
        *(Curve, Dots, Joins, Interval, Band, Span, Level, Rungs, Bars, Histogram, Caption, Words),
        *(Look, Axis, Key, Legend, Panel, HeatMap, Picture),
    )
}


def to_plain(value: Any) -> Any:
    """Return a figure's data as dictionaries, lists, numbers and strings.

    Examples
    --------
    >>> to_plain(Curve([1.0, 2.0], [0.5, float("nan")], name="A"))["y"]
    [0.5, None]
    """
    if is_dataclass(value):
        attributes = {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__} | attributes
    if isinstance(value, np.ndarray | np.generic):
        return to_plain(value.tolist())
    if isinstance(value, list | tuple):
        return [to_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def from_plain(value: Any) -> Any:
    """Return the data of which `to_plain` was asked.

    Examples
    --------
    >>> from_plain(to_plain(Curve([1.0, 2.0], [0.5, 3.0], name="A"))).y
    array([0.5, 3. ])
    """
    if isinstance(value, dict):
        words = {name: from_plain(one) for name, one in value.items() if name != "kind"}
        return _KINDS[value["kind"]](**words)
    if isinstance(value, list):
        return tuple(from_plain(one) for one in value)
    return value
