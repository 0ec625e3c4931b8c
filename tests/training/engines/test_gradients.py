"""Gradients of every loss, activation and bias, against complex steps through plain loops.

The loops share nothing with the package but the random streams: no folding of views, labels or
metric, no batching, and activation functions of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from scipy.special import erf

import methexis as mx
from methexis.core.checks import Array
from methexis.training.engines.batches import batches
from methexis.training.engines.gradients import Gradients, start_residual_cov
from methexis.training.engines.reference import ReferenceEngine
from methexis.training.plan import Plan, make_plan

BATCH = 3
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda z: z,
    "relu": lambda z: np.where(z.real > 0, z, 0),
    "leaky_relu": lambda z: np.where(z.real > 0, z, 0.01 * z),
    "tanh": np.tanh,
    "gelu": lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "softplus": lambda z: np.log(1 + np.exp(z)),
}
LOSSES = ("squared", "whitened", "whitened_running", "cross_entropy")


def predict(slow: Any, weights: Sequence[Array], x: Array) -> Array:
    """Prediction for one input, from the definition of the student."""
    student = slow.student
    mlp = isinstance(student, mx.MLP)
    h = slow.embed_in @ (slow.view @ x)
    for i, w in enumerate(weights):
        h = w[:, :-1] @ h + w[:, -1] if mlp and student.bias else w @ h
        if mlp and i < len(weights) - 1:
            h = ACTIVATIONS[student.activation](h)
    return slow.embed_out @ h


def sample_loss(slow: Any, weights: Sequence[Array], x: Array, y: Array, precision: Any) -> Any:
    """Loss of one sample, complex where the weights are."""
    f, label = predict(slow, weights, x), slow.labels @ y
    if slow.loss == "cross_entropy":
        return -sum(c * (f_c - np.log(np.sum(np.exp(f)))) for c, f_c in zip(label, f, strict=True))
    metric = slow.metric if precision is None else precision
    return (f - label) @ metric @ (f - label)


def complex_gradients(slow: Any, weights: list[Array], precision: Any = None) -> list[Array]:
    """Mean gradient over the step's samples, one complex step per weight."""
    samples = list(slow.samples())
    result = []
    for i, w in enumerate(weights):
        gradient = np.zeros_like(w)
        for place in np.ndindex(w.shape):
            moved = [v.astype(complex) for v in weights]
            moved[i][place] += 1e-30j
            gradient[place] = sum(
                share * sample_loss(slow, moved, x, y, precision).imag / 1e-30
                for share, x, y in samples
            )
        result.append(gradient)
    return result


def data_for(loss: str) -> mx.Samples:
    generator = np.random.default_rng(3)
    x, y = generator.standard_normal((11, 3)), generator.standard_normal((11, 2))
    if loss == "cross_entropy":
        y = np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
    return mx.Samples(x, y)


def view_for(loss: str) -> mx.View:
    # Class probabilities stay such under a map whose columns are probabilities.
    labels = [[0.9, 0.2], [0.1, 0.8]] if loss == "cross_entropy" else [[1.0, 0.5], [-0.5, 2.0]]
    return mx.View(np.random.default_rng(4).standard_normal((4, 3)), label_matrix=labels)


def setting(student: Any, source: Any, loss: str, sampling: str) -> Plan:
    return make_plan(
        [student, student], source, mx.SGD(lr=0.01), steps=8, batch=BATCH, sampling=sampling,
        paired=False, loss=loss, init=mx.init.gaussian(), replicas=[0, 3], seed=5,
        dtype="float64", record=[0], engine="auto",
    )  # fmt: skip


def slow_for(slow_sgd: Any, plan: Plan, k: int, replica: int, **changes: Any) -> Any:
    loss = "squared" if plan.loss == "whitened_running" else plan.loss
    slow = slow_sgd(
        plan.students[k], plan.source, plan.optimiser, [], steps=plan.steps, batch=BATCH,
        sampling=plan.sampling, paired=False, loss=loss, number=k, replica=replica, seed=5,
    )  # fmt: skip
    slow.loss = plan.loss
    return slow


def random_weights(plan: Plan, k: int) -> list[Array]:
    """Weights and biases ``(replica, d_i, d_{i-1} + bias)`` away from zero."""
    generator = np.random.default_rng(7 + k)
    return [0.7 * generator.standard_normal((2, *shape)) for shape in plan.problems[k].layer_shapes]


