"""Entropic flow: the path of shuffled SGD on slow time, without running SGD.

On slow time ``τ = Σ_t η_t²/B`` SGD stays on the minima and drifts. If every epoch shows each sample
once (or if the noise is isotropic in the loss's metric), the drift is the descent of the entropy
along the minima, ``dθ/dτ = -¼ P ∇S`` (docs/theory.md §5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import scipy.integrate
from numpy.typing import NDArray

from methexis.core.answers import computed, finite_replicas, require_finite
from methexis.core.checks import Array, MethexisError, count, integer, number, shown
from methexis.core.edln import EDLN
from methexis.core.layers.products import loss_gradient
from methexis.core.linalg import flatten, unflatten
from methexis.core.mlp import MLP
from methexis.core.outside.foreign import doubles
from methexis.core.problem import Problem, bind
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.progress import Progress
from methexis.theory.bounded import bounded
from methexis.theory.chebyshev import integrate_stabilised
from methexis.theory.curvature import hessian_product, one_set
from methexis.theory.dual.normal import Normal
from methexis.theory.effort import PATIENCE, seconds_of_path, started, watching
from methexis.theory.entropy import entropy_gradient_of
from methexis.theory.path import SlowPath
from methexis.theory.projection import polish, project_of

#: A velocity on slow time: weights of all replicas in, derivatives out.
Velocity = Callable[[list[Array]], list[Array]]
#: Weight decay at a slow time.
Pull = Callable[[float], float]
#: Is told slow times as they are reached, to show how far a path has come.
Watch = Callable[[float], None]

#: Most parameters of which the modified flow is followed implicitly.
MOST_IMPLICIT = 400
#: Evaluations of its right-hand side: an implicit method needs few, a stabilised one many.
_MOST_SOLVED, _MOST_STAGES = 3_000, 50_000
#: Shortest slow time that an integrator can divide into steps.
_LEAST_TIME = 1e-290


def entropic_velocity(problem: Problem, weights: list[Array]) -> list[Array]:
    """``dθ/dτ = -¼ P ∇S`` at weights on the minima."""
    force = [-0.25 * g for g in entropy_gradient_of(problem, weights)]
    return Normal(problem, weights).tangent(force)


def decayed(
    problem: Problem, weights: list[Array], velocity: list[Array], decay: float
) -> list[Array]:
    """``velocity - κ P θ``, with weight decay ``κ``."""
    if decay == 0.0:
        return velocity
    pull = Normal(problem, weights).tangent(weights)
    return [v - decay * p for v, p in zip(velocity, pull, strict=True)]


def slowed(velocity: list[Array], pace: float) -> list[Array]:
    """The velocity of batches that know more than independent samples do, see `shuffle_factor`."""
    return velocity if pace == 1.0 else [pace * v for v in velocity]


def integrate_slow(
    problem: Problem,
    weights: Sequence[Array],
    slow_times: Array,
    velocity: Velocity,
    *,
    rtol: float,
    stabilised: bool = False,
    pull: Pull | None = None,
    watch: Watch | None = None,
) -> SlowPath:
    """Project ``weights``, follow ``velocity`` and return the weights at ``slow_times``.

    All replicas advance together, by an explicit method: of order 5(4), or if ``stabilised`` of
    order 2, which is faster where rates are far apart and a few digits are enough. A trial step so
    long that its weights overflow is shortened like any other bad one. Points are polished back
    onto the minima.

    Parameters
    ----------
    pull : function, optional
        Weight decay ``κ`` at a slow time, where it changes along the way: ``-κ P θ`` is added to
        the velocity. Not for ``stabilised``, which takes autonomous equations alone.
    watch : function, optional
        Is told slow times that were reached.

    Raises
    ------
    MethexisError
        If the integrator fails.
    """
    times = np.asarray(slow_times, dtype=np.float64)
    span = (0.0, float(times[-1]))
    alive = finite_replicas(weights)
    if not alive.all():
        return _without_lost(
            problem, weights, times, velocity, alive, rtol, stabilised, pull, watch
        )
    with computed("slow dynamics"):
        start = flatten(project_of(problem, weights))
    shape = start.shape

    def field(time: float, state: Array) -> Array:
        if watch is not None and not stabilised:
            watch(time)
        layers = unflatten(state.reshape(shape), problem.dims)
        with np.errstate(all="ignore"):
            try:
                moving = velocity(layers)
                if pull is not None:
                    moving = decayed(problem, layers, moving, pull(time))
            except np.linalg.LinAlgError:  # of weights that are not finite
                return np.full_like(state, np.nan)
        return flatten(moving).ravel()

    atol = rtol * 1e-2 * float(np.abs(start).max())
    if span[1] == 0.0:
        states = np.broadcast_to(start, (len(times), *shape))
    elif stabilised:
        since = np.concatenate([[0.0], times])
        states = integrate_stabilised(
            partial(field, 0.0), start.ravel(), since, rtol=rtol, atol=atol, watch=watch
        )
        states = states[1:].reshape(len(times), *shape)
    else:
        solution = scipy.integrate.solve_ivp(
            bounded("slow dynamics", field, span[1]),
            span,
            start.ravel(),
            method="RK45",
            t_eval=times,
            rtol=rtol,
            atol=atol,
        )
        if not solution.success:
            raise MethexisError(
                f"slow dynamics: expected the integrator to reach slow time {span[1]:g}, "
                f"got: {solution.message}"
            )
        states = solution.y.T.reshape(len(times), *shape)
    with computed("slow dynamics"):
        ends = polish(problem, unflatten(states, problem.dims))
    require_finite("slow dynamics", flatten(ends), weights)
    return SlowPath(times, ends, problem)


def _without_lost(
    problem: Problem,
    weights: Sequence[Array],
    times: Array,
    velocity: Velocity,
    alive: NDArray[np.bool_],
    rtol: float,
    stabilised: bool,
    pull: Pull | None,
    watch: Watch | None,
) -> SlowPath:
    """The paths of replicas that are not lost; those of the others are NaN."""
    if not alive.any():
        raise MethexisError(
            f"slow dynamics: expected at least one replica with finite weights, got {alive.size}, "
            "all of them lost"
        )
    path = integrate_slow(
        problem,
        [w[alive] for w in weights],
        times,
        velocity,
        rtol=rtol,
        stabilised=stabilised,
        pull=pull,
        watch=watch,
    )
    whole = [np.full((len(times), *w.shape), np.nan) for w in weights]
    for layer, surviving in zip(whole, path.weights, strict=True):
        layer[:, alive] = surviving
    return SlowPath(times, whole, problem)


def slow_times_of(
    steps: int | Sequence[int] | Array, lr: float, batch: int, momentum: float
) -> Array:
    """``τ = (η/(1-β))² t / B`` at the given steps (one step: 65 equal parts up to it).

    Raises
    ------
    MethexisError
        On steps that are negative, unordered or empty, or bad ``lr``, ``batch``, ``momentum``.
    """
    lr = number("lr", lr, above=0.0)
    momentum = number("momentum", momentum, least=0.0, below=1.0)
    batch = count("batch", batch, least=1)
    if isinstance(steps, int | np.integer):
        at = np.linspace(0.0, number("steps", integer("steps", steps, least=1)), 65)
    else:
        at = doubles("steps", steps)
        increasing = at.ndim == 1 and at.size > 0 and at[0] >= 0 and np.all(np.diff(at) > 0)
        if not increasing or not np.isfinite(at).all():
            raise MethexisError(f"steps: expected increasing numbers >= 0, got {shown(steps)}")
    # Heavy ball acts like η/(1-β) on the fast scale and on the slow one: docs/theory.md §2.
    with np.errstate(all="ignore"):
        times = np.square(lr / (1.0 - momentum)) * at / batch
    if not np.isfinite(times).all() or (at[-1] > 0.0 and not times[-1] > _LEAST_TIME):
        raise MethexisError(
            f"lr: expected steps whose slow time double precision holds, got lr {lr:g} with "
            f"momentum {momentum:g} over {at[-1]:g} steps"
        )
    return np.asarray(times)


def shuffle_factor(num_samples: int, batch: int) -> float:
    """``(N - B)/(N - 1)``: how much slower shuffled epochs move than their batch size says.

    The mean of ``B`` samples drawn from ``N`` without replacement has the variance of ``B``
    independent ones times this factor; at ``B = N`` nothing is random and nothing moves.

    Examples
    --------
    >>> shuffle_factor(21, 1), shuffle_factor(21, 21)
    (1.0, 0.0)
    """
    return (num_samples - batch) / (num_samples - 1) if num_samples > 1 else 0.0


def entropic_flow(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    lr: float,
    batch: int = 1,
    steps: int | Sequence[int],
    momentum: float = 0.0,
    decay: float = 0.0,
    loss: str = "squared",
    rtol: float = 1e-7,
    patience: float = PATIENCE,
    progress: Progress | str | bool | None = None,
) -> SlowPath:
    """Path of SGD with shuffled epochs, on slow time: ``dθ/dτ = -¼ P ∇S - κ P θ``.

    Also the path of i.i.d. SGD from a teacher when the noise is isotropic in the loss's metric.
    Weights off the minima are first taken to them by gradient flow: the fast part of SGD, to
    leading order in ``η``. With samples as source, slow time runs slower by `shuffle_factor`. The
    limit needs ``η λ_max N/B`` well below 1: a long epoch acts like independent samples. With
    momentum it also needs epochs long against ``1/(1-β)`` steps (docs/theory.md §5).

    Parameters
    ----------
    source : Teacher or Samples
        Data.
    student : EDLN, or a linear MLP
        Network.
    weights : sequence of arrays (..., d_i, d_{i-1})
        Where SGD starts; leading dimensions are replicas.
    lr, batch, momentum : float, int, float
        Learning rate ``η``, batch size ``B``, heavy-ball ``β``.
    steps : int or increasing sequence of int
        SGD steps at which to report; an int asks for 65 equally spaced points up to it.
    decay : float
        ``κ = γB/η >= 0`` of weight decay, as in `decay_fixed_point`, where the path then ends; with
        momentum that of the plain SGD at ``η/(1-β)`` which it acts like (docs/theory.md §2).
    loss : {"squared", "whitened"}
        Loss.
    rtol : float
        Relative tolerance of the integrator.
    patience : float
        Most seconds that it may take by an estimate from sizes (`theory.effort`); an hour.
    progress : Progress, "auto" or bool, optional
        Told how far it has come, in steps, as by `train`. Without one, what takes more than half a
        minute says so before it starts, as a warning of the logger ``methexis``.

    Returns
    -------
    SlowPath

    Raises
    ------
    MethexisError
        On bad input, if the path would take longer than ``patience``, if the minima cannot be
        reached, or so many steps at so high a rate that the
        integrator would need more than `MOST_EVALUATIONS` evaluations.

    Examples
    --------
    >>> import numpy as np
    >>> teacher = Teacher([[1.0], [0.0]])
    >>> start = [np.ones((1, 1)), np.array([[1.0], [0.0]])]
    >>> path = entropic_flow(teacher, EDLN(hidden=(1,)), start, lr=0.01, steps=200_000)
    >>> a = 1.0 / float(path.weights[0][-1, 0, 0])
    >>> round(a**4, 6)  # the Platonic point of docs/theory.md §4
    2.0
    """
    problem, layers = bind(source, student, weights, loss)
    number("rtol", rtol, above=0.0, below=1.0)
    decay = number("decay", decay, least=0.0)
    times = slow_times_of(steps, lr, batch, momentum)
    pace = shuffle_factor(source.num_samples, batch) if isinstance(source, Samples) else 1.0

    def velocity(w: list[Array]) -> list[Array]:
        return decayed(problem, w, slowed(entropic_velocity(problem, w), pace), decay)

    watch = begun("entropic flow", problem, layers, times, steps, False, patience, progress)
    path = integrate_slow(problem, layers, times, velocity, rtol=rtol, watch=watch)
    if watch is not None:
        watch(float(times[-1]))
    return path


def begun(
    what: str,
    problem: Problem,
    weights: Sequence[Array],
    times: Array,
    steps: int | Sequence[int] | Array,
    spectral: bool,
    patience: float,
    progress: Progress | str | bool | None,
) -> Watch | None:
    """Tell how long the path of all replicas takes, or refuse; see `effort.started`."""
    patience = number("patience", patience, above=0.0)
    replicas = int(np.prod(weights[0].shape[:-2]))
    seconds = seconds_of_path(problem, replicas, spectral=spectral)
    return started(
        what,
        seconds,
        patience=patience,
        progress=progress,
        steps=last_step(steps),
        span=float(times[-1]),
    )


def last_step(steps: int | Sequence[int] | Array) -> int:
    """The last of the steps at which a path is wanted."""
    if isinstance(steps, int | np.integer):
        return int(steps)
    return int(np.max(doubles("steps", steps)))


def modified_flow(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    lr: float,
    batch: int = 1,
    steps: int | Sequence[int],
    loss: str = "squared",
    rtol: float = 1e-6,
    progress: Progress | str | bool | None = None,
) -> SlowPath:
    """Follow ``dθ/dt = -∇F`` with ``F`` the entropic loss, on and off the minima.

    One set of weights at a time (no leading dimensions). The equation has the fast rates of ``L``
    and the slow ones of ``ηS/4B``: up to `MOST_IMPLICIT` parameters it is followed by an implicit
    integrator, whose matrices are dense, beyond by the stabilised explicit one
    (`theory.chebyshev`), of second order. Time is ``t = η·steps``.

    See `entropic_flow` for parameters; the result's weights are not projected.

    Raises
    ------
    MethexisError
        On bad input, or if the integrator fails.
    """
    problem, layers = bind(source, student, weights, loss)
    one_set("modified_flow", layers)
    number("rtol", rtol, above=0.0, below=1.0)
    slow = slow_times_of(steps, lr, batch, 0.0)
    times = slow * batch / lr
    start, end = flatten(layers), float(times[-1])
    watch = watching(progress, last_step(steps), end)

    def rhs(time: float, state: Array) -> Array:
        if watch is not None:
            watch(time)
        at = unflatten(state, problem.dims)
        gradient = loss_gradient(problem, at)
        entropic = entropy_gradient_of(problem, at)
        curved = hessian_product(problem, at, gradient)  # ½ ∇‖∇L‖²
        return -flatten(
            [
                g + lr / 4.0 * (2.0 * (1.0 - 1.0 / batch) * c + s / batch)
                for g, s, c in zip(gradient, entropic, curved, strict=True)
            ]
        )

    with computed("modified flow"):
        require_finite("modified flow", rhs(0.0, start), layers)
        atol = rtol * 1e-3 * float(np.abs(start).max())
        if problem.num_parameters <= MOST_IMPLICIT:
            states = _implicitly(rhs, start, times, rtol, atol)
        else:
            states = _stabilised(rhs, start, times, rtol, atol)
    if watch is not None:
        watch(end)
    return SlowPath(slow, unflatten(states, problem.dims), problem)


def _implicitly(
    rhs: Callable[[float, Array], Array], start: Array, times: Array, rtol: float, atol: float
) -> Array:
    """States of the modified flow at ``times``, by an implicit method."""
    end = float(times[-1])
    solution = scipy.integrate.solve_ivp(
        bounded("modified flow", rhs, end, most=_MOST_SOLVED),
        (0.0, end),
        start,
        method="BDF",
        t_eval=times,
        rtol=rtol,
        atol=atol,
    )
    if not solution.success:
        raise MethexisError(f"modified flow: the integrator failed: {solution.message}")
    return np.asarray(solution.y.T)


def _stabilised(
    rhs: Callable[[float, Array], Array], start: Array, times: Array, rtol: float, atol: float
) -> Array:
    """The same by the explicit method made for rates that are far apart."""
    limited = bounded("modified flow", rhs, float(times[-1]), most=_MOST_STAGES)
    reached = 0.0

    def arrived(time: float) -> None:
        nonlocal reached
        reached = time

    def field(state: Array) -> Array:
        return limited(reached, state)

    since = np.concatenate([[0.0], times])
    return integrate_stabilised(field, start, since, rtol=rtol, atol=atol, watch=arrived)[1:]
