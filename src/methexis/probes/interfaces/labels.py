"""What an axis of a tensor is made of: fixed places, a space, or blocks of other labels.

Two maps meet in a *space*: the axis along which one writes and the other reads. A label says by
which coordinates an axis of a tensor is indexed. Axes whose labels are one space change together
when the space's basis does; a dual one changes by the inverse transpose, as a reader does where a
writer changes. An axis that is cut, as one of all heads is, has *blocks*, one behind another, and
a label of its own for the order in which they come.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto
from typing import TypeAlias

from methexis.core.parallel.caching import cached_property


@dataclass(frozen=True)
class Fixed:
    """An axis whose coordinates stay what they are: samples, places, inputs and outputs."""

    size: int


@dataclass(frozen=True)
class Space:
    """An axis in coordinates of a space, or of its dual."""

    key: int
    size: int
    dual: bool = False


@dataclass(frozen=True)
class Blocks:
    """An axis of several parts; ``outer`` says in which coordinates the parts are counted."""

    outer: Label
    parts: tuple[Label, ...]

    @cached_property
    def size(self) -> int:
        """How many coordinates all parts have."""
        return sum(part.size for part in self.parts)

    @cached_property
    def even(self) -> bool:
        """Whether all parts have as many coordinates."""
        return len({part.size for part in self.parts}) == 1


Label: TypeAlias = Fixed | Space | Blocks


class Limit(Flag):
    """What a change of basis must leave alone, so that one operation does not see it."""

    NONE = 0
    #: Coordinates do not mix; at most they are scaled and change places.
    SEPARATE = auto()
    #: Lengths of vectors.
    LENGTH = auto()
    #: The sum of coordinates, and the vector of ones.
    ONES = auto()
    #: Absolute values of coordinates that do not mix.
    SCALE = auto()
    #: Signs of coordinates that do not mix.
    SIGN = auto()
    #: Places of coordinates that do not mix.
    ORDER = auto()
    #: Planes of a coordinate of the first half with one of the second, or of neighbours, in which
    #: a change turns and scales alike.
    HALVES = auto()
    PAIRS = auto()


#: What commutes with ReLU, with odd functions, with functions of one coordinate; what multiplies
#: coordinates by given numbers allows; and nothing at all.
POSITIVE = Limit.SEPARATE | Limit.SIGN
ODD = Limit.SEPARATE | Limit.SCALE
ALIKE = Limit.SEPARATE | Limit.SCALE | Limit.SIGN
#: All that speaks of planes.
PLANES = Limit.HALVES | Limit.PAIRS
DIAGONAL = Limit.SEPARATE | Limit.ORDER
STILL = ALIKE | Limit.ORDER


def dual(label: Label) -> Label:
    """The label of what reads where this one writes."""
    if isinstance(label, Space):
        return Space(label.key, label.size, not label.dual)
    if isinstance(label, Blocks):
        return Blocks(dual(label.outer), tuple(dual(part) for part in label.parts))
    return label


def joined(outer: Label, parts: tuple[Label, ...]) -> Label:
    """Parts one behind another; fixed places alone are fixed places."""
    if isinstance(outer, Fixed) and all(isinstance(part, Fixed) for part in parts):
        return Fixed(sum(part.size for part in parts))
    if len(parts) == 1:
        return parts[0]
    single = all(isinstance(part, Fixed) and part.size == 1 for part in parts)
    if single and isinstance(outer, Space):
        return outer
    return Blocks(outer, parts)
