"""Do intervals of neighbour measures cover the expected score? A simulation, cell by cell.

``python -m evidence.neighbour_intervals`` draws pairs of representations from laws whose expected
score is found by other draws, compares each pair, and counts how often the interval of `compare`
holds that expectation. It should be 95 %. Laws, sizes and seeds are those below, fixed before the
run; the result is ``evidence/results/measures/neighbour_intervals.json``. ``--show`` prints it;
docs/intervals.md has it beside the intervals of other measures (`evidence.interval_page`).

Beside the coverage stands the ratio of the root mean square deviation of the resamples to the
deviation of scores between draws: above 1 intervals are too wide, below too narrow.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
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
from methexis.errors import DegenerateWarning
from methexis.measures.inference.intervals import interval
from methexis.measures.inference.resampling import resamples
from methexis.measures.inputs.features import features
from methexis.measures.registry import chosen
from methexis.version import __version__

PATH = Path(RESULTS) / "measures" / "neighbour_intervals.json"
NUM_REPETITIONS = 200  # coverage then has a standard error of 1.5 %
NUM_REFERENCES = 2000  # for the expected score: its error is a 45th of the score's deviation
NUM_HALVES = 100
SEED = 20261128

Law = Callable[[np.random.Generator, int], tuple[Array, Array]]


def signal(dim: int, noise: float) -> Law:
    """Both see the same signals, each with noise of its own."""

    def draw(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
        shared = generator.normal(size=(n, dim))
        one, other = (shared + noise * generator.normal(size=(n, dim)) for _ in range(2))
        return one, other

    return draw


def unrelated(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Nothing shared."""
    return generator.normal(size=(n, 5)), generator.normal(size=(n, 5))


def clusters(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Eight clusters that both see, nothing shared within."""
    centres = 3.0 * np.random.default_rng(0).normal(size=(8, 6))
    labels = generator.integers(8, size=n)
    one, other = (c[labels] + generator.normal(size=(n, 6)) for c in (centres, centres[:, ::-1]))
    return one, other


def wide(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Ten signals in fifty features, of one linear, of the other through a saturating function."""
    fixed = np.random.default_rng(0)
    shared = generator.normal(size=(n, 10))
    one = shared @ fixed.normal(size=(10, 50)) + 2.0 * generator.normal(size=(n, 50))
    other = np.tanh(shared @ fixed.normal(size=(10, 50))) + 0.5 * generator.normal(size=(n, 50))
    return one, other


def heavy(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Signals and noise of Student's t law with 3 degrees of freedom."""
    shared = generator.standard_t(3, size=(n, 6))
    one, other = (shared + 0.5 * generator.standard_t(3, size=(n, 6)) for _ in range(2))
    return one, other


LAWS: dict[str, Law] = {
    "unrelated": unrelated,
    "weak": signal(4, 1.0),
    "signal": signal(4, 0.5),
    "close": signal(3, 0.05),
    "clusters": clusters,
    "wide": wide,
    "heavy": heavy,
}

#: (measure, samples, k): all laws at each. Euclidean neighbours; cosines for CKNNA.
CASES = (
    ("mutual_knn", 200, 10),
    ("mutual_knn", 100, 10),
    ("mutual_knn", 200, 3),
    ("jaccard_knn", 200, 10),
    ("cknna", 200, 10),
)


@dataclass(frozen=True)
class Cell:
    """Coverage of one measure under one law."""

    measure: str
    num_samples: int
    k: int
    law: str
    expected: float
    deviation: float
    repetitions: int
    covered: int
    ratio: float


def cell(case: tuple[str, int, int], law: str, repetitions: int, references: int) -> Cell:
    """Measure one cell."""
    name, n, k = case
    metric = "cosine" if name == "cknna" else "euclidean"
    measure = chosen(name, {"k": k, "metric": metric})

    def reduced(generator: np.random.Generator) -> list[Any]:
        pair = LAWS[law](generator, n)
        return [measure.reduce(features(v, x)) for v, x in zip("XY", pair, strict=True)]

    key = [SEED, CASES.index(case), list(LAWS).index(law)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", DegenerateWarning)
        scores = np.array(
            [
                measure.score(*reduced(np.random.default_rng([*key, 0, i])))
                for i in range(references)
            ]
        )
        expected, covered, variances = float(scores.mean()), 0, []
        for i in range(repetitions):
            a, b = reduced(np.random.default_rng([*key, 1, i]))
            found = resamples(measure, a, b, num_samples=n, num_resamples=NUM_HALVES, seed=i)
            assert found is not None
            low, high = interval(measure.score(a, b), found, 0.95)
            covered += low <= expected <= high
            variances.append(found.scores.var())
    deviation = float(scores.std())
    ratio = float(np.sqrt(np.mean(variances)) / deviation)
    return Cell(name, n, k, law, expected, deviation, repetitions, covered, ratio)


def run(repetitions: int = NUM_REPETITIONS, references: int = NUM_REFERENCES) -> list[Cell]:
    """Measure all cells, on all cores."""
    with ProcessPoolExecutor(available_cores()) as pool:
        jobs = [
            pool.submit(cell, case, law, repetitions, references) for case in CASES for law in LAWS
        ]
        return [job.result() for job in jobs]


def table(cells: list[Cell]) -> str:
    """All cells, a line each."""
    lines = [f"{'measure':12s}   n   k  {'law':10s} expected  coverage  deviation ratio"]
    for c in cells:
        lines.append(
            f"{c.measure:12s} {c.num_samples:3d} {c.k:3d}  {c.law:10s} {c.expected:8.4f} "
            f"{c.covered / c.repetitions:9.1%} {c.ratio:16.2f}"
        )
    return "\n".join(lines)


def stored() -> list[Cell]:
    """The cells of the file."""
    return [Cell(**entry) for entry in json.loads(PATH.read_text(encoding="utf-8"))["cells"]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, write, print."""
    parser = argparse.ArgumentParser(prog="python -m evidence.neighbour_intervals")
    parser.add_argument("--show", action="store_true", help="print the stored result, run nothing")
    if parser.parse_args(arguments).show:
        say(table(stored()))
        return 0
    start = time.perf_counter()
    cells = run()
    content = {
        "command": "python -m evidence.neighbour_intervals",
        "methexis": __version__,
        "machine": machine(),
        "seconds": round(time.perf_counter() - start, 1),
        "cells": [asdict(c) for c in cells],
    }
    PATH.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    say(table(cells))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
