"""Seals: whether a store on disk is the one that was written.

Zarr's checksums tell that a chunk is damaged, not that it is the chunk of another array, and
nothing guards attributes: labels, order, format, provenance. So the root of a store lists a
fingerprint of every other file, and one of itself. A store is opened only if all of them are right.
This finds damage and hands that slipped; who means to deceive can write fingerprints as well.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

from methexis.files import digest, files_below

#: Attributes of the root: fingerprints of all other files by path, and that of the root without it.
SEALS = ("checksums", "checksum")
_ROOT = "zarr.json"


def seal(path: Path) -> None:
    """Write the fingerprints of a finished store into its root."""
    root = _read(path)
    root["attributes"][SEALS[0]] = {
        name: digest(path / name) for name in files_below(path) if name != _ROOT
    }
    root["attributes"][SEALS[1]] = _fingerprint(root)
    (path / _ROOT).write_text(json.dumps(root, indent=2), encoding="utf-8")


def is_sealed(path: Path) -> bool:
    """Whether a store says that it is sealed."""
    return any(name in _read(path)["attributes"] for name in SEALS)


def check_seal(path: Path) -> None:
    """See that a store is as it was written.

    Raises
    ------
    ValueError
        If it is not, with the first file that differs.
    OSError, KeyError, TypeError, AttributeError
        If there is no store to speak of.
    """
    root = _read(path)
    written = root["attributes"].pop(SEALS[1], None)
    if written != _fingerprint(root):
        raise ValueError("its attributes are not those that were written")
    files = root["attributes"][SEALS[0]]
    for name, sealed in files.items():
        try:
            same = digest(path / name) == sealed
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise ValueError(f"{name} is lost") from None
        if not same:
            raise ValueError(f"{name} is not as it was written")
    for name in files_below(path):
        if name.rsplit("/", 1)[-1] == _ROOT and name not in files and name != _ROOT:
            raise ValueError(f"{name} was added")


def _read(path: Path) -> dict[str, Any]:
    root: dict[str, Any] = json.loads((path / _ROOT).read_text(encoding="utf-8"))
    return root


def _fingerprint(root: dict[str, Any]) -> str:
    text = json.dumps(root, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()