def precision_for(loss: str) -> Array | None:
    """One precision matrix per replica."""
    if loss != "whitened_running":
        return None
    return np.array([[[2.0, 0.3], [0.3, 1.0]], [[0.5, -0.2], [-0.2, 3.0]]])


def check(slow_sgd: Any, student: Any, source: Any, loss: str, sampling: str) -> None:
    plan = setting(student, source, loss, sampling)
    engine = ReferenceEngine(plan)
    assert engine.draw is not None
    step = 2
    blocks = engine.draw(step, 1)
    precision = precision_for(loss)
    for k in range(2):
        weights = random_weights(plan, k)
        block = (blocks[k][0][0], blocks[k][1][0])
        found = engine.gradients(k, weights, block, precision)
        for r, replica in enumerate((0, 3)):
            slow = slow_for(slow_sgd, plan, k, replica)
            slow.at = step
            one = None if precision is None else precision[r]
            expected = complex_gradients(slow, [w[r] for w in weights], one)
            for g, e in zip(found, expected, strict=True):
                # Complex steps have no truncation error; some 10² roundings of products of a few.
                assert_allclose(g[r], e, rtol=0, atol=1e-13 * max(1.0, np.abs(e).max()))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("bias", [True, False])
def test_every_loss_activation_and_bias(
    slow_sgd: Any, activation: str, loss: str, bias: bool
) -> None:
    student = mx.MLP((4, 3), activation=activation, bias=bias, view=view_for(loss))
    check(slow_sgd, student, data_for(loss), loss, "replace")


@pytest.mark.parametrize("loss", LOSSES)
def test_embedded_students(slow_sgd: Any, loss: str) -> None:
    generator = np.random.default_rng(8)
    embed_in, embed_out = generator.standard_normal((5, 4)), generator.standard_normal((2, 3))
    student = mx.EDLN((4, 3), embed_in, embed_out, view_for(loss))
    check(slow_sgd, student, data_for(loss), loss, "shuffle")


@pytest.mark.parametrize("loss", LOSSES)
def test_whole_data_set(slow_sgd: Any, loss: str) -> None:
    student = mx.MLP((4, 3), activation="tanh", view=view_for(loss))
    check(slow_sgd, student, data_for(loss), loss, "full")


@pytest.mark.parametrize("loss", ["squared", "whitened", "whitened_running"])
def test_fresh_samples(slow_sgd: Any, teacher: mx.Teacher, loss: str) -> None:
    view = mx.View(
        np.random.default_rng(9).standard_normal((4, 5)),
        private_cov=[[1.0, 0.3], [0.3, 0.5]],
        label_matrix=[[1.0, 0.5], [-0.5, 2.0]],
    )
    check(slow_sgd, mx.MLP((4, 3), activation="gelu", view=view), teacher, loss, "online")


def test_whole_data_set_of_a_linear_student_is_its_exact_gradient() -> None:
    data = data_for("squared")
    student = mx.EDLN.random(data, (4, 3), seed=1)
    plan = replace(setting(student, data, "squared", "full"), batch=data.num_samples)
    gradients = Gradients(plan.problems, plan.batch, "float64")
    weights = random_weights(plan, 0)
    inputs, labels = batches(plan)(0, 1)[0]
    by_rows = gradients(0, weights, (inputs[0], labels[0]))
    for g, e in zip(by_rows, gradients.exact(0, weights), strict=True):
        assert_allclose(g, e, rtol=0, atol=1e-13 * np.abs(e).max())  # the same sums, otherwise


