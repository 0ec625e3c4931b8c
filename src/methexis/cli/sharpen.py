"""``methexis sharpen``: curvature along SGD, predicted and measured."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from methexis import report, scenarios
from methexis.cli.errors import FAILED, user_errors
from methexis.cli.folders import RESULT, fill, prepare
from methexis.errors import MethexisError
from methexis.progress import Report

if TYPE_CHECKING:
    from methexis.scenarios import SharpenResult


def sharpen(
    case: Annotated[
        str | None, typer.Argument(help="A case, or all; --list names them.", show_default=False)
    ] = None,
    names: Annotated[bool, typer.Option("--list", help="List the cases.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Two learning rates: seconds, a look.")
    ] = False,
    seed: Annotated[
        int, typer.Option(help="0: the seeds fixed in the cases; others repeat the runs.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for report and data. [default: methexis-sharpen-CASE]"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing results.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, for machines.")
    ] = False,
) -> None:
    """Predict how curvature changes along SGD, and measure it.

    The force that aligns networks also moves trace and largest eigenvalue of the Hessian, up or
    down. Each case is trained by SGD and compared with slow dynamics from the same start.

    Example: methexis sharpen one-force --quick --out my-sharpening
    """
    with user_errors():
        if names:
            _list(as_json=as_json)
            return
        if case is None:
            raise MethexisError(
                "case: expected a name, or all, got none; methexis sharpen --list names them"
            )
        wanted = scenarios.chosen_cases(case)
        folder = Path(f"methexis-sharpen-{case}") if out is None else out
        prepare(folder, force=force)
        result = scenarios.run_sharpen(
            wanted,
            quick=quick,
            seed=seed,
            command=_command(case, quick=quick, seed=seed),
            show=_Lines(),
            finished=None if as_json else report.print_case,
        )
        fill(folder, lambda staged: _write(result, staged))
        if as_json:
            json.dump(result.summary(), sys.stdout, indent=1)
            sys.stdout.write("\n")
        else:
            report.print_sharpen(result, folder)
        if not result.passed:
            raise typer.Exit(FAILED)


def _list(*, as_json: bool) -> None:
    found = {c.name: c.claim for c in scenarios.CASES.values()}
    if as_json:
        json.dump(found, sys.stdout, indent=1)
        sys.stdout.write("\n")
        return
    for name, claim in found.items():
        typer.echo(f"{name}: {claim}")


def _command(name: str, *, quick: bool, seed: int) -> str:
    words = ["methexis", "sharpen", name]
    if quick:
        words.append("--quick")
    if seed:
        words += ["--seed", str(seed)]
    return shlex.join(words)


def _write(result: SharpenResult, folder: Path) -> None:
    report.write_sharpen_report(result, folder)
    summary = json.dumps(result.summary(), indent=1, allow_nan=False)
    (folder / RESULT).write_text(summary + "\n", encoding="utf-8")


class _Lines:
    """Progress on standard error: one updated line on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._interval = 0.1 if self._live else 10.0
        self._last = -self._interval if self._live else time.monotonic()

    def __call__(self, name: str, at: Report) -> None:
        now = time.monotonic()
        ended = at.step >= at.steps
        if now - self._last < self._interval and not (ended and self._live):
            return
        self._last = now
        text = f"{name}: step {at.step:,} of {at.steps:,}"
        if self._live:
            sys.stderr.write("\r\x1b[2K" + ("" if ended else f"\x1b[2m… {text}\x1b[0m"))
        else:
            sys.stderr.write(f"... {text}\n")
        sys.stderr.flush()
