"""Do intervals cover? ``python -m evidence.coverage [--only LAW] [--samples N]``.

Pairs of representations are drawn again and again from one law, each gets its 95 % interval from
999 bootstrap samples, as `compare` makes it, and it is counted how often the interval holds the
expected score at that number of samples, which is the mean over many other draws. The expected
score of a biased measure is itself biased by the number of samples: that is what the interval is
for, not the score of infinitely many. Laws, sizes and seeds are those below, fixed before the run.
Beside each stands how often the plain quantiles of the same bootstrap samples hold it.

The result is ``evidence/results/measures/coverage.json``, into which a run of one law or number of
samples puts its rows. `evidence.interval_page` makes docs/intervals.md of it.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from evidence.outcome import RESULTS, say
from methexis.core.checks import Array
from methexis.core.parallel.threads import available_cores
from methexis.measures import CCA, CKA, HSIC, RSA, GramCosine, Measure, Procrustes
from methexis.measures.inference.intervals import Resamples, interval
from methexis.measures.inference.resampling import resamples
from methexis.measures.inputs.features import features
from methexis.measures.kernels.contract import KernelMeasure
from methexis.measures.subspaces.contract import SubspaceMeasure
from methexis.version import __version__

PATH = Path(RESULTS) / "measures" / "coverage.json"

CONFIDENCE = 0.95
NUM_BOOTSTRAP = 999
REPETITIONS = 300  # coverage then has a standard error of 1.3 %
TARGET_DRAWS = 3000  # for the expected score: its error is a 55th of the score's deviation
SEED = 20261128

MEASURES: tuple[Measure[Any], ...] = (
    CKA(),
    CKA(debiased=True),
    CKA(kernel="rbf"),
    CKA(kernel="rbf", debiased=True),
    HSIC(kernel="linear"),
    HSIC(),
    HSIC(debiased=True),
    GramCosine(),
    RSA(),
    Procrustes(),
    CCA(),
)

Law = Callable[[int, np.random.Generator], tuple[Array, Array]]


def shared(noise: float, width: int) -> Law:
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


def close(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """One representation twice, with a little noise of its own in each."""
    both, _ = shared(1.0, 6)(n, rng)
    x, y = (both + 0.2 * rng.normal(size=both.shape) for _ in range(2))
    return x, y


def unrelated(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Nothing in common."""
    return rng.normal(size=(n, 6)), rng.normal(size=(n, 6))


