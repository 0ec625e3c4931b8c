"""Files are opened without their numbers: what is not asked for is not read."""

from __future__ import annotations

import io
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr

import methexis as mx
from methexis.errors import MethexisError
from methexis.representations import Representation, load, readers
from methexis.representations.deferred import Deferred

#: A file that would take this as numbers, and what opening it may take: headers and schemas.
LOGICAL, MOST = 2**31, 2**23
WIDTH = 1024
ROWS = LOGICAL // (4 * WIDTH)
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(600, 7)), RNG.normal(size=(600, 5))


class _Sparse(io.FileIO):
    """A file in which zeros are holes."""

    def write(self, data: Any) -> int:
        if len(data) < 4096 or np.frombuffer(data, np.uint8).any():
            return super().write(data)
        self.seek(len(data), os.SEEK_CUR)
        return len(data)


def npz(path: Path) -> Path:
    """Zeros in an archive, stored, and a small array beside them."""
    block = bytes(2**25)
    with _Sparse(path / "x.npz", "w+") as raw, zipfile.ZipFile(raw, "w") as archive:
        with archive.open("large.npy", "w", force_zip64=True) as member:
            about = {"descr": "<f4", "fortran_order": False, "shape": (ROWS, WIDTH)}
            np.lib.format.write_array_header_1_0(member, about)
            for _ in range(LOGICAL // len(block)):
                member.write(block)
        with archive.open("small.npy", "w") as member:
            np.lib.format.write_array(member, np.zeros((ROWS, 1), np.float32))
    return path / "x.npz"


def zarrs(path: Path) -> Path:
    """Chunks that are not there."""
    group = zarr.create_group(path / "x.zarr")
    for name, width in (("large", WIDTH), ("small", 1)):
        group.create_array(name, shape=(ROWS, width), chunks=(4096, width), dtype="f4")
    return path / "x.zarr"


def parquet(path: Path, groups: int = ROWS // 2**13) -> Path:
    """Lists of one number, again and again, of which a dictionary has one."""
    rows = 2**13
    lists = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(rows * WIDTH, np.float32)), WIDTH)
    columns = {
        "large": lists.cast(pa.list_(pa.float32())),
        "small": list(np.zeros((rows, 1), np.float32)),
    }
    table = pa.table(columns)
    with pq.ParquetWriter(path / "x.parquet", table.schema) as writer:
        for _ in range(groups):
            writer.write_table(table)
    return path / "x.parquet"


def hdf5(path: Path) -> Path:
    with h5py.File(path / "x.h5", "w") as file:
        for name, width in (("large", WIDTH), ("small", 1)):
            file.create_dataset(name, (ROWS, width), "f4", chunks=(4096, width), compression="gzip")
    return path / "x.h5"


def peak(work: Callable[[], Any]) -> tuple[int, Any]:
    """Most bytes that work took, of Python and of Arrow."""
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        result = work()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return max(most, pa.total_allocated_bytes() - before), result


def _large(path: Path, rows: int = ROWS) -> None:
    """See that a file is opened, and its small layer read, without the large one."""
    load(path, layers="small")  # the reader and its library, once
    most, opened = peak(lambda: load(path))
    assert most < MOST
    assert opened.names == ["large", "small"]
    assert [layer.shape for layer in opened] == [(rows, WIDTH), (rows, 1)]
    assert [layer.held.dtype.name for layer in opened] == ["float32"] * 2
    most, chosen = peak(lambda: load(path, layers="small").read())
    assert most < MOST + 16 * rows  # of these numbers, and of what a library copies
    assert chosen.layers[0].array.shape == (rows, 1)


@pytest.mark.parametrize("writer", [npz, zarrs, hdf5])
def test_two_gigabytes_are_opened_for_one_layer(
    writer: Callable[[Path], Path], tmp_path: Path
) -> None:
    _large(writer(tmp_path))


def test_a_table_is_opened_for_one_column(tmp_path: Path) -> None:
    """Of 128 MiB, in quick."""
    _large(parquet(tmp_path, 4), 4 * 2**13)


@pytest.mark.long  # it takes half a minute to write it
def test_a_table_of_two_gigabytes_is_opened_for_one_column(tmp_path: Path) -> None:
    _large(parquet(tmp_path))


def write_npz(path: Path) -> Path:
    np.savez_compressed(path / "m.npz", a=X, b=Y)
    return path / "m.npz"


def write_zarr(path: Path) -> Path:
    group = zarr.create_group(path / "m.zarr")
    for name, array in (("a", X), ("b", Y)):
        group.create_array(name, data=array, chunks=(100, array.shape[1]))
    return path / "m.zarr"


def write_lists(path: Path) -> Path:
    table = pa.table({"a": list(X), "b": list(Y)})
    pq.write_table(table, path / "m.parquet", row_group_size=100, write_page_checksum=True)
    return path / "m.parquet"


