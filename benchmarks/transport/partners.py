"""Partners found among unseen samples, by number of pairs: ours, and what others do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.transport.ways import Compared, all_ways
from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.transport import translate
from methexis.transport.held_out import placed

OURS = "translate"


@dataclass(frozen=True)
class Drawing:
    """How often, and from how many pairs.

    Attributes
    ----------
    pairs : tuple of int
        From how many pairs is learnt; 0 stands for all that are not unseen.
    unseen : int
        Samples whose partners are sought among each other.
    draws : int
        How often pairs and unseen samples are drawn.
    seed : int
    """

    pairs: tuple[int, ...]
    unseen: int
    draws: int
    seed: int


@dataclass(frozen=True)
class Partners:
    """What came out.

    Attributes
    ----------
    unseen : int
        Samples whose partners are sought.
    top1 : dict
        By way and number of pairs: share of partners found, from first to second and back, of each
        draw.
    seconds : dict
        Likewise: processor time of learning in both directions, the certificate and its choice
        included, and of mapping unseen rows.
    chosen : dict
        By number of pairs: kinds of maps that `translate` chose, of prediction and of the common
        space, of each draw.
    """

    unseen: int
    top1: dict[str, dict[int, list[tuple[float, float]]]]
    seconds: dict[str, dict[int, list[float]]]
    chosen: dict[int, list[tuple[str, str]]]

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def partners(x: Array, y: Array, drawing: Drawing, *, announce: Callable[[str], None]) -> Partners:
    """Learn from pairs, and look for the partners of other samples.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Of the same samples.
    drawing : Drawing
    announce : function of str
        Told what is run.

    Raises
    ------
    MethexisError
        If there are too few samples.
    """
    needed = max(drawing.pairs) + drawing.unseen
    if len(x) < needed or len(x) != len(y):
        raise MethexisError(
            f"samples: expected at least {needed:,} paired rows, got {len(x):,} and {len(y):,}; "
            "give fewer --pairs or --unseen"
        )
    counts = [count or len(x) - drawing.unseen for count in drawing.pairs]
    ways = all_ways(x.shape[1] == y.shape[1])
    names = (OURS, *ways)
    top1: dict[str, dict[int, list[tuple[float, float]]]] = {
        w: {n: [] for n in counts} for w in names
    }
    seconds: dict[str, dict[int, list[float]]] = {way: {n: [] for n in counts} for way in names}
    chosen: dict[int, list[tuple[str, str]]] = {n: [] for n in counts}
    for draw in range(drawing.draws):
        order = np.random.default_rng([drawing.seed, draw]).permutation(len(x))
        unseen, known = order[: drawing.unseen], order[drawing.unseen :]
        new = x[unseen], y[unseen]
        for count in counts:
            announce(f"draw {draw + 1} of {drawing.draws}, {count:,} pairs")
            pairs = x[known[:count]], y[known[:count]]
            kinds, rows, spent = _ours(pairs, new, drawing.seed)
            chosen[count].append(kinds)
            seconds[OURS][count].append(spent)
            there, back = placed(*rows).first.mean(axis=1)
            top1[OURS][count].append((float(there), float(back)))
            for name, way in ways.items():
                shares, spent = _theirs(way, pairs, new)
                seconds[name][count].append(spent)
                top1[name][count].append(shares)
    return Partners(drawing.unseen, top1, seconds, chosen)


def _ours(
    pairs: Sequence[Array], new: Sequence[Array], seed: int
) -> tuple[tuple[str, str], tuple[Array, Array], float]:
    """Kinds of maps that are chosen, unseen rows in the common space, and processor time."""
    began = time.process_time()
    translation = translate(pairs[0], pairs[1], seed=seed)
    rows = translation.common(new[0]), translation.common(y=new[1])
    return (translation.map, translation.matching), rows, time.process_time() - began


def _theirs(
    way: Compared, pairs: Sequence[Array], new: Sequence[Array]
) -> tuple[tuple[float, float], float]:
    """Shares that another way finds there and back, and its processor time."""
    began = time.process_time()
    there = way(pairs[0], pairs[1], new[0], new[1])
    back = way(pairs[1], pairs[0], new[1], new[0])
    spent = time.process_time() - began
    first, second = (float(placed(*rows).first[0].mean()) for rows in (there, back))
    return (first, second), spent
