"""Which rung is needed: the smallest beyond which no larger one explains more that matters.

A rung r is *insufficient* if some larger rung s explains more than r: its extrapolated gain over
the samples left out is at least the share `material` of all that can be explained, and is more than
chance makes it (a paired t test over samples, corrected for all rungs above r by Holm's method),
and beyond what learning from few samples puts in doubt. It is *undecided* if no rung does, but one
might: its gain is as large but within the doubt, its interval still holds twice the material gain,
or the samples are too few to learn the larger maps. *Optimism*, what the linear map explains of its
own samples beyond others, measures both. That anything is explained at all is told by samples left
out as they are: extrapolation magnifies what the best of many maps owes to chance. The verdict is
the first rung that is sufficient, and none, with the rungs that it may be, if that is not to be
told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from methexis.core.checks import Array
from methexis.explaining.ladder import Ladder
from methexis.measures.inference.multiple import holm

#: Gain over a rung, as a share of what the best one explains, from which it matters.
MATERIAL = 0.02
#: Level of all tests.
LEVEL = 0.05
#: Share explained, by the best rung, below which nothing is.
LEAST = 0.01
#: Share of the optimism by which a gain has to be larger still, to be decided.
DOUBT = 0.2
#: What the linear map may explain of its own samples beyond others, as a share of the variance.
MOST_OPTIMISM = 0.25
NOTHING = "nothing"
_WIDE = "the intervals of the gains are too wide"
#: Where samples are too few to extrapolate, a gain that is due to learning from few samples is
#: about twice as large over half of them. One that has grown less than this is believed.
_FALLING = 1.5
#: Shares of variance that are nothing but rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Gain:
    """What one rung explains more than a smaller one.

    Attributes
    ----------
    rung, over : str
    gain : float
        Of shares of variance, the mean of both directions, extrapolated.
    error : float
        Its standard error over samples.
    p : float
        One-sided, that there is none.
    """

    rung: str
    over: str
    gain: float
    error: float
    p: float

    @property
    def upper(self) -> float:
        """Upper end of its 95 % interval."""
        return self.gain + 1.96 * self.error


@dataclass(frozen=True, eq=False)
class Verdict:
    """The rung that is needed.

    Attributes
    ----------
    rung : str or None
        Its name, "nothing" if no rung explains anything, or None if that is not to be told.
    possible : tuple of str
        Rungs that it may be, from the smallest.
    gains : tuple of Gain
        Of each rung over each smaller one.
    best : float
        Extrapolated share of the best rung.
    why : str
        Why it cannot be told, where it cannot.
    """

    rung: str | None
    possible: tuple[str, ...]
    gains: tuple[Gain, ...]
    best: float
    why: str = ""


def judged(
    ladder: Ladder, groups: NDArray[np.int64], *, material: float = MATERIAL, level: float = LEVEL
) -> Verdict:
    """Find the rung that is needed.

    Parameters
    ----------
    ladder : Ladder
    groups : array (num_samples,) of int
        Samples that count as one.
    material : float
        Share of what the best rung explains from which a gain matters.
    level : float
        Of the tests.
    """
    means = ladder.spread.mean(axis=1)
    losses = ladder.extrapolated if ladder.reaches else ladder.losses
    near, far = (np.mean(one / means[:, None], axis=1) for one in (ladder.losses, losses))
    halved = 1.0 - np.mean(ladder.halved.sum(axis=2) / ladder.spread.sum(axis=1), axis=1)
    chance = np.mean(ladder.spread / means[:, None], axis=0)
    learnt, explained = (
        [
            _gain(rung, NOTHING, chance, one, groups)
            for rung, one in zip(ladder.rungs, each, strict=True)
        ]
        for each in (near, far)
    )
    over = [_gains_over(ladder, r, far, groups) for r in range(len(ladder.rungs))]
    every = tuple(explained + [one for each in over for one in each])
    top = max(explained, key=lambda one: one.gain)
    best = max(top.gain, 0.0)
    p = holm(np.array([one.p for one in learnt]))
    if not (p.min() <= level and best >= LEAST):
        possible = (NOTHING,) if top.upper < 4 * LEAST else (NOTHING, *ladder.rungs)
        why = (
            "" if len(possible) == 1 else "too few samples to learn whether one predicts the other"
        )
        return Verdict(possible[0] if not why else None, possible, every, best, why)
    matters, doubt = material * best, DOUBT * max(ladder.optimism, 0.0)
    place = {rung: r for r, rung in enumerate(ladder.rungs)}
    states: list[tuple[bool, list[Gain]]] = []
    for r, larger in enumerate(over):
        corrected = holm(np.array([one.p for one in larger])) if larger else np.empty(0)
        sure = [one for one, q in zip(larger, corrected, strict=True) if q <= level]
        needed = any(
            one.gain >= matters + doubt
            and (ladder.reaches or halved[place[one.rung]] - halved[r] <= _FALLING * one.gain)
            for one in sure
        )
        might = [
            one
            for one in larger
            if one.upper >= 2.0 * matters or (one in sure and one.gain >= matters)
        ]
        states.append((needed, might))
    first = next(r for r, (needed, _) in enumerate(states) if not needed)
    rung, might = ladder.rungs[first], states[first][1]
    if might:
        possible = (rung, *(one.rung for one in might))
        wide = all(one.upper >= 2.0 * matters for one in might)
        why = _WIDE if wide else "a gain is within what learning from few samples puts in doubt"
        return Verdict(None, possible, every, best, why)
    linear = ladder.rungs.index("linear")
    if first < linear and ladder.optimism > MOST_OPTIMISM:
        why = "too few samples for the number of features to learn larger maps"
        return Verdict(None, ladder.rungs[first:], every, best, why)
    return Verdict(rung, (rung,), every, best)


def _gains_over(ladder: Ladder, rung: int, far: Array, groups: NDArray[np.int64]) -> list[Gain]:
    """Gains of all larger rungs over one."""
    name = ladder.rungs[rung]
    return [
        _gain(ladder.rungs[s], name, far[rung], far[s], groups, part=_part(ladder, s))
        for s in range(rung + 1, len(ladder.rungs))
    ]


def _part(ladder: Ladder, rung: int) -> NDArray[np.bool_] | None:
    """Samples of which the rung's losses are its own; None for all."""
    return ladder.part if ladder.rungs[rung] == "nonlinear" and not ladder.part.all() else None


def _gain(
    rung: str,
    over: str,
    larger: Array,
    smaller: Array,
    groups: NDArray[np.int64],
    *,
    part: NDArray[np.bool_] | None = None,
) -> Gain:
    """Mean difference of two losses and its error, over groups of samples."""
    apart, which = larger - smaller, groups
    if part is not None:
        apart, which = apart[part], groups[part]
    mean = float(apart.mean())
    _, which = np.unique(which, return_inverse=True)
    sums = np.bincount(which, apart - mean)
    count = len(sums)
    error = float(np.sqrt(np.sum(sums**2) * count / (count - 1.0))) / len(apart)
    if abs(mean) <= _ROUNDING:
        return Gain(rung, over, mean, error, 1.0)
    if error == 0.0:
        return Gain(rung, over, mean, 0.0, 0.0 if mean > 0.0 else 1.0)
    return Gain(rung, over, mean, error, float(stats.t.sf(mean / error, count - 1)))
