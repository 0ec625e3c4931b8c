"""Fits against regression written out, with samples instead of moments."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from methexis.maps.fit import RIDGES, Fit, Maps, Sums
from methexis.maps.paired import Paired
from methexis.maps.projected import Projected

RNG = np.random.default_rng(20261130)
N, DX, DY = 60, 5, 4
X = RNG.normal(size=(N, DX)) @ RNG.normal(size=(DX, DX)) + 3.0
Y = X @ RNG.normal(size=(DX, DY)) + 0.8 * RNG.normal(size=(N, DY)) - 1.0
PART = RNG.permutation(N) < 40


def fit_of(x: np.ndarray, y: np.ndarray) -> Fit:
    return Fit.of(Sums.of(x, y))


def regression(x: np.ndarray, y: np.ndarray, ridge: float) -> np.ndarray:
    """Coefficients ``(dy, dx)``, with a ridge per sample."""
    return Ridge(alpha=len(x) * ridge).fit(x, y).coef_


def in_units(fit: Fit, forward: np.ndarray) -> np.ndarray:
    return fit.axes_y @ forward @ fit.axes_x.T


def cross_validated(x: np.ndarray, y: np.ndarray, ridge: float) -> float:
    """Generalised cross-validation with the hat matrix of centred samples, and one mean."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    hat = x @ np.linalg.solve(x.T @ x + len(x) * ridge * np.eye(x.shape[1]), x.T)
    left = np.mean(np.sum((y - hat @ y) ** 2, axis=1))
    return float(left / (1.0 - (1.0 + np.trace(hat)) / len(x)) ** 2)


def test_sums_of_parts_are_sums_of_all() -> None:
    whole = Sums.of(X, Y)
    parts = Sums.total([Sums.of(X[PART], Y[PART]), Sums.of(X[~PART], Y[~PART])])
    assert parts.count == whole.count
    for name in ("x", "y", "xx", "yy", "yx"):
        assert np.allclose(getattr(parts, name), getattr(whole, name))


def test_covariances_are_diagonal_along_the_axes() -> None:
    fit = fit_of(X, Y)
    assert np.allclose(fit.axes_x.T @ np.cov(X.T, bias=True) @ fit.axes_x, np.diag(fit.lx))
    assert np.allclose(fit.axes_y.T @ np.cov(Y.T, bias=True) @ fit.axes_y, np.diag(fit.ly))
    assert (np.diff(fit.lx) <= 0).all()


@pytest.mark.parametrize(("x", "y"), [(X, Y), (Y, X), (X[:8], Y[:8])])
def test_the_linear_map_is_ridge_regression_of_least_cross_validation(x, y) -> None:
    fit = fit_of(x, y)
    spread = float(np.mean(fit.lx))
    free = [r * spread for r in RIDGES]
    best = min(free, key=lambda ridge: cross_validated(x, y, ridge))
    assert fit.dx - fit.lx == pytest.approx(best)
    assert np.allclose(in_units(fit, fit.linear.forward), regression(x, y, best))


def test_directions_without_variance_are_left_out() -> None:
    flat = X @ np.diag([1.0, 1.0, 1.0, 0.0, 0.0])
    fit = fit_of(flat, Y)
    assert fit.axes_x.shape == (DX, 3)
    assert np.isfinite(fit.linear.forward).all()


def test_loss_is_the_share_of_variance_that_maps_leave() -> None:
    fit = fit_of(X, Y)
    maps = Maps(RNG.normal(size=(DY, DX)), RNG.normal(size=(DX, DY)))
    x, y = (X - X.mean(axis=0)) @ fit.axes_x, (Y - Y.mean(axis=0)) @ fit.axes_y
    left_y = np.sum((y - x @ maps.forward.T) ** 2) / np.sum(y**2)
    left_x = np.sum((x - y @ maps.backward.T) ** 2) / np.sum(x**2)
    assert fit.loss(maps) == pytest.approx(0.5 * (left_y + left_x))


def test_beyond_maps_is_regression_of_what_they_leave() -> None:
    fit = fit_of(X, Y)
    maps = Maps(0.5 * fit.linear.forward, np.zeros((DX, DY)))
    x, y = (X - X.mean(axis=0)) @ fit.axes_x, (Y - Y.mean(axis=0)) @ fit.axes_y
    left = y - x @ maps.forward.T
    ridges = [r * float(np.mean(fit.lx)) for r in RIDGES]
    best = min(ridges, key=lambda ridge: cross_validated(x, left, ridge))
    assert np.allclose(fit.beyond(maps).forward, maps.forward + regression(x, left, best))
    # Of maps that predict nothing, all is left.
    assert np.allclose(fit.beyond(maps).backward, fit.linear.backward)


def test_samples_left_out_are_predicted_as_in_units() -> None:
    flat = np.hstack([X, np.where(PART, 0.0, RNG.normal(size=N))[:, None]])  # no variance in PART
    fit = fit_of(flat[PART], Y[PART])
    pair = Paired(flat, Y, (1.0, 1.0), (~PART).astype(np.int64), 2, np.arange(N))
    losses = Projected(fit, pair, ~PART).losses(fit.linear)
    x, y = flat[~PART] - flat[PART].mean(axis=0), Y[~PART] - Y[PART].mean(axis=0)
    assert np.allclose(
        losses[0], np.sum((y - x @ in_units(fit, fit.linear.forward).T) ** 2, axis=1)
    )
    back = fit.axes_x @ fit.linear.backward @ fit.axes_y.T
    assert np.allclose(losses[1], np.sum((x - y @ back.T) ** 2, axis=1))
