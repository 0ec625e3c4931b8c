"""Markdown that the pages of both benchmarks have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose first column is text and whose others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def targets(found: Sequence[dict[str, Any]]) -> str:
    """Markdown of what was wanted and what was got."""
    rows = [
        [
            t["what"],
            f"{'≥' if t['at_least'] else '≤'} {t['wanted']:,.4g}",
            "not measured" if t["got"] is None else f"{t['got']:,.3g}",
            "" if t["got"] is None else ("reached" if t["reached"] else "**missed**"),
        ]
        for t in found
    ]
    return table(["target", "wanted", "got", ""], rows)
