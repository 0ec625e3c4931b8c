"""Activation functions: values against other formulas, derivatives against complex steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from methexis.core.activations import ACTIVATIONS, LEAKY_SLOPE

Z = np.concatenate([np.linspace(-6.0, 6.0, 121)[np.arange(121) != 60], [-40.0, 40.0]])

# Analytic where the function is, and branching on the real part where it is not.
FORMULAS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda z: z,
    "relu": lambda z: np.where(z.real > 0, z, 0),
    "leaky_relu": lambda z: np.where(z.real > 0, z, 0.01 * z),
    "tanh": lambda z: (np.exp(2 * z) - 1) / (np.exp(2 * z) + 1),
    "softplus": lambda z: np.log1p(np.exp(z)),
}


def test_the_formulas_are_complete() -> None:
    assert {*FORMULAS, "gelu"} == set(ACTIVATIONS)


@pytest.mark.parametrize("name", FORMULAS)
def test_values_and_derivatives(name: str) -> None:
    found = ACTIVATIONS[name]
    # Rounding of the other formula: e^80 overflows nothing, and 1 - 1e-16 cancels to one ulp of 1.
    assert_allclose(found.value(Z), FORMULAS[name](Z), rtol=1e-13, atol=1e-15)
    step = FORMULAS[name](Z + 1e-30j).imag / 1e-30
    assert_allclose(found.derivative(Z), step, rtol=1e-12, atol=1e-15)


def test_gelu_is_exact() -> None:
    found = ACTIVATIONS["gelu"]
    # Φ(z) = (1 + erf)/2 cancels for negative z, to an ulp of 1.
    assert_allclose(found.value(Z), Z * stats.norm.cdf(Z), rtol=1e-13, atol=1e-15 * np.abs(Z).max())
    expected = stats.norm.cdf(Z) + Z * stats.norm.pdf(Z)
    assert_allclose(found.derivative(Z), expected, rtol=1e-13, atol=1e-15)


def test_derivatives_at_zero() -> None:
    zero = np.zeros(1)
    expected = {"identity": 1, "relu": 0, "leaky_relu": LEAKY_SLOPE, "tanh": 1, "gelu": 0.5}
    for name, value in (expected | {"softplus": 0.5}).items():
        assert ACTIVATIONS[name].derivative(zero)[0] == value


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_and_far_away(name: str, dtype: type) -> None:
    z = np.array([-1e4, -1.5, 0.0, 1.5, 1e4], dtype=dtype)  # e^1e4 would overflow
    with np.errstate(under="ignore"):
        value, slope = ACTIVATIONS[name].value(z), ACTIVATIONS[name].derivative(z)
    assert value.dtype == slope.dtype == dtype
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()
    with np.errstate(invalid="ignore"):  # as engines do: a lost network holds NaN
        assert np.isnan(ACTIVATIONS[name].value(np.array([np.nan], dtype=dtype))).all()
