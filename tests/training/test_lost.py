"""Networks that diverge or collapse: marked with the step, NaN, and out of every summary."""

from __future__ import annotations

import numpy as np
import pytest

import methexis as mx
from methexis.core.checks import Array
from methexis.training.engines.state import CHECK_INTERVAL

TEACHER = mx.Teacher([[1.0], [0.0]])
STUDENT = mx.EDLN(hidden=(2,))


def start(scales: list[float]) -> list[Array]:
    """One replica per scale, near a minimum when the scale is 1."""
    first = np.stack([s * np.array([[1.0], [0.2]]) for s in scales])
    second = np.stack([s * np.array([[1.0, 0.1], [0.1, 0.2]]) for s in scales])
    return [first, second]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_divergence(dtype: str, momentum: float) -> None:
    # Replica 1 starts where the curvature is far beyond 2/η and overflows within a few steps, long
    # before the first check at step 64; steps in between are recorded.
    run = mx.train(
        [STUDENT], TEACHER, mx.SGD(lr=0.01, momentum=momentum), steps=100, replicas=3,
        init=[start([1.0, 40.0, 0.9])], record=range(0, 101, 5), dtype=dtype, seed=3,
    )  # fmt: skip
    assert run.data["diverged_step"].values.tolist() == [-1, CHECK_INTERVAL, -1]
    assert run.data["collapsed_step"].values.tolist() == [-1, -1, -1]
    assert run.healthy.tolist() == [True, False, True]
    for w in run.weights[0]:
        assert np.isnan(w[1]).all()
        assert np.isfinite(w[[0, 2]]).all()
    for name in ("loss", "entropy", "alignment", "theory_alignment", "sharpness", "imbalance"):
        values = run.data[name]
        assert np.isnan(values.isel(step=-1, replica=1)).all(), name
        assert np.isfinite(values.isel(replica=[0, 2])).all(), name
        # Means over what is there are never infinite, at steps before the check either.
        assert np.isfinite(values.mean("replica")).all(), name
    assert np.isnan(run.worst_pair()[-1, 1])
    # The lost replica has left the others alone.
    alone = mx.train(
        [STUDENT], TEACHER, mx.SGD(lr=0.01, momentum=momentum), steps=100, replicas=[0, 2],
        init=[start([1.0, 0.9])], record=[0], dtype=dtype, seed=3,
    )  # fmt: skip
    for w, v in zip(run.weights[0], alone.weights[0], strict=True):
        assert np.array_equal(w[[0, 2]], v)


def test_every_replica_lost() -> None:
    run = mx.train(
        [STUDENT], TEACHER, mx.SGD(lr=10.0), steps=200, replicas=2, record=range(0, 201, 10)
    )
    assert run.data["diverged_step"].values.tolist() == [CHECK_INTERVAL] * 2
    assert not run.healthy.any()
    assert np.isnan(run.data["loss"].values[-1]).all()


def test_divergence_at_the_end_is_marked() -> None:
    run = mx.train([STUDENT], TEACHER, mx.SGD(lr=10.0), steps=20)
    assert run.data["diverged_step"].values.tolist() == [20]
    assert np.isnan(run.weights[0][0]).all()


def test_one_student_lost_is_the_replica_lost() -> None:
    good = start([1.0])
    bad = [400.0 * w for w in good]
    run = mx.train([STUDENT] * 2, TEACHER, mx.SGD(lr=0.01), steps=64, init=[good, bad], seed=3)
    assert run.data["diverged_step"].values.tolist() == [64]
    assert np.isnan(run.weights[0][0]).all()


@pytest.mark.parametrize("sampling", ["online", "full"])
def test_collapse(sampling: str) -> None:
    # With κη = γB above the curvature at 0 the origin attracts: all weights decay like (1 - ηγ)^t,
    # here 0.8^t, and pass the bound of 1e-6 after 62 steps; noise only multiplies the weights.
    run = mx.train(
        [STUDENT], TEACHER, mx.SGD(lr=0.01, weight_decay=20.0), steps=300, batch=4,
        sampling=sampling, replicas=2, record=[0, 10, 50, 250],
    )  # fmt: skip
    marked = run.data["collapsed_step"].values
    assert ((marked == CHECK_INTERVAL) | (marked == 2 * CHECK_INTERVAL)).all()
    assert (run.data["diverged_step"].values == -1).all()
    assert not run.healthy.any()
    assert np.isnan(run.weights[0][0]).all()
    assert np.isfinite(run.data["alignment"].values[:3]).all()
    assert np.isnan(run.data["alignment"].values[3:]).all()


def test_lost_replicas_survive_saving(tmp_path: object) -> None:
    run = mx.train([STUDENT], TEACHER, mx.SGD(lr=10.0), steps=70)
    again = mx.open_run(run.save(f"{tmp_path}/run"))
    assert again.tree.identical(run.tree)
