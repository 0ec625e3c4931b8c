"""Files of representations: read back as they were written, refused with a sentence if not."""

from __future__ import annotations

import importlib
import json
import pkgutil
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import zarr
from safetensors.numpy import save_file

import methexis as mx
from methexis.errors import MethexisError
from methexis.representations import load, readers
from methexis.representations.opening import _kind as kind_of
from tests.representations.stores import probed

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


def write_npy(path: Path) -> Path:
    np.save(path / "x.npy", X)
    return path / "x.npy"


def write_npz(path: Path) -> Path:
    np.savez(path / "x.npz", a=X)
    return path / "x.npz"


def write_safetensors(path: Path) -> Path:
    save_file({"a": X}, path / "x.safetensors")
    return path / "x.safetensors"


def write_zarr(path: Path) -> Path:
    zarr.save_array(path / "x.zarr", X)
    return path / "x.zarr"


def write_group(path: Path) -> Path:
    group = zarr.create_group(path / "x.zarr")
    group.create_group("deep").create_array("a", data=X)
    return path / "x.zarr"


def write_parquet(path: Path) -> Path:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({str(i): X[:, i] for i in range(3)}), path / "x.parquet")
    return path / "x.parquet"


def write_lists(path: Path) -> Path:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), 3)
    names = pa.array(["n"] * len(X))
    parquet.write_table(pa.table({"e": fixed, "name": names}), path / "x.parquet")
    return path / "x.parquet"


def write_probed(path: Path) -> Path:
    return probed(path / "x.zarr", {"a": X})


def write_hdf5(path: Path) -> Path:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path / "x.h5", "w") as file:
        file["a"] = X
    return path / "x.h5"


def write_mat(path: Path) -> Path:
    scipy.io.savemat(path / "x.mat", {"a": X})
    return path / "x.mat"


def write_torch(path: Path) -> Path:
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.from_numpy(X)}, path / "x.pt")
    return path / "x.pt"


WRITERS: dict[str, Callable[[Path], Path]] = {
    "npy": write_npy,
    "npz": write_npz,
    "safetensors": write_safetensors,
    "zarr": write_zarr,
    "zarr group": write_group,
    "probed": write_probed,
    "parquet": write_parquet,
    "parquet lists": write_lists,
    "hdf5": write_hdf5,
    "mat": write_mat,
    "torch": write_torch,
}
every_format = pytest.mark.parametrize("writer", WRITERS.values(), ids=list(WRITERS))


def test_every_reader_is_used_and_has_a_writer(tmp_path: Path) -> None:
    defined = set()
    for info in pkgutil.iter_modules(readers.__path__):
        module = import_module(f"{readers.__name__}.{info.name}")
        defined |= {
            name
            for name, value in vars(module).items()
            if name.startswith("read_") and value.__module__ == module.__name__
        }
    assert defined == set(readers.__all__), "representations/readers/__init__.py: export the reader"
    written = {"read_run", "read_npz_words"}  # by `Run.save`, below; asked for by its name
    for number, writer in enumerate(WRITERS.values()):
        (folder := tmp_path / str(number)).mkdir()
        reader = kind_of(writer(folder))
        assert reader is not None, f"{writer.__name__}: representations/opening.py knows no reader"
        written.add(reader.__name__)
    assert written == defined, (
        "give the reader a line in representations/opening.py and a writer here"
    )


@every_format
def test_reads_what_was_written(writer: Callable[[Path], Path], tmp_path: Path) -> None:
    found = load(writer(tmp_path))
    assert len(found) == 1
    assert np.array_equal(found.layers[0].array, X)
    assert found.layers[0].given == "float32"
    assert found.layers[0].array.dtype == np.float32
    assert json.dumps(found.described())


@every_format
@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_truncated_files_are_refused(
    writer: Callable[[Path], Path], part: float, tmp_path: Path
) -> None:
    path = writer(tmp_path)
    for file in [path] if path.is_file() else [p for p in path.rglob("c/*/*") if p.is_file()]:
        raw = file.read_bytes()
        file.write_bytes(raw[: int(part * len(raw))])
    with pytest.raises(MethexisError, match=str(path)) as error:
        load(path).read()
    assert "\n" not in str(error.value)
    assert "expected" in str(error.value)


