"""Are comparisons right that take seconds in place of minutes? ``python -m evidence.quick``.

Of wide pairs `compare` computes the whole score of a few orders only, and predicts the others' from
a part (`measures.inference.regressed`); and its interval is from scores with samples left out. Two
counts, of seeds, sizes, laws and numbers that were fixed before the run:

- *Nulls*: how often p <= .05, and p <= .01, of pairs that share nothing. The part is made of as
  many leading directions as the cell says: a quarter or an eighth of all, as 32 are of 128 or 256,
  and one of 32, as 32 are of 1,024.
- *Intervals*: how often the interval of 95 % holds the expected score at this number of samples,
  the mean over many other draws.

``--only NAME`` runs one case, whose file is ``evidence/results/quick/NAME.json``, and ``--law LAW``
of it one law only; ``--render`` turns the files into docs/quick.md.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from scipy import stats

from benchmarks.machine import machine
from evidence.coverage import shared
from evidence.crew import add_options, share_out
from evidence.outcome import RESULTS, say
from methexis.core.checks import Array
from methexis.errors import DegenerateWarning
from methexis.measures import MEASURES, Measure
from methexis.measures.inference import nulls
from methexis.measures.inference.amounts import FEWEST_GROUPS, FEWEST_WHOLE, Resampling
from methexis.measures.inference.intervals import interval
from methexis.measures.inference.multiple import holm
from methexis.measures.inference.regressed import regressed
from methexis.measures.inference.resampling import spreading
from methexis.measures.inputs.features import features
from methexis.measures.subspaces import contract
from methexis.measures.work import NOTHING
from methexis.version import __version__

ROOT = Path(__file__).resolve().parent.parent
FOLDER = RESULTS / "quick"
PAGE = ROOT / "docs" / "quick.md"
SEED = 20261129

NUM_NULLS, NUM_ORDERS = 2000, 199
LEVELS = (0.05, 0.01)
#: Samples, features, and leading directions of the part.
REGIMES = ((40, 16, 4), (200, 32, 4), (200, 32, 1))
#: Measures by case, with the regime. The part of Procrustes is one of leading directions, of the
#: others how far samples that both spans lean on meet.
NULLS = {
    "procrustes-40": ("procrustes", 0),
    "procrustes-200": ("procrustes", 1),
    "procrustes-200-one": ("procrustes", 2),
    "cca-40": ("cca", 0),
    "cca-200": ("cca", 1),
    "svcca-200": ("svcca", 1),
}

REPETITIONS, TARGET_DRAWS, CONFIDENCE = 300, 1000, 0.95
#: Samples, features, and the way of the interval, of each measure.
INTERVALS = {
    "procrustes": ((100, 20, "jackknife"), (200, 60, "jackknife"), (200, 60, "groups")),
    "cca": ((100, 20, "jackknife"), (200, 60, "jackknife")),
    "svcca": ((200, 60, "few"),),
}

Draw = Callable[[int, int, np.random.Generator], Array]


def _power(exponent: float) -> Draw:
    return lambda n, d, rng: rng.normal(size=(n, d)) * np.arange(1, d + 1.0) ** -exponent


def _tails(n: int, d: int, rng: np.random.Generator) -> Array:
    """Rows scaled by a common factor each: features of Student's law with 2 degrees of freedom."""
    return np.asarray(rng.normal(size=(n, d)) * np.sqrt(2.0 / rng.chisquare(2, size=(n, 1))))


