"""Neurons matched one to one: all signed permutations tried, invariance and its failure."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.layers.axes import axis_cosines_of
from methexis.geometry import align_maps, match_maps, match_samples
from methexis.measures import matching

SEED = 20260303


def layers(da: int = 4, db: int = 3, n: int = 5):
    generator = np.random.default_rng(SEED)
    root = generator.standard_normal((n, n))
    return (
        generator.standard_normal((da, n)),
        generator.standard_normal((db, n)),
        root @ root.T / n,
    )


def brute_force(a: np.ndarray, b: np.ndarray, cov: np.ndarray) -> tuple[float, float]:
    """Best cosine, and least relative error over scales, by trying all signed permutations."""
    best, least = -np.inf, np.inf
    size_a, size_b = np.trace(a @ cov @ a.T), np.trace(b @ cov @ b.T)
    wide = np.zeros((max(len(a), len(b)), a.shape[1]))
    wide[: len(b)] = b
    for order in itertools.permutations(range(len(wide)), len(a)):
        for signs in itertools.product((-1.0, 1.0), repeat=len(a)):
            moved = np.zeros_like(wide)
            moved[list(order)] = np.array(signs)[:, None] * a
            inner = np.trace(moved @ cov @ wide.T)
            best = max(best, inner / np.sqrt(size_a * size_b))
            rest = inner / size_a * moved - wide
            least = min(least, np.sqrt(np.trace(rest @ cov @ rest.T) / size_b))
    return float(best), float(least)


@pytest.mark.parametrize("widths", [(3, 3), (4, 3), (2, 4)])
def test_the_best_of_all_signed_permutations(widths) -> None:
    a, b, cov = layers(*widths)
    found = match_maps(a, b, cov)
    best, least = brute_force(a, b, cov)
    assert_allclose(found.cosine, best, rtol=1e-12)  # rounding
    assert_allclose(found.error, least, rtol=1e-9)  # a root of one less the cosine's square
    moved = found.scale * found.permutation @ a
    # What the best permutation leaves, neurons without a partner included.
    size = np.trace(b @ cov @ b.T)
    rest = np.trace((moved - b) @ cov @ (moved - b).T)
    alone = found.scale**2 * np.trace(a @ cov @ a.T) - np.trace(moved @ cov @ moved.T)
    assert_allclose(np.sqrt((rest + alone) / size), found.error, rtol=1e-9)


def test_a_copy_is_found_and_a_rotation_is_not() -> None:
    a, _, cov = layers(4)
    swap = np.eye(4)[[2, 0, 3, 1]] * np.array([1.0, -1.0, -1.0, 1.0])
    found = match_maps(a, 2.5 * swap @ a, cov)
    assert_allclose([found.cosine, found.scale], [1.0, 2.5], rtol=1e-12)
    assert_allclose(found.permutation, swap)
    assert found.error < 1e-7
    silent = np.vstack([np.zeros((2, 5)), swap @ a])  # a wider layer with two silent neurons
    assert_allclose(match_maps(a, silent, cov).cosine, 1.0, rtol=1e-12)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0]
    turned = match_maps(a, turn @ a, cov)
    assert_allclose(turned.rotation_cosine, 1.0, rtol=1e-12)
    assert_allclose(align_maps(a, turn @ a, cov).cosine, 1.0, rtol=1e-12)
    assert turned.cosine < 0.95
    scaled = np.diag([1.0, 3.0, 1.0, 1.0]) @ a  # one scale for all, not one for each
    assert match_maps(a, scaled, cov).cosine < 0.99


def test_permutations_are_rotations() -> None:
    for seed in range(20):
        generator = np.random.default_rng(seed)
        a, b = generator.standard_normal((3, 6)), generator.standard_normal((4, 6))
        found = match_maps(a, b, np.eye(6))
        assert 0.0 < found.cosine <= found.rotation_cosine + 1e-12 <= 1.0 + 2e-12


def test_samples_are_the_maps_of_their_moment() -> None:
    a, b, _ = layers()
    x = np.random.default_rng(2).standard_normal((40, 5))
    by_samples = match_samples(x @ a.T, x @ b.T)
    by_maps = match_maps(a, b, x.T @ x / 40)
    for name in ("cosine", "rotation_cosine", "scale", "error"):
        assert_allclose(getattr(by_samples, name), getattr(by_maps, name), rtol=1e-10)
    centred = x - x.mean(axis=0)
    of_centred = match_samples(centred @ a.T, centred @ b.T)
    score = matching(x @ a.T, x @ b.T, absolute=True, weighted=True)
    assert_allclose(score, of_centred.cosine, rtol=1e-12)


def test_all_pairs_at_once_are_those_one_by_one() -> None:
    a, b, cov = layers()
    maps = [np.stack([a, 2 * a]), np.stack([b, b[::-1]])]
    found = axis_cosines_of(maps, cov)
    for r in range(2):
        expected = match_maps(maps[0][r], maps[1][r], cov).cosine
        assert_allclose(found[r, 0, 1], expected, rtol=1e-12)
        assert_allclose(np.diag(found[r]), 1.0, rtol=1e-12)
    lost = axis_cosines_of([np.stack([a, np.nan * a]), np.stack([b, b])], cov)
    assert np.isnan(lost[1, 0, 1])
    assert np.isfinite(lost[0]).all()


def test_zero_layers_are_refused() -> None:
    a, _, cov = layers()
    with pytest.raises(mx.MethexisError, match="second one"):
        match_maps(a, 0.0 * a, cov)
    with pytest.raises(mx.MethexisError, match="paired rows"):
        match_samples(a, a[:2])


@pytest.mark.parametrize("match", [match_maps, align_maps])
@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_a_ratio_that_no_double_holds_is_refused(match, size) -> None:
    with pytest.raises(mx.MethexisError, match="change the units"):
        match(size * np.eye(2), 1e-20 / size * np.eye(2), np.eye(2))
