"""The Platonic solution: closed forms against brute force, the bound, equipartition, uniqueness."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.layers.charges import charges
from tests.theory import brute

SEED = 20250701
# depth, dim_x, dim_y, rank, spare
SHAPES = [
    (2, 2, 2, 2, 0),
    (2, 4, 3, 2, 3),
    (3, 3, 3, 3, 0),
    (3, 2, 4, 2, 1),
    (3, 4, 4, 1, 2),
    (4, 3, 2, 2, 0),
    (4, 3, 3, 3, 1),
    (4, 4, 3, 2, 2),
]
DISTRIBUTIONS = ["lognormal", "ginibre", "landing"]


@pytest.fixture(scope="module", params=SHAPES, ids=lambda s: "D{}-x{}-y{}-r{}-spare{}".format(*s))
def solved(request):
    """A student, its closed form, and the brute-force minimiser at widths equal to the rank."""
    depth, dim_x, dim_y, rank, spare = request.param
    teacher, student = brute.case(
        SEED + depth, depth=depth, dim_x=dim_x, dim_y=dim_y, rank=rank, spare=spare
    )
    narrow = mx.EDLN((rank,) * (depth - 1), student.embed_in, student.embed_out, student.view)
    p = brute.plain(teacher, narrow)
    start = brute.rank_minimum(p, SEED, narrow.hidden)
    return teacher, student, p, brute.minimise_entropy(p, start)


def test_entropy_is_the_least_on_the_orbit(solved) -> None:
    teacher, student, p, found = solved
    sol = mx.theory.platonic(teacher, student)
    # The minimiser's error enters at second order; 1e-10 leaves 1e4 of rounding for conditioning.
    assert_allclose(sol.entropy, brute.minimum_entropy(p, found), rtol=1e-10)
    # The same by sums over samples, not by the formula that was minimised.
    assert_allclose(sol.entropy, brute.entropy(p, found), rtol=1e-10)


def test_curvature_is_that_of_the_minimiser(solved) -> None:
    teacher, student, p, found = solved
    sol = mx.theory.platonic(teacher, student)
    eigenvalues = np.linalg.eigvalsh(brute.hessian(p, found))
    # First order in the minimiser's error, which Newton's last step bounds by about 1e-12.
    assert_allclose(sol.hessian_trace, eigenvalues.sum(), rtol=1e-10)
    assert_allclose(sol.sharpness, eigenvalues[-1], rtol=1e-10)


def test_kernels_are_those_of_the_minimiser(solved) -> None:
    teacher, student, p, found = solved
    sol = mx.theory.platonic(teacher, student)
    wide = brute.plain(teacher, student)
    expected = brute.kernels(p, found)
    for scale, mine, kernel in zip(
        sol.layer_scales, brute.kernels(wide, sol.weights), expected, strict=True
    ):
        # First order in the minimiser's error, times the condition of the inputs; scale included.
        size = np.abs(kernel).max()
        assert_allclose(mine, kernel, rtol=0, atol=1e-7 * size)
        assert_allclose(scale * sol.kernel, kernel, rtol=0, atol=1e-7 * size)
    assert_allclose(
        mx.theory.universal_kernel(teacher), sol.kernel, rtol=0, atol=1e-12 * sol.kernel.max()
    )  # the same formula in another student's coordinates: rounding only


def test_weights_are_a_balanced_minimum_with_equal_layers(solved) -> None:
    teacher, student, _, _ = solved
    sol = mx.theory.platonic(teacher, student, seed=3)
    p = brute.plain(teacher, student)
    # Rounding of a few products, times the condition (3) of each of three frozen matrices.
    assert_allclose(brute.product(p, sol.weights), p.target, rtol=0, atol=1e-12)
    layers = [p.mass @ (g * g).sum((1, 2)) for g in brute.sample_gradients(p, sol.weights)]
    assert_allclose(layers, sol.layer_entropy, rtol=1e-11)
    assert_allclose(sum(layers), 4 * len(layers) * sol.q, rtol=1e-11)
    # Balance and gap of exact minimisers are rounding of matrices of size one; the gap's root
    # of an eigenvalue near zero may leave 1e-8 of it only where ranks fall, hence 1e-9.
    assert max(mx.theory.balance(teacher, student, sol.weights)) < 1e-11
    for gap in mx.theory.gaps(teacher, student, sol.weights):
        assert abs(gap) < 1e-9 * sol.entropy


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_every_minimum_obeys_the_bound(distribution) -> None:
    excess, misalignment = [], []
    for seed in range(20 if distribution != "landing" else 6):
        depth, spare = 2 + seed % 3, seed % 2
        teacher, student = brute.case(SEED + seed, depth=depth, spare=spare)
        bound = mx.theory.entropy_bound(teacher, student)
        weights = mx.theory.random_minimum(
            teacher, student, seed=seed, spread=0.5, distribution=distribution
        )
        p = brute.plain(teacher, student)
        kernel = mx.theory.universal_kernel(teacher)
        excess.append(float(mx.theory.entropy(teacher, student, weights)) / bound - 1)
        misalignment.append(
            max(1 - brute.alignment(k, kernel, p) for k in brute.kernels(p, weights))
        )
    # Random minima are generic: far from equality and from alignment, not merely above by rounding.
    assert min(excess) > 1e-3
    assert min(misalignment) > 1e-3


@given(seed=st.integers(0, 2**31 - 1), depth=st.integers(2, 4), spread=st.floats(1e-3, 2.0))
@example(seed=0, depth=3, spread=1e-6)
@settings(max_examples=40)
def test_bound_holds_at_any_spread(seed, depth, spread) -> None:
    teacher, student = brute.case(seed, depth=depth, rank=1 + seed % 3)
    p = brute.plain(teacher, student)
    weights = mx.theory.random_minimum(teacher, student, seed=seed, spread=spread)
    bound = mx.theory.entropy_bound(teacher, student)
    # Rounding of S: products of up to five factors whose condition spread e^{4·spread}.
    assert brute.minimum_entropy(p, weights) >= bound * (1 - 1e-10)


@pytest.mark.parametrize("amount", [0.1, 0.01])
@pytest.mark.parametrize("kind", ["scale", "shear"])
def test_equality_only_at_the_platonic_point(kind, amount) -> None:
    teacher, student = brute.case(SEED, depth=3)
    sol = mx.theory.platonic(teacher, student, seed=1)
    generator = np.random.default_rng(SEED)
    direction = np.eye(3)
    if kind == "shear":
        direction = generator.standard_normal((3, 3))
        direction += direction.T - 2 * np.trace(direction) / 3 * np.eye(3)
    direction = direction / np.linalg.norm(direction)
    weights = mx.theory.apply_gauge(sol.weights, [np.eye(3) + amount * direction, np.eye(3)])
    excess = mx.theory.entropy(teacher, student, weights) / sol.entropy - 1
    # Second order in the amount with a coefficient of order one: both bounds are ten times off it.
    assert 0.02 * amount**2 < excess < 20 * amount**2
    p = brute.plain(teacher, student)
    aligned = brute.alignment(brute.kernels(p, weights)[0], sol.kernel, p)
    if kind == "scale":  # alignment alone does not make a minimum Platonic
        assert 1 - aligned < 1e-12
    else:
        assert 1 - aligned > 0.02 * amount**2


def test_unique_up_to_rotations_and_dead_blocks() -> None:
    teacher, student = brute.case(SEED, depth=4, dim_x=4, rank=2, spare=2)
    p = brute.plain(teacher, student)
    first, second = (mx.theory.platonic(teacher, student, seed=s) for s in (1, 2))
    assert np.abs(first.weights[1] - second.weights[1]).max() > 0.1  # other bases
    for a, b in zip(brute.kernels(p, first.weights), brute.kernels(p, second.weights), strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-12 * np.abs(a).max())  # rounding
    # A dead block writes what nobody reads from what nobody writes.
    generator = np.random.default_rng(SEED)
    weights = list(first.weights)
    for i in (1, 2):
        rows = np.linalg.svd(weights[i])[0][:, 2:]
        columns = np.linalg.svd(weights[i])[2][2:].T
        weights[i] = weights[i] + rows @ generator.standard_normal((2, 2)) @ columns.T
    assert_allclose(brute.product(p, weights), p.target, rtol=0, atol=1e-12)
    assert_allclose(brute.entropy(p, weights), first.entropy, rtol=1e-12)
    for a, b in zip(brute.kernels(p, weights), brute.kernels(p, first.weights), strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-12 * np.abs(b).max())
    # The charges do see it: the weights are really different points.
    moved = charges(weights)[1] - charges(first.weights)[1]
    assert np.abs(moved).max() > 0.1


@given(scale_x=st.floats(-8, 8), scale_noise=st.floats(-8, 8), depth=st.integers(2, 4))
@settings(max_examples=25)
def test_units_of_data_and_noise(scale_x, scale_noise, depth) -> None:
    """The q scales as inputs times noise at every depth, K as the root of noise over inputs."""
    teacher, student = brute.case(SEED, depth=depth)
    unit_x, unit_e = 10.0**scale_x, 10.0**scale_noise
    scaled = mx.Teacher(teacher.weight, teacher.cov_x * unit_x, teacher.cov_noise * unit_e)
    # Tx ∝ unit_x, Te ∝ unit_e, p ∝ (unit_x unit_e)^{1/2}, so q ∝ unit_x unit_e at every depth.
    ratio = mx.theory.platonic(scaled, student).q / mx.theory.platonic(teacher, student).q
    assert_allclose(ratio, unit_x * unit_e, rtol=1e-11)  # rounding of logs and roots
    kernel = mx.theory.universal_kernel(scaled) / mx.theory.universal_kernel(teacher)
    assert_allclose(kernel, np.sqrt(unit_e / unit_x), rtol=1e-8)  # entries may be small


def test_singular_inputs() -> None:
    """With a singular Σx all closed forms hold on its range (docs/theory.md §3.5)."""
    teacher, student = brute.case(SEED, depth=3)
    flat = np.linalg.eigh(teacher.cov_x)
    values = flat[0] * np.array([0.0, 1.0, 1.0])
    singular = mx.Teacher(teacher.weight, flat[1] * values @ flat[1].T, teacher.cov_noise)
    sol = mx.theory.platonic(singular, student)
    # The limit of a vanishing direction, whose contribution is of the order of its root.
    nearly = mx.Teacher(teacher.weight, singular.cov_x + 1e-8 * np.eye(3), teacher.cov_noise)
    # sqrt(1e-8) times constants of order one
    assert_allclose(sol.entropy, mx.theory.platonic(nearly, student).entropy, rtol=3e-3)
    assert_allclose(mx.theory.entropy(singular, student, sol.weights), sol.entropy, rtol=1e-11)
