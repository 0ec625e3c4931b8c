"""Figures of what changes along a run: alignment, loss, entropy, charges, curvature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from methexis.core.checks import Array
from methexis.plots import style

ALIGNMENT = "alignment (1 = same up to\nrotation and scale)"


@dataclass(frozen=True, eq=False)
class Clock:
    """What a run is drawn over.

    Attributes
    ----------
    values : array (time,)
        Non-negative and increasing.
    label : str
        Label of the axis.
    """

    values: Array
    label: str

    @property
    def positive(self) -> Array:
        """Values for a logarithmic axis: zero is not drawn."""
        return np.where(self.values > 0, self.values, np.nan)


@dataclass(frozen=True, eq=False)
class Curve:
    """One student's quantity along a run.

    Attributes
    ----------
    name : str
        Name of the student.
    raw : array (time, replica)
        At the weights themselves.
    projected, predicted : array (time, replica), optional
        On the minima below; by theory.
    level : float, optional
        Closed form at the Platonic point.
    """

    name: str
    raw: Array
    projected: Array | None = None
    predicted: Array | None = None
    level: float | None = None


def middle(values: Array) -> Array:
    """Median over replicas (last axis); NaN where any replica has none, so nothing is dropped."""
    return np.asarray(np.median(values, axis=-1))


def worst_pair(
    clock: Clock,
    measured: Array,
    *,
    predicted: Array | None = None,
    control: Array | None = None,
    width: int = style.PANEL,
    height: int = 400,
) -> Figure:
    """Alignment of the least aligned pair of layers: each replica thin, their median thick."""
    figure, axes = style.new_figure(width, height)
    x = clock.positive
    _cloud(axes, x, measured, control)
    _medians(axes, x, measured, control)
    if predicted is not None:
        predicted_line(axes, x, middle(predicted), "predicted")
    _span(axes, clock)
    axes.set_ylim(0.0, 1.03)
    axes.set_ylabel(ALIGNMENT if width <= style.PANEL else ALIGNMENT.replace("\n", " "))
    style.legend(figure, axes, columns=2 if width <= style.PANEL else 4)
    return figure


def distance_to_one(
    clock: Clock,
    measured: Array,
    *,
    projected: Array | None = None,
    predicted: Array | None = None,
    control: Array | None = None,
) -> Figure:
    """``1 - alignment`` of the worst pair on logarithmic axes, where small offsets show."""
    figure, axes = style.new_figure(height=380)
    x = clock.positive
    one = [None if v is None else _positive(1.0 - v) for v in (projected, predicted, control)]
    gap = _positive(1.0 - measured)
    _cloud(axes, x, gap, one[2])
    _medians(axes, x, gap, one[2])
    if one[0] is not None and np.isfinite(middle(one[0])).any():
        axes.plot(x, middle(one[0]), color=style.MARK, lw=1.8, label="median, projected", zorder=4)
    if one[1] is not None:
        predicted_line(axes, x, middle(one[1]), "predicted")
    _span(axes, clock)
    axes.set_ylabel("1 − alignment (0 = same)")
    # A prediction of perfect alignment falls without end; the axis ends below what was measured.
    found = [v[np.isfinite(v)] for v in (gap, one[0]) if v is not None]
    least = min((float(v.min()) for v in found if v.size), default=0.0)
    axes.set_ylim(max(0.3 * least, 1e-16), 1.3)
    style.log_axis(axes, "y")
    style.legend(figure, axes)
    return figure


def loss(clock: Clock, curves: Sequence[Curve]) -> Figure:
    """Loss of every student; the closed form is the label noise, which no map can predict."""
    figure = _students(clock, curves, "loss L (squared label units)", floor="label noise")
    return figure


def entropy_ratio(clock: Clock, curves: Sequence[Curve]) -> Figure:
    """``S / S_min`` of every student, with the bound 1 that no minimum passes."""
    return _students(clock, curves, "entropy S / its least value", floor="bound", clip=12.0)


def sharpness(clock: Clock, curves: Sequence[Curve]) -> Figure:
    """Largest eigenvalue of the Hessian of every student."""
    return _students(clock, curves, "largest Hessian eigenvalue", floor="closed form", clip=6.0)


def hessian_trace(clock: Clock, curves: Sequence[Curve]) -> Figure:
    """Trace of the Hessian of every student."""
    return _students(clock, curves, "trace of the Hessian", floor="closed form", clip=6.0)


def charge_norms(
    clock: Clock, norms: Sequence[tuple[str, Array]], control: Sequence[Array] | None
) -> Figure:
    """``‖C_i‖`` of every student's interfaces under SGD, and conserved without noise.

    Parameters
    ----------
    norms : sequence of (student, array (interface, time, replica))
    control : sequence of arrays (interface, time, replica), optional
    """
    figure, axes = style.new_figure(height=380)
    x = clock.positive
    highest = 0.0
    for k, (name, values) in enumerate(norms):
        for i, one in enumerate(values):
            path = middle(one)
            highest = max(highest, float(np.nanmax(path)))
            label = f"student {name}" if i == 0 else None
            axes.plot(x, path, color=_student(k), lw=2.0, label=label, zorder=3)
    for k, values in enumerate(control or ()):
        for i, one in enumerate(values):
            path = middle(one)
            highest = max(highest, float(np.nanmax(path, initial=0.0)))
            label = "force off" if k == i == 0 else None
            axes.plot(x, path, color=style.CONTROL, lw=1.3, ls=(0, (1, 1.4)), label=label)
    _span(axes, clock)
    axes.set_ylim(0.0, 1.06 * highest if highest > 0 else 1.0)
    axes.set_ylabel("size of charge C (weight²)")
    style.legend(figure, axes, columns=2)
    return figure


def charge_changes(
    clock: Clock, changes: Sequence[tuple[str, Array]], control: Sequence[Array] | None
) -> Figure:
    """``‖C_i − C_i(0)‖ / ‖C_i(0)‖`` on logarithmic axes: SGD's leak against rounding."""
    figure, axes = style.new_figure(height=380)
    x = clock.positive
    for k, (name, values) in enumerate(changes):
        for i, one in enumerate(values):
            label = f"student {name}" if i == 0 else None
            axes.plot(x, _positive(middle(one)), color=_student(k), label=label, zorder=3)
    for k, values in enumerate(control or ()):
        for i, one in enumerate(values):
            label = "force off" if k == i == 0 else None
            path = _positive(middle(one))
            axes.plot(x, path, color=style.CONTROL, lw=1.3, ls=(0, (1, 1.4)), label=label)
    _span(axes, clock)
    axes.set_ylabel("relative change of charge")
    style.log_axis(axes, "y")
    style.legend(figure, axes, columns=2)
    return figure


