"""Matching of units against all permutations, and transport against a linear program."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from methexis.core.checks import Array
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import matching, soft_matching, units
from tests.measures.cases import related, unrelated


def correlations(x: Array, y: Array) -> Array:
    return np.corrcoef(x.T, y.T)[: x.shape[1], x.shape[1] :]


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_no_permutation_does_better(seed: int, absolute: bool) -> None:
    x, y = related(seed=seed)
    r = correlations(y, x)
    r = np.abs(r) if absolute else r
    best = max(
        np.mean(r[np.arange(5), list(columns)]) for columns in itertools.permutations(range(6), 5)
    )
    assert matching(x, y, absolute=absolute) == pytest.approx(best, rel=1e-12)
    assert matching(y, x, absolute=absolute) == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("absolute", [False, True])
def test_transport_is_the_linear_program(absolute: bool) -> None:
    x, y = related(dx=7, dy=4)
    r = correlations(x, y)
    r = np.abs(r) if absolute else r
    rows = np.kron(np.eye(7), np.ones(4))
    columns = np.kron(np.ones(7), np.eye(4))
    sums = np.concatenate([np.full(7, 1 / 7), np.full(4, 1 / 4)])
    found = linprog(-r.ravel(), A_eq=np.vstack([rows, columns]), b_eq=sums)
    assert soft_matching(x, y, absolute=absolute) == pytest.approx(-found.fun, rel=1e-9)


def test_soft_is_hard_between_equally_many_units() -> None:
    x, y = related(dx=6, dy=6)
    assert soft_matching(x, y) == pytest.approx(matching(x, y), rel=1e-12)


def test_units_of_every_scale_and_order_are_found() -> None:
    x, _ = unrelated(dx=8)
    rng = np.random.default_rng(0)
    y = x[:, rng.permutation(8)] * rng.uniform(0.1, 10.0, size=8) + rng.normal(size=8)
    assert matching(x, y) == pytest.approx(1.0, abs=1e-14)
    assert matching(x, -y, absolute=True) == pytest.approx(1.0, abs=1e-14)
    assert matching(x, -y) < 0.5


def test_a_rotation_hides_units() -> None:
    x, _ = unrelated(n=200, dx=8)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))[0]
    assert matching(x, x @ turn) < 0.9


def test_constant_units_count_as_zero_and_are_named() -> None:
    x, _ = related(dx=5)
    dead = np.column_stack([x[:, :4], np.full(40, 0.3)])
    with pytest.warns(DegenerateWarning, match="X: expected units that vary, got 1 constant of 5"):
        found = matching(dead, x)
    assert found == pytest.approx(4 / 5, abs=1e-14)


def test_without_the_package_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "INSTALLED", False)
    with pytest.raises(MethexisError, match=r"POT, got none; pip install 'methexis\[matching\]'"):
        soft_matching(*related())


def test_weighted_units_share_one_scale() -> None:
    """A reordered multiple scores 1; another scale for each unit does not, nor does a rotation."""
    x = np.random.default_rng(5).normal(size=(60, 4)) * [3.0, 1.0, 1.0, 0.5]
    copy = -2.0 * x[:, [3, 1, 0, 2]] + 7.0
    assert matching(x, copy, absolute=True, weighted=True) == pytest.approx(1.0, abs=1e-12)
    assert matching(x, copy, weighted=True) < 0.5
    scaled = x * [1.0, 4.0, 1.0, 1.0]
    assert matching(x, scaled, absolute=True) == pytest.approx(1.0, abs=1e-12)
    assert matching(x, scaled, absolute=True, weighted=True) < 0.95
    turn = np.linalg.qr(np.random.default_rng(6).normal(size=(4, 4)))[0]
    assert matching(x, x @ turn, absolute=True, weighted=True) < 0.95
    # Silent units cost nothing and are not warned of.
    silent = np.hstack([np.ones((60, 2)), x])
    assert matching(x, silent, weighted=True) == pytest.approx(1.0, abs=1e-12)
    with pytest.raises(MethexisError, match="features that differ between samples"):
        matching(x, np.ones((60, 2)), weighted=True)
