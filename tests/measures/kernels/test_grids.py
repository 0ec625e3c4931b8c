"""Inner products of many linear kernels: two ways that agree with kernels, in little memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.core.checks import Array
from methexis.errors import DegenerateWarning
from methexis.measures.kernels import grids
from methexis.measures.kernels.grids import LinearProducts, linear_products


def silent(done: int, total: int) -> None:
    del done, total


def some(n: int, widths: list[int], seed: int = 0, dtype: Any = np.float64) -> list[Array]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 4))
    return [
        (shared @ rng.normal(size=(4, d)) + rng.normal(size=(n, d)) + 1.0).astype(dtype)
        for d in widths
    ]


def made(rows: list[Array], columns: list[Array] | None, **words: Any) -> LinearProducts:
    given = {"centre": True, "precision": "float64", "budget": 2**30, "progress": silent} | words
    return linear_products(rows, columns, **given)


@pytest.mark.parametrize("way", ["gram", "cross"])
@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("centre", [False, True])
@pytest.mark.parametrize("block", [(32, 32), (40, 16), (75, 10), (4096, 256)])
def test_both_ways_give_the_sums_over_kernels(
    way: str, same: bool, centre: bool, block: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {"gram": (0, 1), "cross": (1, 0)}[way]
    monkeypatch.setattr(grids, "operations", lambda *_: chosen)
    monkeypatch.setattr(grids, "HEIGHT", block[0])
    monkeypatch.setattr(grids, "WIDTH", block[1])  # neither divides 75
    rows, columns = some(75, [3, 8, 5]), None if same else some(75, [4, 2], seed=1)
    found = made(rows, columns, centre=centre)

    def kernel(x: Array) -> Array:
        x = x - x.mean(axis=0) if centre else x
        return x @ x.T

    off = ~np.eye(75, dtype=bool)
    for i, x in enumerate(rows):
        assert found.own_a[i] == pytest.approx(np.sum(kernel(x)[off] ** 2), rel=1e-12)
        np.testing.assert_allclose(found.diagonals_a[i], np.diagonal(kernel(x)), rtol=1e-12)
        for j, y in enumerate(columns or rows):
            expected = np.sum(kernel(x)[off] * kernel(y)[off])
            assert found.cross[i, j] == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cka", {}),
        ("cka", {"debiased": True}),
        ("cka", {"debiased": True, "estimator": "lange"}),
        ("hsic", {"kernel": "linear"}),
        ("hsic", {"kernel": "linear", "debiased": True}),
        ("rv", {}),
        ("rv", {"modified": True}),
        ("gram_cosine", {}),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_grids_of_linear_kernels(name: str, options: dict[str, Any], dtype: str) -> None:
    """Straight from features as by kernels; single precision to 1e-6, its sums being in double."""
    a, b = some(400, [30, 50], dtype=dtype), some(400, [20, 60, 7], seed=2, dtype=dtype)
    direct = mx.compare_all(a, b, name, null="none", **options)
    assert direct.data.attrs["precision"] == dtype
    alone = np.array([[mx.compare(x, y, name, null="none", num_bootstrap=0, **options).score
                       for y in b] for x in a])  # fmt: skip
    tolerance = 1e-10 if dtype == "float64" else 1e-6
    np.testing.assert_allclose(direct.scores, alone, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("way", ["gram", "cross"])
@pytest.mark.parametrize("megabytes", [3, 12])
def test_memory_is_kept(way: str, megabytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The larger budget also keeps the centred features; every block of products is within."""
    chosen = {"gram": (0, 1), "cross": (1, 0)}[way]
    monkeypatch.setattr(grids, "operations", lambda *_: chosen)
    rows = some(1500, [100] * 6)  # 7 MB
    budget = megabytes * 2**20
    tracemalloc.start()
    found = made(rows, None, budget=budget)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < budget
    np.testing.assert_allclose(found.cross, made(rows, None).cross, rtol=1e-12)


@pytest.mark.parametrize("way", ["gram", "cross"])
def test_too_little_memory_says_how_much_is_enough(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {"gram": (0, 1), "cross": (1, 0)}[way]
    monkeypatch.setattr(grids, "operations", lambda *_: chosen)
    rows = some(500, [40] * 3)
    with pytest.raises(mx.MethexisError, match="memory: expected at least") as error:
        made(rows, None, budget=50_000)
    words = str(error.value).split("at least ")[1].split(" for")[0]
    made(rows, None, budget=mx.measures.budget.memory_bytes("memory", words))


def test_the_cheaper_way_is_taken() -> None:
    calls: list[tuple[int, int]] = []
    made(some(64, [40] * 4), None, progress=lambda *done: calls.append(done))
    assert calls[-1] == (1, 1)  # one block of kernels
    made(some(300, [4]), some(300, [5]), progress=lambda *done: calls.append(done))
    assert calls[-1] == (3, 3)  # one pair, two norms


@pytest.mark.parametrize("factor", [300.0, 3e3, 1e4, 1e7])
@pytest.mark.parametrize("aligned", [True, False])
def test_a_few_long_rows_do_not_cancel_debiased_scores(factor: float, aligned: bool) -> None:
    """As massive activations are: in single precision the sums of debiased kernels would cancel."""
    rng = np.random.default_rng(3)
    z = rng.normal(size=(500, 32))
    x, y = (aligned * z + rng.normal(size=z.shape) for _ in range(2))
    x[0] *= factor
    one, other = x.astype(np.float32), y.astype(np.float32)
    for options in ({}, {"estimator": "lange"}):
        grid = mx.compare_all([one], [other], "cka", debiased=True, null="none", **options)
        alone = mx.compare(
            one, other, "cka", debiased=True, null="none", num_bootstrap=0, **options
        )
        assert grid.scores[0, 0] == pytest.approx(alone.score, abs=2e-6)


def test_kernels_without_a_norm_score_nan_as_alone() -> None:
    """Identities: U-centred, nothing is left but rounding."""
    for size, dtype in ((200, np.float32), (50, np.float64)):
        x, y = (scale * np.eye(size, dtype=dtype) for scale in (3.7, 1.1))
        with pytest.warns(DegenerateWarning):
            grid = mx.compare_all([x], [y], "cka", debiased=True, null="none")
        assert np.isnan(grid.scores).all()


def test_features_far_from_zero_are_centred_in_single_precision() -> None:
    rng = np.random.default_rng(4)
    z = rng.normal(size=(300, 8))
    x, y = (np.asarray(z + rng.normal(size=z.shape) + 1e4, dtype=np.float32) for _ in range(2))
    grid = mx.compare_all([x], [y], "cka", null="none")
    assert grid.data.attrs["precision"] == "float32"
    assert grid.scores[0, 0] == pytest.approx(
        mx.compare(x, y, "cka", null="none", num_bootstrap=0).score, rel=1e-6
    )


def test_memory_of_very_many_layers_is_kept() -> None:
    rows = some(256, [20] * 600, dtype="float32")
    budget = 120 * 2**20
    tracemalloc.start()
    made(rows, None, budget=budget, precision="float32")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < budget
