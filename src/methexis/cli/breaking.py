"""``methexis break``: what breaks perfect alignment, each way predicted and measured."""

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

if TYPE_CHECKING:
    from methexis.scenarios import BreakResult
    from methexis.scenarios.breaking import Step


def break_(
    name: Annotated[
        str | None,
        typer.Argument(help="A scenario, or all; --list names them.", show_default=False),
    ] = None,
    names: Annotated[bool, typer.Option("--list", help="List the scenarios.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="One problem, few learning rates: seconds, a look.")
    ] = False,
    seed: Annotated[
        int, typer.Option(help="0: the seeds fixed in the scenarios; others repeat the runs.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for report and data. [default: methexis-break-NAME]"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing results.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, for machines.")
    ] = False,
) -> None:
    """Turn a dial that breaks the theorem; predict how far alignment falls, and measure it.

    A scenario is a dial, a prediction without fitted parameters and a measurement by ensembles of
    networks trained by SGD. The whole of it, extrapolated over learning rates, takes minutes.

    Example: methexis break sampling --quick --out my-break
    """
    with user_errors():
        if names:
            _list(as_json=as_json)
            return
        if name is None:
            raise MethexisError(
                "scenario: expected a name, or all, got none; methexis break --list names them"
            )
        wanted = scenarios.chosen(name)
        folder = Path(f"methexis-break-{name}") if out is None else out
        prepare(folder, force=force)
        result = scenarios.run_break(
            wanted,
            quick=quick,
            seed=seed,
            command=_command(name, quick=quick, seed=seed),
            show=_Lines(),
            finished=None
            if as_json
            else lambda one: report.print_scenario(one, rows=len(wanted) == 1),
        )
        fill(folder, lambda staged: _write(result, staged))
        if as_json:
            json.dump(result.summary(), sys.stdout, indent=1)
            sys.stdout.write("\n")
        else:
            report.print_break(result, folder)
        if not result.agrees:
            raise typer.Exit(FAILED)


def _list(*, as_json: bool) -> None:
    found = scenarios.SCENARIOS.values()
    if as_json:
        json.dump({s.name: s.claim for s in found}, sys.stdout, indent=1)
        sys.stdout.write("\n")
        return
    for scenario in found:
        typer.echo(f"{scenario.name}: {scenario.claim}")


def _command(name: str, *, quick: bool, seed: int) -> str:
    words = ["methexis", "break", name]
    if quick:
        words.append("--quick")
    if seed:
        words += ["--seed", str(seed)]
    return shlex.join(words)


def _write(result: BreakResult, folder: Path) -> None:
    report.write_break_report(result, folder)
    summary = json.dumps(result.summary(), indent=1, allow_nan=False)
    (folder / RESULT).write_text(summary + "\n", encoding="utf-8")


class _Lines:
    """Progress on standard error: one updated line on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._interval = 0.1 if self._live else 10.0
        self._last = -self._interval if self._live else time.monotonic()

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        ended = step.done + 1 == step.total and step.part == 1.0
        if now - self._last < self._interval and not (ended and self._live):
            return
        self._last = now
        text = (
            f"{step.scenario}, {step.curve}: case {step.done + 1} of {step.total}, "
            f"{step.fraction:.0%}"
        )
        if self._live:
            sys.stderr.write("\r\x1b[2K" + ("" if ended else f"\x1b[2m… {text}\x1b[0m"))
        else:
            sys.stderr.write(f"... {text}\n")
        sys.stderr.flush()
