"""Paths of adaptive rules on slow time, on which spare neurons fall silent and stay so.

Norms make ``U`` shrink neurons that no mode needs at a steady pace, so that one of them reaches
zero within a finite slow time. There ``D`` of its weights vanishes, and the rest of the neuron
follows at once: its weights move by ``D⁻¹`` times a force that does not vanish. To come back would
cost its norms at first order and gain at second, so that silence is for good. A path therefore goes
on with the weights of such a neuron at zero, from the moment at which one of its norms is below
`DYING` of the largest in its layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import scipy.integrate
from numpy.typing import NDArray

from methexis.core.answers import computed, finite_replicas, require_finite
from methexis.core.checks import Array, MethexisError, count, number
from methexis.core.edln import EDLN
from methexis.core.linalg import flatten, unflatten
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, bind
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.progress import Progress
from methexis.theory.adaptive.potential import scales_of
from methexis.theory.adaptive.slow import Metric
from methexis.theory.bounded import bounded
from methexis.theory.effort import (
    CALL,
    EVALUATIONS,
    PATIENCE,
    SPEED,
    adaptive_work,
    require_spectral,
    started,
)
from methexis.theory.flow import Velocity, Watch, last_step, slow_times_of
from methexis.theory.path import SlowPath
from methexis.theory.projection import polish, project_of

#: Norm of a neuron over the largest in its layer below which it counts as fallen silent.
DYING = 1e-4


def epoch_push(problem: Problem, memory: float, batch: int = 1) -> float:
    """``x φ`` of shuffled epochs, by which third moments of samples count (`Metric.push`).

    ``½ x`` for single samples. Of batches without repetition, with ``N`` samples, third moments are
    ``(N-B)(N-2B)/((N-1)(N-2)B²)`` of those of single ones, and squares ``(N-B)/((N-1)B)``.
    """
    size = 0 if problem.x is None else len(problem.x)
    if batch == 1:
        return 0.5 * memory
    if size <= max(batch, 2):
        return 0.0
    ratio = (size - 2.0 * batch) / (size - 2.0) * np.sqrt((size - 1.0) / (size - batch))
    return float(0.5 * memory * ratio)


def adaptive_velocity(
    problem: Problem,
    weights: list[Array],
    *,
    memory: float | None = None,
    push: float = 0.0,
    decay: float = 0.0,
) -> list[Array]:
    """``dθ/dτ`` at weights on the minima: descent of the potential, or drift if ``memory``.

    Third moments of samples count in the descent as ``push`` says (`epoch_push`), and in the drift
    by ``memory``.
    """
    metric = Metric(problem, weights)
    moving = metric.flow() if memory is None else metric.drift(memory)
    if problem.x is not None:
        pushed = metric.push(push if memory is None else memory, memory)
        moving = [v + p for v, p in zip(moving, pushed, strict=True)]
    if decay == 0.0:
        return moving
    return [v - decay * p for v, p in zip(moving, metric.along(weights), strict=True)]


def integrate_adaptive(
    problem: Problem,
    weights: Sequence[Array],
    times: Array,
    velocity: Velocity,
    *,
    rtol: float,
    watch: Watch | None = None,
) -> SlowPath:
    """Project ``weights`` and follow ``velocity``, one replica after another.

    Raises
    ------
    MethexisError
        If all replicas are lost, the minima are out of reach, or the integrator fails.
    """
    alive = np.atleast_1d(finite_replicas(weights))
    if not alive.any():
        raise MethexisError(
            f"slow dynamics: expected at least one replica with finite weights, got {alive.size}, "
            "all of them lost"
        )
    lead = weights[0].shape[:-2]
    flat = [np.asarray(w, dtype=np.float64).reshape(-1, *w.shape[-2:]) for w in weights]
    states = np.full((len(times), alive.size, problem.num_parameters), np.nan)
    followed = np.flatnonzero(alive.ravel())
    for k, r in enumerate(followed):
        with computed("slow dynamics"):
            start = project_of(problem, [w[r] for w in flat])
        own = None if watch is None else partial(_share, watch, k, len(followed), float(times[-1]))
        states[:, r] = _followed(problem, start, times, velocity, rtol, own)
    layers = unflatten(states.reshape(len(times), *lead, -1), problem.dims)
    require_finite("slow dynamics", states[:, alive.ravel()], weights)
    return SlowPath(times, layers, problem)


def _share(watch: Watch, done: int, replicas: int, end: float, time: float) -> None:
    """Tell how far all replicas are when one of them is at ``time`` and so many are done."""
    if 0.0 <= time <= end:
        watch((done * end + time) / replicas)


def _followed(
    problem: Problem,
    start: list[Array],
    times: Array,
    velocity: Velocity,
    rtol: float,
    watch: Watch | None,
) -> Array:
    """States of one replica at ``times``, ``(num_times, num_parameters)``."""
    atol = rtol * 1e-2 * float(np.abs(flatten(start)).max())

    def field(time: float, state: Array) -> Array:
        if watch is not None:
            watch(time)
        with np.errstate(all="ignore"):
            try:
                return flatten(velocity(unflatten(state, problem.dims)))
            except np.linalg.LinAlgError:  # of weights that are not finite
                return np.full_like(state, np.nan)

    limited = bounded("slow dynamics", field, float(times[-1]))

    def faintest(_: float, state: Array) -> float:
        return _faintest(problem, unflatten(state, problem.dims)) - DYING

    faintest.terminal = True  # type: ignore[attr-defined]
    faintest.direction = -1.0  # type: ignore[attr-defined]
    at, now = start, 0.0
    reached = np.empty((len(times), problem.num_parameters))
    left = np.arange(len(times))
    while True:
        at = polish(problem, silenced(problem, at))
        ahead = times[left]
        if ahead[-1] <= now:
            reached[left] = flatten(at)
            return reached
        solution = scipy.integrate.solve_ivp(
            limited,
            (now, float(times[-1])),
            flatten(at),
            method="RK45",
            t_eval=ahead,
            rtol=rtol,
            atol=atol,
            events=faintest,
        )
        if not solution.success:
            raise MethexisError(
                f"slow dynamics: expected the integrator to reach slow time {times[-1]:g}, "
                f"got: {solution.message}"
            )
        done = len(solution.t)
        if done:
            layers = unflatten(solution.y.T, problem.dims)
            reached[left[:done]] = flatten(polish(problem, layers))
        left = left[done:]
        if not len(left):
            return reached
        # The interval ended early, so the event took place.
        assert solution.t_events is not None
        assert solution.y_events is not None
        now = float(solution.t_events[0][0])
        at = unflatten(solution.y_events[0][0], problem.dims)


def _ratios(problem: Problem, weights: Sequence[Array]) -> list[Array]:
    """Lesser of a neuron's two norms, each over the largest, per hidden layer."""
    at = scales_of(problem, weights)
    pairs = zip(at.alphas[:-1], at.betas[1:], strict=True)
    return [np.minimum(_relative(a), _relative(b)) for a, b in pairs]


