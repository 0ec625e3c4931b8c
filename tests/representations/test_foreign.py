"""What files of others say beside their numbers, and files that are made to harm."""

from __future__ import annotations

import json
import os
import struct
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

import methexis as mx
from methexis import scenarios
from methexis.errors import DegenerateWarning, MethexisError
from methexis.representations import load
from methexis.representations.readers.packing import unpacked

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
Y = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)
# What a consolidated zarr store is told of by its library, and not by us.
consolidated = pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning")


def refused(path: Path, **options: object) -> str:
    with pytest.raises(MethexisError) as error:
        load(path, **options).read()  # type: ignore[arg-type]
    text = str(error.value)
    assert "\n" not in text
    return text


def tensors(path: Path, header: object, data: bytes = b"") -> Path:
    """A .safetensors file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def entry(kind: str, shape: list[int], begin: int, end: int) -> dict[str, object]:
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


# Packed arrays


@consolidated
@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("kind", ["int16", "uint8", "int32"])
def test_packed_arrays_are_unpacked(kind: str, version: int, tmp_path: Path) -> None:
    path = tmp_path / "x.zarr"
    packing = {"dtype": kind, "scale_factor": 0.05, "add_offset": 1.0, "_FillValue": 250}
    data = xr.Dataset({"h": (("sample", "feature"), 1.0 + np.abs(X))})
    data.to_zarr(path, encoding={"h": packing}, zarr_format=version)
    layer = load(path).layers[0]
    assert layer.given == kind
    assert layer.notes == (f"unpacked from {kind}: scale_factor 0.05, add_offset 1",)
    with xr.open_zarr(path) as wanted:
        # xarray computes in float32 for small integers: its rounding is what may differ.
        np.testing.assert_allclose(layer.array, wanted["h"].values, rtol=1e-6)
    data["h"][3, 1] = np.nan
    data.to_zarr(path, encoding={"h": packing}, zarr_format=version, mode="w")
    assert "x.zarr:h: expected a number everywhere, got a missing one in row 3" in refused(path)


@consolidated
@pytest.mark.parametrize("version", [2, 3])
def test_missing_floats_are_refused(version: int, tmp_path: Path) -> None:
    data = xr.Dataset({"h": (("sample", "feature"), X.copy())})
    data["h"][2, 0] = np.nan
    data.to_zarr(tmp_path / "x.zarr", zarr_format=version)
    assert "missing one in row 2" in refused(tmp_path / "x.zarr")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-128, 127), min_size=4, max_size=4),
    st.floats(-1e3, 1e3).filter(bool),
    st.floats(-1e3, 1e3),
    st.integers(-128, 127),
)
def test_unpacking_is_affine_and_codes_are_no_numbers(
    raw: list[int], scale: float, offset: float, code: int
) -> None:
    array = np.array(raw, dtype=np.int8).reshape(2, 2)
    attributes = {"scale_factor": scale, "add_offset": offset, "missing_value": code}
    if code in raw:
        with pytest.raises(ValueError, match="missing one"):
            unpacked(array, attributes)
    else:
        found, notes = unpacked(array, attributes)
        assert np.array_equal(found, array * np.float64(scale) + offset)
        assert notes


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"units": "days since 1970-01-01"}, "got dates"),
        ({"dtype": "bool"}, "got bool"),
        ({"scale_factor": "a lot"}, "expected a number for scale_factor"),
        ({"add_offset": float("nan")}, "expected a number for add_offset"),
        ({"valid_range": [0, 2]}, "expected numbers from 0 to 2"),
        ({"_FillValue": "?"}, "expected a number for _FillValue"),
    ],
)
def test_attributes_that_make_no_numbers(attributes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        unpacked(np.array([[1, 2], [3, 4]]), attributes)


def test_unsigned_numbers_that_are_kept_as_signed() -> None:
    raw = np.array([[-1, 1]], dtype=np.int8)
    assert unpacked(raw, {"_Unsigned": "true"})[0].tolist() == [[255, 1]]
    with pytest.raises(ValueError, match="missing one"):
        unpacked(raw, {"_Unsigned": "true", "_FillValue": -1})


# Types as given


def test_the_type_in_the_file_decides_what_is_rounding(tmp_path: Path) -> None:
    """Directions of the size of bfloat16's rounding are warned of, though the array is float32."""
    rng = np.random.default_rng(3)
    wide = rng.normal(size=(40, 1)) @ rng.normal(size=(1, 6)) + 1e-5 * rng.normal(size=(40, 6))
    bits = (wide.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    head = {"h": entry("BF16", [40, 6], 0, bits.nbytes)}
    layer = load(tensors(tmp_path / "h.safetensors", head, bits.tobytes())).layers[0]
    other = rng.normal(size=(40, 3))
    for found in (
        mx.compare(layer, other, "cka", null="none", num_bootstrap=0),
        mx.compare(load(tmp_path / "h.safetensors"), other, "cka", null="none", num_bootstrap=0),
    ):
        assert found.preprocessing["given"] == ("bfloat16", "float64")
    grid = mx.compare_all([layer], [other], "cka", null="none")
    assert "bfloat16" in str(grid.data.attrs)
    with pytest.warns(DegenerateWarning, match="rounding of X as it came, got 5 of 6"):
        mx.measures.cca(layer, other)
    mx.measures.cca(layer.array, other)  # what float32 would be silent about


def test_big_endian_numbers_are_as_coarse_as_little(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X.astype(">f4"))
    layer = load(tmp_path / "x.npy").layers[0]
    assert layer.given == "float32"
    assert layer.notes == ("big-endian",)
    assert np.array_equal(layer.array, X)


def test_pooled_half_precision_stays_half(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(9, 3, 4)).astype("f2"))
    layer = load(tmp_path / "x.npy", pool="mean").layers[0]
    assert layer.given == "float16"
    found = mx.compare(layer, np.eye(9), "cka", null="none", num_bootstrap=0)
    assert found.preprocessing["given"][0] == "float16"


