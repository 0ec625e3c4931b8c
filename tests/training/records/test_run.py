"""`Run`: the same on disk as in memory, formats, and what can be read off it."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

import methexis as mx
from methexis.core.layers.charges import charges
from methexis.training.records.reading import FORMAT_VERSION
from tests.files import damage

#: Written by `fixture_run().save(...)` under format 1; never written again.
OLD_STORE = Path(__file__).parents[2] / "data" / "run_format_1"


#: Entropy of the first record, rate, replica and student in run_format_2.
FORMAT_2_ENTROPY = 605.991386


def fixture_run() -> mx.Run:
    """The run in `OLD_STORE`: its second student breaks a condition of the theorem."""
    teacher = mx.Teacher([[1.0, 1.0], [0.0, 0.5]], cov_noise=[[0.04, 0.0], [0.0, 1.0]])
    students = [mx.EDLN(hidden=(3, 2)), mx.EDLN(hidden=(1,))]
    return mx.train(
        students, teacher, mx.SGD(lr=0.01, momentum=0.5), steps=10, replicas=[4, 1], seed=5,
        record=[0, 3], dtype="float32",
    )  # fmt: skip


@pytest.fixture(scope="module")
def run() -> mx.Run:
    return fixture_run()


def assert_identical(run: mx.Run, other: mx.Run) -> None:
    assert run.tree.identical(other.tree)
    for node, same in zip(run.tree.subtree, other.tree.subtree, strict=True):
        ours, theirs = node.to_dataset(inherit=False), same.to_dataset(inherit=False)
        assert list(ours.variables) == list(theirs.variables)
        assert list(ours.data_vars) == list(theirs.data_vars)
        assert list(ours.sizes.items()) == list(theirs.sizes.items())
        assert repr(ours) == repr(theirs)
        for name, variable in ours.variables.items():
            assert theirs.variables[name].dtype == variable.dtype
            assert theirs.variables[name].values.tobytes() == variable.values.tobytes()
            assert theirs.variables[name].encoding == variable.encoding
        assert {n: type(v) for n, v in ours.attrs.items()} == {
            n: type(v) for n, v in theirs.attrs.items()
        }


def test_round_trip(run: mx.Run, tmp_path: Path) -> None:
    path = run.save(tmp_path / "folder" / "run")
    again = mx.open_run(path)
    assert_identical(run, again)
    assert again.data["layer"].values.tolist() == ["0/h1", "0/h2", "1/h1"]
    assert "width below rank" in str(again.data["condition"].values[1])
    assert again.data.sel(layer="1/h1", replica=4)["imbalance"].shape == (3,)
    assert_identical(run, mx.open_run(again.save(tmp_path / "again")))  # and once more
    assert [p.name for p in path.parent.iterdir()] == ["run"]


def test_the_store_uses_types_with_a_specification(run: mx.Run, tmp_path: Path) -> None:
    path = run.save(tmp_path / "run")
    types = set()
    for file in path.rglob("zarr.json"):
        meta = json.loads(file.read_text())
        if meta["node_type"] == "array":
            types.add(json.dumps(meta["data_type"]))
    assert types == {'"int64"', '"float64"', '"float32"'}
    # Any reader of zarr sees the labels.
    plain = xr.open_datatree(path, engine="zarr", consolidated=False)
    assert plain["layer_a"].attrs["labels"] == ["0/h1", "0/h2", "1/h1"]
    plain.close()


def test_the_run_is_labelled(run: mx.Run) -> None:
    assert run.data["step"].values.tolist() == [0, 3, 10]
    assert run.data["replica"].values.tolist() == [4, 1]
    assert run.data["alignment"].dims == ("step", "replica", "layer_a", "layer_b")
    assert [w.shape for w in run.weights[0]] == [(2, 3, 2), (2, 2, 3), (2, 2, 2)]
    provenance = run.provenance
    assert provenance["methexis"] == mx.__version__
    assert provenance["sampling"] == "online"
    assert provenance["dtype"] == "float32"
    assert provenance["seed"] == 5
    assert provenance["wall_time_s"] > 0


def test_recorded_quantities_are_those_of_the_snapshots(run: mx.Run) -> None:
    teacher = mx.Teacher([[1.0, 1.0], [0.0, 0.5]], cov_noise=[[0.04, 0.0], [0.0, 1.0]])
    student = mx.EDLN(hidden=(3, 2))
    weights = [w.astype(np.float64) for w in run.snapshots(0)]
    # The same functions on the same numbers: rounding of another batch shape at most.
    entropy = mx.theory.entropy(teacher, student, weights)
    assert np.allclose(run.data["entropy"].isel(student=0), entropy, rtol=1e-12, atol=0)
    for i, charge in enumerate(charges(weights), start=1):
        assert np.array_equal(run.tree["student_0"][f"charges_{i}"], charge)
    sharpness = mx.theory.sharpness(teacher, student, [w[2, 1] for w in weights])
    assert abs(run.data["sharpness"].values[2, 1, 0] / sharpness - 1) < 1e-4  # Lanczos' tolerance
    first = weights[0][2, 1]  # h_1 = W_1 x with Σx = 1
    spectrum = run.tree["student_0"]["spectrum_1"].values[2, 1]
    assert np.allclose(spectrum, np.linalg.eigvalsh(first @ first.T)[:0:-1], rtol=1e-10)
    a, b = (h.T @ h for h in (first, weights[1][2, 1] @ first))
    cosine = np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b))
    assert abs(run.data["alignment"].values[2, 1, 0, 1] - cosine) < 1e-12


def test_activations(teacher: mx.Teacher, students: list[mx.EDLN]) -> None:
    run = mx.train(students, teacher, mx.SGD(lr=0.001), steps=5, replicas=3)
    x = np.random.default_rng(0).standard_normal((7, 3))
    student = students[1]
    assert student.embed_in is not None
    assert student.view.matrix is not None
    for n, row in enumerate(x):
        hidden = student.embed_in @ (student.view.matrix @ row)
        for layer in (1, 2, 3):
            hidden = run.weights[1][layer - 1][2] @ hidden
            found = run.activations(x, student=1, layer=layer, replica=2)
            assert found.shape == (7, student.hidden[layer - 1])
            assert np.allclose(found[n], hidden, rtol=1e-12, atol=1e-14)  # rounding


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": 3}, r"layer: expected an integer in \[1, 2\], got 3"),
        ({"layer": 0}, r"layer: expected an integer in \[1, 2\], got 0"),
        ({"student": 2}, r"student: expected an integer in \[0, 1\], got 2"),
        ({"replica": 2}, r"replica: expected an integer in \[0, 1\], got 2"),
        ({"x": np.zeros((4, 3))}, r"x: expected shape \(any, 2\), got \(4, 3\)"),
    ],
)
def test_activations_refuse(run: mx.Run, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(mx.MethexisError, match=message):
        run.activations(**({"x": np.zeros((4, 2))} | arguments))


def test_saving_replaces_only_what_it_may(run: mx.Run, tmp_path: Path) -> None:
    path = run.save(tmp_path / "run")
    with pytest.raises(mx.MethexisError, match=r"got existing .*; use force=True"):
        run.save(path)
    assert_identical(run, mx.open_run(run.save(path, force=True)))
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.tex").write_text("years of work")
    with pytest.raises(mx.MethexisError, match="expected a saved run to replace"):
        run.save(other, force=True)
    assert (other / "chapter.tex").exists()
    with pytest.raises(mx.MethexisError, match="expected to write"):
        run.save(other / "chapter.tex" / "run")


def test_a_failed_save_leaves_the_old_run(
    run: mx.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = run.save(tmp_path / "run")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xr.DataTree, "to_zarr", full)
    with pytest.raises(mx.MethexisError, match="No space left on device"):
        run.save(path, force=True)
    monkeypatch.undo()
    assert_identical(run, mx.open_run(path))
    assert list(tmp_path.iterdir()) == [path]


# zarr names the folder that it could not read; then comes our error.
@pytest.mark.filterwarnings("ignore:Object at")
def test_open_run_refuses_what_is_no_run(run: mx.Run, tmp_path: Path) -> None:
    with pytest.raises(mx.MethexisError, match="got no folder at"):
        mx.open_run(tmp_path / "nothing")
    with pytest.raises(mx.MethexisError, match="expected a saved run at"):
        mx.open_run(tmp_path)
    xr.Dataset({"a": ("b", [1.0])}).to_zarr(tmp_path / "other", consolidated=False)
    with pytest.raises(mx.MethexisError, match=r"expected a saved run at .*something else"):
        mx.open_run(tmp_path / "other")
    path = run.save(tmp_path / "run")
    (path / "loss" / "zarr.json").unlink()
    with pytest.raises(mx.MethexisError, match="expected a saved run at"):
        mx.open_run(path)


def test_a_newer_format_is_refused(run: mx.Run, tmp_path: Path) -> None:
    path = run.save(tmp_path / "run")
    meta = json.loads((path / "zarr.json").read_text())
    meta["attributes"]["format_version"] = FORMAT_VERSION + 1
    (path / "zarr.json").write_text(json.dumps(meta))
    with pytest.raises(mx.MethexisError, match=r"expected format 4 or older at .*, got 5"):
        mx.open_run(path)


def test_a_lost_chunk_is_noticed(run: mx.Run, tmp_path: Path) -> None:
    path = run.save(tmp_path / "run")
    chunks = [p for p in path.rglob("*") if p.is_file() and "c" in p.relative_to(path).parts]
    # Also of what was never measured: all NaN, which zarr would not write by default.
    assert any("entropy_ratio_projected" in p.parts for p in chunks)
    for chunk in chunks:
        content = chunk.read_bytes()
        chunk.unlink()
        with pytest.raises(mx.MethexisError, match=r" is lost$"):
            mx.open_run(path)
        chunk.write_bytes(content)
    assert_identical(run, mx.open_run(path))


def test_a_store_of_format_2_opens_and_is_saved_anew(tmp_path: Path) -> None:
    """Written by the last version without checksums: two rates, an MLP with biases."""
    with zipfile.ZipFile(OLD_STORE.with_name("run_format_2.zip")) as archive:
        archive.extractall(tmp_path / "old")
    old = mx.open_run(tmp_path / "old")
    assert old.tree.attrs["format_version"] == 2
    assert old.cells == {"lr": 2}
    assert old.data["layer"].values.tolist() == ["0/h1", "0/h2", "1/h1"]
    # The numbers of the day it was written, to the digits that were noted.
    assert round(old.data["entropy"].values[0, 0, 0, 0], 6) == FORMAT_2_ENTROPY
    assert old.activations(np.ones((2, 2)), student=1).shape == (2, 2, 2)
    again = mx.open_run(old.save(tmp_path / "again"))
    assert again.tree.attrs["format_version"] == FORMAT_VERSION
    assert again.tree.equals(old.tree)
    chunk = tmp_path / "old" / "loss" / "c" / "0" / "0" / "0" / "0"
    chunk.unlink()
    with pytest.raises(mx.MethexisError, match="chunks, the others are lost"):
        mx.open_run(tmp_path / "old")


@pytest.mark.parametrize("version", [0, -1, True, 2.0, "3", None])
def test_versions_are_counted_from_one(run: mx.Run, tmp_path: Path, version: Any) -> None:
    path = run.save(tmp_path / "run")
    meta = json.loads((path / "zarr.json").read_text())
    meta["attributes"]["format_version"] = version
    (path / "zarr.json").write_text(json.dumps(meta))
    with pytest.raises(mx.MethexisError, match=r"expected a saved run at .*something else"):
        mx.open_run(path)


def test_changed_attributes_are_noticed(run: mx.Run, tmp_path: Path) -> None:
    """Wherever they are: of the root, a group or an array; and an older format is no way out."""
    path = run.save(tmp_path / "run")
    files = ["zarr.json", "student_0/zarr.json", "layer_a/zarr.json"]
    changes: list[tuple[str, str, Any]] = [
        (files[0], "provenance", "{}"),
        (files[0], "format_version", 2),
        (files[0], "format_version", 1),
        (files[0], "checksums", {}),
        (files[0], "more", 1),
        (files[1], "depth", 2),
        (files[2], "labels", ["0/h2", "0/h1", "1/h1"]),
    ]
    for file, name, value in changes:
        content = (path / file).read_text()
        meta = json.loads(content)
        meta["attributes"][name] = value
        (path / file).write_text(json.dumps(meta))
        with pytest.raises(mx.MethexisError, match="expected a saved run at"):
            mx.open_run(path)
        (path / file).write_text(content)
    assert_identical(run, mx.open_run(path))


def test_added_arrays_are_noticed_and_notes_are_not(run: mx.Run, tmp_path: Path) -> None:
    path = run.save(tmp_path / "run")
    shutil.copytree(path / "loss", path / "loss_2")
    with pytest.raises(mx.MethexisError, match=r"loss_2/zarr\.json was added$"):
        mx.open_run(path)
    with pytest.raises(mx.MethexisError, match=r"in which loss_2/.* is not of the run"):
        run.save(path, force=True)
    assert (path / "loss_2").is_dir()


def test_only_all_of_a_saved_run_is_replaced(run: mx.Run, tmp_path: Path) -> None:
    path = run.save(tmp_path / "run")
    for name in ("notes.txt", "student_0/weights_1/notes.txt"):
        notes = path / name
        notes.write_text("mine")
        with pytest.raises(mx.MethexisError, match=r"notes\.txt is not of the run; move it away"):
            run.save(path, force=True)
        assert notes.read_text() == "mine"
        notes.unlink()
    foreign = tmp_path / "data.zarr"
    zarr.open_group(foreign, mode="w").create_array("precious", data=np.arange(10.0))
    with pytest.raises(mx.MethexisError, match="expected a saved run to replace"):
        run.save(foreign, force=True)
    assert (foreign / "precious").is_dir()
    copy = tmp_path / "old"  # of an earlier format: what is of it is known there as well
    shutil.copytree(OLD_STORE, copy)
    assert_identical(run, mx.open_run(run.save(copy, force=True)))


def test_neighbours_of_a_store_are_left_alone(run: mx.Run, tmp_path: Path) -> None:
    path = run.save(tmp_path / "run")
    path.rename(tmp_path / "run.old")
    (tmp_path / "run.partial").mkdir()
    (tmp_path / "run.partial" / "notes").write_text("mine")
    run.save(path)
    run.save(path, force=True)
    assert_identical(run, mx.open_run(tmp_path / "run.old"))
    assert (tmp_path / "run.partial" / "notes").read_text() == "mine"


@pytest.mark.filterwarnings("ignore:Object at")
def test_damage_is_noticed(run: mx.Run, tmp_path: Path) -> None:
    """Bits, ends and exchanged files: opened with the same numbers, or refused in a sentence."""
    path = run.save(tmp_path / "run")
    counts = damage.campaign(
        path, lambda: run.tree.identical(mx.open_run(path).tree), 150, np.random.default_rng(0)
    )
    assert counts["refused"] > 140  # the rest: white space of the root's JSON


def test_an_old_store_opens(run: mx.Run, tmp_path: Path) -> None:
    copy = tmp_path / "run"  # opening must not write
    shutil.copytree(OLD_STORE, copy)
    old = mx.open_run(copy)
    assert old.provenance["methexis"] == "0.1.0"
    assert list(old.data.data_vars) == list(run.data.data_vars)
    assert old.data["layer"].values.tolist() == ["0/h1", "0/h2", "1/h1"]
    assert old.num_students == 2
    for layers, same in zip(old.weights, run.weights, strict=True):
        for w, v in zip(layers, same, strict=True):
            # Another machine may round normals and sums differently: 2⁻²⁴ a few hundred times.
            assert np.allclose(w, v, rtol=0, atol=1e-4)
    assert np.allclose(old.data["alignment"], run.data["alignment"], rtol=0, atol=1e-4)
    files = {p.relative_to(copy): p.read_bytes() for p in copy.rglob("*") if p.is_file()}
    assert files == {
        p.relative_to(OLD_STORE): p.read_bytes() for p in OLD_STORE.rglob("*") if p.is_file()
    }
