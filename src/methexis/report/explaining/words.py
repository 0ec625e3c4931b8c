"""Words and numbers of an explanation, for the terminal and for the page alike."""

from __future__ import annotations

import math
from typing import Any

from methexis.explaining.explanation import Explanation
from methexis.explaining.job import ExplainResult
from methexis.explaining.rung import Rung
from methexis.explaining.sharing import Side
from methexis.measures.inference.printing import percent, probability
from methexis.plots.labels import labels, said

TITLES = {
    "identity": "the same coordinates",
    "permutation": "units in another order",
    "rotation": "a rotation",
    "reweighted": "a rotation and weights",
    "linear": "any linear map",
    "nonlinear": "a nonlinear map",
    "nothing": "nothing",
}


def short_names(result: ExplainResult, most: int) -> tuple[dict[str, str], dict[str, str], str]:
    """Labels of the layers of both models by their names, and what gives the names back."""
    rows, columns = result.found.rows, result.found.columns
    first, first_rule = labels(rows, most)
    second, second_rule = labels(columns, most)
    rule = said(first_rule, second_rule, itself=result.itself)
    return dict(zip(rows, first, strict=True)), dict(zip(columns, second, strict=True)), rule


def rungs(explanation: Explanation) -> list[dict[str, Any]]:
    """Rows of the table of rungs."""
    return [_rung(one, explanation) for one in explanation.rungs]


def _rung(one: Rung, explanation: Explanation) -> dict[str, Any]:
    low, high = one.ci
    return {
        "title": TITLES[one.name],
        "share": share(one.share),
        "interval": f"{share(low)[:-2]} to {share(high)}",
        "forward": share(one.shares[0]),
        "backward": share(one.shares[1]),
        "gain": "–" if math.isnan(one.gain) else f"{100 * one.gain:+.1f}".replace("-", "−"),
        "p": "–" if math.isnan(one.p) else probability("p", one.p).removeprefix("p "),
        "needed": one.name == explanation.rung,
        "possible": explanation.rung is None and one.name in explanation.possible,
    }


def share(value: float) -> str:
    """A share of variance in per cent; what is far below none is that."""
    if value < -1.0:
        return "below −100 %"
    return f"{100 * value:z.1f} %".replace("-", "−")


def sides(explanation: Explanation) -> list[dict[str, Any]]:
    """Rows of the table of both sides."""
    return [_side(one) for one in explanation.sides]


def _side(one: Side) -> dict[str, Any]:
    return {
        "name": one.name,
        "features": one.features,
        "rank": one.rank,
        "effective": f"{one.effective:.1f}",
        "private": one.private,
        "left": share(one.unexplained),
        "apart": ", ".join(f"{k} ({v:+.1f} σ)".replace("-", "−") for k, v in one.apart),
        "outliers": ", ".join(f"{k} ({percent(v)})" for k, v in one.outliers),
    }


def ancestry(explanation: Explanation) -> str:
    """What the order of the units says."""
    one = explanation.ancestry
    if one is None:
        return "Not asked: it takes as many units on both sides, and at least 8"
    said = "Shared" if one.shared else "Not shown"
    return (
        f"{said}: equal units correlate {one.z:.1f} standard deviations above all orders of the "
        f"units ({probability('p', one.p)}), and hold {percent(max(one.share, 0.0))} of what a "
        f"rotation aligns; by its coordinates {percent(one.top1)} of {one.samples:,} samples find "
        f"themselves, with the units shuffled {percent(one.control)}"
    ).replace(" -", " −")


def movers(explanation: Explanation) -> str:
    """Which samples carry the share of the rung."""
    if not explanation.movers:
        return ""
    named = ", ".join(f"{k} ({percent(v)})" for k, v in explanation.movers)
    return f"Samples that move the share most, with their part of its variance: {named}"
