r"""What is balanced: gradients, weights, or activations. Each hands out moments and a total.

A criterion is asked for the moments of some interfaces of a model as it is now, and for what each
parameter has of the total that no step may raise.

- *entropy*: :math:`A = E[G G^\top]` over gradients of single samples of what writes, and
  :math:`B = E[G^\top G]` of what reads; the total is the entropy
  :math:`S = E\Vert\nabla\ell\Vert^2`.
- *norm*: the same of the weights themselves, which go the other way; the total is
  :math:`\Vert\theta\Vert^2`.
- *activations*: the second moment of what reaches the readers, brought to one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from methexis.probes.canonical.meeting import Meeting
from methexis.probes.canonical.samples import Gradients
from methexis.probes.canonical.steps import Moments
from methexis.probes.interfaces import weights
from methexis.probes.interfaces.elements import Element


class Criterion(Protocol):
    """What hands out moments that are balanced, and a total."""

    #: What the total is called.
    quantity: str
    #: How many sweeps there are at most, where more have nothing to do.
    most: int | None

    def element(self, meeting: Meeting, moments: Sequence[Moments], stretch: float) -> Element:
        """The element of one interface that brings its moments to where they should be."""

    def moments(self, meetings: Sequence[Meeting]) -> tuple[list[list[Moments]], dict[str, float]]:
        """Moments of each space of some interfaces, and of each parameter its part of the total."""

    def measured(self, meetings: Sequence[Meeting]) -> tuple[list[list[Moments]], dict[str, float]]:
        """The same of all interfaces, and of all parameters that count."""


class Entropy:
    """Second moments of gradients of single samples."""

    quantity = "entropy"
    most: int | None = None

    def __init__(self, gradients: Gradients, counted: Sequence[str]) -> None:
        self._gradients = gradients
        self._counted = list(counted)

    def element(self, meeting: Meeting, moments: Sequence[Moments], stretch: float) -> Element:
        """The element that balances the moments of one interface."""
        return meeting.element(moments, stretch)

    def moments(self, meetings: Sequence[Meeting]) -> tuple[list[list[Moments]], dict[str, float]]:
        """From one pass over all samples, for the parameters that meet there alone."""
        names = {name for one in meetings for name in one.places}
        return self._over([name for name in self._counted if name in names], meetings)

    def measured(self, meetings: Sequence[Meeting]) -> tuple[list[list[Moments]], dict[str, float]]:
        """From one pass over all samples, with the entropy of all parameters that count."""
        return self._over(self._counted, meetings)

    def _over(
        self, names: list[str], meetings: Sequence[Meeting]
    ) -> tuple[list[list[Moments]], dict[str, float]]:
        sums = [one.empty() for one in meetings]
        parts, count = dict.fromkeys(names, 0.0), self._gradients.num_samples
        for chunk in self._gradients.chunks(names):
            for name, one in chunk.items():
                parts[name] += float(one.double().square().sum()) / count
            for meeting, each in zip(meetings, sums, strict=True):
                meeting.add(each, chunk)
        told = [
            meeting.moments(each, gradients=True, count=count)
            for meeting, each in zip(meetings, sums, strict=True)
        ]
        return told, parts


class Norm:
    """Second moments of the weights, which need no data."""

    quantity = "squared norm"
    most: int | None = None

    def __init__(self, model: Any, counted: Sequence[str]) -> None:
        self._model = model
        self._counted = list(counted)

    def element(self, meeting: Meeting, moments: Sequence[Moments], stretch: float) -> Element:
        """The element that balances the moments of one interface."""
        return meeting.element(moments, stretch)

    def moments(self, meetings: Sequence[Meeting]) -> tuple[list[list[Moments]], dict[str, float]]:
        """Sums over the weights as they are now."""
        held = weights.arrays(self._model)
        arrays = {name: held[name].detach()[None] for name in self._counted}
        told = []
        for meeting in meetings:
            sums = meeting.empty()
            meeting.add(sums, arrays)
            told.append(meeting.moments(sums, gradients=False))
        return told, {name: float(one.double().square().sum()) for name, one in arrays.items()}

    measured = moments
