"""What maps are worth for samples that they were learnt without, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.display import Displayed, Table

#: Half the width of a 95 % interval, in standard errors.
REACH = 1.96
#: Both directions, in numbers or in intervals.
Both = tuple[float, float]
Intervals = tuple[Both, Both]


@dataclass(frozen=True)
class Worth(Displayed):
    """What maps are worth for samples that they were learnt without, in both directions.

    Every entry has two members: from A to B, and from B to A. Intervals are of 95 %, over samples;
    samples that equal each other count as one.

    Attributes
    ----------
    pairs : int
        From how many pairs the maps were learnt.
    share, share_ci : (float, float), two intervals
        Share of the variance that is predicted. It is negative where the map predicts worse than
        the mean does.
    top1, top1_ci : (float, float), two intervals
        Share of samples whose partner is found: its cosine is the largest.
    median_rank, median_rank_ci : (float, float), two intervals
        Where the partner comes by cosine in the middle of all samples; 1 is first.
    candidates : int
        Among how many samples partners are sought.
    chance : float
        Share of partners that guessing finds.
    """

    pairs: int
    share: Both
    share_ci: Intervals
    top1: Both
    top1_ci: Intervals
    median_rank: Both
    median_rank_ci: Intervals
    candidates: int
    chance: float

    @property
    def mean_share(self) -> float:
        """Share of the variance predicted, the mean of both directions."""
        return 0.5 * (self.share[0] + self.share[1])

    @property
    def mean_top1(self) -> float:
        """Share of partners found, the mean of both directions."""
        return 0.5 * (self.top1[0] + self.top1[1])

    def _table(self) -> Table:
        """A row for each direction."""
        head = ["to", "share", "from", "to ", "top 1", "from ", "to  ", "median rank"]
        rows = []
        for k, name in enumerate(("B", "A")):
            shares, tops = (self.share[k], *self.share_ci[k]), (self.top1[k], *self.top1_ci[k])
            rows.append([name, *shares, *tops, self.median_rank[k]])
        return head, rows


def worth_of(
    losses: Array,
    spread: Array,
    ranks: Array,
    first: Array,
    chance: Array,
    groups: tuple[NDArray[np.int64], NDArray[np.int64]],
    pairs: int,
) -> Worth:
    """Summarise losses and ranks of samples.

    Parameters
    ----------
    losses, spread : arrays (2, num_samples)
        Squared distances to predictions, and to the mean.
    ranks, first : arrays (2, num_sought)
        Of partners; see `held_out.Placed`.
    chance : array (num_sought,)
        One over the number of candidates.
    groups : (array (num_samples,) of int, array (num_sought,) of int)
        Samples of one number count as one.
    pairs : int
        From how many pairs the maps were learnt.
    """
    shares = [share_with_interval(losses[k], spread[k], groups[0]) for k in range(2)]
    count = len(np.unique(groups[1]))
    middles = [_median_interval(ranks[k], count) for k in range(2)]
    tops = [float(first[k].mean()) for k in range(2)]
    return Worth(
        pairs=pairs,
        share=(shares[0][0], shares[1][0]),
        share_ci=(shares[0][1], shares[1][1]),
        top1=(tops[0], tops[1]),
        top1_ci=(wilson(tops[0], count), wilson(tops[1], count)),
        median_rank=(float(np.median(ranks[0])), float(np.median(ranks[1]))),
        median_rank_ci=(middles[0], middles[1]),
        candidates=round(1.0 / float(chance.mean())),
        chance=float(chance.mean()),
    )


def share_with_interval(
    losses: Array, spread: Array, groups: NDArray[np.int64]
) -> tuple[float, Both]:
    """Share of the variance that is predicted, with its interval.

    A ratio of two means, of which sample i moves ``(1 − share) spread_i − loss_i`` over the mean
    spread.
    """
    share = 1.0 - float(losses.sum() / spread.sum())
    moved = ((1.0 - share) * spread - losses) / spread.mean()
    reach = REACH * standard_error(moved, groups)
    return share, (share - reach, share + reach)


def standard_error(values: Array, groups: NDArray[np.int64]) -> float:
    """Standard error of a mean over samples of which equal ones count as one."""
    numbers = np.unique(groups, return_inverse=True)[1]
    sums = np.bincount(numbers, values - values.mean())
    count = len(sums)
    return float(np.sqrt(np.sum(sums**2) * count / max(count - 1.0, 1.0))) / len(values)


def wilson(share: float, count: int) -> Both:
    """Wilson's interval of a share of samples; it stays within 0 and 1.

    Examples
    --------
    >>> [round(end, 3) for end in wilson(1.0, 100)]
    [0.963, 1.0]
    """
    extra = REACH**2 / count
    middle = (share + 0.5 * extra) / (1.0 + extra)
    reach = np.sqrt(share * (1.0 - share) * extra + 0.25 * extra**2) / (1.0 + extra)
    return max(float(middle - reach), 0.0), min(float(middle + reach), 1.0)


def _median_interval(ranks: Array, count: int) -> Both:
    """Interval of the median, by the order of the samples."""
    half = 0.5 * REACH / np.sqrt(count)
    low, high = np.quantile(ranks, [max(0.5 - half, 0.0), min(0.5 + half, 1.0)])
    return float(low), float(high)
