"""What translation is worth, beside three controls: the same coordinates, shuffled and few pairs.

The controls go through the same procedure as the translation, its choices among forms included,
and are judged by the same samples. Of many samples one fold of them is enough for a control; then
one half of it chooses for the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.maps.fit import Fit, Sums
from methexis.maps.paired import Paired
from methexis.transport.choosing import Outcome, crossed
from methexis.transport.forms import Form
from methexis.transport.held_out import Judged, candidates, judged, placed
from methexis.transport.worth import Worth, standard_error, worth_of

#: Shares of the pairs from which the control of few pairs learns.
PARTS = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
#: Fewest pairs from which it does.
LEAST_PAIRS = 8
#: Samples by which a control is judged, if there are as many: as many folds as hold them.
_ENOUGH = 1000

#: Standard errors by which the translation has to be better than a control: 99 %, because both
#: prediction and matching are asked, and folds share most of what they learn.
_CLEARLY = 2.576

Forms = tuple[tuple[Form, ...], tuple[Form, ...]]


@dataclass(frozen=True, eq=False)
class Measured:
    """Worth of the translation and of its controls, and what the choice is made by."""

    judged: Judged
    worth: Worth
    identity: Worth | None
    shuffled: Worth
    few: tuple[Worth, ...]
    predicts: bool
    matches: bool


def measured(
    pair: Paired,
    whole: tuple[Array, Array],
    forms: Forms,
    *,
    seed: int,
    tell: Callable[[int, int], None],
) -> Measured:
    """Judge all forms and the controls by samples that are left out.

    Parameters
    ----------
    pair : Paired
        In whatever coordinates.
    whole : (array (num_samples, dx), array (num_samples, dy))
        The same in the coordinates that they came in, for the control of equal coordinates.
    forms : (tuple of Form, tuple of Form)
        For prediction, and for common spaces.
    seed : int
    tell : function of (done, all)
        Told how many fits are done.
    """
    every = range(pair.num_folds)
    needed = int(np.ceil(_ENOUGH * pair.num_folds / pair.num_samples))
    some = range(min(pair.num_folds, needed))
    sizes = [size for part in PARTS if (size := int(part * _train(pair))) >= LEAST_PAIRS]
    total, done = len(every) + len(some) * (1 + len(sizes)), 0

    def told() -> None:
        nonlocal done
        done += 1
        tell(done, total)

    def judge(folds: range, learnt: Callable[[int], Fit]) -> Judged:
        return judged(pair, folds, learnt, forms, seed=seed, tell=told)

    sums = [Sums.of(pair.x[pair.fold == f], pair.y[pair.fold == f]) for f in every]
    main = judge(every, lambda f: Fit.of(Sums.total([sums[g] for g in every if g != f])))
    chance = judge(some, lambda f: _learnt_shuffled(pair, f, seed))
    few = [judge(some, lambda f, size=size: _learnt_few(pair, f, size, seed)) for size in sizes]  # type: ignore[misc]
    outcome, by_chance = crossed(main), crossed(chance)
    predicts, matches = _above((main, outcome), (chance, by_chance), pair.groups)
    return Measured(
        judged=main,
        worth=_worth(main, outcome, pair.groups),
        identity=identity(pair, whole, seed),
        shuffled=_worth(chance, by_chance, pair.groups),
        few=tuple(_worth(one, crossed(one), pair.groups) for one in few),
        predicts=predicts,
        matches=matches,
    )


def identity(pair: Paired, whole: tuple[Array, Array], seed: int) -> Worth | None:
    """The same coordinates with one number per direction; nothing between unequal widths."""
    x, y = whole
    if x.shape[1] != y.shape[1]:
        return None
    losses, spread, ranks, first, chance, rows, sought, pairs = [], [], [], [], [], [], [], []
    for fold in range(pair.num_folds):
        test = pair.fold == fold
        there_x, there_y = x - x[~test].mean(axis=0), y - y[~test].mean(axis=0)
        shared = max(float(np.sum(there_x[~test] * there_y[~test])), 0.0)
        factors = [shared / float(np.sum(one[~test] ** 2)) for one in (there_x, there_y)]
        left = there_x[test], there_y[test]
        aims = left[::-1]
        pairs.append(int(np.count_nonzero(~test)))
        losses.append(
            [np.sum((a - f * b) ** 2, axis=1) for a, f, b in zip(aims, factors, left, strict=True)]
        )
        spread.append([np.sum(a**2, axis=1) for a in aims])
        among = candidates(len(left[0]), seed, fold)
        where = placed(left[0][among], left[1][among])
        ranks.append(where.ranks)
        first.append(where.first)
        chance.append(np.full(len(among), 1.0 / len(among)))
        rows.append(pair.groups[test])
        sought.append(pair.groups[test][among])
    return worth_of(
        np.concatenate(losses, axis=1), np.concatenate(spread, axis=1),
        np.concatenate(ranks, axis=1), np.concatenate(first, axis=1), np.concatenate(chance),
        (np.concatenate(rows), np.concatenate(sought)), round(float(np.mean(pairs))),
    )  # fmt: skip


def _train(pair: Paired) -> int:
    """Number of pairs that are learnt from without a fold, the mean of all folds."""
    return pair.num_samples - pair.num_samples // pair.num_folds


def _learnt_shuffled(pair: Paired, fold: int, seed: int) -> Fit:
    """What is learnt without a fold where the others' pairs are shuffled."""
    train = pair.fold != fold
    y = pair.y[train]
    order = np.random.default_rng([seed, 5, fold]).permutation(len(y))
    return Fit.of(Sums.of(pair.x[train], y[order]))


def _learnt_few(pair: Paired, fold: int, size: int, seed: int) -> Fit:
    """What is learnt from few pairs of the other folds."""
    train = np.flatnonzero(pair.fold != fold)
    some = np.random.default_rng([seed, 6, fold]).permutation(train)[:size]
    return Fit.of(Sums.of(pair.x[some], pair.y[some]))


def _worth(one: Judged, outcome: Outcome, groups: NDArray[np.int64]) -> Worth:
    of_samples = groups[one.rows]
    return worth_of(
        outcome.losses, one.spread, outcome.ranks, outcome.first, one.chance,
        (of_samples, of_samples[one.sought]), one.pairs,
    )  # fmt: skip


def _above(
    true: tuple[Judged, Outcome], shuffled: tuple[Judged, Outcome], groups: NDArray[np.int64]
) -> tuple[bool, bool]:
    """Whether predictions, and matches, are better than those that shuffled pairs teach.

    Better is by more than a 99 % interval of the difference over the same samples, the mean of both
    directions. Predictions must be better than the mean as well.
    """
    one, other = true[0], shuffled[0]
    count, sought = len(other.rows), len(other.sought)  # its folds are the first ones
    means = one.spread.mean(axis=1)[:, None]
    gains = np.mean((shuffled[1].losses - true[1].losses[:, :count]) / means, axis=0)
    over_mean = np.mean((one.spread - true[1].losses) / means, axis=0)
    nearer = np.mean(1.0 / true[1].ranks[:, :sought] - 1.0 / shuffled[1].ranks, axis=0)
    of_samples = groups[one.rows]
    predicts = _positive(gains, of_samples[:count]) and _positive(over_mean, of_samples)
    return predicts, _positive(nearer, of_samples[other.sought])


def _positive(values: Array, groups: NDArray[np.int64]) -> bool:
    """Whether a mean is above zero by more than its 99 % interval."""
    return bool(values.mean() > _CLEARLY * standard_error(values, groups))
