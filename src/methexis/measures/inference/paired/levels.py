"""Where a score lies between levels that mean something.

That a score is beyond chance says little: of real data it nearly always is, and an untrained
network has much of the geometry of its input. So a score is read between a level below and one
above.

- *chance*: rows paired at random.
- *references*: what else is compared with x, in place of y. An untrained twin of y, the raw input,
  another seed of x. The built-in one is *random features*: those of x, turned at random among all
  features with the same spectrum; they know nothing of the samples.
- *ceiling*: what the best y could score. With repetitions of x (trials, runs), the mean of one half
  of them against the mean of the other; without, one half of the units of x against the other half;
  where x has no units (an RDM, a single feature), or so few that halves of them agree less than x
  and y do, what two identical representations score, and not estimated.

The *share* is ``(score - below) / (above - below)``. All scores that enter are followed through one
resampling (`joint`), so its interval knows that they rise and fall together; it is by the delta
method. A share between two levels that cannot be told apart is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, one_of
from methexis.display import Displayed, Table
from methexis.errors import MethexisError
from methexis.measures.inference.paired.joint import Joint, joint
from methexis.measures.inference.printing import percent, short
from methexis.measures.inputs.features import Features, beside, features, to_numpy, together
from methexis.measures.inputs.naming import single
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.rdm import RDM
from methexis.measures.inputs.representations import Representation
from methexis.measures.measure import Measure
from methexis.measures.rounding import OTHER_WAY

#: Splits of units or repetitions, and draws of random features, over which a level is the mean.
NUM_SPLITS, NUM_DRAWN = 5, 10
#: The word that asks for random features, and the names of levels that nobody gives.
RANDOM, CHANCE, CEILING = "random", "chance", "ceiling"


@dataclass(frozen=True)
class Level(Displayed):
    """A score to read another by.

    Attributes
    ----------
    name : str
    kind : str
        "chance", "reference", "random" or "ceiling".
    score : float
    ci : (float, float)
        Interval for its expectation; NaN where there is none.
    words : str
        How it was had; nothing of what was given.
    estimated : bool
        Whether it was; a ceiling of 1 that nothing shows was not.
    """

    name: str
    kind: str
    score: float
    ci: tuple[float, float]
    words: str
    estimated: bool = True


@dataclass(frozen=True)
class Between(Displayed):
    """Where a score lies between two levels.

    Attributes
    ----------
    below, above : str
        Names of the levels.
    share : float
        0 at the one, 1 at the other; NaN where they cannot be told apart.
    ci : (float, float)
        Interval of the share.
    p : float
        Two-sided probability of so large a difference from the level below, were there none; NaN
        for chance, of which the comparison has its own.
    """

    below: str
    above: str
    share: float
    ci: tuple[float, float]
    p: float


@dataclass(frozen=True)
class Levels(Displayed):
    """The levels of a comparison, and where its score lies between them.

    Attributes
    ----------
    marks : tuple of Level
        Chance, then references in the order given, then the ceiling.
    between : tuple of Between
        Places of the score from each reference, and from chance last, to the ceiling.
    confidence : float
        Confidence level of all intervals.
    """

    marks: tuple[Level, ...]
    between: tuple[Between, ...]
    confidence: float

    def named(self, name: str) -> Level:
        """The level of that name.

        Raises
        ------
        MethexisError
            If there is none.
        """
        one_of("name", name, [one.name for one in self.marks])
        return next(one for one in self.marks if one.name == name)

    @property
    def headline(self) -> Between:
        """The score's place above the first reference; above chance where there is no reference."""
        return self.between[0]

    def said(self, title: str, score: float, p: float, alpha: float = 0.05) -> str:
        """One sentence that concludes, from the score, and p against chance.

        Examples
        --------
        >>> marks = (Level("chance", "chance", 0.0, (0.0, 0.0), "rows at random"),
        ...          Level("untrained", "reference", 0.2, (0.1, 0.3), ""),
        ...          Level("ceiling", "ceiling", 0.9, (0.8, 1.0), "halves of the units of A"))
        >>> between = (Between("untrained", "ceiling", 0.5, (0.4, 0.6), 0.001),)
        >>> Levels(marks, between, 0.95).said("CKA", 0.55, 0.001)  # doctest: +NORMALIZE_WHITESPACE
        'Aligned more than untrained: CKA 0.55 is 50 % (40 to 60 %) of the way from untrained (0.20)
        to the ceiling (0.90, halves of the units of A).'
        """
        headline = self.headline
        low, high = self.named(headline.below), self.named(headline.above)
        top = f"identical ({short(high.score)})"
        if high.estimated:
            top = f"the ceiling ({short(high.score)}, {high.words})"
        if np.isfinite(p) and p > alpha:
            return (
                f"Not aligned beyond chance: {title} {short(score)}, where rows paired at random "
                f"score {short(self.named(CHANCE).score)}."
            )
        if np.isnan(low.score):
            return f"{title} is {short(score)}; what {low.name} would give is not known."
        if np.isnan(high.score):
            return (
                f"Aligned beyond chance: {title} {short(score)} ({low.name} {short(low.score)}); "
                "what identical representations would score is not known."
            )
        if np.isnan(headline.share):
            return (
                f"Undecided: {title} {short(score)}, but {low.name} "
                f"({short(low.score)}) and {top} cannot be told apart."
            )
        ends = f" ({percent(headline.ci[0], unit=False)} to {percent(headline.ci[1])})"
        place = (
            f"{title} {short(score)} is {percent(headline.share)}"
            f"{ends if np.isfinite(headline.ci[0]) else ''} of the way from {low.name} "
            f"({short(low.score)}) to {top}"
        )
        if low.kind == CHANCE:
            return f"Aligned beyond chance: {place}."
        if not headline.p <= alpha:
            return f"Not aligned more than {low.name}: {place}."
        word = "more" if headline.share > 0 else "less"
        return f"Aligned {word} than {low.name}: {place}."

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {one.name: one.score for one in self.marks}
        return told | {"confidence": self.confidence}

    def _table(self) -> Table:
        """Table of where the score lies, seen from each level."""
        rows = ([b.below, b.above, b.share, b.ci, b.p] for b in self.between)
        return ["from", "to", "share", "interval", "p"], rows


