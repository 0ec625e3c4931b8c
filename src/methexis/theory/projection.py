"""Projection of weights onto the minima of the loss, and onto their tangent space.

The projection of a point is where gradient flow of ``L`` takes it: that keeps every charge, and it
is the projection in Katzenberger's limit, for which slow dynamics is stated. The flow is stiff.
Near the minima its path is known, though: the gap ``E = (F - V) Σx^{1/2}`` decays as ``e^{-2 J Jᵀ
t} E_0``. The weights follow any path of ``E`` by ``dθ = J⁺ dE``, a velocity of the form ``A_iᵀ X
B_iᵀ`` that keeps the charges too and is not stiff. Freezing ``J Jᵀ`` in the exponent changes the
end at third order in the gap; a straight line in ``E`` would change it at second order, although
the charges would be the same (docs/theory.md §5: charges and ``F`` do not fix the kernels). Far
from the minima the flow itself is integrated until the gap is small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.integrate
from numpy.typing import NDArray

from methexis.core.answers import of_replicas
from methexis.core.checks import Array, MethexisError
from methexis.core.edln import EDLN
from methexis.core.layers.charges import charges
from methexis.core.layers.products import loss_gradient, predictor, pullback
from methexis.core.linalg import flatten, squared_norm, unflatten
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, bind
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.theory.bounded import bounded
from methexis.theory.curvature import (
    MAX_DENSE_PARAMETERS,
    batched_sharpness,
    dense_hessian,
)
from methexis.theory.dual.normal import Normal, Spectrum

#: Relative gap ``‖E‖/‖VΣx^{1/2}‖`` up to which the frozen path stands in for gradient flow.
NEAR = 0.5
#: Gap that a quick path may leave, over the square of the gap that it began with: well below what
#: the pieces cost that a path is cut into; and what rounding may leave of any.
MISSED, ROUND = 0.01, 1e-12
#: Gap of weights that another Newton step would move by rounding alone.
ARRIVED = 1e-14
#: Change of charges at which a path is given up, over what they may change by in the end.
LOST = 10.0
#: Relative eigenvalue of ``J Jᵀ`` from which on a direction is well within reach.
WELL_WITHIN = 1e-2
#: Longest gradient flow, in units of the inverse curvature.
_HORIZON = 1e14
#: Relative gap down to which gradient flow itself is integrated when the start is arbitrary.
CLOSE = 3e-3
#: Parameters beyond which gradient flow is followed by an explicit method, and by an implicit one
#: only where that takes too many steps: matrices of so many parameters take longer than it.
EXPLICIT_FIRST = 1000
#: Relative error that the integrator allows itself per step, over what charges may change by.
_FLOW_RTOL = 0.01


def project_of(
    problem: Problem,
    weights: Sequence[Array],
    *,
    strict: bool = True,
    charge_rtol: float = 1e-9,
    close: float = CLOSE,
) -> list[Array]:
    """`project` for a folded problem; leading dimensions are independent replicas.

    If ``strict``, gradient flow is integrated, whatever the start, until the relative gap is below
    ``close``, so accurately that charges are kept to ``charge_rtol``; replicas that do not land
    from there are integrated down to `CLOSE`. If not ``strict``, replicas with a relative gap above
    `NEAR` or whose charges are not kept become NaN. Replicas with non-finite weights stay as they
    are.

    Raises
    ------
    MethexisError
        If ``strict`` and a replica does not reach the minima (a saddle in the way, or too narrow a
        network).
    """
    shape = weights[0].shape[:-2]
    start = flatten(weights).reshape(-1, problem.num_parameters).astype(np.float64, copy=False)
    finite = np.asarray(np.isfinite(start).all(axis=-1))
    result = np.where(finite[:, None], np.nan, start)
    if not strict:  # a diverging replica must not reach the eigensolver: it may overflow there
        with np.errstate(all="ignore"):
            finite &= relative_gap(problem, unflatten(start, problem.dims)) <= NEAR
    taken = np.flatnonzero(finite)
    if not len(taken):
        return unflatten(result.reshape(*shape, -1), problem.dims)
    result[taken] = np.nan
    for enough in sorted({close, CLOSE}, reverse=True) if strict else (NEAR,):
        layers = unflatten(start[taken], problem.dims)
        near = _approach(problem, layers, enough, charge_rtol) if strict else layers
        with np.errstate(all="ignore"):
            if strict:
                ends = _follow(problem, _path(problem, near, segments=16), segments=4)
            else:
                ends = _follow(problem, near, segments=6, lost=LOST * charge_rtol)
            good = _landed(problem, layers, ends, charge_rtol)
            good &= relative_gap(problem, near) <= NEAR
        result[taken[good]] = flatten(ends)[good]
        taken = taken[~good]
        if not len(taken):
            break
    if strict and len(taken):
        raise MethexisError(
            f"projection onto the minima: expected to reach them, but {len(taken)} of "
            f"{len(result)} weight sets did not; start from weights that are not at a saddle "
            "(some layer of too low rank)"
        )
    return unflatten(result.reshape(*shape, -1), problem.dims)


def _approach(
    problem: Problem, weights: list[Array], close: float, charge_rtol: float
) -> list[Array]:
    """Integrate gradient flow, one replica after another, until its relative gap is small.

    Stops as well when the flow stands still: then the replica is stuck at a saddle.
    """
    flat = flatten(weights)
    for row in np.flatnonzero(relative_gap(problem, weights) > close):
        flat[row] = _gradient_flow(problem, flat[row], close, _FLOW_RTOL * charge_rtol)
    return unflatten(flat, problem.dims)


def _gradient_flow(problem: Problem, start: Array, enough: float, rtol: float) -> Array:
    def rhs(_: float, state: Array) -> Array:
        return -flatten(loss_gradient(problem, unflatten(state, problem.dims)))

    def jacobian(_: float, state: Array) -> Array:
        return -dense_hessian(problem, unflatten(state, problem.dims))

    def close(_: float, state: Array) -> float:
        return float(relative_gap(problem, unflatten(state, problem.dims))) - enough

    first = float(np.linalg.norm(rhs(0.0, start)))
    if first == 0.0:
        return start

    def still(time: float, state: Array) -> float:
        return float(np.linalg.norm(rhs(time, state))) / first - 1e-15

    close.terminal = True  # type: ignore[attr-defined]
    still.terminal = True  # type: ignore[attr-defined]
    # The slowest rate that matters is far above the last one, so the horizon is never reached
    # unless the flow hangs near a saddle.
    fastest = float(batched_sharpness(problem, unflatten(start[None], problem.dims))[0])

    def followed(**method: Any) -> Array:
        solution = scipy.integrate.solve_ivp(
            bounded("projection onto the minima", rhs, np.inf),
            (0.0, _HORIZON / fastest if fastest > 0 else np.inf),
            start,
            rtol=rtol,
            atol=0.01 * rtol * float(np.abs(start).max()),
            events=[close, still],
            **method,
        )
        if not solution.success and "jac" not in method:
            raise MethexisError(f"projection: the integrator failed: {solution.message}")
        return np.asarray(solution.y[:, -1])

    if problem.num_parameters > EXPLICIT_FIRST:
        try:
            return followed(method="DOP853")
        except MethexisError:
            # Rates are so far apart that an implicit method is worth its matrices.
            if problem.num_parameters > MAX_DENSE_PARAMETERS:
                raise
    return followed(method="LSODA", jac=jacobian)


def _follow(
    problem: Problem, weights: list[Array], segments: int, lost: float = np.inf
) -> list[Array]:
    """The frozen path, and Newton from its end to rounding."""
    return polish(problem, _path(problem, weights, segments, lost))


def _path(
    problem: Problem, weights: list[Array], segments: int, lost: float = np.inf
) -> list[Array]:
    """Follow ``E(t) = e^{-2 J Jᵀ t} E_0``, cut into straight pieces.

    The pieces cost an error of second order in the gap that falls as ``segments**-2``. Replicas all
    of whose directions are well within reach go the quick way along them (`_quick_piece`). Those
    that it leaves further from the end than a part `MISSED` of that order go the careful way
    (`_careful_piece`), like all others. Whose charges change there by more than a part ``lost`` is
    not followed further, and NaN: what a piece has lost the next ones do not bring back.
    """
    shape = weights[0].shape[:-2]
    flat = [w.reshape(-1, *w.shape[-2:]).astype(np.float64, copy=False) for w in weights]
    ends = [np.full_like(w, np.nan) for w in flat]
    gap = _gap(problem, flat)
    spectra = Normal(problem, flat).seen_by(gap)
    ranges = [values[:, 0] >= WELL_WITHIN * values[:, -1] for values, _, _ in spectra]
    careful = ~np.concatenate(ranges)
    places = np.cumsum([len(one) for one in ranges])[:-1]
    steps = np.concatenate(
        [_steps(*of, segments) for of in zip(spectra, np.split(gap, places), strict=True)], axis=1
    )
    if not careful.all():
        quick = ~careful
        _take_pieces(problem, flat, ends, quick, steps[:, quick], _quick_piece)
        most = MISSED * relative_gap(problem, flat) ** 2 + ROUND
        careful |= ~(relative_gap(problem, ends) <= most)
    if careful.any():
        _take_pieces(problem, flat, ends, careful, steps[:, careful], _careful_piece, lost)
    return [w.reshape(*shape, *w.shape[-2:]) for w in ends]


_Piece = Callable[[Problem, list[Array], Array], list[Array]]


def _steps(spectrum: Spectrum, gap: Array, segments: int) -> Array:
    """Changes of ``E`` along the pieces of its path, ``(piece, replica, p, n)``."""
    values, vectors, alive = spectrum
    modes = (vectors.mT @ gap.reshape(len(gap), -1, 1))[..., 0]
    rates = np.where(alive, values, np.inf)
    fastest = np.max(np.where(alive, values, 0.0), axis=-1, initial=0.0)
    slowest = rates.min(axis=-1, initial=np.inf)
    # All directions out of reach (weights of zero): nothing will move, at any times.
    fastest, slowest = (np.where(fastest > 0, v, 1.0) for v in (fastest, slowest))
    # Times from where the fastest mode begins to move to where the slowest has died out.
    times = np.geomspace(0.05 / fastest, 12.0 / slowest, segments)
    left = np.exp(-2.0 * np.where(alive, values, 0.0) * times[..., None])
    left = np.concatenate([np.ones_like(left[:1]), left[:-1], np.zeros_like(left[:1])])
    steps = vectors @ (np.diff(left, axis=0) * modes)[..., None]
    return np.asarray(steps.reshape(segments, *gap.shape))


def _take_pieces(
    problem: Problem,
    weights: list[Array],
    ends: list[Array],
    which: NDArray[np.bool_],
    steps: Array,
    piece: _Piece,
    lost: float = np.inf,
) -> None:
    """Write into ``ends`` where the path of `_path` leads some replicas, piece by piece.

    Where a layer is too narrow for ``F`` to move freely, the range of ``J`` turns on the way: a gap
    of second order is left, and another path leads on from there.
    """
    at = [w[which] for w in weights]
    kept = np.ones(steps.shape[1], dtype=np.bool_)
    for step in steps:
        for w, moved in zip(at, piece(problem, [w[kept] for w in at], step[kept]), strict=True):
            w[kept] = moved
        if np.isfinite(lost):
            kept &= _charges_kept([w[which] for w in weights], at, lost)
            if not kept.any():
                break
    for end, value in zip(ends, at, strict=True):
        end[which] = np.where(kept[:, None, None], value, np.nan)


def _quick_piece(problem: Problem, weights: list[Array], step: Array) -> list[Array]:
    """Flow along ``dW_i = A_iᵀ X Σx^{1/2} B_iᵀ`` with one ``X`` for the whole piece.

    That keeps the charges whatever ``X`` is. It is the one that makes the step at the middle of the
    piece, so that what the end misses is of third order in the step; two eliminations. Directions
    hardly within reach make ``X`` large, and elsewhere than at the middle it then does harm.
    """
    middle = _moved(weights, Normal(problem, weights).damped_lift(step), 0.5)
    x = Normal(problem, middle).damped_solve(step) @ problem.root_x
    return _runge_kutta(weights, lambda at: pullback(problem, at, x))


def _careful_piece(problem: Problem, weights: list[Array], step: Array) -> list[Array]:
    """Flow along ``dθ = J⁺ dE``; four eliminations, of which each holds where it is used."""
    return _runge_kutta(weights, lambda at: Normal(problem, at).damped_lift(step))


def _runge_kutta(
    weights: list[Array], velocity: Callable[[list[Array]], list[Array]]
) -> list[Array]:
    """One step of fourth order over one unit of time."""
    k1 = velocity(weights)
    k2 = velocity(_moved(weights, k1, 0.5))
    k3 = velocity(_moved(weights, k2, 0.5))
    k4 = velocity(_moved(weights, k3, 1.0))
    return [
        w + (a + 2 * b + 2 * c + d) / 6
        for w, a, b, c, d in zip(weights, k1, k2, k3, k4, strict=True)
    ]


def polish(problem: Problem, weights: list[Array]) -> list[Array]:
    """Newton steps onto the minima from weights within rounding or an integrator's error of them.

    Each step changes the charges by the square of what it moves, and leaves a gap of the order of
    the square of the one before: replicas that have arrived take no more.
    """
    lead = weights[0].shape[:-2]
    at = [np.array(w.reshape(-1, *w.shape[-2:]), dtype=np.float64) for w in weights]
    for _ in range(3):
        away = relative_gap(problem, at) > ARRIVED
        if not away.any():
            break
        rest = [w[away] for w in at]
        lifted = Normal(problem, rest).lift(_gap(problem, rest))
        for w, moved in zip(at, _moved(rest, lifted, -1.0), strict=True):
            w[away] = moved
    return [w.reshape(*lead, *w.shape[-2:]) for w in at]


def _gap(problem: Problem, weights: list[Array]) -> Array:
    return np.asarray((predictor(problem, weights) - problem.target) @ problem.root_x)


def relative_gap(problem: Problem, weights: list[Array]) -> Array:
    """``‖(F - V) Σx^{1/2}‖ / ‖V Σx^{1/2}‖``: how far weights are from the minima."""
    size = squared_norm(problem.target @ problem.root_x)
    return np.asarray(np.sqrt(squared_norm(_gap(problem, weights)) / size))


def _moved(weights: list[Array], by: list[Array], factor: float) -> list[Array]:
    return [w + factor * d for w, d in zip(weights, by, strict=True)]


def _landed(
    problem: Problem, start: list[Array], end: list[Array], charge_rtol: float
) -> NDArray[np.bool_]:
    return np.asarray((relative_gap(problem, end) <= 1e-9) & _charges_kept(start, end, charge_rtol))


def _charges_kept(start: list[Array], end: list[Array], rtol: float) -> NDArray[np.bool_]:
    kept = np.ones(len(start[0]), dtype=np.bool_)
    scale = np.max([squared_norm(w) for w in (*start, *end)], axis=0)
    for before, after in zip(charges(start), charges(end), strict=True):
        kept &= np.sqrt(squared_norm(after - before)) <= rtol * scale
    return kept


def project(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    loss: str = "squared",
) -> list[Array]:
    """Weights where gradient flow of ``L`` from ``weights`` ends.

    Keeps all charges ``W_{i+1}ᵀW_{i+1} - W_iW_iᵀ`` and reaches ``W_D…W_1 = M⁻¹VE⁻¹``. Used to
    take SGD's fluctuations off before judging alignment.

    Parameters
    ----------
    weights : sequence of arrays (..., d_i, d_{i-1})
        Leading dimensions are independent replicas.

    Raises
    ------
    MethexisError
        If the minima are not reached, or shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> start = [np.array([[2.0]]), np.array([[2.0]])]
    >>> weights = project(Teacher([[1.0]]), EDLN(hidden=(1,)), start)
    >>> [round(float(w[0, 0]), 9) for w in weights]
    [1.0, 1.0]
    """
    problem, layers = bind(source, student, weights, loss)
    return of_replicas("project", layers, lambda w: project_of(problem, w))