def test_layers_come_in_natural_order(tmp_path: Path) -> None:
    for name in ("layer10", "layer2", "layer1"):
        np.save(tmp_path / f"{name}.npy", X)
    (tmp_path / "README.md").write_text("no array")
    (tmp_path / "x.pkl").write_text("no array")
    found = load(tmp_path)
    assert found.names == ["layer1", "layer2", "layer10"]
    assert [Path(text.split()[0]).name for text in found.left_out] == ["README.md", "x.pkl"]
    assert "a pickle" in found.left_out[1]
    assert load(tmp_path, layers="*1").names == ["layer1"]


def test_a_file_with_several_arrays_has_several_layers(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", b10=X, b9=X, labels=np.arange(6))
    found = load(tmp_path / "m.npz")
    assert found.names == ["b9", "b10"]
    assert found.left_out == (f"{tmp_path}/m.npz:labels (1-D)",)
    assert load(tmp_path).names == ["m/b9", "m/b10"]
    np.save(tmp_path / "m.npy", X)
    assert load(tmp_path).names == ["m.npy", "m.npz/b9", "m.npz/b10"]


def test_a_file_with_one_layer_gives_it_its_name(tmp_path: Path) -> None:
    save_file({"a": X}, tmp_path / "layer1.safetensors")
    np.savez(tmp_path / "layer2.npz", a=X, labels=np.arange(6))
    zarr.create_group(tmp_path / "layer3.zarr").create_array("deep/a", data=X)
    np.savez(tmp_path / "layer4.npz", a=X, b=X)
    found = load(tmp_path)
    assert found.names == ["layer1", "layer2", "layer3", "layer4/a", "layer4/b"]
    assert found.layers[0].source == f"{tmp_path}/layer1.safetensors:a"
    assert load(tmp_path / "layer1.safetensors").names == ["a"]


def test_npy_and_safetensors_are_mapped(tmp_path: Path) -> None:
    for path in (write_npy(tmp_path), write_safetensors(tmp_path)):
        assert isinstance(load(path).layers[0].array, np.memmap)


def test_bfloat16_is_widened_and_said_so(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch_files = pytest.importorskip("safetensors.torch")
    tensor = torch.asarray(X).to(torch.bfloat16)
    torch_files.save_file({"a": tensor}, tmp_path / "x.safetensors")
    layer = load(tmp_path / "x.safetensors").layers[0]
    assert layer.given == "bfloat16"
    assert layer.notes == ("bfloat16, widened to float32",)
    assert np.array_equal(layer.array, tensor.to(torch.float32).numpy())


@pytest.mark.parametrize("pool", ["mean", "first", "last", "each", "flatten"])
def test_pooling_is_asked_for_and_recorded(pool: str, tmp_path: Path) -> None:
    tokens = np.random.default_rng(1).normal(size=(5, 4, 3))
    np.save(tmp_path / "t.npy", tokens)
    with pytest.raises(MethexisError, match=r"t.npy: expected .* got shape \(5, 4, 3\); say what"):
        load(tmp_path / "t.npy")
    found = load(tmp_path / "t.npy", pool=pool)
    wanted = {
        "mean": [tokens.mean(axis=1)],
        "first": [tokens[:, 0]],
        "last": [tokens[:, 3]],
        "each": [tokens[:, i] for i in range(4)],
        "flatten": [tokens.reshape(5, 12)],
    }[pool]
    assert len(found) == len(wanted)
    for layer, array in zip(found, wanted, strict=True):
        assert np.array_equal(layer.array, array)
        assert layer.notes == (f"pooled: {pool}",)


def test_a_pattern_picks_positions(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.ones((5, 12, 3)))
    assert load(tmp_path / "t.npy", pool="each", layers="t/1*").names == ["t/1", "t/10", "t/11"]


def refused(path: Path, **options: object) -> str:
    with pytest.raises(MethexisError) as error:
        load(path, **options).read()  # type: ignore[arg-type]
    text = str(error.value)
    assert "\n" not in text
    return text


def test_what_is_no_representation_is_refused_by_name(tmp_path: Path) -> None:
    objects = tmp_path / "o.npy"
    np.save(objects, np.array([["a", 1]], dtype=object), allow_pickle=True)
    assert "o.npy: expected a whole file of numbers, got an array of Python obj" in refused(objects)
    np.savez(tmp_path / "o.npz", bad=np.array([["a", 1]], dtype=object))
    assert "o.npz:bad: expected a whole file of numbers" in refused(tmp_path / "o.npz")
    np.save(tmp_path / "c.npy", X.astype(complex))
    assert "c.npy: expected real numbers, got dtype complex128" in refused(tmp_path / "c.npy")
    np.save(tmp_path / "s.npy", np.array([["a", "b"]]))
    assert "s.npy: expected real numbers, got dtype <U1" in refused(tmp_path / "s.npy")
    np.save(tmp_path / "b.npy", np.zeros((6, 3), dtype="V2"))
    assert "which is how .npy keeps bfloat16" in refused(tmp_path / "b.npy")
    np.save(tmp_path / "1.npy", np.arange(6))
    assert "1.npy: expected an array (num_samples, num_features)" in refused(tmp_path / "1.npy")
    np.save(tmp_path / "0.npy", np.empty((0, 3)))
    assert "0.npy: expected at least one sample" in refused(tmp_path / "0.npy")
    for name in ("a.npz", "a.pt"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("data.pkl", b"")
        (tmp_path / name).rename(tmp_path / "zip.npy")
        assert "zip.npy: expected one array of numbers, got a zip archive" in refused(
            tmp_path / "zip.npy"
        )
    (tmp_path / "junk.npy").write_text("hello world, this is no array")
    assert "junk.npy: expected a whole .npy file of numbers, got something" in refused(
        tmp_path / "junk.npy"
    )


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"\x80")
    assert "got a pickle, which methexis never reads" in refused(tmp_path / "a.pkl")
    assert "got a pickle" in refused(tmp_path)
    (tmp_path / "a.pkl").rename(tmp_path / "a.csv")
    assert "or a saved run, got .csv" in refused(tmp_path / "a.csv")
    assert "got a.csv" in refused(tmp_path)
    (tmp_path / "empty").mkdir()
    assert "got nothing" in refused(tmp_path / "empty")
    assert "no such file or folder; expected one that holds repr" in refused(tmp_path / "no")
    np.savez(tmp_path / "none.npz")
    assert "expected at least one array" in refused(tmp_path / "none.npz")
    np.save(tmp_path / "x.npy", X)
    assert "in a layer named like 'y*', got x" in refused(tmp_path / "x.npy", layers="y*")


def test_layers_of_other_samples_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X)
    np.save(tmp_path / "b.npy", X[:5])
    text = refused(tmp_path)
    assert "b.npy: expected 6 rows (samples) as in" in text
    assert text.endswith("a.npy, got 5")


def test_damage_within_an_archive_names_the_array(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, a=X, b=X)
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo("b.npy").header_offset
    raw[offset + 200] ^= 0xFF
    path.write_bytes(raw)
    assert f"{path}:b: expected a whole .npz file, got a damaged" in refused(path, layers="b")
    found = load(path)
    assert found.names == ["a"]
    assert found.left_out[0].startswith(f"{path}:b (expected a whole .npz file, got a damaged")


def test_float8_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch_files = pytest.importorskip("safetensors.torch")
    tensor = torch.asarray(X).to(torch.float8_e4m3fn)
    torch_files.save_file({"a": tensor}, tmp_path / "x.safetensors")
    assert "x.safetensors:a: expected numbers of type F64" in refused(tmp_path / "x.safetensors")


def test_zarr_leaves_out_chunks_of_zeros(tmp_path: Path) -> None:
    values = np.zeros((8, 2))
    values[:4] = 1.0
    store = zarr.create_array(tmp_path / "x.zarr", shape=(8, 2), chunks=(4, 2), dtype="f8")
    store[:] = values
    layer = load(tmp_path / "x.zarr").layers[0]
    assert np.array_equal(layer.array, values)
    assert layer.notes == ("1 of 2 chunks are not there and count as 0.0",)


@pytest.mark.parametrize("bad", ["text", "missing", "ragged", "nested"])
def test_tables_that_are_no_features(bad: str, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {
        "text": {"a": [1.0, 2.0], "bad": ["x", "y"]},
        "missing": {"bad": [1.0, None]},
        "ragged": {"bad": [[1.0], [1.0, 2.0]]},
        "nested": {"bad": [[1.0, None], [1.0, 2.0]]},
    }[bad]
    parquet.write_table(pa.table(columns), tmp_path / "x.parquet")
    assert refused(tmp_path / "x.parquet").startswith(f"{tmp_path}/x.parquet:bad: expected")


def test_embedding_columns(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"id": [1, 2], "b2": [[1.0, 2.0], [3.0, 4.0]], "b10": [[5], [6]]})
    parquet.write_table(table, tmp_path / "x.parquet")
    found = load(tmp_path / "x.parquet")
    assert found.names == ["b2", "b10"]
    assert found.layers[0].array.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert found.layers[0].notes == ("left out beside it: id",)


@pytest.fixture(scope="module")
def run_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    teacher = mx.Teacher.random(dim_x=3, dim_y=2, seed=0)
    students = [mx.EDLN.random(teacher, hidden=(4, 5), seed=1), mx.EDLN((3,))]
    run = mx.train(students, teacher, mx.SGD(lr=0.01), steps=4, replicas=2, seed=0)
    return run.save(tmp_path_factory.mktemp("run") / "run.zarr")


def test_runs_at_given_inputs(run_path: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", X)
    found = load(run_path, inputs=tmp_path / "in.npy", replica=1)
    assert found.names == ["0/h1", "0/h2", "1/h1"]
    run = mx.open_run(run_path)
    wanted = run.activations(X, student=0, layer=2, replica=1)
    assert np.array_equal(found.layers[1].array, wanted)
    assert found.layers[1].notes == ("replica 1", "at the 6 inputs given")
    np.save(tmp_path / "wide.npy", np.ones((6, 4)))
    assert "inputs: expected shape (num_samples, 3)" in refused(
        run_path, inputs=tmp_path / "wide.npy"
    )
    assert "replica: expected one in [0, 1]" in refused(run_path, replica=2)


def test_runs_at_drawn_inputs(run_path: Path) -> None:
    found = load(run_path, seed=3)
    x = np.random.default_rng(3).standard_normal((1024, 3))
    wanted = mx.open_run(run_path).activations(x, student=1, layer=1)
    assert np.array_equal(found.layers[2].array, wanted)
    assert found.layers[2].notes[1] == "at 1024 standard normal inputs (seed 3)"


def test_runs_on_data_need_inputs(tmp_path: Path) -> None:
    samples = mx.Samples(X, X[:, :1])
    run = mx.train(mx.EDLN((2,)), samples, mx.SGD(lr=0.01), steps=2, sampling="replace")
    path = run.save(tmp_path / "run.zarr")
    assert "inputs: expected --inputs FILE" in refused(path)


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = importlib.import_module("methexis.representations.readers.parquet")
    monkeypatch.setattr(reader, "INSTALLED", False)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    assert "pip install 'methexis[io]'" in refused(tmp_path / "x.parquet")


def test_what_was_loaded_is_compared_as_it_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    arrays = {f"h{k}": rng.normal(size=(12, 3 + k)) for k in (2, 10)}
    save_file(arrays, tmp_path / "m.safetensors")
    found = load(tmp_path / "m.safetensors")
    one = mx.compare_all(found, found, "cka", num_permutations=19)
    assert one.data.layer_a.values.tolist() == ["h2", "h10"]
    assert one.data.equals(mx.compare_all(arrays, arrays, "cka", num_permutations=19).data)
    by_model = mx.compare_all({"m": found, "n": list(found)}, null="none")
    assert by_model.data.layer_a.values.tolist() == ["m/h2", "m/h10", "n/0", "n/1"]
    listed = mx.compare_all(list(found), null="none").data
    assert np.array_equal(listed["score"], mx.compare_all(arrays, null="none").data["score"])
    pair = mx.compare(*found.layers, "cka")
    assert pair.score == mx.measures.cka(*found.layers) == mx.measures.cka(*arrays.values())
    alone = load(tmp_path / "m.safetensors", layers="h2")
    assert mx.compare(alone, arrays["h10"], "cka").as_dict() == pair.as_dict()
    with pytest.raises(MethexisError, match=r"^X: expected one layer, got 2 \(h2, h10\); take"):
        mx.compare(found, alone)


def test_dissimilarities_that_were_loaded_are_compared_as_such(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(12, 3)), rng.normal(size=(12, 4))
    rdm = mx.measures.rdm(x)
    np.save(tmp_path / "d.npy", rdm.matrix)
    found = load(tmp_path / "d.npy", dissimilarities=True)
    wanted = mx.measures.rsa(x, y)
    assert mx.compare(found, y, "rsa").score == pytest.approx(wanted, rel=1e-12)
    grid = mx.compare_all(found, [y], "rsa", num_permutations=19)
    assert grid.scores.item() == pytest.approx(wanted, rel=1e-12)
    assert grid.data.d_a.item() == 0


def test_dissimilarities_are_square(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", np.abs(np.subtract.outer(X[:, 0], X[:, 0])))
    layer = load(tmp_path / "d.npy", dissimilarities=True).layers[0]
    assert layer.dissimilarities
    assert layer.notes == ("dissimilarities",)
    np.save(tmp_path / "x.npy", X)
    assert (
        "x.npy: expected dissimilarities (num_samples, num_samples), got shape (6, 3)"
        in refused(tmp_path / "x.npy", dissimilarities=True)
    )
