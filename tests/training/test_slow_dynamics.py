"""SGD's mean path against the closed slow dynamics, on a problem small enough for statistics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import methexis as mx

TEACHER = mx.Teacher([[1.0], [0.0]])  # docs/theory.md §4 with s = 1: W = (1/a, a e_1), from a = 1
STUDENT = mx.EDLN(hidden=(1,))
START = [np.array([[1.0]]), np.array([[1.0], [0.0]])]
SLOW_TIMES = [0.05, 0.1, 0.2]
REPLICAS = 1500


def mean_charge(optimiser: mx.SGD, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean over replicas of C = |W_2|² - W_1² at `SLOW_TIMES`, and its standard error.

    Gradient flow keeps C, so it follows the slow dynamics without the fluctuations of the weights.
    """
    effective = optimiser.lr / (1 - optimiser.momentum)
    steps = [round(tau / effective**2) for tau in SLOW_TIMES]
    run = mx.train(
        STUDENT, TEACHER, optimiser, steps=steps[-1], record=steps,
        init=[START], replicas=REPLICAS, seed=seed,
    )  # fmt: skip
    assert np.allclose(run.data["slow_time"], SLOW_TIMES, rtol=1e-12)
    assert run.healthy.all()
    first, second = run.snapshots(0)
    charge = np.sum(second**2, axis=(-2, -1)) - np.sum(first**2, axis=(-2, -1))
    return charge.mean(axis=1), charge.std(axis=1) / np.sqrt(REPLICAS)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.5, False), (0.5, True)])
def test_sgd_follows_the_entropic_flow(momentum: float, nesterov: bool) -> None:
    lr = 0.02 * (1 - momentum)
    sgd = mx.SGD(lr=lr, momentum=momentum, nesterov=nesterov)
    path = mx.theory.entropic_flow(
        TEACHER, STUDENT, START, lr=lr, momentum=momentum,
        steps=[round(tau * (1 - momentum) ** 2 / lr**2) for tau in SLOW_TIMES],
    )  # fmt: skip
    first, second = path.weights
    expected = np.sum(second**2, axis=(-2, -1)) - np.sum(first**2, axis=(-2, -1))
    coarse, coarse_error = mean_charge(sgd, seed=1)
    fine, fine_error = mean_charge(replace(sgd, lr=lr / 2), seed=2)
    # The flow is the limit η → 0; what is left is linear in η, so it drops out of 2·fine - coarse,
    # but for a second order, which is the square of the relative first.
    error = np.sqrt(4 * fine_error**2 + coarse_error**2)
    first_order = np.abs(coarse - expected) / expected
    assert (np.abs(2 * fine - coarse - expected) < 4 * error + first_order**2 * expected).all()
    assert (error < 0.05 * expected).all()  # so that the comparison says something
    assert (first_order < 0.2).all()
    assert expected[-1] > 0.3  # out of 1/√2 at the Platonic point: most of the way


def test_full_batch_stays_where_it_starts() -> None:
    run = mx.train(
        STUDENT, TEACHER, mx.SGD(lr=0.02), steps=2000, sampling="full", init=[START], record=[2000]
    )
    for w, start in zip(run.weights[0], START, strict=True):
        assert np.array_equal(w[0], start)  # a minimum: the exact gradient is exactly zero here
