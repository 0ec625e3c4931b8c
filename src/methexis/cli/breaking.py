"""``methexis break``: what breaks perfect alignment, each way predicted and measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from methexis import report, scenarios
from methexis.cli import staged
from methexis.cli.progress import LiveLine
from methexis.cli.staged import Force, Json, Listing, Out, Seed

if TYPE_CHECKING:
    from methexis.scenarios import BreakResult
    from methexis.scenarios.breaking import Case, Scenario, Step


def break_(
    name: Annotated[
        str | None,
        typer.Argument(help="A scenario, or all; --list names them.", show_default=False),
    ] = None,
    names: Listing = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="One problem, few learning rates: seconds, a look.")
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
    request = staged.Request("break", "scenario", name, names, quick, seed, out, force, as_json)
    line = LiveLine()

    def progress(step: Step) -> None:
        line(
            f"{step.part}, {step.curve}: case {step.done + 1} of {step.total}, {step.fraction:.0%}",
            ended=step.ended,
        )

    def measure(wanted: list[Scenario[Case]]) -> BreakResult:
        return scenarios.run_break(
            wanted,
            quick=quick,
            seed=seed,
            command=request.command,
            show=progress,
            finished=None
            if as_json
            else lambda one: report.print_scenario(one, rows=len(wanted) == 1),
        )

    staged.carry_out(
        request,
        scenarios.SCENARIOS,
        chosen=scenarios.chosen,
        measure=measure,
        write=report.write_break_report,
        show=report.print_break,
        agrees=lambda result: result.agrees,
    )
