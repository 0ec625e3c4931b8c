"""GULP against its published formula, predictions of random targets, and the axioms of a metric."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures import GULP, cca, gulp
from tests.measures.cases import related, unrelated


def scaled(x: Array) -> Array:
    x = x - x.mean(axis=0)
    return x * np.sqrt(len(x)) / np.linalg.norm(x)


@pytest.mark.parametrize("ridge", [1e-4, 0.01, 1.0])
def test_published_formula(ridge: float) -> None:
    x, y = (scaled(v) for v in related())
    n = len(x)
    xx, yy, xy = x.T @ x / n, y.T @ y / n, x.T @ y / n
    inv_x, inv_y = (np.linalg.inv(m + ridge * np.eye(len(m))) for m in (xx, yy))
    squared = (
        np.trace(inv_x @ xx @ inv_x @ xx)
        + np.trace(inv_y @ yy @ inv_y @ yy)
        - 2 * np.trace(inv_x @ xy @ inv_y @ xy.T)
    )
    assert gulp(*related(), ridge=ridge) == pytest.approx(np.sqrt(squared), rel=1e-9)


def test_mean_squared_disagreement_of_predictions() -> None:
    """Of ridge regressions on standard normal targets: `E |H_x t - H_y t|² = |H_x - H_y|²`."""
    x, y = (scaled(v) for v in related())
    hats = [v @ np.linalg.solve(v.T @ v + 0.05 * 40 * np.eye(v.shape[1]), v.T) for v in (x, y)]
    targets = np.random.default_rng(0).normal(size=(40, 20_000))
    gaps = np.sum((hats[0] @ targets - hats[1] @ targets) ** 2, axis=0)
    error = gaps.std() / np.sqrt(len(gaps))
    assert abs(gulp(*related(), ridge=0.05) ** 2 - gaps.mean()) < 5 * error


def test_without_a_ridge_it_is_cca() -> None:
    x, y = related()
    expected = np.sqrt(6 + 5 - 2 * 5 * cca(x, y, squared=True))
    assert gulp(x, y, ridge=0.0) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("ridge", [0.0, 0.01])
@pytest.mark.parametrize("shift", [1e-12, 1e-6, 1e-2])
def test_small_distances_keep_their_digits(ridge: float, shift: float) -> None:
    """Directions turned by a small angle into others: `|H_x - H_y|² = 2 sin² Σ D²`."""
    rng = np.random.default_rng(1)
    q = rng.normal(size=(50, 6))
    q = np.linalg.qr(q - q.mean(axis=0))[0]
    sizes = np.array([1.0, 0.7, 0.4])
    turned = (q[:, :3] * np.cos(shift) + q[:, 3:] * np.sin(shift)) * sizes
    kept = sizes**2 / (sizes**2 + ridge * np.sum(sizes**2))
    expected = np.sin(shift) * np.sqrt(2 * np.sum(kept**2))
    assert gulp(q[:, :3] * sizes, turned, ridge=ridge) == pytest.approx(
        expected, rel=1e-9, abs=2e-15
    )


@given(st.tuples(*[st.integers(1, 5)] * 3), st.integers(0, 2**32), st.floats(1e-8, 2.0))
def test_triangle_inequality(widths: tuple[int, ...], seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(12, 5))
    x, y, z = (common[:, :d] + spread * rng.normal(size=(12, d)) for d in widths)
    assert gulp(x, z) <= gulp(x, y) + gulp(y, z) + 1e-12  # rounding of 12 x 5 numbers


def test_a_negative_ridge_is_refused() -> None:
    with pytest.raises(MethexisError, match="ridge"):
        GULP(ridge=-1.0)


def test_more_features_than_samples_are_no_trouble_with_a_ridge() -> None:
    x, y = unrelated(n=20, dx=100, dy=50)
    assert 0 < gulp(x, y) < np.sqrt(2 * 19)
