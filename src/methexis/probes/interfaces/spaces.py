"""Which axes are one space, found by unification while a model runs.

Every axis of a parameter begins as a space of its own. Each operation then says what it needs: that
two axes are the same (`same`), that an axis is cut (`parts`, `pieces`), what a change of basis must
leave alone (`limit`), or that one axis is the product of two, coordinate by coordinate (`product`).
A space that is cut is bound to the blocks it was cut into, so that whoever holds its label sees the
blocks from then on. Nothing is ever undone: what is left free at the end is free for every
operation, and that is why a change of basis there leaves the function alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise

from methexis.probes.interfaces.labels import (
    ALIKE,
    DIAGONAL,
    STILL,
    Blocks,
    Fixed,
    Label,
    Limit,
    Space,
    dual,
    joined,
)


@dataclass
class Product:
    """One axis that is the product of two, coordinate by coordinate."""

    one: Label
    other: Label
    made: Label
    why: str


class Spaces:
    """All spaces of a model, and what was said of them."""

    def __init__(self) -> None:
        self._parent: list[int] = []
        self._turned: list[bool] = []
        self._bound: dict[int, Blocks] = {}
        self.products: list[Product] = []
        self.limits: list[tuple[Label, Limit, str]] = []

    def new(self, size: int) -> Label:
        """A space of its own; one coordinate alone is a fixed place."""
        if size <= 1:
            return Fixed(size)
        self._parent.append(len(self._parent))
        self._turned.append(False)
        return Space(len(self._parent) - 1, size)

    def look(self, label: Label) -> Label:
        """What a label is by now: the space that stands for all that are the same, or blocks."""
        if not isinstance(label, Space):
            return label
        key, turned = self._root(label.key)
        turned ^= label.dual
        bound = self._bound.get(key)
        if bound is None:
            return Space(key, label.size, turned)
        return dual(bound) if turned else bound

    def _root(self, key: int) -> tuple[int, bool]:
        path, turned = [], False
        while self._parent[key] != key:
            path.append((key, turned))
            turned ^= self._turned[key]
            key = self._parent[key]
        for below, before in path:
            self._parent[below], self._turned[below] = key, turned ^ before
        return key, turned

    def leaves(self, label: Label) -> list[Space]:
        """All spaces that a label is made of by now, those that count blocks too."""
        label = self.look(label)
        if isinstance(label, Space):
            return [label]
        if isinstance(label, Fixed):
            return []
        inside = [leaf for part in dict.fromkeys(label.parts) for leaf in self.leaves(part)]
        return [*self.leaves(label.outer), *inside]

    def limit(self, label: Label, limit: Limit, why: str) -> None:
        """Say what a change of basis of an axis must leave alone."""
        if limit and not isinstance(label, Fixed):
            self.limits.append((label, limit, why))

    def parts(self, label: Label, count: int) -> tuple[Label, list[Label]]:
        """Cut an axis into parts of one size, and tell in which coordinates they are counted."""
        label = self.look(label)
        size = label.size // count
        if count == 1:
            return Fixed(1), [label]
        if isinstance(label, Fixed):
            return Fixed(count), [Fixed(size)] * count
        if size == 1:
            return label, [Fixed(1)] * count
        if isinstance(label, Space):
            outer = self.new(count)
            self.limit(outer, ALIKE, "parts of one axis are used one by one")
            parts = [self.new(size) for _ in range(count)]
            self._bind(label, Blocks(outer, tuple(parts)))
            return outer, list(parts)
        if label.even and len(label.parts) == count:
            return label.outer, list(label.parts)
        if label.even and len(label.parts) % count == 0:
            several = len(label.parts) // count
            outer, inner = self.parts(label.outer, count)
            cuts = range(0, len(label.parts), several)
            return outer, [
                joined(within, label.parts[cut : cut + several])
                for within, cut in zip(inner, cuts, strict=True)
            ]
        if label.even and count % len(label.parts) == 0:
            cut_parts = [self.parts(part, count // len(label.parts)) for part in label.parts]
            outer = joined(label.outer, tuple(outer for outer, _ in cut_parts))
            return outer, [part for _, inside in cut_parts for part in inside]
        return Fixed(count), self.pieces(label, [size] * count)

    def pieces(self, label: Label, sizes: list[int], why: str = "an axis is cut") -> list[Label]:
        """Cut an axis into pieces of given sizes, each of which keeps its place."""
        label = self.look(label)
        if len(sizes) == 1:
            return [label]
        if isinstance(label, Fixed):
            return [Fixed(size) for size in sizes]
        if isinstance(label, Space):
            pieces = tuple(self.new(size) for size in sizes)
            self._bind(label, Blocks(Fixed(len(sizes)), pieces))
            return [self.look(piece) for piece in pieces]
        self.limit(label.outer, STILL, why)
        ends = list(accumulate(sizes))
        small: list[Label] = []
        start = 0
        for part in label.parts:
            inside = [start, *(e for e in ends if start < e < start + part.size), start + part.size]
            small += self.pieces(part, [b - a for a, b in pairwise(inside)], why)
            start += part.size
        return [self._together(small, size) for size in sizes]

    @staticmethod
    def _together(small: list[Label], size: int) -> Label:
        """Take from the front of a list as many pieces as fill a size."""
        taken: list[Label] = []
        while sum(one.size for one in taken) < size:
            taken.append(small.pop(0))
        return joined(Fixed(len(taken)), tuple(taken))

    def _bind(self, space: Space, blocks: Label) -> None:
        if isinstance(blocks, Blocks):
            bound = dual(blocks) if space.dual else blocks
            assert isinstance(bound, Blocks)
            self._bound[space.key] = bound

    def same(self, one: Label, other: Label, why: str) -> None:
        """Say that two axes are indexed by the same coordinates."""
        one, other = self.look(one), self.look(other)
        if isinstance(one, Fixed) or isinstance(other, Fixed):
            self.limit(other if isinstance(one, Fixed) else one, STILL, why)
        elif isinstance(one, Space) and isinstance(other, Space):
            self._same_spaces(one, other, why)
        elif isinstance(one, Space) or isinstance(other, Space):
            space, blocks = (one, other) if isinstance(one, Space) else (other, one)
            assert isinstance(space, Space)
            if any(leaf.key == space.key for leaf in self.leaves(blocks)):
                self.limit(blocks, STILL, why)
            else:
                self._bind(space, blocks)
        else:
            self._same_blocks(one, other, why)

    def _same_spaces(self, one: Space, other: Space, why: str) -> None:
        if one.key != other.key:
            self._parent[other.key] = one.key
            self._turned[other.key] = one.dual != other.dual
        elif one.dual != other.dual:
            self.limit(one, Limit.LENGTH, f"{why}, where it meets its own dual")

    def _same_blocks(self, one: Blocks, other: Blocks, why: str) -> None:
        if one == other:
            return
        counts = len(one.parts), len(other.parts)
        if one.even and other.even and max(counts) % min(counts) == 0:
            most = max(counts)
            (outer, parts), (beside, others) = self.parts(one, most), self.parts(other, most)
            if counts[0] != counts[1] and (outer.size, beside.size) != (most, most):
                self.limit(one, STILL, why)
            self.same(outer, beside, why)
        else:
            ends = sorted({
                end for both in (one, other) for end in accumulate(p.size for p in both.parts)
            })  # fmt: skip
            sizes = [b - a for a, b in pairwise([0, *ends])]
            parts, others = self.pieces(one, sizes, why), self.pieces(other, sizes, why)
        for part, beside in dict.fromkeys(zip(parts, others, strict=True)):
            self.same(part, beside, why)

    def product(self, one: Label, other: Label, why: str) -> Label:
        """The axis of a product of two arrays, coordinate by coordinate."""
        one, other = self.look(one), self.look(other)
        if isinstance(one, Fixed) or isinstance(other, Fixed):
            rest = other if isinstance(one, Fixed) else one
            self.limit(rest, DIAGONAL, why)
            return rest
        made = self.new(one.size)
        self.products.append(Product(one, other, made, why))
        return made

    def settle(self, limit: Callable[[Space, Limit, str], None]) -> None:
        """Say of blocks that are not alike that they do not mix, whatever their order is."""
        for blocks in self._bound.values():
            looked = {self.look(part) for part in blocks.parts}
            if len(looked) > 1:
                for leaf in self.leaves(blocks.outer):
                    limit(leaf, Limit.SEPARATE, "blocks that are not alike do not mix")
