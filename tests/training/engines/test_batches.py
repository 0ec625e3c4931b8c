"""What students see: epochs, and the law of the samples behind the gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.training.engines.batches import batches
from methexis.training.engines.reference import ReferenceEngine
from methexis.training.plan import Plan, make_plan


def plan_for(students: Any, source: Any, **changes: Any) -> Plan:
    settings: dict[str, Any] = {
        "optimiser": mx.SGD(lr=0.01), "steps": 100, "batch": 1, "sampling": "online",
        "paired": True, "loss": "squared", "init": mx.init.gaussian(), "replicas": 1, "seed": 0,
        "dtype": "float64", "record": [0], "engine": "auto",
    }  # fmt: skip
    return make_plan(students, source, **(settings | changes))


@pytest.mark.parametrize("batch", [1, 3, 5, 7])
@pytest.mark.parametrize("paired", [True, False])
def test_every_epoch_shows_every_sample_once(batch: int, paired: bool) -> None:
    count, num_steps = 7, 70  # 10 · batch whole epochs
    numbers = np.arange(1.0, count + 1)[:, None]
    source = mx.Samples(numbers, -numbers)
    students = [mx.EDLN(hidden=(1,))] * 2
    plan = plan_for(
        students, source, sampling="shuffle", batch=batch, replicas=3, paired=paired, seed=4
    )
    draw = batches(plan)
    blocks = [draw(first, 10) for first in range(0, num_steps, 10)]
    seen = []
    for k in range(2):
        inputs = np.concatenate([b[k][0] for b in blocks])  # (step, replica, 1, batch)
        labels = np.concatenate([b[k][1] for b in blocks])
        assert np.array_equal(labels, -2.0 / batch * inputs)  # t = (2/B) Mᵀ y; rows stay paired
        epochs = inputs[:, :, 0].swapaxes(0, 1).reshape(3, -1, count)
        assert np.array_equal(
            np.sort(epochs, axis=-1), np.broadcast_to(numbers[:, 0], epochs.shape)
        )
        seen.append(epochs)
    orders = {tuple(order) for order in seen[0].reshape(-1, count)}
    assert len(orders) > 0.9 * 3 * 10 * batch  # of 5040: epochs and replicas have their own
    assert np.array_equal(seen[0], seen[1]) == paired


def test_replacement_repeats_samples() -> None:
    numbers = np.arange(1.0, 8.0)[:, None]
    plan = plan_for(
        [mx.EDLN(hidden=(1,))], mx.Samples(numbers, numbers), sampling="replace", batch=7
    )
    ((inputs, _),) = batches(plan)(0, 100)
    repeats = [len(np.unique(step)) < 7 for step in inputs]
    assert np.mean(repeats) > 0.9  # one batch in 160 has no repeat: 7!/7⁷ = 0.006


@pytest.mark.parametrize("loss", ["squared", "whitened"])
def test_mean_gradient_and_entropy(students: list[mx.EDLN], loss: str) -> None:
    teacher = mx.Teacher.random(
        dim_x=3, dim_y=2, noise=0.5, condition_x=3.0, condition_noise=4.0, seed=1
    )
    student, replicas = students[0], 20_000
    generator = np.random.default_rng(1)
    start = [generator.standard_normal(s) for s in ((4, 3), (3, 4), (2, 3))]
    lr = 2.0**-10  # a power of two: dividing by it rounds nothing
    plan = plan_for(
        [student], teacher, optimiser=mx.SGD(lr=lr), init=[start], replicas=replicas, loss=loss
    )
    engine = ReferenceEngine(plan)
    state = engine.start()
    engine.advance(state, 1)
    gradients = [(w - moved) / lr for w, moved in zip(start, state.weights[0], strict=True)]
    full = ReferenceEngine(
        plan_for(
            [student], teacher, optimiser=mx.SGD(lr=lr), init=[start], sampling="full", loss=loss
        )
    )
    exact_state = full.start()
    full.advance(exact_state, 1)
    exact = [(w - moved[0]) / lr for w, moved in zip(start, exact_state.weights[0], strict=True)]
    for g, e in zip(gradients, exact, strict=True):
        error = g.std(axis=0) / np.sqrt(replicas)  # of a mean of independent replicas
        assert (np.abs(g.mean(axis=0) - e) < 5 * error).all()  # 29 entries, P(5 σ) = 6e-7 each
        assert (error < 0.2 * np.abs(e).max()).all()  # so that the comparison says something
    squares = sum(np.sum(g**2, axis=(-2, -1)) for g in gradients)
    expected = mx.theory.entropy(teacher, student, start, loss=loss)
    assert abs(squares.mean() - expected) < 5 * squares.std() / np.sqrt(replicas)
    # Without the fourth-moment term of Gaussian inputs the entropy would be off by more than that.
    assert squares.std() / np.sqrt(replicas) < 0.05 * expected
