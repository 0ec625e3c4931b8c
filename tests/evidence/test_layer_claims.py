"""What the experiments on single layers, saddles and the edge predict, by a second computation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose

import methexis as mx
from evidence.experiments import first_and_last, minibatch_edge, proportional_moments
from evidence.experiments import strict_saddle as saddle
from evidence.layers import moments, proportion, spectra
from evidence.outcome import read
from methexis.core.attainable import attainable
from methexis.core.problem import Problem
from methexis.scenarios.framework.mean_kernels import kernels_of, misalignment
from methexis.theory.curvature import dual_matrix
from methexis.theory.fixed_points.drift import drift_velocity
from methexis.theory.fixed_points.steady import fixed_point_of
from methexis.theory.platonic import platonic_of
from tests.theory import brute


def test_moments_are_those_of_samples() -> None:
    """Against back-propagation through every sample, at weights off the minima."""
    teacher, student = brute.case(3, depth=3, spare=1, condition_noise=9.0)
    p = brute.plain(teacher, student)
    weights = mx.theory.random_minimum(teacher, student, seed=1, spread=0.4)
    weights = [1.1 * w for w in weights]
    hidden = [p.x @ p.entry.T]
    for w in weights:
        hidden.append(hidden[-1] @ w.T)
    error = 2.0 * (hidden[-1] @ p.exit.T - p.y) @ p.exit
    for i in (2, 1):
        error = error @ weights[i]
        h, g = moments(Problem.of(teacher, student), weights)[i - 1]
        for told, rows in ((h, hidden[i]), (g, error)):
            expected = np.einsum("n,na,nb->ab", p.mass, rows, rows)
            assert_allclose(told, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


def test_layers_at_the_platonic_point_and_elsewhere() -> None:
    """(3.10) and (3.12), and that a random minimum has neither."""
    sweep = first_and_last.sweep_of()
    assert not callable(sweep.start)
    for student, problem, start in zip(sweep.students, sweep.problems, sweep.start, strict=True):
        end = mx.theory.platonic(sweep.source, student, loss="whitened")
        whitened = np.linalg.svd(
            np.linalg.cholesky(problem.cov_noise).T @ problem.target @ problem.root_x,
            compute_uv=False,
        )
        p = whitened.sum()
        q = end.entropy / (4.0 * problem.depth)
        told = spectra(problem, end.weights)
        assert_allclose(told["mean ‖W‖² of interior layers"], 3 * p**2 / q, rtol=1e-10)
        assert told["unevenness of interior layers"] < 1e-12
        assert (
            min(told["unevenness of the first layer"], told["unevenness of the last layer"]) > 0.1
        )
        assert spectra(problem, start)["unevenness of interior layers"] > 0.05
        first = np.trace(problem.embed_in @ problem.cov_x @ problem.embed_in.T) * p / q
        for i in range(problem.depth - 1):
            scale = first * (p**2 / q) ** i  # a_{i+1}²
            at = proportion(problem, end.weights)
            assert at[f"layer {i + 1}, 1 - cosine of the two moments"] < 1e-12
            assert_allclose(at[f"layer {i + 1}, ratio of their traces"], scale**2 / 4, rtol=1e-10)


def test_first_and_last_layer_in_closed_form() -> None:
    """(3.14), with the roots of the definition instead of the singular vectors of the solution."""
    teacher, student = brute.case(7, depth=4, condition_noise=9.0, condition_x=3.0)
    problem = Problem.of(teacher, student)
    end = mx.theory.platonic(teacher, student)
    first, last = end.weights[0], end.weights[-1]
    root_x, root_e = (scipy.linalg.sqrtm(m).real for m in (problem.cov_x, problem.cov_noise))
    v = root_e @ problem.target @ root_x
    p = np.linalg.svd(v, compute_uv=False).sum()
    into, out = np.linalg.inv(problem.embed_in), np.linalg.inv(problem.embed_out)
    t_x = np.trace(problem.embed_in @ problem.cov_x @ problem.embed_in.T)
    t_e = np.trace(problem.embed_out.T @ problem.cov_noise @ problem.embed_out)
    q = (t_x * t_e * p**6) ** 0.25
    left, right = into.T @ np.linalg.inv(root_x), out @ np.linalg.inv(root_e)
    expected = t_x * p / q * left @ scipy.linalg.sqrtm(v.T @ v).real @ left.T
    assert_allclose(first.T @ first, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
    expected = t_e * p / q * right @ scipy.linalg.sqrtm(v @ v.T).real @ right.T
    assert_allclose(last @ last.T, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def test_moments_are_not_proportional_elsewhere() -> None:
    """The control: neither at the starts, nor where independent samples with uneven noise end."""
    even, uneven = proportional_moments.sweeps()
    for sweep in (even, uneven):
        assert not callable(sweep.start)
        for problem, start in zip(sweep.problems, sweep.start, strict=True):
            told = proportion(problem, start)
            assert max(v for k, v in told.items() if "cosine" in k) > 0.1
    for student, problem in zip(uneven.students, uneven.problems, strict=True):
        end = mx.theory.drift_fixed_point(uneven.source, student)
        told = proportion(problem, end.weights)
        assert max(v for k, v in told.items() if "cosine" in k) > 0.02


def test_the_negative_curvature_of_the_saddle() -> None:
    """-2σ₁ of (6.13) is the least eigenvalue of the dense Hessian."""
    teacher, narrow, wide = saddle.students()
    best = attainable(Problem.of(teacher, narrow))
    at = saddle.with_third(best, 1e-200)
    expected = mx.theory.hessian_spectrum(teacher, wide, at)[0]
    assert_allclose(-2.0 * saddle.escape(Problem.of(teacher, wide), best), expected, rtol=1e-9)


def test_the_residual_term_is_what_the_experiment_tests() -> None:
    """Ends of (6.12) with it and without: 0.0099 and 0.0059."""
    teacher, narrow, _ = saddle.students()
    best = attainable(Problem.of(teacher, narrow))
    start = platonic_of(best).weights
    platonic = kernels_of(best, start)[0]
    ends = (
        mx.theory.deficit_fixed_point(teacher, narrow).weights,
        fixed_point_of(best, lambda w: drift_velocity(best, w), start, "without").weights,
    )
    told = [misalignment(kernels_of(best, end)[0], platonic) for end in ends]
    assert_allclose(told, [0.00993, 0.00587], atol=1e-5)  # as printed


def test_growth_of_a_random_product() -> None:
    """(6.14) with the other weights held: samples of (6.13) against mean and variance of N."""
    teacher, narrow, _ = saddle.students()
    problem = Problem.of(teacher, narrow)
    best = attainable(problem)
    lr, steps, replicas = 0.01, 250, 2000
    draw = np.random.default_rng(4)
    into, out = problem.embed_in, problem.embed_out
    noise = np.linalg.cholesky(problem.cov_noise)
    missing = problem.target - best.target

    def sample(count: int) -> np.ndarray:
        x = draw.standard_normal((count, 3)) @ problem.root_x
        e = x @ missing.T + draw.standard_normal((count, 3)) @ noise.T
        return np.asarray(np.einsum("na,nb->nab", e @ out, x @ into.T))

    u, s, v = np.linalg.svd(out.T @ missing @ problem.cov_x @ into.T)
    many = sample(100_000)
    spread = np.var(2.0 * np.einsum("a,nab,b->n", u[:, 0], many, v[0]))
    predicted = np.log1p(2.0 * lr * s[0]) - lr**2 / 2.0 * spread
    row, column = np.tile(v[0], (replicas, 1)), np.tile(u[:, 0], (replicas, 1))
    logs = np.zeros((steps, replicas))
    for t in range(steps):
        g = sample(replicas)
        row, column = (
            row + 2.0 * lr * np.einsum("nab,na->nb", g, column),
            column + 2.0 * lr * np.einsum("nab,nb->na", g, row),
        )
        size = np.sqrt(np.sum(row**2, axis=1) + np.sum(column**2, axis=1))
        row, column = row / size[:, None], column / size[:, None]
        logs[t] = np.log(size)
    rates = logs[100:].mean(axis=0)  # the direction has settled
    error = rates.std() / np.sqrt(replicas)
    # Four standard errors, and the next order of η.
    assert abs(rates.mean() - predicted) < 4.0 * error + 0.02 * predicted
    assert abs(rates.mean() - np.log1p(2.0 * lr * s[0])) > 4.0 * error + 0.02 * predicted


@pytest.mark.parametrize("batch", [1, 2])
def test_map_of_second_moments(batch: int) -> None:
    """(4.13) against the mean over all batches of points with the moments of a normal law."""
    source, student, weights = minibatch_edge.case()
    kernel = dual_matrix(Problem.of(source, student), weights)
    lr = 0.03
    nodes = np.array([-np.sqrt(3.0), 0.0, np.sqrt(3.0)])
    masses = np.array([1.0, 4.0, 1.0]) / 6.0
    points = [
        (np.array([nodes[i], nodes[j]]), masses[i] * masses[j])
        for i, j in itertools.product(range(3), repeat=2)
    ]
    expected = np.zeros((16, 16))
    for chosen in itertools.product(points, repeat=batch):
        mean = sum(np.outer(z, z) for z, _ in chosen) / batch
        step = np.eye(4) - 2.0 * lr * kernel @ np.kron(np.eye(2), mean)
        expected += np.prod([mass for _, mass in chosen]) * np.kron(step, step)
    told = minibatch_edge.moment_map(kernel, 2, lr, batch)
    assert_allclose(told, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_edge_of_one_input(batch: int) -> None:
    """ηλ = 2/(1 + 2/B) for one input, and the leading eigenvalue 1 at the edge for two."""
    assert_allclose(minibatch_edge.edge(np.eye(1) / 2.0, 1, batch), 2.0 / (1.0 + 2.0 / batch))
    source, student, weights = minibatch_edge.case()
    kernel = dual_matrix(Problem.of(source, student), weights)
    lr = minibatch_edge.edge(kernel, 2, batch)
    values = np.linalg.eigvals(minibatch_edge.moment_map(kernel, 2, lr, batch))
    assert np.abs(values).max() == pytest.approx(1.0, abs=1e-9)
    # Sooner than the sharpest direction by itself, later than half of it.
    alone = 2.0 / (1.0 + 2.0 / batch) / (2.0 * np.linalg.eigvalsh(kernel).max())
    assert 0.5 * alone < lr < alone


def test_wrong_theories_are_refused_by_the_committed_runs() -> None:
    """No residual term, balance under uneven noise, norms off by 2 %, a noise of 1/B for 2/B."""

    def intervals(name: str, part: str) -> list[tuple[list[float], float]]:
        told = [
            (q["interval"], q["prediction"]) for q in read(name)["quantities"] if part in q["name"]
        ]
        assert told
        return told

    ((low, high), right) = intervals("strict_saddle", "1 - A")[0]
    assert low < right < high
    assert low > 0.00587
    uneven = [q for q in read("proportional_moments")["quantities"] if "uneven" in q["name"]]
    assert all(q["interval"][0] > 0.0 for q in uneven if "cosine" in q["name"])
    for (low, high), right in intervals("first_and_last", "‖W‖²"):
        assert high < 1.02 * right
        assert low > 0.98 * right
    source, student, weights = minibatch_edge.case()
    kernel = dual_matrix(Problem.of(source, student), weights)
    for batch in minibatch_edge.BATCHES:
        ((low, high), _) = intervals("minibatch_edge", f"B = {batch}:")[0]
        lr = minibatch_edge.edge(kernel, 2, batch)
        gap = minibatch_edge.lasting(kernel, 2, lr, batch)
        wrong = minibatch_edge.growth(kernel, gap, lr, 2 * batch)
        assert not low <= wrong <= high
