"""`load`: a file or folder becomes the layers of one model.

A file with several arrays has several layers; of a folder every file is a layer, or several. In a
folder a file with one layer gives it its name, whatever its array is called inside. Layers come in
natural order, layer2 before layer10. Shards of one file are joined first.

One array that cannot be read, because it holds truth values or because what is said of it is
damaged, does not take the others with it: what can be read is, and the rest is named in
``left_out``, with the reason. Where nothing else is left, and where it was asked for by name, the
reason is the error. Numbers that are read later (`deferred`) may turn out to be damaged then;
`Representations.read` reads all, and treats these alike.
Names come from files and are text, whatever they hold: see `methexis.text`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from methexis.core.checks import Array, location
from methexis.errors import MethexisError
from methexis.files import recover
from methexis.representations import readers
from methexis.representations.padding import mask_of
from methexis.representations.pooling import pooled
from methexis.representations.probed import about_probed, is_probed
from methexis.representations.readers.guarding import guarded, place, unfit
from methexis.representations.readers.runs import is_run
from methexis.representations.representation import (
    Representation,
    Representations,
    Stored,
    Unread,
)
from methexis.representations.shards import Group, grouped, is_index, is_shard, read_group
from methexis.text import brief, shown

Reader: TypeAlias = Callable[[Path], list[Stored | Unread]]
#: What reads a path by the reader that its kind has.
Read: TypeAlias = Callable[[Path], list[Stored | Unread]]
#: Readers by suffix; by name, so that only those that are needed are loaded.
_SUFFIXES = {
    ".npy": "read_npy",
    ".npz": "read_npz",
    ".safetensors": "read_safetensors",
    ".parquet": "read_parquet",
    ".h5": "read_hdf5",
    ".hdf5": "read_hdf5",
    ".mat": "read_mat",
    ".pt": "read_torch",
    ".pth": "read_torch",
    ".bin": "read_torch",
    ".ckpt": "read_torch",
}
_KNOWN = ".npy, .npz, .safetensors, .parquet, .h5, .mat, .pt, a zarr store or a saved run"
#: Files that run code when they are read.
_PICKLES = {".pkl", ".pickle"}
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
    mask: Any = None,
) -> Representations:
    """Open the representations of one model.

    Parameters
    ----------
    path : path
        A file (``.npy``, ``.npz``, ``.safetensors``, ``.parquet``), a zarr store, a run that
        `Run.save` wrote, or a folder of such.
    pool : {"mean", "first", "last", "each", "spatial", "spatial_last", "flatten"}, optional
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
    mask : array, path or "none", optional
        Which tokens of arrays ``(num_samples, num_tokens, num_features)`` are real, and not
        padding: ``(num_samples, num_tokens)``, 1 for real ones, or lengths ``(num_samples,)``.
        Without, tokens at an end that look like padding are refused; "none" says that all are real.

    Returns
    -------
    Representations
        Arrays of ``.npy`` and ``.safetensors`` are mapped from their files. Those of ``.npz``,
        zarr, parquet and packed HDF5 are read when they are asked for, so that opening a file of
        any size takes no memory, and of a layer chosen by its name nothing but that is read. Damage
        to their numbers shows then, as an error that names the place; `Representations.read` reads
        all and leaves out what is damaged.

    Raises
    ------
    MethexisError
        If nothing can be read, an array has too many dimensions, or layers differ in their number
        of rows.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for layer in (10, 2):
    ...     np.save(folder / f"layer{layer}.npy", np.ones((5, layer)))
    >>> [(layer.name, layer.shape) for layer in load(folder)]
    [('layer2', (5, 2)), ('layer10', (5, 10))]
    """
    source = location("path", path, "a file or folder of representations")
    real = mask_of(mask)
    given = None if inputs is None else _input_array(location("inputs", inputs))
    read = _reading(given, replica, seed)
    if not _there(source):
        recover(source)
    if not _there(source):
        raise MethexisError(
            f"{place(source)}: no such file or folder; expected one that holds representations"
        )
    members = _of_file(source, read) if _kind(source) is not None else _of_folder(source, read)
    representations: list[Representation] = []
    left_out = list(members.left_out)
    for one in members.unread:
        if _matches(layers, one.name, pool):
            left_out.append(f"{one.where} ({one.why})")
    for name, stored, where in members.stored:
        if not _matches(layers, name, pool):
            continue
        why = _unfit(stored)
        if stored.array.ndim < 2 and members.several:
            left_out.append(f"{where} ({stored.array.ndim}-D)")
        elif why and members.several:
            left_out.append(f"{where} ({why})")
        elif why:
            raise MethexisError(f"{where}: {why}")
        else:
            representations += _layers(name, stored, where, pool, layers, real)
    if not representations:
        raise _nothing(source, members, layers, left_out)
    about: dict[str, Any] = {}
    if _kind(source) is readers.read_probed:  # in the order of the model
        about = about_probed(source)
        left_out += [str(one) for one in about.pop("left_out", [])]
    else:
        representations.sort(key=lambda layer: natural(layer.name))
    _different(source, representations)
    _same_rows(representations)
    if dissimilarities:
        representations = [_square(layer) for layer in representations]
    return Representations(
        shown(source.resolve().name),
        shown(str(source)),
        tuple(representations),
        tuple(left_out),
        about,
    )


def natural(name: str) -> list[tuple[int, int, str]]:
    """Key that sorts numbers in names by value, however many digits they have.

    Examples
    --------
    >>> sorted(["layer10", "layer2", "embed"], key=natural)
    ['embed', 'layer2', 'layer10']
    """
    parts = re.split(r"([0-9]+)", name)
    keys = []
    for k, part in enumerate(parts):
        if part and k % 2:
            digits = part.lstrip("0")
            keys.append((0, len(digits), digits))
        elif part:
            keys.append((1, 0, part))
    return keys


@dataclass(frozen=True)
class _NotRead:
    """What is left out because it could not be read: its name as a layer, where it lies, why."""

    name: str
    where: str
    why: str


@dataclass
class _Members:
    """What lies at a path: arrays with their names and places, what could not be read, the rest."""

    stored: list[tuple[str, Stored, str]] = field(default_factory=list)
    unread: list[_NotRead] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def several(self) -> bool:
        """Whether there is more than one array, so that one that is no layer is left out."""
        return len(self.stored) + len(self.unread) > 1

    def add(self, name: str, one: Stored | Unread, where: str) -> None:
        if isinstance(one, Unread):
            self.unread.append(_NotRead(shown(name), where, one.why))
        else:
            self.stored.append((shown(name), one, where))


def _of_file(source: Path, read: Read) -> _Members:
    members = _Members()
    note = ""
    if is_shard(source) and source.is_file():
        note = f"shard {is_shard(source)} alone"
    for one in read(source):
        noted = replace(one, notes=(*one.notes, note)) if note and isinstance(one, Stored) else one
        members.add(one.name or source.stem, noted, place(source, one.name))
    return members


def _of_folder(source: Path, read: Read) -> _Members:
    if not source.is_dir():
        raise _unknown(source)
    members = _Members()
    files, indices, members.left_out = _files(source)
    groups = grouped(files, indices)
    labels = [one.label for one in groups if isinstance(one, Group)]
    for group in groups:
        if isinstance(group, MethexisError):
            members.unread.append(_not_read(source, group))
            continue
        try:
            stored, by_tensors = read_group(group, read)
        except MethexisError as error:
            if not str(error).startswith(place(source)):  # of what was asked for, not of a file
                raise
            members.unread.append(_not_read(source, error, group.label))
            continue
        label = group.label if labels.count(group.label) == 1 else group.where.name
        alone = sum(isinstance(one, Stored) and one.array.ndim > 1 for one in stored) == 1
        for one in stored:
            whole = not one.name or (alone and isinstance(one, Stored) and one.array.ndim > 1)
            name = label if whole else f"{label}/{one.name}"
            if by_tensors and len(groups) == 1:
                name = one.name
            members.add(name, one, place(group.where, one.name))
    return members


def _not_read(source: Path, error: MethexisError, label: str = "") -> _NotRead:
    where, _, why = str(error).partition(": ")
    del source
    return _NotRead(shown(label), where, why)


def _matches(pattern: str | None, name: str, pool: str | None) -> bool:
    """Whether a layer was asked for; with pool each, positions are, which are seen later."""
    return pattern is None or pool == "each" or not name or fnmatchcase(name, pattern)


def _nothing(
    source: Path, members: _Members, pattern: str | None, left_out: Sequence[str]
) -> MethexisError:
    """Why there is no layer: the one reason if there is one, else what there was."""
    asked = [one for one in members.unread if _matches(pattern, one.name, None)]
    if asked:
        more = f" (and {len(asked) - 1} more like it)" if len(asked) > 1 else ""
        return MethexisError(f"{asked[0].where}: {asked[0].why}{more}")
    names = [name for name, _, _ in members.stored] + [one.name for one in members.unread]
    return MethexisError(
        f"{place(source)}: expected at least one array (num_samples, num_features)"
        + (f" in a layer named like {pattern!r}" if pattern else "")
        + f", got {_told(names if pattern else left_out or names)}"
    )


def _different(source: Path, layers: Sequence[Representation]) -> None:
    names: dict[str, str] = {}
    for layer in layers:
        if layer.name in names:
            raise MethexisError(
                f"{place(source)}: expected layers of different names, got {brief(layer.name)!r} "
                f"for {names[layer.name]} and {layer.source}"
            )
        names[layer.name] = layer.source


def _there(path: Path) -> bool:
    """Whether something lies at a path.

    Raises
    ------
    MethexisError
        If that cannot be found out: a name too long, or a folder that may not be read.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise MethexisError(
            f"{place(path)}: expected a file or folder of representations, got: {why}"
        ) from None
    return True


