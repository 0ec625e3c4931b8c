"""All rungs, each fitted without the samples that it predicts.

A *loss* is the squared distance of a sample to its prediction. Per rung, direction and sample there
are two: of maps fitted to all other folds, and of maps fitted to about half of these. A rung that
is right in the population still loses by what it takes from samples, such as principal directions,
and a larger rung may lose less by that. What regression on d directions loses so is in proportion
to ``1/(n - d)``, for normal numbers exactly (up to 1), so that

    l(n) - g (l(n/2) - l(n)),    g = (n/2 - d)/(n/2)

is free of it: the *extrapolated* loss, which is nearer to that of a rung that is fitted to the
population. Of many samples g is 1; where n/2 is near d, halves say little, and nothing is
extrapolated from them. By it rungs are told apart; shares are told by l(n).

Some rungs are fitted in two ways, because what is best of many samples is not what is best of few:
isometries with a filter and without, the linear map as ridge regression, and as a rotation with
ridge regression of what it leaves. The better of these *variants* is chosen for each fold by the
others, twice: by l(n) for shares, and by the extrapolated loss for telling rungs apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.explaining.filters import plain
from methexis.explaining.nonlinear import chosen_samples, cross_chosen, predictions
from methexis.explaining.reweighting import reweighted
from methexis.explaining.rotations import identity, isometric, permutation, rotations
from methexis.maps.fit import Fit, Maps, Sums
from methexis.maps.paired import Paired
from methexis.maps.projected import Projected

#: From the smallest group of maps to all that is smooth.
RUNGS = ("identity", "permutation", "rotation", "reweighted", "linear", "nonlinear")
#: Share left beyond that of the linear map, in sample, from which a rung is not fitted to halves.
_HOPELESS = 0.3
#: Most variants of a rung, and the loss of one that it has not.
_VARIANTS = 3
_NEVER = 1e30
#: The variant of the linear rung that is ridge regression. It is the one to extrapolate, because
#: the ridge on what a rotation leaves jumps with the number of samples, and so does the loss.
_REGRESSION = 0
#: Samples per direction that has variance from which losses fall as one over their number.
_ENOUGH = 1.5


@dataclass(frozen=True, eq=False)
class Ladder:
    """Losses of all rungs.

    Attributes
    ----------
    rungs : tuple of str
    losses, extrapolated, halved : arrays (num_rungs, 2, num_samples)
        From x to y, and from y to x, in units of the total variance; the last of maps fitted to
        about half as many samples.
    spread : array (2, num_samples)
        Squared distance of each sample of y, and of x, to the mean of the training samples.
    optimism : float
        What the linear map explains of its training samples more than of those left out.
    left_y, left_x : arrays (num_samples, dy), (num_samples, dx)
        What the linear map leaves of samples left out.
    fits : tuple of Fit
        One per fold, of all other folds.
    part : array (num_samples,) of bool
        Samples whose losses of the nonlinear rung were measured; elsewhere they are the linear
        ones.
    reaches : bool
        Whether halves have samples enough for the leading order to hold, so that `extrapolated`
        may be used.
    """

    rungs: tuple[str, ...]
    losses: Array
    extrapolated: Array
    halved: Array
    spread: Array
    optimism: float
    left_y: Array
    left_x: Array
    fits: tuple[Fit, ...]
    part: NDArray[np.bool_]
    reaches: bool = True


def climbed(
    pair: Paired, *, seed: int = 0, tell: Callable[[int, int], None] = lambda _, __: None
) -> Ladder:
    """Fit all rungs without each fold in turn, and predict it.

    Parameters
    ----------
    pair : Paired
    seed : int
        Of the samples that take part in the nonlinear rung.
    tell : function of (done, all)
        Told how many fits are done.
    """
    n, k = pair.num_samples, pair.num_folds
    same = pair.x.shape[1] == pair.y.shape[1]
    rungs = RUNGS if same else RUNGS[1:]
    sums = [Sums.of(pair.x[pair.fold == f], pair.y[pair.fold == f]) for f in range(k)]
    losses = _Losses(rungs, n)
    fits, lines, learnt = [], [], []
    for f in range(k):
        test = pair.fold == f
        fit = Fit.of(Sums.total([sums[g] for g in range(k) if g != f]))
        maps = all_maps(fit, rungs)
        projected = Projected(fit, pair, test)
        losses.spread[:, test] = projected.spread
        for rung, variants in maps.items():
            for variant, one in enumerate(variants):
                losses.full[rungs.index(rung), variant, :, test] = projected.losses(one).T
        losses.residuals(fit, projected, pair, test)
        tell(2 * f + 1, 2 * k)
        least = fit.loss(fit.linear)
        wanted = [rung for rung in maps if fit.loss(maps[rung][0]) - least < _HOPELESS]
        nearby = [(f + 1 + g) % k for g in range(max(k // 2, 1))]
        half = Fit.of(Sums.total([sums[g] for g in nearby]))
        halved = Projected(half, pair, test)
        widest = max(len(fit.lx), len(fit.ly))
        losses.reaches = losses.reaches and half.count >= _ENOUGH * widest
        losses.reach[test] = max(half.count - widest, 0) / (fit.count - half.count)
        for rung, variants in all_maps(half, tuple(wanted)).items():
            for variant, one in enumerate(variants):
                losses.half[rungs.index(rung), variant, :, test] = halved.losses(one).T
        fits.append(fit)
        lines.append(maps["linear"])
        learnt.append(fit.learnt)
        tell(2 * f + 2, 2 * k)
    return losses.ladder(pair, fits, lines, float(np.mean(learnt)), seed)


def all_maps(fit: Fit, rungs: tuple[str, ...]) -> dict[str, tuple[Maps, ...]]:
    """Maps of the rungs up to the linear one, each with its variants."""
    maps_of: dict[str, tuple[Maps, ...]] = {}
    if "identity" in rungs:
        same = identity(fit)
        maps_of["identity"] = isometric(fit, same), plain(fit, same)
    if "permutation" in rungs:
        order = permutation(fit)
        maps_of["permutation"] = isometric(fit, order), plain(fit, order)
    if not {"rotation", "reweighted", "linear"}.isdisjoint(rungs):
        turns = rotations(fit)
        every = [(isometric(fit, turn), turn) for turn in turns]
        best, turn = min(every, key=lambda one: fit.loss(one[0]))
        bare = plain(fit, turn)
        maps_of["rotation"] = best, bare
        if "reweighted" in rungs:
            maps_of["reweighted"] = (reweighted(fit, turns, best),)
        maps_of["linear"] = fit.linear, fit.beyond(best), fit.beyond(bare)
    return {rung: maps for rung, maps in maps_of.items() if rung in rungs}


class _Losses:
    """Losses as they come in, of each rung with its variants."""

    def __init__(self, rungs: tuple[str, ...], n: int) -> None:
        self.rungs = rungs
        self.full = np.full((len(rungs), _VARIANTS, 2, n), np.inf)
        self.half = np.full((len(rungs), _VARIANTS, 2, n), np.inf)
        self.spread = np.zeros((2, n))
        self.reach = np.ones(n)
        self.reaches = True
        self.left_x: Array | None = None
        self.left_y: Array | None = None

    def residuals(self, fit: Fit, at: Projected, pair: Paired, test: NDArray[np.bool_]) -> None:
        """Keep what the linear map leaves of the test samples, in units."""
        if self.left_x is None or self.left_y is None:
            self.left_x, self.left_y = np.empty_like(pair.x), np.empty_like(pair.y)
        forward, backward = fit.linear.forward, fit.linear.backward
        y = pair.y[test] - fit.mean_y
        self.left_y[test] = y - (at.x @ forward.T) @ fit.axes_y.T
        x = pair.x[test] - fit.mean_x
        self.left_x[test] = x - (at.y @ backward.T) @ fit.axes_x.T

    def ladder(
        self,
        pair: Paired,
        fits: list[Fit],
        lines: list[tuple[Maps, ...]],
        learnt: float,
        seed: int,
    ) -> Ladder:
        """All of it, with the nonlinear rung.

        Its gain over the better linear map is told on top of the best that is extrapolated, because
        that map may be a rotation, and regression extrapolated not as far.
        """
        assert self.left_x is not None
        assert self.left_y is not None
        losses, far, halved, variants = self._variants(pair.fold)
        top, linear = len(self.rungs) - 1, len(self.rungs) - 2
        part = chosen_samples(pair.num_samples, seed)
        best = [lines[f][variants[linear, f]] for f in range(len(fits))]
        bent = self._nonlinear(pair, fits, best, losses[linear], part, seed)
        least = far[linear]
        if self.reaches:
            rung = self._better(far[None, :top], pair.fold)[0]
            least = far[rung[pair.fold], :, np.arange(pair.num_samples)].T
        gained = bent - losses[linear]
        losses[top], far[top], halved[top] = bent, least + gained, halved[linear] + gained
        ridged = self.full[linear, _REGRESSION]
        held_out = 1.0 - float(np.mean(ridged.sum(axis=1) / self.spread.sum(axis=1)))
        return Ladder(
            self.rungs, losses, far, halved, self.spread, learnt - held_out,
            self.left_y, self.left_x, tuple(fits), part, self.reaches,
        )  # fmt: skip

    def _variants(self, fold: NDArray[np.int64]) -> tuple[Array, Array, Array, NDArray[np.int64]]:
        """Losses, extrapolated and halved ones of the better variants, and which the first are.

        The last is an array (num_rungs, num_folds). Where losses do not reach, extrapolated ones
        are those of the same variant, so that both belong to one kind of map.
        """
        there = np.isfinite(self.full)
        full = np.where(there, self.full, _NEVER)
        half = np.where(np.isfinite(self.half), self.half, full)
        beyond = np.where(there, full + self.reach * (full - half), _NEVER)
        now = self._better(full, fold)
        far = now.copy()
        if self.reaches:
            far = self._better(beyond, fold)
            far[self.rungs.index("linear")] = _REGRESSION
        rungs, sides = np.arange(len(self.rungs))[:, None, None], np.arange(2)[:, None]
        samples = np.arange(full.shape[-1])
        return (
            full[rungs, now[:, fold][:, None], sides, samples],
            beyond[rungs, far[:, fold][:, None], sides, samples],
            half[rungs, now[:, fold][:, None], sides, samples],
            now,
        )

    def _better(self, losses: Array, fold: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which variant of each rung has less over the other folds, for each fold."""
        means = self.spread.mean(axis=1)
        every = np.einsum("rvsn,s->rvn", losses, 1.0 / means)
        of_fold = fold == np.arange(int(fold.max()) + 1)[:, None]
        sums = every @ of_fold.T
        return np.asarray(np.argmin(sums.sum(axis=2, keepdims=True) - sums, axis=1))

    def _nonlinear(
        self,
        pair: Paired,
        fits: list[Fit],
        lines: list[Maps],
        linear: Array,
        part: NDArray[np.bool_],
        seed: int,
    ) -> Array:
        """Losses of the nonlinear rung, from what linear maps leave; `linear` has their losses."""
        rest = linear.copy()
        for direction in range(2):
            rows: list[list[Array]] = []
            places = []
            for f, fit in enumerate(fits):
                test, train = (pair.fold == f) & part, (pair.fold != f) & part
                known, aim = (pair.x, pair.y) if direction == 0 else (pair.y, pair.x)
                means = (fit.mean_x, fit.mean_y) if direction == 0 else (fit.mean_y, fit.mean_x)
                axes = (fit.axes_x, fit.axes_y) if direction == 0 else (fit.axes_y, fit.axes_x)
                line = lines[f].forward if direction == 0 else lines[f].backward
                inside = [(known[s] - means[0]) @ axes[0] for s in (train, test)]
                goals = [(aim[s] - means[1]) @ axes[1] for s in (train, test)]
                left = [g - i @ line.T for g, i in zip(goals, inside, strict=True)]
                beyond = linear[direction, test] - np.sum(left[1] ** 2, axis=1)
                made = predictions(inside[0], left[0], inside[1], seed)
                rows.append([np.sum((left[1] - one) ** 2, axis=1) + beyond for one in made])
                places.append(np.flatnonzero(test))
            where = np.concatenate(places)
            losses = np.stack([np.concatenate(each) for each in zip(*rows, strict=True)])
            rest[direction, where] = cross_chosen(
                losses, linear[direction, where], pair.fold[where]
            )
        return rest
