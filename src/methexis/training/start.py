"""Where a run starts: initial weights of every network, checked."""

from __future__ import annotations

from collections.abc import Sequence
from types import FunctionType
from typing import Any

import numpy as np

from methexis.core.checks import Array, MethexisError, real_array
from methexis.core.edln import EDLN
from methexis.core.mlp import MLP
from methexis.core.problem import Problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.init import Initialiser
from methexis.training.cells import Cells

#: Largest weight that a run may start from; beyond, not even its first loss is a number.
_MOST_WEIGHT = 1e70


def start_weights(
    students: tuple[EDLN | MLP, ...],
    problems: tuple[Problem, ...],
    source: Teacher | Samples,
    init: Initialiser | Sequence[Sequence[Array]],
    cells: Cells,
    replicas: tuple[int, ...],
    loss: str,
) -> list[list[Array]]:
    """Initial weights of all networks of all students, checked: made by an initialiser, or given.

    Given weights are one array ``(d_i, d_{i-1})`` per layer, ``(replica, d_i, d_{i-1})`` for all
    cells alike, or ``(*cells, replica, d_i, d_{i-1})``.
    """
    if callable(init):
        # mx.init.gaussian without its parentheses
        if isinstance(init, FunctionType) and init.__module__ == Initialiser.__module__:
            raise MethexisError(
                f"init: expected an initialiser such as mx.init.gaussian(), got the function "
                f"{init.__name__!r}"
            )
        return _made(students, problems, source, init, cells, replicas, loss)
    expected = f"init: expected an initialiser or a list of {len(students)} lists (one per student)"
    if len(sequence(expected, init)) != len(students):
        raise MethexisError(f"{expected}, got {_kind(init)}")
    return [
        _given(f"init[{k}]", layers, problem.layer_shapes, cells, len(replicas))
        for k, (layers, problem) in enumerate(zip(init, problems, strict=True))
    ]


def _made(
    students: tuple[EDLN | MLP, ...],
    problems: tuple[Problem, ...],
    source: Teacher | Samples,
    init: Initialiser,
    cells: Cells,
    replicas: tuple[int, ...],
    loss: str,
) -> list[list[Array]]:
    """Weights that an initialiser makes, once for each seed: cells of equal seed start alike."""
    seeds, which = np.unique(cells.values("seed"), return_inverse=True)
    num = len(replicas)
    result = []
    for k, (student, problem) in enumerate(zip(students, problems, strict=True)):
        layers = init(
            source,
            student,
            number=k,
            seed=np.repeat(seeds, num).tolist(),
            replicas=replicas * len(seeds),
            loss=loss,
        )
        checked = _layers(f"init[{k}]", layers, problem.layer_shapes, (len(seeds) * num,))
        result.append(
            [
                w.reshape(len(seeds), num, *w.shape[1:])[which].reshape(-1, *w.shape[1:])
                for w in checked
            ]
        )
    return result


def _given(
    name: str, layers: Any, shapes: Sequence[tuple[int, int]], cells: Cells, num_replicas: int
) -> list[Array]:
    """Given weights of one student for all of its networks."""
    lead = (*cells.sizes.values(), num_replicas)
    checked = _layers(name, layers, shapes, lead)
    return [np.ascontiguousarray(w.reshape(-1, *w.shape[-2:])) for w in checked]


def _layers(
    name: str, layers: Any, shapes: Sequence[tuple[int, int]], lead: tuple[int, ...]
) -> list[Array]:
    """Weights of one student as writeable arrays ``(*lead, d_i, d_{i-1} + bias)``."""
    depth = len(shapes)
    expected = f"{name}: expected a list of {depth} weight arrays (one per layer)"
    if len(sequence(expected, layers)) != depth:
        raise MethexisError(f"{expected}, got {_kind(layers)}")
    result = []
    for i, (value, one) in enumerate(zip(layers, shapes, strict=True)):
        accepted = [one, (lead[-1], *one), *([(*lead, *one)] if len(lead) > 1 else [])]
        try:
            shape = np.shape(value)
        except Exception:  # ragged lists and what else has no shape: real_array refuses by name
            shape = one
        if shape not in accepted:
            every = f"{accepted[1]}" + (f" or, with cells, {accepted[2]}" if accepted[2:] else "")
            raise MethexisError(
                f"{name}[{i}]: expected shape {one} or, with replicas, {every}, got {shape}"
            )
        checked = real_array(f"{name}[{i}]", value, shape)
        if (largest := float(np.abs(checked).max())) > _MOST_WEIGHT:
            raise MethexisError(
                f"{name}[{i}]: expected weights up to {_MOST_WEIGHT:g}, of which products can be "
                f"computed, got {largest:.3g}"
            )
        # Whatever order the given one has in memory, engines see C order.
        result.append(np.array(np.broadcast_to(checked, (*lead, *one)), order="C"))
    return result


def sequence(expected: str, value: Any) -> Any:
    """Return ``value`` if it is a list, a tuple, a range or an array with at least one axis."""
    if not isinstance(value, list | tuple | range | np.ndarray) or (
        isinstance(value, np.ndarray) and value.ndim < 1
    ):
        raise MethexisError(f"{expected}, got {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    """Say what a wrongly nested argument is, without printing all of it."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of length {len(value)}"
    return repr(value)
