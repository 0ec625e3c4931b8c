"""Weight decay on the minima: its fixed point against the charge law, by independent roads."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx
from tests.theory import brute

TEACHER = mx.Teacher.random(3, 3, condition=3.0, noise=1.0, condition_x=2.0, seed=4)
STUDENTS = (
    mx.EDLN.random(TEACHER, (3,), condition=1.7, seed=1),
    mx.EDLN.random(TEACHER, (4, 3), condition=1.7, seed=2),
)
UNEVEN = mx.Teacher(TEACHER.weight, TEACHER.cov_x, np.diag([0.1, 1.0, 3.0]))


def charge_defect(p, weights, decay):
    """``Q_i - 2κC_i`` per interface and the size of ``Q_i``, from sample gradients one by one."""
    rows = brute.sample_gradients(p, weights)
    found = []
    for i in range(len(weights) - 1):
        q = np.einsum("n,nba,nbc->ac", p.mass, rows[i + 1], rows[i + 1]) - np.einsum(
            "n,nab,ncb->ac", p.mass, rows[i], rows[i]
        )
        c = weights[i + 1].T @ weights[i + 1] - weights[i] @ weights[i].T
        found.append((q - 2.0 * decay * c, np.abs(q).max(), c))
    return found


@pytest.mark.parametrize("decay", [0.03, 1.0, 30.0])
@pytest.mark.parametrize("student", STUDENTS)
def test_charges_rest(student, decay) -> None:
    """At the fixed point ``C = Q/(2κ)``; with another κ it is not."""
    found = mx.theory.decay_fixed_point(TEACHER, student, decay=decay)
    p = brute.plain(TEACHER, student)
    for defect, size, _ in charge_defect(p, found.weights, decay):
        assert size > 1e-3  # balance is broken
        # The search leaves 1e-8 of the entropic force, which is about ‖Q‖ at a random minimum.
        assert_allclose(defect, 0.0, atol=1e-6 * max(size, 1.0))
    for defect, size, _ in charge_defect(p, found.weights, 1.1 * decay):
        assert np.abs(defect).max() > 0.05 * size


@pytest.mark.parametrize("student", STUDENTS)
def test_charges_turn_where_noise_is_uneven(student) -> None:
    """For the drift, ``Q - 2κC = [Ω, C]``."""
    found = mx.theory.drift_fixed_point(UNEVEN, student, decay=0.7)
    p = brute.plain(UNEVEN, student)
    for (defect, size, c), omega in zip(
        charge_defect(p, found.weights, 0.7), found.rotations, strict=True
    ):
        assert np.abs(omega).max() > 1e-3
        assert_allclose(defect, omega @ c - c @ omega, atol=1e-6 * max(size, 1.0))


@pytest.mark.parametrize("student", STUDENTS)
def test_it_is_the_least_of_its_potential(student) -> None:
    """``S/4 + κ‖θ‖²/2`` is larger at every nearby minimum of the loss."""
    decay = 0.5
    found = mx.theory.decay_fixed_point(TEACHER, student, decay=decay)
    generator = np.random.default_rng(0)

    def potential(weights) -> float:
        size = sum(float(np.sum(w**2)) for w in weights)
        return float(mx.theory.entropy(TEACHER, student, weights)) / 4 + decay * size / 2

    for _ in range(20):
        gauges = [np.eye(d) + 0.02 * generator.standard_normal((d, d)) for d in student.hidden]
        assert potential(mx.theory.apply_gauge(found.weights, gauges)) > potential(found.weights)


@pytest.mark.parametrize("student", STUDENTS)
def test_ends_of_the_dial(student) -> None:
    """No decay: the Platonic point. Decay alone: balanced weights; their kernels differ."""
    p = brute.plain(TEACHER, student)
    platonic = mx.theory.platonic(TEACHER, student).weights
    balanced = mx.theory.balanced_minimum(TEACHER, student)
    for decay, end, close in ((0.0, platonic, 1e-8), (1e6, balanced, 1e-4)):
        found = mx.theory.decay_fixed_point(TEACHER, student, decay=decay)
        for a, b in zip(brute.kernels(p, found.weights), brute.kernels(p, end), strict=True):
            assert 1.0 - brute.alignment(a, b, p) < close
    for a, b in zip(brute.kernels(p, platonic), brute.kernels(p, balanced), strict=True):
        assert 1.0 - brute.alignment(a, b, p) > 1e-2


def test_negative_decay_is_refused() -> None:
    for function in (mx.theory.decay_fixed_point, mx.theory.drift_fixed_point):
        with pytest.raises(mx.MethexisError, match=r"decay: expected a finite number >= 0, got -1"):
            function(TEACHER, STUDENTS[0], decay=-1.0)
