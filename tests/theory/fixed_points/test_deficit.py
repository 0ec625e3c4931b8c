"""Slow drift of students that cannot represent the teacher: against sums over samples, and SGD."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.attainable import attainable
from methexis.core.linalg import flatten
from methexis.core.parallel import memory
from methexis.core.problem import Problem
from methexis.errors import MethexisError
from methexis.theory.entropy import entropy_of
from methexis.theory.fixed_points.deficit import couples, deficit_fixed_point, deficit_velocity
from methexis.theory.fixed_points.drift import drift_velocity
from methexis.theory.gauge import random_minimum_of
from methexis.theory.platonic import platonic_of
from tests.theory import brute

SEED = 20251126


def case(kind: str, depth: int, condition_noise: float) -> tuple[mx.Teacher, mx.EDLN]:
    teacher = mx.Teacher.random(
        3, 3, condition=3.0, condition_noise=condition_noise, condition_x=2.0, seed=SEED
    )
    able = mx.EDLN.random(teacher, (2,) * (depth - 1), condition=1.7, seed=1)
    if kind == "narrow":
        return teacher, able
    embed_in, embed_out = able.embed_in, able.embed_out
    if kind == "input":
        embed_in = embed_in[:2]
    else:
        embed_out = embed_out[:, :2]
    return teacher, mx.EDLN(able.hidden, embed_in, embed_out, able.view)


KINDS = ["narrow", "input", "output"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [2, 3])
def test_velocity(kind, depth) -> None:
    """Against the dense Hessian, SciPy's Lyapunov solver and differences of Tr(H(θ)Y).

    The sum over samples has the moments of Gaussian inputs up to order five, the residual's
    dependence on the inputs included.
    """
    teacher, student = case(kind, depth, 1.0)
    problem = Problem.of(teacher, student)
    best = attainable(problem)
    weights = random_minimum_of(best, seed=1, spread=0.4)
    plain = brute.plain(teacher, student)
    assert np.abs(brute.gradient(plain, weights)).max() < 1e-12  # a minimum, residual and all
    expected = brute.drift_velocity(plain, weights)
    found = flatten(deficit_velocity(problem, best, weights))
    # Richardson: truncation 1e-12, rounding 1e-16 of H's size over 1e-3, times conditions.
    close = 1e-8 * np.abs(expected).max()
    assert_allclose(found, expected, rtol=0, atol=close)
    # The plain drift with the residual as noise is the same only where R is zero.
    plainly = flatten(drift_velocity(best, weights))
    assert couples(problem, best) == (kind == "narrow")
    same = np.abs(plainly - expected).max() <= close
    assert same == (kind != "narrow")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [2, 3])
def test_covariance_and_entropy(kind, depth) -> None:
    """Σ_g = 4 Jᵀ(Σε' ⊗ Σx)J, although residuals depend on the inputs."""
    teacher, student = case(kind, depth, 5.0)
    best = attainable(Problem.of(teacher, student))
    weights = random_minimum_of(best, seed=1, spread=0.4)
    plain = brute.plain(teacher, student)
    jacobian = brute.jacobian(plain, weights)
    expected = 4.0 * jacobian.T @ np.kron(best.cov_noise, best.cov_x) @ jacobian
    found = brute.gradient_covariance(plain, weights)
    assert_allclose(found, expected, rtol=0, atol=1e-11 * np.abs(expected).max())  # rounding
    assert_allclose(entropy_of(best, weights), np.trace(found), rtol=1e-11)
    # The closed form is the least entropy of all minima, and balanced with the residual.
    platonic = platonic_of(best)
    assert_allclose(brute.entropy(plain, platonic.weights), platonic.entropy, rtol=1e-11)
    assert platonic.entropy < np.trace(found)


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_stands_still(kind) -> None:
    """At the fixed point the brute-force drift is a hidden rotation and nothing else."""
    teacher, student = case(kind, 3, 5.0)
    end = deficit_fixed_point(teacher, student)
    plain = brute.plain(teacher, student)
    moving = brute.unpack(brute.drift_velocity(plain, end.weights), plain)
    turns = [np.zeros((plain.dims[0],) * 2), *end.rotations, np.zeros((plain.dims[-1],) * 2)]
    size = max(np.abs(m).max() for m in moving)
    for i, (velocity, w) in enumerate(zip(moving, end.weights, strict=True)):
        expected = turns[i + 1] @ w - w @ turns[i]
        # Speed left is 1e-8 of the entropic force; the turn is a part of that.
        assert_allclose(velocity, expected, rtol=0, atol=1e-5 * size)


def test_an_able_student_drifts_as_ever() -> None:
    teacher, student = brute.case(SEED, depth=3, condition_noise=10.0)
    one = deficit_fixed_point(teacher, student)
    other = mx.theory.drift_fixed_point(teacher, student)
    assert_allclose(one.rates, other.rates, rtol=1e-6)


def test_even_noise_moves_a_narrow_student_by_little() -> None:
    """For even noise only R turns the drift off the closed form: by little, yet not by nothing."""
    teacher, student = case("narrow", 3, 1.0)
    end = deficit_fixed_point(teacher, student)
    best = attainable(Problem.of(teacher, student))
    plain = brute.plain(teacher, student)
    apart = [
        1.0 - brute.alignment(a, b, plain)
        for a, b in zip(
            brute.kernels(plain, end.weights),
            brute.kernels(plain, platonic_of(best).weights),
            strict=True,
        )
    ]
    assert 1e-10 < max(apart) < 1e-5


def test_matrices_for_which_there_is_no_room_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SMALL", 2**20)
    monkeypatch.setattr(memory, "available_memory", lambda: 10 * 2**20)
    teacher = mx.Teacher(np.diag(np.linspace(1.0, 3.0, 16)))
    with pytest.raises(MethexisError, match=r"slow drift: .* matrices of 480 parameters, dense"):
        mx.theory.deficit_fixed_point(teacher, mx.EDLN((15,)))