def test_running_whitening_is_one_step_of_a_mean(slow_sgd: Any) -> None:
    data = data_for("whitened_running")
    student = mx.MLP((4, 3), view=view_for("whitened_running"))
    plan = setting(student, data, "whitened_running", "replace")
    engine = ReferenceEngine(plan)
    assert engine.draw is not None
    inputs, labels = engine.draw(0, 1)[1]
    weights = random_weights(plan, 1)
    sigma = start_residual_cov(plan.problems[1], np.array([0.0, 0.5]))
    phi = student.view.label_matrix
    y = data.y @ phi.T
    expected = [y.T @ y / len(y) + noise * phi @ phi.T for noise in (0.0, 0.25)]
    assert_allclose(sigma, expected, rtol=1e-14)  # rounding
    before = sigma.copy()
    precision = engine.gradients.whiten(1, weights, (inputs[0], labels[0]), sigma)
    for r, replica in enumerate((0, 3)):
        ridge = 1e-6 * np.trace(before[r]) / 2
        inverse = np.linalg.inv(before[r] + ridge * np.eye(2))
        assert_allclose(precision[r], inverse, rtol=1e-13)  # rounding, well conditioned
        slow = slow_for(slow_sgd, plan, 1, replica)
        moment = np.zeros((2, 2))
        for share, x, label in slow.samples():
            rest = predict(slow, [w[r] for w in weights], x) - slow.labels @ label
            moment += share * np.outer(rest, rest)
        rate = BATCH / (100 * 2)
        expected = before[r] + rate * (moment - before[r])
        assert_allclose(sigma[r], expected, rtol=0, atol=1e-13 * np.abs(expected).max())


def test_running_whitening_survives_lost_networks_and_perfect_ones() -> None:
    data = data_for("whitened_running")
    plan = setting(mx.MLP((4, 3)), data, "whitened_running", "replace")
    gradients = Gradients(plan.problems, BATCH, "float64")
    weights = random_weights(plan, 0)
    weights[0][0] = np.nan
    sigma = np.stack([np.eye(2), np.zeros((2, 2))])
    block = (np.zeros((2, 3, BATCH)), np.zeros((2, 2, BATCH)))
    for w in weights:
        w[1] = 0.0
    precision = gradients.whiten(0, weights, block, sigma)
    assert np.array_equal(sigma, [np.eye(2), np.zeros((2, 2))])
    assert np.array_equal(precision[1], np.eye(2))


@pytest.mark.parametrize("sampling", ["online", "replace", "shuffle", "full"])
@pytest.mark.parametrize("loss", ["squared", "whitened_running"])
@pytest.mark.parametrize("paired", [True, False])
def test_whole_steps(
    slow_sgd: Any, teacher: mx.Teacher, sampling: str, loss: str, paired: bool
) -> None:
    """Label noise, running whitening and students of both kinds, over some steps."""
    source = teacher if sampling == "online" else data_for(loss)
    students: list[Any] = [
        mx.MLP((4, 3), activation="tanh", view=view_for(loss)),
        mx.EDLN.random(source, (4,), condition=2.0, seed=3),
    ]
    steps, lr, noises = 6, 0.01, [0.0, 0.7]
    plan = make_plan(
        students, source, mx.SGD(lr=lr), steps=steps, batch=BATCH, sampling=sampling,
        paired=paired, loss=loss, init=mx.init.gaussian(), replicas=[3], seed=5, dtype="float64",
        record=[0], engine="auto", label_noise=xr.DataArray(noises, dims="sigma"),
    )  # fmt: skip
    assert plan.batch == (len(source.x) if sampling == "full" else BATCH)
    engine = ReferenceEngine(plan)
    state = engine.start()
    engine.advance(state, 2)  # the cut must not matter
    engine.advance(state, steps)
    for k, student in enumerate(students):
        for n, noise in enumerate(noises):
            slow = slow_sgd(
                student, source, plan.optimiser, [], steps=steps, batch=BATCH, sampling=sampling,
                paired=paired, label_noise=noise, number=k, replica=3, seed=5,
            )  # fmt: skip
            slow.loss = loss
            weights = [w[n].copy() for w in plan.start[k]]
            phi = slow.labels
            labels = phi @ (slow.slope @ source.cov_x @ slow.slope.T + source.cov_noise) @ phi.T
            sigma = labels + noise**2 * phi @ phi.T
            size = len(sigma)
            for slow.at in range(steps):
                precision = None
                if loss == "whitened_running":
                    ridge = 1e-6 * np.trace(sigma) / size * np.eye(size)
                    precision = np.linalg.inv(sigma + ridge)
                    moment = np.zeros_like(sigma)
                    for share, x, y in slow.samples():
                        rest = predict(slow, weights, x) - phi @ y
                        moment += share * np.outer(rest, rest)
                    sigma = sigma + plan.batch / (100 * size) * (moment - sigma)
                gradients = complex_gradients(slow, weights, precision)
                weights = [w - lr * g for w, g in zip(weights, gradients, strict=True)]
            for found, expected in zip(state.weights[k], weights, strict=True):
                # The same sums in another order, a few hundred roundings per step.
                assert_allclose(found[n], expected, rtol=0, atol=1e-12 * np.abs(expected).max())
            if loss == "whitened_running":
                assert_allclose(state.residual_cov[k][n], sigma, rtol=0, atol=1e-12 * size)


