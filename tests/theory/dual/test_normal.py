"""The normal space of large students, which is not formed, against that of small ones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.layers.charges import charges
from methexis.core.linalg import flatten
from methexis.core.parallel import memory
from methexis.core.problem import Problem
from methexis.errors import MethexisError
from methexis.theory import projection
from methexis.theory.curvature import minimum_spectrum
from methexis.theory.dual import normal
from methexis.theory.dual.normal import Normal, flattest_of, sharpest_of
from methexis.theory.flow import entropic_velocity
from tests.theory import brute

SEED = 20261130
BOTH = pytest.mark.parametrize("depth", [2, 3, 4])


def all_ways(monkeypatch: pytest.MonkeyPatch, call):
    """What a call returns of students that are formed, at once or one by one, and that are not."""
    answers = []
    for one_by_one, matrix_free in ((10**9, 10**9), (1, 10**9), (1, 1)):
        monkeypatch.setattr(normal, "ONE_BY_ONE", one_by_one)
        monkeypatch.setattr(normal, "MATRIX_FREE", matrix_free)
        answers.append(call())
    return answers[0], answers[1:]


@BOTH
@pytest.mark.parametrize("spare", [0, 2])
@pytest.mark.parametrize("loss", ["squared", "whitened"])
def test_lifts_are_those_of_the_formed_dual(depth, spare, loss, monkeypatch) -> None:
    teacher, student = brute.case(SEED, depth=depth, dim_x=4, spare=spare)
    problem = Problem.of(teacher, student, loss)
    weights = [
        np.stack(layers)
        for layers in zip(
            *(mx.theory.random_minimum(teacher, student, seed=s, spread=0.4) for s in range(3)),
            strict=True,
        )
    ]
    step = np.random.default_rng(SEED).standard_normal((3, *problem.target.shape))
    for lift in ("lift", "damped_lift"):
        dense, others = all_ways(
            monkeypatch, lambda lift=lift: flatten(getattr(Normal(problem, weights), lift)(step))
        )
        for other in others:
            # Residuals of 1e-13 times the condition of the dual, some thousands.
            assert_allclose(other, dense, rtol=0, atol=1e-8 * np.abs(dense).max())
    dense, others = all_ways(monkeypatch, lambda: flatten(entropic_velocity(problem, weights)))
    for other in others:
        assert_allclose(other, dense, rtol=0, atol=1e-9 * np.abs(dense).max())


def test_narrow_students_go_by_the_spectrum(monkeypatch) -> None:
    """Widths below both sides leave directions out of reach, of which the nearest is asked."""
    teacher, student = brute.case(SEED, depth=3, dim_x=4, dim_y=4, rank=2)
    problem = Problem.of(teacher, student)
    weights = mx.theory.random_minimum(teacher, student, seed=1, spread=0.3)
    step = np.random.default_rng(SEED).standard_normal(problem.target.shape)
    dense, others = all_ways(monkeypatch, lambda: flatten(Normal(problem, weights).lift(step)))
    for other in others:
        assert_allclose(other, dense, rtol=0, atol=1e-8 * np.abs(dense).max())
    dense, others = all_ways(
        monkeypatch, lambda: flatten(Normal(problem, weights).damped_lift(step))
    )
    for other in others:
        # Damping of 1e-9 of the trace: what is out of reach is a billion times what is within.
        assert_allclose(other, dense, rtol=0, atol=1e-6 * np.abs(dense).max())


@BOTH
def test_the_way_to_the_minima_is_the_same(depth, monkeypatch) -> None:
    teacher, student = brute.case(SEED, depth=depth, dim_x=6, dim_y=6)
    problem = Problem.of(teacher, student)
    base = mx.theory.random_minimum(teacher, student, seed=1, spread=0.3)
    away = brute.gaussian_weights(brute.plain(teacher, student), SEED, scale=1.0)
    start = [
        np.stack([w + size * d for size in (0.001, 0.01)]) for w, d in zip(base, away, strict=True)
    ]
    for strict in (True, False):
        dense, others = all_ways(
            monkeypatch,
            lambda strict=strict: projection.project_of(problem, start, strict=strict),
        )
        for other in others:
            for a, b in zip(other, dense, strict=True):
                # Exponentials of the gap are known to 1e-7 of it, and it is up to 0.07.
                assert_allclose(a, b, rtol=0, atol=1e-8 * np.abs(b).max())
            for kept, held in zip(charges(other), charges(start), strict=True):
                assert_allclose(kept, held, rtol=0, atol=1e-9 * np.abs(held).max())


@pytest.mark.parametrize("most", [0, 10**9])
def test_gradient_flow_lands_alike_by_either_integrator(most, monkeypatch) -> None:
    """Explicit or implicit: both to the tolerance of charges, 1e-9."""
    teacher, student = brute.case(SEED, depth=3)
    p = brute.plain(teacher, student)
    start = brute.gaussian_weights(p, SEED, scale=1.0)
    expected = mx.theory.project(teacher, student, start)
    monkeypatch.setattr(projection, "EXPLICIT_FIRST", most)
    for a, b in zip(mx.theory.project(teacher, student, start), expected, strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-7 * np.abs(b).max())


def test_where_the_explicit_integrator_fails_the_implicit_one_lands(monkeypatch) -> None:
    teacher, student = brute.case(SEED, depth=3)
    start = brute.gaussian_weights(brute.plain(teacher, student), SEED, scale=1.0)
    expected = mx.theory.project(teacher, student, start)
    asked = []

    def bounded(name, field, end):
        asked.append(name)
        if len(asked) == 1:
            raise MethexisError("too many evaluations")
        return field

    monkeypatch.setattr(projection, "EXPLICIT_FIRST", 0)
    monkeypatch.setattr(projection, "bounded", bounded)
    for a, b in zip(mx.theory.project(teacher, student, start), expected, strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-12 * np.abs(b).max())
    assert len(asked) == 2
    asked.clear()
    monkeypatch.setattr(projection, "MAX_DENSE_PARAMETERS", 1)
    with pytest.raises(MethexisError, match="too many evaluations"):
        mx.theory.project(teacher, student, start)


@BOTH
def test_sharpness_at_a_minimum_is_the_largest_of_the_spectrum(depth, monkeypatch) -> None:
    teacher, student = brute.case(SEED, depth=depth, dim_x=4)
    problem = Problem.of(teacher, student)
    weights = mx.theory.random_minimum(teacher, student, seed=1)
    monkeypatch.setattr(normal, "MATRIX_FREE", 1)
    expected = minimum_spectrum(problem, weights)[-1]
    assert_allclose(sharpest_of(problem, weights), expected, rtol=1e-11)  # ARPACK, to rounding


@BOTH
def test_the_flattest_direction_is_the_least_of_the_spectrum(depth, monkeypatch) -> None:
    teacher, student = brute.case(SEED, depth=depth, dim_x=4)
    problem = Problem.of(teacher, student)
    members = [mx.theory.random_minimum(teacher, student, seed=s, spread=0.4) for s in range(2)]
    weights = [np.stack([*layers, np.nan * layers[0]]) for layers in zip(*members, strict=True)]
    expected = min(minimum_spectrum(problem, member)[0] for member in members)
    monkeypatch.setattr(normal, "MATRIX_FREE", 1)
    assert flattest_of(problem, weights) == pytest.approx(expected, rel=1e-6)
    narrow_teacher, narrow = brute.case(SEED, depth=depth, dim_x=4, dim_y=4, rank=2)
    problem = Problem.of(narrow_teacher, narrow)
    one = mx.theory.random_minimum(narrow_teacher, narrow, seed=1, spread=0.3)
    spectrum = minimum_spectrum(problem, one)
    least = spectrum[spectrum > 1e-8 * spectrum[-1]][0]
    assert flattest_of(problem, [w[None] for w in one]) == pytest.approx(least, rel=1e-6)


def test_lost_replicas_are_not_the_flattest(monkeypatch) -> None:
    teacher, student = brute.case(SEED, depth=3, dim_x=4)
    problem = Problem.of(teacher, student)
    weights = mx.theory.random_minimum(teacher, student, seed=1, spread=0.3)
    both = [np.stack([w, np.full_like(w, np.nan)]) for w in weights]
    alone = flattest_of(problem, weights)
    formed, others = all_ways(monkeypatch, lambda: flattest_of(problem, both))
    assert_allclose([formed, *others], alone, rtol=1e-5)
    assert flattest_of(problem, [w[1:] for w in both]) == np.inf


def test_a_dual_for_which_there_is_no_room_is_refused(monkeypatch) -> None:
    """What a narrow student of 40 x 40 cannot reach is decomposed; with 10 MiB free it is not."""
    monkeypatch.setattr(memory, "SMALL", 2**20)
    monkeypatch.setattr(memory, "available_memory", lambda: 10 * 2**20)
    teacher, student = mx.Teacher.random(40, 40, 2, seed=0), mx.EDLN((2,))
    problem = Problem.of(teacher, student)
    start = mx.theory.balanced_minimum(teacher, student)
    step = np.random.default_rng(SEED).standard_normal(problem.target.shape)
    with pytest.raises(MethexisError, match=r"at most 0\.00977 GiB .* 40 x 40 outputs .* 1 times"):
        Normal(problem, start).lift(step)


def test_newton_stops_where_it_has_arrived(monkeypatch) -> None:
    """On the minima no step is taken, near them one or two; who is lost takes none."""
    teacher, student = brute.case(SEED, depth=3)
    problem = Problem.of(teacher, student)
    base = mx.theory.random_minimum(teacher, student, seed=1, spread=0.3)
    away = brute.gaussian_weights(brute.plain(teacher, student), SEED, scale=1.0)
    sizes = (0.0, 1e-9, 1e-5, np.nan)
    stack = [np.stack([w + size * d for size in sizes]) for w, d in zip(base, away, strict=True)]
    taken = []
    lift = Normal.lift

    def counted(self, whitened):
        taken.append(len(whitened))
        return lift(self, whitened)

    monkeypatch.setattr(Normal, "lift", counted)
    ends = projection.polish(problem, stack)
    assert taken in ([2, 1], [3, 1])  # a minimum is known to rounding, more or less than is asked
    assert np.all(projection.relative_gap(problem, [w[:3] for w in ends]) <= projection.ARRIVED)
    assert all(np.isnan(w[3]).all() for w in ends)


def test_a_path_that_lost_its_charges_is_given_up(monkeypatch) -> None:
    """It is NaN either way, and pieces that follow are spared."""
    teacher, student = brute.case(SEED, depth=3, dim_x=4, dim_y=4)
    problem = Problem.of(teacher, student)
    base = mx.theory.random_minimum(teacher, student, seed=1, spread=0.3)
    away = brute.gaussian_weights(brute.plain(teacher, student), SEED, scale=1.0)
    sizes = np.array([0.001, 0.03, 0.1])
    start = [np.stack([w + s * d for s in sizes]) for w, d in zip(base, away, strict=True)]
    assert np.all(projection.relative_gap(problem, start) < projection.NEAR)
    monkeypatch.setattr(projection, "WELL_WITHIN", np.inf)  # all go the careful way
    taken = []
    piece = projection._careful_piece

    def counted(problem, weights, step):
        taken.append(len(step))
        return piece(problem, weights, step)

    monkeypatch.setattr(projection, "_careful_piece", counted)
    ends, counts = [], []
    for lost in (projection.LOST, np.inf):
        monkeypatch.setattr(projection, "LOST", lost)
        taken.clear()
        ends.append(projection.project_of(problem, start, strict=False, charge_rtol=1e-8))
        counts.append(sum(taken))
    for a, b in zip(*ends, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.isfinite(ends[0][0]).all(axis=(-2, -1)).tolist() == [True, True, False]
    assert counts[0] < counts[1] == 18
