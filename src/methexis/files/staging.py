"""Staging folders: where things are made before they are renamed into place.

A staging folder lies beside what it is for, so that renames stay within a file system. Its name
holds a fingerprint of what it is for, one of the machine, and a random part; in it lies our mark,
an empty file, so that the folder is marked or not and never half. Only such folders are ever
removed: other names, links, folders without the mark and those of other machines or users are left
alone. An unmarked folder of such a name is what a kill leaves between the first two steps, and goes
only if it is empty.
"""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

#: The file that says that a folder is ours.
MARK = "made-by-methexis"
_PREFIX = ".methexis-"
#: Seconds after which a folder of another machine is taken to be left behind.
_ABANDONED = 86400.0


class Staging:
    """One staging folder, made here.

    Attributes
    ----------
    folder : Path
    new : Path
        The place where what is made goes: a file or a folder.
    old : Path
        The place where what is replaced waits until it is no longer needed.
    """

    def __init__(self, parent: Path, key: str) -> None:
        self.folder = parent / f"{_beginning(key)}{_machine()}-{secrets.token_hex(8)}"
        self.folder.mkdir()
        try:
            (self.folder / MARK).touch(exist_ok=False)
        except BaseException:
            with suppress(OSError):
                self.folder.rmdir()
            raise

    @property
    def new(self) -> Path:
        """The place where what is made goes."""
        return self.folder / "new"

    @property
    def old(self) -> Path:
        """The place where what is replaced waits."""
        return self.folder / "old"

    def remove(self) -> None:
        """Remove the folder, as far as that can be done; what stays is swept another time."""
        remove(self.folder)


def remove(folder: Path) -> None:
    """Remove a marked folder, the mark last, so that half of it is still known to be ours."""
    with suppress(OSError):
        old = folder / "old"
        if os.path.lexists(old):  # half of it must not be taken for what waits to be put back
            old.rename(folder / "gone")
        for entry in sorted(folder.iterdir()):
            if entry.name == MARK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        (folder / MARK).unlink()
        folder.rmdir()


def probe(parent: Path, key: str) -> None:
    """See that something can be made in a folder.

    Raises
    ------
    OSError
        If nothing can.
    """
    Staging(parent, key).remove()


def left_behind(parent: Path, key: str) -> Iterator[Path]:
    """Marked folders that killed processes left beside a path, under new names.

    To be called by who holds the lock of that path. The new name takes the folder away from a
    process that shares no locks with this one and still lives: it cannot move anything into it any
    more, and fails.
    """
    if not parent.is_dir():
        return
    for folder in sorted(parent.glob(f"{_beginning(key)}*")):
        if not _is_ours(folder):
            continue
        taken = parent / f"{_beginning(key)}{_machine()}-{secrets.token_hex(8)}"
        try:
            folder.rename(taken)
        except OSError:
            continue
        yield taken


def waiting(parent: Path, key: str) -> bool:
    """Whether a killed process may have left something beside a path."""
    return parent.is_dir() and any(parent.glob(f"{_beginning(key)}*"))


def is_staging(name: str) -> bool:
    """Whether a name is one of a staging folder."""
    return name.startswith(_PREFIX)


def _is_ours(folder: Path) -> bool:
    try:
        status = folder.lstat()
        if folder.is_symlink() or not folder.is_dir():
            return False
        if hasattr(os, "getuid") and status.st_uid != os.getuid():
            return False
        old = time.time() - status.st_mtime > _ABANDONED
        if not old and f"-{_machine()}-" not in folder.name:
            return False
        mark = folder / MARK
        if mark.is_file() and not mark.is_symlink():
            return True
        folder.rmdir()  # a kill before there was a mark; what is not empty is not ours
    except OSError:
        pass
    return False


def _beginning(key: str) -> str:
    return f"{_PREFIX}{_short(key)}-"


def _machine() -> str:
    return _short(platform.node())


def _short(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
