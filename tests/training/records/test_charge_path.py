"""Charges of a run: computed when they are read, whole or in part, always the same numbers."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import methexis as mx
from methexis.core.layers.charges import charges
from methexis.training.records import charge_path as module

TEACHER = mx.Teacher.random(3, 2, seed=0)
RATES = xr.DataArray([0.01, 0.02, 5.0], coords={"lr": [0.01, 0.02, 5.0]})
#: Indices of (step, lr, replica, unit, unit), of all kinds that xarray knows as positions.
KEYS: list[Any] = [
    (-1,),
    (slice(None, None, -3), 1),
    (0, 1, 2, 3, 3),
    (slice(0, 0),),
    (slice(None), slice(None), [2, 0]),
    (slice(2, 5), 1, 0, slice(1, 3), 2),
]


def trained(student: mx.EDLN | mx.MLP, dtype: str = "float64") -> mx.Run:
    """Nine networks, three of which are lost on the way."""
    return mx.train(student, TEACHER, mx.SGD(lr=RATES), steps=200, replicas=3, dtype=dtype)


def charges_of(run: mx.Run, i: int) -> xr.DataArray:
    """What a run holds of one interface."""
    return run.tree["student_0"].to_dataset()[f"charges_{i}"]


def expected(run: mx.Run) -> list[np.ndarray]:
    """All charges, from the weights and biases that the run has."""
    weights = [w.astype(np.float64) for w in run.snapshots(0)]
    biases = run.bias_snapshots(0)
    if biases:
        pairs = zip(weights, biases, strict=True)
        weights = [np.concatenate([w, b[..., None]], axis=-1) for w, b in pairs]
    with np.errstate(over="ignore", invalid="ignore"):
        return charges(weights, bias=bool(biases))


@pytest.mark.parametrize("student", [mx.MLP((4, 5)), mx.EDLN((4, 5))], ids=["biases", "linear"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_parts_and_whole_are_those_of_the_weights(student: mx.EDLN | mx.MLP, dtype: str) -> None:
    run = trained(student, dtype)
    for i, whole in enumerate(expected(run), start=1):
        assert np.isnan(whole[-1]).any()
        assert np.isfinite(whole[-1]).any()
        path = charges_of(run, i)
        for _ in ("unread", "read"):
            for key in KEYS:
                np.testing.assert_array_equal(path[key].values, whole[key], strict=True)
            steps, rates = (xr.DataArray(at, dims="z") for at in ([0, 3], [1, 0]))
            pairs = path.isel(step=steps, lr=rates)
            np.testing.assert_array_equal(pairs.values, whole[[0, 3], [1, 0]])
            turned = path.transpose(*reversed(path.dims))
            np.testing.assert_array_equal(turned.values, whole.transpose())
            np.testing.assert_array_equal(path.values, whole, strict=True)


def test_nothing_is_computed_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[tuple[int, ...]] = []
    real = module.charge_path

    def counted(before: Any, after: Any, *, bias: bool) -> Any:
        computed.append(before.shape)
        return real(before, after, bias=bias)

    monkeypatch.setattr(module, "charge_path", counted)
    run = trained(mx.MLP((4, 5)))
    path = charges_of(run.cell(lr=0.02), 2)
    assert repr(path)
    assert path.nbytes > 0
    assert not computed
    assert path[-1].values.shape == (3, 5, 5)
    assert computed == [(3, 5, 5)]  # one record of one cell: three networks, weights (5, 4 + 1)
    for _ in range(2):
        assert np.array_equal(charges_of(run, 2).values, expected(run)[1], equal_nan=True)
    assert len(computed) == 2


def test_copies_and_stores_hold_the_same(tmp_path: Path) -> None:
    run = trained(mx.EDLN((4, 5)))
    run.save(tmp_path / "run")
    trees = [
        copy.deepcopy(run.tree),
        pickle.loads(pickle.dumps(run.tree)),
        mx.open_run(tmp_path / "run").tree,
    ]
    for i, whole in enumerate(expected(run), start=1):
        for tree in (run.tree, *trees):
            held = tree["student_0"].to_dataset()[f"charges_{i}"]
            np.testing.assert_array_equal(held.values, whole)


def test_a_copy_is_written_to_alone() -> None:
    path = charges_of(trained(mx.EDLN((4,))), 1)
    changed = path.copy()
    changed[0] = 7.0
    assert (changed.values[0] == 7.0).all()
    assert not (path.values[0] == 7.0).any()
