"""The full runs of `methexis reverse`, and the page and picture made of them.

``python -m evidence.reverse [--only NAME]`` measures the scenarios at the seeds that stand in their
files and writes ``evidence/results/irreversibility/NAME.json``; with ``--render`` it only turns
these files into docs/irreversibility.md, docs/images/irreversibility.png and a table of numbers.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evidence.outcome import RESULTS
from evidence.scenario_files import (
    NUMBERS,
    ROOT,
    carry_out,
    finished,
    numbers_with,
    origin,
    read_summary,
)
from methexis.plots import style
from methexis.report.reversing import figures
from methexis.report.reversing.text import print_reversal, rounded
from methexis.scenarios.irreversibility import REVERSALS, ReverseScenarioResult, run_reverse
from methexis.scenarios.irreversibility.records import Point

FOLDER = RESULTS / "irreversibility"
IMAGES = ROOT / "docs" / "images"

INTRODUCTION = """# What does not return

Take steps of SGD, then the same steps backward on the same samples, last first. What does not
return has a prediction without fitted parameters ([theory.md](theory.md), §5.10), which is exact as
the learning rate η goes to 0 at a fixed time T = ηn, n the number of steps in each direction.
Measurements are ensembles of walks at five learning rates, extrapolated to zero. This page is
written by `make docs` from the files in `evidence/results/irreversibility`, which are written by
`make evidence`. Dial values, problems, seeds, learning rates, numbers of replicas and the powers of
each fit stand in `src/methexis/scenarios/irreversibility`, fixed before the runs. Every point is a
row, outliers too. `methexis reverse NAME` repeats a scenario, `--seed 1` with other random numbers,
and writes a page with figures.

How to read it. A displacement of the weights is a vector. Its part *along the minima* is the one
in which L does not change to second order, *across* the rest of the predicted one; from elsewhere
it is taken along the prediction. Both are over η. "±" is half of a 95 % interval, from the spread
of replicas after variates of mean zero are subtracted (5.27). *σ* is measured less predicted over
its standard error, as a standard normal number, made independent between the parts of a case. χ²
sums their squares over a dial, and is to be compared with the number of points; *p* is how often a
right theory does worse.
*Others* sums over all directions of the space of weights in which nothing is predicted, *plain*
repeats χ² with nothing subtracted from the means. *Signal* is the median over points of the
prediction in standard errors of the measurement. Exact descent and integrators are deterministic:
there the unit of *σ* is what the last power of the fit changes, and χ² has no chance in it. A
batch of all samples is deterministic too: predicted zero, shown, and not counted in χ².

![What does not return against steps, for SGD, descent and flow](images/irreversibility.png)

The first problem at ηλ = 0.01, λ the largest curvature at the start. Dashed: predicted, to leading
order. Below, what should return: gradient flow by integrators of rising order, and descent on all
samples from a minimum, drawn at the lower edge since it returns exactly.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and write; 0 if every scenario agrees with theory, else 1."""
    return carry_out(
        arguments,
        program="python -m evidence.reverse",
        description=__doc__,
        registry=REVERSALS,
        folder=FOLDER,
        work=measured,
        render=render,
    )


def measured(name: str) -> bool:
    """Measure one scenario and write its file; whether it agrees with theory."""
    made = run_reverse([REVERSALS[name]], command=f"python -m evidence.reverse --only {name}")
    return finished(made, FOLDER, lambda one: print_reversal(one.results[0], rows=True))


def read(name: str) -> tuple[dict[str, Any], ReverseScenarioResult]:
    """A file, and the result in it."""
    summary = read_summary(FOLDER, name)
    return summary, ReverseScenarioResult.read(REVERSALS[name], summary["scenarios"][0])


def render() -> None:
    """Write the page, the picture and the table of docs/numbers.md."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
    with style.house_style():
        figure = figures.overview(read("steps")[1], width=900, height=560).draw()
        figure.savefig(IMAGES / "irreversibility.png", dpi=160, metadata={"Software": None})


def pages() -> dict[Path, str]:
    """Text of every page that shows these results."""
    found = {name: read(name) for name in REVERSALS}
    block = table([result for _, result in found.values()])
    parts = [INTRODUCTION, "## Summary\n", block]
    for name, (summary, result) in found.items():
        parts += _section(name, summary, result)
    texts = {ROOT / "docs" / "irreversibility.md": "\n".join(parts)}
    return texts | {NUMBERS: numbers_with("irreversibility", block)}


def table(results: Sequence[ReverseScenarioResult]) -> str:
    """Markdown of all verdicts."""
    lines = [
        "| dial | way | χ² | points | p | largest σ | others: χ² | p | plain: χ² | p | signal "
        "| agrees |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        dial = result.scenario.dial
        ends = f"{dial.symbol}: {dial.label(dial.values[0])} … {dial.label(dial.values[-1])}"
        for v in result.verdicts:
            others = f"{v.rest_chi2:.0f} / {v.rest_dof} | {v.rest_p:.2g}" if v.rest_dof else " | "
            plain = f"{v.raw_chi2:.1f} | {v.raw_p:.2g}" if v.rest_dof else " | "
            signal = f"{v.signal:.0f}" if v.rest_dof else ""
            lines.append(
                f"| {ends} | {v.curve} | {v.chi2:.1f} | {v.dof} | {v.p_value:.2g} | "
                f"{v.largest:+.1f} | {others} | {plain} | {signal} | "
                f"{'yes' if v.agrees else '**no**'} |"
            )
    return "\n".join(lines) + "\n"


def _section(name: str, summary: dict[str, Any], result: ReverseScenarioResult) -> list[str]:
    scenario = result.scenario
    outliers = sum(len(v.outliers) for v in result.verdicts)
    law = f"; law of charges kept within {result.law:.1g} on every walk" if result.law > 0.0 else ""
    problems = "; ".join(f"{k + 1}: {words}" for k, words in enumerate(scenario.problems))
    parts = [
        f"## {scenario.title}\n",
        f"{scenario.claim} {scenario.limit}\n",
        f"{origin(summary)}; points beyond 3 σ: {outliers}{law}. Problems {problems}.\n",
    ]
    rows = [
        f"| {scenario.dial.symbol} | way | problem | part | predicted | measured | σ |",
        "|---|---|---|---|---|---|---|",
    ]
    rows += [_row(result, p) for p in result.points]
    return [*parts, "\n".join(rows) + "\n"]


def _row(result: ReverseScenarioResult, p: Point) -> str:
    predicted, measured, half = rounded(p)
    return (
        f"| {result.scenario.dial.label(p.value)} | {p.curve} | {p.problem + 1} | {p.part} | "
        f"{predicted} | {measured} ± {half} | {p.deviation:+.2f} |"
    )


if __name__ == "__main__":
    raise SystemExit(main())
