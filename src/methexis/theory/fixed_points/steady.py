r"""Where slow dynamics ends: a point of the minima that only turns, found by Newton's method.

On slow time the weights move along the minima with a velocity ``v(θ)`` that knows no hidden basis:
``v(Rθ) = R v(θ)`` for rotations ``R`` of the hidden layers. It may therefore end in a steady
rotation, ``v = Ωθ``, at which all kernels stand still. Such an end is a zero of ``u = v - Ωθ`` with
``Ω`` by least squares, and unique only up to rotations. Let ``T`` span the directions along the
minima that are not rotations. In the frame that turns with ``Ω`` a deviation ``Tδ`` moves by ``δ' =
Aδ`` with

    A = Tᵀ (Dv - Ω) T,

since rotations are mapped to rotations. The search takes implicit steps ``(1/h - A) δ = Tᵀu``: with
small ``h`` it follows the path of the slow dynamics, with growing ``h`` it becomes Newton's method.
The eigenvalues of ``A`` at the end are the rates at which a run approaches it (docs/theory.md
§5.9).

*Ends that are none.* A zero of ``u`` with an eigenvalue of positive real part ``μ`` is where no run
stays. Long implicit steps find such zeros as readily as others, since ``(1/h - A)⁻¹`` turns round
once ``hμ > 1``. A start with dead spare neurons, as the Platonic point of a wide student, leads to
one wherever a spare neuron would grow: both its weights are exactly zero, and a zero gradient never
shows that. The search therefore looks at the rates of what it found, steps off along the mode that
grows, and goes on with ``hμ`` held below one.

`frames` has ``A`` as a matrix, of small students; `krylov` sees what is needed of it in products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from methexis.core.checks import Array, MethexisError
from methexis.core.linalg import flatten, unflatten
from methexis.core.problem import Problem
from methexis.display import Displayed
from methexis.progress import Progress, Report, choose
from methexis.theory.curvature import one_set
from methexis.theory.entropy import entropy_gradient_of
from methexis.theory.fixed_points.frames import TOLERANCE, Frame
from methexis.theory.fixed_points.krylov import LargeFrame
from methexis.theory.flow import Velocity
from methexis.theory.projection import polish, project_of

#: Longest step of the search over the size of the weights.
_LONGEST = 0.2
#: Kicks off steady states that no run stays at, over the size of the weights: large enough that a
#: few steps of the search lead away, small enough for the minima to be projected onto.
_KICKS = (0.03, 0.1, 0.2, 0.3)
#: Longest step of slow time while a mode grows, over the time in which it grows by ``e``: an
#: implicit step multiplies it by 4/3 then.
_SHORT = 0.25
_MOST_STEPS = 200
#: Parameters up to which the linearised dynamics is a matrix, and all rates are known.
MOST_DENSE = 500


@dataclass(frozen=True, eq=False)
class FixedPoint(Displayed):
    """Where slow dynamics ends: a point up to a steady rotation of the hidden bases.

    Attributes
    ----------
    weights : list of arrays (d_i, d_{i-1})
        One set of weights on the steady rotation.
    rotations : list of arrays (d_i, d_i)
        Antisymmetric ``Ω_i``: ``dW_i/dτ = Ω_i W_i - W_i Ω_{i-1}``. All zero for isotropic noise.
    error : float
        Speed that no rotation explains, over that of the whole entropic force; at most 1e-8.
    rates : array (num_modes,)
        Ascending and positive: deviations of the kernels decay as ``e^{-rate τ}``; real parts,
        where a mode turns as it decays. Of a student of more than `MOST_DENSE` parameters the
        slowest alone.
    """

    weights: list[Array]
    rotations: list[Array]
    error: float
    rates: Array

    @property
    def slowest_time(self) -> float:
        """Slow time in which the slowest deviation falls by ``e``."""
        return float(1.0 / self.rates[0])


def fixed_point_of(
    problem: Problem,
    velocity: Velocity,
    weights: Sequence[Array],
    name: str,
    *,
    turning: bool = True,
    unit: float | None = None,
    progress: Progress | str | bool | None = None,
) -> FixedPoint:
    """Follow ``velocity`` from ``weights`` to its end.

    Parameters
    ----------
    turning : bool
        Whether a steady rotation of the hidden bases counts as an end. Not where the dynamics
        knows the basis: then weights have to stand still.
    unit : float, optional
        Unit of speed; the size of the whole entropic force at the start by default.
    progress : Progress, "auto" or bool, optional
        Told after every step of the search how many of the digits of speed that are to go are gone.

    Raises
    ------
    MethexisError
        If there is none within reach; ``name`` says of what.
    """
    one_set(name, weights)
    state = flatten(project_of(problem, weights))
    if unit is None:
        # The whole entropic force, most of it normal to the minima.
        force = entropy_gradient_of(problem, unflatten(state, problem.dims))
        unit = 0.25 * float(np.linalg.norm(flatten(force)))
    if not 0.0 < unit < np.inf:
        raise MethexisError(
            f"{name}: expected an entropic force at the start, got one of size {unit:g}: without "
            "noise, or beyond the range of double precision, nothing drifts"
        )
    large = problem.num_parameters > MOST_DENSE
    begin = (LargeFrame if large else Frame)(problem, velocity, state, unit, turning)
    told = None if progress is None else _Digits(choose(progress), unit)
    end = _followed(begin, short=False, told=told)
    if not end.resting:
        raise MethexisError(
            f"{name}: expected a steady state within {_MOST_STEPS} steps of the search, but a "
            f"relative speed of {end.speed / unit:.2g} is left"
        )
    for kick in _KICKS:
        if end.growth <= 0.0:
            break
        other = _followed(end.at(end.beside(kick)), short=True, told=told)
        end = other if other.resting else end
    if end.growth > 0.0:
        raise MethexisError(
            f"{name}: expected a steady state at which all deviations die out, got one at which a "
            f"deviation grows by e in slow time {1.0 / end.growth:.2g}, and none beside it; give "
            "other weights to start from"
        )
    if told is not None:
        told.finish()
    return FixedPoint(
        unflatten(end.state, problem.dims), end.rotations, end.speed / unit, end.rates
    )


class _Digits:
    """Progress of a search, in digits of speed between the unit and the end, a hundred parts each.

    A search that goes on beside its first end goes back: it has not come as far as it had seemed.
    """

    def __init__(self, show: Progress, unit: float) -> None:
        self.show, self.unit = show, unit
        self.all = round(-100.0 * np.log10(TOLERANCE))

    def __call__(self, speed: float) -> None:
        gone = -100.0 * np.log10(max(speed / self.unit, TOLERANCE))
        self.show(Report(min(max(int(gone), 0), self.all - 1), self.all, float("nan")))

    def finish(self) -> None:
        """All of them are gone."""
        self.show(Report(self.all, self.all, float("nan")))


def _followed(at: Frame, *, short: bool, told: _Digits | None = None) -> Frame:
    """Where the search comes to, at rest or not; with ``short`` steps, not where modes grow."""
    dims = at.problem.dims
    stretch = 0.1 * float(np.linalg.norm(at.state)) / max(at.speed, 1e-300)
    for _ in range(_MOST_STEPS):
        if told is not None:
            told(at.speed)
        if at.resting:
            break
        if short and at.growth > 0.0:
            stretch = min(stretch, _SHORT / at.growth)
        step = at.step(stretch)
        size = float(np.linalg.norm(step)) / float(np.linalg.norm(at.state))
        if size > _LONGEST:
            stretch *= 0.5 * _LONGEST / size
            continue
        following = at.at(flatten(polish(at.problem, unflatten(at.state + step, dims))))
        if not following.speed <= 2.0 * at.speed:
            stretch *= 0.25
            continue
        stretch *= 3.0
        at = following
    return at
