"""HDF5, MATLAB and PyTorch files: mapped where they can be, other names' content never followed."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from methexis.errors import MethexisError
from methexis.representations import load

X = np.random.default_rng(0).normal(size=(8, 3))


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(MethexisError) as caught:
        load(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def left_out(path: Path) -> dict[str, str]:
    """Why each array was left out, by its name."""
    reasons = {}
    for text in load(path).left_out:
        where, _, why = text.partition(" (")
        reasons[where.rpartition(":")[2]] = why
    return reasons


def test_datasets_in_groups_are_layers(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["block10/out"] = X
        file["block2/out"] = X.astype(">f4")
        file.create_dataset("packed", data=X, compression="gzip", shuffle=True)
        file["words"] = "text"
        file["flags"] = X > 0.0
        file["none"] = np.ones((0, 3))
        file["bare"] = h5py.Empty("f8")
    layers = load(tmp_path / "m.h5")
    assert layers.names == ["block2/out", "block10/out", "packed"]
    assert [type(layer.array).__name__ for layer in layers] == ["memmap", "memmap", "ndarray"]
    assert layers.layers[0].notes == ("big-endian",)
    for layer in layers:
        assert np.array_equal(layer.array, X.astype(layer.array.dtype))
    reasons = left_out(tmp_path / "m.h5")
    assert set(reasons) == {"words", "flags", "none", "bare"}
    assert "real numbers, got dtype bool" in reasons["flags"]


def test_links_and_numbers_elsewhere_are_not_followed(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = X
    (tmp_path / "raw.bin").write_bytes(X.tobytes())
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["own"] = X
        file["away"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/x")
        file["again"] = h5py.SoftLink("/own")
        outside = [(str(tmp_path / "raw.bin"), 0, X.nbytes)]
        file.create_dataset("outside", X.shape, "f8", external=outside)
        file["loop/up"] = file["/"]
    assert (
        load(tmp_path / "m.h5").names[0] == "loop/up/own" or "own" in load(tmp_path / "m.h5").names
    )
    reasons = left_out(tmp_path / "m.h5")
    assert "a link to another file" in reasons["away"]
    assert "a link to /own" in reasons["again"]
    assert "numbers in this file, got some in another" in reasons["outside"]
    assert "a group within itself" in reasons["loop/up"]


def test_a_declared_size_is_seen_before_memory_is_taken(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.create_dataset("x", (10**9, 10**6), "f8", chunks=(100, 100))
    assert "more than this machine's memory" in refused(tmp_path / "m.h5")


def test_matlab_keeps_its_rows_and_columns(tmp_path: Path) -> None:
    """Both versions give what MATLAB shows: HDF5 sees a transposed array."""
    scipy.io.savemat(tmp_path / "five.mat", {"x": X, "subject": {"rdm": X, "name": "S1"}})
    layers = load(tmp_path / "five.mat")
    assert layers.names == ["subject/rdm", "x"]
    assert all(np.array_equal(layer.array, X) for layer in layers)
    assert "characters" in left_out(tmp_path / "five.mat")["subject/name"]
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "seven.mat", "w", userblock_size=512) as file:
        for name, kind in (("x", "double"), ("word", "char")):
            file[name] = X.T
            file[name].attrs["MATLAB_class"] = np.bytes_(kind)
        file.create_group("thin").attrs["MATLAB_sparse"] = 3
        file["#refs#/a"] = X
    (layer,) = load(tmp_path / "seven.mat")
    assert np.array_equal(layer.array, X)
    assert isinstance(layer.array, np.memmap)
    assert layer.notes == ("rows and columns as in MATLAB",)
    assert left_out(tmp_path / "seven.mat").keys() == {"word", "thin"}


def test_what_matlab_holds_besides_numbers(tmp_path: Path) -> None:
    cells = np.empty(2, dtype=object)
    cells[:] = ["a", "b"]
    scipy.io.savemat(
        tmp_path / "m.mat",
        {"x": X, "thin": scipy.sparse.eye_array(4), "cells": cells, "z": X + 1j, "flag": X > 0.0},
    )
    assert load(tmp_path / "m.mat").names == ["flag", "x"]  # MATLAB's logical is a byte
    reasons = left_out(tmp_path / "m.mat")
    assert reasons.keys() == {"thin", "cells", "z"}
    assert "sparse" in reasons["thin"]
    (tmp_path / "no.mat").write_bytes(b"no matrices here" * 99)
    assert "expected a whole .mat file" in refused(tmp_path / "no.mat")


def test_tensors_in_containers_are_layers(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(X)
    content = {"blocks": [x, x.to(torch.bfloat16)], "scale": 2.0, "flag": x > 0, "wide": x.half()}
    torch.save(content, tmp_path / "m.pt")
    layers = load(tmp_path / "m.pt")
    assert layers.names == ["blocks/0", "blocks/1", "wide"]
    assert [layer.given for layer in layers] == ["float64", "bfloat16", "float16"]
    assert layers.layers[1].array.dtype == np.float32
    assert np.array_equal(layers.layers[0].array, X)
    assert left_out(tmp_path / "m.pt").keys() == {"scale", "flag"}
    torch.save(torch.nn.Parameter(x), tmp_path / "alone.pth", _use_new_zipfile_serialization=False)
    (layer,) = load(tmp_path / "alone.pth")
    assert (layer.name, layer.shape) == ("alone", (8, 3))


class Trap:
    """What would write a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_no_code_of_a_file_is_run(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    for new in (True, False):
        torch.save({"x": torch.ones(3, 2), "t": Trap(tmp_path / "sprung")}, tmp_path / "m.pt",
                   _use_new_zipfile_serialization=new)  # fmt: skip
        assert "got objects that only code could make again" in refused(tmp_path / "m.pt")
        assert not (tmp_path / "sprung").exists()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(tmp_path / "s.pt"))
    assert "got a TorchScript model" in refused(tmp_path / "s.pt")


def test_a_tensor_that_repeats_few_numbers_is_not_unfolded(tmp_path: Path) -> None:
    """Strides of zero: a file of a kilobyte that would take terabytes."""
    torch = pytest.importorskip("torch")
    torch.save({"x": torch.ones(1).expand(10**7, 10**7)}, tmp_path / "m.pt")
    assert "more than this machine's memory" in refused(tmp_path / "m.pt")


@pytest.mark.parametrize(
    ("reader", "name", "advice"), [("hdf5", "m.h5", "[io]"), ("pytorch", "m.pt", "[torch]")]
)
def test_what_is_not_installed_is_named(
    reader: str, name: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"methexis.representations.readers.{reader}.INSTALLED", False)
    (tmp_path / name).write_bytes(b"something")
    assert f"pip install 'methexis{advice}'" in refused(tmp_path / name)