def test_running_whitening_of_large_batches_forgets_half_at_most() -> None:
    data = data_for("whitened_running")
    plan = setting(mx.MLP((4, 3)), data, "whitened_running", "replace")
    weights = [np.zeros_like(w) for w in random_weights(plan, 0)]
    sigma = np.stack([np.eye(2), np.eye(2)])
    block = (np.zeros((2, 3, 1000)), np.ones((2, 2, 1000)))
    Gradients(plan.problems, 1000, "float64").whiten(0, weights, block, sigma)
    assert_allclose(sigma[0], [[1.0, 0.5], [0.5, 1.0]], rtol=1e-12)


def test_noise_is_refused_where_it_makes_no_sense(teacher: mx.Teacher) -> None:
    def plan(source: Any, **changes: Any) -> Plan:
        settings: dict[str, Any] = {
            "optimiser": mx.SGD(lr=0.01), "steps": 1, "batch": 1, "sampling": "full",
            "paired": True, "loss": "squared", "init": mx.init.gaussian(), "replicas": 1,
            "seed": 0, "dtype": "float64", "record": None, "engine": "auto", "label_noise": 0.5,
        }  # fmt: skip
        return make_plan(mx.EDLN((4,)), source, **(settings | changes))

    data = data_for("cross_entropy")
    with pytest.raises(mx.MethexisError, match="noise are no class probabilities"):
        plan(data, loss="cross_entropy")
    with pytest.raises(mx.MethexisError, match="with a teacher and label noise, got 'full'"):
        plan(teacher)
    with pytest.raises(mx.MethexisError, match="with label noise, got GradientFlow"):
        plan(data, optimiser=mx.GradientFlow(lr=0.1))
    with pytest.raises(mx.MethexisError, match="expected all zero or all positive"):
        plan(data, label_noise=xr.DataArray([0.0, 0.1], dims="sigma"))
    noisy = plan(data)
    assert (noisy.exact, noisy.from_moments, noisy.batch) == (False, False, len(data.x))
    still = plan(data, label_noise=0.0)
    assert (still.exact, still.from_moments, still.batch) == (True, True, 1)
    whole = plan(data, label_noise=0.0, loss="cross_entropy")
    assert (whole.exact, whole.from_moments, whole.batch) == (True, False, len(data.x))


def test_an_exact_gradient_is_asked_for_in_vain(teacher: mx.Teacher) -> None:
    with pytest.raises(mx.MethexisError, match="make a data set first"):
        setting(mx.MLP((4, 3)), teacher, "squared", "full")
    with pytest.raises(mx.MethexisError, match="got GradientFlow"):
        make_plan(
            mx.MLP((4, 3)), teacher, mx.GradientFlow(lr=0.1), steps=1, batch=1, sampling="full",
            paired=True, loss="squared", init=mx.init.gaussian(), replicas=1, seed=0,
            dtype="float64", record=None, engine="auto",
        )  # fmt: skip


@pytest.mark.parametrize("init", [mx.init.gaussian(1.5), mx.init.orthogonal(1.5)])
def test_initialisers_start_with_zero_biases(init: Any) -> None:
    teacher = mx.Teacher.random(3, 2, seed=0)
    settings: dict[str, Any] = {"number": 1, "seed": 4, "replicas": [0, 2], "loss": "squared"}
    with_bias = init(teacher, mx.MLP((4, 3)), **settings)
    without = init(teacher, mx.EDLN((4, 3)), **settings)
    for w, v in zip(with_bias, without, strict=True):
        assert np.array_equal(w[..., :-1], v)
        assert np.all(w[..., -1] == 0.0)


@pytest.mark.parametrize("name", ["balanced", "platonic_point", "random_minima"])
def test_initialisers_at_a_minimum_refuse_nonlinear_students(name: str) -> None:
    init = getattr(mx.init, name)()
    with pytest.raises(mx.ConditionError, match="without activation function"):
        init(
            mx.Teacher.random(3, 2, seed=0), mx.MLP((4, 3)),
            number=0, seed=0, replicas=[0], loss="squared",
        )  # fmt: skip
