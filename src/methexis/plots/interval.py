"""Intervals: points with their uncertainty, bands, and spans of an axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from methexis.plots.mark import STYLED, Look, Mark


@dataclass(frozen=True, eq=False)
class Interval(Mark):
    """Points, each in the middle of an interval."""

    #: (point,): ``y ± half`` is the interval.
    x: ArrayLike
    y: ArrayLike
    half: ArrayLike
    look: Look = STYLED
    name: str = ""
    caps: float | None = None  # length of the strokes at its ends

    def draw(self, axes: Axes) -> None:
        """Put the mark on axes."""
        words: dict[str, Any] = {"capsize": self.caps, "label": self.name or None}
        axes.errorbar(self.x, self.y, yerr=self.half, **words, **self.look.line)


@dataclass(frozen=True, eq=False)
class Band(Mark):
    """What lies between two curves."""

    #: (time,)
    x: ArrayLike
    low: ArrayLike
    high: ArrayLike
    look: Look = STYLED
    name: str = ""
    #: Whether each value holds around its place, so that a single one has a width.
    stepped: bool = False

    def draw(self, axes: Axes) -> None:
        """Put the mark on axes."""
        words: dict[str, Any] = self.look.stroke | {"lw": 0, "label": self.name or None}
        if self.stepped:
            words["step"] = "mid"
        axes.fill_between(self.x, self.low, self.high, **words)


@dataclass(frozen=True)
class Span(Mark):
    """A stretch of the vertical axis, over the whole width."""

    low: float
    high: float
    look: Look = STYLED

    def draw(self, axes: Axes) -> None:
        """Put the mark on axes."""
        axes.axhspan(self.low, self.high, lw=0, **self.look.stroke)