def classes(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Two classes, equally probable and far apart, and the same with noise of its own.

    About half of all distances are within a class, so that the median lies in a gap between them.
    """
    x = rng.normal(size=(n, 4)) + 6.0 * rng.integers(2, size=(n, 1))
    return x, x + rng.normal(size=(n, 4))


LAWS: dict[str, Law] = {
    "aligned, d 6": shared(0.5, 6),
    "noisy, d 6": shared(3.0, 6),
    "noisy, d 200": shared(3.0, 200),
    "heavy tails, d 6": heavy,
    "nearly equal, d 6": close,
    "unrelated, d 6": unrelated,
    "two classes, d 4": classes,
}

#: (law, number of samples).
CASES = (
    *((law, 100) for law in LAWS),
    *((law, 40) for law in ("aligned, d 6", "heavy tails, d 6", "nearly equal, d 6")),
    ("two classes, d 4", 40),
)


@dataclass(frozen=True)
class Row:
    """Coverage of one measure under one law.

    ``above`` and ``below`` count intervals that lie above and below the expected score, ``plain``
    how many of the plain quantiles held it. ``deviation`` is that of scores between draws.
    """

    law: str
    num_samples: int
    measure: str
    expected: float
    deviation: float
    repetitions: int
    above: int
    below: int
    plain: int

    @property
    def covered(self) -> float:
        """Share of intervals that hold the expected score."""
        return 1.0 - (self.above + self.below) / self.repetitions

    @property
    def error(self) -> float:
        """Its standard error; a count is binomial."""
        return math.sqrt(self.covered * (1.0 - self.covered) / self.repetitions)


def applicable(measure: Measure[Any], law: str) -> bool:
    """Of 200 features CCA is always 1, and Procrustes takes hours: it decomposes every resample.

    Two classes are hard for bandwidths, so they are for kernels.
    """
    if law == "two classes, d 4":
        return isinstance(measure, KernelMeasure)
    return not (isinstance(measure, SubspaceMeasure) and law == "noisy, d 200")


def reduced(measure: Measure[Any], pair: tuple[Array, Array]) -> tuple[Any, Any]:
    """Both, ready to be compared."""
    x, y = (measure.reduce(features(name, v)) for name, v in zip("XY", pair, strict=True))
    return x, y


def coverage(
    measure: Measure[Any],
    law: str,
    num_samples: int,
    *,
    repetitions: int = REPETITIONS,
    target_draws: int = TARGET_DRAWS,
) -> Row:
    """One row."""
    draw = LAWS[law]
    key = [SEED, num_samples, list(LAWS).index(law)]
    rng = np.random.default_rng([*key, 0])
    scores = [measure.score(*reduced(measure, draw(num_samples, rng))) for _ in range(target_draws)]
    expected = float(np.mean(scores))
    above = below = plain = 0
    for repetition in range(repetitions):
        pair = draw(num_samples, np.random.default_rng([*key, 1, repetition]))
        a, b = reduced(measure, pair)
        found = resamples(
            measure, a, b, num_samples=num_samples, num_resamples=NUM_BOOTSTRAP, seed=repetition
        )
        assert found is not None
        score = measure.score(a, b)
        low, high = interval(score, found, CONFIDENCE)
        above += expected < low
        below += expected > high
        low, high = interval(score, Resamples(found.scores), CONFIDENCE)
        plain += low <= expected <= high
    return Row(
        law,
        num_samples,
        measure.title,
        expected,
        float(np.std(scores)),
        repetitions,
        int(above),
        int(below),
        int(plain),
    )


def run(law: str, num_samples: int, **settings: int) -> list[Row]:
    """All measures under one law, on all cores."""
    with ProcessPoolExecutor(available_cores()) as pool:
        jobs = [
            pool.submit(coverage, measure, law, num_samples, **settings)
            for measure in MEASURES
            if applicable(measure, law)
        ]
        return [job.result() for job in jobs]


def stored() -> list[Row]:
    """The rows of the file, in the order of `CASES`."""
    if not PATH.exists():
        return []
    runs = json.loads(PATH.read_text(encoding="utf-8"))["runs"]
    by_case = {(r["rows"][0]["law"], r["rows"][0]["num_samples"]): r["rows"] for r in runs}
    return [Row(**row) for case in CASES if case in by_case for row in by_case[case]]


def write(law: str, num_samples: int, rows: list[Row], seconds: float) -> None:
    """Put the rows of one case into the file, in place of those there."""
    runs = json.loads(PATH.read_text(encoding="utf-8"))["runs"] if PATH.exists() else []
    command = f"python -m evidence.coverage --only '{law}' --samples {num_samples}"
    kept = [one for one in runs if one["command"] != command]
    kept.append(
        {
            "command": command,
            "methexis": __version__,
            "machine": machine(),
            "seconds": round(seconds, 1),
            "rows": [asdict(row) for row in rows],
        }
    )
    content = {
        "command": "python -m evidence.coverage",
        "confidence": CONFIDENCE,
        "num_bootstrap": NUM_BOOTSTRAP,
        "target_draws": TARGET_DRAWS,
        "seed": SEED,
        "runs": kept,
    }
    PATH.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def line(row: Row) -> str:
    """A row as text."""
    above, below = (count / row.repetitions for count in (row.above, row.below))
    return (
        f"{row.law:18} {row.num_samples:4} {row.measure:22} {row.expected:9.4f} "
        f"{row.covered:7.3f} ± {row.error:.3f}  above {above:.3f} below {below:.3f}  "
        f"plain {row.plain / row.repetitions:.3f}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, write, print."""
    parser = argparse.ArgumentParser(prog="python -m evidence.coverage", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(LAWS), metavar="LAW")
    parser.add_argument("--samples", action="append", type=int, metavar="N")
    chosen = parser.parse_args(arguments)
    for law, num_samples in CASES:
        if law in (chosen.only or LAWS) and num_samples in (chosen.samples or [num_samples]):
            start = time.perf_counter()
            rows = run(law, num_samples)
            write(law, num_samples, rows, time.perf_counter() - start)
            for row in rows:
                say(line(row))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
