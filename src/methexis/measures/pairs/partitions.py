"""Set partitions, and sums over distinct indices from sums over free ones."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import factorial, prod

Blocks = tuple[int, ...]


@cache
def partitions(size: int) -> tuple[Blocks, ...]:
    """All partitions of ``range(size)``: the block of each member, numbered as they come.

    Examples
    --------
    >>> partitions(2)
    ((0, 0), (0, 1))
    >>> len(partitions(6))
    203
    """

    def extended(head: Blocks, used: int) -> Iterator[Blocks]:
        if len(head) == size:
            yield head
            return
        for block in range(used + 1):
            yield from extended((*head, block), max(used, block + 1))

    return tuple(extended((), 0))


def mobius(blocks: Blocks) -> int:
    """Möbius function from the finest partition to this one: ``Π (-1)^{k-1} (k-1)!``.

    A sum over distinct indices is the sum over all partitions of what free indices give when those
    in one block are equal, times this.

    Examples
    --------
    >>> mobius((0, 0, 0, 1))
    2
    """
    sizes = [blocks.count(block) for block in set(blocks)]
    return prod((-1) ** (size - 1) * factorial(size - 1) for size in sizes)
