"""Projection onto the minima: the end of gradient flow, and a projection of tangent vectors."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.attainable import attainable
from methexis.core.layers.charges import charges
from methexis.core.layers.products import hidden_maps, loss_gradient
from methexis.core.linalg import flatten, unflatten
from methexis.core.problem import Problem
from methexis.theory.dual.normal import DAMPING, Normal
from methexis.theory.gauge import balanced_minimum_of
from methexis.theory.projection import CLOSE, NEAR, _follow, project_of, relative_gap
from tests.theory import brute

SEED = 20250709


def gradient_flow(p: brute.Plain, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Gradient flow of the mean loss by an implicit solver, from moments and explicit products."""

    def rhs(_: float, theta: np.ndarray) -> np.ndarray:
        layers = brute.unpack(theta, p)
        push = -2 * p.metric @ (brute.product(p, layers) - p.target) @ p.cov_x
        found = []
        for i in range(len(layers)):
            b, a = p.entry, p.exit
            for w in layers[:i]:
                b = w @ b
            for w in reversed(layers[i + 1 :]):
                a = a @ w
            found.append(a.T @ push @ b.T)
        return brute.pack(found)

    # Time 1e4 against rates of order .1 and more: what is left is the solver's tolerance.
    solution = scipy.integrate.solve_ivp(
        rhs, (0, 1e4), brute.pack(weights), method="LSODA", rtol=1e-11, atol=1e-13
    )
    return brute.unpack(solution.y[:, -1], p)


@pytest.mark.parametrize("loss", ["squared", "whitened"])
@pytest.mark.parametrize(("depth", "spare", "seed"), [(2, 0, 0), (3, 1, 1), (4, 0, 2)])
def test_is_the_end_of_gradient_flow(depth, spare, seed, loss) -> None:
    teacher, student = brute.case(SEED, depth=depth, dim_x=2, spare=spare, rank=2)
    p = brute.plain(teacher, student, loss)
    start = brute.gaussian_weights(p, seed, scale=1.0)
    found = mx.theory.project(teacher, student, start, loss=loss)
    assert_allclose(brute.product(p, found), p.target, rtol=0, atol=1e-9)  # documented stop
    for a, b in zip(charges(found), charges(start), strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-9 * np.abs(b).max())  # charge_rtol
    # The last part follows the frozen path: third order in a relative gap of 3e-3, that is 3e-8
    # times constants of order one; the kernels are compared with their scale.
    for a, b in zip(
        brute.kernels(p, found), brute.kernels(p, gradient_flow(p, start)), strict=True
    ):
        assert_allclose(a, b, rtol=0, atol=1e-6 * np.abs(b).max())


def test_order_of_the_single_pass() -> None:
    """Near the minima one pass lands off gradient flow's end by a small multiple of the gap².

    The frozen path itself is of third order; the straight pieces it is cut into are of second,
    with a coefficient that falls as the square of their number.
    """
    teacher, student = brute.case(SEED, depth=3)
    p = brute.plain(teacher, student)
    problem = Problem.of(teacher, student)
    base = mx.theory.random_minimum(teacher, student, seed=1, spread=0.3)
    away = brute.gaussian_weights(p, SEED, scale=1.0)
    errors = []
    for size in (0.04, 0.02, 0.01):
        start = [w + size * d for w, d in zip(base, away, strict=True)]
        ends = gradient_flow(p, start)
        row = []
        for segments in (1, 6, 64):
            pairs = zip(
                brute.kernels(p, _follow(problem, start, segments)),
                brute.kernels(p, ends),
                strict=True,
            )
            row.append(max(np.abs(a - b).max() for a, b in pairs))
        errors.append(row)
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    # The next order contributes a share of the size, at most .04 times constants near ten.
    assert np.all(np.abs(orders[:, 0] - 2) < 0.3), orders
    assert np.all(orders[:, 1] > 1.7), orders
    assert np.all(orders[:, 2] > 2.7), orders
    # What recording uses (6 pieces) is several times nearer than a straight line.
    assert np.all(np.divide([e[0] for e in errors], [e[1] for e in errors]) > 4), errors


