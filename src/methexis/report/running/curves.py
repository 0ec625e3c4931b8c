"""Data of the figures of what changes along a run: alignment, loss, entropy, charges, curvature."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from methexis.core.checks import Array
from methexis.plots import style
from methexis.plots.curve import Curve
from methexis.plots.levels import Level
from methexis.plots.mark import Look, Mark
from methexis.plots.panel import Axis, Legend, Panel
from methexis.plots.replicas import faint, middle, positive

ALIGNMENT = "alignment (1 = same up to\nrotation and scale)"
_CONTROL = Look(style.CONTROL, width=1.3, dashes=(1, 1.4))
_FLOOR = Look(style.INK, width=1.0, dashes=(1, 1.5), order=2)


@dataclass(frozen=True, eq=False)
class Clock:
    """What a run is drawn over."""

    values: Array  # (time,): non-negative and increasing
    label: str  # label of the axis

    @property
    def positive(self) -> Array:
        """Values for a logarithmic axis: zero is not drawn."""
        return positive(self.values)

    @property
    def axis(self) -> Axis:
        """Logarithmic axis over what was recorded."""
        values = self.values[self.values > 0]
        if not len(values):
            return Axis(self.label)
        low, high = float(values.min()), float(values.max())
        return Axis(self.label, "log", low if low < high else 0.5 * low, 1.02 * high)


@dataclass(frozen=True, eq=False)
class StudentPath:
    """One student's quantity along a run."""

    name: str  # name of the student
    raw: Array  # (time, replica): at the weights themselves
    #: (time, replica): on the minima below; by theory.
    projected: Array | None = None
    predicted: Array | None = None
    level: float | None = None  # closed form at the Platonic point
    #: (time,): when each was measured; at all times by default.
    rows: NDArray[np.bool_] | None = None
    projected_rows: NDArray[np.bool_] | None = None


def line(x: Array, y: Array, rows: NDArray[np.bool_] | None, look: Look, name: str = "") -> Curve:
    """A curve through what was measured; where that failed it is interrupted."""
    taken = slice(None) if rows is None else rows
    return Curve(x[taken], y[taken], look, name)


def predicted_curve(x: ArrayLike, y: ArrayLike, name: str = "") -> Curve:
    """Black dashes on a white casing, legible over any colour."""
    look = Look(style.PREDICTION, width=1.5, dashes=(4.0, 2.6), order=6)
    return Curve(x, y, look, name, cased=True)


def alignment_label(width: int) -> str:
    """The label of an axis of alignments, broken where the panel is narrow."""
    return ALIGNMENT if width <= style.PANEL else ALIGNMENT.replace("\n", " ")


def worst_pair(
    clock: Clock,
    measured: Array,
    *,
    predicted: Array | None = None,
    control: Array | None = None,
    name: str = "SGD",
    width: int = style.PANEL,
    height: int = 400,
) -> Panel:
    """Alignment of the least aligned pair of layers: each replica thin, their median thick."""
    x = clock.positive
    marks = _replicas(x, measured, control, name)
    if predicted is not None:
        marks.append(predicted_curve(x, middle(predicted), "predicted"))
    return Panel(
        clock.axis,
        Axis(alignment_label(width), low=0.0, high=1.03),
        tuple(marks),
        Legend(2 if width <= style.PANEL else 4),
        width,
        height,
    )


def distance_to_one(
    clock: Clock,
    measured: Array,
    *,
    projected: Array | None = None,
    predicted: Array | None = None,
    control: Array | None = None,
    name: str = "SGD",
    rows: NDArray[np.bool_] | None = None,
) -> Panel:
    """``1 - alignment`` of the worst pair on logarithmic axes, where small offsets show.

    ``rows`` are the times at which ``projected`` was measured; all by default.
    """
    x = clock.positive
    on_minima, by_theory, still = (
        None if values is None else positive(1.0 - values)
        for values in (projected, predicted, control)
    )
    gap = positive(1.0 - measured)
    marks = _replicas(x, gap, still, name)
    if on_minima is not None and np.isfinite(middle(on_minima)).any():
        look = Look(style.MARK, width=1.8, order=4)
        marks.append(line(x, middle(on_minima), rows, look, "median, projected"))
    if by_theory is not None:
        marks.append(predicted_curve(x, middle(by_theory), "predicted"))
    # A prediction of perfect alignment falls without end; the axis ends below what was measured.
    gaps = [v[np.isfinite(v)] for v in (gap, on_minima) if v is not None]
    least = min((float(v.min()) for v in gaps if v.size), default=0.0)
    y = Axis("1 − alignment (0 = same)", "log", max(0.3 * least, 1e-16), 1.3)
    return Panel(clock.axis, y, tuple(marks))


def loss(clock: Clock, paths: Sequence[StudentPath]) -> Panel:
    """Loss of every student; the closed form is the label noise, which no map can predict."""
    return _students(clock, paths, "loss L (squared label units)", floor="label noise")


