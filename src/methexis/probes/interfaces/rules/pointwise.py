"""Functions of one coordinate, sums and products.

A function of one coordinate at a time commutes with changes of places, a positively homogeneous one
with positive factors too, an odd one with signs. A sum asks that both are in the same coordinates,
a product multiplies their factors.
"""

from __future__ import annotations

from typing import Any

from methexis.probes.frameworks.optional import is_tensor, torch
from methexis.probes.interfaces.labels import ALIKE, ODD, POSITIVE, STILL, Fixed, Limit, dual
from methexis.probes.interfaces.rules.call import Call, Rule, Ruled
from methexis.probes.interfaces.tensors import Labelled, Labels, fixed, mapped

_POSITIVE = ("relu", "leaky_relu", "abs", "rrelu_with_noise")
_ODD = (
    *("tanh", "sin", "tan", "asin", "atan", "sinh", "asinh", "atanh", "erf", "erfinv", "sign"),
    *("hardshrink", "softshrink", "sgn", "round", "trunc"),
)
_ALIKE = (
    *("sigmoid", "gelu", "silu", "elu", "celu", "softplus", "mish", "hardswish", "hardsigmoid"),
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal"),
    *("cos", "cosh", "acos", "acosh", "erfc", "log_sigmoid_forward", "logit", "floor", "ceil"),
    *("sigmoid", "special_expit", "digamma", "lgamma", "isnan", "isinf", "isfinite", "logical_not"),
    *("bitwise_not", "clamp_max", "relu6", "selu", "threshold", "nan_to_num", "frac"),
)
_LINEAR = (
    *(
        "neg",
        "clone",
        "detach",
        "alias",
        "contiguous",
        "lift_fresh",
        "lift",
        "_to_copy",
        "positive",
    ),
    *(
        "dropout",
        "alpha_dropout",
        "_conj",
        "conj_physical",
        "resolve_conj",
        "real",
        "native_dropout",
    ),
)


def limiting(limit: Limit) -> Rule:
    """The rule of a function that commutes with what a limit allows."""

    def rule(call: Call) -> Labelled:
        tensor = call.of(call.args[0])
        call.axes.limit(tensor, limit, call.why)
        return tensor

    return rule


def clamp(call: Call) -> Labelled:
    """Clamping, which is odd between opposite bounds and positive at zero alone."""
    low, high = call.arg(1, "min"), call.arg(2, "max")
    tensor = call.of(call.args[0])
    if is_tensor(low) or is_tensor(high):
        limit = STILL
    elif low is not None and high is not None and low == -high:
        limit = ODD
    elif high is None and low == 0:
        limit = POSITIVE
    else:
        limit = ALIKE
    call.axes.limit(tensor, limit, call.why)
    return tensor


def power(call: Call) -> Ruled:
    """A power, of which the square is put off until it is known what reads it."""
    exponent = call.arg(1, "exponent") if call.name == "pow" else 2
    base = call.args[0]
    if is_tensor(exponent) or not is_tensor(base):
        return _limited_both(call)
    if exponent == 2:
        source = call.of(base)
        return Labelled(source.shape, source.labels, square_of=source)
    return limiting(Limit.NONE if exponent == 1 else ALIKE)(call)


def _limited_both(call: Call) -> Labelled:
    call.axes.limit(call.of(call.tensors()[0]), STILL, call.why)
    return Labelled(tuple(call.result.shape), _still(call))


def _still(call: Call) -> list[Labels]:
    return fixed(call.result.shape).labels


def _uniform(value: Any, axis: int) -> bool:
    """Whether an array is the same all along an axis."""
    first = value.narrow(axis, 0, 1)
    return bool((value == first).all())


def added(call: Call) -> Labelled:
    """A sum or a difference: both are in the same coordinates."""
    one, other = call.args[0], call.args[1]
    if not is_tensor(one) or not is_tensor(other):
        tensor = call.of(one if is_tensor(one) else other)
        number = other if is_tensor(one) else one
        if number != 0:
            call.axes.limit(tensor, Limit.ONES, f"a number is added by {call.why}")
        return tensor
    return summed(call, one, other)


def summed(call: Call, one: Any, other: Any, limit: Limit = Limit.NONE) -> Labelled:
    """Two arrays, coordinate by coordinate, where equal changes of both are one of the result."""
    rank = len(call.result.shape)
    both = call.lifted(one, rank), call.lifted(other, rank)
    values = [
        value.reshape((1,) * (rank - value.ndim) + tuple(value.shape)) for value in (one, other)
    ]
    labels = []
    for axis in range(rank):
        a, b = (tensor.labels[axis] for tensor in both)
        sizes = [tensor.shape[axis] for tensor in both]
        if sizes[0] != sizes[1] or sizes[0] == 1:
            labels.append(_beside_few(call, both, values, axis, sizes[0] == 1))
            continue
        still = [all(isinstance(label, Fixed) for label in array.flat) for array in (a, b)]
        if still[0] != still[1]:
            moving = b if still[0] else a
            if _uniform(values[still[1]], axis):
                _limit_all(call, moving, Limit.NONE if _zero(values[still[1]]) else Limit.ONES)
            else:
                _limit_all(call, moving, STILL)
            labels.append(moving)
            continue
        call.axes.same(a, b, call.why)
        labels.append(a if a.size >= b.size else b)
    result = Labelled(tuple(call.result.shape), labels)
    call.axes.limit(result, limit, call.why)
    return call.axes.tidy(result)


