"""Cosines of samples against rotations by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from methexis.errors import MethexisError
from methexis.measures import aligned_cosine, matrix_cosine, procrustes
from tests.measures.cases import related, unrelated


@pytest.mark.parametrize("widths", [(6, 5), (4, 7), (5, 5)])
def test_rows_after_an_explicit_rotation(widths: tuple[int, int]) -> None:
    x, y = (v - v.mean(axis=0) for v in related(40, *widths))
    width = max(widths)
    a, b = (np.pad(v, ((0, 0), (0, width - v.shape[1]))) for v in (x, y))
    turned = a @ scipy.linalg.orthogonal_procrustes(a, b)[0]
    lengths = np.linalg.norm(turned, axis=1) * np.linalg.norm(b, axis=1)
    expected = np.mean(np.sum(turned * b, axis=1) / lengths)
    assert aligned_cosine(x + 2.0, y) == pytest.approx(expected, rel=1e-11)


def test_a_sample_without_direction_is_named() -> None:
    x = np.vstack([np.zeros(2), [[1.0, 0], [-1, 0], [0, 1], [0, -1]]])
    with pytest.raises(MethexisError, match=r"Y: expected samples other than the mean, .* row 0"):
        aligned_cosine(unrelated(n=5)[0], x)


def test_nothing_aligned_is_the_plain_cosine() -> None:
    x, y = related(dx=5, dy=5)
    a, b = ((v - v.mean(axis=0)).ravel() for v in (x, y))
    expected = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    assert matrix_cosine(x, y) == pytest.approx(expected, rel=1e-13)
    assert matrix_cosine(x, y) < procrustes(x, y)


def test_nothing_aligned_needs_paired_columns() -> None:
    with pytest.raises(MethexisError, match=r"equally many features, .*got 6 and 5"):
        matrix_cosine(*related())
