"""One process at a time at a path.

Locks lie in a folder of their own for each user, under names made of the paths that they are for.
A lock beside what it guards would either litter the user's folders or have to be deleted, and a
lock that is deleted can be held twice. The system frees the lock of a process that dies. Processes
that share no such folder (of other machines, or other users) are not kept apart here; for them
renames decide, and the loser is told nevertheless.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import lazy_loader

from methexis.errors import MethexisError

# Imported when the first lock is taken: it hooks into forks, which must not happen while a fork
# waits for an import of ours (`lazy`).
filelock = lazy_loader.load("filelock")


@contextmanager
def locked(path: Path, what: str, *, seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock of a path, whether there is something or not.

    Parameters
    ----------
    path : Path
        What is going to be written.
    what : str
        The name of it in the message.
    seconds : float
        How long to wait for another process.

    Raises
    ------
    MethexisError
        If another process, or another thread, holds it.
    OSError
        If locks cannot be kept.
    """
    place = os.path.normcase(os.path.realpath(path))
    name = blake2b(os.fsencode(place), digest_size=16).hexdigest()
    lock = filelock.FileLock(_folder() / f"{name}.lock")
    try:
        lock.acquire(timeout=seconds)
    except filelock.Timeout:
        raise MethexisError(
            f"{what}: expected to be alone at {path}, got another process that is writing there; "
            "wait for it, or give another path"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _folder() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"methexis-locks-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if hasattr(os, "getuid") and (status.st_uid != user or status.st_mode & 0o22):
        raise MethexisError(
            f"locks: expected {folder} to belong to this user alone, got one that others may "
            "write; remove it, or name another folder for temporary files in TMPDIR"
        )
    return folder
