"""`translate_unpaired`: maps between two representations of which no pair of samples is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from methexis.core.checks import Array, boolean, integer, one_of, shown
from methexis.core.parallel.threads import one_blas_thread
from methexis.errors import MethexisError
from methexis.measures.inference.plan import Progress
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.preprocessing import preprocessing as steps_named
from methexis.transport.between import OneSide
from methexis.transport.held_out import unit
from methexis.transport.translating import named_both
from methexis.transport.unpaired.learning import Moments, Neighbours, learner
from methexis.transport.unpaired.result import UnpairedCertificate, UnpairedTranslation
from methexis.transport.unpaired.sides import Side, side_of


@one_blas_thread
def translate_unpaired(
    x: Any,
    y: Any,
    *,
    pair: tuple[int, int] | None = None,
    map: str = "auto",
    shared: bool = False,
    preprocessing: Preprocessing | str | None = None,
    seed: int = 0,
    names: tuple[str, str] = ("A", "B"),
    progress: Progress | None = None,
) -> UnpairedTranslation:
    """Translate between two representations of which no pair is known, and say whether to.

    Neither rows nor features of x and y correspond: they may be of other samples, of one law. A
    *rotation* is begun from profiles of similarities and refined by neighbours; a *scaled* map, a
    rotation of whitened coordinates, is learnt from moments and characteristic functions.
    The certificate is an estimate of how many partners the map finds, from rows held out that
    return to themselves, from maps begun anew or from halves. docs/translation.md has the
    mathematics, what the estimate assumes, and what no method can know without pairs.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        At least 100 rows each; numbers of rows and of features may differ.
    pair : (int, int), optional
        A row of x and the row of y that is its partner. It decides where several maps fit equally,
        such as one and its negative.
    map : {"auto", "rotation", "scaled"}
        By default *scaled* where both sides have as many directions and at most 32, and *rotation*
        else.
    shared : bool
        Whether both sides hold the same samples, in orders that nobody knows. A rotation then ends
        by pairing rows that are each other's nearest, and its certificate sees what either side has
        of its own. By default they need not, and it assumes that neither has anything.
    preprocessing : Preprocessing or {"none", "prh", "prh_rows"}, optional
        Steps before, on every row by itself; none by default. Both sides are centred in any case.
    seed : int
        Of rows held out, of samples that are drawn, and of starts. The same seed gives the same
        bits on one machine.
    names : (str, str)
        What the result calls both.
    progress : function of (what, done, all), optional
        Told how far it is.

    Returns
    -------
    UnpairedTranslation
        Look at its `found` before using it: where nothing was found there are maps, and they are
        worth nothing.

    Raises
    ------
    MethexisError
        If either side is refused, has fewer than 100 rows, or is Gaussian as far as its rows tell;
        if several maps fit equally and there is no pair; or if an option is none.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mix, other = rng.normal(size=(6, 3)), rng.normal(size=(3, 5))
    >>> x = rng.exponential(size=(4000, 6)) @ mix
    >>> y = rng.exponential(size=(4000, 6)) @ mix @ other
    >>> translation = translate_unpaired(x, y)
    >>> translation.found, translation.map
    (True, 'scaled')
    >>> unseen = rng.exponential(size=(500, 6)) @ mix
    >>> error = translation.forward(unseen) - unseen @ other
    >>> bool(np.sum(error**2) < 0.02 * np.sum((unseen @ other - y.mean(axis=0)) ** 2))
    True
    """
    one_of("map", map, ("auto", "rotation", "scaled"))
    seed = integer("seed", seed, least=0)
    named = named_both(names)
    steps = steps_named(preprocessing)
    if steps.centre:
        raise MethexisError(
            "preprocessing: expected steps that see each row by itself, got centre=True; both "
            "sides are centred anyway, by their means"
        )
    one, other = (side_of(name, given, steps) for name, given in zip(named, (x, y), strict=True))
    known = _known(pair, one, other)
    kind, learns = learner(map, one, other, boolean("shared", shared))

    def tell(done: int) -> None:
        if progress is not None:
            progress("maps", done, 3)

    tell(0)
    learnt = learns.learn(np.random.default_rng([seed, 20]), tell)
    certificate = UnpairedCertificate.of(learnt)
    turn = learnt.maps[0] if known is None else _chosen(learns, learnt.maps, known)
    if certificate.found and known is None and len(learnt.maps) > 1:
        raise MethexisError(
            f"pair: expected the rows of one known pair, (i, j), because {named[0]} and "
            f"{named[1]} are symmetric: several maps fit equally, such as one and its "
            "negative; got None"
        )
    tell(3)
    return UnpairedTranslation(
        names=named,
        map=kind,
        n=(len(one.rows), len(other.rows)),
        certificate=certificate,
        preprocessing=steps,
        seed=seed,
        sides=_sides(kind, (one, other), np.asarray(turn, dtype=np.float64)),
    )


def _known(pair: Any, one: Side, other: Side) -> tuple[int, int] | None:
    """The rows of a known pair, checked."""
    if pair is None:
        return None
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise MethexisError(
            f"pair: expected a row of x and its partner's row of y, (i, j), got {shown(pair)}"
        )
    i, j = (
        integer("pair", row, least=0, most=len(side.rows) - 1)
        for row, side in zip(pair, (one, other), strict=True)
    )
    return i, j


def _chosen(learns: Neighbours | Moments, maps: list[Array], known: tuple[int, int]) -> Array:
    """The one of several maps that takes one of a known pair nearest to the other."""
    x, y = unit(learns.x[known[0]][None])[0], unit(learns.y[known[1]][None])[0]
    return max(maps, key=lambda turn: float(x @ turn @ y))


def _sides(kind: str, sides: tuple[Side, Side], turn: Array) -> tuple[OneSide, OneSide]:
    """Both sides of the translation that a map of principal coordinates gives."""
    spreads = [
        np.sqrt(side.variances) / side.size if kind == "scaled" else np.ones(side.rank)
        for side in sides
    ]
    across = [
        spreads[1][:, None] * turn.T / spreads[0],
        spreads[0][:, None] * turn / spreads[1],
    ]
    common = [turn.T / spreads[0], np.diag(1.0 / spreads[1])]
    first, second = (
        OneSide(side.name, side.mean, side.size, side.axes, across[k], common[k], side.bound)
        for k, side in enumerate(sides)
    )
    return first, second
