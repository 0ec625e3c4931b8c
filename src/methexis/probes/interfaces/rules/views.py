"""Operations that change no number: views, joins, choices of places."""

from __future__ import annotations

from typing import Any

import numpy as np

from methexis.probes.interfaces.labels import STILL, Fixed, joined
from methexis.probes.interfaces.rules.call import Call, Rule
from methexis.probes.interfaces.tensors import Labelled, Labels, array_of, fixed, label_at


def _shape(call: Call) -> tuple[int, ...]:
    return tuple(int(size) for size in call.result.shape)


def viewed(call: Call) -> Labelled:
    """The same numbers in another shape."""
    return call.axes.viewed(call.of(call.args[0]), _shape(call))


def transposed(call: Call) -> Labelled:
    """Axes in another order."""
    tensor = call.of(call.args[0])
    order = list(range(len(tensor.shape)))
    if call.name == "permute":
        order = list(call.args[1])
    elif call.name == "t":
        order.reverse()
    else:
        one, other = (axis % len(order) for axis in call.args[1:3])
        order[one], order[other] = order[other], order[one]
    return call.axes.permuted(tensor, order)


def unsqueezed(call: Call) -> Labelled:
    """A new axis of length 1."""
    tensor = call.of(call.args[0])
    return call.axes.inserted(tensor, call.args[1] % (len(tensor.shape) + 1), 1, Fixed(1))


def squeezed(call: Call) -> Labelled:
    """Without axes of length 1."""
    tensor = call.of(call.args[0])
    wanted = call.arg(1, "dim")
    rank = len(tensor.shape)
    chosen = range(rank) if wanted is None else np.atleast_1d(wanted) % rank
    for axis in sorted((int(one) for one in chosen), reverse=True):
        if tensor.shape[axis] == 1:
            tensor = call.axes.dropped(tensor, axis)
    return tensor


def expanded(call: Call) -> Labelled:
    """Repeated along axes of length 1."""
    return call.axes.expanded(call.of(call.args[0]), _shape(call))


def repeated(call: Call) -> Labelled:
    """Repeated as often as is asked, which along an axis of its own is known of length 1 alone."""
    tensor = call.of(call.args[0])
    while len(tensor.shape) < len(call.result.shape):
        tensor = call.axes.inserted(tensor, 0, 1, Fixed(1))
    shape = _shape(call)
    for axis, size in enumerate(tensor.shape):
        if size not in (1, shape[axis]):
            call.axes.limit(tensor, STILL, call.why, [axis])
            tensor.labels[axis] = array_of(Fixed(1), len(shape))
            tensor = Labelled((*tensor.shape[:axis], 1, *tensor.shape[axis + 1 :]), tensor.labels)
    return call.axes.expanded(tensor, shape)


def _cut(call: Call, tensor: Labelled, axis: int, sizes: list[int]) -> list[Labelled]:
    """A tensor in pieces along an axis."""
    own = tensor.labels[axis]
    pieces = {
        label: call.axes.spaces.pieces(label, sizes, call.why) for label in dict.fromkeys(own.flat)
    }
    cut, start = [], 0
    for place, size in enumerate(sizes):
        labels = call.axes.picked(tensor, axis, range(start, start + size))
        changed = np.empty(own.shape, dtype=object)
        for index in np.ndindex(own.shape):
            changed[index] = pieces[own[index]][place]
        labels[axis] = changed
        shape = (*tensor.shape[:axis], size, *tensor.shape[axis + 1 :])
        cut.append(call.axes.tidy(Labelled(shape, labels)))
        start += size
    return cut


def sliced(call: Call) -> Labelled:
    """A range of places along an axis."""
    tensor = call.of(call.args[0])
    axis = call.arg(1, "dim", 0) % len(tensor.shape)
    size = tensor.shape[axis]
    start, stop, step = slice(
        call.arg(2, "start"), call.arg(3, "end"), call.arg(4, "step", 1)
    ).indices(size)
    taken = call.result.shape[axis]
    if taken == size:
        return tensor
    if step != 1:
        return _strided(call, tensor, axis, start, step)
    sizes = [start, stop - start, size - stop]
    kept = [one for one in sizes if one > 0]
    place = 1 if start > 0 else 0
    return _cut(call, tensor, axis, kept)[place]


