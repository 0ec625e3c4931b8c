"""Where keys stand in a TOML file: `tomllib` says what a file holds, and not in which line.

The file has been read by `tomllib` before, so it is known to be well-formed, and this reader can be
short: it looks for keys, and steps over values.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from typing import TypeAlias

#: A key with all that it lies in: names of tables, and positions in arrays.
KeyPath: TypeAlias = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_PLAIN_VALUE = re.compile(r"[^,\]}\n#]*")


def key_lines(text: str) -> dict[KeyPath, int]:
    r"""The line of every key, table and member of an array of a well-formed TOML text.

    Examples
    --------
    >>> lines = key_lines("[optimiser]\nlr = [0.1,\n 0.2]\n[[students]]\nwidth = 4\n")
    >>> lines["optimiser", "lr"], lines["optimiser", "lr", 1], lines["students", 0, "width"]
    (2, 3, 5)
    """
    reader = _Reader(text)
    reader.read()
    return reader.lines


class _Reader:
    """A walk through a text from key to key.

    Attributes
    ----------
    lines : dict
        The lines of the keys that were met.
    """

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._text, self._at = text, 0
        self._members: Counter[KeyPath] = Counter()  # of arrays of tables

    def read(self) -> None:
        """Go through all tables of the text."""
        table: KeyPath = ()
        while self._skip():
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> KeyPath:
        array = self._text.startswith("[[", self._at)
        line = self._line()
        self._at += 2 if array else 1
        names = self._names()
        self._at += 2 if array else 1
        table: KeyPath = ()
        for name in names[:-1]:
            table = self._last((*table, name))
        table = (*table, names[-1])
        self.lines.setdefault(table, line)
        if array:
            self._members[table] += 1
        table = self._last(table)
        self.lines.setdefault(table, line)
        return table

    def _last(self, table: KeyPath) -> KeyPath:
        """The last member of an array of tables; any other table itself."""
        count = self._members[table]
        return (*table, count - 1) if count else table

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for name in self._names():
            path = (*path, name)
            self.lines.setdefault(path, line)
        self._skip()
        self._at += 1  # the sign of equality
        self._value(path)

    def _names(self) -> list[str]:
        """The names of a dotted key."""
        names = []
        while True:
            self._skip()
            if self._text[self._at] in "\"'":
                began = self._at
                self._string()
                names.append(tomllib.loads(f"k = {self._text[began : self._at]}")["k"])
            else:
                match = _BARE.match(self._text, self._at)
                assert match is not None  # the text is well-formed
                names.append(match[0])
                self._at = match.end()
            self._skip()
            if not self._text.startswith(".", self._at):
                return names
            self._at += 1

    def _value(self, path: KeyPath) -> None:
        self._skip()
        sign = self._text[self._at : self._at + 1]
        if sign and sign in "\"'":
            self._string()
        elif sign == "[":
            self._array(path)
        elif sign == "{":
            self._inline(path)
        else:
            match = _PLAIN_VALUE.match(self._text, self._at)
            self._at = match.end() if match else len(self._text)

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        count = 0
        while self._skip() and self._text[self._at] != "]":
            self.lines.setdefault((*path, count), self._line())
            self._value((*path, count))
            count += 1
            self._skip()
            if self._text.startswith(",", self._at):
                self._at += 1
        self._at += 1

    def _inline(self, path: KeyPath) -> None:
        self._at += 1
        while self._skip() and self._text[self._at] != "}":
            self._pair(path)
            self._skip()
            if self._text.startswith(",", self._at):
                self._at += 1
        self._at += 1

    def _string(self) -> None:
        """Step over a string of any of the four kinds."""
        quote = self._text[self._at]
        long = self._text.startswith(3 * quote, self._at)
        end = 3 * quote if long else quote
        self._at += len(end)
        while not self._text.startswith(end, self._at):
            self._at += 2 if quote == '"' and self._text[self._at] == "\\" else 1
        self._at += len(end)
        while long and self._text.startswith(quote, self._at):  # quotes that end the content
            self._at += 1

    def _skip(self) -> bool:
        """Step over blanks and comments; whether anything is left."""
        match = _BLANK.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at < len(self._text)

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1
