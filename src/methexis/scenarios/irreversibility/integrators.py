"""Explicit Runge–Kutta methods for gradient flow, there and back, and to which order they return.

Going on with the step ``-h``, a method of order ``p`` retraces the flow up to its own errors.
They do not add: what one step there and back leaves is even in ``h`` to leading order, so that at
fixed time the return is of the odd order ``q = 2 ⌊p/2⌋ + 1`` (docs/theory.md §5.10). Plain descent
is Euler's method, ``p = q = 1``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.integrate

from methexis.core.checks import Array
from methexis.core.layers.products import loss_gradient
from methexis.core.linalg import flatten, unflatten
from methexis.progress import Progress, Report
from methexis.scenarios.framework.scenario import Cell
from methexis.scenarios.framework.statistics import beyond
from methexis.scenarios.irreversibility.records import Found, Point, Reading
from methexis.scenarios.irreversibility.setting import Setting
from methexis.theory.irreversibility import return_order

ORDER = "order of return"
#: Rounding of a displacement, relative to the weights.
_EPS = 3e-16


@dataclass(frozen=True, eq=False)
class Method:
    """An explicit Runge–Kutta method: ``k_i = v(y + h Σ_j a_ij k_j)``, ``y + h Σ_i b_i k_i``."""

    name: str
    order: int
    stages: Array  # (s, s)
    weights: Array  # (s,)

    def step(self, velocity: Callable[[Array], Array], state: Array, h: float) -> Array:
        """The weights after one step of the method."""
        slopes = np.empty((len(self.weights), len(state)))
        for i in range(len(slopes)):
            slopes[i] = velocity(state + h * (self.stages[i, :i] @ slopes[:i]))
        return np.asarray(state + h * (self.weights @ slopes))


def _method(name: str, order: int, stages: list[list[float]], weights: list[float]) -> Method:
    return Method(name, order, np.array(stages), np.array(weights))


EULER = _method("Euler", 1, [[0.0]], [1.0])
RUNGE_KUTTA = _method(
    "Runge–Kutta",
    4,
    [[0.0, 0.0, 0.0, 0.0], [0.5, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]],
    [1 / 6, 1 / 3, 1 / 3, 1 / 6],
)
HEUN = _method("Heun", 2, [[0.0, 0.0], [1.0, 0.0]], [0.5, 0.5])
METHODS = (
    EULER,
    HEUN,
    _method(
        "Kutta",
        3,
        [[0.0, 0.0, 0.0], [0.5, 0.0, 0.0], [-1.0, 2.0, 0.0]],
        [1 / 6, 2 / 3, 1 / 6],
    ),
    RUNGE_KUTTA,
    Method("Dormand–Prince", 5, scipy.integrate.RK45.A, scipy.integrate.RK45.B),
)
#: Of order 8: at any sensible step it returns to rounding.
EIGHTH = Method("order 8", 8, scipy.integrate.DOP853.A, scipy.integrate.DOP853.B)


def left_behind(setting: Setting, method: Method, time: float, steps: int) -> float:
    """Length of what does not return of gradient flow for a time ``T``, in so many steps."""
    problem = setting.problem

    def velocity(state: Array) -> Array:
        return -flatten(loss_gradient(problem, unflatten(state, problem.dims)))

    start = state = flatten(setting.start)
    for h in [time / steps] * steps + [-time / steps] * steps:
        state = method.step(velocity, state, h)
    return float(np.linalg.norm(state - start))


@dataclass(frozen=True, eq=False)
class Integration:
    """A case: a method, from one start, there and back to one time."""

    setting: Setting
    method: Method
    scaled_time: float  # ``λT``

    @property
    def parts(self) -> dict[str | None, float]:
        """The order of return that theory predicts."""
        return {ORDER: float(return_order(self.method.order))}

    def measure(self, cell: Cell[Any], *, seed: int, show: Progress | None = None) -> Found:
        """Measure lengths at some steps ``h``, and fit ``ln|·| = a + q ln h + c_1 h + c_2 h² + …``.

        The effort's powers are those of the correction. Nothing is random: the error of ``q`` is
        what the last of them changes, and rounding.
        """
        effort, scale = cell.effort, self.setting.sharpest
        time = self.scaled_time / scale
        counts = [round(self.scaled_time / small) for small in effort.small]
        sizes = np.array([left_behind(self.setting, self.method, time, n) for n in counts])
        if show is not None:
            show(Report(1, 1, math.nan))
        h = self.scaled_time / np.array(counts)
        columns = [np.log(h), np.ones(len(h)), *(h**p for p in effort.powers)]
        weights = np.linalg.pinv(np.stack(columns, axis=1))[0]
        fewer = np.linalg.pinv(np.stack(columns[:-1], axis=1))[0]
        measured = float(weights @ np.log(sizes))
        lost = _EPS * float(np.linalg.norm(flatten(self.setting.start))) / sizes
        error = abs(float((weights - fewer) @ np.log(sizes))) + float(np.abs(weights) @ lost)
        predicted = self.parts[ORDER]
        allowed = effort.allowed(predicted)
        deviation = float(beyond(measured - predicted, allowed)) / error
        readings = tuple(
            Reading(
                small=small,
                lr=small / scale,
                steps=n,
                replicas=1,
                seed=seed,
                value=size,
                error=0.0,
                raw=size,
                raw_error=0.0,
            )
            for small, n, size in zip(h.tolist(), counts, sizes.tolist(), strict=True)
        )
        point = Point(
            curve=cell.curve.name,
            problem=cell.problem,
            value=cell.value,
            part=ORDER,
            predicted=predicted,
            measured=measured,
            error=error,
            half=error,
            allowed=allowed,
            deviation=deviation,
            raw=measured,
            raw_error=error,
            raw_deviation=deviation,
            readings=readings,
        )
        return Found((point,), None, 0.0)
