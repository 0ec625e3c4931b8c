"""Patterns of layer names, and what is nearest to one that matches nothing.

A star stands for any signs but dots, so that ``encoder.layer.*`` is the blocks of an encoder and
not all that lies within them; two stars stand for any signs at all. A question mark is one sign.
Several patterns are separated by commas.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from methexis.core.checks import shown
from methexis.errors import MethexisError
from methexis.text import brief

#: Most names in a message.
_MOST = 5


def matching(pattern: Any, names: Sequence[str]) -> list[str]:
    """The names that a pattern stands for, in their order.

    Raises
    ------
    MethexisError
        If a part of it matches none; the message has the nearest names.

    Examples
    --------
    >>> matching("encoder.*, head", ["encoder", "encoder.0", "encoder.0.norm", "head"])
    ['encoder.0', 'head']
    >>> matching("**.norm", ["encoder.0", "encoder.0.norm"])
    ['encoder.0.norm']
    """
    parts = [part.strip() for part in pattern.split(",")] if isinstance(pattern, str) else [""]
    if not all(parts):
        raise MethexisError(
            f"layers: expected a pattern of layer names, such as 'encoder.layer.*', got "
            f"{shown(pattern)}"
        )
    wanted: set[str] = set()
    for part in parts:
        expression = _expression(part)
        hits = {name for name in names if expression.fullmatch(name)}
        if not hits:
            raise MethexisError(
                f"layers: expected a pattern of names of this model, got {brief(part)!r}, which "
                f"matches none; {_nearest(part, names)}"
            )
        wanted |= hits
    return [name for name in names if name in wanted]


def is_exact(pattern: str, name: str) -> bool:
    """Whether a layer was asked for by its very name, so that its absence is an error."""
    return name in {part.strip() for part in pattern.split(",")}


def _expression(pattern: str) -> re.Pattern[str]:
    signs = {"**": ".*", "*": r"[^.]*", "?": "."}
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    return re.compile("".join(signs.get(part, re.escape(part)) for part in parts), re.DOTALL)


def _nearest(pattern: str, names: Sequence[str]) -> str:
    if not names:
        return "it has no layers"
    near = get_close_matches(pattern, names, n=_MOST, cutoff=0.4) or list(names[:_MOST])
    more = f" ({len(names)} in all)" if len(names) > len(near) else ""
    return f"nearest are {', '.join(brief(name) for name in near)}{more}"
