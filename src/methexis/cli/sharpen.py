"""``methexis sharpen``: curvature along SGD, predicted and measured."""

from __future__ import annotations

from typing import Annotated

import typer

from methexis import report, scenarios
from methexis.cli import staged
from methexis.cli.staged import Force, Json, Listing, Out, Seed


def sharpen(
    case: Annotated[
        str | None, typer.Argument(help="A case, or all; --list names them.", show_default=False)
    ] = None,
    names: Listing = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="A quick look, in seconds: two learning rates.")
    ] = False,
    seed: Seed = 0,
    out: Out = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Predict how curvature changes along SGD, and measure it.

    The force that aligns networks also moves trace and largest eigenvalue of the Hessian, up or
    down. Each case is trained by SGD and compared with slow dynamics from the same start.

    Example: methexis sharpen one-force --quick --out my-sharpening
    """
    staged.carry_out(
        staged.Request("sharpen", case, names, quick, seed, out, force, as_json),
        scenarios.CASES,
        scenarios.run_sharpen,
        told=lambda step: f"{step.part}: step {step.at.step:,} of {step.at.steps:,}",
        finished=lambda one, alone: report.print_case(one),
        write=report.write_sharpen_report,
        show=report.print_sharpen,
    )
