"""Entropy ``S = E‖∇ℓ‖²``, its gradient, the entropic loss and gradient balance, at any weights.

Per sample the loss is ``ℓ = ‖f - y‖²`` (no ½, summed over outputs), ``L = E ℓ`` and
``S = Σ_i E‖∇_{W_i} ℓ‖²`` over single samples. Derivations: docs/theory.md §§1, 3, 4.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.answers import of_replicas
from methexis.core.checks import Array, count, number
from methexis.core.edln import EDLN
from methexis.core.layers.charges import charges as charges_of
from methexis.core.layers.gap import gap_of
from methexis.core.layers.products import loss_gradient, predictor, pullback
from methexis.core.linalg import squared_norm
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, bind
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.theory.moments import GradientMoments, gradient_moments


def loss_of(problem: Problem, weights: Sequence[Array]) -> Array:
    """``L = Tr[(F - V) Σx (F - V)ᵀ] + Tr Σε``, exact for teachers and for samples."""
    delta = predictor(problem, weights) - problem.target
    excess = np.sum((delta @ problem.cov_x) * delta, axis=(-2, -1))
    return np.asarray(excess + np.trace(problem.cov_noise))


def entropy_of(problem: Problem, weights: Sequence[Array]) -> Array:
    """`entropy` for a folded problem."""
    layers = gradient_moments(problem, weights).layer_entropy()
    return np.asarray(sum(layers[1:], layers[0]))


def entropy_gradient_of(problem: Problem, weights: Sequence[Array]) -> list[Array]:
    r"""Gradient of `entropy_of` by reverse differentiation through the partial products.

    The moments supply the adjoints ``∂S/∂A_i = 8 R_i A_i``, ``∂S/∂B_i = 8 B_i X_i`` and
    ``∂S/∂F = Σ_i 8 A_iA_iᵀ N_i``; ``A_i = A_{i+1} W_{i+1}`` and ``B_{i+1} = W_i B_i`` carry them to
    the weights.
    """
    m = gradient_moments(problem, weights)
    depth = len(weights)
    cotangent = sum(
        (8.0 * (a @ (a.mT @ n)) for a, n in zip(m.left, m.cross, strict=True)),
        np.zeros_like(problem.target),
    )
    result = pullback(problem, weights, np.asarray(cotangent))
    adjoint = 8.0 * m.residual[0] @ m.left[0]
    for i in range(1, depth):
        result[i] = result[i] + m.left[i].mT @ adjoint
        adjoint = 8.0 * m.residual[i] @ m.left[i] + adjoint @ weights[i].mT
    adjoint = 8.0 * m.right[-1] @ m.inputs[-1]
    for i in range(depth - 2, -1, -1):
        result[i] = result[i] + adjoint @ m.right[i].mT
        adjoint = 8.0 * m.right[i] @ m.inputs[i] + weights[i].mT @ adjoint
    return result


def interface_gaps(moments: GradientMoments) -> list[Array]:
    """Entropic gap of every hidden interface, ``D - 1`` arrays over leading dimensions."""
    depth = len(moments.left)
    return [gap_of(moments.gradient_out(i), moments.gradient_in(i + 1)) for i in range(1, depth)]


def imbalances(moments: GradientMoments) -> list[Array]:
    """Relative imbalance ``‖A - B‖_F / ((‖A‖_F + ‖B‖_F)/2)`` of every hidden interface."""
    result = []
    for i in range(1, len(moments.left)):
        out, into = moments.gradient_out(i), moments.gradient_in(i + 1)
        size = (np.sqrt(squared_norm(out)) + np.sqrt(squared_norm(into))) / 2.0
        result.append(np.asarray(np.sqrt(squared_norm(out - into)) / size))
    return result


def entropy(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    loss: str = "squared",
) -> Array:
    """Entropy ``S = Σ_i E‖∇_{W_i} ℓ‖²`` at any weights.

    For a teacher the inputs are Gaussian and the fourth-moment term of the residual is included;
    for samples the expectation is the mean over rows. At a minimum of a teacher's loss
    ``S = 4 Σ_i Tr[A_iᵀ Σε A_i] Tr[B_i Σx B_iᵀ]``.

    Parameters
    ----------
    source : Teacher or Samples
        Data.
    student : EDLN, or a linear MLP
        Network.
    weights : sequence of arrays (..., d_i, d_{i-1})
        One array per layer; leading dimensions are replicas.
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
    >>> teacher = Teacher([[1.0], [0.0]])
    >>> float(entropy(teacher, EDLN(hidden=(1,)), [np.ones((1, 1)), np.array([[1.0], [0.0]])]))
    12.0
    """
    problem, layers = bind(source, student, weights, loss)
    return of_replicas("entropy", layers, lambda w: entropy_of(problem, w))


def entropy_gradient(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    loss: str = "squared",
) -> list[Array]:
    """Gradient ``∇_{W_i} S`` of `entropy` at any weights, one array per layer.

    See `entropy` for parameters and errors.
    """
    problem, layers = bind(source, student, weights, loss)
    return of_replicas("entropy_gradient", layers, lambda w: entropy_gradient_of(problem, w))


def charges(
    source: Teacher | Samples, student: EDLN | MLP, weights: Sequence[Array]
) -> list[Array]:
    """Charges ``C_i = W_{i+1}ᵀ W_{i+1} - W_i W_iᵀ``, one ``(..., d_i, d_i)`` per hidden layer.

    `core.layers.charges.charges` after a check that the weights belong to the student. They depend
    on nothing else: not on data, views or embeddings. See `entropy` for parameters and errors.
    """
    _, layers = bind(source, student, weights, "squared")
    return of_replicas("charges", layers, charges_of)


def entropic_loss(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    lr: float,
    batch: int = 1,
    loss: str = "squared",
) -> Array:
    """``F = L + (η/4) [(1 - 1/B) ‖∇L‖² + S/B]``: what SGD minimises to first order in ``η``.

    Parameters
    ----------
    lr : float
        Learning rate ``η > 0``.
    batch : int
        Batch size ``B``, drawn independently.

    See `entropy` for the others, shapes and errors.
    """
    lr = number("lr", lr, above=0.0)
    batch = count("batch", batch, least=1)
    problem, layers = bind(source, student, weights, loss)

    def total(at: list[Array]) -> Array:
        gradient = sum(squared_norm(g) for g in loss_gradient(problem, at))
        noise = (1.0 - 1.0 / batch) * gradient + entropy_of(problem, at) / batch
        return np.asarray(loss_of(problem, at) + lr / 4.0 * noise)

    return of_replicas("entropic_loss", layers, total)


def balance(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    loss: str = "squared",
) -> list[Array]:
    """Relative gradient imbalance ``‖E[G_iG_iᵀ] - E[G_{i+1}ᵀG_{i+1}]‖`` per hidden interface.

    Relative to the mean of both norms. Zero in every interface exactly at Platonic points (at
    minima of the loss). See `entropy` for parameters and errors.
    """
    problem, layers = bind(source, student, weights, loss)
    return of_replicas(
        "balance",
        layers,
        lambda w: imbalances(gradient_moments(problem, w)),
        undefined="move away from where all gradients vanish, for there is no relative imbalance",
    )


def gaps(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    loss: str = "squared",
) -> list[Array]:
    """Entropic gap per hidden interface (`core.layers.gap.entropic_gap`); units of ``S``."""
    problem, layers = bind(source, student, weights, loss)
    return of_replicas("gaps", layers, lambda w: interface_gaps(gradient_moments(problem, w)))
