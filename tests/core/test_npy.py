"""A .npy file is mapped if its header tells the truth, whoever opens it."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest

import methexis as mx
from methexis.core.outside.npy import mapped
from methexis.errors import MethexisError

X = np.random.default_rng(0).normal(size=(12, 3))


def lying(path: Path, shape: str) -> Path:
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text))
    path.write_bytes(start + text + X.tobytes())
    return path


@pytest.mark.parametrize("array", [X, np.asfortranarray(X), X.astype(">f4"), X[:, 0], X[None] > 0])
def test_whole_files_are_mapped(array: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", array)
    found = mapped(tmp_path / "x.npy")
    assert isinstance(found, np.memmap)
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


@pytest.mark.parametrize(
    "shape", ["(True, 3)", "(11, 3)", "(13, 3)", "(1000000000, 3)", "(-12, -3)"]
)
def test_headers_that_lie_are_refused_by_all_who_open_files(shape: str, tmp_path: Path) -> None:
    path = lying(tmp_path / "x.npy", shape)
    with pytest.raises(ValueError, match=r"declared|no header|shape"):
        mapped(path)
    for opens in (
        mx.representations.load,
        lambda file: mx.compare_all({"a": file, "b": X}, null="none"),
        lambda file: mx.measures.stream(file, X),
    ):
        with pytest.raises(MethexisError):
            opens(path)  # type: ignore[operator]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without pipes in folders")
def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.npy")
    with pytest.raises(ValueError, match="a pipe"):
        mapped(tmp_path / "x.npy")
