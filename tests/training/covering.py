"""Few settings in which every pair of values occurs: a greedy covering, the same at every call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from itertools import combinations

Choice = tuple[str, Hashable]


def covering(
    factors: Mapping[str, Collection[Hashable]], excludes: Callable[[Choice, Choice], bool]
) -> list[dict[str, Hashable]]:
    """Rows with a value of every factor, such that every pair that is not excluded is in a row.

    ``excludes`` must leave a way out: what any two choices together exclude, one of them does.

    Examples
    --------
    >>> rows = covering({"a": [0, 1], "b": [0, 1], "c": [0, 1]}, lambda x, y: False)
    >>> len(rows)
    4
    """

    def allowed(x: Choice, y: Choice) -> bool:
        return not excludes(x, y) and not excludes(y, x)

    left = {
        (x, y): None  # a set that keeps its order
        for a, b in combinations(factors, 2)
        for x in ((a, value) for value in factors[a])
        for y in ((b, value) for value in factors[b])
        if allowed(x, y)
    }
    rows = []
    while left:
        row = dict(next(iter(left)))
        for name in sorted(factors.keys() - row.keys(), key=list(factors).index):
            others = list(row.items())
            candidates = [
                (name, value)
                for value in factors[name]
                if all(allowed((name, value), other) for other in others)
            ]
            row[name] = max(
                candidates,
                key=lambda new, old=others: sum((new, x) in left or (x, new) in left for x in old),
            )[1]
        for pair in combinations(row.items(), 2):
            left.pop(pair, None)
            left.pop(pair[::-1], None)
        rows.append({name: row[name] for name in factors})
    return rows
