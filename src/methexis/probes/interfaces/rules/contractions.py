"""Linear maps: sums over an axis that one array writes and another reads.

The sum is left alone if both change at once, one by a matrix and the other by its inverse: nothing
else is asked of the axis, and so any invertible matrix will do.
"""

from __future__ import annotations

from methexis.probes.frameworks.optional import is_tensor
from methexis.probes.interfaces.labels import STILL, Fixed, Label, dual
from methexis.probes.interfaces.rules.call import Call, Rule
from methexis.probes.interfaces.rules.pointwise import summed
from methexis.probes.interfaces.tensors import Labelled, Labels, array_of, mapped


def product(call: Call, one: Labelled, other: Labelled) -> Labelled:
    """The product of two arrays of matrices ``(batch, n, k)`` and ``(batch, k, m)``."""
    axes, why = call.axes, call.why
    reads = mapped(other.labels[1], dual)
    axes.same(one.labels[2][..., None], reads[:, :, None], why)
    batch = axes.product(
        _alone(call, one.labels[0], (1, 2)), _alone(call, other.labels[0], (1, 2)), why
    )
    rows = axes.one_along(one.labels[1], 2, why)
    columns = axes.one_along(other.labels[2], 1, why)
    shape = (one.shape[0], one.shape[1], other.shape[2])
    return axes.tidy(Labelled(shape, [batch, rows, columns]))


def _alone(call: Call, labels: Labels, others: tuple[int, ...]) -> Labels:
    for axis in others:
        labels = call.axes.one_along(labels, axis, call.why)
    return labels


def _matrices(call: Call, value: object) -> Labelled:
    tensor = call.of(value)
    return tensor if len(tensor.shape) == 3 else call.axes.inserted(tensor, 0, 1, Fixed(1))


def matrix_product(call: Call) -> Labelled:
    """A product of matrices, or of arrays of them."""
    one, other = call.args[:2]
    made = product(call, _matrices(call, one), _matrices(call, other))
    return made if len(call.result.shape) == 3 else call.axes.dropped(made, 0)


def added_product(call: Call) -> Labelled:
    """A product of matrices to which an array is added."""
    bias, one, other = call.args[:3]
    made = product(call, _matrices(call, one), _matrices(call, other))
    if len(call.result.shape) == 2:
        made = call.axes.dropped(made, 0)
    return with_bias(call, made, bias)


def with_bias(call: Call, made: Labelled, bias: object) -> Labelled:
    """What a linear map gives, with an array added."""
    if not is_tensor(bias):
        return made
    sum_call = Call("add", (), {}, call.result, call.axes, call.known, call.where)
    known = call.known

    def either(value: object) -> Labelled:
        return made if value is call.result else known(value)

    sum_call.known = either
    return summed(sum_call, call.result, bias)


def vector_product(call: Call) -> Labelled:
    """A matrix times a vector."""
    vector = call.of(call.args[1])
    column = call.axes.inserted(call.axes.inserted(vector, 1, 1, Fixed(1)), 0, 1, Fixed(1))
    made = product(call, _matrices(call, call.args[0]), column)
    return call.axes.dropped(call.axes.dropped(made, 2), 0)


def convolved(call: Call) -> Labelled:
    """A convolution, which sums over channels as a matrix does, in groups or one by one."""
    x, kernel, bias = call.args[:3]
    turned, groups = call.arg(6, "transposed", False), call.arg(8, "groups", 1)
    given, weight = call.of(x), call.of(kernel)
    rank = len(weight.shape)
    call.axes.limit(given, STILL, f"places are moved by {call.why}", range(2, rank))
    call.axes.limit(weight, STILL, f"places of {call.why}", range(2, rank))
    reading, writing = (0, 1) if turned else (1, 0)
    why, spaces = call.why, call.axes.spaces
    channels = _alone(call, given.labels[1], (0, *range(2, rank))).flat[0]
    read, written = (
        _alone(call, weight.labels[axis], tuple(one for one in range(rank) if one != axis)).flat[0]
        for axis in (reading, writing)
    )
    if groups == 1:
        spaces.same(channels, dual(read), why)
    elif turned:
        for label in (channels, read, written):
            spaces.limit(label, STILL, f"{why}, which is turned round and in groups")
        written = Fixed(call.result.shape[1])
    elif groups == channels.size == written.size:
        written = spaces.product(channels, written, why)
    else:
        outer, parts = spaces.parts(channels, groups)
        beside, _ = spaces.parts(written, groups)
        spaces.same(outer, beside, why)
        for part in dict.fromkeys(parts):
            if part.size > 1:
                spaces.same(part, dual(read), why)
    labels = [array_of(Fixed(size), rank) for size in call.result.shape]
    labels[0], labels[1] = array_of(_first(given.labels[0]), rank), array_of(written, rank)
    made = call.axes.tidy(Labelled(tuple(call.result.shape), labels))
    if not is_tensor(bias):
        return made
    spaces.same(written, call.of(bias).labels[0].flat[0], why)
    return call.axes.tidy(made)


def _first(labels: Labels) -> Label:
    label: Label = labels.flat[0]
    return label


CONTRACTIONS: dict[str, Rule] = {
    **dict.fromkeys(("mm", "bmm"), matrix_product),
    **dict.fromkeys(("addmm", "baddbmm"), added_product),
    "mv": vector_product,
    **dict.fromkeys(("convolution", "_convolution", "mkldnn_convolution"), convolved),
}
