"""The store while it grows: rows are appended, and now and then it is said how many are whole.

What is not finished lies beside the place of the store under a name that ends in ``.part``, with
our mark in it, and no reader takes it for a store. Every few seconds the files of all layers are
written through to the disk, and after that a small state, by one rename, which says how many rows
are whole and what they came from. A killed process leaves at worst rows behind that state; the same
call cuts them off, sees that batches are those that were, and goes on. At the end the index and the
metadata are written, everything is sealed, and the folder is renamed to its place.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from methexis.errors import MethexisError
from methexis.files import locked, put_file, put_folder, write_through
from methexis.files.durable import settled_in, sync_tree
from methexis.probes.batches import DIGEST
from methexis.representations.probed import (
    DATA,
    FORMAT,
    SAMPLES,
    VERSION,
    array,
    ending,
    group,
    is_probed,
)
from methexis.text import brief, json_text
from methexis.training.records.sealing import seal

MARK, STATE, NEW = "made-by-methexis", "state.json", "new"
#: Seconds between two states.
_EVERY = 5.0
#: Longest name of a node, in bytes.
_LONGEST = 120


@dataclass(frozen=True)
class Column:
    """One array of a store.

    Attributes
    ----------
    name : str
        Of the layer.
    width : int
        Number of features.
    dtype : str
        Of the numbers as they are stored.
    about : dict
        What else is known of it, in plain types.
    """

    name: str
    width: int
    dtype: str
    about: dict[str, Any]


class Store:
    """A store that is being written; made by `writing`."""

    def __init__(self, folder: Path, columns: Sequence[Column], plan: dict[str, Any]) -> None:
        self._folder, self._new = folder, folder / NEW
        self._columns = [*columns, Column(SAMPLES, DIGEST, "uint8", {})]
        self._nodes = [*nodes([column.name for column in columns]), SAMPLES]
        self._plan = plan
        self._files: list[IO[bytes]] = []
        self.rows = self.batches = 0
        self.chain = bytes(DIGEST).hex()
        self._after = 0
        self._chain_after = ""
        self._last = time.monotonic()

    @property
    def resumed(self) -> int:
        """Number of batches that were there already."""
        return self._after

    def open(self) -> None:
        """Begin, or go on from the last state.

        Raises
        ------
        MethexisError
            If what is there was begun with another model, other layers or another way.
        """
        state = self._read_state()
        if state is None:
            self._folder.mkdir(parents=True)
            write_through(self._folder / MARK, b"")
            for node in self._nodes:
                (self._new / node / DATA).parent.mkdir(parents=True)
                (self._new / node / DATA).touch()
            self._write_state()
        else:
            for key, value in self._plan.items():
                if state["plan"].get(key) != value:
                    raise MethexisError(
                        f"out: expected the {key} with which the unfinished {self._folder} was "
                        f"begun, got another; remove that folder, or give force to begin anew"
                    )
            self._after, self._chain_after = state["batches"], state["chain"]
            self._rows_after = state["rows"]
        for column, node in zip(self._columns, self._nodes, strict=True):
            file = (self._new / node / DATA).open("r+b", buffering=0)
            self._files.append(file)
            whole = (0 if state is None else state["rows"]) * _row_bytes(column)
            if os.fstat(file.fileno()).st_size < whole:
                raise MethexisError(
                    f"out: expected all rows that the unfinished {self._folder} says it has, got "
                    f"fewer of {brief(column.name)}; remove that folder"
                )
            file.truncate(whole)
            file.seek(whole)

    def passed(self, fingerprints: NDArray[np.uint8]) -> bool:
        """Whether a batch is in the store already; its samples join the chain of all.

        Raises
        ------
        MethexisError
            If the batches are not those with which the store was begun.
        """
        self._link(fingerprints)
        if self.batches > self._after:
            return False
        if self.batches == self._after and self.chain != self._chain_after:
            raise MethexisError(
                f"batches: expected the {self._after} batches with which the unfinished "
                f"{self._folder} was begun, got others; remove that folder, or give force to begin "
                "anew"
            )
        return True

    def append(self, features: Sequence[NDArray[Any]], fingerprints: NDArray[np.uint8]) -> None:
        """Add the rows of a batch, and say so on the disk if it is time."""
        for file, column, rows in zip(
            self._files, self._columns, [*features, fingerprints], strict=True
        ):
            content = np.ascontiguousarray(rows, dtype=np.dtype(column.dtype).newbyteorder("<"))
            _write_all(file, content.data.cast("B"))
        if time.monotonic() - self._last >= _EVERY:
            self.settle()

    def settle(self) -> None:
        """Write rows through to the disk, and then the state that counts them."""
        for file in self._files:
            os.fsync(file.fileno())
        self._write_state()
        self._last = time.monotonic()

    def finish(self, attributes: Mapping[str, Any]) -> None:
        """Metadata and seal: from here on it is a store.

        Raises
        ------
        MethexisError
            If there are fewer batches than before.
        """
        if self.batches < self._after:
            raise MethexisError(
                f"batches: expected at least the {self._after} batches that the unfinished "
                f"{self._folder} has, got {self.batches}; remove that folder"
            )
        self.settle()
        data = self.data()
        for file, column, node in zip(self._files, self._columns, self._nodes, strict=True):
            shape = (self.rows, column.width)
            _write_all(file, memoryview(ending(shape, column.dtype)))
            about = {"name": column.name} | column.about
            _write_json(self._new / node / "zarr.json", array(shape, column.dtype, about))
        self.close()
        order = dict(zip(self._nodes[:-1], [c.name for c in self._columns[:-1]], strict=True))
        root = {
            FORMAT: VERSION,
            "layers": order,
            "num_samples": self.rows,
            "data": data,
            **attributes,
        }
        _write_json(self._new / "zarr.json", group(root))
        seal(self._new)
        sync_tree(self._new)

    def data(self) -> str:
        """A fingerprint of all samples in their order."""
        whole, left = blake2b(digest_size=DIGEST), self.rows * DIGEST
        with (self._new / SAMPLES / DATA).open("rb") as file:
            while left and (block := file.read(min(left, 1 << 20))):
                whole.update(block)
                left -= len(block)
        return whole.hexdigest()

    def close(self) -> None:
        """Close the files of all layers."""
        for file in self._files:
            file.close()

    def _link(self, fingerprints: NDArray[np.uint8]) -> None:
        one = blake2b(bytes.fromhex(self.chain), digest_size=DIGEST)
        one.update(len(fingerprints).to_bytes(8, "little"))
        one.update(fingerprints.tobytes())
        self.chain = one.hexdigest()
        self.batches += 1
        self.rows += len(fingerprints)

    def _read_state(self) -> dict[str, Any] | None:
        if not os.path.lexists(self._folder):
            return None
        try:
            state: dict[str, Any] = json.loads((self._folder / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            if (self._folder / MARK).is_file():  # killed before the first state
                shutil.rmtree(self._folder)
                return None
            raise MethexisError(
                f"out: expected nothing or an unfinished store at {self._folder}, got something "
                "else; move it away, or give another out"
            ) from None
        if not self._new.is_dir():  # killed after the store was moved to its place
            shutil.rmtree(self._folder)
            return None
        return state

    def _write_state(self) -> None:
        state = {
            "plan": self._plan,
            "rows": self.rows,
            "batches": self.batches,
            "chain": self.chain,
        }
        content = json_text(state).encode()
        put_file(self._folder / STATE, lambda path: write_through(path, content))


@contextmanager
def writing(
    out: Path, columns: Sequence[Column], plan: dict[str, Any], *, force: bool
) -> Iterator[Store]:
    """A store to append to; at its place once `Store.finish` was called and all went well.

    Raises
    ------
    MethexisError
        If something is in the way, or what is unfinished was begun in another way.
    OSError
        If it cannot be written; what was written stays unfinished.
    """
    part = part_of(out)
    with locked(part, "out"):
        if force and part.is_dir() and (part / MARK).is_file():
            shutil.rmtree(part)
        store = Store(part, columns, plan)
        try:
            store.open()
            yield store
        finally:
            store.close()
        if os.path.lexists(out):
            put_folder(
                out,
                lambda place: _move(part / NEW, place),
                what="out",
                replaceable=_is_ours if force else None,
            )
        else:
            _move(part / NEW, out)
            settled_in(out.parent)
        shutil.rmtree(part)


def part_of(out: Path) -> Path:
    """Where a store lies as long as it is not finished."""
    return out.with_name(out.name + ".part")


def require_free(out: Path, *, force: bool) -> None:
    """See that a store may be written at a place.

    Raises
    ------
    MethexisError
        If there is something else.
    """
    if not os.path.lexists(out):
        return
    if not force:
        raise MethexisError(
            f"out: expected a new path, got existing {out}; give another, or force to replace a "
            "store of probed layers"
        )
    _is_ours(out)


def nodes(names: Sequence[str]) -> list[str]:
    """Names of folders for layers: without slashes, not too long, no two alike.

    Examples
    --------
    >>> nodes(["encoder.0", "/encoder/0", "samples"])
    ['encoder.0', 'encoder.0-2', 'samples-3']
    """
    folders: list[str] = []
    taken = {SAMPLES}  # in small letters, because some file systems know no others
    for place, name in enumerate(names, start=1):
        plain = "".join(s if s.isascii() and (s.isalnum() or s in "._-#") else "." for s in name)
        plain = plain.strip("._")[:_LONGEST] or "layer"
        if plain.lower() in taken:
            plain = f"{plain}-{place}"
        taken.add(plain.lower())
        folders.append(plain)
    return folders


def _is_ours(out: Path) -> None:
    if not out.is_dir() or not is_probed(out):
        raise MethexisError(
            f"out: expected a store of probed layers to replace, got something else at {out}"
        )


def _move(part: Path, place: Path) -> None:
    part.rename(place)


def _row_bytes(column: Column) -> int:
    return column.width * np.dtype(column.dtype).itemsize


def _write_all(file: IO[bytes], content: memoryview) -> None:
    """Write bytes to an unbuffered file, which may take a part at a time."""
    while len(content):
        content = content[file.write(content) :]


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
