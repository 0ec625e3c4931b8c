"""The zoo: what may stand where an array, a number or a word was expected.

A member is a function from what would have been right to what comes in its place, so that shapes
fit wherever the kind of the member allows it. Add members freely: `tests/zoo/test_zoo.py` walks
them all.
"""

from __future__ import annotations

import array
import tempfile
import warnings
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
import xarray as xr

Member = Callable[[Any], Any]


class Raises:
    """An array-like that fails when it is asked for its numbers."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no numbers\nhere")


def _with(value: float) -> Member:
    def made(good: Any) -> Any:
        bad = np.array(good, dtype=float)
        bad[(-1,) * bad.ndim] = value
        return bad

    return made


def _masked(good: Any) -> Any:
    mask = np.zeros(np.shape(good), bool)
    mask[(0,) * mask.ndim] = True
    return np.ma.array(good, mask=mask)


def _matrix(good: Any) -> Any:
    with warnings.catch_warnings():  # NumPy discourages what others still have
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.asmatrix(good) if np.ndim(good) <= 2 else np.array(good)


def _one_large_column(good: Any) -> Any:
    bad = np.array(good, dtype=float)
    bad[..., 0] *= 1e200
    return bad


def _zero_row(good: Any) -> Any:
    bad = np.array(good, dtype=float)
    bad[:1] = 0.0
    return bad


def _mapped(good: Any) -> Any:
    path = Path(tempfile.mkdtemp()) / "x.npy"
    np.save(path, good)
    return np.load(path, mmap_mode="r")


def _times(factor: float) -> Member:
    def made(good: Any) -> Any:
        with np.errstate(over="ignore"):  # of single precision
            return np.array(good) * factor

    return made


def _as(dtype: Any) -> Member:
    def made(good: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(good).astype(dtype)

    return made


#: In place of an array of float64.
ARRAYS: dict[str, Member] = {
    # subclasses and layouts
    "masked": _masked,
    "masked, all": lambda g: np.ma.array(g, mask=True),
    "masked, nothing": np.ma.array,
    "masked rows in a list": lambda g: list(_masked(g)),
    "matrix": _matrix,
    "Fortran": np.asfortranarray,
    "negative strides": lambda g: np.ascontiguousarray(g[::-1, ...])[::-1],
    "every other": lambda g: np.repeat(g, 2, axis=-1)[..., ::2],
    "read-only": lambda g: np.broadcast_to(g, np.shape(g)),
    "mapped from a file": _mapped,
    # types
    "big-endian": _as(">f8"),
    "big-endian float32": _as(">f4"),
    "big-endian integers": _as(">i4"),
    "float16": _as(np.float16),
    "float32": _as(np.float32),
    "longdouble": _as(np.longdouble),
    "longdouble, huge": lambda g: np.array(g, np.longdouble) * np.longdouble(10) ** 400,
    "bool": lambda g: np.asarray(g) > 0,
    "int8": lambda g: np.clip(np.asarray(g) * 10, -128, 127).astype(np.int8),
    "uint64": lambda g: np.abs(np.asarray(g) * 10).astype(np.uint64),
    "integers beyond 2**53": lambda g: np.full(np.shape(g), 2**60, np.int64) + np.arange(2)[0],
    "complex": lambda g: np.asarray(g) + 1j,
    "complex, no imaginary part": lambda g: np.asarray(g).astype(complex),
    "words": lambda g: np.asarray(g).astype("U25"),
    "bytes": lambda g: np.asarray(g).astype("S25"),
    "dates": lambda g: np.asarray(g).astype("i8").astype("M8[s]"),
    "durations": lambda g: np.asarray(g).astype("i8").astype("m8[s]"),
    "objects": lambda g: np.asarray(g).astype(object),
    "objects, None": lambda g: np.full(np.shape(g), None),
    "records": lambda g: np.zeros(np.shape(g), dtype=[("a", "f8")]),
    # numbers
    "NaN": _with(np.nan),
    "infinity": _with(np.inf),
    "NaN everywhere": lambda g: np.full(np.shape(g), np.nan),
    "zeros": np.zeros_like,
    "ones": np.ones_like,
    "zero row": _zero_row,
    "equal rows": lambda g: np.array(np.broadcast_to(np.asarray(g)[:1], np.shape(g))),
    "negated": lambda g: -np.asarray(g),
    "one large entry": _with(1e12),
    "one huge entry": _with(1e160),
    "one huge column": _one_large_column,
    "far from zero": lambda g: np.asarray(g) + 1e9,
    "1e80": _times(1e80),
    "1e150": _times(1e150),
    "1e300": _times(1e300),
    "1e-30": _times(1e-30),
    "1e-150": _times(1e-150),
    "1e-200": _times(1e-200),
    "1e-310": _times(1e-310),
    "float32, 1e-30": lambda g: (np.asarray(g) * 1e-30).astype("f4"),
    "float32, 1e30": lambda g: (np.asarray(g) * 1e30).astype("f4"),
    # shapes
    "number": lambda g: 1.5,
    "no dimension": lambda g: np.array(1.5),
    "one dimension": np.ravel,
    "one more dimension": lambda g: np.asarray(g)[None],
    "two replicas": lambda g: np.stack([g, g]),
    "one of two replicas lost": lambda g: np.stack([np.asarray(g), np.asarray(g) * np.nan]),
    "transposed": lambda g: np.ascontiguousarray(np.asarray(g).T),
    "one row": lambda g: np.asarray(g)[:1],
    "one column": lambda g: np.asarray(g)[..., :1],
    "no rows": lambda g: np.asarray(g)[:0],
    "no columns": lambda g: np.asarray(g)[..., :0],
    "a row too few": lambda g: np.asarray(g)[1:],
    # containers
    "nested lists": lambda g: np.asarray(g).tolist(),
    "rows in a tuple": lambda g: tuple(np.asarray(g)),
    "ragged": lambda g: [[1.0], [1.0, 2.0]],
    "table": lambda g: pd.DataFrame(g) if np.ndim(g) == 2 else pd.Series(np.ravel(g)),
    "table with words": lambda g: pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}),
    "table with missing integers": lambda g: pd.DataFrame({"a": pd.array([1, None], "Int64")}),
    "labelled": xr.DataArray,
    "sparse": lambda g: scipy.sparse.csr_array(np.atleast_2d(np.asarray(g)[..., 0].T)),
    "array.array": lambda g: array.array("d", np.ravel(g)),
    "memoryview": lambda g: memoryview(np.ascontiguousarray(g)),
    "generator": lambda g: (row for row in np.asarray(g)),
    "None": lambda g: None,
    "word": lambda g: "x",
    "dict": lambda g: {"a": 1},
    "set": lambda g: {1.0},
    "object": lambda g: object(),
    "raises": lambda g: Raises(),
}

if find_spec("torch") is not None:
    import torch

    def _tensor(*args: Any, **options: Any) -> Member:
        return lambda g: torch.tensor(np.asarray(g)).to(*args, **options)

    ARRAYS |= {
        "tensor": _tensor(torch.float64),
        "tensor, float32": _tensor(torch.float32),
        "tensor, float16": _tensor(torch.float16),
        "tensor, bfloat16": _tensor(torch.bfloat16),
        "tensor with gradients": lambda g: torch.tensor(np.asarray(g, float), requires_grad=True),
        "tensor, parameter": lambda g: torch.nn.Parameter(torch.tensor(np.asarray(g, float))),
        "tensor, computed": lambda g: torch.tensor(np.asarray(g, float), requires_grad=True) * 2,
        "tensor, integers": _tensor(torch.int32),
        "tensor, huge integers": lambda g: torch.full(np.shape(g), 2**60),
        "tensor, bool": _tensor(torch.bool),
        "tensor, complex": _tensor(torch.complex128),
        "tensor, sparse": lambda g: torch.tensor(np.asarray(g)).to_sparse(),
        "tensor, meta": lambda g: torch.empty(np.shape(g), device="meta"),
        "tensor, NaN": lambda g: torch.tensor(_with(np.nan)(g)),
        "tensor, transposed view": lambda g: torch.tensor(np.asarray(g).T.copy()).permute(
            *reversed(range(np.ndim(g)))
        ),
        "tensor, negated view": lambda g: torch._neg_view(torch.tensor(np.asarray(g))),
        "tensors in a list": lambda g: [torch.tensor(row) for row in np.asarray(g)],
        "tensors with gradients in a list": lambda g: [
            torch.tensor(row, requires_grad=True) for row in np.asarray(g, float)
        ],
    }

#: In place of a number or a truth value.
NUMBERS: dict[str, Member] = {
    "NaN": lambda g: float("nan"),
    "infinity": lambda g: float("inf"),
    "-infinity": lambda g: float("-inf"),
    "-1": lambda g: -1,
    "-0.5": lambda g: -0.5,
    "0": lambda g: 0,
    "0.0": lambda g: 0.0,
    "1": lambda g: 1,
    "2.0": lambda g: 2.0,
    "1.5": lambda g: 1.5,
    "1e-308": lambda g: 1e-308,
    "1e308": lambda g: 1e308,
    "2**70": lambda g: 2**70,
    "10**400": lambda g: 10**400,
    "-2**70": lambda g: -(2**70),
    "True": lambda g: True,
    "None": lambda g: None,
    "word": lambda g: "1",
    "bytes": lambda g: b"1",
    "complex": lambda g: 1j,
    "Decimal": lambda g: Decimal("1.5"),
    "Fraction": lambda g: Fraction(3, 2),
    "float32": lambda g: np.float32(0.1),
    "int64": lambda g: np.int64(1),
    "array without dimension": lambda g: np.array(1.0),
    "array": lambda g: np.array([1.0, 2.0]),
    "list": lambda g: [1, 2],
    "dict": lambda g: {},
    "object": lambda g: object(),
}

#: In place of a word.
WORDS: dict[str, Member] = {
    "unknown": lambda g: "no such word",
    "empty": lambda g: "",
    "upper case": lambda g: str(g).upper(),
    "None": lambda g: None,
    "number": lambda g: 3,
    "bytes": lambda g: b"x",
    "list": lambda g: ["x"],
    "array": lambda g: np.array(["x", "y"]),
    "numpy": lambda g: np.str_(str(g)),
    "NUL": lambda g: "a\0b",
    "object": lambda g: object(),
}

#: In place of anything else: a source, a student, a list of labels, a list of weights.
THINGS: dict[str, Member] = {
    "None": lambda g: None,
    "number": lambda g: 3,
    "NaN": lambda g: float("nan"),
    "word": lambda g: "x",
    "empty list": lambda g: [],
    "list of None": lambda g: [None, None],
    "list of words": lambda g: ["a", "b"],
    "dict": lambda g: {},
    "dict of None": lambda g: {"a": None},
    "array": lambda g: np.ones((3, 3)),
    "array without dimension": lambda g: np.array(2.0),
    "object": lambda g: object(),
    "class": lambda g: dict,
    "shorter": lambda g: g[:-1] if isinstance(g, list | tuple) else None,
    "longer": lambda g: [*g, *g] if isinstance(g, list | tuple) else None,
    "generator": lambda g: (one for one in g) if isinstance(g, list | tuple) else None,
}
