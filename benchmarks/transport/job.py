"""Partners found among unseen samples, by number of pairs: ours, and what others do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.transport.peers import PEERS
from methexis.core.checks import Array, integer
from methexis.errors import MethexisError
from methexis.transport import translate
from methexis.transport.held_out import placed
from methexis.version import __version__

OURS = "translate"


@dataclass(frozen=True)
class TransportSettings:
    """What is run.

    Attributes
    ----------
    pairs : tuple of int
        From how many pairs is learnt.
    unseen : int
        Samples whose partners are sought among each other.
    draws : int
        How often pairs and unseen samples are drawn.
    seed : int
    """

    pairs: tuple[int, ...] = (64, 256, 1024, 4096)
    unseen: int = 4096
    draws: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for count in self.pairs:
            integer("pairs", count, least=20)
        integer("unseen", self.unseen, least=2)
        integer("draws", self.draws, least=1)
        integer("seed", self.seed, least=0)


@dataclass(frozen=True)
class TransportResult:
    """What came out.

    Attributes
    ----------
    settings : TransportSettings
    top1 : dict
        By way and number of pairs: share of partners found, from first to second, of each draw.
    chosen : dict
        By number of pairs: map and common space that `translate` chose, of each draw.
    seconds : dict
        By number of pairs: processor time of `translate` with its certificate, of each draw.
    machine : dict
    """

    settings: TransportSettings
    top1: dict[str, dict[int, list[float]]]
    chosen: dict[int, list[tuple[str, str]]]
    seconds: dict[int, list[float]]
    machine: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self) | {"version": __version__}


def run_transport(
    x: Array, y: Array, settings: TransportSettings, *, announce: Callable[[str], None]
) -> TransportResult:
    """Learn from pairs, and look for the partners of other samples.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Of the same samples.
    settings : TransportSettings
    announce : function of str
        Told what is run.

    Raises
    ------
    MethexisError
        If there are too few samples.
    """
    needed = max(settings.pairs) + settings.unseen
    if len(x) < needed or len(x) != len(y):
        raise MethexisError(
            f"A, B: expected at least {needed:,} paired rows, got {len(x):,} and {len(y):,}; give "
            "fewer --pairs or --unseen"
        )
    ways = [OURS, *(name for name in PEERS if name != "procrustes" or x.shape[1] == y.shape[1])]
    top1: dict[str, dict[int, list[float]]] = {way: {n: [] for n in settings.pairs} for way in ways}
    chosen: dict[int, list[tuple[str, str]]] = {n: [] for n in settings.pairs}
    seconds: dict[int, list[float]] = {n: [] for n in settings.pairs}
    for draw in range(settings.draws):
        order = np.random.default_rng([settings.seed, draw]).permutation(len(x))
        unseen, known = order[: settings.unseen], order[settings.unseen :]
        for count in settings.pairs:
            announce(f"draw {draw + 1} of {settings.draws}, {count:,} pairs")
            pairs = x[known[:count]], y[known[:count]]
            began = time.process_time()
            translation = translate(*pairs, seed=settings.seed)
            seconds[count].append(time.process_time() - began)
            chosen[count].append((translation.map, translation.matching))
            rows = translation.common(x[unseen]), translation.common(y=y[unseen])
            top1[OURS][count].append(float(placed(*rows).first[0].mean()))
            for way in ways[1:]:
                rows = PEERS[way](*pairs, x[unseen], y[unseen])
                top1[way][count].append(float(placed(*rows).first[0].mean()))
    return TransportResult(settings, top1, chosen, seconds, machine())