def _relative(norms: Array) -> Array:
    """Norms over the largest; zeros where all are."""
    largest = float(norms.max(initial=0.0))
    return norms / largest if largest > 0.0 else norms


def _faintest(problem: Problem, weights: Sequence[Array]) -> float:
    """Least ratio of a neuron that is not silent; above `DYING` where all are well."""
    ratios = np.concatenate(_ratios(problem, weights))
    heard = ratios[ratios > 0.0]
    return float(heard.min()) if heard.size else 1.0


def silenced(problem: Problem, weights: Sequence[Array]) -> list[Array]:
    """Weights of one network with all weights of silent and dying neurons set to zero."""
    layers = [w.copy() for w in weights]
    for i, ratio in enumerate(_ratios(problem, weights)):
        silent = ratio <= DYING * (1.0 + 1e-6)
        layers[i][silent] = 0.0
        layers[i + 1][:, silent] = 0.0
    return layers


def heard(problem: Problem, weights: Sequence[Array]) -> list[NDArray[np.bool_]]:
    """Which neurons of each hidden layer of one network are not silent."""
    return [np.asarray(ratio > DYING) for ratio in _ratios(problem, weights)]


def adaptive_flow(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    lr: float,
    beta2: float | None = None,
    batch: int = 1,
    steps: int | Sequence[int],
    decay: float = 0.0,
    loss: str = "squared",
    rtol: float = 1e-6,
    patience: float = PATIENCE,
    progress: Progress | str | bool | None = None,
) -> SlowPath:
    """Path of Adam and RMSProp whose memory is long: ``dθ/dτ = -½ Π D⁻¹ ∇U - κ Π θ``, ``τ = η² t``.

    For shuffled epochs, and for independent samples whose noise is even in the loss's metric, at
    ``(1-β₂)/(η√B)`` well below 1; the memory of Adam's ``β₁`` has to be short beside an epoch. The
    batch size does not enter but by that number, which third moments of samples ask for. Weights
    off the minima are first taken to them by gradient flow, which adaptive rules do not follow:
    begin with weights that are near.

    Parameters
    ----------
    source : Teacher or Samples
        Data; of samples the second moments count, see `adaptive_potential`.
    student : EDLN, or a linear MLP
        Network.
    weights : sequence of arrays (..., d_i, d_{i-1})
        Where the slow motion starts; leading dimensions are replicas. Neurons whose gradient or
        activation is below 1e-4 of the largest in their layer are set to zero, at the start and
        when they get there.
    lr : float
        Learning rate ``η``.
    beta2 : float, optional
        ``β₂`` in [0, 1) of shuffled epochs of samples, by which their third moments count; None
        leaves those out.
    batch : int
        Batch size ``B`` of shuffled epochs.
    steps : int or sequence of int
        Steps at which the path is wanted; one number stands for 65 equal parts up to it.
    decay : float
        ``κ = γ/η`` of decoupled weight decay.
    loss : {"squared", "whitened"}
        Loss.
    rtol : float
        Relative tolerance of the integrator.
    patience, progress : float, and Progress, "auto" or bool
        As in `entropic_flow`; a drift is dense in outputs times inputs.

    Returns
    -------
    SlowPath

    Raises
    ------
    MethexisError
        On bad input, if the path would take longer than ``patience``, if the minima cannot be
        reached, or the integrator would need too many evaluations.

    Examples
    --------
    >>> import numpy as np
    >>> teacher = Teacher([[1.0], [0.0]])
    >>> start = [np.ones((1, 1)), np.array([[1.0], [0.0]])]
    >>> path = adaptive_flow(teacher, EDLN(hidden=(1,)), start, lr=0.01, steps=200_000)
    >>> round(float(path.weights[0][-1, 0, 0]) ** -2, 4)  # the least U = 2 (2/a + a)
    2.0
    """
    memory = None if beta2 is None else _memory(lr, beta2, batch)
    size = count("batch", batch, least=1)
    problem, layers = bind(source, student, weights, loss)
    push = 0.0 if memory is None else epoch_push(problem, memory, size)
    velocity = partial(adaptive_velocity, problem, push=push, decay=_decay(decay))
    seconds = _seconds(problem, layers, drifting=False)
    return _followed_by(
        "adaptive flow", problem, layers, velocity, lr, steps, rtol, seconds, patience, progress
    )


