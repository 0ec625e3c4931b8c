"""Are the p-values of `compare` right where rows are equally far apart, or equal?

``python -m evidence.discrete [--only NAME]`` does for discrete features what `evidence.calibration`
does for continuous ones: pairs of unrelated representations of each family, every measure with its
default null, and how often p <= .05; then pairs of which some rows are the same. Seeds, sizes,
families and the alternative are those below, fixed before the runs. The result is
``evidence/results/discrete/NAME.json``, one file per case; ``--render`` turns the files into
docs/calibration-discrete.md. ``--trial NUMBER`` prints rates of so few pairs, and writes nothing.

Of such features measures of neighbours have ties, others take few values. So a cell also has the
number of different scores of its unrelated pairs: where they are few, no test of level 5 % rejects
in 5 %, and less is no fault.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from evidence.calibration import CASES as CONTINUOUS
from evidence.calibration import LEVEL, NUM_PERMUTATIONS, ROOT
from evidence.case_files import read_cases, write_case
from evidence.crew import add_options, share_out
from evidence.outcome import RESULTS, say
from methexis.core.checks import Array
from methexis.core.parallel.threads import available_cores
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import compare
from methexis.measures.inference.multiple import holm

FOLDER = RESULTS / "discrete"
#: How often tests of signs can reject at most, written by `evidence.attainable`.
ATTAINABLE = RESULTS / "attainable" / "rates.json"
PAGE = ROOT / "docs" / "calibration-discrete.md"

NUM_NULLS = 4000
NUM_ALTERNATIVES = 500
NUM_SAMPLES = 40
SEED = 20261129

#: Corrected probabilities below this count: of too many false alarms, and of too few.
SIGNIFICANT = 0.01
#: Of scores that take more values than this a cell should reject in no less than `LEAST`.
MANY_VALUES, LEAST = 100, 0.04

#: The alternative: this share of rows is the same in both representations.
SHARED = 0.4

CASES: dict[str, tuple[str, dict[str, Any]]] = CONTINUOUS | {
    "cknna-code": ("cknna", {"definition": "code"}),
    "lcs_knn": ("lcs_knn", {}),
    "edit_distance_knn": ("edit_distance_knn", {}),
    "rank_similarity": ("rank_similarity", {}),
    "linear_predictivity": ("linear_predictivity", {}),
    "soft_matching": ("soft_matching", {}),
    "rsa_kendall": ("rsa_kendall", {}),
    "mutual_knn-euclidean": ("mutual_knn", {"metric": "euclidean"}),
    "cycle_knn-3": ("cycle_knn", {"k": 3}),
}

Generator = np.random.Generator


def one_hot(generator: Generator) -> Array:
    """Ten classes."""
    return np.eye(10)[generator.integers(0, 10, NUM_SAMPLES)]


def multi_hot(generator: Generator) -> Array:
    """Four of thirty tags."""
    order = generator.permuted(np.tile(np.arange(30), (NUM_SAMPLES, 1)), axis=1)
    return np.asarray(order < 4, dtype=float)


def codes(generator: Generator) -> Array:
    """Sparse codes: four of sixty features, of gamma law."""
    order = generator.permuted(np.tile(np.arange(60), (NUM_SAMPLES, 1)), axis=1)
    return np.where(order < 4, generator.gamma(2.0, 1.0, order.shape), 0.0)


def counts(generator: Generator) -> Array:
    """Eight Poisson counts of mean 1; a row of zeros now and then."""
    return generator.poisson(1.0, (NUM_SAMPLES, 8)).astype(float)


def one_feature(generator: Generator) -> Array:
    """A single Gaussian feature: its cosines are 1 and -1."""
    return generator.standard_normal((NUM_SAMPLES, 1))


def copies(generator: Generator) -> Array:
    """Rows drawn from fifteen, of six Gaussian features."""
    rows = generator.standard_normal((15, 6))
    return rows[generator.integers(0, 15, NUM_SAMPLES)]


FAMILIES: dict[str, Callable[[Generator], Array]] = {
    "one-hot": one_hot,
    "multi-hot": multi_hot,
    "codes": codes,
    "counts": counts,
    "one feature": one_feature,
    "copies": copies,
}


@dataclass(frozen=True)
class Cell:
    """Rejections of one measure for one family.

    ``by_moments`` of the nulls had a tail from exact moments; scores took ``values`` different
    values; ``refused`` is what the measure says of such features, if it refuses them.
    """

    family: str
    nulls: int
    rejected: int
    alternatives: int
    detected: int
    by_moments: int
    values: int
    refused: str = ""

    @property
    def rate(self) -> float:
        """Share of unrelated pairs with p <= .05."""
        return self.rejected / self.nulls

    def excess(self) -> float:
        """Binomial probability of so many rejections or more at 5 %."""
        return float(stats.binom.sf(self.rejected - 1, self.nulls, LEVEL))

    def lack(self) -> float:
        """Of so few or fewer at 4 %, if scores take many values; else 1."""
        if self.values <= MANY_VALUES:
            return 1.0
        return float(stats.binom.cdf(self.rejected, self.nulls, LEAST))


def drawn(family: str, index: int, shared: float) -> tuple[Array, Array]:
    """One pair of representations; ``shared`` is 0 for unrelated ones."""
    place = list(FAMILIES).index(family)
    generator = np.random.default_rng([SEED, place, index, round(1000 * shared)])
    x, y = FAMILIES[family](generator), FAMILIES[family](generator)
    same = generator.random(NUM_SAMPLES) < shared
    return x, np.where(same[:, None], x, y)


def cell(case: str, family: str, nulls: int, alternatives: int) -> Cell:
    """Measure one cell."""
    name, options = CASES[case]

    def count(shared: float, pairs: int) -> tuple[int, int, int]:
        rejected, by_moments, scores = 0, 0, set()
        for index in range(pairs):
            x, y = drawn(family, index, shared)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DegenerateWarning)  # ties on purpose
                result = compare(
                    x,
                    y,
                    name,
                    num_permutations=NUM_PERMUTATIONS,
                    num_bootstrap=0,
                    seed=index,
                    **options,
                )
            rejected += result.p <= LEVEL
            by_moments += result.null == "moments"
            scores.add(round(result.score, 9))
        return rejected, by_moments, len(scores)

    try:
        rejected, by_moments, values = count(0.0, nulls)
        detected, _, _ = count(SHARED, alternatives)
    except MethexisError as error:
        return Cell(family, nulls, 0, alternatives, 0, 0, 0, str(error))
    return Cell(family, nulls, rejected, alternatives, detected, by_moments, values)


def run(case: str, *, nulls: int = NUM_NULLS, alternatives: int = NUM_ALTERNATIVES) -> list[Cell]:
    """Measure all cells of one case, on all cores."""
    with ProcessPoolExecutor(available_cores()) as pool:
        jobs = [pool.submit(cell, case, family, nulls, alternatives) for family in FAMILIES]
        return [job.result() for job in jobs]


def measure_case(name: str, pairs: int | None = None) -> None:
    """Run one case and write its file; or of so few pairs, and write nothing."""
    start = time.perf_counter()
    trial = {"nulls": pairs, "alternatives": 0} if pairs else {}
    cells = run(name, **trial)
    seconds = time.perf_counter() - start
    if not pairs:
        write_case(FOLDER, "evidence.discrete", CASES, name, cells, seconds)
    rates = ", ".join("refused" if c.refused else f"{c.rate:.3f}" for c in cells)
    say(f"{name}: {rates} rejected at .05, {seconds:.0f} s")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and write; 0 if no cell has too many false alarms or too few, else 1."""
    parser = argparse.ArgumentParser(prog="python -m evidence.discrete", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(CASES), metavar="NAME")
    parser.add_argument("--render", action="store_true", help="write the page, run nothing")
    parser.add_argument("--trial", type=int, metavar="NUMBER", help="so few pairs, write nothing")
    add_options(parser)
    chosen = parser.parse_args(arguments)
    if not chosen.render:
        parts = [(name, chosen.trial) for name in chosen.only or CASES]
        share_out(chosen, measure_case, parts)
    if chosen.trial:
        return 0
    found = stored()
    if not found:
        say(f"nothing in {FOLDER.relative_to(ROOT)}: no page")
        return 0
    PAGE.write_text(page(found), encoding="utf-8")
    say(f"{PAGE.relative_to(Path(ROOT))}: written")
    many, _ = corrected(found)
    return 1 if any(p <= SIGNIFICANT for p in many.values()) or slack_without_reason(found) else 0


