"""Eigenspectra with known dimensions and exponents."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures import (
    effective_rank,
    eigenspectrum,
    participation_ratio,
    power_law,
    procrustes,
    spectral_bound,
)
from tests.measures.cases import related


def of_spectrum(values: Array, n: int = 200) -> Array:
    """Features whose covariance has exactly these eigenvalues."""
    rng = np.random.default_rng(2)
    q = rng.normal(size=(n, len(values)))
    q = np.linalg.qr(q - q.mean(axis=0))[0]
    turn = np.linalg.qr(rng.normal(size=(len(values), len(values))))[0]
    return (q * np.sqrt(np.asarray(values) * (n - 1))) @ turn + 5.0


def test_eigenvalues_of_the_covariance() -> None:
    x, _ = related()
    assert eigenspectrum(x) == pytest.approx(np.linalg.eigvalsh(np.cov(x.T))[::-1], rel=1e-10)


@pytest.mark.parametrize("dims", [1, 3, 12])
def test_equal_variances_count_fully(dims: int) -> None:
    x = of_spectrum(np.full(dims, 2.0))
    assert participation_ratio(x) == pytest.approx(dims, rel=1e-10)
    assert effective_rank(x) == pytest.approx(dims, rel=1e-10)
    assert effective_rank(x, variances=True) == pytest.approx(dims, rel=1e-10)


def test_unequal_variances() -> None:
    x = of_spectrum(np.array([9.0, 4.0, 1.0]))
    assert participation_ratio(x) == pytest.approx(14**2 / 98, rel=1e-10)
    p, q = np.array([3.0, 2.0, 1.0]) / 6, np.array([9.0, 4.0, 1.0]) / 14
    assert effective_rank(x) == pytest.approx(np.prod(p**-p), rel=1e-10)
    assert effective_rank(x, variances=True) == pytest.approx(np.prod(q**-q), rel=1e-10)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_planted_power_law(exponent: float) -> None:
    x = of_spectrum(np.arange(1.0, 61.0) ** -exponent)
    found = power_law(x)
    assert found.exponent == pytest.approx(exponent, rel=1e-9)
    assert found.r_squared == pytest.approx(1.0, abs=1e-12)
    assert (found.window, found.num_directions) == ((6, 30), 60)


def test_the_window_decides_where_the_law_breaks() -> None:
    ranks = np.arange(1.0, 61.0)
    x = of_spectrum(np.where(ranks <= 20, ranks**-1.0, 20.0 * ranks**-2.0))
    assert power_law(x, first=1, last=20).exponent == pytest.approx(1.0, rel=1e-9)
    assert power_law(x, first=21, last=60).exponent == pytest.approx(2.0, rel=1e-9)


@pytest.mark.parametrize("window", [(1, 61), (10, 11), (30, 20)])
def test_a_window_without_points_is_refused(window: tuple[int, int]) -> None:
    x = of_spectrum(np.arange(1.0, 61.0) ** -1.0)
    with pytest.raises(MethexisError, match="window of three ranks"):
        power_law(x, first=window[0], last=window[1])


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 5))
def test_no_procrustes_score_exceeds_the_bound_of_its_spectra(seed: int, dx: int, dy: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = (rng.normal(size=(12, d)) * rng.uniform(0.01, 5.0, size=d) for d in (dx, dy))
    assert procrustes(x, y) <= spectral_bound(x, y) + 1e-14  # rounding


def test_the_bound_is_reached_where_directions_agree() -> None:
    x = of_spectrum(np.array([9.0, 4.0, 1.0]))
    basis = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[0]
    y = basis * [5.0, 0.3, 0.2]
    assert procrustes(x, y) == pytest.approx(spectral_bound(x, y), rel=1e-12)
    assert spectral_bound(x, y[:50]) > 0
