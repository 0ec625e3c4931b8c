"""Conservation laws along real runs, path by path: what a simulator may not get wrong.

With ``q_i[v] = v_{i+1}ᵀ v_{i+1} - v_i v_iᵀ`` and ``ρ = 1 - ηγ``, heavy ball does
``v' = βv + G``, ``W' = ρW - ηv'``. Put ``A_i = W_{i+1}ᵀ v'_{i+1} - v'_i W_iᵀ`` (after the update of
``v``, before that of ``W``). Inserting ``W'``::

    C' = ρ² C - ηρ (A + Aᵀ) + η² q[v']

One step later ``v'' = βv' + G'`` and ``W'_{i+1}ᵀ G'_{i+1} = G'_i W'_iᵀ`` (the sample gradients
``g_i h_{i-1}ᵀ`` with ``g_i = W'_{i+1}ᵀ g_{i+1}``), so the gradient drops out and::

    A' = β (ρ A - η q[v'])

starting from ``A = 0``, since ``v = 0`` at the start. With β = 0, A stays 0: the law of SGD.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.core.charges import charge_step, charges
from methexis.core.checks import Array

STEPS = 80
SEED = 11

# C is a sum of squares of weights of order 1, each step rounds it to 2⁻⁵³ a few times, and errors
# of 80 steps add up at random: about 1e-14 of |W|². The bound is the one that theory.md promises.
EXACT = 1e-12


def follow(
    slow_sgd: Any, student: mx.EDLN, source: Any, optimiser: mx.SGD, **settings: Any
) -> tuple[list[list[Array]], list[list[Array]], list[float]]:
    """Recorded weights of every step, gradients at them by the slow loops, and learning rates."""
    run = mx.train(
        student, source, optimiser, steps=STEPS, replicas=[2], seed=SEED,
        record=range(STEPS + 1), init=mx.init.gaussian(0.8), **settings,
    )  # fmt: skip
    path = [[w[t, 0] for w in run.snapshots(0)] for t in range(STEPS + 1)]
    slow = slow_sgd(
        student, source, optimiser, path[0], steps=STEPS, replica=2, seed=SEED, **settings
    )
    gradients, rates = [], []
    for t in range(STEPS):
        slow.at, slow.weights = t, path[t]
        gradients.append(slow.gradients())
        rates.append(slow.rate())
    return path, gradients, rates


def worst(path: list[list[Array]], predicted: list[list[Array]]) -> float:
    """Largest deviation of the charges of a path, relative to the squared weights."""
    deviations = []
    for weights, expected in zip(path, predicted, strict=True):
        scale = max(float(np.sum(w**2)) for w in weights)
        for c, e in zip(charges(weights), expected, strict=True):
            deviations.append(np.abs(c - e).max() / scale)
    return max(deviations)


@pytest.mark.parametrize("decay", [0.0, 0.4])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize(
    ("sampling", "loss"), [("online", "squared"), ("online", "whitened"), ("shuffle", "squared")]
)
def test_sgd(
    slow_sgd: Any,
    students: list[mx.EDLN],
    teacher: mx.Teacher,
    data: mx.Samples,
    sampling: str,
    loss: str,
    schedule: str,
    decay: float,
) -> None:
    source = teacher if sampling == "online" else data
    optimiser = mx.SGD(lr=0.01, weight_decay=decay, schedule=mx.schedules.Schedule(schedule, 0.1))
    settings = {"batch": 2, "sampling": sampling, "loss": loss}
    path, gradients, rates = follow(slow_sgd, students[1], source, optimiser, **settings)
    predicted = [charges(path[0])]
    for g, lr in zip(gradients, rates, strict=True):
        predicted.append(charge_step(predicted[-1], g, lr=lr, weight_decay=decay))
    assert worst(path, predicted) < EXACT
    # The second order is there: without it the charges would only decay.
    first_order = [charges(path[0])]
    for lr in rates:
        first_order.append([(1 - lr * decay) ** 2 * c for c in first_order[-1]])
    assert worst(path, first_order) > 1e-5


@pytest.mark.parametrize("decay", [0.0, 0.4])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_heavy_ball(
    slow_sgd: Any, students: list[mx.EDLN], teacher: mx.Teacher, schedule: str, decay: float
) -> None:
    beta = 0.8
    optimiser = mx.SGD(
        lr=0.004,
        momentum=beta,
        weight_decay=decay,
        schedule=mx.schedules.Schedule(schedule, 0.1),
    )
    settings = {"batch": 2, "sampling": "online"}
    path, gradients, rates = follow(slow_sgd, students[0], teacher, optimiser, **settings)
    predicted = [charges(path[0])]
    mixed = [np.zeros_like(c) for c in predicted[0]]
    velocity = [np.zeros_like(w) for w in path[0]]
    without = [charges(path[0])]
    for g, lr in zip(gradients, rates, strict=True):
        velocity = [beta * v + h for v, h in zip(velocity, g, strict=True)]
        squares = charges(velocity)  # q has the form of the charges
        keep = 1 - lr * decay
        predicted.append(
            [
                keep**2 * c - lr * keep * (a + a.T) + lr**2 * q
                for c, a, q in zip(predicted[-1], mixed, squares, strict=True)
            ]
        )
        mixed = [beta * (keep * a - lr * q) for a, q in zip(mixed, squares, strict=True)]
        without.append([keep**2 * c + lr**2 * q for c, q in zip(without[-1], squares, strict=True)])
    assert worst(path, predicted) < EXACT
    assert worst(path, without) > 1e-5  # the law of plain SGD, with v for G, is not the law


def test_gradient_flow_conserves_charges(students: list[mx.EDLN], teacher: mx.Teacher) -> None:
    rtol = 1e-10
    run = mx.train(
        students, teacher, mx.GradientFlow(lr=0.01, rtol=rtol), steps=10_000, replicas=3, seed=SEED
    )
    for k in range(2):
        for c in charges(run.snapshots(k)):
            # Each of some 10² integrator steps errs by up to rtol, about half of them upwards.
            assert np.abs(c - c[0]).max() < 100 * rtol
        start = run.snapshots(k)[0]
        assert np.abs(start[-1] - start[0]).max() > 0.1  # while the weights have moved
    loss = run.data["loss"].values
    assert (np.diff(loss, axis=0) <= 1e-9 * loss[:-1]).all()  # descent, to the tolerance


def test_gradient_flow_ends_where_the_projection_does(
    students: list[mx.EDLN], teacher: mx.Teacher
) -> None:
    run = mx.train(students, teacher, mx.GradientFlow(lr=0.05), steps=20_000, seed=SEED)
    for k, student in enumerate(students):
        projected = mx.theory.project(teacher, student, [w[0] for w in run.snapshots(k)])
        # Only the kernels of hidden layers agree (the projection is up to rotations); what is left
        # of the flow, rtol = 1e-10 of its speed, is divided by the smallest curvature, above 1e-3.
        end, target = run.weights[k], projected
        for _ in range(student.depth - 1):
            h, p = end[0][0], target[0][0]
            assert np.abs(h.T @ h - p.T @ p).max() < 1e-5
            end = [end[1] @ end[0], *end[2:]]
            target = [target[1] @ target[0], *target[2:]]