def stored() -> dict[str, list[Cell]]:
    """The cells of every case that was run."""
    found = read_cases(FOLDER, CASES)
    return {name: [Cell(**entry) for entry in cells] for name, cells in found.items()}


Key = tuple[str, int]


def corrected(found: dict[str, list[Cell]]) -> tuple[dict[Key, float], dict[Key, float]]:
    """Corrected probabilities of too many and of too few rejections, for every cell with any."""
    cells = {(name, i): c for name, of in found.items() for i, c in enumerate(of) if not c.refused}
    many = holm(np.array([c.excess() for c in cells.values()]))
    few = holm(np.array([c.lack() for c in cells.values()]))
    return (
        dict(zip(cells, many.tolist(), strict=True)),
        dict(zip(cells, few.tolist(), strict=True)),
    )


def slack_without_reason(found: dict[str, list[Cell]]) -> list[Key]:
    """Cells that reject too seldom, and more seldom than a test of their scores can."""
    rates, slack = attainable_rates(), []
    for (name, place), p in (corrected(found)[1] if found else {}).items():
        cell = found[name][place]
        if p > SIGNIFICANT:
            continue
        if (
            cell.family != "one feature"
            or name not in rates
            or stats.binomtest(cell.rejected, cell.nulls, rates[name]).pvalue <= SIGNIFICANT
        ):
            slack.append((name, place))
    return slack


