"""The mathematics of the rungs, against brute force and in populations that are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

from methexis.core.linalg import random_covariance, random_orthogonal
from methexis.explaining.filters import filtered, shared_scale
from methexis.explaining.ladder import all_maps
from methexis.explaining.reweighting import roots, transport
from methexis.explaining.rotations import identity, permutation, polar
from methexis.maps.fit import Fit, Sums
from methexis.maps.paired import equal_rows, folds

RNG = np.random.default_rng(0)


def population(cov_x: np.ndarray, cov_y: np.ndarray, cross: np.ndarray) -> Fit:
    """Moments without sampling: so many samples that no ridge is chosen."""
    zero = np.zeros(len(cov_x)), np.zeros(len(cov_y))
    return Fit(10**9, zero, (cov_x, cov_y, cross))


def shared(d: int, there: np.ndarray, noise: tuple[float, float], seed: int = 0) -> Fit:
    """``x = z + m``, ``y = T z + n`` with noise of random covariances."""
    rng = np.random.default_rng(seed)
    z, m, n = (random_covariance(d, 10.0, rng) for _ in range(3))
    return population(z + noise[0] * m, there @ z @ there.T + noise[1] * n, there @ z)


@pytest.mark.parametrize("noise", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.4, 0.7)])
def test_a_rotation_with_private_noise_is_enough(noise: tuple[float, float]) -> None:
    """The linear map is allowed exactly, though it is no rotation; brief: max m · max m' ≤ 1."""
    fit = shared(6, 1.7 * random_orthogonal(6, RNG), noise)
    maps = all_maps(fit, ("rotation", "linear"))
    assert fit.loss(maps["rotation"][0]) == pytest.approx(fit.loss(fit.linear), abs=1e-9)


@pytest.mark.parametrize("noise", [(0.0, 0.0), (0.3, 0.3)])
def test_weights_are_more_than_a_rotation(noise: tuple[float, float]) -> None:
    rng = np.random.default_rng(1)
    axes = random_orthogonal(6, rng)
    weights = axes * np.array([0.3, 0.6, 1.0, 1.5, 2.0, 4.0]) @ axes.T
    z = axes * np.array([3.0, 1.0, 2.0, 0.7, 0.5, 1.4]) @ axes.T
    noises = [share * random_covariance(6, 3.0, rng) for share in noise]
    there = random_orthogonal(6, rng) @ weights
    fit = population(z + noises[0], there @ z @ there.T + noises[1], there @ z)
    maps = all_maps(fit, ("rotation", "reweighted", "linear"))
    least = fit.loss(fit.linear)
    assert fit.loss(maps["rotation"][0]) > least + 0.02
    # the search stops at 1e-6 of the variance, or after its steps
    assert fit.loss(maps["reweighted"][0]) == pytest.approx(least, abs=2e-3)


def test_a_general_map_is_more_than_weights() -> None:
    rng = np.random.default_rng(2)
    there = random_orthogonal(6, rng) * np.array([0.2, 0.5, 1.0, 2.0, 3.0, 5.0])
    there = there @ random_orthogonal(6, rng)
    z = np.diag([4.0, 2.0, 1.0, 0.5, 0.25, 0.1])
    fit = population(z, there @ z @ there.T, there @ z)
    maps = all_maps(fit, ("reweighted", "linear"))
    assert fit.loss(maps["reweighted"][0]) > 0.02
    assert fit.loss(maps["linear"][0]) == pytest.approx(0.0, abs=1e-9)


def test_rungs_are_nested_in_the_population() -> None:
    fit = shared(5, np.random.default_rng(3).normal(size=(5, 5)), (0.2, 0.2), seed=3)
    maps = all_maps(fit, ("identity", "permutation", "rotation", "reweighted", "linear"))
    losses = [fit.loss(each[0]) for each in maps.values()]
    assert losses == sorted(losses, reverse=True)