# Shards


def sharded(folder: Path, *parts: np.ndarray, of: int | None = None, start: int = 0) -> Path:
    folder.mkdir()
    total = len(parts) if of is None else of
    for k, part in enumerate(parts):
        save_file({"h": part}, folder / f"x-{k + start:05d}-of-{total:05d}.safetensors")
    return folder


@pytest.mark.parametrize("start", [0, 1])
def test_shards_of_rows_are_joined(start: int, tmp_path: Path) -> None:
    found = load(sharded(tmp_path / "m", X, Y, X[:1], start=start))
    assert found.names == ["x"]
    assert np.array_equal(found.layers[0].array, np.concatenate([X, Y, X[:1]]))
    assert found.layers[0].notes == ("rows of 3 shards",)


def test_ten_and_more_shards_are_joined_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    rows = np.arange(24.0).reshape(12, 2)
    for k in range(12):
        np.save(tmp_path / f"x-{k}-of-12.npy", rows[k : k + 1])
    assert np.array_equal(load(tmp_path).layers[0].array, rows)


def test_shards_that_are_not_all_there_are_refused(tmp_path: Path) -> None:
    text = refused(sharded(tmp_path / "m", X, Y, of=3))
    assert "x-*-of-00003.safetensors: expected all 3 shards once, got 2 (number 0, 1)" in text
    save_file({"a": X}, tmp_path / "m" / "other.safetensors")
    found = load(tmp_path / "m")
    assert found.names == ["other"]
    assert "expected all 3 shards" in found.left_out[0]


def test_shards_of_other_shapes_or_types_are_refused(tmp_path: Path) -> None:
    assert "expected shards of float32 with rows of shape (4,)" in refused(
        sharded(tmp_path / "wide", X, Y[:, :3].copy())
    )
    assert "got float64" in refused(sharded(tmp_path / "kinds", X, Y.astype(np.float64)))


def test_a_shard_alone_is_read_and_said_so(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "m", X, Y)
    layer = load(folder / "x-00000-of-00002.safetensors").layers[0]
    assert layer.notes == ("shard 00000 of 00002 alone",)


