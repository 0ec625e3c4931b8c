"""Exact gradients with label noise: the flattest minimum, against trace and brute-force descent."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx
from methexis.theory import (
    drift_fixed_point,
    hessian_trace,
    label_noise_fixed_point,
    label_noise_minimum,
    label_noise_potential,
    platonic,
    random_minimum,
    universal_kernel,
)


@pytest.mark.parametrize("seed", range(4))
def test_no_minimum_is_flatter(seed: int) -> None:
    teacher = mx.Teacher.random(3, 3, rank=2, condition_noise=9.0, condition_x=2.0, seed=seed)
    student = mx.EDLN.random(teacher, (4, 3), condition=2.0, seed=seed)
    flattest = label_noise_minimum(teacher, student, seed=seed)
    least = float(label_noise_potential(teacher, student, flattest.weights))
    assert_allclose(least, student.depth * flattest.q, rtol=1e-11)
    assert_allclose(2.0 * least, hessian_trace(teacher, student, flattest.weights), rtol=1e-12)
    for draw in range(50):
        other = random_minimum(teacher, student, seed=draw, spread=0.3)
        assert float(label_noise_potential(teacher, student, other)) > least
    sgd = platonic(teacher, student)
    assert float(label_noise_potential(teacher, student, sgd.weights)) > least * (1 + 1e-6)


def test_the_noise_of_the_data_does_not_count() -> None:
    teacher = mx.Teacher.random(2, 2, condition_noise=10.0, condition_x=2.0, seed=1)
    even = mx.Teacher(teacher.weight, teacher.cov_x)
    student = mx.EDLN((2, 2))
    found = label_noise_minimum(teacher, student)
    assert_allclose(found.kernel, universal_kernel(even), rtol=1e-10)
    assert np.abs(found.kernel - platonic(teacher, student).kernel).max() > 1e-2
    end = label_noise_fixed_point(teacher, student)
    assert_allclose(
        label_noise_potential(teacher, student, end.weights),
        label_noise_potential(teacher, student, found.weights),
        rtol=1e-9,
    )


def test_no_noise_of_the_data_is_needed() -> None:
    teacher = mx.Teacher([[2.0, 0.0], [0.0, 1.0]])
    data = mx.Samples(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[2.0, 0.0], [0.0, 1.0]]))
    student = mx.EDLN((2,))
    assert_allclose(
        label_noise_minimum(data, student).singular_values,
        label_noise_minimum(teacher, student).singular_values / np.sqrt(2.0),
        rtol=1e-12,
    )


def test_a_label_map_makes_the_noise_uneven() -> None:
    """With fresh noise ``ΦΦᵀ`` the end is that of SGD for a teacher with such noise."""
    teacher = mx.Teacher.random(2, 2, condition_x=2.0, seed=3)
    stretch = np.array([[1.5, 0.4], [0.0, 0.7]])
    mapped = mx.EDLN((2,), view=mx.View(label_matrix=stretch))
    other = mx.Teacher(stretch @ teacher.weight, teacher.cov_x, stretch @ stretch.T)
    expected = drift_fixed_point(other, mx.EDLN((2,)))
    found = label_noise_fixed_point(teacher, mapped)
    a, b = (w[0].T @ w[0] for w in (expected.weights, found.weights))
    assert_allclose(a, b, rtol=1e-6, atol=1e-8)
