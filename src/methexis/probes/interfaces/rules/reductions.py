"""Sums, means, lengths and extremes along axes, and pooling.

Along an axis of places a sum is linear and asks nothing of channels, an extreme takes positive
factors through. Along channels a sum asks that the sum of coordinates is left alone, and a sum of
squares that lengths are.
"""

from __future__ import annotations

from collections.abc import Sequence

from methexis.probes.frameworks.optional import is_tensor
from methexis.probes.interfaces.labels import ALIKE, POSITIVE, STILL, Fixed, Limit
from methexis.probes.interfaces.rules.call import Call, Rule, Ruled
from methexis.probes.interfaces.tensors import Labelled, array_of


def _axes(call: Call, rank: int, place: int = 1) -> list[int]:
    asked = call.arg(place, "dim")
    if asked is None or (isinstance(asked, list | tuple) and not asked):
        return list(range(rank))
    return [int(axis) % rank for axis in (asked if isinstance(asked, list | tuple) else [asked])]


def _reduced(call: Call, tensor: Labelled, axes: Sequence[int], keep: bool) -> Labelled:
    for axis in sorted(axes, reverse=True):
        tensor = call.axes.dropped(tensor, axis, call.why)
        if keep:
            tensor = call.axes.inserted(tensor, axis, 1, Fixed(1))
    return tensor


def _keeps(call: Call, tensor: Labelled) -> bool:
    first = call.result[0] if isinstance(call.result, tuple | list) else call.result
    return len(first.shape) == len(tensor.shape) and bool(len(tensor.shape))


def summed(call: Call) -> Labelled:
    """A sum or a mean, of which that of squares is a length."""
    source = call.known(call.args[0])
    if source.square_of is None:
        tensor = call.of(call.args[0])
        axes = _axes(call, len(tensor.shape))
        call.axes.limit(tensor, Limit.ONES, f"a sum over it by {call.why}", axes)
        return _reduced(call, tensor, axes, _keeps(call, tensor))
    tensor = call.axes.tidy(source.square_of)
    return _length(call, tensor, _axes(call, len(tensor.shape)))


def _length(
    call: Call, tensor: Labelled, axes: Sequence[int], more: Limit = Limit.NONE
) -> Labelled:
    others = [axis for axis in range(len(tensor.shape)) if axis not in axes]
    call.axes.limit(tensor, Limit.LENGTH | more, f"its length is taken by {call.why}", axes)
    call.axes.limit(tensor, ALIKE, call.why, others)
    return _reduced(call, Labelled(tensor.shape, tensor.labels), axes, _keeps(call, tensor))


def length(call: Call) -> Labelled:
    """A Euclidean norm; of others nothing is known."""
    tensor = call.of(call.args[0])
    axes = _axes(call, len(tensor.shape), 2)
    if call.arg(1, "ord", 2) != 2:
        call.axes.limit(tensor, ALIKE, call.why)
        return _reduced(call, tensor, axes, _keeps(call, tensor))
    return _length(call, tensor, axes)


def spread(call: Call) -> Labelled | list[Labelled]:
    """A variance or a standard deviation, beside which the mean may be given."""
    tensor = call.of(call.args[0])
    made = _length(call, tensor, _axes(call, len(tensor.shape)), Limit.ONES)
    return [made, made] if call.name == "var_mean" else made


def extreme(call: Call) -> Labelled | list[Labelled]:
    """The largest or smallest along axes, beside which its place may be given."""
    tensor = call.of(call.args[0])
    axes = _axes(call, len(tensor.shape))
    others = [axis for axis in range(len(tensor.shape)) if axis not in axes]
    call.axes.limit(tensor, POSITIVE, call.why, others)
    with_places = isinstance(call.result, tuple | list)
    call.axes.limit(tensor, STILL if with_places else ALIKE, call.why, axes)
    made = _reduced(call, tensor, axes, _keeps(call, tensor))
    if not with_places:
        return made
    return [made, Labelled(made.shape, made.labels, places_in=made)]


def normalised(call: Call) -> Labelled:
    """A softmax along one axis, which is a function of each coordinate along all others."""
    tensor = call.of(call.args[0])
    call.axes.limit(tensor, ALIKE, call.why)
    return tensor


def pooling(num_axes: int, limit: Limit = Limit.NONE) -> Rule:
    """The rule of what changes the last axes, which are places, and leaves the others."""

    def rule(call: Call) -> list[Labelled]:
        tensor = call.of(call.args[0])
        rank = len(tensor.shape)
        last = list(range(rank - num_axes, rank))
        call.axes.limit(tensor, STILL, f"places are moved by {call.why}", last)
        call.axes.limit(tensor, limit, call.why, range(rank - num_axes))
        given = call.result if isinstance(call.result, tuple | list) else [call.result]
        shape = tuple(int(size) for size in given[0].shape)
        labels = list(tensor.labels)
        for axis in last:
            labels = [call.axes.one_along(one, axis, call.why) for one in labels]
        for axis in last:
            labels[axis] = array_of(Fixed(shape[axis]), rank)
        made = Labelled(shape, labels)
        return [made, *(Labelled(shape, labels, places_in=made) for _ in given[1:])]

    return rule


def padded(call: Call) -> Ruled:
    """Places added at the ends of the last axes, where a value other than zero is added."""
    value = call.arg(2, "value", 0)
    num_axes = len(call.args[1]) // 2
    limit = Limit.ONES if value and not is_tensor(value) else Limit.NONE
    return pooling(num_axes, limit)(call)


REDUCTIONS: dict[str, Rule] = {
    **dict.fromkeys(("sum", "mean"), summed),
    **dict.fromkeys(("linalg_vector_norm",), length),
    **dict.fromkeys(("var", "std", "var_mean"), spread),
    **dict.fromkeys(("amax", "amin", "max", "min"), extreme),
    **dict.fromkeys(("_softmax", "_safe_softmax", "_log_softmax", "logsumexp"), normalised),
    **{f"max_pool{n}d_with_indices": pooling(n, POSITIVE) for n in (1, 2, 3)},
    **{f"adaptive_max_pool{n}d": pooling(n, POSITIVE) for n in (1, 2, 3)},
    **{f"avg_pool{n}d": pooling(n) for n in (1, 2, 3)},
    **{f"_adaptive_avg_pool{n}d": pooling(n) for n in (1, 2, 3)},
    **{f"{kind}_pad{n}d": pooling(n) for kind in ("reflection", "replication") for n in (1, 2, 3)},
    **{
        name: pooling(n)
        for n, kind in ((1, "linear1d"), (2, "bilinear2d"), (2, "bicubic2d"), (3, "trilinear3d"))
        for name in (f"upsample_{kind}",)
    },
    **{f"upsample_nearest{n}d": pooling(n) for n in (1, 2, 3)},
    "constant_pad_nd": padded,
}
REDUCTIONS.pop("logsumexp")
