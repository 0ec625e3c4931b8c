"""The best map a student can represent: by regression on a large sample, and by descent."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.attainable import attainable
from methexis.core.layers.products import loss_gradient, predictor
from methexis.theory.platonic import platonic_of

SEED = 20251125
SAMPLES = 400_000


def source() -> mx.Teacher:
    return mx.Teacher.random(5, 3, condition=3.0, condition_x=3.0, noise=0.5, seed=SEED)


def student(kind: str, hidden: tuple[int, ...] = (3, 4)) -> mx.EDLN:
    generator = np.random.default_rng(SEED)
    draw = generator.standard_normal
    return {
        "view": lambda: mx.EDLN(hidden, view=draw((3, 5))),
        "singular embedding": lambda: mx.EDLN(hidden, embed_in=draw((6, 2)) @ draw((2, 5))),
        "private features": lambda: mx.EDLN(hidden, view=mx.View(draw((3, 6)), [[2.0]])),
        "output": lambda: mx.EDLN(hidden, embed_out=draw((3, 2))),
        "narrow": lambda: mx.EDLN((3, 2), embed_in=draw((5, 5)), embed_out=draw((3, 3))),
        "all": lambda: mx.EDLN((1, 3), embed_out=draw((3, 2)), view=draw((3, 5))),
    }[kind]()


KINDS = ["view", "singular embedding", "private features", "output", "narrow", "all"]


@pytest.mark.parametrize("kind", ["view", "singular embedding", "private features"])
def test_regression_on_a_large_sample(kind) -> None:
    """What is seen explains the labels as least squares on many samples finds."""
    teacher, eyes = source(), student(kind)
    problem = mx.core.Problem.of(teacher, eyes)
    best = attainable(problem)
    generator = np.random.default_rng(SEED + 1)
    x = generator.multivariate_normal(np.zeros(len(problem.cov_x)), problem.cov_x, SAMPLES)
    noise = generator.multivariate_normal(np.zeros(3), problem.cov_noise, SAMPLES)
    y = x @ problem.target.T + noise
    seen = x @ problem.embed_in.T
    fit = np.linalg.lstsq(seen, y, rcond=1e-10)[0]
    rest = y - seen @ fit
    # Means over N samples err by N^{-1/2} of numbers of order 1; 6 of those.
    close = 6.0 / np.sqrt(SAMPLES) * np.abs(best.target).max()
    assert_allclose(fit.T @ problem.embed_in, best.target, rtol=0, atol=close)
    size = np.abs(best.cov_noise).max()
    close = 6.0 * np.sqrt(2.0 / SAMPLES) * size
    assert_allclose(rest.T @ rest / SAMPLES, best.cov_noise, rtol=0, atol=close)
    # The residual does not know what was seen: fourth moments factor, too.
    power = np.sum(seen**2, axis=1)
    joint = (power[:, None] * rest).T @ rest / SAMPLES
    spread = np.sqrt(SAMPLES) * np.abs(joint).max()
    assert_allclose(joint, power.mean() * best.cov_noise, rtol=0, atol=60.0 * spread / SAMPLES)


def test_moments_of_a_hand_checked_case() -> None:
    """With y = x1 + 2 x2 and cov(x1, x2) = 1/2: the student who sees x1 learns 1 + 2·½."""
    teacher = mx.Teacher([[1.0, 2.0]], cov_x=[[1.0, 0.5], [0.5, 1.0]], cov_noise=[[0.1]])
    best = attainable(mx.core.Problem.of(teacher, mx.EDLN((1,), view=[[1.0, 0.0]])))
    assert_allclose(best.target, [[2.0, 0.0]], rtol=0, atol=1e-14)
    assert_allclose(best.cov_noise, [[0.1 + 4.0 * 0.75]], rtol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_no_weights_do_better(kind) -> None:
    """Descent from random weights ends at the same map, or higher."""
    problem = mx.core.Problem.of(source(), student(kind))
    best = attainable(problem)
    shapes = problem.layer_shapes

    def layers(theta):
        cuts = np.cumsum([a * b for a, b in shapes])[:-1]
        parts = np.split(theta, cuts)
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def loss(theta):
        gap = predictor(problem, layers(theta)) - problem.target
        gradient = np.concatenate([g.ravel() for g in loss_gradient(problem, layers(theta))])
        return float(np.sum((gap @ problem.cov_x) * gap)), gradient

    missing = best.target - problem.target
    least = float(np.sum((missing @ problem.cov_x) * missing))
    found = []
    for seed in range(6):
        start = np.random.default_rng(seed).standard_normal(problem.num_parameters)
        end = scipy.optimize.minimize(
            loss, start, jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 5000}
        )
        found.append((end.fun, predictor(problem, layers(end.x))))
    lowest, at = min(found, key=lambda f: f[0])
    assert lowest >= least - 1e-12
    assert_allclose(lowest, least, rtol=1e-9)  # flat at the end: rounding of the loss
    root = np.linalg.cholesky(problem.cov_x)
    assert_allclose(at @ root, best.target @ root, rtol=0, atol=1e-5)  # its square root


@pytest.mark.parametrize("loss", ["squared", "whitened"])
def test_an_able_student_is_left_as_it_is(loss) -> None:
    teacher = source()
    problem = mx.core.Problem.of(teacher, mx.EDLN.random(teacher, (3, 4), seed=1), loss)
    best = attainable(problem)
    assert_allclose(best.target, problem.target, rtol=0, atol=1e-12)
    assert_allclose(best.cov_noise, problem.cov_noise, rtol=0, atol=1e-12)


def test_rank_is_cut_on_demand() -> None:
    teacher = source()
    wide, narrow = (mx.EDLN(hidden) for hidden in ((3, 3), (2, 2)))
    cut = attainable(mx.core.Problem.of(teacher, wide), rank=2)
    assert_allclose(cut.target, attainable(mx.core.Problem.of(teacher, narrow)).target, atol=1e-14)
    assert cut.rank == 2


def test_refused() -> None:
    even = mx.Teacher(np.eye(2))
    with pytest.raises(mx.ConditionError, match="expected one best map of rank 1, got equal"):
        attainable(mx.core.Problem.of(even, mx.EDLN((1,))))
    blind = mx.Teacher([[1.0, 0.0]])
    with pytest.raises(mx.ConditionError, match="sees some signal, got none"):
        attainable(mx.core.Problem.of(blind, mx.EDLN((1,), view=[[0.0, 1.0]])))


def test_closed_forms_hold_for_what_is_attainable() -> None:
    """Kernel, balance and bound with the student's own moments, in its own inputs and in all."""
    teacher = source()
    eyes = student("view")
    best = attainable(mx.core.Problem.of(teacher, eyes))
    found = platonic_of(best)
    seen = eyes.view.matrix @ teacher.cov_x @ eyes.view.matrix.T
    own = mx.Teacher(
        teacher.weight @ teacher.cov_x @ eyes.view.matrix.T @ np.linalg.inv(seen),
        seen,
        best.cov_noise,
    )
    expected = mx.theory.platonic(own, mx.EDLN(eyes.hidden))
    kernel = eyes.view.matrix.T @ expected.kernel @ eyes.view.matrix
    # Trace-normalised: Tx is of the whole input in one and of the seen one in the other.
    assert_allclose(found.kernel, kernel, rtol=0, atol=1e-11 * np.abs(kernel).max())
    assert_allclose(found.entropy, expected.entropy, rtol=1e-12)