def test_shards_by_tensors_keep_their_names(tmp_path: Path) -> None:
    save_file({"l.0": X}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"l.1": Y}, tmp_path / "model-00002-of-00002.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    names = {k: f"model-0000{k + 1}-of-00002.safetensors" for k in (0, 1)}
    index.write_text(json.dumps({"weight_map": {"l.0": names[0], "l.1": names[1]}}))
    found = load(tmp_path)
    assert (found.names, found.left_out) == (["l.0", "l.1"], ())
    index.write_text(json.dumps({"weight_map": {"l.0": names[1], "l.1": names[0]}}))
    assert "index.json: expected l.0 in model-00002" in refused(tmp_path)
    index.write_text(json.dumps({"weight_map": {"l.0": names[0], "l.2": "gone.safetensors"}}))
    assert any("got no gone.safetensors" in text for text in load(tmp_path).left_out)
    index.unlink()
    assert load(tmp_path).names == ["l.0", "l.1"]


def test_an_index_names_no_file_outside(tmp_path: Path) -> None:
    save_file({"a": X}, tmp_path / "a.safetensors")
    (tmp_path / "m").mkdir()
    save_file({"b": X}, tmp_path / "m" / "b.safetensors")
    index = {"weight_map": {"a": "../a.safetensors"}}
    (tmp_path / "m" / "m.index.json").write_text(json.dumps(index))
    assert "got no ../a.safetensors" in load(tmp_path / "m").left_out[0]


# Tables


def table(path: Path, columns: object) -> Path:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table(columns), path / "x.parquet")
    return path / "x.parquet"


def test_columns_that_may_be_identifiers_are_refused(tmp_path: Path) -> None:
    mixed = table(tmp_path, {"id": [5, 9, 2], "f": [0.1, 0.2, 0.3]})
    assert "x.parquet:id: expected columns of one kind, got integers" in refused(mixed)
    counted = table(tmp_path, {"row": [7, 8, 9], "count": [4, 4, 1]})
    assert "x.parquet:row: expected features, got the numbers of the rows from 7" in refused(
        counted
    )
    assert load(table(tmp_path, {"a": [3, 1, 2], "b": [4, 4, 1]})).layers[0].given == "int64"


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = [pa.array(X[:, 0]), pa.array(X[:, 1])]
    parquet.write_table(pa.Table.from_arrays(columns, names=["a", "a"]), tmp_path / "x.parquet")
    assert "expected columns of different names, got 'a' twice" in refused(tmp_path / "x.parquet")


def test_tensor_columns_and_nested_lists_have_their_dimensions(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    cube = X.reshape(6, 2, 2)
    tensor = table(tmp_path, {"t": pa.FixedShapeTensorArray.from_numpy_ndarray(cube)})
    assert np.array_equal(load(tensor, pool="first").layers[0].array, cube[:, 0])
    nested = table(tmp_path, {"t": cube.tolist()})
    assert np.array_equal(load(nested, pool="flatten").layers[0].array, X)
    ragged = table(tmp_path, {"t": [[[1.0], [2.0]], [[1.0]]]})
    assert "x.parquet:t: expected lists of one length" in refused(ragged)


# Names


def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X)
    raw = (tmp_path / "a.npy").read_bytes()
    path = tmp_path / "d.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", raw)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("x.npy", raw)
    assert "d.npz: expected arrays of different names, got 'x' twice" in refused(path)
    one = json.dumps(entry("F32", [6, 4], 0, 96))
    twice = tensors(tmp_path / "d.safetensors", f'{{"x": {one}, "x": {one}}}'.encode(), X.tobytes())
    assert "two entries of the name 'x'" in refused(twice)


def test_names_that_look_alike_when_shown_are_refused(tmp_path: Path) -> None:
    save_file({"a\x1b": X, "a\\x1b": Y}, tmp_path / "x.safetensors")
    assert r"expected layers of different names, got 'a\\x1b'" in refused(
        tmp_path / "x.safetensors"
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1))
def test_any_name_of_a_layer_is_text(name: str, tmp_path: Path) -> None:
    save_file({name: X, name + "2": Y}, tmp_path / "x.safetensors")
    found = load(tmp_path / "x.safetensors")
    assert len(found) == 2
    for text in (*found.names, *(layer.source for layer in found)):
        assert all(sign.isprintable() or sign.isspace() for sign in text)
        assert len(text.splitlines()) == 1


