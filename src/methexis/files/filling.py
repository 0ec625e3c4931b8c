"""Several files into a folder that may hold others, as if at once.

They are made in a staging folder inside it. Once all of them are whole, a journal says where each
goes; that is the point from which the new ones count. Then they are renamed into place, one after
the other, and a process that is killed in between leaves journal and files: `settle`, which whoever
comes next calls, goes on where it was. Without a journal what was staged is dropped. One file goes
last and is taken away first, since it tells what the others are worth.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path, PurePosixPath

from methexis.errors import MethexisError
from methexis.files.durable import files_below, settled_in, sync_tree, write_through
from methexis.files.staging import Staging, left_behind, remove

_JOURNAL = "journal"


def fill(
    folder: Path,
    write: Callable[[Path], None],
    *,
    last: str,
    what: str,
    replaceable: Callable[[str], bool],
    outdated: Collection[str] = (),
) -> None:
    """Move what is written into a folder, all of it or nothing; the caller holds its lock.

    Parameters
    ----------
    folder : Path
        Made if missing.
    write : function
        Writes into the empty folder that it is given.
    last : str
        The file that is put last; it stands for the others, and staging folders are its own.
    what : str
        The name of it in messages.
    replaceable : function
        Whether a file that is there already may be replaced, given its path in the folder.
    outdated : collection of str
        Files that go, unless they are written anew.

    Raises
    ------
    MethexisError
        If something is in the way.
    OSError
        If it cannot be written; what was there is then left as it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    staging = Staging(folder, last)
    made: list[Path] = []
    try:
        staging.new.mkdir()
        write(staging.new)
        names = list(files_below(staging.new))
        for name in names:
            _require_place(folder, name, what, replaceable)
        for name in names:
            _make_folders((folder / name).parent, made)
        journal = {"files": names, "last": last, "outdated": sorted({*outdated} - {*names})}
        sync_tree(staging.new)
        write_through(staging.folder / "journal.part", json.dumps(journal).encode())
        (staging.folder / "journal.part").rename(staging.folder / _JOURNAL)
    except BaseException:
        staging.remove()
        for empty in reversed(made):
            with suppress(OSError):
                empty.rmdir()
        raise
    try:
        _carry_out(folder, staging.folder)
    except OSError:
        _carry_out(folder, staging.folder)  # renames need next to no room; else `settle` does it
    staging.remove()


def settle(folder: Path, last: str) -> None:
    """Finish what a killed process had begun to move into a folder; the caller holds its lock."""
    for staged in left_behind(folder, last):
        if (staged / _JOURNAL).is_file():
            _carry_out(folder, staged)
        remove(staged)


def digest(path: Path) -> str:
    """Fingerprint of a file's content, in hexadecimal."""
    hashed = blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hashed.update(block)
    return hashed.hexdigest()


def inside(name: object) -> bool:
    """Whether a value is a relative path that leads nowhere but down.

    Examples
    --------
    >>> [inside(name) for name in ("figures/a.pdf", "../a", "/a", "a//b", "", 3)]
    [True, False, False, False, False, False]
    """
    if not isinstance(name, str) or "\\" in name or "\0" in name:
        return False
    path = PurePosixPath(name)
    return (
        bool(path.parts) and not path.is_absolute() and ".." not in path.parts and str(path) == name
    )


def _carry_out(folder: Path, staged: Path) -> None:
    """Move all files of a journal that have not been moved yet."""
    journal = json.loads((staged / _JOURNAL).read_text(encoding="utf-8"))
    names: Sequence[str] = journal["files"]
    last = journal["last"]
    new = staged / "new"
    if os.path.lexists(new / last):
        (folder / last).unlink(missing_ok=True)  # no new data under an old verdict
    for name in journal["outdated"]:
        if not _linked(folder, name):
            (folder / name).unlink(missing_ok=True)
            _drop_empty((folder / name).parent, folder)
    for name in sorted(names, key=lambda name: name == last):
        if os.path.lexists(new / name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).replace(folder / name)
    settled_in(folder)


def _require_place(folder: Path, name: str, what: str, replaceable: Callable[[str], bool]) -> None:
    target = folder / name
    if _linked(folder, name):
        raise MethexisError(f"{what}: expected a folder at {target.parent}, got a link")
    if os.path.lexists(target) and (target.is_dir() or not replaceable(name)):
        raise MethexisError(
            f"{what}: expected nothing but results of ours where {target} goes, got another file; "
            "move it away, or give another place"
        )


def _linked(folder: Path, name: str) -> bool:
    """Whether a folder on the way to a file is a link, so that the file lies elsewhere."""
    above = PurePosixPath(name).parents
    return any((folder / part).is_symlink() for part in above if str(part) != ".")


def _make_folders(folder: Path, made: list[Path]) -> None:
    if not folder.exists():
        _make_folders(folder.parent, made)
        folder.mkdir()
        made.append(folder)


def _drop_empty(folder: Path, top: Path) -> None:
    with suppress(OSError):  # not empty
        while folder != top:
            folder.rmdir()
            folder = folder.parent
