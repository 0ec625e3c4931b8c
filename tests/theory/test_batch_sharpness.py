"""Batch sharpness in closed form against single samples' own gradients and Hessians."""

from __future__ import annotations

import numpy as np
import pytest

from methexis.core.edln import EDLN
from methexis.core.problem import Problem
from methexis.core.teacher import Teacher
from methexis.scenarios.sharpening.curvature import sampled_batch_sharpness
from methexis.theory.batch_sharpness import batch_sharpness
from methexis.theory.gauge import random_minimum


@pytest.mark.parametrize("batch", [1, 4])
def test_closed_form_agrees_with_samples(batch: int) -> None:
    teacher = Teacher.random(3, 2, condition_noise=5.0, condition_x=2.0, seed=1)
    student = EDLN.random(teacher, (3, 2), condition=1.5, seed=2)
    weights = random_minimum(teacher, student, seed=3, spread=0.3)
    many = 40  # independent estimates, whose spread is the error
    replicas = [np.broadcast_to(w, (many, *w.shape)) for w in weights]
    curved, size = sampled_batch_sharpness(
        teacher,
        Problem.of(teacher, student),
        replicas,
        batch=batch,
        num_batches=2000,
        generator=np.random.default_rng(0),
    )
    wanted = float(batch_sharpness(teacher, student, weights, batch=batch))
    residual = curved - wanted * size  # of mean zero if the closed form is right
    error = residual.std(ddof=1) / np.sqrt(many)
    assert abs(residual.mean()) < 4.0 * error  # a false alarm in 16000
    assert error < 0.05 * wanted * size.mean()  # and the test is sharp


def test_one_dense_sample_hessian() -> None:
    """``∇ℓᵀ ∇²ℓ ∇ℓ`` of one sample by central differences of its gradient."""
    teacher = Teacher.random(2, 2, seed=4)
    student = EDLN((2,))
    problem = Problem.of(teacher, student)
    weights = [w + 0.1 for w in random_minimum(teacher, student, seed=5, spread=0.3)]
    generator = np.random.default_rng(6)
    x = generator.standard_normal((1, 1, 2)) @ np.eye(2)
    noise = generator.standard_normal((1, 1, 2))
    curved, size = sampled_batch_sharpness(
        teacher, problem, weights, batch=1, num_batches=1, generator=np.random.default_rng(6)
    )
    root = np.linalg.cholesky(teacher.cov_noise)  # diagonal here: isotropic noise
    one, y = x[0, 0], teacher.weight @ x[0, 0] + root @ noise[0, 0]

    def gradient(flat: np.ndarray) -> np.ndarray:
        w1, w2 = flat[:4].reshape(2, 2), flat[4:].reshape(2, 2)
        r = w2 @ w1 @ one - y
        return np.concatenate(
            [(2 * np.outer(w2.T @ r, one)).ravel(), (2 * np.outer(r, w1 @ one)).ravel()]
        )

    flat = np.concatenate([w.ravel() for w in weights])
    g = gradient(flat)
    step = 1e-5  # central differences of a cubic: error of step²
    hessian_g = (gradient(flat + step * g) - gradient(flat - step * g)) / (2 * step)
    assert float(size) == pytest.approx(float(g @ g), rel=1e-12)
    assert float(curved) == pytest.approx(float(g @ hessian_g), rel=1e-6)
