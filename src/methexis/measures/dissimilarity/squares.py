"""Squared distances beside plain ones: noticed from what RDMs say they are, or from their numbers.

Crossnobis and Mahalanobis distances are squared, Euclidean ones by default are not, and a linear
comparison of the two measures the bend of a parabola with the rest. Ranks do not see it.

An RDM that was computed here knows its kind. Of one that was given the numbers may tell: plain
distances obey the triangle inequality, ``d_ij ≤ d_ik + d_kj``, and squared ones break it wherever
the angle at the third sample is obtuse. So an RDM *looks squared* if it breaks the inequality in
many triples and its root in next to none, and *looks plain* if it breaks it in next to none and its
square in many. Neither is certain: in many dimensions all angles are acute, and squared distances
look plain. A note is therefore given only where both also agree, and agree better when either is
brought to the kind of the other.
"""

from __future__ import annotations

import numpy as np

from methexis.core.checks import Array
from methexis.measures.inputs.features import to_numpy
from methexis.measures.inputs.rdm import RDM

#: Kinds of dissimilarities whose name says that they are squared distances, or that they are not.
SQUARED, PLAIN = frozenset({"squared", "mahalanobis", "crossnobis"}), frozenset({"euclidean"})
#: Kinds that the RDMs made here may have; of any other the numbers are asked.
KNOWN = SQUARED | PLAIN | {"correlation", "cosine"}
_LOOKS = "looks like squared distances (they break the triangle inequality, their roots do not)"
#: Shares of triples that are many, and that are next to none.
MANY, FEW = 0.05, 0.001
#: Correlation from which on two RDMs are so much alike that a bend between them can be seen.
ALIKE = 0.5


def said_of_squares(first: RDM, second: RDM) -> str:
    """What is to be said of squared distances beside plain ones; nothing if there are none.

    Both are of the same samples.
    """
    kinds = tuple(one.dissimilarity for one in (first, second))
    if kinds[0] in KNOWN and kinds[1] in KNOWN:
        for squared, plain, kind in ((first, second, kinds[0]), (second, first, kinds[1])):
            if squared.dissimilarity in SQUARED and plain.dissimilarity in PLAIN:
                return _said(squared, plain, f"holds squared distances ({kind})")
        return ""
    one, other = (to_numpy(rdm.matrix).astype(np.float64) for rdm in (first, second))
    if _looks_squared(first, one) and _looks_plain(second, other) and _bent(one, other):
        return _said(first, second, _LOOKS)
    if _looks_squared(second, other) and _looks_plain(first, one) and _bent(other, one):
        return _said(second, first, _LOOKS)
    return ""


def _said(squared: RDM, plain: RDM, seen: str) -> str:
    return (
        f"{squared.name} {seen} and {plain.name} plain ones, which a linear comparison takes for a "
        "difference; bring both to one kind: dissimilarity='squared' "
        "for features, the square or the root of the entries of an RDM"
    )


def broken_triangles(matrix: Array) -> float:
    """The share of triples of samples in which one side is longer than the two others together.

    Examples
    --------
    >>> line = np.abs(np.subtract.outer([0.0, 1.0, 3.0, 4.0], [0.0, 1.0, 3.0, 4.0]))
    >>> broken_triangles(line), broken_triangles(line**2)
    (0.0, 1.0)
    """
    n = len(matrix)
    tolerance = 1e-9 * float(np.max(np.abs(matrix)))  # on a line both sides are equal
    longer = 0
    for third in range(n):
        way_round = matrix[:, [third]] + matrix[[third], :]
        longer += int(np.count_nonzero(matrix > way_round + tolerance))
    return longer / 2 / (n * (n - 1) * (n - 2) / 6)  # each pair was seen from both ends


def _looks_squared(rdm: RDM, matrix: Array) -> bool:
    if rdm.dissimilarity in KNOWN:
        return rdm.dissimilarity in SQUARED
    if matrix.min() < 0.0:  # there is no root to look at
        return False
    return broken_triangles(matrix) >= MANY and broken_triangles(np.sqrt(matrix)) <= FEW


def _looks_plain(rdm: RDM, matrix: Array) -> bool:
    if rdm.dissimilarity in KNOWN:
        return rdm.dissimilarity in PLAIN
    if matrix.min() < 0.0:
        return False
    return broken_triangles(matrix) <= FEW and broken_triangles(matrix**2) >= MANY


def _bent(squared: Array, plain: Array) -> bool:
    """Whether the two agree, and better where either is brought to the kind of the other."""
    above = np.triu_indices(len(squared), k=1)
    large, small = squared[above], plain[above]
    as_they_are = _correlation(large, small)
    squares = _correlation(large, small**2)
    roots = _correlation(np.sqrt(np.maximum(large, 0.0)), small)
    return min(squares, roots) > max(as_they_are, ALIKE)


def _correlation(one: Array, other: Array) -> float:
    one, other = one - one.mean(), other - other.mean()
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / size if size > 0.0 else 0.0
