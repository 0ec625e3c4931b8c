"""``methexis reverse``: what does not return when steps are retraced, predicted and measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from methexis import report, scenarios
from methexis.cli import staged
from methexis.cli.progress import LiveLine
from methexis.cli.staged import Force, Json, Listing, Out, Seed

if TYPE_CHECKING:
    from methexis.scenarios import ReverseResult
    from methexis.scenarios.framework.runner import Step
    from methexis.scenarios.irreversibility import Scenario


def reverse(
    name: Annotated[
        str | None,
        typer.Argument(help="A scenario, or all; --list names them.", show_default=False),
    ] = None,
    names: Listing = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="One problem, two learning rates: seconds, a look.")
    ] = False,
    seed: Seed = 0,
    out: Out = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Take steps forward, then backward on the same samples; predict and measure what is left.

    SGD does not return: each step there and back leaves twice the step of the entropic force. The
    flow returns, and so does, at a minimum, descent on the whole data set.

    Example: methexis reverse steps --quick --out my-walks
    """
    request = staged.Request("reverse", "scenario", name, names, quick, seed, out, force, as_json)
    line = LiveLine()

    def progress(step: Step) -> None:
        line(f"{step.part}, {step.curve}: {step.fraction:.0%}", ended=step.ended)

    def measure(wanted: list[Scenario]) -> ReverseResult:
        return scenarios.run_reverse(
            wanted,
            quick=quick,
            seed=seed,
            command=request.command,
            show=progress,
            finished=None
            if as_json
            else lambda one: report.print_reversal(one, rows=len(wanted) == 1),
        )

    staged.carry_out(
        request,
        scenarios.REVERSALS,
        chosen=scenarios.chosen_reversals,
        measure=measure,
        write=report.write_reverse_report,
        show=report.print_reverse,
        agrees=lambda result: result.agrees,
    )
