"""Folders of results: which files in them are ours, and whether they are what was written.

A hidden file lists all that a command has put into a folder, with a fingerprint of each. What is
listed may be replaced with ``--force``; what is not is the user's. `read_result` opens a result
only if everything listed is there and unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from methexis.errors import MethexisError
from methexis.files.durable import files_below, write_through
from methexis.files.filling import digest, fill, inside
from methexis.version import __version__

#: What is written last, and tells that a folder holds results.
RESULT = "result.json"
#: The list of what is ours.
MANIFEST = ".methexis.json"


def put_results(folder: Path, write: Callable[[Path], object], *, add: bool = False) -> None:
    """Put results into a folder, in place of older ones of ours or, with ``add``, beside them.

    Results of versions that kept no list are replaced name by name, and the list remembers it until
    all is written.

    Raises
    ------
    MethexisError
        If something is in the way.
    OSError
        If they cannot be written; what was there is then left as it was.
    """
    before = listed(folder)
    unlisted = _earlier(folder) if add else not before and (folder / RESULT).is_file()

    def with_list(staged: Path) -> None:
        write(staged)
        digests = {name: digest(staged / name) for name in files_below(staged)}
        content = {
            "about": "Written by Methexis: the files here that are its own, with fingerprints.",
            "format": 1,
            "version": __version__,
            "files": (before if add else {}) | digests,
            "earlier": unlisted and not add,
        }
        write_through(staged / MANIFEST, json.dumps(content, indent=1).encode())

    fill(
        folder,
        with_list,
        last=RESULT,
        what="out",
        replaceable=lambda name: unlisted or name in before or name == MANIFEST,
        outdated=() if add else [name for name in before if _unchanged(folder, name, before)],
    )


def _unchanged(folder: Path, name: str, files: dict[str, str]) -> bool:
    try:
        return digest(folder / name) == files[name]
    except OSError:
        return False


def listed(folder: Path) -> dict[str, str]:
    """Files of ours in a folder, with fingerprints; none if there is no list of ours."""
    files = _list(folder).get("files")
    if isinstance(files, dict) and all(inside(name) for name in files):
        return {str(name): str(fingerprint) for name, fingerprint in files.items()}
    return {}


def _earlier(folder: Path) -> bool:
    return _list(folder).get("earlier") is True


def _list(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) and content.get("format") == 1 else {}


def read_result(folder: str | Path) -> dict[str, Any]:
    """What a command found: ``result.json`` of a folder, if that is as it was written.

    Parameters
    ----------
    folder : path
        What was given as ``--out``.

    Returns
    -------
    dict

    Raises
    ------
    MethexisError
        If there is no result, or a file was lost or changed since.
    """
    place = Path(folder)
    files = listed(place)
    if RESULT not in files:
        raise MethexisError(f"result: expected results with a list of files, got none in {place}")
    for name, written in files.items():
        try:
            fingerprint = digest(place / name)
        except OSError as error:
            raise MethexisError(
                f"result: expected {name} in {place}, got: {error.strerror or error}"
            ) from None
        if fingerprint != written:
            raise MethexisError(
                f"result: expected {name} in {place} as it was written, got other content"
            )
    content: dict[str, Any] = json.loads((place / RESULT).read_text(encoding="utf-8"))
    return content
