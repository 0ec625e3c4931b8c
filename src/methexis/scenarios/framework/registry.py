"""A registry: the entries of a catalogue by their names, as a command takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from methexis.core.checks import shown
from methexis.errors import MethexisError
from methexis.text import suggestion

ALL = "all"


class Named(Protocol):
    """What a catalogue holds."""

    @property
    def name(self) -> str:
        """The name on the command line."""


Entry = TypeVar("Entry", bound=Named)


class Registry(dict[str, Entry]):
    """Entries by name, in the order in which they are run and shown.

    Parameters
    ----------
    kind : str
        What an entry is, for messages.
    catalogue : iterable of Entry
    """

    def __init__(self, kind: str, catalogue: Iterable[Entry]) -> None:
        super().__init__((entry.name, entry) for entry in catalogue)
        self.kind = kind

    def chosen(self, name: str) -> list[Entry]:
        """The entry of that name, or all of them.

        Raises
        ------
        MethexisError
            If there is none; with the nearest name.
        """
        names = [*self, ALL]
        if not isinstance(name, str):
            raise MethexisError(
                f"{self.kind}: expected one of {', '.join(names)}, got {shown(name)}"
            )
        if name == ALL:
            return list(self.values())
        if name in self:
            return [self[name]]
        raise MethexisError(
            f"{self.kind}: expected one of {', '.join(names)}, got {shown(name)}"
            f"{suggestion(name, names)}"
        )
