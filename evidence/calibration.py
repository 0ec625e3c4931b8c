"""Are the p-values of `compare` right? Rates of rejection where nothing is shared, and where it is.

``python -m evidence.calibration [--only NAME]`` draws pairs of unrelated representations, compares
each by every measure with its default null, and counts how often p <= .05; then the same for pairs
that share a weak signal. Seeds, sizes, laws and the alternative are those below, fixed before the
runs. The result is ``evidence/results/calibration/NAME.json``, one file per case; ``--render``
turns the files into docs/calibration.md.

A cell is a measure with its options in a regime (number of samples against number of features)
under a law of the features. Each has `NUM_NULLS` pairs; its count is compared with the binomial
distribution at 5 %, upwards (too many false alarms) and downwards (conservative), and the p-values
of these tests are corrected by Holm's method over all cells of all measures together.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from evidence.case_files import read_cases, write_case
from evidence.crew import add_options, share_out
from evidence.outcome import RESULTS, say
from methexis.core.checks import Array
from methexis.core.parallel.threads import available_cores
from methexis.errors import DegenerateWarning
from methexis.measures import compare
from methexis.measures.inference.multiple import holm

ROOT = Path(__file__).resolve().parent.parent
FOLDER = RESULTS / "calibration"
PAGE = ROOT / "docs" / "calibration.md"

LEVEL = 0.05
NUM_NULLS = 2000
NUM_ALTERNATIVES = 500
NUM_PERMUTATIONS = 99  # p <= .05 is then of exact level .05 for a score without ties
SEED = 20261128

#: (number of samples, number of features): from many samples to more features than samples.
REGIMES = ((60, 6), (40, 20), (30, 30), (20, 60))

#: Laws of the features. "gaussian": independent standard normals. "heavy": correlated features of
#: power-law spectrum, rows scaled by a common factor such that features have Student's t law with
#: 5 degrees of freedom: what permutation of rows must cope with in trained networks.
LAWS = ("gaussian", "heavy")

#: What is calibrated: every measure of the first tier, with the options that change its null, and
#: of the second tier what takes less than an hour. Scores that are increasing functions of one
#: another at fixed representations (Procrustes score and distances, Bures) have one p-value and one
#: entry.
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "gram_cosine": ("gram_cosine", {}),
    "cka": ("cka", {}),
    "cka-debiased": ("cka", {"debiased": True}),
    "cka-rbf": ("cka", {"kernel": "rbf"}),
    "cka-rbf-debiased": ("cka", {"kernel": "rbf", "debiased": True}),
    "hsic": ("hsic", {}),
    "rv": ("rv", {}),
    "mutual_knn": ("mutual_knn", {}),
    "jaccard_knn": ("jaccard_knn", {}),
    "cknna": ("cknna", {}),
    "procrustes": ("procrustes", {}),
    "cca": ("cca", {}),
    "cca-squared": ("cca", {"squared": True}),
    "svcca": ("svcca", {}),
    "rsa": ("rsa", {}),
    "rsa-spearman": ("rsa", {"comparison": "spearman"}),
    "rsa-squared": ("rsa", {"dissimilarity": "squared"}),
    "rsa-squared-spearman": (
        "rsa",
        {"dissimilarity": "squared", "comparison": "spearman"},
    ),
    "rsa-correlation": ("rsa", {"dissimilarity": "correlation"}),
    "rsa-correlation-spearman": (
        "rsa",
        {"dissimilarity": "correlation", "comparison": "spearman"},
    ),
    "distance_correlation": ("distance_correlation", {}),
    "pwcca": ("pwcca", {}),
    "gulp": ("gulp", {}),
    "cka-debiased-lange": ("cka", {"debiased": True, "estimator": "lange"}),
    "rv-modified": ("rv", {"modified": True}),
    "rsa_whitened": ("rsa_whitened", {}),
    "cycle_knn": ("cycle_knn", {}),
    "second_order_cosine": ("second_order_cosine", {}),
    "aligned_cosine": ("aligned_cosine", {}),
    "matching": ("matching", {}),
}

#: The alternative: this share of each feature's variance comes from signals both have, one signal
#: per three features.
SHARED = 0.3


@dataclass(frozen=True)
class Cell:
    """Rejections of one measure in one regime under one law.

    ``by_moments`` of the nulls had a tail from exact moments, the others from drawn orders.
    """

    num_samples: int
    num_features: int
    law: str
    nulls: int
    rejected: int
    alternatives: int
    detected: int
    by_moments: int

    @property
    def rate(self) -> float:
        """Share of unrelated pairs with p <= .05."""
        return self.rejected / self.nulls

    def excess(self) -> float:
        """Binomial probability of so many rejections or more at 5 %."""
        return float(stats.binom.sf(self.rejected - 1, self.nulls, LEVEL))

    def lack(self) -> float:
        """Binomial probability of so few rejections or fewer at 5 %."""
        return float(stats.binom.cdf(self.rejected, self.nulls, LEVEL))


def drawn(regime: int, law: int, index: int, shared: float) -> tuple[Array, Array]:
    """One pair of representations; ``shared`` is 0 for unrelated ones."""
    n, d = REGIMES[regime]
    generator = np.random.default_rng([SEED, regime, law, index, round(1000 * shared)])
    signals = generator.standard_normal((n, -(-d // 3)))

    def one() -> Array:
        own = generator.standard_normal((n, d))
        if shared > 0.0:
            loads = generator.standard_normal((signals.shape[1], d))
            loads /= np.linalg.norm(loads, axis=0)
            own = np.sqrt(1.0 - shared) * own + np.sqrt(shared) * signals @ loads
        return shaped(own, LAWS[law], generator)

    return one(), one()


def shaped(normal: Array, law: str, generator: np.random.Generator) -> Array:
    """Independent standard normal features turned into features of a law."""
    if law == "gaussian":
        return normal
    n, d = normal.shape
    spectrum = np.arange(1, d + 1) ** -0.5
    turn = np.linalg.qr(generator.standard_normal((d, d)))[0]
    correlated: Array = (normal * spectrum) @ turn
    return correlated / np.sqrt(generator.chisquare(5, size=(n, 1)) / 5.0)


def cell(case: str, regime: int, law: int, nulls: int, alternatives: int) -> Cell:
    """Measure one cell."""
    name, options = CASES[case]

    def count(shared: float, pairs: int) -> tuple[int, int]:
        found, by_moments = 0, 0
        for index in range(pairs):
            x, y = drawn(regime, law, index, shared)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DegenerateWarning)  # d >= n on purpose
                result = compare(
                    x,
                    y,
                    name,
                    num_permutations=NUM_PERMUTATIONS,
                    num_bootstrap=0,
                    seed=index,
                    **options,
                )
            found += result.p <= LEVEL
            by_moments += result.null == "moments"
        return found, by_moments

    rejected, by_moments = count(0.0, nulls)
    detected, _ = count(SHARED, alternatives)
    return Cell(*REGIMES[regime], LAWS[law], nulls, rejected, alternatives, detected, by_moments)


def run(case: str, *, nulls: int = NUM_NULLS, alternatives: int = NUM_ALTERNATIVES) -> list[Cell]:
    """Measure all cells of one case, on all cores."""
    cases = [(r, w) for r in range(len(REGIMES)) for w in range(len(LAWS))]
    with ProcessPoolExecutor(available_cores()) as pool:
        jobs = [pool.submit(cell, case, r, w, nulls, alternatives) for r, w in cases]
        return [job.result() for job in jobs]


def measure_case(name: str) -> None:
    """Run one case and write its file."""
    start = time.perf_counter()
    cells = run(name)
    seconds = time.perf_counter() - start
    write_case(FOLDER, "evidence.calibration", CASES, name, cells, seconds)
    rates = ", ".join(f"{c.rate:.3f}" for c in cells)
    say(f"{name}: {rates} rejected at .05, {seconds:.0f} s")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and write; 0 if no cell has too many false alarms, else 1."""
    parser = argparse.ArgumentParser(prog="python -m evidence.calibration", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(CASES), metavar="NAME")
    parser.add_argument("--render", action="store_true", help="write the page, run nothing")
    add_options(parser)
    chosen = parser.parse_args(arguments)
    if not chosen.render:
        share_out(chosen, measure_case, [(name,) for name in chosen.only or CASES])
    found = stored()
    PAGE.write_text(page(found), encoding="utf-8")
    say(f"{PAGE.relative_to(ROOT)}: written")
    return 1 if any(worst <= LEVEL for worst in corrected(found)[0].values()) else 0


