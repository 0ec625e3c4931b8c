"""Does the correction for having looked at all layers hold? ``python -m evidence.search``.

Two models of `LAYERS` layers each that share nothing, so that whatever a grid finds is a false
alarm. The layers of a model are made from one another, as those of a network are: a correction that
knows nothing of it (Holm) loses power, one that permutes all pairs at once does not.
Counted is in how many of `NUM_NULLS` grids any pair has p <= .05: uncorrected, corrected by the
largest statistic, by Holm's method, and whether any has a false discovery rate q <= .05, which is
the same event where nothing is shared. And in how many of `NUM_ALTERNATIVES` grids in which one
layer of each model shares signals with one of the other, anything is found.

The result is ``evidence/results/search/NAME.json``, one file per measure; ``--render`` turns the
files into docs/search.md. Seeds and sizes were fixed before the runs.
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

from evidence.calibration import LAWS, LEVEL, shaped
from evidence.case_files import read_cases, write_case
from evidence.crew import add_options, share_out
from evidence.outcome import RESULTS, say
from methexis.core.checks import Array
from methexis.core.parallel.threads import available_cores
from methexis.errors import DegenerateWarning
from methexis.measures import compare_all
from methexis.measures.inference.multiple import holm

ROOT = Path(__file__).resolve().parent.parent
FOLDER = RESULTS / "search"
PAGE = ROOT / "docs" / "search.md"

NUM_NULLS = 2000
NUM_ALTERNATIVES = 500
NUM_PERMUTATIONS = 99  # p <= .05 is then of exact level .05 for a score without ties
SEED = 20261129
LAYERS = 4
#: Share of a layer's variance that is new.
STEP = 0.3
#: The alternative: this share of the variance of the last layers comes from signals both have, one
#: signal per three features.
SHARED = 0.4

#: (number of samples, number of features).
REGIMES = ((60, 6), (30, 30), (20, 60))

#: Two with exact moments, two whose nulls are drawn.
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "cka-debiased": ("cka", {"debiased": True}),
    "mutual_knn": ("mutual_knn", {"k": 5}),
    "procrustes": ("procrustes", {}),
    "rsa-spearman": ("rsa", {"comparison": "spearman"}),
}
#: Whose nulls are drawn: so few orders leave Holm's method and q nothing to find.
DRAWN = frozenset({"procrustes"})
WAYS = ("uncorrected", "max", "holm", "discovery")


@dataclass(frozen=True)
class Cell:
    """In how many grids something was found, by each of `WAYS`: of nulls, and of alternatives."""

    num_samples: int
    num_features: int
    law: str
    nulls: int
    alternatives: int
    rejected: dict[str, int]
    detected: dict[str, int]

    def excess(self, way: str) -> float:
        """Binomial probability of so many false alarms or more at 5 %."""
        return float(stats.binom.sf(self.rejected[way] - 1, self.nulls, LEVEL))


def drawn(regime: int, law: int, index: int, shared: float) -> tuple[list[Array], list[Array]]:
    """The layers of two models; ``shared`` is 0 where they have nothing in common."""
    n, d = REGIMES[regime]
    generator = np.random.default_rng([SEED, regime, law, index, round(1000 * shared)])
    signals = generator.standard_normal((n, -(-d // 3)))

    def fresh(share: float) -> Array:
        own = generator.standard_normal((n, d))
        if share > 0.0:
            loads = generator.standard_normal((signals.shape[1], d))
            loads /= np.linalg.norm(loads, axis=0)
            own = np.sqrt(1.0 - share) * own + np.sqrt(share) * signals @ loads
        return shaped(own, LAWS[law], generator)

    def model() -> list[Array]:
        layers = [fresh(0.0)]
        for _ in range(LAYERS - 2):
            turn = np.linalg.qr(generator.standard_normal((d, d)))[0]
            layers.append(np.sqrt(1.0 - STEP) * layers[-1] @ turn + np.sqrt(STEP) * fresh(0.0))
        return [*layers, fresh(shared)]

    return model(), model()


def found(case: str, pair: tuple[list[Array], list[Array]], seed: int) -> dict[str, bool]:
    """Whether any pair of layers is significant, by each of `WAYS`."""
    name, options = CASES[case]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # d >= n on purpose
        grid = compare_all(*pair, name, num_permutations=NUM_PERMUTATIONS, seed=seed, **options)
    data = grid.data
    p = data["p"].values
    by_way = {
        "uncorrected": p,
        "max": data["p_corrected"].values,
        "holm": holm(p),
        "discovery": data["q"].values,
    }
    return {way: bool(np.nanmin(by_way[way]) <= LEVEL) for way in WAYS}


def cell(case: str, regime: int, law: int, nulls: int, alternatives: int) -> Cell:
    """Measure one cell."""

    def count(shared: float, grids: int) -> dict[str, int]:
        counts = dict.fromkeys(WAYS, 0)
        for index in range(grids):
            for way, hit in found(case, drawn(regime, law, index, shared), index).items():
                counts[way] += hit
        return counts

    n, d = REGIMES[regime]
    return Cell(
        n, d, LAWS[law], nulls, alternatives, count(0.0, nulls), count(SHARED, alternatives)
    )


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
    write_case(FOLDER, "evidence.search", CASES, name, cells, seconds)
    rates = ", ".join(f"{c.rejected['max'] / c.nulls:.3f}" for c in cells)
    say(f"{name}: {rates} of grids with a false alarm at .05")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and write; 0 if no correction has too many false alarms, else 1."""
    parser = argparse.ArgumentParser(prog="python -m evidence.search", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(CASES), metavar="NAME")
    parser.add_argument("--render", action="store_true", help="write the page, run nothing")
    add_options(parser)
    chosen = parser.parse_args(arguments)
    if not chosen.render:
        share_out(chosen, measure_case, [(name,) for name in chosen.only or CASES])
    result = stored()
    PAGE.write_text(page(result), encoding="utf-8")
    say(f"{PAGE.relative_to(ROOT)}: written")
    return 1 if min(corrected(result).values()) <= LEVEL else 0


