"""Drawing on axes of others: axes in, axes out, in the style of whoever made them.

A figure of a report is drawn in the house's style at a size of its own. Here it is one panel among
those of a user, who has chosen fonts and sizes; only the colours of the marks are ours.
"""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes

from methexis.errors import MethexisError
from methexis.plots.heat_map import HeatMap
from methexis.plots.mark import Plain
from methexis.plots.panel import Panel

__all__ = ["Axes", "has_numbers", "onto"]

#: Attributes of marks that say at which height something is drawn.
_HEIGHTS = ("y", "values", "shares", "low")


def onto(axes: Axes | None, picture: Panel | HeatMap) -> Axes:
    """Draw a picture on axes, on new ones if there are none, and return them.

    Raises
    ------
    MethexisError
        If ``axes`` are not Matplotlib's, or there is no number that could be drawn.
    """
    if axes is not None and not isinstance(axes, Axes):
        raise MethexisError(
            f"ax: expected axes of Matplotlib, got {type(axes).__name__}; of several axes, pass one"
        )
    if not has_numbers(picture):
        raise MethexisError(
            "plot: expected numbers that can be drawn, got none that is finite; see whether any "
            "replica or pair is left that could be measured"
        )
    if axes is None:
        axes = pyplot.subplots(layout="constrained")[1]
    picture.draw_on(axes)
    if isinstance(picture, Panel) and picture.legend is not None:
        picture.legend.draw_on(axes)
    return axes


def has_numbers(picture: Panel | HeatMap) -> bool:
    """Whether anything is drawn at a finite height."""
    marks: tuple[Plain, ...] = picture.marks if isinstance(picture, Panel) else (picture,)
    heights = (getattr(mark, name, None) for mark in marks for name in _HEIGHTS)
    arrays = (np.asarray(h, dtype=float) for h in heights if h is not None)
    return any(values.ndim and np.isfinite(values).any() for values in arrays)  # bounds are none
