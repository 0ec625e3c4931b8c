"""Fluctuations without a spectrum against those of the spectrum, and against a dense solver."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.linalg import flatten
from methexis.core.parallel import memory
from methexis.core.problem import Problem
from methexis.errors import MethexisError
from methexis.theory import flow
from methexis.theory.dual import fluctuations
from methexis.theory.dual.fluctuations import Warm, bases_of, fluctuating_force
from methexis.theory.dual.normal import Normal
from methexis.theory.fixed_points import drift
from tests.theory import brute

SEED = 20261130


@pytest.mark.parametrize("lr", [0.0, 0.3])
@pytest.mark.parametrize("depth", [2, 3])
def test_the_balance_is_solved(depth, lr) -> None:
    """By SciPy's Lyapunov solver; with a step by the equation in all entries at once."""
    teacher, student = brute.case(SEED, depth=depth, condition_noise=20.0)
    problem = Problem.of(teacher, student)
    weights = mx.theory.random_minimum(teacher, student, seed=1, spread=0.4)
    normal = Normal(problem, weights)
    bases = bases_of(normal.operator)
    turned = fluctuations._Turned(normal.operator, bases)
    noise = fluctuations._noise_in(problem, bases)
    turn = np.kron(*bases)
    assert_allclose(noise, turn.T @ problem.noise_moment @ turn, rtol=0, atol=1e-12)
    rate = lr / np.linalg.eigvalsh(normal.dual)[-1]
    found, _ = turned.balanced(noise, rate)
    whole = turn.T @ normal.dual @ turn
    if lr:
        one = np.eye(len(whole))
        matrix = np.kron(whole, one) + np.kron(one, whole) - 2 * rate * np.kron(whole, whole)
        expected = np.linalg.solve(matrix, 2.0 * noise.ravel()).reshape(noise.shape)
    else:
        expected = scipy.linalg.solve_continuous_lyapunov(whole, 2.0 * noise)
    # A residual of 1e-12, times the condition of the dual.
    condition = np.linalg.cond(whole)
    assert_allclose(found, expected, rtol=0, atol=1e-11 * condition * np.abs(expected).max())


@pytest.mark.parametrize("loss", ["squared", "whitened"])
@pytest.mark.parametrize(("depth", "spare"), [(2, 0), (3, 0), (3, 2), (4, 0)])
def test_the_drift_is_that_of_the_spectrum(depth, spare, loss, monkeypatch) -> None:
    teacher, student = brute.case(SEED, depth=depth, spare=spare, condition_noise=20.0)
    problem = Problem.of(teacher, student, loss)
    members = [mx.theory.random_minimum(teacher, student, seed=s, spread=0.4) for s in range(2)]
    weights = [np.stack(layers) for layers in zip(*members, strict=True)]
    dense = flatten(drift.drift_velocity(problem, weights))
    monkeypatch.setattr(drift, "WITHOUT_SPECTRUM", 1)
    monkeypatch.setattr(Normal, "spectrum", property(lambda _: pytest.fail("took the spectrum")))
    free = flatten(drift.drift_velocity(problem, weights))
    assert_allclose(free, dense, rtol=0, atol=1e-8 * np.abs(dense).max())


def test_of_samples_whose_residuals_depend_on_inputs(monkeypatch) -> None:
    generator = np.random.default_rng(SEED)
    x = generator.standard_normal((40, 3))
    y = x @ generator.standard_normal((3, 3)) + generator.standard_normal((40, 3)) * x**2
    data, student = mx.Samples(x, y), mx.EDLN((4, 3))
    problem = Problem.of(data, student)
    weights = mx.theory.random_minimum(data, student, seed=1, spread=0.4)
    dense = flatten(drift.drift_velocity(problem, weights))
    monkeypatch.setattr(drift, "WITHOUT_SPECTRUM", 1)
    free = flatten(drift.drift_velocity(problem, weights))
    assert_allclose(free, dense, rtol=0, atol=1e-8 * np.abs(dense).max())


@pytest.mark.parametrize("rtol", [1e-3, 1e-6])
def test_a_search_that_went_as_far_as_asked_is_solved(rtol, monkeypatch) -> None:
    """However far that is: else the spectrum would be taken where least is asked."""
    teacher, student = brute.case(SEED, depth=3, condition_noise=20.0)
    problem = Problem.of(teacher, student)
    weights = mx.theory.random_minimum(teacher, student, seed=1, spread=0.4)
    assert fluctuating_force(problem, weights, warm=Warm(rtol)) is not None


