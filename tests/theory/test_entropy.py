"""Entropy and its relatives at any weights, against sums over explicit samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.linalg import flatten, unflatten
from methexis.core.problem import Problem
from methexis.theory.entropy import entropy_gradient_of
from methexis.theory.gauge import gauged
from tests.theory import brute

SEED = 20250702
LOSSES = ["squared", "whitened"]
# Sums of fewer than 1e4 terms of one sign, and products of up to six factors: 1e-12 is a
# thousand roundings.
ROUNDING = 1e-12


def heterogeneous(seed: int, depth: int = 3, law: str = "gaussian") -> tuple[mx.Teacher, mx.EDLN]:
    """A student with embeddings, a view with private features and transformed labels."""
    teacher = mx.Teacher.random(
        2, 2, condition_x=3.0, condition_noise=5.0, law_x=law, law_noise=law, seed=seed
    )
    generator = np.random.default_rng(seed)
    view = mx.View(
        matrix=generator.standard_normal((3, 3)),
        private_cov=[[0.7]],
        label_matrix=generator.standard_normal((2, 2)),
    )
    embeddings = generator.standard_normal((3, 3)), generator.standard_normal((2, 2))
    return teacher, mx.EDLN((3,) * (depth - 1), *embeddings, view)


def finite(seed: int, num: int = 17) -> mx.Samples:
    """Data whose residual's size depends on the input: no moment factors."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((num, 3))
    noise = (0.2 + np.abs(x[:, :1])) * generator.standard_normal((num, 2))
    return mx.Samples(x, x @ generator.standard_normal((3, 2)) + noise)


@given(
    seed=st.integers(0, 2**31 - 1),
    depth=st.integers(2, 4),
    scale=st.floats(0.01, 3.0),
    loss=st.sampled_from(LOSSES),
    law=st.sampled_from(["gaussian", "uniform", "laplace", "student_t"]),
)
@settings(max_examples=40)
def test_entropy_is_the_expectation(seed, depth, scale, loss, law) -> None:
    teacher, student = heterogeneous(seed, depth, law)
    p = brute.plain(teacher, student, loss)
    weights = brute.gaussian_weights(p, seed, scale)
    # Three points per input are exact here: the integrand has degree four in the inputs.
    assert_allclose(
        mx.theory.entropy(teacher, student, weights, loss=loss),
        brute.entropy(p, weights),
        rtol=1e-10,  # conditions of the random maps multiply the rounding
    )


def test_gauss_hermite_design_is_exact() -> None:
    """The reference itself: E x_i x_j x_k x_l of the points is Isserlis' sum."""
    cov = np.array([[2.0, 0.3], [0.3, 0.5]])
    x, mass = brute.gauss_points(cov)
    fourth = np.einsum("n,na,nb,nc,nd->abcd", mass, x, x, x, x)
    pairs = np.einsum("ab,cd->abcd", cov, cov)
    expected = pairs + pairs.transpose(0, 2, 1, 3) + pairs.transpose(0, 3, 2, 1)
    assert_allclose(fourth, expected, rtol=0, atol=ROUNDING * 12)


def test_sample_gradients_are_derivatives() -> None:
    """The reference itself: back-propagation against the complex step of one sample's loss."""
    teacher, student = heterogeneous(SEED)
    p = brute.plain(teacher, student, "whitened")
    weights = brute.gaussian_weights(p, SEED)
    rows = [g[5] for g in brute.sample_gradients(p, weights)]
    numeric = brute.complex_gradient(lambda w: brute.sample_loss(p, w, 5), p, weights)
    assert_allclose(brute.pack(rows), numeric, rtol=0, atol=ROUNDING * np.abs(numeric).max())


@pytest.mark.parametrize("loss", LOSSES)
def test_finite_samples_by_loops_over_rows(loss) -> None:
    data = finite(SEED)
    student = mx.EDLN((4, 3), view=np.diag([1.0, 2.0, 0.5]))
    generator = np.random.default_rng(SEED)
    weights = [generator.standard_normal(s) for s in ((4, 3), (3, 4), (2, 3))]
    fit = np.linalg.lstsq(data.x, data.y, rcond=None)[0].T
    residuals = data.y - data.x @ fit.T
    metric = np.eye(2)
    if loss == "whitened":
        metric = np.linalg.inv(residuals.T @ residuals / 17)
    total = mean_loss = 0.0
    mean = [np.zeros_like(w) for w in weights]
    for x, y in zip(data.x, data.y, strict=True):
        h0 = np.diag([1.0, 2.0, 0.5]) @ x
        h1 = weights[0] @ h0
        h2 = weights[1] @ h1
        rest = weights[2] @ h2 - y
        mean_loss += rest @ metric @ rest / 17
        g3 = 2 * metric @ rest
        g2 = weights[2].T @ g3
        g1 = weights[1].T @ g2
        for i, (g, h) in enumerate(((g1, h0), (g2, h1), (g3, h2))):
            total += (g @ g) * (h @ h) / 17
            mean[i] += np.outer(g, h) / 17
    assert_allclose(mx.theory.entropy(data, student, weights, loss=loss), total, rtol=ROUNDING)
    lr, batch = 0.1, 4
    square = sum(float((m * m).sum()) for m in mean)
    expected = mean_loss + lr / 4 * ((1 - 1 / batch) * square + total / batch)
    found = mx.theory.entropic_loss(data, student, weights, lr=lr, batch=batch, loss=loss)
    assert_allclose(found, expected, rtol=ROUNDING * 10)  # Σε is a difference: a digit more


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", ["gaussian", "laplace", "finite"])
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_gradient_and_second_derivative(kind, depth, loss) -> None:
    if kind != "finite":
        source, student = heterogeneous(SEED, depth, kind)
    else:
        source, student = finite(SEED), mx.EDLN((3,) * (depth - 1))
    p = brute.plain(source, student, loss)
    weights = brute.gaussian_weights(p, SEED)
    problem = Problem.of(source, student, loss)
    expected = brute.entropy_gradient_of(p, weights)
    found = flatten(mx.theory.entropy_gradient(source, student, weights, loss=loss))
    # Both derivatives are exact; 1e-11 is rounding times the condition of the random maps.
    assert_allclose(found, expected, rtol=0, atol=1e-11 * np.abs(expected).max())
    # Its complex step, which `relaxation` relies on, against differences of the reference.
    direction = np.random.default_rng(depth).standard_normal(len(found))
    theta = flatten(weights)
    moved = unflatten(theta + 1e-30j * direction, problem.dims)
    second = flatten([g.imag / 1e-30 for g in entropy_gradient_of(problem, moved)])
    width = 1e-4

    def central(h: float) -> np.ndarray:
        ahead, behind = (
            brute.entropy_gradient_of(p, brute.unpack(theta + sign * h * direction, p))
            for sign in (1, -1)
        )
        return (ahead - behind) / (2 * h)

    numeric = (4 * central(width) - central(2 * width)) / 3
    # Fourth order: truncation 1e-16 times high derivatives; rounding 1e-16/1e-4.
    assert_allclose(second, numeric, rtol=0, atol=1e-9 * np.abs(numeric).max())


