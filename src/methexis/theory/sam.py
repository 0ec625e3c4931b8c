r"""Sharpness-aware minimisation: the mean norm of a batch's gradient, which it lowers.

To first order in ``ρ`` the mean step of SAM is that of gradient descent on ``L + ρ E‖g_B‖``
(docs/theory.md §2.4), so that on the slow time ``τ = Σ η²/B`` weights move along the minima by

    dθ/dτ = -(ρB/η) P ∇N_B + (what SGD does),    N_B = E‖g_B‖.

On the minima the gradient of a batch is ``-2 A_iᵀ n B_iᵀ`` with ``n = mean(ε xᵀ)`` over the batch,
so that with ``P_i = A_i A_iᵀ`` and ``Π_i = B_iᵀ B_i``

    N_B = 2 E (Σ_i Tr[P_i n Π_i nᵀ])^{1/2}.

The root stands outside of the sum over layers and outside of both factors, so that ``N_B`` is no
sum of products of one part that knows labels and one that knows inputs, as ``S`` is. It separates
where input or label is a scalar; docs/adaptive.md §7 has the cases. The mean over ``n`` is one over
fixed points that fill the law evenly (Sobol), so that the potential is a smooth function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.stats

from methexis.core.answers import computed, of_replicas
from methexis.core.checks import Array, MethexisError, boolean, count, integer, number, weight_list
from methexis.core.edln import EDLN
from methexis.core.layers.products import after, before
from methexis.core.linalg import sqrt_psd
from methexis.core.mlp import MLP
from methexis.core.parallel.caching import cached_property
from methexis.core.problem import Problem, bind, theory_problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.progress import Progress
from methexis.theory.dual.normal import Normal
from methexis.theory.fixed_points.drift import drift_velocity
from methexis.theory.fixed_points.steady import FixedPoint, fixed_point_of
from methexis.theory.flow import entropic_velocity, shuffle_factor, slowed
from methexis.theory.platonic import platonic_of

#: Points that stand for the law of a batch; a power of two fills it evenly.
DRAWS = 4096
#: Probabilities are kept this far from 0 and 1, where a normal number would be infinite.
_EDGE = 1e-12
#: Eigenvalue of drawn moments, relative to the largest, below which nothing is drawn that way.
_NO_SPREAD = 1e-7
#: Numbers of a table of products of points.
_MOST_PRODUCTS = 2**27


def noise_moments(problem: Problem, batch: int, draws: int, seed: int) -> Array:
    """Points ``n = mean(ε xᵀ)`` over a batch, ``(draws, p, n)``, of the law of the data.

    Of a teacher they are a Sobol set, of samples all of them for a batch of one, and random batches
    without repetition else, turned and stretched to the second moments that such batches have.

    Raises
    ------
    MethexisError
        For laws that are not Gaussian, and batches that are larger than the data.
    """
    if problem.x is not None and problem.y is not None:
        return _of_samples(problem, problem.x, problem.y, batch, draws, seed)
    if problem.excess_x.any():
        raise MethexisError(
            "sam: expected a teacher with Gaussian inputs and noise, whose batches have a known "
            "law, got another law; draw samples of it"
        )
    rows, columns = problem.target.shape
    if batch < columns:
        normal = _normal(draws, batch * (rows + columns), seed).reshape(draws, batch, -1)
        white = normal[..., :rows].mT @ normal[..., rows:] / batch
    else:
        # Given the inputs the moment is normal: Z (Σ x xᵀ)^{1/2}/B, and Σ x xᵀ = L Lᵀ (Bartlett).
        points = _uniform(draws, columns * (columns + 1) // 2 + rows * columns, seed)
        below = np.zeros((draws, columns, columns))
        i, j = np.tril_indices(columns, -1)
        below[:, i, j] = scipy.stats.norm.ppf(points[:, : len(i)])
        for k in range(columns):
            power = scipy.stats.chi2.ppf(points[:, len(i) + k], batch - k)
            below[:, k, k] = np.sqrt(power)
        rest = scipy.stats.norm.ppf(points[:, len(i) + columns :])
        white = rest.reshape(draws, rows, columns) @ below.mT / batch
    return np.asarray(sqrt_psd(problem.cov_noise) @ white @ problem.root_x)


def _of_samples(problem: Problem, x: Array, y: Array, batch: int, draws: int, seed: int) -> Array:
    products = (y - x @ problem.target.T)[:, :, None] * x[:, None, :]
    if batch == 1:
        return products
    if batch > len(x):
        raise MethexisError(f"batch: expected at most the number of samples, {len(x)}, got {batch}")
    generator = np.random.default_rng(seed)
    chosen = generator.permuted(np.tile(np.arange(len(x)), (draws, 1)), axis=1)[:, :batch]
    drawn = products[chosen].mean(axis=1).reshape(draws, -1)
    flat = products.reshape(len(x), -1)
    flat = flat - flat.mean(axis=0)  # of least squares, zero but for rounding
    known = (len(x) - batch) / max(len(x) - 1, 1) / batch * (flat.T @ flat) / len(x)
    # The norm is nearly one of second moments, and these are known: chance in them is taken out.
    scale = sqrt_psd(known) @ np.linalg.pinv(sqrt_psd(drawn.T @ drawn / draws), rcond=_NO_SPREAD)
    return np.asarray((drawn @ scale.T).reshape(draws, *products.shape[1:]))


def _uniform(draws: int, dimension: int, seed: int) -> Array:
    """Scrambled Sobol points, away from the faces of the cube."""
    sobol = scipy.stats.qmc.Sobol(dimension, rng=np.random.default_rng(seed))
    return np.clip(sobol.random(draws), _EDGE, 1.0 - _EDGE)


def _normal(draws: int, dimension: int, seed: int) -> Array:
    return np.asarray(scipy.stats.norm.ppf(_uniform(draws, dimension, seed)))


@dataclass(frozen=True, eq=False)
class _Parts:
    """``A_i``, ``B_i``, ``vec(A_iA_iᵀ)``, ``vec(B_iᵀB_i)``, and the norms at all points."""

    left: list[Array]
    right: list[Array]
    outer: list[Array]
    inner: list[Array]
    norms: Array  # (..., draws), without the factor 2


@dataclass(frozen=True, eq=False)
class MeanNorm:
    """The potential ``N_B`` over fixed points ``n``, with its gradient."""

    problem: Problem
    points: Array  # (draws, p, n)

    @cached_property
    def products(self) -> Array:
        """``T`` with ``Tr[P n Π nᵀ] = vec(P)ᵀ T vec(Π)`` of every point, ``(draws, p², n²)``."""
        draws, rows, columns = self.points.shape
        if draws * rows**2 * columns**2 > _MOST_PRODUCTS:
            raise MethexisError(
                f"draws: expected at most {_MOST_PRODUCTS // (rows * columns) ** 2} for {rows} "
                f"labels and {columns} inputs, got {draws}"
            )
        pairs = np.einsum("kad,kbc->kabcd", self.points, self.points)
        return np.asarray(pairs.reshape(draws, rows**2, columns**2))

    def _parts(self, weights: Sequence[Array]) -> _Parts:
        left, right = after(self.problem, weights), before(self.problem, weights)
        outer = [(a @ a.mT).reshape(*a.shape[:-2], -1) for a in left]
        inner = [(b.mT @ b).reshape(*b.shape[:-2], -1) for b in right]
        products = [p[..., :, None] * q[..., None, :] for p, q in zip(outer, inner, strict=True)]
        sums = np.sum(np.broadcast_arrays(*products), axis=0)
        flat = self.products.reshape(len(self.points), -1)
        square = sums.reshape(*sums.shape[:-2], -1) @ flat.T
        return _Parts(left, right, outer, inner, np.sqrt(np.maximum(square, 0.0)))

    def value(self, weights: Sequence[Array]) -> Array:
        """``N_B`` at weights on the minima; leading dimensions broadcast."""
        return np.asarray(2.0 * self._parts(weights).norms.mean(axis=-1))

    def gradient(self, weights: Sequence[Array]) -> list[Array]:
        """``∇N_B`` by reverse differentiation: ``∂/∂A_i = 2 Q_i A_i``, ``∂/∂B_i = 2 B_i R_i``.

        ``Q_i = mean(n Π_i nᵀ / norm)`` and ``R_i = mean(nᵀ P_i n / norm)``.
        """
        at = self._parts(weights)
        count, rows, columns = self.points.shape
        shares = np.where(at.norms > 0.0, 1.0 / np.where(at.norms > 0.0, at.norms, 1.0), 0.0)
        mean = (shares @ self.products.reshape(count, -1) / count).reshape(
            *shares.shape[:-1], rows**2, columns**2
        )
        to_left = [
            2.0 * (mean @ q[..., None]).reshape(*mean.shape[:-2], rows, rows) @ a
            for a, q in zip(at.left, at.inner, strict=True)
        ]
        to_right = [
            2.0 * b @ (mean.mT @ p[..., None]).reshape(*mean.shape[:-2], columns, columns)
            for b, p in zip(at.right, at.outer, strict=True)
        ]
        result: list[Array] = [np.zeros_like(w, dtype=np.float64) for w in weights]
        adjoint = to_left[0]
        for i in range(1, len(weights)):
            result[i] = result[i] + at.left[i].mT @ adjoint
            adjoint = to_left[i] + adjoint @ weights[i].mT
        adjoint = to_right[-1]
        for i in range(len(weights) - 2, -1, -1):
            result[i] = result[i] + adjoint @ at.right[i].mT
            adjoint = to_right[i] + weights[i].mT @ adjoint
        return result


def sam_velocity(
    norm: MeanNorm, weights: list[Array], *, reach: float, batch: int, independent: bool
) -> list[Array]:
    """``dθ/dτ`` of SAM at ``ρ = reach η``, ``τ = η² t/B``, at weights on the minima."""
    problem = norm.problem
    if independent:
        rest = drift_velocity(problem, weights)
    else:
        size = None if problem.x is None else len(problem.x)
        pace = 1.0 if size is None else shuffle_factor(size, batch)
        rest = slowed(entropic_velocity(problem, weights), pace)
    pull = Normal(problem, weights).tangent(norm.gradient(weights))
    return [v - reach * batch * p for v, p in zip(rest, pull, strict=True)]


def sam_potential(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    batch: int = 1,
    loss: str = "squared",
    draws: int = DRAWS,
    seed: int = 0,
) -> Array:
    """Mean norm ``E‖g_B‖`` of a batch's gradient at weights on the minima: the potential of SAM.

    To first order in ``ρ`` SAM descends ``L + ρ E‖g_B‖``. It has no closed form but where input and
    label are scalars; there it is ``(2/π) √S`` at ``B = 1``.

    Parameters
    ----------
    source : Teacher or Samples
        Data; inputs and noise of a teacher are Gaussian.
    student : EDLN, or a linear MLP
        Network.
    weights : sequence of arrays (..., d_i, d_{i-1})
        Weights on the minima of the loss; leading dimensions are replicas.
    batch : int
        Batch size ``B``.
    loss : {"squared", "whitened"}
        Loss.
    draws : int
        Number of points that stand for the law of a batch, best a power of two. The relative error
        is about ``1/draws`` for a small teacher, and a part of ``1/√draws`` for batches of samples,
        whose second moments are exact.
    seed : int
        Scrambles the points.

    Returns
    -------
    array (...)

    Raises
    ------
    MethexisError
        On bad input, a law that is not Gaussian, or a batch larger than the data.

    Examples
    --------
    >>> import numpy as np
    >>> teacher = Teacher([[1.0]])
    >>> one = [np.ones((1, 1)), np.ones((1, 1))]  # g = -2 ε x (1, 1), so 2√2 E|ε| E|x|
    >>> round(float(sam_potential(teacher, EDLN(hidden=(1,)), one)), 2)  # 4√2/π = 1.80
    1.8
    """
    problem, layers = bind(source, student, weights, loss)
    norm = _mean_norm(problem, batch, draws, seed)
    return of_replicas("sam_potential", layers, norm.value)


def sam_gradient(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    batch: int = 1,
    loss: str = "squared",
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Array]:
    """Gradient ``∇_{W_i} E‖g_B‖``, one array per layer; `sam_potential` has the parameters."""
    problem, layers = bind(source, student, weights, loss)
    norm = _mean_norm(problem, batch, draws, seed)
    return of_replicas("sam_gradient", layers, norm.gradient)


@computed("sam_fixed_point")
def sam_fixed_point(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    reach: float,
    batch: int = 1,
    independent: bool = True,
    weights: Sequence[Array] | None = None,
    loss: str = "squared",
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress | str | bool | None = None,
) -> FixedPoint:
    """Where SAM ends on slow time at ``ρ = reach η``, as ``η`` and ``ρ`` vanish together.

    Parameters
    ----------
    source : Teacher or Samples
        Data; inputs and noise of a teacher are Gaussian.
    student : EDLN, or a linear MLP
        Network.
    reach : float
        ``ρ/η >= 0``. At 0 this is the end of SGD; far above 1 that of `sam_potential` alone.
    batch : int
        Batch size ``B``.
    independent : bool, optional
        Whether samples are independent, as in `drift_fixed_point`, or come in shuffled epochs.
    weights : list of arrays (d_i, d_{i-1}), optional
        Where to start the search; the Platonic point by default.
    loss : {"squared", "whitened"}
        Loss.
    draws, seed : int
        As in `sam_potential`.
    progress : Progress, "auto" or bool, optional
        Told how far the search has come, in digits of the speed that is left.

    Raises
    ------
    MethexisError
        If there is no such end within reach, or on bad input.
    ConditionError
        If a condition of the theorem fails and no ``weights`` were given.

    Examples
    --------
    >>> teacher = Teacher([[1.0]])
    >>> end = sam_fixed_point(teacher, EDLN(hidden=(1,)), reach=10.0)
    >>> round(float(end.weights[0][0, 0]) ** 2, 6)  # balanced, as under SGD
    1.0
    """
    problem = theory_problem(source, student, loss)
    reach = number("reach", reach, least=0.0)
    norm = _mean_norm(problem, batch, draws, seed)
    start = platonic_of(problem).weights if weights is None else weight_list(weights, problem.dims)
    velocity = partial(
        sam_velocity,
        norm,
        reach=reach,
        batch=batch,
        independent=boolean("independent", independent),
    )
    unit = None
    if reach > 0.0:
        whole = np.sqrt(sum(float(np.sum(g**2)) for g in norm.gradient(start)))
        unit = reach * batch * float(whole)
    return fixed_point_of(problem, velocity, start, "SAM", unit=unit, progress=progress)


def _mean_norm(problem: Problem, batch: int, draws: int, seed: int) -> MeanNorm:
    size = count("batch", batch, least=1)
    points = noise_moments(
        problem, size, count("draws", draws, least=2), integer("seed", seed, least=0)
    )
    return MeanNorm(problem, points)