def test_where_a_search_takes_long_nothing_is_kept() -> None:
    path, one = Warm(), np.eye(2)
    path.keep(0, np.zeros(2), (one, one), np.zeros((4, 4)), 3, 1)
    path.keep(0, np.ones(2), (one, one), np.zeros((4, 4)), 9, 1)
    assert len(path.points[0]) == 2
    path.keep(0, np.ones(2), (one, one), np.zeros((4, 4)), 50, 1)
    assert not path.bases
    assert path.begin(0, np.ones(2)) is None


def test_a_path_begins_each_search_where_the_last_ones_ended(monkeypatch) -> None:
    """The path is that of the spectrum, and warm searches take fewer products than cold ones.

    Here an eighth fewer, as its steps are long.
    """
    teacher, student = brute.case(SEED, depth=3, condition_noise=20.0)
    start = mx.theory.random_minimum(teacher, student, seed=1, spread=0.4)
    settings = {"lr": 0.1, "steps": [0, 20, 100]}
    expected = mx.theory.slow_drift(teacher, student, start, **settings)
    monkeypatch.setattr(drift, "WITHOUT_SPECTRUM", 1)
    counts = []
    for points in (fluctuations._POINTS, 0):
        monkeypatch.setattr(fluctuations, "_POINTS", points)
        kept: list[Warm] = []

        def made(residual: float, kept: list[Warm] = kept) -> Warm:
            kept.append(Warm(residual))
            return kept[-1]

        monkeypatch.setattr(drift, "Warm", made)
        path = mx.theory.slow_drift(teacher, student, start, **settings)
        for a, b in zip(path.weights, expected.weights, strict=True):
            assert_allclose(a, b, rtol=0, atol=1e-6 * np.abs(b).max())  # ten times its rtol
        counts.append(kept[0].products)
    assert counts[0] < 0.95 * counts[1], counts


def test_what_is_out_of_reach_is_left_to_the_spectrum(monkeypatch) -> None:
    teacher, student = brute.case(SEED, depth=3, dim_x=4, dim_y=4, rank=2)
    problem = Problem.of(teacher, student)
    weights = mx.theory.random_minimum(teacher, student, seed=1, spread=0.3)
    assert fluctuating_force(problem, weights) is None
    dense = flatten(drift.drift_velocity(problem, weights))
    monkeypatch.setattr(drift, "WITHOUT_SPECTRUM", 1)
    assert_allclose(flatten(drift.drift_velocity(problem, weights)), dense, rtol=0, atol=1e-12)


def test_a_table_for_which_there_is_no_room_is_refused_before_the_path(monkeypatch) -> None:
    monkeypatch.setattr(memory, "SMALL", 2**20)
    monkeypatch.setattr(memory, "available_memory", lambda: 10 * 2**20)
    teacher = mx.Teacher(np.eye(32), cov_noise=np.diag(np.linspace(1.0, 2.0, 32)))
    start = [np.eye(32)] * 3
    student = mx.EDLN((32, 32))
    monkeypatch.setattr(flow, "project_of", lambda *_: pytest.fail("began"))
    with pytest.raises(MethexisError, match=r"slow drift: .* covariance of 32 x 32 .* take a"):
        mx.theory.slow_drift(teacher, student, start, lr=0.01, steps=10)
    with pytest.raises(MethexisError, match=r"slow drift: .* covariance of 32 x 32 .* take a"):
        mx.theory.drift_fixed_point(teacher, student)


def test_even_noise_asks_for_no_table(monkeypatch) -> None:
    """The drift is then the entropic flow: the same velocity, with no room for anything else."""
    teacher, student = brute.case(SEED, depth=3)
    teacher = mx.Teacher(teacher.weight, cov_x=teacher.cov_x)
    student = mx.EDLN(student.hidden)
    problem = Problem.of(teacher, student)
    weights = mx.theory.random_minimum(teacher, student, seed=1, spread=0.4)
    dense = flatten(drift.drift_velocity(problem, weights))
    monkeypatch.setattr(drift, "WITHOUT_SPECTRUM", 1)
    monkeypatch.setattr(drift, "fluctuating_force", lambda *_: pytest.fail("made the table"))
    free = flatten(drift.drift_velocity(problem, weights))
    assert_allclose(free, dense, rtol=0, atol=1e-9 * np.abs(dense).max())
