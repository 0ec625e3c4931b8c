"""What ``python -m benchmarks transport`` prints."""

from __future__ import annotations

from typing import Any

from benchmarks.transport.page import sections


def print_transport(result: dict[str, Any]) -> None:
    """Print what `make docs` would write of these parts."""
    print("\n\n".join(sections(result)))