def _reading(inputs: Array | None, replica: int, seed: int) -> Read:
    """A function that reads with the reader of a path; runs with their inputs."""

    def read(path: Path) -> list[Stored | Unread]:
        reader = _kind(path)
        if reader is None:
            raise _unknown(path)
        if reader is readers.read_run:
            return readers.read_run(path, inputs, replica=replica, seed=seed)
        return reader(path)

    return read


def _kind(path: Path) -> Reader | None:
    """The reader of a file or store; None for a plain folder and for what nobody reads."""
    if os.path.isdir(path):  # of what may not be looked at it says no, where Path raises
        if is_run(path):
            return readers.read_run
        if is_probed(path):
            return readers.read_probed
        stored = any(os.path.lexists(path / name) for name in _ZARR)
        return readers.read_zarr if stored else None
    name = _SUFFIXES.get(path.suffix.lower())
    return None if name is None else getattr(readers, name)


def _files(folder: Path) -> tuple[list[Path], list[Path], list[str]]:
    """What can be read in a folder, in natural order; indices of shards; what is left out."""
    with guarded(place(folder), "a folder that may be read"):
        inside = sorted(
            (p for p in folder.iterdir() if not p.name.startswith(".")),
            key=lambda p: natural(p.name),
        )
    files = [path for path in inside if _kind(path) is not None]
    indices = [path for path in inside if is_index(path) and path.is_file()]
    others = [path for path in inside if path not in {*files, *indices}]
    if not files and others:
        pickles = [path for path in others if path.suffix.lower() in _PICKLES]
        if pickles:
            raise _unknown(pickles[0])
    if not files:
        raise MethexisError(
            f"{place(folder)}: expected files of representations ({_KNOWN}), got "
            f"{_told([p.name for p in others])}"
        )
    why = {True: "a pickle", False: "no array"}
    left_out = [f"{place(p)} ({why[p.suffix.lower() in _PICKLES]})" for p in others]
    return files, indices, left_out


