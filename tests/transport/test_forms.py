"""The closed forms against whole matrices and SciPy's Procrustes, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes

import methexis as mx
from methexis.transport.forms import RIDGES
from tests.transport import brute

Array = NDArray[np.float64]


def related(rows: int, dx: int, dy: int, seed: int = 0, noise: float = 0.3) -> tuple[Array, Array]:
    """Two sides that see one signal, each with noise and directions of unequal size."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(rows, min(dx, dy)))
    x = signal @ rng.normal(size=(min(dx, dy), dx)) + noise * rng.normal(size=(rows, dx)) + 2.0
    y = signal @ rng.normal(size=(min(dx, dy), dy)) + noise * rng.normal(size=(rows, dy)) - 1.0
    return x, y


def matrix(translation: mx.Translation) -> Array:
    """The map from x to y as a matrix."""
    width = translation.sides[0].width
    origin = translation.forward(np.zeros((1, width)))
    return np.asarray((translation.forward(np.eye(width)) - origin).T)


def back(translation: mx.Translation) -> Array:
    width = translation.sides[1].width
    origin = translation.backward(np.zeros((1, width)))
    return np.asarray((translation.backward(np.eye(width)) - origin).T)


def test_a_rotation_is_scipys() -> None:
    x, y = related(500, 7, 7)
    translation = mx.translate(x, y, map="rotation")
    turn = orthogonal_procrustes(x - x.mean(axis=0), y - y.mean(axis=0))[0].T
    # Rounding of an SVD of 7 × 7.
    np.testing.assert_allclose(matrix(translation), brute.fitted(turn, x, y) * turn, atol=1e-10)
    np.testing.assert_allclose(back(translation), brute.fitted(turn.T, y, x) * turn.T, atol=1e-10)
    np.testing.assert_allclose(
        translation.forward(x.mean(axis=0)[None])[0], y.mean(axis=0), atol=1e-10
    )


@pytest.mark.parametrize("widths", [(6, 6), (8, 5), (4, 7)])
@pytest.mark.parametrize("ridge", [0.01, 1.0])
def test_scaled_and_linear_are_those_of_whole_matrices(
    widths: tuple[int, int], ridge: float
) -> None:
    x, y = related(300, *widths)
    scaled = mx.translate(x, y, map="scaled", ridge=ridge)
    np.testing.assert_allclose(matrix(scaled), brute.scaled(x, y, ridge), atol=1e-8)
    np.testing.assert_allclose(back(scaled), brute.scaled(y, x, ridge), atol=1e-8)
    line = mx.translate(x, y, map="linear", ridge=ridge)
    np.testing.assert_allclose(matrix(line), brute.linear(x, y, ridge), atol=1e-8)
    np.testing.assert_allclose(back(line), brute.linear(y, x, ridge), atol=1e-8)
    assert scaled.ridge == line.ridge == (ridge, ridge)


def test_a_large_ridge_makes_the_rotation() -> None:
    x, y = related(300, 6, 6)
    rotation = mx.translate(x, y, map="rotation")
    scaled = mx.translate(x, y, map="scaled", ridge=1e9)
    np.testing.assert_allclose(matrix(scaled), matrix(rotation), atol=1e-6)  # 1 / ridge, and roots
    assert (
        np.abs(matrix(mx.translate(x, y, map="scaled", ridge=0.1)) - matrix(rotation)).max() > 0.01
    )


def test_the_common_space_is_that_of_whole_matrices() -> None:
    x, y = related(300, 6, 5)
    new = related(40, 6, 5, seed=1)
    translation = mx.translate(x, y, map="linear", ridge=0.5)
    assert (translation.matching, translation.matching_ridge) == ("linear", 0.5)
    cosines = brute.common_cosines(x, y, new, 0.5)
    matches = translation.match(*new)
    np.testing.assert_array_equal(matches.rows, cosines.argmax(axis=1))
    np.testing.assert_allclose(matches.cosines, cosines.max(axis=1), atol=1e-8)
    again = translation.match_back(new[1], new[0])
    np.testing.assert_array_equal(again.rows, cosines.argmax(axis=0))
    there, other = translation.common(new[0]), translation.common(y=new[1])
    products = there @ other.T / np.linalg.norm(there, axis=1)[:, None]
    np.testing.assert_allclose(products / np.linalg.norm(other, axis=1), cosines, atol=1e-8)


@pytest.mark.parametrize("rows", [30, 300])
def test_turning_either_side_turns_the_maps_and_nothing_else(rows: int) -> None:
    """Few rows go another way through the code: into their own span, before anything else."""
    x, y = related(rows, 40 if rows == 30 else 8, 35 if rows == 30 else 6)
    rng = np.random.default_rng(5)
    turn = np.linalg.qr(rng.normal(size=(x.shape[1], x.shape[1])))[0]
    one = mx.translate(x, y)
    other = mx.translate(3.0 * x @ turn + 1.0, y)
    assert (one.map, one.ridge[0]) == (other.map, pytest.approx(other.ridge[0]))
    np.testing.assert_allclose(other.forward(3.0 * x @ turn + 1.0), one.forward(x), atol=1e-7)
    np.testing.assert_allclose(
        other.certificate.worth.share, one.certificate.worth.share, atol=1e-8
    )
    stretched = mx.translate(x * np.linspace(1.0, 9.0, x.shape[1]), y)  # no rotation
    assert abs(stretched.certificate.worth.share[0] - one.certificate.worth.share[0]) > 1e-4


def test_both_sides_exchanged_exchange_everything() -> None:
    x, y = related(200, 7, 5)
    one, other = mx.translate(x, y), mx.translate(y, x)
    assert one.map == other.map
    np.testing.assert_allclose(one.forward(x), other.backward(x), atol=1e-8)
    np.testing.assert_allclose(
        one.certificate.worth.share, other.certificate.worth.share[::-1], atol=1e-8
    )
    assert one.certificate.worth.top1 == other.certificate.worth.top1[::-1]


def test_ridges_stand_from_the_least_freedom_to_the_most() -> None:
    assert list(RIDGES) == sorted(RIDGES, reverse=True)
