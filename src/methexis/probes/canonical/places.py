"""Where in an array a freedom acts: which positions along an axis belong to which coordinate.

An axis of a parameter may be a space itself, or made of blocks: heads one behind another, gates of
an LSTM, channels each with all of its pixels. A `Place` says of one space on one axis which
positions move with which coordinate, so that all that follows sees a matrix: coordinates by
everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.probes.frameworks.optional import torch
from methexis.probes.interfaces.freedoms import Freedom
from methexis.probes.interfaces.labels import Fixed, Label, Space
from methexis.probes.interfaces.spaces import Spaces


@dataclass(frozen=True)
class Place:
    """One space of a freedom on one axis of an array.

    Attributes
    ----------
    axis : int
    exponent : int
        By which power of the element the array is multiplied there: 1 where it writes the
        coordinates, -1 where it reads them.
    positions : array (size, width) of int
        Along the axis, of each coordinate.
    """

    axis: int
    exponent: int
    positions: NDArray[np.int64]

    def rows(self, arrays: Any) -> Any:
        """Arrays, one behind another along a first axis, as coordinates by everything else."""
        size, flat = len(self.positions), self.positions.reshape(-1)
        if flat.size != arrays.shape[self.axis + 1] or (np.diff(flat) != 1).any():
            index = torch.as_tensor(flat, device=arrays.device)
            arrays = arrays.index_select(self.axis + 1, index)
        return arrays.movedim(self.axis + 1, 0).reshape(size, -1)


def places(labels: list[Label], freedom: Freedom, spaces: Spaces) -> list[Place]:
    """All places of an array where a freedom acts; the order of its coordinates is none."""
    return [
        replace(one, axis=axis)
        for axis, label in enumerate(labels)
        for one in _along(label, freedom, spaces)
    ]


def _along(label: Label, freedom: Freedom, spaces: Spaces) -> Iterator[Place]:
    """Places of one axis, whose number is not known here."""
    label = spaces.look(label)
    if isinstance(label, Fixed):
        return
    if isinstance(label, Space):
        exponent = _exponent(label, freedom)
        if exponent:
            yield Place(0, exponent, np.arange(label.size)[:, None])
        return
    start = 0
    for part in label.parts:
        for one in _along(part, freedom, spaces):
            yield replace(one, positions=one.positions + start)
        start += part.size
    if label.even:
        width = label.parts[0].size
        for one in _along(label.outer, freedom, spaces):
            whole = one.positions[:, :, None] * width + np.arange(width)
            yield replace(one, positions=whole.reshape(len(whole), -1))


def _exponent(space: Space, freedom: Freedom) -> int:
    sign = -1 if space.dual else 1
    if space.key in freedom.turned:
        return -sign if freedom.turned[space.key] else sign
    return sign * freedom.powers.get(space.key, 0)


def meetings(known: list[Place], shape: tuple[int, ...]) -> int:
    """How often, at most, one entry of an array is multiplied; powers count as often as they are.

    Examples
    --------
    >>> rows = Place(0, 1, np.arange(3)[:, None])
    >>> meetings([rows, Place(1, -2, np.arange(2)[:, None])], (3, 4))
    3
    """
    most = 0
    for axis, size in enumerate(shape):
        along = np.zeros(size, dtype=np.int64)
        for one in known:
            if one.axis == axis:
                along[one.positions.reshape(-1)] += abs(one.exponent)
        most += int(along.max(initial=0))
    return most
