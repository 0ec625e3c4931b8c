"""Runs with nonlinear students, other losses and label noise: what is recorded of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.layers.charges import charges
from methexis.training.engines.reference import ReferenceEngine
from methexis.training.plan import make_plan
from methexis.training.records.checkpoint import load_checkpoint, save_checkpoint
from methexis.training.records.recording import Recorder
from tests.theory import brute

TEACHER = mx.Teacher.random(3, 2, noise=0.5, condition_x=3.0, condition_noise=4.0, seed=1)
THEORY = (
    "entropy", "entropy_projected", "entropy_ratio", "entropy_ratio_projected", "hessian_trace",
    "sharpness",
)  # fmt: skip


def classes(num: int = 60) -> mx.Samples:
    """Three classes that a network can tell apart."""
    generator = np.random.default_rng(2)
    x = generator.standard_normal((num, 4))
    return mx.Samples.classes(x, np.argmax(x @ generator.standard_normal((4, 3)), axis=1))


@pytest.fixture(scope="module")
def run() -> mx.Run:
    """Classifiers of two kinds."""
    return mx.train(
        [mx.MLP((6, 5)), mx.MLP((4,), activation="tanh", bias=False)], classes(),
        mx.SGD(lr=0.1), steps=600, batch=4, loss="cross_entropy", replicas=2, seed=3,
        init=mx.init.gaussian(2**0.5), record=[0, 100],
    )  # fmt: skip


def test_classifiers_learn(run: mx.Run) -> None:
    loss, accuracy = run.data["loss"].values, run.data["accuracy"].values
    assert np.all(loss[-1] < 0.5 * loss[0])
    # A third is chance; the classes are linear.
    assert np.all(accuracy[-1] > 0.8)
    assert np.all((accuracy >= 0) & (accuracy <= 1))
    assert np.isfinite(run.data["alignment"]).all()
    assert run.provenance["activation"] == ["relu", "tanh"]
    assert run.provenance["bias"] == [True, False]


def test_what_theory_does_not_know_is_nan_and_says_why(run: mx.Run) -> None:
    for name in (*THEORY, "alignment_projected", "theory_alignment", "imbalance"):
        assert np.isnan(run.data[name]).all()
    first, second = run.data["condition"].values
    assert "got activation 'relu' with biases" in first
    assert "got activation 'tanh' without biases" in second


def test_weights_and_biases_are_apart(run: mx.Run) -> None:
    assert run.tree["student_0"].attrs["charge_law"] == "diagonal"
    assert run.tree["student_1"].attrs["charge_law"] == "none"
    assert [w.shape for w in run.weights[0]] == [(2, 6, 4), (2, 5, 6), (2, 3, 5)]
    assert [b.shape for b in run.biases[0]] == [(2, 6), (2, 5), (2, 3)]
    assert run.biases[1] == []
    assert run.tree["student_0/biases_2"].dims == ("step", "replica", "unit_2")
    joined = [
        np.concatenate([w, b[..., None]], axis=-1)
        for w, b in zip(run.weights[0], run.biases[0], strict=True)
    ]
    for i, charge in enumerate(charges(joined, bias=True), start=1):
        found = run.tree[f"student_0/charges_{i}"].values[-1]
        assert_allclose(found, charge, rtol=0, atol=1e-14 * np.abs(charge).max())  # rounding


def test_activations(run: mx.Run) -> None:
    x = np.random.default_rng(0).standard_normal((7, 4))
    (w1, w2, _), (b1, b2, _) = run.weights[0], run.biases[0]
    h1 = np.maximum(x @ w1[1].T + b1[1], 0)
    h2 = np.maximum(h1 @ w2[1].T + b2[1], 0)
    assert_allclose(run.activations(x, layer=2, replica=1), h2, rtol=0, atol=1e-14)
    tanh = np.tanh(x @ run.weights[1][0][0].T)
    assert_allclose(run.activations(x, student=1), tanh, rtol=0, atol=1e-14)
    # Their alignment is the recorded one, since the reference inputs are all of the data.
    data = classes()
    a, b = run.activations(data.x, layer=1), run.activations(data.x, student=1)
    found = run.data["alignment"].sel(layer_a="0/h1", layer_b="1/h1")[-1, 0]
    assert_allclose(found, mx.geometry.align_samples(a, b).cosine, rtol=1e-12)


def test_round_trip_and_report(run: mx.Run, tmp_path: Path) -> None:
    again = mx.open_run(run.save(tmp_path / "run"))
    assert again.tree.identical(run.tree)
    assert np.array_equal(again.biases[0][2], run.biases[0][2])
    x = np.ones((1, 4))
    assert np.array_equal(again.activations(x, layer=2), run.activations(x, layer=2))
    page = mx.write_report(run, tmp_path / "report.html")
    assert "activation &#39;relu&#39;" in Path(page).read_text(encoding="utf-8")


@pytest.mark.parametrize("sampling", ["online", "replace", "full"])
@pytest.mark.parametrize("loss", ["squared", "whitened"])
def test_a_linear_mlp_is_an_edln(sampling: str, loss: str) -> None:
    source = TEACHER if sampling == "online" else TEACHER.samples(20, seed=0)
    view = mx.View.random(3, seed=2)
    settings: dict[str, Any] = {
        "steps": 70, "batch": 2, "sampling": sampling, "loss": loss, "replicas": 2,
    }  # fmt: skip
    plain = mx.train(mx.EDLN((4, 3), view=view), source, mx.SGD(lr=0.01), **settings)
    student = mx.MLP((4, 3), activation="identity", bias=False, view=view)
    run = mx.train(student, source, mx.SGD(lr=0.01), **settings)
    assert run.tree.equals(plain.tree)
    assert np.isfinite(run.data["entropy_ratio"]).all()


def test_mixed_students() -> None:
    linear = mx.EDLN.random(TEACHER, (4, 3), seed=3)
    settings: dict[str, Any] = {"steps": 1500, "replicas": 2, "seed": 1, "record": [0, 50]}
    alone = mx.train(linear, TEACHER, mx.SGD(lr=0.01), **settings)
    mixed = mx.train([linear, mx.MLP((5,))], TEACHER, mx.SGD(lr=0.01), **settings)
    for name in (*THEORY, "loss"):
        values = mixed.data[name].values
        assert np.array_equal(values[..., 0], alone.data[name].values[..., 0], equal_nan=True)
        assert np.isfinite(values[-1, :, 0]).all()
        assert np.isnan(values[..., 1]).all() == (name != "loss")
    assert mixed.data["condition"].values[0] == ""
    layers = ["0/h1", "0/h2"]
    for name in ("alignment", "alignment_projected"):
        block = mixed.data[name].sel(layer_a=layers, layer_b=layers)
        # The second moments of the reference inputs are exact, so only rounding differs.
        assert_allclose(block, alone.data[name], rtol=0, atol=1e-11)
    pairs = mixed.data["alignment"].sel(layer_a="1/h1")
    assert np.isfinite(pairs).all()
    projected = mixed.data["alignment_projected"].sel(layer_a="1/h1")
    assert np.isnan(projected).all()
    # The recorded loss is that of 1024 inputs; five standard errors of their mean square.
    plain = mx.MLP((5,))
    student_loss = mixed.data["loss"][-1, 0, 1]
    data = TEACHER.samples(20_000, seed=5)
    h = mixed.activations(data.x, student=1)
    rest = h @ mixed.weights[1][1][0].T + mixed.biases[1][1][0] - data.y
    costs = np.sum(rest**2, axis=1)
    assert plain.bias
    assert abs(costs.mean() - student_loss) < 5 * costs.std() * np.sqrt(1 / 1024 + 1 / 20_000)


def test_linear_students_with_cross_entropy() -> None:
    data = classes()
    students = [mx.EDLN((5,)), mx.EDLN((4, 4))]
    run = mx.train(
        students, data, mx.SGD(lr=0.05), steps=300, batch=4, loss="cross_entropy", record=[0]
    )
    assert np.isnan(run.data["entropy"]).all()
    assert "got 'cross_entropy'" in run.data["condition"].values[1]
    assert run.data["accuracy"][-1, 0, 0] > 0.8
    w = [[layer[0] for layer in layers] for layers in run.weights]
    maps = [w[0][0], w[1][0], w[1][1] @ w[1][0]]
    found = run.data["alignment"][-1, 0]
    assert_allclose(found, mx.geometry.gram_cosines(maps, data.cov_x), rtol=1e-12)
    last = np.linalg.svd(maps[0] @ np.linalg.cholesky(data.cov_x), compute_uv=False) ** 2
    assert_allclose(run.tree["student_0/spectrum_1"][-1, 0], last, rtol=1e-10)


SIGMA = xr.DataArray([0.2, 0.9], dims="sigma")


@pytest.mark.parametrize(
    ("sampling", "loss"),
    [
        ("shuffle", "cross_entropy"),
        ("full", "cross_entropy"),
        ("full", "squared"),
        ("replace", "whitened_running"),
        ("online", "whitened"),
    ],
)
def test_a_cell_alone(sampling: str, loss: str) -> None:
    if loss == "cross_entropy":
        source: Any = classes()
        sigma = None
    else:
        source = TEACHER if sampling == "online" else TEACHER.samples(20, seed=0)
        sigma = SIGMA
    students = [mx.MLP((4, 3)), mx.MLP((3,), activation="gelu", bias=False), mx.EDLN((4,))]
    lr = xr.DataArray([0.01, 0.002], dims="rate")
    settings: dict[str, Any] = {
        "steps": 70, "batch": 3, "sampling": sampling, "loss": loss, "replicas": 2, "record": [0],
    }  # fmt: skip
    noise = {} if sigma is None else {"label_noise": sigma}
    whole = mx.train(students, source, mx.SGD(lr=lr), **settings, **noise)
    one = {} if sigma is None else {"label_noise": 0.9}
    alone = mx.train(students, source, mx.SGD(lr=0.002), **settings, **one)
    here = whole.tree.isel({"rate": 1} | ({} if sigma is None else {"sigma": 1}))
    for node, same in zip(alone.tree.subtree, here.subtree, strict=True):
        for name, variable in node.data_vars.items():
            numbers = variable.dtype.kind == "f"
            assert np.array_equal(variable, same[name], equal_nan=numbers), name
    x = np.ones((5, source.dim_x))
    cells = (2,) if sigma is None else (2, 2)
    assert whole.activations(x, layer=2).shape[-2:] == (5, 3)
    assert whole.activations(x, layer=2).shape[:-2] == cells


@pytest.mark.parametrize("loss", ["squared", "whitened"])
def test_theory_of_label_noise(loss: str) -> None:
    student = mx.EDLN.random(TEACHER, (4, 3), seed=3)
    lr = {"squared": 0.01, "whitened": 0.001}[loss]  # at ten times that whitened runs are lost
    run = mx.train(
        student, TEACHER, mx.SGD(lr=lr), steps=100, loss=loss, label_noise=SIGMA, record=[0, 50]
    )
    assert not (run.data["diverged_step"] >= 0).any()
    metric = np.eye(2) if loss == "squared" else np.linalg.inv(TEACHER.cov_noise)
    for s, deviation in enumerate(SIGMA.values):
        noise = TEACHER.cov_noise + deviation**2 * np.eye(2)
        # The loss keeps its metric: as labels and outputs in other coordinates.
        root = np.linalg.cholesky(metric).T
        noisy = mx.Teacher(root @ TEACHER.weight, TEACHER.cov_x, root @ noise @ root.T)
        same = mx.EDLN((4, 3), student.embed_in, root @ student.embed_out, student.view)
        bound = float(run.tree["student_0"]["predicted_entropy"][s])
        assert abs(bound / mx.theory.entropy_bound(noisy, same) - 1) < 1e-10
        for row in range(3):
            weights = [w[row, s, 0] for w in run.snapshots(0)]
            found = run.data.isel(step=row, sigma=s, replica=0, student=0)
            expected = mx.theory.entropy(noisy, same, weights)
            assert_allclose(found["entropy"], expected, rtol=1e-10)  # conditions of the maps
            ratio = expected / mx.theory.entropy_bound(noisy, same)
            assert_allclose(found["entropy_ratio"], ratio, rtol=1e-10)
            curvature = mx.theory.hessian_trace(noisy, same, weights)
            assert_allclose(found["hessian_trace"], curvature, rtol=1e-10)


def test_theory_of_label_noise_on_a_data_set() -> None:
    data = TEACHER.samples(9, seed=0)
    student = mx.EDLN.random(TEACHER, (4, 3), seed=3)
    sigma = 0.7
    run = mx.train(
        student, data, mx.SGD(lr=0.01), steps=20, sampling="full", label_noise=sigma, record=[0]
    )
    # Every row four times, with noise that has the moments up to the second.
    points = sigma * np.sqrt(2) * np.vstack([np.eye(2), -np.eye(2)])
    rows = mx.Samples(
        np.repeat(data.x, 4, axis=0), np.repeat(data.y, 4, axis=0) + np.tile(points, (9, 1))
    )
    p = brute.plain(rows, student)
    weights = [w[-1, 0] for w in run.snapshots(0)]
    found = run.data.isel(step=-1, replica=0, student=0)
    assert_allclose(found["entropy"], brute.entropy(p, weights), rtol=1e-11)
    f = p.exit @ weights[2] @ weights[1] @ weights[0] @ p.entry
    mean_square = np.mean(np.sum((rows.x @ f.T - rows.y) ** 2, axis=1))
    assert_allclose(found["loss"], mean_square, rtol=1e-11)
    assert_allclose(run.data["slow_time"][-1], 0.01**2 * 20 / 9, rtol=1e-12)


def test_the_running_whitening_is_measured_by_what_it_settles_to() -> None:
    student = mx.EDLN.random(TEACHER, (4, 3), seed=3)
    settings: dict[str, Any] = {"steps": 50, "record": [0]}
    run = mx.train(student, TEACHER, mx.SGD(lr=0.01), loss="whitened_running", **settings)
    weights = [w[0] for w in run.weights[0]]
    found = run.data.isel(step=-1, replica=0, student=0)
    expected = mx.theory.entropy(TEACHER, student, weights, loss="whitened")
    assert_allclose(found["entropy"], expected, rtol=1e-10)
    noisy = mx.train(
        student, TEACHER, mx.SGD(lr=0.01), loss="whitened_running", label_noise=0.7, **settings
    )
    louder = mx.Teacher(TEACHER.weight, TEACHER.cov_x, TEACHER.cov_noise + 0.49 * np.eye(2))
    weights = [w[0] for w in noisy.weights[0]]
    expected = mx.theory.entropy(louder, student, weights, loss="whitened")
    assert_allclose(noisy.data["entropy"][-1, 0, 0], expected, rtol=1e-10)
    # Without noise in all directions nothing is settled to, and the plain loss is measured.
    silent = mx.Teacher(np.eye(2), cov_noise=[[1.0, 0.0], [0.0, 0.0]])
    student = mx.EDLN((3,))
    run = mx.train(student, silent, mx.SGD(lr=0.01), loss="whitened_running", **settings)
    expected = mx.theory.entropy(silent, student, [w[0] for w in run.weights[0]])
    assert_allclose(run.data["entropy"][-1, 0, 0], expected, rtol=1e-10)
    assert "invertible label-noise" in run.data["condition"].values[0]


def test_running_whitening_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    plan = make_plan(
        mx.MLP((4,)), TEACHER, mx.SGD(lr=0.01), steps=90, batch=2, sampling="online", paired=True,
        loss="whitened_running", init=mx.init.gaussian(), replicas=2, seed=0, dtype="float64",
        record=[0], engine="auto", label_noise=0.3,
    )  # fmt: skip
    whole = ReferenceEngine(plan)
    state = whole.start()
    whole.advance(state, 40)
    records = Recorder(plan).empty()
    records.done = 1  # as if the start were recorded
    maker = {"engine": "this one"}
    save_checkpoint(tmp_path / "c.npz", plan, state, records, [maker])
    whole.advance(state, 90)
    other = ReferenceEngine(plan)
    again = other.start()
    load_checkpoint(tmp_path / "c.npz", plan, again, Recorder(plan).empty(), maker)
    assert again.step == 40
    other.advance(again, 90)
    assert np.array_equal(again.residual_cov[0], state.residual_cov[0])
    assert np.array_equal(again.weights[0][1], state.weights[0][1])
    assert not np.array_equal(state.residual_cov[0], whole.start().residual_cov[0])


def test_a_lost_network_harms_no_neighbour() -> None:
    lr = xr.DataArray([0.01, 50.0], dims="rate")
    settings: dict[str, Any] = {"steps": 200, "batch": 2, "loss": "whitened_running"}
    run = mx.train([mx.MLP((4, 3), bias=True)], TEACHER, mx.SGD(lr=lr), **settings)
    assert run.data["diverged_step"].values.ravel().tolist() == [-1, 64]
    assert np.isnan(run.weights[0][0][1]).all()
    alone = mx.train([mx.MLP((4, 3), bias=True)], TEACHER, mx.SGD(lr=0.01), **settings)
    assert np.array_equal(run.weights[0][0][0], alone.weights[0][0])
    assert np.isfinite(alone.weights[0][0]).all()