def levels(
    method: Measure[Any],
    pair: tuple[Representation, Representation],
    reduced: tuple[Any, Any],
    references: Mapping[str, Representation | str],
    *,
    chance: float,
    repeats: Sequence[Features] = (),
    steps: Preprocessing | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Levels:
    """The levels of one comparison.

    Parameters
    ----------
    method : Measure
    pair : (Representation, Representation)
        Representations of both sides, checked.
    reduced : (reduced, reduced)
        And what the measure needs of them.
    references : mapping
        References by name, checked; or the word "random".
    chance : float
        The chance level; NaN where it is unknown.
    repeats : sequence of Features
        Repetitions of the first side.
    steps : Preprocessing, optional
        Steps before.
    confidence, seed
        Confidence of intervals, and seed of splits and draws.
    """
    generator = np.random.default_rng(seed)
    first, n = pair[0], pair[0].num_samples
    given = {k: one for k, one in references.items() if not isinstance(one, str)}
    halves, words = _halves(first, repeats, generator)
    pairs = [reduced, *((reduced[0], method.reduce_any(one, steps)) for one in given.values())]
    pairs += [(method.reduce_any(a, steps), method.reduce_any(b, steps)) for a, b in halves]
    joint_scores = _jointly(method, pairs, n, seed)
    which = np.eye(len(pairs))
    marks = [Level(CHANCE, CHANCE, chance, (np.nan, np.nan), "rows paired at random")]
    weights: dict[str, Array | None] = {CHANCE: None}
    for name, one in references.items():
        if isinstance(one, str):
            drawn = [_random(method, first, reduced[1], steps, generator) for _ in range(NUM_DRAWN)]
            score = float(np.mean(drawn))
            about = "features with the spectrum of A, turned at random"
            marks.append(Level(name, RANDOM, score, (np.nan, np.nan), about))
            weights[name] = None
        else:
            weights[name] = which[1 + list(given).index(name)]
            marks.append(_level(name, "reference", joint_scores, weights[name], confidence, ""))
    top = which[1 + len(given) :].mean(axis=0) if halves else None
    if top is not None and not repeats:
        reached, sign = float(top @ joint_scores.scores), -1.0 if method.distance else 1.0
        if (sign * joint_scores.scores[: 1 + len(given)]).max() > sign * reached:  # no ceiling
            top, words = None, f"identical; halves of the units of A reach {short(reached)}"
    if top is None:
        marks.append(Level(CEILING, CEILING, method.aligned, (np.nan, np.nan), words, False))
    else:
        marks.append(_level(CEILING, CEILING, joint_scores, top, confidence, words))
    placed = [
        _between(
            joint_scores,
            one,
            weights[one.name],
            marks[-1],
            top,
            confidence=confidence,
            distance=method.distance,
        )
        for one in (*marks[1:-1], marks[0])
    ]
    return Levels(tuple(marks), tuple(placed), confidence)


def checked_references(
    given: Any, x: Representation, precision: str, *, scaled: bool
) -> dict[str, Representation | str]:
    """References by name, each of the same samples as x.

    If ``scaled``, numbers that are out of range may be multiplied by a power of two.

    Raises
    ------
    MethexisError
        If one is no representation, or of other samples, or has a name that is taken.
    """
    if given is None:
        return {}
    if isinstance(given, str):
        given = {"random features": given}
    if not isinstance(given, Mapping):
        raise MethexisError(
            "references: expected representations by name, such as {'untrained': Y0}, or "
            f"'random', got {type(given).__name__}"
        )
    references: dict[str, Representation | str] = {}
    for key, one in given.items():
        name = str(key)
        if name in {CHANCE, CEILING}:
            raise MethexisError(f"references: expected another name than {name!r}, which is taken")
        if isinstance(one, str):
            if one != RANDOM:
                raise MethexisError(
                    f"references[{name!r}]: expected 'random' or an array, got {one!r}"
                )
            if isinstance(x, RDM):
                raise MethexisError(
                    f"references[{name!r}]: expected features for X, whose spectrum random "
                    "features have, got an RDM"
                )
            references[name] = one
            continue
        label = f"reference {name}"
        held = single(label, one)  # a layer that was read from a file counts as what it holds
        if isinstance(held, RDM):
            other: Representation = held.called(label, precision=precision).beside(x.array)
        else:
            other = beside(features(label, held, precision=precision, scaled=scaled), x.array)
        together(x, other)
        references[name] = other
    return references


def checked_repeats(given: Any, x: Representation, precision: str) -> list[Features]:
    """Repetitions of x, ``(num_repeats, num_samples, num_features)``.

    Raises
    ------
    MethexisError
        If there are fewer than two, or they are dissimilarities, or of other samples or widths.
    """
    if given is None:
        return []
    repeats: list[Features] = []
    members = hasattr(given, "__len__") and not isinstance(given, type)
    if getattr(given, "ndim", 3) != 3 or not members:
        raise MethexisError(
            "repeats: expected an array (num_repeats, num_samples, num_features) or a list of "
            f"arrays, got {type(given).__name__}"
        )
    for k, one in enumerate(given):
        held = single(f"repeats[{k}]", one)  # a layer that was read from a file too
        if isinstance(held, RDM):
            raise MethexisError(f"repeats[{k}]: expected features, got dissimilarities")
        other = beside(features(f"repeats[{k}]", held, precision=precision), x.array)
        together(x, other)
        if repeats and other.num_features != repeats[0].num_features:
            raise MethexisError(
                f"repeats[{k}]: expected {repeats[0].num_features} features, as in the first, got "
                f"{other.num_features}"
            )
        repeats.append(other)
    if len(repeats) < 2:
        raise MethexisError(f"repeats: expected at least 2 repetitions of X, got {len(repeats)}")
    return repeats


def _halves(
    first: Representation, repeats: Sequence[Features], generator: np.random.Generator
) -> tuple[list[tuple[Features, Features]], str]:
    """Pairs of random halves, of repetitions or of units, and in words which of both."""
    if repeats:

        def mean(places: NDArray[np.int64]) -> Features:
            return repeats[0].replaced(sum(repeats[k].array for k in places) / len(places))

        splits = [generator.permutation(len(repeats)) for _ in range(NUM_SPLITS)]
        middle = len(repeats) // 2
        return [(mean(p[:middle]), mean(p[middle:])) for p in splits], "halves of the repetitions"
    if not isinstance(first, Features) or first.num_features < 2:
        return [], "identical, not estimated"
    halves = []
    for _ in range(NUM_SPLITS):
        order, middle = generator.permutation(first.num_features), first.num_features // 2
        parts = np.sort(order[:middle]), np.sort(order[middle:])
        one, other = (first.replaced(first.array[:, part]) for part in parts)
        if _constant(one) or _constant(other):
            return [], "identical, not estimated"
        halves.append((one, other))
    return halves, "halves of the units of A"


def _constant(part: Features) -> bool:
    array = to_numpy(part.array)
    return bool((array == array[:1]).all())


def _random(
    method: Measure[Any],
    first: Representation,
    other: Any,
    steps: Preprocessing | None,
    generator: np.random.Generator,
) -> float:
    """The score of random features with the spectrum of the first."""
    assert isinstance(first, Features)
    array = np.asarray(to_numpy(first.array), dtype=np.float64)
    mean = array.mean(axis=0)
    _, sizes, directions = np.linalg.svd(array - mean, full_matrices=False)
    drawn = generator.standard_normal((len(array), len(sizes)))
    turned, _ = np.linalg.qr(drawn - drawn.mean(axis=0))
    random = mean + (turned * sizes) @ directions
    dtype, device = first.array.dtype, getattr(first.array, "device", None)
    made = first.xp.asarray(random, dtype=dtype, device=device)
    return method.score(method.reduce_any(first.replaced(made), steps), other)


def _jointly(method: Measure[Any], pairs: Sequence[Any], n: int, seed: int) -> Joint:
    """Scores together; without errors where nothing is known of how the measure varies."""
    try:
        return joint(method, pairs, num_samples=n, seed=seed)
    except MethexisError:
        scores = np.array([method.score(*pair) for pair in pairs])
        nothing = np.full((len(scores),) * 2, np.nan)
        return Joint(scores, nothing, nothing, n - 1)


def _level(
    name: str, kind: str, joint_scores: Joint, weights: Any, confidence: float, words: str
) -> Level:
    score = float(weights @ joint_scores.scores)
    reach = joint_scores.quantile(confidence) * _error(joint_scores, weights)
    return Level(name, kind, score, (score - reach, score + reach), words)


def _between(
    joint_scores: Joint,
    low: Level,
    below: Array | None,
    high: Level,
    above: Array | None,
    *,
    confidence: float,
    distance: bool,
) -> Between:
    """Where the score lies, by the delta method; a level without weights is known exactly."""
    own = np.eye(len(joint_scores.scores))[0]
    below, above = (0.0 * own if one is None else one for one in (below, above))
    reach = joint_scores.quantile(confidence)
    span, score = high.score - low.score, float(joint_scores.scores[0])
    error, apart = _error(joint_scores, own - below), _error(joint_scores, above - below)
    p = np.nan
    if low.kind != CHANCE and np.isfinite(error):
        same = abs(score - low.score) <= OTHER_WAY
        p = (
            float(joint_scores.two_sided((score - low.score) / error))
            if error > 0.0
            else float(same)
        )
    sign = -1.0 if distance else 1.0
    least = reach * apart if np.isfinite(apart) else 0.0
    if not sign * span > least:  # not above, or unknown
        return Between(low.name, high.name, np.nan, (np.nan, np.nan), p)
    share = (score - low.score) / span
    width = reach * _error(joint_scores, (own - (1.0 - share) * below - share * above) / span)
    return Between(low.name, high.name, share, (share - width, share + width), p)


def _error(joint_scores: Joint, weights: Array) -> float:
    return float(np.sqrt(joint_scores.variance(weights[None])[0]))
