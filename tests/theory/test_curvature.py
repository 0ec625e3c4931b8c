"""Curvature of the loss: against dense Hessians of explicit samples, and numbers known by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.linalg import flatten, unflatten
from methexis.core.parallel import memory
from methexis.core.problem import Problem
from methexis.theory import curvature
from tests.theory import brute

SEED = 20250703


def spot(where: str, depth: int, loss: str = "squared", rank: int | None = None):
    teacher, student = brute.case(SEED, depth=depth, dim_x=2, dim_y=3, rank=rank, spare=1)
    p = brute.plain(teacher, student, loss)
    if where == "platonic":
        weights = mx.theory.platonic(teacher, student, loss=loss).weights
    elif where == "minimum":
        weights = mx.theory.random_minimum(teacher, student, seed=depth, spread=0.5)
    else:
        weights = brute.gaussian_weights(p, depth)
    return teacher, student, p, weights


PLACES = pytest.mark.parametrize("where", ["platonic", "minimum", "away"])
DEPTHS = pytest.mark.parametrize("depth", [2, 3, 4])
BOTH = pytest.mark.parametrize("loss", ["squared", "whitened"])


@BOTH
@DEPTHS
@PLACES
def test_dense_hessian(where, depth, loss) -> None:
    teacher, student, p, weights = spot(where, depth, loss)
    expected = brute.hessian(p, weights)
    top = np.linalg.eigvalsh(expected)[-1]
    found = curvature.dense_hessian(Problem.of(teacher, student, loss), weights)
    # Both are exact derivatives; sums of 54 rows and products of six factors: rounding.
    assert_allclose(found, expected, rtol=0, atol=1e-12 * top)
    spectrum = mx.theory.hessian_spectrum(teacher, student, weights, loss=loss)
    assert_allclose(spectrum, np.linalg.eigvalsh(expected), rtol=0, atol=1e-12 * top)
    # The residual never enters the trace: the closed form has none, and it holds away too.
    assert_allclose(
        mx.theory.hessian_trace(teacher, student, weights, loss=loss),
        np.trace(expected),
        rtol=1e-11,
    )
    # Away from minima the residual term is there, and a Gauss-Newton matrix would miss it.
    jacobian = brute.jacobian(p, weights)
    gauss_newton = 2 * jacobian.T @ np.kron(p.metric, p.cov_x) @ jacobian
    missed = np.abs(expected - gauss_newton).max() / top
    assert missed > 0.01 if where == "away" else missed < 1e-12


@BOTH
@DEPTHS
@PLACES
def test_matrix_free_eigenvalues(where, depth, loss) -> None:
    teacher, student, p, weights = spot(where, depth, loss)
    dense = np.linalg.eigvalsh(brute.hessian(p, weights))
    # The documented accuracy; a Ritz value never exceeds the maximum beyond rounding.
    found = mx.theory.sharpness(teacher, student, weights, loss=loss)
    assert_allclose(found, dense[-1], rtol=1e-6)
    assert found <= dense[-1] * (1 + 1e-12)
    top = mx.theory.top_eigenvalues(teacher, student, weights, count=3, loss=loss)
    # ARPACK's default stopping rule is machine precision relative to the value.
    assert_allclose(top, dense[-3:], rtol=1e-9)


@DEPTHS
def test_dual_spectrum_at_minima(depth) -> None:
    """The non-zero spectrum of H is that of the small dual operator (4.5)."""
    teacher, student, p, weights = spot("minimum", depth)
    dense = np.linalg.eigvalsh(brute.hessian(p, weights))[::-1]
    dual = curvature.minimum_spectrum(Problem.of(teacher, student), weights)[::-1]
    size = p.target.size
    assert_allclose(dual, dense[:size], rtol=0, atol=1e-12 * dense[0])  # rounding
    assert np.abs(dense[size:]).max() < 1e-12 * dense[0]


def test_rank_of_the_hessian_at_the_platonic_point() -> None:
    """(5.17): with rank r the Platonic point has dx dy - (dx-r)(dy-r) curved directions."""
    teacher, student = brute.case(SEED, depth=3, dim_x=4, dim_y=3, rank=2)
    p = brute.plain(teacher, student)
    weights = mx.theory.platonic(teacher, student).weights
    values = np.linalg.eigvalsh(brute.hessian(p, weights))
    assert np.sum(values > 1e-10 * values[-1]) == 4 * 3 - 2 * 1  # a gap of ten decades to rounding


@given(seed=st.integers(0, 2**31 - 1), scale=st.floats(0.05, 2.0), depth=st.integers(2, 5))
@settings(max_examples=25)
def test_products_are_symmetric_and_batched(seed, scale, depth) -> None:
    teacher, student = brute.case(seed, depth=depth, spare=seed % 3)
    problem = Problem.of(teacher, student)
    generator = np.random.default_rng(seed)
    weights = unflatten(
        scale * generator.standard_normal((2, problem.num_parameters)), problem.dims
    )
    u, v = generator.standard_normal((2, 2, problem.num_parameters))
    hu = flatten(curvature.hessian_product(problem, weights, unflatten(u, problem.dims)))
    hv = flatten(curvature.hessian_product(problem, weights, unflatten(v, problem.dims)))
    size = np.linalg.norm(hu, axis=-1) * np.linalg.norm(v, axis=-1)
    assert np.all(np.abs((hu * v).sum(-1) - (u * hv).sum(-1)) <= 1e-12 * size)  # rounding
    alone = [
        flatten(
            curvature.hessian_product(
                problem, [w[k] for w in weights], unflatten(u[k], problem.dims)
            )
        )
        for k in range(2)
    ]
    assert_allclose(hu, alone, rtol=0, atol=1e-12 * np.abs(hu).max())


def test_diverged_replicas_are_marked() -> None:
    teacher, student, _, weights = spot("away", 3)
    stacked = [np.stack([w, w * np.nan]) for w in weights]
    found = mx.theory.sharpness(teacher, student, stacked)
    assert np.isfinite(found[0])
    assert np.isnan(found[1])


def test_isotropic_noise_makes_entropy_the_trace() -> None:
    """S = 2σ² Tr H at minima, and only there and only for isotropic noise."""
    teacher, student = brute.case(SEED, condition_noise=1.0, noise=0.3)
    variance = teacher.cov_noise[0, 0]
    weights = mx.theory.random_minimum(teacher, student, seed=1, spread=0.5)
    trace = mx.theory.hessian_trace(teacher, student, weights)
    entropy = mx.theory.entropy(teacher, student, weights)
    assert_allclose(entropy, 2 * variance * trace, rtol=1e-12)  # rounding
    away = [w * 1.2 for w in weights]
    ratio = mx.theory.entropy(teacher, student, away) / (
        2 * variance * mx.theory.hessian_trace(teacher, student, away)
    )
    assert abs(ratio - 1) > 0.1
    other, student = brute.case(SEED, condition_noise=3.0, noise=0.3)
    mean = np.trace(other.cov_noise) / 3
    weights = mx.theory.random_minimum(other, student, seed=1, spread=0.5)
    trace = mx.theory.hessian_trace(other, student, weights)
    assert abs(mx.theory.entropy(other, student, weights) / (2 * mean * trace) - 1) > 1e-3
    # In the metric of the whitened loss every noise is isotropic, of variance one.
    trace = mx.theory.hessian_trace(other, student, weights, loss="whitened")
    entropy = mx.theory.entropy(other, student, weights, loss="whitened")
    assert_allclose(entropy, 2 * trace, rtol=1e-11)  # rounding through Σε^{-1/2}


# --- numbers known by hand: docs/theory.md (4.8) -------------------------------------------------

TABLE = [  # s, a⁴ at the start, trace and sharpness there, the same at the Platonic point
    (1.0, 1.0, 6.0, 4.0, 4 * np.sqrt(2), 3 * np.sqrt(2)),
    (15.0, 1.0, 6.0, 4.0, 9.0, 8.5),
    (0.04, 2.0, 4 * np.sqrt(2), 3 * np.sqrt(2), 5.962, 4.001),
    (15.0, 1e4, 200.04, 200.02, 9.0, 8.5),
]


@pytest.mark.parametrize(("s", "fourth", "trace", "top", "trace_end", "top_end"), TABLE)
def test_table(s, fourth, trace, top, trace_end, top_end) -> None:
    teacher = mx.Teacher([[1.0], [0.0]], cov_noise=np.diag([1.0, s]))
    student = mx.EDLN((1,))
    a = fourth**0.25
    weights = [np.array([[1 / a]]), np.array([[a], [0.0]])]
    assert_allclose(mx.theory.hessian_trace(teacher, student, weights), trace, rtol=1e-12)
    assert_allclose(mx.theory.sharpness(teacher, student, weights), top, rtol=1e-6)  # documented
    sol = mx.theory.platonic(teacher, student)
    assert_allclose(sol.weights[0][0, 0] ** -4, 1 + s, rtol=1e-12)
    # The third row's numbers are given to four figures.
    assert_allclose([sol.hessian_trace, sol.sharpness], [trace_end, top_end], atol=5e-4)
    square = (1 + s) ** 0.5
    assert_allclose(sol.hessian_trace, 2 * (square + 2 / square), rtol=1e-12)
    assert_allclose(sol.sharpness, 2 * (square + 1 / square), rtol=1e-12)


@pytest.mark.parametrize(("depth", "before", "after"), [(3, 6.0, 6.981), (5, 10.0, 11.444)])
def test_sharpness_rises_in_deeper_networks(depth, before, after) -> None:
    teacher = mx.Teacher(np.diag([1.0, 0.1, 0.1, 0.1]))
    student = mx.EDLN((4,) * (depth - 1))
    start = mx.theory.balanced_minimum(teacher, student)
    sol = mx.theory.platonic(teacher, student)
    # Numbers of shared theory to three decimals; sharpness() is documented to 1e-6.
    assert_allclose(mx.theory.sharpness(teacher, student, start), before, rtol=1e-6)
    assert_allclose(sol.sharpness, after, atol=5e-4)
    # Isotropic noise: the trace falls all the same.
    assert sol.hessian_trace < mx.theory.hessian_trace(teacher, student, start)


def test_sharpness_falls_with_random_embeddings() -> None:
    teacher = mx.Teacher(np.diag([1.0, 0.1, 0.1, 0.1]))
    generator = np.random.default_rng(SEED)
    for trial in range(30):  # 1200 of 1200 fell in the trial that the statement comes from
        embeddings = generator.standard_normal((2, 4, 4))
        student = mx.EDLN((4,) * (1 + trial % 4), *embeddings)
        start = mx.theory.balanced_minimum(teacher, student)
        sol = mx.theory.platonic(teacher, student)
        assert sol.sharpness < mx.theory.sharpness(teacher, student, start)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_view_enters_the_trace_through_its_size_alone(depth) -> None:
    teacher, student = brute.case(SEED, depth=depth, condition=1.0)
    base = mx.theory.platonic(teacher, student)
    for condition in (10.0, 1e3):
        view = mx.View.random(3, condition=condition, seed=2)
        other = mx.EDLN(student.hidden, student.embed_in, student.embed_out, view)
        sol = mx.theory.platonic(teacher, other)
        ratio = (sol.trace_in / base.trace_in) ** (1 / depth)
        assert_allclose(sol.hessian_trace / base.hessian_trace, ratio, rtol=1e-9)  # cond 1e3


def test_a_hessian_for_which_there_is_no_room_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(memory, "SMALL", 2**20)
    monkeypatch.setattr(memory, "available_memory", lambda: 10 * 2**20)
    teacher, student = mx.Teacher(np.eye(16)), mx.EDLN((16, 16))
    with pytest.raises(mx.MethexisError, match=r"dense Hessian: .* matrices of 768 parameters"):
        mx.theory.hessian_spectrum(teacher, student, [np.eye(16)] * 3)


def test_dense_hessian_refuses_large_networks() -> None:
    teacher = mx.Teacher.random(4, 4, seed=0)
    student = mx.EDLN((600, 600))
    weights = [np.zeros(s) for s in ((600, 4), (600, 600), (4, 600))]
    with pytest.raises(mx.MethexisError, match=r"at most 4000 parameters, got 364800"):
        mx.theory.hessian_spectrum(teacher, student, weights)
