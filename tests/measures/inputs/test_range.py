"""Numbers of any size: the same score, or a refusal that names the range; never another number."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import Measure, compare, compare_all
from methexis.measures.inputs.features import features
from tests.measures.cases import VARIANTS, label, related

X, Y = related()
FACTORS = {
    "float64": (1e-300, 1e-200, 1e-90, 1e90, 1e200, 1e300),
    "float32": (1e-30, 1e-12, 1e9, 1e30),
}


def scored(measure: Measure[Any], x: Any, precision: str) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        return compare(x, Y, measure, null="none", num_bootstrap=0, precision=precision).score


def check_scale_dependent(measure: Measure[Any], factor: float, precision: str) -> None:
    try:
        found = scored(measure, X * factor, precision)
    except MethexisError as refused:
        text = str(refused)
    else:
        text = "the largest" if np.isfinite(found) else f"got {found}"
    assert "the largest" in text


@pytest.mark.parametrize("measure", VARIANTS, ids=label)
def test_scores_do_not_depend_on_the_unit(measure: Measure[Any]) -> None:
    for precision, factors in FACTORS.items():
        expected = scored(measure, X, precision)
        for factor in factors:
            if not measure.scale_free:
                check_scale_dependent(measure, factor, precision)
                continue
            found = scored(measure, X * factor, precision)
            # The factor is no power of two, so numbers are rounded once more; ties of neighbours
            # and of ranks are not touched by that here.
            assert_allclose(found, expected, rtol=1e-9 if precision == "float64" else 2e-3)


@pytest.mark.parametrize("measure", [m for m in VARIANTS if m.scale_free], ids=label)
def test_a_power_of_two_changes_no_bit(measure: Measure[Any]) -> None:
    expected = scored(measure, X, "float64")
    for power in (-1000, -300, 3, 300, 1000):
        assert scored(measure, np.ldexp(X, power), "float64") == expected


@pytest.mark.parametrize("factor", [1e-22, 1e20, 1e-38])
def test_grids_of_single_precision(factor: float) -> None:
    x, y = X.astype("f4"), Y.astype("f4")
    for measure in ("cka", "rv", "gram_cosine"):
        expected, found = (
            compare_all([x * np.float32(f)], [y], measure, null="none").data.score.item()
            for f in (1.0, factor)
        )
        assert_allclose(found, expected, rtol=1e-2 if factor == 1e-38 else 1e-5)  # subnormal digits


@given(st.integers(-1060, 1010), st.sampled_from(["float64", "float32"]))
@settings(max_examples=100)
def test_what_is_taken_out_is_told(power: int, precision: str) -> None:
    given_as = np.ldexp(np.round(X, 1) * 10.0, power)
    found = features("X", given_as, precision=precision, scaled=True)
    back = np.ldexp(np.asarray(found.array, np.float64), found.exponent)
    if precision == "float64":
        assert np.array_equal(back, given_as)
    assert_allclose(back, given_as, rtol=1e-6, atol=0)
    assert 1e-71 < float(np.abs(found.array).max()) < 1e71


@pytest.mark.parametrize("factor", [1e-60, 1e60])
def test_single_precision_is_refused_where_it_does_not_hold(factor: float) -> None:
    with pytest.raises(MethexisError, match="the range of float32, got"):
        features("X", X * factor, precision="float32")
