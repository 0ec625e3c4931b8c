"""Levels: lines across the panel or a part of it, bars, histograms, and words at a height."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from methexis.plots import style
from methexis.plots.mark import STYLED, Look, Mark


@dataclass(frozen=True)
class Level(Mark):
    """A line across the whole panel."""

    at: float
    look: Look = STYLED
    name: str = ""
    upright: bool = False  # whether it stands at a place of the horizontal axis

    def draw(self, axes: Axes) -> None:
        """Put the mark on axes."""
        line = axes.axvline if self.upright else axes.axhline
        line(self.at, label=self.name or None, **self.look.stroke)


@dataclass(frozen=True, eq=False)
class Rungs(Mark):
    """Short lines, level or upright."""

    #: (line,): a level line is at the height ``at``, between two places; an upright one the other
    #: way.
    at: ArrayLike
    start: ArrayLike
    end: ArrayLike
    look: Look = STYLED
    upright: bool = False

    def draw(self, axes: Axes) -> None:
        """Put the mark on axes."""
        lines = axes.vlines if self.upright else axes.hlines
        lines(self.at, self.start, self.end, **self.look.stroke)


@dataclass(frozen=True, eq=False)
class Bars(Mark):
    """Bars that stand on zero."""

    #: (bar,): where they stand, and how high they are.
    x: ArrayLike
    y: ArrayLike
    look: Look = STYLED
    name: str = ""

    def draw(self, axes: Axes) -> None:
        """Put the mark on axes."""
        words: dict[str, Any] = self.look.stroke | {"label": self.name or None}
        axes.bar(self.x, self.y, width=0.72, **words)


@dataclass(frozen=True, eq=False)
class Histogram(Mark):
    """Shares of a whole, in bins."""

    edges: ArrayLike  # (bin + 1,)
    shares: ArrayLike  # (bin,)
    look: Look = STYLED
    name: str = ""

    @classmethod
    def of(cls, values: ArrayLike, edges: ArrayLike, look: Look, name: str) -> Histogram:
        """Count values, each of which is an equal part of 100."""
        values = np.asarray(values)
        weights = np.full(len(values), 100.0 / max(len(values), 1))
        shares, _ = np.histogram(values, bins=np.asarray(edges), weights=weights)
        return cls(edges, shares, look, name)

    def draw(self, axes: Axes) -> None:
        """Put the mark on axes."""
        edges = np.asarray(self.edges)
        bins: dict[str, Any] = {"bins": edges, "weights": self.shares}
        rim = replace(self.look, colour=style.darker(self.look.colour or style.INK))
        axes.hist(edges[:-1], histtype="stepfilled", color=self.look.colour, alpha=0.35, **bins)
        axes.hist(edges[:-1], histtype="step", **bins, **rim.stroke)
        axes.plot([], [], label=self.name or None, **rim.stroke)


@dataclass(frozen=True)
class Caption(Mark):
    """Words at the left edge of the panel, at a height."""

    y: float
    text: str

    def draw(self, axes: Axes) -> None:
        """Put the mark on axes."""
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        transform = axes.get_yaxis_transform()
        axes.text(0.0, self.y, self.text, transform=transform, va="bottom", bbox=box)
