"""Laws of coordinates: exact moments over the uniforms, distributions, and the wide addressing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, stats

import methexis as mx
from methexis.core.random.laws import (
    _FROM_UNIFORMS,
    EXCESS_KURTOSIS,
    LAWS,
    generator_numbers,
    wide_numbers,
)
from methexis.core.random.streams import StreamId, keys, words

SEED = 20250714
FROZEN = {
    "gaussian": stats.norm(),
    "uniform": stats.uniform(-np.sqrt(3), 2 * np.sqrt(3)),
    "laplace": stats.laplace(scale=np.sqrt(0.5)),
    "student_t": stats.t(5, scale=np.sqrt(0.6)),
}


def test_the_laws_are_complete() -> None:
    assert set(FROZEN) == set(LAWS) == set(_FROM_UNIFORMS)


@pytest.mark.parametrize("law", LAWS)
def test_moments_of_the_documented_densities(law: str) -> None:
    mean, variance, skewness, excess = (float(m) for m in FROZEN[law].stats("mvsk"))
    assert_allclose([mean, variance, skewness], [0, 1, 0], rtol=0, atol=1e-15)
    assert_allclose(excess, EXCESS_KURTOSIS[law], rtol=0, atol=1e-14)


@pytest.mark.parametrize("law", LAWS)
def test_exact_moments_of_the_transform(law: str) -> None:
    """Integrals over the unit square of u and v."""
    # Over v the integrand is a trigonometric polynomial of degree at most 4: 8 points are exact.
    v = (np.arange(8) + 0.5) / 8

    def moment(power: int) -> float:
        def inner(u: float) -> float:
            return float(np.mean(_FROM_UNIFORMS[law](np.full(8, u), v) ** power))

        # u = e^-t and u = 1 - e^-t take the ends to infinity. Beyond 36 the second is 1 in floating
        # point, with less than 1e-9 of any moment; of the first, Student's u^{-4/5} leaves e^-30.
        low = integrate.quad(lambda t: inner(np.exp(-t)) * np.exp(-t), np.log(2), 150, limit=200)
        high = integrate.quad(lambda t: inner(-np.expm1(-t)) * np.exp(-t), np.log(2), 36, limit=200)
        return low[0] + high[0]

    # quad's own tolerance is 1.5e-8.
    assert_allclose(moment(1), 0.0, rtol=0, atol=1e-7)
    assert_allclose(moment(2), 1.0, rtol=0, atol=1e-7)
    assert_allclose(moment(4), 3 + EXCESS_KURTOSIS[law], rtol=0, atol=1e-6)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("where", ["address", "generator"])
def test_distribution(law: str, where: str) -> None:
    count = 200_000
    if where == "address":
        key = keys(SEED, [0], StreamId.SAMPLES)
        drawn = wide_numbers(key, 0, 1, count, [(law, 1)]).ravel()
    else:
        drawn = generator_numbers(np.random.default_rng(SEED), law, (count,))
    # Kolmogorov-Smirnov; a fixed seed, and 1e-3 is the chance that another one would fail.
    assert stats.kstest(drawn, FROZEN[law].cdf).pvalue > 1e-3
    # Five standard errors of the mean square; its variance is the excess kurtosis plus 2.
    error = 5 * np.sqrt((EXCESS_KURTOSIS[law] + 2) / count)
    assert abs(np.mean(drawn**2) - 1) < error
    assert abs(np.mean(drawn)) < 5 / np.sqrt(count)


def test_ends_are_finite_and_exact() -> None:
    ends = np.array([2.0**-33, 1 - 2.0**-33])
    v = np.full(2, 2.0**-33)
    bound = {  # where cos 2πv is 1 to rounding
        "gaussian": [np.sqrt(66 * np.log(2)), np.sqrt(2.0**-32)],
        "uniform": np.sqrt(12) * np.array([2.0**-33 - 0.5, 0.5 - 2.0**-33]),
        "laplace": 32 * np.log(2) / np.sqrt(2) * np.array([-1.0, 1.0]),
        "student_t": [np.sqrt(3 * (2.0**13.2 - 1)), np.sqrt(1.2 * 2.0**-33)],
    }
    for law, expected in bound.items():
        assert_allclose(_FROM_UNIFORMS[law](ends, v), expected, rtol=1e-9)


def test_wide_addressing() -> None:
    """Number j owns the words 2j and 2j + 1, whatever the laws of its neighbours."""
    key = keys(SEED, [3, 5], StreamId.SAMPLES)
    laws = [("laplace", 2), ("student_t", 1), ("gaussian", 1), ("uniform", 1)]
    found = wide_numbers(key, 7, 3, 4, laws)
    assert found.shape == (3, 2, 4, 5)
    uniform = (words(key, 7, 3, 2 * 4 * 5).reshape(3, 2, 4, 5, 2) + 0.5) * 2.0**-32
    for i, law in enumerate(["laplace", "laplace", "student_t", "gaussian", "uniform"]):
        u, v = uniform[..., i, 0], uniform[..., i, 1]
        assert np.array_equal(found[..., i], _FROM_UNIFORMS[law](u, v))
    alone = wide_numbers(key[1:], 8, 1, 4, laws)
    assert np.array_equal(found[1:2, 1:], alone)
    other = wide_numbers(key, 7, 3, 4, [("gaussian", 2), *laws[1:]])
    assert np.array_equal(other[..., 2:], found[..., 2:])


@pytest.mark.parametrize("law_x", LAWS)
def test_samples_of_a_teacher(law_x: str) -> None:
    teacher = mx.Teacher.random(
        3, 2, condition_x=4.0, condition_noise=9.0, law_x=law_x, law_noise="uniform", seed=0
    )
    assert (teacher.law_x, teacher.law_noise) == (law_x, "uniform")
    count = 40_000
    data = teacher.samples(count, seed=SEED)
    for rows, cov, law in (
        (data.x, teacher.cov_x, law_x),
        (data.y - data.x @ teacher.weight.T, teacher.cov_noise, "uniform"),
    ):
        values, vectors = np.linalg.eigh(cov)
        white = rows @ (vectors / np.sqrt(values)) @ vectors.T
        for column in white.T:
            assert stats.kstest(column, FROZEN[law].cdf).pvalue > 1e-4
        error = 5 * np.sqrt((max(EXCESS_KURTOSIS[law], 0) + 2) / count)
        assert np.all(np.abs(white.T @ white / count - np.eye(len(cov))) < error)


def test_gaussian_samples_keep_their_bits() -> None:
    teacher = mx.Teacher([[1.0, 0.5]], cov_x=[[2.0, 0.5], [0.5, 1.0]], cov_noise=[[0.3]])
    generator = np.random.default_rng(4)
    x = generator.standard_normal((5, 2))
    noise = generator.standard_normal((5, 1))
    data = teacher.samples(5, seed=4)
    values, vectors = np.linalg.eigh(teacher.cov_x)
    assert_allclose(data.x, x @ (vectors * np.sqrt(values)) @ vectors.T, rtol=1e-14)  # rounding
    assert_allclose(data.y - data.x @ teacher.weight.T, noise * np.sqrt(0.3), rtol=1e-12)
    heavy = mx.Teacher([[1.0, 0.5]], teacher.cov_x, [[0.3]], law_noise="student_t")
    assert np.array_equal(heavy.samples(5, seed=4).x, data.x)


def test_bad_laws() -> None:
    message = "law_x: expected one of 'gaussian', 'uniform', 'laplace', 'student_t', got 'cauchy'"
    with pytest.raises(mx.MethexisError) as caught:
        mx.Teacher([[1.0]], law_x="cauchy")
    assert str(caught.value) == message
