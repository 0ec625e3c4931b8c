"""The Platonic solution: the one minimum (up to rotations) that the entropic force selects.

Closed form (docs/theory.md §3). With ``V̄ = Σε^{1/2} V Σx^{1/2} = L S Rᵀ`` (thin SVD of rank ``r``),
``p = Tr S``, ``Tx = Tr[E Σx Eᵀ]``, ``Te = Tr[Mᵀ Σε M]`` and ``q = (Tx Te p^{2(D-1)})^{1/D}``,
hidden layer ``i`` is ``h_i = a_i U_i S^{1/2} Rᵀ Σx^{-1/2} x`` and the entropy is ``4 D q``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from methexis.core.answers import computed, require_finite
from methexis.core.checks import Array, integer
from methexis.core.edln import EDLN
from methexis.core.linalg import flatten, random_orthogonal
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, theory_problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher, source_name
from methexis.display import Displayed
from methexis.theory.dual.normal import sharpest_of
from methexis.theory.modes import Modes, modes_of


@dataclass(frozen=True, eq=False)
class PlatonicSolution(Displayed):
    """Result of `platonic`.

    Attributes
    ----------
    weights : list of arrays (d_i, d_{i-1})
        One Platonic point; every other differs by rotations and dead blocks.
    kernel : array (dim_x, dim_x)
        Universal kernel ``K``: every hidden layer has ``h(x1)·h(x2) = a_i² x1ᵀ K x2``. With private
        features, of the student's inputs ``[x; u]``.
    layer_scales : array (D - 1,)
        ``a_i²``.
    singular_values : array (r,)
        ``S``; hidden layer ``i`` has covariance spectrum ``a_i² S``.
    p, q, trace_in, trace_out : float
        The scalars ``p``, ``q``, ``Tx``, ``Te``.
    entropy : float
        ``S_min = 4 D q``, the least entropy over all minima of the loss.
    layer_entropy : array (D,)
        ``E‖∇_{W_i}ℓ‖² = 4 q`` in every layer (equipartition).
    hessian_trace, sharpness : float
        Trace and largest eigenvalue of the Hessian of ``L`` there.
    """

    weights: list[Array]
    kernel: Array
    layer_scales: Array
    singular_values: Array
    p: float
    q: float
    trace_in: float
    trace_out: float
    entropy: float
    layer_entropy: Array
    hessian_trace: float
    sharpness: float

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"rank": len(self.singular_values), "weights": self.weights}
        told |= {"entropy": self.entropy, "sharpness": self.sharpness}
        return told | {"hessian_trace": self.hessian_trace, "q": self.q, "p": self.p}


def platonic(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    loss: str = "squared",
    seed: int | None = None,
) -> PlatonicSolution:
    """Closed form of the minimum of the entropy over all minima of the loss.

    For samples the moments are those of the data: least-squares map, input moment and residual
    moment. It is then exact if residual and inputs factor, as in `Teacher.product_samples`.

    Parameters
    ----------
    source : Teacher or Samples
        Data.
    student : EDLN, or a linear MLP
        Network.
    loss : {"squared", "whitened"}
        Loss that the student is trained on.
    seed : int, optional
        Draws the free rotations ``U_i``; by default they are slices of the identity.

    Raises
    ------
    ConditionError
        If a condition of the theorem fails: ``signal``, ``invertible input embedding``,
        ``invertible output embedding``, ``width below rank``, ``full-rank noise``.
    MethexisError
        On shapes that do not fit.

    References
    ----------
    L. Ziyin and I. Chuang, arXiv:2507.01098; docs/theory.md §3.

    Examples
    --------
    >>> teacher = Teacher([[1.0], [0.0]], cov_noise=[[1.0, 0.0], [0.0, 15.0]])
    >>> solution = platonic(teacher, EDLN(hidden=(1,)))
    >>> round(solution.hessian_trace, 9), round(solution.sharpness, 9)
    (9.0, 8.5)
    """
    problem = theory_problem(source, student, loss)
    with computed("platonic"):
        solution = platonic_of(problem, seed=seed)
    require_finite("platonic", flatten(solution.weights), solution.weights)
    require_finite("platonic", np.array([solution.entropy, solution.sharpness]), solution.weights)
    return solution


def platonic_of(problem: Problem, *, seed: int | None = None) -> PlatonicSolution:
    """`platonic` for a folded problem."""
    modes = modes_of(problem)
    values = modes.values
    p = float(values.sum())
    trace_in = float(np.trace(problem.embed_in @ problem.cov_x @ problem.embed_in.T))
    trace_out = float(np.trace(problem.embed_out.T @ problem.cov_noise @ problem.embed_out))
    depth = problem.depth
    q = float(np.exp((np.log(trace_in * trace_out) + 2 * (depth - 1) * np.log(p)) / depth))
    scales = np.asarray(trace_in * p / q * (p**2 / q) ** np.arange(depth - 1.0))
    bases = _bases(problem.dims[1:-1], len(values), seed)
    weights = modes.weights(np.sqrt(scales), bases)
    return PlatonicSolution(
        weights=weights,
        kernel=modes.kernel(),
        layer_scales=scales,
        singular_values=values,
        p=p,
        q=q,
        trace_in=trace_in,
        trace_out=trace_out,
        entropy=4.0 * depth * q,
        layer_entropy=np.full(depth, 4.0 * q),
        hessian_trace=_platonic_trace(modes, q, p, trace_out),
        sharpness=sharpest_of(problem, weights),
    )


def _bases(widths: Sequence[int], r: int, seed: int | None) -> list[Array]:
    if seed is None:
        return [np.eye(width, r) for width in widths]
    generator = np.random.default_rng(integer("seed", seed, least=0))
    return [random_orthogonal(width, generator)[:, :r] for width in widths]


def _platonic_trace(modes: Modes, q: float, p: float, trace_out: float) -> float:
    """``2q [(D-1) p_ε/p + Tr(MᵀM)/Te]`` with ``p_ε = ‖V Σx^{1/2} R S^{-1/2}‖²``.

    For full-rank noise ``p_ε = Tr[Σε⁻¹ (V̄V̄ᵀ)^{1/2}]``.
    """
    problem = modes.problem
    last = problem.target @ modes.root_x @ (modes.right / np.sqrt(modes.values))
    interior = (problem.depth - 1) * float(np.sum(last**2)) / p
    return 2.0 * q * (interior + float(np.sum(problem.embed_out**2)) / trace_out)


def entropy_bound(
    source: Teacher | Samples, student: EDLN | MLP, *, loss: str = "squared"
) -> float:
    """Lower bound ``4 D q`` of the entropy over all minima of the loss; see `platonic`."""
    return platonic(source, student, loss=loss).entropy


def universal_kernel(teacher: Teacher | Samples, *, loss: str = "squared") -> Array:
    """``K = Σx^{-1/2} (V̄ᵀV̄)^{1/2} Σx^{-1/2}``: the same for every student without label map.

    Parameters
    ----------
    teacher : Teacher or Samples
        Data.
    loss : {"squared", "whitened"}
        The whitened loss replaces ``V̄`` by ``Σε^{-1/2} V Σx^{1/2}``.

    Returns
    -------
    array (dim_x, dim_x)
        ``h(x1)·h(x2) ∝ x1ᵀ K x2`` in every hidden layer of every student.

    Examples
    --------
    >>> universal_kernel(Teacher([[2.0, 0.0], [0.0, 1.0]])).round(12).tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    """
    source_name(teacher)
    width = min(teacher.dim_x, teacher.dim_y)
    return platonic(teacher, EDLN(hidden=(width,)), loss=loss).kernel
