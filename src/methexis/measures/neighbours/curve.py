"""How mutual kNN depends on the number of samples and of neighbours, and where it goes.

A score of neighbours is a score at one n and one k; two studies with other n do not compare. Two
limits can be asked for.

At a fixed share κ = k/n a neighbourhood keeps its size as samples are added: the score estimates
what share of the probability κ around a point is the same in both representations, a property of
the two. Its bias falls as 1/n, so ``s(n) = s_∞ + c/n`` is fitted, and s_∞ is an extrapolation with
an interval.

At a fixed k neighbourhoods shrink to points, and the score goes to what is shared at ever smaller
scales: to chance, which is 0, if any noise of their own is left, else to what the local shapes of
the two make of k neighbours. No finite n shows which. So here only the local exponent α of
``s - chance ∝ n^-α`` is given, with an interval; it describes the range of n that was measured, and
where it is positive the limit by that law is 0.

Intervals are from disjoint halves (`resampling`): the same fit to subsets of half the sizes, of one
half and of the other; half of the difference has the variance of the fit at full sizes, if
variances fall as 1/n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis import plots
from methexis.core.checks import Array, count, integer, number, one_of, sequence
from methexis.display import Displayed, Table
from methexis.errors import MethexisError
from methexis.measures.inputs.features import pair
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.preprocessing import preprocessing as steps_named
from methexis.measures.neighbours import drawing, knn
from methexis.measures.neighbours.lists import Neighbours, neighbours
from methexis.measures.neighbours.shared import shared
from methexis.measures.neighbours.tied.expected import expected_share

KS = (1, 2, 5, 10, 20, 50)


@dataclass(frozen=True, eq=False)
class NeighbourCurve(Displayed, plots.Pictured):
    """Mutual kNN over numbers of samples and of neighbours.

    `plot` draws scores over numbers of samples, a line per number of neighbours, with chance.

    Attributes
    ----------
    ns : tuple of int
        Numbers of samples, the largest first.
    ks : tuple of int
        Numbers of neighbours.
    scores : array (len(ns), len(ks))
        Mean over random subsets of that size; NaN where there are not more samples than neighbours.
    chance : array (len(ns), len(ks))
        Exact mean for rows paired at random, ``k/(n-1)``.
    corrected : array (len(ns), len(ks))
        ``(score - chance)/(1 - chance)``; NaN where all others are neighbours.
    limits : array (len(ks),)
        Score extrapolated to n → ∞ at the fixed share ``κ = k/ns[0]``, by ``s_∞ + c/n``, from the
        sizes of which a half has a neighbour at that share; NaN where those are fewer than two.
    limit_intervals : array (len(ks), 2)
        For the limits.
    exponents : array (len(ks),)
        α of ``score - chance ∝ n^-α`` at fixed k, over `ns`: a description, no limit. NaN where
        some score is not above chance.
    exponent_intervals : array (len(ks), 2)
        For the exponents.
    confidence : float
        Confidence level of the intervals.
    metric : str
        What nearest means.
    preprocessing : dict
        What was done to the features before.
    num_subsets : int
        Random subsets of each size below that of all samples.
    """

    ns: tuple[int, ...]
    ks: tuple[int, ...]
    scores: Array
    chance: Array
    corrected: Array
    limits: Array
    limit_intervals: Array
    exponents: Array
    exponent_intervals: Array
    confidence: float
    metric: str
    preprocessing: dict[str, Any]
    num_subsets: int

    def as_dict(self) -> dict[str, Any]:
        """The whole curve in plain types, for JSON."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in asdict(self).items()
        }

    def __str__(self) -> str:
        head = ["n"] + [f"k = {k}" for k in self.ks]
        rows = [
            [str(n), *(f"{s:.4f}" for s in row)]
            for n, row in zip(self.ns, self.scores, strict=True)
        ]
        rows.append(["k/n fixed", *(f"{s:.4f}" for s in self.limits)])
        rows.append(["exponent", *(f"{s:.3f}" for s in self.exponents)])
        return "\n".join("  ".join(f"{cell:>9s}" for cell in row) for row in [head, *rows])

    def _picture(self) -> plots.Panel:
        return drawing.falling(self.ns, self.ks, self.scores, self.chance, self.metric)

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"ns": self.ns, "ks": self.ks, "metric": self.metric}
        return told | {"num_subsets": self.num_subsets, "confidence": self.confidence}

    def _table(self) -> Table:
        """Table of the scores, with a row for each number of samples; below them the limits."""
        head = ["n", *(f"k = {k}" for k in self.ks)]
        rows: list[list[object]] = [[n, *row] for n, row in zip(self.ns, self.scores, strict=True)]
        return head, [*rows, ["limit at k/n", *self.limits], ["exponent", *self.exponents]]


