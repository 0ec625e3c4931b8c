"""``methexis reverse``: what does not return when steps are retraced, predicted and measured."""

from __future__ import annotations

from typing import Annotated

import typer

from methexis import report, scenarios
from methexis.cli import staged
from methexis.cli.staged import Force, Json, Listing, Out, Seed


def reverse(
    name: Annotated[
        str | None,
        typer.Argument(help="A scenario, or all; --list names them.", show_default=False),
    ] = None,
    names: Listing = False,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A quick look, in seconds: one problem, two learning rates."),
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
    staged.carry_out(
        staged.Request("reverse", name, names, quick, seed, out, force, as_json),
        scenarios.REVERSALS,
        scenarios.run_reverse,
        told=lambda step: f"{step.part}, {step.curve}: {step.fraction:.0%}",
        finished=lambda one, alone: report.print_reversal(one, rows=alone),
        write=report.write_reverse_report,
        show=report.print_reverse,
    )
