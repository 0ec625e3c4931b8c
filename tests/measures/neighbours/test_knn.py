"""Nearest neighbours against all distances, by differences, sorted with ties by index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures.inputs.features import features
from methexis.measures.neighbours import knn
from methexis.measures.neighbours.rows import Rows

metrics = pytest.mark.parametrize("metric", knn.METRICS)


def by_sorting(x: Array, k: int, metric: str) -> list[list[int]]:
    """Every distance from the difference, every row sorted by distance and then by index."""
    x = x / np.abs(x).max() if np.abs(x).max() > 1e100 or np.abs(x).max() < 1e-100 else x
    if metric == "cosine":
        x = x / np.sqrt(np.einsum("ij,ij->i", x, x))[:, None]
    lists = []
    for i, row in enumerate(x):
        far = -x @ row if metric == "dot" else np.einsum("ij,ij->i", x - row, x - row)
        if metric == "cosine":  # equal cosines, which normalised rows give but for rounding
            far = far.round(13)
        others = [j for j in range(len(x)) if j != i]
        lists.append(sorted(others, key=lambda j, far=far: (far[j], j))[:k])
    return lists


def found(x: Any, k: int, metric: str, **settings: Any) -> list[list[int]]:
    precision = settings.pop("precision", "float64")
    return knn.nearest(features("X", x, precision=precision), k, metric=metric, **settings).tolist()


def samples(kind: str, n: int = 90, d: int = 5) -> Array:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, d))
    if kind == "far from zero":
        x += 1e6
    elif kind == "tight clusters":  # distances of 1e-4 inside, 1e6 between: products cancel
        x = 1e-4 * x + 1e6 * rng.normal(size=(6, d))[rng.integers(6, size=n)]
    elif kind == "an outlier":
        x[7] *= 1e9
    elif kind == "integers":  # many distances are equal
        x = rng.integers(-2, 3, size=(n, d)).astype(float)
        x[~x.any(axis=1)] = 1.0
    elif kind == "copies":
        x[n // 2 :] = x[: n - n // 2]
    elif kind == "tiny":
        x *= 1e-200  # squares vanish
    elif kind == "huge":
        x *= 1e200  # squares overflow
    return x


KINDS = (
    "plain",
    "far from zero",
    "tight clusters",
    "an outlier",
    "integers",
    "copies",
    "tiny",
    "huge",
)
#: Where directions or products agree to 12 digits, rounding of the test's own products decides.
CASES = [
    (metric, kind)
    for metric in knn.METRICS
    for kind in KINDS
    if metric == "euclidean" or kind not in {"far from zero", "tight clusters"}
]


@pytest.mark.parametrize(("metric", "kind"), CASES)
@pytest.mark.parametrize("block_bytes", [2**23, 2**12, 1])  # one block, several, a row at a time
def test_neighbours_are_those_of_all_distances(metric: str, kind: str, block_bytes: int) -> None:
    x = samples(kind)
    assert found(x, 7, metric, block_bytes=block_bytes) == by_sorting(x, 7, metric)


@metrics
@pytest.mark.parametrize("k", [1, 2, 17, 88, 89])
def test_any_number_of_neighbours(metric: str, k: int) -> None:
    x = samples("plain")
    assert found(x, k, metric, block_bytes=2**12) == by_sorting(x, k, metric)


@pytest.mark.parametrize("kind", ["plain", "integers", "copies", "an outlier"])
def test_single_precision_finds_the_same(kind: str) -> None:
    """What float32 products leave open is decided by differences in double precision."""
    x = samples(kind).astype(np.float32)
    assert found(x, 7, "euclidean", precision="float32") == by_sorting(
        x.astype(float), 7, "euclidean"
    )


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_scikit_learn_finds_the_same(metric: str) -> None:
    neighbors = pytest.importorskip("sklearn.neighbors")
    x = np.random.default_rng(0).normal(size=(300, 40))
    peer = neighbors.NearestNeighbors(n_neighbors=10, metric=metric, algorithm="brute").fit(x)
    assert found(x, 10, metric) == peer.kneighbors(return_distance=False).tolist()


@metrics
@pytest.mark.parametrize("kind", KINDS)
def test_torch_finds_the_same(metric: str, kind: str) -> None:
    torch = pytest.importorskip("torch")
    x = samples(kind)
    there = found(torch.asarray(x), 7, metric, block_bytes=2**12)
    assert there == found(x, 7, metric)


@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(4, 12), st.integers(1, 4)),
        elements=st.integers(-3, 3).map(float),
    ),
    st.integers(1, 11),
)
def test_ties_go_to_the_lower_index(x: Array, k: int) -> None:
    x[0, 0], x[1, 0] = -1.0, 1.0  # not all rows are equal
    k = min(k, len(x) - 1)
    assert found(x, k, "euclidean", block_bytes=64) == by_sorting(x, k, "euclidean")
    assert found(x, k, "dot", block_bytes=64) == by_sorting(x, k, "dot")


def test_a_full_ranking_begins_with_the_nearest() -> None:
    given_x = features("X", samples("integers"))
    for metric in knn.METRICS:
        lists = knn.nearest(given_x, 9, metric=metric)
        rows = Rows(given_x, metric)
        for row in (0, 40, 89):
            assert rows.ranking(row)[0][:9].tolist() == lists[row].tolist()


@pytest.mark.parametrize("kept", [5, 6])  # few beside all others, and not few
def test_products_are_those_of_the_rows(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knn, "GATHER_BYTES", 2**10)  # several blocks, of which the last is shorter
    given_x = features("X", samples("plain"))
    assert (knn.SCATTERED * kept < given_x.num_samples) == (kept == 5)
    for metric in ("cosine", "dot"):
        rows = knn.directions(given_x, metric)
        lists = knn.nearest(given_x, kept, metric=metric)
        all_of_them = np.take_along_axis(rows @ rows.T, lists, axis=1)
        ours = knn.products(given_x.xp, rows, lists)
        # Sums of five products, in any order.
        assert ours == pytest.approx(all_of_them, rel=1e-14, abs=1e-14)


def test_copies_are_named() -> None:
    x = samples("plain")
    assert knn.copies(features("X", x)) == []
    x[[20, 50, 51]] = x[[3, 3, 4]]
    assert knn.copies(features("X", x)) == [(20, 3), (50, 3), (51, 4)]


def test_bad_requests_are_refused() -> None:
    x = samples("plain", n=10)
    with pytest.raises(MethexisError, match=r"k: expected fewer neighbours .* \(9\), got 10"):
        found(x, 10, "euclidean")
    with pytest.raises(MethexisError, match="metric: expected one of"):
        found(x, 3, "manhattan")
