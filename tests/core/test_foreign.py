"""Arrays of others: taken with the same numbers, or refused in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal

from methexis.core.outside.foreign import MOST_INTEGER, admitted, doubles
from methexis.errors import MethexisError

GOOD = np.arange(6.0).reshape(3, 2) - 2.0


@given(
    arrays.arrays(
        st.one_of(
            arrays.floating_dtypes(endianness="=", sizes=(16, 32, 64)),
            arrays.floating_dtypes(endianness=">", sizes=(16, 32, 64)),
            arrays.integer_dtypes(sizes=(8, 16, 32), endianness=">"),
            arrays.unsigned_integer_dtypes(sizes=(8, 16, 32)),
            arrays.boolean_dtypes(),
        ),
        arrays.array_shapes(max_dims=3, max_side=4),
    ),
    st.sampled_from(["as it is", "Fortran", "backwards", "mask of nothing", "list"]),
)
@settings(max_examples=200)
def test_numbers_are_what_they_were(value: Any, layout: str) -> None:
    with np.errstate(over="ignore"):
        expected = value.astype(np.float64)
    given_as: Any = {
        "as it is": value,
        "Fortran": np.asfortranarray(value),
        "backwards": value[::-1][::-1],
        "mask of nothing": np.ma.array(value),
        "list": value.tolist(),
    }[layout]
    found = doubles("x", given_as)
    assert_array_equal(found, expected)
    assert found.flags.owndata or found.base is None
    assert found is not given_as
    assert found.dtype.isnative


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_are_exact_or_refused(value: int) -> None:
    given_as = np.array([1, value])
    if abs(value) < MOST_INTEGER:
        assert int(doubles("x", given_as)[1]) == value
    else:
        with pytest.raises(MethexisError, match=r"^x: expected integers below 2\*\*53"):
            doubles("x", given_as)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ma.array([1.0, 2.0], mask=[0, 1]), r"got 1 masked of 2, the first at index \(1,\)"),
        ([np.ma.array([1.0, 2.0], mask=[0, 1])], "masked"),
        (np.array([1j]), "dtype complex128; give real and imaginary parts"),
        (np.array(["a"]), "dtype <U1"),
        (np.array([None]), r"dtype object; convert it to numbers first"),
        (np.array(["2020"], "M8[Y]"), "give times as numbers of a unit"),
        (scipy.sparse.csr_array(np.eye(2)), r"got a sparse csr_array; convert it with .toarray"),
        ("words", "expected an array of real numbers, got 'words'"),
        (None, "got None"),
        ([[1.0], [1.0, 2.0]], "got list that cannot become one"),
        (np.array([np.longdouble(10) ** 400]), "in the range of double precision, got 1e\\+400 of"),
    ],
)
def test_what_is_refused(value: Any, message: str) -> None:
    with pytest.raises(MethexisError, match=message) as caught:
        admitted("x", value)
    assert str(caught.value).startswith("x: expected")
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_matrices_are_arrays() -> None:
    assert type(admitted("x", np.asmatrix(GOOD))) is np.ndarray


def test_what_comes_is_a_copy() -> None:
    given_as = GOOD.copy()
    doubles("x", given_as)[0, 0] = 7.0
    assert given_as[0, 0] == GOOD[0, 0]


def test_tensors() -> None:
    torch = pytest.importorskip("torch")
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64):
        assert_array_equal(doubles("x", torch.tensor(GOOD).to(dtype)), GOOD)
    tracked = torch.tensor(GOOD, requires_grad=True)
    assert not admitted("x", tracked).requires_grad
    assert_array_equal(doubles("x", torch.nn.Parameter(torch.tensor(GOOD))), GOOD)
    assert_array_equal(doubles("x", torch._neg_view(torch.tensor(GOOD))), -GOOD)
    assert_array_equal(doubles("x", [tracked[0], tracked[1]]), GOOD[:2])
    for bad, message in (
        (torch.tensor(GOOD).to_sparse(), r"layout sparse_coo; convert it with .to_dense"),
        (torch.empty(3, 2, device="meta"), "one of device meta, which has none"),
        (torch.tensor([1j]), "dtype complex64"),
        (torch.tensor([2**60]), r"below 2\*\*53"),
    ):
        with pytest.raises(MethexisError, match=message):
            admitted("x", bad)
