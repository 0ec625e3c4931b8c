"""Of one pair of representations: what every measure says, and what one can do with the pair.

Scores and maps are of the same samples; consequences are of others, which neither has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.explaining.filters import plain
from methexis.explaining.rotations import polar
from methexis.maps.fit import Fit, Maps, Sums
from methexis.maps.paired import Paired
from methexis.maps.projected import Projected
from methexis.measures import MEASURES
from methexis.measures.inference import nulls
from methexis.measures.inputs.features import features
from methexis.measures.registry import chosen

#: Seconds per pair, each: soft matching between unequal widths, and Kendall's rank correlation.
LEFT_OUT = ("soft_matching", "rsa_kendall")
#: All other measures with their defaults, and the debiased form of the best known one.
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    name: (name, {}) for name in MEASURES if name not in LEFT_OUT
}
CASES["cka-debiased"] = ("cka", {"debiased": True})
#: What may follow from a score: shares of variance, and shares of samples found again.
CONSEQUENCES = ("rotation", "linear", "found by rotation", "found linearly")
NUM_LEFT, NUM_FIT, NUM_FEW = 256, 500, 100
#: Orders of rows that the mean score of chance is taken from, where no closed form has it.
NUM_ORDERS = 10


@dataclass(frozen=True)
class Told:
    """What the measures say of a pair, in the order of `CASES`; distances have their sign."""

    scores: list[float]
    effects: list[float]
    few: list[float]  # scores of NUM_FEW of the samples
    few_effects: list[float]


class Side:
    """One representation, reduced once for every measure, whole and a part of it."""

    def __init__(self, rows: Array) -> None:
        self.rows = rows
        self._kept: dict[tuple[str, int], tuple[Any, Any]] = {}

    def reduced(self, name: str, num_samples: int) -> tuple[Any, Any]:
        """What a measure makes of the first rows, and what its chance level depends on."""
        if (name, num_samples) not in self._kept:
            method = chosen(*CASES[name])
            made = method.reduce(features("X", self.rows[:num_samples]))
            self._kept[name, num_samples] = made, method.null_sums(made)
        return self._kept[name, num_samples]


def told(x: Side, y: Side) -> Told:
    """All measures of the samples that are for fitting."""
    whole = [scored(x, y, name, len(x.rows)) for name in CASES]
    few = [scored(x, y, name, NUM_FEW) for name in CASES]
    return Told(*([one[k] for one in each] for each in (whole, few) for k in range(2)))


def scored(x: Side, y: Side, name: str, num_samples: int) -> tuple[float, float]:
    """Score and effect of one measure; the mean of both directions where these differ."""
    method = chosen(*CASES[name])
    one, other = (side.reduced(name, num_samples) for side in (x, y))
    ways = [(one, other)] if method.symmetric else [(one, other), (other, one)]
    found = []
    for (a, sums_a), (b, sums_b) in ways:
        score = method.score(a, b)
        if not method.closed_null(num_samples):
            mean = method.null_mean(a, b)
            if mean is None:
                orders = nulls.orders(num_samples, NUM_ORDERS, 0)
                mean = float(np.mean(method.permuted(a, b, orders)))
        elif sums_a is None:
            moments = method.null_moments(a, b)
            assert moments is not None  # `closed_null` said so
            mean = moments.mean
        else:
            mean = method.moments_from(sums_a, sums_b).mean
        found.append((score, float(nulls.effect(score, mean, method.aligned))))
    return float(np.mean([one[0] for one in found])), float(np.mean([one[1] for one in found]))


def consequences(x: Array, y: Array, num_fit: int) -> dict[str, float]:
    """What maps that were fitted to the first rows do with the others, both directions averaged.

    The best rotation with a scale is the polar factor of the cross-covariance, with a scale for
    each direction; the linear map is ridge regression (`methexis.maps.fit`). A sample is
    found again if its translation has a larger cosine with it than with any other of those left
    out, all less the mean of the fitted ones.
    """
    x, y = _of_one_size(x, num_fit), _of_one_size(y, num_fit)
    fit = Fit.of(Sums.of(x[:num_fit], y[:num_fit]))
    test = np.arange(len(x)) >= num_fit
    pair = Paired(x, y, (1.0, 1.0), test.astype(np.int64), 2, np.arange(len(x)))
    seen = Projected(fit, pair, test)
    turned, line = plain(fit, polar(fit.c)), fit.linear
    return dict(
        zip(
            CONSEQUENCES,
            (_share(seen, turned), _share(seen, line), _found(seen, turned), _found(seen, line)),
            strict=True,
        )
    )


def _of_one_size(rows: Array, num_fit: int) -> Array:
    centred = np.asarray(rows, dtype=np.float64) - rows[:num_fit].mean(axis=0)
    size = float(np.sqrt(np.mean(np.sum(centred[:num_fit] ** 2, axis=1))))
    return np.asarray(centred / size)


def _share(seen: Projected, maps: Maps) -> float:
    """Share of the variance explained, the mean of both directions."""
    return float(np.mean(1.0 - seen.losses(maps).sum(axis=1) / seen.spread.sum(axis=1)))


def _found(seen: Projected, maps: Maps) -> float:
    """Share of the samples that are found again."""
    there = retrieved(seen.x @ maps.forward.T, seen.y)
    return 0.5 * (there + retrieved(seen.y @ maps.backward.T, seen.x))


def retrieved(translated: Array, candidates: Array) -> float:
    """How often the candidate of largest cosine is the right one; ties count in part.

    Examples
    --------
    >>> retrieved(np.eye(3), np.eye(3)[[0, 2, 1]])
    0.3333333333333333
    """
    cosines = (translated @ candidates.T) / np.maximum(
        np.linalg.norm(translated, axis=1)[:, None] * np.linalg.norm(candidates, axis=1), 1e-300
    )
    largest = cosines >= cosines.max(axis=1, keepdims=True) - 1e-12
    return float(np.mean(np.diag(largest) / largest.sum(axis=1)))
