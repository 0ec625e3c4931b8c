"""Data of the figures of layers at one moment: how they are aligned, how strong their modes are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.checks import Array
from methexis.plots import style
from methexis.plots.curve import Curve, Dots
from methexis.plots.heat_map import HeatMap
from methexis.plots.levels import Rungs
from methexis.plots.mark import Look, Mark
from methexis.plots.panel import Axis, Panel

#: Above this number of layers a matrix is drawn without numbers.
_MOST_WRITTEN = 8
#: In pixels of the design: width of a letter, and of what stands beside the cells of a panel.
_LETTER, _BESIDE = 9, 90


def matrix(values: Array, labels: Sequence[str]) -> HeatMap:
    """Alignment of every pair of layers, as shades and, if they fit, as numbers."""
    count = len(labels)
    written = count <= _MOST_WRITTEN
    every = 1 if count <= 2 * _MOST_WRITTEN else int(np.ceil(count / _MOST_WRITTEN))
    ticks, names = tuple(range(0, count, every)), tuple(labels[::every])
    upright = max(map(len, names), default=0) > 4 or count > _MOST_WRITTEN
    texts = tuple(
        tuple("" if i == j else shade_label(values[i, j], count) for j in range(count))
        for i in range(count if written else 0)
    )
    return HeatMap(
        values,
        rows=Axis(ticks=ticks, names=names),
        columns=Axis(ticks=ticks, names=names, turned=90 if upright else 0),
        width=style.THIRD,
        height=style.THIRD,
        gaps=1.5,
        texts=texts,
        text_size=13.5 if count <= 6 else 10.5,
    )


def phase(
    values: Array,
    names: Sequence[Sequence[str]],
    axes_of: Sequence[str],
    *,
    width: int = style.WIDE,
    height: int = 560,
) -> HeatMap:
    """Alignment in every cell of two dimensions, as shades; crosses where nothing is left.

    Parameters
    ----------
    values : array (rows, columns)
    names : (row names, column names)
    axes_of : (str, str)
        Names of the two dimensions.
    width, height : int
        In pixels of the design; of a narrow one the scale stands below the cells.
    """
    narrow = width < style.WIDE

    def axis(which: int) -> Axis:
        count = values.shape[which]
        every = max(1, int(np.ceil(count / 12)))
        told = tuple(names[which][::every])
        return Axis(
            axes_of[which],
            ticks=tuple(range(0, count, every)),
            names=told,
            turned=turned(told, width) if which == 1 else 0,
        )

    return HeatMap(
        values,
        rows=axis(0),
        columns=axis(1),
        width=width,
        height=height,
        downwards=False,
        crossed=True,
        bar="alignment of the worst pair (median)",
        bar_below=narrow,
    )


def turned(names: Sequence[str], width: int) -> int:
    """Angle of the names along a panel: upright where they would run into each other.

    Examples
    --------
    >>> turned(["0.001", "0.01"], 460), turned([f"{k}e−5" for k in range(12)], 460)
    (0, 90)
    """
    longest = max(map(len, names), default=0)
    return 90 if len(names) * (longest + 1) * _LETTER > width - _BESIDE else 0


def shade_label(value: float, count: int = 5) -> str:
    """Write an alignment in a cell of a matrix of ``count`` layers: as many digits as fit.

    Examples
    --------
    >>> shade_label(0.4321), shade_label(0.99996), shade_label(float("nan")), shade_label(0.5, 8)
    ('.432', '1.000', '–', '.50')
    """
    if not np.isfinite(value):
        return "–"
    text = f"{value:.3f}" if count <= 6 else f"{value:.2f}"
    return text.removeprefix("0")


def spectrum(layers: Sequence[tuple[str, Array, Array | None]], colour: str) -> Panel:
    """Strength of every mode of a student's hidden layers, on the closed form.

    Parameters
    ----------
    layers : sequence of (name, array (replica, mode), array (predicted_mode,) or None)
        Eigenvalues of the layer's second moment, descending.
    """
    at = 0.0
    marks: list[Mark] = []
    ticks, names, top, low = [], [], 0.0, np.inf
    for name, measured, predicted in layers:
        count = measured.shape[-1] if predicted is None else len(predicted)
        x = at + np.arange(count)
        live = measured[:, :count]
        if predicted is not None:
            look = Look(style.PREDICTION, width=1.8, order=3)
            marks.append(Rungs(predicted, x - 0.42, x + 0.42, look))
            low = min(low, float(predicted.min()))
        look = Look(colour, size=16, alpha=0.5, width=0, order=2)
        marks += [Dots(x, row, look) for row in live]
        positive = live[live > 0]
        if positive.size:
            low, top = min(low, float(positive.min())), max(top, float(positive.max()))
        ticks.append(float(x.mean()))
        names.append(name)
        at = float(x[-1]) + 2.2
    if any(p is not None for _, _, p in layers):
        marks.append(Curve([], [], Look(style.PREDICTION, width=1.8), "closed form"))
    marks.append(Dots([], [], Look(colour, size=22), "measured, all replicas"))
    y = Axis("variance of a mode (signal²)")
    if np.isfinite(low) and top > 0:
        y = Axis(y.label, "log", 0.8 * low, 1.25 * top)
    x_label = "hidden layer, its modes from strong to weak"
    return Panel(named_axis(ticks, names, x_label), y, tuple(marks))


def named_axis(ticks: Sequence[float], names: Sequence[str], label: str = "") -> Axis:
    """An axis of kinds, which need neither strokes nor a grid."""
    return Axis(label, ticks=tuple(ticks), names=tuple(names), strokes=False, grid=False)