def attainable_rates() -> dict[str, float]:
    """How often each case can reject of unrelated single features, as far as it was computed."""
    if not ATTAINABLE.exists():
        return {}
    return dict(json.loads(ATTAINABLE.read_text(encoding="utf-8")))


def _of_signs(found: dict[str, list[Cell]]) -> str:
    """How often measures reject of one feature, beside how often they can; in words."""
    rates = attainable_rates()
    lines = [
        f"- {name}: {cell.rate:.2%} measured, {rates[name]:.2%} attainable, {off:+.1f} standard "
        f"errors"
        for name, cells in found.items()
        for cell in cells
        if cell.family == "one feature" and name in rates
        for off in [
            (cell.rate - rates[name]) / np.sqrt(rates[name] * (1 - rates[name]) / cell.nulls)
        ]
    ]
    return f"{OF_SIGNS}{chr(10).join(lines)}\n\n" if lines else ""


OF_SIGNS = f"""Of one feature, cosines are 1 and -1. A pair is then a table of two by two: its
orders have at most {NUM_SAMPLES // 2 + 1} scores, although all pairs together have hundreds, which
is what "values" counts. So no test by orders rejects in 5 %. How often it can is an exact sum,
`python -m evidence.attainable`:

"""

FAMILY_LIST = "; ".join(
    f"{name}: {(family.__doc__ or '').rstrip('.')}" for name, family in FAMILIES.items()
)

INTRODUCTION = f"""# Calibration on discrete features

How often `mx.compare` says p ≤ .05 of representations that share nothing, where many rows are
equally far apart or equal: {NUM_NULLS:,} pairs of {NUM_SAMPLES} samples per cell, every cell a row.
It should be 5 %. "Too many" is the probability of at least so many false alarms at a true rate of
5 %; "too few" of so few at {LEAST:.0%}, where scores took more than {MANY_VALUES} different values
("values"; where they are few, no test of level 5 % rejects in 5 %); both corrected by Holm's method
over all cells. Power is the share of {NUM_ALTERNATIVES} pairs found at p ≤ .05 in which each row is
the same in both with probability {SHARED}. "By moments" is the share of nulls with three exact
moments and a Pearson III tail; of the others {NUM_PERMUTATIONS} orders were drawn. What measures of
neighbours do with ties is in [measures](measures.md).

Families: {FAMILY_LIST}.

This page is written by `python -m evidence.discrete --render` from the files in
`evidence/results/discrete`, which are written by `python -m evidence.discrete`.

"""


def page(found: dict[str, list[Cell]]) -> str:
    """docs/calibration-discrete.md."""
    many, few = corrected(found) if found else ({}, {})
    lines = [
        "| measure | features | by moments | values | false alarms | too many | too few | power |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    refusals: dict[str, list[str]] = {}
    for name, cells in found.items():
        for i, c in enumerate(cells):
            if c.refused:
                refusals.setdefault(c.refused, []).append(f"{name} ({c.family})")
                continue
            lines.append(
                f"| {name} | {c.family} | {c.by_moments / c.nulls:.0%} | {c.values} | "
                f"{c.rate:.1%} | {many[name, i]:.2g} | {few[name, i]:.2g} | "
                f"{c.detected / max(c.alternatives, 1):.0%} |"
            )
    wrong = sum(p <= SIGNIFICANT for p in many.values())
    slack = sum(p <= SIGNIFICANT for p in few.values())
    summary = (
        f"{len(many)} cells of {len(found)} measures: {wrong} with too many false alarms, {slack} "
        "with too few.\n\n"
    )
    missing = [name for name in CASES if name not in found]
    if missing:
        summary += f"Not run yet: {', '.join(missing)}.\n\n"
    told = [f"- {', '.join(where)}: {why}" for why, where in refusals.items()]
    refused = ["", "Refused:", "", *told] if told else []
    summary += _of_signs(found)
    return INTRODUCTION + summary + "\n".join([*lines, *refused]) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
