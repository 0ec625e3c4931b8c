"""Render docs/intervals.md: ``python -m evidence.interval_page``.

What `evidence.coverage`, `evidence.neighbour_intervals` and `evidence.tails` stored, as one page.
"""

from __future__ import annotations

from pathlib import Path

from evidence import coverage, neighbour_intervals, tails
from evidence.outcome import say

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "intervals.md"

INTRODUCTION = f"""# Intervals

How often the {100 * coverage.CONFIDENCE:.0f} % interval of `mx.compare` holds the expected score at
that number of samples, and how often the tail of a null from exact moments is what it says, by
simulation: pairs of representations are drawn again and again from one law, and the expected score
is the mean over other draws. Written by `python -m evidence.interval_page` from
`evidence/results/measures/coverage.json`, `neighbour_intervals.json` and `tails.json`, which are
written by `python -m evidence.coverage`, `python -m evidence.neighbour_intervals` and
`python -m evidence.tails`.

"""

BOOTSTRAP = f"""## By bootstrap

{coverage.REPETITIONS} pairs per row, of the laws in `evidence/coverage.py`, each with
{coverage.NUM_BOOTSTRAP} bootstrap samples. "±" is the standard error of the coverage. "Lies above"
and "below" say on which side intervals missed, each 2.5 % if all is well. The last column has how
often the plain quantiles of the same resamples about their mean hold the expected score. Of 200
features of 100 samples CCA is always 1, and Procrustes would take hours; both are left out there.
Two classes are for kernels only, with a bandwidth that they are hard for. No row has more than 250
samples, from where samples are left out by groups, nor fewer than 40.

How an interval is made (`methexis.measures.inference.intervals`, `resampling`, `bandwidth`):

- Resamples are taken about their mean, for a bootstrap sample has fewer distinct samples, and the
  bias that makes is none of the score's.
- The ends are BCa quantiles: moved by the skewness of the resamples, and by how fast the deviation
  of the score changes with the score (from scores with samples left out). Scores near a bound
  spread less than those farther from it, and a few large samples raise a score together with its
  deviation. Where that clearly covers better than plain quantiles is linear HSIC, and the CKA of
  RBF kernels of two classes; elsewhere they cover alike.
- Resamples spread at least as the jackknife says, except of canonical correlations.
- The bandwidth of an RBF kernel is a median of distances. It is that of each bootstrap sample, to
  first order. Held fixed, bootstrap samples would see the scale of the features, which scores of
  new samples do not.
- Ends are never cut to the range of the score. Where one lies beyond it, `compare` notes it: there
  are too few or too uneven samples for the interval. Where a resample has no score it notes that,
  and there is no interval.

What remains:

- **Unrelated and barely related pairs have intervals that are too wide.** Their scores are sums of
  products of two samples each. Such products have three times the variance over bootstrap samples,
  and twice by the jackknife. Both could be combined to the right variance, but the difference of
  two estimates is noisy where the part is small: it made intervals of related pairs too narrow. The
  intervals err on the safe side, and whether there is alignment at all p says.
- **Biased HSIC of RBF kernels** likewise: a sample and its own copy are a pair of the biased
  estimate of a bootstrap sample. Debiased there is none, and intervals are nearly right.
- **Linear HSIC of samples with heavy tails** is missed from below: it is made of squares of
  covariances, whose variance at a finite n takes eighth moments of the features, and Student's t
  law with five degrees of freedom has no more than four. The expected score comes from rare draws
  with very large samples; where these are not there, no resampling of what is there can tell.
  Scores that are normalised depend on them less.
- **RSA with heavy tails** likewise, if less so: distances to few far samples rule the correlation.
- **Linear HSIC and RSA without heavy tails** are somewhat low as well, by up to two standard errors
  in a row; where they are, they are mostly missed from below.
- **RBF kernels where the median distance lies in a gap**, as of two classes of equal size far from
  each other: how many of each were drawn decides whether the median is a distance within a class or
  between them. It jumps, which first order cannot follow. Intervals are too narrow and lie above
  the expected score. Those of HSIC miss it once in five times at 100 samples, more often than at
  40; those of CKA once in ten to fourteen at either. Compare such features with a linear kernel.

"""


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    say(f"{PAGE.relative_to(ROOT)}: written")
    return 0


def page() -> str:
    """docs/intervals.md."""
    return (
        INTRODUCTION
        + BOOTSTRAP
        + bootstrap_table(coverage.stored())
        + NEIGHBOURS
        + neighbour_table(neighbour_intervals.stored())
        + TAILS
        + tail_table(tails.stored())
    )


def bootstrap_table(rows: list[coverage.Row]) -> str:
    """A line per law, number of samples and measure."""
    lines = [
        "| law | n | measure | expected score | covers | lies above | below | plain quantiles |",
        "|---|--:|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        above, below, plain = (
            count / row.repetitions for count in (row.above, row.below, row.plain)
        )
        lines.append(
            f"| {row.law} | {row.num_samples} | {row.measure} | {minus(f'{row.expected:.4g}')} | "
            f"{row.covered:.1%} ± {100 * row.error:.1f} | {above:.1%} | {below:.1%} | {plain:.1%} |"
        )
    return "\n".join(lines) + "\n\n"


NEIGHBOURS = f"""## By halves, of neighbours

{neighbour_intervals.NUM_REPETITIONS} pairs per row; the standard error of a coverage near 95 % is
1.5 %. The last column is the root mean square deviation of the resamples over the deviation of
scores between draws: above 1 intervals are too wide. How they are made is told in
`methexis.measures.inference.resampling`. Laws are those of `evidence/neighbour_intervals.py`.

"""


def neighbour_table(cells: list[neighbour_intervals.Cell]) -> str:
    """A line per measure, numbers and law."""
    lines = [
        "| measure | n | k | law | expected score | covers | spread |",
        "|---|--:|--:|---|--:|--:|--:|",
    ]
    for c in cells:
        lines.append(
            f"| {c.measure} | {c.num_samples} | {c.k} | {c.law} | {c.expected:.4f} | "
            f"{c.covered / c.repetitions:.1%} | {c.ratio:.2f} |"
        )
    return "\n".join(lines) + "\n\n"


TAILS = """## Tails of nulls

Where three moments of a null are known exactly, p is the tail of the Pearson III law that has them.
How often scores of drawn orders exceed what that law takes for its points of level .05, .01 and
.001, and beside it the Gaussian law of the first two; "dominance" is the largest share that one
sample has in the spread. Where one sample has more than half of it `compare` draws orders instead.

"""


def tail_table(rows: list[tails.Tail]) -> str:
    """A line per number of samples, law and measure."""
    lines = [
        "| n | law | measure | skewness | dominance | Pearson III | Gaussian | `compare` |",
        "|--:|---|---|--:|--:|---|---|---|",
    ]
    for row in rows:
        pearson, gaussian = (
            ", ".join(f"{rate:.4f}".removeprefix("0") for rate in rates)
            for rates in (row.pearson, row.gaussian)
        )
        lines.append(
            f"| {row.num_samples} | {row.law} | {row.title} | "
            f"{minus(f'{row.moments.skewness:.2f}')} | {row.moments.dominance:.2f} | {pearson} | "
            f"{gaussian} | {'moments' if row.trusted else 'orders'} |"
        )
    return "\n".join(lines) + "\n"


def minus(text: str) -> str:
    """A number with a minus sign in place of a hyphen, but for exponents."""
    return "−" + text[1:] if text.startswith("-") else text


if __name__ == "__main__":
    raise SystemExit(main())
