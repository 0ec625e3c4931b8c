"""What commands that measure entries of a registry share: `break`, `sharpen` and `reverse`.

Each takes a name, or ``all``, or lists the names. Bad input ends it before anything runs: an
unknown name, a folder with results in it or one that cannot be written. What it finds is written
beside the folder's content and moved in as a whole, so that an interrupted command leaves what was
there; the exit status tells whether theory and measurement agree.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import typer

from methexis.cli.errors import FAILED, user_errors
from methexis.cli.folders import fill, prepared
from methexis.cli.results import numbers_first, told
from methexis.errors import MethexisError
from methexis.text import json_text

#: Options that all of these commands have. The folder's default is ``methexis-VERB-NAME``.
Listing = Annotated[bool, typer.Option("--list", help="List the names, with what each claims.")]
Seed = Annotated[int, typer.Option(help="0: the seeds fixed beforehand; others repeat the runs.")]
Out = Annotated[
    Path | None,
    typer.Option(help="Folder for report and data. [default: methexis-VERB-NAME]"),
]
Force = Annotated[bool, typer.Option("--force", help="Replace existing results.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for machines.")]


class Claiming(Protocol):
    """What a registry holds."""

    @property
    def claim(self) -> str:
        """What it claims, in a sentence."""


class Summarised(Protocol):
    """What such a command finds."""

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""


Entry = TypeVar("Entry")
Found = TypeVar("Found", bound=Summarised)


@dataclass(frozen=True)
class Request:
    """What was asked for.

    Attributes
    ----------
    verb, kind : str
        The command, and what the names name.
    name : str or None
        An entry, or ``all``.
    listing, quick, force, as_json : bool
    seed : int
    out : Path or None
    """

    verb: str
    kind: str
    name: str | None
    listing: bool
    quick: bool
    seed: int
    out: Path | None
    force: bool
    as_json: bool

    @property
    def folder(self) -> Path:
        """Where results go."""
        return Path(f"methexis-{self.verb}-{self.name}") if self.out is None else self.out

    @property
    def command(self) -> str:
        """The command that repeats the measurement."""
        words = ["methexis", self.verb, str(self.name)]
        if self.quick:
            words.append("--quick")
        if self.seed:
            words += ["--seed", str(self.seed)]
        return shlex.join(words)


def carry_out(
    request: Request,
    registry: Mapping[str, Claiming],
    *,
    chosen: Callable[[str], list[Entry]],
    measure: Callable[[list[Entry]], Found],
    write: Callable[[Found, Path], object],
    show: Callable[[Found, Path], None],
    agrees: Callable[[Found], bool],
) -> None:
    """Carry out a request, from names to exit status.

    Parameters
    ----------
    request : Request
    registry : mapping
        All entries by name, for ``--list``.
    chosen : function
        Entries of a name; refuses unknown ones.
    measure : function
        Does the work.
    write : function
        Writes report and figures into a folder; ``result.json`` is added here.
    show : function
        Prints the outcome, given the folder.
    agrees : function
        Whether the exit status is 0.
    """
    with user_errors():
        if request.listing:
            _list(registry, as_json=request.as_json)
            return
        if request.name is None:
            raise MethexisError(
                f"{request.kind}: expected a name, or all, got none; methexis {request.verb} "
                "--list names them"
            )
        wanted = chosen(request.name)
        with prepared(request.folder, force=request.force):
            result = measure(wanted)

            failed: list[Exception | None] = []

            def stage(folder: Path) -> None:
                draw = partial(write, result, folder)
                failed.append(numbers_first(folder, result.summary, draw))

            fill(request.folder, stage)
        told(failed[0], request.folder)
        if request.as_json:
            sys.stdout.write(json_text(result.summary()) + "\n")
        else:
            show(result, request.folder)
        if not agrees(result):
            raise typer.Exit(FAILED)


def _list(registry: Mapping[str, Claiming], *, as_json: bool) -> None:
    claims = {name: entry.claim for name, entry in registry.items()}
    if as_json:
        sys.stdout.write(json_text(claims) + "\n")
        return
    for name, claim in claims.items():
        typer.echo(f"{name}: {claim}")