def write_hdf5(path: Path) -> Path:
    with h5py.File(path / "m.h5", "w") as file:
        for name, array in (("a", X), ("b", Y)):
            file.create_dataset(name, data=array, compression="gzip", fletcher32=True)
    return path / "m.h5"


WRITERS = (write_npz, write_zarr, write_lists, write_hdf5)
every_format = pytest.mark.parametrize("writer", WRITERS)


def deferred(layer: Representation) -> Deferred:
    """What a layer holds, which is not an array yet."""
    assert isinstance(layer.held, Deferred)
    return layer.held


@every_format
def test_what_is_declared_is_what_is_read(writer: Callable[[Path], Path], tmp_path: Path) -> None:
    opened = load(writer(tmp_path))
    for layer, array in zip(opened, (X, Y), strict=True):
        held = deferred(layer)
        assert not held.known
        assert (held.shape, held.dtype, held.ndim, len(held)) == (array.shape, array.dtype, 2, 600)
        assert "not read yet" in repr(held)
        assert np.array_equal(layer.array, array)
        assert held.known
        assert layer.array is layer.array  # read once


@every_format
def test_a_damaged_layer_shows_when_it_is_read(
    writer: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = writer(tmp_path)
    victim = path
    if path.is_dir():
        victim = path / "b" / "c" / "2" / "0"
        victim.write_bytes(victim.read_bytes()[:40])
    else:  # in the middle of the second array, which lies behind the first
        raw = bytearray(path.read_bytes())
        at = len(raw) * 3 // 4
        if path.suffix == ".parquet":
            at = pq.read_metadata(path).row_group(3).column(1).data_page_offset + 400
        raw[at : at + 40] = bytes(40)
        path.write_bytes(raw)
    opened = load(path)
    assert opened.names == ["a", "b"]
    assert np.array_equal(opened.layers[0].array, X)
    with pytest.raises(MethexisError, match=r":b: expected .*damaged") as error:
        opened.layers[1].array  # noqa: B018
    assert "\n" not in str(error.value)
    whole = opened.read()
    assert whole.names == ["a"]
    assert whole.left_out[0].startswith(f"{path}:b (expected a whole ")
    with pytest.raises(MethexisError, match=r":b: expected .*damaged"):
        mx.compare_all(opened, num_permutations=9)
    with pytest.raises(MethexisError, match=r":b: expected .*damaged"):
        load(path, layers="b").read()
    assert load(path, layers="a").read().names == ["a"]


@every_format
def test_a_layer_by_name_reads_nothing_else(writer: Callable[[Path], Path], tmp_path: Path) -> None:
    opened = load(writer(tmp_path))
    assert mx.compare(opened.layers[0], X).score == pytest.approx(1.0)
    assert [deferred(layer).known for layer in opened] == [True, False]
    with pytest.raises(MethexisError, match="expected one layer, got 2"):
        mx.compare(opened, X)
    assert not deferred(opened.layers[1]).known


@every_format
def test_a_file_that_changed_is_refused(writer: Callable[[Path], Path], tmp_path: Path) -> None:
    path = writer(tmp_path)
    opened = load(path)
    other = tmp_path / "other"
    other.mkdir()
    np.savez_compressed(other / "m.npz", a=X[:50], b=Y[:50])
    if path.suffix == ".npz":
        (other / "m.npz").rename(path)
    elif path.is_dir():
        zarr.create_array(path / "a", data=X[:50], chunks=(50, 7), overwrite=True)
    elif path.suffix == ".parquet":
        pq.write_table(pa.table({"a": list(X[:50]), "b": list(Y[:50])}), path)
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset("a", data=X[:50], compression="gzip")
    with pytest.raises(MethexisError, match=r"m\.\w+:a: expected"):
        opened.layers[0].array  # noqa: B018


def test_rows_that_are_taken_are_read_later(tmp_path: Path) -> None:
    opened = load(write_npz(tmp_path))
    rows = np.array([5, 0, 17])
    part = opened.taken(rows, "by a test")
    assert not deferred(part.layers[0]).known
    assert part.num_samples == 3
    assert part.layers[0].notes == ("3 of 600 samples, by a test",)
    assert np.array_equal(part.layers[0].array, X[rows])
    assert not deferred(opened.layers[0]).known  # the whole is not kept for it


@pytest.mark.parametrize("pool", ["mean", "first", "last", "each", "flatten"])
@pytest.mark.parametrize("mask", [None, "none", np.array([2, 3, 1, 3])])
def test_tokens_are_pooled_when_they_are_read(pool: str, mask: Any, tmp_path: Path) -> None:
    """As those of a file that is mapped, to the bit."""
    tokens = np.random.default_rng(1).normal(size=(4, 3, 2)).astype(np.float32)
    np.save(tmp_path / "t.npy", tokens)
    np.savez(tmp_path / "t.npz", t=tokens)
    if isinstance(mask, np.ndarray) and pool in {"each", "flatten"}:
        with pytest.raises(MethexisError, match="mask: expected pool"):
            load(tmp_path / "t.npz", pool=pool, mask=mask)
        return
    mapped = load(tmp_path / "t.npy", pool=pool, mask=mask)
    later = load(tmp_path / "t.npz", pool=pool, mask=mask)
    assert later.names == mapped.names
    for one, other in zip(later, mapped, strict=True):
        assert not deferred(one).known
        assert (one.shape, one.held.dtype) == (other.array.shape, other.array.dtype)
        assert np.array_equal(one.array, other.array)


def test_padding_is_refused_when_tokens_are_read(tmp_path: Path) -> None:
    tokens = np.ones((400, 3, 4))
    tokens[:, :2] = np.random.default_rng(1).normal(size=(400, 2, 4))
    tokens[7, 2] = 0.0
    np.savez_compressed(tmp_path / "t.npz", t=tokens)
    opened = load(tmp_path / "t.npz", pool="mean")
    with pytest.raises(MethexisError, match=r"t\.npz:t: expected real tokens, got zero"):
        opened.layers[0].array  # noqa: B018
    with pytest.raises(MethexisError, match="mask"):
        load(tmp_path / "t.npz", pool="mean", mask=np.array([1, 2]))


def test_shards_are_joined_when_they_are_read(tmp_path: Path) -> None:
    for k in range(2):
        np.savez(tmp_path / f"t-{k:05d}-of-00002.npz", a=X[300 * k : 300 * (k + 1)])
    opened = load(tmp_path)
    assert opened.layers[0].shape == X.shape
    assert not deferred(opened.layers[0]).known
    assert np.array_equal(opened.layers[0].array, X)


def test_rows_of_lists_need_not_be_like_the_first(tmp_path: Path) -> None:
    """The first row tells how long lists are; one that differs is read at once, for its error."""
    ragged = [[1.0, 2.0]] * 5 + [[3.0]]
    pq.write_table(pa.table({"r": ragged, "x": [[1.0]] * 6}), tmp_path / "x.parquet")
    opened = load(tmp_path / "x.parquet")
    assert opened.names == ["x"]
    assert "expected lists of one length, got from 1 to 2" in opened.left_out[0]
    even = [[1.0, 2.0], [3.0], [4.0, 5.0, 6.0]]  # as many numbers as if all were like the first
    pq.write_table(pa.table({"r": even}), tmp_path / "x.parquet")
    with pytest.raises(MethexisError, match="got from 1 to 3 numbers"):
        load(tmp_path / "x.parquet").read()
    deep = [[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]] * 4
    pq.write_table(pa.table({"d": deep}), tmp_path / "x.parquet")
    layer = load(tmp_path / "x.parquet", pool="flatten").layers[0]
    assert layer.shape == (4, 6)
    assert not deferred(layer).known
    assert layer.array[3].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_readers_give_types_as_they_will_come(tmp_path: Path) -> None:
    """Packed integers become doubles, and integers beside half floats what NumPy makes of them."""
    group = zarr.create_group(tmp_path / "p.zarr")
    raw = np.arange(12, dtype=np.int16).reshape(6, 2)
    group.create_array("a", data=raw, attributes={"scale_factor": 0.5})
    layer = load(tmp_path / "p.zarr").layers[0]
    assert layer.held.dtype == np.float64
    assert layer.notes == ("unpacked from int16: scale_factor 0.5",)
    assert np.array_equal(layer.array, raw * 0.5)
    columns = {"f": np.array([1, 2, 4], np.float16), "g": np.array([1.5, 2.0, 0.0], np.float32)}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    (stored,) = readers.read_parquet(tmp_path / "x.parquet")
    assert stored.array.dtype == np.float32
    assert np.array_equal(stored.array.numbers, np.stack(list(columns.values()), axis=1))
    assert stored.given == "float16"


def test_numpy_takes_what_is_deferred() -> None:
    later = Deferred("x", (2, 2), np.float32, lambda: np.eye(2, dtype=np.float32))
    assert np.asarray(later, dtype=np.float64).dtype == np.float64
    copied = np.array(later)
    copied[:] = 7.0
    assert later.numbers[0, 1] == 0.0
    wrong = Deferred("x.npz:a", (3, 2), np.float32, lambda: np.eye(2, dtype=np.float32))
    with pytest.raises(
        MethexisError, match=r"x.npz:a: expected shape \(3, 2\) of float32, as when"
    ):
        wrong.numbers  # noqa: B018
