r"""There and back: steps forward, then the same steps backward on the same batches.

The random numbers of a batch are a pure function of seed, replica and step (`core.random.streams`),
so the way back simply asks for them again, last step first. The engines only go forward; a loop
over the reference engine's batches and gradients is all that is needed here, and its way forward
has that engine's bits.

*Variate.* The mean over replicas is small against the spread of one. With independent samples most
of that spread is a sum of known martingale differences: given the weights ``θ_k`` before step
``k``, the step leaves ``-η² H_B g_B`` there, whose mean over batches is known in closed form. Their
difference, carried back along the path,

    c_{k} = (1 + η H_B(θ_k)) c_{k+1} - η² [H_B g_B - ½∇E‖g_B‖²](θ_k),      c_n = 0,

has mean zero exactly, since batches are independent of all that came before them. Subtracting
``c_0`` changes no expectation, takes off most of the noise, and fits nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from methexis.core.checks import Array
from methexis.core.layers.charges import charges, gradient_charges
from methexis.core.linalg import flatten
from methexis.theory.irreversibility import noise_share, retracing_force
from methexis.training.engines.batches import batches
from methexis.training.engines.gradients import Gradients
from methexis.training.plan import Plan

#: Steps whose batches are drawn at once.
_BLOCK = 16

Batch = tuple[Array, Array]


@dataclass(frozen=True, eq=False)
class Walk:
    """What was found on the way there and back, of every network."""

    far: list[Array]  # (network, d_i, d_{i-1}): weights where the way there ends
    #: (network, num_parameters): weights after the way back less those before the way there.
    left: Array
    #: (network, num_parameters): ``c_0`` of the module's docstring; zeros where it was not asked
    #: for.
    variate: Array
    #: Largest deviation from the exact law of charges, over the largest entry of a charge's terms:
    #: they change by ``η² Σ (G_{i+1}ᵀG_{i+1} - G_iG_iᵀ)`` over both ways.
    law: float


def retrace(plan: Plan, *, variate: bool = False) -> Walk:
    """Take all steps of a plan with one linear student and plain SGD forward, then backward.

    Parameters
    ----------
    plan : Plan
        The run.
    variate : bool
        Whether to compute the variate; for independent samples only.
    """
    gradients = Gradients(plan.problems, plan.batch, plan.dtype)
    rate = plan.hyper["lr"][:, None, None]
    weights = [w.copy() for w in plan.start[0]]
    start = [w.copy() for w in weights]
    squares = [np.zeros_like(c) for c in charges(weights)]
    path, slopes = [], []
    for batch in _batches(plan, range(plan.steps)):
        slope = _gradient(gradients, weights, batch)
        if variate:
            path.append(weights)
            slopes.append(slope)
        squares = [a + q for a, q in zip(squares, gradient_charges(slope), strict=True)]
        weights = [w - rate * g for w, g in zip(weights, slope, strict=True)]
    far = weights
    left = [np.zeros_like(w) for w in start]
    share = noise_share(plan.sampling, plan.batch) if variate else 0.0
    for batch in _batches(plan, reversed(range(plan.steps))):
        slope = _gradient(gradients, weights, batch)
        squares = [a + q for a, q in zip(squares, gradient_charges(slope), strict=True)]
        weights = [w + rate * g for w, g in zip(weights, slope, strict=True)]
        if variate:
            assert batch is not None  # independent samples are drawn
            there, slope = path.pop(), slopes.pop()
            ahead = [c - rate * g for c, g in zip(left, slope, strict=True)]
            bent = batch_curvature(gradients, there, batch, ahead)
            mean = retracing_force(plan.problems[0], there, share)
            left = [c + rate * b - rate**2 * m for c, b, m in zip(left, bent, mean, strict=True)]
    return Walk(
        far=far,
        left=flatten([w - s for w, s in zip(weights, start, strict=True)]),
        variate=flatten(left),
        law=_violation(start, weights, [rate**2 * q for q in squares]),
    )


def batch_curvature(
    gradients: Gradients, weights: Sequence[Array], batch: Batch, directions: Sequence[Array]
) -> list[Array]:
    """Hessian of a batch's squared loss times ``directions``, for a linear student.

    The derivative of both passes of `Gradients`: with ``dh_i = V_i h_{i-1} + W_i dh_{i-1}`` and
    ``dg_{i-1} = V_iᵀ g_i + W_iᵀ dg_i`` it is ``dg_i h_{i-1}ᵀ + g_i dh_{i-1}ᵀ``.
    """
    problem = gradients.problems[0]
    bend = 2.0 / gradients.batch * (problem.embed_out.T @ problem.embed_out)
    inputs, labels = batch
    layers, moved = [inputs], [np.zeros_like(inputs)]
    for w, v in zip(weights, directions, strict=True):
        moved.append(v @ layers[-1] + w @ moved[-1])
        layers.append(w @ layers[-1])
    signal, turned = bend @ layers.pop() - labels, bend @ moved.pop()
    products = []
    for w, v in zip(reversed(weights), reversed(directions), strict=True):
        h, dh = layers.pop(), moved.pop()
        products.append(turned @ h.mT + signal @ dh.mT)
        turned = v.mT @ signal + w.mT @ turned
        signal = w.mT @ signal
    return products[::-1]


def _batches(plan: Plan, steps: range | Iterator[int]) -> Iterator[Batch | None]:
    """Batches of the steps, drawn by blocks; None where the gradient comes from moments."""
    if plan.from_moments:
        yield from (None for _ in steps)
        return
    draw = batches(plan)
    first, held = -1, None
    for step in steps:
        block = step - step % _BLOCK
        if held is None or block != first:
            first, held = block, draw(block, min(_BLOCK, plan.steps - block))[0]
        yield held[0][step - block], held[1][step - block]


def _gradient(gradients: Gradients, weights: list[Array], batch: Batch | None) -> list[Array]:
    if batch is None:
        return gradients.exact(0, weights)
    return gradients(0, weights, batch)


def _violation(start: list[Array], end: list[Array], expected: list[Array]) -> float:
    """Largest deviation of the change of charges from the expected one."""
    size = max(float(np.max(np.abs(w))) ** 2 for w in [*start, *end])
    return max(
        float(np.max(np.abs(after - before - change))) / size
        for before, after, change in zip(charges(start), charges(end), expected, strict=True)
    )