def test_the_cap_is_what_the_constraint_costs() -> None:
    """Two dimensions, where all is diagonal: the best scale by brute force over both caps."""
    fit = population(np.eye(2), np.diag([4.0, 0.25]), np.diag([2.0, 0.5]))
    found = filtered(fit, identity(fit))

    def cost(log_scale: np.ndarray) -> float:
        c = float(np.exp(log_scale[0]))
        y = max(2.0 - c, 0.0) ** 2 + max(0.5 - c, 0.0) ** 2
        x = 4.0 * max(0.5 - 1 / c, 0.0) ** 2 + 0.25 * max(2.0 - 1 / c, 0.0) ** 2
        return 0.5 * (y / 4.25 + x / 2.0)

    least = min(minimize(cost, [start], method="Nelder-Mead").fun for start in (-0.5, 0.0, 0.5))
    assert fit.loss(found) == pytest.approx(least, abs=1e-5)


def test_the_scale_is_free_where_it_costs_nothing() -> None:
    one = np.ones(3)
    assert shared_scale(0.2 * one, one, 0.3 * one, one) == pytest.approx(np.sqrt(0.2 / 0.3))


def test_transport_maps_one_covariance_to_the_other() -> None:
    g, d = random_covariance(5, 10.0, RNG), random_covariance(5, 10.0, RNG)
    w, inverse = transport(roots(g), d)
    assert np.allclose(w @ g @ w, d)
    assert np.allclose(w @ inverse, np.eye(5))
    assert np.allclose(w, w.T)
    assert np.linalg.eigvalsh(w).min() > 0.0


def test_the_polar_factor_is_the_nearest_isometry() -> None:
    matrix = RNG.normal(size=(3, 5))
    best = float(np.sum(polar(matrix) * matrix))
    others = [random_orthogonal(5, RNG)[:3] for _ in range(200)]
    assert best >= max(float(np.sum(other * matrix)) for other in others)


def test_the_order_of_units_is_found_as_by_trying_all() -> None:
    x = RNG.normal(size=(50, 4)) * [1.0, 2.0, 3.0, 0.5]
    y = 0.5 * x[:, [2, 0, 3, 1]] + 0.3 * RNG.normal(size=(50, 4))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    fit = Fit.of(Sums.of(x, y))
    there = fit.axes_y @ permutation(fit) @ fit.axes_x.T
    best = max(itertools.permutations(range(4)), key=lambda p: float(np.sum(y * x[:, list(p)])))
    assert np.argmax(np.abs(there), axis=1).tolist() == list(best)


def test_moments_of_parts_are_those_of_the_whole() -> None:
    x, y = RNG.normal(size=(60, 3)) + 5.0, RNG.normal(size=(60, 2))
    parts = Sums.total([Sums.of(x[:20], y[:20]), Sums.of(x[20:], y[20:])])
    fit = Fit.of(parts)
    assert np.allclose(fit.cov_x, np.cov(x.T, bias=True))
    assert np.allclose(fit.cross, (y - y.mean(0)).T @ (x - x.mean(0)) / 60)


def test_the_ridge_regression_is_that_of_rows() -> None:
    x, y = RNG.normal(size=(80, 4)), RNG.normal(size=(80, 3))
    y[:, 0] += x[:, 1]
    fit = Fit.of(Sums.of(x, y))
    ridge = float(fit.dx[0] - fit.lx[0])
    x0, y0 = x - x.mean(0), y - y.mean(0)
    plain = np.linalg.solve(x0.T @ x0 / 80 + ridge * np.eye(4), x0.T @ y0 / 80).T
    assert np.allclose(fit.axes_y @ fit.linear.forward @ fit.axes_x.T, plain)
    assert fit.loss(fit.linear) <= 1.0


def test_equal_rows_stay_in_one_fold() -> None:
    x, y = RNG.normal(size=(40, 2)), RNG.normal(size=(40, 2))
    x[7] = x[3]
    y[9] = y[7]
    groups = equal_rows(x, y)
    assert groups[3] == groups[7] == groups[9]
    place = folds(groups, 5, 0)
    assert place[3] == place[7] == place[9]
    assert np.bincount(place).min() >= 6
