"""Normalisations: by given statistics of each channel, or by the length of a vector.

A batch norm in evaluation mode is an affine function of each channel with four arrays of its own,
so that whatever factor a channel has is taken up by them. A layer norm sees the mean and the length
of a vector: rotations about the vector of ones commute with it, before gains are multiplied in.
"""

from __future__ import annotations

from typing import Any

from methexis.probes.frameworks.optional import is_tensor
from methexis.probes.interfaces.labels import ALIKE, STILL, Label, Limit
from methexis.probes.interfaces.rules.call import Call, Rule
from methexis.probes.interfaces.tensors import Labelled, array_of


def _vector(call: Call, value: Any) -> Label:
    label: Label = call.of(value).labels[0].flat[0]
    return label


def _gain(call: Call, label: Label, gain: Any, bias: Any) -> Label:
    """The label after gains and biases of each coordinate."""
    if is_tensor(gain):
        label = call.axes.spaces.product(label, _vector(call, gain), call.why)
    if is_tensor(bias):
        call.axes.spaces.same(label, _vector(call, bias), call.why)
    return label


def by_channel(call: Call) -> list[Labelled]:
    """A batch norm with running statistics."""
    x, gain, bias, mean, variance = call.args[:5]
    tensor = call.of(x)
    spaces, rank = call.axes.spaces, len(tensor.shape)
    for axis in (0, *range(2, rank)):
        tensor.labels[1] = call.axes.one_along(tensor.labels[1], axis, call.why)
    label = tensor.labels[1].flat[0]
    if not is_tensor(mean):
        call.axes.limit(tensor, STILL, f"{call.why} takes means over the batch", [1])
        return [tensor]
    spaces.same(label, _vector(call, mean), call.why)
    spread = _vector(call, variance)
    spaces.limit(spread, ALIKE, f"variances of {call.why}")
    label = _gain(call, spaces.product(label, spread, call.why), gain, bias)
    labels = list(tensor.labels)
    labels[1] = array_of(label, rank)
    return [call.axes.tidy(Labelled(tensor.shape, labels))]


def by_length(call: Call) -> list[Labelled]:
    """A layer norm, or one by root mean square, along the last axis."""
    x, shape, gain = call.args[:3]
    layer = "layer_norm" in call.name
    bias = call.arg(3, "bias") if layer else None
    tensor = call.of(x)
    last = list(range(len(tensor.shape) - len(shape), len(tensor.shape)))
    limit = Limit.LENGTH | (Limit.ONES if layer else Limit.NONE)
    call.axes.limit(tensor, limit if len(last) == 1 else STILL, call.why, last)
    if len(last) > 1 or not is_tensor(gain):
        return [tensor]
    own = tensor.labels[-1]
    for axis in range(own.ndim - 1):
        own = call.axes.one_along(own, axis, call.why)
    label = _gain(call, own.flat[0], gain, bias)
    labels = [*tensor.labels[:-1], array_of(label, len(tensor.shape))]
    return [call.axes.tidy(Labelled(tensor.shape, labels))]


def by_group(call: Call) -> list[Labelled]:
    """A group norm: channels in groups, each normalised by itself over all places."""
    x, gain, bias = call.args[:3]
    groups = call.args[6]
    tensor = call.of(x)
    rank = len(tensor.shape)
    own = tensor.labels[1]
    for axis in (0, *range(2, rank)):
        own = call.axes.one_along(own, axis, call.why)
    label, spaces = own.flat[0], call.axes.spaces
    _, parts = spaces.parts(label, groups)
    for part in dict.fromkeys(parts):
        spaces.limit(part, Limit.LENGTH | Limit.ONES, call.why)
    labels = list(tensor.labels)
    labels[1] = array_of(_gain(call, spaces.look(label), gain, bias), rank)
    return [call.axes.tidy(Labelled(tensor.shape, labels))]


NORMALISING: dict[str, Rule] = {
    **dict.fromkeys(
        (
            *("_native_batch_norm_legit_no_training", "native_batch_norm", "cudnn_batch_norm"),
            *("_batch_norm_no_update", "batch_norm"),
        ),
        by_channel,
    ),
    **dict.fromkeys(("native_layer_norm", "_fused_rms_norm", "rms_norm"), by_length),
    "native_group_norm": by_group,
}
