"""Neighbourhoods over scales: brute force, planted scales, calibration, and what is said."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

import methexis as mx
from methexis.core.checks import Array
from methexis.measures import NeighbourScales, neighbour_scales
from tests.display.specimens import scales


def clusters(count: int = 16, each: int = 16, *, seed: int = 0) -> tuple[Array, Array]:
    """The same clusters on both sides, and nothing in common within them."""
    rng = np.random.default_rng(seed)
    centres = 30.0 * rng.normal(size=(count, 6))[np.repeat(np.arange(count), each)]
    x, y = centres + rng.normal(size=(2, count * each, 6))
    return x, y


@pytest.mark.filterwarnings("ignore::methexis.errors.DegenerateWarning")  # of ties
@pytest.mark.parametrize("rounded", [False, True])
def test_each_scale_is_mutual_knn_with_its_null(rounded: bool) -> None:
    """Also where rows are tied: the scores, moments and p of `compare`, corrected by hand."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 3))
    y = x + 2.0 * rng.normal(size=(60, 3))
    if rounded:
        x, y = np.round(x), np.round(y)
    found = neighbour_scales(x, y, ks=[12, 3, 6], metric="euclidean")
    assert found.ks == (3, 6, 12)
    alone = [
        mx.compare(x, y, "mutual_knn", k=k, metric="euclidean", null="moments", num_bootstrap=0)
        for k in found.ks
    ]
    np.testing.assert_allclose(found.scores, [one.score for one in alone])
    np.testing.assert_allclose(found.chance, [one.null_mean for one in alone])
    np.testing.assert_allclose(found.sd, [one.null_sd for one in alone])
    np.testing.assert_allclose(found.effects, [one.effect for one in alone])
    p = np.array([one.p for one in alone])
    order = np.argsort(p)
    by_hand = np.empty(3)
    by_hand[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * [3, 2, 1]))
    np.testing.assert_allclose(found.p, by_hand)


def test_coarse_neighbourhoods_without_fine_ones() -> None:
    found = neighbour_scales(*clusters(), ks=[1, 15, 60], metric="euclidean")
    assert found.scores[1] == 1.0  # each its own cluster
    assert found.shared().tolist()[1:] == [True, True]
    # Within a cluster the nearest is any of 15: by far more than chance over all, which is 1/255,
    # so the finest scale is beyond chance too, and its score says that no more is shared.
    assert abs(found.scores[0] - 1 / 15) < 4 * np.sqrt(1 / 15 / 256)
    wide = neighbour_scales(*planted(0.15), ks=[2, 64])
    assert wide.shared().tolist() == [False, True]
    said = wide.said()
    assert said.startswith("coarse neighbourhoods are shared (k = 64: .")
    assert "), fine ones not, as far as 400 samples tell (k = 2: .0" in said


def planted(weight: float) -> tuple[Array, Array]:
    """A faint signal of two directions that is shared, below much that is not."""
    rng = np.random.default_rng(5)
    signal = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 40)) * weight
    x, y = signal + rng.normal(size=(2, 400, 40))
    return x, y


def test_p_is_right_where_nothing_is_shared() -> None:
    """Any scale counted as shared in 5 % at most of 60 pairs, to four standard errors."""
    rng = np.random.default_rng(2)
    any_shared = 0
    for _ in range(60):
        x, y = rng.normal(size=(2, 32, 4))
        any_shared += bool(neighbour_scales(x, y, ks=[2, 6, 12]).shared().any())
    assert any_shared <= binom.ppf(1 - 3e-5, 60, 0.05)


def made(ks: tuple[int, ...], p: list[float]) -> NeighbourScales:
    """Scales with some p."""
    ones = np.full(len(ks), 0.5)
    chance = np.array(ks) / 99.0
    return NeighbourScales(ks, ones, chance, ones, ones, np.array(p), 100, "cosine", {})


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ([0.001, 0.001, 0.001], "neighbourhoods are shared at all scales, fine (k = 1: .500, chan"),
        ([0.9, 0.9, 0.9], "neighbourhoods are shared at no scale, as far as 100 samples tell (k ="),
        ([0.9, 0.01, 0.01], "coarse neighbourhoods are shared (k = 16: .500, chance .162, p .01)"),
        ([0.01, 0.01, 0.9], "fine neighbourhoods are shared (k = 1: .500, chance .010, p .01), co"),
        ([0.01, 0.9, 0.01], "neighbourhoods are shared at k = 1, 16, and not at k = 4, as far as"),
        ([np.nan, np.nan, np.nan], "neighbourhoods are shared at no scale, as far as 100 samples"),
    ],
)
def test_what_is_said(p: list[float], expected: str) -> None:
    assert made((1, 4, 16), p).said().startswith(expected)


def test_one_scale_and_the_level() -> None:
    words = "neighbourhoods are shared (k = 4: .500, chance .040, p .04)"
    assert made((4,), [0.04]).said() == words
    assert made((4,), [0.04]).said(0.01).startswith("neighbourhoods are not shared (k = 4: ")


def test_numbers_of_neighbours() -> None:
    x, y = np.random.default_rng(3).normal(size=(2, 300, 3))
    assert neighbour_scales(x, y).ks == (4, 16, 64)
    assert neighbour_scales(x[:12], y[:12]).ks == (1,)
    assert neighbour_scales(x, y, preprocessing="prh").preprocessing["normalise"]
    for bad in ([300], [], [0], 3):
        with pytest.raises(mx.MethexisError, match="ks: expected"):
            neighbour_scales(x, y, ks=bad)  # type: ignore[arg-type]
    with pytest.raises(mx.MethexisError, match="alpha"):
        scales().shared(-1.0)


def test_mutual_knn_has_scales_and_others_have_none() -> None:
    x, y = np.random.default_rng(3).normal(size=(2, 120, 3))
    found = mx.measures.MutualKNN().scales(x, y)
    assert found is not None
    assert found.as_dict() == neighbour_scales(x, y).as_dict()
    assert mx.measures.MutualKNN().scales(x[:50], y[:50]) is None
    assert mx.measures.CKA().scales(x, y) is None
