"""Compiled measuring on reference inputs against NumPy's, for all that changes what is measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import methexis as mx
from methexis.core.activations import ACTIVATIONS
from methexis.training.engines.state import State
from methexis.training.plan import Plan, make_plan
from methexis.training.records.compiled_inputs import MOST_HIDDEN, measure_inputs_compiled
from methexis.training.records.recording import Recorder, Records
from tests.native.extension import extension

pytestmark = pytest.mark.usefixtures("built")
TEACHER = mx.Teacher.random(4, 3, condition_x=3.0, condition_noise=2.0, law_x="laplace", seed=1)
DATA = TEACHER.samples(83, seed=2)


@pytest.fixture
def built() -> None:
    extension()


def classes(num: int = 71) -> mx.Samples:
    generator = np.random.default_rng(2)
    x = generator.standard_normal((num, 4))
    return mx.Samples.classes(x, generator.integers(0, 5, num))


def plan_of(students: Any, source: mx.Teacher | mx.Samples, **changes: Any) -> Plan:
    settings: dict[str, Any] = {
        "steps": 64, "batch": 2, "init": mx.init.gaussian(), "replicas": 11, "seed": 4,
        "sampling": "online" if isinstance(source, mx.Teacher) else "replace",
        "record": [0], "measure": (), "optimiser": mx.SGD(lr=1e-3),
    }  # fmt: skip
    return make_plan(students, source, **(settings | changes))


def recorded(plan: Plan, *, by_kernels: bool) -> Records:
    """The first record of a plan, measured either way."""
    recorder = Recorder(plan)
    assert recorder._on_inputs
    recorder._on_inputs = by_kernels
    records = recorder.empty()
    recorder.record(records, State.start(plan))
    return records


def assert_agree(plan: Plan) -> Records:
    """What differs is the order of sums over some hundred units and a thousand inputs."""
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
            assert (np.diff(a[0], axis=-1) <= 0.0).all()
    assert np.isfinite(ours.student["loss"][0]).all()
    return ours


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation: str, bias: bool, dtype: str) -> None:
    students = [mx.MLP((9, 3), activation, bias=bias), mx.MLP((17,), "relu", bias=not bias)]
    assert_agree(plan_of(students, classes(), loss="cross_entropy", dtype=dtype))


@pytest.mark.parametrize("loss", ["squared", "whitened", "whitened_running"])
@pytest.mark.parametrize("source", [TEACHER, DATA], ids=["teacher", "samples"])
def test_every_loss_of_numbers(source: mx.Teacher | mx.Samples, loss: str) -> None:
    embedded = mx.EDLN.random(source, (6, 5), seed=3)
    view = mx.View(np.diag([1.0, 2.0, 0.5, 1.0]))
    students = [mx.MLP((5, 40), "tanh"), embedded, mx.MLP((1, 2, 3), "gelu", view=view)]
    assert_agree(plan_of(students, source, loss=loss))


def test_linear_students_of_classes() -> None:
    embed = np.random.default_rng(4).standard_normal((5, 2))
    students = [mx.EDLN((4,), embed_out=embed), mx.EDLN((6, 3))]
    assert_agree(plan_of(students, classes(), loss="cross_entropy"))
    assert_agree(plan_of([*students, mx.MLP((33,))], classes(1030), loss="cross_entropy"))


def test_levels_of_label_noise() -> None:
    noise = xr.DataArray([0.0, 0.5, 2.0], dims="noise")
    assert_agree(plan_of([mx.MLP((5,)), mx.EDLN((4, 4))], TEACHER, label_noise=noise))


def test_a_network_has_the_same_bits_among_any_others() -> None:
    students = [mx.MLP((20, 9), "softplus"), mx.MLP((5,))]
    settings: dict[str, Any] = {"loss": "cross_entropy"}
    whole = recorded(
        plan_of(students, classes(), replicas=19, threads=2, **settings), by_kernels=True
    )
    for chosen in ([3], [18, 2, 7]):
        some = recorded(plan_of(students, classes(), replicas=chosen, **settings), by_kernels=True)
        for name in ("loss", "accuracy"):
            assert np.array_equal(some.student[name][0], whole.student[name][0, chosen])
        assert np.array_equal(some.alignment[0], whole.alignment[0, chosen])
        for one, other in zip(some.spectra, whole.spectra, strict=True):
            for a, b in zip(one, other, strict=True):
                assert np.array_equal(a[0], b[0, chosen])


def test_every_instruction_set_agrees() -> None:
    plan = plan_of([mx.MLP((20, 9)), mx.MLP((5,), "gelu")], classes(), loss="cross_entropy")
    recorder = Recorder(plan)
    expected = recorded(plan, by_kernels=False)
    for name in extension().instruction_sets():
        ours = measure_inputs_compiled(
            plan, recorder._references[0], recorder.levels[0].students, plan.start,
            np.arange(plan.num_networks), instruction_set=name,
        )  # fmt: skip
        assert np.allclose(ours.alignments, expected.alignment[0], rtol=1e-12, atol=0), name
        for k, spectra in enumerate(ours.spectra):
            for values, kept in zip(spectra, expected.spectra[k], strict=True):
                assert np.allclose(values, kept[0], rtol=0, atol=1e-13 * kept[0].max()), name


def test_silent_layers_and_lost_networks_are_nan() -> None:
    plan = plan_of(mx.MLP((5, 3), bias=False), classes(), loss="cross_entropy", replicas=4)
    recorder = Recorder(plan)
    weights = [[w.copy() for w in plan.start[0]]]
    weights[0][1][1] = 0.0  # the second hidden layer of network 1 says nothing
    weights[0][0][2] = np.nan
    weights[0][2][3, 0, 0] = np.inf
    ours = measure_inputs_compiled(
        plan, recorder._references[0], recorder.levels[0].students, weights, np.arange(4)
    )
    assert np.isfinite(ours.alignments[[0, 3]]).all()
    assert np.isfinite(ours.alignments[1, 0, 0])
    assert np.isnan(ours.alignments[1, 1]).all()
    assert np.isnan(ours.alignments[2]).all()
    assert (ours.spectra[0][1][1] == 0.0).all()
    assert np.isnan(ours.spectra[0][0][2]).all()
    for values in ours.losses[0].values():
        assert np.isfinite(values[:2]).all()
        assert np.isnan(values[2:]).all()


@pytest.mark.parametrize("size", [1e-120, 1e60])
def test_spectra_of_any_size(size: float) -> None:
    """Squares of moments leave double precision, moments do not."""
    plan = plan_of(mx.MLP((12,), "relu", bias=False), classes(), loss="cross_entropy")
    recorder = Recorder(plan)
    weights = [[plan.start[0][0] * size, plan.start[0][1]]]
    arguments = recorder._references[0], recorder.levels[0].students
    ours = measure_inputs_compiled(plan, *arguments, weights, np.arange(3)).spectra[0][0]
    kept = measure_inputs_compiled(plan, *arguments, plan.start, np.arange(3)).spectra[0][0]
    assert np.allclose(ours / size / size, kept, rtol=0, atol=1e-14 * kept.max())


def test_what_is_left_to_numpy() -> None:
    plan = plan_of(mx.MLP((MOST_HIDDEN, 1)), classes(), loss="cross_entropy", replicas=2)
    assert not Recorder(plan)._on_inputs


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"networks": [0, 11]}, "networks: expected places"),
        ({"threads": 0}, "threads: expected at least 1"),
        ({"num_inputs": 0}, "num_inputs: expected"),
        ({"num_inputs": 70}, r"inputs: expected float64 of shape \(70, 4\)"),
        ({"labels": None}, "labels: expected an array, got None"),
        ({"num_labels": 4}, "embed_out: expected an array, got None"),
        ({"likeliest": np.zeros(71)}, "likeliest: expected int64"),
        ({"dims": [3, 2]}, "dims: expected 3 or more"),
        ({"spectra": []}, "spectra: expected"),
        ({"loss": np.empty(3)}, "loss: expected float64 of shape"),
        ({"accuracy": np.empty(3)}, "accuracy: expected float64 of shape"),
        ({"noise": "much"}, "noise: expected a number"),
        ({"activation": 6}, "activation: expected"),
    ],
)
def test_bad_arguments_are_refused(changes: dict[str, Any], message: str) -> None:
    plan = plan_of(mx.MLP((5, 3)), classes(), loss="cross_entropy")
    recorder = Recorder(plan)
    student: dict[str, Any] = recorder._references[0].fixed(0) | {
        "dims": [4, 5, 3, 5], "bias": 1, "activation": 1, "num_labels": 5, "noise": 0.0,
        "weights": plan.start[0], "loss": np.empty(2), "accuracy": np.empty(2),
        "spectra": [np.empty((2, 5)), np.empty((2, 3))],
    }  # fmt: skip
    arguments: dict[str, Any] = {
        "num_inputs": 71, "num_networks": plan.num_networks, "networks": [0, 1], "single": False,
        "alignment": np.empty((2, 2, 2)), "threads": 1,
    }  # fmt: skip
    extension().measure_on_inputs(
        [student], **(arguments | {"networks": np.array([0, 1], dtype=np.int64)})
    )
    student |= {k: v for k, v in changes.items() if k in student}
    arguments |= {k: v for k, v in changes.items() if k in arguments}
    arguments["networks"] = np.array(arguments["networks"], dtype=np.int64)
    with pytest.raises(ValueError, match=message):
        extension().measure_on_inputs([student], **arguments)
