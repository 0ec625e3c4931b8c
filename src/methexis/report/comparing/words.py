"""What page and terminal say alike of a comparison: scores, p-values, intervals, pairs."""

from __future__ import annotations

from typing import Any

import numpy as np

from methexis.measures import Grid, NeighbourCurve
from methexis.scenarios.comparing.result import CompareResult

#: Where there are p-values, and no permutations to correct them with.
UNCORRECTED = "p is not corrected for the search without permutations; holm needs none"


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


def interval(pairs: Grid) -> str:
    """Bootstrap interval of a single pair in words; a dash where the measure has none."""
    if pairs.single is None or not np.isfinite(pairs.single.ci[0]):
        return "–"
    return " to ".join(decimals(end, digits(pairs)) for end in pairs.single.ci)


def curve(pairs: Grid) -> str:
    """How the score depends on the numbers of samples and neighbours; empty where not known."""
    if pairs.curve is None:
        return ""
    return in_words(pairs.curve, pairs.measure.options()["k"])


def cell(value: float, span: float = 1.0) -> str:
    """Write a score so that a column of them can be compared.

    Examples
    --------
    >>> cell(0.4321), cell(-0.031), cell(-0.001), cell(1.0), cell(12.345, 20.0), cell(float("nan"))
    ('.43', '-.03', '.00', '1.0', '12.3', '–')
    """
    if not np.isfinite(value):
        return "–"
    if span > 2.0:
        return f"{value:.3g}"
    text = f"{value:.2f}".replace("-0.00", "0.00")
    if text.lstrip("-").startswith("0."):
        return text.replace("0.", ".", 1)
    return f"{value:.1f}"


def in_words(curve: NeighbourCurve, k: int) -> str:
    """What becomes of the score at k as samples are added, in one sentence.

    Examples
    --------
    >>> x, y = np.random.default_rng(0).normal(size=(2, 240, 4))
    >>> from methexis.measures import neighbour_curve
    >>> in_words(neighbour_curve(x, y, ks=[5, 10], num_subsets=10), 10)[:37]
    'k = 10: .044 of 240 samples, .083 of '
    """
    place = curve.ks.index(k)
    scores = ", ".join(
        f"{_short(score)} of {n:,}{' samples' if n == curve.ns[0] else ''}"
        for n, score in zip(curve.ns, curve.scores[:, place], strict=True)
    )
    found = f"k = {k}: {scores}"
    limit, (low, high) = curve.limits[place], curve.limit_intervals[place]
    if np.isfinite(limit) and np.isfinite(low):
        share = k / curve.ns[0]
        found += (
            f"; at the fixed share k/n = {_short(share)} more samples would give {_short(limit)} "
            f"({_short(low)} to {_short(high)})"
        )
    return found


def _short(value: float) -> str:
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1).replace("-", "−")
