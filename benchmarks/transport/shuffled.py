"""Without pairs: two encoders of the same texts in orders that nobody knows.

`translate_unpaired` is told that the texts are the same. Others are given the same rows: the cosine
similarities of each side, centred. *Gromov-Wasserstein* is POT's coupling of least squared
differences, by conditional gradients or with an entropy (`ENTROPY`); *FAQ* is SciPy's relaxed
assignment of the same problem, from the middle of all. Of each, a row's partner is the row with
most of its mass, and the best rotation of these pairs maps unseen texts. All take the cube of the
number of rows, so they have few.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

import numpy as np
from scipy.optimize import quadratic_assignment

from benchmarks.transport.ways import procrustes
from methexis.core.checks import Array
from methexis.core.linalg import random_orthogonal
from methexis.errors import MethexisError
from methexis.transport import translate_unpaired
from methexis.transport.held_out import placed, unit

OURS = "translate_unpaired"
#: Entropy of the coupling: of .02, .005 and .001 the one that found partners, in texts of another
#: draw. Steps of the outer loop at most.
ENTROPY, STEPS = 1e-3, 50


@dataclass(frozen=True)
class Shuffled:
    """What one way made of shuffled texts in one draw.

    Attributes
    ----------
    way : str
    texts : int
        Rows that each side was given.
    given, unseen : float
        Share of the given rows, and of others, whose partner is found among each other.
    seconds : float
        Of the processor.
    found : bool or None
        What the certificate says; others have none.
    refused : str
        Why there is no map; then shares are not there.
    """

    way: str
    texts: int
    given: float | None
    unseen: float | None
    seconds: float
    found: bool | None = None
    refused: str = ""

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def shuffled(
    x: Array,
    y: Array,
    *,
    texts: Sequence[int],
    of_others: Sequence[int],
    unseen: int,
    draws: int,
    seed: int,
    announce: Callable[[str], None],
) -> list[Shuffled]:
    """Match both sides of shuffled texts, and count partners.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Of the same texts; the second is turned at random and its rows are shuffled.
    texts, of_others : sequence of int
        How many rows `translate_unpaired` is given, and the other ways.
    unseen : int
        Samples whose partners are sought.
    draws, seed : int
    announce : function of str
        Told what is run.

    Raises
    ------
    MethexisError
        If there are too few samples.
    """
    needed = max([*texts, *of_others]) + unseen
    if len(x) < needed:
        raise MethexisError(
            f"samples: expected at least {needed:,} rows, got {len(x):,}; give fewer --texts or "
            "--unseen"
        )
    if of_others:
        import_module("ot.gromov")  # whose import is not what is timed
    outcomes: list[Shuffled] = []
    for draw in range(draws):
        generator = np.random.default_rng([seed, draw, 1])
        order = generator.permutation(len(x))
        turned = y @ random_orthogonal(y.shape[1], generator)
        new = x[order[:unseen]], turned[order[:unseen]]
        for count in sorted({*texts, *of_others}):
            rows = order[unseen : unseen + count]
            place = generator.permutation(count)
            given = x[rows], turned[rows][place]
            truth = np.argsort(place)  # where on the second side each row of the first is
            for way, match in WAYS.items():
                if count in (texts if way == OURS else of_others):
                    announce(f"draw {draw + 1} of {draws}, {count:,} shuffled texts: {way}")
                    outcomes.append(match(way, given, truth, new))
    return outcomes


Given = tuple[Array, Array]


def _ours(way: str, given: Given, truth: Array, new: Given) -> Shuffled:
    began = time.process_time()
    try:
        translation = translate_unpaired(*given, shared=True)
    except MethexisError as error:
        spent = time.process_time() - began
        return Shuffled(way, len(truth), None, None, spent, False, str(error))
    spent = time.process_time() - began
    right = translation.match(*given).rows == truth
    rows = translation.common(new[0]), translation.common(y=new[1])
    unseen = float(placed(*rows).first[0].mean())
    return Shuffled(way, len(truth), float(right.mean()), unseen, spent, translation.found)


def _coupled(couple: Callable[[Array, Array], Array]) -> Callable[..., Shuffled]:
    """A way that pairs given rows by the similarities of both sides."""

    def match(way: str, given: Given, truth: Array, new: Given) -> Shuffled:
        began = time.process_time()
        centred = [unit(side - side.mean(axis=0)) for side in given]
        partner = couple(*(one @ one.T for one in centred))
        rows = procrustes(given[0], given[1][partner], *new)
        spent = time.process_time() - began
        unseen = float(placed(*rows).first[0].mean())
        return Shuffled(way, len(truth), float(np.mean(partner == truth)), unseen, spent)

    return match


def by_transport(one: Array, other: Array) -> Array:
    """Partners by the coupling of Gromov and Wasserstein, by conditional gradients."""
    return _partners("gromov_wasserstein", one, other)


def by_entropic_transport(one: Array, other: Array) -> Array:
    """Partners by the same coupling with an entropy."""
    options = {"epsilon": ENTROPY, "max_iter": STEPS, "tol": 1e-7}
    return _partners("entropic_gromov_wasserstein", one, other, **options)


def _partners(name: str, one: Array, other: Array, **options: Any) -> Array:
    """Where most of the mass of each row goes."""
    even = np.full(len(one), 1.0 / len(one))
    couple = getattr(import_module("ot.gromov"), name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its plan has not settled is seen in its partners
        plan = couple(1.0 - one, 1.0 - other, even, even, symmetric=True, **options)
    return np.asarray(np.argmax(plan, axis=1))


def by_assignment(one: Array, other: Array) -> Array:
    """Partners by the relaxed quadratic assignment."""
    chance = np.random.default_rng(0)
    return np.asarray(
        quadratic_assignment(one, other, options={"maximize": True, "rng": chance}).col_ind
    )


WAYS: dict[str, Callable[..., Shuffled]] = {
    OURS: _ours,
    "Gromov-Wasserstein": _coupled(by_transport),
    "Gromov-Wasserstein, entropic": _coupled(by_entropic_transport),
    "FAQ": _coupled(by_assignment),
}
