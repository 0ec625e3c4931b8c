"""The potential of SAM against sampled gradients, where it separates, and where it ends."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.problem import Problem
from methexis.theory import (
    drift_fixed_point,
    entropy,
    random_minimum,
    sam_fixed_point,
    sam_gradient,
    sam_potential,
)
from methexis.theory.sam import MeanNorm, noise_moments


def of_two(seed: int = 0) -> tuple[mx.Teacher, mx.EDLN]:
    teacher = mx.Teacher.random(2, 2, condition=3.0, noise=0.5, condition_x=2.0, seed=seed)
    return teacher, mx.EDLN.random(teacher, (3, 2), condition=2.0, seed=seed)


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_it_is_the_mean_norm_of_batches(batch: int) -> None:
    """Batches drawn from the teacher, differentiated by brute force, from the definition."""
    teacher, student = of_two()
    weights = random_minimum(teacher, student, seed=1, spread=0.3)
    problem = Problem.of(teacher, student)
    generator = np.random.default_rng(0)
    count = 20_000
    x = generator.standard_normal((count, batch, 2)) @ problem.root_x
    noise = generator.multivariate_normal(np.zeros(2), problem.cov_noise, (count, batch))
    y = x @ problem.target.T + noise
    norms = batch_norms(problem, weights, x, y)
    value = float(sam_potential(teacher, student, weights, batch=batch))
    error = norms.std() / math.sqrt(count)
    # Four standard errors of the sample, and one in a thousand of the points that fill the law.
    assert value == pytest.approx(norms.mean(), abs=4 * error + 1e-3 * value)


def batch_norms(
    problem: Problem, weights: list[np.ndarray], x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Norms of mean gradients of ``‖f - y‖²``, by a forward and a backward pass of its own."""
    signals = [x @ problem.embed_in.T]
    for w in weights:
        signals.append(signals[-1] @ w.T)
    back = 2.0 * (signals[-1] @ problem.embed_out.T - y) @ problem.embed_out
    square = np.zeros(len(x))
    for w, before in zip(weights[::-1], signals[-2::-1], strict=True):
        gradient = back.mT @ before / x.shape[1]
        square += np.sum(gradient**2, axis=(-2, -1))
        back = back @ w
    return np.sqrt(square)


@pytest.mark.parametrize("batch", [1, 4])
def test_its_gradient_is_the_slope(batch: int) -> None:
    teacher, student = of_two(1)
    weights = random_minimum(teacher, student, seed=2, spread=0.3)
    generator = np.random.default_rng(1)
    step = [generator.standard_normal(w.shape) for w in weights]
    gradient = sam_gradient(teacher, student, weights, batch=batch, draws=256)
    slope = sum(float(np.sum(g * s)) for g, s in zip(gradient, step, strict=True))
    norm = MeanNorm(
        Problem.of(teacher, student), noise_moments(Problem.of(teacher, student), batch, 256, 0)
    )
    ahead, behind = (
        norm.value([w + sign * 1e-5 * s for w, s in zip(weights, step, strict=True)])
        for sign in (1.0, -1.0)
    )
    # Central differences: the square of the step, times third derivatives.
    assert_allclose((ahead - behind) / 2e-5, slope, rtol=1e-7)


def test_of_samples_it_is_the_mean_over_all_of_them() -> None:
    teacher, student = of_two(2)
    data = teacher.product_samples(3, 4, seed=0)
    weights = random_minimum(data, student, seed=0, spread=0.3)
    problem = Problem.of(data, student)
    norms = batch_norms(problem, weights, problem.x[:, None], problem.y[:, None])
    assert_allclose(sam_potential(data, student, weights), norms.mean(), rtol=1e-12)
    with pytest.raises(mx.MethexisError, match="at most the number of samples, 12, got 16"):
        sam_potential(data, student, weights, batch=16)


