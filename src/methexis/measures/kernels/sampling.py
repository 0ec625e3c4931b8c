"""Correction for having seen only some of a representation's features.

Suppose the d columns are a random sample of many features (neurons recorded out of a population),
and what is wanted is the similarity of the whole populations: of the kernels
``κ(i, j) = E_a[x_ia x_ja]``. The sampled kernel ``K = (1/d) Σ_a x_a x_aᵀ`` is unbiased for κ, and
so is ``HSIC(K, L)``, linear in each, if the features of X and of Y are sampled independently.
``HSIC(K, K)`` in the normaliser is not: it pairs each feature with itself,

    E HSIC(K, K) = HSIC(κ, κ) + (1/d) E_a[HSIC(x_a x_aᵀ, x_a x_aᵀ) - HSIC(κ, κ)],

which is too much and makes CKA too small, the more so the fewer the features. Averaging over pairs
of different features removes it:

    HSIC(κ, κ) ≈ [HSIC(Σ_a K_a, Σ_a K_a) - Σ_a HSIC(K_a, K_a)] / (d (d-1)),  K_a = x_a x_aᵀ.

The own terms cost ``n d`` by Song's estimator: for a kernel of rank one it is a combination of sums
over distinct samples of products of powers of one feature, which follow from power sums.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from methexis.measures.inputs.features import Namespace, Tensor
from methexis.measures.kernels.estimators import song_of_quadruples
from methexis.measures.pairs.moments import mobius, partitions
from methexis.measures.work import Work, passes

#: Entries of power sums held at a time.
BLOCK = 1 << 22
#: Nanoseconds of one core per feature of each sample: sums of its powers over all partitions of
#: four samples; and of a resample, of which many are summed together.
_OWN, _OWN_RESAMPLED = 700.0, 70.0


def sampled_work(plain: Work, num_samples: int, num_features: tuple[int, int]) -> Work:
    """What a pair takes where its normaliser is corrected."""
    numbers = num_samples * sum(num_features)
    return replace(
        plain,
        reduce=plain.reduce + passes(numbers, _OWN),
        resample=plain.resample + passes(numbers, _OWN_RESAMPLED),
    )


def own_terms(xp: Namespace, rows: Tensor, weights: Tensor) -> Tensor:
    """``Σ_a n(n-3) HSIC₁(x_a x_aᵀ, x_a x_aᵀ)`` under weights, ``(num_resamples,)``.

    Of centred features; `weights` ``(num_resamples, num_samples)`` say how often each sample
    counts, ones for the samples as they are.
    """
    n, d = (int(length) for length in rows.shape)
    width = max(1, BLOCK // max(n, int(weights.shape[0])))
    powers = {size: weights**size for size in range(1, 5)}
    quadruples = _distinct((0, 0, 0, 0), powers, xp.ones_like(rows[:, :1]))[:, 0]
    total: Any = xp.zeros_like(quadruples)
    for start in range(0, d, width):
        columns = rows[:, start : start + width]
        # Pairs, two pairs apart, chains: K_ij² = x_i² x_j², K_ij K_qr, K_ij K_iq.
        pairs, apart, chains = (
            xp.sum(_distinct(exponents, powers, columns), axis=1)
            for exponents in ((2, 2, 0, 0), (1, 1, 1, 1), (2, 1, 1, 0))
        )
        total = total + song_of_quadruples(xp, n, (pairs, apart, chains), quadruples)
    return total


def _distinct(exponents: tuple[int, ...], powers: dict[int, Tensor], columns: Tensor) -> Tensor:
    """``Σ_{i,j,q,r distinct} w_i w_j w_q w_r x_i^{e_1} … x_r^{e_4}`` of each column."""
    sums: dict[tuple[int, int], Tensor] = {}

    def power_sum(size: int, exponent: int) -> Tensor:
        key = (size, exponent)
        if key not in sums:
            sums[key] = powers[size] @ columns**exponent
        return sums[key]

    total: Any = 0.0
    for blocks in partitions(len(exponents)):
        term: Any = float(mobius(blocks))
        for block in set(blocks):
            members = [e for e, own in zip(exponents, blocks, strict=True) if own == block]
            term = term * power_sum(len(members), sum(members))
        total = total + term
    return total


def shared(own: Tensor, single: Tensor, num_features: int) -> Tensor:
    """The normaliser over pairs of different features, on the scale of the uncorrected one."""
    return (own - single) * (num_features / (num_features - 1.0))
