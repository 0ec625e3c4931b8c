"""`explain`: which maps must be allowed before one representation predicts the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from methexis.core.checks import integer, number, shown
from methexis.errors import MethexisError
from methexis.explaining.ancestry import ancestry
from methexis.explaining.explanation import Explanation
from methexis.explaining.ladder import Ladder, climbed
from methexis.explaining.rung import Rung
from methexis.explaining.sharing import NUM_NAMED, shared_dimensions, side
from methexis.explaining.verdict import (
    DOUBT,
    MATERIAL,
    MOST_OPTIMISM,
    NOTHING,
    Gain,
    Verdict,
    judged,
)
from methexis.explaining.words import told
from methexis.maps.paired import Paired, paired
from methexis.measures.inference.plan import Progress
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.preprocessing import preprocessing as steps_named

#: Half the width of a 95 % interval, in standard errors.
_REACH = 1.96
#: Beyond so many times as small an error no number of samples is named truly.
_MOST_TIMES = 1e3


def explain(
    x: Any,
    y: Any,
    *,
    preprocessing: Preprocessing | str | None = None,
    material: float = MATERIAL,
    seed: int = 0,
    names: tuple[str, str] = ("A", "B"),
    progress: Progress | None = None,
) -> Explanation:
    """Say which maps must be allowed before one representation predicts the other.

    A ladder of six kinds of maps, each a part of the next: the *same coordinates*, units in another
    *order*, a *rotation*, a rotation behind *weights* along the principal directions, any *linear*
    map, and a smooth *nonlinear* one; all but the last with one scale, and behind a filter of what
    each side has for itself. Each is fitted in both directions without the samples that it
    predicts. What is needed is the smallest kind beyond which no larger one explains more that
    matters. docs/explain.md has the mathematics.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Features of the same samples in the same order, as `compare` takes them; numbers of features
        may differ.
    preprocessing : Preprocessing or {"none", "prh", "prh_rows"}, optional
        Steps before; none by default. Both sides are centred in any case.
    material : float
        Gain from which it matters, as a share of what the best map explains; 2 % by default.
    seed : int
        Of the folds.
    names : (str, str)
        What the result calls both.
    progress : function of (what, done, all), optional
        Told how far it is.

    Returns
    -------
    Explanation

    Raises
    ------
    MethexisError
        On input that is refused, and on fewer than 20 samples that differ.

    Notes
    -----
    Shares are of variance, so they speak of the directions that have much of it first. The time
    grows with ``n d²`` and ``d³``.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 8)) * np.arange(1, 9) ** -0.5
    >>> turn = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    >>> found = explain(x, 3.0 * x @ turn)
    >>> found.rung, round(found.rung_named("rotation").share, 6)
    ('rotation', 1.0)
    >>> explain(x, x @ rng.normal(size=(8, 8))).rung
    'linear'
    """
    material = number("material", material, above=0.0, below=1.0)
    seed = integer("seed", seed, least=0)
    called: Any = names
    if (
        not isinstance(called, tuple | list)
        or [isinstance(one, str) for one in called] != [True] * 2
    ):
        raise MethexisError(f"names: expected two words, of x and of y, got {shown(called)}")
    steps = steps_named(preprocessing)
    pair = paired(x, y, steps, names=names, seed=seed)

    def tell(done: int, total: int) -> None:
        if progress is not None:
            progress("fits", done, total)

    ladder = climbed(pair, seed=seed, tell=tell)
    verdict = judged(ladder, pair.groups, material=material)
    shared = shared_dimensions(ladder, pair) if verdict.rung != NOTHING else 0
    linear = ladder.rungs.index("linear")
    left = ladder.losses[linear].sum(axis=1) / ladder.spread.sum(axis=1)
    ranks = [max(len(one) for one in axis) for axis in _spectra(ladder)]
    sides = (
        side(names[0], pair.x, ladder.left_x, ranks[0], shared, float(left[1])),
        side(names[1], pair.y, ladder.left_y, ranks[1], shared, float(left[0])),
    )
    rungs = tuple(_rung(ladder, pair, verdict, r) for r in range(len(ladder.rungs)))
    resolves = _resolves(ladder, verdict, material)
    explanation = Explanation(
        names=(names[0], names[1]),
        rung=verdict.rung,
        possible=verdict.possible,
        why=verdict.why,
        rungs=rungs,
        n=pair.num_samples,
        sides=sides,
        shared=shared,
        ancestry=ancestry(pair, seed=seed),
        movers=_movers(ladder, verdict),
        repeated=pair.num_repeated,
        resolves=resolves,
        wanted=_wanted(ladder, pair, verdict, material),
        optimism=ladder.optimism,
        material=material,
        preprocessing=steps.described(),
        seed=seed,
    )
    return told(explanation)


def renamed(explanation: Explanation, names: tuple[str, str]) -> Explanation:
    """The same with other names of both."""
    one, other = explanation.sides
    sides = replace(one, name=names[0]), replace(other, name=names[1])
    return told(replace(explanation, names=names, sides=sides))


def _spectra(ladder: Ladder) -> tuple[list[Any], list[Any]]:
    return [fit.lx for fit in ladder.fits], [fit.ly for fit in ladder.fits]


def _influence(ladder: Ladder, rung: int) -> tuple[float, Any]:
    """The share of a rung, and what each sample moves it by, times their number."""
    means = ladder.spread.mean(axis=1)[:, None]
    shares = 1.0 - ladder.losses[rung].sum(axis=1) / ladder.spread.sum(axis=1)
    moved = (1.0 - shares)[:, None] * ladder.spread - ladder.losses[rung]
    return float(shares.mean()), np.mean(moved / means, axis=0)


def _rung(ladder: Ladder, pair: Paired, verdict: Verdict, rung: int) -> Rung:
    share, moved = _influence(ladder, rung)
    sums = np.bincount(pair.groups, moved)
    count = len(sums)
    error = float(np.sqrt(np.sum(sums**2) * count / (count - 1.0))) / pair.num_samples
    shares = 1.0 - ladder.losses[rung].sum(axis=1) / ladder.spread.sum(axis=1)
    far = 1.0 - ladder.extrapolated[rung].sum(axis=1) / ladder.spread.sum(axis=1)
    gain = _gain_of(ladder, verdict, rung)
    return Rung(
        name=ladder.rungs[rung],
        share=share,
        ci=(share - _REACH * error, share + _REACH * error),
        shares=(float(shares[0]), float(shares[1])),
        extrapolated=float(far.mean()) if ladder.reaches else share,
        gain=gain.gain,
        error=gain.error,
        p=gain.p,
    )


def _gain_of(ladder: Ladder, verdict: Verdict, rung: int) -> Gain:
    """The gain over the rung below, or over nothing."""
    pair = ladder.rungs[rung], ladder.rungs[rung - 1] if rung else NOTHING
    return next(one for one in verdict.gains if (one.rung, one.over) == pair)


def _resolves(ladder: Ladder, verdict: Verdict, material: float) -> float:
    """Least gain that would be told."""
    errors = [g.error for g in verdict.gains if g.over in verdict.possible and g.over != NOTHING]
    matters = material * verdict.best + DOUBT * max(ladder.optimism, 0.0)
    return max(matters, 2.0 * max(errors, default=0.0))


def _wanted(ladder: Ladder, pair: Paired, verdict: Verdict, material: float) -> int:
    """About how many samples would tell; 0 where these do."""
    if verdict.rung is not None or verdict.best <= 0.0:
        return 0
    n = pair.num_samples
    widest = max(pair.x.shape[1], pair.y.shape[1])
    open_ = [
        g for g in verdict.gains if g.over == verdict.possible[0] and g.rung in verdict.possible
    ]
    error = max((g.error for g in open_), default=0.0)
    needed = [
        n * max(ladder.optimism, 0.0) / (0.5 * MOST_OPTIMISM),
        n * min(2.0 * _REACH * error / (material * verdict.best), _MOST_TIMES) ** 2,
        5.0 * widest,
        2.0 * n,
    ]
    size = max(needed)
    step = 10 ** (len(str(int(size))) - 1)
    return int(np.ceil(size / step) * step)


def _movers(ladder: Ladder, verdict: Verdict) -> tuple[tuple[int, float], ...]:
    """Samples that move the share of the rung that is needed, or of the linear one, the most."""
    name = verdict.rung if verdict.rung in ladder.rungs else "linear"
    assert name is not None
    _, moved = _influence(ladder, ladder.rungs.index(name))
    total = float(np.sum(moved**2))
    if total <= 1e-20 * len(moved):
        return ()
    order = np.argsort(-(moved**2))[:NUM_NAMED]
    return tuple((int(k), float(moved[k] ** 2 / total)) for k in order)
