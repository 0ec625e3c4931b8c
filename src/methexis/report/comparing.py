"""`write_compare_report`: what is aligned with what, how sure that is, and by how much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from methexis.measures import Grid
from methexis.report import heat, neighbour_curve, numbers, style
from methexis.report.labels import labels, said
from methexis.report.page import Page
from methexis.representations import Representations
from methexis.scenarios.comparing.result import CompareResult
from methexis.scenarios.comparing.wanted import widest

#: Most rows of a table that stand in the page unfolded, and at all.
_MOST_ROWS = 400
#: Signs of a layer's name in a table of pairs; longer ones are shortened.
_NAME = 20
#: Where there are p-values, and no permutations to correct them with.
UNCORRECTED = "p is not corrected for the search without permutations; holm needs none"


def write_compare_report(result: CompareResult, out_dir: str | Path) -> Path:
    """Write the report of `run_compare`.

    Parameters
    ----------
    result : CompareResult
        What was found.
    out_dir : path
        Folder; made if missing. It receives ``report.html``, which needs no other file, and every
        figure as PDF in ``figures/``.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    out = Path(out_dir)
    page = Page(out / "report.html", out / "figures")
    names = (result.first.names, result.second.names)
    forest = False
    with style.house_style():
        if result.single:
            figure = heat.effects(result.found)
            forest = figure is not None
            if figure is not None:
                page.add("effects", figure, "Effect of every measure, with interval and chance")
        for key, pairs in zip(keys(result), result.found, strict=True):
            if pairs.curve is not None:
                figure = neighbour_curve.falling(pairs.curve)
                page.add(key, figure, f"{pairs.measure.title} over the number of samples")
            if result.single:
                continue
            title = pairs.measure.title
            if 1 in pairs.score.shape:
                one_first = pairs.score.shape[0] == 1
                figure = heat.along(
                    pairs,
                    names[1 if one_first else 0],
                    of="B" if one_first else "A",
                    alpha=result.settings.alpha,
                )
                page.add(key, figure, f"{title} along the layers, with chance level")
            else:
                figure = heat.shades(
                    pairs, names, itself=result.itself, alpha=result.settings.alpha
                )
                page.add(key, figure, f"{title} of all pairs of layers")
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
        forest=forest,
        sections=[
            _section(key, pairs, result)
            for key, pairs in zip(keys(result), result.found, strict=True)
        ],
        alpha=f"{result.settings.alpha:.2g}",
        percent=f"{100 * result.settings.alpha:.3g} %",
        preprocessing=steps(result),
        uncorrected=UNCORRECTED,
        provenance=_provenance(result),
    )


def keys(result: CompareResult) -> list[str]:
    """Names of the figures: those of the measures, numbered where one comes twice."""
    names = [pairs.measure.name for pairs in result.found]
    return [
        name if names.count(name) == 1 else f"{name}_{i}" for i, name in enumerate(names, start=1)
    ]


def steps(result: CompareResult) -> str:
    """What was done to the features before, in words."""
    found = result.summary()["preprocessing"]
    words = []
    if found["clip_quantile"] is not None:
        words.append(f"clipped at the {100 * found['clip_quantile']:g} % quantile of |entries|")
    if found["centre"]:
        words.append("columns centred")
    if found["normalise"]:
        words.append("rows scaled to length one")
    return ", ".join(words) or "none"


def probability(p: float) -> str:
    """Write a p-value; below a ten-thousandth its size is of no interest.

    Examples
    --------
    >>> probability(0.0123), probability(3e-9), probability(1.0), probability(float("nan"))
    ('.012', '< 1e-4', '1', '–')
    """
    if np.isnan(p):
        return "–"
    if p < 1e-4:
        return "< 1e-4"
    text = f"{p:.2g}" if p >= 0.001 else f"{p:.4f}"
    return text.removeprefix("0") if text != "0" else text


def decimals(value: float, least: int = 3) -> str:
    """Write a score, an effect or a chance level.

    Examples
    --------
    >>> decimals(0.41234), decimals(-0.00041), decimals(123.456), decimals(float("inf"))
    ('0.412', '0.000', '123', '∞')
    """
    if not np.isfinite(value):
        return "–" if np.isnan(value) else ("∞" if value > 0 else "−∞")
    text = f"{value:.{least}f}" if abs(value) < 10 else f"{value:.3g}"
    if not text.strip("-0."):
        return text.lstrip("-")  # no minus before a zero
    return text.replace("-", "−")


