"""What the comparison of one pair takes, estimated from sizes alone: memory and time, to plan with.

Memory is the largest that arrays take at once. Measures of kernels and of dissimilarities hold some
matrices over pairs of samples (`Measure.pair_matrices`); linear kernels of many samples hold none
(`kernels.rows`). All hold the features a few times, and as many numbers per order or resample as
there are samples. Time is that of one core at 20 · 10⁹ multiply-adds a second; it is right within a
factor of three or so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis.measures.inference.intervals import MOST_LEFT_OUT
from methexis.measures.kernels.contract import KernelMeasure
from methexis.measures.kernels.rows import suits_shape
from methexis.measures.measure import Measure
from methexis.measures.neighbours.lists import ListMeasure

#: Copies of the features: in double precision, centred, decomposed.
_COPIES = 4
#: Blocks that measures work in, at most; a few matrices over pairs where there are few samples.
_BLOCKS, _FEW_BLOCKS = 2**28, 9
#: Orders and subsets are drawn beside the numbers that are put in order.
_DRAWN = 2
#: Nanoseconds of one core: per pair of samples, per pair and feature, per triple, and per sample,
#: pair of features and order.
_PAIR, _PAIR_FEATURE, _TRIPLE, _SPAN = 24.0, 0.08, 0.25, 0.2
#: Per entry of a block of matrices that an order gathers, and per multiply-add of their products.
_ENTRY = 0.3
#: Per sample and pair of features of one pass.
_PASS = 0.05
#: Orders drawn if nothing is said: as many as take so many seconds, between these numbers. 199
#: resolve corrected p-values to .005, 999 to .001.
SECONDS_OF_ORDERS, FEWEST_ORDERS, MOST_ORDERS = 600.0, 199, 999


@dataclass(frozen=True)
class Needs:
    """What a comparison takes.

    Attributes
    ----------
    num_bytes : int
        Most memory at a time.
    seconds : float
        Of one core, roughly.
    """

    num_bytes: int
    seconds: float


def needs(
    method: Measure[Any],
    num_samples: int,
    num_features: tuple[int, int],
    *,
    null: bool = True,
    num_orders: int = 0,
    num_resamples: int = 0,
) -> Needs:
    """What `compare` takes for one pair.

    Parameters
    ----------
    method : Measure
        What is measured.
    num_samples : int
        Rows.
    num_features : (int, int)
        Columns of both.
    null : bool
        Whether a chance level is asked for.
    num_orders, num_resamples : int
        Orders drawn for it, and resamples for an interval.

    Examples
    --------
    >>> from methexis.measures import RSA, Procrustes
    >>> needs(RSA(), 100_000, (8, 8)).num_bytes // 2**30, needs(Procrustes(), 10_000, (8, 8))
    (447, Needs(num_bytes=273555456, seconds=0.0))
    """
    n, (a, b) = num_samples, num_features
    matrices = _matrices(method, n, num_features)
    left_out = min(n, MOST_LEFT_OUT) if num_resamples else 0
    drawn = _DRAWN * max(num_orders, num_resamples + left_out)
    numbers = matrices * n * n + _COPIES * n * (a + b) + drawn * n
    blocks = min(_BLOCKS, 8 * _FEW_BLOCKS * n * n)
    draws = num_orders + num_resamples
    if matrices:
        spent = _TRIPLE * null * n**3 + (_PAIR + _PAIR_FEATURE * (a + b) + 0.5 * draws) * n * n
    elif isinstance(method, ListMeasure):
        spent = (_PAIR + _PAIR_FEATURE * (a + b)) * n * n + 10.0 * draws * n * method.k
    elif isinstance(method, KernelMeasure):
        spent = (_PAIR + _PAIR_FEATURE * (a + b)) * n * n * null + _SPAN * draws * n * a * b
    else:
        spent = _SPAN * draws * n * a * b
    return Needs(int(8 * numbers + blocks), 1e-9 * spent)


def default_orders(
    method: Measure[Any], num_samples: int, widths_a: Sequence[int], widths_b: Sequence[int]
) -> int:
    """How many orders all pairs of layers are given if nothing is said.

    Parameters
    ----------
    method : Measure
        What is measured.
    num_samples : int
        Rows.
    widths_a, widths_b : sequences of int
        Columns of all layers of both.

    Examples
    --------
    >>> from methexis.measures import CKA, Procrustes
    >>> default_orders(CKA(), 297, [64] * 4, [32] * 4)
    999
    >>> default_orders(CKA(), 4096, [1024] * 12, [1024] * 12)
    999
    >>> default_orders(Procrustes(), 4096, [1024] * 12, [1024] * 12)
    199
    """
    seconds = order_seconds(method, num_samples, widths_a, widths_b)
    return int(np.clip(SECONDS_OF_ORDERS // seconds, FEWEST_ORDERS, MOST_ORDERS))


def order_seconds(
    method: Measure[Any], num_samples: int, widths_a: Sequence[int], widths_b: Sequence[int]
) -> float:
    """What one order of all pairs of layers takes: matrices are put in order once for a column.

    Parameters
    ----------
    method : Measure
        What is measured.
    num_samples : int
        Rows.
    widths_a, widths_b : sequences of int
        Columns of all layers of both.

    Examples
    --------
    >>> from methexis.measures import CKA
    >>> round(order_seconds(CKA(), 4000, [64] * 10, [64]), 4)
    0.0264
    """
    n, columns = num_samples, len(widths_b)
    pairs = len(widths_a) * columns
    if isinstance(method, ListMeasure):
        spent = 10.0 * n * method.k * pairs
    elif _matrices(method, n, (max(widths_a), max(widths_b))):
        spent = _ENTRY * (columns + pairs) * n * n / 2
    else:
        spent = _SPAN * n * sum(widths_a) * sum(widths_b)
    return 1e-9 * spent


def pass_seconds(num_samples: int, num_features: Iterable[tuple[int, int]]) -> float:
    """What one pass over the rows takes for pairs of layers, of these numbers of columns.

    Examples
    --------
    >>> round(pass_seconds(10**6, [(512, 512)] * 2), 1)
    78.6
    """
    products = sum(a * a + b * b + a * b for a, b in num_features)
    return 1e-9 * _PASS * num_samples * products


def _matrices(method: Measure[Any], n: int, num_features: tuple[int, int]) -> float:
    """Matrices over pairs of samples that are held at once."""
    linear = isinstance(method, KernelMeasure) and (method.linear or method.corrects_features)
    if linear and all(suits_shape(n, d) for d in num_features):
        return 0.0
    return method.pair_matrices
