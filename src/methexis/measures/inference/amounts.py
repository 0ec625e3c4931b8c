"""How many orders and resamples one pair is given where nothing is said.

999 of each, so that p resolves .001, where those take no more than a few seconds. Beyond that:

- orders are all drawn, but of most of them only a part of the score is computed, where the measure
  has one that is quick (`regressed`); else fewer are drawn, `FEWEST_ORDERS` at least;
- resamples give way to scores with samples left out: each sample, where the measure has these in
  closed form, else groups of samples (`intervals.left_out`). Of a measure to which the jackknife
  says nothing the bootstrap samples are few; halves are fewer.

Seconds are those of `Work`, of one core of one machine: what is decided is the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from methexis.measures.inference.intervals import MOST_LEFT_OUT
from methexis.measures.work import NOTHING, Time, Work

#: Orders and resamples if time does not matter: orders resolve p to .001.
ORDERS, RESAMPLES = 999, 999
#: Seconds that the orders of one pair may take, and its resamples.
SECONDS_OF_ORDERS, SECONDS_OF_RESAMPLES = 3.0, 2.0
#: Fewest orders by whose ranks p is taken: they resolve it to .005.
FEWEST_ORDERS = 199
#: Fewest orders of which the whole score is computed, for a regression with eight degrees of
#: freedom.
FEWEST_WHOLE = 10
#: A part of the score is worth having if it takes at most this share of the whole.
QUICK = 0.25
#: Fewest groups of samples that are left out or bootstrap samples, and fewest halves.
FEWEST_GROUPS, FEWEST_HALVES = 12, 199


@dataclass(frozen=True)
class Orders:
    """How many are drawn, and of how many the whole score is computed."""

    drawn: int
    whole: int

    def time(self, work: Work) -> Time:
        """The time that all orders take."""
        if self.whole == self.drawn:
            return self.drawn * work.order
        return self.drawn * work.part + self.whole * work.rough_order


def orders(work: Work, *, parts: bool) -> Orders:
    """The number of orders that the seconds hold, with or without parts of scores.

    Examples
    --------
    >>> from methexis.measures.work import passes
    >>> slow = Work(NOTHING, NOTHING, passes(1.25e7), 0, 0, part=passes(1e5))
    >>> orders(slow, parts=True), orders(slow, parts=False)
    (Orders(drawn=999, whole=232), Orders(drawn=239, whole=239))
    """
    each = work.order.seconds()
    if ORDERS * each <= SECONDS_OF_ORDERS:
        return Orders(ORDERS, ORDERS)
    part = work.part.seconds()
    if parts and work.part != NOTHING and part <= QUICK * each:
        left = SECONDS_OF_ORDERS - ORDERS * part
        whole = left // work.rough_order.seconds()
        return Orders(ORDERS, int(np.clip(whole, FEWEST_WHOLE, ORDERS)))
    fewer = int(np.clip(SECONDS_OF_ORDERS // each, FEWEST_ORDERS, ORDERS))
    return Orders(fewer, fewer)


@dataclass(frozen=True)
class Resampling:
    """Which scores make the interval, how many, and what they take.

    `way` is "bootstrap", "halves", "jackknife" (each sample left out, in closed form), "groups"
    (of samples, left out), "few" (bootstrap samples), or "none".
    """

    way: str
    count: int
    time: Time


def resampling(
    work: Work, kind: str, num_samples: int, asked: int | None, *, jackknifed: bool = True
) -> Resampling:
    """What a measure whose resamples are of that kind is given; an explicit number is obeyed.

    Examples
    --------
    >>> from methexis.measures.work import passes
    >>> slow = Work(NOTHING, NOTHING, NOTHING, 0, 0, resample=passes(1e8))
    >>> [resampling(slow, "bootstrap", 500, asked).way for asked in (0, 99, None)]
    ['none', 'bootstrap', 'groups']
    """
    if kind == "none" or asked == 0:
        return Resampling("none", 0, NOTHING)
    besides = min(num_samples, MOST_LEFT_OUT) if kind == "bootstrap" else 0
    count = RESAMPLES if asked is None else asked
    time = (count + besides) * work.resample
    if asked is not None or time.seconds() <= SECONDS_OF_RESAMPLES:
        return Resampling(kind, count, time)
    fit = SECONDS_OF_RESAMPLES // work.resample.seconds()
    if kind == "halves":
        count = int(np.clip(fit, FEWEST_HALVES, RESAMPLES))
        return Resampling(kind, count, count * work.resample)
    if work.jackknife != NOTHING:
        return Resampling("jackknife", num_samples, work.jackknife)
    count = int(np.clip(fit, FEWEST_GROUPS, min(num_samples, MOST_LEFT_OUT)))
    if not jackknifed:
        return Resampling("few", count, count * work.resample)
    time = count * work.resample if work.groups == NOTHING else work.groups
    return Resampling("groups", count, time)
