"""What a plain page says of each kind of result, in a sentence, and which table it shows.

Nothing here computes anything but what a sentence needs. What a result says of itself at a prompt
is said here as well, so that a page and a prompt agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis.core.layers.axes import AxisAlignment
from methexis.core.layers.geometry import LayerAlignment
from methexis.display import Table, told
from methexis.explaining import Explanation, Explanations
from methexis.measures import (
    MDS,
    RDM,
    Closer,
    Comparison,
    Grid,
    GroupComparison,
    Levels,
    ModelComparison,
    NeighbourCurve,
    NeighbourScales,
    NoiseCeiling,
    NullMoments,
    PlantedPair,
    PowerLaw,
    Ranking,
    SearchCurve,
    Streamed,
)
from methexis.measures import Plan as MeasurePlan
from methexis.measures.dropin.calibrated_similarity import Calibrated
from methexis.measures.inference.all_pairs.grid import Best
from methexis.measures.inference.paired.levels import Between, Level
from methexis.measures.inference.printing import percent, probability, rounded
from methexis.plots.replicas import middle
from methexis.probes import Element, Interface, LayerList, LayerOutput, Turned
from methexis.probes.canonical import Canonical
from methexis.probes.interfaces import Interfaces
from methexis.report.house import numbers
from methexis.representations import Representation, Representations
from methexis.theory import AdaptiveMinimum, FixedPoint, PlatonicSolution, Relaxation
from methexis.theory.path import SlowPath
from methexis.training.prediction.predicted import Predicted
from methexis.transport import (
    Certificate,
    Matches,
    Translation,
    UnpairedCertificate,
    UnpairedTranslation,
    Worth,
)


@dataclass(frozen=True)
class Kind:
    """How a plain page presents one kind of result."""

    title: str
    sentence: Callable[[Any], str]
    table: Callable[[Any], Table | None] | None = None  # its own by default
    caption: str = ""  # of its picture, if it has one


def _grid_rows(grid: Grid) -> Table:
    """All pairs, a row for each: more can be read from it than from a square of scores."""
    head = ("first", "second", "score", "chance", "p corrected", "effect")
    first, second = (list(map(str, grid.data[f"layer_{side}"].values)) for side in "ab")
    corrected = np.asarray(grid.data["p_corrected"])
    rows = [
        (a, b, *(float(v[i, j]) for v in (grid.score, grid.null_mean, corrected, grid.effect)))
        for i, a in enumerate(first)
        for j, b in enumerate(second)
    ]
    return head, rows


def _joined(names: Sequence[str]) -> str:
    """Both sides of a pair; one alone where the other has no name."""
    return " and ".join(name for name in names if name)


def _ranked_rows(ranking: Ranking) -> Table:
    """All pairs, the most aligned first."""
    head = ("pair", "score", "effect", "low", "high", "may be best")
    order = np.argsort(-ranking.effects, kind="stable")
    numbers_of = np.column_stack([ranking.scores, ranking.effects, ranking.intervals])
    rows = [
        (_joined(ranking.labels[k]), *numbers_of[k].tolist(), "yes" if ranking.in_set[k] else "no")
        for k in order
    ]
    return head, rows


def _closer_rows(closer: Closer) -> Table:
    head = ("with", "score")
    return head, list(zip(closer.names[1:], closer.scores, strict=True))


def _level_rows(levels: Levels) -> Table:
    head = ("level", "score", "low", "high", "how it was had")
    return head, [(one.name, one.score, *one.ci, one.words) for one in levels.marks]


def _subject_rows(ceiling: NoiseCeiling) -> Table:
    rows = zip(ceiling.lower_by_subject, ceiling.upper_by_subject, strict=True)
    return ("subject", "lower", "upper"), [(k, *row) for k, row in enumerate(rows)]


def _group_rows(comparison: GroupComparison) -> Table:
    lower = comparison.ceiling.lower_by_subject
    rows = zip(comparison.scores, lower, strict=True)
    return ("subject", "score", "lower ceiling"), [(k, *row) for k, row in enumerate(rows)]


def _certified(certificate: Certificate) -> str:
    """What is predicted and found, and whether that is more than chance."""
    allowed = [
        word
        for word, is_so in (("predict", certificate.predicts), ("match", certificate.matches))
        if is_so
    ]
    a, b = certificate.names
    return (
        f"Between {a} and {b} {_both(certificate.worth.share)} of the variance is predicted and "
        f"{_both(certificate.worth.top1)} of partners are found; they "
        + (f"{' and '.join(allowed)} better than by chance." if allowed else "are not translated.")
    )


def _both(shares: tuple[float, float]) -> str:
    """Shares of both directions."""
    return f"{percent(shares[0])} and {percent(shares[1])}"


def _layer_rows(model: Representations) -> Table:
    rows = [(one.name, one.source, told(one.shape), one.given) for one in model]
    return ("layer", "read from", "samples and features", "numbers"), rows


def _spectrum_rows(solution: PlatonicSolution) -> Table:
    scales = enumerate(zip(solution.layer_scales, solution.layer_entropy, strict=False), start=1)
    return ("hidden layer", "scale a²", "entropy"), [(i, *map(float, row)) for i, row in scales]


def _record_rows(path: SlowPath) -> Table:
    """Medians over replicas at few times."""
    worst, entropy = (middle(v.reshape(len(v), -1)) for v in (path.worst_pair(), path.entropy()))
    places = np.unique(np.linspace(0, len(path.slow_time) - 1, 12).round().astype(int))
    rows = [(float(path.slow_time[k]), float(worst[k]), float(entropy[k])) for k in places]
    return ("slow time τ", "worst pair", "entropy S"), rows


def _predicted_rows(prediction: Predicted) -> Table | None:
    """Medians of the worst pair at few steps, where there is a path; else what is said of each."""
    if prediction.reason:
        return prediction._table()
    worst = middle(prediction.worst_pair())
    places = np.unique(np.linspace(0, len(prediction.steps) - 1, 12).round().astype(int))
    rows = [
        (numbers.count(int(prediction.steps[k])), float(prediction.slow_time[k]), float(worst[k]))
        for k in places
    ]
    return ("step", "slow time τ", "worst pair"), rows


def _surveyed(grid: Grid) -> str:
    said = str(grid).replace("\n", "; ")
    return said[0].upper() + said[1:]


def _compared(comparison: Comparison) -> str:
    return str(comparison).replace("\n", " ")


def _from_to(path: SlowPath) -> str:
    ends = middle(path.worst_pair().reshape(len(path.slow_time), -1))
    return (
        f"Theory predicts that over slow time {numbers.number(float(path.slow_time[-1]), 3)} the "
        f"alignment of the least aligned pair of layers goes from "
        f"{numbers.alignment(float(ends[0]))} to {numbers.alignment(float(ends[-1]))}."
    )


def _falls(relaxation: Relaxation) -> str:
    return (
        f"The slowest deviation from the Platonic point falls by e in "
        f"{numbers.count(round(relaxation.slowest_steps))} steps."
    )


def _rests(end: FixedPoint) -> str:
    turning = any(np.abs(rotation).max(initial=0.0) > 0.0 for rotation in end.rotations)
    what = "a point that turns steadily" if turning else "a point at rest"
    return (
        f"Slow dynamics ends at {what}, to a relative speed of {end.error:.1g}; the slowest "
        f"deviation falls by e in slow time {numbers.number(end.slowest_time, 3)}."
    )


def _privileged(end: AdaptiveMinimum) -> str:
    return (
        f"The least potential is {numbers.number(end.potential, 4)}, reached at the universal "
        f"kernel of rank {len(end.singular_values)} with one neuron for each mode."
    )


def _least(solution: PlatonicSolution) -> str:
    entropy, layer, sharpness = (
        numbers.number(float(value), 5)
        for value in (solution.entropy, solution.layer_entropy[0], solution.sharpness)
    )
    return (
        f"The minima of least entropy have S = {entropy}, of which every layer carries {layer}; "
        f"their largest Hessian eigenvalue is {sharpness}."
    )


def _group(comparison: GroupComparison) -> str:
    low, high = comparison.ci
    lower, upper = comparison.ceiling.lower, comparison.ceiling.upper
    below = comparison.score < lower
    ceiling = (
        f"below a noise ceiling of {rounded(lower)} to {rounded(upper)}"
        if below
        else f"and the noise ceiling begins at {rounded(lower)}"
    )
    return (
        f"The model scores {rounded(comparison.score)} on average over {len(comparison.scores)} "
        f"subjects ({comparison.confidence:.0%} interval {rounded(low)} to {rounded(high)}, "
        f"{probability('p', comparison.p)}), {ceiling}."
    )


_DRAWN_PAIRS = (
    "Shares of the variance predicted and of partners found, of samples not seen, against the "
    "number of pairs; lines across are controls."
)
_DRAWN_PATH = "Every replica faint, their median in dashes; over slow time."
#: Every kind of result without a page of its own.
KINDS: dict[type, Kind] = {
    Comparison: Kind(
        "Two representations",
        _compared,
        caption="The score with its interval, beside chance and the levels that it is read by.",
    ),
    Grid: Kind(
        "Pairs of representations",
        _surveyed,
        _grid_rows,
        "Darker is more aligned, from chance to identical; along one layer, the band is chance. "
        "Struck out or hollow: not significant at 5 % after correction.",
    ),
    Best: Kind(
        "The most aligned pair",
        lambda r: (
            f"{r.layer_a} and {r.layer_b} score {rounded(r.score)}, "
            f"{probability('corrected p', r.p)}."
        ),
    ),
    Closer: Kind(
        "Which is closer?",
        str,
        _closer_rows,
        "Both scores, with half of the interval of their difference to each side: they overlap "
        "unless one is closer.",
    ),
    Ranking: Kind(
        "Which are the most aligned?",
        str,
        _ranked_rows,
        "Pairs in order, with intervals that hold for all of them together; filled: pairs that may "
        "be the most aligned.",
    ),
    Levels: Kind(
        "Levels of a comparison",
        lambda r: (
            f"A score is read between {r.headline.below} and {r.headline.above}: it lies at "
            f"{rounded(r.headline.share)} of the way."
        ),
        _level_rows,
        "The levels with their intervals, and the score as a line across them.",
    ),
    Level: Kind("A level", lambda r: f"{r.name} scores {rounded(r.score)}."),
    Between: Kind(
        "Between two levels",
        lambda r: f"The score lies at {rounded(r.share)} of the way from {r.below} to {r.above}.",
    ),
    NullMoments: Kind(
        "A score by chance",
        lambda r: f"Of rows paired at random it is {rounded(r.mean)} ± {rounded(r.sd)}.",
    ),
    NeighbourCurve: Kind(
        "Mutual neighbours over numbers of samples",
        lambda r: (
            f"Mutual kNN from {numbers.count(min(r.ns))} to {numbers.count(max(r.ns))} "
            "samples; a score holds for one number of samples and of neighbours alone."
        ),
        caption="Mean scores over random subsets, a line for each number of neighbours; dotted: "
        "chance.",
    ),
    NeighbourScales: Kind(
        "Mutual neighbours over scales",
        lambda r: f"{r.said()[0].upper()}{r.said()[1:]}.",
        caption="Score over numbers of neighbours, with chance and two of its deviations.",
    ),
    SearchCurve: Kind(
        "The most aligned pair over numbers of samples",
        lambda r: f"{r.conclusion}.",
        caption="Best score at each number of samples, what it would need after the search for it, "
        "chance, and the score of the pair that is best of all samples.",
    ),
    NoiseCeiling: Kind(
        "Noise ceiling",
        lambda r: (
            f"The best model of {r.num_subjects} subjects could score between "
            f"{rounded(r.lower)} and {rounded(r.upper)} on average ({r.comparison})."
        ),
        _subject_rows,
    ),
    GroupComparison: Kind(
        "A model and several subjects",
        _group,
        _group_rows,
        "The mean score with its interval over subjects, which are the points; the band is the "
        "noise ceiling.",
    ),
    ModelComparison: Kind(
        "Models and several subjects",
        lambda r: r.conclusion,
        caption="The mean score of every model with its interval over subjects, which are the "
        "points; the band is the noise ceiling.",
    ),
    RDM: Kind(
        "Dissimilarities of all pairs",
        lambda r: (
            f"Dissimilarities of {numbers.count(r.num_samples)} conditions in pairs "
            f"({r.dissimilarity})."
        ),
        caption="Darker pairs are less alike.",
    ),
    MDS: Kind(
        "Multidimensional scaling",
        lambda r: (
            f"{numbers.count(len(r.points))} conditions, placed so that their distances are "
            "as those of the RDM as far as two dimensions allow."
        ),
        caption="Conditions as points; near ones are alike.",
    ),
    LayerList: Kind(
        "Layers of a model",
        lambda r: f"{numbers.count(len(r))} outputs of layers can be probed.",
    ),
    LayerOutput: Kind("The output of a layer", lambda r: f"{r.name} gives one output."),
    Explanation: Kind(
        "Which map takes one to the other?",
        lambda r: r.sentence,
        caption="The share of variance that each kind of map explains of samples left out, with "
        "its interval; filled: the kind that is needed.",
    ),
    Explanations: Kind(
        "Which map takes each to each?",
        lambda r: r.sentence,
        caption="Darker: a linear map explains more. The letter is the kind of map that is needed.",
    ),
    Interfaces: Kind(
        "Where the maps of a model meet",
        lambda r: (
            f"{numbers.count(len(r))} interfaces were found, on which {percent(r.share)} of "
            f"{numbers.count(r.num_parameters)} parameters lie; a random change of each moves "
            f"outputs by at most {r.change:.0e} of their largest."
        ),
        caption="How far outputs move under a random element of each interface's group.",
    ),
    Canonical: Kind(
        "A model in canonical gauge",
        lambda r: r.sentence,
        caption="How far each interface is from balance, sweep by sweep.",
    ),
    Turned: Kind(
        "One interface in canonical gauge",
        lambda r: (
            f"At {r.name} the gap went from {r.gaps[0]:.1e} to {r.gaps[-1]:.1e} of both traces."
        ),
    ),
    Interface: Kind(
        "Where two maps meet",
        lambda r: (
            f"At {r.name} the group {r.group} of {r.size} coordinates leaves the function alone: a "
            f"random element moves outputs by {r.change:.0e} of their largest."
        ),
    ),
    Element: Kind("An element of a group", lambda _: "It changes coordinates where maps meet."),
    Translation: Kind("A translation", lambda r: r.sentence, caption=_DRAWN_PAIRS),
    UnpairedTranslation: Kind("A translation without pairs", lambda r: r.sentence),
    UnpairedCertificate: Kind(
        "What supports a translation without pairs",
        lambda r: (
            f"It would find an estimated {percent(r.top1)} of partners among "
            f"{numbers.count(r.candidates)} rows."
        ),
    ),
    Certificate: Kind("What a translation is worth", _certified, caption=_DRAWN_PAIRS),
    Worth: Kind(
        "What maps are worth",
        lambda r: (
            f"From {numbers.count(r.pairs)} pairs {_both(r.share)} of the variance is "
            f"predicted, and {_both(r.top1)} of partners are found."
        ),
    ),
    Matches: Kind(
        "Partners in the common space",
        lambda r: f"{numbers.count(len(r))} samples were matched.",
    ),
    PowerLaw: Kind(
        "Power law of an eigenspectrum",
        lambda r: (
            f"Eigenvalues fall as k to the power of −{rounded(r.exponent)} between ranks "
            f"{r.window[0]} and {r.window[1]} of {r.num_directions}."
        ),
    ),
    PlantedPair: Kind(
        "Two representations with a planted cause",
        lambda r: (
            f"By “{r.cause}” at strength {r.strength:g} their alignment over the whole "
            f"population is {rounded(r.alignment)}."
        ),
    ),
    Streamed: Kind("Scores of one pass", lambda r: str(r).replace("\n", "; ") + "."),
    MeasurePlan: Kind("How a measure is computed", lambda r: f"{r.measure.title}: {r}."),
    Calibrated: Kind(
        "A calibrated similarity",
        lambda r: f"Calibrated, it is {rounded(r.score)} ({probability('p', r.p)}).",
    ),
    LayerAlignment: Kind(
        "Alignment of two layers",
        lambda r: (
            f"Their Gram matrices have the cosine {numbers.alignment(r.cosine)}; 1 means "
            "that one layer is a rotated and scaled copy of the other."
        ),
    ),
    Representation: Kind(
        "A representation",
        lambda r: (
            f"{r.name} has {numbers.count(r.shape[1])} features of "
            f"{numbers.count(r.shape[0])} samples."
        ),
    ),
    Representations: Kind(
        "Representations of a model",
        lambda r: f"{r.name} has {len(r)} layers of {numbers.count(r.num_samples)} samples.",
        _layer_rows,
    ),
    PlatonicSolution: Kind("Platonic solution", _least, _spectrum_rows),
    Relaxation: Kind("Relaxation", _falls),
    FixedPoint: Kind("Where slow dynamics ends", _rests),
    AxisAlignment: Kind(
        "Neurons matched one to one",
        lambda a: (
            f"Neurons matched one to one, with signs, have cosine {numbers.number(a.cosine, 3)}; "
            f"after a rotation the layers have {numbers.number(a.rotation_cosine, 3)}."
        ),
    ),
    AdaptiveMinimum: Kind("Least potential of an adaptive rule", _privileged),
    SlowPath: Kind("A path that theory predicts", _from_to, _record_rows, _DRAWN_PATH),
    Predicted: Kind("What theory predicts for a run", str, _predicted_rows, _DRAWN_PATH),
}
