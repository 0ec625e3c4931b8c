"""Hyper-parameters with named dimensions: their join, and that a cell alone has its bits."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import xarray as xr

import methexis as mx
from methexis.training.cells import join

LR = xr.DataArray([0.001, 0.004], coords={"lr": [0.001, 0.004]})
MOMENTUM = xr.DataArray([0.0, 0.5, 0.3], dims="beta")
SEED = xr.DataArray([3, 4], dims="trial")


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
    ],
)
def test_bad_cells_are_refused(make: Any, message: str) -> None:
    with pytest.raises(mx.MethexisError, match=re.escape(message)) as caught:
        make()
    assert len(str(caught.value).splitlines()) == 1
