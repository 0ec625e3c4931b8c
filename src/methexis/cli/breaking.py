"""``methexis break``: what breaks perfect alignment, each way predicted and measured."""

from __future__ import annotations

from typing import Annotated

import typer

from methexis import report, scenarios
from methexis.cli import staged
from methexis.cli.staged import Force, Json, Listing, Out, Seed


def break_(
    name: Annotated[
        str | None,
        typer.Argument(help="A scenario, or all; --list names them.", show_default=False),
    ] = None,
    names: Listing = False,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A quick look, in seconds: one problem, few learning rates."),
    ] = False,
    seed: Seed = 0,
    out: Out = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Turn a dial that breaks the theorem; predict how far alignment falls, and measure it.

    A scenario is a dial, a prediction without fitted parameters and a measurement by ensembles of
    networks trained by SGD. The whole of it, extrapolated over learning rates, takes minutes.

    Example: methexis break sampling --quick --out my-break
    """
    staged.carry_out(
        staged.Request("break", name, names, quick, seed, out, force, as_json),
        scenarios.SCENARIOS,
        scenarios.run_break,
        told=lambda step: (
            f"{step.part}, {step.curve}: case {step.done + 1} of {step.total}, {step.fraction:.0%}"
        ),
        finished=lambda one, alone: report.print_scenario(one, rows=alone),
        write=report.write_break_report,
        show=report.print_break,
    )
