"""What every form is worth for samples that it was learnt without, fold by fold.

Maps are learnt of all folds but one. Of that one, every sample is predicted in both directions, and
is sought among the others of its fold (at most `MOST_CANDIDATES`), by the largest cosine in the
common space.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.maps.fit import Fit
from methexis.maps.paired import Paired
from methexis.maps.projected import Projected
from methexis.transport.forms import Form, Taught

#: Most samples of one fold among which partners are sought.
MOST_CANDIDATES = 4096
#: Cosines that differ by less are equal, because it is rounding.
_EQUAL = 1e-12


class Placed(NamedTuple):
    """Where partners come among all candidates, in both directions, ``(2, num_samples)`` each.

    Ranks count from 1, and equal cosines share the mean of their ranks; `first` is 1 where the
    partner alone has the largest cosine, and a part of it where others have the same.
    """

    ranks: Array
    first: Array


@dataclass(frozen=True, eq=False)
class Judged:
    """Losses and ranks of samples that were left out.

    Attributes
    ----------
    rows : array (num_judged,) of int
        Which samples were left out.
    losses : array (num_forms, 2, num_judged)
        Squared distances of y, and of x, to their predictions.
    spread : array (2, num_judged)
        Those to the mean of the samples that were learnt from.
    sought : array (num_sought,) of int
        Places in `rows` of those whose partners were sought.
    ranks, first : arrays (num_spaces, 2, num_sought)
        Of partners, as `Placed` has them.
    chance : array (num_sought,)
        One over the number of candidates.
    part : array (num_judged,) of int
        What is chosen for samples of one part is chosen by all others.
    pairs : int
        From how many pairs maps were learnt, the mean of the folds.
    """

    rows: NDArray[np.int64]
    losses: Array
    spread: Array
    sought: NDArray[np.int64]
    ranks: Array
    first: Array
    chance: Array
    part: NDArray[np.int64]
    pairs: int


def judged(
    pair: Paired,
    folds: Sequence[int],
    learnt: Callable[[int], Fit],
    forms: tuple[Sequence[Form], Sequence[Form]],
    *,
    seed: int,
    tell: Callable[[], None],
) -> Judged:
    """Learn all forms without each of some folds, and judge them by it.

    Parameters
    ----------
    pair : Paired
    folds : sequence of int
        Which folds are left out, one at a time.
    learnt : function of a fold
        What is learnt without it.
    forms : (sequence of Form, sequence of Form)
        For prediction, and for common spaces.
    seed : int
        Of the candidates, and of the halves of a single fold.
    tell : function
        Called after each fold.
    """
    losses, spreads, ranks, first = [], [], [], []
    rows, sought, chance, pairs = [], [], [], []
    before = 0
    for fold in folds:
        test = pair.fold == fold
        taught = Taught(learnt(fold))
        at = Projected(taught.fit, pair, test)
        losses.append(np.stack([at.losses(taught.maps(form)) for form in forms[0]]))
        spreads.append(at.spread)
        count = len(at.x)
        among = candidates(count, seed, fold)
        placed = [_placed_in(taught, form, at.x[among], at.y[among]) for form in forms[1]]
        ranks.append(np.stack([one.ranks for one in placed]))
        first.append(np.stack([one.first for one in placed]))
        rows.append(np.flatnonzero(test))
        sought.append(before + among)
        chance.append(np.full(len(among), 1.0 / len(among)))
        pairs.append(taught.fit.count)
        before += count
        tell()
    every = np.concatenate(rows)
    return Judged(
        every, np.concatenate(losses, axis=2), np.concatenate(spreads, axis=1),
        np.concatenate(sought), np.concatenate(ranks, axis=2), np.concatenate(first, axis=2),
        np.concatenate(chance), parts(pair, every, len(folds), seed), round(float(np.mean(pairs))),
    )  # fmt: skip


def candidates(count: int, seed: int, fold: int) -> NDArray[np.int64]:
    """Which samples of a fold are sought, and are the candidates: all, or a random part of many."""
    order = np.random.default_rng([seed, 3, fold]).permutation(count)[:MOST_CANDIDATES]
    return np.sort(order).astype(np.int64)


def parts(pair: Paired, rows: NDArray[np.int64], num_folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each sample; of a single fold two halves, which share no row."""
    if num_folds > 1:
        return pair.fold[rows]
    groups = np.unique(pair.groups[rows], return_inverse=True)[1]
    order = np.random.default_rng([seed, 4]).permutation(int(groups.max()) + 1)
    return (order % 2)[groups].astype(np.int64)


def placed(one: Array, other: Array) -> Placed:
    """Where the rows of two arrays come among each other, by their cosines.

    Examples
    --------
    >>> placed(np.eye(3), np.eye(3)[[0, 2, 1]]).first.tolist()
    [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    cosines = unit(one) @ unit(other).T
    own = np.diag(cosines)
    ranks, first = [], []
    for each in (cosines.T, cosines):  # candidates are the first axis
        larger = np.count_nonzero(each > own + _EQUAL, axis=0)
        equal = np.count_nonzero(each >= own - _EQUAL, axis=0) - larger
        ranks.append(larger + 0.5 * (equal + 1.0))
        first.append((larger == 0) / equal)
    return Placed(np.stack(ranks), np.stack(first))


def unit(rows: Array) -> Array:
    """Rows of length one; those of length zero have the cosine zero with all others."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1), 1e-300)[:, None])


def _placed_in(taught: Taught, form: Form, x: Array, y: Array) -> Placed:
    there_x, there_y = taught.common(form)
    return placed(x @ there_x.T, y @ there_y.T)
