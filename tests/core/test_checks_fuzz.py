"""Whatever hypothesis makes up: a check gives what it promises or refuses in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from methexis.core import checks
from methexis.core.outside.foreign import admitted, doubles
from methexis.errors import MethexisError
from methexis.measures.budget import memory_bytes
from methexis.measures.inputs.features import features
from methexis.measures.inputs.naming import named
from methexis.measures.inputs.preprocessing import preprocessing
from methexis.measures.inputs.rdm import RDM

NUMBERS = st.one_of(
    st.integers(-(2**80), 2**80),
    st.sampled_from([10**400, -(10**400), 2**53, 2**53 - 1, 0, 1, 2]),
    st.floats(),
    st.booleans(),
    st.complex_numbers(),
    st.decimals(),
    st.fractions(),
    st.sampled_from([np.float32(0.1), np.int8(-3), np.uint64(2**63), np.bool(True), np.nan]),
)
WORDS = st.one_of(
    st.text(max_size=20), st.binary(max_size=20), st.sampled_from(["a\0b", "x" * 999])
)
DTYPES = st.one_of(
    hnp.scalar_dtypes(),
    st.sampled_from([">f8", ">i2", "f2", "g", "O", "V4", "S3", "U2", "c8", "M8[D]", "m8[s]"]).map(
        np.dtype
    ),
)


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    """Of any type and shape, with a mask, transposed, or with every other entry left out."""
    dtype = draw(DTYPES)
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
    array = np.zeros(shape, dtype) if dtype.kind in "OV" else draw(hnp.arrays(dtype, shape))
    layout = draw(st.sampled_from(["plain", "masked", "transposed", "strided", "matrix-like list"]))
    if layout == "masked":
        return np.ma.array(array, mask=draw(hnp.arrays(np.bool, array.shape)))
    if layout == "transposed":
        return array.T
    if layout == "strided":
        return array[..., ::2] if array.ndim else array
    return array.tolist() if layout == "matrix-like list" else array


ANYTHING = st.recursive(
    st.one_of(st.none(), NUMBERS, WORDS, arrays(), st.just(object()), st.just(date(2020, 1, 1))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    max_leaves=6,
)
FUZZED = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
Check = Callable[[Any], Any]


def refused_or(call: Check, value: Any) -> Any:
    """The answer, or None of what is refused in a sentence."""
    try:
        return call(value)
    except MethexisError as error:
        text = str(error)
    assert "\n" not in text
    assert len(text) < 700
    assert "expected" in text
    return None


ARRAY_CHECKS: dict[str, Check] = {
    "real_array": lambda v: checks.real_array("x", v, (None, None)),
    "real_array, one dimension": lambda v: checks.real_array("x", v, (None,)),
    "doubles": lambda v: doubles("x", v),
    "admitted": lambda v: admitted("x", v),
    "covariance": lambda v: checks.covariance("x", v, 2),
    "covariances": lambda v: checks.covariances("x", v),
    "features": lambda v: features("X", v).array,
    "features, float32": lambda v: features("X", v, precision="float32", scaled=True).array,
    "RDM": lambda v: RDM(v).matrix,
}


@pytest.mark.parametrize("name", ARRAY_CHECKS)
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@FUZZED
@given(value=st.one_of(arrays(), ANYTHING))
def test_an_array_is_the_same_numbers_or_refused(name: str, value: Any) -> None:
    found = refused_or(ARRAY_CHECKS[name], value)
    if found is None:
        return
    assert isinstance(found, np.ndarray)
    assert found.dtype.kind in "fiu"
    assert found.dtype.isnative
    if name not in {"doubles", "admitted"}:
        assert np.isfinite(found).all()
    if name in {"real_array", "real_array, one dimension", "doubles", "admitted"}:
        assert not np.ma.getmaskarray(value).any() if isinstance(value, np.ma.MaskedArray) else True
        assert np.array_equal(found, np.asarray(value, dtype=np.float64), equal_nan=True)


SCALAR_CHECKS: dict[str, tuple[Check, Callable[[Any], bool]]] = {
    "integer": (lambda v: checks.integer("n", v, least=-3), lambda f: type(f) is int and f >= -3),
    "integer, bounded": (
        lambda v: checks.integer("n", v, least=0, most=7),
        lambda f: type(f) is int and 0 <= f <= 7,
    ),
    "count": (
        lambda v: checks.count("n", v, least=1),
        lambda f: type(f) is int and 1 <= f <= checks.MOST_COUNT,
    ),
    "number": (
        lambda v: checks.number("a", v, above=0.0, below=1.0),
        lambda f: type(f) is float and 0.0 < f < 1.0,
    ),
    "boolean": (lambda v: checks.boolean("b", v), lambda f: type(f) is bool),
    "one_of": (lambda v: checks.one_of("w", v, ("a", "b")), lambda f: f in ("a", "b")),
    "hidden_widths": (
        checks.hidden_widths,
        lambda f: len(f) > 0 and all(type(w) is int and w >= 1 for w in f),
    ),
    "sequence": (lambda v: checks.sequence("s", v, "things"), lambda f: type(f) is list),
    "location": (lambda v: checks.location("path", v), lambda f: "\0" not in str(f)),
    "weight_list": (
        lambda v: checks.weight_list(v, (2, 2)),
        lambda f: len(f) == 1 and f[0].dtype == np.float64 and f[0].shape[-2:] == (2, 2),
    ),
    "array_list": (
        lambda v: checks.array_list("a", v),
        lambda f: all(a.dtype == np.float64 and a.size for a in f),
    ),
    "memory_bytes": (lambda v: memory_bytes("memory", v), lambda f: type(f) is int and f > 0),
    "preprocessing": (preprocessing, lambda f: hasattr(f, "described")),
    "named": (lambda v: named("reps", v), lambda f: len({one.label for one in f}) == len(f) > 0),
}


@pytest.mark.parametrize("name", SCALAR_CHECKS)
@FUZZED
@given(value=st.one_of(NUMBERS, WORDS, ANYTHING))
def test_what_passes_a_check_is_what_it_promises(name: str, value: Any) -> None:
    check, holds = SCALAR_CHECKS[name]
    found = refused_or(check, value)
    assert found is None or holds(found)


def test_what_is_right_passes() -> None:
    """Else the tests above would prove nothing: every value could be refused."""
    x = np.arange(12.0).reshape(4, 3) ** 2
    assert np.array_equal(ARRAY_CHECKS["features"](x), x)
    assert ARRAY_CHECKS["RDM"](np.abs(np.subtract.outer(x[:, 0], x[:, 0]))).shape == (4, 4)
    good = {
        **{"integer": 3, "integer, bounded": 7, "count": 1, "number": 0.5, "boolean": True},
        **{"one_of": "a", "hidden_widths": [3], "sequence": (1,), "location": "x"},
        **{"weight_list": [np.eye(2)], "array_list": [np.eye(2)], "memory_bytes": "1 GiB"},
        **{"preprocessing": "prh", "named": [x, x]},
    }
    assert good.keys() == SCALAR_CHECKS.keys()
    for name, value in good.items():
        check, holds = SCALAR_CHECKS[name]
        assert holds(check(value)), name
    for value in (Decimal(1), Fraction(1, 2), True, "1", -(10**5000)):  # the last has no text
        assert refused_or(SCALAR_CHECKS["integer"][0], value) is None
