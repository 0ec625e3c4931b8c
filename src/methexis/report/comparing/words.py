"""What page and terminal say alike of a comparison: scores, p-values, intervals, pairs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from methexis.measures import Grid, NeighbourCurve, SearchCurve
from methexis.measures.inference.printing import percent
from methexis.representations import Representations
from methexis.scenarios.comparing.answer import Answer
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
    done = result.summary()["preprocessing"]
    words = []
    if done["clip_quantile"] is not None:
        words.append(f"clipped at the {100 * done['clip_quantile']:g} % quantile of |entries|")
    if done["centre"]:
        words.append("columns centred")
    if done["normalise"]:
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
    """A row for each layer of A, with the layer of B that is most aligned with it."""
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


def levels(pairs: Grid, answer: Answer) -> list[dict[str, str]]:
    """What the score is read against, from chance to ceiling, with the score among them."""
    if answer.levels is None:
        return []
    places = digits(pairs)
    level_rows = []
    for one in answer.levels.marks:
        low, high = (decimals(end, places) for end in one.ci)
        level_rows.append(
            {
                "name": one.name,
                "score": decimals(one.score, places),
                "interval": f"{low} to {high}" if np.isfinite(one.ci[0]) else "–",
                "words": one.words,
                "share": _share(answer, one.name),
            }
        )
    return level_rows


def _share(answer: Answer, name: str) -> str:
    """How far the score is from a level to the ceiling."""
    assert answer.levels is not None
    for one in answer.levels.between:
        if one.below == name:
            if np.isnan(one.share):
                return "not to be told"
            ends = ""
            if np.isfinite(one.ci[0]):
                low, high = percent(one.ci[0], unit=False), percent(one.ci[1])
                ends = f" ({low} to {high})"
            return f"{percent(one.share)}{ends}"
    return ""


def pair_named(result: CompareResult, answer: Answer) -> str:
    """The most aligned pair."""
    i, j = answer.place
    return f"{result.first.names[i]} with {result.second.names[j]}"


def members(answer: Answer) -> str:
    """The pairs that may be the most aligned, in words; empty where that is not known."""
    order = answer.ranking
    if order is None:
        return ""
    names = [" with ".join(part for part in one if part) for one in order.members]
    if len(names) == 1:
        return f"{names[0]} is ahead of all {len(order.labels) - 1} others"
    if len(names) == len(order.labels):
        return f"none of {len(names)} pairs is ahead of the others"
    told = _by_first(order.members)
    return f"{len(names)} of {len(order.labels)} may be the most aligned: {told}"


def _by_first(pairs: Sequence[tuple[str, str]], most: int = 8) -> str:
    """Pairs, those of one layer together: "a with 1, 2; b with 2", and how many more."""
    partners: dict[str, list[str]] = {}
    for one, other in pairs[:most]:
        partners.setdefault(one, []).append(other)
    more = f" and {len(pairs) - most} more" if len(pairs) > most else ""
    if any(not all(pair) for pair in pairs):  # one layer along many
        return ", ".join("".join(pair) for pair in pairs[:most]) + more
    return "; ".join(f"{one} with {', '.join(all_)}" for one, all_ in partners.items()) + more


def sure(pairs: Grid, result: CompareResult) -> str:
    """How many pairs are beyond chance, and how that was corrected; empty without p."""
    counted = pairs.counted()
    tested = int(counted.sum())
    if not tested:
        return UNCORRECTED if np.isfinite(pairs.p).any() else ""
    count = int((pairs.significant(result.settings.alpha) & counted).sum())
    level = f"{100 * result.settings.alpha:.3g} %"
    return f"{count} of {tested} pairs significant at {level} ({pairs.correction})"


def size(result: CompareResult) -> str:
    """How many samples, and how wide layers are."""

    def widths(model: Representations) -> str:
        sizes = sorted(layer.shape[1] for layer in model)
        return f"{sizes[0]:,}" if sizes[0] == sizes[-1] else f"{sizes[0]:,} to {sizes[-1]:,}"

    many = f"{result.num_samples:,} samples" if result.sample is None else str(result.sample)
    if result.items is not None:
        rows = [len(side) for side in result.items.labels]
        many = f"{result.num_samples:,} items with {rows[0]:,} rows of A and {rows[1]:,} of B"
    text = f"{many[0].upper()}{many[1:]}; layers {'' if result.itself else 'of A '}"
    text += f"have {widths(result.first)} features"
    return text if result.itself else f"{text}, those of B {widths(result.second)}"


def limits(result: CompareResult) -> list[str]:
    """What limits the answer: samples, widths, single samples, and notes, each cause once."""
    n = result.num_samples
    reasons: list[str] = []
    wide = [
        f"{name} of {side}" if not result.itself else name
        for side, model in (("A", result.first), ("B", result.second))[: 1 if result.itself else 2]
        for name, layer in zip(model.names, model, strict=True)
        if layer.shape[1] >= n and not layer.dissimilarities
    ]
    if wide:
        named = _listed(wide)
        reasons.append(
            f"{named} {'has' if len(wide) == 1 else 'have'} as many features as there are samples "
            f"({n:,}) or more: scores by chance are high, except of debiased measures"
        )
    for pairs, answer in zip(result.found, result.answers, strict=True):
        heavy = [(row, share) for row, share in answer.movers if share > MOVED]
        if heavy:
            rows = ", ".join(f"{row} ({percent(share)})" for row, share in heavy)
            reasons.append(
                f"{pairs.measure.title}: few samples make much of its variance, row "
                f"{rows}; look at them, or take them out on both sides"
            )
        if answer.why_not:
            reasons.append(
                f"{pairs.measure.title}: which pair is the most aligned has no certainty: "
                f"{answer.why_not}"
            )
    return reasons + causes(result)


#: Share of a score's variance from which on one sample is named.
MOVED = 0.2


def causes(result: CompareResult) -> list[str]:
    """Notes of all measures, each cause once, with the layers that have it."""
    labels = sorted({layer.source for model in (result.first, result.second) for layer in model},
                    key=len, reverse=True)  # fmt: skip
    grouped: dict[str, list[tuple[str, str]]] = {}
    for pairs in result.found:
        for note in pairs.notes:
            label = next((one for one in labels if note.startswith(one)), "")
            rest = note[len(label) :]
            kind = re.sub(r"[\d.,]+", "#", rest)
            grouped.setdefault(kind, []).append((label, rest))
    sentences = []
    for many in grouped.values():
        label, rest = many[0]
        others = list(dict.fromkeys(one for one, _ in many if one and one != label))
        more = f" (likewise {_listed(others)})" if others else ""
        sentences.append(f"{label}{rest}{more}")
    return sentences


def next_steps(result: CompareResult) -> list[str]:
    """What to do next, by what was found."""
    advice = []
    if not result.settings.references and result.items is None:
        advice.append(
            "Give a level that means something: --reference untrained=PATH, the same architecture "
            "before training, or --reference input=PATH"
        )
    apart = [a.ranking for a in result.answers if a.ranking is not None]
    if any(one.in_set.sum() > 1 for one in apart):
        advice.append("More samples tell apart the pairs that may be the most aligned")
    if any(_level_with_ceiling(answer) for answer in result.answers):
        advice.append(
            "The level below and the ceiling are not apart: take a measure that tells them apart, "
            "such as mutual_knn, or more samples"
        )
    advice.append("Which of two models is closer to a third: mx.closer(a, b, c)")
    return advice


def _level_with_ceiling(answer: Answer) -> bool:
    """Whether the level below is known, and cannot be told from the ceiling."""
    if answer.levels is None:
        return False
    low = answer.levels.named(answer.levels.headline.below)
    return bool(np.isnan(answer.levels.headline.share) and np.isfinite(low.score))


def _listed(names: Sequence[str], most: int = 3) -> str:
    """Names, of many the first."""
    if len(names) <= most:
        return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


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


#: What an interval is from, by `Comparison.interval`; ``{}`` is how many.
_WAYS = {
    "bootstrap": "{} resamples",
    "halves": "{} halves",
    "jackknife": "each of {} samples left out",
    "groups": "each of {} groups of samples left out",
    "few": "the spread of {} resamples",
    "none": "",
}


def interval_from(pairs: Grid) -> str:
    """What the interval of a single pair is from."""
    one = pairs.single
    return "" if one is None else _WAYS[one.interval].format(one.num_bootstrap)


def chance_from(pairs: Grid) -> str:
    """What the chance level of a single pair is from."""
    one = pairs.single
    if one is None or one.null == "none":
        return ""
    if one.null == "moments":
        return "exact moments"
    whole = f", {one.num_whole} of them whole" if one.null == "regression" else ""
    return f"{one.num_permutations} permutations{whole}"


def interval(pairs: Grid) -> str:
    """Interval of a single pair in words; a dash where the measure has none."""
    if pairs.single is None or not np.isfinite(pairs.single.ci[0]):
        return "–"
    return " to ".join(decimals(end, digits(pairs)) for end in pairs.single.ci)


def over_samples(curve: SearchCurve, result: CompareResult) -> list[dict[str, str]]:
    """The most aligned pair at each number of samples, in words."""
    models = result.first, result.second
    layers = {layer.source: layer.name for model in models for layer in model}
    spread = np.abs(curve.needed - curve.chance)
    known = spread[np.isfinite(spread) & (spread > 0.0)]
    places = int(np.clip(np.ceil(-np.log10(known.min())) + 1, 3, 7)) if len(known) else 3
    return [
        {
            "n": f"{n:,}",
            "score": decimals(curve.scores[k], places),
            "needed": decimals(curve.needed[k], places),
            "chance": decimals(curve.chance[k], places),
            "corrected": probability(curve.p[k]),
            "followed": decimals(curve.followed[k], places),
            "pair": " with ".join(_layer_name(label, layers) for label in curve.best[k]),
        }
        for k, n in enumerate(curve.ns)
    ]


def _layer_name(label: str, layers: dict[str, str]) -> str:
    """The name of a layer from the label that tells its file."""
    if label in layers:
        return layers[label]
    return label[label.rfind("(") + 1 : -1] if label.endswith(")") else label


def curve(pairs: Grid) -> str:
    """How the score depends on the numbers of samples and neighbours; empty where not known."""
    if pairs.curve is None:
        return ""
    return in_words(pairs.curve, pairs.measure.options()["k"])


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
    sentence = f"k = {k}: {scores}"
    limit, (low, high) = curve.limits[place], curve.limit_intervals[place]
    if np.isfinite(limit) and np.isfinite(low):
        share = k / curve.ns[0]
        sentence += (
            f"; at the fixed share k/n = {_short(share)} more samples would give {_short(limit)} "
            f"({_short(low)} to {_short(high)})"
        )
    return sentence


def _short(value: float) -> str:
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1).replace("-", "−")
