"""Equal settings give equal bits, however a run is cut, measured or batched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.training.engines.flow import FlowEngine
from methexis.training.engines.reference import ReferenceEngine
from methexis.training.engines.state import CHECK_INTERVAL, State
from methexis.training.plan import Plan, make_plan

STEPS = 150  # more than two check intervals, and no multiple of one
SGD = mx.SGD(lr=0.004, momentum=0.5, weight_decay=0.1, schedule=mx.schedules.cosine(0.1))
FLOW = mx.GradientFlow(lr=0.01)
CASES = {
    "online": (SGD, "online", "float64"),
    "replace": (SGD, "replace", "float64"),
    "shuffle": (SGD, "shuffle", "float64"),
    "full": (SGD, "full", "float64"),
    "single": (SGD, "online", "float32"),
    "no momentum": (mx.SGD(lr=0.004), "online", "float64"),
    "flow": (FLOW, "full", "float64"),
}
cases = pytest.mark.parametrize(("optimiser", "sampling", "dtype"), CASES.values(), ids=CASES)


def source_for(sampling: str, teacher: mx.Teacher, data: mx.Samples) -> Any:
    return data if sampling in ("replace", "shuffle") else teacher


def plan_for(students: list[mx.EDLN], source: Any, **changes: Any) -> Plan:
    settings: dict[str, Any] = {
        "optimiser": SGD, "steps": STEPS, "batch": 3, "sampling": "online", "paired": True,
        "loss": "squared", "init": mx.init.gaussian(), "replicas": 3, "seed": 7,
        "dtype": "float64", "record": [0], "engine": "auto",
    }  # fmt: skip
    return make_plan(students, source, **(settings | changes))


def engine_for(plan: Plan) -> Any:
    return (
        FlowEngine(plan) if isinstance(plan.optimiser, mx.GradientFlow) else ReferenceEngine(plan)
    )


def flat(state: State) -> list[list[np.ndarray]]:
    """Weights and slots of all students."""
    return state.weights + [layers for slots in state.slots for layers in slots]


def assert_same_state(a: State, b: State) -> None:
    assert a.step == b.step
    for layers, same in zip(flat(a), flat(b), strict=True):
        for w, v in zip(layers, same, strict=True):
            assert np.array_equal(w, v, equal_nan=True)
    assert np.array_equal(a.diverged_step, b.diverged_step)
    assert np.array_equal(a.collapsed_step, b.collapsed_step)


@cases
def test_any_cut(
    students: list[mx.EDLN],
    teacher: mx.Teacher,
    data: mx.Samples,
    optimiser: Any,
    sampling: str,
    dtype: str,
) -> None:
    source = source_for(sampling, teacher, data)
    plan = plan_for(students, source, optimiser=optimiser, sampling=sampling, dtype=dtype)
    engine = engine_for(plan)
    whole = engine.start()
    engine.advance(whole, STEPS)
    for cuts in ([1, 2, 3, 64, 65, 100, STEPS], [63, 127, 128, STEPS], range(1, STEPS + 1)):
        part = engine.start()
        for until in cuts:
            engine.advance(part, until)
        assert_same_state(part, whole)
    if sampling != "full":
        for block in (1, 7, CHECK_INTERVAL):
            other = engine_for(plan)
            other._block = block
            part = other.start()
            other.advance(part, STEPS)
            assert_same_state(part, whole)


@cases
def test_any_record(
    students: list[mx.EDLN],
    teacher: mx.Teacher,
    data: mx.Samples,
    optimiser: Any,
    sampling: str,
    dtype: str,
) -> None:
    source = source_for(sampling, teacher, data)
    runs = [
        mx.train(
            students, source, optimiser, steps=STEPS, batch=3, sampling=sampling, dtype=dtype,
            seed=7, replicas=2, record=record,
        )
        for record in ([0], [5, 77], None)
    ]  # fmt: skip
    for run in runs[1:]:
        for layers, same in zip(run.weights, runs[0].weights, strict=True):
            assert all(np.array_equal(w, v) for w, v in zip(layers, same, strict=True))
    common = [r.data.sel(step=[STEPS]) for r in runs]
    assert common[1].equals(common[0])
    assert common[2].equals(common[0])  # attributes hold the wall time


@cases
def test_a_replica_alone(
    students: list[mx.EDLN],
    teacher: mx.Teacher,
    data: mx.Samples,
    optimiser: Any,
    sampling: str,
    dtype: str,
) -> None:
    source = source_for(sampling, teacher, data)

    def run(replicas: Any) -> mx.Run:
        return mx.train(
            students, source, optimiser, steps=STEPS, batch=3, sampling=sampling, dtype=dtype,
            seed=7, replicas=replicas, record=[0, 40],
        )  # fmt: skip

    together, alone, shuffled = run(8), run([5]), run([6, 5, 0])
    assert alone.data["replica"].values.tolist() == [5]
    for k in range(len(students)):
        for w, one, some in zip(
            together.snapshots(k), alone.snapshots(k), shuffled.snapshots(k), strict=True
        ):
            assert np.array_equal(w[:, [5]], one)
            assert np.array_equal(w[:, [6, 5, 0]], some)
    for name, variable in alone.data.data_vars.items():
        if "replica" not in variable.dims:
            assert np.array_equal(variable, together.data[name])
            continue
        found, expected = variable.sel(replica=5).values, together.data[name].sel(replica=5).values
        assert np.array_equal(found, expected, equal_nan=found.dtype.kind == "f"), name


def test_seed_replica_and_student_matter(students: list[mx.EDLN], teacher: mx.Teacher) -> None:
    def ends(**changes: Any) -> list[np.ndarray]:
        run = mx.train([students[0]] * 2, teacher, SGD, steps=5, record=[0], **changes)
        return [layers[0] for layers in run.weights]

    base = ends(replicas=2, seed=0)
    assert not np.allclose(base[0][0], base[0][1], rtol=1e-3)  # replicas
    assert not np.allclose(base[0][0], base[1][0], rtol=1e-3)  # students, by their start
    assert not np.allclose(base[0], ends(replicas=2, seed=1)[0], rtol=1e-3)
