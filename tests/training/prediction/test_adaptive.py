"""`Run.predict` of Adam and RMSProp: the path of theory, from where a run is near the minima."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.linalg import flatten

TEACHER = mx.Teacher([[3.0, 1.0], [0.0, 1.0]])
STUDENTS = [mx.EDLN((2,)), mx.EDLN((3, 2))]
STARTS = [mx.theory.random_minimum(TEACHER, s, seed=1, spread=0.4) for s in STUDENTS]
VALLEY = mx.Teacher([[1.0], [0.0]])
#: One step is far from enough to leave the start, of which the gap is rounding.
SHORT = {"steps": 200, "record": [0, 100], "replicas": 2, "seed": 3, "progress": None}


def test_a_path_is_that_of_theory() -> None:
    rule = mx.RMSProp(lr=0.05, beta2=0.98)
    run = mx.train(STUDENTS, TEACHER, rule, init=STARTS, batch=4, **SHORT)
    predicted = run.predict(rtol=1e-6)
    assert set(predicted.names) == {"adaptive drift"}
    assert "0.2 times as fast" in predicted.because[0]  # (1 - 0.98) / (0.05 √4)
    assert_allclose(predicted.slow_time, [0.0, 0.25, 0.5])  # η² t, for every batch size
    for student, start, path in zip(STUDENTS, STARTS, predicted.paths, strict=True):
        expected = mx.theory.adaptive_drift(
            TEACHER, student, start, lr=0.05, beta2=0.98, batch=4, steps=[0, 100, 200], rtol=1e-6
        )
        assert path is not None
        found = flatten([w[:, 0] for w in path.weights])
        # Two integrations of one equation, one of them of two replicas.
        assert_allclose(found, flatten(expected.weights), rtol=0, atol=1e-5)


def test_shuffled_epochs_follow_the_flow() -> None:
    data = TEACHER.product_samples(num_x=4, num_noise=4, seed=0)
    rule = mx.RMSProp(lr=0.002)
    run = mx.train(STUDENTS[0], data, rule, init=[STARTS[0]], sampling="shuffle", **SHORT)
    predicted = run.predict()
    assert predicted.name == "adaptive flow"
    rates = {"lr": 0.002, "steps": [0, 100, 200]}
    expected = mx.theory.adaptive_flow(data, STUDENTS[0], STARTS[0], beta2=0.99, **rates)
    bare = mx.theory.adaptive_flow(data, STUDENTS[0], STARTS[0], **rates)
    apart = flatten(expected.weights) - flatten(bare.weights)
    assert np.abs(apart).max() > 1e-5  # what third moments do in so short a time
    path = predicted.paths[0]
    assert path is not None
    assert_allclose(
        flatten([w[:, 0] for w in path.weights]), flatten(expected.weights), rtol=0, atol=1e-6
    )


def test_a_path_begins_at_the_first_record_near_the_minima() -> None:
    settings = {"replicas": 2, "seed": 3, "progress": None}
    steps = {"steps": 4_000, "record": [0, 1, 2, 2_000]}
    run = mx.train(STUDENTS[0], TEACHER, mx.Adam(lr=0.01), **steps, **settings)
    predicted = run.predict()
    assert any("followed from record 3" in note for note in predicted.notes)
    worst = predicted.worst_pair()
    assert np.isnan(predicted.paths[0].weights[0][:3]).all()
    assert np.isfinite(predicted.paths[0].weights[0][3:]).all()
    assert worst.shape == (5, 2)
    early = mx.train(STUDENTS[0], TEACHER, mx.Adam(lr=0.01), steps=4, **settings).predict()
    assert "no record of the run is near the minima" in early.reason


def test_residuals_that_depend_on_inputs_are_a_reason() -> None:
    data = TEACHER.samples(30, seed=0)
    run = mx.train(STUDENTS[0], data, mx.RMSProp(lr=0.01), sampling="replace", **SHORT)
    assert "residuals do not depend on inputs" in run.predict().reason


def test_what_a_run_strains_is_said() -> None:
    run = mx.train(STUDENTS[0], TEACHER, mx.RMSProp(lr=0.1, beta2=0.9), init=[STARTS[0]], **SHORT)
    notes = " ".join(run.predict().notes)
    assert "steps" in notes
    assert "β2 = 0.9" in notes


def test_replicas_that_are_far_have_no_path_and_do_no_harm() -> None:
    far = [1e60 * w for w in STARTS[0]]
    both = [np.stack(pair) for pair in zip(far, STARTS[0], strict=True)]
    run = mx.train(STUDENTS[0], TEACHER, mx.RMSProp(lr=0.01), init=[both], **SHORT)
    predicted = run.predict()
    assert "of 2 replicas 1 are near the minima there" in predicted.notes
    weights = predicted.paths[0].weights[0]
    assert np.isnan(weights[-1, 0]).all()
    assert np.isfinite(weights[:, 1]).all()


@pytest.mark.parametrize("memory", [0.5, 4.0])
def test_adam_goes_where_it_is_predicted(memory) -> None:
    """One valley, W_1 = 1/a and W_2 = a e_1: the mean charge over replicas, at three slow times.

    What is left at a finite learning rate is linear in it and drops out of twice the mean at half
    the rate less the mean at the whole. Without momentum, since that of the start is none.
    """
    times = (0.1, 0.3, 0.6)
    start = [np.array([[1.5]]), np.array([[1.0 / 1.5], [0.0]])]

    def measured(lr: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        steps = [round(tau / lr**2) for tau in times]
        run = mx.train(
            mx.EDLN((1,)), VALLEY, mx.Adam(lr, beta1=0.0, beta2=1.0 - memory * lr),
            steps=steps[-1], record=[0, *steps], init=[start], replicas=400, seed=seed,
            progress=None, measure=(),
        )  # fmt: skip
        group = run.tree["student_0"]
        first, second = (np.asarray(group[f"weights_{i}"])[1:] for i in (1, 2))
        charge = np.sum(second**2, axis=(-2, -1)) - np.sum(first**2, axis=(-2, -1))
        path = run.predict(replicas=1).paths[0]
        assert path is not None
        a = 1.0 / path.weights[0][1:, 0, 0, 0]
        error = charge.std(axis=1, ddof=1) / np.sqrt(charge.shape[1])
        return charge.mean(axis=1), error, a**2 - 1.0 / a**2

    whole, error, predicted = measured(0.008, 11)
    steps = [round(tau / 0.008**2) for tau in times]
    slow = mx.theory.adaptive_flow(VALLEY, mx.EDLN((1,)), start, lr=0.008, steps=steps)
    unlike = predicted - (slow.weights[0][:, 0, 0] ** -2 - slow.weights[0][:, 0, 0] ** 2)
    half, other, _ = measured(0.004, 12)
    limit, spread = 2 * half - whole, np.hypot(2 * other, error)
    assert np.abs(unlike).max() > 8 * spread.max()  # a long memory would be refuted
    began = 1.5**-2 - 1.5**2
    assert np.all(np.abs(predicted - began) > 20 * spread)  # it has moved, and it can be seen
    # Four standard errors, and of what is linear its square, relative to what has been moved.
    allowed = 4 * spread + (whole - half) ** 2 / np.abs(predicted - began)
    assert np.all(np.abs(limit - predicted) < allowed), (limit - predicted, spread)
