"""Reading a saved run: whole and as it was written, by its format; and whether a folder is one."""

from __future__ import annotations

import json
from pathlib import Path

import xarray as xr

from methexis.core.checks import MethexisError
from methexis.files import identity, recover
from methexis.training.records.storage import VERSION, read_tree, strangers

#: 2: activation, biases, dimensions of cells, and every chunk is written, so that one that was lost
#: is noticed. Of format 1, chunks of nothing but NaN were left out. 3: checksums of all chunks and
#: attributes, so that what was damaged is noticed. 4: the source, and students with their views.
FORMAT_VERSION = 4
#: Times that a store is read which others replace meanwhile.
_READINGS = 5


def read_run(source: Path) -> xr.DataTree:
    """The tree of a saved run, read into memory.

    Raises
    ------
    MethexisError
        As `open_run`.
    """
    try:
        recover(source)
        for _ in range(_READINGS):
            before = identity(source.resolve())
            try:
                return _open(source)
            except MethexisError:
                if identity(source.resolve()) == before:
                    raise
        return _open(source)
    except OSError as error:
        raise MethexisError(
            f"open_run: expected a saved run at {source}, got: {error.strerror or error}"
        ) from None


def _open(source: Path) -> xr.DataTree:
    if not source.is_dir():
        raise MethexisError(f"open_run: expected a saved run, got no folder at {source}")
    version = _format_version(source)
    if version > FORMAT_VERSION:
        raise MethexisError(
            f"open_run: expected format {FORMAT_VERSION} or older at {source}, got {version}; "
            "update methexis"
        )
    try:
        return read_tree(source, version)
    except Exception as error:  # of whatever type: damaged files are read by three other packages
        raise MethexisError(
            f"open_run: expected a saved run at {source}, got: {_one_line(error)}"
        ) from None


def require_run(path: Path) -> None:
    """See that all of a folder is a saved run, so that it may be replaced."""
    try:
        _format_version(path)
        others = strangers(path)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise MethexisError(
            f"save: expected a saved run to replace, got {path}, which is none"
        ) from None
    if others:
        raise MethexisError(
            f"save: expected a saved run to replace, got {path}, in which {others[0]} is not of "
            "the run; move it away"
        )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _format_version(source: Path) -> int:
    """Read the format version alone, so that a newer format is refused before it is misread."""
    try:
        version = json.loads((source / "zarr.json").read_text(encoding="utf-8"))["attributes"][
            VERSION
        ]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        version = None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise MethexisError(f"open_run: expected a saved run at {source}, got something else")
    return version