# One bad array


@pytest.mark.parametrize("layers", [None, "feats"])
def test_arrays_of_other_kinds_are_left_out(layers: str | None, tmp_path: Path) -> None:
    objects = np.array(["a"] * 6, dtype=object)
    head = {"feats": entry("F32", [6, 4], 0, 96), "mask": entry("BOOL", [6, 4], 96, 120)}
    tensors(tmp_path / "m.safetensors", head, X.tobytes() + bytes(24))
    np.savez(tmp_path / "n.npz", feats=X, names=objects, z=X.astype(complex))
    folder = tmp_path / "f"
    folder.mkdir()
    np.save(folder / "feats.npy", X)
    np.save(folder / "names.npy", objects)
    (folder / "cut.npz").write_bytes(b"PK")
    group = zarr.create_group(tmp_path / "z.zarr")
    group.create_array("feats", data=X)
    group.create_array("mask", data=X > 0)
    for path, count in (("m.safetensors", 1), ("n.npz", 2), ("f", 2), ("z.zarr", 1)):
        found = load(tmp_path / path, layers=layers)
        assert found.names == ["feats"]
        assert len(found.left_out) == (0 if layers else count), path
        assert json.dumps(found.described())
    assert "z.zarr:mask: expected real numbers, got dtype bool" in refused(
        tmp_path / "z.zarr", layers="mask"
    )


# Files that harm


def in_time(path: Path) -> str:
    """A refusal within seconds: a pipe has no end and no writer."""
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(refused(path)), daemon=True)
    began = time.monotonic()
    thread.start()
    thread.join(10.0)
    assert found, f"{path}: no answer after {time.monotonic() - began:.0f} s"
    return found[0]


no_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without pipes in folders")


@no_pipes
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors", ".parquet"])
def test_pipes_are_refused(suffix: str, tmp_path: Path) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"x{suffix}"
    os.mkfifo(path)
    assert "expected a file, got a pipe" in in_time(path)
    path.unlink()
    path.symlink_to("/dev/zero")
    assert "expected a file, got a device" in in_time(path)


@no_pipes
def test_pipes_within_a_store_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zarr"
    zarr.save_array(path, X)
    (path / "c" / "0" / "0").unlink()
    os.mkfifo(path / "c" / "0" / "0")
    assert "a pipe in place of 0" in in_time(path)
    (path / "zarr.json").unlink()
    os.mkfifo(path / "zarr.json")
    assert "expected a file, got a pipe" in in_time(path)


def test_headers_that_declare_more_than_there_is(tmp_path: Path) -> None:
    lie = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%s, 1000), }"
    for number in (b"1000000000", b"True", b"-3", b"1e9", b"9" * 5000):
        text = lie % number + b"\n"
        raw = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(8000)
        (tmp_path / "x.npy").write_bytes(raw)
        assert "x.npy: expected a whole .npy file" in refused(tmp_path / "x.npy")
        with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
            archive.writestr("x.npy", raw)
        assert "x.npz:x: expected a whole .npz file" in refused(tmp_path / "x.npz")
    for size in (2**63, 10**18, 2**40):
        (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", size) + b"{}")
        assert f"a header of {size} bytes" in refused(tmp_path / "x.safetensors")


def test_what_lies_behind_an_array_is_not_passed_over(tmp_path: Path) -> None:
    with (tmp_path / "x.npy").open("wb") as file:
        np.save(file, X)
        np.save(file, Y)
    assert "bytes of numbers, 96 declared" in refused(tmp_path / "x.npy")


@pytest.mark.parametrize(
    "header",
    [
        {"a": entry("F32", [6, 4], 0, 95)},
        {"a": entry("F32", [6, 4], 4, 100)},
        {"a": entry("F32", [6, 4], 0, 96), "b": entry("F32", [6, 4], 0, 96)},
        {"a": entry("F32", [2**40, 2**40], 0, 96)},
        {"a": entry("F32", [-6, -4], 0, 96)},
        {"a": {"dtype": "F32"}},
        [1],
        b"[" * 100_000,
    ],
)
def test_tensors_lie_one_behind_the_other_and_fill_the_file(header: object, tmp_path: Path) -> None:
    path = tensors(tmp_path / "x.safetensors", header, X.tobytes())
    assert "x.safetensors: expected a whole .safetensors file" in refused(path)


def test_bombs_are_refused_before_they_unpack(tmp_path: Path) -> None:
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 100000), }\n"
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", start + bytes(10**6))
    assert "declared" in refused(tmp_path / "x.npz")
    store = zarr.create_array(tmp_path / "x.zarr", shape=(2**40, 2**10), chunks=(4, 4), dtype="f8")
    assert "more than this machine's memory" in refused(tmp_path / "x.zarr")
    del store
    zarr.create_array(tmp_path / "y.zarr", shape=(4, 4), chunks=(2**40, 2**10), dtype="f8")
    assert "more than this machine's memory" in refused(tmp_path / "y.zarr")


