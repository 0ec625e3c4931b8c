"""``methexis sweep``: many runs over a design of parameters, gone on with whatever ends it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from methexis import progress, report, sweeps
from methexis.cli.errors import FAILED, print_json, user_errors
from methexis.cli.folders import fill, prepared
from methexis.cli.staged import Force, Json
from methexis.errors import MethexisError
from methexis.text import json_text, shown

_ACTIONS = ("status", "retry", "report")


def sweep(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE.toml | status SWEEP | retry SWEEP | report SWEEP",
            help="What to train; or the folder of a sweep, of which to tell the state, to let lost "
            "tasks wait again, or to write the report.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the sweep, or of its report. [default: NAME.sweep, "
            "methexis-sweep-NAME]",
            show_default=False,
        ),
    ] = None,
    executor: Annotated[
        str | None,
        typer.Option(
            help="serial: this process; processes; dask. [default: serial]", show_default=False
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="How many processes. [default: one per core]", show_default=False),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a scheduler of Dask: tcp://host:8786.", show_default=False),
    ] = None,
    tries: Annotated[int, typer.Option(help="How often a task may raise before it is lost.")] = 2,
    over: Annotated[
        list[str] | None,
        typer.Option(help="Axis of the report's pictures; once or twice.", show_default=False),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Train a design of students, sources and optimisers, on any executor.

    FILE.toml has the source, the students, the optimiser, the training, and axes over any of their
    parameters: a grid, a list, random or Sobol points. The same command goes on where it was. With
    --force it goes on under another specification or version, and keeps what is the same.

    Example: methexis sweep edge.toml --executor processes --out edge.sweep
    """
    with user_errors(
        lambda: "; the same command goes on", "give fewer replicas, or fewer cells of a task"
    ):
        action, path = _asked(words)
        if action == "report":
            _report(path, out, over, force=force, as_json=as_json)
            return
        if action == "retry":
            again = sweeps.retry(path)
            typer.echo(f"{len(again)} lost tasks wait again", err=True)
        if action in _ACTIONS:
            result = sweeps.open_sweep(path)
        else:
            result = sweeps.sweep(
                path,
                out,
                executor=executor,
                workers=workers,
                scheduler=scheduler,
                tries=tries,
                again=force,
                progress=progress.lines("sweep"),
            )
        if as_json:
            print_json(result.as_dict())
        else:
            report.print_sweep(result)
    if not action and not result.done:
        raise typer.Exit(FAILED)


def _asked(words: list[str]) -> tuple[str, str]:
    """The action and the path of what was typed; no action is to train."""
    if words[0] in _ACTIONS:
        if len(words) != 2:
            raise MethexisError(
                f"sweep: expected the folder of a sweep after {words[0]}, got {len(words) - 1}"
                " words"
            )
        return words[0], words[1]
    if len(words) != 1:
        raise MethexisError(
            f"sweep: expected FILE.toml, or one of {', '.join(_ACTIONS)} with the folder of a "
            f"sweep, got {shown(shlex.join(words))}"
        )
    return "", words[0]


def _report(
    path: str, out: Path | None, over: list[str] | None, *, force: bool, as_json: bool
) -> None:
    result = sweeps.open_sweep(path)
    name = Path(path).name.removesuffix(".sweep")
    folder = Path(f"methexis-sweep-{name}") if out is None else out
    with prepared(folder, force=force):
        fill(
            folder,
            json_text(result.as_dict()),
            lambda staged: report.write_sweep_report(result, staged, over),
        )
    if as_json:
        print_json(result.as_dict())
        return
    report.print_sweep(result)
    typer.echo(f"report: {folder / 'report.html'}")