def test_replicas_are_independent() -> None:
    teacher, student = heterogeneous(SEED)
    p = brute.plain(teacher, student)
    members = [brute.gaussian_weights(p, seed) for seed in range(6)]
    stacked = [np.stack(w).reshape(2, 3, *w[0].shape) for w in zip(*members, strict=True)]
    found = mx.theory.entropy(teacher, student, stacked)
    assert found.shape == (2, 3)
    one_by_one = [float(mx.theory.entropy(teacher, student, w)) for w in members]
    assert_allclose(found.ravel(), one_by_one, rtol=ROUNDING)


def test_product_design_has_the_teacher_s_moments_at_minima() -> None:
    """On minima only second moments enter, and those of a product design are exact."""
    teacher, student = brute.case(SEED, depth=3)
    data = teacher.product_samples(8, 6, seed=1)
    weights = mx.theory.random_minimum(teacher, student, seed=2, spread=0.5)
    assert_allclose(
        mx.theory.entropy(data, student, weights),
        mx.theory.entropy(teacher, student, weights),
        rtol=1e-11,  # rounding through the square roots that correct the design
    )
    # Off the minima the fourth moment of eight inputs is not the Gaussian one.
    away = [w + 0.3 for w in weights]
    ratio = mx.theory.entropy(data, student, away) / mx.theory.entropy(teacher, student, away)
    assert abs(ratio - 1) > 1e-3


@pytest.mark.parametrize("where", ["minimum", "away"])
def test_balance_and_gaps_are_those_of_sample_covariances(where) -> None:
    teacher, student = brute.case(SEED, depth=4)
    p = brute.plain(teacher, student)
    weights = mx.theory.random_minimum(teacher, student, seed=2, spread=0.5)
    if where == "away":
        weights = brute.gaussian_weights(p, SEED)
    rows = brute.sample_gradients(p, weights)
    balance = mx.theory.balance(teacher, student, weights)
    gaps = mx.theory.gaps(teacher, student, weights)
    for i in range(3):
        out = np.einsum("n,nab,ncb->ac", p.mass, rows[i], rows[i])
        into = np.einsum("n,nba,nbc->ac", p.mass, rows[i + 1], rows[i + 1])
        size = (np.linalg.norm(out) + np.linalg.norm(into)) / 2
        assert_allclose(balance[i], np.linalg.norm(out - into) / size, rtol=1e-10)
        # Tr (AB)^{1/2}: the eigenvalues of AB are those of A^{1/2} B A^{1/2}.
        root = np.sqrt(np.clip(np.linalg.eigvals(out @ into).real, 0, None)).sum()
        # Roots turn rounding 1e-16 of eigenvalues near zero into 1e-8 of the largest.
        assert_allclose(gaps[i], np.trace(out) + np.trace(into) - 2 * root, rtol=1e-7)
        assert gaps[i] > 0


def test_stationarity_along_the_gauge_is_balance() -> None:
    """The derivative of S along T = e^{sξ} is Tr ξ(B - A)·2 with the two covariances."""
    teacher, student = brute.case(SEED, depth=3)
    p = brute.plain(teacher, student)
    weights = mx.theory.random_minimum(teacher, student, seed=2, spread=0.5)
    rows = brute.sample_gradients(p, weights)
    generator = np.random.default_rng(SEED)
    xi = generator.standard_normal((3, 3))
    xi = xi + xi.T
    out = np.einsum("n,nab,ncb->ac", p.mass, rows[0], rows[0])
    into = np.einsum("n,nba,nbc->ac", p.mass, rows[1], rows[1])
    eye = np.eye(3)
    moved = gauged(
        weights, [eye + 1e-30j * xi, eye.astype(complex)]
    )  # complex step of the exponential
    slope = brute.entropy(p, moved).imag / 1e-30
    assert_allclose(slope, 2 * np.trace(xi @ (into - out)), rtol=1e-11)  # rounding