def _copies(n: int, d: int, rng: np.random.Generator) -> Array:
    """Every row four times, in any order: copies at the same places would be shared."""
    rows = np.repeat(rng.normal(size=(-(-n // 4), d)), 4, axis=0)[:n]
    return np.asarray(rng.permutation(rows, axis=0))


def _counts(n: int, d: int, rng: np.random.Generator) -> Array:
    """Sparse counts; the first feature is never constant."""
    found = rng.poisson(0.2, size=(n, d)).astype(np.float64)
    found[0, 0] += 1.0
    return found


def _classes(n: int, d: int, rng: np.random.Generator) -> Array:
    """One of as many classes as features, as indicators."""
    return np.asarray(np.eye(d)[rng.integers(d, size=n)])


LAWS: dict[str, Draw] = {
    "gaussian, flat": _power(0.0),
    "gaussian, k^-1/2": _power(0.5),
    "gaussian, k^-1": _power(1.0),
    "t2": _tails,
    "copies": _copies,
    "counts": _counts,
    "one-hot": _classes,
}


@dataclass(frozen=True)
class NullCell:
    """How often p is at most each of the levels where nothing is shared."""

    num_samples: int
    num_features: int
    leading: int
    law: str
    nulls: int
    rejected: tuple[int, int]

    def excess(self, level: int) -> float:
        """Binomial probability of so many rejections or more."""
        return float(stats.binom.sf(self.rejected[level] - 1, self.nulls, LEVELS[level]))


def null_cell(case: str, law: str, num_nulls: int = NUM_NULLS) -> NullCell:
    """Measure one cell."""
    name, regime = NULLS[case]
    n, d, leading = REGIMES[regime]
    measure, rejected = MEASURES[name](), np.zeros(len(LEVELS), dtype=int)
    for index in range(num_nulls):
        key = [SEED, list(NULLS).index(case), list(LAWS).index(law), index]
        rng = np.random.default_rng(key)
        a, b = (_reduced(measure, LAWS[law](n, d, rng)) for _ in range(2))
        orders = nulls.orders(n, NUM_ORDERS, index)
        with warnings.catch_warnings(), mock.patch.object(contract, "LEADING", leading):
            warnings.simplefilter("ignore", DegenerateWarning)
            null = regressed(measure, a, b, orders, FEWEST_WHOLE)
            p = null.p_value(measure.score(a, b), distance=measure.distance)
        rejected += p <= np.array(LEVELS)
    return NullCell(n, d, leading, law, num_nulls, (int(rejected[0]), int(rejected[1])))


@dataclass(frozen=True)
class IntervalCell:
    """How many intervals lie above and below the expected score."""

    num_samples: int
    num_features: int
    way: str
    law: str
    repetitions: int
    above: int
    below: int

    @property
    def covered(self) -> float:
        """Share of intervals that hold it."""
        return 1.0 - (self.above + self.below) / self.repetitions


def pairs(width: int) -> dict[str, Callable[[int, np.random.Generator], tuple[Array, Array]]]:
    """Laws of pairs of so many features; as of `coverage`, and one of many common signals."""
    many = np.random.default_rng(1).normal(size=(2, width // 2, width))

    def common(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        signals = rng.normal(size=(n, width // 2))
        x, y = (signals @ m + rng.normal(size=(n, width)) for m in many)
        return x, y

    def wide_heavy(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        x, y = shared(1.0, width)(n, rng)
        scale = np.sqrt(5.0 / rng.chisquare(5, size=(n, 1)))
        return scale * x, scale * y

    def apart(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        return rng.normal(size=(n, width)), rng.normal(size=(n, width))

    return {
        "aligned": shared(0.5, width),
        "noisy": shared(3.0, width),
        "many signals": common,
        "heavy tails": wide_heavy,
        "unrelated": apart,
    }


def interval_cell(
    name: str, case: int, law: str, repetitions: int = REPETITIONS, draws: int = TARGET_DRAWS
) -> IntervalCell:
    """Measure one cell."""
    n, d, way = INTERVALS[name][case]
    measure, draw = MEASURES[name](), pairs(d)[law]
    key = [SEED, list(INTERVALS).index(name), case, list(pairs(d)).index(law)]
    rng = np.random.default_rng([*key, 0])

    def both(generator: np.random.Generator) -> list[Any]:
        return [_reduced(measure, one) for one in draw(n, generator)]

    planned = Resampling(way, FEWEST_GROUPS, NOTHING)
    above = below = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        expected = float(np.mean([measure.score(*both(rng)) for _ in range(draws)]))
        for repetition in range(repetitions):
            a, b = both(np.random.default_rng([*key, 1, repetition]))
            found, done = spreading(measure, a, b, planned, num_samples=n, seed=repetition)
            assert done == way
            low, high = interval(measure.score(a, b), found, CONFIDENCE)
            above += expected < low
            below += expected > high
    return IntervalCell(n, d, way, law, repetitions, int(above), int(below))


def _reduced(measure: Measure[Any], rows: Array) -> Any:
    return measure.reduce(features("X", rows))


def _cases() -> list[str]:
    """Names of all cases."""
    return [f"nulls-{name}" for name in NULLS] + [f"intervals-{name}" for name in INTERVALS]


def run(case: str, only: str | None = None) -> list[dict[str, Any]]:
    """All cells of one case, or those of one law beside those that are stored."""
    kind, name = case.split("-", 1)
    kept = {} if only is None else {_key(cell): cell for cell in stored().get(case, [])}

    def cell(measure: Callable[[], Any], law: str, *key: Any) -> dict[str, Any]:
        old = kept.get((*key, law))
        return asdict(measure()) if old is None or law == only else old

    if kind == "nulls":
        at = REGIMES[NULLS[name][1]]
        return [cell(partial(null_cell, name, law), law, *at) for law in LAWS]
    return [
        cell(partial(interval_cell, name, c, law), law, *at)
        for c, at in enumerate(INTERVALS[name])
        for law in pairs(at[1])
    ]


def _key(cell: dict[str, Any]) -> tuple[Any, ...]:
    third = cell["leading"] if "leading" in cell else cell["way"]
    return (cell["num_samples"], cell["num_features"], third, cell["law"])


def stored() -> dict[str, list[dict[str, Any]]]:
    """The cells of every case that was run."""
    paths = {case: FOLDER / f"{case}.json" for case in _cases()}
    return {
        case: json.loads(path.read_text(encoding="utf-8"))["cells"]
        for case, path in paths.items()
        if path.exists()
    }


def measure_case(case: str, law: str | None = None) -> None:
    """Run one case and write its file."""
    began = time.perf_counter()
    cells = run(case, law)
    content = {
        "command": f"python -m evidence.quick --only {case}",
        "methexis": __version__,
        "machine": machine(),
        "seconds": round(time.perf_counter() - began, 1),
        "cells": cells,
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{case}.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    say(f"{path.relative_to(ROOT)}: written")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and write."""
    parser = argparse.ArgumentParser(prog="python -m evidence.quick", description=__doc__)
    parser.add_argument("--only", action="append", choices=_cases(), metavar="NAME")
    parser.add_argument("--law", help="run this law only, and keep what is stored of the others")
    parser.add_argument("--render", action="store_true", help="write the page, run nothing")
    add_options(parser)
    given = parser.parse_args(arguments)
    if not given.render:
        share_out(given, measure_case, [(case, given.law) for case in given.only or _cases()])
    PAGE.write_text(page(stored()), encoding="utf-8")
    say(f"{PAGE.relative_to(ROOT)}: written")
    return 0


INTRODUCTION = """# Quick comparisons

Of wide pairs 999 decompositions for a null, and as many for an interval, take minutes. `mx.compare`
takes seconds: of 999 orders of the rows it computes a part of the score, of some the whole, and
predicts the others' from the part; and its interval is from scores with samples left out, or of
SVCCA from few bootstrap samples. Here is how often that is right, at the fewest whole scores and
groups that are ever taken.

This page is written by `python -m evidence.quick --render` from the files in
`evidence/results/quick`, which are written by `python -m evidence.quick`.
"""


def page(found: dict[str, list[dict[str, Any]]]) -> str:
    """docs/quick.md."""
    return INTRODUCTION + _null_section(found) + _interval_section(found)


def _null_section(found: dict[str, list[dict[str, Any]]]) -> str:
    cells = [
        (name, NullCell(**cell))
        for case, (name, _) in NULLS.items()
        for cell in found.get(f"nulls-{case}", [])
    ]
    if not cells:
        return ""
    many = holm(np.array([cell.excess(level) for _, cell in cells for level in range(2)]))
    wrong = sum(p <= LEVELS[0] for p in many)
    lines = [
        "| measure | n | d | leading | law | p ≤ .05 | p ≤ .01 | too many |",
        "|---|--:|--:|--:|---|--:|--:|--:|",
    ]
    for k, (name, cell) in enumerate(cells):
        five, one = (count / cell.nulls for count in cell.rejected)
        leading = str(cell.leading) if name == "procrustes" else "–"
        lines.append(
            f"| {name} | {cell.num_samples} | {cell.num_features} | {leading} | {cell.law} | "
            f"{five:.1%} | {one:.1%} | {min(many[2 * k : 2 * k + 2]):.2g} |"
        )
    text = f"""
## Nulls

{NUM_NULLS:,} pairs that share nothing in every cell, {NUM_ORDERS} orders, {FEWEST_WHOLE} of them
whole. By chance alone a cell of level 5 % lies between 4.1 and 6.0 % (95 %), of level 1 % between
0.6 and 1.5 %. "Too many" is the probability of at least so many, the smaller of both levels,
corrected by Holm's method over all cells and levels. "k^-1" are deviations of directions; "t2"
features of Student's law, a factor common to a row; "copies" has every row four times. The
part is the score of the leading directions, as many as the column says; for canonical correlations
it is how far samples that both spans lean on meet. {len(cells)} cells, {wrong} rates with too many.

"""
    return text + "\n".join(lines) + "\n"


def _interval_section(found: dict[str, list[dict[str, Any]]]) -> str:
    cells = [
        (name, IntervalCell(**cell))
        for name in INTERVALS
        for cell in found.get(f"intervals-{name}", [])
    ]
    if not cells:
        return ""
    lines = [
        "| measure | from | n | d | law | holds | above | below |",
        "|---|---|--:|--:|---|--:|--:|--:|",
    ]
    for name, cell in cells:
        lines.append(
            f"| {name} | {cell.way} | {cell.num_samples} | {cell.num_features} | {cell.law} | "
            f"{cell.covered:.1%} | {cell.above} | {cell.below} |"
        )
    text = f"""
## Intervals

Of {REPETITIONS} pairs in every row, how often the interval of 95 % holds the expected score: the
standard error is 1.3 %. "Jackknife" leaves out each sample in closed form, "groups"
{FEWEST_GROUPS} groups of samples; "few" is Student's interval from {FEWEST_GROUPS} bootstrap
samples. The jackknife counts interactions of samples twice, so that intervals are rather too wide
where there is little in common.

"""
    return text + "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
