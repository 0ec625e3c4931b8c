"""Acting on parameters: an element of a group along each axis that has its coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from methexis.probes.frameworks.optional import torch
from methexis.probes.interfaces.labels import Blocks, Fixed, Label, Space
from methexis.probes.interfaces.spaces import Spaces


@dataclass(frozen=True)
class Monomial:
    """Coordinates in another order, each with a factor: ``new[i] = factors[i] * old[order[i]]``."""

    order: Any | None
    factors: Any | None

    def along(self, tensor: Any, axis: int, turned: bool) -> Any:
        """Act along an axis, or by the inverse transpose."""
        if self.order is not None:
            tensor = tensor.index_select(axis, self.order)
        if self.factors is not None:
            shape = [1] * tensor.ndim
            shape[axis] = -1
            factors = 1 / self.factors if turned else self.factors
            tensor = tensor * factors.reshape(shape)
        return tensor


@dataclass(frozen=True)
class Dense:
    """A matrix, with its inverse transpose."""

    matrix: Any
    turned: Any

    def along(self, tensor: Any, axis: int, turned: bool) -> Any:
        """Act along an axis, or by the inverse transpose."""
        by = self.turned if turned else self.matrix
        return (
            (by @ tensor.movedim(axis, 0).reshape(len(by), -1))
            .reshape(tensor.movedim(axis, 0).shape)
            .movedim(0, axis)
        )


#: By space what acts on it.
Action: TypeAlias = "dict[int, Monomial | Dense]"


def acted(tensor: Any, labels: list[Label], action: Action, spaces: Spaces) -> Any:
    """A parameter after an action along all of its axes."""
    for axis, label in enumerate(labels):
        tensor = _along(tensor, axis, label, action, spaces)
    return tensor


def _along(tensor: Any, axis: int, label: Label, action: Action, spaces: Spaces) -> Any:
    label = spaces.look(label)
    if isinstance(label, Fixed):
        return tensor
    if isinstance(label, Space):
        one = action.get(label.key)
        return tensor if one is None else one.along(tensor, axis, label.dual)
    if not any(leaf.key in action for leaf in spaces.leaves(label)):
        return tensor
    return _along_blocks(tensor, axis, label, action, spaces)


def _along_blocks(tensor: Any, axis: int, label: Blocks, action: Action, spaces: Spaces) -> Any:
    """Each part by itself, and then the parts among each other."""
    pieces = tensor.split([part.size for part in label.parts], axis)
    moved = [
        _along(piece, axis, part, action, spaces)
        for piece, part in zip(pieces, label.parts, strict=True)
    ]
    tensor = torch.cat(moved, axis)
    if not label.even:
        return tensor
    count = len(label.parts)
    whole = tensor.unflatten(axis, (count, -1))
    return _along(whole, axis, label.outer, action, spaces).flatten(axis, axis + 1)
