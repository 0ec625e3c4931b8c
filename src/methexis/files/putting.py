"""One file or one folder at a path: the old until the new is whole, and then the new.

A file is replaced by one rename. A folder cannot be: the old one is renamed into the staging folder
and the new one out of it, and a kill between the two leaves the place empty and the old one in a
marked folder beside it. Whoever looks next, to open or to save, puts it back (`recover`). The old
one is deleted last.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from methexis.errors import MethexisError
from methexis.files.durable import settled_in, sync_tree
from methexis.files.locking import locked
from methexis.files.staging import Staging, left_behind, remove, waiting

#: Seconds that a reader waits for a writer, which is between two renames.
_PATIENCE = 10.0


def put_file(path: Path, write: Callable[[Path], None]) -> None:
    """Replace a file, or make it, whole or not at all.

    Parameters
    ----------
    path : Path
        The file; its folder is made. That it may be replaced is for the caller to know.
    write : function
        Writes a new file at the path that it is given.

    Raises
    ------
    OSError
        If that fails; what was there is then left as it was.
    """
    path = _real(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = Staging(path.parent, path.name)
    try:
        write(staging.new)
        sync_tree(staging.new)
        staging.new.replace(path)
        settled_in(path.parent)
    finally:
        staging.remove()


def put_folder(
    path: Path,
    write: Callable[[Path], None],
    *,
    what: str,
    replaceable: Callable[[Path], None] | None = None,
) -> None:
    """Make a folder at a path, whole or not at all.

    Parameters
    ----------
    path : Path
        The folder; the one that holds it is made.
    write : function
        Makes the new folder at the path that it is given.
    what : str
        The name of it in messages.
    replaceable : function, optional
        Raises if what is at the path must not be replaced; nothing may be without.

    Raises
    ------
    MethexisError
        If there is something that must not be replaced, or another process writes to that path.
    OSError
        If it cannot be written; what was there is then left as it was.
    """
    path = _real(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path, what):
        before = identity(path)
        _allow(path, what, replaceable)
        staging = Staging(path.parent, path.name)
        try:
            write(staging.new)
            sync_tree(staging.new)
            _exchange(path, staging, before, what)
            settled_in(path.parent)
        finally:
            if os.path.lexists(path) or not os.path.lexists(staging.old):
                staging.remove()


def recover(path: Path) -> None:
    """Put back a folder that a killed process had taken away to replace it.

    Raises
    ------
    MethexisError
        If another process is at it, and stays there.
    OSError
        If it cannot be put back.
    """
    path = _real(path)
    if not os.path.lexists(path) and waiting(path.parent, path.name):
        with locked(path, "open", seconds=_PATIENCE):
            _sweep(path)


def identity(path: Path) -> tuple[int, int] | None:
    """What tells a file or folder from another one that takes its place; None for nothing."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Hold the lock of a path, without what killed processes left beside it; see `locked`."""
    path = _real(path)
    with locked(path, what):
        _sweep(path)
        yield


def _allow(path: Path, what: str, replaceable: Callable[[Path], None] | None) -> None:
    if not os.path.lexists(path):
        return
    if replaceable is None:
        raise MethexisError(f"{what}: expected a new path, got existing {path}; use force=True")
    replaceable(path)


def _exchange(path: Path, staging: Staging, before: tuple[int, int] | None, what: str) -> None:
    """Swap by two renames; a process that shares no lock may have come in between."""
    try:
        if before is not None and os.path.lexists(path):
            path.rename(staging.old)
            if identity(staging.old) != before:
                raise _overtaken(what, path)
        elif before is None and os.path.lexists(path):  # a rename would take an empty folder's
            raise _overtaken(what, path)
        try:
            staging.new.rename(path)
        except OSError:
            if os.path.lexists(path):
                raise _overtaken(what, path) from None
            raise
    finally:
        if os.path.lexists(staging.old) and not os.path.lexists(path):
            staging.old.rename(path)


def _overtaken(what: str, path: Path) -> MethexisError:
    return MethexisError(
        f"{what}: expected to be alone at {path}, got another process that wrote there first; its "
        "result is kept"
    )


def _sweep(path: Path) -> None:
    for folder in left_behind(path.parent, path.name):
        old = folder / "old"
        if os.path.lexists(old) and not os.path.lexists(path):
            old.rename(path)
            settled_in(path.parent)
        remove(folder)


def _real(path: Path) -> Path:
    """The place that links lead to: what they point at is replaced, not they."""
    return Path(os.path.realpath(path))