def test_minima_stay() -> None:
    teacher, student = brute.case(SEED, depth=3, spare=1)
    weights = mx.theory.random_minimum(teacher, student, seed=1)
    found = mx.theory.project(teacher, student, weights)
    for a, b in zip(found, weights, strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-11)  # Newton's correction of rounding


@pytest.mark.parametrize("size", [4, 11])
def test_single_precision_lands_as_double_does(size) -> None:
    """What is projected is kept in doubles, however weights were recorded."""
    teacher = mx.Teacher.random(dim_x=size, dim_y=size, seed=SEED)
    student = mx.EDLN(hidden=(size, size))
    problem = Problem.of(teacher, student)
    generator = np.random.default_rng(SEED)
    minimum = mx.theory.random_minimum(teacher, student, seed=1, spread=0.2)
    near = [
        np.stack([w + 1e-3 * generator.standard_normal(w.shape) for _ in range(3)]).astype("f4")
        for w in minimum
    ]
    doubles = [w.astype(np.float64) for w in near]
    for options in ({"strict": True}, {"strict": False, "charge_rtol": 1e-5}):
        ends = project_of(problem, near, **options)
        expected = project_of(problem, doubles, **options)
        assert np.isfinite(expected[0]).all()
        for end, other in zip(ends, expected, strict=True):
            assert_allclose(end, other, rtol=0, atol=1e-12)


@given(seed=st.integers(0, 2**31 - 1), depth=st.integers(2, 4), spare=st.integers(0, 2))
@settings(max_examples=15)
def test_batch_is_one_by_one(seed, depth, spare) -> None:
    """On the path that recording takes, replicas do not see each other at all."""
    teacher, student = brute.case(seed, depth=depth, spare=spare)
    problem = Problem.of(teacher, student)
    base = mx.theory.platonic(teacher, student).weights
    generator = np.random.default_rng(seed)
    stacked = [w + 0.03 * generator.standard_normal((2, 3, *w.shape)) for w in base]
    found = project_of(problem, stacked, strict=False)
    assert found[0].shape == stacked[0].shape
    assert np.isfinite(found[0]).any()
    for place in np.ndindex(2, 3):
        alone = project_of(problem, [w[place] for w in stacked], strict=False)
        for a, b in zip(found, alone, strict=True):
            # Batched and single matrix products may round differently, nothing else may differ;
            # spare directions are the least determined and amplify it.
            assert_allclose(a[place], b, rtol=0, atol=1e-8)


def test_strict_batch_is_one_by_one() -> None:
    teacher, student = brute.case(SEED, depth=3)
    p = brute.plain(teacher, student)
    members = [brute.gaussian_weights(p, seed, scale=1.0) for seed in range(3)]
    stacked = [np.stack(w) for w in zip(*members, strict=True)]
    found = mx.theory.project(teacher, student, stacked)
    for k, member in enumerate(members):
        alone = mx.theory.project(teacher, student, member)
        layers = [w[k] for w in found]
        # They share the time at which the frozen path takes over: its third order, as above.
        for a, b in zip(brute.kernels(p, layers), brute.kernels(p, alone), strict=True):
            assert_allclose(a, b, rtol=0, atol=1e-6 * np.abs(b).max())


@pytest.mark.filterwarnings("error")
def test_lost_replicas_are_marked_and_do_not_harm_the_others() -> None:
    teacher, student = brute.case(SEED, depth=3)
    problem = Problem.of(teacher, student)
    base = mx.theory.platonic(teacher, student).weights
    good = [1.01 * w for w in base]
    lost = {"diverged": np.nan, "collapsed": 0.0, "far": 2.0, "large": 1e60, "overflowing": 1e200}
    stacked = [
        np.stack([g, *(c * w for c in lost.values())]) for g, w in zip(good, base, strict=True)
    ]
    found = project_of(problem, stacked, strict=False)
    for a, b in zip(found, project_of(problem, good, strict=False), strict=True):
        assert_allclose(a[0], b, rtol=0, atol=1e-12)  # rounding
        assert np.isnan(a[1:]).all()
    alone = project_of(problem, [w[1:] for w in stacked], strict=False)  # nobody is left
    assert all(np.isnan(w).all() for w in alone)


