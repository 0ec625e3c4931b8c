"""Linear equations between factors: in integers for absolute values, modulo 2 for signs."""

from __future__ import annotations

from fractions import Fraction
from math import lcm


def null_space(rows: list[list[int]], width: int) -> list[list[int]]:
    """Integer vectors that span all solutions of linear equations with integers.

    Examples
    --------
    >>> null_space([[1, 1, -1]], 3)
    [[-1, 1, 0], [1, 0, 1]]
    """
    reduced = [[Fraction(value) for value in row] for row in rows]
    pivots: list[int] = []
    for column in range(width):
        at = len(pivots)
        row = next((k for k in range(at, len(reduced)) if reduced[k][column]), None)
        if row is None:
            continue
        reduced[at], reduced[row] = reduced[row], reduced[at]
        lead = reduced[at][column]
        reduced[at] = [value / lead for value in reduced[at]]
        for other, values in enumerate(reduced):
            if other != at and values[column]:
                by = values[column]
                reduced[other] = [a - by * b for a, b in zip(values, reduced[at], strict=True)]
        pivots.append(column)
    vectors = []
    for free in (column for column in range(width) if column not in pivots):
        vector = [Fraction(0)] * width
        vector[free] = Fraction(1)
        for row, pivot in enumerate(pivots):
            vector[pivot] = -reduced[row][free]
        common = lcm(*(value.denominator for value in vector))
        vectors.append([int(value * common) for value in vector])
    return vectors


def null_space_of_signs(rows: list[list[int]], width: int) -> list[list[int]]:
    """Vectors of bits that span all solutions of linear equations modulo 2.

    Examples
    --------
    >>> null_space_of_signs([[1, 1, 1]], 3)
    [[1, 1, 0], [1, 0, 1]]
    """
    reduced = [list(row) for row in rows]
    pivots: list[int] = []
    for column in range(width):
        at = len(pivots)
        row = next((k for k in range(at, len(reduced)) if reduced[k][column]), None)
        if row is None:
            continue
        reduced[at], reduced[row] = reduced[row], reduced[at]
        for other, values in enumerate(reduced):
            if other != at and values[column]:
                reduced[other] = [(a + b) % 2 for a, b in zip(values, reduced[at], strict=True)]
        pivots.append(column)
    vectors = []
    for free in (column for column in range(width) if column not in pivots):
        vector = [0] * width
        vector[free] = 1
        for row, pivot in enumerate(pivots):
            vector[pivot] = reduced[row][free]
        vectors.append(vector)
    return vectors


def spanned(vectors: list[list[int]], asked: list[int]) -> bool:
    """Whether a vector of bits is a sum of others."""
    return len(_echelon([*vectors, asked])) == len(_echelon(vectors))


def without(vectors: list[list[int]], taken: list[int]) -> list[list[int]]:
    """Vectors that span the rest, beside one that they span."""
    rest: list[list[int]] = []
    for vector in vectors:
        if not spanned([taken, *rest], vector):
            rest.append(vector)
    return rest


def _echelon(vectors: list[list[int]]) -> list[list[int]]:
    """Independent vectors of bits with the same span."""
    kept: list[list[int]] = []
    for vector in vectors:
        rest = list(vector)
        for one in kept:
            lead = one.index(1)
            if rest[lead]:
                rest = [(a + b) % 2 for a, b in zip(rest, one, strict=True)]
        if any(rest):
            kept.append(rest)
    return kept
