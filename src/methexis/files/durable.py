"""What a rename makes visible must be on the disk before: else a power cut leaves empty files."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

#: Files written through together.
_AT_ONCE = 16
#: How file systems say that folders cannot be written through.
_NOT_HERE = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF}


def sync_tree(root: Path) -> None:
    """Write all files below a folder, or one file, through to the disk."""
    if root.is_file():
        _sync(root)
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # the disk takes many at once as fast as one
        list(pool.map(_sync, [root / file for file in files_below(root)]))
    for folder, _, _ in os.walk(root):
        _sync_folder(Path(folder))


def settled_in(folder: Path) -> None:
    """Write a folder's names through after a rename; too late to refuse, errors are ignored."""
    with suppress(OSError):
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Write the names in a folder through to the disk, where the system can."""
    if os.name == "nt":
        return
    try:
        _sync(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno not in _NOT_HERE:
            raise


def write_through(path: Path, content: bytes) -> None:
    """Write a new file, and through to the disk."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def files_below(root: Path) -> Iterator[str]:
    """All files below a folder, as relative paths with forward slashes, sorted in each folder."""
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            yield Path(folder, name).relative_to(root).as_posix()


def _sync(path: Path, flags: int = os.O_RDWR) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
