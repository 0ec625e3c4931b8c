"""Which form is taken, and what a choice is worth that no sample makes for itself.

The form of least mean cost is the best. A form of less freedom is taken instead if it costs no more
than one standard error beyond it, of the difference over samples: where samples do not tell, the
smaller map is the safer one. For the certificate the choice is made once for each part of the
samples, by the costs of all other parts, so that choosing among many forms wins nothing by itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.transport.held_out import Judged

#: Mean costs that differ by less are equal, because it is rounding.
_EQUAL = 1e-9


class Outcome(NamedTuple):
    """Losses and ranks with the forms that the other parts chose, ``(2, …)`` each."""

    losses: Array
    ranks: Array
    first: Array


def best(costs: Array) -> int:
    """The first form that is not worse than the best by more than a standard error.

    Parameters
    ----------
    costs : array (num_forms, num_samples)
        Of forms in the order of their freedom.

    Examples
    --------
    >>> best(np.array([[1.0, 1.1, 0.9], [1.0, 1.0, 0.9], [1.5, 1.5, 1.5]]))
    0
    """
    means = costs.mean(axis=1)
    beyond = costs - costs[int(np.argmin(means))]
    error = beyond.std(axis=1) / np.sqrt(max(costs.shape[1] - 1, 1))
    return int(np.argmax(beyond.mean(axis=1) <= error + _EQUAL))


def prediction_costs(judged: Judged) -> Array:
    """Shares of the variance that are left, the mean of both directions."""
    means = judged.spread.mean(axis=1)
    return np.asarray(np.mean(judged.losses / means[:, None], axis=1))


def matching_costs(judged: Judged) -> Array:
    """One less the reciprocal rank, the mean of both directions: smoother than who comes first."""
    return np.asarray(1.0 - np.mean(1.0 / judged.ranks, axis=1))


def crossed(judged: Judged) -> Outcome:
    """Losses and ranks of every sample with the forms that the other parts chose."""
    predicting = _by_others(prediction_costs(judged), judged.part)
    at = judged.part[judged.sought]
    matching = _by_others(matching_costs(judged), at)
    every, those = np.arange(len(judged.part)), np.arange(len(at))
    return Outcome(
        judged.losses[predicting, :, every].T,
        judged.ranks[matching, :, those].T,
        judged.first[matching, :, those].T,
    )


def _by_others(costs: Array, part: NDArray[np.int64]) -> NDArray[np.int64]:
    """The form that is best for samples of all other parts, for each sample."""
    chosen = np.zeros(costs.shape[1], dtype=np.int64)
    for one in np.unique(part):
        here = part == one
        chosen[here] = best(costs[:, ~here]) if not here.all() else 0
    return chosen
