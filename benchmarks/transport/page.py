"""docs/translation-benchmarks.md and two tables, from benchmarks/results/transport.json."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.markdown import table
from benchmarks.transport import partners, shuffled

RESULT = Path("benchmarks") / "results" / "transport.json"
PAGE = Path("docs") / "translation-benchmarks.md"
#: Ways whose top-1 docs/translation.md has.
SHORT = (partners.OURS, "procrustes", "relative", "ridge", "latentis ortho", "latentis linear")

INTRODUCTION = """# Benchmarks of translation and gauges

Written by `make docs` from `benchmarks/results/transport.json`, which `make bench-transport`
writes: real models and, in each part, all ways on the same rows in one run. Numbers are medians
over draws, with the least and the most; in each draw pairs and unseen samples are drawn anew.
Seconds are of the processor, all threads together, and hold what a way has to do to be used: the
learning in both directions and the mapping of unseen rows, of ours also the choice among maps and
the certificate.

Texts are glosses of WordNet. `l6` is all-MiniLM-L6-v2 and `l3` paraphrase-MiniLM-L3-v2, last
states, means over tokens, 384 features each; `glove` is the mean of the 50 features that GloVe has
of each of a gloss's words.
"""


def page(result: dict[str, Any]) -> str:
    """The whole page: a section for each part that was run."""
    return "\n".join([INTRODUCTION, *sections(result)])


def sections(result: dict[str, Any]) -> list[str]:
    """A section for each part that was run, with where its numbers are from."""
    return [f"{SECTIONS[name](part)}\n{_origin(part)}" for name, part in result.items()]


def _origin(part: dict[str, Any]) -> str:
    """Where the numbers of a part are from."""
    at, named = part["machine"], part["versions"]
    words = ", ".join(f"{name} {version}" for name, version in named.items())
    load = "unknown" if at["load"] is None else f"{at['load']:.1f}"
    return (
        f"{at['processor']}, {at['cores']} cores ({at['architecture']}), {at['system']}; load "
        f"before the run {load}. {words}.\n"
    )


def pairs_section(part: dict[str, Any]) -> str:
    """Two encoders, by the number of pairs."""
    return (
        "## Two encoders, from pairs\n\n"
        f"Top 1 of {part['outcome']['unseen']:,} unseen glosses, from `l6` to `l3`, by the number "
        "of pairs. *relative* has the pairs as anchors, at most 1,024; *ridge* is scikit-learn's, "
        "chosen by leaving one out; *latentis* are the translators of that package as it puts "
        "them together (`benchmarks/transport/peers/latentis_peer.py`). All compare by cosine, "
        "about the means of the pairs; ridge and latentis in standard deviations of each feature, "
        "with which they find more of `glove`, and about as much of `l3`.\n\n"
        f"{whole_table(part['outcome'], 0)}\n{_chosen(part['outcome'])}\n"
        f"Seconds, median:\n\n{seconds_table(part['outcome'])}"
    )


def vectors_section(part: dict[str, Any]) -> str:
    """An encoder and means of word vectors."""
    return (
        "## An encoder and means of word vectors\n\n"
        f"Top 1 of {part['outcome']['unseen']:,} unseen glosses, from `l6` (384 features) to "
        "`glove` (50):\n\n"
        f"{whole_table(part['outcome'], 0)}\nAnd back, from `glove` to `l6`:\n\n"
        f"{whole_table(part['outcome'], 1)}\n{_chosen(part['outcome'])}\n"
        f"Seconds, median:\n\n{seconds_table(part['outcome'])}"
    )


def whole_table(outcome: dict[str, Any], direction: int) -> str:
    """A row for each way, a column for each number of pairs."""
    counts = list(outcome["chosen"])
    rows = [
        [f"`{way}`" if way == partners.OURS else way]
        + [_span([one[direction] for one in draws[count]]) for count in counts]
        for way, draws in outcome["top1"].items()
    ]
    rows.append(["draws in which `translate` finds most", *_most(outcome, direction)])
    return table(["way", *(f"{int(count):,} pairs" for count in counts)], rows)


def _most(outcome: dict[str, Any], direction: int) -> list[str]:
    """In how many draws ours found more than every other way, by the number of pairs."""
    told = []
    for count in outcome["chosen"]:
        by_draw = zip(*(draws[count] for draws in outcome["top1"].values()), strict=True)
        most = [ours[direction] > max(o[direction] for o in others) for ours, *others in by_draw]
        told.append(f"{sum(most)} of {len(most)}")
    return told


def short_table(result: dict[str, Any]) -> str:
    """Medians of the part with two encoders, for docs/translation.md."""
    outcome = result["pairs"]["outcome"]
    ways = [way for way in SHORT if way in outcome["top1"]]
    rows = [
        [f"{int(count):,}"]
        + [_span([one[0] for one in outcome["top1"][way][count]]) for way in ways]
        for count in outcome["chosen"]
    ]
    named = [f"`{way}`" if way == partners.OURS else way for way in ways]
    return table(["pairs", *named], rows)


def summary(result: dict[str, Any]) -> str:
    """What was found beside the best of all other ways, for docs/numbers.md."""
    rows = []
    for name, direction, words in (
        ("pairs", 0, "`l6` to `l3`"),
        ("vectors", 0, "`l6` to `glove`"),
        ("vectors", 1, "`glove` to `l6`"),
    ):
        outcome = result[name]["outcome"]
        for count in outcome["chosen"]:
            middles = {
                way: statistics.median(one[direction] for one in draws[count])
                for way, draws in outcome["top1"].items()
            }
            rows.append([f"{words}, {int(count):,} pairs", *_best_other(middles, partners.OURS)])
    draws = result["shuffled"]["outcome"]
    for texts in sorted({one["texts"] for one in draws}):
        middles = {
            way: statistics.median(
                one["unseen"] or 0.0 for one in draws if (one["texts"], one["way"]) == (texts, way)
            )
            for way in dict.fromkeys(one["way"] for one in draws if one["texts"] == texts)
        }
        words = f"`l6` to `l3`, {texts:,} shuffled texts"
        rows.append([words, *_best_other(middles, shuffled.OURS)])
    return table(["partners found", "methexis", "the best other"], rows)


def _best_other(middles: dict[str, float], ours: str) -> list[str]:
    """Ours, and the best of the others with its name."""
    others = {way: one for way, one in middles.items() if way != ours}
    best = max(others, key=others.__getitem__, default="")
    return [f"{middles[ours]:.3f}", f"{best} {others[best]:.3f}" if best else ""]


def seconds_table(outcome: dict[str, Any]) -> str:
    """Processor seconds of each way, by the number of pairs."""
    counts = list(outcome["chosen"])
    rows = [
        [f"`{way}`" if way == partners.OURS else way]
        + [f"{statistics.median(draws[count]):.3g}" for count in counts]
        for way, draws in outcome["seconds"].items()
    ]
    return table(["way", *(f"{int(count):,} pairs" for count in counts)], rows)


def _chosen(outcome: dict[str, Any]) -> str:
    """What `translate` chose, in words."""
    told = []
    for count, kinds in outcome["chosen"].items():
        spaces: dict[str, int] = {}
        for _, space in kinds:
            spaces[space] = spaces.get(space, 0) + 1
        words = ", ".join(f"{space} {number}" for space, number in sorted(spaces.items()))
        told.append(f"{int(count):,} pairs: {words}")
    return f"Common spaces that `translate` chose, by draws: {'; '.join(told)}.\n"


def shuffled_section(part: dict[str, Any]) -> str:
    """Two encoders without any pair."""
    settings = part["settings"]
    return (
        "## Two encoders, without pairs\n\n"
        "Both sides have the same texts in orders that nobody knows, and the second is turned at "
        "random. `translate_unpaired` is told that the texts are the same (`shared=True`). The "
        "others are given cosine similarities of the same rows: Gromov-Wasserstein is POT's, with "
        "squared differences, by conditional gradients and with an entropy of "
        f"{shuffled.ENTROPY:g}, which was the best of three in another draw; FAQ is SciPy's "
        "quadratic assignment. Each row's partner is where most of its mass is, and the best "
        "rotation of these pairs maps unseen texts. They take the cube of the number of rows, so "
        "they are not given more.\n\n"
        f"{shuffled_table(part['outcome'])}\n"
        f"*Given*: share of the given texts whose partner is found. *Unseen*: top 1 of "
        f"{settings['unseen']:,} other texts. *Found*: draws of which the certificate says so; the "
        "others have none.\n"
    )


def shuffled_table(outcomes: Sequence[dict[str, Any]]) -> str:
    """A row for each way and number of texts."""
    groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for one in outcomes:
        groups.setdefault((one["texts"], one["way"]), []).append(one)
    rows = []
    for (texts, way), draws in groups.items():
        shares = [
            _span([one[kind] for one in draws if one[kind] is not None])
            for kind in ("given", "unseen")
        ]
        ours = way == shuffled.OURS
        said = f"{sum(bool(one['found']) for one in draws)} of {len(draws)}" if ours else ""
        seconds = f"{statistics.median(one['seconds'] for one in draws):.3g}"
        rows.append([f"`{way}`" if ours else way, f"{texts:,}", *shares, said, seconds])
    return table(["way", "texts", "given", "unseen", "found", "s"], rows)


def gauge_section(part: dict[str, Any]) -> str:
    """Interfaces of real models."""
    return (
        "## Gauges of real models\n\n"
        "`mx.interfaces` of each, with its proofs: the largest change of the outputs, relative to "
        f"the largest output, under random elements of any interface ({part['settings']['seeds']} "
        "of each), and the least where only the first array changes, without which a small change "
        "would prove nothing. *In a group*: share of the parameters on which a group acts; "
        "*not used*: that did not run on the batch, such as the half of silero-vad that is for "
        "sound of 8 kHz; *accounted for*: those, or there is another reason why no group "
        "does.\n\n"
        f"{gauge_table({'gauge': part})}\n{_groups(part['outcome'])}"
    )


def gauge_table(result: dict[str, Any]) -> str:
    """A row for each model and precision."""
    outcomes = result["gauge"]["outcome"]
    head = [
        "model", "precision", "parameters", "interfaces", "in a group", "not used", "accounted for",
        "largest change", "least control", "s",
    ]  # fmt: skip
    rows = [
        [
            one["model"],
            one["dtype"],
            f"{one['parameters']:,}",
            f"{sum(group['interfaces'] for group in one['groups'].values()):,}",
            f"{one['inside']:.2%}",
            f"{one['unused']:.2%}",
            f"{one['accounted']:.2%}",
            f"{one['change']:.1e}",
            f"{one['control']:.1e}",
            f"{one['seconds']:.3g}",
        ]
        for one in outcomes
    ]
    return table(head, rows)


def _groups(outcomes: Sequence[dict[str, Any]]) -> str:
    """Interfaces of each model by group, once per model."""
    firsts: dict[str, dict[str, Any]] = {}
    for one in outcomes:
        firsts.setdefault(one["model"], one)
    rows = [
        [model, group, str(count["interfaces"]), f"{count['spaces']:,}", f"{count['dimension']:,}"]
        for model, one in firsts.items()
        for group, count in one["groups"].items()
    ]
    head = ["model", "group", "interfaces", "spaces", "continuous parameters"]
    lines = table(head, rows).splitlines(keepends=True)
    lines[1] = "| --- | --- | ---: | ---: | ---: |\n"
    return "".join(lines)


def _span(values: Sequence[float]) -> str:
    """The median with the least and the most."""
    if not values:
        return ""
    middle, least, most = (f"{f(values):.3f}" for f in (statistics.median, min, max))
    return middle if least == most else f"{middle} ({least} … {most})"


SECTIONS = {
    "pairs": pairs_section,
    "vectors": vectors_section,
    "shuffled": shuffled_section,
    "gauge": gauge_section,
}
