"""How much measures of kernels have to do: with matrices over pairs of samples, or without.

Constants are nanoseconds of one core, measured; see `methexis.measures.work`.
"""

from __future__ import annotations

from dataclasses import replace
from math import log2

from methexis.measures.work import Work, drawn_bytes, held_bytes, passes, products

#: Matrices over pairs of samples that a comparison holds at once, at most.
MATRICES = 6.0
#: Per pair of samples: kernels made and centred, entries of two matrices multiplied and added,
#: rows and columns put in order besides.
_REDUCE, _SCORE, _ORDER = 40.0, 1.5, 7.0
#: Per pair of samples and doubling of their number: distances sorted for their median, and again
#: for the medians of bootstrap samples.
_SORTED = 12.0
#: Multiply-adds per triple of samples for the moments of two matrices; passes per pair.
_TRIPLES, _MOMENTS = 2.0, 40.0
#: Products of all weights with a matrix that a bootstrap sample of a pair takes.
_PRODUCTS = 9.0
#: Per pair of samples where moments come from features: squares and cubes of blocks.
_BLOCKS = 8.0
#: Per feature of each sample that is put in order.
_TAKEN = 8.0
#: Per feature of each sample, where features are a sample of many: sums of their powers over all
#: partitions of four samples; and of a resample, of which many are summed together.
_OWN, _OWN_RESAMPLED = 700.0, 70.0


def matrix_work(n: int, num_features: tuple[int, int], *, median: bool = False) -> Work:
    """Of matrices over pairs of samples; with a median of distances where a bandwidth goes by it.

    Parameters
    ----------
    n : int
        Samples.
    num_features : (int, int)
        Columns of both.
    median : bool
        Whether distances are sorted.
    """
    pairs = float(n) * n
    ordered = passes(2 * pairs * log2(n), _SORTED) if median else passes(0)
    return Work(
        reduce=products(pairs * sum(num_features)) + passes(pairs, _REDUCE) + ordered,
        score=passes(pairs, _SCORE),
        moments=products(_TRIPLES * pairs * n) + passes(pairs, _MOMENTS),
        order=passes(pairs, _ORDER),
        resample=products(_PRODUCTS * pairs, 2 * 0.05),
        num_bytes=held_bytes(n, num_features, MATRICES),
        drawn_bytes=drawn_bytes(n),
    )


def rows_work(n: int, num_features: tuple[int, int]) -> Work:
    """Of features alone: every sum over pairs is one of products of features."""
    a, b = num_features
    own, cross = n * (a * a + b * b), n * a * b
    return Work(
        reduce=products(own) + passes(n * (a + b), _TAKEN),
        score=products(cross),
        moments=products(2.0 * n * n * (a + b)) + passes(2.0 * n * n, _BLOCKS),
        order=products(cross) + passes(n * b, _TAKEN),
        resample=products(2.0 * (own + cross)) + passes(n * (a + b), _TAKEN),
        num_bytes=held_bytes(n, num_features),
        drawn_bytes=drawn_bytes(n),
    )


def sampled_work(plain: Work, n: int, num_features: tuple[int, int]) -> Work:
    """The same where the normaliser is corrected for sampled features."""
    numbers = n * sum(num_features)
    return replace(
        plain,
        reduce=plain.reduce + passes(numbers, _OWN),
        resample=plain.resample + passes(numbers, _OWN_RESAMPLED),
    )
