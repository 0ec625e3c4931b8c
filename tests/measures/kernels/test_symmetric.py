"""Centred kernels of many samples are symmetric to the last bit; triangles are what they were."""

from __future__ import annotations

import numpy as np
import pytest

from methexis.measures.kernels.estimators import centred
from methexis.measures.pairs import entries


@pytest.mark.parametrize("estimator", ["biased", "song", "lange"])
def test_centring_many_samples_is_symmetric(
    estimator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.random.default_rng(0).normal(size=(90, 7))
    kernel = rows @ rows.T
    before = centred(np, kernel, estimator)
    monkeypatch.setattr("methexis.measures.kernels.estimators.LARGE", 90)
    found = centred(np, kernel, estimator)
    assert np.array_equal(found, found.T)
    assert found == pytest.approx(before, rel=1e-12, abs=1e-13)


def test_triangles_of_symmetric_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(1).normal(size=(60, 5))
    plain = entries.Dense(rows @ rows.T)
    wanted = plain.triangles()
    monkeypatch.setattr(entries, "LARGE", 60)
    assert plain.symmetric
    assert plain.triangles() == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("rows_of_a_block", [7, 16, 60, 100])
def test_each_triangle_of_blocks_is_counted_once(
    rows_of_a_block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the trace of the third power; a block more or less would be off by its share."""
    half = np.random.default_rng(2).normal(size=(60, 60))
    monkeypatch.setattr(entries, "LARGE", 60)
    monkeypatch.setattr(entries, "ROWS", rows_of_a_block)
    given = entries.Dense(half + half.T)
    matrix = half + half.T
    np.fill_diagonal(matrix, 0.0)
    matrix -= matrix.sum() / (60 * 59)
    np.fill_diagonal(matrix, 0.0)
    matrix /= given.scale
    cyclic, transitive = given.triangles()
    assert cyclic == transitive == pytest.approx(np.trace(matrix @ matrix @ matrix), rel=1e-12)


@pytest.mark.parametrize("block", [1, 100, 1 << 20])
def test_row_sums_of_products_in_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c = np.random.default_rng(3).normal(size=(3, 40, 30))
    monkeypatch.setattr(entries, "POWERS", block)
    np.testing.assert_allclose(entries.row_sums(np, a, b, c), (a * b * c).sum(axis=1), rtol=1e-12)


def test_a_given_matrix_is_left_as_it_is() -> None:
    """Sums over pairs work in place, on a copy."""
    matrix = np.random.default_rng(4).normal(size=(12, 12))
    before = matrix.copy()
    entries.Dense(matrix)
    assert np.array_equal(matrix, before)
