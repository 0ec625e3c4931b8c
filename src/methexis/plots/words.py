"""Words at places of a panel: the names of points, each beside its point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from methexis.plots import style
from methexis.plots.mark import STYLED, Look, Mark


@dataclass(frozen=True, eq=False)
class Words(Mark):
    """A name beside each of some points."""

    #: (point,)
    x: ArrayLike
    y: ArrayLike
    texts: tuple[str, ...]
    look: Look = STYLED  # its size is that of the text, in pixels of the design
    above: float = 4.0  # how far they stand from the point, in points of the text

    def draw(self, axes: Axes) -> None:
        """Put the mark on axes."""
        colour = self.look.colour or style.ink()
        size = style.points(self.look.size or style.TEXT)
        for x, y, text in zip(np.asarray(self.x), np.asarray(self.y), self.texts, strict=True):
            axes.annotate(
                text, (x, y), (0.0, self.above), textcoords="offset points", ha="center",
                va="bottom", fontsize=size, color=colour, parse_math=False,
            )  # fmt: skip
