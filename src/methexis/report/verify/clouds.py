"""Step 1's picture: inputs in two layers, before and after one is turned onto the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from methexis.core.checks import Array
from methexis.core.layers.geometry import LayerAlignment, align_samples
from methexis.plots import style
from methexis.plots.curve import Curve, Dots, Joins
from methexis.plots.mark import Look, Mark
from methexis.plots.panel import Axis, Legend, Panel
from methexis.training.records.run import Run


@dataclass(frozen=True, eq=False)
class Clouds:
    """Two layers' activations on the same inputs, in two directions of the second layer's space."""

    #: (num_samples, 2): first layer as it is, second layer, first layer rotated and scaled onto the
    #: second.
    a: Array
    b: Array
    turned: Array
    #: (num_samples,): rank of the input along the direction that the second layer amplifies most,
    #: in [0, 1].
    colour: Array
    #: Rotation, scale, what is left over; in all dimensions, not only in these two.
    found: LayerAlignment
    #: ``sqrt(E‖h_A - h_B‖² / E‖h_B‖²)`` neuron by neuron, the narrower layer padded by zeros.
    distance_before: float

    @property
    def limit(self) -> float:
        """Half width of a square that holds both layers as they are."""
        return 1.08 * float(max(np.abs(self.a).max(), np.abs(self.b).max()))


def clouds(first: Array, second: Array) -> Clouds:
    """Draw up two layers' activations, ``(num_samples, d_A)`` and ``(num_samples, d_B)``.

    Neuron ``k`` of the first layer is put where neuron ``k`` of the second is, so nothing but the
    weights decides how the two clouds lie to each other. Coordinates are the two principal
    directions of the second cloud.
    """
    width = max(first.shape[1], second.shape[1])
    a, b = (np.pad(h, ((0, 0), (0, width - h.shape[1]))) for h in (first, second))
    alignment = align_samples(a, b)
    turned = alignment.rotation_scale * a @ alignment.rotation.T
    directions = np.linalg.svd(b, full_matrices=False)[2][:2]
    flat_a, flat_b, flat_turned = (h @ directions.T for h in (a, b, turned))
    order = np.argsort(np.argsort(flat_b[:, 0]))  # ranks
    return Clouds(
        a=flat_a,
        b=flat_b,
        turned=flat_turned,
        colour=order / max(len(order) - 1, 1),
        found=alignment,
        distance_before=float(np.linalg.norm(a - b) / np.linalg.norm(b)),
    )


def cloud(
    points: Array,
    colour: Array,
    limit: float,
    label: str,
    *,
    over: Array | None = None,
    over_label: str = "",
    axes_of: tuple[str, str] = ("A1", "B1"),
) -> Panel:
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
    marks: list[Mark] = []
    if over is not None:
        marks.append(Joins(points, over, Look("#9aa0a8", width=0.5, alpha=0.6, order=1)))
    look = Look(size=26 if over is None else 15, width=0, order=2)
    marks.append(Dots(points[:, 0], points[:, 1], look, shades=colour))
    if over is not None:
        look = Look(size=52, inside="none", width=1.0, order=3)
        marks.append(Dots(over[:, 0], over[:, 1], look, shades=colour))
    # The markers of the legend are dark: colour means the input, not the layer.
    key = Look(style.INK, marker="o", size=5, joined=False)
    marks.append(Curve([], [], key, label))
    if over is not None:
        marks.append(Curve([], [], replace(key, size=7, inside="none"), over_label))
    return Panel(
        Axis(f"1st principal direction of {axes_of[1]}", low=-limit, high=limit),
        Axis(f"2nd principal direction of {axes_of[1]}", low=-limit, high=limit),
        tuple(marks),
        Legend(handle=1.0),
        height=460,
        square=True,
    )


def worst_layers(matrix: Array, labels: list[str]) -> tuple[int, int]:
    """Least aligned pair of layers of different students (of any, if there is but one student)."""
    owner = np.array([label.split("/")[0] for label in labels])
    apart = owner[:, None] != owner[None, :]
    if not apart.any():
        apart = ~np.eye(len(labels), dtype=bool)
    i, j = np.unravel_index(np.argmin(np.where(apart, matrix, np.inf)), matrix.shape)
    return int(min(i, j)), int(max(i, j))


def activations(run: Run, label: str, x: Array, replica: int) -> Array:
    """Activations of a layer by its name in ``run.data``, such as ``"1/h2"``."""
    student, layer = label.split("/h")
    return run.activations(x, student=int(student), layer=int(layer), replica=replica)
