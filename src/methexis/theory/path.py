"""`SlowPath`: weights that theory predicts along slow time, and what a plot of them needs.

Every point of a path lies on the minima, so that what it says of a layer, of the entropy or of the
curvature is what a run shows once its fluctuations are projected off.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from methexis import plots
from methexis.core.checks import Array, one_of
from methexis.core.layers.geometry import cosines_of
from methexis.core.layers.products import hidden_maps
from methexis.core.problem import Problem
from methexis.display import Displayed
from methexis.theory import drawing
from methexis.theory.curvature import batched_sharpness, trace_of
from methexis.theory.entropy import entropy_of

#: Relative tolerance of largest eigenvalues along a path.
_SHARPNESS_RTOL = 1e-4


@dataclass(frozen=True, eq=False)
class SlowPath(Displayed):
    """Predicted weights along slow time.

    Attributes
    ----------
    slow_time : array (num_times,)
        ``τ = Σ_t η_t²/B``.
    weights : list of arrays (num_times, ..., d_i, d_{i-1})
        Predicted weights, on the minima.
    problem : Problem
        What they solve: the student, bound to its source.
    """

    slow_time: Array
    weights: list[Array]
    problem: Problem = field(repr=False)

    def alignment(self) -> Array:
        """Alignments of all pairs of hidden layers, ``(num_times, ..., layer, layer)``.

        The cosine of their Gram matrices (docs/theory.md, 1.9); NaN when lost.
        """
        with np.errstate(all="ignore"):
            maps = hidden_maps(self.problem, self.weights)
            return np.asarray(cosines_of(maps, self.problem.cov_x))

    def worst_pair(self) -> Array:
        """Least alignment over all pairs of hidden layers, ``(num_times, ...)``; NaN when lost.

        Of one hidden layer it is 1, because there is no other one.
        """
        return np.asarray(self.alignment().min(axis=(-2, -1)))

    def entropy(self) -> Array:
        """Entropy ``S`` along the path, ``(num_times, ...)``: mean squared gradient of a sample."""
        with np.errstate(all="ignore"):
            return np.asarray(entropy_of(self.problem, self.weights))

    def hessian_trace(self) -> Array:
        """Trace of the Hessian of the loss along the path, ``(num_times, ...)``."""
        with np.errstate(all="ignore"):
            return np.asarray(trace_of(self.problem, self.weights))

    def sharpness(self) -> Array:
        """Largest eigenvalue of the Hessian along the path, ``(num_times, ...)``, to four digits.

        It takes far longer than the trace; NaN when lost.
        """
        return batched_sharpness(self.problem, self.weights, rtol=_SHARPNESS_RTOL)

    def plot(self, ax: plots.Axes | None = None, *, quantity: str | None = None) -> plots.Axes:
        """Draw the path over slow time: replicas faint, their median thick.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; on a new figure by default.
        quantity : {"worst_pair", "entropy"}, optional
            Alignment of the least aligned pair of layers, the default where there is a pair; or
            the entropy, the default of students with one hidden layer.

        Raises
        ------
        MethexisError
            If ``ax`` are no axes, there is no such quantity, or all replicas are lost.
        """
        return plots.onto(ax, self._picture(quantity))

    def _picture(self, quantity: str | None = None) -> plots.Panel:
        if quantity is None:
            quantity = "worst_pair" if len(self.weights) > 2 else "entropy"
        one_of("quantity", quantity, tuple(drawing.QUANTITIES))
        values = self.worst_pair() if quantity == "worst_pair" else self.entropy()
        return drawing.along_slow_time(self.slow_time, values, quantity)

    def _facts(self) -> dict[str, object]:
        lead = self.weights[0].shape[1:-2]
        told: dict[str, object] = {"times": len(self.slow_time)}
        told["slow_time"] = float(self.slow_time[-1]) if len(self.slow_time) else 0.0
        layers = tuple(w.shape[-2:] for w in self.weights)
        return told | {"layers": layers} | ({"replicas": lead} if lead else {})
