"""Jackknife, fit and intervals against cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from methexis.scenarios.framework.statistics import fit_powers, half_width, jackknife


def test_jackknife_of_a_mean_is_the_textbook_error() -> None:
    samples = np.random.default_rng(0).standard_normal(20)
    value, error = jackknife(float, samples)
    assert value == pytest.approx(samples.mean(), rel=1e-12)
    assert error == pytest.approx(samples.std(ddof=1) / np.sqrt(20), rel=1e-12)


def test_jackknife_removes_the_bias_of_a_square() -> None:
    # E[mean²] = μ² + σ²/R. The jackknife of it is mean² - s²/R exactly, with s² the unbiased
    # variance: an unbiased estimator of μ².
    samples = np.random.default_rng(1).standard_normal(12) + 0.3
    value, _ = jackknife(lambda m: float(m**2), samples)
    assert value == pytest.approx(samples.mean() ** 2 - samples.var(ddof=1) / 12, rel=1e-10)


def test_fit_recovers_its_own_model_and_errors_scale() -> None:
    lrs = [0.004, 0.003, 0.002, 0.001]
    values = [0.5 + 7 * lr**2 - 90 * lr**3 for lr in lrs]
    fit = fit_powers(lrs, values, [1e-6] * 4, (0, 2, 3))
    assert np.allclose(fit.coefficients, (0.5, 7.0, -90.0), rtol=1e-8)
    assert (fit.dof, round(fit.chi2, 6)) == (1, 0.0)
    wider = fit_powers(lrs, values, [2e-6] * 4, (0, 2, 3))
    assert np.allclose(wider.errors, 2 * np.array(fit.errors), rtol=1e-8)


def test_fit_of_two_points_by_a_line_has_the_error_of_hand_calculation() -> None:
    # intercept = 2 y(1) - y(2), so its variance is 4 s² + s²
    fit = fit_powers([2.0, 1.0], [3.0, 2.0], [0.1, 0.1], (0, 1))
    assert fit.coefficients == pytest.approx((1.0, 1.0))
    assert fit.errors[0] == pytest.approx(0.1 * np.sqrt(5.0))
    assert fit.p_value == 1.0


def test_intervals_are_students_and_widen_with_their_number() -> None:
    # t quantile at 97.5 % with 7 degrees of freedom, from tables
    assert half_width(1.0, replicas=8) == pytest.approx(2.3646, abs=1e-4)
    assert half_width(1.0, replicas=10**6) == pytest.approx(1.95996, abs=1e-4)
    assert half_width(1.0, replicas=8, quantities=5) > half_width(1.0, replicas=8)
