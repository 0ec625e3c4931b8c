"""docs/explain-calibration.md, from the files that `evidence.explain` wrote."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from evidence.explain_laws import LAWS
from methexis.explaining.ladder import RUNGS
from methexis.explaining.verdict import (
    DOUBT,
    LEAST,
    LEVEL,
    MATERIAL,
    MOST_OPTIMISM,
    NOTHING,
)

ORDER = (NOTHING, *RUNGS)
UNKNOWN = "cannot tell"
#: What is asked: how often the rung is named, how often a wrong or an unneeded one at most.
ASKED, WRONG = 0.95, 0.05

Draws = list[dict[str, Any]]

INTRODUCTION = """# Explain: how often it names what is there

Pairs of which the rung is known, drawn anew each time. Written by
`python -m evidence.explain --render` from the files in `evidence/results/explain`, which
`python -m evidence.explain` writes; laws, strengths, sizes and seeds stand in
`evidence/explain_laws.py` and `evidence/explain.py` and were fixed before these draws. The
mathematics is in [explain.md](explain.md).

"""
#: What is not whole yet, or of other code than this; empty once all is measured.
MEASURED = "The size *wide* is begun: as many draws as its table says, of 200 that are asked for."


def page(stored: Callable[[str, str], Draws], sizes: dict[str, tuple[int, int]]) -> str:
    """The page.

    `stored` gives the draws of a case at a size; `sizes` the samples and features of each size.
    """
    parts = [INTRODUCTION, _paragraph(MEASURED) if MEASURED else "", _paragraph(_thresholds())]
    for size, (n, d) in sizes.items():
        found = {name: stored(name, size) for name in LAWS}
        found = {name: draws for name, draws in found.items() if draws}
        if found:
            parts += [_heading(size, n, d), _summary(found), _cases(found), _confusion(found)]
        else:
            parts += [_heading(size, n, d), "Not run yet.\n\n"]
    return "".join(parts) + _laws()


def _thresholds() -> str:
    return (
        f"Thresholds, chosen on other seeds (`--pilot`): a gain matters from {MATERIAL:.0%} of "
        f"what the best rung explains, at a level of {LEVEL:.0%}; it must exceed {DOUBT:g} of the "
        f"optimism beyond that; optimism above {MOST_OPTIMISM:.0%} of the variance is too few "
        f"samples; nothing is shared if the best rung explains less than {LEAST:.0%}, or no rung "
        "more than chance of samples left out. *Right* is "
        "how often the rung of the law is named; *cannot tell* is no wrong answer; *unneeded* is a "
        "larger rung than the law's. The *oracle* decides by the same rule from the best maps of "
        "the population, which it knows."
    )


def _heading(size: str, n: int, d: int) -> str:
    planted = "; planted pairs have 48 and 40 features" if size != "wide" else ""
    return f"## {size.capitalize()}: {n:,} samples, {d} features{planted}\n\n"


def _named(draws: Draws) -> Counter[str]:
    return Counter(one["rung"] or UNKNOWN for one in draws)


def _summary(found: dict[str, Draws]) -> str:
    """How many of the required cases are named as often as asked, and how many claims are wrong."""
    asked = {name: draws for name, draws in found.items() if LAWS[name].required}
    right = sum(
        _named(draws)[LAWS[name].truth] >= ASKED * len(draws) for name, draws in asked.items()
    )
    every = sum(map(len, asked.values()))
    wrong = sum(_wrong(name, draws) for name, draws in asked.items())
    more = sum(_unneeded(name, draws) for name, draws in asked.items())
    return _paragraph(
        f"**{right} of {len(asked)} cases that are asked for are named in at least {ASKED:.0%}; "
        f"of all {every:,} draws {wrong / every:.1%} name a wrong rung, {more / every:.1%} one "
        f"that is not needed** (asked: at most {WRONG:.0%})."
    )


def _wrong(name: str, draws: Draws) -> int:
    named = _named(draws)
    return len(draws) - named[LAWS[name].truth] - named[UNKNOWN]


def _unneeded(name: str, draws: Draws) -> int:
    least = ORDER.index(LAWS[name].truth)
    return sum(one["rung"] is not None and ORDER.index(one["rung"]) > least for one in draws)


def _cases(found: dict[str, Draws]) -> str:
    lines = [
        "| case | rung | draws | right | cannot tell | wrong | unneeded | oracle | explained "
        "| seconds |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, draws in found.items():
        law, count = LAWS[name], len(draws)
        named = _named(draws)
        oracle = [one["oracle"] == law.truth for one in draws if "oracle" in one]
        rung = law.truth if law.truth != NOTHING else "linear"
        share = np.mean([one["shares"][rung] for one in draws])
        seconds = np.median([one["seconds"] for one in draws])
        right = f"{named[law.truth] / count:.1%}"
        if law.required and named[law.truth] < ASKED * count:
            right = f"**{right}**"
        cells = [
            name if law.required else f"{name} (not asked for)",
            law.truth,
            f"{count}",
            right,
            f"{named[UNKNOWN] / count:.1%}",
            f"{_wrong(name, draws) / count:.1%}",
            f"{_unneeded(name, draws) / count:.1%}",
            f"{np.mean(oracle):.1%}" if oracle else "–",
            f"{share:.1%}",
            f"{seconds:.2f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    note = (
        "*Explained*: the share of variance of samples left out that the law's rung explains, the "
        "mean. *Seconds*: of one core, the median; the machine was busy."
    )
    return "\n".join(lines) + "\n\n" + _paragraph(note)


def _confusion(found: dict[str, Draws]) -> str:
    """Rungs that are there by rungs that are named, over the cases that are asked for."""
    counts: dict[str, Counter[str]] = {}
    for name, draws in found.items():
        if LAWS[name].required:
            counts.setdefault(LAWS[name].truth, Counter()).update(_named(draws))
    columns = [*ORDER, UNKNOWN]
    lines = [
        "| there, named: | " + " | ".join(columns) + " |",
        "|---|" + "--:|" * len(columns),
    ]
    for truth in ORDER:
        if truth in counts:
            cells = [
                f"**{counts[truth][one]}**" if one == truth else str(counts[truth][one] or "")
                for one in columns
            ]
            lines.append(f"| {truth} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\n"


def _laws() -> str:
    lines = ["## The laws\n"]
    lines += [f"- *{name}* ({law.truth}): {law.words}" for name, law in LAWS.items()]
    lines.append("")
    lines.append(
        _paragraph(
            "Of planted pairs (`mx.measures.planted_pair`) the rung follows from the second "
            "moments of the population: a gauge is weights along principal directions to within "
            "0.1 % to 1.2 % of the variance at strengths of 0.3 to 1, because the spectra are "
            f"steep, so at {MATERIAL:.0%} it is no general linear map; another teacher is a "
            "rotation with private dimensions to within 1.3 %."
        )
    )
    return "\n".join(lines)


def _paragraph(text: str) -> str:
    filled = textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)
    return filled + "\n\n"
