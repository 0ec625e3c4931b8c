"""What all marks share: how they look, and that they consist of plain values.

The data of a figure are marks: arrays with a name and a look. A live page takes the arrays
from `plain.to_plain` and draws them by itself; in a report each mark puts itself on matplotlib's
axes. Nothing in a mark says what its numbers mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes


@dataclass(frozen=True)
class Look:
    """How a line or a point looks; None and nothing are what the house style says."""

    colour: str | None = None
    width: float | None = None  # of the line
    dashes: tuple[float, ...] = ()  # lengths of strokes and gaps, in widths of the line
    alpha: float | None = None
    marker: str | None = None  # sign of a point, as matplotlib names it
    size: float | None = None  # of a point
    inside: str | None = None  # colour inside a point, ``"none"`` for hollow ones
    joined: bool = True  # whether a line runs through the points
    #: Whether the line ends where its last point is, rather than half its width later.
    blunt: bool = False
    order: float | None = None  # what is higher lies on top

    @property
    def stroke(self) -> dict[str, Any]:
        """Matplotlib's words for a line without points."""
        words: dict[str, Any] = {
            "color": self.colour,
            "lw": self.width,
            "alpha": self.alpha,
            "zorder": self.order,
        }
        if self.dashes:
            words["ls"] = (0, self.dashes)
        return {word: value for word, value in words.items() if value is not None}

    @property
    def line(self) -> dict[str, Any]:
        """Matplotlib's words for a line with points."""
        words: dict[str, Any] = {"marker": self.marker, "ms": self.size, "mfc": self.inside}
        words = {word: value for word, value in words.items() if value is not None}
        if not self.joined:
            words["ls"] = "none"
        if self.blunt:
            words["solid_capstyle"] = "butt"
        return self.stroke | words


#: As the house style has it.
STYLED = Look()


#: Attributes that are arrays wherever they are more than one number.
_ARRAYS = (
    "x",
    "y",
    "low",
    "high",
    "half",
    "at",
    "start",
    "end",
    "edges",
    "shares",
    "shades",
    "values",
)


class Plain:
    """What consists of plain values. Arrays may be given as lists, with None for what is not there.

    `methexis.plots.plain` turns it into what JSON can hold, and back.
    """

    def __post_init__(self) -> None:
        """Make arrays of lists."""
        for name in _ARRAYS:
            values = getattr(self, name, None)
            if values is not None and np.ndim(values):
                object.__setattr__(self, name, np.asarray(values, dtype=np.float64))


class Mark(Plain):
    """Something on a panel. Where it has a ``look`` and a ``name``, the name is for the legend."""

    def draw(self, axes: Axes) -> None:
        """Put the mark on axes."""
        raise NotImplementedError
