"""Measuring afterwards gives what measuring along the run gives."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import methexis as mx
from methexis.training.measuring import COSTLY

TEACHER = mx.Teacher.random(3, 2, condition_x=2.0, condition_noise=3.0, law_x="laplace", seed=1)
VIEW = mx.View(private_cov=[[0.5]])
STUDENTS = [mx.EDLN.random(TEACHER, (4, 3), seed=1), mx.EDLN((3,), view=VIEW)]


def train(**changes: Any) -> mx.Run:
    settings: dict[str, Any] = {
        "students": STUDENTS, "source": TEACHER, "optimiser": mx.SGD(lr=1e-3), "steps": 300,
        "replicas": 3, "record": [0, 200], "init": mx.init.platonic_point(), "measure": "all",
    }  # fmt: skip
    return mx.train(**(settings | changes))


def assert_same(run: mx.Run, found: xr.Dataset, names: tuple[str, ...] = tuple(COSTLY)) -> None:
    """Rounding of other batch shapes, which the sharpness keeps within its own tolerance."""
    columns = {column for name in names for column in COSTLY[name]}
    assert set(found.data_vars) == columns
    for name in columns:
        along = run.data[name].sel(step=found["step"])
        assert found[name].dims == along.dims
        assert np.allclose(found[name], along, rtol=1e-8, atol=1e-10, equal_nan=True), name
        for dim in found[name].coords:
            assert found[dim].equals(along[dim])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", ["squared", "whitened", "whitened_running"])
def test_afterwards_is_along_the_run(loss: str, dtype: str, tmp_path: Path) -> None:
    run = train(loss=loss, dtype=dtype)
    assert np.isfinite(run.data["alignment_projected"][-1]).any()
    assert_same(run, run.measure("all"))
    again = mx.open_run(run.save(tmp_path / "run"))
    assert_same(
        run, again.measure(["projection", "sharpness"], at=[300]), ("projection", "sharpness")
    )


def test_private_inputs_of_all_students() -> None:
    run = train(students=[mx.EDLN((4, 3), view=VIEW), mx.EDLN((3,), view=VIEW)])
    assert_same(run, run.measure("projection"), ("projection",))


def test_cells_of_rates_and_noise() -> None:
    lr = xr.DataArray([1e-3, 2e-3], dims="lr", coords={"lr": [1e-3, 2e-3]})
    noise = xr.DataArray([0.0, 0.4, 1.0], dims="noise")
    run = train(optimiser=mx.SGD(lr=lr), label_noise=noise)
    assert_same(run, run.measure("all"))
    cell = run.cell(lr=2e-3, noise=1)
    assert_same(cell, cell.measure("all"))


def test_a_data_set_is_asked_for_where_its_rows_matter() -> None:
    data = TEACHER.samples(40, seed=2)
    run = train(students=STUDENTS[:1], source=data)
    assert_same(run, run.measure("sharpness"), ("sharpness",))
    assert_same(run, run.measure("all", source=data))
    with pytest.raises(mx.MethexisError, match=r"^source: expected the Samples .* projection"):
        run.measure("projection")
    with pytest.raises(mx.MethexisError, match=r"^source: expected 3 inputs, got 2"):
        run.measure("all", source=mx.Samples(data.x[:, :2], data.y))


def test_lost_networks_and_nonlinear_students_are_nan() -> None:
    run = train(students=[STUDENTS[0], mx.MLP((3,))], init=mx.init.gaussian(), measure=())
    found = run.measure("sharpness", at=0)
    assert np.isfinite(found["sharpness"][..., 0]).all()
    assert np.isnan(found["sharpness"][..., 1]).all()
    lost = train(optimiser=mx.SGD(lr=10.0), measure=())
    assert not lost.healthy.any()
    assert np.isnan(lost.measure("sharpness", at=300)["sharpness"]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sharp",), "^quantity: expected names among .* did you mean 'sharpness'"),
        (("sharpness", 7), r"^at: expected recorded steps \(3 from 0 to 300\), got 7"),
        (("sharpness", []), "^at: expected recorded steps"),
        (("sharpness", 0.5), "^at: expected recorded steps .*, got 0.5"),
    ],
)
def test_bad_input_is_one_sentence(arguments: tuple[Any, ...], message: str) -> None:
    run = train(replicas=1, measure=())
    quantity, *at = arguments
    with pytest.raises(mx.MethexisError, match=message):
        run.measure(quantity, at=at[0] if at else None)


def test_runs_of_before_say_so(tmp_path: Path) -> None:
    old = Path(__file__).parents[2] / "data" / "run_format_1"
    run = mx.open_run(shutil.copytree(old, tmp_path / "run"))
    with pytest.raises(mx.MethexisError, match=r"^measure: expected a run that holds its problem"):
        run.measure("sharpness")


def test_axis_alignment_is_that_of_the_layers_maps() -> None:
    """Private features included: every pair by itself, on the inputs that both see."""
    run = train(measure=())
    found = run.axis_alignment()
    assert found.dims == run.data["alignment"].dims
    assert found["layer_a"].equals(run.data["layer_a"])
    values = np.asarray(found)
    assert np.all(values <= 1.0 + 1e-12)
    assert np.allclose(np.diagonal(values, axis1=-2, axis2=-1), 1.0, atol=1e-12)
    maps = []
    moment = np.zeros((4, 4))
    moment[:3, :3], moment[3, 3] = TEACHER.cov_x, 0.5
    for k, student in enumerate(STUDENTS):
        h = np.eye(4)[:3] if student.view.num_private == 0 else np.eye(4)
        seen = student.view.input_matrix(3)
        entry = seen if student.embed_in is None else student.embed_in @ seen
        h = entry @ h
        for w in run.snapshots(k)[:-1]:
            h = w[1, 2] @ h
            maps.append(h)
    for i, a in enumerate(maps):
        for j, b in enumerate(maps):
            expected = mx.geometry.match_maps(a, b, moment).cosine
            assert values[1, 2, i, j] == pytest.approx(expected, abs=1e-12)


def test_neurons_of_nonlinear_students_are_matched_by_activations() -> None:
    data = TEACHER.samples(20, seed=0)
    run = mx.train(mx.MLP((3,), activation="tanh"), data, mx.SGD(lr=1e-3), steps=2, progress=None)
    with pytest.raises(mx.MethexisError, match="expected linear students, got activation 'tanh'"):
        run.axis_alignment()
