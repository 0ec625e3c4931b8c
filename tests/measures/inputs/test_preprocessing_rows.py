"""Rows of length one: of rows of any size, and of zeros a sentence that counts them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from methexis.errors import MethexisError
from methexis.measures.inputs.features import features
from methexis.measures.inputs.preprocessing import Preprocessing

STEPS = Preprocessing(normalise=True)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_tiny_rows_are_no_zeros(precision: str) -> None:
    """Squares of these rows vanish beside those of the others; their directions do not."""
    x = np.random.default_rng(0).normal(size=(9, 4))
    tiny = x.copy()
    tiny[2] *= 1e-200 if precision == "float64" else 1e-30
    plain, found = (STEPS(features("X", y, precision=precision)).array for y in (x, tiny))
    assert_allclose(found, plain, rtol=1e-6 if precision == "float32" else 1e-14)
    rest = np.arange(9) != 2
    assert np.array_equal(found[rest], plain[rest]), "no other row may change by a bit"


def test_zero_rows_are_counted() -> None:
    x = np.random.default_rng(0).normal(size=(9, 4))
    x[[1, 4, 5, 8]] = 0.0
    with pytest.raises(MethexisError, match=r"got zeros in 4 of 9 rows \(1, 4, 5, …\); leave"):
        STEPS(features("X", x))


def test_switches_are_truth_values() -> None:
    with pytest.raises(MethexisError, match=r"^normalise: expected True or False"):
        Preprocessing(normalise=1)  # type: ignore[arg-type]