def _strided(call: Call, tensor: Labelled, axis: int, start: int, step: int) -> Labelled:
    """Every so-many-th place, where the axis is a whole number of steps."""
    if tensor.shape[axis] % step == 0 and start < step:
        split = call.axes.split(tensor, axis, tensor.shape[axis] // step)
        return _selected(call, split, axis + 1, start)
    call.axes.limit(tensor, STILL, call.why, [axis])
    labels = call.axes.picked(tensor, axis, range(start, tensor.shape[axis], step))
    labels[axis] = array_of(Fixed(call.result.shape[axis]), len(tensor.shape))
    return call.axes.tidy(Labelled(_shape(call), labels))


def _selected(call: Call, tensor: Labelled, axis: int, index: int) -> Labelled:
    """One place along an axis, whose coordinates are told apart from then on."""
    call.axes.limit(tensor, STILL, f"one place of it is chosen by {call.why}", [axis])
    labels = call.axes.picked(tensor, axis, [index])
    labels = [np.squeeze(one, axis) for place, one in enumerate(labels) if place != axis]
    return call.axes.tidy(Labelled((*tensor.shape[:axis], *tensor.shape[axis + 1 :]), labels))


def selected(call: Call) -> Labelled:
    """One place along an axis."""
    tensor = call.of(call.args[0])
    axis, index = call.arg(1, "dim", 0) % len(tensor.shape), call.arg(2, "index")
    return _selected(call, tensor, axis, index)


def unbound(call: Call) -> list[Labelled]:
    """All places along an axis, one by one."""
    tensor = call.of(call.args[0])
    axis = call.arg(1, "dim", 0) % len(tensor.shape)
    return [_selected(call, tensor, axis, index) for index in range(tensor.shape[axis])]


def split(call: Call) -> list[Labelled]:
    """Pieces along an axis."""
    tensor = call.of(call.args[0])
    axis = call.arg(2, "dim", 0) % len(tensor.shape)
    return _cut(call, tensor, axis, [int(one.shape[axis]) for one in call.result])


def concatenated(call: Call) -> Labelled:
    """Arrays one behind another along an axis."""
    given = [one for one in call.args[0] if one.ndim == call.result.ndim]
    tensors = [call.of(one) for one in given]
    axis = call.arg(1, "dim", 0) % len(call.result.shape)
    labels: list[Labels] = []
    for place in range(len(call.result.shape)):
        arrays = [tensor.labels[place] for tensor in tensors]
        if place == axis:
            shape = np.broadcast_shapes(*(one.shape for one in arrays))
            whole = np.empty(shape, dtype=object)
            arrays = [np.broadcast_to(one, shape) for one in arrays]
            for index in np.ndindex(shape):
                parts = tuple(label_at(one, index) for one in arrays)
                whole[index] = joined(Fixed(len(parts)), parts)
            labels.append(whole)
            continue
        if any(one.shape[axis] > 1 for one in arrays):
            sizes = [tensor.shape[axis] for tensor in tensors]
            shape = np.broadcast_shapes(*(np.delete(one.shape, axis).tolist() for one in arrays))
            wide = [
                np.broadcast_to(one, (*shape[:axis], size, *shape[axis:]))
                for one, size in zip(arrays, sizes, strict=True)
            ]
            labels.append(np.concatenate(wide, axis))
            continue
        for other in arrays[1:]:
            call.axes.same(arrays[0], other, call.why)
        moving = [one for one in arrays if not all(isinstance(x, Fixed) for x in one.flat)]
        labels.append((moving or arrays)[0])
    return call.axes.tidy(Labelled(_shape(call), labels))


def stacked(call: Call) -> Labelled:
    """Arrays side by side along a new axis, each in its own coordinates."""
    tensors = [call.of(one) for one in call.args[0]]
    axis = call.arg(1, "dim", 0) % len(call.result.shape)
    labels: list[Labels] = []
    for place in range(len(tensors[0].shape)):
        arrays = [tensor.labels[place] for tensor in tensors]
        shape = np.broadcast_shapes(*(one.shape for one in arrays))
        labels.append(np.stack([np.broadcast_to(one, shape) for one in arrays], axis))
    labels.insert(axis, array_of(Fixed(len(tensors)), len(tensors[0].shape) + 1))
    return call.axes.tidy(Labelled(_shape(call), labels))


def embedded(call: Call) -> Labelled:
    """Rows of a table, which are chosen by numbers from outside."""
    table = call.of(call.args[0])
    call.axes.limit(table, STILL, "its rows are chosen by numbers", [0])
    row = call.axes.dropped(table, 0, call.why)
    for _ in range(len(call.args[1].shape)):
        row = call.axes.inserted(row, 0, 1, Fixed(1))
    labels = [array_of(Fixed(size), len(call.result.shape)) for size in call.result.shape]
    labels[-1] = row.labels[-1]
    return Labelled(_shape(call), labels)


def indexed(call: Call) -> Labelled:
    """Places that are chosen by numbers along neighbouring axes; others keep their labels."""
    tensor = call.of(call.args[0])
    given: list[Any] = list(call.args[2:3] if call.name == "index_select" else call.args[1])
    if call.name == "index_select":
        given = [None] * (call.args[1] % len(tensor.shape)) + given
    asked = [place for place, one in enumerate(given) if one is not None]
    call.axes.limit(tensor, STILL, f"places of it are chosen by {call.why}", asked)
    masks = any(str(given[place].dtype) == "torch.bool" for place in asked)
    if masks or asked != list(range(asked[0], asked[0] + len(asked))):
        call.axes.limit(tensor, STILL, call.why)
        return fixed(call.result.shape)
    for axis in reversed(asked):
        tensor = call.axes.dropped(tensor, axis, call.why)
    new = len(call.result.shape) - len(tensor.shape)
    for size in reversed(call.result.shape[asked[0] : asked[0] + new]):
        tensor = call.axes.inserted(tensor, asked[0], int(size), Fixed(int(size)))
    return tensor


def moved(call: Call) -> Labelled:
    """Places along some axes in another order, or what is summed up along them."""
    tensor = call.of(call.args[0])
    rank = len(tensor.shape)
    asked = call.args[2] if call.name == "roll" and len(call.args) > 2 else call.args[1]
    axes = [int(axis) % rank for axis in np.atleast_1d(asked)]
    call.axes.limit(tensor, STILL, call.why, axes)
    labels = [
        array_of(Fixed(tensor.shape[axis]), rank) if axis in axes else array
        for axis, array in enumerate(tensor.labels)
    ]
    for axis in axes:
        labels = [call.axes.one_along(array, axis, call.why) for array in labels]
    return Labelled(tensor.shape, labels)


VIEWS: dict[str, Rule] = {
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "_reshape_alias", "unflatten"), viewed),
    **dict.fromkeys(("permute", "t", "transpose"), transposed),
    "unsqueeze": unsqueezed,
    "squeeze": squeezed,
    "expand": expanded,
    "repeat": repeated,
    "slice": sliced,
    "select": selected,
    "unbind": unbound,
    **dict.fromkeys(
        ("split", "split_with_sizes", "unsafe_split", "unsafe_split_with_sizes", "unsafe_chunk"),
        split,
    ),
    "cat": concatenated,
    "stack": stacked,
    "embedding": embedded,
    **dict.fromkeys(("index", "index_select"), indexed),
    **dict.fromkeys(("roll", "flip", "cumsum"), moved),
}
