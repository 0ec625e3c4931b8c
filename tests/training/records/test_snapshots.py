"""Snapshots of weights that several threads take are those that one takes."""

from __future__ import annotations

import numpy as np
import pytest

import methexis as mx
from methexis.training.engines.state import State
from methexis.training.plan import Plan, make_plan
from methexis.training.records import recording
from methexis.training.records.recording import Recorder


def plan_of(threads: int) -> Plan:
    """Eleven networks, a number that no number of threads divides."""
    return make_plan(
        [mx.MLP((9, 5)), mx.EDLN((7,))], mx.Teacher.random(4, 3, seed=1), mx.SGD(lr=1e-3), steps=64,
        batch=2, sampling="online", init=mx.init.gaussian(), replicas=11, seed=4, record=[0, 64],
        measure=(), threads=threads,
    )  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2, 3, 64])
def test_threads_take_all_of_it(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_LEAST_COPIED", 1)
    plan = plan_of(threads)
    recorder, state = Recorder(plan), State.start(plan)
    assert recorder._kept_at_once == -(-11 // threads)
    for layers in state.weights:
        for w in layers:
            w[[2, 10]] = np.inf
    records = recorder.empty()
    recorder.record(records, state)
    for layers, snapshots in zip(plan.start, records.weights, strict=True):
        for w, snapshot in zip(layers, snapshots, strict=True):
            assert np.isnan(snapshot[0, [2, 10]]).all()
            healthy = np.setdiff1d(np.arange(11), [2, 10])
            np.testing.assert_array_equal(snapshot[0, healthy], w[healthy])


def test_small_snapshots_start_no_threads() -> None:
    assert Recorder(plan_of(2))._kept_at_once >= 11
