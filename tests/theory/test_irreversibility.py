"""What does not return: against explicit samples, explicit walks and the laws it must obey."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import methexis as mx
from methexis.core.layers.charges import charges
from methexis.core.linalg import flatten, unflatten
from methexis.core.problem import Problem
from methexis.errors import MethexisError
from methexis.theory.curvature import dense_hessian
from methexis.theory.entropy import entropy_gradient_of
from methexis.theory.irreversibility import (
    noise_share,
    retracing_force,
    return_order,
    unreturned_of,
)
from methexis.theory.moments import gradient_moments
from tests.theory import brute

SHAPES = [(2, 1), (3, 2), (4, 3)]  # depth and seed


def setting(depth: int, seed: int) -> tuple[mx.Samples, mx.EDLN, list[np.ndarray]]:
    """A small product design, so that all batches can be listed, and a minimum of its loss."""
    teacher, student = brute.case(seed, depth=depth, dim_x=2, dim_y=2)
    data = teacher.product_samples(3, 3, seed=seed)
    return data, student, mx.theory.random_minimum(data, student, seed=seed, spread=0.3)


def moved(weights: list[np.ndarray], seed: int) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [w + 0.2 * generator.standard_normal(w.shape) for w in weights]


def batch_gradients(
    plain: brute.Plain, weights: list[np.ndarray], batches: list[tuple[int, ...]]
) -> list[list[np.ndarray]]:
    each = brute.sample_gradients(plain, weights)
    return [[g[list(rows)].mean(axis=0) for g in each] for rows in batches]


@pytest.mark.parametrize(("depth", "seed"), SHAPES)
@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("sampling", ["replace", "shuffle"])
def test_one_step_there_and_back_over_all_batches(
    depth: int, seed: int, batch: int, sampling: str
) -> None:
    data, student, minimum = setting(depth, seed)
    plain = brute.plain(data, student)
    start = moved(minimum, seed)
    rows = range(data.num_samples)
    batches = (
        list(itertools.product(rows, repeat=batch))
        if sampling == "replace"
        else list(itertools.combinations(rows, batch))
    )

    def left(lr: float) -> np.ndarray:
        """Mean over all batches, over η²; even and odd powers of η are in it."""
        total = np.zeros(len(brute.pack(start)))
        for one, there in zip(batches, batch_gradients(plain, start, batches), strict=True):
            far = [w - lr * g for w, g in zip(start, there, strict=True)]
            back = batch_gradients(plain, far, [one])[0]
            total += brute.pack([lr * (b - g) for b, g in zip(back, there, strict=True)])
        return total / len(batches) / lr**2

    # Odd powers cancel between the signs of η, and η² between two sizes.
    found = (4.0 * (left(1e-4) + left(-1e-4)) - (left(2e-4) + left(-2e-4))) / 6.0
    problem = Problem.of(data, student)
    share = noise_share(sampling, batch, data.num_samples)
    expected = flatten(retracing_force(problem, start, share))
    # Rounding is that of gradients of size 10, over η; so large is what is left of order η⁴.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 * np.abs(expected).max())


@pytest.mark.parametrize(("depth", "seed"), SHAPES)
def test_from_a_minimum_it_is_a_function_of_the_hessian(depth: int, seed: int) -> None:
    teacher, student = brute.case(seed, depth=depth)
    weights = mx.theory.random_minimum(teacher, student, seed=seed, spread=0.3)
    problem = Problem.of(teacher, student)
    values, vectors = np.linalg.eigh(dense_hessian(problem, weights))
    spans = np.array([0.1, 1.0, 3.0]) / values[-1]
    slope = flatten(entropy_gradient_of(problem, weights))
    found = flatten(unreturned_of(problem, weights, spans, 0.25))
    for z, span in zip(found, spans, strict=True):
        a = values * span
        phi = np.where(np.abs(a) < 1e-6, 1.0 + a / 2.0, np.expm1(a) / np.where(a == 0.0, 1.0, a))
        expected = -0.125 * span * (vectors @ (phi * (vectors.T @ slope)))
        # The integrator's tolerance is 1e-10 per step.
        np.testing.assert_allclose(z, expected, rtol=0, atol=1e-8 * np.abs(expected).max())


@pytest.mark.parametrize(("depth", "seed"), SHAPES)
def test_each_span_is_what_it_is_alone(depth: int, seed: int) -> None:
    """One way back serves them all: each joins it where its way there ends."""
    data, student, minimum = setting(depth, seed)
    problem, start = Problem.of(data, student), moved(minimum, seed)
    top = np.linalg.eigvalsh(dense_hessian(problem, start))[-1]
    spans = np.array([0.2, 0.9, 2.0]) / top
    together = flatten(unreturned_of(problem, start, spans, 0.5))
    for found, span in zip(together, spans, strict=True):
        alone = flatten(unreturned_of(problem, start, np.array([span]), 0.5))[0]
        # The integrator's tolerance is 1e-10 per step.
        np.testing.assert_allclose(found, alone, rtol=0, atol=1e-8 * np.abs(alone).max())


def test_more_weights_than_a_dense_hessian_can_have() -> None:
    """4,800 at a minimum: a short time there and back leaves ``-(s/2) T ∇S`` and little more."""
    teacher, student = mx.Teacher.random(40, 40, seed=1), mx.EDLN((40, 40))
    weights = mx.theory.balanced_minimum(teacher, student)
    problem = Problem.of(teacher, student)
    curvature = float(mx.theory.sharpness(teacher, student, weights))
    span = 1e-4 / curvature
    found = flatten(unreturned_of(problem, weights, np.array([span]), 1.0))[0]
    slope = flatten(entropy_gradient_of(problem, weights))
    # The next order is half of HT, at most 5e-5.
    np.testing.assert_allclose(
        found, -0.5 * span * slope, rtol=0, atol=1e-4 * span * np.abs(slope).max()
    )


@pytest.mark.parametrize(("depth", "seed"), SHAPES)
def test_exact_descent_elsewhere(depth: int, seed: int) -> None:
    """Of a walk by explicit gradients, with the error halved in powers as the step is."""
    data, student, minimum = setting(depth, seed)
    plain = brute.plain(data, student)
    start = brute.pack(moved(minimum, seed))
    problem = Problem.of(data, student)
    sharpest = np.linalg.eigvalsh(dense_hessian(problem, unflatten(start, problem.dims)))[-1]
    span = 1.0 / sharpest

    def left(steps: int) -> np.ndarray:
        theta, lr = start, span / steps
        for sign in [-1.0] * steps + [1.0] * steps:
            theta = theta + sign * lr * brute.gradient(plain, brute.unpack(theta, plain))
        return (theta - start) / lr

    sizes = [left(n) for n in (16, 32, 64)]
    found = (8.0 * sizes[2] - 6.0 * sizes[1] + sizes[0]) / 3.0
    layers = unflatten(start, problem.dims)
    expected = flatten(unreturned_of(problem, layers, np.array([span]), 0.0))[0]
    # What is left is of order (1/16)³ with coefficients of order one.
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-4 * np.abs(expected).max())
    assert np.abs(sizes[0] - expected).max() > 3e-3 * np.abs(expected).max()  # not without it


@pytest.mark.parametrize(("depth", "seed"), SHAPES)
def test_charges_move_by_twice_their_law(depth: int, seed: int) -> None:
    """(5.24) moves the charges as the law of a step does, both ways, summed."""
    teacher, student = brute.case(seed, depth=depth)
    weights = mx.theory.random_minimum(teacher, student, seed=seed, spread=0.3)
    problem = Problem.of(teacher, student)
    lr, steps = 1e-9, 10
    left = mx.theory.unreturned(teacher, student, weights, lr=lr, steps=steps, batch=2)
    imaginary = [w + 1j * z for w, z in zip(weights, left, strict=True)]  # a complex step
    moments = gradient_moments(problem, weights)
    for i, change in enumerate(charges(imaginary), start=1):
        balance = moments.gradient_in(i + 1) - moments.gradient_out(i)
        expected = 2.0 * steps * lr**2 / 2.0 * balance
        np.testing.assert_allclose(
            change.imag, expected, rtol=0, atol=1e-6 * np.abs(expected).max()
        )


def test_along_the_minima_it_is_twice_the_entropic_flow() -> None:
    teacher, student = brute.case(5, depth=3)
    weights = mx.theory.random_minimum(teacher, student, seed=5, spread=0.3)
    problem = Problem.of(teacher, student)
    values, vectors = np.linalg.eigh(dense_hessian(problem, weights))
    flat = vectors[:, values < 1e-9 * values[-1]]
    span = 0.7 / values[-1]
    z = flatten(unreturned_of(problem, weights, np.array([span]), 1.0))[0]
    path = mx.theory.entropic_flow(teacher, student, weights, lr=1e-4, steps=[1])
    velocity = (flatten([w[0] for w in path.weights]) - flatten(weights)) / 1e-8
    # The flow's path is curved, and its end is polished onto the minima: 1e-8 / 1e-8 times that.
    np.testing.assert_allclose(
        flat.T @ z, 2.0 * span * flat.T @ velocity, rtol=0, atol=1e-4 * np.abs(z).max()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sideways", 1), "sampling: expected one of"),
        (("online", 0), "batch: expected an integer >= 1, got 0"),
        (("shuffle", 2), "expected Samples to shuffle, got a teacher"),
        (("shuffle", 5, 4), r"batch: expected an integer in \[1, 4\], got 5"),
    ],
)
def test_bad_input(arguments: tuple, message: str) -> None:
    with pytest.raises(MethexisError, match=message):
        noise_share(*arguments)


def test_orders_are_odd() -> None:
    assert [return_order(p) for p in range(1, 9)] == [1, 3, 3, 5, 5, 7, 7, 9]
    with pytest.raises(MethexisError, match="order: expected an integer >= 1, got 0"):
        return_order(0)
