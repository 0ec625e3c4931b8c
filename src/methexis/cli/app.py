"""The command's entry point. Only Typer is imported here; jobs load when they run."""

from __future__ import annotations

from typing import Annotated

import typer

from methexis.cli.bench import bench
from methexis.cli.breaking import break_
from methexis.cli.reverse import reverse
from methexis.cli.sharpen import sharpen
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
app.command()(sharpen)
app.command()(reverse)
app.add_typer(bench)


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
    app()
