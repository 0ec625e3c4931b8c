"""The limit of mean kernels: its weights and errors, and how often it calls a right theory wrong."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from methexis.scenarios.framework.limit import (
    RESOLVED,
    Expansion,
    apart_of,
    combined,
    distance,
    far_by_chance,
)
from methexis.scenarios.framework.mean_kernels import misalignment

SMALL = (0.2, 0.14, 0.1, 0.07, 0.05)
POWERS = (0, 1, 2)
N = 3


def kernel(seed: int, mixed: float = 1.0) -> np.ndarray:
    """A kernel of unit trace; of small ``mixed`` near those of other seeds."""
    rng = np.random.default_rng(seed)
    factor = np.eye(N) + mixed * rng.standard_normal((N, N))
    return factor @ factor.T / np.trace(factor @ factor.T)


def ensembles(
    truth: np.ndarray, rng: np.random.Generator, replicas: int = 24, noise: float = 0.3
) -> list[np.ndarray]:
    """Kernels about ``K₀ + K₁ ε + K₂ ε²`` that fluctuate by an amount of order ε."""
    shape = np.random.default_rng(0).standard_normal((2, *truth.shape))
    terms = shape + shape.mT
    found = []
    for eps in SMALL:
        each = rng.standard_normal((replicas, *truth.shape))
        each = noise * eps * (each + each.mT)
        found.append(truth + 0.1 * terms[0] * eps + 0.2 * terms[1] * eps**2 + each)
    return found


def test_a_series_of_the_powers_has_its_limit() -> None:
    made = Expansion.of(SMALL, POWERS)
    eps = np.array(SMALL)
    series = 3.0 - 2.0 * eps + 7.0 * eps**2
    assert made.limit @ series == pytest.approx(3.0, abs=1e-12)
    assert made.slope @ series == pytest.approx(-2.0, abs=1e-11)
    np.testing.assert_allclose(made.spare @ series, 0.0, atol=1e-11)


def test_no_other_weights_have_less_variance() -> None:
    """Compared with generalised least squares, written out, and with other weights that do it."""
    made = Expansion.of(SMALL, POWERS)
    eps = np.array(SMALL)
    covariance = np.diag(eps**2)
    design = np.stack([eps**p for p in POWERS], axis=1)
    inverse = np.linalg.inv(covariance)
    exact = np.linalg.solve(design.T @ inverse @ design, design.T @ inverse)[0]
    np.testing.assert_allclose(made.limit, exact, atol=1e-10)
    spread = made.spare @ covariance @ made.spare.T
    np.testing.assert_allclose(spread, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(made.spare @ covariance @ made.limit, 0.0, atol=1e-12)
    other = made.limit + 0.3 * made.spare[0]
    assert other @ covariance @ other > made.limit @ covariance @ made.limit


@pytest.mark.parametrize("mixed", [0.0, 0.005, 1.0])
def test_a_right_theory_deviates_as_a_normal_number(mixed: float) -> None:
    """Perfect, nearly so, and at an offset: mean 0, variance 1, and fits that are as often bad."""
    truth = np.stack([kernel(1), kernel(1)])
    if mixed:
        truth[1] = (1.0 - mixed) * truth[0] + mixed * kernel(2)
    rng = np.random.default_rng(3)
    draws = [distance(SMALL, ensembles(truth, rng), POWERS, truth) for _ in range(300)]
    goal = misalignment(*truth)
    assert (goal < RESOLVED) == (mixed < 1.0)
    deviations = np.array([d.deviation for d in draws])
    assert scipy.stats.kstest(deviations, "norm").pvalue > 0.01
    assert scipy.stats.kstest([d.fit_p for d in draws], "uniform").pvalue > 0.01
    gaps = np.array([d.value for d in draws]) - goal
    assert abs(gaps.mean()) < 4.0 * gaps.std() / np.sqrt(len(gaps))
    assert np.median([d.error for d in draws]) == pytest.approx(gaps.std(), rel=0.15)
    # The error belongs to the prediction, and does not follow what chance makes of the value.
    assert abs(np.corrcoef(gaps, [d.error for d in draws])[0, 1]) < 0.2


@pytest.mark.parametrize("mixed", [0.0, 1.0])
def test_a_wrong_theory_is_far(mixed: float) -> None:
    truth = np.stack([kernel(1), kernel(2) if mixed else kernel(1)])
    wrong = truth.copy()
    wrong[1] = 0.9 * truth[1] + 0.1 * (truth[0] if mixed else kernel(5))
    seen = distance(SMALL, ensembles(truth, np.random.default_rng(4), noise=0.02), POWERS, wrong)
    assert abs(seen.deviation) > 4.0
    # And where perfection was predicted, what lies farther apart is on the side of less alignment.
    if not mixed:
        apart = np.stack([truth[0], wrong[1]])
        kernels = ensembles(apart, np.random.default_rng(5), noise=0.02)
        assert distance(SMALL, kernels, POWERS, truth).deviation < -4.0


def test_a_power_that_the_fit_lacks_shows_as_misfit() -> None:
    truth = np.stack([kernel(1), kernel(2)])
    kernels = ensembles(truth, np.random.default_rng(6), noise=0.01)
    assert distance(SMALL, kernels, POWERS, truth).fit_p > 0.01
    assert distance(SMALL, kernels, (0, 1), truth).fit_p < 1e-4


def test_without_a_prediction_there_is_a_value_and_no_deviation() -> None:
    truth = np.stack([kernel(1), kernel(2)])
    kernels = ensembles(truth, np.random.default_rng(7))
    seen = distance(SMALL, kernels, POWERS)
    assert np.isnan(seen.deviation)
    assert seen.value == pytest.approx(misalignment(*truth), abs=5.0 * seen.error)
    known = distance(SMALL, kernels, POWERS, truth)
    assert known.value == seen.value
    assert known.error == pytest.approx(seen.error, rel=0.3)  # the jackknife's and the law's


def test_what_does_not_fluctuate_is_compared_to_its_accuracy() -> None:
    truth = np.stack([kernel(1), kernel(2)])
    same = [np.broadcast_to(truth, (16, *truth.shape)) for _ in SMALL]
    seen = distance(SMALL, same, POWERS, truth, accuracy=1e-8)
    assert seen.error == pytest.approx(1e-8, rel=1e-3)
    assert abs(seen.deviation) < 1e-3
    assert seen.fit_p == 1.0


def test_ensembles_that_lost_replicas_are_as_many_as_the_smallest() -> None:
    truth = np.stack([kernel(1), kernel(2)])
    kernels = ensembles(truth, np.random.default_rng(8))
    kernels[2] = kernels[2][:20]
    assert distance(SMALL, kernels, POWERS, truth).replicas == 20
    limit = combined(Expansion.of(SMALL, POWERS).limit, kernels)
    assert apart_of(limit.mean(axis=0)) > 0.0


def test_the_probability_of_a_far_mean() -> None:
    """Against the one-sample t-test, and uniform in five dimensions of which one is empty."""
    rng = np.random.default_rng(9)
    one = rng.standard_normal((12, 1)) + 0.4
    assert far_by_chance(one) == pytest.approx(scipy.stats.ttest_1samp(one[:, 0], 0.0).pvalue)
    mixing = rng.standard_normal((4, 5))
    drawn = [far_by_chance(rng.standard_normal((16, 4)) @ mixing) for _ in range(300)]
    assert scipy.stats.kstest(drawn, "uniform").pvalue > 0.01
    assert np.isnan(far_by_chance(rng.standard_normal((5, 5))))
