"""Stores that `probe` wrote: seen to be as they were written, and every layer mapped."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.errors import MethexisError
from methexis.files import files_below
from methexis.measures.inputs.joining import SampleNames
from methexis.representations.probed import DATA, FORMAT, SAMPLES, VERSION, file_bytes
from methexis.representations.readers.guarding import guarded, kind_of_file, place
from methexis.representations.representation import Stored, Unread
from methexis.text import brief
from methexis.training.records.sealing import check_seal

_EXPECTED = "a whole store of probed layers"


def read_probed(path: Path) -> list[Stored | Unread]:
    """All layers of a store, mapped.

    Raises
    ------
    MethexisError
        If the store is of another format, or not as it was written.
    """
    where = place(path)
    with guarded(where, _EXPECTED):
        root = _attributes(path)
        if root[FORMAT] != VERSION:
            raise MethexisError(
                f"{where}: expected a store of probed layers of format {VERSION}, got "
                f"{brief(repr(root[FORMAT]))}; a later version of methexis reads it"
            )
        _only_files(path)
        check_seal(path)
        rows = int(root["num_samples"])
        prints = _mapped(path / SAMPLES, rows)
        samples = SampleNames(str(root["names"]), np.asarray(prints))
        return [_layer(path, node, name, rows, samples) for node, name in root["layers"].items()]


def _only_files(path: Path) -> None:
    """See that all in a store are files: a pipe in place of one waits for ever."""
    for name in files_below(path):
        mode = os.stat(path / name).st_mode
        if not stat.S_ISREG(mode):
            raise ValueError(f"{kind_of_file(mode)} in place of {brief(name)}")


def _layer(path: Path, node: str, name: str, rows: int, samples: SampleNames) -> Stored:
    about = json.loads((path / node / "zarr.json").read_text(encoding="utf-8"))["attributes"]
    notes = tuple(str(note) for note in about["notes"])
    return Stored(name, _mapped(path / node, rows), str(about["given"]), notes, samples)


def _mapped(folder: Path, rows: int) -> NDArray[Any]:
    """The rows of an array, mapped from its file."""
    declared = json.loads((folder / "zarr.json").read_text(encoding="utf-8"))
    shape = (int(declared["shape"][0]), int(declared["shape"][1]))
    file = folder / DATA
    dtype = str(declared["data_type"])
    if shape[0] != rows or file.stat().st_size != file_bytes(shape, dtype):
        raise ValueError(f"{folder.name} of shape {shape} in {file.stat().st_size} bytes")
    return np.memmap(file, np.dtype(dtype).newbyteorder("<"), "r", shape=shape)


def _attributes(path: Path) -> dict[str, Any]:
    metadata: dict[str, Any] = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
    attributes: dict[str, Any] = metadata["attributes"]
    return attributes
