"""Pairs made to mislead `explain`: heavy tails, outliers, few directions, discrete features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import methexis as mx
from methexis.core.linalg import random_orthogonal as turn

Pair = tuple[np.ndarray, np.ndarray]
Generator = np.random.Generator


def heavy(rng: Generator, n: int, d: int) -> np.ndarray:
    """Rows of Student's law of 5 degrees, variances 1, 1/2, 1/3, …."""
    rows = rng.standard_normal((n, d)) / np.sqrt(rng.chisquare(5, (n, 1)) / 5)
    return rows * np.arange(1, d + 1) ** -0.5


def tails_and_noise(rng: Generator) -> Pair:
    x = heavy(rng, 500, 32)
    y = 2.0 * x @ turn(32, rng) + heavy(rng, 500, 32)
    return x + 0.5 * heavy(rng, 500, 32) @ turn(32, rng), y


def tails_and_weights(rng: Generator) -> Pair:
    x = heavy(rng, 500, 32)
    return x @ turn(32, rng), x * np.exp(0.5 * rng.standard_normal(32)) @ turn(32, rng)


def tails_and_shear(rng: Generator) -> Pair:
    x = heavy(rng, 500, 32)
    sheared = x @ turn(32, rng) * np.exp(0.7 * rng.standard_normal(32))
    return x @ turn(32, rng), sheared @ turn(32, rng)


def isotropic(rng: Generator) -> Pair:
    """Every symmetric map commutes with an isotropic covariance, so a linear map needs weights."""
    x = rng.standard_normal((500, 16))
    return x, x @ turn(16, rng) * np.exp(0.7 * rng.standard_normal(16)) @ turn(16, rng)


def outlier_unit(rng: Generator) -> Pair:
    x = heavy(rng, 500, 24)
    x[:, 3] *= 20.0
    return x, x @ turn(24, rng)


def outlier_unit_in_place(rng: Generator) -> Pair:
    x = rng.standard_normal((500, 24)) @ turn(24, rng)
    x[:, 3] *= 20.0
    return x, x + 0.5 * rng.standard_normal((500, 24))


def classes(rng: Generator) -> Pair:
    x = np.eye(8)[rng.integers(0, 8, 600)] + 0.05 * rng.standard_normal((600, 8))
    return x, x @ turn(8, rng)


def rectified_units(rng: Generator) -> Pair:
    x = np.maximum(rng.standard_normal((500, 32)) @ turn(32, rng) + 0.2, 0.0)
    return x, x[:, rng.permutation(32)] + 0.2 * rng.standard_normal((500, 32))


def directions_of_both(rng: Generator) -> Pair:
    z = heavy(rng, 500, 20)
    one, other = np.hstack([z, heavy(rng, 500, 8)]), np.hstack([z, heavy(rng, 500, 12)])
    return one @ turn(28, rng), other @ turn(32, rng)


def few_units_of_many(rng: Generator) -> Pair:
    x = heavy(rng, 500, 48) @ turn(48, rng)
    return x, x[:, :6] @ turn(6, rng)


PAIRS: dict[Callable[[Generator], Pair], str] = {
    tails_and_noise: "rotation",
    tails_and_weights: "reweighted",
    tails_and_shear: "linear",
    isotropic: "reweighted",
    outlier_unit: "rotation",
    outlier_unit_in_place: "identity",
    classes: "rotation",
    rectified_units: "permutation",
    directions_of_both: "rotation",
    few_units_of_many: "rotation",
}


@pytest.mark.slow
@pytest.mark.parametrize("draw", PAIRS, ids=lambda draw: draw.__name__)
def test_it_is_not_misled(draw: Callable[[Generator], Pair]) -> None:
    found = [mx.explain(*draw(np.random.default_rng([seed, 4]))).rung for seed in range(2)]
    assert found == [PAIRS[draw]] * 2