def _unfit(one: Stored) -> str:
    """Why an array can be no layer; empty if it can."""
    why = unfit(one.array.dtype)
    if not why and one.array.ndim < 2:
        return f"expected an array (num_samples, num_features), got shape {one.array.shape}"
    if not why and 0 in one.array.shape:
        return f"expected at least one sample and one feature, got shape {one.array.shape}"
    return why


def _layers(
    name: str, one: Stored, where: str, pool: str | None, pattern: str | None, mask: Any
) -> list[Representation]:
    notes = one.notes
    if one.array.ndim > 2:
        masked = ", with a mask" if isinstance(mask, np.ndarray) and one.array.ndim == 3 else ""
        notes = (*notes, f"pooled: {pool}{masked}")
    representations = []
    for part, array in pooled(where, one.array, pool, mask):
        label = f"{name}/{part}" if part else name
        if pattern is None or fnmatchcase(label, pattern):
            representations.append(
                Representation(label, where, array, one.given, notes, samples=one.samples)
            )
    return representations


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
    if not _there(path):
        raise MethexisError(f"inputs: expected a file with one array, got no {place(path)}")
    reader = _kind(path)
    stored = [] if reader is None or reader is readers.read_run else reader(path)
    arrays = [one for one in stored if isinstance(one, Stored)]
    if len(stored) != 1 or not arrays or _unfit(arrays[0]) or arrays[0].array.ndim != 2:
        raise MethexisError(
            f"inputs: expected a file with one real array (num_samples, dim_x), got {place(path)} "
            + (f"with {len(stored)} arrays" if len(stored) != 1 else _why(stored[0]))
        )
    return np.asarray(arrays[0].array, dtype=np.float64)


def _why(one: Stored | Unread) -> str:
    return f"({one.why})" if isinstance(one, Unread) else f"with shape {one.array.shape}"


def _unknown(path: Path) -> MethexisError:
    if path.suffix.lower() in _PICKLES:
        return MethexisError(
            f"{place(path)}: expected {_KNOWN}, got a pickle, which methexis never reads, for "
            "reading one runs whatever code is in it; save tensors with safetensors.torch.save_file"
        )
    return MethexisError(
        f"{place(path)}: expected {_KNOWN}, got {brief(path.suffix) or 'no suffix'}"
    )


def _told(names: Sequence[str], most: int = 3) -> str:
    if not names:
        return "nothing"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(brief(name) for name in names[:most]) + more
