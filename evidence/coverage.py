"""Do intervals of kernel measures cover? ``python -m evidence.coverage [--repetitions 300]``.

Pairs of representations are drawn again and again from one law, each gets its 95 % interval from
999 bootstrap samples, and it is counted how often the interval holds the expected score at that
number of samples, which is the mean over many other draws. A count is binomial; its standard error
is printed beside it. The expected score of a biased measure is itself biased by the number of
samples: that is what the interval is for, not the score of infinitely many.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence

import numpy as np

from methexis.core.checks import Array
from methexis.measures import CKA, HSIC, GramCosine, Measure, nulls
from methexis.measures.bilinear import PairForm
from methexis.measures.compare import interval
from methexis.measures.features import features

CONFIDENCE = 0.95
NUM_SAMPLES = 100
NUM_BOOTSTRAP = 999
TARGET_DRAWS = 4000

MEASURES: tuple[Measure[PairForm], ...] = (
    CKA(),
    CKA(debiased=True),
    CKA(debiased=True, estimator="lange"),
    CKA(kernel="rbf"),
    CKA(kernel="rbf", debiased=True),
    HSIC(),
    HSIC(debiased=True),
    GramCosine(),
)


def shared(noise: float, width: int) -> Callable[[int, np.random.Generator], tuple[Array, Array]]:
    """Two images of three signals, with noise of its own in each."""
    maps = np.random.default_rng(0).normal(size=(2, 3, width))

    def draw(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        signals = rng.normal(size=(n, 3)) * [2.0, 1.5, 1.0]
        x, y = (signals @ m + noise * rng.normal(size=(n, width)) for m in maps)
        return x, y

    return draw


def heavy(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Shared signals with tails: Student's t with five degrees of freedom."""
    x, y = shared(1.0, 6)(n, rng)
    scale = np.sqrt(5.0 / rng.chisquare(5, size=(n, 1)))
    return scale * x, scale * y


def unrelated(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Nothing in common."""
    return rng.normal(size=(n, 6)), rng.normal(size=(n, 6))


LAWS = {
    "aligned, d 6": shared(0.5, 6),
    "noisy, d 6": shared(3.0, 6),
    "noisy, d 200": shared(3.0, 200),
    "heavy tails, d 6": heavy,
    "unrelated, d 6": unrelated,
}


def reduced(measure: Measure[PairForm], pair: tuple[Array, Array]) -> tuple[PairForm, PairForm]:
    """Both, ready to be compared."""
    x, y = (measure.reduce(features(name, v)) for name, v in zip("XY", pair, strict=True))
    return x, y


def coverage(
    measure: Measure[PairForm],
    law: str,
    repetitions: int,
    *,
    num_samples: int = NUM_SAMPLES,
    target_draws: int = TARGET_DRAWS,
) -> tuple[float, float, float]:
    """Expected score; share of intervals that lie above it; that lie below it."""
    draw = LAWS[law]
    rng = np.random.default_rng(1)
    target = float(
        np.mean(
            [measure.score(*reduced(measure, draw(num_samples, rng))) for _ in range(target_draws)]
        )
    )
    above = below = 0
    for repetition in range(repetitions):
        a, b = reduced(measure, draw(num_samples, np.random.default_rng([2, repetition])))
        counts = nulls.counts(num_samples, NUM_BOOTSTRAP, repetition)
        low, high = interval(measure.score(a, b), measure.resampled(a, b, counts), CONFIDENCE)
        above += target < low
        below += target > high
    return target, above / repetitions, below / repetitions


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m evidence.coverage", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=300)
    repetitions = parser.parse_args(arguments).repetitions
    print(f"n {NUM_SAMPLES}, {repetitions} repetitions, {CONFIDENCE:.0%} intervals")
    print(f"{'features':18} {'measure':29} {'expected':>9} {'covers':>7} {'±':>6} above below")
    for law in LAWS:
        for measure in MEASURES:
            target, above, below = coverage(measure, law, repetitions)
            covered = 1.0 - above - below
            error = math.sqrt(covered * (1.0 - covered) / repetitions)
            print(
                f"{law:18} {measure.title:29} {target:9.4f} {covered:7.3f} {error:6.3f} "
                f"{above:5.3f} {below:5.3f}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
