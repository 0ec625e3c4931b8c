"""Stores of two models: samples find each other by what they are, or are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.errors import MethexisError
from methexis.measures.inputs.joining import SampleNames, joined
from methexis.probes import probe

torch = pytest.importorskip("torch")
nn = torch.nn

X = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))


def model(seed: int) -> Any:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh())


def test_the_same_samples_stay_mapped(tmp_path: Path) -> None:
    one = probe(model(0), X, out=tmp_path / "a.zarr")
    other = probe(model(1), X, out=tmp_path / "b.zarr", batch_size=7)
    pair = joined(one, other)
    assert pair[0] is one
    assert pair[1] is other


@pytest.mark.parametrize("how", ["compare_all", "compare", "measure", "closer", "nearest", "dict"])
def test_another_order_is_undone(tmp_path: Path, how: str) -> None:
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    one = probe(model(0), X, out=tmp_path / "a.zarr")
    same = probe(model(1), X, out=tmp_path / "b.zarr")
    other = probe(model(1), X[order], out=tmp_path / "c.zarr")

    def score(b: Any) -> float:
        if how == "compare_all":
            return float(mx.compare_all(one, b, "cka", null="none").scores[0, 0])
        if how == "dict":
            return float(mx.compare_all({"one": one}, {"b": b}, "cka", null="none").scores[0, 0])
        if how == "compare":
            return mx.compare(one.layers[0], b.layers[0], "cka", num_bootstrap=0).score
        if how == "closer":
            return mx.closer(one.layers[0], b.layers[0], b.layers[1], "cka").scores[0]
        if how == "nearest":
            return float(mx.nearest(one.layers[0], b, "cka").scores[0])
        return float(mx.measures.cka(one.layers[0], b.layers[0]))

    assert np.isclose(
        score(same), score(other), rtol=1e-6
    )  # sums in another order, single precision
    unpaired = [np.asarray(layer.array) for layer in other]
    plain = float(mx.measures.cka(np.asarray(one.layers[0].array), unpaired[0]))
    assert abs(plain - score(same)) > 0.01  # which rows as they lie do not give


def test_samples_in_common_are_compared(tmp_path: Path) -> None:
    one = probe(model(0), X[:30], out=tmp_path / "a.zarr")
    other = probe(model(1), X[10:], out=tmp_path / "b.zarr")
    grid = mx.compare_all(one, other, "cka", null="none")
    right = mx.measures.cka(one.layers[0].array[10:], other.layers[0].array[:20])
    assert np.isclose(float(grid.scores[0, 0]), right)
    pair = joined(one, other)
    assert "20 of 30 samples, paired by what they are" in pair[0].layers[0].notes


def test_other_data_are_refused(tmp_path: Path) -> None:
    one = probe(model(0), X, out=tmp_path / "a.zarr")
    other = probe(model(1), X + 1, out=tmp_path / "b.zarr")
    with pytest.raises(MethexisError, match="0 are among its 40: the data differ"):
        mx.compare_all(one, other)
    with pytest.raises(MethexisError, match="0 are among its 40: the data differ"):
        mx.compare(one.layers[0], other.layers[0])


def test_names_that_were_given_pair_other_inputs(tmp_path: Path) -> None:
    names = [f"sample {k}" for k in range(40)]
    one = probe(model(0), X, ids=names, out=tmp_path / "a.zarr")
    other = probe(model(1), 2 * X.flip(0), ids=names[::-1], out=tmp_path / "b.zarr")
    plain = probe(model(1), X, out=tmp_path / "c.zarr")
    pair = joined(one, other)
    with torch.no_grad():
        assert np.allclose(pair[1].layers[0].array, model(1)[0](2 * X).numpy(), atol=1e-5)
    with pytest.raises(MethexisError, match="expected samples known by given names, as in"):
        joined(one, plain)


def test_arrays_of_others_are_paired_as_they_lie(tmp_path: Path) -> None:
    one = probe(model(0), X, out=tmp_path / "a.zarr")
    assert mx.compare_all(one, {"x": X.numpy()}, "cka", null="none").scores.shape == (2, 1)


def test_a_layer_may_be_what_a_score_is_read_against(tmp_path: Path) -> None:
    one, other, third = (
        probe(model(seed), x, out=tmp_path / f"{seed}.zarr").layers[0]
        for seed, x in ((0, X), (1, X), (2, X.flip(0)))
    )
    found = mx.compare(one, other, "cka", references={"third": third}, num_bootstrap=0)
    plain = mx.measures.cka(one.array, np.asarray(third.array)[::-1])
    levels = found.levels
    assert levels is not None
    assert np.isclose(levels.named("third").score, plain)


def test_equal_samples_are_told_by_which_they_are() -> None:
    keys = np.array([[1], [1], [2], [3], [4]], np.uint8)
    one = SampleNames("inputs", keys)

    class Layer:
        def __init__(self, samples: SampleNames) -> None:
            self.samples = samples

        def taken(self, rows: Any) -> Any:
            return rows.tolist()

    pair = joined(Layer(one), Layer(SampleNames("inputs", keys[::-1])))
    assert pair[1] == [3, 4, 2, 1, 0]
