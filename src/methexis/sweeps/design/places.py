"""What messages about a specification say of where the mistake is: file, line, key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from methexis.errors import MethexisError
from methexis.sweeps.design.lines import KeyPath
from methexis.text import shown


@dataclass(frozen=True)
class Places:
    """The file that a specification comes from, and the lines of its keys.

    Attributes
    ----------
    file : str
        Its name; empty for a specification that was given as a mapping.
    lines : mapping
        The line of each key.
    """

    file: str = ""
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def error(self, path: KeyPath, message: str) -> MethexisError:
        """An error about a key, with its line, or with that of the nearest table around it."""
        where = self.file or "spec"
        for length in range(len(path), -1, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                where = f"{where}, line {line}"
                break
        key = f"{dotted(path)}: " if path else ""
        return MethexisError(f"{where}: {key}{message}")

    @contextmanager
    def about(self, path: KeyPath, known: Mapping[str, KeyPath] | None = None) -> Iterator[None]:
        """Say of errors that come up inside which key they are about.

        Parameters
        ----------
        path : tuple
            The key, or the table that a noun is made from.
        known : mapping, optional
            Paths by names of parameters: a message that begins with such a name is about that key.
        """
        try:
            yield
        except MethexisError as error:
            name, colon, rest = str(error).partition(": ")
            if not colon or known is None or name not in known:
                raise self.error(path, str(error)) from None
            raise self.error(known[name], rest) from None


def dotted(path: KeyPath) -> str:
    """A key as a person writes it.

    Examples
    --------
    >>> dotted(("students", 0, "width"))
    'students.0.width'
    """
    return shown(".".join(map(str, path)))
