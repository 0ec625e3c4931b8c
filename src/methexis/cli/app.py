"""The command's entry point. Only Typer is imported here; jobs load when they run."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from methexis.cli.breaking import break_
from methexis.cli.canonicalizing import canonicalize
from methexis.cli.comparing import compare
from methexis.cli.errors import BAD_INPUT
from methexis.cli.explaining import explain
from methexis.cli.probing import probe
from methexis.cli.reverse import reverse
from methexis.cli.sharpen import sharpen
from methexis.cli.subjects import subjects
from methexis.cli.sweeping import sweep
from methexis.cli.translating import translate
from methexis.cli.verify import verify
from methexis.version import __version__

app = typer.Typer(
    name="methexis",
    help="The laboratory for the Platonic Representation Hypothesis.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(verify)
app.command("break")(break_)
app.command()(sweep)
app.command()(sharpen)
app.command()(probe)
app.command()(compare)
app.command()(subjects)
app.command()(explain)
app.command()(translate)
app.command()(canonicalize)
app.command()(reverse)


@app.command(
    hidden=True,
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def bench() -> None:
    """Say where the benchmarks are, which are no part of the installed package."""
    typer.echo(
        "error: bench: expected another verb; benchmarks run in the source tree, by `make bench` "
        "and `make bench-measures`, with options in BENCH='...'",
        err=True,
    )
    raise typer.Exit(BAD_INPUT)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"methexis {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """The laboratory for the Platonic Representation Hypothesis.

    Example: methexis verify --out my-report
    """
    del version


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            _take_all_signs(stream)
    app()


def _take_all_signs(stream: TextIOWrapper) -> None:
    """Let a stream take Greek letters and signs also where its encoding has none, as on Windows.

    A terminal, and an encoding that was asked for, show a question mark for what they do not have;
    what goes to a file or to another program is UTF-8.
    """
    if stream.encoding.lower().replace("_", "-") in {"utf-8", "utf8"}:
        return
    if stream.isatty() or "PYTHONIOENCODING" in os.environ:
        stream.reconfigure(errors="replace")
    else:
        stream.reconfigure(encoding="utf-8")