def _students(
    clock: Clock, curves: Sequence[Curve], label: str, *, floor: str, clip: float = np.inf
) -> Figure:
    """Draw medians of one quantity per student; ``clip`` bounds the axis, in final values."""
    figure, axes = style.new_figure(height=380)
    x = clock.positive
    levels = {c.level for c in curves if c.level is not None}
    final = []
    for k, curve in enumerate(curves):
        colour = _student(k)
        best = curve.raw if curve.projected is None else curve.projected
        raw, main = middle(curve.raw), middle(best)
        if curve.projected is not None and np.isfinite(main).any():
            axes.plot(x, raw, color=colour, lw=1.0, alpha=0.55, label=f"{curve.name}, raw")
            axes.plot(x, main, color=colour, lw=2.4, label=f"{curve.name}, projected", zorder=3)
        else:
            axes.plot(x, raw, color=colour, lw=2.2, label=f"student {curve.name}", zorder=3)
        final.append(float(raw[-1]))
    for level in sorted(levels):
        axes.axhline(level, color=style.INK, lw=1.0, ls=(0, (1, 1.5)), zorder=2)
    drawn = [c.predicted for c in curves if c.predicted is not None]
    for i, path in enumerate(drawn):
        predicted_line(axes, x, middle(path), "predicted" if i == 0 else None)
    if levels:
        axes.plot([], [], color=style.INK, lw=1.0, ls=(0, (1, 1.5)), label=floor)
    _span(axes, clock)
    low, high = axes.get_ylim()
    shown = [v for v in (*final, *levels) if np.isfinite(v) and v > 0]
    if shown:
        high = min(high, clip * max(shown))
    low = max(low, 0.0)
    axes.set_ylim(low, high)
    axes.set_ylabel(label)
    positive = min((v for v in _finite(axes) if v > 0), default=0.0)
    if positive > 0 and high / positive > 5.0:
        axes.set_ylim(0.85 * positive, high)
        style.log_axis(axes, "y")
    style.legend(figure, axes, columns=2)
    return figure


def _finite(axes: Axes) -> list[float]:
    lines = [np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()]
    return [float(v[np.isfinite(v)].min()) for v in lines if np.isfinite(v).any()]


def _student(k: int) -> str:
    return style.STUDENTS[k % len(style.STUDENTS)]


def _positive(values: Array) -> Array:
    """Values for a logarithmic axis; what rounding leaves at or below zero is not drawn."""
    return np.where(values > 0, values, np.nan)


def _cloud(axes: Axes, x: Array, measured: Array, control: Array | None) -> None:
    faint = float(np.clip(4.0 / max(measured.shape[-1], 1), 0.12, 0.5))
    if control is not None:
        axes.plot(x, control, color=style.CONTROL, lw=0.7, alpha=faint, zorder=1)
    axes.plot(x, measured, color=style.SGD, lw=0.8, alpha=faint, zorder=2)


def _medians(axes: Axes, x: Array, measured: Array, control: Array | None) -> None:
    axes.plot(x, middle(measured), color=style.SGD, lw=3.2, label="SGD, median", zorder=3)
    if control is not None:
        axes.plot(
            x, middle(control), color=style.CONTROL, lw=2.4, label="force off, median", zorder=2
        )


def predicted_line(axes: Axes, x: Array, y: Array, label: str | None) -> None:
    """Black dashes on a white casing, legible over any colour."""
    dashes = (0, (4.0, 2.6))
    axes.plot(x, y, color="white", lw=2.6, alpha=0.75, zorder=5)
    axes.plot(x, y, color=style.PREDICTION, lw=1.5, ls=dashes, label=label, zorder=6)


def _span(axes: Axes, clock: Clock) -> None:
    """Logarithmic time axis over what was recorded."""
    values = clock.values[clock.values > 0]
    if len(values):
        low, high = float(values.min()), float(values.max())
        axes.set_xlim(low if low < high else 0.5 * low, 1.02 * high)
        style.log_axis(axes, "x")
    axes.set_xlabel(clock.label)


def with_level(found: Sequence[Curve], level: float) -> list[Curve]:
    """Return the curves with one closed form for all."""
    return [replace(curve, level=level) for curve in found]