def sigmas(z: float) -> str:
    """Write a distance from chance in standard deviations."""
    if np.isnan(z):
        return "–"
    return (f"{z:+.1f}" if abs(z) < 100 else f"{z:+.3g}").replace("-", "−")


def best_rows(pairs: Grid, result: CompareResult) -> list[dict[str, Any]]:
    """For each layer of A the layer of B that is most aligned with it."""
    rows = []
    for i, j in enumerate(pairs.better()):
        if not (result.itself and i == j and len(result.first) > 1):
            rows.append(row(pairs, result, i, j))
    return rows


def digits(pairs: Grid) -> int:
    """Decimals with which scores and chance levels are written.

    Two digits of the null's standard deviation, three at least and seven at most.
    """
    spread = pairs.null_sd[np.isfinite(pairs.null_sd) & (pairs.null_sd > 0)]
    if not len(spread):
        return 3
    return int(np.clip(np.ceil(-np.log10(np.median(spread))) + 1, 3, 7))


def row(pairs: Grid, result: CompareResult, i: int, j: int) -> dict[str, Any]:
    """One pair of layers in words."""
    places = digits(pairs)
    return {
        "first": result.first.names[i],
        "second": result.second.names[j],
        "score": decimals(pairs.score[i, j], places),
        "chance": decimals(pairs.null_mean[i, j], places),
        "sd": decimals(pairs.null_sd[i, j], places),
        "z": sigmas(pairs.z[i, j]),
        "p": probability(pairs.p[i, j]),
        "corrected": probability(pairs.p_corrected[i, j]),
        "effect": decimals(pairs.effect[i, j]),
        "weak": bool(pairs.weak(result.settings.alpha)[i, j]),
    }


def _section(key: str, pairs: Grid, result: CompareResult) -> dict[str, Any]:
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
        "range": f"{decimals(low, 0)} … {decimals(high, 0)}",
        "distance": measure.distance,
        "invariances": ", ".join(widest(measure)),
        "reference": measure.reference,
        "null": pairs.null,
        "correction": pairs.correction[0].upper() + pairs.correction[1:],
        "notes": list(pairs.notes),
        "best": best_rows(pairs, result),
        "all": [row(pairs, result, i, j) for i, j in cells] if len(cells) <= _MOST_ROWS else [],
        "count": len(cells),
        "significant": int((pairs.significant(result.settings.alpha) & counted).sum()),
        "tested": int(counted.sum()),
        "effects": bool(np.isfinite(pairs.effect).any()),
        "uncorrected": not counted.any() and bool(np.isfinite(pairs.p).any()),
        "line": 1 in pairs.score.shape,
        "one": row(pairs, result, 0, 0),
        "interval": interval(pairs),
        "curve": curve(pairs),
        "num_subsets": pairs.curve.num_subsets if pairs.curve else 0,
        "confidence": f"{single.confidence:.0%}" if single else "",
    }


def interval(pairs: Grid) -> str:
    """Bootstrap interval of a single pair in words; a dash where the measure has none."""
    if pairs.single is None or not np.isfinite(pairs.single.ci[0]):
        return "–"
    return " to ".join(decimals(end, digits(pairs)) for end in pairs.single.ci)


def curve(pairs: Grid) -> str:
    """How the score depends on the numbers of samples and neighbours; empty where not known."""
    if pairs.curve is None:
        return ""
    return neighbour_curve.in_words(pairs.curve, pairs.measure.options()["k"])


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
        ("preprocessing", f"{settings.preprocessing}: {steps(result)}"),
        ("computed in", ", ".join(sorted({pairs.precision for pairs in result.found}))),
        ("null", settings.null),
        ("correction", "; ".join(dict.fromkeys(pairs.correction for pairs in result.found))),
        ("seed", str(settings.seed)),
        ("version", summary["version"]),
        ("libraries", ", ".join(f"{k} {v}" for k, v in summary["libraries"].items())),
        ("machine", ", ".join(f"{k} {v}" for k, v in summary["machine"].items())),
        ("seconds", f"{result.seconds:.2f}"),
    ]
