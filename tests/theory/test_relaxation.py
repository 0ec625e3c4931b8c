"""The slowest rate by Lanczos' method is the least that is not zero of the whole matrix."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import methexis as mx
from methexis.core.problem import theory_problem
from methexis.errors import MethexisError
from methexis.progress import Report
from methexis.theory.dual import normal
from methexis.theory.platonic import platonic_of

# `methexis.theory.relaxation` is the function.
relaxation = sys.modules["methexis.theory.relaxation"]


@pytest.mark.parametrize(
    ("outputs", "inputs", "hidden", "rank"),
    [(1, 2, (1,), 1), (5, 5, (5, 5), 5), (4, 6, (7, 9), 4), (6, 7, (8,), 3), (8, 8, (8,) * 3, 8)],
)
@pytest.mark.parametrize("loss", ["squared", "whitened"])
def test_both_ways_find_the_same_slowest_rate(
    outputs: int, inputs: int, hidden: tuple[int, ...], rank: int, loss: str
) -> None:
    rng = np.random.default_rng(outputs + inputs)
    target = rng.normal(size=(outputs, rank)) @ rng.normal(size=(rank, inputs))
    root = rng.normal(size=(inputs, inputs))
    teacher = mx.Teacher(target, cov_x=root @ root.T / inputs + 0.2 * np.eye(inputs))
    problem = theory_problem(teacher, mx.EDLN(hidden), loss)
    weights = platonic_of(problem).weights
    values = relaxation.relaxation_eigenvalues(problem, weights)
    least = values[values > relaxation.ZERO_MODE_TOLERANCE * values[-1]][0]
    # The square of the residual is what the eigenvalue may be off by, in units of the gap above.
    assert relaxation.slowest_eigenvalue(problem, weights) == pytest.approx(least, rel=1e-9)


def test_of_large_students_the_slowest_rate_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    teacher, student = mx.Teacher.random(6, 5, seed=1), mx.EDLN((6, 7))
    whole = mx.theory.relaxation(teacher, student, lr=0.01)
    monkeypatch.setattr(relaxation, "MOST_DENSE", 10)
    alone = mx.theory.relaxation(teacher, student, lr=0.01)
    assert alone.num_zero_modes is None
    assert alone.eigenvalues == pytest.approx(whole.eigenvalues[:1], rel=1e-9)
    assert alone.slowest_steps == pytest.approx(whole.slowest_steps, rel=1e-9)
    assert alone.slow_time(10.0) == pytest.approx(whole.slow_time(10.0), rel=1e-9)


def test_what_is_too_slow_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    teacher, student = mx.Teacher.random(6, 5, seed=1), mx.EDLN((6, 7))
    monkeypatch.setattr(relaxation, "MOST_DENSE", 10)
    monkeypatch.setattr(relaxation, "MOST_PRODUCTS", 3)
    with pytest.raises(MethexisError, match="the slowest rate after 3 products, got none: rates"):
        mx.theory.relaxation(teacher, student, lr=0.01)


def test_its_products_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    teacher, student = mx.Teacher.random(6, 5, seed=1), mx.EDLN((6, 7))
    monkeypatch.setattr(relaxation, "MOST_DENSE", 10)
    reports: list[Report] = []
    mx.theory.relaxation(teacher, student, lr=0.01, progress=reports.append)
    steps = [report.step for report in reports]
    assert steps == [*range(len(steps) - 1), relaxation.MOST_PRODUCTS]


@pytest.mark.parametrize("depth", [2, 3])
def test_the_normal_space_need_not_be_formed(depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = mx.Teacher.random(6, 5, condition_noise=5.0, seed=1)
    problem = theory_problem(teacher, mx.EDLN((6,) * (depth - 1)), "squared")
    weights = platonic_of(problem).weights
    formed = relaxation.slowest_eigenvalue(problem, weights)
    monkeypatch.setattr(normal, "MATRIX_FREE", 1)
    monkeypatch.setattr(normal.Normal, "spectrum", property(lambda _: pytest.fail("a spectrum")))
    assert relaxation.slowest_eigenvalue(problem, weights) == pytest.approx(formed, rel=1e-9)
