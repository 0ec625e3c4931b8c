"""Where reports print: a terminal that is told nothing by the text that it shows."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from methexis.text import shown


class Terminal(Console):
    """A console without highlighting, on which names of files and layers are text.

    A name can hold an escape sequence, which a terminal obeys: one clears the screen, or draws a
    result that was never found. Rich passes it on. Here whatever is printed is made safe first, so
    that no caller has to think of it.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(highlight=False, **settings)

    def print(self, *objects: Any, **settings: Any) -> None:
        """Print, with signs that a terminal would obey written as escapes; lines stay lines."""
        super().print(*map(_safe, objects), **settings)


def _safe(printed: Any) -> Any:
    if isinstance(printed, str):
        return shown(printed, lines=True)
    if isinstance(printed, Text) and shown(printed.plain, lines=True) != printed.plain:
        return Text(shown(printed.plain, lines=True), style=printed.style)
    return printed