def stored() -> dict[str, list[Cell]]:
    """The cells of every case that was run."""
    found = read_cases(FOLDER, CASES)
    return {name: [Cell(**entry) for entry in cells] for name, cells in found.items()}


Key = tuple[str, int]


def corrected(found: dict[str, list[Cell]]) -> tuple[dict[Key, float], dict[Key, float]]:
    """Corrected probabilities of too many and of too few rejections, for every cell."""
    keys = [(name, i) for name, cells in found.items() for i in range(len(cells))]
    cells = [found[name][i] for name, i in keys]
    excess = holm(np.array([c.excess() for c in cells]))
    lack = holm(np.array([c.lack() for c in cells]))
    return (
        dict(zip(keys, excess.tolist(), strict=True)),
        dict(zip(keys, lack.tolist(), strict=True)),
    )


INTRODUCTION = f"""# Calibration

How often `mx.compare` says p ≤ .05 of representations that share nothing, measured: {NUM_NULLS:,}
pairs per cell, every cell a row. It should be 5 %; by chance alone a cell lies between 4.1 and
6.0 % (95 %). "Too many" is the probability of at least so many false alarms at a true rate of 5 %,
corrected by Holm's method over all cells; below .05 the p-values of that cell would be wrong. "Too
few", likewise: the test is conservative there, as discrete scores with many ties must be. Power is
the share of {NUM_ALTERNATIVES} pairs found at p ≤ .05 whose features have {SHARED:.0%} of their
variance from signals that both share, one signal per three features. n samples, d features; "heavy"
features are correlated, with a power-law spectrum and Student's t law with 5 degrees of freedom.
"By moments" is the share of nulls with three exact moments and a Pearson III tail; of the others
{NUM_PERMUTATIONS} orders were drawn.

This page is written by `python -m evidence.calibration --render` from the files in
`evidence/results/calibration`, which are written by `python -m evidence.calibration`. The range for
single cells is `scipy.stats.binom.interval(.95, {NUM_NULLS}, .05)`.

"""


def page(found: dict[str, list[Cell]]) -> str:
    """docs/calibration.md."""
    many, few = corrected(found)
    lines = [
        "| measure | n | d | law | by moments | false alarms | too many | too few | power |",
        "|---|--:|--:|---|--:|--:|--:|--:|--:|",
    ]
    for name, cells in found.items():
        for i, c in enumerate(cells):
            lines.append(
                f"| {name} | {c.num_samples} | {c.num_features} | {c.law} | "
                f"{c.by_moments / c.nulls:.0%} | {c.rate:.1%} | {many[name, i]:.2g} | "
                f"{few[name, i]:.2g} | {c.detected / c.alternatives:.0%} |"
            )
    cells = [c for of in found.values() for c in of]
    wrong = sum(p <= LEVEL for p in many.values())
    slack = sum(p <= LEVEL for p in few.values())
    summary = (
        f"{len(cells)} cells of {len(found)} measures: {wrong} with too many false alarms, {slack} "
        f"conservative.\n\n"
    )
    return INTRODUCTION + summary + "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
