"""Third moments of samples push adaptive rules: a sample is part of what divides it.

Brute force from definitions: in shuffled epochs all orders are listed, with the rule's own running
means; for independent samples the joint stationary law of weights and divisor is solved in dense
matrices. In the last test the package's engine walks.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.linalg import flatten
from methexis.core.problem import Problem
from methexis.theory import (
    adaptive_fixed_point,
    adaptive_flow,
    adaptive_minimum,
    random_minimum,
)
from methexis.theory.adaptive.path import adaptive_velocity, epoch_push
from tests.theory import brute
from tests.theory.adaptive import brute as dense

TEACHER = mx.Teacher([[3.0, 1.0], [0.0, 1.0]], cov_noise=np.diag([1.0, 2.0]))
STUDENT = mx.EDLN.random(TEACHER, (2, 3), condition=2.0, seed=1)


def point(num_x: int, num_noise: int) -> tuple[mx.Samples, list[np.ndarray], np.ndarray]:
    """Samples, a minimum, and the gradient of every sample there, ``(sample, weight)``."""
    data = TEACHER.product_samples(num_x, num_noise, seed=2)
    weights = random_minimum(data, STUDENT, seed=1, spread=0.4)
    p = brute.plain(data, STUDENT)
    rows = brute.sample_gradients(p, weights)
    return data, weights, np.hstack([g.reshape(len(g), -1) for g in rows])


def pushed(data: mx.Samples, weights: list[np.ndarray], **how: float | None) -> np.ndarray:
    """What of the velocity is due to third moments: all of it less that of the second alone."""
    problem = Problem.of(data, STUDENT)
    bare = Problem.of(mx.Teacher(problem.target, problem.cov_x, problem.cov_noise), STUDENT)
    without = adaptive_velocity(bare, weights, memory=how.get("memory"))
    return flatten(adaptive_velocity(problem, weights, **how)) - flatten(without)


@pytest.mark.parametrize("beta1", [0.0, 0.6])
@pytest.mark.parametrize("batch", [1, 2])
def test_epochs_push_as_all_their_orders_do(batch, beta1) -> None:
    """Mean of ``m/√v`` over all orders of an epoch, with ``v`` begun at its mean.

    Epochs before add to the square of the memory only, since each of them sums to zero.
    """
    data, weights, gradients = point(2, 3)
    size, rest = len(gradients), 1e-5
    orders = np.array(list(itertools.permutations(range(size))))
    batches = gradients[orders].reshape(len(orders), size // batch, batch, -1).mean(axis=2)
    square = np.mean(batches**2, axis=(0, 1))

    def mean_step(rest: float) -> np.ndarray:
        v, m, total = np.tile(square, (len(orders), 1)), np.zeros_like(batches[:, 0]), 0.0
        for g in np.moveaxis(batches, 1, 0):
            v, m = (1 - rest) * v + rest * g**2, beta1 * m + (1 - beta1) * g
            total = total - (m / np.sqrt(v)).mean(axis=0)
        return total / batches.shape[1]

    # Per step -η m/√v with 1-β₂ = rest = x' η, so that (mean of it)/rest is the push at x' = 1.
    raw = (mean_step(rest) - mean_step(0.0)) / rest
    p = brute.plain(data, STUDENT)
    expected = dense.oblique(p, weights, np.sqrt(np.diag(gradients.T @ gradients) / size)) @ raw
    count = size // batch
    place = np.arange(count)
    slower = 1 - 2 * beta1 * np.mean((1 - beta1**place) / (1 - beta1)) / (count - 1)
    problem = Problem.of(data, STUDENT)
    push = epoch_push(problem, 1.0 / np.sqrt(batch), batch) * slower
    found = pushed(data, weights, push=push)
    assert np.abs(expected).max() > 1e-3
    # Differences: (1-β₂)² is left, about 1e-5 of what there is.
    assert_allclose(found, expected, rtol=0, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("x", [0.2, 5.0])
def test_independent_samples_push_less_as_weights_answer(x) -> None:
    """The covariance of ``v/2D`` with weights, both moved by the same samples, and themselves."""
    data, weights, gradients = point(3, 4)
    p = brute.plain(data, STUDENT)
    d = np.sqrt(np.mean(gradients**2, axis=0))
    span = scipy.linalg.orth(brute.jacobian(p, weights).T / d[:, None], rcond=1e-10)
    hessian = brute.hessian(p, weights)
    inner = np.linalg.pinv(span) @ (hessian / d[:, None]) @ span
    moved = -(gradients / d) @ np.linalg.pinv(span).T  # δ of one sample
    heard = x * (gradients**2 - d**2) / (2 * d)  # d of one sample
    # 0 = -x E[d δ] - E[d δ] Aᵀ + E[heard moved], and a step has d ∘ (g + H δ)/D².
    tied = scipy.linalg.solve_sylvester(
        x * np.eye(len(d)), inner.T, heard.T @ moved / len(gradients)
    )
    force = np.mean(heard * gradients, axis=0) + np.einsum("jk,jk->j", tied @ span.T, hessian)
    expected = dense.oblique(p, weights, d) @ (force / d**2)
    found = pushed(data, weights, memory=x)
    assert np.abs(expected).max() > 1e-3
    assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max())  # rounding


def test_laws_of_teachers_and_whole_batches_do_not_push() -> None:
    data, weights, _ = point(2, 3)
    turned = data.y - 2.0 * data.x @ TEACHER.weight.T  # the same noise at inputs of other sign
    symmetric = mx.Samples(np.concatenate([data.x, -data.x]), np.concatenate([data.y, turned]))
    problem = Problem.of(symmetric, STUDENT)
    bare = Problem.of(mx.Teacher(problem.target, problem.cov_x, problem.cov_noise), STUDENT)
    still = flatten(adaptive_velocity(bare, weights))
    found = flatten(adaptive_velocity(problem, weights, push=3.0))
    assert_allclose(found, still, rtol=0, atol=1e-12 * np.abs(still).max())  # rounding
    assert epoch_push(problem, 1.0, batch=12) == 0.0
    assert epoch_push(problem, 1.0, batch=6) == 0.0  # of two halves, whose sum is zero


def test_an_end_in_shuffled_epochs_is_where_the_path_goes() -> None:
    data = TEACHER.product_samples(3, 4, seed=2)
    end = adaptive_fixed_point(data, STUDENT, memory=0.3, shuffled=True)
    rates = {"lr": 0.1, "beta2": 0.97, "steps": [int(9 * end.slowest_time / 0.1**2)]}
    path = adaptive_flow(data, STUDENT, adaptive_minimum(data, STUDENT).weights, **rates)
    found = flatten([w[-1] for w in path.weights])
    assert_allclose(found, flatten(end.weights), rtol=0, atol=1e-3)  # e⁻⁹ of the way is left
    least = adaptive_fixed_point(data, STUDENT, memory=None)
    assert np.abs(flatten(end.weights) - flatten(least.weights)).max() > 0.02
    four = adaptive_fixed_point(data, STUDENT, memory=0.3, shuffled=True, batch=4)
    push = epoch_push(Problem.of(data, STUDENT), 0.3, 4)
    rest = adaptive_velocity(Problem.of(data, STUDENT), four.weights, push=push)
    assert np.abs(flatten(rest)).max() < 1e-6


@pytest.mark.parametrize("beta1", [0.0, 0.5])
def test_a_run_in_shuffled_epochs_goes_where_it_is_pushed(beta1) -> None:
    """One valley of a scalar and two weights behind a skew embedding: the mean charge of replicas.

    What is left at a finite learning rate is linear in it and drops out of twice the mean at half
    the rate less the mean at the whole. A mean over the past slows the motion (docs/adaptive.md
    §7.4), so that slow times of the path come later in the run.
    """
    valley, times, memory = mx.Teacher([[1.0], [0.0]]), (0.2, 0.5, 1.0), 2.0
    out = np.array([[1.0, 0.6], [-0.6, 1.0]])
    student, data = mx.EDLN((1,), embed_out=out), valley.product_samples(2, 3, seed=4)
    place = np.arange(data.num_samples)
    ahead = np.mean((1 - beta1**place) / (1 - beta1)) / (data.num_samples - 1)
    slower = 1.0 / (1.0 - 2.0 * beta1 * ahead)
    start = [np.array([[1.2]]), np.linalg.solve(out, [[1.0 / 1.2], [0.0]])]

    def measured(lr: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        steps = [round(slower * tau / lr**2) for tau in times]
        run = mx.train(
            student, data, mx.Adam(lr, beta1=beta1, beta2=1.0 - memory * lr),
            steps=steps[-1], record=[0, *steps], init=[start], replicas=100, seed=seed,
            sampling="shuffle", progress=None, measure=(),
        )  # fmt: skip
        group = run.tree["student_0"]
        first, second = (np.asarray(group[f"weights_{i}"])[1:] for i in (1, 2))
        charge = np.sum(second**2, axis=(-2, -1)) - np.sum(first**2, axis=(-2, -1))
        return charge.mean(axis=1), charge.std(axis=1, ddof=1) / np.sqrt(charge.shape[1])

    def predicted(**how: float) -> np.ndarray:
        steps = [round(tau / 0.01**2) for tau in times]
        path = adaptive_flow(data, student, start, lr=0.01, steps=steps, **how)
        first, second = path.weights
        return np.sum(second**2, axis=(-2, -1)) - np.sum(first**2, axis=(-2, -1))

    (whole, error), (half, other) = measured(0.008, 21), measured(0.004, 22)
    limit, spread = 2 * half - whole, np.hypot(2 * other, error)
    told = predicted(beta2=1.0 - memory * 0.01)
    assert np.all(np.abs(limit - told) < 4 * spread)
    assert np.abs(predicted() - limit).max() > 12 * spread.max()