def entropy_ratio(clock: Clock, paths: Sequence[StudentPath]) -> Panel:
    """``S / S_min`` of every student, with the bound 1 that no minimum passes."""
    bound = [replace(path, level=1.0) for path in paths]
    return _students(clock, bound, "entropy S / its least value", floor="bound", clip=12.0)


def sharpness(clock: Clock, paths: Sequence[StudentPath]) -> Panel:
    """Largest eigenvalue of the Hessian of every student."""
    return _students(clock, paths, "largest Hessian eigenvalue", floor="closed form", clip=6.0)


def hessian_trace(clock: Clock, paths: Sequence[StudentPath]) -> Panel:
    """Trace of the Hessian of every student."""
    return _students(clock, paths, "trace of the Hessian", floor="closed form", clip=6.0)


def charge_norms(
    clock: Clock, norms: Sequence[tuple[str, Array]], control: Sequence[Array]
) -> Panel:
    """``‖C_i‖`` of every student's interfaces under SGD, and conserved without noise.

    Parameters
    ----------
    norms : sequence of (student, array (interface, time, replica))
    control : sequence of arrays (interface, time, replica)
    """
    moved = [middle(one) for _, values in norms for one in values]
    still = [middle(one) for values in control for one in values]
    highest = max(
        [0.0, *(float(np.nanmax(path)) for path in moved)]
        + [float(np.nanmax(path, initial=0.0)) for path in still]
    )
    y = Axis("size of charge C (weight²)", low=0.0, high=1.06 * highest if highest > 0 else 1.0)
    return Panel(clock.axis, y, tuple(_charges(clock, norms, control, width=2.0)))


def charge_changes(
    clock: Clock, changes: Sequence[tuple[str, Array]], control: Sequence[Array]
) -> Panel:
    """``‖C_i − C_i(0)‖ / ‖C_i(0)‖`` on logarithmic axes: SGD's leak against rounding."""
    return Panel(
        clock.axis,
        Axis("relative change of charge", "log"),
        tuple(_charges(clock, changes, control, width=None, log=True)),
    )


def _charges(
    clock: Clock,
    students: Sequence[tuple[str, Array]],
    control: Sequence[Array],
    *,
    width: float | None,
    log: bool = False,
) -> Iterable[Curve]:
    """Medians of every interface, a colour for each student."""
    x = clock.positive

    def path(values: Array) -> Array:
        return positive(middle(values)) if log else middle(values)

    for k, (name, values) in enumerate(students):
        look = Look(style.colour_of(k), width=width, order=3)
        for i, one in enumerate(values):
            yield Curve(x, path(one), look, f"student {name}" if i == 0 else "")
    for k, values in enumerate(control):
        for i, one in enumerate(values):
            yield Curve(x, path(one), _CONTROL, "force off" if k == i == 0 else "")


def _students(
    clock: Clock, paths: Sequence[StudentPath], label: str, *, floor: str, clip: float = np.inf
) -> Panel:
    """Medians of one quantity per student; ``clip`` bounds the axis, in final values."""
    x = clock.positive
    levels = sorted({path.level for path in paths if path.level is not None})
    final = []
    marks: list[Mark] = []
    for k, path in enumerate(paths):
        colour = style.colour_of(k)
        best = path.raw if path.projected is None else path.projected
        raw, main = middle(path.raw), middle(best)
        if path.projected is not None and np.isfinite(main).any():
            faint = Look(colour, width=1.0, alpha=0.55)
            marks.append(line(x, raw, path.rows, faint, f"{path.name}, raw"))
            look = Look(colour, width=2.4, order=3)
            marks.append(line(x, main, path.projected_rows, look, f"{path.name}, projected"))
        else:
            look = Look(colour, width=2.2, order=3)
            marks.append(line(x, raw, path.rows, look, f"student {path.name}"))
        final.append(float(raw[-1]))
    marks += [Level(level, _FLOOR) for level in levels]
    drawn = [path.predicted for path in paths if path.predicted is not None]
    marks += [
        predicted_curve(x, middle(path), "predicted" if i == 0 else "")
        for i, path in enumerate(drawn)
    ]
    if levels:
        marks.append(Curve([], [], replace(_FLOOR, order=None), floor))
    shown = [v for v in (*final, *levels) if np.isfinite(v) and v > 0]
    bound = clip * max(shown) if shown and np.isfinite(clip) else None
    return Panel(clock.axis, Axis(label, "fitted", high=bound), tuple(marks))


def _replicas(x: Array, measured: Array, control: Array | None, name: str) -> list[Mark]:
    """Every replica thin and faint, and their medians."""
    alpha = faint(measured.shape[-1])
    marks: list[Mark] = []
    if control is not None:
        marks.append(Curve(x, control, Look(style.CONTROL, width=0.7, alpha=alpha, order=1)))
    marks.append(Curve(x, measured, Look(style.SGD, width=0.8, alpha=alpha, order=2)))
    marks.append(Curve(x, middle(measured), Look(style.SGD, width=3.2, order=3), f"{name}, median"))
    if control is not None:
        look = Look(style.CONTROL, width=2.4, order=2)
        marks.append(Curve(x, middle(control), look, "force off, median"))
    return marks
