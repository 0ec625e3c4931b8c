"""Curves and points: what is drawn at pairs of coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import ArrayLike

from methexis.plots import style
from methexis.plots.mark import STYLED, Look, Mark


@dataclass(frozen=True, eq=False)
class Curve(Mark):
    """A line through points, or points without one; without either, a line of the legend alone."""

    x: ArrayLike  # (time,)
    y: ArrayLike  # (time,) or (time, curve): of many, which look alike, none has a name
    look: Look = STYLED
    name: str = ""
    cased: bool = False  # whether a white casing keeps it legible over any colour

    def draw(self, axes: Axes) -> None:
        """Put the mark on axes."""
        if self.cased:
            axes.plot(self.x, self.y, color="white", lw=2.6, alpha=0.75, zorder=5)
        axes.plot(self.x, self.y, label=self.name or None, **self.look.line)


@dataclass(frozen=True, eq=False)
class Dots(Mark):
    """Many points of one look, without a line between them."""

    #: (point,)
    x: ArrayLike
    y: ArrayLike
    look: Look = STYLED  # its size is the area of a point, its width that of the rim
    name: str = ""
    shades: ArrayLike | None = None  # (point,): values in [0, 1] that colour the points

    def draw(self, axes: Axes) -> None:
        """Put the mark on axes."""
        words: dict[str, Any] = self.look.stroke | {"s": self.look.size, "label": self.name or None}
        if self.look.inside is not None:
            words["facecolors"] = self.look.inside
        if self.shades is not None and self.look.inside is None:
            words |= {"c": self.shades, "cmap": "viridis", "vmin": 0, "vmax": 1}
        elif self.shades is not None:
            words["edgecolors"] = [style.shade("viridis", v) for v in np.asarray(self.shades)]
        axes.scatter(self.x, self.y, **words)


@dataclass(frozen=True, eq=False)
class Joins(Mark):
    """Short lines from each of some points to its partner."""

    #: (point, 2)
    start: ArrayLike
    end: ArrayLike
    look: Look = STYLED

    def draw(self, axes: Axes) -> None:
        """Put the mark on axes."""
        lines = list(np.stack([np.asarray(self.start), np.asarray(self.end)], axis=1))
        words = self.look.stroke
        axes.add_collection(LineCollection(lines, colors=words.pop("color"), **words))
