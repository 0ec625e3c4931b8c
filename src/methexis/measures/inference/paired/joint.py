"""Several scores on the same samples: how they vary together.

Whether one score is larger than another cannot be seen from their two intervals: on other
samples both would have been larger or smaller together, and their difference varies less than
either, mostly much less. So all scores are followed through one and the same resampling of the
samples, and what comes out is their covariance.

A score is ``s = Σ_i l(i) + Σ_{i<j} q(i, j) + …`` of uncorrelated terms (Hoeffding). A measure that
knows how much each sample moves its score (`Measure.influence`) gives ``ψ_i``, whose sum of squares
is ``L + 2 Q``: an interaction of two samples stands with both. Where it knows the interactions too
(`Measure.interactions`) their own sum of squares, Q, is taken away once, from as many rows of them
as `_MOST_ROWS`, which is an unbiased estimate; at most half of a variance is taken away. Unrelated
representations are all Q, and without this an interval of theirs would be too wide by 40 %.
Measures that know neither are followed through samples left out, one at a time or by groups
(`intervals.left_out`), and those of canonical correlations through bootstrap samples; other
measures of neighbours through disjoint halves (`resampling`), whose two variances are averaged.
These hold Q twice or three times, and err on the safe side.

Samples that belong together (repetitions, frames of one film, tokens of one sentence) are one: what
moves the score is added up over them first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures.budget import readable
from methexis.measures.inference import nulls
from methexis.measures.inference.intervals import left_out
from methexis.measures.inference.resampling import halves
from methexis.measures.measure import Measure
from methexis.measures.rounding import CANCELLED

#: Rows of the interactions from which their sum of squares is estimated, and numbers in all.
_LEAST_ROWS, _MOST_ROWS, _MOST_NUMBERS = 16, 256, 2**24
#: Bootstrap samples, or pairs of halves, where no influence is known.
NUM_RESAMPLES = 999
#: Scores of halves that are taken of all pairs together, and the fewest of each: with as many
#: degrees of freedom, an error is known to a tenth.
SCORES_OF_HALVES, LEAST_HALVES = 400, 49
#: Draws of a normal law for the largest of many differences, at least and at most, and numbers in
#: all: a p of .05 has an error of .002 to .005.
FEWEST_DRAWS, MOST_DRAWS, _DRAWN_NUMBERS = 2_000, 10_000, 400_000


@dataclass(frozen=True, eq=False)
class Joint:
    """Scores of several pairs, and their covariance over samples.

    Attributes
    ----------
    scores : array (num_pairs,)
    covariance : array (num_pairs, num_pairs)
        Covariance of the scores over samples drawn anew.
    loose : array (num_pairs, num_pairs)
        Covariance with interactions counted twice: no variance is taken for less than half.
    dof : int
        Units less one.
    """

    scores: Array
    covariance: Array
    loose: Array
    dof: int

    def scaled(self, units: Array, shifts: Array) -> Joint:
        """The joint law of ``(score - shift) / unit``, with shifts and units known exactly."""
        outer = np.outer(units, units)
        return Joint(
            (self.scores - shifts) / units,
            self.covariance / outer,
            self.loose / outer,
            self.dof,
        )

    def part(self, places: NDArray[np.int64]) -> Joint:
        """The joint law of some of the pairs."""
        square = np.ix_(places, places)
        return Joint(self.scores[places], self.covariance[square], self.loose[square], self.dof)

    def variance(self, contrasts: Array) -> Array:
        """Variance of sums of scores with these weights, ``(num_contrasts,)``."""
        variances, most = (
            np.einsum("ip,pq,iq->i", contrasts, one, contrasts)
            for one in (self.covariance, self.loose)
        )
        return np.asarray(np.maximum(variances, 0.5 * most))

    def errors(self) -> Array:
        """Standard errors of the differences of all pairs of scores, ``(num_pairs, num_pairs)``."""
        variances, most = (_differences(one) for one in (self.covariance, self.loose))
        variances = np.maximum(variances, 0.5 * most)
        own = np.diagonal(self.loose)
        there = variances > CANCELLED * (own[:, None] + own[None, :])  # else scores vary as one
        return np.asarray(np.sqrt(np.where(there, variances, 0.0)))

    def draws(self, seed: int) -> Array:
        """Scores less their expectations, by a t law, ``(num_draws, num_pairs)``."""
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        count = int(np.clip(_DRAWN_NUMBERS // len(values), FEWEST_DRAWS, MOST_DRAWS))
        generator = np.random.default_rng(seed)
        normal = generator.standard_normal((count, len(values))) @ root.T
        slack = np.sqrt(generator.chisquare(self.dof, count) / self.dof)
        return np.asarray(normal / slack[:, None])

    def quantile(self, confidence: float) -> float:
        """How many standard errors an interval of that confidence reaches."""
        return float(special.stdtrit(self.dof, 0.5 + 0.5 * confidence))

    def two_sided(self, deviations: Any) -> Array:
        """Probability of so many standard errors in either direction."""
        return np.asarray(2.0 * special.stdtr(self.dof, -np.abs(deviations)))


def held(measure: Measure[Any], num_samples: int, widths: Sequence[int]) -> int:
    """Bytes of representations with these numbers of features, all held at once."""
    widest = max(widths)
    return int(0.5 * len(widths) * measure.work(num_samples, (widest, widest)).num_bytes)


def require_room(
    measure: Measure[Any], num_samples: int, widths: Sequence[int], memory: int
) -> None:
    """See that all representations fit into the memory at once, as one resampling takes.

    Raises
    ------
    MethexisError
        If not.
    """
    needed = held(measure, num_samples, widths)
    if needed > memory:
        raise MethexisError(
            f"memory: expected at least {readable(needed)} for {len(widths)} representations of "
            f"{num_samples:,} samples by {measure.name}, which are compared whole, got "
            f"{readable(memory)}; give more, or fewer samples"
        )


def joint(
    measure: Measure[Any],
    pairs: Sequence[tuple[Any, Any]],
    *,
    num_samples: int,
    groups: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> Joint:
    """Scores of several pairs of reduced representations, and their covariance.

    Parameters
    ----------
    measure : Measure
    pairs : sequence of (reduced, reduced)
    num_samples : int
    groups : array (num_samples,), optional
        Numbers from 0 of the groups of samples that belong together.
    seed : int
        Seed of whatever is drawn.

    Raises
    ------
    MethexisError
        If nothing is known of how the measure varies with its samples.
    """
    scores = np.array([measure.score(a, b) for a, b in pairs])
    influences = [measure.influence(a, b) for a, b in pairs]
    if all(one is not None for one in influences):
        units = np.stack([np.asarray(one) for one in influences], axis=1)
        if groups is not None:
            return _of_units(scores, _gathered(units, groups), 0.0)
        return _of_units(scores, units, _interactions(measure, pairs, num_samples, seed))
    if groups is not None:
        return _of_groups(measure, pairs, scores, groups)
    if measure.resampling == "halves":
        return _of_halves(measure, pairs, scores, num_samples, seed)
    if measure.resampling != "bootstrap":
        raise MethexisError(
            "measure: expected one with intervals, such as cka, mutual_knn, procrustes or rsa, "
            f"got {measure.name}, of which it is not known how it varies with its samples"
        )
    if not measure.jackknifed:
        drawn = nulls.counts(num_samples, NUM_RESAMPLES, seed)
        return _of_draws(scores, [_resampled(measure, *pair, drawn) for pair in pairs], num_samples)
    without = left_out(num_samples, seed)
    return _left_out(scores, np.stack([_resampled(measure, *p, without) for p in pairs], axis=1))


def _of_units(scores: Array, units: Array, twice: Array | float) -> Joint:
    count = len(units)
    loose = units.T @ units * (count / (count - 1))
    return Joint(scores, loose - twice, loose, count - 1)


def _left_out(scores: Array, leaving_out: Array) -> Joint:
    """The joint scores from scores with one of J parts left out, ``(J, num_pairs)``."""
    count = len(leaving_out)
    units = (np.mean(leaving_out, axis=0) - leaving_out) * ((count - 1) / count)
    return _of_units(scores, units, 0.0)


def _of_draws(scores: Array, draws: list[Array], num_samples: int) -> Joint:
    covariance = np.atleast_2d(np.cov(np.stack(draws)))
    return Joint(scores, covariance, covariance, num_samples - 1)


def _of_groups(
    measure: Measure[Any], pairs: Sequence[tuple[Any, Any]], scores: Array, groups: Any
) -> Joint:
    """The joint scores from a jackknife that leaves out one group at a time."""
    kept = (groups[None, :] != np.arange(groups.max() + 1)[:, None]).astype(np.float64)
    if measure.resampling == "bootstrap":
        kept *= kept.shape[1] / kept.sum(axis=1, keepdims=True)
    elif measure.resampling == "none":
        raise MethexisError(f"groups: expected a measure with intervals, got {measure.name}")
    return _left_out(scores, np.stack([_resampled(measure, *p, kept) for p in pairs], axis=1))


def _of_halves(
    measure: Measure[Any],
    pairs: Sequence[tuple[Any, Any]],
    scores: Array,
    num_samples: int,
    seed: int,
) -> Joint:
    """The joint scores from disjoint halves, at the same k and at half of it; the mean of both."""
    if measure.interval_from(num_samples) == "none":
        raise MethexisError(
            f"{measure.name}: expected more samples, because half of {num_samples} are too few for "
            f"{measure.title}"
        )
    count = min(max(SCORES_OF_HALVES // len(pairs), LEAST_HALVES), NUM_RESAMPLES // 5)
    chosen = halves(num_samples, count, seed) == 1
    differences = np.stack(
        [
            0.5 * (measure.of_halves(a, b, chosen) - measure.of_halves(a, b, ~chosen))
            for a, b in pairs
        ]
    )  # (pair, resample, way)
    covariance = np.einsum("prw,qrw->pq", differences, differences) / (
        differences.shape[1] * differences.shape[2]
    )
    return Joint(scores, covariance, covariance, min(num_samples, count) - 1)


def _resampled(measure: Measure[Any], a: Any, b: Any, counts: Any) -> Array:
    scores = measure.resampled(a, b, counts)
    if scores is None or not np.isfinite(scores).all():
        raise MethexisError(
            f"{measure.name}: expected a score of every resample, got some without: too few "
            "different samples, or nothing but rounding in which they differ; take more samples"
        )
    return scores


def _gathered(units: Array, groups: NDArray[np.int64]) -> Array:
    sums = np.zeros((int(groups.max()) + 1, units.shape[1]))
    np.add.at(sums, groups, units)
    return sums


def _interactions(
    measure: Measure[Any], pairs: Sequence[tuple[Any, Any]], n: int, seed: int
) -> Array | float:
    """``Σ_{i<j} g_ij g'_ij`` of all pairs of scores."""
    rows = int(min(n, np.clip(_MOST_NUMBERS // (n * len(pairs)), _LEAST_ROWS, _MOST_ROWS)))
    samples = np.arange(n)
    if rows < n:
        samples = np.sort(np.random.default_rng(seed).choice(n, rows, replace=False))
    by_pair = [measure.interactions(a, b, samples) for a, b in pairs]
    if any(one is None for one in by_pair):
        return 0.0
    block = np.stack([np.ravel(np.asarray(one)) for one in by_pair])
    return np.asarray(0.5 * (n / rows) * (block @ block.T))


def _differences(covariance: Array) -> Array:
    own = np.diagonal(covariance)
    return np.asarray(own[:, None] + own[None, :] - 2.0 * covariance)
