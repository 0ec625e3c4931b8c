"""Integrators end, whatever they are asked."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate

import methexis as mx
from methexis.theory import bounded as module
from methexis.theory.bounded import bounded

TEACHER = mx.Teacher.random(dim_x=3, dim_y=2, seed=0)
STUDENT = mx.EDLN(hidden=(3,))
WEIGHTS = mx.theory.random_minimum(TEACHER, STUDENT, seed=1, spread=0.3)


def test_the_count_is_the_limit() -> None:
    asked = bounded("f", lambda t, y: y, 1.0, most=3)
    for _ in range(3):
        asked(0.0, np.ones(1))
    with pytest.raises(mx.MethexisError, match=r"^f: expected to reach time 1 within 3 eval.*got"):
        asked(0.5, np.ones(1))


def test_hopeless_paths_are_given_up_early() -> None:
    field = bounded("f", lambda t, y: -1e3 * y, 1e12)
    with pytest.raises(mx.MethexisError, match=f"after {module._ENOUGH};"):
        scipy.integrate.solve_ivp(field, (0.0, 1e12), np.ones(1), rtol=1e-3)


@pytest.mark.parametrize("lr", [2.0**70, 1e308, 5e-324, np.inf, np.nan, 0.0])
@pytest.mark.parametrize("name", ["entropic_flow", "slow_drift", "modified_flow"])
def test_absurd_rates_are_sentences(name: str, lr: float) -> None:
    call = getattr(mx.theory, name)
    if name == "modified_flow" and lr == 2.0**70:  # stable, and at rest long before
        assert all(
            np.isfinite(w).all() for w in call(TEACHER, STUDENT, WEIGHTS, lr=lr, steps=9).weights
        )
        return
    with pytest.raises(mx.MethexisError):
        call(TEACHER, STUDENT, WEIGHTS, lr=lr, batch=2, steps=100)
