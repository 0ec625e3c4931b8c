"""Distances by one product of matrices are those of SciPy, also where the product loses digits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import rankdata

from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import rdm, rsa
from methexis.measures.dissimilarity.dissimilarities import DISSIMILARITIES, squared_distances
from methexis.measures.dissimilarity.ranks import average_ranks
from tests.measures.cases import related

SCIPY = {"squared": "sqeuclidean"}
EPS = np.finfo(np.float64).eps


@pytest.mark.parametrize("kind", DISSIMILARITIES)
def test_agrees_with_scipy(kind: str) -> None:
    for x in (*related(), *related(n=12, dx=40, dy=30)):
        found = rdm(x, kind)
        want = pdist(x, SCIPY.get(kind, kind))
        assert (
            np.abs(found.condensed - want).max() < 1e-12 * want.max()
        )  # rounding of SciPy's 1 - r
        assert found.dissimilarity == kind


@pytest.mark.parametrize("kind", DISSIMILARITIES)
def test_torch_agrees(kind: str) -> None:
    torch = pytest.importorskip("torch")
    x = related()[0]
    there = rdm(torch.asarray(x), kind)
    assert isinstance(there.matrix, torch.Tensor)
    # Twice the stated error of 512 units.
    assert there.condensed.numpy() == pytest.approx(rdm(x, kind).condensed, rel=1024 * EPS)


def clouds() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    centres = np.repeat(rng.normal(size=(10, 64)), 6, axis=0)
    return {
        "far from the origin": rng.normal(size=(60, 64)) + 1e6,
        "clusters": centres
        + 0.12 * rng.normal(size=(60, 64)),  # within 1/128 of the lengths, about
        "tight clusters": centres + 1e-7 * rng.normal(size=(60, 64)),
        "outlier": np.vstack([rng.normal(size=(59, 64)), np.full((1, 64), 1e8)]),
        "heavy tails": rng.standard_t(2, size=(60, 64)),
    }


@pytest.mark.parametrize("name", clouds())
def test_every_distance_is_right_to_512_units_of_rounding(name: str) -> None:
    x = clouds()[name]
    exact = ((x[:, None].astype(np.longdouble) - x[None]) ** 2).sum(axis=2)
    found = squared_distances(np, x)
    off = ~np.eye(len(x), dtype=bool)
    assert np.max(np.abs(found - exact)[off] / exact[off]) < 512 * EPS


def test_the_plain_product_would_fail_there() -> None:
    """What the nearness rule is for: centring alone leaves no digit, and negative distances."""
    x = clouds()["tight clusters"]
    centred = x - x.mean(axis=0)
    lengths = np.sum(centred**2, axis=1)
    plain = lengths[:, None] + lengths[None, :] - 2.0 * centred @ centred.T
    exact = pdist(x, "sqeuclidean")
    assert np.max(np.abs(plain[np.triu_indices(60, 1)] - exact) / exact) > 0.01


def test_duplicates_are_at_zero_exactly() -> None:
    x = np.repeat(np.random.default_rng(0).normal(size=(8, 5)) * 1e3 + 7.0, 3, axis=0)
    for kind in ("euclidean", "squared", "correlation", "cosine"):
        matrix = rdm(x, kind).matrix
        assert all((matrix[3 * i : 3 * i + 3, 3 * i : 3 * i + 3] == 0).all() for i in range(8))
        assert (matrix >= 0).all()


def test_rounding_breaks_no_ties() -> None:
    """Distances on a grid are tied exactly; the product's error must not rank them."""
    grid = np.stack(np.meshgrid(*[np.arange(4.0)] * 3), axis=-1).reshape(-1, 3)
    x = grid @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    exact = rankdata(pdist(grid, "sqeuclidean"))
    for kind in ("euclidean", "squared"):
        found = rdm(x, kind)
        assert np.array_equal(average_ranks(found.condensed, found.tolerance), exact)
    assert not np.array_equal(rankdata(pdist(x, "sqeuclidean")), exact)  # so it does matter


@pytest.mark.parametrize("kind", DISSIMILARITIES)
def test_rows_all_equally_far_apart_are_refused(kind: str) -> None:
    one_hot = np.eye(20) / 3.0 + 0.1
    with pytest.raises(MethexisError, match=r"X: expected dissimilarities that differ.*all 190 eq"):
        rsa(one_hot, related(n=20)[1], kind)


@given(
    scale=st.floats(-100, 100),
    n=st.integers(4, 12),
    d=st.integers(2, 6),
    kind=st.sampled_from(DISSIMILARITIES),
)
@settings(max_examples=60, deadline=None)
def test_extreme_scales(scale: float, n: int, d: int, kind: str) -> None:
    """A power of ten changes distances by that factor, and directions not at all."""
    x = np.random.default_rng(n * 100 + d).normal(size=(n, d + 1))
    factor = {"euclidean": 10.0**scale, "squared": 10.0 ** (2 * scale)}.get(kind, 1.0)
    found = rdm(10.0**scale * x, kind).condensed
    # 10**scale is rounded, and so are the products; errors are relative.
    assert found == pytest.approx(factor * rdm(x, kind).condensed, rel=1e-11)


def test_rows_without_direction_are_refused() -> None:
    x = related()[0]
    x[7] = 0.0
    with pytest.raises(
        MethexisError,
        match=r"X: expected rows with a direction, got zeros in 1 of 40 rows \(7\)",
    ):
        rdm(x, "cosine")
    x[7] = 0.1
    with pytest.raises(MethexisError, match="got equal features in 1 of 40 rows"):
        rdm(x, "correlation")
    with pytest.raises(MethexisError, match="at least 2 features to correlate rows, got 1"):
        rdm(x[:, :1], "correlation")
    with pytest.raises(MethexisError, match="dissimilarity: expected one of"):
        rdm(x, "manhattan")


def test_two_features_have_two_correlations() -> None:
    x = related()[0][:, :2]
    with pytest.warns(DegenerateWarning, match="is 1 or -1"):
        found = rdm(x, "correlation")
    assert np.min(np.minimum(np.abs(found.condensed), np.abs(found.condensed - 2.0))) < 1e-15
    assert set(np.round(found.condensed, 12)) == {0.0, 2.0}
