"""Rotary embeddings: planes that are turned by angles which are given from outside.

Written out, ``x * cos + turned(x) * sin`` multiplies coordinates by numbers that differ, which
leaves factors alone to change. Seen as a whole it turns each plane of two coordinates by an angle,
and so every change that turns and scales these planes commutes with it: one complex number each.
The parts are recognised by what they compute, not by how they are written: ``turned(x)`` must be
``x`` with both coordinates of each plane changed for each other, one negated, and ``cos`` and
``sin`` the same for both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from methexis.probes.frameworks.optional import torch
from methexis.probes.interfaces.labels import Limit
from methexis.probes.interfaces.rules.call import tensors_in

#: Most operations between a tensor and what is turned of it.
_MOST_STEPS = 12


@dataclass
class Made:
    """How a tensor came about: the place of its operation in the run, and what it was given."""

    place: int
    name: str
    given: list[Any]


@dataclass
class Rotaries:
    """Rotary embeddings of a run, by the places of their operations.

    Attributes
    ----------
    ends : dict
        By place of the sum that ends one, the kind of its planes.
    inside : set of int
        Places of the operations that it is made of.
    """

    ends: dict[int, Limit] = field(default_factory=dict)
    inside: set[int] = field(default_factory=set)
    _made: dict[int, Made] = field(default_factory=dict)

    def saw(self, place: int, name: str, args: Any, result: Any) -> None:
        """Remember an operation, and see whether it ends a rotary embedding."""
        given = tensors_in(args)
        if name == "add" and len(given) == 2:
            self._ended(place, given)
        elif name in _VIEWS and (chain := self._complex(given, result)) is not None:
            self.ends[place] = Limit.PAIRS
            self.inside |= {one.place for one in chain}
        for one in tensors_in(result):
            self._made[id(one)] = Made(place, name, given)

    def start(self, place: int, given: Any) -> Any | None:
        """The tensor that the embedding with this end turns."""
        if place not in self.ends:
            return None
        for whole, _ in self._products(given):
            return whole
        chain = self._chain(given)
        return chain[-1].given[0] if chain is not None else None

    def _chain(self, given: list[Any]) -> list[Made] | None:
        """The operations of an embedding in complex numbers, the last one first."""
        chain: list[Made] = []
        waiting = given[0]
        for names in (("view_as_real",), ("mul",), ("view_as_complex",), _VIEWS):
            made = self._made.get(id(waiting))
            if made is None or made.name not in names:
                return None
            chain.append(made)
            waiting = made.given[0]
        return chain

    def _complex(self, given: list[Any], result: Any) -> list[Made] | None:
        chain = self._chain(given) if len(given) == 1 else None
        if chain is None:
            return None
        x, pairs = chain[-1].given[0], chain[-2].given[0]
        size = x.shape[-1]
        fits = x.shape == result.shape and tuple(pairs.shape) == (*x.shape[:-1], size // 2, 2)
        return chain if fits else None

    def _products(self, given: list[Any]) -> list[tuple[Any, Any]]:
        """Pairs of a tensor and what is turned of it that two products can be made of."""
        made = [self._made.get(id(one)) for one in given]
        if not all(one is not None and one.name == "mul" and len(one.given) == 2 for one in made):
            return []
        pairs = []
        for first, second in ((0, 1), (1, 0)):
            one, other = made[first], made[second]
            assert one is not None
            assert other is not None
            for x, cos in (one.given, one.given[::-1]):
                for turned, sin in (other.given, other.given[::-1]):
                    if self._kind(x, cos, turned, sin) is not None:
                        pairs.append((x, turned))
        return pairs

    def _ended(self, place: int, given: list[Any]) -> None:
        for x, turned in self._products(given):
            steps = self._steps(turned, x)
            if steps is None:
                continue
            products = [self._made[id(one)] for one in given]
            kinds = [
                self._kind(x, cos, turned, sin)
                for cos in products[0].given + products[1].given
                for sin in products[0].given + products[1].given
            ]
            kind = next(one for one in kinds if one is not None)
            self.ends[place] = kind
            self.inside |= {*steps, *(one.place for one in products)}
            return

    def _steps(self, turned: Any, x: Any) -> set[int] | None:
        """Places of the operations from one tensor to another; None if there is no such way."""
        waiting = [turned]
        steps: set[int] = set()
        reached = False
        while waiting and len(steps) <= _MOST_STEPS:
            one = waiting.pop()
            if one is x:
                reached = True
                continue
            made = self._made.get(id(one))
            if made is None or made.name not in _STEPS:
                return None
            if made.place not in steps:
                steps.add(made.place)
                waiting += made.given
        return steps if reached else None

    @staticmethod
    def _kind(x: Any, cos: Any, turned: Any, sin: Any) -> Limit | None:
        size = x.shape[-1] if x.ndim else 0
        numbers = all(one.is_floating_point() and one.ndim for one in (cos, sin))
        if x is turned or x.shape != turned.shape or size < 2 or size % 2 or not numbers:
            return None
        if cos.shape[-1] != size or sin.shape[-1] != size:
            return None
        for kind in (Limit.HALVES, Limit.PAIRS):
            (a, b), (c, d) = planes(x, kind), planes(turned, kind)
            if torch.equal(c, -b) and torch.equal(d, a):
                alike = (planes(one, kind) for one in (cos, sin))
                if all(torch.equal(*both) for both in alike):
                    return kind
        return None


_VIEWS = ("view", "_unsafe_view", "reshape")
_STEPS = {"slice", "neg", "cat", "stack", "select", "unbind", "view", "_unsafe_view", "reshape",
          "unsqueeze", "clone", "split", "unsafe_split", "squeeze"}  # fmt: skip


def planes(tensor: Any, kind: Limit) -> tuple[Any, Any]:
    """The first and the second coordinate of each plane, along the last axis."""
    if kind == Limit.PAIRS:
        return tensor[..., ::2], tensor[..., 1::2]
    half = tensor.shape[-1] // 2
    return tensor[..., :half], tensor[..., half:]
