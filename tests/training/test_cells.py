"""Hyper-parameters with named dimensions: their join, and that a cell alone has its bits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import methexis as mx
from methexis.progress import Report
from methexis.training import loop
from methexis.training.cells import join
from methexis.training.records import checkpoint

LR = xr.DataArray([0.001, 0.004], coords={"lr": [0.001, 0.004]})
MOMENTUM = xr.DataArray([0.0, 0.5, 0.3], dims="beta")
SEED = xr.DataArray([3, 4], dims="trial")


def seeds(values: list[Any]) -> mx.Run:
    seed = xr.DataArray(values, dims="trial")
    return mx.train(mx.EDLN(hidden=(1,)), mx.Teacher([[1.0]]), mx.SGD(lr=0.1), steps=1, seed=seed)


def decay_beyond_one() -> mx.Run:
    """Harmless each by itself, but not in the last of the four cells."""
    lr, decay = xr.DataArray([0.1, 0.5], dims="a"), xr.DataArray([1.0, 4.0], dims="b")
    optimiser = mx.SGD(lr=lr, weight_decay=decay)
    return mx.train(mx.EDLN(hidden=(1,)), mx.Teacher([[1.0]]), optimiser, steps=1)


def train(students: list[mx.EDLN], source: Any, optimiser: Any, **changes: Any) -> mx.Run:
    settings: dict[str, Any] = {
        "steps": 100, "batch": 2, "replicas": 2, "seed": 4, "record": [0, 40],
    }  # fmt: skip
    return mx.train(students, source, optimiser, **(settings | changes))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("sampling", ["online", "replace", "shuffle", "full"])
def test_a_cell_alone(
    students: list[mx.EDLN], teacher: mx.Teacher, data: mx.Samples, sampling: str, dtype: str
) -> None:
    source = data if sampling in ("replace", "shuffle") else teacher
    settings = {"sampling": sampling, "dtype": dtype}
    optimiser = mx.SGD(lr=LR, momentum=MOMENTUM, weight_decay=0.1)
    whole = train(students, source, optimiser, seed=SEED, **settings)
    for lr, beta, seed in ((0, 0, 0), (1, 2, 1), (1, 1, 0)):
        plain = mx.SGD(lr=float(LR[lr]), momentum=float(MOMENTUM[beta]), weight_decay=0.1)
        alone = train(students, source, plain, seed=int(SEED[seed]), **settings)
        here = whole.tree.isel(lr=lr, beta=beta, trial=seed)
        for node, same in zip(alone.tree.subtree, here.subtree, strict=True):
            for name, variable in node.data_vars.items():
                numbers = variable.dtype.kind == "f"
                assert np.array_equal(variable, same[name], equal_nan=numbers), name


def test_gradient_flow_has_cells(students: list[mx.EDLN], teacher: mx.Teacher) -> None:
    whole = train(students, teacher, mx.GradientFlow(lr=LR))
    alone = train(students, teacher, mx.GradientFlow(lr=float(LR[1])))
    for w, v in zip(whole.weights[1], alone.weights[1], strict=True):
        assert np.array_equal(w[1], v)


def test_every_hyper_parameter_alone(students: list[mx.EDLN], teacher: mx.Teacher) -> None:
    """One optimiser after another, with one cell where the parameter is off."""
    cases: list[tuple[type[Any], dict[str, list[float]]]] = [
        (mx.SGD, {"momentum": [0.0, 0.6], "l2": [0.0, 0.2], "weight_decay": [0.0, 0.3]}),
        (mx.Adam, {"beta1": [0.0, 0.9], "beta2": [0.9, 0.999], "eps": [1e-8, 1e-3]}),
        (mx.RMSProp, {"beta2": [0.5, 0.99], "eps": [1e-8, 1e-3]}),
        (mx.SAM, {"rho": [0.0, 0.05]}),
        (mx.SignSGD, {"l2": [0.0, 0.2]}),
    ]
    for make, options in cases:
        for name, values in options.items():
            own = {name: xr.DataArray(values, dims="option")}
            whole = train(students, teacher, make(lr=0.002, **own), steps=20, record=[0])
            for i, value in enumerate(values):
                alone = train(
                    students, teacher, make(lr=0.002, **{name: value}), steps=20, record=[0]
                )
                for w, v in zip(whole.weights[1], alone.weights[1], strict=True):
                    assert np.array_equal(w[i], v), (make.__name__, name, value)
            ends = whole.weights[1][0]
            assert not np.array_equal(ends[0], ends[1]), (make.__name__, name)


@pytest.mark.parametrize("sampling", ["online", "shuffle"])
def test_label_noise_varies(
    students: list[mx.EDLN], teacher: mx.Teacher, data: mx.Samples, sampling: str
) -> None:
    source = teacher if sampling == "online" else data
    noise = xr.DataArray([0.0, 0.3, 2.0], coords={"sigma": [0.0, 0.3, 2.0]})
    whole = train(students, source, mx.SGD(lr=0.002), label_noise=noise, sampling=sampling)
    for i, level in enumerate(noise.values):
        alone = train(
            students, source, mx.SGD(lr=0.002), label_noise=float(level), sampling=sampling
        )
        for w, v in zip(whole.weights[1], alone.weights[1], strict=True):
            assert np.array_equal(w[i], v)
        cell = whole.cell(sigma=float(level))
        for k in range(len(students)):
            ours, theirs = (run.tree[f"student_{k}"] for run in (cell, alone))
            assert ours.attrs == theirs.attrs  # closed forms at this level
            assert ours.data_vars.keys() == theirs.data_vars.keys()
        for name, variable in alone.data.data_vars.items():
            assert variable.variable.equals(cell.data[name].variable), name
    assert "sigma" not in whole.data["slow_time"].dims
    assert whole.tree["student_0"]["predicted_entropy"].dims == ("sigma",)
    assert whole.tree["student_0"]["universal_kernel"].dims == ("sigma", "input", "input_b")


def test_cells_of_equal_seed_see_equal_samples(teacher: mx.Teacher) -> None:
    # A learning rate and its double: after one step from the same start the moves are as 1 to 2.
    student, lr = mx.EDLN(hidden=(4,)), xr.DataArray([2.0**-8, 2.0**-7], dims="lr")
    run = mx.train(
        student, teacher, mx.SGD(lr=lr), steps=1, replicas=3, seed=SEED, record=[0], batch=2
    )
    for w in run.snapshots(0):
        assert np.array_equal(w[0, 0], w[0, 1])
        assert not np.array_equal(w[0, :, 0], w[0, :, 1])  # seeds differ
        moves = w[1] - w[0]
        assert np.allclose(moves[1], 2 * moves[0], rtol=1e-9)  # rounding of W - ηG


def test_a_lost_cell_leaves_the_others_alone(teacher: mx.Teacher) -> None:
    student, lr = mx.EDLN(hidden=(3,)), xr.DataArray([0.001, 9.0, 0.002], dims="lr")
    run = mx.train(student, teacher, mx.SGD(lr=lr), steps=200, replicas=2, record=[0, 64])
    assert run.healthy.tolist() == [[True, True], [False, False], [True, True]]
    assert run.data["diverged_step"].values.tolist() == [[-1, -1], [64, 64], [-1, -1]]
    alone = mx.train(student, teacher, mx.SGD(lr=0.002), steps=200, replicas=2, record=[0, 64])
    assert np.array_equal(run.weights[0][1][2], alone.weights[0][1])
    assert np.isnan(run.weights[0][0][1]).all()


def test_weights_per_cell(teacher: mx.Teacher) -> None:
    student, lr = mx.EDLN(hidden=(4,)), xr.DataArray([0.001, 0.002, 0.003], dims="lr")
    generator = np.random.default_rng(0)
    shapes = [(4, 3), (2, 4)]
    lead: tuple[int, ...]
    for lead in ((), (2,), (3, 2)):
        start = [generator.standard_normal((*lead, *shape)) for shape in shapes]
        run = mx.train(
            student, teacher, mx.SGD(lr=lr), steps=1, replicas=2, init=[start], record=[0]
        )
        for w, given in zip(run.snapshots(0), start, strict=True):
            assert np.array_equal(w[0], np.broadcast_to(given, w[0].shape))
    with pytest.raises(mx.MethexisError, match=re.escape("or, with cells, (3, 2, 4, 3), got (3, ")):
        mx.train(
            student, teacher, mx.SGD(lr=lr), steps=1, replicas=2,
            init=[[np.ones((3, 4, 3)), np.ones((2, 4))]],
        )  # fmt: skip


def test_results_follow_the_cells(students: list[mx.EDLN], teacher: mx.Teacher) -> None:
    schedule = mx.schedules.cosine(0.1)
    decay = xr.DataArray([0.0, 0.1], dims="gamma")
    optimiser = mx.SGD(lr=LR, momentum=MOMENTUM, weight_decay=decay, schedule=schedule)
    run = train(students, teacher, optimiser, seed=SEED)
    assert run.cells == {"lr": 2, "gamma": 2, "beta": 3, "trial": 2}
    data = run.data
    assert data["loss"].dims == ("step", "lr", "gamma", "beta", "trial", "replica", "student")
    assert data["lr"].values.tolist() == LR.values.tolist()
    assert data["learning_rate"].dims == ("step", "lr")
    assert data["slow_time"].dims == ("step", "lr", "beta")
    one = mx.SGD(lr=0.004, momentum=0.5, schedule=schedule)
    expected = one.slow_time(np.array([0, 40, 100]), 100, 2)
    assert np.array_equal(data["slow_time"][:, 1, 1], expected)
    assert np.array_equal(data["learning_rate"][0], LR)
    lead = (2, 2, 3, 2, 2)
    assert run.worst_pair().shape == (3, *lead)
    assert run.healthy.shape == lead
    assert run.weights[0][0].shape == (*lead, 4, 3)
    assert run.biases == [[], []]
    x = np.eye(3)
    found = run.activations(x, student=1, layer=2, replica=1)
    assert found.shape == (*lead[:-1], 3, 5)
    cell = run.cell(lr=0.004, beta=2, trial=1, gamma=0)
    assert np.array_equal(cell.activations(x, student=1, layer=2, replica=1), found[1, 0, 2, 1])


def test_one_cell(students: list[mx.EDLN], teacher: mx.Teacher) -> None:
    run = train(students, teacher, mx.SGD(lr=LR, momentum=MOMENTUM), seed=SEED)
    part = run.cell(trial=1)
    assert part.cells == {"lr": 2, "beta": 3}
    assert part.provenance["seed"] == 4
    assert part.provenance["optimiser"]["lr"] == run.provenance["optimiser"]["lr"]
    assert part.provenance["cell"] == {"trial": 1}
    one = part.cell(lr=0.004, beta=1)
    assert one.cells == {}
    assert one.provenance["cell"] == {"trial": 1, "lr": 0.004, "beta": 1}
    assert "cells" not in one.provenance
    alone = train(students, teacher, mx.SGD(lr=0.004, momentum=0.5), seed=4)
    assert one.provenance["optimiser"] == alone.provenance["optimiser"]
    for node, same in zip(alone.tree.subtree, one.tree.subtree, strict=True):
        for name, variable in node.data_vars.items():
            assert variable.variable.equals(same[name].variable), name
    for labels, message in (
        ({"lr": 0.005}, "cell: expected one value of lr, got 0.005"),
        ({"beta": 3}, "cell: expected one value of beta, got 3"),
        ({"replica": 0}, "cell: expected one of the dimensions lr, beta, trial, got 'replica'"),
    ):
        with pytest.raises(mx.MethexisError, match=message):
            run.cell(**labels)
    with pytest.raises(mx.MethexisError, match="cell: expected one of the dimensions none, got"):
        alone.cell(lr=0.1)


def test_saved_with_all_coordinates(teacher: mx.Teacher, tmp_path: Path) -> None:
    lr = xr.DataArray(
        [0.001, 0.002],
        dims="rate",
        coords={"rate": ["low", "high"], "decade": ("rate", [-3, -2]), "who": "me"},
    )
    seed = xr.DataArray([5, 6], coords={"even": [False, True]})
    run = mx.train(mx.EDLN(hidden=(3,)), teacher, mx.SGD(lr=lr), steps=3, seed=seed)
    assert run.cell(rate="high").provenance["optimiser"]["lr"] == 0.002
    assert run.data["decade"].values.tolist() == [-3, -2]
    again = mx.open_run(run.save(tmp_path / "run"))
    assert again.tree.identical(run.tree)
    assert again.cell(even=True, rate="low").provenance["seed"] == 6


def test_resumes(students: list[mx.EDLN], teacher: mx.Teacher, tmp_path: Path) -> None:
    path = tmp_path / "run.npz"

    def start(lr: xr.DataArray, progress: Any = None) -> mx.Run:
        optimiser = mx.Adam(lr=lr, weight_decay=0.1)
        return train(
            students, teacher, optimiser, seed=SEED, checkpoint=path, progress=progress, steps=500
        )

    def stop(report: Report) -> None:
        if path.exists() and report.step < 500:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0.0)
        patch.setattr(checkpoint, "_WORK_PER_WRITING", 0.0)
        patch.setattr(loop, "paced", lambda *_: 16)
        with pytest.raises(KeyboardInterrupt):
            start(LR, stop)
    assert path.exists()
    for other in (LR + 0.001, LR.assign_coords(lr=[1, 2]), LR.rename(lr="rate")):
        with pytest.raises(mx.MethexisError, match="expected one of this very run"):
            start(other)
    resumed = start(LR)
    path.unlink()
    assert resumed.tree.equals(start(LR).tree)


def test_too_many_cells_are_refused_before_they_are_made(teacher: mx.Teacher) -> None:
    lr = xr.DataArray(np.linspace(0.001, 0.002, 10**6), dims="lr")
    seed = xr.DataArray(np.arange(10**6), dims="trial")
    with pytest.raises(mx.MethexisError, match=r"memory: .* for 1000000000000 networks"):
        mx.train(mx.EDLN(hidden=(1,)), teacher, mx.SGD(lr=lr), steps=1, seed=seed)


def test_the_join() -> None:
    both = xr.DataArray([[1.0, 2.0], [3.0, 4.0]], dims=("b", "a"), coords={"a": [10, 20]})
    cells = join({"lr": xr.DataArray([0.1, 0.2], coords={"a": [10, 20]}), "rho": both, "eps": 7.0})
    assert cells.sizes == {"a": 2, "b": 2}
    assert cells.values("lr").tolist() == [0.1, 0.1, 0.2, 0.2]
    assert cells.values("rho").tolist() == [1.0, 3.0, 2.0, 4.0]
    assert cells.per_network("eps", 2).tolist() == [7.0] * 8
    assert join({"lr": 0.1}).num_cells == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: join({"lr": LR, "rho": xr.DataArray([1.0, 2.0], coords={"lr": [1.0, 2.0]})}),
            "rho: expected the coordinates 'lr' of lr, (0.001, 0.004), got (1.0, 2.0)",
        ),
        (
            lambda: join({"lr": LR, "rho": xr.DataArray([1.0] * 3, dims="lr")}),
            "rho: expected 2 values along 'lr' as in lr, got 3",
        ),
        (lambda: mx.SGD(lr=xr.DataArray([0.1, -0.1], dims="a")), "lr: expected a finite number > "),
        (lambda: mx.SGD(lr=xr.DataArray([0.1, 0.2])), "lr: expected named dimensions, DataArray("),
        (lambda: mx.SGD(lr=xr.DataArray([0.1], dims="step")), "got 'step', which results have"),
        (lambda: mx.SGD(lr=xr.DataArray(["a"], dims="a")), "lr: expected real numbers, got dtype"),
        (lambda: mx.SGD(lr=xr.DataArray(np.ones(0), dims="a")), "at least one value along 'a'"),
        (lambda: mx.SGD(lr=xr.DataArray([1.0], dims="loss")), "got 'loss', which results have"),
        (lambda: mx.SGD(lr=LR, momentum=1.0), "momentum: expected a finite number >= 0 and < 1"),
        (lambda: mx.Adam(lr=LR, beta2=xr.DataArray([0.9, 1.0], dims="b")), "beta2: expected a fin"),
        (
            lambda: join({"lr": LR.assign_coords(lr=np.array([0, 1], dtype="M8[D]"))}),
            "lr: expected numbers or strings as coordinate 'lr', got dtype datetime64",
        ),
        (
            lambda: join({"lr": LR.expand_dims(loss=[1.0]).isel(loss=0)}),
            "lr: expected another name for a coordinate, got 'loss', which results have",
        ),
        (decay_beyond_one, "weight_decay: expected lr * weight_decay < 1 (else weights ch"),
        (lambda: seeds([1.5]), "seed: expected integers, got dtype float64"),
        (lambda: seeds([3, -1]), "seed: expected an integer in [0, 18446744073709551615], got -1"),
        (lambda: mx.SGD(lr=[0.1, 0.2]), "lr: expected one number, or for several values an array"),
        (lambda: mx.SGD(lr=np.array([0.1])), "xarray.DataArray(values, dims='lr'), got ndarray"),
        (lambda: mx.Adam(lr=0.1, beta1=(0.1,)), "beta1: expected one number, or for several"),
    ],
)
def test_bad_cells_are_refused(make: Any, message: str) -> None:
    with pytest.raises(mx.MethexisError, match=re.escape(message)) as caught:
        make()
    assert len(str(caught.value).splitlines()) == 1
