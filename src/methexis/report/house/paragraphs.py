"""Text on a terminal: broken between words at its width, and indented on every line."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.markup import escape

#: Longest line in columns; longer ones are tiring to read, however wide the terminal.
LONGEST = 100


def say(console: Console, text: str, *, lead: str = "  ", indent: int = 2, style: str = "") -> None:
    """Print a paragraph.

    Parameters
    ----------
    text : str
        Plain text, without markup.
    lead : str
        What stands before the first line, with markup.
    indent : int
        Columns that the lead takes; the other lines are indented as far.
    style : str, optional
        Of the text.

    Examples
    --------
    >>> say(Console(width=20), "one two three four five", lead="  * ", indent=4)
      * one two three
        four five
    """
    width = min(console.width, LONGEST) - indent
    lines = textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)
    body = f"\n{' ' * indent}".join(escape(line) for line in lines)
    console.print(lead + (f"[{style}]{body}[/{style}]" if style else body), soft_wrap=True)
