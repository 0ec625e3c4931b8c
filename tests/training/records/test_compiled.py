"""Compiled measuring against NumPy's, for everything that changes what is measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr

import methexis as mx
from methexis.training.engines.state import State
from methexis.training.plan import Plan, make_plan
from methexis.training.records import compiled
from methexis.training.records.recording import Recorder, Records
from tests.native.extension import extension
from tests.training.variants import VARIANTS

pytestmark = pytest.mark.usefixtures("built")
VIEW = mx.View(matrix=np.array([[1.0, 0.3, 0.0, 0.2], [0.0, 1.0, 0.5, 1.0]]), private_cov=[[0.7]])
TEACHERS = {
    "gaussian": mx.Teacher.random(3, 2, condition_x=3.0, condition_noise=4.0, seed=1),
    "laplace": mx.Teacher.random(3, 2, condition_x=3.0, law_x="laplace", seed=2),
    "one": mx.Teacher([[1.5]]),
    "wide": mx.Teacher.random(5, 7, seed=3),
}


@pytest.fixture
def built() -> None:
    extension()


def plan_of(source: mx.Teacher, students: list[mx.EDLN], **changes: Any) -> Plan:
    settings: dict[str, Any] = {
        "steps": 64, "batch": 2, "sampling": "online", "init": mx.init.gaussian(), "replicas": 11,
        "seed": 4, "record": [0], "measure": (), "optimiser": mx.SGD(lr=1e-3),
    }  # fmt: skip
    return make_plan(students, source, **(settings | changes))


def recorded(plan: Plan, *, by_kernels: bool) -> Records:
    """The first record of a plan, measured either way."""
    recorder = Recorder(plan)
    assert recorder._compiled
    if not by_kernels:
        recorder._compiled = []
    records = recorder.empty()
    recorder.record(records, State.start(plan))
    return records


def assert_agree(plan: Plan) -> None:
    """What differs is the order of sums, in quantities of conditions up to a few hundreds."""
    ours, numpys = recorded(plan, by_kernels=True), recorded(plan, by_kernels=False)

    def same(name: str, a: Any, b: Any) -> None:
        assert np.array_equal(np.isnan(a[0]), np.isnan(b[0])), name
        scale = np.nanmax(np.abs(b[0]), initial=0.0)
        assert np.nanmax(np.abs(a[0] - b[0]), initial=0.0) <= 1e-12 * scale, name

    same("alignment", ours.alignment, numpys.alignment)
    for name in ours.student:
        same(name, ours.student[name], numpys.student[name])
    for name in ours.layer:
        same(name, ours.layer[name], numpys.layer[name])
    for one, other in zip(ours.spectra, numpys.spectra, strict=True):
        for a, b in zip(one, other, strict=True):
            same("spectrum", a, b)
    assert np.isfinite(ours.student["entropy"][0]).all()


def students_of(source: mx.Teacher) -> list[mx.EDLN]:
    return [
        mx.EDLN.random(source, hidden=hidden, condition=2.0, seed=k)
        for k, hidden in enumerate(((4, 3, 6), (2,), (7, 9)))
    ]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", ["squared", "whitened", "whitened_running"])
@pytest.mark.parametrize("name", TEACHERS)
def test_agrees_with_numpy(name: str, loss: str, dtype: str) -> None:
    source = TEACHERS[name]
    assert_agree(plan_of(source, students_of(source), loss=loss, dtype=dtype))


def test_views_with_private_inputs() -> None:
    source = TEACHERS["laplace"]
    students = [mx.EDLN((4, 5), view=VIEW), mx.EDLN((3, 3)), mx.EDLN((2,), view=VIEW)]
    assert_agree(plan_of(source, students))


def test_a_student_beyond_the_theorem() -> None:
    plan = plan_of(TEACHERS["wide"], [mx.EDLN((3, 2)), mx.EDLN((6, 6))])
    assert Recorder(plan).solutions[0] is None
    assert_agree(plan)


def test_levels_of_label_noise() -> None:
    noise = xr.DataArray([0.0, 0.5, 2.0], dims="noise")
    source = TEACHERS["gaussian"]
    for loss in ("squared", "whitened_running"):
        assert_agree(plan_of(source, students_of(source), label_noise=noise, loss=loss))


@pytest.mark.parametrize("rule", VARIANTS.values(), ids=VARIANTS)
def test_along_runs_of_every_optimiser(rule: Any) -> None:
    source = TEACHERS["gaussian"]
    settings: dict[str, Any] = {
        "steps": 64, "batch": 2, "replicas": 3, "record": [0, 32], "measure": (),
    }  # fmt: skip
    rule = replace(rule, lr=1e-3)
    ours = mx.train(students_of(source), source, rule, **settings, engine="native")
    numpys = mx.train(students_of(source), source, rule, **settings, engine="reference")
    for name in ("loss", "entropy", "hessian_trace", "alignment", "theory_alignment", "imbalance"):
        # The engines agree on the weights to their own tolerance.
        assert np.allclose(ours.data[name], numpys.data[name], rtol=1e-7, atol=1e-9), name


def test_a_network_has_the_same_bits_among_any_others() -> None:
    source = TEACHERS["laplace"]
    whole = recorded(plan_of(source, students_of(source), replicas=19, threads=2), by_kernels=True)
    for chosen in ([3], [18, 2, 7]):
        some = recorded(plan_of(source, students_of(source), replicas=chosen), by_kernels=True)
        for name in some.student:
            assert np.array_equal(
                some.student[name], whole.student[name][:, chosen], equal_nan=True
            )
        assert np.array_equal(some.alignment[0], whole.alignment[0, chosen])
        for one, other in zip(some.spectra, whole.spectra, strict=True):
            for a, b in zip(one, other, strict=True):
                assert np.array_equal(a[0], b[0, chosen])


def test_every_instruction_set_agrees() -> None:
    source = TEACHERS["laplace"]
    plan = plan_of(source, students_of(source))
    students = Recorder(plan).levels[0].students
    networks = np.arange(plan.num_networks)
    expected = recorded(plan, by_kernels=False)
    for name in extension().instruction_sets():
        found = compiled.measure_compiled(
            plan, students, plan.start, networks, instruction_set=name
        )
        assert np.allclose(found.alignments, expected.alignment[0], rtol=1e-12, atol=0), name
        for k, values in enumerate(found.student):
            entropy = expected.student["entropy"][0, :, k]
            assert np.allclose(values["entropy"], entropy, rtol=1e-12, atol=0), name


def test_weights_of_zero_and_without_bounds() -> None:
    source = TEACHERS["gaussian"]
    plan = plan_of(source, students_of(source)[:1], replicas=3)
    students = Recorder(plan).levels[0].students
    weights = [[w.copy() for w in layers] for layers in plan.start]
    weights[0][1][0] = 0.0
    weights[0][0][2] = np.nan
    found = compiled.measure_compiled(plan, students, weights, np.arange(3))
    assert np.isfinite(found.alignments[1]).all()
    assert np.isfinite(found.alignments[0, 0, 0])
    assert np.isnan(found.alignments[0, 1, 1])  # a silent layer has no direction
    assert (found.spectra[0][1][0] == 0.0).all()
    assert np.isfinite(found.student[0]["loss"][:2]).all()
    assert np.isnan(found.student[0]["loss"][2])


def test_what_is_left_to_numpy() -> None:
    teacher = TEACHERS["gaussian"]
    wide = mx.Teacher.random(compiled.WIDEST + 1, 2, seed=0)
    for source, student, loss in (
        (teacher.samples(20, seed=0), mx.EDLN((3,)), "squared"),
        (teacher, mx.MLP((3,)), "squared"),
        (wide, mx.EDLN((3,)), "squared"),
    ):
        sampling = "replace" if isinstance(source, mx.Samples) else "online"
        plan = make_plan(
            [student], source, mx.SGD(lr=1e-3), steps=1, batch=1, sampling=sampling, loss=loss,
            init=mx.init.gaussian(), replicas=2, seed=0,
        )  # fmt: skip
        recorder = Recorder(plan)
        assert not recorder._compiled


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"networks": [0, 11]}, "networks: expected places"),
        ({"threads": 0}, "threads: expected at least 1"),
        ({"num_shared": 0}, "num_shared: expected"),
        ({"target": None}, "target: expected an array, got None"),
        ({"cov_x": np.eye(4)}, r"cov_x: expected float64 of shape \(3, 3\), got shape \(4, 4\)"),
        ({"dims": [3, 2]}, "dims: expected 3 or more"),
        ({"spectra": []}, "spectra: expected"),
        ({"loss": np.empty(3)}, "loss: expected float64 of shape"),
    ],
)
def test_bad_arguments_are_refused(changes: dict[str, Any], message: str) -> None:
    source = TEACHERS["gaussian"]
    plan = plan_of(source, students_of(source)[:1])
    measured = Recorder(plan).levels[0].students[0]
    student = compiled._student(measured, plan.start[0], 2)
    layers = measured.problem.depth - 1
    arguments: dict[str, Any] = {
        "num_shared": 3, "num_networks": plan.num_networks, "networks": [0, 1], "single": False,
        "alignment": np.empty((2, layers, layers)), "threads": 1,
    }  # fmt: skip
    student |= {k: v for k, v in changes.items() if k in student}
    arguments |= {k: v for k, v in changes.items() if k in arguments}
    arguments["networks"] = np.array(arguments["networks"], dtype=np.int64)
    with pytest.raises(ValueError, match=message):
        extension().measure([student], **arguments)
