"""Figures of layers at one moment: clouds, matrices, spectra, equipartition, random minima."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure

from methexis.core.checks import Array
from methexis.plots import style

#: From white (no alignment) to deep blue (perfect alignment): lightness alone carries the value.
_ALIGNED: Colormap = LinearSegmentedColormap.from_list(
    "aligned", ["#ffffff", "#dcebf5", "#8fc1de", "#2f86bd", "#0b4f83", "#05294a"]
)
#: Above this number of layers a matrix is drawn without numbers.
_MOST_WRITTEN = 8


def cloud(
    points: Array,
    colour: Array,
    limit: float,
    label: str,
    *,
    over: Array | None = None,
    over_label: str = "",
    axes_of: tuple[str, str] = ("A1", "B1"),
) -> Figure:
    """Points of a layer in two coordinates; ``over`` as rings on top, joined to their partners.

    Parameters
    ----------
    points, over : array (num_samples, 2)
        Activations, in the same two directions.
    colour : array (num_samples,)
        Position of the input, in [0, 1].
    limit : float
        Half width of the square.
    axes_of : (str, str)
        Names of the two layers; the second's principal directions are the axes.
    """
    figure, axes = style.new_figure(height=460)
    if over is not None:
        joined = list(np.stack([points, over], axis=1))
        axes.add_collection(LineCollection(joined, colors="#9aa0a8", lw=0.5, alpha=0.6, zorder=1))
    size = 26 if over is None else 15
    axes.scatter(
        points[:, 0], points[:, 1], c=colour, cmap="viridis", vmin=0, vmax=1, s=size,
        linewidths=0, zorder=2,
    )  # fmt: skip
    if over is not None:
        axes.scatter(
            over[:, 0], over[:, 1], s=52, facecolors="none", linewidths=1.0, zorder=3,
            edgecolors=[style.shade("viridis", c) for c in colour],
        )  # fmt: skip
    axes.set_xlim(-limit, limit)
    axes.set_ylim(-limit, limit)
    axes.set_aspect("equal")
    axes.set_xlabel(f"1st principal direction of {axes_of[1]}")
    axes.set_ylabel(f"2nd principal direction of {axes_of[1]}")
    # The markers of the legend are dark: colour means the input, not the layer.
    axes.plot([], [], "o", ms=5, color=style.INK, label=label)
    if over is not None:
        axes.plot([], [], "o", ms=7, mfc="none", color=style.INK, label=over_label)
    figure.legend(loc="outside upper left", ncols=2, handlelength=1.0)
    return figure


def matrix(values: Array, labels: Sequence[str]) -> Figure:
    """Alignment of every pair of layers, as shades and, if they fit, as numbers."""
    figure, axes = style.new_figure(style.THIRD, style.THIRD)
    axes.grid(visible=False)
    edges = np.arange(len(labels) + 1) - 0.5
    axes.pcolormesh(edges, edges, values, cmap=_ALIGNED, vmin=0.0, vmax=1.0, ec="white", lw=1.5)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    count = len(labels)
    written = count <= _MOST_WRITTEN
    every = 1 if count <= 2 * _MOST_WRITTEN else int(np.ceil(count / _MOST_WRITTEN))
    ticks = np.arange(0, count, every)
    names = list(labels[::every])
    upright = max(map(len, names), default=0) > 4 or count > _MOST_WRITTEN
    axes.set_xticks(ticks, names, rotation=90 if upright else 0)
    axes.set_yticks(ticks, names)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    for side in axes.spines.values():
        side.set_visible(False)
    for i in range(count if written else 0):
        for j in range(count):
            value = values[i, j]
            if i != j:
                colour = "white" if value > 0.55 else style.INK
                axes.text(
                    j, i, shade_label(value, count), color=colour, ha="center", va="center",
                    fontsize=style.points(13.5 if count <= 6 else 10.5),
                )  # fmt: skip
    return figure


def phase(values: Array, names: Sequence[Sequence[str]], axes_of: Sequence[str]) -> Figure:
    """Alignment in every cell of two dimensions, as shades; crosses where nothing is left.

    Parameters
    ----------
    values : array (rows, columns)
    names : (row names, column names)
    axes_of : (str, str)
        Names of the two dimensions.
    """
    figure, axes = style.new_figure(style.WIDE, 560)
    axes.grid(visible=False)
    rows, columns = values.shape
    mesh = axes.pcolormesh(
        np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5, values, cmap=_ALIGNED,
        vmin=0.0, vmax=1.0, ec="white", lw=0.6,
    )  # fmt: skip
    lost = np.argwhere(~np.isfinite(values))
    axes.scatter(lost[:, 1], lost[:, 0], marker="x", s=30, color=style.CONTROL)
    for which, count, labels in ((1, columns, names[1]), (0, rows, names[0])):
        every = max(1, int(np.ceil(count / 12)))
        ticks = np.arange(0, count, every)
        (axes.set_xticks if which else axes.set_yticks)(ticks, list(labels[::every]))
    axes.tick_params(length=0)
    axes.set_xlabel(axes_of[1])
    axes.set_ylabel(axes_of[0])
    bar = figure.colorbar(mesh, ax=axes)
    bar.set_label("alignment of the worst pair (median)")
    return figure


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


def minima_alignment(
    laws: Sequence[tuple[str, Array]], ends: float, *, ends_label: str = "SGD ends here"
) -> Figure:
    """Histogram of the alignment of all pairs of layers of random minima."""
    figure, axes = style.new_figure(height=380)
    bins = np.linspace(0.0, 1.0, 41)
    for k, (name, pairs) in enumerate(laws):
        _histogram(axes, pairs.ravel(), bins, name, k)
    if np.isfinite(ends):
        axes.axvline(ends, color=style.SGD, lw=2.6, label=ends_label, zorder=5)
    axes.set_xlim(0.0, 1.015)
    axes.set_xlabel("alignment of a pair of layers (no unit)")
    axes.set_ylabel("share of pairs (%)")
    style.legend(figure, axes, columns=2)
    return figure


def minima_entropy(laws: Sequence[tuple[str, Array]], ends: float) -> Figure:
    """Histogram of ``S / S_min`` of random minima on a logarithmic axis, with the bound 1."""
    figure, axes = style.new_figure(height=380)
    values = np.concatenate([ratio.ravel() for _, ratio in laws])
    values = values[np.isfinite(values)]
    # Some laws have a long tail: what lies beyond its last per cent is counted in the last bin.
    high = max(float(np.quantile(values, 0.99)) * 1.05, 10.0)
    bins = np.geomspace(0.8, high, 37)
    for k, (name, ratio) in enumerate(laws):
        _histogram(axes, np.minimum(ratio.ravel(), 0.999 * high), bins, name, k)
    axes.axvline(1.0, color=style.INK, lw=1.3, ls=(0, (1, 1.4)), label="bound: 1", zorder=5)
    if np.isfinite(ends):
        axes.axvline(ends, color=style.SGD, lw=2.6, label="SGD ends here", zorder=4)
    axes.set_xlim(bins[0], high)
    style.log_axis(axes, "x")
    axes.set_xlabel("entropy S over its least value (no unit)")
    axes.set_ylabel("share of minima (%)")
    style.legend(figure, axes, columns=2)
    return figure


def _histogram(axes: Axes, values: Array, bins: Array, name: str, k: int) -> None:
    weights = np.full(len(values), 100.0 / max(len(values), 1))
    colour = style.LAWS[k % len(style.LAWS)]
    shared = {"bins": bins, "weights": weights}
    axes.hist(values, histtype="stepfilled", color=colour, alpha=0.35, **shared)  # type: ignore[arg-type]
    dashes = "-" if k == 0 else (0, (3, 1.2))
    axes.hist(values, histtype="step", color=style.darker(colour), lw=1.4, ls=dashes, **shared)  # type: ignore[arg-type]
    axes.plot([], [], color=style.darker(colour), lw=1.4, ls=dashes, label=f"law: {name}")


def equipartition(students: Sequence[tuple[str, Array]]) -> Figure:
    """Measured ``E‖∇_{W_i} ℓ‖²`` over ``4q`` for every layer; theory: 1 in all of them.

    Parameters
    ----------
    students : sequence of (name, array (replica, layer))
    """
    figure, axes = style.new_figure(height=380)
    at, names = 0.0, []
    ticks: list[float] = []
    highest = 1.0
    for k, (name, ratio) in enumerate(students):
        colour = style.STUDENTS[k % len(style.STUDENTS)]
        for i in range(ratio.shape[-1]):
            values = ratio[:, i]
            highest = max(highest, float(np.max(values)))
            axes.bar(at, np.median(values), width=0.72, color=colour, alpha=0.45)
            spread = at + np.linspace(-0.24, 0.24, len(values)) if len(values) > 1 else [at]
            axes.scatter(spread, values, s=9, color=style.darker(colour), linewidths=0, zorder=3)
            ticks.append(at)
            names.append(f"{name}\nW{i + 1}")
            at += 1.0
        at += 0.6
    axes.axhline(1.0, color=style.PREDICTION, lw=1.5, ls=(0, (4, 2.6)), label="Platonic: 1")
    axes.bar([], [], color=style.CONTROL, alpha=0.45, label="median")
    axes.scatter([], [], s=12, color=style.INK, label="one replica")
    axes.set_xticks(ticks, names)
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    axes.set_ylim(0.0, 1.12 * highest)
    axes.set_ylabel("gradient noise of the layer / 4q")
    style.legend(figure, axes, columns=3)
    return figure


def spectrum(layers: Sequence[tuple[str, Array, Array | None]], colour: str) -> Figure:
    """Strength of every mode of a student's hidden layers, on the closed form.

    Parameters
    ----------
    layers : sequence of (name, array (replica, mode), array (predicted_mode,) or None)
        Eigenvalues of the layer's second moment, descending.
    """
    figure, axes = style.new_figure(height=380)
    at = 0.0
    ticks, names, top, low = [], [], 0.0, np.inf
    for name, measured, predicted in layers:
        count = measured.shape[-1] if predicted is None else len(predicted)
        x = at + np.arange(count)
        live = measured[:, :count]
        if predicted is not None:
            axes.hlines(predicted, x - 0.42, x + 0.42, color=style.PREDICTION, lw=1.8, zorder=3)
            low = min(low, float(predicted.min()))
        for row in live:
            axes.scatter(x, row, s=16, color=colour, alpha=0.5, linewidths=0, zorder=2)
        positive = live[live > 0]
        if positive.size:
            low, top = min(low, float(positive.min())), max(top, float(positive.max()))
        ticks.append(float(x.mean()))
        names.append(name)
        at = float(x[-1]) + 2.2
    if any(p is not None for _, _, p in layers):
        axes.plot([], [], color=style.PREDICTION, lw=1.8, label="closed form")
    axes.scatter([], [], s=22, color=colour, label="measured, all replicas")
    axes.set_xticks(ticks, names)
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    if np.isfinite(low) and top > 0:
        axes.set_ylim(0.8 * low, 1.25 * top)
        style.log_axis(axes, "y")
    axes.set_xlabel("hidden layer, its modes from strong to weak")
    axes.set_ylabel("variance of a mode (signal²)")
    style.legend(figure, axes, columns=2)
    return figure
