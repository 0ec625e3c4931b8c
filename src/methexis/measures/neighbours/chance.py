"""Exact moments of mutual kNN over all pairings of the rows, ties or not."""

from __future__ import annotations

from dataclasses import replace

from methexis.measures.measure import NullMoments
from methexis.measures.neighbours.tied.expected import with_ties
from methexis.measures.pairs import moments
from methexis.measures.rounding import OTHER_WAY


def overlap_moments(a: moments.PairSums, b: moments.PairSums, k: int) -> NullMoments:
    """Exact moments over all orders, of a count over ``n k``.

    With ties scores are not counts; steps between them shrink as the chances of a place do.
    """
    moments_of_orders, own = moments.null_moments(a, b), _own(a, k) * _own(b, k)
    moments_of_orders = replace(moments_of_orders, step=own / (a.num_samples * k))
    return moments_of_orders if own == 1.0 else with_ties(moments_of_orders)


def _own(sums: moments.PairSums, k: int) -> float:
    """``Σ_ij a_ij² / (n k)``, from the norm after centring; 1 without ties."""
    own = sums.scale**2 + k / (sums.num_samples - 1)
    return 1.0 if abs(own - 1.0) < OTHER_WAY else own
