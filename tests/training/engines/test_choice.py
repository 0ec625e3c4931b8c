"""The choice of an engine, and what it says of itself."""

from __future__ import annotations

from typing import Any

import pytest

import methexis as mx
from methexis.training import extension
from methexis.training.engines.choice import ENGINES, choose_engine, made_with
from methexis.training.engines.reference import ReferenceEngine
from methexis.training.plan import Plan, make_plan

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
