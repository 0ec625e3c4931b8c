"""One place where maps meet, with the group that leaves the function alone and its proof."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from methexis.core.checks import integer
from methexis.display import Displayed
from methexis.errors import MethexisError
from methexis.probes.frameworks.optional import torch
from methexis.probes.interfaces import elements, weights
from methexis.probes.interfaces.elements import Element
from methexis.probes.interfaces.freedoms import Freedom
from methexis.probes.interfaces.traced import Traced

#: The largest relative change of outputs that is rounding, by type of the numbers.
ROUNDING = {"float64": 1e-12, "float32": 1e-5}


@dataclass(frozen=True, eq=False)
class Interface(Displayed):
    """Coordinates in which arrays of a model meet, and the group that may change them.

    Attributes
    ----------
    name : str
        The modules that meet there, the first and the last.
    group : str
        ``"linear"``, ``"rotation"``, ``"rotation about ones"`` (which leaves the vector of ones
        alone), ``"scaled rotation of planes of halves"`` or ``"… of neighbours"`` (one complex
        number per plane that rotary embedding turns), or what coordinates that do not mix allow:
        ``"permutation"``, ``"scale"``, ``"positive scale"``, ``"sign"``, and permutation with one
        of these.
    size : int
        Number of coordinates.
    count : int
        How many equal spaces there are, such as one per head, each with an element of its own.
    parameters : tuple of str
        Arrays that change.
    folded : tuple of str
        Gains that become one first, because rotations do not go through them.
    change : float
        Largest change of the model's outputs under a random element, relative to their largest.
    control : float
        The same where only the first of the arrays changes, and the others do not follow: how far
        outputs would move if the claim were wrong. A change is a proof where it is far below.
    tolerance : float
        How much of a change is rounding.
    """

    name: str
    group: str
    size: int
    count: int
    parameters: tuple[str, ...]
    folded: tuple[str, ...]
    change: float
    control: float
    tolerance: float
    _freedoms: tuple[Freedom, ...] = field(repr=False)
    _traced: Traced = field(repr=False)

    @property
    def proved(self) -> bool:
        """The change is rounding, so that the group leaves the function alone on this batch."""
        return self.change <= self.tolerance

    @property
    def dimension(self) -> int:
        """Number of continuous parameters of the group."""
        n = self.size
        one = {
            "linear": n * n,
            "rotation": n * (n - 1) // 2,
            "rotation about ones": (n - 1) * (n - 2) // 2,
        }
        if "planes" in self.group:
            return self.count * (n if "scaled" in self.group else n // 2)
        return self.count * one.get(self.group, n if "scale" in self.group else 0)

    def element(self, seed: int = 0) -> Element:
        """A random element of the group, one for each of the equal spaces.

        Parameters
        ----------
        seed : int
            Equal seeds give equal elements.

        Returns
        -------
        Element
            Matrices with singular values between 1/e and e, rotations that are uniform up to signs
            of columns, factors between 0.6 and 1.65, uniform orders.

        Raises
        ------
        MethexisError
            If the seed is no integer from 0.
        """
        rng = np.random.default_rng([integer("seed", seed, least=0), *map(ord, self.name)])
        return elements.drawn(self._freedoms[0], self.count, rng)

    def apply(self, element: Any) -> Any:
        """A copy of the model after a change of these coordinates; the model itself stays.

        Parameters
        ----------
        element : Element or array
            What `element` gives, or matrices ``(count, size, size)``; ``(size, size)`` where there
            is one space. The writer's coordinates become ``matrix @ old``.

        Returns
        -------
        module
            With parameters in the model's own type. Gains in ``folded`` are one in it.

        Raises
        ------
        MethexisError
            If the element is not in the group.
        """
        taken = elements.checked(element, self._freedoms[0], self.count, f"element of {self.name}")
        model = weights.copied(self._traced.model)
        self._traced.act(model, self._freedoms, taken)
        for name, one in weights.arrays(model).items():
            if not bool(torch.isfinite(one).all()):
                raise MethexisError(
                    f"element of {self.name}: expected one that leaves weights within the range "
                    f"of {str(one.dtype).removeprefix('torch.')}, got infinity or NaN in {name}"
                )
        return model

    def random(self, seed: int = 0) -> Any:
        """A copy of the model after a random change of these coordinates.

        Parameters
        ----------
        seed : int
            Of the element, as for `element`.

        Returns
        -------
        module

        Raises
        ------
        MethexisError
            If the seed is no integer from 0.
        """
        return self.apply(self.element(seed))

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"name": self.name, "group": self.group, "size": self.size}
        if self.count > 1:
            told["count"] = self.count
        return told | {"change": self.change, "proved": "yes" if self.proved else "no"}


def proved(traced: Traced, freedoms: tuple[Freedom, ...], name: str, seed: int) -> Interface:
    """An interface with its proof: a random element on a copy, and how far outputs move."""
    touched = traced.touched(freedoms[0])
    draft = Interface(
        name=name,
        group=freedoms[0].group,
        size=freedoms[0].size,
        count=len(freedoms),
        parameters=tuple(touched),
        folded=tuple(traced.named(fold.gain.key) for fold in freedoms[0].folds),
        change=float("nan"),
        control=float("nan"),
        tolerance=ROUNDING.get(traced.dtype, ROUNDING["float32"]),
        _freedoms=freedoms,
        _traced=traced,
    )
    element = draft.element(seed)
    moved = []
    for most in (None, 1):
        with weights.restored(traced.twin, touched), torch.random.fork_rng(devices=[]):
            traced.act(traced.twin, freedoms, element, most)
            after = weights.outputs(traced.twin, traced.batch)
        moved.append(weights.change(traced.before, after))
    change, control = moved
    values = {one: getattr(draft, one) for one in draft.__dataclass_fields__}
    return Interface(**(values | {"change": change, "control": control}))
