"""The loop of every run: how long its stretches are, and that no cut changes a bit."""

from __future__ import annotations

import re
import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.progress import Report
from methexis.training import loop, train
from methexis.training.engines.choice import choose_engine
from methexis.training.engines.reference import ReferenceEngine
from methexis.training.engines.state import State
from methexis.training.interrupt import Interrupt, deferred_interrupt
from methexis.training.loop import STRETCH_SECONDS, paced, stretches
from methexis.training.plan import Plan, make_plan
from methexis.training.weights import recorded_weights

TEACHER = mx.Teacher([[1.0]])
STUDENT = mx.EDLN(hidden=(1,))
STEPS = 300
RUNS: dict[str, dict[str, Any]] = {
    "native": {"engine": "native"},
    "reference": {"engine": "reference"},
    "a network diverges": {"engine": "reference", "optimiser": mx.SGD(lr=0.8)},
    "flow": {"optimiser": mx.GradientFlow(lr=0.01)},
}


def plan_for(**changes: Any) -> Plan:
    settings: dict[str, Any] = {
        "optimiser": mx.Adam(lr=0.01), "steps": STEPS, "batch": 2, "sampling": "online",
        "paired": True, "loss": "squared", "init": mx.init.gaussian(), "replicas": 3, "seed": 0,
        "dtype": "float64", "record": [0, 1, 100, 130], "engine": "reference",
    }  # fmt: skip
    settings |= changes
    teacher = mx.Teacher.random(dim_x=3, dim_y=2, seed=1)
    student = mx.EDLN.random(teacher, hidden=(4, 3), seed=3)
    return make_plan(student, teacher, settings.pop("optimiser"), **settings)


def arrays(state: State) -> list[Any]:
    """All that the next step depends on, and what lost networks leave behind."""
    slots = [w for student in state.slots for layers in student for w in layers]
    weights = [w for layers in state.weights for w in layers]
    return [state.step, state.diverged_step, state.collapsed_step, *weights, *slots]


def assert_same(state: State, other: State) -> None:
    for a, b in zip(arrays(state), arrays(other), strict=True):
        assert np.array_equal(a, b, equal_nan=True)


@pytest.fixture(params=RUNS.values(), ids=RUNS)
def plan(request: pytest.FixtureRequest) -> Plan:
    return plan_for(**request.param)


def test_how_a_run_is_cut_never_changes_its_bits(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = choose_engine(plan)(plan)
    whole = engine.start()
    engine.advance(whole, STEPS)
    lost = (whole.diverged_step >= 0).any()
    assert lost == (plan.optimiser.describe()["lr"] == 0.8)
    draw = np.random.default_rng(0)
    for stops in ([STEPS], [0, 1, 100, STEPS], [63, 64, 65, STEPS], range(0, STEPS + 1, 50)):
        monkeypatch.setattr(loop, "paced", lambda *_: int(draw.integers(1, 90)))
        state = engine.start()
        for _ in stretches(engine, state, stops, Interrupt()):
            pass
        assert_same(state, whole)


def test_nobody_else_loops_over_steps() -> None:
    """Benchmarks time bare engines; everything else gets pace, looks and Ctrl-C from one place."""
    source = Path(mx.__file__).parent
    calls = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if re.search(r"engine\.advance\(", path.read_text(encoding="utf-8"))
    }
    assert {name for name in calls if not name.startswith("bench/")} == {
        "training/loop.py",
        "training/engines/native.py",  # the compiled engine behind its own
    }


def test_what_a_loop_yields(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "paced", lambda *_: 64)
    engine = choose_engine(plan)(plan)
    state = engine.start()
    found = [(at, state.step) for at in stretches(engine, state, [0, 5, STEPS], Interrupt())]
    assert [place for place in found if place[0] is not None] == [(0, 0), (1, 5), (2, STEPS)]
    before = [step for at, step in found if at is None]
    assert before == sorted(set(before))  # one look before each stretch, and none at the end
    assert {0, 5} <= set(before)
    assert STEPS not in before
    if engine.stretch is not None:
        assert len(before) > 3
    assert list(stretches(engine, state, [], Interrupt())) == []


def test_a_caller_may_look_stop_early_and_go_on(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a live page does, or a run that is told to end where its loss no longer falls."""
    monkeypatch.setattr(loop, "paced", lambda *_: 16)
    engine = choose_engine(plan)(plan)
    whole = engine.start()
    engine.advance(whole, STEPS)
    state, looks = engine.start(), []
    for _ in stretches(engine, state, [90, STEPS], Interrupt()):
        looks.append([w.copy() for w in state.weights[0]])
        if state.step >= 90:
            break
    assert 90 <= state.step < STEPS
    assert not np.array_equal(looks[0][0], looks[-1][0])
    for _ in stretches(engine, state, [STEPS], Interrupt()):
        pass
    assert_same(state, whole)


def test_recorded_weights_are_those_of_a_run(plan: Plan) -> None:
    reports: list[Report] = []
    weights, healthy = recorded_weights(plan, reports.append)
    run = train.run_plan(plan, lambda _: None, None)
    for ours, theirs in zip(weights[0], run.snapshots(0), strict=True):
        assert np.array_equal(ours[:, healthy], theirs[:, healthy])
    assert healthy.tolist() == [not np.isnan(w).any() for w in np.moveaxis(weights[0][0], 1, 0)]
    assert reports[0].step == 0
    assert reports[-1].step == STEPS


@pytest.fixture
def _ctrl_c_is_pythons() -> Any:
    """A background job inherits an ignored Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c_is_pythons")
def test_ctrl_c_ends_a_loop_where_the_state_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "paced", lambda *_: 16)

    class Pressed(ReferenceEngine):
        def advance(self, state: State, until: int) -> None:
            if state.step >= 100:
                signal.raise_signal(signal.SIGINT)
            super().advance(state, until)

    plan = plan_for(record=[STEPS])
    engine = Pressed(plan)
    state, saved = engine.start(), []
    with pytest.raises(KeyboardInterrupt), deferred_interrupt() as interrupt:  # noqa: PT012
        for _ in stretches(engine, state, [STEPS], interrupt):
            assert not saved
        saved.append(state.step)  # what a caller does before it leaves
    assert len(saved) == 1
    assert 100 < saved[0] < 140
    whole = ReferenceEngine(plan)
    expected = whole.start()
    whole.advance(expected, saved[0])
    assert_same(state, expected)


def test_pace() -> None:
    assert paced(64, 64, STRETCH_SECONDS) == 64
    assert paced(64, 64, 10 * STRETCH_SECONDS) == 6
    assert paced(64, 64, 0.0) == 256  # no more than four times as many
    assert paced(64, 3, STRETCH_SECONDS) == 3  # cut short by a recorded step
    assert paced(1, 1, 100.0) == 1


class Slow(ReferenceEngine):
    """Steps of ten milliseconds."""

    def advance(self, state: State, until: int) -> None:
        time.sleep(0.01 * (until - state.step))
        super().advance(state, until)


def test_a_slow_engine_is_called_for_a_fraction_of_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(train, "choose_engine", lambda _: Slow)
    times: list[float] = []
    steps: list[int] = []

    def show(report: Report) -> None:
        times.append(time.monotonic())
        steps.append(report.step)

    mx.train(STUDENT, TEACHER, mx.SGD(lr=0.01), steps=250, record=[0], progress=show)
    # A call is 0.15 s long: 15 steps, fewer on a busy machine.
    assert steps[1] == ReferenceEngine.stretch
    assert max(b - a for a, b in pairwise(steps)) <= 15
    assert times[-1] - times[0] > 2.4
