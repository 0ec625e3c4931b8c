"""Many commands in one process, so that what they import is imported once.

Reads a JSON list of lists of words from standard input, runs each as the command `methexis` would
in the present folder, and writes a JSON list of exit status, standard output and standard error.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import warnings
from typing import Any

from methexis.cli import main


def _warning(message: Any, category: Any, *_: Any, **__: Any) -> str:
    """A warning without the file and line that it comes from, which move."""
    return f"{category.__name__}: {message}\n"


def called(words: list[str]) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of one command."""
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["methexis", *words]
    status = 0
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(),  # so that each command shows its own
    ):
        warnings.simplefilter("default", UserWarning)
        try:
            main()
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 0
    return status, out.getvalue(), err.getvalue()


def serve() -> None:
    """Run what standard input lists."""
    warnings.formatwarning = _warning
    commands = json.load(sys.stdin)
    answers = [called(words) for words in commands]
    json.dump(answers, sys.stdout)
