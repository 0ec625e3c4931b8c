"""How a command ends: JSON for machines, a sentence on bad input, an exit status; no traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from methexis.errors import MethexisError
from methexis.text import json_text, shown

#: Exit statuses: a check failed; bad input; interrupted.
FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


def print_json(data: Any) -> None:
    """Print plain data on standard output, for machines."""
    sys.stdout.write(json_text(data) + "\n")


def _as_typed(message: str) -> str:
    """A message that begins with the name of an option that was typed, with the option as typed."""
    name, colon, rest = message.partition(":")
    option = "--" + name.replace("_", "-")
    typed = any(word.partition("=")[0] == option for word in sys.argv[1:])
    return f"{option}{colon}{rest}" if typed else message


@contextmanager
def user_errors(
    resume_hint: Callable[[], str] = str,
    memory_hint: str = "use fewer replicas or a smaller batch",
) -> Iterator[None]:
    """Turn bad input, a full disk or memory and Ctrl-C into a sentence on standard error."""
    try:
        yield
    except MethexisError as error:
        typer.echo(f"error: {_as_typed(shown(str(error)))}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except OSError as error:
        where = f" {shown(str(error.filename))}" if error.filename else ""
        typer.echo(f"error: cannot write or read{where}: {error.strerror or error}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except MemoryError:
        typer.echo(f"error: not enough memory; {memory_hint}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        typer.echo(f"\ninterrupted{shown(resume_hint())}", err=True)
        raise typer.Exit(INTERRUPTED) from None