def _beside_few(call: Call, both: Any, values: Any, axis: int, first_is_one: bool) -> Labels:
    """Labels of an axis along which one of two summands is the same everywhere."""
    moving, constant = (both[1], values[0]) if first_is_one else (both[0], values[1])
    if not _zero(constant):
        _limit_all(call, moving.labels[axis], Limit.ONES)
    labels: Labels = moving.labels[axis]
    return labels


def _zero(value: Any) -> bool:
    return not bool(torch.any(value != 0))


def _limit_all(call: Call, labels: Labels, limit: Limit) -> None:
    for label in dict.fromkeys(labels.flat):
        call.axes.spaces.limit(label, limit, call.why)


def multiplied(call: Call) -> Ruled:
    """A product or a quotient: factors multiply."""
    one, other = call.args[0], call.args[1]
    if call.name == "div" and call.kwargs.get("rounding_mode"):
        return summed(call, one, other, ALIKE) if is_tensor(other) else limiting(ALIKE)(call)
    if not is_tensor(one) or not is_tensor(other):
        tensor = call.of(one if is_tensor(one) else other)
        if call.name == "div" and not is_tensor(one):
            call.axes.limit(tensor, ALIKE, call.why)
        return tensor
    if one is other and call.name == "mul":
        source = call.of(one)
        return Labelled(source.shape, source.labels, square_of=source)
    rank = len(call.result.shape)
    both = call.lifted(one, rank), call.lifted(other, rank)
    values = [
        value.reshape((1,) * (rank - value.ndim) + tuple(value.shape)) for value in (one, other)
    ]
    labels = []
    for axis in range(rank):
        a, b = (tensor.labels[axis] for tensor in both)
        if both[0].shape[axis] == 1 or both[1].shape[axis] == 1:
            labels.append(b if both[0].shape[axis] == 1 else a)
            if call.name == "div" and both[0].shape[axis] == 1:
                _limit_all(call, b, ALIKE)
            continue
        still = [all(isinstance(label, Fixed) for label in array.flat) for array in (a, b)]
        if still[0] != still[1] and _uniform(values[still[1]], axis):
            labels.append(b if still[0] else a)
            continue
        labels.append(call.axes.product(a, mapped(b, dual) if call.name == "div" else b, call.why))
    return call.axes.tidy(Labelled(tuple(call.result.shape), labels))


def chosen(call: Call) -> Labelled:
    """Entries of one or the other, by a condition that is given from outside."""
    condition, one = call.args[0], call.args[1]
    if call.name == "masked_fill":
        condition, one = call.args[1], call.args[0]
    other = call.args[2]
    rank = len(call.result.shape)
    asked = call.lifted(condition, rank)
    both = [call.lifted(value, rank) for value in (one, other) if is_tensor(value) and value.ndim]
    for axis in range(rank):
        moving = [t.labels[axis] for t in both if t.shape[axis] > 1]
        if asked.shape[axis] > 1 and not asked.still:
            moving.append(asked.labels[axis])
        varies = asked.shape[axis] > 1 and not _uniform(
            condition.reshape((1,) * (rank - condition.ndim) + tuple(condition.shape)), axis
        )
        for labels in moving:
            _limit_all(call, labels, STILL if varies and asked.still else ALIKE)
        for labels in moving[1:]:
            call.axes.same(moving[0], labels, call.why)
    result: list[Labels] = []
    for axis in range(rank):
        of_axis = [
            t.labels[axis] for t in (*both, asked) if t.shape[axis] == call.result.shape[axis]
        ]
        moving = [one for one in of_axis if not all(isinstance(x, Fixed) for x in one.flat)]
        result.append((moving or of_axis or _still(call)[axis : axis + 1])[0])
    return call.axes.tidy(Labelled(tuple(call.result.shape), result))


def extreme(call: Call) -> Labelled:
    """The larger or the smaller of two, coordinate by coordinate."""
    return summed(call, call.args[0], call.args[1], POSITIVE)


def compared(call: Call) -> Ruled:
    """A comparison, coordinate by coordinate."""
    if not is_tensor(call.args[1]):
        return limiting(ALIKE)(call)
    return summed(call, call.args[0], call.args[1], ALIKE)


def interpolated(call: Call) -> Labelled:
    """A weighted mean of two, with one number as weight."""
    if is_tensor(call.args[2]):
        return _limited_both(call)
    return summed(call, call.args[0], call.args[1])


POINTWISE: dict[str, Rule] = {
    **{name: limiting(POSITIVE) for name in _POSITIVE},
    **{name: limiting(ODD) for name in _ODD},
    **{name: limiting(ALIKE) for name in _ALIKE},
    **{name: limiting(Limit.NONE) for name in _LINEAR},
    **dict.fromkeys(("clamp", "clamp_min", "hardtanh"), clamp),
    **dict.fromkeys(("pow", "square"), power),
    **dict.fromkeys(("add", "sub", "rsub", "copy"), added),
    **dict.fromkeys(("mul", "div"), multiplied),
    **dict.fromkeys(("where", "masked_fill"), chosen),
    **dict.fromkeys(("maximum", "minimum"), extreme),
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), compared),
    "lerp": interpolated,
}
