"""How the mutual kNN of a pair depends on numbers of samples and neighbours, where that is asked.

A score of neighbours holds for one n and one k, and whoever reads it will set it beside another
study's. So a single pair comes with its dependence on both.
"""

from __future__ import annotations

from typing import Any

from methexis.measures import Measure, MutualKNN, NeighbourCurve, neighbour_curve
from methexis.representations import Representation
from methexis.scenarios.comparing.settings import CompareSettings

#: Random subsets of each size; enough for means, and intervals good to a sixth.
NUM_SUBSETS = 20
#: Fewest and most samples: an eighth of the first has neighbours left out; more than the second
#: would keep who waits for the score.
FEWEST, MOST = 80, 20_000


def curve_of(
    measure: Measure[Any], one: Representation, other: Representation, settings: CompareSettings
) -> NeighbourCurve | None:
    """Mutual kNN at all samples, a half, a quarter and an eighth, at half of k, k and twice k.

    None of other measures, of too few or too many samples, and where no interval
    is wanted either.
    """
    n = one.shape[0]
    if not isinstance(measure, MutualKNN) or settings.num_bootstrap == 0:
        return None
    if not FEWEST <= n <= MOST or 2 * measure.k >= n // 8:
        return None
    return neighbour_curve(
        one.array,
        other.array,
        ks=sorted({max(1, measure.k // 2), measure.k, 2 * measure.k}),
        metric=measure.metric,
        preprocessing=settings.preprocessing,
        num_subsets=NUM_SUBSETS,
        seed=settings.seed,
    )
