"""An interface as the canonical gauge sees it: what it may scale, and where its arrays meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.probes.canonical.places import Place, meetings, places
from methexis.probes.canonical.steps import Moments, balanced
from methexis.probes.interfaces.elements import Element, places_of_planes
from methexis.probes.interfaces.freedoms import Freedom
from methexis.probes.interfaces.interface import Interface
from methexis.probes.interfaces.traced import Traced


@dataclass
class Sums:
    """Sums of second moments of what writes and of what reads coordinates.

    Attributes
    ----------
    writes, reads : array (size, size) or (size,)
    """

    writes: Array
    reads: Array

    def add(self, moment: Array, *, writes: bool) -> None:
        """Add a moment to one of both."""
        (self.writes if writes else self.reads)[...] += moment


@dataclass(frozen=True, eq=False)
class Meeting:
    """An interface whose group can scale, with its places in all parameters that count.

    Attributes
    ----------
    interface : Interface
    freedoms : tuple of Freedom
        One for each of its equal spaces.
    places : dict
        By parameter the places of each freedom.
    times : int
        How often one entry of a parameter is multiplied, at most.
    """

    interface: Interface
    freedoms: tuple[Freedom, ...]
    places: dict[str, list[list[Place]]]
    times: int

    @property
    def mixes(self) -> bool:
        """Whether its elements are any matrices, not factors of coordinates or planes."""
        return self.interface.group == "linear"

    @property
    def pairs(self) -> NDArray[np.int64] | None:
        """The coordinates of each plane, where it turns planes."""
        if "planes" not in self.interface.group:
            return None
        return np.stack(places_of_planes(self.interface.group, self.interface.size))

    def empty(self) -> list[Sums]:
        """Sums of nothing yet, one for each of its spaces."""
        size = self.interface.size
        shape = (size, size) if self.mixes else (size,)
        return [Sums(np.zeros(shape), np.zeros(shape)) for _ in self.freedoms]

    def add(self, sums: list[Sums], arrays: Mapping[str, Any]) -> None:
        """Add the second moments of arrays ``(several, *shape)`` of its parameters."""
        for name, each in self.places.items():
            for one, known in zip(sums, each, strict=True):
                for place in known:
                    rows = place.rows(arrays[name]).double()
                    moment = (rows @ rows.T if self.mixes else rows.square().sum(1)).cpu().numpy()
                    one.add(moment * abs(place.exponent), writes=place.exponent > 0)

    def element(self, moments: Sequence[Moments], stretch: float) -> Element:
        """The element that balances its moments, one for each of its spaces."""
        each = np.stack([self._one(one, stretch) for one in moments])
        return Element(matrix=each) if each.ndim == 3 else Element(factors=each)

    def _one(self, moments: Moments, stretch: float) -> Array:
        if self.pairs is None:
            return balanced(moments, self.times, stretch)
        factors = np.empty(self.interface.size)
        factors[self.pairs] = balanced(moments, self.times, stretch)
        return np.diag(factors)

    def moments(self, sums: Sequence[Sums], *, gradients: bool, count: int = 1) -> list[Moments]:
        """Moments from sums over so many arrays; gradients are divided where weights multiply."""
        told = []
        for one in sums:
            both = (one.writes / count, one.reads / count)
            moments = Moments(*(both if gradients else both[::-1]))
            told.append(moments if self.pairs is None else moments.paired(self.pairs))
        return told


def meeting_of(
    interface: Interface, traced: Traced, counted: set[str]
) -> tuple[Meeting | None, str]:
    """An interface with its places, or why nothing of it is scaled.

    Parameters
    ----------
    interface : Interface
    traced : Traced
    counted : set of str
        Parameters that count.
    """
    group, freedoms = interface.group, interface._freedoms
    if group != "linear" and "scale" not in group:
        kept = "lengths" if "rotation" in group else "sizes of coordinates"
        return None, f"nothing to balance: its group, {group}, leaves {kept} alone"
    if not interface.proved:
        return None, "its proof failed, so that it is left alone"
    if interface.folded:
        return None, (
            f"a gain stands between its maps ({', '.join(interface.folded)}), whose gradient is "
            "none of a change of basis; only its scale is balanced"
        )
    known: dict[str, list[list[Place]]] = {}
    times = 1
    for name in interface.parameters:
        if name not in counted:
            continue
        each = [places(traced.labels[name], one, traced.watcher.spaces) for one in freedoms]
        every = [place for several in each for place in several]
        known[name] = each
        times = max(times, meetings(every, tuple(traced.trained[name].shape)))
    signs = {np.sign(one.exponent) for each in known.values() for some in each for one in some}
    if len(signs) < 2:
        return None, "only one side of it is trained, so that it could be scaled for ever"
    return Meeting(interface, freedoms, known, times), ""
