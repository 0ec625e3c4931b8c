r"""Batch sharpness on the minima: curvature of a batch's loss along its own gradient.

``BS_B = E[∇L_Bᵀ (∇²L_B) ∇L_B] / E‖∇L_B‖²`` says how a step of SGD changes the loss of its own
batch: by ``-η‖∇L_B‖² (1 - η BS_B/2)`` on average. On the minima it is a closed form (docs/theory.md
§4.3): ``ε`` is independent of ``x`` and its odd moments vanish, so the second derivatives of ``F``
drop out and, with ``P_i = A_iA_iᵀ`` and ``Q_i = B_iᵀB_i``,

    E[∇ℓᵀ (∇²ℓ) ∇ℓ] = 8 Σ_ij Tr(P_i P_j Σε) E[(xᵀQ_ix)(xᵀQ_jx)]
    E[∇ℓᵀ H ∇ℓ]     = 8 Σ_ij Tr(P_i P_j Σε) Tr(Q_iΣx Q_jΣx)
    BS_B = (first / B + (1 - 1/B) second) / S
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.answers import of_replicas
from methexis.core.checks import Array, MethexisError, count
from methexis.core.edln import EDLN
from methexis.core.layers.products import after, before
from methexis.core.problem import Problem, bind
from methexis.core.teacher import Teacher


def batch_sharpness_of(problem: Problem, weights: Sequence[Array], batch: int) -> Array:
    """`batch_sharpness` for a folded problem."""
    left = after(problem, weights)
    right = [b @ problem.root_x for b in before(problem, weights)]
    outer = np.stack(np.broadcast_arrays(*(a @ a.mT for a in left)))
    inner = np.stack(np.broadcast_arrays(*(b.mT @ b for b in right)))
    strength = np.einsum("i...ab,j...bc,ca->ij...", outer, outer, problem.cov_noise)
    power = np.trace(inner, axis1=-2, axis2=-1)
    product = np.einsum("i...ab,j...ba->ij...", inner, inner)
    diagonal = np.diagonal(inner, axis1=-2, axis2=-1)
    fourth = power[:, None] * power[None] + 2.0 * product
    fourth = fourth + np.einsum("a,i...a,j...a->ij...", problem.excess_x, diagonal, diagonal)
    own = 8.0 * np.sum(strength * fourth, axis=(0, 1))
    mean = 8.0 * np.sum(strength * product, axis=(0, 1))
    noise = np.einsum("i...ab,ba->i...", outer, problem.cov_noise)
    entropy = 4.0 * np.sum(noise * power, axis=0)
    return np.asarray((own / batch + (1.0 - 1.0 / batch) * mean) / entropy)


def batch_sharpness(
    source: Teacher,
    student: EDLN,
    weights: Sequence[Array],
    *,
    batch: int = 1,
    loss: str = "squared",
) -> Array:
    """Batch sharpness ``E[∇L_Bᵀ ∇²L_B ∇L_B] / E‖∇L_B‖²`` at weights on the minima.

    Parameters
    ----------
    source : Teacher
        Data; its laws are symmetric.
    weights : sequence of arrays (..., d_i, d_{i-1})
        On the minima; leading dimensions are replicas.
    batch : int
        Batch size ``B``.

    Returns
    -------
    array (...)

    Raises
    ------
    MethexisError
        On shapes that do not fit, or a batch below 1.

    Examples
    --------
    >>> import numpy as np
    >>> one = [np.ones((1, 1)), np.array([[1.0], [0.0]])]
    >>> float(batch_sharpness(Teacher([[1.0], [0.0]]), EDLN(hidden=(1,)), one))
    10.0
    """
    batch = count("batch", batch, least=1)
    if not isinstance(source, Teacher):
        raise MethexisError(f"source: expected a Teacher, got {type(source).__name__}")
    problem, layers = bind(source, student, weights, loss)
    return of_replicas(
        "batch_sharpness",
        layers,
        lambda w: batch_sharpness_of(problem, w, batch),
        undefined="move away from where all gradients vanish, for they have no direction",
    )