def adaptive_drift(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    lr: float,
    beta2: float,
    batch: int = 1,
    steps: int | Sequence[int],
    decay: float = 0.0,
    loss: str = "squared",
    rtol: float = 1e-6,
    patience: float = PATIENCE,
    progress: Progress | str | bool | None = None,
) -> SlowPath:
    """Path of Adam and RMSProp with independent samples, at ``x = (1-β₂)/(η√B)``, on ``τ = η² t``.

    To leading order in ``η`` and ``1 - β₂``. Where noise is uneven the path need not end at a
    point: beyond some unevenness neurons exchange their modes for ever, and what a run shows is the
    mean over the cycle. See `adaptive_flow` for the other parameters, results and errors, and
    `adaptive_fixed_point` for ends.

    Parameters
    ----------
    beta2 : float
        ``β₂`` in [0, 1) of the running mean of squares.
    batch : int
        Batch size ``B``.

    Examples
    --------
    >>> import numpy as np
    >>> teacher = Teacher([[1.0], [0.0]])
    >>> start = [np.ones((1, 1)), np.array([[1.0], [0.0]])]
    >>> rates = {"lr": 0.01, "beta2": 0.999, "steps": 200_000}
    >>> path = adaptive_drift(teacher, EDLN(hidden=(1,)), start, **rates)
    >>> round(float(path.weights[0][-1, 0, 0]) ** -2, 2)  # 2 at x = 0; here x = 0.1
    2.05
    """
    memory = _memory(lr, beta2, batch)
    problem, layers = bind(source, student, weights, loss)
    velocity = partial(adaptive_velocity, problem, memory=memory, decay=_decay(decay))
    seconds = _seconds(problem, layers, drifting=True)
    return _followed_by(
        "adaptive drift", problem, layers, velocity, lr, steps, rtol, seconds, patience, progress
    )


def _seconds(problem: Problem, layers: Sequence[Array], *, drifting: bool) -> float:
    """Estimated seconds to follow all replicas on one core.

    Raises
    ------
    MethexisError
        If there is no room for what a drift holds.
    """
    if drifting:
        require_spectral(problem)
    one = CALL + adaptive_work(problem, drifting=drifting) / SPEED
    return int(np.prod(layers[0].shape[:-2])) * EVALUATIONS * one


def _memory(lr: float, beta2: float, batch: int) -> float:
    """``x = (1-β₂)/(η√B)`` of checked numbers."""
    rate = number("lr", lr, above=0.0)
    rest = 1.0 - number("beta2", beta2, least=0.0, below=1.0)
    return rest / (rate * float(np.sqrt(count("batch", batch, least=1))))


def _decay(decay: float) -> float:
    return number("decay", decay, least=0.0)


def _followed_by(
    what: str,
    problem: Problem,
    layers: Sequence[Array],
    velocity: Velocity,
    lr: float,
    steps: int | Sequence[int],
    rtol: float,
    seconds: float,
    patience: float,
    progress: Progress | str | bool | None,
) -> SlowPath:
    number("rtol", rtol, above=0.0, below=1.0)
    times = slow_times_of(steps, lr, 1, 0.0)
    watch = started(
        what,
        seconds,
        patience=number("patience", patience, above=0.0),
        progress=progress,
        steps=last_step(steps),
        span=float(times[-1]),
    )
    path = integrate_adaptive(problem, layers, times, velocity, rtol=rtol, watch=watch)
    if watch is not None:
        watch(float(times[-1]))
    return path
