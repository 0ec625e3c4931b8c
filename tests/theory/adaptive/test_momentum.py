"""Momentum that is not short (docs/adaptive.md §4.2): what a divisor that follows makes of it.

The statement is checked twice, by the stationary law of the equations in continuous time, and by
that of the rule's own recursion at small learning rates.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose

SEED = 20261130
COUNT, MEMORY = 3, 0.7


def _even() -> tuple[np.ndarray, np.ndarray]:
    """A Hessian, whose noise is itself, and the slopes of the divisor, none of them special."""
    generator = np.random.default_rng(SEED)
    root = generator.normal(size=(COUNT, COUNT))
    return root @ root.T, generator.normal(size=(COUNT, COUNT))


def _expected(hessian: np.ndarray, slopes: np.ndarray, pace: float) -> np.ndarray:
    """``E[d_j m_j]`` by (A.18); the covariance of the fluctuations is ½, as without momentum."""
    values, modes = np.linalg.eigh(hessian)
    part = MEMORY * values / (MEMORY + values + MEMORY**2 / pace)
    return 0.5 * np.einsum("jk,kl,l,jl->j", slopes, modes, part, modes)


@pytest.mark.parametrize("pace", [0.3, 3.0, 1e4])
def test_a_swing_in_continuous_time(pace) -> None:
    """``δ' = -m``, ``m' = μ (H δ + noise - m)``, ``d' = -x (d - ∂D δ)``."""
    hessian, slopes = _even()
    one, none = np.eye(COUNT), np.zeros((COUNT, COUNT))
    matrix = np.block(
        [
            [none, -one, none],
            [pace * hessian, -pace * one, none],
            [MEMORY * slopes, none, -MEMORY * one],
        ]
    )
    forcing = scipy.linalg.block_diag(none, pace**2 * hessian, none)
    law = scipy.linalg.solve_continuous_lyapunov(matrix, -forcing)
    # Rounding of the solver, whose matrix has entries from 1 to the pace.
    assert_allclose(law[:COUNT, :COUNT], 0.5 * one, rtol=0, atol=1e-9)
    assert_allclose(law[:COUNT, COUNT : 2 * COUNT], none, rtol=0, atol=1e-9)
    tied = np.diag(law[2 * COUNT :, COUNT : 2 * COUNT])
    assert_allclose(tied, _expected(hessian, slopes, pace), rtol=0, atol=1e-7)


def test_the_rule_itself_at_small_steps() -> None:
    """``m ← β₁ m + (1-β₁)(H δ + noise)``, ``δ ← δ - η m``, ``d ← β₂ d + (1-β₂) ∂D δ``."""
    hessian, slopes = _even()
    one, none, pace = np.eye(COUNT), np.zeros((COUNT, COUNT)), 2.0

    def tied(lr: float) -> np.ndarray:
        rest, keep = pace * lr, 1.0 - pace * lr
        matrix = np.block(
            [
                [one - lr * rest * hessian, -lr * keep * one, none],
                [rest * hessian, keep * one, none],
                [MEMORY * lr * slopes, none, (1.0 - MEMORY * lr) * one],
            ]
        )
        kick = np.vstack([-lr * rest * one, rest * one, none])
        law = scipy.linalg.solve_discrete_lyapunov(matrix, kick @ hessian @ kick.T)
        return np.asarray(np.diag(law[2 * COUNT :, COUNT : 2 * COUNT])) / lr

    expected = _expected(hessian, slopes, pace)
    errors = [np.abs(tied(lr) - expected).max() for lr in (2e-3, 1e-3)]
    assert errors[1] < 1e-2 * np.abs(expected).max()
    assert_allclose(errors[0] / errors[1], 2.0, rtol=0.05)  # of first order in the learning rate
