"""A tensor whose axes have labels, and what it takes to view, join and contract such tensors.

The label of one axis may depend on where one is along another: the coordinates of head 3 are not
those of head 4, although both lie along one axis of queries. So an axis has an array of labels,
which has the tensor's shape where they differ and length 1 where they do not, and along the axis
itself. Most of these arrays hold one label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.probes.interfaces.labels import ALIKE, STILL, Fixed, Label, Limit, joined
from methexis.probes.interfaces.spaces import Spaces

Labels = NDArray[Any]


@dataclass
class Labelled:
    """The labels of one tensor.

    Attributes
    ----------
    shape : tuple of int
    labels : list of arrays of labels
        One per axis, which broadcasts with the shape and has length 1 along its own axis.
    square_of : Labelled, optional
        Of what it is the square, while nobody has asked for more than sums of it.
    places_in : Labelled, optional
        In what it holds places, such as those of maxima, which nobody may ever ask for.
    """

    shape: tuple[int, ...]
    labels: list[Labels]
    square_of: Labelled | None = None
    places_in: Labelled | None = None

    @property
    def still(self) -> bool:
        """All of its axes are fixed, so that no change of basis is seen in it."""
        return all(isinstance(label, Fixed) for one in self.labels for label in one.flat)


def array_of(label: Label, ndim: int) -> Labels:
    """One label for a whole axis."""
    array = np.empty((1,) * ndim, dtype=object)
    array[...] = label
    return array


def label_at(labels: Labels, place: tuple[int, ...]) -> Label:
    """The label at one place."""
    label: Any = labels[place]
    known: Label = label
    return known


def fixed(shape: Sequence[int]) -> Labelled:
    """A tensor that no change of basis is seen in."""
    sizes = tuple(int(size) for size in shape)
    return Labelled(sizes, [array_of(Fixed(size), len(sizes)) for size in sizes])


def fresh(shape: Sequence[int], spaces: Spaces) -> Labelled:
    """A tensor each of whose axes is a space of its own."""
    sizes = tuple(int(size) for size in shape)
    return Labelled(sizes, [array_of(spaces.new(size), len(sizes)) for size in sizes])


def mapped(array: Labels, change: Callable[[Any], Any]) -> Labels:
    """An array of what a function makes of each label."""
    made = np.empty(array.shape, dtype=object)
    for place in np.ndindex(array.shape):
        made[place] = change(array[place])
    return made


class Axes:
    """Views, joins and contractions of labelled tensors over one set of spaces."""

    def __init__(self, spaces: Spaces) -> None:
        self.spaces = spaces

    def tidy(self, tensor: Labelled) -> Labelled:
        """The same with labels up to date, kept once where they agree."""
        labels = []
        for given in tensor.labels:
            array = mapped(given, self.spaces.look)
            for other in range(array.ndim):
                if array.shape[other] > 1:
                    first = array.take([0], axis=other)
                    whole = np.broadcast_to(first, array.shape)
                    if all(a == b for a, b in zip(array.flat, whole.flat, strict=True)):
                        array = first
            labels.append(array)
        return Labelled(tensor.shape, labels, tensor.square_of, tensor.places_in)

    def limit(self, tensor: Labelled, limit: Limit, why: str, axes: Any = None) -> None:
        """Say of some axes, or all, what a change of basis must leave alone."""
        for axis in range(len(tensor.shape)) if axes is None else axes:
            for label in dict.fromkeys(tensor.labels[axis].flat):
                self.spaces.limit(label, limit, why)

    def same(self, one: Labels, other: Labels, why: str) -> None:
        """Say of two axes' labels, one by one, that they are the same."""
        shape = np.broadcast_shapes(one.shape, other.shape)
        pairs = zip(
            np.broadcast_to(one, shape).flat, np.broadcast_to(other, shape).flat, strict=True
        )
        for a, b in dict.fromkeys(pairs):
            self.spaces.same(a, b, why)

    def product(self, one: Labels, other: Labels, why: str) -> Labels:
        """Labels of an axis along which two arrays are multiplied, coordinate by coordinate."""
        shape = np.broadcast_shapes(one.shape, other.shape)
        made: dict[tuple[Label, Label], Label] = {}
        result = np.empty(shape, dtype=object)
        one, other = np.broadcast_to(one, shape), np.broadcast_to(other, shape)
        for place in np.ndindex(shape):
            pair = label_at(one, place), label_at(other, place)
            if pair not in made:
                made[pair] = self.spaces.product(*pair, why)
            result[place] = made[pair]
        return result

    def one_along(self, array: Labels, axis: int, why: str) -> Labels:
        """Labels that no longer depend on an axis: those that did are now the same."""
        if array.shape[axis] == 1:
            return array
        first = array.take([0], axis=axis)
        self.same(array, first, why)
        return first

    def permuted(self, tensor: Labelled, order: Sequence[int]) -> Labelled:
        """Axes in another order."""
        order = [axis % len(tensor.shape) for axis in order]
        return Labelled(
            tuple(tensor.shape[axis] for axis in order),
            [tensor.labels[axis].transpose(order) for axis in order],
        )

    def inserted(self, tensor: Labelled, axis: int, size: int, label: Label) -> Labelled:
        """A new axis in front of another."""
        labels = [np.expand_dims(array, axis) for array in tensor.labels]
        labels.insert(axis, array_of(label, len(tensor.shape) + 1))
        shape = (*tensor.shape[:axis], size, *tensor.shape[axis:])
        return Labelled(shape, labels)

    def dropped(self, tensor: Labelled, axis: int, why: str = "an axis is summed over") -> Labelled:
        """Without an axis; labels that depended on it must be the same."""
        labels = [
            np.squeeze(self.one_along(array, axis, why), axis)
            for place, array in enumerate(tensor.labels)
            if place != axis
        ]
        return Labelled((*tensor.shape[:axis], *tensor.shape[axis + 1 :]), labels)

    def picked(self, tensor: Labelled, axis: int, index: Any) -> list[Labels]:
        """Labels of the other axes at some places of one; None stands for its own."""
        return [
            array if place == axis or array.shape[axis] == 1 else array.take(index, axis=axis)
            for place, array in enumerate(tensor.labels)
        ]

    def split(self, tensor: Labelled, axis: int, count: int) -> Labelled:
        """One axis as two, of which the first has ``count`` places."""
        size = tensor.shape[axis]
        inner = size // count
        own = tensor.labels[axis]
        cuts = {label: self.spaces.parts(label, count) for label in dict.fromkeys(own.flat)}
        outer = mapped(own, lambda label: cuts[label][0])
        parts = np.empty((*own.shape, count), dtype=object)
        for spot in np.ndindex(own.shape):
            for index in range(count):
                parts[(*spot, index)] = cuts[own[spot]][1][index]
        labels = []
        for place, array in enumerate(tensor.labels):
            if place == axis:
                labels.append(np.expand_dims(outer, axis + 1))
                labels.append(np.moveaxis(parts, -1, axis))
                continue
            if array.shape[axis] == 1:
                labels.append(np.expand_dims(array, axis))
            else:
                shape = (*array.shape[:axis], count, inner, *array.shape[axis + 1 :])
                labels.append(array.reshape(shape))
        shape = (*tensor.shape[:axis], count, inner, *tensor.shape[axis + 1 :])
        return self.tidy(Labelled(shape, labels))

    def merged(self, tensor: Labelled, axis: int) -> Labelled:
        """Two neighbouring axes as one."""
        count, inner = tensor.shape[axis : axis + 2]
        outer, parts = tensor.labels[axis], tensor.labels[axis + 1]
        outer = self.one_along(outer, axis + 1, "axes are viewed as one")
        shape = np.broadcast_shapes(outer.shape, parts.take([0], axis=axis).shape)
        outer = np.broadcast_to(outer, shape)
        parts = np.broadcast_to(parts, (*shape[:axis], count, *shape[axis + 1 :]))
        own = np.empty(shape, dtype=object)
        for spot in np.ndindex(shape):
            before, after = spot[:axis], spot[axis + 1 :]
            inside = tuple(label_at(parts, (*before, index, *after)) for index in range(count))
            own[spot] = joined(label_at(outer, spot), inside)
        labels = []
        for place, array in enumerate(tensor.labels):
            if place == axis:
                labels.append(np.squeeze(own, axis + 1))
            elif place != axis + 1:
                sizes = array.shape[axis : axis + 2]
                if sizes == (1, 1):
                    labels.append(np.squeeze(array, axis + 1))
                else:
                    full = (*array.shape[:axis], count, inner, *array.shape[axis + 2 :])
                    flat = (*array.shape[:axis], count * inner, *array.shape[axis + 2 :])
                    labels.append(np.broadcast_to(array, full).reshape(flat))
        shape_ = (*tensor.shape[:axis], count * inner, *tensor.shape[axis + 2 :])
        return self.tidy(Labelled(shape_, labels))

    def viewed(self, tensor: Labelled, shape: Sequence[int]) -> Labelled:
        """The same numbers in another shape, in their order in memory."""
        shape = tuple(int(size) for size in shape)
        if tensor.shape == shape:
            return tensor
        if tensor.still or 0 in shape:
            return fixed(shape)
        for axis in reversed(range(len(tensor.shape))):
            if tensor.shape[axis] == 1:
                tensor = self.dropped(tensor, axis)
        wanted = [size for size in shape if size > 1]
        axis = 0
        while axis < len(wanted):
            here, size = tensor.shape[axis], wanted[axis]
            if here == size:
                axis += 1
            elif here > size and here % size == 0:
                tensor = self.split(tensor, axis, size)
            elif here < size and axis + 1 < len(tensor.shape):
                if size % here:
                    return self._lost(tensor, shape)
                need = size // here
                if tensor.shape[axis + 1] > need:
                    if tensor.shape[axis + 1] % need:
                        return self._lost(tensor, shape)
                    tensor = self.split(tensor, axis + 1, need)
                tensor = self.merged(tensor, axis)
            else:
                return self._lost(tensor, shape)
        for axis, size in enumerate(shape):
            if size == 1:
                tensor = self.inserted(tensor, axis, 1, Fixed(1))
        return tensor

    def _lost(self, tensor: Labelled, shape: Sequence[int]) -> Labelled:
        self.limit(tensor, STILL, "a view cuts across its axes")
        return fixed(shape)

    def expanded(self, tensor: Labelled, shape: Sequence[int]) -> Labelled:
        """Axes of length 1 repeated, and new ones in front."""
        shape = tuple(int(size) for size in shape)
        while len(tensor.shape) < len(shape):
            tensor = self.inserted(tensor, 0, 1, Fixed(1))
        still = tensor.still
        labels, sizes = [], []
        for axis, size in enumerate(shape):
            repeated = tensor.shape[axis] == 1 and size > 1
            labels.append(
                array_of(self.repeated(size, still), len(shape))
                if repeated
                else tensor.labels[axis]
            )
            sizes.append(size if repeated else tensor.shape[axis])
        return Labelled(tuple(sizes), labels)

    def repeated(self, size: int, still: bool) -> Label:
        """The label of an axis along which a tensor is the same everywhere."""
        if still:
            return Fixed(size)
        label = self.spaces.new(size)
        self.spaces.limit(label, ALIKE, "one array is read several times")
        return label