def neighbour_curve(
    x: Any,
    y: Any,
    *,
    ks: Sequence[int] = KS,
    ns: Sequence[int] | None = None,
    metric: str = "cosine",
    preprocessing: Preprocessing | str | None = None,
    num_subsets: int = 50,
    confidence: float = 0.95,
    seed: int = 0,
) -> NeighbourCurve:
    """Mutual kNN over numbers of samples and neighbours, with chance and extrapolations.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Representations with paired rows.
    ks : sequence of int
        Numbers of neighbours; where there are not more samples the table has NaN.
    ns : sequence of int, optional
        Numbers of samples, at least two; by default all, a half, a quarter and an eighth of them.
    metric : {"cosine", "euclidean", "dot"}
        What nearest means.
    preprocessing : Preprocessing or {"none", "prh", "prh_rows"}, optional
        Steps before; none by default.
    num_subsets : int
        Random subsets of each size, and pairs of halves for the intervals: 50 give their width to a
        tenth.
    confidence : float
        Confidence level of the intervals.
    seed : int
        Seed of the subsets.

    Raises
    ------
    MethexisError
        On input that cannot be compared, numbers of samples beyond those there are, or no k that is
        below the smallest.

    Notes
    -----
    Cost: ``n² d`` per representation once; then ``3 num_subsets len(ns)`` scores.

    Examples
    --------
    Nothing shared: chance everywhere, and k/n in the limit.

    >>> import numpy as np
    >>> x, y = np.random.default_rng(0).normal(size=(2, 240, 4))
    >>> curve = neighbour_curve(x, y, ks=[12, 24], num_subsets=20)
    >>> curve.ns
    (240, 120, 60, 30)
    >>> bool(np.all(np.abs(curve.limits - [0.05, 0.1]) < 0.02))
    True
    """
    one_of("metric", metric, knn.METRICS)
    num_subsets = count("num_subsets", num_subsets, least=2)
    confidence = number("confidence", confidence, above=0.0, below=1.0)
    seed = integer("seed", seed, least=0)
    steps = steps_named(preprocessing)
    first, second = pair(x, y, scaled=True)
    n = first.num_samples
    sizes = _sizes(n, ns)
    numbers = tuple(sorted({count("ks", k, least=1) for k in sequence("ks", ks, "numbers")}))
    largest = max((k for k in numbers if k < sizes[0]), default=0)
    if largest == 0:
        raise MethexisError(f"ks: expected numbers of neighbours below {sizes[0]}, got {ks}")
    reduced = [
        neighbours(steps(given), min(largest, n - 1), metric, share=0.5 * sizes[-1] / n)
        for given in (first, second)
    ]
    generator = np.random.default_rng(seed)
    whole, halves = [], []
    for _ in range(num_subsets):
        order = generator.permutation(n)
        middle = n // 2
        whole.append([_scores(reduced, order[:size], numbers, sizes[0]) for size in sizes])
        halves.append(
            [
                [_scores(reduced, part[: size // 2], numbers, sizes[0] // 2) for size in sizes]
                for part in (order[:middle], order[middle:])
            ]
        )
    return _curve(
        np.array(whole).mean(axis=0),
        np.array(halves),
        sizes,
        numbers,
        confidence=confidence,
        metric=metric,
        steps=steps,
        num_subsets=num_subsets,
    )


def _sizes(n: int, ns: Sequence[int] | None) -> tuple[int, ...]:
    if ns is None:
        ns = [n // divisor for divisor in (1, 2, 4, 8)]
    sizes = tuple(
        sorted(
            {integer("ns", size, least=8, most=n) for size in sequence("ns", ns, "numbers")},
            reverse=True,
        )
    )
    if len(sizes) < 2:
        raise MethexisError(f"ns: expected at least two numbers of samples, got {sizes}")
    return sizes


def _scores(
    reduced: list[Neighbours], samples: NDArray[np.int64], ks: tuple[int, ...], largest: int
) -> Array:
    """Scores of a subset ``(2, len(ks))``: at each k, and at the share k has among `largest`."""
    chosen = np.zeros(len(reduced[0].lists), dtype=bool)
    chosen[samples] = True
    longest = min(reduced[0].k, len(samples) - 1)
    parts = [r.cut(longest).subset(chosen) for r in reduced]
    lists = [part.lists for part in parts]
    tied = any(part.ties is not None for part in parts)
    known: dict[int, float] = {}

    def score(k: int) -> float:
        if not 1 <= k <= longest:
            return float("nan")
        if k not in known and tied:
            known[k] = float(np.mean(expected_share(*(part.cut(k).groups for part in parts))))
        elif k not in known:
            one, other = (side[:, :k] for side in lists)
            known[k] = float(np.mean(shared(one, other))) / k
        return known[k]

    def between(k: float) -> float:
        below = int(k)
        part = k - below
        return (
            score(below) if part == 0.0 else (1.0 - part) * score(below) + part * score(below + 1)
        )

    return np.array([[score(k) for k in ks], [between(k * len(samples) / largest) for k in ks]])


def _curve(
    whole: Array,
    halves: Array,
    sizes: tuple[int, ...],
    ks: tuple[int, ...],
    *,
    confidence: float,
    metric: str,
    steps: Preprocessing,
    num_subsets: int,
) -> NeighbourCurve:
    n, k = np.array(sizes)[:, None], np.array(ks)
    chance = np.where(k < n, k / (n - 1.0), np.nan)
    half = n // 2
    # Only sizes at which also a half has a neighbour at that share, in all fits alike.
    used = k * n >= 2 * sizes[0]
    limits = _limits(whole[:, 1], used, sizes)
    spread = np.array([[_limits(part[:, 1], used, half[:, 0]) for part in pair] for pair in halves])
    exponents = _exponents(whole[:, 0] - chance, sizes)
    halved = np.array(
        [
            [_exponents(part[:, 0] - k / (half - 1.0), half[:, 0]) for part in pair]
            for pair in halves
        ]
    )
    corrected = np.full(chance.shape, np.nan)
    np.divide(whole[:, 0] - chance, 1.0 - chance, out=corrected, where=k < n - 1)
    return NeighbourCurve(
        ns=sizes,
        ks=ks,
        scores=whole[:, 0],
        chance=chance,
        corrected=corrected,
        limits=limits,
        limit_intervals=_intervals(limits, spread, confidence),
        exponents=exponents,
        exponent_intervals=_intervals(exponents, halved, confidence),
        confidence=confidence,
        metric=metric,
        preprocessing=steps.described(),
        num_subsets=num_subsets,
    )


def _limits(scores: Array, used: NDArray[np.bool_], sizes: Sequence[int] | Array) -> Array:
    """``s_∞`` of ``s_∞ + c/n``, weighted by n, as variances fall; of each column."""
    n = np.asarray(sizes, dtype=float)
    limits = np.full(scores.shape[1], np.nan)
    for column, chosen in enumerate(used.T):
        if np.count_nonzero(chosen) >= 2:
            values = scores[chosen, column, None]
            limits[column] = _fitted(values, 1.0 / n[chosen], np.sqrt(n[chosen]))[0, 0]
    return limits


def _exponents(above: Array, sizes: Sequence[int] | Array) -> Array:
    """Minus the slope of the logarithm; NaN where one is not positive."""
    n = np.asarray(sizes, dtype=float)
    logarithms = np.log(np.where(above > 0.0, above, np.nan))
    return np.asarray(-_fitted(logarithms, np.log(n), np.sqrt(n))[1])


def _fitted(values: Array, along: Array, weights: Array) -> Array:
    """Constant and slope of a weighted line through each column."""
    design = np.stack([np.ones_like(along), along], axis=1) * weights[:, None]
    return np.asarray(np.linalg.pinv(design) @ (values * weights[:, None]))


def _intervals(values: Array, halves: Array, confidence: float) -> Array:
    """Values plus and minus quantiles of half the difference of halves."""
    difference = 0.5 * (halves[:, 0] - halves[:, 1])
    intervals = np.full((len(values), 2), np.nan)
    for column, value in enumerate(values):
        spread = np.abs(difference[:, column])
        if np.isfinite(value) and np.isfinite(spread).all():
            reach = np.quantile(spread, confidence)
            intervals[column] = value - reach, value + reach
    return intervals
