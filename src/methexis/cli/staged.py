"""What commands that measure entries of a registry share: `break`, `sharpen` and `reverse`.

Each takes a name, or ``all``, or lists the names. Bad input ends it before anything runs: an
unknown name, a folder with results in it or one that cannot be written. What it finds is written
beside the folder's content and moved in as a whole, so that an interrupted command leaves what was
there; the exit status tells whether theory and measurement agree.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from methexis.cli.errors import FAILED, print_json, user_errors
from methexis.cli.folders import fill, prepared
from methexis.cli.progress import LiveLine
from methexis.errors import MethexisError
from methexis.text import json_text

if TYPE_CHECKING:
    from methexis.scenarios.framework.registry import Registry
    from methexis.scenarios.framework.results import JobResult, Judged
    from methexis.scenarios.framework.runner import Job, Step

#: Options that all of these commands have. The folder's default is ``methexis-VERB-NAME``.
Listing = Annotated[bool, typer.Option("--list", help="List the names, with what each claims.")]
Seed = Annotated[
    int, typer.Option(help="0: the seeds fixed beforehand; any other repeats the runs.")
]
Out = Annotated[
    Path | None,
    typer.Option(help="Folder for report and data. [default: methexis-VERB-NAME]"),
]
Force = Annotated[bool, typer.Option("--force", help="Replace existing results.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for machines.")]


Found = TypeVar("Found", bound="Judged")
Result = TypeVar("Result", bound="JobResult[Any]")


@dataclass(frozen=True)
class Request:
    """What was asked of a command: entries, settings and the folder for results."""

    verb: str  # the command
    name: str | None  # an entry, or ``all``
    listing: bool
    quick: bool
    seed: int
    out: Path | None
    force: bool
    as_json: bool

    @property
    def folder(self) -> Path:
        """The folder into which results are written."""
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
    registry: Registry[Any],
    run: Job[Any, Found, Result],
    *,
    told: Callable[[Step], str],
    finished: Callable[[Found, bool], None],
    write: Callable[[Result, Path], object],
    show: Callable[[Result, Path], None],
) -> None:
    """Carry out a request, from names to exit status, which is 0 if all that was found agrees.

    Parameters
    ----------
    request : Request
    registry : Registry
        All entries.
    run : Job
        Measures those that were asked for.
    told : function
        How far the job is, in a line.
    finished : function
        Prints one part's result, given whether it is the only one.
    write : function
        Writes report and figures into a folder; ``result.json`` is added here.
    show : function
        Prints the outcome, given the folder.
    """
    with user_errors():
        if request.listing:
            _list(registry, as_json=request.as_json)
            return
        if request.name is None:
            raise MethexisError(
                f"{registry.kind}: expected a name, or all, got none; methexis {request.verb} "
                "--list names them"
            )
        wanted = registry.chosen(request.name)
        line = LiveLine()
        with prepared(request.folder, force=request.force):
            result = run(
                wanted,
                quick=request.quick,
                seed=request.seed,
                command=request.command,
                show=lambda step: line(told(step), ended=step.ended),
                finished=None if request.as_json else lambda one: finished(one, len(wanted) == 1),
            )
            summary = json_text(result.summary())
            fill(request.folder, summary, lambda folder: write(result, folder))
        if request.as_json:
            print_json(result.summary())
        else:
            show(result, request.folder)
        if not result.agrees:
            raise typer.Exit(FAILED)


def _list(registry: Registry[Any], *, as_json: bool) -> None:
    claims = {name: entry.claim for name, entry in registry.items()}
    if as_json:
        print_json(claims)
        return
    for name, claim in claims.items():
        typer.echo(f"{name}: {claim}")
