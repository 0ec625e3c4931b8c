"""`write_compare_report`: what is aligned with what, how sure that is, and by how much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from methexis.measures import Grid
from methexis.plots.labels import labels, said
from methexis.report.comparing import words
from methexis.report.comparing.figures import figures
from methexis.report.house import numbers
from methexis.report.house.page import Page
from methexis.representations import Representations
from methexis.scenarios.comparing.answer import Answer
from methexis.scenarios.comparing.result import CompareResult
from methexis.scenarios.comparing.wanted import widest

#: Most rows of a table that stand in the page unfolded, and at all.
_MOST_ROWS = 400
#: Signs of a layer's name in a table of pairs; longer ones are shortened.
_NAME = 20


def write_compare_report(result: CompareResult, path: str | Path) -> Path:
    """Write the report of `run_compare`.

    Parameters
    ----------
    result : CompareResult
        What was found.
    path : path
        Where to, as `write_report` takes it.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    page = Page.at(path)
    pictures = list(figures(result))
    page.draw(pictures)
    short_a, rule_a = labels(result.first.names, _NAME)
    short_b, rule_b = labels(result.second.names, _NAME)
    return page.write(
        "compare.html.j2",
        titles=result.titles,
        first=_model(result.first),
        second=None if result.itself else _model(result.second),
        short_a=dict(zip(result.first.names, short_a, strict=True)),
        short_b=dict(zip(result.second.names, short_b, strict=True)),
        rule=said(rule_a, rule_b, itself=result.itself),
        single=result.single,
        itself=result.itself,
        forest=any(picture.name == "effects" for picture in pictures),
        conclusion=result.conclusion,
        size=words.size(result),
        num_samples=result.num_samples,
        items=result.items is not None,
        limits=words.limits(result),
        next_steps=words.next_steps(result),
        sections=[
            _section(key, pairs, answer, result)
            for key, pairs, answer in zip(
                words.keys(result), result.found, result.answers, strict=True
            )
        ],
        over_samples=[
            {
                "key": f"{key}_samples",
                "title": curve.title,
                "said": curve.conclusion,
                "rows": words.over_samples(curve, result),
            }
            for key, curve in zip(words.keys(result), result.curves, strict=False)
        ],
        alpha=f"{result.settings.alpha:.2g}",
        percent=f"{100 * result.settings.alpha:.3g} %",
        preprocessing=words.steps(result),
        uncorrected=words.UNCORRECTED,
        left_out=list(result.left_out),
        provenance=_provenance(result),
    )


def _section(key: str, pairs: Grid, answer: Answer, result: CompareResult) -> dict[str, Any]:
    measure = pairs.measure
    counted = pairs.counted()
    rows, columns = pairs.score.shape
    cells = [
        (i, j)
        for i in range(rows)
        for j in range(columns)
        if not result.itself or (i < j if measure.symmetric else i != j)
    ]
    low, high = measure.range
    single = pairs.single
    return {
        "key": key,
        "title": measure.title,
        "options": ", ".join(f"{k} = {v}" for k, v in measure.options().items()) or "none",
        "range": f"{words.decimals(low, 0)} … {words.decimals(high, 0)}",
        "distance": measure.distance,
        "invariances": ", ".join(widest(measure)),
        "reference": measure.reference,
        "null": pairs.null,
        "correction": pairs.correction[0].upper() + pairs.correction[1:],
        "top": words.row(pairs, result, *answer.place)["score"],
        "where": words.pair_named(result, answer),
        "sentence": answer.sentence,
        "levels": words.levels(pairs, answer),
        "set": words.members(answer),
        "sure": words.sure(pairs, result),
        "ranked": answer.ranking is not None,
        "best": words.best_rows(pairs, result),
        "all": [words.row(pairs, result, i, j) for i, j in cells]
        if len(cells) <= _MOST_ROWS
        else [],
        "count": len(cells),
        "significant": int((pairs.significant(result.settings.alpha) & counted).sum()),
        "tested": int(counted.sum()),
        "effects": bool(np.isfinite(pairs.effect).any()),
        "uncorrected": not counted.any() and bool(np.isfinite(pairs.p).any()),
        "line": 1 in pairs.score.shape,
        "one": words.row(pairs, result, 0, 0),
        "interval": words.interval(pairs),
        "curve": words.curve(pairs),
        "scales": pairs.scales.said(result.settings.alpha) if pairs.scales is not None else "",
        "num_subsets": pairs.curve.num_subsets if pairs.curve else 0,
        "confidence": f"{single.confidence:.0%}" if single else "",
    }


def _model(model: Representations) -> dict[str, Any]:
    return {
        "name": model.name,
        "path": model.path,
        "samples": model.num_samples,
        "layers": [
            {
                "name": layer.name,
                "source": layer.source,
                "shape": " × ".join(numbers.count(n) for n in layer.shape),
                "dtype": layer.given,
                "notes": "; ".join(layer.notes),
            }
            for layer in model
        ],
        "left_out": list(model.left_out),
    }


def _provenance(result: CompareResult) -> list[tuple[str, str]]:
    summary = result.summary()
    settings = result.settings
    return [
        ("command", summary["command"]),
        ("preprocessing", f"{settings.preprocessing}: {words.steps(result)}"),
        ("computed in", ", ".join(sorted({pairs.precision for pairs in result.found}))),
        ("null", settings.null),
        ("correction", "; ".join(dict.fromkeys(pairs.correction for pairs in result.found))),
        ("seed", str(settings.seed)),
        ("version", summary["version"]),
        ("libraries", ", ".join(f"{k} {v}" for k, v in summary["libraries"].items())),
        ("machine", ", ".join(f"{k} {v}" for k, v in summary["machine"].items())),
        ("seconds", f"{result.seconds:.2f}"),
    ]
