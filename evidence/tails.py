"""Do three exact moments tell the tail of a null? ``python -m evidence.tails [--quick]``.

The score of a measure over orders of the rows, drawn, against the Pearson type III distribution of
its exact moments, and against the Gaussian of the first two: how often the score exceeds what they
take for the point of level .05, .01, .001. Printed for 20 and 200 samples of six laws, with the
skewness, exact and drawn, and the dominance of one sample by which `compare` decides whether to
believe the tail ("permuted" where it does not).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from methexis.core.checks import Array
from methexis.measures import CKA, DistanceCorrelation, GramCosine, Measure, NullMoments, nulls
from methexis.measures.bilinear import PairForm, PairMatrix
from methexis.measures.features import features

LEVELS = (0.05, 0.01, 0.001)
SEED = 1

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
        nulls.trusted(moments, num_samples),
    )


def table(sizes: Sequence[tuple[int, int]]) -> Iterator[Tail]:
    """All rows; sizes are pairs of a number of samples and one of orders."""
    for num_samples, num_orders in sizes:
        for law in LAWS:
            for measure in MEASURES:
                yield tail(law, measure, num_samples, num_orders)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m evidence.tails", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer orders")
    quick = parser.parse_args(arguments).quick
    head = ("n", "features", "measure", "skewness", "dominance", "Pearson III", "Gaussian")
    print("{:>4} {:20} {:29} {:>15} {:>9}  {:22} {:22}".format(*head))
    for row in table(((20, 5000), (200, 1000)) if quick else ((20, 100_000), (200, 20_000))):
        pearson, gaussian = (
            " ".join(f"{rate:.4f}" for rate in rates) for rates in (row.pearson, row.gaussian)
        )
        print(
            f"{row.num_samples:4} {row.law:20} {row.title:29} {row.moments.skewness:6.2f} "
            f"({row.drawn_skewness:6.2f}) {row.moments.dominance:9.2f}  {pearson:22} {gaussian}"
            + ("" if row.trusted else "  permuted"),
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
