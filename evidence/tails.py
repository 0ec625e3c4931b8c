"""Do three exact moments tell the tail of a null? ``python -m evidence.tails [--quick]``.

The score of a measure over orders of the rows, drawn, against the Pearson type III distribution of
its exact moments, and against the Gaussian of the first two: how often the score exceeds what they
take for the point of level .05, .01, .001. Printed for 20 and 200 samples of six laws, with the
skewness, exact and drawn, and the dominance of one sample by which `compare` decides whether to
believe the tail ("permuted" where it does not).

The result is ``evidence/results/measures/tails.json``, of which docs/intervals.md has a table;
``--quick`` prints only.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.machine import machine
from evidence.outcome import RESULTS, say
from methexis.core.checks import Array
from methexis.measures import CKA, DistanceCorrelation, GramCosine, Measure, NullMoments
from methexis.measures.inference import nulls
from methexis.measures.inputs.features import features
from methexis.measures.pairs.bilinear import PairForm, PairMatrix
from methexis.version import __version__

PATH = Path(RESULTS) / "measures" / "tails.json"

LEVELS = (0.05, 0.01, 0.001)
SEED = 1
#: Numbers of samples, and of orders drawn.
SIZES = ((20, 100_000), (200, 20_000))
QUICK_SIZES = ((20, 5000), (200, 1000))

MEASURES: tuple[Measure[PairForm], ...] = (
    CKA(),
    CKA(debiased=True),
    CKA(kernel="rbf"),
    GramCosine(),
    DistanceCorrelation(),
)

#: Features of one representation, ``(num_samples, num_features)``.
LAWS: dict[str, Callable[[int, np.random.Generator], Array]] = {
    "gaussian, d 5": lambda n, rng: rng.normal(size=(n, 5)),
    "gaussian, d 1": lambda n, rng: rng.normal(size=(n, 1)),
    "t, 3 degrees, d 3": lambda n, rng: rng.standard_t(3, size=(n, 3)),
    "lognormal, d 1": lambda n, rng: np.exp(1.5 * rng.normal(size=(n, 1))),
    "rectified, d 20": lambda n, rng: np.maximum(rng.normal(size=(n, 20)), 0.0),
    "spectrum 1/k, d 100": lambda n, rng: rng.normal(size=(n, 100)) / np.arange(1, 101),
}


@dataclass(frozen=True)
class Tail:
    """How often drawn scores exceed the points of `LEVELS`."""

    law: str
    title: str
    num_samples: int
    moments: NullMoments
    drawn_skewness: float
    pearson: tuple[float, ...]
    gaussian: tuple[float, ...]
    trusted: bool


def drawn(a: PairMatrix, b: PairMatrix, num_orders: int, seed: int) -> Array:
    """Scores of random orders."""
    rng = np.random.default_rng(seed)
    first, second = a.matrix.ravel(), b.matrix
    orders = (rng.permutation(len(second)) for _ in range(num_orders))
    return np.array([first @ second[order][:, order].ravel() for order in orders])


def tail(law: str, measure: Measure[PairForm], num_samples: int, num_orders: int) -> Tail:
    """One row of the table."""
    rng = np.random.default_rng(SEED)
    x, y = (LAWS[law](num_samples, rng) for _ in range(2))
    a, b = (measure.reduce(features(name, v)) for name, v in (("X", x), ("Y", y)))
    assert isinstance(a, PairMatrix)
    assert isinstance(b, PairMatrix)
    moments = a.null_moments(b)
    z = (drawn(a, b, num_orders, SEED) - moments.mean) / moments.sd

    def exceeded(points: list[float]) -> tuple[float, ...]:
        return tuple(float(np.mean(z >= point)) for point in points)

    return Tail(
        law,
        measure.title,
        num_samples,
        moments,
        float(stats.skew(z)),
        exceeded([float(stats.pearson3.isf(level, moments.skewness)) for level in LEVELS]),
        exceeded([float(stats.norm.isf(level)) for level in LEVELS]),
        bool(nulls.trusted(moments, num_samples)),
    )


def table(sizes: Sequence[tuple[int, int]]) -> Iterator[Tail]:
    """All rows; sizes are pairs of a number of samples and one of orders."""
    for num_samples, num_orders in sizes:
        for law in LAWS:
            for measure in MEASURES:
                yield tail(law, measure, num_samples, num_orders)


def stored() -> list[Tail]:
    """The rows of the file."""

    def back(row: dict[str, Any]) -> Tail:
        listed = {name: tuple(row[name]) for name in ("pearson", "gaussian")}
        return Tail(**{**row, **listed, "moments": NullMoments(**row["moments"])})

    return [back(row) for row in json.loads(PATH.read_text(encoding="utf-8"))["rows"]]


def line(row: Tail) -> str:
    """A row as text."""
    pearson, gaussian = (
        " ".join(f"{rate:.4f}" for rate in rates) for rates in (row.pearson, row.gaussian)
    )
    return (
        f"{row.num_samples:4} {row.law:20} {row.title:29} {row.moments.skewness:6.2f} "
        f"({row.drawn_skewness:6.2f}) {row.moments.dominance:9.2f}  {pearson:22} {gaussian}"
        + ("" if row.trusted else "  permuted")
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, write."""
    parser = argparse.ArgumentParser(prog="python -m evidence.tails", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer orders, and no file")
    quick = parser.parse_args(arguments).quick
    head = ("n", "features", "measure", "skewness", "dominance", "Pearson III", "Gaussian")
    say("{:>4} {:20} {:29} {:>15} {:>9}  {:22} {:22}".format(*head))
    sizes = QUICK_SIZES if quick else SIZES
    start = time.perf_counter()
    rows = []
    for row in table(sizes):
        rows.append(row)
        say(line(row))
    if not quick:
        content = {
            "command": "python -m evidence.tails",
            "methexis": __version__,
            "machine": machine(),
            "seconds": round(time.perf_counter() - start, 1),
            "seed": SEED,
            "levels": LEVELS,
            "sizes": [{"num_samples": n, "num_orders": orders} for n, orders in sizes],
            "rows": [asdict(row) for row in rows],
        }
        PATH.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
