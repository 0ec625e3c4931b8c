"""What every optimiser promises of a run: bits, cells, resumes, lost networks, provenance."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import methexis as mx
from methexis.training.engines.reference import ReferenceEngine
from methexis.training.engines.state import State
from methexis.training.optimisers import UpdateRule
from methexis.training.plan import Plan, make_plan
from methexis.training.records.checkpoint import load_checkpoint, save_checkpoint
from methexis.training.records.recording import Recorder
from tests.training.perceptron import Net
from tests.training.variants import VARIANTS

STEPS = 140  # more than two check intervals, and no multiple of one
SLOW = {
    name: replace(rule, lr=0.004, schedule=mx.schedules.cosine(0.1))
    for name, rule in VARIANTS.items()
}
every_rule = pytest.mark.parametrize("rule", SLOW.values(), ids=SLOW)
both_types = pytest.mark.parametrize("dtype", ["float64", "float32"])


def plan_for(students: Any, source: Any, rule: UpdateRule, **changes: Any) -> Plan:
    settings: dict[str, Any] = {
        "steps": STEPS, "batch": 3, "sampling": "online", "paired": True, "loss": "squared",
        "init": mx.init.gaussian(), "replicas": 3, "seed": 7, "dtype": "float64", "record": [0],
        "engine": "reference",
    }  # fmt: skip
    return make_plan(students, source, rule, **(settings | changes))


def arrays(state: State) -> list[np.ndarray]:
    """Weights and slots of all students."""
    return [
        w
        for weights, slots in zip(state.weights, state.slots, strict=True)
        for layers in (weights, *slots)
        for w in layers
    ]


def assert_same(a: State, b: State) -> None:
    assert a.step == b.step
    assert all(np.array_equal(v, w) for v, w in zip(arrays(a), arrays(b), strict=True))


@both_types
@every_rule
def test_any_cut(
    students: list[mx.EDLN], teacher: mx.Teacher, rule: UpdateRule, dtype: str
) -> None:
    engine = ReferenceEngine(plan_for(students, teacher, rule, dtype=dtype))
    whole = engine.start()
    assert all(len(slots) == rule.num_slots for slots in whole.slots)
    engine.advance(whole, STEPS)
    assert whole.alive.all()
    for cuts in ([1, 2, 64, 65, STEPS], [63, 127, 128, STEPS]):
        part = engine.start()
        for until in cuts:
            engine.advance(part, until)
        assert_same(part, whole)


@every_rule
def test_a_checkpoint_holds_all(
    students: list[mx.EDLN], teacher: mx.Teacher, rule: UpdateRule, tmp_path: Path
) -> None:
    plan = plan_for(students, teacher, rule)
    recorder = Recorder(plan)
    path, maker = tmp_path / "run.npz", {"engine": "reference"}
    engine = ReferenceEngine(plan)
    whole = engine.start()
    engine.advance(whole, 70)
    records = recorder.empty()
    records.done = int(np.searchsorted(plan.record, 70))  # as if what comes before were recorded
    save_checkpoint(path, plan, whole, records, [maker])
    engine.advance(whole, STEPS)
    resumed = engine.start()
    load_checkpoint(path, plan, resumed, recorder.empty(), maker)
    assert resumed.step == 70
    engine.advance(resumed, STEPS)
    assert_same(resumed, whole)


@both_types
@every_rule
def test_a_cell_alone(
    students: list[mx.EDLN], teacher: mx.Teacher, rule: UpdateRule, dtype: str
) -> None:
    """Every hyper-parameter of every rule may be a DataArray; a cell has its bits."""
    # Cell 0 is the rule; in every other cell one hyper-parameter is another.
    cells = [rule]
    for name in rule.bounds:
        value = getattr(rule, name)
        cells.append(replace(rule, **{name: value / 2 if value else 0.1}))
    every = {
        name: xr.DataArray([getattr(cell, name) for cell in cells], dims="cell")
        for name in rule.bounds
    }

    def ends(one: UpdateRule) -> list[list[np.ndarray]]:
        engine = ReferenceEngine(plan_for(students, teacher, one, dtype=dtype, steps=20))
        state = engine.start()
        engine.advance(state, 20)
        return state.weights

    whole = ends(replace(rule, **every))
    for place, cell in enumerate(cells):
        for layers, same in zip(whole, ends(cell), strict=True):
            mine = [w[3 * place : 3 * place + 3] for w in layers]
            assert all(np.array_equal(w, v) for w, v in zip(mine, same, strict=True))
    for place, name in enumerate(rule.bounds, start=1):
        if name != "eps":  # which is small; every other one does something
            assert not np.array_equal(whole[1][0][:3], whole[1][0][3 * place : 3 * place + 3])


@every_rule
def test_cells_are_refused_element_by_element(rule: UpdateRule) -> None:
    for name in rule.bounds:
        good = getattr(rule, name)
        for bad in (np.nan, np.inf, -1.0):
            array = xr.DataArray([[good, good], [good, bad]], dims=("a", "b"))
            with pytest.raises(mx.MethexisError, match=f"^{name}: expected a finite number") as e:
                replace(rule, **{name: array})
            assert len(str(e.value).splitlines()) == 1
        given = xr.DataArray([good, good], dims="a")
        held = replace(rule, **{name: given})
        given[0] = -1.0
        assert getattr(held, name)[0] == good  # a specification does not change


def test_a_cell_without_momentum(students: list[mx.EDLN], teacher: mx.Teacher) -> None:
    """Momentum may be 0 in some cells: they are plain SGD, to the bit, with Nesterov as well."""
    for nesterov in (False, True):
        momentum = xr.DataArray([0.0, 0.6], dims="cell")
        many = mx.SGD(lr=0.004, momentum=momentum, nesterov=nesterov, l2=0.1)
        whole = mx.train(students, teacher, many, steps=20, seed=7)
        alone = mx.train(students, teacher, mx.SGD(lr=0.004, l2=0.1), steps=20, seed=7)
        for layers, same in zip(whole.weights, alone.weights, strict=True):
            assert all(np.array_equal(w[0], v) for w, v in zip(layers, same, strict=True))


@every_rule
def test_a_diverging_cell_harms_no_other(
    students: list[mx.EDLN], teacher: mx.Teacher, rule: UpdateRule
) -> None:
    bare = replace(rule, weight_decay=0.0)
    many = replace(bare, lr=xr.DataArray([0.004, 1e4], dims="cell"))
    settings: dict[str, Any] = {"steps": STEPS, "seed": 7, "record": [0], "replicas": 2}
    whole = mx.train(students, teacher, many, **settings)
    alone = mx.train(students, teacher, bare, **settings)
    assert (whole.data["diverged_step"].values == [[-1, -1], [64, 64]]).all()
    for layers, same in zip(whole.weights, alone.weights, strict=True):
        for w, v in zip(layers, same, strict=True):
            assert np.array_equal(w[0], v)
            assert np.isnan(w[1]).all()


@pytest.mark.parametrize("loss", ["squared", "whitened_running", "cross_entropy"])
@every_rule
def test_perceptrons(rule: UpdateRule, loss: str) -> None:
    """With biases, an activation function and every kind of loss: it runs, and it learns."""
    generator = np.random.default_rng(0)
    x = generator.standard_normal((20, 3))
    y = np.stack([x[:, 0] > 0, x[:, 0] <= 0], axis=1).astype(float)
    light = {"weight_decay": 0.01 if rule.weight_decay else 0.0, "l2": 0.01 if rule.l2 else 0.0}
    if rule.kind == "sam":
        light["rho"] = 0.1  # a large radius makes these small networks say nothing
    rule = replace(rule, lr=0.05 if rule.kind in ("sgd", "sam") else 0.01, **light)
    student = mx.MLP(hidden=(6, 5), activation="relu")
    plan = plan_for(
        student, mx.Samples(x, y), rule, steps=300, batch=5, sampling="shuffle",
        loss=loss, init=mx.init.gaussian(0.7),
    )  # fmt: skip
    engine = ReferenceEngine(plan)
    state = engine.start()
    net = Net("relu", True, loss, x, y)

    def errors() -> list[float]:
        outputs = [
            [net.forward([w[n] for w in state.weights[0]], row)[1][-1] for row in x]
            for n in range(3)
        ]
        return [float(np.mean(np.argmax(f, axis=1) != np.argmax(y, axis=1))) for f in outputs]

    before = errors()
    engine.advance(state, 300)
    assert state.alive.all()
    # Chance is one half; the classes are separable.
    assert np.mean(errors()) <= 0.15 < np.mean(before)


@every_rule
def test_slow_time_of_a_run(students: list[mx.EDLN], teacher: mx.Teacher, rule: UpdateRule) -> None:
    run = mx.train(students, teacher, rule, steps=20, record=[0, 10])
    found = run.data["slow_time"]
    if rule.slow_time_unknown:
        assert np.isnan(found).all()
        assert found.attrs["unknown_because"] == rule.slow_time_unknown
    else:
        assert "unknown_because" not in found.attrs
        assert np.array_equal(found, rule.slow_time(np.array([0, 10, 20]), 20, 1))
    exact = mx.train(students, teacher, rule, steps=20, record=[0, 10], sampling="full")
    assert (exact.data["slow_time"] == 0).all()
    assert "unknown_because" not in exact.data["slow_time"].attrs


def test_a_report_of_a_run_without_slow_time(
    students: list[mx.EDLN], teacher: mx.Teacher, tmp_path: Path
) -> None:
    run = mx.train(students, teacher, SLOW["sign"], steps=20)
    mx.write_report(run, tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size > 0
    run.save(tmp_path / "run.zarr")
    reason = mx.open_run(tmp_path / "run.zarr").data["slow_time"].attrs["unknown_because"]
    assert reason == SLOW["sign"].slow_time_unknown


@every_rule
def test_provenance_names_every_setting(
    students: list[mx.EDLN], teacher: mx.Teacher, rule: UpdateRule
) -> None:
    plan = plan_for(students, teacher, rule)
    described = plan.describe()["optimiser"]
    assert described["name"] == type(rule).__name__
    assert described.keys() >= {f.name for f in fields(rule)} - {"schedule"}
    for name in rule.bounds:  # and the fingerprint knows it
        value = getattr(rule, name)
        other = replace(rule, **{name: value * 0.5 if value else 0.01})
        assert plan_for(students, teacher, other).fingerprint() != plan.fingerprint()
