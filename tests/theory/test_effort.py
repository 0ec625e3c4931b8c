"""Paths that take long say so before they start, or are refused with what would help."""

from __future__ import annotations

import logging
import time

import numpy as np
import pytest

import methexis as mx
from methexis.core.problem import theory_problem
from methexis.errors import MethexisError
from methexis.progress import Report
from methexis.theory import effort
from methexis.theory.fixed_points.drift import drift_velocity
from methexis.theory.flow import entropic_velocity

FLOWS = pytest.mark.parametrize("flow", [mx.theory.entropic_flow, mx.theory.slow_drift])


def student_of(width: int) -> tuple[mx.Teacher, mx.EDLN, list[np.ndarray]]:
    weight = np.eye(width) + 0.1 * np.random.default_rng(0).normal(size=(width, width))
    teacher = mx.Teacher(weight, cov_noise=np.diag(np.linspace(1.0, 2.0, width)))
    student = mx.EDLN(hidden=(width, width))
    return teacher, student, mx.theory.platonic(teacher, student).weights


@pytest.mark.parametrize(
    ("flow", "patience"), [(mx.theory.entropic_flow, 10.0), (mx.theory.slow_drift, 3600.0)]
)
def test_a_path_of_hours_is_refused_before_it_starts(flow, patience) -> None:
    """12,288 parameters, 30 times: told in seconds of an estimate; without a landing."""
    width = 64
    noise = np.diag(np.linspace(1.0, 2.0, width))  # of even noise the drift is the flow
    teacher, student = mx.Teacher(np.eye(width), cov_noise=noise), mx.EDLN((width,) * 2)
    weights = [np.repeat(np.eye(width)[None], 30, axis=0)] * 3
    began = time.process_time()
    with pytest.raises(MethexisError, match=rf"patience = {patience:g} s .* set patience"):
        flow(teacher, student, weights, lr=0.01, steps=1000, patience=patience)
    assert time.process_time() - began < 2.0


@FLOWS
def test_what_takes_longer_than_a_while_is_told(flow, caplog, monkeypatch) -> None:
    teacher, student, weights = student_of(3)
    with caplog.at_level(logging.WARNING, logger="methexis"):
        flow(teacher, student, weights, lr=0.01, steps=10)
        assert not caplog.records
        monkeypatch.setattr(effort, "LONG", 1e-6)
        flow(teacher, student, weights, lr=0.01, steps=10)
    assert "seconds on one core" in caplog.text


@FLOWS
def test_progress_goes_to_the_end_and_never_back(flow) -> None:
    teacher, student, weights = student_of(3)
    reports: list[Report] = []
    start = [w + 0.05 * np.random.default_rng(1).normal(size=w.shape) for w in weights]
    path = flow(teacher, student, start, lr=0.01, steps=40_000, progress=reports.append)
    steps = [report.step for report in reports]
    assert steps == sorted(steps)
    assert steps[-1] == 40_000
    assert len(steps) > 10
    plain = flow(teacher, student, start, lr=0.01, steps=40_000)
    assert all(map(np.array_equal, path.weights, plain.weights))


def test_estimates_are_those_of_the_clock_within_a_factor() -> None:
    """Of one velocity at 3,072 parameters, off the Platonic point; factor 5, as it says."""
    teacher, student, _ = student_of(32)
    weights = mx.theory.random_minimum(teacher, student, seed=1, spread=0.2)
    problem = theory_problem(teacher, student, "squared")
    for velocity, spectral in ((entropic_velocity, False), (drift_velocity, True)):
        times = []
        for _ in range(6):
            began = time.thread_time()
            velocity(problem, weights)
            times.append(time.thread_time() - began)
        taken = min(times)  # nobody's cache but its own
        told = effort.velocity_work(problem, spectral=spectral) / effort.SPEED
        assert 0.2 < told / taken < 5.0, (velocity, told, taken)
