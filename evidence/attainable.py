"""How often can a test of signs reject? ``python -m evidence.attainable``.

The cosines of a single feature are 1 and -1. A pair of such representations is then a table of two
by two: how many rows are positive in both, given how many are in each. A score of cosines is a
function of that table, of which there are at most 21 with 40 rows, and the share of orders with a
score as high takes no more values. So no test of level 5 % by orders rejects in 5 %, but only in

    Σ_(a, b) P(a) P(b) Σ_k P(k | a, b) P(Bin(99, q(k)) <= 4),  q(k) = Σ_l P(l | a, b) [s(l) >= s(k)]

with a and b binomial and k hypergeometric; 99 orders are drawn, and (1 + those as high) / 100 is
at most .05. This is exact but for a and b below `FEWEST`, which have 2e-5. It is what
`evidence.discrete` is held against in the cells of one feature, and stands in
``evidence/results/attainable.json``.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from evidence.calibration import LEVEL, NUM_PERMUTATIONS
from evidence.discrete import ATTAINABLE, CASES, NUM_SAMPLES, attainable_rates
from evidence.outcome import say
from methexis.errors import DegenerateWarning
from methexis.measures.inputs.features import features
from methexis.measures.measure import Measure
from methexis.measures.registry import chosen

#: Cases whose score of one feature depends on its signs alone.
SIGNS = (
    "mutual_knn", "jaccard_knn", "cycle_knn", "cycle_knn-3", "second_order_cosine", "cknna-code",
    "lcs_knn", "edit_distance_knn", "rank_similarity",
)  # fmt: skip
#: Fewest rows of either sign that are looked at: fewer have a chance of 2e-5.
FEWEST = 7


def score(measure: Measure[Any], num_samples: int, table: tuple[int, int, int]) -> float:
    """The score of two features that are positive in so many rows each, and in so many both."""
    first, second, both = table
    x, y = -np.ones((num_samples, 1)), -np.ones((num_samples, 1))
    x[:first] = 1.0
    y[:both] = y[first : first + second - both] = 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # ties on purpose
        return measure.score(*(measure.reduce(features("X", one)) for one in (x, y)))


def attainable(
    measure: Measure[Any], num_samples: int = NUM_SAMPLES, fewest: int = FEWEST
) -> float:
    """The chance that p is at most .05, of unrelated features, for one measure."""
    n, most = num_samples, round(LEVEL * (NUM_PERMUTATIONS + 1)) - 1
    chance = stats.binom.pmf(np.arange(n + 1), n, 0.5)
    total = mass = 0.0
    halves = range(fewest, n // 2 + 1)  # a feature and its negative have the same cosines
    for first in halves:
        for second in halves:
            if measure.symmetric and second < first:
                continue  # as the other way round
            both = np.arange(max(0, first + second - n), min(first, second) + 1)
            law = stats.hypergeom.pmf(both, n, first, second)
            scores = np.array([score(measure, n, (first, second, int(k))) for k in both])
            share = np.minimum([law[scores >= one - 1e-9].sum() for one in scores], 1.0)
            weight = chance[first] * chance[second]
            weight *= (1 + (2 * first < n)) * (1 + (2 * second < n))
            weight *= 1 + (measure.symmetric and second > first)
            mass += weight
            total += weight * float(law @ stats.binom.cdf(most, NUM_PERMUTATIONS, share))
    return total / mass


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute what is asked for, and keep it."""
    parser = argparse.ArgumentParser(prog="python -m evidence.attainable", description=__doc__)
    parser.add_argument("--only", action="append", choices=SIGNS, metavar="NAME")
    for name in parser.parse_args(arguments).only or SIGNS:
        rate = attainable(chosen(*CASES[name]))
        say(f"{name}: {rate:.4f}")
        content = attainable_rates() | {name: round(rate, 6)}
        ATTAINABLE.write_text(
            json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
