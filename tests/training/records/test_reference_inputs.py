"""Reference inputs, and what is measured on them, against Gram matrices and loops over samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.checks import Array
from methexis.core.layers.geometry import gram_cosines
from methexis.core.layers.products import hidden_maps
from methexis.theory.entropy import loss_of
from methexis.training.plan import Plan, make_plan
from methexis.training.records import reference_inputs
from methexis.training.records.reference_inputs import NUM_INPUTS, ReferenceInputs

NETWORKS = 3


def plan_for(students: Any, source: Any, loss: str = "squared", seed: int = 0) -> Plan:
    return make_plan(
        students, source, mx.SGD(lr=0.01), steps=1, batch=1,
        sampling="online" if isinstance(source, mx.Teacher) else "shuffle", paired=True, loss=loss,
        init=mx.init.gaussian(), replicas=NETWORKS, seed=seed, dtype="float64", record=[0],
        engine="auto",
    )  # fmt: skip


def inputs_of(plan: Plan) -> ReferenceInputs:
    return ReferenceInputs(plan, plan.problems)


def random_weights(plan: Plan, seed: int = 1) -> list[list[Array]]:
    generator = np.random.default_rng(seed)
    return [
        [generator.standard_normal((NETWORKS, *shape)) for shape in problem.layer_shapes]
        for problem in plan.problems
    ]


def classes(num: int = 40) -> mx.Samples:
    generator = np.random.default_rng(2)
    return mx.Samples.classes(generator.standard_normal((num, 4)), generator.integers(0, 3, num))


def test_all_rows_of_a_small_data_set() -> None:
    data = classes()
    plan = plan_for(mx.MLP((5,), view=np.diag([1.0, 2.0, 3.0, 4.0])), data)
    references = inputs_of(plan)
    assert np.array_equal(references.inputs[0], (data.x * [1.0, 2.0, 3.0, 4.0]).T)
    assert np.array_equal(references.labels[0], data.y.T)


@pytest.mark.parametrize("count", [1025, 5000])
def test_evenly_spread_rows_of_a_large_one(count: int) -> None:
    numbers = np.arange(float(count))[:, None]
    references = inputs_of(plan_for(mx.MLP((2,)), mx.Samples(numbers, numbers)))
    rows = references.inputs[0][0]
    assert len(np.unique(rows)) == len(rows) == NUM_INPUTS
    assert (rows[0], rows[-1]) == (0, count - 1)
    gaps = np.diff(rows)
    assert gaps.max() - gaps.min() <= 1


@pytest.mark.parametrize("law", ["gaussian", "student_t"])
def test_draws_of_a_teacher(law: str) -> None:
    teacher = mx.Teacher.random(4, 2, condition_x=3.0, law_x=law, seed=1)
    private = np.array([[1.0, 0.3], [0.3, 0.5]])
    students = [mx.MLP((5,)), mx.MLP((5,), view=mx.View(private_cov=private))]
    references = inputs_of(plan_for(students, teacher))
    first, second = references.inputs
    assert first.shape[1] == NUM_INPUTS
    assert np.array_equal(second[:4], first)  # students see the same, and private features
    moment = np.zeros((6, 6))
    moment[:4, :4], moment[4:, 4:] = teacher.cov_x, private
    assert_allclose(second @ second.T / NUM_INPUTS, moment, rtol=0, atol=1e-12)  # rounding
    assert np.array_equal(first, inputs_of(plan_for(students, teacher, seed=7)).inputs[0])
    kurtosis = np.mean(first[0] ** 4) / np.mean(first[0] ** 2) ** 2
    assert (kurtosis > 4) == (law == "student_t")  # the shape of the law is left
    assert_allclose(references.noise[0], np.trace(teacher.cov_noise))


def test_many_inputs_have_more_draws() -> None:
    teacher = mx.Teacher(np.ones((1, 300)))
    inputs = inputs_of(plan_for(mx.MLP((2,)), teacher)).inputs[0]
    assert inputs.shape[1] == 1200
    assert_allclose(inputs @ inputs.T / 1200, np.eye(300), rtol=0, atol=1e-11)  # rounding


def test_measured_as_in_plain_loops() -> None:
    data = classes()
    students = [
        mx.MLP((5, 3), activation="tanh"),
        mx.EDLN((4,), embed_out=np.random.default_rng(4).standard_normal((3, 2))),
        mx.MLP((6,), activation="relu", bias=False),
    ]
    plan = plan_for(students, data, "cross_entropy")
    weights = random_weights(plan)
    on_inputs = inputs_of(plan).measure(weights)
    alignments, losses = on_inputs.alignments, on_inputs.losses
    for n in range(NETWORKS):
        grams = []
        for k, student in enumerate(students):
            costs, right, hidden = [], [], []
            for x, y in zip(data.x, data.y, strict=True):
                h, layers = x, []
                for i, w in enumerate(weights[k]):
                    one = isinstance(student, mx.MLP) and student.bias
                    h = w[n] @ np.append(h, 1.0) if one else w[n] @ h
                    if k == 0 and i < 2:
                        h = np.tanh(h)
                    if k == 2 and i < 1:
                        h = np.maximum(h, 0)
                    layers.append(h)
                f = students[1].embed_out @ h if k == 1 else h
                shares = np.exp(f) / np.exp(f).sum()
                costs.append(-np.log(shares[np.argmax(y)]))
                right.append(np.argmax(f) == np.argmax(y))
                hidden.append(layers[:-1])
            assert_allclose(losses[k]["loss"][n], np.mean(costs), rtol=1e-12)  # rounding
            assert losses[k]["accuracy"][n] == pytest.approx(np.mean(right), abs=1e-15)
            for i in range(len(hidden[0])):
                features = np.array([row[i] for row in hidden])
                grams.append(features @ features.T)
        for a, gram in enumerate(grams):
            for b, other in enumerate(grams):
                expected = np.sum(gram * other) / np.linalg.norm(gram) / np.linalg.norm(other)
                assert_allclose(alignments[n, a, b], expected, rtol=1e-12)


@pytest.mark.parametrize("loss", ["squared", "whitened"])
@pytest.mark.parametrize("kind", ["teacher", "samples"])
def test_linear_students_are_measured_exactly(loss: str, kind: str) -> None:
    teacher = mx.Teacher.random(3, 2, condition_x=3.0, law_x="laplace", seed=1)
    source = teacher if kind == "teacher" else teacher.samples(50, seed=2)
    students = [mx.EDLN.random(source, (4, 3), seed=3), mx.EDLN.random(source, (5,), seed=4)]
    plan = plan_for(students, source, loss)
    weights = random_weights(plan)
    on_inputs = inputs_of(plan).measure(weights)
    alignments, losses = on_inputs.alignments, on_inputs.losses
    maps = [h for p, w in zip(plan.problems, weights, strict=True) for h in hidden_maps(p, w)]
    # Moments of 1024 draws agree to rounding, times the conditions of the random embeddings.
    assert_allclose(alignments, gram_cosines(maps, source.cov_x), rtol=0, atol=1e-11)
    for problem, layers, found in zip(plan.problems, weights, losses, strict=True):
        assert_allclose(found["loss"], loss_of(problem, layers), rtol=1e-11)
        assert set(found) == {"loss"}


def test_whitened_loss_of_a_nonlinear_student() -> None:
    teacher = mx.Teacher.random(3, 2, condition_noise=5.0, seed=1)
    data = teacher.samples(30, seed=2)
    plan = plan_for(mx.MLP((4,)), data, "whitened")
    weights = random_weights(plan)
    losses = inputs_of(plan).measure(weights).losses
    inverse = np.linalg.inv(data.cov_noise)
    w, last = weights[0]
    for n in range(NETWORKS):
        h = np.maximum(data.x @ w[n, :, :-1].T + w[n, :, -1], 0)
        # The problem's last layer is trained in the coordinates of the labels.
        rest = h @ last[n, :, :-1].T + last[n, :, -1] - data.y
        expected = np.mean(np.einsum("na,ab,nb->n", rest, inverse, rest))
        assert_allclose(losses[0]["loss"][n], expected, rtol=1e-11)  # condition of the noise


def test_spectra() -> None:
    data = classes()
    plan = plan_for(mx.MLP((5, 3), activation="gelu"), data)
    weights = random_weights(plan)[0]
    weights[0][1, 0, 0] = np.nan
    found = inputs_of(plan).measure([weights]).spectra[0]
    hidden = reference_inputs.layer_outputs(plan.problems[0], weights, data.x.T)[1:-1]
    for values, h in zip(found, hidden, strict=True):
        assert np.isnan(values[1]).all()
        for n in (0, 2):
            expected = np.linalg.svd(h[n], compute_uv=False) ** 2 / len(data.x)
            assert_allclose(values[n], expected, rtol=0, atol=1e-13 * expected[0])


def test_silent_layers_and_lost_networks_are_nan() -> None:
    plan = plan_for(mx.MLP((5, 3), bias=False), classes(), "cross_entropy")
    weights = random_weights(plan)
    weights[0][1][1] = 0.0  # the second hidden layer of network 1 says nothing
    weights[0][0][2] = np.nan
    with np.errstate(invalid="ignore"):
        on_inputs = inputs_of(plan).measure(weights)
        alignments, losses = on_inputs.alignments, on_inputs.losses
    assert np.isfinite(alignments[0]).all()
    assert np.isfinite(alignments[1, 0, 0])
    assert np.isnan(alignments[1, 1]).all()
    assert np.isnan(alignments[2]).all()
    for values in losses[0].values():
        assert np.isfinite(values[:2]).all()
        assert np.isnan(values[2])


def test_parts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_for([mx.MLP((5, 3)), mx.MLP((4,), activation="softplus")], classes())
    weights = random_weights(plan)
    whole = inputs_of(plan).measure(weights)
    monkeypatch.setattr(reference_inputs, "_BLOCK_BYTES", 1)
    parts = inputs_of(plan).measure(weights)
    assert np.array_equal(whole.alignments, parts.alignments)
    for a, b in zip(whole.losses, parts.losses, strict=True):
        assert np.array_equal(a["loss"], b["loss"])
    for ours, theirs in zip(whole.spectra, parts.spectra, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert np.array_equal(a, b)
