"""A picture of one panel: marks, two axes and a legend; and several panels beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from methexis.plots import style
from methexis.plots.mark import Look, Mark, Plain

#: Of how many factors positive values span an axis that is fitted gets a logarithmic scale.
_WIDE_SPAN = 5.0
#: Text as it is, also on axes of a style that reads mathematics: a layer may be called ``$1$``.
_AS_IS: dict[str, Any] = {"parse_math": False}


@dataclass(frozen=True)
class Axis:
    """One axis of a panel."""

    label: str = ""  # with the unit
    #: ``"linear"``, ``"log"``, or ``"fitted"``: from zero, and logarithmic where values spread.
    scale: str = "linear"
    #: Ends; what is not given is found from the marks. Of a fitted axis ``high`` is a bound.
    low: float | None = None
    high: float | None = None
    ticks: tuple[float, ...] | None = None  # places that are marked
    names: tuple[str, ...] | None = None  # what stands at these
    turned: int = 0  # angle of the names
    #: Whether there are lines across the panel, strokes at the ticks, the axis itself.
    grid: bool = True
    strokes: bool = True
    shown: bool = True

    def draw(self, axes: Axes, which: str) -> None:
        """Set up the axis ``"x"`` or ``"y"`` of axes that have their marks."""
        if self.scale == "fitted":
            self._fit(axes)
        elif self.low is not None or self.high is not None:
            (axes.set_xlim if which == "x" else axes.set_ylim)(self.low, self.high)
        if self.scale == "log":
            style.log_axis(axes, which)
        if self.ticks is not None:
            set_ticks = axes.set_xticks if which == "x" else axes.set_yticks
            turned: dict[str, Any] = {"rotation": self.turned} | _AS_IS if self.names else {}
            if 0 < self.turned < 90:
                turned["ha"] = "right"
            set_ticks(self.ticks, self.names, **turned)
        if not self.strokes:
            axes.tick_params(axis=which, length=0)  # type: ignore[arg-type]
        if not self.grid:
            axes.grid(visible=False, axis=which)  # type: ignore[arg-type]
        if not self.shown:
            axes.spines["bottom" if which == "x" else "left"].set_visible(False)
        if self.label:
            (axes.set_xlabel if which == "x" else axes.set_ylabel)(self.label, **_AS_IS)

    def _fit(self, axes: Axes) -> None:
        low, high = axes.get_ylim()
        if self.high is not None:
            high = min(high, self.high)
        axes.set_ylim(max(low, 0.0), high)
        lines = [np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()]
        least = [float(v[np.isfinite(v)].min()) for v in lines if np.isfinite(v).any()]
        positive = min((v for v in least if v > 0), default=0.0)
        if positive > 0 and high / positive > _WIDE_SPAN:
            axes.set_ylim(0.85 * positive, high)
            style.log_axis(axes, "y")


@dataclass(frozen=True)
class Key:
    """A line of a legend that no mark stands for."""

    name: str
    look: Look


@dataclass(frozen=True)
class Legend:
    """What stands above a panel, where no curve can run through it."""

    columns: int = 2
    keys: tuple[Key, ...] = ()  # its lines; those of the marks that have names if there are none
    order: tuple[str, ...] = ()  # names of marks in the order in which they are to stand
    handle: float | None = None  # length of the pieces of lines

    def draw(self, figure: Figure, axes: Axes) -> None:
        """Put it above the axes."""
        handles, names = self._lines(axes)
        if handles:
            place: dict[str, Any] = {"loc": "outside upper left", "ncols": self.columns}
            figure.legend(handles, names, handlelength=self.handle, **place)

    def draw_on(self, axes: Axes) -> None:
        """Put it on axes of others, where there is room."""
        handles, names = self._lines(axes)
        if handles:
            for text in axes.legend(handles, names, handlelength=self.handle).get_texts():
                text.set_parse_math(False)

    def _lines(self, axes: Axes) -> tuple[list[Any], list[str]]:
        """Its lines and their names."""
        if self.keys:
            lines = [Line2D([], [], **key.look.line) for key in self.keys]
            return lines, [key.name for key in self.keys]
        handles, names = axes.get_legend_handles_labels()
        if self.order:
            handle_of = dict(zip(names, handles, strict=True))
            handles, names = [handle_of[name] for name in self.order], list(self.order)
        return list(handles), list(names)


class Plot(Plain):
    """What is a figure of its own."""

    width: int  # in pixels of the design, as the height
    height: int

    def draw_on(self, axes: Axes) -> None:
        """Draw it on axes of others."""
        raise NotImplementedError

    def draw(self) -> Figure:
        """Draw it; to be called, and the figure to be saved, in `style.house_style`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Picture:
    """A figure of a report."""

    name: str  # name of its file, and of its ids in the page
    plot: Plot  # its data, which draw themselves
    alt: str  # what it shows, in a sentence, for who cannot see it


@dataclass(frozen=True)
class Panel(Plot):
    """Marks between two axes."""

    x: Axis
    y: Axis
    marks: tuple[Mark, ...]  # from the bottom to the top, where their looks do not say otherwise
    legend: Legend | None = Legend()
    #: In pixels of the design.
    width: int = style.PANEL
    height: int = 380
    title: str = ""
    square: bool = False  # whether both axes have one scale

    def draw(self) -> Figure:
        """Draw it as a figure of its own."""
        figure, axes = style.new_figure(self.width, self.height)
        self.draw_on(axes)
        if self.legend is not None:
            self.legend.draw(figure, axes)
        return figure

    def draw_on(self, axes: Axes) -> None:
        """Draw it, without its legend, on axes."""
        for mark in self.marks:
            mark.draw(axes)
        self.x.draw(axes, "x")
        self.y.draw(axes, "y")
        if self.square:
            axes.set_aspect("equal")
        if self.title:
            axes.set_title(self.title, **_AS_IS)


def draw_all(panels: Sequence[Plot], columns: int) -> Figure:
    """Draw small panels of one size in rows, without legends."""
    rows = -(-len(panels) // columns)
    figure = style.grid_figure(columns * panels[0].width, rows * panels[0].height)
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, panel in zip(places, panels, strict=False):
        panel.draw_on(axes)
    for axes in places[len(panels) :]:
        axes.remove()
    return figure
