"""Files that are parts of one, ``train-00000-of-00002.parquet``.

Two customs share these names. A table is cut into shards of its rows, so that each holds the same
arrays of other samples; a model is cut into shards of its tensors, each whole in one of them, and
an ``index.json`` beside them says which is where. What the shards hold tells the customs apart: the
same names in all, or none in two. Rows are joined in the order of the numbers. Taken one by one,
shards of rows would be layers, and the samples of one compared with those of another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.errors import MethexisError
from methexis.representations.deferred import Deferred
from methexis.representations.readers.guarding import fitting, guarded, place, regular
from methexis.representations.representation import Stored, Unread
from methexis.text import brief

_SHARD = re.compile(r"(.+?)[-_.]?(\d{1,9})-of-(\d{1,9})(?:-[0-9a-f]+)?", re.ASCII)
#: How Spark and Dask number the parts of a table, without their count.
_PART = re.compile(r"part[-.]\d+.*\.parquet", re.ASCII)
_INDEX = ".index.json"
_LONGEST = 100_000_000


@dataclass(frozen=True, eq=False)
class Group:
    """Files that together hold what one file could.

    Attributes
    ----------
    label : str
        What their layer is called if there is one.
    where : Path
        One path for all, for messages.
    files : tuple of Path
        One, or shards in their order.
    map : dict, optional
        By the index beside them, the file of each tensor.
    """

    label: str
    where: Path
    files: tuple[Path, ...]
    map: dict[str, str] | None = None


def is_shard(path: Path) -> str:
    """Which shard of how many a file is by its name, in words; empty if it is none.

    Examples
    --------
    >>> is_shard(Path("train-00000-of-00002.parquet"))
    '00000 of 00002'
    """
    shard = _SHARD.fullmatch(path.stem)
    return f"{shard[2]} of {shard[3]}" if shard else ""


def is_index(path: Path) -> bool:
    """Whether a file is the index of shards beside it."""
    return path.name.endswith(_INDEX)


def grouped(files: Sequence[Path], indices: Sequence[Path]) -> list[Group | MethexisError]:
    """Files in groups, in their order; a group that is not whole as the error that says so."""
    indexed: dict[Path, Group | MethexisError] = {}
    for index in indices:
        try:
            group = _by_index(index)
        except MethexisError as error:
            indexed[index] = error
            continue
        indexed |= dict.fromkeys(group.files, group)
    together: dict[object, list[Path]] = {}
    groups: list[Group | MethexisError] = [
        one for one in dict.fromkeys(indexed.values()) if isinstance(one, MethexisError)
    ]
    for file in files:
        shard = _SHARD.fullmatch(file.stem)
        if file in indexed:
            together.setdefault(id(indexed[file]), []).append(file)
        elif shard:
            together.setdefault((shard[1], int(shard[3]), file.suffix), []).append(file)
        else:
            together[file] = [file]
    for members in together.values():
        first = members[0]
        if first in indexed:
            groups.append(indexed[first])
        elif _PART.fullmatch(first.name):
            groups.append(
                MethexisError(
                    f"{place(first)}: expected a table of its own, got a part of one by its name, "
                    "without how many there are; join the parts in one file"
                )
            )
        elif is_shard(first):
            groups.append(_whole(members))
        else:
            groups.append(Group(first.stem, first, (first,)))
    return groups


def _whole(members: Sequence[Path]) -> Group | MethexisError:
    """Shards that are all there, in the order of their numbers."""
    matches = [_SHARD.fullmatch(file.stem) for file in members]
    numbers = {int(m[2]): file for m, file in zip(matches, members, strict=True) if m}
    first = matches[0]
    assert first is not None  # they were grouped by it
    total, start = int(first[3]), min(numbers)
    where = members[0].with_name(f"{first[1]}-*-of-{first[3]}{members[0].suffix}")
    complete = len(numbers) == len(members) == total and max(numbers) == start + total - 1
    if not complete or start > 1:
        there = ", ".join(str(number) for number in sorted(numbers)[:5])
        return MethexisError(
            f"{place(where)}: expected all {total} shards once, got {len(members)} (number {there}"
            f"{' …' if len(numbers) > 5 else ''})"
        )
    return Group(first[1], where, tuple(numbers[number] for number in sorted(numbers)))


def _by_index(index: Path) -> Group:
    """The files that an index names, all of them there."""
    where = place(index)
    with guarded(where, "an index of shards"):
        if regular(index) > _LONGEST:
            raise ValueError(f"{index.stat().st_size} bytes")
        weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        if not isinstance(weight_map, dict) or not weight_map:
            raise ValueError("no weight_map")
        names = sorted({str(name) for name in weight_map.values()})
    files = []
    for name in names:
        file = index.parent / name
        if Path(name).name != name or not file.is_file():
            raise MethexisError(f"{where}: expected the files that it names, got no {brief(name)}")
        files.append(file)
    label = index.name.removesuffix(_INDEX).removesuffix(files[0].suffix)
    return Group(label, index, tuple(files), {str(k): str(v) for k, v in weight_map.items()})


def read_group(
    group: Group, read: Callable[[Path], list[Stored | Unread]]
) -> tuple[list[Stored | Unread], bool]:
    """What a group holds, and whether it is a model by its tensors, of which each has its name.

    Raises
    ------
    MethexisError
        If a file cannot be read, or shards do not fit together.
    """
    parts = [read(file) for file in group.files]
    if len(parts) == 1 and group.map is None:
        return parts[0], False
    where = place(group.where)
    names = [{one.name for one in part} for part in parts]
    together = set().union(*names)
    if sum(map(len, names)) == len(together) and len(together) > 1:
        if group.map is not None:
            held = {n: f.name for f, part in zip(group.files, names, strict=True) for n in part}
            for name in sorted(held.keys() | group.map.keys()):
                if held.get(name) != group.map.get(name):
                    raise MethexisError(
                        f"{where}: expected {brief(name)} in {brief(str(group.map.get(name)))}, as "
                        f"the index has it, got it in {brief(str(held.get(name)))}"
                    )
        return [one for part in parts for one in part], True
    if any(part != names[0] for part in names) or group.map is not None:
        raise MethexisError(
            f"{where}: expected shards that hold the same arrays (rows of them) or none twice, got "
            f"{len(together)} arrays of which some are in some of them"
        )
    by_name = [{one.name: one for one in part} for part in parts]
    return [_joined([part[one.name] for part in by_name]) for one in parts[0]], False


def _joined(parts: Sequence[Stored | Unread]) -> Stored | Unread:
    """The rows of all parts below each other."""
    arrays = []
    for one in parts:
        if isinstance(one, Unread):
            return one
        arrays.append(one)
    first = arrays[0]
    for one in arrays:
        if one.given != first.given or one.array.shape[1:] != first.array.shape[1:]:
            return Unread(
                one.name,
                f"expected shards of {first.given} with rows of shape {first.array.shape[1:]}, got "
                f"{one.given} with {one.array.shape[1:]}",
            )
    shape = (sum(len(one.array) for one in arrays), *first.array.shape[1:])
    with guarded(first.name, "shards"):
        fitting(shape, first.array.dtype.itemsize)

    def read() -> NDArray[Any]:
        with guarded(first.name, "shards"):
            return np.concatenate([_once(one.array) for one in arrays])

    rows = Deferred(first.name, shape, np.result_type(*(one.array.dtype for one in arrays)), read)
    notes = dict.fromkeys(note for one in arrays for note in one.notes)
    return Stored(first.name, rows, first.given, (*notes, f"rows of {len(arrays)} shards"))


def _once(array: NDArray[Any] | Deferred) -> NDArray[Any]:
    """The numbers of one shard, kept only in the rows of all."""
    return array.once() if isinstance(array, Deferred) else array
