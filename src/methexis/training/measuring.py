"""What is measured of a run: what is cheap always, what is costly where asked or affordable.

Loss, entropy, trace, balance, alignments, charges and spectra take a few products of small matrices
and are measured of every network at every record. Three quantities take hundreds of times as long:
the projection onto the minima, the entropic gap and the sharpness. Who names them has them of every
network at every record. Otherwise they are measured of some networks at some records, both evenly
spread, as many as an estimate of the work allows. The estimate is made of sizes alone and never of
the clock, so that the same call measures the same on every machine, however busy that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import MethexisError, number
from methexis.core.problem import Problem
from methexis.text import suggestion

#: Variables of a run that each costly quantity fills.
COSTLY: dict[str, tuple[str, ...]] = {
    "projection": (
        "entropy_projected",
        "entropy_ratio_projected",
        "theory_alignment_projected",
        "alignment_projected",
    ),
    "entropic_gap": ("entropic_gap",),
    "sharpness": ("sharpness",),
}
#: Word that asks for all of them.
ALL = "all"
#: Fewest networks and records of which they are measured by default.
LEAST_NETWORKS, LEAST_RECORDS = 8, 5
#: Default of ``budget``: work that goes into costly quantities, over that of the steps.
BUDGET = 0.05
#: Multiply-adds up to which all of a run is measured whatever its steps cost: some tenths of a
#: second.
_ALWAYS = 1e9
#: Multiply-adds of a step that take as long as one of an eigenvalue problem.
_STEPS_PER_SOLVE = 4.0


@dataclass(frozen=True, eq=False)
class Measuring:
    """Which costly quantities are measured, at which records and of which networks.

    Attributes
    ----------
    quantities : tuple of str
        Of `COSTLY`.
    records, networks : integer arrays
        Places among the recorded steps and on the axis of networks, increasing.
    num_records, num_networks : int
        How many there are of each.
    """

    quantities: tuple[str, ...]
    records: NDArray[np.intp]
    networks: NDArray[np.intp]
    num_records: int
    num_networks: int

    @property
    def everywhere(self) -> bool:
        """Whether they are measured of all networks at all records."""
        return len(self.records) == self.num_records and len(self.networks) == self.num_networks

    @property
    def complete(self) -> bool:
        """Whether everything is measured everywhere."""
        return self.everywhere and self.quantities == tuple(COSTLY)

    def describe(self) -> dict[str, Any]:
        """The choice as plain data, for provenance: counts suffice, because they spread evenly."""
        return {
            "quantities": list(self.quantities),
            "records": ALL if self.everywhere else len(self.records),
            "networks": ALL if self.everywhere else len(self.networks),
        }

    def sentence(self) -> str:
        """How many networks and records the costly quantities are measured at, in words."""
        if self.everywhere:
            return "of all networks at all records"
        return (
            f"of {len(self.networks)} of {self.num_networks} networks at {len(self.records)} of "
            f"{self.num_records} records, both evenly spread"
        )


def costly_names(measure: str | Sequence[str], what: str = "measure") -> tuple[str, ...]:
    """Check names of costly quantities; `ALL` is all of them, and a single one needs no list.

    Raises
    ------
    MethexisError
        On a name that there is not, with the nearest that there is.

    Examples
    --------
    >>> costly_names("sharpness"), costly_names(())
    (('sharpness',), ())
    """
    names: list[Any]
    try:
        names = [measure] if isinstance(measure, str) else list(measure)
    except TypeError:
        names = [measure]
    if names == [ALL]:
        return tuple(COSTLY)
    for name in names:
        if name not in tuple(COSTLY):
            raise MethexisError(
                f"{what}: expected names among {', '.join(COSTLY)}, got {name!r}"
                f"{suggestion(str(name), [*COSTLY, ALL])}"
            )
    return tuple(name for name in COSTLY if name in names)


def choose_measuring(
    measure: str | Sequence[str] | None,
    budget: float,
    problems: Sequence[Problem],
    *,
    records: int,
    networks: int,
    steps: int,
    batch: int,
) -> Measuring:
    """What a run measures; ``measure`` and ``budget`` as `train` has them.

    Raises
    ------
    MethexisError
        On an unknown quantity, or a budget that is not positive.
    """
    budget = number("budget", budget, above=0.0)
    if measure is not None:
        names = costly_names(measure)
        return _spread(names, records, networks, records, networks)
    one = sum(costly_work(problem) for problem in problems)
    stepped = steps * networks * sum(_step_work(problem, batch) for problem in problems)
    allowed = budget * stepped / _STEPS_PER_SOLVE
    if records * networks * one <= max(_ALWAYS, allowed):
        return _spread(tuple(COSTLY), records, networks, records, networks)
    number_of = min(networks, max(LEAST_NETWORKS, int(allowed / (LEAST_RECORDS * one))))
    rows = min(records, max(LEAST_RECORDS, int(allowed / (number_of * one))))
    return _spread(tuple(COSTLY), rows, number_of, records, networks)


def _spread(
    names: tuple[str, ...], rows: int, columns: int, records: int, networks: int
) -> Measuring:
    return Measuring(names, _evenly(rows, records), _evenly(columns, networks), records, networks)


def _evenly(count: int, among: int) -> NDArray[np.intp]:
    """Places ``count`` of ``among``, the first and the last among them; of one the last."""
    if count == 1:
        return np.array([among - 1], dtype=np.intp)
    return np.linspace(0, among - 1, count).round().astype(np.intp)


def costly_work(problem: Problem) -> float:
    """Multiply-adds of all costly quantities of one network at one record, roughly; 0 without.

    With ``P = p n`` entries of the predictor: 25 ``P³`` for the eigenvectors and eliminations of
    the projection, 40 Hessian products for the sharpness, and 60 ``d³`` for the roots of each
    interface.
    """
    if not problem.linear or problem.loss == "cross_entropy":
        return 0.0
    rows, columns = problem.target.shape
    size = rows * columns
    product = 10.0 * problem.num_parameters * max(rows, columns)
    roots = 60.0 * sum(width**3 for width in problem.dims[1:-1])
    total = 1e5 + 25.0 * size**3 + 40.0 * (product + 40.0 * problem.num_parameters) + roots
    return float(total)


def _step_work(problem: Problem, batch: int) -> float:
    """Multiply-adds of a step of one network: three passes, and the draws of its samples."""
    ends = problem.dims[0] + problem.dims[-1]
    return batch * (3.0 * problem.num_parameters + 30.0 * ends)