@pytest.mark.parametrize("hidden", [(2,), (2, 2), (5, 2)])
def test_narrow_networks_land_where_gradient_flow_does(hidden: tuple[int, ...]) -> None:
    """Too narrow for the teacher: ``J`` has a null space that turns along the way."""
    teacher = mx.Teacher.random(4, 4, condition=3.0, condition_x=2.0, seed=SEED)
    problem = attainable(Problem.of(teacher, mx.EDLN(hidden)))
    base = balanced_minimum_of(problem, seed=1)
    generator = np.random.default_rng(SEED)
    away = [generator.standard_normal(w.shape) for w in base]
    start = [w + 0.14 * d for w, d in zip(base, away, strict=True)]
    gap = float(relative_gap(problem, start))
    assert 0.25 < gap < NEAR
    root = problem.root_x

    def rhs(_: float, theta: np.ndarray) -> np.ndarray:
        return -flatten(loss_gradient(problem, unflatten(theta, problem.dims)))

    # Time 300 against rates of order .1 and more; `attainable` has the minima of the real loss.
    ends = scipy.integrate.solve_ivp(
        rhs, (0, 300), flatten(start), method="LSODA", rtol=1e-10, atol=1e-12
    )
    truth = hidden_maps(problem, unflatten(ends.y[:, -1], problem.dims))
    for close, tolerance in ((0.25, 0.25**3), (CLOSE, 1e-5)):
        found = project_of(problem, start, charge_rtol=1e-7, close=close)
        assert float(relative_gap(problem, found)) < 1e-9
        scale = sum(float(np.sum(w**2)) for w in found)
        for a, b in zip(charges(found), charges(start), strict=True):
            assert np.linalg.norm(a - b) <= 1e-7 * scale
        for a, b in zip(hidden_maps(problem, found), truth, strict=True):
            kernel, wanted = ((h @ root).T @ (h @ root) for h in (a, b))
            # The frozen path takes over at `close` and is off by its third power; from the second
            # threshold on, 3e-8 and a rest of the pieces it is cut into.
            assert np.linalg.norm(kernel - wanted) <= tolerance * np.linalg.norm(wanted)


def test_damped_lift_is_the_lift_up_to_its_damping() -> None:
    teacher, student = brute.case(SEED, depth=3)
    problem = Problem.of(teacher, student)
    weights = mx.theory.random_minimum(teacher, student, seed=1, spread=0.3)
    normal = Normal(problem, weights)
    step = np.random.default_rng(SEED).standard_normal(problem.target.shape)
    values = np.linalg.eigvalsh(normal.dual)
    missed = DAMPING * values.sum() / values[0]
    exact, found = flatten(normal.lift(step)), flatten(normal.damped_lift(step))
    # Eigenvalue s² misses DAMPING·Tr/s² of its part; 1.1 for rounding.
    assert 0.0 < np.linalg.norm(found - exact) <= 1.1 * missed * np.linalg.norm(exact)


def test_saddles_are_refused() -> None:
    teacher, student = brute.case(SEED, depth=2)
    p = brute.plain(teacher, student)
    weights = brute.gaussian_weights(p, SEED)
    for w, axis in zip(weights, (0, 1), strict=True):  # one dead neuron leaves rank two of three
        np.moveaxis(w, axis, 0)[0] = 0.0
    with pytest.raises(mx.MethexisError, match=r"1 of 1 weight sets did not; start from weights"):
        mx.theory.project(teacher, student, weights)


@given(seed=st.integers(0, 2**31 - 1), depth=st.integers(2, 4), spare=st.integers(0, 2))
@settings(max_examples=20)
def test_tangent_projection(seed, depth, spare) -> None:
    """P against an orthonormal basis of the kernel of the dense Jacobian."""
    teacher, student = brute.case(seed, depth=depth, spare=spare)
    p = brute.plain(teacher, student)
    problem = Problem.of(teacher, student)
    weights = mx.theory.random_minimum(teacher, student, seed=seed, spread=0.3)
    basis = brute.tangent_basis(p, weights)
    vector = np.random.default_rng(seed).standard_normal(problem.num_parameters)
    found = flatten(Normal(problem, weights).tangent(unflatten(vector, problem.dims)))
    # Rounding times the condition of J Jᵀ, which is a few thousand here, squared at most.
    assert_allclose(found, basis @ (basis.T @ vector), rtol=0, atol=1e-9)
