"""Multilayer perceptrons as specifications, and what refuses them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.problem import Problem

TEACHER = mx.Teacher.random(4, 3, condition_x=3.0, condition_noise=5.0, seed=1)


def problem(student: mx.MLP | mx.EDLN, loss: str = "squared", source=TEACHER) -> Problem:
    return Problem.of(source, student, loss)


def test_shapes() -> None:
    student = mx.MLP((6, 5), view=np.ones((2, 4)))
    assert (student.activation, student.bias, student.depth) == ("relu", True, 3)
    found = problem(student)
    assert found.dims == (2, 6, 5, 3)
    assert found.layer_shapes == [(6, 3), (5, 7), (3, 6)]
    assert found.num_parameters == 6 * 3 + 5 * 7 + 3 * 6
    assert not found.linear
    assert found.activation == "relu"
    bare = problem(mx.MLP((6, 5), bias=False))
    assert bare.layer_shapes == [(6, 4), (5, 6), (3, 5)]
    assert problem(mx.MLP((6,), activation="identity", bias=False)).linear
    assert not problem(mx.MLP((6,), activation="identity")).linear


def test_whitening_is_folded_into_the_last_map() -> None:
    found = problem(mx.MLP((6,)), "whitened")
    expected = np.linalg.inv(TEACHER.cov_noise)
    assert_allclose(found.embed_out.T @ found.embed_out, expected, rtol=1e-10)  # condition 5
    running = problem(mx.MLP((6,)), "whitened_running")
    assert np.array_equal(running.embed_out, np.eye(3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden": ()}, "at least one hidden layer"),
        ({"hidden": 3}, "a sequence of widths"),
        ({"hidden": (3, 0)}, "hidden[1]: expected an integer >= 1, got 0"),
        ({"hidden": (3,), "activation": "swish"}, "activation: expected one of 'identity', 'relu'"),
        ({"hidden": (3,), "bias": 1}, "bias: expected True or False, got 1"),
        ({"hidden": (3,), "view": [1.0]}, "view matrix"),
    ],
)
def test_bad_input(arguments, message) -> None:
    with pytest.raises(mx.MethexisError) as caught:
        mx.MLP(**arguments)
    assert message in str(caught.value)


def weights_of(student: mx.MLP) -> list[np.ndarray]:
    return [np.ones(shape) for shape in problem(student).layer_shapes]


THEORY = {
    "platonic": lambda s: mx.theory.platonic(TEACHER, s),
    "entropy_bound": lambda s: mx.theory.entropy_bound(TEACHER, s),
    "entropy": lambda s: mx.theory.entropy(TEACHER, s, weights_of(s)),
    "charges": lambda s: mx.theory.charges(TEACHER, s, weights_of(s)),
    "hessian_trace": lambda s: mx.theory.hessian_trace(TEACHER, s, weights_of(s)),
    "sharpness": lambda s: mx.theory.sharpness(TEACHER, s, weights_of(s)),
    "project": lambda s: mx.theory.project(TEACHER, s, weights_of(s)),
    "entropic_flow": lambda s: mx.theory.entropic_flow(TEACHER, s, weights_of(s), lr=0.01, steps=1),
    "slow_drift": lambda s: mx.theory.slow_drift(TEACHER, s, weights_of(s), lr=0.01, steps=1),
    "relaxation": lambda s: mx.theory.relaxation(TEACHER, s, lr=0.01),
    "random_minimum": lambda s: mx.theory.random_minimum(TEACHER, s),
}


@pytest.mark.parametrize("name", THEORY)
@pytest.mark.parametrize(("activation", "bias"), [("relu", False), ("identity", True)])
def test_theory_refuses(name, activation, bias) -> None:
    biases = "with biases" if bias else "without biases"
    with pytest.raises(mx.ConditionError) as caught:
        THEORY[name](mx.MLP((5, 4), activation=activation, bias=bias))
    assert f"got activation '{activation}' {biases}" in str(caught.value)


def test_theory_refuses_cross_entropy() -> None:
    data = mx.Samples(np.eye(3), np.eye(3))
    with pytest.raises(mx.ConditionError, match="got 'cross_entropy'"):
        mx.theory.platonic(data, mx.EDLN((4,)), loss="cross_entropy")


def test_theory_of_a_linear_mlp_is_that_of_the_edln() -> None:
    view = mx.View.random(4, seed=3)
    linear = mx.MLP((5, 4), activation="identity", bias=False, view=view)
    found = mx.theory.platonic(TEACHER, linear, seed=0)
    expected = mx.theory.platonic(TEACHER, mx.EDLN((5, 4), view=view), seed=0)
    assert np.array_equal(found.kernel, expected.kernel)
    assert found.entropy == expected.entropy


def test_theory_of_the_running_whitening_is_that_of_the_known() -> None:
    student = mx.EDLN.random(TEACHER, (5, 4), seed=2)
    found = mx.theory.platonic(TEACHER, student, loss="whitened_running", seed=0)
    expected = mx.theory.platonic(TEACHER, student, loss="whitened", seed=0)
    assert np.array_equal(found.kernel, expected.kernel)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[0.5, 0.5], [1.5, -0.5]], "no negative entry), got -0.5 in row 1"),
        ([[0.5, 0.5], [0.5, 0.4]], "rows that sum to 1), got the sum 0.9 in row 1"),
    ],
)
def test_cross_entropy_wants_class_probabilities(labels, message) -> None:
    with pytest.raises(mx.MethexisError) as caught:
        problem(mx.MLP((3,)), "cross_entropy", mx.Samples(np.eye(2), labels))
    assert message in str(caught.value)
    with pytest.raises(mx.MethexisError, match="expected Samples"):
        problem(mx.MLP((3,)), "cross_entropy")


@pytest.mark.parametrize("bias", [True, False])
def test_weight_scale_has_the_units_of_weights(bias) -> None:
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal((20, 3)), generator.standard_normal((20, 2))
    student = mx.MLP((4, 5), bias=bias)
    base = problem(student, source=mx.Samples(x, y)).weight_scale
    sizes = [np.sqrt((t**2).sum() / 20) for t in (x, y)]
    plain = (sizes[1] / sizes[0]) ** (1 / 3)
    expected = max(plain, sizes[0] * plain, sizes[1]) if bias else plain
    assert_allclose(base, expected, rtol=1e-12)  # rounding
    # f -> c f where x -> x and every layer by c^{1/3}.
    scaled = problem(mx.MLP((4, 5), bias=False), source=mx.Samples(x, 8 * y)).weight_scale
    assert_allclose(scaled, 2 * plain, rtol=1e-12)
    # A bias of a network with large inputs and labels is as large as those.
    large = problem(student, source=mx.Samples(1e6 * x, 1e6 * y)).weight_scale
    assert_allclose(large, 1e6 * max(sizes[1], sizes[0] * plain) if bias else plain, rtol=1e-12)
