"""A stabilised explicit integrator, for slow dynamics whose rates are far apart.

Slow dynamics is dissipative, with nearly real rates, the fastest of which may be thousands of times
the slowest. An ordinary explicit method is held to the fastest for stability's sake, long after it
has died out. A Runge–Kutta–Chebyshev step of ``s`` stages is stable for ``h ρ`` up to about ``0.65
s²``, ``ρ`` being the fastest rate: its stages are a three-term recursion of Chebyshev polynomials,
and no equations are solved. This is the method of second order of Sommeijer, Shampine and Verwer
[1]_, with its error estimate. ``ρ`` is found by power iteration on differences of the right-hand
side.

References
----------
.. [1] B. P. Sommeijer, L. F. Shampine and J. G. Verwer, "RKC: An explicit solver for parabolic
       PDEs", J. Comput. Appl. Math. 88 (1998).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from methexis.core.checks import Array, MethexisError

#: Right-hand side of an autonomous equation.
Field = Callable[[Array], Array]

#: Damping ``ε``: how far inside the unit circle a step stays.
_DAMPING = 2.0 / 13.0
_MOST_STAGES = 200
#: Accepted steps after which the fastest rate is looked at again.
_RATE_STEPS = 12
_MOST_ITERATIONS = 60
_MOST_STEPS = 100_000


def integrate_stabilised(
    field: Field,
    start: Array,
    times: Array,
    *,
    rtol: float,
    atol: float,
    watch: Callable[[float], None] | None = None,
) -> Array:
    """Follow ``dy/dt = field(y)`` from ``start`` at ``times[0]`` and return ``y`` at all ``times``.

    Parameters
    ----------
    field : function
        Takes and returns flat arrays; where it is not finite the step is shortened.
    start : array (n,)
    times : array (num_times,)
        Increasing.
    rtol, atol : float
        Tolerances of the root mean square error of a step.
    watch : function, optional
        Is told each time that was reached.

    Returns
    -------
    array (num_times, n)

    Raises
    ------
    MethexisError
        If the step becomes too small.

    Examples
    --------
    >>> path = integrate_stabilised(
    ...     lambda y: -np.array([1.0, 1e4]) * y,
    ...     np.ones(2),
    ...     np.array([0.0, 1.0]),
    ...     rtol=1e-6,
    ...     atol=1e-9,
    ... )
    >>> bool(abs(path[-1, 0] - np.exp(-1.0)) < 1e-5)
    True
    """
    path = np.empty((len(times), len(start)))
    time, end = float(times[0]), float(times[-1])
    y, slope = np.array(start, dtype=np.float64), field(start)
    if not np.isfinite(slope).all():
        raise MethexisError("slow dynamics: expected a finite velocity at the start, got another")
    row = int(np.searchsorted(times, time, side="right"))
    path[:row] = y
    rate, direction = _fastest_rate(field, y, slope, slope)
    scale = atol + rtol * np.abs(y)
    step = min(end - time, _first_step(field, y, slope, scale, rate))
    since = 0
    for _ in range(_MOST_STEPS):
        if row == len(times):
            return path
        step = min(step, end - time, 0.65 * (_MOST_STAGES**2 - 1) / max(rate, 1e-300))
        stages = max(2, 1 + int(np.sqrt(1.0 + 1.54 * step * rate)))
        new = _stages(field, y, slope, step, stages)
        new_slope = field(new)
        size = atol + rtol * np.maximum(np.abs(y), np.abs(new))
        with np.errstate(all="ignore"):
            estimate = 0.8 * (y - new) + 0.4 * step * (slope + new_slope)
            error = float(np.sqrt(np.mean((estimate / size) ** 2)))
        if not error <= 1.0:
            if step <= 1e-14 * max(end, 1e-300):
                break
            step *= 0.1 if not np.isfinite(error) else max(0.1, 0.8 * error ** (-1.0 / 3.0))
            if since:
                rate, direction = _fastest_rate(field, y, slope, direction)
                since = 0
            continue
        last = end - (time + step) <= 1e-14 * abs(end)
        arrived = end if last else time + step
        until = int(np.searchsorted(times, arrived, side="right"))
        for k in range(row, until):
            path[k] = _between(y, slope, new, new_slope, step, (times[k] - time) / step)
        row, time, y, slope = until, arrived, new, new_slope
        if watch is not None:
            watch(time)
        step *= min(5.0, 0.8 * max(error, 1e-10) ** (-1.0 / 3.0))
        since += 1
        if since >= _RATE_STEPS:
            rate, direction = _fastest_rate(field, y, slope, direction)
            since = 0
    raise MethexisError(
        f"slow dynamics: expected the integrator to reach time {end:g}, but it stopped at {time:g} "
        f"with a step of {step:.3g}"
    )


def _stages(field: Field, y: Array, slope: Array, step: float, stages: int) -> Array:
    first, table = _coefficients(stages)
    before, at = y, y + first * step * slope
    for mu, nu, mu_slope, gamma in table:
        after = (
            (1.0 - mu - nu) * y
            + mu * at
            + nu * before
            + (mu_slope * step) * field(at)
            + (gamma * step) * slope
        )
        before, at = at, after
    return at


@cache
def _coefficients(stages: int) -> tuple[float, tuple[tuple[float, float, float, float], ...]]:
    """``μ̃_1`` and ``(μ_j, ν_j, μ̃_j, γ̃_j)`` for ``j = 2 … s``, from ``T_j(w_0)``."""
    w0 = 1.0 + _DAMPING / stages**2
    value, first, second = [1.0, w0], [0.0, 1.0], [0.0, 0.0]
    for _ in range(2, stages + 1):
        value.append(2.0 * w0 * value[-1] - value[-2])
        first.append(2.0 * value[-2] + 2.0 * w0 * first[-1] - first[-2])
        second.append(4.0 * first[-2] + 2.0 * w0 * second[-1] - second[-2])
    w1 = first[stages] / second[stages]
    b = [0.0, 0.0] + [second[j] / first[j] ** 2 for j in range(2, stages + 1)]
    b[0] = b[1] = b[2]
    table = []
    for j in range(2, stages + 1):
        mu_slope = 2.0 * b[j] * w1 / b[j - 1]
        a = 1.0 - b[j - 1] * value[j - 1]
        table.append((2.0 * b[j] * w0 / b[j - 1], -b[j] / b[j - 2], mu_slope, -a * mu_slope))
    return b[1] * w1, tuple(table)


def _fastest_rate(field: Field, y: Array, slope: Array, direction: Array) -> tuple[float, Array]:
    """Estimate of the derivative's spectral radius, a fifth too large, and its mode."""
    norm = float(np.linalg.norm(direction))
    if norm == 0.0 or not np.isfinite(norm):
        direction, norm = np.ones_like(y), float(np.sqrt(len(y)))
    small = np.sqrt(np.finfo(np.float64).eps) * max(float(np.linalg.norm(y)), 1e-150)
    direction = direction * (small / norm)
    rate = 0.0
    for i in range(_MOST_ITERATIONS):
        moved = field(y + direction) - slope
        grown, before = float(np.linalg.norm(moved)), rate
        if not 0.0 < grown < np.inf:
            break
        rate = grown / small
        direction = moved * (small / grown)
        if i > 0 and abs(rate - before) <= 0.02 * rate:
            break
    return 1.2 * rate, direction


def _first_step(field: Field, y: Array, slope: Array, scale: Array, rate: float) -> float:
    """A step whose error is small by the change of the slope over one fast time."""
    if rate == 0.0:
        return float("inf")
    trial = 1.0 / rate
    change = trial * np.sqrt(np.mean(((field(y + trial * slope) - slope) / scale) ** 2))
    return float(trial / max(0.1, 10.0 * np.sqrt(change))) if np.isfinite(change) else trial * 1e-3


def _between(
    y: Array, slope: Array, new: Array, new_slope: Array, step: float, part: float
) -> Array:
    """Cubic through both ends of a step and their slopes."""
    left = (1.0 + 2.0 * part) * (1.0 - part) ** 2 * y + part * (1.0 - part) ** 2 * step * slope
    right = part**2 * (3.0 - 2.0 * part) * new - part**2 * (1.0 - part) * step * new_slope
    return np.asarray(left + right)
