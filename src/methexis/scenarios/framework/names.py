"""Entries of a registry by their names, as a command takes them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

from methexis.errors import MethexisError

ALL = "all"

Entry = TypeVar("Entry")


def entries(kind: str, name: str, registry: Mapping[str, Entry]) -> list[Entry]:
    """The entry of that name, or all of them.

    Raises
    ------
    MethexisError
        If there is none; with the nearest name. ``kind`` says of what.

    Examples
    --------
    >>> entries("number", "all", {"one": 1, "two": 2})
    [1, 2]
    """
    if name == ALL:
        return list(registry.values())
    if name in registry:
        return [registry[name]]
    names = [*registry, ALL]
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.0)[0]
    raise MethexisError(
        f"{kind}: expected one of {', '.join(names)}, got {name!r}; did you mean {near!r}?"
    )