def stored() -> dict[str, list[Cell]]:
    """The cells of every case that was run."""
    found = read_cases(FOLDER, CASES)
    return {name: [Cell(**entry) for entry in cells] for name, cells in found.items()}


def corrected(result: dict[str, list[Cell]]) -> dict[tuple[str, int, str], float]:
    """Probabilities of so many false alarms, corrected over all cells and corrections."""
    keys = [
        (name, i, way)
        for name, cells in result.items()
        for i in range(len(cells))
        for way in (("max",) if name in DRAWN else WAYS[1:])
    ]
    many = holm(np.array([result[name][i].excess(way) for name, i, way in keys]))
    return dict(zip(keys, many.tolist(), strict=True))


INTRODUCTION = f"""# Looking at all layers

How often a grid of {LAYERS} × {LAYERS} layers of two models that share nothing has a pair with p ≤
.05, in {NUM_NULLS:,} grids per row. Uncorrected that is the price of looking everywhere. Corrected
it should be 5 %; by chance alone a row lies between 4.1 and 6.0 % (95 %). "max": by the largest
standardised score of the grid under {NUM_PERMUTATIONS} orders of the rows, the same for all pairs
(`correction="max"`, the default of `mx.compare_all`). "Holm": holds whatever the pairs have to do
with each other, and so is conservative where layers are nearly one. "q": any pair has a false
discovery rate of .05 or less (Benjamini and Hochberg), which is the same event where nothing is
shared. With nulls that are drawn, p is at least 1/{NUM_PERMUTATIONS + 1}, and Holm and q cannot
reach .05 for a single pair of {LAYERS * LAYERS}: they need more orders. Power is the share of
{NUM_ALTERNATIVES} grids in which something is found where the last layers share {SHARED:.0%} of the
variance of their features, one signal per three features, and the others nothing. n samples, d
features; each layer but the last is the one before it, rotated, with {STEP:.0%} of its variance
new; "heavy" features are as in [calibration](calibration.md).

This page is written by `python -m evidence.search --render` from the files in
`evidence/results/search`, which are written by `python -m evidence.search`.

"""


def page(result: dict[str, list[Cell]]) -> str:
    """docs/search.md."""
    many = corrected(result)
    worst = min(many.values())
    lines = [
        INTRODUCTION
        + "No correction is shown to have too many: the smallest probability of so many at a true "
        f"rate of 5 %, corrected by Holm's method over {len(many)} rows and corrections, is "
        f"{worst:.2g}. A single row would have been shown to at a true rate of some 7 %.\n"
        if worst > LEVEL
        else INTRODUCTION
        + "Rows marked with ! have too many false alarms (probability, corrected by Holm's method "
        "over all rows and corrections, at most .05).\n",
        "| measure | features | n | d | uncorrected | max | Holm | q | power: max | Holm | q |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, cells in result.items():
        for i, c in enumerate(cells):
            rates = [f"{c.rejected['uncorrected'] / c.nulls:.1%}"]
            rates += [
                f"{c.rejected[way] / c.nulls:.1%}"
                + (" !" if many.get((name, i, way), 1.0) <= LEVEL else "")
                for way in WAYS[1:]
            ]
            power = [f"{c.detected[way] / c.alternatives:.0%}" for way in WAYS[1:]]
            row = [name, c.law, str(c.num_samples), str(c.num_features), *rates, *power]
            lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
