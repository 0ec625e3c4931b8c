"""PWCCA against its definition feature by feature."""

from __future__ import annotations

import numpy as np
import pytest

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures import PWCCA, Invariance, cca, pwcca
from tests.measures.cases import ACTIONS, related


def weighed(x: Array, y: Array) -> float:
    """By canonical variables of X from its covariances, weighted by sums over its features."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    xx, yy, xy = x.T @ x, y.T @ y, x.T @ y
    # Canonical vectors: (XᵀX)⁻¹ XᵀY (YᵀY)⁻¹ YᵀX w = rho² w.
    squares, vectors = np.linalg.eig(np.linalg.solve(xx, xy) @ np.linalg.solve(yy, xy.T))
    order = np.argsort(-squares.real)[: min(x.shape[1], y.shape[1])]
    rho = np.sqrt(squares.real[order])
    variables = x @ vectors.real[:, order]
    variables = variables / np.linalg.norm(variables, axis=0)
    alpha = np.array([sum(abs(h @ x[:, j]) for j in range(x.shape[1])) for h in variables.T])
    return float(np.sum(alpha * rho) / np.sum(alpha))


def test_definition() -> None:
    x, y = related()
    # 1e-8: eigenvectors of products of inverse covariances.
    assert pwcca(x, y, weights="first") == pytest.approx(weighed(x, y), rel=1e-8)
    assert pwcca(y, x, weights="first") == pytest.approx(weighed(y, x), rel=1e-8)
    assert pwcca(x, y) == pytest.approx((weighed(x, y) + weighed(y, x)) / 2, rel=1e-8)
    assert pwcca(x, y, weights="narrower") == pytest.approx(weighed(y, x), rel=1e-8)
    assert pwcca(y, x, weights="narrower") == pytest.approx(weighed(y, x), rel=1e-8)


def test_only_the_default_is_symmetric() -> None:
    x, y = related()
    assert pwcca(x, y) == pytest.approx(pwcca(y, x), rel=1e-12)
    assert abs(pwcca(x, y, weights="first") - pwcca(y, x, weights="first")) > 1e-3


def test_the_side_without_weights_may_undergo_any_invertible_map() -> None:
    x, y = related()
    act = ACTIONS[Invariance.INVERTIBLE]
    before = pwcca(x, y, weights="first")
    assert pwcca(x, act(y), weights="first") == pytest.approx(before, rel=1e-10)
    assert abs(pwcca(act(x), y, weights="first") - before) > 1e-4


def test_it_weighs_what_carries_features_more() -> None:
    """Shared large directions, and small ones of its own: above the plain mean."""
    x, y = related()
    assert pwcca(x, y) > cca(x, y)


def test_weights_by_another_name_are_refused() -> None:
    with pytest.raises(MethexisError, match="weights"):
        PWCCA(weights="second")
