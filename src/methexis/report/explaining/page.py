"""`write_explain_report`: which maps take one representation to the other, and what they leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from methexis.explaining import drawing
from methexis.explaining.explanation import Explanation
from methexis.explaining.job import ExplainResult
from methexis.plots.panel import Picture
from methexis.report.explaining import words
from methexis.report.house.page import Page

#: Most pairs that stand in the page.
_MOST_PAIRS = 400
#: Signs of a layer's name in the table of pairs; longer ones are shortened.
_NAME = 20


def write_explain_report(result: ExplainResult, path: str | Path) -> Path:
    """Write the report of `run_explain`.

    Parameters
    ----------
    result : ExplainResult
        What was found.
    path : path
        Where to, as `write_report` takes it.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    page = Page.at(path)
    page.draw(figures(result))
    best = result.single or result.found.best()
    every = list(result.found.pairs.values())
    rows, columns, rule = words.short_names(result, _NAME)
    return page.write(
        "explain.html.j2",
        heading=_heading(result),
        conclusion=result.conclusion,
        single=result.single is not None,
        best=_pair(best),
        pairs=[_line(one, rows, columns) for one in every[:_MOST_PAIRS]],
        rule=rule,
        count=len(every),
        samples=result.first.num_samples,
        provenance=_provenance(result),
    )


def figures(result: ExplainResult) -> Iterator[Picture]:
    """The ladder of the pair, or of the one of which most is explained; and all pairs."""
    best = result.single or result.found.best()
    panel = drawing.panel(best.rungs, best.rung, best.possible)
    yield Picture("ladder", panel, "Share of variance explained by each kind of map")
    if result.single is None:
        drawn = replace(result.found._picture(), height=420)
        yield Picture("pairs", drawn, "The kind of map that each pair of layers needs")


def _heading(result: ExplainResult) -> str:
    if result.itself:
        return f"Layers of {result.first.name}, explained by each other"
    return f"{result.first.name} and {result.second.name}, explained"


def _pair(explanation: Explanation) -> dict[str, Any]:
    return {
        "names": explanation.names,
        "sentence": explanation.sentence,
        "needed": words.TITLES[explanation.rung] if explanation.rung else "cannot be told",
        "rungs": words.rungs(explanation),
        "sides": words.sides(explanation),
        "shared": explanation.shared,
        "ancestry": words.ancestry(explanation),
        "ancestor": explanation.ancestry is not None and explanation.ancestry.shared,
        "movers": words.movers(explanation),
        "notes": explanation.notes,
        "material": f"{100 * explanation.material:g} %",
        "linear": words.share(explanation.rung_named("linear").share),
    }


def _line(
    explanation: Explanation, rows: Mapping[str, str], columns: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "names": (rows[explanation.names[0]], columns[explanation.names[1]]),
        "needed": words.TITLES[explanation.rung] if explanation.rung else "cannot be told",
        "linear": words.share(explanation.rung_named("linear").share),
        "shared": explanation.shared,
        "private": [one.private for one in explanation.sides],
        "ancestry": explanation.ancestry is not None and explanation.ancestry.shared,
    }


def _provenance(result: ExplainResult) -> list[tuple[str, str]]:
    summary = result.summary()
    return [
        ("command", summary["command"]),
        ("preprocessing", result.settings.preprocessing),
        (
            "gain that matters",
            f"{100 * result.settings.material:g} % of what the best map explains",
        ),
        ("seed", str(result.settings.seed)),
        ("version", summary["version"]),
        ("libraries", ", ".join(f"{k} {v}" for k, v in summary["libraries"].items())),
        ("machine", ", ".join(f"{k} {v}" for k, v in summary["machine"].items())),
        ("seconds", f"{result.seconds:.2f}"),
    ]
