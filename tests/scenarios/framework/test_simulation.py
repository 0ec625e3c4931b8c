"""Replicas that nothing leads to the minima are left out, and counted."""

from __future__ import annotations

import numpy as np
import pytest

import methexis as mx
from methexis.core.problem import Problem
from methexis.scenarios.framework import simulation
from methexis.scenarios.framework.ensembles import Ensemble
from methexis.scenarios.framework.simulation import on_minima, projected, train


def test_what_cannot_be_projected_is_an_error_or_nan() -> None:
    teacher, student = mx.Teacher.random(2, 2, seed=0), mx.EDLN((2,))
    problem = Problem.of(teacher, student)
    weights = [w[None, None].repeat(3, axis=1) for w in mx.theory.random_minimum(teacher, student)]
    weights[0][0, 1] *= 1e9  # far from all minima
    weights[1][0, 1] *= 1e9
    with pytest.raises(mx.MethexisError, match="projection onto the minima"):
        projected(problem, weights)
    assert on_minima(projected(problem, weights, strict=False)).tolist() == [True, False, True]


def test_they_count_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = mx.Teacher.random(2, 2, noise=0.3, seed=0)
    ensemble = Ensemble(teacher, (mx.EDLN((2,)),), mx.init.balanced(), 0.01, (0.01,))
    whole = train(ensemble, 4, seed=0)

    def without(problem: Problem, weights: list[np.ndarray], **_: bool) -> list[np.ndarray]:
        made = projected(problem, weights)
        made[0][:, 2] = np.nan
        return made

    monkeypatch.setattr(simulation, "projected", without)
    outcome = train(ensemble, 4, seed=0)
    assert (whole.lost, outcome.lost) == (0, 1)
    np.testing.assert_array_equal(outcome.late, whole.late[[0, 1, 3]])
