"""The potential ``U = Σ_j (E g_j²)^{1/2}`` that adaptive rules lower, and its gradient.

Adam and RMSProp divide every entry of a step by ``D_j``, the root mean square of that entry of the
gradient. Near the minima their slow motion descends the sum of all ``D_j``, where SGD descends the
sum of the squares (docs/adaptive.md). On the minima the gradient of weight ``(a, b)`` of layer
``i`` is ``-2 (A_iᵀε)_a (B_i x)_b``, a product of independent factors, so that ``D`` is one too:

    D_i = 2 α_i β_iᵀ,    α_ia = ‖Σε^{1/2} A_i e_a‖,    β_ib = ‖e_bᵀ B_i Σx^{1/2}‖,
    U = 2 Σ_i (Σ_a α_ia) (Σ_b β_ib).

``U`` is a sum of norms: it has a kink where a neuron is silent, and there the gradient below is
that subgradient which leaves the neuron out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from methexis.core.answers import of_replicas
from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.layers.products import after, before
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, bind
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher

#: Norm of a neuron's gradient or activation, over the largest in its layer, below which it is
#: silent: what rounding leaves of one that carries nothing.
SILENT = 1e-12


@dataclass(frozen=True, eq=False)
class Scales:
    """Partial products of a student, and the norms ``α_i``, ``β_i`` of which ``D`` is made.

    Attributes
    ----------
    left, right : lists of arrays (..., p, d_i), (..., d_{i-1}, n)
        ``A_i`` and ``B_i``.
    alphas, betas : lists of arrays (..., d_i), (..., d_{i-1})
        ``α_i`` and ``β_i``; exactly zero where a neuron is silent.
    """

    left: list[Array]
    right: list[Array]
    alphas: list[Array]
    betas: list[Array]

    def inverse(self, i: int) -> Array:
        """``1 / D_i`` of layer ``i`` (from 0), ``(..., d_i, d_{i-1})``; 0 where ``D_i`` is."""
        return np.asarray(
            0.5 * inverted(self.alphas[i])[..., :, None] * inverted(self.betas[i])[..., None, :]
        )


def scales_of(problem: Problem, weights: Sequence[Array]) -> Scales:
    """The norms at ``weights``, which are on the minima; leading dimensions broadcast."""
    left, right = after(problem, weights), before(problem, weights)
    alphas = [np.sqrt(np.sum(a * (problem.cov_noise @ a), axis=-2)) for a in left]
    betas = [np.sqrt(np.sum((b @ problem.cov_x) * b, axis=-1)) for b in right]
    return Scales(left, right, [_heard(v) for v in alphas], [_heard(v) for v in betas])


def _heard(norms: Array) -> Array:
    """The norms, with zero for those that are rounding of it."""
    return np.asarray(np.where(norms > SILENT * norms.max(axis=-1, keepdims=True), norms, 0.0))


def inverted(norms: Array) -> Array:
    """``1/v``, and 0 where ``v`` is 0."""
    silent = norms == 0.0
    return np.asarray(np.where(silent, 0.0, 1.0 / np.where(silent, 1.0, norms)))


def potential_of(problem: Problem, weights: Sequence[Array]) -> Array:
    """`adaptive_potential` for a folded problem."""
    scales = scales_of(problem, weights)
    terms = [
        2.0 * a.sum(axis=-1) * b.sum(axis=-1)
        for a, b in zip(scales.alphas, scales.betas, strict=True)
    ]
    return np.asarray(sum(terms[1:], terms[0]))


def potential_gradient_of(
    problem: Problem, weights: Sequence[Array], scales: Scales | None = None
) -> list[Array]:
    """`adaptive_gradient` for a folded problem, by reverse differentiation.

    The norms supply ``∂U/∂A_i = 2 (Σ β_i) Σε A_i diag(1/α_i)`` and ``∂U/∂B_i = 2 (Σ α_i)
    diag(1/β_i) B_i Σx``; ``A_i = A_{i+1} W_{i+1}`` and ``B_{i+1} = W_i B_i`` carry them to the
    weights.
    """
    at = scales_of(problem, weights) if scales is None else scales
    depth = len(weights)
    to_left = [
        2.0 * at.betas[i].sum(axis=-1)[..., None, None]
        * ((problem.cov_noise @ at.left[i]) * inverted(at.alphas[i])[..., None, :])
        for i in range(depth)
    ]  # fmt: skip
    to_right = [
        2.0 * at.alphas[i].sum(axis=-1)[..., None, None]
        * ((at.right[i] @ problem.cov_x) * inverted(at.betas[i])[..., :, None])
        for i in range(depth)
    ]  # fmt: skip
    gradient: list[Array] = [np.zeros_like(w, dtype=np.float64) for w in weights]
    adjoint = to_left[0]
    for i in range(1, depth):
        gradient[i] = gradient[i] + at.left[i].mT @ adjoint
        adjoint = to_left[i] + adjoint @ weights[i].mT
    adjoint = to_right[-1]
    for i in range(depth - 2, -1, -1):
        gradient[i] = gradient[i] + adjoint @ at.right[i].mT
        adjoint = to_right[i] + weights[i].mT @ adjoint
    return gradient


def adaptive_potential(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    loss: str = "squared",
) -> Array:
    """Potential ``U = Σ_j (E g_j²)^{1/2}`` of Adam and RMSProp at weights on the minima.

    ``g_j`` is one entry of the gradient of one sample, and ``U = 2 Σ_i α̂_i β̂_i`` with ``α̂_i = Σ_a
    ‖Σε^{1/2} A_i e_a‖``, ``β̂_i = Σ_b ‖e_bᵀ B_i Σx^{1/2}‖``. That the slow motion of these rules
    descends ``U`` is derived in docs/adaptive.md, to leading order in ``η`` and ``1 - β₂``.

    Parameters
    ----------
    source : Teacher or Samples
        Data. Of samples the second moments count; they are enough if residual and inputs factor,
        as in `Teacher.product_samples`.
    student : EDLN, or a linear MLP
        Network.
    weights : sequence of arrays (..., d_i, d_{i-1})
        One array per layer, on the minima of the loss (see `project`); leading dimensions are
        replicas. Elsewhere the formula leaves out what the residual adds.
    loss : {"squared", "whitened"}
        ``‖r‖²`` or ``rᵀ Σε⁻¹ r``.

    Returns
    -------
    array (...)

    Raises
    ------
    MethexisError
        On shapes that do not fit, weights that are not finite, or products of them that double
        precision does not hold. Of several replicas those that are lost have NaN.

    Examples
    --------
    >>> import numpy as np
    >>> one = [np.ones((1, 1)), np.array([[1.0], [0.0]])]
    >>> float(adaptive_potential(Teacher([[1.0], [0.0]]), EDLN(hidden=(1,)), one))
    6.0
    """
    problem, layers = bind(source, student, weights, loss)
    return of_replicas("adaptive_potential", layers, lambda w: potential_of(problem, w))


def adaptive_gradient(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    loss: str = "squared",
) -> list[Array]:
    """Gradient ``∇_{W_i} U`` of `adaptive_potential`, one array per layer.

    Where a neuron is silent ``U`` has a kink, and this is the subgradient that leaves it out. See
    `adaptive_potential` for parameters and errors.
    """
    problem, layers = bind(source, student, weights, loss)
    return of_replicas("adaptive_gradient", layers, lambda w: potential_gradient_of(problem, w))
