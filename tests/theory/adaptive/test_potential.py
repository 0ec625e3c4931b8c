"""The potential of adaptive rules: gradient, lower bound, closed form, equality."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.linalg import flatten
from methexis.theory import (
    adaptive_bound,
    adaptive_gradient,
    adaptive_minimum,
    adaptive_potential,
    apply_gauge,
    random_minimum,
)
from tests.theory import brute
from tests.theory.adaptive import brute as dense

SEED = 20260301
# depth, dim_x, dim_y, rank, spare
SHAPES = [(2, 2, 2, 2, 0), (2, 4, 3, 2, 2), (3, 3, 2, 2, 1), (4, 3, 3, 3, 0), (5, 2, 4, 1, 1)]


def drawn(k: int) -> tuple[mx.Teacher, mx.EDLN]:
    """Instance number ``k``: depth 2 to 5, rectangular, uneven noise, embeddings and views."""
    generator = np.random.default_rng([SEED, k])
    dim_x, dim_y = (int(d) for d in generator.integers(1, 5, 2))
    return brute.case(
        SEED + k,
        depth=int(generator.integers(2, 6)),
        dim_x=dim_x,
        dim_y=dim_y,
        rank=int(generator.integers(1, min(dim_x, dim_y) + 1)),
        spare=int(generator.integers(0, 3)),
        condition_noise=float(generator.uniform(1, 20)),
        condition_x=float(generator.uniform(1, 20)),
    )


@pytest.fixture(scope="module", params=SHAPES, ids=lambda s: "D{}-x{}-y{}-r{}-spare{}".format(*s))
def instance(request):
    depth, dim_x, dim_y, rank, spare = request.param
    return brute.case(SEED, depth=depth, dim_x=dim_x, dim_y=dim_y, rank=rank, spare=spare)


@pytest.mark.parametrize("loss", ["squared", "whitened"])
def test_potential_is_the_sum_of_root_mean_squares(instance, loss) -> None:
    teacher, student = instance
    weights = random_minimum(teacher, student, seed=1, spread=0.4, loss=loss)
    # Sums over explicit samples against a product of two norms: rounding of both.
    expected = dense.potential(brute.plain(teacher, student, loss), weights)
    assert_allclose(adaptive_potential(teacher, student, weights, loss=loss), expected, rtol=1e-11)


def test_gradient_is_that_of_differences(instance) -> None:
    teacher, student = instance
    p = brute.plain(teacher, student)
    weights = random_minimum(teacher, student, seed=2, spread=0.4)
    # Complex steps of an independent formula: no cancellation, so rounding alone.
    expected = brute.complex_gradient(lambda w: dense.minimum_potential(p, w), p, weights)
    found = flatten(adaptive_gradient(teacher, student, weights))
    assert_allclose(found, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


def test_replicas_are_taken_one_by_one(instance) -> None:
    teacher, student = instance
    sets = [random_minimum(teacher, student, seed=k) for k in range(3)]
    stacked = [np.stack(layers) for layers in zip(*sets, strict=True)]
    together = adaptive_gradient(teacher, student, stacked)
    for k, alone in enumerate(sets):
        one = adaptive_gradient(teacher, student, alone)
        for a, b in zip(together, one, strict=True):
            assert_allclose(a[k], b, rtol=1e-12, atol=1e-12 * np.abs(b).max())


def check_bound(numbers: range, starts: int) -> None:
    """No minimum is below the bound, and the closed form is on it."""
    excess, closed = [], []
    for k in numbers:
        teacher, student = drawn(k)
        solution = adaptive_minimum(teacher, student, seed=k)
        here = float(adaptive_potential(teacher, student, solution.weights))
        closed.append(abs(here / solution.potential - 1))
        for j in range(starts):
            spread = (0.02, 0.3, 1.0)[j % 3]
            weights = random_minimum(teacher, student, seed=k + j, spread=spread)
            excess.append(
                float(adaptive_potential(teacher, student, weights)) / solution.potential - 1
            )
    assert max(closed) < 1e-12  # rounding of products of at most seven matrices
    assert min(excess) > -1e-12


def test_bound_and_its_equality() -> None:
    check_bound(range(150), 3)


@pytest.mark.long
def test_bound_and_its_equality_on_many() -> None:
    check_bound(range(150, 1_400), 6)


def test_bound_is_left_by_a_rotation_and_not_by_a_signed_permutation() -> None:
    teacher, student = brute.case(SEED, depth=3)
    solution = adaptive_minimum(teacher, student)
    generator = np.random.default_rng(SEED)
    turn = np.linalg.qr(generator.standard_normal((3, 3)))[0]
    swap = np.eye(3)[[2, 0, 1]] * np.array([1.0, -1.0, 1.0])
    for gauges, least in (([turn, np.eye(3)], 1e-3), ([swap, turn], 1e-3)):
        moved = apply_gauge(solution.weights, gauges)
        ratio = float(adaptive_potential(teacher, student, moved)) / solution.potential
        assert ratio - 1 > least  # generic rotations are far from permutations
        # The entropy is another function: it does not see them.
        entropies = [mx.theory.entropy(teacher, student, w) for w in (moved, solution.weights)]
        assert_allclose(*entropies, rtol=1e-12)
    moved = apply_gauge(solution.weights, [swap, swap])
    assert_allclose(adaptive_potential(teacher, student, moved), solution.potential, rtol=1e-12)


def check_descent(numbers: range, starts: int) -> None:
    """Descent over the orbit ends on the bound, at signed permutations, and never below."""
    for k in numbers:
        depth, dim = 2 + k % 3, 2 + k % 2
        teacher, student = brute.case(SEED + k, depth=depth, dim_x=dim, dim_y=3, condition_noise=4)
        p = brute.plain(teacher, student)
        solution = adaptive_minimum(teacher, student)
        for j in range(starts):
            start = random_minimum(teacher, student, seed=j, spread=0.6)
            value, weights = dense.least_potential(p, start)
            # BFGS stops at a gradient of 1e-9 of U, whose square over a curvature is left in U.
            assert -1e-12 < value / solution.potential - 1 < 1e-9
            h = p.entry
            for w, scale in zip(weights[:-1], solution.layer_scales, strict=True):
                h = w @ h
                moment = h @ p.cov_x @ h.T
                powers = np.sort(np.diag(moment))[::-1]
                # One neuron per mode: no correlations, and the spectrum on the diagonal.
                off = moment - np.diag(np.diag(moment))
                assert np.abs(off).max() < 1e-4 * powers[0]
                assert_allclose(powers, scale * solution.singular_values, rtol=1e-3)
                assert_allclose(h.T @ h, scale * solution.kernel, rtol=0, atol=1e-3 * powers[0])


def test_descent_arrives_at_one_neuron_per_mode() -> None:
    check_descent(range(3), 4)


@pytest.mark.long
def test_descent_arrives_from_everywhere() -> None:
    check_descent(range(3, 23), 20)


@pytest.mark.parametrize("small", [0.9, 0.5, 0.1])
def test_two_modes_have_one_other_stationary_point_and_it_is_a_saddle(small) -> None:
    """Neurons that read both modes by the roots of singular values (docs/adaptive.md, A.12)."""
    teacher, student = mx.Teacher(np.diag([1.0, small])), mx.EDLN((2,))
    p = brute.plain(teacher, student)
    first = np.array([[1.0, np.sqrt(small)], [1.0, -np.sqrt(small)]])
    last = np.diag([1.0, small]) @ np.linalg.inv(first)
    size = np.sqrt(np.linalg.norm(last[:, 0]) / np.linalg.norm(first[0]))  # equal norms
    saddle = [size * first, last / size]
    gradient = brute.complex_gradient(lambda w: dense.minimum_potential(p, w), p, saddle)
    tangent = brute.tangent_basis(p, saddle)
    assert np.abs(tangent.T @ gradient).max() < 1e-12  # stationary along the minima
    bound = adaptive_bound(teacher, student)
    height = np.sqrt(2 * (1 + small)) / (1 + np.sqrt(small))
    assert_allclose(dense.potential(p, saddle) / bound, height, rtol=1e-12)
    for angle in (0.01, -0.01):  # a common rotation of what both neurons read
        c, s = np.cos(angle), np.sin(angle)
        turned = saddle[0] @ np.array([[c, -s], [s, c]])
        last = np.diag([1.0, small]) @ np.linalg.inv(turned)
        sizes = np.sqrt(np.linalg.norm(last, axis=0) / np.linalg.norm(turned, axis=1))
        reads = [sizes[:, None] * turned, last / sizes]  # each neuron at its best scale
        assert dense.potential(p, reads) < dense.potential(p, saddle)


@pytest.mark.parametrize("small", [0.9, 0.5, 0.1])
def test_no_other_pair_of_angles_is_stationary(small) -> None:
    """Both conditions of (A.11), solved from many starts: the axes, and the one saddle."""

    def conditions(angles: np.ndarray) -> np.ndarray:  # of φ₁ and -φ₂
        u = (np.sin(angles) ** 2 + small**2 * np.cos(angles) ** 2) ** 0.25
        slope = (1 - small**2) * np.sin(2 * angles) / (4 * u**3)
        return slope * np.sin(angles.sum()) - u.sum() / 2 * np.cos(angles.sum())

    generator = np.random.default_rng(SEED)
    half = np.arccos((1 - small) / (1 + small)) / 2
    inside = []
    for start in generator.uniform(0.0, np.pi / 2, (60, 2)):
        found = scipy.optimize.root(conditions, start, tol=1e-13)
        open_interval = np.all((found.x > 1e-6) & (found.x < np.pi / 2 - 1e-6))
        if np.abs(conditions(found.x)).max() < 1e-12 and open_interval:
            inside.append(found.x)
    assert len(inside) > 5
    assert_allclose(inside, half, rtol=0, atol=1e-8)


def test_equipartition_and_scaling() -> None:
    teacher, student = brute.case(SEED, depth=4, spare=1)
    solution = adaptive_minimum(teacher, student, seed=2)
    p = brute.plain(teacher, student)
    sizes = dense.root_mean_squares(p, solution.weights)
    layers = np.split(sizes, np.cumsum([a * b for a, b in p.shapes])[:-1])
    assert_allclose([s.sum() for s in layers], solution.layer_potential, rtol=1e-11)
    # U = 2D (T̂x T̂ε p̂^{D-1})^{1/D}: noise of c times the deviation goes through T̂ε and p̂, each
    # of first order in it, and so does V through p̂ alone.
    louder = mx.Teacher(teacher.weight, teacher.cov_x, 9.0 * teacher.cov_noise)
    assert_allclose(adaptive_bound(louder, student), 3.0 * solution.potential, rtol=1e-12)
    larger = mx.Teacher(3.0 * teacher.weight, teacher.cov_x, teacher.cov_noise)
    grown = 3.0 ** (3 / 4) * solution.potential
    assert_allclose(adaptive_bound(larger, student), grown, rtol=1e-12)


def test_kernel_is_the_one_of_sgd() -> None:
    for k in range(20):
        teacher, student = drawn(k)
        mine = adaptive_minimum(teacher, student)
        theirs = mx.theory.platonic(teacher, student)
        assert_allclose(mine.kernel, theirs.kernel, rtol=0, atol=1e-12 * theirs.kernel.max())
        p = brute.plain(teacher, student)
        for scale, kernel in zip(mine.layer_scales, brute.kernels(p, mine.weights), strict=True):
            # Rounding, times the condition of inputs and embeddings.
            atol = 1e-9 * np.abs(kernel).max()
            assert_allclose(kernel, scale * mine.kernel, rtol=0, atol=atol)


def test_equal_singular_values_leave_a_rotation_free() -> None:
    """Neurons of two modes that are alike may share them in any way, others may not."""
    teacher = mx.Teacher(np.diag([2.0, 2.0, 1.0]))
    student = mx.EDLN((3,))
    solution = adaptive_minimum(teacher, student)
    p = brute.plain(teacher, student)
    c, s = np.cos(0.7), np.sin(0.7)
    alike = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    unlike = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    same = dense.potential(p, apply_gauge(solution.weights, [alike]))
    assert_allclose(same, solution.potential, rtol=1e-12)
    other = dense.potential(p, apply_gauge(solution.weights, [unlike]))
    assert other / solution.potential - 1 > 1e-3  # shallow, 0.9 % here


@pytest.mark.parametrize(
    ("teacher", "student", "condition"),
    [
        (mx.Teacher(np.eye(2)), mx.EDLN((1,)), "width below rank"),
        (mx.Teacher(np.eye(2), cov_noise=np.diag([1.0, 0.0])), mx.EDLN((2,)), "full-rank noise"),
        (mx.Teacher(np.zeros((2, 2))), mx.EDLN((2,)), "signal"),
    ],
)
def test_conditions_of_the_theorem_are_named(teacher, student, condition) -> None:
    with pytest.raises(mx.ConditionError, match=condition):
        adaptive_minimum(teacher, student)
