"""Intervals from resamples, against laws whose intervals are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from methexis.measures.inference.intervals import (
    MOST_LEFT_OUT,
    Resamples,
    acceleration,
    interval,
    jackknife_variance,
    left_out,
)


def test_samples_are_left_out_one_by_one_or_in_groups() -> None:
    few, many = left_out(7, 0), left_out(1000, 0)
    np.testing.assert_allclose(few, 7 / 6 * (1.0 - np.eye(7)))
    assert many.shape == (MOST_LEFT_OUT, 1000)
    assert (many == 0.0).sum(axis=0).tolist() == [1] * 1000  # each sample in one group
    assert set((many == 0.0).sum(axis=1)) == {4}
    np.testing.assert_allclose(many.sum(axis=1), 1000.0)
    assert (many != left_out(1000, 1)).any()


@pytest.mark.parametrize("n", [40, 1000])
def test_the_jackknife_of_a_mean(n: int) -> None:
    """Its variance is that of the sample over n; its acceleration the skewness over ``6 √n``.

    Of groups: 250 variances of one degree of freedom each (relative standard error 9 %), and a
    skewness with a standard error of about ``√(6/250)``.
    """
    x = np.random.default_rng(0).exponential(size=n)
    means = left_out(n, 0) @ x / n
    exact = n <= MOST_LEFT_OUT
    variance, skewness = x.var(ddof=1) / n, stats.skew(x)
    assert jackknife_variance(means) == pytest.approx(variance, rel=1e-9 if exact else 0.3)
    wanted = skewness / (6.0 * np.sqrt(n))
    spread = 3.0 * np.sqrt(6.0 / MOST_LEFT_OUT) / (6.0 * np.sqrt(MOST_LEFT_OUT))
    assert acceleration(means) == pytest.approx(wanted, rel=1e-9, abs=0.0 if exact else spread)


def test_equal_scores_do_not_accelerate() -> None:
    assert acceleration(np.ones(5)) == 0.0
    assert interval(1.0, Resamples(np.ones(9), 0.0), 0.95) == (1.0, 1.0)


@pytest.mark.parametrize("score", [0.3, 1.0, -1e-200])
def test_rounding_is_no_deviation(score: float) -> None:
    """All on one side of their mean by rounding, or spread by 1e-13: an interval of one point."""
    assert interval(score, Resamples(np.full(999, score), 0.0), 0.95) == (score, score)
    spread = score * (1.0 + 1e-13 * np.random.default_rng(0).normal(size=999))
    assert interval(score, Resamples(spread, 0.1), 0.95) == (score, score)
    spread = score * (1.0 + 1e-9 * np.random.default_rng(0).normal(size=999))
    low, high = interval(score, Resamples(spread, 0.0), 0.95)
    assert low < score < high


def test_tiny_scores_accelerate_like_large_ones() -> None:
    """HSIC of small features: third powers underflow."""
    scores = np.random.default_rng(1).exponential(size=30)
    assert acceleration(1e-200 * scores) == pytest.approx(acceleration(scores), rel=1e-9)


@pytest.mark.parametrize("size", [20, 80])
def test_the_interval_of_a_scale(size: int) -> None:
    """A mean of exponentials, whose law is gamma and whose exact interval is known.

    BCa intervals are right to second order: their ends are nearer by far than plain quantiles'.
    2 · 10⁵ resamples of unit scale; quantiles of deviation ``1/√size`` are known to .003 of it.
    """
    mean = stats.gamma(size, scale=1.0 / size)
    drawn = mean.rvs(200_000, random_state=np.random.default_rng(0))
    exact = np.array([1.0 / mean.ppf(0.975), 1.0 / mean.ppf(0.025)])
    # Acceleration of a gamma law of shape k: skewness 2/√k over 6.
    better = np.array(interval(1.0, Resamples(drawn, 1.0 / (3.0 * np.sqrt(size))), 0.95))
    plain = np.array(interval(1.0, Resamples(drawn), 0.95))
    assert np.abs(better - exact).max() < 0.1 * np.abs(plain - exact).max() + 0.01 / np.sqrt(size)


def test_without_skewness_and_acceleration_they_are_plain_quantiles() -> None:
    """Whether the middle one of 1001 is below the mean is rounding: half a quantile's step."""
    drawn = np.linspace(-1.0, 1.0, 1001)
    plain = interval(0.3, Resamples(drawn), 0.9)
    assert interval(0.3, Resamples(drawn, 0.0), 0.9) == pytest.approx(plain, abs=1e-3)


def test_what_is_not_known_has_no_interval() -> None:
    drawn = np.linspace(-1.0, 1.0, 11)
    lost = np.where(drawn == 0.0, np.nan, drawn)
    for resampled in (None, Resamples(lost), Resamples(lost, 0.1), Resamples(drawn, np.nan)):
        assert np.isnan(interval(0.3, resampled, 0.95)).all()
