"""Zarr arrays, and groups of them at any depth."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import zarr
from zarr.core.sync import sync

from methexis.errors import MethexisError
from methexis.representations.representation import Stored

_BROKEN = (OSError, ValueError, KeyError, TypeError, RuntimeError)


def read_zarr(path: Path) -> list[Stored]:
    """The array of a store, or all arrays of a group.

    Chunks that are not there count as their fill value, as zarr has it: writers leave out chunks
    of nothing else. A note says how many.

    Raises
    ------
    MethexisError
        If the store or a chunk cannot be read.
    """
    name = ""
    found = []
    try:
        node = zarr.open(path, mode="r")
        inside = [("", node)] if isinstance(node, zarr.Array) else node.members(max_depth=None)
        for name, member in inside:
            if isinstance(member, zarr.Array):
                found.append(_stored(name, member))
    except _BROKEN as error:
        sync(_rest())
        where = f"{path}:{name}" if name else str(path)
        raise MethexisError(
            f"{where}: expected a whole zarr array, got a damaged one ({error})"
        ) from None
    return found


async def _rest() -> None:
    """Wait for the chunks that were read beside one that failed.

    zarr leaves them running; at the end of the process they would be reported as lost.
    """
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


def _stored(name: str, member: zarr.Array) -> Stored:  # type: ignore[type-arg]
    notes = []
    missing = member.nchunks - member.nchunks_initialized
    if missing:
        notes.append(
            f"{missing} of {member.nchunks} chunks are not there and count as {member.fill_value}"
        )
    return Stored(name, np.asarray(member[...]), str(member.dtype), tuple(notes))
