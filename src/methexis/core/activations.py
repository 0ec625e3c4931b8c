"""Activation functions of nonlinear students, each with its derivative.

A layer computes ``h = act(z)`` from its pre-activation ``z``, and its error signal is
``∂ℓ/∂z = act'(z) ∂ℓ/∂h``. Both functions act entry by entry and keep the dtype of ``z``.
The derivatives of ReLU and leaky ReLU at 0 are those from the left, 0 and `LEAKY_SLOPE`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import erf, expit

from methexis.core.checks import Array

#: Slope of leaky ReLU for negative pre-activations.
LEAKY_SLOPE = 0.01


@dataclass(frozen=True)
class Activation:
    """An activation function and its derivative, both from the pre-activation ``z``."""

    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]


def _relu(z: Array) -> Array:
    return np.maximum(z, 0)


def _relu_derivative(z: Array) -> Array:
    return (z > 0).astype(z.dtype)


def _leaky_relu(z: Array) -> Array:
    return np.where(z > 0, z, LEAKY_SLOPE * z)


def _leaky_relu_derivative(z: Array) -> Array:
    return np.where(z > 0, 1.0, LEAKY_SLOPE).astype(z.dtype)


def _tanh_derivative(z: Array) -> Array:
    return np.asarray(1 - np.tanh(z) ** 2)


def _normal_probability(z: Array) -> Array:
    """Probability that a standard normal number is below ``z``."""
    return np.asarray(0.5 * (1 + erf(z * math.sqrt(0.5))))


def _gelu(z: Array) -> Array:
    return np.asarray(z * _normal_probability(z))


def _gelu_derivative(z: Array) -> Array:
    density = np.exp(-0.5 * z * z) * (1 / math.sqrt(math.tau))
    return np.asarray(_normal_probability(z) + z * density)


def _softplus(z: Array) -> Array:
    return np.asarray(np.logaddexp(0, z))


def _sigmoid(z: Array) -> Array:
    return np.asarray(expit(z))


#: All activation functions by name. ``gelu`` is ``z Φ(z)`` with the exact normal distribution
#: function, ``softplus`` is ``ln(1 + e^z)``.
ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(np.asarray, np.ones_like),
    "relu": Activation(_relu, _relu_derivative),
    "leaky_relu": Activation(_leaky_relu, _leaky_relu_derivative),
    "tanh": Activation(np.tanh, _tanh_derivative),
    "gelu": Activation(_gelu, _gelu_derivative),
    "softplus": Activation(_softplus, _sigmoid),
}