def test_batches_of_samples_are_those_of_all_that_there_are() -> None:
    """All 924 halves of 12 samples, with what is drawn of them: second moments are theirs."""
    teacher, student = of_two(2)
    data = teacher.product_samples(3, 4, seed=0)
    weights = random_minimum(data, student, seed=0, spread=0.3)
    problem = Problem.of(data, student)
    halves = np.array(list(itertools.combinations(range(12), 6)))
    rest = problem.y - problem.x @ problem.target.T
    products = (rest[:, :, None] * problem.x[:, None, :])[halves].mean(axis=1).reshape(924, -1)
    points = noise_moments(problem, 6, 512, 0).reshape(512, -1)
    second = products.T @ products / 924
    # Rounding of two roots.
    assert_allclose(points.T @ points / 512, second, rtol=0, atol=1e-9 * np.abs(second).max())
    norms = batch_norms(problem, weights, problem.x[halves], problem.y[halves])
    drawn = [sam_potential(data, student, weights, batch=6, draws=512, seed=k) for k in range(8)]
    off = np.array(drawn) - norms.mean()
    assert np.sqrt(np.mean(off**2)) < 0.6 * norms.std() / np.sqrt(512)  # what chance would leave


def test_one_mode_has_the_root_of_the_entropy() -> None:
    """Scalar input and label: ``N_1 = (2/π) √S`` at every minimum."""
    teacher = mx.Teacher([[2.0]], cov_noise=[[0.5]])
    student = mx.EDLN((2, 3))
    for seed in range(3):
        weights = random_minimum(teacher, student, seed=seed, spread=0.5)
        expected = 2.0 / np.pi * np.sqrt(entropy(teacher, student, weights))
        # |ε x| has a kink and heavy tails: points fill its law to a few in a thousand.
        assert_allclose(sam_potential(teacher, student, weights), expected, rtol=5e-3)


def test_elsewhere_it_is_no_function_of_the_entropy() -> None:
    teacher, student = of_two()
    ratios = [
        float(sam_potential(teacher, student, w) / np.sqrt(entropy(teacher, student, w)))
        for w in (random_minimum(teacher, student, seed=k, spread=0.6) for k in range(6))
    ]
    assert max(ratios) / min(ratios) > 1.01  # ten times what the points are off by
    assert max(ratios) < 1.0  # Jensen: the mean norm is below the root of the mean square


def test_without_reach_it_is_sgd_and_with_it_students_differ() -> None:
    teacher, student = of_two(3)
    plain = mx.EDLN((2,))
    sgd = drift_fixed_point(teacher, student)
    assert_allclose(
        sam_fixed_point(teacher, student, reach=0.0).weights[0], sgd.weights[0], rtol=1e-6
    )
    apart = []
    for reach in (0.0, 20.0):
        kernels = []
        for one in (plain, student):
            end = sam_fixed_point(teacher, one, reach=reach)
            problem = Problem.of(teacher, one)
            h = end.weights[0] @ problem.embed_in @ problem.root_x
            kernels.append(h.T @ h / np.linalg.norm(h.T @ h))
        apart.append(1.0 - float(np.sum(kernels[0] * kernels[1])))
    assert abs(apart[0]) < 1e-9
    assert apart[1] > 1e-5


def test_bad_input_is_one_sentence() -> None:
    teacher, student = of_two()
    with pytest.raises(mx.MethexisError, match="reach"):
        sam_fixed_point(teacher, student, reach=-1.0)
    heavy = mx.Teacher(teacher.weight, teacher.cov_x, teacher.cov_noise, "laplace")
    weights = random_minimum(teacher, student, seed=0)
    with pytest.raises(mx.MethexisError, match="expected a teacher with Gaussian inputs"):
        sam_potential(heavy, student, weights)
    wide = mx.Teacher.random(12, 12, seed=0)
    big = mx.EDLN((12,))
    with pytest.raises(mx.MethexisError, match="draws: expected at most"):
        sam_potential(wide, big, random_minimum(wide, big, seed=0), draws=8192)
