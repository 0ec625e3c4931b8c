"""`load`: a file or folder becomes the layers of one model.

A file with several arrays has several layers; of a folder every file is a layer, or several. In a
folder a file with one layer gives it its name, whatever its array is called inside. Layers come in
natural order, layer2 before layer10. What lies there and is no representation is left out and told;
what should be one and cannot be read is an error that names file and array.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeAlias

import numpy as np

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.files import recover
from methexis.representations import readers
from methexis.representations.pooling import pooled
from methexis.representations.readers.runs import is_run
from methexis.representations.representation import Representation, Representations, Stored

Reader: TypeAlias = Callable[[Path], list[Stored]]
#: Readers by suffix; by name, so that only those that are needed are loaded.
_SUFFIXES = {
    ".npy": "read_npy",
    ".npz": "read_npz",
    ".safetensors": "read_safetensors",
    ".parquet": "read_parquet",
}
_KNOWN = f"{', '.join(_SUFFIXES)}, a zarr store or a saved run"
#: Files that run code when they are read.
_PICKLES = {".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt"}
_ZARR = ("zarr.json", ".zarray", ".zgroup")


def load(
    path: str | Path,
    *,
    pool: str | None = None,
    layers: str | None = None,
    inputs: str | Path | None = None,
    replica: int = 0,
    seed: int = 0,
    dissimilarities: bool = False,
) -> Representations:
    """Open the representations of one model.

    Parameters
    ----------
    path : path
        A file (``.npy``, ``.npz``, ``.safetensors``, ``.parquet``), a zarr store, a run that
        `Run.save` wrote, or a folder of such.
    pool : {"mean", "first", "last", "each", "flatten"}, optional
        What to do with arrays of more than two dimensions; see `POOLS`. Refused without.
    layers : str, optional
        Pattern of the names of the layers to take, such as ``"block*"``; all by default.
    inputs : path, optional
        File with the inputs ``(num_samples, dim_x)`` of saved runs. By default, if they were
        trained on a teacher, 1024 standard normal ones.
    replica : int
        Of saved runs.
    seed : int
        Of inputs that are drawn.
    dissimilarities : bool
        Whether arrays hold dissimilarities ``(num_samples, num_samples)`` in place of features, as
        data of brains do.

    Returns
    -------
    Representations
        Arrays of ``.npy`` and ``.safetensors`` are mapped from their files, not read.

    Raises
    ------
    MethexisError
        If there is nothing to read, a file is damaged or truncated, an array has no real numbers
        or too many dimensions, or layers differ in their number of rows.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for layer in (10, 2):
    ...     np.save(folder / f"layer{layer}.npy", np.ones((5, layer)))
    >>> [(layer.name, layer.shape) for layer in load(folder)]
    [('layer2', (5, 2)), ('layer10', (5, 10))]
    """
    source = Path(path)
    given = None if inputs is None else _input_array(Path(inputs))
    read = _reading(given, replica, seed)
    if not source.exists():
        recover(source)
    if not source.exists():
        raise MethexisError(f"{source}: expected a file or folder of representations, got none")
    reader = _kind(source)
    left_out: list[str] = []
    if reader is not None:
        named = [(one.name or source.stem, one) for one in read(source, reader)]
        sources = [_place(source, one) for _, one in named]
    elif source.is_dir():
        named, sources = [], []
        files, left_out = _files(source)
        stems = [file.stem for file in files]
        for file, stem in zip(files, stems, strict=True):
            label = stem if stems.count(stem) == 1 else file.name
            kind = _kind(file)
            assert kind is not None  # _files gives no others
            stored = read(file, kind)
            alone = sum(one.array.ndim > 1 for one in stored) == 1
            for one in stored:
                apart = one.name and not (alone and one.array.ndim > 1)
                named.append((f"{label}/{one.name}" if apart else label, one))
                sources.append(_place(file, one))
    else:
        raise _unknown(source)
    found = []
    for (name, one), place in zip(named, sources, strict=True):
        if one.array.ndim < 2 and len(named) > 1:
            left_out.append(f"{place} ({one.array.ndim}-D)")
            continue
        found += _layers(name, one, place, pool, layers)
    found.sort(key=lambda layer: natural(layer.name))
    if not found:
        raise MethexisError(
            f"{source}: expected at least one array (num_samples, num_features)"
            + (f" in a layer named like {layers!r}" if layers else "")
            + f", got {_told([n for n, _ in named] or left_out)}"
        )
    _same_rows(found)
    if dissimilarities:
        found = [_square(layer) for layer in found]
    return Representations(source.resolve().name, str(source), tuple(found), tuple(left_out))


def natural(name: str) -> list[tuple[int, int, str]]:
    """Key that sorts numbers in names by value.

    Examples
    --------
    >>> sorted(["layer10", "layer2", "embed"], key=natural)
    ['embed', 'layer2', 'layer10']
    """
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def _reading(
    inputs: Array | None, replica: int, seed: int
) -> Callable[[Path, Reader], list[Stored]]:
    """A function that reads with a reader; runs with their inputs."""

    def read(path: Path, reader: Reader) -> list[Stored]:
        if reader is readers.read_run:
            return readers.read_run(path, inputs, replica=replica, seed=seed)
        return reader(path)

    return read


def _kind(path: Path) -> Reader | None:
    """The reader of a file or store; None for a plain folder and for what nobody reads."""
    if path.is_dir():
        if is_run(path):
            return readers.read_run
        return readers.read_zarr if any((path / name).exists() for name in _ZARR) else None
    name = _SUFFIXES.get(path.suffix.lower())
    return None if name is None else getattr(readers, name)


def _files(folder: Path) -> tuple[list[Path], list[str]]:
    """What can be read in a folder, in natural order, and what is left out."""
    inside = sorted(
        (p for p in folder.iterdir() if not p.name.startswith(".")), key=lambda p: natural(p.name)
    )
    files = [path for path in inside if _kind(path) is not None]
    others = [path for path in inside if _kind(path) is None]
    if not files and others:
        pickles = [path for path in others if path.suffix.lower() in _PICKLES]
        if pickles:
            raise _unknown(pickles[0])
    if not files:
        raise MethexisError(
            f"{folder}: expected files of representations ({_KNOWN}), got "
            f"{_told([p.name for p in others])}"
        )
    why = {True: "a pickle", False: "no array"}
    return files, [f"{p} ({why[p.suffix.lower() in _PICKLES]})" for p in others]


def _layers(
    name: str, one: Stored, place: str, pool: str | None, pattern: str | None
) -> list[Representation]:
    if pattern is not None and pool != "each" and not fnmatchcase(name, pattern):
        return []
    if one.array.dtype.kind not in "fiu":
        raise MethexisError(f"{place}: expected real numbers, got dtype {one.array.dtype}")
    if one.array.ndim < 2:
        raise MethexisError(
            f"{place}: expected an array (num_samples, num_features), got shape {one.array.shape}"
        )
    found = []
    for part, array in pooled(place, one.array, pool):
        label = f"{name}/{part}" if part else name
        if pattern is not None and not fnmatchcase(label, pattern):
            continue
        if 0 in array.shape:
            raise MethexisError(
                f"{place}: expected at least one sample and one feature, got shape {array.shape}"
            )
        notes = (*one.notes, f"pooled: {pool}") if one.array.ndim > 2 else one.notes
        found.append(Representation(label, place, array, one.given, notes))
    return found


def _same_rows(layers: Sequence[Representation]) -> None:
    first = layers[0]
    for layer in layers:
        if layer.shape[0] != first.shape[0]:
            raise MethexisError(
                f"{layer.source}: expected {first.shape[0]} rows (samples) as in {first.source}, "
                f"got {layer.shape[0]}"
            )


def _square(layer: Representation) -> Representation:
    rows, columns = layer.shape
    if rows != columns:
        raise MethexisError(
            f"{layer.source}: expected dissimilarities (num_samples, num_samples), got shape "
            f"({rows}, {columns})"
        )
    return replace(layer, dissimilarities=True, notes=(*layer.notes, "dissimilarities"))


def _input_array(path: Path) -> Array:
    if not path.exists():
        raise MethexisError(f"inputs: expected a file with one array, got no {path}")
    reader = _kind(path)
    stored = [] if reader is None or reader is readers.read_run else reader(path)
    if len(stored) != 1 or stored[0].array.ndim != 2 or stored[0].array.dtype.kind not in "fiu":
        raise MethexisError(
            f"inputs: expected a file with one real array (num_samples, dim_x), got {path} with "
            + (f"{len(stored)} arrays" if len(stored) != 1 else f"shape {stored[0].array.shape}")
        )
    return np.asarray(stored[0].array, dtype=np.float64)


def _place(path: Path, one: Stored) -> str:
    return f"{path}:{one.name}" if one.name else str(path)


def _unknown(path: Path) -> MethexisError:
    if path.suffix.lower() in _PICKLES:
        return MethexisError(
            f"{path}: expected {_KNOWN}, got a pickle, which methexis never reads, for reading one "
            "runs whatever code is in it; save tensors with safetensors.torch.save_file"
        )
    return MethexisError(f"{path}: expected {_KNOWN}, got {path.suffix or 'no suffix'}")


def _told(names: Sequence[str], most: int = 3) -> str:
    if not names:
        return "nothing"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
