"""Translations on disk: an .npz of plain arrays, with what is known of them as JSON inside."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import location
from methexis.errors import MethexisError
from methexis.files import put_file
from methexis.version import __version__

FORMAT = 1
#: The entry that holds what is known of the maps, as UTF-8.
_ABOUT = "about"


def write(path: str | Path, arrays: dict[str, NDArray[Any]], about: dict[str, Any]) -> Path:
    """Write arrays with what is known of them to a new file.

    Raises
    ------
    MethexisError
        If there is a file already, or it cannot be written.
    """
    target = location("path", path, "a file to write")
    target = target if target.suffix == ".npz" else target.with_name(target.name + ".npz")
    if os.path.lexists(target):
        raise MethexisError(
            f"path: expected a new file, got {target}, which is there; give another name"
        )
    written = {"format": FORMAT, "version": __version__, **about}
    text = np.frombuffer(json.dumps(written).encode(), dtype=np.uint8)

    def into(staged: Path) -> None:
        with staged.open("wb") as file:
            entries: dict[str, Any] = {_ABOUT: text, **arrays}
            np.savez_compressed(file, **entries)

    try:
        put_file(target, into)
    except OSError as error:
        raise MethexisError(
            f"path: expected to write {target}, got: {error.strerror or error}"
        ) from None
    return target


def read(path: str | Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays of a file, and what is known of them.

    Raises
    ------
    MethexisError
        If there is no such file, or it is no translation.
    """
    source = location("path", path, "a file that Translation.save wrote")
    try:
        with np.load(source, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
        about = json.loads(bytes(arrays.pop(_ABOUT)).decode())
        known = about["format"]
    except OSError as error:
        raise MethexisError(
            f"path: expected a translation in {source}, got: {error.strerror or error}"
        ) from None
    except (KeyError, TypeError, ValueError, AttributeError, EOFError, zipfile.BadZipFile):
        raise MethexisError(
            f"path: expected a file that Translation.save wrote, got {source}, which is none"
        ) from None
    if known != FORMAT:
        raise MethexisError(
            f"path: expected a translation of format {FORMAT}, got format {known!r} in {source}; "
            "open it with the version that wrote it"
        )
    return arrays, about
