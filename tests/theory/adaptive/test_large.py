"""Adaptive rules on large students, whose metric is not formed, against small ones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.linalg import flatten
from methexis.core.parallel import memory
from methexis.core.problem import Problem
from methexis.errors import MethexisError
from methexis.theory.adaptive import slow
from methexis.theory.adaptive.path import adaptive_velocity
from methexis.theory.adaptive.slow import Metric
from tests.theory import brute

SEED = 20261130


def stacked(teacher: mx.Teacher, student: mx.EDLN) -> list[np.ndarray]:
    members = [mx.theory.random_minimum(teacher, student, seed=s, spread=0.4) for s in range(2)]
    return [np.stack(layers) for layers in zip(*members, strict=True)]


@pytest.mark.parametrize(("depth", "spare"), [(2, 0), (3, 0), (3, 2), (4, 1)])
def test_the_flow_is_that_of_the_spectrum(depth, spare, monkeypatch) -> None:
    teacher, student = brute.case(SEED, depth=depth, dim_x=4, spare=spare)
    problem = Problem.of(teacher, student)
    weights = stacked(teacher, student)
    dense = flatten(adaptive_velocity(problem, weights, decay=0.3))
    top = Metric(problem, weights).sharpest()
    monkeypatch.setattr(slow, "MATRIX_FREE", 1)
    monkeypatch.setattr(Metric, "spectrum", property(lambda _: pytest.fail("took the spectrum")))
    free = flatten(adaptive_velocity(problem, weights, decay=0.3))
    # Residuals of 1e-13 times the condition of the dual, some thousands.
    assert_allclose(free, dense, rtol=0, atol=1e-9 * np.abs(dense).max())
    assert_allclose(Metric(problem, weights).sharpest(), top, rtol=1e-10)


def test_where_products_do_not_get_there_the_spectrum_does(monkeypatch) -> None:
    teacher, student = brute.case(SEED, depth=3, dim_x=4, dim_y=4, rank=2)
    problem = Problem.of(teacher, student)
    metric = Metric(problem, mx.theory.random_minimum(teacher, student, seed=1, spread=0.3))
    step = np.random.default_rng(SEED).standard_normal(problem.target.shape)
    dense = metric._solved(step)
    monkeypatch.setattr(slow, "MATRIX_FREE", 1)
    assert_allclose(metric._solved(step), dense, rtol=0, atol=1e-12 * np.abs(dense).max())


@pytest.mark.parametrize("held", [2.0, None])
def test_third_moments_are_summed_over_samples_in_parts(held, monkeypatch) -> None:
    generator = np.random.default_rng(SEED)
    x = generator.standard_normal((40, 3))
    y = x @ generator.standard_normal((3, 2)) + generator.exponential(size=(40, 2))
    data, student = mx.Samples(x - x.mean(axis=0), y - y.mean(axis=0)), mx.EDLN((4, 3))
    weights = mx.theory.random_minimum(data, student, seed=1, spread=0.4)
    problem = Problem.of(data, student)
    whole = flatten(Metric(problem, weights).push(0.7, held))
    assert np.abs(whole).max() > 0.0
    monkeypatch.setattr(slow, "_AT_ONCE", 7 * problem.num_parameters)
    parts = flatten(Metric(problem, weights).push(0.7, held))
    assert_allclose(parts, whole, rtol=0, atol=1e-12 * np.abs(whole).max())


@pytest.mark.parametrize("name", ["adaptive_flow", "adaptive_drift"])
def test_paths_are_told_or_refused(name, monkeypatch) -> None:
    teacher, student = brute.case(SEED, depth=2)
    weights = stacked(teacher, student)
    settings = {"lr": 0.01, "steps": 2_000} | ({"beta2": 0.999} if name.endswith("drift") else {})
    follow = getattr(mx.theory, name)
    reports = []
    path = follow(teacher, student, weights, progress=reports.append, **settings)
    steps = [report.step for report in reports]
    assert steps == sorted(steps)
    assert steps[-1] == 2_000
    assert 0 < sum(step < 1_000 for step in steps) < len(steps) - 1  # both replicas take a half
    plain = follow(teacher, student, weights, **settings)
    assert all(map(np.array_equal, path.weights, plain.weights))
    with pytest.raises(MethexisError, match=r"at most patience = 1e-09 s .* set patience"):
        follow(teacher, student, weights, patience=1e-9, **settings)


def test_modes_for_which_there_is_no_room_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(memory, "SMALL", 2**20)
    monkeypatch.setattr(memory, "available_memory", lambda: 10 * 2**20)
    teacher, student = mx.Teacher(np.eye(24)), mx.EDLN((24,))
    with pytest.raises(MethexisError, match=r"adaptive drift: .* 576 modes of 24 x 24 .* take a"):
        mx.theory.adaptive_drift(teacher, student, [np.eye(24)] * 2, lr=0.01, beta2=0.9, steps=10)
