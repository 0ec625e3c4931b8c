"""The same numbers? Every function of every peer beside ours, on the same data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measures.differences import AGREEMENT, DIFFERENCES
from benchmarks.processes import Worker
from methexis.core.checks import Array

#: Samples and features of the pairs: few, many, and more features than samples.
SHAPES = ((60, 8, 5), (300, 64, 48), (50, 100, 120))


@dataclass(frozen=True)
class Agreement:
    """One function of a peer on one pair.

    Attributes
    ----------
    peer, function : str
        Of what.
    measure, options : str, dict
        Our name for it.
    shape : (int, int, int)
        Samples, features of x, features of y.
    ours, theirs : float
        The numbers; theirs NaN if it failed.
    difference : float
        ``|ours - theirs|`` relative to the larger of 1 and ``|ours|``.
    agrees : bool
        Whether that is at most 1e-6.
    reason : str
        Why not, where it does not.
    formula : float or None
        The difference of the peer's number from our formula for it.
    explained : bool
        Whether it agrees, or there is a reason and its formula, if any, gives the peer's number.
    """

    peer: str
    function: str
    measure: str
    options: dict[str, Any]
    shape: tuple[int, int, int]
    ours: float
    theirs: float
    difference: float
    agrees: bool
    reason: str
    formula: float | None
    explained: bool


def pair(shape: tuple[int, int, int], seed: int = 0) -> tuple[Array, Array]:
    """Two representations with three signals in common, and noise."""
    n, dx, dy = shape
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 3))
    x, y = (shared @ rng.normal(size=(3, d)) + rng.normal(size=(n, d)) for d in (dx, dy))
    return x, y


def agreements(
    ours: Worker, peers: dict[str, Worker], folder: Path, shapes: Any = SHAPES
) -> list[Agreement]:
    """All functions of all peers on all pairs."""
    found = []
    for k, shape in enumerate(shapes):
        x, y = pair(shape)
        file = folder / f"pair{k}.npz"
        np.savez(file, x=x, y=y)
        for name, worker in peers.items():
            for row in worker.call("scores", file=str(file)):
                number = ours.call(
                    "score", file=str(file), measure=row["measure"], options=row["options"]
                )
                found.append(_judged(name, row, shape, float(number), x, y))
    return found


def _judged(
    peer: str, row: dict[str, Any], shape: tuple[int, int, int], ours: float, x: Array, y: Array
) -> Agreement:
    theirs = float(row.get("value", np.nan))
    difference = abs(ours - theirs) / max(1.0, abs(ours))
    agrees = bool(difference <= AGREEMENT)
    known = DIFFERENCES.get((peer, row["function"]))
    reason, formula, explained = "", None, agrees
    if not agrees and "failed" in row:
        reason, explained = row["failed"], True
    elif not agrees and known is not None:
        reason = known.reason
        if known.formula is not None:
            formula = abs(known.formula(x, y) - theirs)
            explained = bool(formula <= known.tolerance * max(1.0, abs(theirs)))
        else:
            explained = known.tolerance == AGREEMENT or bool(difference <= known.tolerance)
    return Agreement(
        peer,
        row["function"],
        row["measure"],
        row["options"],
        shape,
        ours,
        theirs,
        difference,
        agrees,
        reason,
        formula,
        explained,
    )
