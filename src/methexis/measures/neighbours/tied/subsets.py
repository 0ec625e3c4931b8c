"""Neighbours of a subset of the samples, with ties, from those of all.

The nearest of a subset are those of its members that come first in the lists of all. What is
equally near stays so; groups lose the members that are not chosen. A list holds whole groups up to
its tail, which is a group too, and both are cut down to the subset without finding anything again;
only where list and tail leave too few is a row ranked anew.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from methexis.measures.neighbours.indices import Indices
from methexis.measures.neighbours.tied.ties import Booleans, Ties, fewer, pattern


def among(
    lists: Indices,
    ties: Ties,
    k: int,
    chosen: Booleans,
    ranking: Callable[[int], tuple[Indices, Indices]],
) -> tuple[Indices, Ties, NDArray[np.int64]]:
    """Lists of at least k of every chosen sample among the chosen ones, and their ties.

    Parameters
    ----------
    lists, ties
        Lists and ties of all samples.
    k : int
        How many neighbours are needed.
    chosen : array (num_samples,) of bool
        The subset.
    ranking : function
        Gives all others of a sample from the nearest on, and where each group begins.

    Returns
    -------
    lists : array (num_chosen, num_kept)
        Lists by new numbers; places beyond the whole groups of a sample are -1.
    ties : Ties
        Ties in the new lists.
    anew : array
        Chosen samples, by new numbers, that were ranked anew.
    """
    samples = np.flatnonzero(chosen)
    names = (np.cumsum(chosen, dtype=np.int32) - 1).astype(np.int32)
    lists, first = lists[samples], ties.first[samples]
    kept = chosen[lists] & (np.arange(lists.shape[1]) < ties.length[samples, None])
    length = np.count_nonzero(kept, axis=1)
    tail = sparse.csr_array(ties.tail[samples][:, samples])
    outside, has_tail = ties.outside[samples].copy(), ties.size[samples] > 0
    stored = np.diff(tail.indptr)
    size = np.where(has_tail, np.where(outside, len(samples) - 1 - stored, stored), 0)
    width = max(k, int(length.max()))
    shortened = np.full((len(samples), width), -1, dtype=np.int32)
    starts = np.tile(np.arange(width, dtype=np.int32), (len(samples), 1))
    rows, places = np.nonzero(kept)
    new = np.cumsum(kept, axis=1)[rows, places] - 1
    shortened[rows, new] = names[lists[rows, places]]
    begins = np.ones(len(rows), dtype=bool)
    group = first[rows, places]
    begins[1:] = (rows[1:] != rows[:-1]) | (group[1:] != group[:-1])
    starts[rows, new] = new[np.maximum.accumulate(np.where(begins, np.arange(len(rows)), 0))]
    short = np.flatnonzero(length + size < k)
    if len(short):
        rest = np.split(tail.indices, tail.indptr[1:-1])
        for row in short:
            order, group = ranking(int(samples[row]))
            group, order = group[chosen[order]], names[order[chosen[order]]]
            begin = np.searchsorted(group, group, side="left")
            cut = int(begin[k - 1])  # the last group is taken as the tail, however many it has
            length[row] = cut
            shortened[row], starts[row] = -1, np.arange(width)
            shortened[row, :cut], starts[row, :cut] = order[:cut], begin[:cut]
            members = np.sort(order[begin == cut]).astype(np.int32)
            group_left = fewer(members, len(samples), int(row))
            rest[row], outside[row] = group_left.stored, group_left.outside
            size[row] = group_left.size
        tail = pattern(rest, len(samples))
    beyond = np.arange(width) >= length[:, None]
    starts = np.where(beyond, length[:, None], starts).astype(np.int32)
    return shortened, Ties(starts, length, tail, outside, size), short
