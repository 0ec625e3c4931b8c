"""The choice of an engine, and how long its calls are."""

from __future__ import annotations

import sys
import time
from itertools import pairwise
from typing import Any

import pytest

import methexis as mx
from methexis.progress import Report
from methexis.training import extension
from methexis.training.engines.choice import ENGINES, choose_engine
from methexis.training.engines.reference import ReferenceEngine
from methexis.training.engines.state import State
from methexis.training.plan import Plan, make_plan
from methexis.training.train import STRETCH_SECONDS, made_with, paced

TEACHER = mx.Teacher([[1.0]])
STUDENT = mx.EDLN(hidden=(1,))


def plan_for(**changes: Any) -> Plan:
    settings: dict[str, Any] = {
        "optimiser": mx.SGD(lr=0.01), "steps": 100, "batch": 1, "sampling": "online",
        "paired": True, "loss": "squared", "init": mx.init.gaussian(), "replicas": 1, "seed": 0,
        "dtype": "float64", "record": [0], "engine": "auto",
    }  # fmt: skip
    return make_plan(STUDENT, TEACHER, **(settings | changes))


def test_without_the_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension, "BUILT", False)
    assert choose_engine(plan_for()) is ReferenceEngine
    with pytest.raises(mx.MethexisError, match=r"^engine: expected the compiled extension .*none"):
        mx.train(STUDENT, TEACHER, mx.SGD(lr=0.01), steps=1, engine="native")


def test_the_engine_asked_for() -> None:
    assert choose_engine(plan_for(engine="reference")) is ReferenceEngine
    flow = mx.GradientFlow(lr=0.01)
    for engine in ("auto", "reference"):
        found = choose_engine(plan_for(optimiser=flow, engine=engine))
        assert found.name == "gradient flow"
        run = mx.train(STUDENT, TEACHER, flow, steps=1, engine=engine)
        assert run.provenance["engine"] == "gradient flow"
    with pytest.raises(mx.MethexisError, match="engine: expected"):
        choose_engine(plan_for(optimiser=flow, engine="native"))


def test_engines_say_what_they_are() -> None:
    assert len({engine.name for engine in ENGINES}) == len(ENGINES)
    engine = ReferenceEngine(plan_for())
    made = made_with(engine)
    assert made["engine"] == "reference"
    assert {"methexis", "numpy", "scipy", "machine"} <= made.keys()


def test_threads_and_engine_do_not_enter_the_fingerprint() -> None:
    plain = plan_for()
    assert plain.threads >= 1
    assert plan_for(threads=3).threads == 3
    assert plan_for(threads=3, engine="reference").fingerprint() == plain.fingerprint()


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
    module = sys.modules["methexis.training.train"]
    monkeypatch.setattr(module, "choose_engine", lambda _: Slow)
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
