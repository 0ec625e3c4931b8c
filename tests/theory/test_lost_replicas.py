"""Replicas that diverged have NaN at their place and change nothing for the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx

TEACHER = mx.Teacher.random(dim_x=3, dim_y=2, seed=0)
STUDENT = mx.EDLN(hidden=(3,))
WEIGHTS = mx.theory.random_minimum(TEACHER, STUDENT, seed=1, spread=0.3)
LOST = [np.stack([w, np.full_like(w, np.nan), w]) for w in WEIGHTS]
SLOW: dict[str, Any] = {"lr": 0.05, "batch": 2, "steps": 20, "rtol": 1e-8}

AT_WEIGHTS: dict[str, Callable[[Any], Any]] = {
    name: lambda w, name=name: getattr(mx.theory, name)(TEACHER, STUDENT, w)
    for name in (
        "balance", "batch_sharpness", "charges", "entropy", "entropy_gradient", "gaps",
        "hessian_trace", "project", "sharpness",
    )
} | {
    "entropic_loss": lambda w: mx.theory.entropic_loss(TEACHER, STUDENT, w, lr=0.1),
    "apply_gauge": lambda w: mx.theory.apply_gauge(w, [np.diag([1.0, 2.0, 3.0])]),
}  # fmt: skip


def parts(answer: Any) -> list[np.ndarray]:
    return answer if isinstance(answer, list) else [answer]


@pytest.mark.parametrize("name", AT_WEIGHTS)
def test_at_weights(name: str) -> None:
    for one, three in zip(
        parts(AT_WEIGHTS[name](WEIGHTS)), parts(AT_WEIGHTS[name](LOST)), strict=True
    ):
        assert np.isnan(three[1]).all()
        # Batched and single products are added in other orders; `project` solves with them.
        assert_allclose(three[0], one, rtol=1e-9, atol=1e-12)
        assert_allclose(three[2], one, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("flow", [mx.theory.entropic_flow, mx.theory.slow_drift])
def test_paths(flow: Callable[..., Any]) -> None:
    one, three = (flow(TEACHER, STUDENT, w, **SLOW).weights for w in (WEIGHTS, LOST))
    for a, b in zip(one, three, strict=True):
        assert b.shape == (len(a), 3, *a.shape[1:])
        assert np.isnan(b[:, 1]).all()
        assert_allclose(b[:, 0], a, rtol=0, atol=1e-6)  # the integrator's steps are common to all


@pytest.mark.parametrize("name", ["hessian_spectrum", "top_eigenvalues"])
def test_one_set_at_a_time(name: str) -> None:
    with pytest.raises(mx.MethexisError, match=rf"^{name}: expected one set of weights"):
        getattr(mx.theory, name)(TEACHER, STUDENT, LOST)


@pytest.mark.parametrize("name", AT_WEIGHTS)
def test_one_set_must_be_finite(name: str) -> None:
    bad = [WEIGHTS[0] * np.nan, *WEIGHTS[1:]]
    with pytest.raises(mx.MethexisError):
        AT_WEIGHTS[name](bad)


def test_a_hessian_of_zero_has_zero_eigenvalues() -> None:
    zero = [np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((2, 3))]
    deep = mx.EDLN(hidden=(3, 3))
    assert mx.theory.top_eigenvalues(TEACHER, deep, zero, count=3).tolist() == [0.0] * 3