def test_no_codec_unpickles(tmp_path: Path) -> None:
    path = tmp_path / "x.zarr"
    array = zarr.create_array(path, shape=(4, 4), dtype="f8", zarr_format=2, compressors=None)
    array[:] = 1.0
    about = json.loads((path / ".zarray").read_text())
    about["compressor"] = {"id": "pickle", "protocol": 5}
    (path / ".zarray").write_text(json.dumps(about))
    mark = tmp_path / "ran"
    (path / "0.0").write_bytes(b"cos\nsystem\n(S'touch %s'\ntR." % os.fsencode(mark))
    assert "expected codecs that pack numbers and run no code, got 'pickle'" in refused(path)
    assert not mark.exists()


@pytest.mark.parametrize("path", ["x" * 300, "x" * 300 + ".npy", "\x00", "a.npy/b"])
def test_paths_that_cannot_be(path: str) -> None:
    told = refused(Path(path))
    assert "expected a file or folder of representations, got" in told or "no such file" in told


def test_numbers_of_any_length_in_names_are_sorted(tmp_path: Path) -> None:
    long = "9" * 5000
    save_file({f"l{long}": X, "l10": X, "l2": X, "l٣": X}, tmp_path / "x.safetensors")
    assert load(tmp_path / "x.safetensors").names == ["l2", "l10", f"l{long}", "l٣"]


# Convolutions


def test_what_is_advised_for_convolutions_works(tmp_path: Path) -> None:
    maps = np.random.default_rng(2).normal(size=(6, 3, 4, 5))
    np.save(tmp_path / "c.npy", maps)
    words = refused(tmp_path / "c.npy").rsplit("pool: ", 1)[1].replace(" or", ",").split(", ")
    assert words == ["spatial", "spatial_last", "flatten"]
    wanted = [maps.mean(axis=(2, 3)), maps.mean(axis=(1, 2)), maps.reshape(6, 60)]
    for word, array in zip(words, wanted, strict=True):
        found = load(tmp_path / "c.npy", pool=word).layers[0]
        # sums of numbers of one in another order
        np.testing.assert_allclose(found.array, array, rtol=0, atol=1e-15)
    for word in ("mean", "first", "last", "each"):
        assert f"that pool {word} is for" in refused(tmp_path / "c.npy", pool=word)


@pytest.mark.parametrize("memory", [None, "20 KiB"], ids=["whole", "in one pass"])
def test_the_command_records_the_types_of_the_files(memory: str | None, tmp_path: Path) -> None:
    wide = np.random.default_rng(4).normal(size=(30, 5)).astype(np.float32)
    raw = (wide.view(np.uint32) >> 16).astype(np.uint16).tobytes()
    tensors(tmp_path / "a.safetensors", {"h": entry("BF16", [30, 5], 0, len(raw))}, raw)
    np.save(tmp_path / "b.npy", np.random.default_rng(5).normal(size=(30, 4)).astype(">f4"))
    asked = scenarios.CompareSettings(
        measures=(mx.measures.CKA(),), num_bootstrap=0, null="none", memory=memory
    )
    sides = load(tmp_path / "a.safetensors"), load(tmp_path / "b.npy")
    [grid] = scenarios.run_compare(*sides, asked).found
    assert json.loads(grid.data.attrs["preprocessing"])["given"] == ["bfloat16", "float32"]
