"""A table of numbers as shades: darker is more, and what stands out is framed or struck out.

Colours go from white to deep blue, so that lightness alone carries the value. Few cells have their
numbers in them; very many become pixels, with dots for frames that could not be told apart, so that
the page stays small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from methexis.plots import style
from methexis.plots.mark import Mark
from methexis.plots.panel import Axis, Plot

_COLOURS = {
    "white": LinearSegmentedColormap.from_list(
        "aligned", ["#ffffff", "#dcebf5", "#8fc1de", "#2f86bd", "#0b4f83", "#05294a"]
    ),
    "grey": LinearSegmentedColormap.from_list(
        "alignment", ["#f4f6f8", "#cfe0ec", "#8dbbd9", "#3d8dc0", "#0b5c93", "#06304f"]
    ),
}
#: Share of the scale above which a cell is so dark that its number is white.
_DARK = 0.55
#: Cells in a row from which on crosses in them are smaller.
_ROOMY = 16

Cells = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class HeatMap(Plot):
    """Shades in rows and columns."""

    values: ArrayLike  # (row, column)
    #: Labels, ticks and their names, in numbers of rows and columns from zero.
    rows: Axis
    columns: Axis
    #: Values of the lightest and of the darkest shade.
    low: float = 0.0
    high: float = 1.0
    #: In pixels of the design.
    width: int = style.PANEL
    height: int = 380
    #: Whether the first row is at the top, with the axis of the columns above it.
    downwards: bool = True
    square: bool = True  # whether a cell is as high as wide
    #: ``"white"``, or ``"grey"``, where a cell of the lightest shade is to be seen.
    lightest: str = "white"
    reversed: bool = False  # whether less is darker
    gaps: float = 0.6  # width of the lines between cells
    texts: tuple[tuple[str, ...], ...] = ()  # what stands in the cells; empty where nothing does
    text_size: float = 12.0  # in pixels of the design
    #: Cells with a frame, and with a stroke through them.
    framed: Cells = ()
    struck: Cells | None = None
    #: Cells with a broken frame: what might stand out as well.
    dotted: Cells = ()
    stroke: float = 1.0  # how opaque strokes are
    crossed: bool = False  # whether a cross stands where there is no value
    bar: str = ""  # label of the scale; without one no scale is drawn
    bar_below: bool = False  # whether it stands below the cells, not beside them
    pixels: bool = False  # whether what is drawn becomes pixels
    marks: tuple[Mark, ...] = ()  # what is drawn over the cells, in numbers of columns and rows

    def draw(self) -> Figure:
        """Draw it as a figure of its own."""
        figure, axes = style.new_figure(self.width, self.height)
        self.draw_on(axes)
        return figure

    def draw_on(self, axes: Axes) -> None:
        """Draw it on axes, of which its scale takes a part."""
        axes.grid(visible=False)
        values = np.asarray(self.values)
        rows, columns = values.shape
        colours = _COLOURS[self.lightest]
        mesh = axes.pcolormesh(
            np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5, values,
            cmap=colours.reversed() if self.reversed else colours,
            vmin=self.low, vmax=self.high, ec="white", lw=0.0 if self.pixels else self.gaps,
        )  # fmt: skip
        mesh.set_rasterized(self.pixels)
        if self.downwards:
            axes.invert_yaxis()
            axes.set_aspect("equal" if self.square else "auto")
        self._mark(axes)
        self._write(axes, values)
        for mark in self.marks:
            mark.draw(axes)
        self.rows.draw(axes, "y")
        self.columns.draw(axes, "x")
        axes.tick_params(length=0)
        if self.downwards:
            axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False)
            axes.xaxis.set_label_position("top")
            for side in axes.spines.values():
                side.set_visible(False)
        figure = axes.figure
        if self.bar and self.bar_below:
            bar = figure.colorbar(
                mesh, ax=axes, location="bottom", pad=0.03, aspect=34, shrink=0.92
            )
            bar.outline.set_visible(False)
            bar.ax.tick_params(length=2)
            bar.locator = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10])
            bar.update_ticks()
            bar.set_label(self.bar)
        elif self.bar:
            figure.colorbar(mesh, ax=axes).set_label(self.bar)

    def _mark(self, axes: Axes) -> None:
        """Frames, which become dots where cells are too small for them; strokes; crosses."""
        colour = style.STUDENTS[1]
        if self.pixels:
            marked = (*self.framed, *self.dotted)
            rows, columns = ([cell[k] for cell in marked] for k in (0, 1))
            axes.plot(columns, rows, ".", ms=2.5, color=colour, rasterized=True)
        else:
            for i, j in self.framed:
                axes.add_patch(_frame(i, j, ec=colour, lw=1.6))
            for i, j in self.dotted:
                axes.add_patch(_frame(i, j, ec=colour, lw=1.1, ls=(0, (1.2, 1.6))))
        if self.struck is not None:
            lines = [[(j - 0.32, i + 0.32), (j + 0.32, i - 0.32)] for i, j in self.struck]
            strokes = LineCollection(lines, colors="#8a5a3c", linewidths=0.8, alpha=self.stroke)
            strokes.set_rasterized(self.pixels)
            axes.add_collection(strokes, autolim=False)
        if self.crossed:
            lost = np.argwhere(~np.isfinite(np.asarray(self.values)))
            size = 30.0 * min(1.0, _ROOMY / max(np.shape(self.values))) ** 2
            axes.scatter(lost[:, 1], lost[:, 0], marker="x", s=size, color=style.CONTROL,
                         linewidths=1.5 if size == 30.0 else 0.8)  # fmt: skip

    def _write(self, axes: Axes, values: NDArray[np.float64]) -> None:
        for i, line in enumerate(self.texts):
            for j, text in enumerate(line):
                shade = (values[i, j] - self.low) / (self.high - self.low)
                dark = (1.0 - shade if self.reversed else shade) > _DARK
                if text:
                    axes.text(
                        j, i, text, ha="center", va="center",
                        color="white" if dark else style.INK,
                        fontsize=style.points(self.text_size),
                    )  # fmt: skip


def _frame(row: int, column: int, **look: Any) -> Rectangle:
    return Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, fill=False, **look)
