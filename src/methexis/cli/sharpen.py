"""``methexis sharpen``: curvature along SGD, predicted and measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from methexis import report, scenarios
from methexis.cli import staged
from methexis.cli.progress import LiveLine
from methexis.cli.staged import Force, Json, Listing, Out, Seed

if TYPE_CHECKING:
    from methexis.scenarios import SharpenResult
    from methexis.scenarios.framework.runner import Step
    from methexis.scenarios.sharpening import Case


def sharpen(
    case: Annotated[
        str | None, typer.Argument(help="A case, or all; --list names them.", show_default=False)
    ] = None,
    names: Listing = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Two learning rates: seconds, a look.")
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
    request = staged.Request("sharpen", "case", case, names, quick, seed, out, force, as_json)
    line = LiveLine()

    def progress(step: Step) -> None:
        at = step.at
        line(f"{step.part}: step {at.step:,} of {at.steps:,}", ended=step.ended)

    def measure(wanted: list[Case]) -> SharpenResult:
        return scenarios.run_sharpen(
            wanted,
            quick=quick,
            seed=seed,
            command=request.command,
            show=progress,
            finished=None if as_json else report.print_case,
        )

    staged.carry_out(
        request,
        scenarios.CASES,
        chosen=scenarios.chosen_cases,
        measure=measure,
        write=report.write_sharpen_report,
        show=report.print_sharpen,
        agrees=lambda result: result.passed,
    )
